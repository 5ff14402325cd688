//! Which key runs which command: data, which a user's file can change by the commands' names.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::chord::Chord;
use crate::ui::commands::{Command, Place};

/// The keys that kubelift comes with.
const DEFAULT: &str = include_str!("keys.yaml");

/// The longest keymap file that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// A keymap file that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum KeymapError {
    /// It cannot be read.
    #[error("the keymap {} cannot be read: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says something that is not a keymap. The message names line and column.
    #[error("the keymap {} is wrong: {message}", path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
}

/// The keys of every command, first the one that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<(Command, Vec<Chord>)>,
}

impl Default for Keymap {
    fn default() -> Self {
        // A test reads the same file and would not let it pass if it were wrong.
        Self::parse(DEFAULT, None).unwrap_or(Self { bindings: Vec::new() })
    }
}

impl Keymap {
    /// The default keys, changed by the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read or is wrong; the error names file, line and column.
    pub fn load(path: &Path) -> Result<Self, KeymapError> {
        let read = |source| KeymapError::Read { path: path.to_owned(), source };
        let wrong = |message| KeymapError::Wrong { path: path.to_owned(), message };
        if std::fs::metadata(path).map_err(read)?.len() > MAX_FILE {
            return Err(wrong(format!("it is longer than {MAX_FILE} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        Self::parse(&text, Some(&Self::default())).map_err(wrong)
    }

    /// Reads a keymap that changes `base`.
    fn parse(text: &str, base: Option<&Self>) -> Result<Self, String> {
        let mut own = Self { bindings: Vec::new() };
        // An empty file, or one of comments alone, changes nothing.
        if text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
            let reader = RefCell::new(&mut own);
            FileSeed(&reader)
                .deserialize(serde_yaml::Deserializer::from_str(text))
                .map_err(|e| e.to_string())?;
        }
        if let Some(base) = base {
            own.inherit(base);
        }
        Ok(own)
    }

    /// Takes from `base` the commands that are not named here, without the keys that now mean something else.
    fn inherit(&mut self, base: &Self) {
        for (command, chords) in &base.bindings {
            if self.bindings.iter().any(|(own, _)| own == command) {
                continue;
            }
            let mut chords = chords.clone();
            chords.retain(|chord| self.clash(*command, *chord).is_none());
            self.bindings.push((*command, chords));
        }
    }

    /// The command that has `chord` already in a place where `command` applies too.
    fn clash(&self, command: Command, chord: Chord) -> Option<Command> {
        let places = command.spec().places;
        self.bindings
            .iter()
            .filter(|(other, chords)| *other != command && chords.contains(&chord))
            .map(|(other, _)| *other)
            .find(|other| other.spec().places.overlap(places))
    }

    /// The command that `chord` runs in `place`. Where one types, a character is only that.
    pub fn command(&self, place: Place, chord: Chord) -> Option<Command> {
        if place.is_typing() && chord.typed().is_some() {
            return None;
        }
        self.bindings
            .iter()
            .find(|(command, chords)| command.spec().places.contain(place) && chords.contains(&chord))
            .map(|(command, _)| *command)
    }

    /// The keys of a command, first the one that is shown. Empty for those of the palette alone.
    pub fn chords(&self, command: Command) -> &[Chord] {
        self.bindings.iter().find(|(own, _)| *own == command).map_or(&[], |(_, chords)| chords)
    }
}

/// Reads the whole file: a map of commands. Every error is made while a scalar is read, so that the
/// YAML reader adds its line and column.
struct FileSeed<'a, 'b>(&'a RefCell<&'b mut Keymap>);

impl<'de> DeserializeSeed<'de> for FileSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FileSeed<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the names of commands with their keys, such as `quit: [q, ctrl-c]`")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(CommandSeed(self.0))?.is_some() {
            map.next_value_seed(ChordsSeed(self.0))?;
        }
        Ok(())
    }
}

/// Reads the name of a command, and begins its binding.
struct CommandSeed<'a, 'b>(&'a RefCell<&'b mut Keymap>);

impl<'de> DeserializeSeed<'de> for CommandSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for CommandSeed<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a command")
    }
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<(), E> {
        let command = Command::of(name).ok_or_else(|| E::custom(format!("there is no command `{name}`")))?;
        let mut keymap = self.0.borrow_mut();
        if keymap.bindings.iter().any(|(own, _)| *own == command) {
            return Err(E::custom(format!("`{name}` is there twice")));
        }
        keymap.bindings.push((command, Vec::new()));
        Ok(())
    }
}

/// Reads the keys of the command that was begun last: a list, or one key alone.
struct ChordsSeed<'a, 'b>(&'a RefCell<&'b mut Keymap>);

