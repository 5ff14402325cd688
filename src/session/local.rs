//! What a session reads from folders of this machine: outputs of the probe, and snapshots of etcd.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::options::{Document, FactsFrom, Options};
use crate::evidence::{Evidence, FoundBackups, NodeFacts, Reading, Reason, Scope, Stamp, Unread};
use crate::hosts::backups::{ScanError, scan_dir};
use crate::hosts::facts::{Assigned, FactsError, Loaded, NodeIdentity, assign, load_dir};
use crate::hosts::probe;
use crate::text::Text;

/// For how long snapshots are hashed; what is not reached by then is said to be saved, not verified.
const HASHING: Duration = Duration::from_secs(60);

/// What was read from folders.
#[derive(Debug, Clone)]
pub struct Local {
    node_facts: BTreeMap<Text, Reading<NodeFacts>>,
    strays: Vec<Unread>,
    backups: Reading<FoundBackups>,
}

impl Local {
    /// What is known before the folders are read.
    pub fn pending(options: &Options) -> Self {
        let pending = |verb, what| Unread::new(verb, what, Reason::Pending, "");
        let facts = match options.node_facts {
            FactsFrom::Nowhere => None,
            FactsFrom::Folder(_) | FactsFrom::Documents(_) => Some(pending("probe", "node facts")),
        };
        Self {
            node_facts: BTreeMap::new(),
            strays: facts.into_iter().collect(),
            backups: Reading::Unread(pending("stat", "backups")),
        }
    }

    /// Reads the folders that `options` name. Documents are given to the nodes of `evidence`.
    pub async fn load(options: &Options, evidence: &Evidence) -> Self {
        let identities: Vec<NodeIdentity> = evidence.objects.nodes.iter().map(NodeIdentity::from).collect();
        // What is left out is not looked at, either.
        let (facts, backups) = match options.scope {
            Scope::All => (options.node_facts.clone(), options.backups.clone()),
            Scope::Api => (FactsFrom::Nowhere, None),
        };
        let load = move || Self::load_now(&facts, backups.as_deref(), &identities);
        tokio::task::spawn_blocking(load).await.unwrap_or_else(|error| Self::failed(&error.to_string()))
    }

    fn load_now(facts: &FactsFrom, backups: Option<&Path>, nodes: &[NodeIdentity]) -> Self {
        let Assigned { nodes: node_facts, strays, superseded } = match facts {
            FactsFrom::Folder(folder) => match load_dir(folder) {
                Ok(loaded) => assign(nodes, loaded),
                Err(error) => unreadable(nodes, folder, &error),
            },
            FactsFrom::Documents(documents) => of_documents(nodes, documents),
            FactsFrom::Nowhere => Assigned::default(),
        };
        for old in superseded {
            tracing::info!(node = %old.node, file = %old.file, by = %old.by, "an older file of node facts is not used");
        }
        Self { node_facts, strays, backups: found(backups) }
    }

    fn failed(message: &str) -> Self {
        let unread = |verb, what| Unread::new(verb, what, Reason::Malformed, message);
        Self {
            node_facts: BTreeMap::new(),
            strays: vec![unread("probe", "node facts")],
            backups: Reading::Unread(unread("stat", "backups")),
        }
    }

    /// Puts what was read into `evidence`, but for what its scope leaves out.
    pub fn add_to(&self, evidence: &mut Evidence) {
        evidence.node_facts.clone_from(&self.node_facts);
        evidence.stray_facts.clone_from(&self.strays);
        evidence.backups.clone_from(&self.backups);
        evidence.keep_scope();
    }
}

fn no_facts(node: &Text, unread: Unread) -> (Text, Reading<NodeFacts>) {
    (node.clone(), Reading::Unread(unread.of(node)))
}

