//! Watches, decoded event by event as they come.
//!
//! In protobuf, every event is a frame: its length in four bytes, big-endian, and a
//! `metav1.WatchEvent` without an envelope, whose object has one. Sources: k8s.io/apimachinery v0.30.14,
//! pkg/runtime/serializer/protobuf/protobuf.go (LengthDelimitedFramer, RawSerializer) and
//! pkg/apis/meta/v1/generated.proto (WatchEvent, RawExtension).

use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::object::{Answer, Status, json, protobuf_object};
use super::protobuf::{Error, Fields, What, WireType};
use super::schema::{Message, OBJECT};
use super::{DecodeError, OBJECT_LIMIT, ObjectError, Wire};
use crate::text::Text;

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent<T> {
    /// It was made, or was there when the watch began.
    Added(T),
    /// It was changed.
    Modified(T),
    /// It is gone; this is how it was last.
    Deleted(T),
    /// Nothing: all up to this resourceVersion has been told.
    Bookmark {
        /// Where the watch goes on, should it end.
        resource_version: Text,
    },
    /// The watch ends, and why: 410 `Expired` means that the list must be read again.
    Error(Status),
}

/// Decodes a watch from chunks of bytes. In memory are one event and the chunk.
#[derive(Debug)]
pub struct WatchDecoder<T> {
    encoding: Encoding,
    schema: &'static Message,
    index: u64,
    item: PhantomData<fn() -> T>,
}

#[derive(Debug)]
enum Encoding {
    Json(super::json::Documents),
    Protobuf(Frames),
}

impl<T: DeserializeOwned> WatchDecoder<T> {
    /// Of a watch of objects with a schema, which JSON does not need.
    pub fn new(wire: Wire, schema: &'static Message) -> Self {
        let encoding = match wire {
            Wire::Json => Encoding::Json(super::json::Documents::default()),
            Wire::Protobuf => Encoding::Protobuf(Frames::default()),
        };
        Self { encoding, schema, index: 0, item: PhantomData }
    }

    /// Takes the next chunk; hands each event on that is whole with it. After an error it is of no
    /// more use, and the events before it were right.
    pub fn push(&mut self, chunk: &[u8], sink: &mut impl FnMut(WatchEvent<T>)) -> Result<(), DecodeError> {
        let Self { encoding, schema, index, .. } = self;
        let mut hand_on = |read: Result<_, ObjectError>, at| {
            let event = read.map_err(|why| DecodeError::Object { index: *index, at, why })?;
            *index += 1;
            sink(event);
            Ok(())
        };
        match encoding {
            Encoding::Json(documents) => {
                documents.push(chunk, &mut |event, at| hand_on(json_event(event), at))
            }
            Encoding::Protobuf(frames) => {
                frames.push(chunk, &mut |event, at| hand_on(protobuf_event(schema, event), at))
            }
        }
    }

    /// Whether the watch ended between two events.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.encoding {
            Encoding::Json(documents) => documents.finish(),
            Encoding::Protobuf(frames) => frames.finish(),
        }
    }
}

/// The object of a bookmark.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Mark {
    metadata: MarkMetadata,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct MarkMetadata {
    resource_version: Text,
}

impl<T> From<Mark> for WatchEvent<T> {
    fn from(mark: Mark) -> Self {
        Self::Bookmark { resource_version: mark.metadata.resource_version }
    }
}

/// The type of an event.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Type {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

impl Type {
    fn of<T>(self, object: T) -> WatchEvent<T> {
        match self {
            Self::Modified => WatchEvent::Modified(object),
            Self::Deleted => WatchEvent::Deleted(object),
            _ => WatchEvent::Added(object),
        }
    }
}

fn json_event<T: DeserializeOwned>(event: &[u8]) -> Result<WatchEvent<T>, ObjectError> {
    // The type comes first or last, so it takes a walk of its own to know what the object is.
    #[derive(Deserialize)]
    struct Head {
        r#type: Type,
    }
    #[derive(Deserialize)]
    struct Body<T> {
        object: T,
    }
    match json::<Head>(event)?.r#type {
        Type::Bookmark => Ok(json::<Body<Mark>>(event)?.object.into()),
        Type::Error => Ok(WatchEvent::Error(json::<Body<Status>>(event)?.object)),
        other => Ok(other.of(json::<Body<T>>(event)?.object)),
    }
}

fn protobuf_event<T: DeserializeOwned>(
    schema: &'static Message,
    event: &[u8],
) -> Result<WatchEvent<T>, ObjectError> {
    let (kind, object) = open(event).map_err(Error::from)?;
    match kind {
        Type::Bookmark => match protobuf_object::<Mark>(&OBJECT, object)? {
            Answer::Object(mark) => Ok(mark.into()),
            Answer::Status(status) => Ok(WatchEvent::Error(status)),
        },
        other => match protobuf_object(schema, object)? {
            Answer::Object(object) => Ok(other.of(object)),
            Answer::Status(status) => Ok(WatchEvent::Error(status)),
        },
    }
}

/// The type and the object of a `WatchEvent { type = 1, object = 2 { raw = 1 } }`.
fn open(event: &[u8]) -> Result<(Type, &[u8]), What> {
    let (mut kind, mut object): (&[u8], &[u8]) = (&[], &[]);
    let mut fields = Fields::new(event);
    while let Some(field) = fields.next_field()? {
        match (field.number, field.wire_type) {
            (1, WireType::Len) => kind = field.payload,
            (2, WireType::Len) => {
                let mut extension = Fields::new(field.payload);
                while let Some(field) = extension.next_field()? {
                    if (field.number, field.wire_type) == (1, WireType::Len) {
                        object = field.payload;
                    }
                }
            }
            _ => {}
        }
    }
    let kind = match kind {
        b"ADDED" => Type::Added,
        b"MODIFIED" => Type::Modified,
        b"DELETED" => Type::Deleted,
        b"BOOKMARK" => Type::Bookmark,
        b"ERROR" => Type::Error,
        _ => return Err(What::Value("an event of unknown type".into())),
    };
    Ok((kind, object))
}

/// Frames with their length in front of them.
#[derive(Debug, Default)]
struct Frames {
    pending: Vec<u8>,
    at: u64,
}

impl Frames {
    fn push(
        &mut self,
        chunk: &[u8],
        each: &mut impl FnMut(&[u8], u64) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(chunk);
        let mut rest = pending.as_slice();
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if length > OBJECT_LIMIT {
                return Err(DecodeError::TooLarge { what: "an event", at: self.at, limit: OBJECT_LIMIT });
            }
            let Some((frame, after)) = after.split_at_checked(length) else { break };
            each(frame, self.at)?;
            self.at += (rest.len() - after.len()) as u64;
            rest = after;
        }
        let taken = pending.len() - rest.len();
        pending.drain(..taken);
        self.pending = pending;
        Ok(())
    }

    fn finish(self) -> Result<(), DecodeError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        Err(DecodeError::Ended { at: self.at + self.pending.len() as u64, what: "an event" })
    }
}
