//! The tables against upstream's `.proto` files: `tests/fixtures/wire/proto.sh` says how they were extracted.

use std::collections::{BTreeMap, BTreeSet};

use super::schema::{self, MAX_FIELDS, Message, Type};
use crate::evidence::objects::Kind;

const RELEASES: [(&str, &str); 2] = [
    ("0.30.14", include_str!("../../../../tests/fixtures/wire/proto-0.30.14.txt")),
    ("0.37.2", include_str!("../../../../tests/fixtures/wire/proto-0.37.2.txt")),
];

/// All messages that are reached from a list or an object, by name.
fn messages() -> Vec<&'static Message> {
    fn collect(message: &'static Message, depth: usize, found: &mut Vec<&'static Message>) {
        assert!(depth < 16, "{} is nested without end", message.name);
        if !found.iter().any(|other| std::ptr::eq(*other, message)) {
            found.push(message);
        }
        for field in message.fields {
            if let Type::Message(inner) | Type::Inline(inner) | Type::Messages(inner) = field.of {
                collect(inner, depth + 1, found);
            }
        }
    }
    let mut found = Vec::new();
    for kind in Kind::ALL {
        collect(schema::of_workload(kind), 0, &mut found);
    }
    for resource in [
        "nodes",
        "pods",
        "configmaps",
        "persistentvolumes",
        "csinodes.storage.k8s.io",
        "csidrivers.storage.k8s.io",
        "storageclasses.storage.k8s.io",
        "poddisruptionbudgets.policy",
        "leases.coordination.k8s.io",
        "endpointslices.discovery.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
    ] {
        collect(schema::of_resource(resource), 0, &mut found);
    }
    collect(&schema::LIST_META, 0, &mut found);
    collect(&schema::STATUS, 0, &mut found);
    found
}

/// What a `.proto` file says of a field of our type: its label, and its type.
fn as_declared(of: &Type) -> (&'static str, Vec<&'static str>) {
    match of {
        Type::String => ("optional", vec!["string"]),
        Type::Bool => ("optional", vec!["bool"]),
        Type::Int => ("optional", vec!["int32", "int64"]),
        Type::Time => ("optional", vec!["Time"]),
        Type::MicroTime => ("optional", vec!["MicroTime"]),
        Type::Message(message) | Type::Inline(message) => ("optional", vec![message.name]),
        Type::Strings => ("repeated", vec!["string"]),
        Type::Messages(message) => ("repeated", vec![message.name]),
        Type::StringMap => ("map", vec!["string"]),
        Type::TimeMap => ("map", vec!["Time"]),
        Type::IntOrString => ("optional", vec!["IntOrString"]),
    }
}

#[test]
fn fields_are_what_upstream_declares() {
    for (release, declared) in RELEASES {
        let mut fields = BTreeMap::new();
        let mut numbers = BTreeSet::new();
        for line in declared.lines() {
            let [message, number, name, label, of] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let number: u32 = number.parse().unwrap();
            // Two messages of one name in two packages would be told apart by nothing.
            assert_eq!(fields.insert((message, name), (number, label, of)), None, "{release}: {line}");
            assert!(numbers.insert((message, number)), "{release}: {line}");
        }
        for message in messages().into_iter().filter(|message| !message.name.is_empty()) {
            for field in message.fields {
                let (label, types) = as_declared(&field.of);
                let Some(&(number, is, of)) = fields.get(&(message.name, field.name)) else {
                    panic!("{release}: {} has no {}", message.name, field.name)
                };
                let named = format!("{release}: {}.{}", message.name, field.name);
                assert_eq!((number, is), (field.number, label), "{named}");
                // A message without a name stands for any: only its presence counts.
                assert!(types == [""] || types.contains(&of), "{named} is {of}, not {types:?}");
            }
        }
    }
}

#[test]
fn tables_are_well_formed() {
    for message in messages() {
        let inline: Vec<_> = message.fields.iter().filter(|f| matches!(f.of, Type::Inline(_))).collect();
        assert!(inline.len() <= 1, "{} has more than one inline message", message.name);
        let inner = inline.first().map_or(&[][..], |field| match field.of {
            Type::Inline(inner) => inner.fields,
            _ => &[],
        });
        assert!(message.fields.len() + inner.len() <= MAX_FIELDS, "{} is too large", message.name);
        assert!(inner.iter().all(|field| !matches!(field.of, Type::Inline(_))), "{}", message.name);
        let numbers: BTreeSet<u32> = message.fields.iter().map(|field| field.number).collect();
        assert_eq!(numbers.len(), message.fields.len(), "{} names a number twice", message.name);
        let names: BTreeSet<&str> = message.fields.iter().chain(inner).map(|field| field.name).collect();
        assert_eq!(names.len(), message.fields.len() + inner.len(), "{} names a field twice", message.name);
        for field in message.fields.iter().filter(|field| field.omit_zero) {
            assert!(matches!(field.of, Type::Int | Type::Bool), "{}", field.name);
        }
    }
}
