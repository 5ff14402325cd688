//! What all simulated API servers share, and what each has of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::api::resource::Resource;
use super::faults::Faults;
use super::hosts::Machine;
use super::names;
use super::store::{Key, Store};
use super::timeline::Timeline;
use crate::version::{Minor, Version};

/// How many requests are remembered.
const REQUESTS_KEPT: usize = 20_000;

/// A request that a simulated API server was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenRequest {
    /// The node of the API server.
    pub server: String,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The `Audit-Id` of the answer.
    pub audit_id: String,
}

/// What all API servers and machines of the cluster share.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) timeline: Arc<Timeline>,
    /// kubeadm's clusterName.
    pub(crate) name: String,
    /// What chance decides, it decides by this.
    pub(crate) seed: u64,
    /// The processes of API servers, by node.
    pub(crate) servers: BTreeMap<String, Arc<ServerState>>,
    /// The machines, by node.
    machines: BTreeMap<String, Mutex<Machine>>,
    /// What etcd consists of.
    members: Mutex<Members>,
    store: Mutex<Store>,
    faults: Faults,
    requests: Mutex<VecDeque<SeenRequest>>,
    counter: AtomicU64,
}

/// The members of etcd, each on a control plane.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    /// All.
    pub(crate) all: BTreeSet<String>,
    /// Those whose process is not there.
    pub(crate) down: BTreeSet<String>,
    /// The leader.
    pub(crate) leader: String,
}

impl Members {
    /// Whether more than half are there.
    pub(crate) fn have_quorum(&self) -> bool {
        (self.all.len() - self.down.len()) * 2 > self.all.len()
    }

    /// Whether the member of a node serves: it is there, and enough others are.
    pub(crate) fn serves(&self, node: &str) -> bool {
        self.have_quorum() && !self.down.contains(node)
    }
}

impl Cluster {
    pub(crate) fn new(
        name: &str,
        seed: u64,
        timeline: Arc<Timeline>,
        store: Store,
        faults: Faults,
        servers: BTreeMap<String, Arc<ServerState>>,
        machines: BTreeMap<String, Machine>,
    ) -> Self {
        let all: BTreeSet<String> = servers.keys().cloned().collect();
        let leader = all.first().cloned().unwrap_or_default();
        Self {
            timeline,
            name: name.to_owned(),
            seed,
            servers,
            machines: machines.into_iter().map(|(name, machine)| (name, Mutex::new(machine))).collect(),
            members: Mutex::new(Members { all, down: BTreeSet::new(), leader }),
            store: Mutex::new(store),
            faults,
            requests: Mutex::default(),
            counter: AtomicU64::new(0),
        }
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        self.timeline.now()
    }

    /// The names of the machines.
    pub(crate) fn machine_names(&self) -> impl Iterator<Item = &str> {
        self.machines.keys().map(String::as_str)
    }

    /// A machine, for as long as nobody waits.
    pub(crate) fn machine(&self, node: &str) -> Option<MutexGuard<'_, Machine>> {
        Some(self.machines.get(node)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The members of etcd.
    pub(crate) fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number from `least` on below `most`, which depends on the seed and on what it is for.
    pub(crate) fn chance(&self, what: &str, least: u64, most: u64) -> u64 {
        least + names::number(&format!("{} {what}", self.seed)) % most.saturating_sub(least).max(1)
    }

    /// Changes an object that is there.
    pub(crate) fn edit(&self, resource: &'static Resource, key: &Key, by: impl FnOnce(&mut Value)) {
        let mut store = self.store();
        if let Some(old) = store.get(resource, key) {
            let mut object = Value::clone(&old);
            by(&mut object);
            if object != *old {
                store.put(resource, object);
            }
        }
    }

    /// The objects, for as long as nobody waits.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong.
    pub(crate) const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Notes a request, and gives it an `Audit-Id`.
    pub(crate) fn note(&self, server: &str, method: &str, path: &str) -> String {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let audit_id = names::uid(&format!("request {number} {}", self.now()));
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() >= REQUESTS_KEPT {
            requests.pop_front();
        }
        requests.push_back(SeenRequest {
            server: server.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            audit_id: audit_id.clone(),
        });
        audit_id
    }

    /// The requests so far, oldest first.
    pub(crate) fn requests(&self) -> Vec<SeenRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// A call of a deprecated API, as the metric tells of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) removed_release: String,
}

/// One API server.
#[derive(Debug)]
pub(crate) struct ApiServer {
    /// The node that it runs on.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it shares with the others.
    pub(crate) cluster: Arc<Cluster>,
    /// Its process, and whether that is there.
    pub(crate) state: Arc<ServerState>,
}

/// The process of an API server: all that is lost when it starts again.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Its version.
    pub(crate) version: Version,
    /// When it started.
    pub(crate) started: Timestamp,
    /// Until when it forbids everything to everybody, for its caches of roles are not filled.
    pub(crate) forbids_until: Timestamp,
    /// From when on it is ready.
    pub(crate) ready_from: Timestamp,
    /// The deprecated APIs that were called since.
    pub(crate) calls: BTreeSet<Call>,
}

/// A run of a process; none while it is not there.
pub(crate) type Run = Option<u64>;

/// The process of an API server, and whether it is there.
#[derive(Debug)]
pub(crate) struct ServerState {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    process: Mutex<Process>,
    runs: AtomicU64,
    wanted: watch::Sender<Run>,
    listening: watch::Sender<Run>,
}

impl ServerState {
    /// The state of a server that is there, or not.
    pub(crate) fn new(address: SocketAddr, process: Process, is_up: bool) -> Self {
        let run = is_up.then_some(0);
        Self {
            address,
            process: Mutex::new(process),
            runs: AtomicU64::new(0),
            wanted: watch::Sender::new(run),
            // What the socket is like, the one who has it tells.
            listening: watch::Sender::new(run),
        }
    }

    /// The process.
    pub(crate) fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the process is there.
    pub(crate) fn is_up(&self) -> bool {
        self.wanted.borrow().is_some()
    }

    /// Ends the process, with all its connections.
    pub(crate) fn stop(&self) {
        self.wanted.send_replace(None);
    }

    /// Starts the process anew.
    pub(crate) fn start(&self, process: Process) {
        *self.process() = process;
        self.wanted.send_replace(Some(self.runs.fetch_add(1, Ordering::Relaxed) + 1));
    }

    /// Which run is wanted, and every change of it.
    pub(crate) fn wanted(&self) -> watch::Receiver<Run> {
        self.wanted.subscribe()
    }

    /// Tells which run listens now.
    pub(crate) fn tell(&self, run: Run) {
        self.listening.send_replace(run);
    }

    /// Waits until the socket is as it should be.
    pub(crate) async fn settled(&self) {
        let mut listening = self.listening.subscribe();
        let wanted = *self.wanted.borrow();
        let _ = listening.wait_for(|run| *run == wanted).await;
    }
}

impl ApiServer {
    /// Its process.
    pub(crate) fn process(&self) -> MutexGuard<'_, Process> {
        self.state.process()
    }

    /// The minor of its version.
    pub(crate) fn minor(&self) -> Minor {
        self.process().version.minor()
    }
}
