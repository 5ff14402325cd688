//! A single object, as a get answers it; and the Status that a request fails with.

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::envelope::{Envelope, TypeMeta};
use super::schema::{Message, STATUS};
use super::{DecodeError, OBJECT_LIMIT, ObjectError, Wire, de, protobuf};
use crate::text::Text;

/// What a server says when a request fails: a `metav1.Status`, slimmed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// `Failure`, or `Success`.
    pub status: Text,
    /// The HTTP status code, also where it comes in the middle of a watch.
    pub code: i32,
    /// A word for machines: `Forbidden`, `Expired`, …
    pub reason: Text,
    /// A sentence for people.
    pub message: Text,
    /// When to ask again.
    pub details: StatusDetails,
}

/// The part of a Status that says when to ask again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusDetails {
    /// In how many seconds to ask again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<i32>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server says {}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, " {}", self.reason)?;
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// The Status in the body of a failed request, if there is one: a proxy may have answered instead.
pub fn status(wire: Wire, body: &[u8]) -> Option<Status> {
    match object::<IgnoredAny>(wire, &STATUS, body) {
        Err(DecodeError::Status(status)) => Some(*status),
        _ => None,
    }
}

/// Decodes a whole answer that is one object. A Status comes back as [`DecodeError::Status`].
pub fn object<T: DeserializeOwned>(
    wire: Wire,
    schema: &'static Message,
    body: &[u8],
) -> Result<T, DecodeError> {
    if body.len() > OBJECT_LIMIT {
        return Err(DecodeError::TooLarge { what: "an object", at: 0, limit: OBJECT_LIMIT });
    }
    let read = match wire {
        Wire::Json => json_object(body),
        Wire::Protobuf => protobuf_object(schema, body),
    };
    match read {
        Ok(Answer::Object(object)) => Ok(object),
        Ok(Answer::Status(status)) => Err(DecodeError::Status(Box::new(status))),
        Err(why) => Err(DecodeError::Object { index: 0, at: 0, why }),
    }
}

/// What a server may answer.
pub(super) enum Answer<T> {
    /// What was asked for.
    Object(T),
    /// Why it does not come.
    Status(Status),
}

pub(super) fn json_object<T: DeserializeOwned>(body: &[u8]) -> Result<Answer<T>, ObjectError> {
    if json::<TypeMeta>(body)?.is_status() {
        json(body).map(Answer::Status)
    } else {
        json(body).map(Answer::Object)
    }
}

pub(super) fn protobuf_object<T: DeserializeOwned>(
    schema: &'static Message,
    body: &[u8],
) -> Result<Answer<T>, ObjectError> {
    let Envelope { type_meta, raw } = Envelope::open(body).map_err(protobuf::Error::from)?;
    if type_meta.is_status() {
        Ok(Answer::Status(de::from_slice(&STATUS, raw)?))
    } else {
        Ok(Answer::Object(de::from_slice(schema, raw)?))
    }
}

/// Decodes an object from JSON; the error has no value of it.
pub(super) fn json<T: DeserializeOwned>(object: &[u8]) -> Result<T, ObjectError> {
    serde_json::from_slice(object).map_err(|error| ObjectError::json(&error, object))
}
