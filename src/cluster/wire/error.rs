//! Why an answer could not be decoded: what happened, and where in it.
//!
//! No message holds a value of the answer: it may be a secret, and messages are shown and recorded.

use super::object::Status;
use super::protobuf;
use crate::text::Text;

/// Why an answer could not be decoded. Positions are bytes from the start of the answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// An object is not what its kind should be.
    #[error("object {index} of the answer, at byte {at}, cannot be read: {why}")]
    Object {
        /// Which object, from 0.
        index: u64,
        /// Where it begins.
        at: u64,
        /// Why.
        why: ObjectError,
    },
    /// Something is larger than kubelift reads.
    #[error("the answer has, at byte {at}, {what} of more than {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Where it begins.
        at: u64,
        /// The limit.
        limit: usize,
    },
    /// The answer is neither what was asked for nor a Status.
    #[error("the answer is malformed at byte {at}: {what}")]
    Malformed {
        /// Where.
        at: u64,
        /// What is there, or should be.
        what: &'static str,
    },
    /// The answer ended too early.
    #[error("the answer ended after {at} bytes, in the middle of {what}")]
    Ended {
        /// Its length.
        at: u64,
        /// What was not whole.
        what: &'static str,
    },
    /// The answer is an object of another kind than was asked for.
    #[error("the answer is of kind {kind:?}, not {expected}")]
    Kind {
        /// The kind that came.
        kind: Text,
        /// What should have come.
        expected: &'static str,
    },
    /// The answer is a Status: the server's own words of why it did not answer.
    #[error("{0}")]
    Status(Box<Status>),
}

/// Why one object could not be decoded.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ObjectError {
    /// It is no JSON.
    #[error("no valid JSON after {offset} bytes of it")]
    Syntax {
        /// Where in the object.
        offset: usize,
    },
    /// A field is of another type than Kubernetes' own.
    #[error("a field that ends after {offset} bytes of it is of an unexpected type")]
    Type {
        /// Where in the object.
        offset: usize,
    },
    /// It is no protobuf of its kind.
    #[error(transparent)]
    Protobuf(#[from] protobuf::Error),
}

impl ObjectError {
    /// What serde_json says of `object`, without the values that its message may repeat.
    pub(super) fn json(error: &serde_json::Error, object: &[u8]) -> Self {
        let lines = object.split_inclusive(|&byte| byte == b'\n');
        let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
        let offset = before.saturating_add(error.column());
        if error.is_data() { Self::Type { offset } } else { Self::Syntax { offset } }
    }
}
