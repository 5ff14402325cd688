//! Hand-built evidence for tests: a small healthy cluster in which everything was read, and ways to change it.

#![allow(dead_code, unused_imports)]

mod objects;
mod unread;
mod world;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use objects::{facts, node, running, static_pod};
pub(crate) use world::{NODES, World};

use super::{Finding, Severity};
use crate::evidence::{Reading, Stamp};

/// The moment of every read.
pub(crate) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// `hours` before [`now`].
pub(crate) fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

pub(crate) fn stamp(how: &str) -> Stamp {
    Stamp { at: now(), how: how.into() }
}

pub(crate) fn read<T>(how: &str, value: T) -> Reading<T> {
    Reading::Read { stamp: stamp(how), value }
}

/// The findings with a code, as `severity subject`.
pub(crate) fn of_code(findings: &[Finding], code: &str) -> Vec<String> {
    let with_code = findings.iter().filter(|finding| finding.code == code);
    with_code.map(|finding| format!("{} {}", finding.severity, finding.subject)).collect()
}

/// The codes that are not passes, each once, sorted.
pub(crate) fn codes(findings: &[Finding]) -> Vec<&str> {
    let mut codes: Vec<&str> =
        findings.iter().filter(|f| f.severity != Severity::Pass).map(|f| f.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The only finding with a code.
pub(crate) fn only<'a>(findings: &'a [Finding], code: &str) -> &'a Finding {
    let mut with_code = findings.iter().filter(|finding| finding.code == code);
    match (with_code.next(), with_code.next()) {
        (Some(finding), None) => finding,
        _ => panic!("not one {code} in {findings:#?}"),
    }
}

pub(crate) fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
