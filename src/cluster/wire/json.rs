//! Finds the objects in a stream of JSON, without parsing them.
//!
//! [`Elements`] finds those of the array `items` of a list, [`Documents`] those that follow one
//! another in a watch. Each is handed on as a slice when its last byte has come: of the chunk, if it is
//! whole in it.

use super::{DecodeError, OBJECT_LIMIT};

/// How large a list may be without its items, in bytes.
const HEAD_LIMIT: usize = 1 << 20;

/// Whether a byte is in a string or not, and in how many brackets.
///
/// It does not tell `{` from `[`: whoever parses the object does.
#[derive(Debug, Clone, Copy, Default)]
struct Nesting {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Nesting {
    /// Goes on through `bytes`: where the value ends, if it does. Only the bytes that mean something
    /// are looked at one by one.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut rest = bytes.iter();
        loop {
            let &byte = if self.escaped {
                rest.next()?
            } else if self.in_string {
                rest.find(|byte| matches!(byte, b'"' | b'\\'))?
            } else {
                rest.find(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'))?
            };
            if self.step(byte) {
                return Some(bytes.len() - rest.len());
            }
        }
    }

    /// Goes one byte on. Whether the value ends with it.
    #[inline]
    fn step(&mut self, byte: u8) -> bool {
        if self.in_string {
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.in_string = false;
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// Collects one object after the other, each possibly in several chunks.
#[derive(Debug, Default)]
struct Collector {
    nesting: Nesting,
    /// What came of the object in earlier chunks.
    partial: Vec<u8>,
    /// Where it began.
    begun: u64,
}

impl Collector {
    /// Takes an object's bytes from the head of `bytes`, which stand at `at`; the first is its brace
    /// or goes on where the last chunk ended. How many were taken, and whether it is whole now.
    fn take(
        &mut self,
        bytes: &[u8],
        at: u64,
        each: &mut impl FnMut(&[u8], u64) -> Result<(), DecodeError>,
    ) -> Result<(usize, bool), DecodeError> {
        if self.nesting.depth == 0 {
            self.begun = at;
        }
        let end = self.nesting.end(bytes);
        let (ours, _) = bytes.split_at(end.unwrap_or(bytes.len()));
        if self.partial.len().saturating_add(ours.len()) > OBJECT_LIMIT {
            return Err(DecodeError::TooLarge { what: "an object", at: self.begun, limit: OBJECT_LIMIT });
        }
        if end.is_none() {
            self.partial.extend_from_slice(ours);
            return Ok((ours.len(), false));
        }
        self.nesting = Nesting::default();
        if self.partial.is_empty() {
            each(ours, self.begun)?;
        } else {
            self.partial.extend_from_slice(ours);
            each(&self.partial, self.begun)?;
            self.partial.clear();
        }
        Ok((ours.len(), true))
    }
}

/// The elements of the array `items` at the top of a list.
///
/// All else of the list is kept as [`Elements::finish`] gives it back, with an empty array for the items.
#[derive(Debug, Default)]
pub struct Elements {
    head: Vec<u8>,
    nesting: Nesting,
    key: Key,
    state: State,
    collector: Collector,
    at: u64,
}

/// Where in the list the next byte is.
#[derive(Debug, Default, PartialEq)]
enum State {
    /// Outside of `items`.
    #[default]
    Head,
    /// After the bracket of `items`.
    First,
    /// In an item.
    Item,
    /// After an item.
    After,
    /// After a comma.
    Next,
    /// After the end of the list.
    Done,
}

/// Where a byte of the head is with regard to a member of the topmost object.
#[derive(Debug, Default, PartialEq)]
enum Key {
    /// Between members, where a key may begin.
    #[default]
    Before,
    /// In a key that begins there in the head.
    In(usize),
    /// After the key `items`.
    Items,
    /// After another key.
    Other,
}

impl Elements {
    /// Takes the next bytes of the list; hands each item on that is whole, with where it begins.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        each: &mut impl FnMut(&[u8], u64) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        while let Some((&byte, rest)) = bytes.split_first() {
            let taken = if self.state == State::Item || (self.awaits_item() && byte == b'{') {
                let (taken, whole) = self.collector.take(bytes, self.at, each)?;
                self.state = if whole { State::After } else { State::Item };
                taken
            } else {
                self.between(byte)?;
                bytes.len() - rest.len()
            };
            self.at += taken as u64;
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// The list without its items, if it has come to its end.
    pub fn finish(self) -> Result<Vec<u8>, DecodeError> {
        match self.state {
            State::Done => Ok(self.head),
            State::Item => Err(DecodeError::Ended { at: self.at, what: "an object" }),
            _ => Err(DecodeError::Ended { at: self.at, what: "the list" }),
        }
    }

    fn awaits_item(&self) -> bool {
        matches!(self.state, State::First | State::Next)
    }

    fn between(&mut self, byte: u8) -> Result<(), DecodeError> {
        if self.state == State::Head {
            return self.head(byte);
        }
        match (&self.state, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (State::First | State::After, b']') => {
                self.head.push(b']');
                self.nesting.step(b']');
                self.state = State::Head;
            }
            (State::After, b',') => self.state = State::Next,
            (State::Done, _) => return Err(self.malformed("more after the end of the list")),
            (State::After, _) => return Err(self.malformed("no comma between items")),
            _ => return Err(self.malformed("an item that is no object")),
        }
        Ok(())
    }

    /// A byte outside of `items`. Whether it is valid JSON is for whoever parses the head.
    fn head(&mut self, byte: u8) -> Result<(), DecodeError> {
        if self.head.len() >= HEAD_LIMIT {
            return Err(DecodeError::TooLarge { what: "a list's metadata", at: self.at, limit: HEAD_LIMIT });
        }
        if self.nesting.depth == 0 && !matches!(byte, b'{' | b' ' | b'\t' | b'\r' | b'\n') {
            return Err(self.malformed("no object"));
        }
        let at_top = self.nesting.depth == 1 && !self.nesting.in_string;
        self.head.push(byte);
        let ends = self.nesting.step(byte);
        match (&self.key, byte) {
            (Key::Before, b'"') if at_top => self.key = Key::In(self.head.len()),
            (Key::In(start), b'"') if !self.nesting.in_string => {
                let is_items = self.head.get(*start..) == Some(b"items\"");
                self.key = if is_items { Key::Items } else { Key::Other };
            }
            (Key::Items, b'[') if at_top => self.state = State::First,
            (Key::Items | Key::Other, b',') if at_top => self.key = Key::Before,
            _ => {}
        }
        if ends {
            self.state = State::Done;
        }
        Ok(())
    }

    fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { at: self.at, what }
    }
}

/// Objects that follow one another, with nothing or white space between them.
#[derive(Debug, Default)]
pub struct Documents {
    collector: Collector,
    open: bool,
    at: u64,
}

impl Documents {
    /// Takes the next bytes; hands each object on that is whole, with where it begins.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        each: &mut impl FnMut(&[u8], u64) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        while let Some(&byte) = bytes.first() {
            let taken = if self.open || byte == b'{' {
                let (taken, whole) = self.collector.take(bytes, self.at, each)?;
                self.open = !whole;
                taken
            } else if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                1
            } else {
                return Err(DecodeError::Malformed { at: self.at, what: "no object" });
            };
            self.at += taken as u64;
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Whether the stream ended between objects.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.open { Err(DecodeError::Ended { at: self.at, what: "an object" }) } else { Ok(()) }
    }
}
