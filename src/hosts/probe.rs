//! The node probe: its script, how it is run, and its document as typed facts.

use std::path::PathBuf;
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

/// What to ask the probe.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Comes back in the document, so that an answer is known to be one to this question.
    pub nonce: Option<String>,
    /// Folders that may hold snapshots of etcd, in place of the usual ones.
    pub backups: Vec<PathBuf>,
}

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
    /// A folder's name cannot be told to a shell in a list.
    #[error("{} cannot be given to the probe: a colon, or not UTF-8", .0.display())]
    Folder(PathBuf),
    /// The document could not be understood.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The answer is not one to this question.
    #[error("the probe's answer does not carry the nonce that it was given")]
    Nonce,
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

/// Runs the probe where `shell` leads to.
pub async fn run(shell: &dyn Shell, question: &Question) -> Result<Answer, ProbeError> {
    let mut environment = vec![("KUBELIFT_ROOT", String::new())];
    environment.push(("KUBELIFT_NONCE", question.nonce.clone().unwrap_or_default()));
    if !question.backups.is_empty() {
        environment.push(("KUBELIFT_BACKUPS", joined(&question.backups)?));
    }
    let script = Script { text: SCRIPT, environment, time_limit: TIME_LIMIT, output_limit: SIZE_LIMIT };
    let output = shell.run(script).await?;
    if output.code != Some(0) {
        return Err(ProbeError::Failed { code: output.code, stderr: output.stderr });
    }
    let facts = parse(&output.stdout)?;
    if question.nonce.as_deref() != facts.nonce.as_deref() {
        return Err(ProbeError::Nonce);
    }
    Ok(Answer { json: String::from_utf8_lossy(&output.stdout).into_owned(), facts })
}

/// Runs the probe on this machine.
pub async fn run_local(question: &Question) -> Result<Answer, ProbeError> {
    run(&LocalShell, question).await
}

fn joined(folders: &[PathBuf]) -> Result<String, ProbeError> {
    let texts = folders.iter().map(|folder| {
        let text = folder.to_str().filter(|text| !text.contains(':'));
        text.ok_or_else(|| ProbeError::Folder(folder.clone()))
    });
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join(":"))
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