/// Gives documents to their nodes. A machine that gave none is the node of its name: nobody else could say why.
fn of_documents(nodes: &[NodeIdentity], documents: &[Document]) -> Assigned {
    let said = documents.iter().filter_map(|(name, document)| Some((name, document.as_ref().ok()?)));
    let loaded = said.map(|(name, document)| Loaded {
        file: name.as_str().into(),
        facts: probe::parse(document.as_bytes()).map_err(FactsError::from),
    });
    let mut assigned = assign(nodes, loaded.collect());
    for (name, document) in documents {
        if let (Err(why), Some(Reading::Unread(unread))) = (document, assigned.nodes.get_mut(name.as_str())) {
            *unread = Unread::new("probe", "node facts", Reason::Unreachable, why).of(name);
        }
    }
    assigned
}

fn unreadable(nodes: &[NodeIdentity], folder: &Path, error: &FactsError) -> Assigned {
    let unread = Unread::new("probe", "node facts", Reason::Absent, &error.to_string());
    let folder = folder.display().to_string();
    Assigned {
        nodes: nodes.iter().map(|node| no_facts(&node.name, unread.clone())).collect(),
        strays: vec![unread.of(&folder)],
        superseded: Vec::new(),
    }
}

fn found(folder: Option<&Path>) -> Reading<FoundBackups> {
    let Some(folder) = folder.map(PathBuf::from) else {
        return Reading::Unread(Unread::new("stat", "backups", Reason::NotProvided, "no --backups"));
    };
    let began = Instant::now();
    let name = folder.display().to_string();
    match scan_dir(&folder, &|| began.elapsed() < HASHING) {
        Ok(scan) => Reading::Read {
            stamp: Stamp { at: Timestamp::now(), how: format!("stat {name}").into() },
            value: FoundBackups { folder: name.into(), snapshots: scan.snapshots, unread: scan.unread },
        },
        Err(error) => {
            let reason = match error {
                ScanError::Missing(_) | ScanError::NotAFolder(_) => Reason::Absent,
                ScanError::Io { .. } => Reason::Forbidden,
            };
            let unread = Unread::new("stat", "backups", reason, &error.to_string());
            Reading::Unread(unread.of(&name).at(Timestamp::now()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Cluster;
    use crate::session::Kind;

    #[tokio::test]
    async fn why_a_machine_said_nothing_is_known() {
        let node = |name: &str, boot: &str| {
            let info = serde_json::json!({ "bootID": boot });
            serde_json::from_value(
                serde_json::json!({ "metadata": { "name": name }, "status": { "nodeInfo": info } }),
            )
            .unwrap()
        };
        let stamp = Stamp { at: Timestamp::UNIX_EPOCH, how: "x".into() };
        let mut evidence = Evidence::nothing(Cluster::default(), Scope::All, Timestamp::UNIX_EPOCH);
        evidence.objects.nodes =
            crate::evidence::Listing::complete("nodes", vec![node("w1", "b1"), node("w2", "b2")], stamp);
        let document = crate::sim::start("clean", crate::sim::Options::default()).await.unwrap();
        let document = document.hosts().probe("w1", None).unwrap();
        let boot: serde_json::Value = serde_json::from_str(&document).unwrap();
        let document = document.replace(boot["bootId"].as_str().unwrap(), "b1");
        let documents = [
            ("w1".to_owned(), Ok(document)),
            ("w2".to_owned(), Err("w2 does not answer: no route".to_owned())),
        ];
        let options = Options {
            kind: Kind::Inspect,
            target: None,
            scope: Scope::All,
            node_facts: FactsFrom::Documents(documents.into()),
            backups: None,
        };
        Local::load(&options, &evidence).await.add_to(&mut evidence);
        assert!(evidence.facts_of("w1").is_ok(), "{:?}", evidence.facts_of("w1"));
        let unread = evidence.facts_of("w2").unwrap_err();
        assert_eq!(unread.to_string(), "probe node facts of w2: unreachable (w2 does not answer: no route)");
    }
}
