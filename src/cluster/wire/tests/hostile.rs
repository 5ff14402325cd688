//! Whatever bytes come, decoders end with items or an error: no panic, and no more memory than an object's limit.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::*;
use crate::evidence::objects::{Node, Pod};

fn decode_all(bytes: &[u8], chunk: usize) {
    for wire in [Wire::Json, Wire::Protobuf] {
        let _ = read_list::<Pod>(wire, &schema::POD, bytes.chunks(chunk));
        let _ = read_watch::<Pod>(wire, &schema::POD, bytes.chunks(chunk));
        let _ = object::object::<Node>(wire, &schema::NODE, bytes);
        let _ = object::status(wire, bytes);
    }
    let _ = de::from_slice::<Pod>(&schema::POD, bytes);
    let _ = discovery::served_apis(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300), chunk in 1..64_usize) {
        decode_all(&bytes, chunk);
    }

    /// Bytes that were a list, an object or an event once.
    #[test]
    fn flipped_and_cut(
        pod in generate::object(&schema::POD),
        flips in vec((any::<Index>(), any::<u8>()), 0..6),
        end in any::<Index>(),
        chunk in 1..999_usize,
    ) {
        let raw = encode::message(&schema::POD, &pod);
        let object = encode::envelope("v1", "Pod", &raw);
        let pod = Value::Object(pod);
        let list = json!({ "kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [&pod, &pod] });
        for bytes in [
            raw,
            encode::event("ADDED", &object),
            object,
            encode::list(&schema::POD, std::slice::from_ref(&pod)),
            serde_json::to_vec(&list).unwrap(),
            serde_json::to_vec(&json!({ "type": "ADDED", "object": pod })).unwrap(),
        ] {
            let mut bytes = bytes;
            for (at, value) in &flips {
                let at = at.index(bytes.len().max(1));
                bytes.get_mut(at).into_iter().for_each(|byte| *byte = *value);
            }
            bytes.truncate(end.index(bytes.len() + 1));
            decode_all(&bytes, chunk);
        }
    }

    /// A list that was cut is never taken for a whole one.
    #[test]
    fn a_cut_list_is_an_error(pods in vec(generate::object(&schema::POD).prop_map(Value::Object), 0..3), end in any::<Index>()) {
        let list = json!({ "kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": &pods });
        let json = serde_json::to_vec(&list).unwrap();
        let json = &json[..end.index(json.len())];
        prop_assert!(read_list::<Pod>(Wire::Json, &schema::POD, [json]).1.is_err());
        // After the list come contentEncoding and contentType, empty, of two bytes each.
        let protobuf = encode::list(&schema::POD, &pods);
        let protobuf = &protobuf[..end.index(protobuf.len() - 4)];
        prop_assert!(read_list::<Pod>(Wire::Protobuf, &schema::POD, [protobuf]).1.is_err());
    }
}

/// A message of one field.
fn pod(field: Vec<u8>) -> Result<Pod, protobuf::Error> {
    de::from_slice(&schema::POD, &field)
}

#[test]
fn each_fault_of_protobuf_has_its_error() {
    use protobuf::What;
    let name = |payload: &[u8]| encode::bytes(1, &encode::bytes(1, payload));
    let overlong = [vec![0x18], vec![0xFF; 9], vec![0x02]].concat();
    for (bytes, expected) in [
        (vec![0x0A, 0x05, 0x0A], What::Truncated),
        (vec![0x0A], What::Truncated),
        (vec![0x80], What::Truncated),
        (overlong, What::Varint),
        (vec![0x02, 0x00], What::Number),
        (vec![0x0B], What::WireType),
        (encode::varint_field(1, 1), What::Type),
        (encode::bytes(1, &encode::bytes(7, b"")), What::Type),
        (name(b"\xFF"), What::Utf8),
        (encode::bytes(1, &encode::bytes(8, &encode::varint_field(1, i64::MAX))), What::Range),
        (encode::bytes(1, &encode::bytes(11, &encode::varint_field(1, 1))), What::Type),
        (encode::bytes(0x1FFF_FFFF + 1, b""), What::Number),
    ] {
        assert_eq!(pod(bytes.clone()).unwrap_err().what(), &expected, "{bytes:?}");
    }
    let error = pod(name(b"\xFF")).unwrap_err();
    assert_eq!(error.to_string(), "no valid protobuf in metadata.name: the text is not UTF-8");
    let source = encode::bytes(2, &encode::bytes(2, b""));
    let volume = [source.clone(), source].concat();
    let twice = encode::bytes(2, &encode::bytes(1, &[encode::bytes(2, b""), encode::bytes(2, b"")].concat()));
    assert_eq!(pod(twice).unwrap_err().what(), &What::Twice);
    assert!(pod(encode::bytes(2, &encode::bytes(1, &volume))).is_err());
}

#[test]
fn an_object_over_the_limit_is_refused_when_its_length_is_known() {
    let long = "x".repeat(OBJECT_LIMIT);
    let json =
        format!(r#"{{"kind":"PodList","metadata":{{}},"items":[{{"metadata":{{"name":"{long}"}}}}]}}"#);
    // Of protobuf, the length is enough: 8 MiB and one byte.
    let length = [0x12, 0x81, 0x80, 0x80, 0x04];
    let list = encode::envelope("v1", "PodList", &length);
    let frame = [0x00, 0x80, 0x00, 0x01];
    for (end, what) in [
        (read_list::<Pod>(Wire::Json, &schema::POD, json.as_bytes().chunks(1 << 16)).1.err(), "an object"),
        (read_watch::<Pod>(Wire::Json, &schema::POD, json.as_bytes().chunks(1 << 16)).1.err(), "an object"),
        (read_watch::<Pod>(Wire::Protobuf, &schema::POD, [&frame[..]]).1.err(), "an event"),
    ] {
        let limited = matches!(&end, Some(DecodeError::TooLarge { what: w, .. }) if *w == what);
        assert!(limited, "{what}: {end:?}");
    }
    // It is longer than its list, too.
    assert!(read_list::<Pod>(Wire::Protobuf, &schema::POD, [&*list]).1.is_err());
    let head = format!(r#"{{"kind":"PodList","metadata":{{"resourceVersion":"{long}"#);
    let end = read_list::<Pod>(Wire::Json, &schema::POD, head.as_bytes().chunks(1 << 16)).1;
    assert!(matches!(end, Err(DecodeError::TooLarge { .. })), "{end:?}");
}

#[test]
fn what_is_no_list_says_so() {
    let malformed = |bytes: &[u8], wire| read_list::<Pod>(wire, &schema::POD, bytes.chunks(3)).1.unwrap_err();
    for bytes in [
        "<html>",
        "[]",
        r#"{"items":[1]}"#,
        r#"{"items":[{}{}]}"#,
        r#"{"items":[{},]}"#,
        r#"{"items":[,{}]}"#,
        r#"{"kind":"PodList","metadata":{},"items":[]}}"#,
        r#"{"kind":"PodList","metadata":{},"items":[] x}"#,
        r#"{"kind":"PodList","items":[]}"#,
    ] {
        let error = malformed(bytes.as_bytes(), Wire::Json);
        assert!(matches!(error, DecodeError::Malformed { .. }), "{bytes}: {error:?}");
    }
    let pod = malformed(br#"{"kind":"Pod","apiVersion":"v1","metadata":{}}"#, Wire::Json);
    assert_eq!(pod, DecodeError::Kind { kind: "Pod".into(), expected: "a list" });
    let pod = malformed(&encode::envelope("v1", "Pod", b""), Wire::Protobuf);
    assert_eq!(pod, DecodeError::Kind { kind: "Pod".into(), expected: "a list" });
    assert!(matches!(malformed(b"k8t\0", Wire::Protobuf), DecodeError::Malformed { .. }));
    let mut two = encode::list(&schema::POD, &[]);
    two.extend(encode::bytes(2, b""));
    assert!(matches!(malformed(&two, Wire::Protobuf), DecodeError::Malformed { .. }));
}

#[test]
fn no_error_repeats_a_value() {
    let list = r#"{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{},
        {"spec":{"nodeName":{"hunter2":"hunter2"}},"status":"hunter2"}]}"#;
    let error = read_list::<Pod>(Wire::Json, &schema::POD, [list.as_bytes()]).1.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let DecodeError::Object { index: 1, at, why: ObjectError::Type { .. } } = error else {
        panic!("{error:?}")
    };
    assert!(list[at as usize..].starts_with(r#"{"spec""#));
    let lease = encode::bytes(2, &encode::bytes(2, b"hunter2"));
    let error = de::from_slice::<crate::evidence::objects::Lease>(&schema::LEASE, &lease).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
