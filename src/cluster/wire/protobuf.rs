//! Protobuf's wire format: tags, varints and lengths, read without decoding what they hold.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>.

use std::fmt;

/// How a field is encoded: the low three bits of its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireType {
    /// A number.
    Varint,
    /// A length, and so many bytes.
    Len,
    /// Four or eight bytes.
    Fixed,
}

/// One field as it stands in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawField<'b> {
    /// Its number.
    pub number: u32,
    /// Its encoding.
    pub wire_type: WireType,
    /// What it holds: the varint as it is encoded, or the bytes after the length.
    pub payload: &'b [u8],
}

/// Why bytes are no message of their kind, and in which field.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    what: What,
    /// Names of fields, innermost first.
    path: Vec<&'static str>,
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum What {
    /// It ends in the middle of a field.
    #[error("it ends in the middle of a field")]
    Truncated,
    /// A varint has more than 64 bits.
    #[error("a number has more than 64 bits")]
    Varint,
    /// A tag has no field number, or one above 2^29 - 1.
    #[error("a field has no valid number")]
    Number,
    /// A tag has a wire type that Kubernetes does not use.
    #[error("a field is encoded in an unknown way")]
    WireType,
    /// A known field is encoded as another type.
    #[error("the field is encoded as another type")]
    Type,
    /// A string is not UTF-8.
    #[error("the text is not UTF-8")]
    Utf8,
    /// A number is outside the range of its type.
    #[error("the number is out of range")]
    Range,
    /// The message is longer than four gigabytes.
    #[error("the message is too long")]
    TooLong,
    /// A message that Kubernetes embeds is there more than once: it never writes that.
    #[error("the embedded message is there twice")]
    Twice,
    /// What a type says of its value.
    #[error("{0}")]
    Value(Box<str>),
}

impl Error {
    /// What is wrong.
    pub fn what(&self) -> &What {
        &self.what
    }

    /// The same, in a field.
    pub(super) fn within(mut self, field: &'static str) -> Self {
        self.path.push(field);
        self
    }
}

impl From<What> for Error {
    fn from(what: What) -> Self {
        Self { what, path: Vec::new() }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str("no valid protobuf: ")?;
        } else {
            f.write_str("no valid protobuf in ")?;
            for (index, name) in self.path.iter().rev().enumerate() {
                write!(f, "{}{name}", if index == 0 { "" } else { "." })?;
            }
            f.write_str(": ")?;
        }
        fmt::Display::fmt(&self.what, f)
    }
}

/// Walks over the fields of a message.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'b> {
    message: &'b [u8],
    at: usize,
}

impl<'b> Fields<'b> {
    /// Begins at the first field of `message`.
    pub const fn new(message: &'b [u8]) -> Self {
        Self { message, at: 0 }
    }

    /// The same, after the first `at` bytes.
    pub const fn starting_at(message: &'b [u8], at: usize) -> Self {
        Self { message, at }
    }

    /// How many bytes were walked over.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// The next field; `None` after the last.
    pub fn next_field(&mut self) -> Result<Option<RawField<'b>>, What> {
        if self.at >= self.message.len() {
            return Ok(None);
        }
        let Header { number, wire_type, length } = self.header()?;
        let payload = self.take(length)?;
        Ok(Some(RawField { number, wire_type, payload }))
    }

    /// The tag of the next field and the length of what follows, without asking that it be there.
    pub fn header(&mut self) -> Result<Header, What> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| What::Number)?;
        if number == 0 || number >= 1 << 29 {
            return Err(What::Number);
        }
        let (wire_type, length) = match tag & 7 {
            0 => {
                // The payload of a varint is the varint itself: look at its length, and stay before it.
                let mut ahead = *self;
                ahead.varint()?;
                (WireType::Varint, ahead.at - self.at)
            }
            1 => (WireType::Fixed, 8),
            2 => (WireType::Len, usize::try_from(self.varint()?).map_err(|_| What::Truncated)?),
            5 => (WireType::Fixed, 4),
            _ => return Err(What::WireType),
        };
        Ok(Header { number, wire_type, length })
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], What> {
        let end = self.at.checked_add(length).ok_or(What::Truncated)?;
        let taken = self.message.get(self.at..end).ok_or(What::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, What> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let &byte = self.message.get(self.at).ok_or(What::Truncated)?;
            self.at += 1;
            if shift == 63 && byte > 1 {
                return Err(What::Varint);
            }
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(What::Varint)
    }
}

/// The head of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its number.
    pub number: u32,
    /// Its encoding.
    pub wire_type: WireType,
    /// How many bytes follow.
    pub length: usize,
}

/// The number that is encoded in the payload of a varint field; signed, as all of Kubernetes' are.
pub fn int(payload: &[u8]) -> Result<i64, What> {
    Fields::new(payload).varint().map(u64::cast_signed)
}
