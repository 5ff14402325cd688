//! serde over protobuf: a message and its schema look like the object does in JSON.
//!
//! A message is walked over once, to note where each field of the schema stands; then the fields
//! are handed to the visitor, each once, whatever their order on the wire. What the schema does not
//! name, and what the type does not ask for, is stepped over. How deep it goes is bounded by the
//! schema, not by the bytes.

use jiff::Timestamp;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::protobuf::{Error, Fields, RawField, What, WireType, int};
use super::schema::{Field, MAX_FIELDS, Message, Type};
use crate::text::Text;

/// Decodes a message.
pub fn from_slice<T: DeserializeOwned>(message: &'static Message, bytes: &[u8]) -> Result<T, Error> {
    T::deserialize(Value::Message(message, bytes))
}

impl serde::de::Error for Error {
    fn custom<M: std::fmt::Display>(message: M) -> Self {
        What::Value(String::from(Text::from(message.to_string())).into()).into()
    }

    // The defaults of these repeat the value, which may be a secret.
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }
}

/// A value of a message, and how to read it.
#[derive(Clone, Copy)]
enum Value<'b> {
    String(&'b [u8]),
    Bool(&'b [u8]),
    Int(&'b [u8]),
    Time(&'b [u8]),
    MicroTime(&'b [u8]),
    Message(&'static Message, &'b [u8]),
    Strings(Repeated<'b>),
    Messages(&'static Message, Repeated<'b>),
    StringMap(Repeated<'b>),
    TimeMap(Repeated<'b>),
    IntOrString(&'b [u8]),
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::String(bytes) => visitor.visit_str(text(bytes)?),
            Self::Bool(varint) => visitor.visit_bool(int(varint)? != 0),
            Self::Int(varint) => visitor.visit_i64(int(varint)?),
            Self::Time([]) | Self::MicroTime([]) => visitor.visit_unit(),
            Self::Time(bytes) => visitor.visit_str(&timestamp(bytes, false)?.to_string()),
            Self::MicroTime(bytes) => visitor.visit_str(&timestamp(bytes, true)?.to_string()),
            Self::Message(message, bytes) => visit_message(message, bytes, visitor),
            Self::Strings(repeated) => visitor.visit_seq(Elements { repeated, of: Value::String }),
            Self::Messages(message, repeated) => {
                visitor.visit_seq(Elements { repeated, of: |bytes| Value::Message(message, bytes) })
            }
            Self::StringMap(repeated) => {
                visitor.visit_map(Entries { repeated, value: &[], of: Value::String })
            }
            Self::TimeMap(repeated) => visitor.visit_map(Entries { repeated, value: &[], of: Value::Time }),
            Self::IntOrString(bytes) => match int_or_string(bytes)? {
                Ok(number) => visitor.visit_i64(number),
                Err(string) => visitor.visit_str(string),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Time([]) | Self::MicroTime([]) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct enum identifier
    }
}

fn text(bytes: &[u8]) -> Result<&str, What> {
    std::str::from_utf8(bytes).map_err(|_| What::Utf8)
}

/// A metav1.Time or MicroTime: seconds = 1, nanos = 2. Kubernetes ignores the nanoseconds of the
/// former, and those of the latter below a microsecond: pkg/apis/meta/v1/time_proto.go.
fn timestamp(bytes: &[u8], micros: bool) -> Result<Timestamp, What> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field.number {
            1 => seconds = int(expect(field, WireType::Varint)?)?,
            2 if micros => nanos = int(expect(field, WireType::Varint)?)?,
            _ => {}
        }
    }
    let nanos = i32::try_from(nanos - nanos % 1000).map_err(|_| What::Range)?;
    Timestamp::new(seconds, nanos).map_err(|_| What::Range)
}

/// An intstr.IntOrString: type = 1 (0 is a number, all else a string), intVal = 2, strVal = 3.
fn int_or_string(bytes: &[u8]) -> Result<Result<i64, &str>, What> {
    let (mut kind, mut number, mut string) = (0, 0, "");
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field.number {
            1 => kind = int(expect(field, WireType::Varint)?)?,
            2 => number = int(expect(field, WireType::Varint)?)?,
            3 => string = text(expect(field, WireType::Len)?)?,
            _ => {}
        }
    }
    Ok(if kind == 0 { Ok(number) } else { Err(string) })
}

fn expect(field: RawField<'_>, wire_type: WireType) -> Result<&[u8], What> {
    if field.wire_type == wire_type { Ok(field.payload) } else { Err(What::Type) }
}

/// Where a field of the schema stands in a message.
#[derive(Clone, Copy)]
struct Slot {
    /// How often it is there.
    count: u32,
    /// Where its first occurrence begins, with its tag.
    first: u32,
    /// Where the payload of its last occurrence begins.
    payload: u32,
    /// Where that ends.
    end: u32,
}

impl Slot {
    const EMPTY: Self = Self { count: 0, first: 0, payload: 0, end: 0 };

    /// The last occurrence, which is the one that counts.
    fn last<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        bytes.get(self.payload as usize..self.end as usize).unwrap_or_default()
    }

    /// All occurrences, and what is between them.
    fn all<'b>(&self, number: u32, bytes: &'b [u8]) -> Repeated<'b> {
        let region = bytes.get(self.first as usize..self.end as usize).unwrap_or_default();
        Repeated { fields: Fields::new(region), number, left: self.count }
    }
}

/// Notes where the fields of `message` stand in `bytes`, from `start` on.
fn scan(message: &Message, bytes: &[u8], start: usize, slots: &mut [Slot]) -> Result<(), Error> {
    let mut fields = Fields::starting_at(bytes, start);
    loop {
        let first = fields.position();
        let Some(raw) = fields.next_field()? else { return Ok(()) };
        let known = message.fields.iter().zip(slots.iter_mut());
        let Some((field, slot)) = known.into_iter().find(|(field, _)| field.number == raw.number) else {
            continue;
        };
        if raw.wire_type != field.of.wire_type() {
            return Err(Error::from(What::Type).within(field.name));
        }
        let end = fields.position();
        let offset = |at: usize| u32::try_from(at).map_err(|_| What::TooLong);
        let first = if slot.count == 0 { offset(first)? } else { slot.first };
        let payload = offset(end - raw.payload.len())?;
        *slot = Slot { count: slot.count + 1, first, payload, end: offset(end)? };
    }
}

fn visit_message<'de, V: Visitor<'de>>(
    message: &'static Message,
    bytes: &[u8],
    visitor: V,
) -> Result<V::Value, Error> {
    let mut slots = [Slot::EMPTY; MAX_FIELDS];
    scan(message, bytes, 0, &mut slots)?;
    let known = message.fields.iter().zip(&slots);
    let embedded = known.into_iter().find_map(|(field, slot)| match field.of {
        Type::Inline(inner) if slot.count > 0 => Some((field, inner, *slot)),
        _ => None,
    });
    if let Some((field, inner, slot)) = embedded {
        if slot.count > 1 {
            return Err(Error::from(What::Twice).within(field.name));
        }
        let whole = bytes.get(..slot.end as usize).unwrap_or_default();
        let slots = slots.get_mut(message.fields.len()..).unwrap_or_default();
        scan(inner, whole, slot.payload as usize, slots)?;
    }
    let inline = embedded.map_or(&[][..], |(_, inner, _)| inner.fields);
    let slots = message.fields.iter().chain(inline).zip(&slots);
    visitor.visit_map(Members { slots, bytes, value: None })
}

/// The fields of a message that are there, each once.
struct Members<'b, I> {
    slots: I,
    bytes: &'b [u8],
    /// The field whose name was handed out.
    value: Option<(&'static Field, Slot)>,
}

impl<'de, 's, I: Iterator<Item = (&'static Field, &'s Slot)>> MapAccess<'de> for Members<'_, I> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        for (field, slot) in self.slots.by_ref() {
            if slot.count == 0 || matches!(field.of, Type::Inline(_)) {
                continue;
            }
            if field.omit_zero && int(slot.last(self.bytes))? == 0 {
                continue;
            }
            self.value = Some((field, *slot));
            return seed.deserialize(StrDeserializer::<Error>::new(field.name)).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some((field, slot)) = self.value.take() else {
            return Err(What::Value("a value was asked for before its key".into()).into());
        };
        let last = slot.last(self.bytes);
        let all = || slot.all(field.number, self.bytes);
        let merged: Vec<u8>;
        let value = match field.of {
            Type::String => Value::String(last),
            Type::Bool => Value::Bool(last),
            Type::Int => Value::Int(last),
            Type::Time => Value::Time(last),
            Type::MicroTime => Value::MicroTime(last),
            Type::Message(message) if slot.count > 1 => {
                // Two halves of a message are one message when put after each other.
                merged = all().concatenated()?;
                Value::Message(message, &merged)
            }
            Type::Message(message) | Type::Inline(message) => Value::Message(message, last),
            Type::Strings => Value::Strings(all()),
            Type::Messages(message) => Value::Messages(message, all()),
            Type::StringMap => Value::StringMap(all()),
            Type::TimeMap => Value::TimeMap(all()),
            Type::IntOrString => Value::IntOrString(last),
        };
        seed.deserialize(value).map_err(|error| error.within(field.name))
    }
}

impl Type {
    fn wire_type(&self) -> WireType {
        if matches!(self, Self::Bool | Self::Int) { WireType::Varint } else { WireType::Len }
    }
}

/// The occurrences of one field, other fields between them or not.
#[derive(Clone, Copy)]
struct Repeated<'b> {
    fields: Fields<'b>,
    number: u32,
    left: u32,
}

