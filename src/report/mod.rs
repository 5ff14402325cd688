//! Reports: the findings of a session, without screens.

pub mod plan;
mod table;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use serde::Serialize;

use crate::checks::{Finding, Verdict};
use crate::evidence::{Cluster, Scope, Unread};
use crate::session::recording::Chain;
use crate::session::{Kind, Snapshot};
use crate::version::Version;

/// The version of the JSON form, as `docs/findings.schema.json` describes it. It counts up when a field
/// is taken away or changes its meaning; new fields do not change it.
pub const SCHEMA_VERSION: u32 = 1;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For machines: see `docs/findings.schema.json`, of a plan `docs/plan.md`.
    Json,
    /// The same as JSON, in YAML.
    Yaml,
}

impl Format {
    /// Writes `value` for machines, or what `table` writes for people.
    fn write(
        self,
        value: &impl Serialize,
        table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Table => table(out),
            Self::Json => {
                serde_json::to_writer_pretty(&mut *out, value)?;
                writeln!(out)
            }
            Self::Yaml => {
                let text = serde_yaml::to_string(value).map_err(io::Error::other)?;
                out.write_all(text.as_bytes())
            }
        }
    }
}

/// The findings of a session, as machines read them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<'a> {
    /// [`SCHEMA_VERSION`]
    pub schema_version: u32,
    /// The version of kubelift.
    pub kubelift: &'static str,
    /// Which cluster.
    pub cluster: &'a Cluster,
    /// When the newest part of the evidence was observed.
    pub observed_at: jiff::Timestamp,
    /// The recording that the evidence was read from; absent for a cluster that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<Recorded<'a>>,
    /// What was to be covered.
    pub scope: Scope,
    /// The version that the upgrade starts from; absent while none is known.
    pub from: Option<&'a Version>,
    /// The version that it goes to; absent while none is known.
    pub target: Option<&'a Version>,
    /// Whether kubelift chose the target: the newest known patch of the next minor.
    pub target_chosen: bool,
    /// The answer.
    pub verdict: Verdict,
    /// What the checks said, in the order of panes.
    pub findings: &'a [Finding],
    /// Everything that was not read.
    pub unread: Vec<Unread>,
}

/// Which recording a report is on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded<'a> {
    /// Its file's name.
    pub file: &'a str,
    /// When its evidence was written.
    pub written_at: jiff::Timestamp,
    /// Whether it is as it was written: `whole`, `cut` or `changed`.
    pub state: &'static str,
    /// What is wrong with it, in a sentence; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

impl<'a> Recorded<'a> {
    /// The recording that a session is on, if it is on one.
    pub fn of(snapshot: &'a Snapshot) -> Option<Self> {
        let (file, at, chain) = match (&snapshot.kind, &snapshot.playback) {
            (Kind::Recording { file, at, chain }, _) => (file, at, chain),
            (Kind::Replay { file, chain }, Some(playback)) => (file, &playback.wall, chain),
            _ => return None,
        };
        let state = match chain {
            Chain::Whole => "whole",
            Chain::Cut { .. } => "cut",
            Chain::Changed { .. } => "changed",
        };
        Some(Self { file, written_at: *at, state, warning: chain.warning() })
    }
}

impl<'a> Report<'a> {
    /// The report on a snapshot.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let target = snapshot.target.as_ref();
        Self {
            schema_version: SCHEMA_VERSION,
            kubelift: env!("CARGO_PKG_VERSION"),
            cluster: &snapshot.evidence.cluster,
            observed_at: snapshot.evidence.at,
            recording: Recorded::of(snapshot),
            scope: snapshot.evidence.scope,
            from: target.map(|target| &target.from),
            target: target.map(|target| &target.to),
            target_chosen: target.is_some_and(|target| target.chosen),
            verdict: snapshot.verdict(),
            findings: &snapshot.findings,
            unread: snapshot.evidence.unread(),
        }
    }
}

/// Writes the report on `snapshot`.
///
/// # Errors
/// When `out` refuses.
pub fn write(snapshot: &Snapshot, format: Format, out: &mut dyn Write) -> io::Result<()> {
    format.write(&Report::of(snapshot), |out| table::write(snapshot, out), out)
}
