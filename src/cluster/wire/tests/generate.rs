//! Random objects, made from the schema: whatever it names may be there or not.

use jiff::Timestamp;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::cluster::wire::schema::{Message, Type};

/// Texts that are easy to get wrong in one of the encodings.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.-]{0,12}",
        any::<String>(),
        Just(r#"{"items":[{"a":"}]"}]}"#.to_owned()),
        Just("\"\\\u{0}ü\u{1F389}\n".to_owned()),
        Just("container.apparmor.security.beta.kubernetes.io/a".to_owned()),
    ]
}

fn seconds() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), 1..2_000_000_000_i64, -62_135_596_799..253_402_300_799_i64]
}

fn value(of: &'static Type) -> BoxedStrategy<Value> {
    match of {
        Type::String => text().prop_map(Value::from).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Type::Int => any::<i32>().prop_map(Value::from).boxed(),
        Type::Time => seconds().prop_map(|s| Timestamp::from_second(s).unwrap().to_string().into()).boxed(),
        Type::MicroTime => (seconds(), 0..1_000_000_i64)
            .prop_map(|(s, micros)| {
                let whole = Timestamp::from_second(s).unwrap();
                (whole + jiff::SignedDuration::from_micros(micros)).to_string().into()
            })
            .boxed(),
        Type::Message(message) | Type::Inline(message) => object(message).prop_map(Value::Object).boxed(),
        Type::Strings => vec(text(), 0..4).prop_map(Value::from).boxed(),
        Type::Messages(message) => {
            vec(object(message).prop_map(Value::Object), 0..3).prop_map(Value::from).boxed()
        }
        Type::TimeMap => btree_map(text(), value(&Type::Time), 0..4)
            .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into())
            .boxed(),
        Type::IntOrString => prop_oneof![value(&Type::Int), value(&Type::String)].boxed(),
        Type::StringMap => btree_map(text(), text(), 0..4)
            .prop_map(|map| map.into_iter().map(|(k, v)| (k, Value::from(v))).collect::<Map<_, _>>().into())
            .boxed(),
    }
}

/// An object as the API server writes it in JSON: without fields that it leaves out when zero.
pub(super) fn object(message: &'static Message) -> BoxedStrategy<Map<String, Value>> {
    let start = Just(Map::new()).boxed();
    message.fields.iter().fold(start, |object, field| {
        let chance = if matches!(field.of, Type::Inline(_)) { 0.999 } else { 0.6 };
        (object, option::weighted(chance, value(&field.of)))
            .prop_map(move |(mut object, value)| {
                match value {
                    Some(Value::Object(inner)) if matches!(field.of, Type::Inline(_)) => object.extend(inner),
                    Some(value) if field.omit_zero && (value == 0 || value == false) => {}
                    Some(value) => drop(object.insert(field.name.to_owned(), value)),
                    None => {}
                }
                object
            })
            .boxed()
    })
}
