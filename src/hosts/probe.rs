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
mod tests {
    use super::*;
    use crate::evidence::node_facts::{CgroupVersion, Known};

    #[tokio::test]
    async fn this_machine_answers() {
        let folder = tempfile::tempdir().unwrap();
        let question =
            Question { nonce: Some("n-1 \"\\".to_owned()), backups: vec![folder.path().to_path_buf()] };
        let answer = run_local(&question).await.unwrap();
        let facts = &answer.facts;
        assert_eq!(facts.nonce.as_deref(), Some("n-1 \"\\"));
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        assert_eq!(facts.boot_id.as_deref(), Some(boot_id.trim()));
        assert_eq!(facts.why_unread("probe"), None);
        let looked = &facts.backups.as_ref().unwrap().looked;
        assert_eq!(looked.len(), 1);
        assert_eq!(&*looked[0].path, folder.path().to_str().unwrap());
        assert_eq!(looked[0].state, "read");
        assert_eq!(parse(answer.json.as_bytes()).unwrap(), answer.facts);
    }

    #[tokio::test]
    async fn a_folder_that_would_be_two_is_refused() {
        let question = Question { nonce: None, backups: vec!["/a:b".into()] };
        assert!(matches!(run_local(&question).await.unwrap_err(), ProbeError::Folder(_)));
    }

    #[test]
    fn what_is_not_a_document_of_the_probe_is_refused() {
        let error = |json: &str| parse(json.as_bytes()).unwrap_err().to_string();
        assert!(error("{}").contains("does not say"));
        assert!(error(r#"{"probe":"kubelift","schemaVersion":2}"#).contains("newer kubelift"));
        assert!(error(r#"{"probe":"kubelift","sch"#).contains("EOF"));
        assert!(error(r#"{"probe":"kubelift","disk":3}"#).contains("expected a sequence"));
        let large = vec![b' '; SIZE_LIMIT as usize + 1];
        assert!(matches!(parse(&large).unwrap_err(), DocumentError::TooLarge));
    }

    fn fixture(name: &str) -> NodeFacts {
        let path = format!("{}/tests/fixtures/node-facts/{name}.json", env!("CARGO_MANIFEST_DIR"));
        parse(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn a_machine_that_is_no_node_says_so() {
        for name in ["plain-root", "plain-user"] {
            let facts = fixture(name);
            let kubelet = facts.kubelet.as_ref().unwrap();
            assert_eq!((kubelet.path.as_ref(), kubelet.version.as_ref()), (None, None));
            assert_eq!(facts.cgroup.as_ref().unwrap().version, Some(CgroupVersion::Hybrid));
            assert_eq!(facts.app_armor.as_ref().unwrap().is_on(), Some(false));
            assert_eq!(facts.etcd.as_ref().unwrap().local, Some(false));
            assert_eq!(facts.read("staticPods", &facts.static_pods), Known::Read(&vec![]));
        }
        let user = fixture("plain-user");
        let backups = user.read("backups", &user.backups);
        assert_eq!(backups.reason(), Some("a folder above it is closed to uid 65534"));
        assert!(fixture("plain-root").is_whole_view());
    }

    #[test]
    fn unknown_fields_and_missing_ones_are_no_error() {
        let facts =
            parse(br#"{"probe":"kubelift","schemaVersion":1,"new":{"a":[1]},"etcd":{"new":1}}"#).unwrap();
        assert_eq!(facts.etcd.unwrap().local, None);
        assert_eq!(facts.uid, None);
    }
}
