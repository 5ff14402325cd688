//! Writes protobuf as Kubernetes does, from JSON and a schema.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::cluster::wire::schema::{Field, Message, Type};

/// The fields of a message, one encoded field an entry, in the schema's order.
pub(super) fn fields(message: &Message, object: &Map<String, Value>) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    for field in message.fields {
        if let Type::Inline(inner) = field.of {
            parts.push(bytes(field.number, &self::message(inner, object)));
            continue;
        }
        match object.get(field.name) {
            None | Some(Value::Null) if field.omit_zero => parts.push(varint_field(field.number, 0)),
            None | Some(Value::Null) => {}
            Some(value) => parts.extend(values(field, value)),
        }
    }
    parts
}

/// A message.
pub(super) fn message(message: &Message, object: &Map<String, Value>) -> Vec<u8> {
    fields(message, object).concat()
}

fn values(field: &Field, value: &Value) -> Vec<Vec<u8>> {
    let n = field.number;
    match field.of {
        Type::String => vec![bytes(n, value.as_str().unwrap().as_bytes())],
        Type::Bool => vec![varint_field(n, i64::from(value.as_bool().unwrap()))],
        Type::Int => vec![varint_field(n, value.as_i64().unwrap())],
        Type::Time | Type::MicroTime => vec![bytes(n, &time(value.as_str().unwrap()))],
        Type::Message(inner) => vec![bytes(n, &message(inner, value.as_object().unwrap()))],
        Type::Strings => elements(value).map(|e| bytes(n, e.as_str().unwrap().as_bytes())).collect(),
        Type::Messages(inner) => {
            elements(value).map(|e| bytes(n, &message(inner, e.as_object().unwrap()))).collect()
        }
        Type::StringMap => entries(n, value, |v| v.as_str().unwrap().as_bytes().to_vec()),
        Type::TimeMap => entries(n, value, |v| time(v.as_str().unwrap())),
        Type::IntOrString => vec![bytes(n, &int_or_string(value))],
        Type::Inline(_) => Vec::new(),
    }
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

fn entries(number: u32, map: &Value, of: impl Fn(&Value) -> Vec<u8>) -> Vec<Vec<u8>> {
    let entry = |(key, value): (&String, &Value)| [bytes(1, key.as_bytes()), bytes(2, &of(value))].concat();
    map.as_object().unwrap().iter().map(|pair| bytes(number, &entry(pair))).collect()
}

/// All three fields, as Kubernetes writes them.
fn int_or_string(value: &Value) -> Vec<u8> {
    let number = value.as_i64().unwrap_or_default();
    let string = value.as_str().unwrap_or_default();
    let kind = i64::from(value.is_string());
    [varint_field(1, kind), varint_field(2, number), bytes(3, string.as_bytes())].concat()
}

fn time(text: &str) -> Vec<u8> {
    let at: Timestamp = text.parse().unwrap();
    [varint_field(1, at.as_second()), varint_field(2, i64::from(at.subsec_nanosecond()))].concat()
}

/// A field with a length.
pub(super) fn bytes(number: u32, payload: &[u8]) -> Vec<u8> {
    let mut field = varint(u64::from(number) << 3 | 2);
    field.extend(varint(payload.len() as u64));
    field.extend(payload);
    field
}

/// A field that is a number.
pub(super) fn varint_field(number: u32, value: i64) -> Vec<u8> {
    let mut field = varint(u64::from(number) << 3);
    field.extend(varint(value.cast_unsigned()));
    field
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// An envelope around an object.
pub(super) fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let type_meta = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), bytes(1, &type_meta), bytes(2, raw), bytes(3, b""), bytes(4, b"")].concat()
}

/// A list in an envelope.
pub(super) fn list(schema: &Message, items: &[Value]) -> Vec<u8> {
    let metadata = [bytes(1, b""), bytes(2, b"4711"), bytes(3, b"more"), varint_field(4, 23)].concat();
    let items: Vec<u8> =
        items.iter().flat_map(|item| bytes(2, &message(schema, item.as_object().unwrap()))).collect();
    envelope("v1", "ThingList", &[bytes(1, &metadata), items].concat())
}

/// An event of a watch, in its frame.
pub(super) fn event(kind: &str, object: &[u8]) -> Vec<u8> {
    let event = [bytes(1, kind.as_bytes()), bytes(2, &bytes(1, object))].concat();
    [(event.len() as u32).to_be_bytes().to_vec(), event].concat()
}
