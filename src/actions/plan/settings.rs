//! What a plan is made with beside evidence: settings, and what the operator decided so far.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::checks::common::shell::quote;
use crate::text::Text;

/// Where backups go, and where the probe looks for them without being told.
pub const DEFAULT_BACKUP_FOLDER: &str = "/var/backups/etcd";

/// How the operator wants the upgrade done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Preflight checks that kubeadm shall only warn of.
    pub ignore_preflight_errors: Vec<String>,
    /// A folder on every node with kubeadm's patches.
    pub patches: Option<String>,
    /// The folder on a control plane that backups go to.
    pub backup_folder: String,
    /// The folder on this machine that outputs of the probe are looked for in.
    pub node_facts: Option<String>,
}

impl Settings {
    /// The line that makes a probe of a node after a step's commands, for a shell of this machine. The file appears
    /// whole or not at all.
    pub fn probe(&self, node: &str, nonce: &str) -> String {
        let folder = self.node_facts.as_deref().unwrap_or("node-facts").trim_end_matches('/');
        let (part, whole) =
            (quote(&format!("{folder}/.{node}.json.part")), quote(&format!("{folder}/{node}.json")));
        let backups = if self.backup_folder == DEFAULT_BACKUP_FOLDER {
            String::new()
        } else {
            format!("KUBELIFT_BACKUPS={} ", quote(&self.backup_folder))
        };
        let remote = quote(&format!("{backups}KUBELIFT_NONCE={nonce} sh -s"));
        format!(
            "kubelift probe --script | ssh {} {remote} > {part} && mv {part} {whole}",
            quote(&format!("root@{node}"))
        )
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ignore_preflight_errors: Vec::new(),
            patches: None,
            backup_folder: DEFAULT_BACKUP_FOLDER.to_owned(),
            node_facts: None,
        }
    }
}

/// A finding that was let through: its code and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// The finding's code, which the operator types.
    pub code: String,
    /// The finding's subject.
    pub subject: String,
}

/// What holds a step up until it is mended or consented to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// What is consented to.
    pub consent: Consent,
    /// What is typed to consent.
    pub answer: String,
    /// What may happen, in a sentence.
    pub why: String,
}

/// A step that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When.
    pub started: Timestamp,
    /// What a probe must return to count as made after the step.
    pub nonce: Text,
    /// Whether the operator, or the machine, said that its commands have run.
    pub said: bool,
    /// Why it failed, if it did.
    pub failed: Option<String>,
    /// When its end was observed. From then on any later probe may speak of it.
    pub ended: Option<Timestamp>,
}

impl Attempt {
    /// Whether it has come to no end, good or bad.
    pub const fn is_open(&self) -> bool {
        self.ended.is_none() && self.failed.is_none()
    }
}

/// What the operator decided so far: from the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Decisions {
    /// Findings that were let through.
    pub consents: BTreeSet<Consent>,
    /// Steps left out, with the reason.
    pub skipped: BTreeMap<String, String>,
    /// The newest attempt at each step.
    pub attempts: BTreeMap<String, Attempt>,
    /// The mark of this upgrade's own cordons.
    pub owner: Text,
}

impl Decisions {
    /// The newest attempt at a step.
    pub fn attempt(&self, step: &str) -> Option<&Attempt> {
        self.attempts.get(step)
    }
}
