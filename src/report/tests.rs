//! The JSON form is what `docs/findings.schema.json` says, and the table says what must not be missed.

use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::checks::{CHECKS, Proof, Remedy, Severity, Subject, Target};
use crate::evidence::{Evidence, Reason};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/findings.schema.json")).unwrap()
}

/// Checks `value` against the part of JSON Schema that ours uses; unknown properties are errors here, so that every
/// field that is written is documented.
fn conform(value: &Value, schema: &Value, root: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return conform(value, root.pointer(&reference[1..]).unwrap(), root, at);
    }
    let mut wrong = Vec::new();
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        one => vec![one.clone()],
    };
    if !kinds.iter().any(|k| k == kind) {
        wrong.push(format!("{at} is {kind}, not {kinds:?}"));
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        wrong.push(format!("{at}: {value} is not one of {allowed:?}"));
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        wrong.push(format!("{at}: {value} is not {constant}"));
    }
    if let Value::Object(map) = value {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !map.contains_key(name) {
                wrong.push(format!("{at}/{name} is missing"));
            }
        }
        for (name, value) in map {
            match schema["properties"].get(name) {
                Some(schema) => wrong.extend(conform(value, schema, root, &format!("{at}/{name}"))),
                None => wrong.push(format!("{at}/{name} is not documented")),
            }
        }
    }
    if let Value::Array(items) = value {
        for (index, item) in items.iter().enumerate() {
            wrong.extend(conform(item, &schema["items"], root, &format!("{at}/{index}")));
        }
    }
    wrong
}

fn snapshot() -> Snapshot {
    let at: jiff::Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    let cluster = Cluster {
        name: "prod".into(),
        server: "10.0.0.1:6443".into(),
        uid: Some("u".into()),
        ..Cluster::default()
    };
    let unread = Unread::new("list", "pods", Reason::Forbidden, "no").in_namespace("shop").of("x").at(at);
    let blocker = Finding {
        check: CHECKS.first().map(|check| check.id.to_owned()).unwrap_or_default(),
        remedy: Some(Remedy { summary: "mend it".into(), commands: vec!["true".into()] }),
        evidence: vec![Proof { saw: "it".into(), how: "GET /x".into(), at: Some(at) }],
        why: "because".into(),
        link: Some("https://kubernetes.io/".into()),
        ..Finding::new(
            "Broken",
            Severity::Blocker,
            Subject { line: Some(3), file: "a.yaml".into(), ..Subject::node("w1") },
            "it is broken",
        )
    };
    let unknown = Finding {
        check: blocker.check.clone(),
        ..Finding::unknown("Unread", Severity::Blocker, Subject::default(), &unread)
    };
    let mut evidence = Evidence::nothing(cluster, Scope::All, at);
    evidence.servers.unread.push(unread);
    Snapshot {
        generation: 1,
        kind: Kind::Inspect,
        evidence: Arc::new(evidence),
        target: Some(Target { from: Version::new(1, 30, 4), to: Version::new(1, 31, 14), chosen: true }),
        no_target: None,
        findings: vec![blocker, unknown].into(),
        judged_in_micros: 1,
        happened: Default::default(),
        playback: None,
        upgrade: None,
        no_upgrade: None,
        journal: Arc::from([]),
    }
}

fn written(snapshot: &Snapshot, format: Format) -> String {
    let mut out = Vec::new();
    write(snapshot, format, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn json_is_as_documented_with_and_without_a_target() {
    let schema = schema();
    let mut snapshot = snapshot();
    for _ in 0..2 {
        let value: Value = serde_json::from_str(&written(&snapshot, Format::Json)).unwrap();
        assert_eq!(conform(&value, &schema, &schema, ""), Vec::<String>::new());
        snapshot.target = None;
    }
    assert_eq!(serde_json::to_value(Report::of(&snapshot)).unwrap()["verdict"], "unknown");
}

#[test]
fn yaml_says_the_same_as_json() {
    let snapshot = snapshot();
    let json: Value = serde_json::from_str(&written(&snapshot, Format::Json)).unwrap();
    let yaml: Value = serde_yaml::from_str(&written(&snapshot, Format::Yaml)).unwrap();
    assert_eq!(json, yaml);
}

#[test]
fn the_table_names_findings_gaps_route_and_verdict() {
    let text = written(&snapshot(), Format::Table);
    for part in [
        "prod at 10.0.0.1:6443",
        "1.30.4 → 1.31.14",
        "chosen by kubelift",
        "it is broken",
        "do: mend it",
        "NOT READ",
        "list pods in shop of x: forbidden (no)",
        "BLOCKED",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let mut several = snapshot();
    several.target.as_mut().unwrap().to = Version::new(1, 33, 0);
    assert!(written(&several, Format::Table).contains("BLOCKED for the first hop, to 1.31 · 1 blocker(s)"));
}

#[test]
fn a_recording_that_is_not_whole_says_so_in_every_form() {
    let schema = schema();
    let mut snapshot = snapshot();
    assert!(Report::of(&snapshot).recording.is_none());
    let changed = Chain::Changed { frame: 2, why: "its hash is not that of its bytes".to_owned() };
    for (chain, state, says) in [
        (Chain::Whole, "whole", None),
        (Chain::Cut { frames: 2 }, "cut", Some("is cut: 2 frames hold")),
        (changed, "changed", Some("CHANGED at frame 2: its hash is not")),
    ] {
        snapshot.kind = Kind::Recording { file: "a.rec".to_owned(), at: snapshot.evidence.at, chain };
        for text in [written(&snapshot, Format::Json), written(&snapshot, Format::Yaml)] {
            let value: Value = serde_yaml::from_str(&text).unwrap();
            assert_eq!(conform(&value, &schema, &schema, ""), Vec::<String>::new());
            assert_eq!(value["recording"]["state"], state);
            let warning = value["recording"]["warning"].as_str();
            assert!(
                warning.is_some() == says.is_some()
                    && warning.unwrap_or_default().contains(says.unwrap_or(""))
            );
        }
        let table = written(&snapshot, Format::Table);
        assert!(table.contains("the recording a.rec of 2026-11-24T12:00:00Z"), "{table}");
        assert_eq!(table.contains("WARNING"), says.is_some(), "{table}");
        assert!(table.contains(says.unwrap_or("")), "{table}");
    }
}
