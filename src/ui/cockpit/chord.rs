//! Keys as they are written and as they are pressed.

use std::fmt;
use std::str::FromStr;

/// A key without what is held with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Key {
    Char(char),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}

/// The keys that have a name, with the names that a keymap may use; the first is the one shown.
const NAMED: &[(Key, &[&str])] = &[
    (Key::Enter, &["enter", "return"]),
    (Key::Esc, &["esc", "escape"]),
    (Key::Tab, &["tab"]),
    (Key::Backspace, &["backspace"]),
    (Key::Delete, &["delete", "del"]),
    (Key::Insert, &["insert"]),
    (Key::Up, &["up"]),
    (Key::Down, &["down"]),
    (Key::Left, &["left"]),
    (Key::Right, &["right"]),
    (Key::Home, &["home"]),
    (Key::End, &["end"]),
    (Key::PageUp, &["pgup", "pageup", "page-up"]),
    (Key::PageDown, &["pgdn", "pagedown", "page-down"]),
    (Key::Char(' '), &["space"]),
];

/// A key with what is held with it: `ctrl-l`, `shift-tab`, `G`.
///
/// Shift is part of a character (`G`, not `shift-g`), as terminals have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chord {
    /// The key.
    pub key: Key,
    /// Whether Control is held.
    pub ctrl: bool,
    /// Whether Alt is held.
    pub alt: bool,
    /// Whether Shift is held with a key that is no character.
    pub shift: bool,
}

impl Chord {
    /// A key alone.
    pub const fn plain(key: Key) -> Self {
        Self { key, ctrl: false, alt: false, shift: false }
    }

    /// The character that it types, if it types one.
    pub const fn typed(self) -> Option<char> {
        match self.key {
            Key::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }
}

impl FromStr for Chord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut chord = Self::plain(Key::Esc);
        let mut rest = text;
        loop {
            let held = [("ctrl-", 0), ("alt-", 1), ("shift-", 2)]
                .into_iter()
                .find_map(|(prefix, which)| Some((rest.strip_prefix(prefix)?, which)));
            match held {
                Some((after, 0)) => (chord.ctrl, rest) = (true, after),
                Some((after, 1)) => (chord.alt, rest) = (true, after),
                Some((after, _)) => (chord.shift, rest) = (true, after),
                None => break,
            }
        }
        chord.key = key_of(rest).ok_or_else(|| format!("there is no key `{text}`"))?;
        if let Key::Char(c) = chord.key {
            if chord.shift {
                return Err(format!("`{text}`: write the character itself, such as `G`, instead of shift-g"));
            }
            if chord.ctrl && c.is_ascii_uppercase() {
                return Err(format!(
                    "`{text}`: terminals do not tell ctrl-{c} from ctrl-{}",
                    c.to_ascii_lowercase()
                ));
            }
        }
        Ok(chord)
    }
}

fn key_of(name: &str) -> Option<Key> {
    let mut chars = name.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control() && c != ' ').then_some(Key::Char(c));
    }
    if let Some((key, _)) = NAMED.iter().find(|(_, names)| names.contains(&name)) {
        return Some(*key);
    }
    let number: u8 = name.strip_prefix('f')?.parse().ok()?;
    (1..=12).contains(&number).then_some(Key::F(number))
}

impl fmt::Display for Chord {
    /// As a keymap writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for (held, prefix) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            if held {
                text.push_str(prefix);
            }
        }
        let name = NAMED.iter().find(|(key, _)| *key == self.key).and_then(|(_, names)| names.first());
        match (name, self.key) {
            (Some(name), _) => text.push_str(name),
            (None, Key::Char(c)) => text.push(c),
            (None, Key::F(n)) => text.push_str(&format!("f{n}")),
            (None, _) => {}
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_are_written_as_they_are_read() {
        for text in [
            "a",
            "G",
            "?",
            "/",
            ":",
            "-",
            "space",
            "enter",
            "esc",
            "ctrl-c",
            "alt-x",
            "shift-tab",
            "ctrl-alt-up",
            "f5",
        ] {
            let chord: Chord = text.parse().unwrap();
            assert_eq!(chord.to_string(), text);
        }
        assert_eq!("pageup".parse::<Chord>().unwrap().to_string(), "pgup");
    }

    #[test]
    fn what_no_terminal_sends_is_refused() {
        for text in ["", "shift-g", "ctrl-G", "enterr", "f13", "ctrl-", "hyper-x", "\u{1b}", "ab"] {
            assert!(text.parse::<Chord>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_a_character_alone_is_typed() {
        let typed = |text: &str| text.parse::<Chord>().unwrap().typed();
        assert_eq!((typed("x"), typed("space")), (Some('x'), Some(' ')));
        assert_eq!((typed("ctrl-x"), typed("enter"), typed("alt-x")), (None, None, None));
    }
}
