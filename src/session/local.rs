//! What a session reads from folders of this machine: outputs of the probe, and snapshots of etcd.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::options::{Document, FactsFrom, Options};
use crate::evidence::{Evidence, FoundBackups, NodeFacts, Reading, Reason, Scope, Stamp, Unread};
use crate::hosts::backups::{ScanError, scan_dir};
use crate::hosts::facts::{Assigned, FactsError, Loaded, NodeIdentity, assign, load_dir};
use crate::hosts::parsed::Parsed;
use crate::hosts::probe;
use crate::text::Text;

/// For how long snapshots are hashed; what is not reached by then is said to be saved, not verified.
const HASHING: Duration = Duration::from_secs(60);

/// What was read from folders.
#[derive(Debug, Clone)]
pub struct Local {
    /// What the machines say of themselves.
    pub(super) facts: Facts,
    /// Snapshots of etcd.
    pub(super) backups: Reading<FoundBackups>,
}

/// What the machines say of themselves, and files that belong to none.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    nodes: BTreeMap<Text, Reading<Arc<NodeFacts>>>,
    strays: Vec<Unread>,
}

impl Facts {
    pub(super) fn failed(message: &str) -> Self {
        let unread = Unread::new("probe", "node facts", Reason::Malformed, message);
        Self { nodes: BTreeMap::new(), strays: vec![unread] }
    }

    #[cfg(test)]
    pub(super) fn strays(&self) -> &[Unread] {
        &self.strays
    }

    fn load(options: &Options, nodes: &[NodeIdentity], parsed: &mut Parsed) -> Self {
        let Assigned { nodes, strays, superseded } = match &options.node_facts {
            FactsFrom::Folder(folder) => match load_dir(folder, parsed) {
                Ok(loaded) => assign(nodes, loaded),
                Err(error) => unreadable(nodes, folder, &error),
            },
            FactsFrom::Documents(documents) => of_documents(nodes, documents),
            FactsFrom::Machines(machines) => of_documents(nodes, &machines.probe_all(&options.nonces)),
            FactsFrom::Nowhere => Assigned::default(),
        };
        for old in superseded {
            tracing::info!(node = %old.node, file = %old.file, by = %old.by, "an older file of node facts is not used");
        }
        Self { nodes, strays }
    }
}

impl Local {
    /// What is known before the folders are read.
    pub fn pending(options: &Options) -> Self {
        let pending = |verb, what| Unread::new(verb, what, Reason::Pending, "");
        let strays = match options.node_facts {
            FactsFrom::Nowhere => Vec::new(),
            FactsFrom::Folder(_) | FactsFrom::Documents(_) | FactsFrom::Machines(_) => {
                vec![pending("probe", "node facts")]
            }
        };
        Self {
            facts: Facts { nodes: BTreeMap::new(), strays },
            backups: Reading::Unread(pending("stat", "backups")),
        }
    }

    /// Reads the folders that `options` name. Documents are given to the nodes of `evidence`.
    pub async fn load(options: &Options, evidence: &Evidence) -> Self {
        let (facts, _) = Self::load_facts(options.clone(), evidence, Parsed::default()).await;
        Self { facts, backups: Self::load_backups(options.clone()).await }
    }

    /// Reads the facts of the nodes of `evidence`, but for files that were `parsed` before; what is left out is not looked
    /// at.
    pub(super) fn load_facts(
        options: Options,
        evidence: &Evidence,
        mut parsed: Parsed,
    ) -> impl Future<Output = (Facts, Parsed)> + Send + 'static {
        let nodes: Vec<NodeIdentity> = evidence.objects.nodes.iter().map(NodeIdentity::from).collect();
        async move {
            if options.scope == Scope::Api {
                return (Facts::default(), parsed);
            }
            let load = move || (Facts::load(&options, &nodes, &mut parsed), parsed);
            let loaded = tokio::task::spawn_blocking(load).await;
            loaded.unwrap_or_else(|error| (Facts::failed(&error.to_string()), Parsed::default()))
        }
    }

    /// Looks for snapshots of etcd and hashes them, for [`HASHING`] at most.
    pub(super) async fn load_backups(options: Options) -> Reading<FoundBackups> {
        let folder = options.backups.filter(|_| options.scope == Scope::All);
        let found = tokio::task::spawn_blocking(move || found(folder.as_deref())).await;
        found.unwrap_or_else(|error| Self::failed_backups(&error.to_string()))
    }

    pub(super) fn failed_backups(message: &str) -> Reading<FoundBackups> {
        Reading::Unread(Unread::new("stat", "backups", Reason::Malformed, message))
    }

    /// Puts what was read into `evidence`, but for what its scope leaves out.
    pub fn add_to(&self, evidence: &mut Evidence) {
        evidence.node_facts.clone_from(&self.facts.nodes);
        evidence.stray_facts.clone_from(&self.facts.strays);
        evidence.backups.clone_from(&self.backups);
        evidence.keep_scope();
    }

    /// Says of nodes that are new, or were booted since, that their facts are still being read.
    pub(super) fn await_facts(options: &Options, evidence: &mut Evidence) {
        if matches!(options.node_facts, FactsFrom::Nowhere) || evidence.scope == Scope::Api {
            return;
        }
        for node in evidence.objects.nodes.iter() {
            let (name, boot) = (&node.metadata.name, &node.status.node_info.boot_id);
            let known = evidence.node_facts.get(name).and_then(Reading::value);
            if known.is_none_or(|facts| facts.boot_id.as_ref() != Some(boot)) {
                let pending = Unread::new("probe", "node facts", Reason::Pending, "");
                evidence.node_facts.insert(name.clone(), no_facts(name, pending).1);
            }
        }
    }
}

fn no_facts(node: &Text, unread: Unread) -> (Text, Reading<Arc<NodeFacts>>) {
    (node.clone(), Reading::Unread(unread.of(node)))
}

/// Gives documents to their nodes. A machine that gave none is the node of its name: nobody else could say why.
fn of_documents(nodes: &[NodeIdentity], documents: &[Document]) -> Assigned {
    let said = documents.iter().filter_map(|(name, document)| Some((name, document.as_ref().ok()?)));
    let loaded = said.map(|(name, document)| Loaded {
        file: name.as_str().into(),
        facts: probe::parse(document.as_bytes()).map(Arc::new).map_err(FactsError::from),
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

    #[test]
    fn facts_are_shared_by_snapshots() {
        let reading = Reading::Read {
            stamp: Stamp { at: Timestamp::UNIX_EPOCH, how: "probe w1.json".into() },
            value: Arc::new(NodeFacts::default()),
        };
        let local = Local {
            facts: Facts { nodes: BTreeMap::from([("w1".into(), reading)]), strays: Vec::new() },
            backups: Reading::Unread(Unread::new("stat", "backups", Reason::NotProvided, "")),
        };
        let shared = || {
            let mut evidence = Evidence::nothing(Cluster::default(), Scope::All, Timestamp::UNIX_EPOCH);
            local.add_to(&mut evidence);
            evidence.node_facts.get("w1").and_then(Reading::value).cloned().unwrap()
        };
        assert!(Arc::ptr_eq(&shared(), &shared()));
    }

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
            nonces: Default::default(),
            backups: None,
        };
        Local::load(&options, &evidence).await.add_to(&mut evidence);
        assert!(evidence.facts_of("w1").is_ok(), "{:?}", evidence.facts_of("w1"));
        let unread = evidence.facts_of("w2").unwrap_err();
        assert_eq!(unread.to_string(), "probe node facts of w2: unreachable (w2 does not answer: no route)");
    }
}
