//! Tests of both encodings against each other, and against the real thing.

mod captured;
mod encode;
mod generate;
mod hostile;
mod proto_files;
mod streams;

use serde::de::DeserializeOwned;

use super::*;

/// What a list decoder makes of chunks.
fn read_list<'c, T: DeserializeOwned>(
    wire: Wire,
    schema: &'static Message,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> (Vec<T>, Result<ListMeta, DecodeError>) {
    let mut items = Vec::new();
    let mut decoder = ListDecoder::<T>::new(wire, schema);
    for chunk in chunks {
        if let Err(error) = decoder.push(chunk, &mut |item| items.push(item)) {
            return (items, Err(error));
        }
    }
    (items, decoder.finish())
}

/// What a watch decoder makes of chunks.
fn read_watch<'c, T: DeserializeOwned>(
    wire: Wire,
    schema: &'static Message,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> (Vec<WatchEvent<T>>, Result<(), DecodeError>) {
    let mut events = Vec::new();
    let mut decoder = WatchDecoder::<T>::new(wire, schema);
    for chunk in chunks {
        if let Err(error) = decoder.push(chunk, &mut |event| events.push(event)) {
            return (events, Err(error));
        }
    }
    (events, decoder.finish())
}

#[test]
fn content_types() {
    for (value, wire) in [
        ("application/json", Some(Wire::Json)),
        ("application/json;stream=watch", Some(Wire::Json)),
        ("Application/JSON; charset=utf-8", Some(Wire::Json)),
        ("application/vnd.kubernetes.protobuf", Some(Wire::Protobuf)),
        ("application/vnd.kubernetes.protobuf;stream=watch", Some(Wire::Protobuf)),
        ("application/jsonp", None),
        ("text/html", None),
        ("", None),
    ] {
        assert_eq!(Wire::of_content_type(value), wire, "{value}");
    }
}