impl<'b> Repeated<'b> {
    fn next(&mut self) -> Result<Option<&'b [u8]>, What> {
        while let Some(field) = self.fields.next_field()? {
            if field.number == self.number {
                self.left = self.left.saturating_sub(1);
                return Ok(Some(field.payload));
            }
        }
        Ok(None)
    }

    fn concatenated(mut self) -> Result<Vec<u8>, What> {
        let mut all = Vec::new();
        while let Some(part) = self.next()? {
            all.extend_from_slice(part);
        }
        Ok(all)
    }
}

/// The elements of a list.
struct Elements<'b, F> {
    repeated: Repeated<'b>,
    of: F,
}

impl<'de, 'b, F: Fn(&'b [u8]) -> Value<'b>> SeqAccess<'de> for Elements<'b, F> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.repeated.next()?.map(|payload| seed.deserialize((self.of)(payload))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.repeated.left).ok()
    }
}

/// The entries of a map of strings: each is a message, key = 1, value = 2, either may be left out.
struct Entries<'b, F> {
    repeated: Repeated<'b>,
    value: &'b [u8],
    of: F,
}

impl<'de, 'b, F: Fn(&'b [u8]) -> Value<'b>> MapAccess<'de> for Entries<'b, F> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.repeated.next()? else { return Ok(None) };
        let mut key: &[u8] = &[];
        self.value = &[];
        let mut fields = Fields::new(entry);
        while let Some(field) = fields.next_field()? {
            match field.number {
                1 => key = expect(field, WireType::Len)?,
                2 => self.value = expect(field, WireType::Len)?,
                _ => {}
            }
        }
        seed.deserialize(Value::String(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize((self.of)(self.value))
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.repeated.left).ok()
    }
}
