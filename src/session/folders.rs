//! What a live session reads from folders of this machine, beside the cluster: nothing waits for it.

use futures::future::BoxFuture;
use tokio::task::JoinHandle;

use super::local::{Facts, Local};
use super::options::Options;
use super::watched::{Held, Watched};
use crate::evidence::{Evidence, FoundBackups, Progress, Reading};
use crate::hosts::parsed::Parsed;
use crate::text::Text;

/// How the folder of backups is read.
type LoadBackups = Box<dyn Fn() -> BoxFuture<'static, Reading<FoundBackups>> + Send>;

/// The folders, read in tasks of their own: hashing snapshots of etcd takes up to a minute.
pub(super) struct Folders {
    options: Options,
    local: Local,
    load_backups: LoadBackups,
    /// The nodes that facts were read for, with their boot ids; absent until then.
    loaded_for: Option<Vec<(Text, Text)>>,
    /// The folder of facts.
    watched: Watched,
    /// Its documents as they were read last.
    parsed: Parsed,
    facts: Option<JoinHandle<(Facts, Parsed, Held)>>,
    backups: Option<JoinHandle<Reading<FoundBackups>>>,
}

impl Folders {
    /// The folders that `options` name. The folder of backups is being read from now on.
    pub(super) fn new(options: &Options) -> Self {
        let own = options.clone();
        Self::with(options, Box::new(move || Box::pin(Local::load_backups(own.clone()))))
    }

    pub(super) fn with(options: &Options, load_backups: LoadBackups) -> Self {
        let backups = Some(tokio::spawn(load_backups()));
        Self {
            options: options.clone(),
            local: Local::pending(options),
            load_backups,
            loaded_for: None,
            watched: Watched::facts(options),
            parsed: Parsed::default(),
            facts: None,
            backups,
        }
    }

    /// Reads everything again.
    pub(super) fn refresh(&mut self) {
        self.loaded_for = None;
        if self.backups.is_none() {
            self.backups = Some(tokio::spawn((self.load_backups)()));
        }
    }

    /// Reads the facts again: a probe of `node` is expected that returns `nonce`.
    pub(super) fn probe(&mut self, node: Text, nonce: Text) {
        self.options.nonces.insert(node, nonce);
        self.loaded_for = None;
    }

    /// Puts what is known into `evidence`. Facts belong to nodes by their boot ids, so they are read when the nodes are
    /// known, and again when nodes come, go or boot.
    pub(super) fn add_to(&mut self, evidence: &mut Evidence) {
        let nodes = &evidence.objects.nodes;
        if nodes.progress == Progress::Done && self.facts.is_none() {
            let boots: Vec<_> =
                nodes.iter().map(|n| (n.metadata.name.clone(), n.status.node_info.boot_id.clone())).collect();
            if self.loaded_for.as_ref() != Some(&boots) {
                self.loaded_for = Some(boots);
                let held = self.watched.is_read();
                let parsed = std::mem::take(&mut self.parsed);
                let load = Local::load_facts(self.options.clone(), evidence, parsed);
                self.facts = Some(tokio::spawn(async {
                    let held = held.await;
                    let (facts, parsed) = load.await;
                    (facts, parsed, held)
                }));
            }
        }
        self.local.add_to(evidence);
        if self.facts.is_some() {
            Local::await_facts(&self.options, evidence);
        }
    }

    /// Waits until something more is known, or the folder of facts holds something else; for ever, if nothing is read.
    /// Whoever waits gives up whenever the cluster changes, and begins anew: nothing is lost by that.
    pub(super) async fn changed(&mut self) {
        tokio::select! {
            () = self.watched.another() => self.loaded_for = None,
            read = ended(&mut self.facts) => {
                self.facts = None;
                self.local.facts = match read {
                    Ok((facts, parsed, held)) => {
                        self.watched.was_read(held);
                        self.parsed = parsed;
                        facts
                    }
                    Err(error) => Facts::failed(&error),
                };
            }
            backups = ended(&mut self.backups) => {
                self.backups = None;
                self.local.backups = backups.unwrap_or_else(|error| Local::failed_backups(&error));
            }
        }
    }
}

