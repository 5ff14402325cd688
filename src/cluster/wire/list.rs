//! Lists, decoded item by item as they come.

use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::envelope::{self, MAGIC, TypeMeta};
use super::object::json;
use super::protobuf::{self, Fields, Header, What, WireType};
use super::schema::{LIST_META, Message, STATUS};
use super::{DecodeError, OBJECT_LIMIT, ObjectError, Wire, de};
use crate::text::Text;

/// What a list says of itself: a `metav1.ListMeta`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListMeta {
    /// Where a watch goes on.
    pub resource_version: Text,
    /// What to ask the next page with, unless this was the last.
    pub continue_token: Option<Text>,
    /// How many items are on later pages, where the server knows.
    pub remaining: Option<u64>,
}

/// Decodes a list from chunks of bytes. In memory are one item and the chunk.
#[derive(Debug)]
pub struct ListDecoder<T> {
    encoding: Encoding,
    schema: &'static Message,
    index: u64,
    item: PhantomData<fn() -> T>,
}

#[derive(Debug)]
enum Encoding {
    Json(super::json::Elements),
    Protobuf(Box<Protobuf>),
}

impl<T: DeserializeOwned> ListDecoder<T> {
    /// Of a list of items with a schema, which JSON does not need.
    pub fn new(wire: Wire, schema: &'static Message) -> Self {
        let encoding = match wire {
            Wire::Json => Encoding::Json(super::json::Elements::default()),
            Wire::Protobuf => Encoding::Protobuf(Box::default()),
        };
        Self { encoding, schema, index: 0, item: PhantomData }
    }

    /// Takes the next chunk; hands each item on that is whole with it. After an error it is of no
    /// more use, and the items before it were right.
    pub fn push(&mut self, chunk: &[u8], sink: &mut impl FnMut(T)) -> Result<(), DecodeError> {
        let Self { encoding, schema, index, .. } = self;
        let mut hand_on = |read: Result<T, ObjectError>, at| {
            let item = read.map_err(|why| DecodeError::Object { index: *index, at, why })?;
            *index += 1;
            sink(item);
            Ok(())
        };
        match encoding {
            Encoding::Json(elements) => elements.push(chunk, &mut |item, at| hand_on(json(item), at)),
            Encoding::Protobuf(list) => list.push(chunk, &mut |item, at| {
                hand_on(de::from_slice(schema, item).map_err(ObjectError::from), at)
            }),
        }
    }

    /// What the list says of itself, after its last byte. A Status, which a server may answer in the
    /// place of a list, comes back as [`DecodeError::Status`].
    pub fn finish(self) -> Result<ListMeta, DecodeError> {
        match self.encoding {
            Encoding::Json(elements) => finish_json(&elements.finish()?),
            Encoding::Protobuf(list) => list.finish(),
        }
    }
}

/// `metadata` of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    resource_version: Text,
    r#continue: Text,
    remaining_item_count: Option<i64>,
}

impl From<Metadata> for ListMeta {
    fn from(metadata: Metadata) -> Self {
        Self {
            resource_version: metadata.resource_version,
            continue_token: Some(metadata.r#continue).filter(|token| !token.is_empty()),
            remaining: metadata.remaining_item_count.and_then(|count| u64::try_from(count).ok()),
        }
    }
}

fn finish_json(head: &[u8]) -> Result<ListMeta, DecodeError> {
    #[derive(Deserialize)]
    struct Head {
        metadata: Metadata,
    }
    let unreadable = |_| DecodeError::Malformed { at: 0, what: "a list without readable metadata" };
    let type_meta: TypeMeta = json(head).map_err(unreadable)?;
    if type_meta.is_status() {
        return Err(DecodeError::Status(json(head).map_err(unreadable)?));
    }
    list_kind(&type_meta)?;
    Ok(json::<Head>(head).map_err(unreadable)?.metadata.into())
}

fn list_kind(type_meta: &TypeMeta) -> Result<(), DecodeError> {
    if type_meta.kind.ends_with("List") {
        Ok(())
    } else {
        Err(DecodeError::Kind { kind: type_meta.kind.clone(), expected: "a list" })
    }
}

/// A list in an envelope: `XList { metadata = 1, items = 2 }`.
#[derive(Debug, Default)]
struct Protobuf {
    state: State,
    /// What has come of a field that is not whole.
    pending: Vec<u8>,
    at: u64,
    type_meta: Option<TypeMeta>,
    metadata: Metadata,
}

/// Where in the list the next byte is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum State {
    /// Before the envelope.
    #[default]
    Magic,
    /// Among the fields of the envelope.
    Envelope,
    /// Among the fields of the list, of which so many bytes are left.
    List(usize),
    /// In a Status of so many bytes.
    Status(usize),
    /// In so many bytes that nobody needs, of the list, of which so many more are left.
    Skip(usize, usize),
    /// After the list.
    Done,
}

/// What one step took: so many bytes, and the state after them. `None`: too few have come.
type Step = Result<Option<(usize, State)>, DecodeError>;

impl Protobuf {
    fn push(
        &mut self,
        chunk: &[u8],
        each: &mut impl FnMut(&[u8], u64) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if self.pending.is_empty() {
            let rest = self.steps(chunk, each)?;
            self.pending.extend_from_slice(rest);
        } else {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(chunk);
            let rest = self.steps(&pending, each)?.len();
            pending.drain(..pending.len() - rest);
            self.pending = pending;
        }
        Ok(())
    }