impl<'de> DeserializeSeed<'de> for ChordsSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ChordsSeed<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "keys, such as [q, ctrl-c]; in quotes where YAML reads something else: \"1\", \":\", \"~\"",
        )
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        add(&mut self.0.borrow_mut(), text).map_err(E::custom)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(ChordSeed(self.0))?.is_some() {}
        Ok(())
    }
}

/// Reads one key.
struct ChordSeed<'a, 'b>(&'a RefCell<&'b mut Keymap>);

impl<'de> DeserializeSeed<'de> for ChordSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for ChordSeed<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key, in quotes where YAML reads something else: \"1\", \":\", \"~\"")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        add(&mut self.0.borrow_mut(), text).map_err(E::custom)
    }
}

/// Adds a key to the command that was begun last.
fn add(keymap: &mut Keymap, text: &str) -> Result<(), String> {
    let chord: Chord = text.parse()?;
    let Some(command) = keymap.bindings.last().map(|(command, _)| *command) else { return Ok(()) };
    if let Some(other) = keymap.clash(command, chord) {
        return Err(format!(
            "`{chord}` is a key of both `{}` and `{}`, which apply in the same place",
            other.name(),
            command.name()
        ));
    }
    if let Some((_, chords)) = keymap.bindings.last_mut() {
        chords.push(chord);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chord(text: &str) -> Chord {
        text.parse().unwrap()
    }

    #[test]
    fn the_default_file_is_right_and_names_every_command_but_those_of_the_palette_alone() {
        let keymap = Keymap::parse(DEFAULT, None).unwrap();
        let without: Vec<_> = Command::ALL
            .iter()
            .filter(|command| keymap.chords(**command).is_empty())
            .filter(|command| command.spec().places.are_on_screens())
            .map(|c| c.name())
            .collect();
        assert_eq!(without, ["readiness", "theme", "dump"], "these are reached by the palette");
        assert_eq!(Keymap::default(), keymap);
    }

    #[test]
    fn a_key_means_one_thing_in_a_place() {
        let keymap = Keymap::default();
        assert_eq!(keymap.command(Place::Panes, chord("q")), Some(Command::Quit));
        assert_eq!(keymap.command(Place::Findings, chord("h")), Some(Command::FocusPanes));
        assert_eq!(keymap.command(Place::Detail, chord("h")), Some(Command::PreviousFinding));
        assert_eq!(keymap.command(Place::Log, chord("h")), None);
        assert_eq!(keymap.command(Place::Detail, chord("ctrl-u")), Some(Command::PageUp));
        assert_eq!(keymap.command(Place::Filter, chord("ctrl-u")), Some(Command::EraseAll));
    }

    #[test]
    fn where_one_types_a_character_is_only_that() {
        let keymap = Keymap::parse("cancel: [x, esc]", Some(&Keymap::default())).unwrap();
        assert_eq!(keymap.command(Place::Palette, chord("x")), None);
        assert_eq!(keymap.command(Place::Palette, chord("esc")), Some(Command::Cancel));
    }

    #[test]
    fn a_file_of_ones_own_takes_keys_over() {
        let keymap = Keymap::parse("quit: Q\nlog: [q]\nrefresh: []\n", Some(&Keymap::default())).unwrap();
        assert_eq!(keymap.command(Place::Panes, chord("Q")), Some(Command::Quit));
        assert_eq!(keymap.command(Place::Panes, chord("q")), Some(Command::Log));
        assert_eq!(keymap.command(Place::Panes, chord("R")), None);
        assert_eq!(keymap.command(Place::Panes, chord("L")), None, "the old key of log is free");
        assert_eq!(keymap.command(Place::Panes, chord("j")), Some(Command::Down), "the rest is as it was");
        // `u` is unread's by default, and the file says otherwise.
        let keymap = Keymap::parse("refresh: [u]", Some(&Keymap::default())).unwrap();
        assert_eq!(keymap.command(Place::Log, chord("u")), Some(Command::Refresh));
        assert!(keymap.chords(Command::Unread).is_empty());
    }

    #[test]
    fn valid_and_invalid_files_are_told_apart() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui/cockpit/testdata/keys");
        for entry in std::fs::read_dir(folder.join("valid")).unwrap() {
            let path = entry.unwrap().path();
            Keymap::load(&path).unwrap();
        }
        let mut seen = 0;
        for entry in std::fs::read_dir(folder.join("invalid")).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let expected = text.lines().next().unwrap().trim_start_matches("# says: ");
            let error = Keymap::load(&path).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}: the file is named");
            assert!(error.contains(expected), "{}:\n  {error}\nshould say\n  {expected}", path.display());
            seen += 1;
        }
        assert!(seen >= 6);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Keymap::load(Path::new("/nowhere/keys.yaml")).unwrap_err().to_string();
        assert!(error.starts_with("the keymap /nowhere/keys.yaml cannot be read: "), "{error}");
    }
}