async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, String> {
    match task {
        Some(task) => task.await.map_err(|error| error.to_string()),
        None => std::future::pending().await,
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        self.facts.iter().for_each(JoinHandle::abort);
        self.backups.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Cluster, Listing, Reason, Scope, Stamp};
    use crate::session::Kind;
    use crate::session::options::FactsFrom;
    use crate::session::watched::LOOK_EVERY;
    use jiff::Timestamp;
    use std::future::pending;
    use std::path::Path;
    use std::time::Duration;
    use tokio::time::timeout;

    fn folder_of(facts: &Path) -> Options {
        Options {
            kind: Kind::Inspect,
            target: None,
            scope: Scope::All,
            node_facts: FactsFrom::Folder(facts.to_owned()),
            nonces: Default::default(),
            backups: None,
        }
    }

    /// One node of that boot, as it was listed.
    fn booted(boot: &str) -> Evidence {
        let node =
            serde_json::json!({ "metadata": { "name": "w1" }, "status": { "nodeInfo": { "bootID": boot } } });
        let stamp = Stamp { at: Timestamp::UNIX_EPOCH, how: "x".into() };
        let mut evidence = Evidence::nothing(Cluster::default(), Scope::All, Timestamp::UNIX_EPOCH);
        evidence.objects.nodes =
            Listing::complete("nodes", vec![serde_json::from_value(node).unwrap()], stamp);
        evidence
    }

    #[tokio::test]
    async fn facts_are_read_again_when_a_node_boots() {
        let simulation = crate::sim::start("clean", crate::sim::Options::default()).await.unwrap();
        let document = simulation.hosts().probe("w1", None).unwrap();
        let own: serde_json::Value = serde_json::from_str(&document).unwrap();
        let of = |boot: &str| (boot.to_owned(), Ok(document.replace(own["bootId"].as_str().unwrap(), boot)));
        let options = Options {
            kind: Kind::Inspect,
            target: None,
            scope: Scope::All,
            node_facts: FactsFrom::Documents([of("b1"), of("b2")].into()),
            nonces: Default::default(),
            backups: None,
        };
        let mut folders = Folders::with(&options, Box::new(|| Box::pin(std::future::pending())));
        for boot in ["b1", "b2"] {
            let mut evidence = booted(boot);
            folders.add_to(&mut evidence);
            assert_eq!(evidence.facts_of("w1").unwrap_err().reason, Reason::Pending, "{boot}");
            folders.changed().await;
            folders.add_to(&mut evidence);
            let (facts, _) = evidence.facts_of("w1").unwrap();
            assert_eq!(facts.boot_id.as_deref(), Some(boot));
        }
    }

    #[tokio::test]
    async fn a_file_that_comes_into_the_folder_of_facts_is_read() {
        let simulation = crate::sim::start("clean", crate::sim::Options::default()).await.unwrap();
        let document = simulation.hosts().probe("w1", None).unwrap();
        let own: serde_json::Value = serde_json::from_str(&document).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut folders = Folders::with(&folder_of(folder.path()), Box::new(|| Box::pin(pending())));
        let mut evidence = booted(own["bootId"].as_str().unwrap());
        folders.add_to(&mut evidence);
        folders.changed().await;
        folders.add_to(&mut evidence);
        assert!(evidence.facts_of("w1").is_err());
        std::fs::write(folder.path().join("w1.json"), &document).unwrap();
        folders.changed().await;
        folders.add_to(&mut evidence);
        folders.changed().await;
        folders.add_to(&mut evidence);
        assert!(evidence.facts_of("w1").is_ok());
    }

    #[tokio::test]
    async fn a_file_that_comes_is_noticed_however_often_the_wait_for_it_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut folders = Folders::with(&folder_of(folder.path()), Box::new(|| Box::pin(pending())));
        folders.add_to(&mut booted("b1"));
        folders.changed().await;
        assert_eq!(folders.local.facts.strays().len(), 0);
        std::fs::write(folder.path().join("w1.json"), "no facts").unwrap();
        let noticed = async {
            while folders.local.facts.strays().is_empty() {
                folders.add_to(&mut booted("b1"));
                // A lease was renewed, a pod changed: whoever waits begins anew.
                drop(timeout(Duration::from_millis(300), folders.changed()).await);
            }
        };
        timeout(LOOK_EVERY * 4, noticed).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_written_again_at_once_and_looks_the_same_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let at = std::time::SystemTime::now() + Duration::from_secs(1);
        let write = |boot: &str| {
            let path = folder.path().join("w1.json");
            std::fs::write(&path, format!(r#"{{"probe":"kubelift","bootId":"{boot}"}}"#)).unwrap();
            std::fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
        };
        write("b8");
        let mut folders = Folders::with(&folder_of(folder.path()), Box::new(|| Box::pin(pending())));
        for boot in ["b8", "b9"] {
            write(boot);
            let is_read = async {
                while !folders.local.facts.strays().iter().any(|stray| stray.message.contains(boot)) {
                    folders.add_to(&mut booted("b1"));
                    folders.changed().await;
                }
            };
            timeout(LOOK_EVERY * 4, is_read).await.unwrap();
        }
    }
}
