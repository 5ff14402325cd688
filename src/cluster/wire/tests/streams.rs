//! Lists and watches in both encodings, cut anywhere, are what serde_json makes of the whole.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::evidence::objects::*;

/// `bytes`, cut at some points.
fn cut<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

fn whole_list(items: &[Value], metadata_first: bool, pretty: bool) -> Vec<u8> {
    let metadata = r#""metadata":{"resourceVersion":"4711","continue":"more","remainingItemCount":23}"#;
    let items = if pretty {
        serde_json::to_string_pretty(items).unwrap()
    } else {
        serde_json::to_string(items).unwrap()
    };
    let (first, second) = if metadata_first {
        (metadata.to_owned(), format!(r#""items" : {items}"#))
    } else {
        (format!(r#""items":{items}"#), metadata.to_owned())
    };
    format!(r#"{{"kind":"ThingList","apiVersion":"v1",{first},{second}}}"#).into_bytes()
}

/// Both encodings of the same random objects give the same slim objects, however they are cut.
fn agrees<T>(schema: &'static Message)
where
    T: DeserializeOwned + PartialEq + Debug,
{
    let objects = vec(generate::object(schema).prop_map(Value::Object), 0..4);
    let inputs = (objects, vec(any::<Index>(), 0..6), any::<bool>(), any::<bool>());
    let mut config = ProptestConfig::with_cases(48);
    config.failure_persistence = None;
    proptest::test_runner::TestRunner::new(config)
        .run(&inputs, |(objects, cuts, metadata_first, pretty)| {
            let expected: Vec<T> = objects.iter().map(|object| T::deserialize(object).unwrap()).collect();
            let meta = ListMeta {
                resource_version: "4711".into(),
                continue_token: Some("more".into()),
                remaining: Some(23),
            };
            let json = whole_list(&objects, metadata_first, pretty);
            let (items, end) = read_list::<T>(Wire::Json, schema, cut(&json, &cuts));
            prop_assert_eq!(&items, &expected);
            prop_assert_eq!(end.as_ref(), Ok(&meta));
            let protobuf = encode::list(schema, &objects);
            let (items, end) = read_list::<T>(Wire::Protobuf, schema, cut(&protobuf, &cuts));
            prop_assert_eq!(&items, &expected);
            prop_assert_eq!(end.as_ref(), Ok(&meta));
            Ok(())
        })
        .unwrap();
}

#[test]
fn every_kind_is_the_same_in_both_encodings() {
    agrees::<Pod>(&schema::POD);
    agrees::<Node>(&schema::NODE);
    for kind in Kind::ALL {
        agrees::<Workload>(schema::of_workload(kind));
    }
    agrees::<CsiNode>(&schema::CSI_NODE);
    agrees::<CsiDriver>(&schema::CSI_DRIVER);
    agrees::<PersistentVolume>(&schema::PERSISTENT_VOLUME);
    agrees::<StorageClass>(&schema::STORAGE_CLASS);
    agrees::<PodDisruptionBudget>(&schema::POD_DISRUPTION_BUDGET);
    agrees::<Lease>(&schema::LEASE);
    agrees::<EndpointSlice>(&schema::ENDPOINT_SLICE);
    agrees::<ConfigMap>(&schema::CONFIG_MAP);
    agrees::<ManagedObject>(&schema::OBJECT);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// Fields in any order, and split messages, are the same message.
    #[test]
    fn order_and_unknown_fields_do_not_matter(
        object in generate::object(&schema::POD),
        order in vec(any::<u64>(), 16),
        unknown in vec(any::<u8>(), 0..20),
    ) {
        let mut parts = encode::fields(&schema::POD, &object);
        // A spec in two halves, with half of the fields each, keeps what both have.
        if let Some(Value::Object(spec)) = object.get("spec") {
            parts.retain(|part| part[0] != 2 << 3 | 2);
            let spec = schema::POD.fields.iter().find(|field| field.name == "spec").map(|field| match field.of {
                schema::Type::Message(inner) => encode::fields(inner, spec),
                _ => panic!("spec is a message"),
            }).unwrap();
            let (first, second) = spec.split_at(spec.len() / 2);
            parts.extend([encode::bytes(2, &first.concat()), encode::bytes(2, &second.concat())]);
        }
        parts.push(encode::bytes(1000, &unknown));
        parts.push(encode::varint_field(30, -1));
        let mut shuffled: Vec<(u64, Vec<u8>)> = order.into_iter().zip(parts.clone()).collect();
        // The halves of the spec keep their order among themselves only if lists do not straddle them.
        shuffled.sort_by_key(|(key, part)| if part[0] == 2 << 3 | 2 { 0 } else { *key });
        let bytes: Vec<u8> = shuffled.into_iter().flat_map(|(_, part)| part).collect();
        let expected = Pod::deserialize(Value::Object(object)).unwrap();
        prop_assert_eq!(de::from_slice::<Pod>(&schema::POD, &bytes).unwrap(), expected);
    }

    #[test]
    fn watches_are_the_same_in_both_encodings(
        objects in vec((0..3_usize, generate::object(&schema::NODE)), 0..4),
        cuts in vec(any::<Index>(), 0..6),
        newline in any::<bool>(),
    ) {
        let kinds = ["ADDED", "MODIFIED", "DELETED"];
        let (mut json, mut protobuf, mut expected) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, object) in objects {
            json.extend(serde_json::to_vec(&json!({ "type": kinds[kind], "object": object })).unwrap());
            json.extend(newline.then_some(b'\n'));
            let raw = encode::envelope("v1", "Node", &encode::message(&schema::NODE, &object));
            protobuf.extend(encode::event(kinds[kind], &raw));
            let node = Node::deserialize(Value::Object(object)).unwrap();
            expected.push([WatchEvent::Added, WatchEvent::Modified, WatchEvent::Deleted][kind](node));
        }
        let expected = (expected, Ok(()));
        prop_assert_eq!(&read_watch(Wire::Json, &schema::NODE, cut(&json, &cuts)), &expected);
        prop_assert_eq!(&read_watch(Wire::Protobuf, &schema::NODE, cut(&protobuf, &cuts)), &expected);
    }
}

#[test]
fn a_list_without_items() {
    for list in [
        r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":null}"#,
        r#" { "items" : [ ] , "kind" : "PodList" , "metadata" : { "resourceVersion" : "7" } } "#,
        r#"{"metadata":{"resourceVersion":"7"},"kind":"PodList"}"#,
        // Neither a nested key, nor a value, nor an escaped quote makes items of what follows.
        r#"{"metadata":{"resourceVersion":"7","items":[{}]},"kind":"PodList","x":["items",[{}]],"y\"items":[{}]}"#,
    ] {
        let (items, end) = read_list::<Pod>(Wire::Json, &schema::POD, [list.as_bytes()]);
        assert_eq!((items.len(), end.unwrap().resource_version.as_str()), (0, "7"), "{list}");
    }
    let empty = encode::list(&schema::POD, &[]);
    let (items, end) = read_list::<Pod>(Wire::Protobuf, &schema::POD, [&*empty]);
    assert_eq!((items.len(), end.unwrap().remaining), (0, Some(23)));
}

#[test]
fn bookmarks_and_errors_in_a_watch() {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410,
        "reason": "Expired", "message": "too old resource version" });
    let mark = json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "resourceVersion": "99" } });
    let events =
        format!(r#"{{"object":{mark},"type":"BOOKMARK"}}{}{{"type":"ERROR","object":{status}}}"#, "\r\n ");
    let pod = encode::message(&schema::POD, mark.as_object().unwrap());
    let mut frames = encode::event("BOOKMARK", &encode::envelope("v1", "Pod", &pod));
    let raw = encode::message(&schema::STATUS, status.as_object().unwrap());
    frames.extend(encode::event("ERROR", &encode::envelope("v1", "Status", &raw)));
    for (wire, bytes) in [(Wire::Json, events.as_bytes()), (Wire::Protobuf, &frames)] {
        let (events, end) = read_watch::<Pod>(wire, &schema::POD, bytes.chunks(7));
        assert_eq!(end, Ok(()));
        let [WatchEvent::Bookmark { resource_version }, WatchEvent::Error(error)] = &events[..] else {
            panic!("{wire:?}: {events:?}")
        };
        assert_eq!((resource_version.as_str(), error.code, error.reason.as_str()), ("99", 410, "Expired"));
    }
}

#[test]
fn a_status_in_place_of_a_list() {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "pods is forbidden", "reason": "Forbidden", "details": { "kind": "pods", "retryAfterSeconds": 3 },
        "code": 403 });
    let json = serde_json::to_vec(&status).unwrap();
    let raw = encode::message(&schema::STATUS, status.as_object().unwrap());
    let protobuf = encode::envelope("v1", "Status", &raw);
    for (wire, bytes) in [(Wire::Json, &json), (Wire::Protobuf, &protobuf)] {
        let (_, end) = read_list::<Pod>(wire, &schema::POD, bytes.chunks(5));
        let Err(DecodeError::Status(from_list)) = end else { panic!("{wire:?}: {end:?}") };
        assert_eq!(from_list.to_string(), "the server says 403 Forbidden: pods is forbidden");
        assert_eq!(from_list.details.retry_after_seconds, Some(3));
        assert_eq!(object::status(wire, bytes).as_ref(), Some(&*from_list));
        assert_eq!(
            object::object::<ConfigMap>(wire, &schema::CONFIG_MAP, bytes),
            Err(DecodeError::Status(from_list))
        );
    }
    assert_eq!(object::status(Wire::Json, b"<html>502</html>"), None);
    assert_eq!(object::status(Wire::Json, br#"{"kind":"PodList","apiVersion":"v1"}"#), None);
}

#[test]
fn one_object() {
    let map = json!({ "kind": "ConfigMap", "apiVersion": "v1", "metadata": { "name": "coredns" },
        "data": { "Corefile": ".:53 {\n\terrors\n}\n" } });
    let json = serde_json::to_vec(&map).unwrap();
    let raw = encode::message(&schema::CONFIG_MAP, map.as_object().unwrap());
    let protobuf = encode::envelope("v1", "ConfigMap", &raw);
    for (wire, bytes) in [(Wire::Json, &json), (Wire::Protobuf, &protobuf)] {
        let read: ConfigMap = object::object(wire, &schema::CONFIG_MAP, bytes).unwrap();
        assert_eq!(read.data.get("Corefile").unwrap(), &".:53 {\n\terrors\n}\n");
    }
}
