//! The node probe: its script, how it is run, and its document as typed facts.

use std::time::Duration;

use super::shell::{LocalShell, Script, Shell, ShellError};
use crate::evidence::node_facts::{NodeFacts, SCHEMA_VERSION};
use crate::text::Document;

/// The probe: one read-only POSIX shell script, which prints one JSON document. It says itself what it reads.
pub const SCRIPT: &str = include_str!("probe.sh");

/// No document of the probe is larger than this, in bytes; the probe itself stops at 3 MiB.
pub const SIZE_LIMIT: u64 = 4 * 1024 * 1024;

/// The probe has this long. It bounds each of its own reads, and hashes snapshots for a minute at most.
pub const TIME_LIMIT: Duration = Duration::from_secs(180);

/// What the probe answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The document as it was printed.
    pub json: String,
    /// The same, typed.
    pub facts: NodeFacts,
}

/// Why there are no facts.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The script did not run to its end.
    #[error("the probe did not run: {0}")]
    Shell(#[from] ShellError),
    /// It ended with a code other than 0.
    #[error("the probe ended with exit code {}: {}", .code.map_or("none".to_owned(), |c| c.to_string()), .stderr.trim())]
    Failed {
        /// Its exit code.
        code: Option<i32>,
        /// What it complained of.
        stderr: Document,
    },
    /// The document could not be understood.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// Why a document is not one of the probe.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, cut off, or a field of another type.
    #[error("not a document of the probe: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON of somebody else.
    #[error("not a document of the probe: it does not say \"probe\": \"kubelift\"")]
    Foreign,
    /// A newer probe's.
    #[error(
        "a document of schema version {0}; this kubelift knows {SCHEMA_VERSION}. A newer kubelift can read it"
    )]
    Newer(u32),
    /// Larger than [`SIZE_LIMIT`].
    #[error("larger than {SIZE_LIMIT} bytes, which no document of the probe is")]
    TooLarge,
}

/// Reads a document of the probe.
pub fn parse(json: &[u8]) -> Result<NodeFacts, DocumentError> {
    if json.len() as u64 > SIZE_LIMIT {
        return Err(DocumentError::TooLarge);
    }
    let facts: NodeFacts = serde_json::from_slice(json)?;
    if facts.probe != "kubelift" {
        return Err(DocumentError::Foreign);
    }
    if facts.schema_version > SCHEMA_VERSION {
        return Err(DocumentError::Newer(facts.schema_version));
    }
    Ok(facts)
}

/// Runs the probe on this machine.
pub async fn run_local() -> Result<Answer, ProbeError> {
    // Nobody asked for a nonce or for another root, whatever is exported here.
    run(&LocalShell, vec![("KUBELIFT_ROOT", String::new()), ("KUBELIFT_NONCE", String::new())]).await
}

/// Runs the probe where `shell` leads to. What it may be told by `environment`, it says itself.
pub(super) async fn run(
    shell: &dyn Shell,
    environment: Vec<(&'static str, String)>,
) -> Result<Answer, ProbeError> {
    let script = Script { text: SCRIPT, environment, time_limit: TIME_LIMIT, output_limit: SIZE_LIMIT };
    let output = shell.run(script).await?;
    if output.code != Some(0) {
        return Err(ProbeError::Failed { code: output.code, stderr: output.stderr });
    }
    let facts = parse(&output.stdout)?;
    Ok(Answer { json: String::from_utf8_lossy(&output.stdout).into_owned(), facts })
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
