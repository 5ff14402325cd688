//! The API servers' audit log held to a journal: nothing was written that was not meant, and nothing before it was.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::Value;

use crate::cluster::Cluster;

/// A request that changed something, or was meant to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Write {
    pub(crate) at: Timestamp,
    /// `PATCH /api/v1/nodes/cp1`
    pub(crate) request: String,
    /// The answer's status, if there was one.
    pub(crate) status: Option<u64>,
}

/// What a user asked of a control plane's API server that was no read, the oldest first.
pub(crate) fn writes(cluster: &Cluster, node: &str, user: &str) -> Result<Vec<Write>> {
    let command = format!("cat /var/log/kubernetes/audit*.log | grep -F '\"username\":\"{user}\"' || true");
    let text = cluster.ssh(node, &command)?;
    let mut writes: BTreeMap<String, Write> = BTreeMap::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let of =
            |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let method = match of("/verb").as_str() {
            "get" | "list" | "watch" => continue,
            "patch" => "PATCH",
            "create" => "POST",
            other => bail!("{user} did {other}: {line}"),
        };
        ensure!(of("/user/username") == user, "{line}");
        let at: Timestamp = of("/requestReceivedTimestamp").parse()?;
        let request = format!("{method} {}", of("/requestURI"));
        let write = writes.entry(of("/auditID")).or_insert(Write { at, request, status: None });
        write.status = event.pointer("/responseStatus/code").and_then(Value::as_u64).or(write.status);
    }
    let mut writes: Vec<Write> = writes.into_values().collect();
    writes.sort();
    Ok(writes)
}

/// What a journal meant to ask, the oldest first, each with the answer that it notes.
pub(crate) fn meant(journal: &[Value]) -> Result<Vec<Write>> {
    let mut meant: Vec<Write> = Vec::new();
    for entry in journal {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("what") {
            "requested" => {
                let request = text("request").split(' ').take(2).collect::<Vec<_>>().join(" ");
                meant.push(Write { at: text("at").parse()?, request, status: None });
            }
            "answered" => {
                let last = meant.last_mut().context("an answer to nothing")?;
                ensure!(last.request == text("request"), "{last:?} is answered by {entry}");
                last.status = entry.get("status").and_then(Value::as_u64);
            }
            _ => {}
        }
    }
    Ok(meant)
}

/// Holds each write to an intent of its own that was there before it; intents that never left are those that were
/// never answered.
pub(crate) fn compare(written: &[Write], meant: &[Write]) -> Result<()> {
    let mut left: Vec<&Write> = meant.iter().collect();
    for write in written {
        // The newest before it: one of a kubelift that was killed may never have left, and was meant again by the next.
        let intent = left.iter().rposition(|intent| intent.request == write.request && intent.at <= write.at);
        let intent = intent.with_context(|| format!("nothing was meant by {write:?}, of {meant:#?}"))?;
        let intent = left.remove(intent);
        ensure!(
            intent.status.is_none() || intent.status == write.status,
            "{write:?} was noted as {intent:?}"
        );
    }
    let lost: Vec<&&Write> = left.iter().filter(|intent| intent.status.is_some()).collect();
    ensure!(lost.is_empty(), "answered, and not in the audit log: {lost:#?}");
    Ok(())
}

#[test]
fn a_write_is_held_to_the_newest_intent_before_it() {
    let write = |second: i64, status| Write {
        at: Timestamp::from_second(second).unwrap_or_default(),
        request: "POST /x".to_owned(),
        status,
    };
    let killed_and_meant_again = [write(1, None), write(5, Some(201))];
    assert!(compare(&[write(6, Some(201))], &killed_and_meant_again).is_ok());
    assert!(compare(&[write(6, Some(201))], &[write(7, Some(201))]).is_err(), "written before it was meant");
    assert!(compare(&[write(6, Some(201))], &[]).is_err(), "never meant");
    assert!(compare(&[], &[write(5, Some(201))]).is_err(), "answered by nobody");
}