    /// Takes all that is whole; what is left.
    fn steps<'b>(
        &mut self,
        mut bytes: &'b [u8],
        each: &mut impl FnMut(&[u8], u64) -> Result<(), DecodeError>,
    ) -> Result<&'b [u8], DecodeError> {
        while let Some((taken, state)) = self.step(bytes, each)? {
            self.state = state;
            self.at += taken as u64;
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(bytes)
    }

    fn step(&mut self, bytes: &[u8], each: &mut impl FnMut(&[u8], u64) -> Result<(), DecodeError>) -> Step {
        match self.state {
            State::List(0) => Ok(Some((0, State::Done))),
            State::Skip(0, left) => Ok(Some((0, State::List(left)))),
            _ if bytes.is_empty() => Ok(None),
            State::Magic => match bytes.get(..MAGIC.len()) {
                Some(magic) if magic == MAGIC => Ok(Some((MAGIC.len(), State::Envelope))),
                Some(_) => Err(self.malformed("no envelope of Kubernetes")),
                None => Ok(None),
            },
            State::Envelope | State::Done => self.envelope(bytes),
            State::List(left) => self.list(bytes, left, each),
            State::Status(length) => match bytes.get(..length) {
                Some(status) => Err(DecodeError::Status(Box::new(self.decode(&STATUS, status)?))),
                None => Ok(None),
            },
            State::Skip(skip, left) => {
                let taken = skip.min(bytes.len());
                Ok(Some((taken, State::Skip(skip - taken, left))))
            }
        }
    }

    /// A field of the envelope: its type comes first, as every version of apimachinery writes it.
    fn envelope(&mut self, bytes: &[u8]) -> Step {
        let Some((header, length)) = self.header(bytes)? else { return Ok(None) };
        if header.number == envelope::RAW && header.wire_type == WireType::Len {
            let Some(type_meta) = &self.type_meta else {
                return Err(self.malformed("an object without its type"));
            };
            if self.state == State::Done {
                return Err(self.malformed("a second object"));
            }
            let state = if type_meta.is_status() {
                self.limited("a Status", header.length)?;
                State::Status(header.length)
            } else {
                list_kind(type_meta)?;
                State::List(header.length)
            };
            return Ok(Some((length, state)));
        }
        self.limited("a field of the envelope", header.length)?;
        let Some(payload) = bytes.get(length..length + header.length) else { return Ok(None) };
        match header.number {
            envelope::TYPE_META => {
                self.type_meta = Some(TypeMeta::read(payload).map_err(|what| self.object(what))?);
            }
            envelope::CONTENT_ENCODING if !payload.is_empty() => {
                return Err(self.malformed("an encoded object"));
            }
            _ => {}
        }
        Ok(Some((length + header.length, self.state)))
    }

    /// A field of the list.
    fn list(
        &mut self,
        bytes: &[u8],
        left: usize,
        each: &mut impl FnMut(&[u8], u64) -> Result<(), DecodeError>,
    ) -> Step {
        let Some((header, length)) = self.header(bytes)? else { return Ok(None) };
        let Some(left) = left.checked_sub(length).and_then(|left| left.checked_sub(header.length)) else {
            return Err(self.malformed("a field that is longer than its list"));
        };
        if header.number > 2 || header.wire_type != WireType::Len {
            return Ok(Some((length, State::Skip(header.length, left))));
        }
        self.limited("an object", header.length)?;
        let Some(payload) = bytes.get(length..length + header.length) else { return Ok(None) };
        if header.number == 1 {
            self.metadata = self.decode(&LIST_META, payload)?;
        } else {
            each(payload, self.at)?;
        }
        Ok(Some((length + header.length, State::List(left))))
    }

    /// The next field's header and its length, if it has come.
    fn header(&self, bytes: &[u8]) -> Result<Option<(Header, usize)>, DecodeError> {
        let mut fields = Fields::new(bytes);
        match fields.header() {
            Ok(header) => Ok(Some((header, fields.position()))),
            Err(What::Truncated) => Ok(None),
            Err(what) => Err(self.object(what)),
        }
    }

    fn limited(&self, what: &'static str, length: usize) -> Result<(), DecodeError> {
        if length > OBJECT_LIMIT {
            return Err(DecodeError::TooLarge { what, at: self.at, limit: OBJECT_LIMIT });
        }
        Ok(())
    }

    fn decode<T: DeserializeOwned>(&self, schema: &'static Message, bytes: &[u8]) -> Result<T, DecodeError> {
        de::from_slice(schema, bytes).map_err(|error| self.object(error))
    }

    fn object(&self, error: impl Into<protobuf::Error>) -> DecodeError {
        DecodeError::Object { index: 0, at: self.at, why: ObjectError::Protobuf(error.into()) }
    }

    fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { at: self.at, what }
    }

    fn finish(self) -> Result<ListMeta, DecodeError> {
        if self.state == State::Done && self.pending.is_empty() {
            Ok(self.metadata.into())
        } else {
            let at = self.at + self.pending.len() as u64;
            Err(DecodeError::Ended { at, what: "the list" })
        }
    }
}
