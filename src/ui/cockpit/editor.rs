//! A line that is typed.

use crate::text;
use crate::ui::commands::Command;

/// The longest line that can be typed, in characters.
const MAX: usize = 256;

/// A line and its cursor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Editor {
    chars: Vec<char>,
    at: usize,
}

impl Editor {
    /// With `text` typed already.
    pub fn new(text: &str) -> Self {
        let mut editor = Self::default();
        editor.insert(text);
        editor
    }

    /// What was typed.
    pub fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// What was typed before the cursor.
    pub fn before(&self) -> String {
        self.chars.iter().take(self.at).collect()
    }

    /// Types `text`, cleaned and on one line.
    pub fn insert(&mut self, text: &str) {
        for c in text::clean(text).chars() {
            if self.chars.len() < MAX {
                self.chars.insert(self.at, c);
                self.at += 1;
            }
        }
    }

    /// Runs a command of typing; whether it was one.
    pub fn run(&mut self, command: Command) -> bool {
        match command {
            Command::Erase => self.erase_to(self.at.saturating_sub(1)),
            Command::EraseAll => self.erase_to(0),
            Command::EraseWord => {
                let before = self.chars.iter().take(self.at).rev();
                let spaces = before.clone().take_while(|c| **c == ' ').count();
                let word = before.skip(spaces).take_while(|c| **c != ' ').count();
                self.erase_to(self.at - spaces - word);
            }
            Command::CursorLeft => self.at = self.at.saturating_sub(1),
            Command::CursorRight => self.at = (self.at + 1).min(self.chars.len()),
            Command::CursorStart => self.at = 0,
            Command::CursorEnd => self.at = self.chars.len(),
            _ => return false,
        }
        true
    }

    fn erase_to(&mut self, start: usize) {
        self.chars.drain(start..self.at);
        self.at = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_erased_with_the_spaces_after_them() {
        let mut editor = Editor::new("open the  door ");
        editor.run(Command::EraseWord);
        assert_eq!(editor.text(), "open the  ");
        editor.run(Command::EraseWord);
        editor.run(Command::CursorStart);
        editor.insert("re");
        assert_eq!((editor.text().as_str(), editor.before().as_str()), ("reopen ", "re"));
        editor.run(Command::EraseAll);
        assert_eq!(editor.text(), "open ");
        assert!(!editor.run(Command::Quit));
    }

    #[test]
    fn what_is_pasted_is_cleaned_and_bounded() {
        let editor = Editor::new("a\x1b[2J\nb");
        assert_eq!(editor.text(), "a\u{FFFD}[2J\u{FFFD}b");
        assert_eq!(Editor::new(&"x".repeat(1000)).text().len(), MAX);
    }
}
