//! What comes over the wire from an API server, decoded as it streams.
//!
//! Lists and watches come in JSON or in protobuf; both are decoded one object after the other into
//! the slim types of [`crate::evidence::objects`], by the same `derive(Deserialize)`. What a slim
//! type does not name is skipped without being decoded, and never more than one object and the
//! chunk at hand are in memory.
//!
//! | module | reads |
//! |---|---|
//! | [`list`] | lists, page by page |
//! | [`watch`] | watches, event by event |
//! | [`object`] | a single object, and the Status of a failed request |
//! | [`discovery`] | which APIs are served |
//! | [`metrics`] | which deprecated APIs were called |
//! | [`schema`] | which protobuf field is which JSON field, as tables |
//! | [`de`], [`protobuf`], [`json`] | the encodings themselves |

pub mod de;
pub mod discovery;
mod envelope;
pub mod error;
pub mod json;
pub mod list;
pub mod metrics;
pub mod object;
pub mod protobuf;
pub mod schema;
pub mod watch;

pub use error::{DecodeError, ObjectError};
pub use list::{ListDecoder, ListMeta};
pub use object::Status;
pub use schema::Message;
pub use watch::{WatchDecoder, WatchEvent};

/// The largest object that is read, in bytes. etcd refuses requests above 1.5 MiB by default; JSON
/// of an object may be several times its size in etcd.
pub const OBJECT_LIMIT: usize = 8 << 20;

/// An encoding of Kubernetes' objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// `application/json`
    Json,
    /// `application/vnd.kubernetes.protobuf`: for built-in kinds only.
    Protobuf,
}

impl Wire {
    /// The `Accept` of a list or a get. Who asks for protobuf takes JSON too: custom resources have
    /// nothing else.
    pub const fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/vnd.kubernetes.protobuf,application/json",
        }
    }

    /// The `Accept` of a watch.
    pub const fn accept_watch(self) -> &'static str {
        match self {
            Self::Json => "application/json;stream=watch,application/json",
            Self::Protobuf => {
                "application/vnd.kubernetes.protobuf;stream=watch,application/json;stream=watch,application/json"
            }
        }
    }

    /// The encoding of an answer, from its `Content-Type`; `None` if it is neither.
    pub fn of_content_type(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else if essence.eq_ignore_ascii_case("application/vnd.kubernetes.protobuf") {
            Some(Self::Protobuf)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
