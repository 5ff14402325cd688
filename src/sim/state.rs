//! What all simulated API servers share, and what each has of its own.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;

use super::clock::Clock;
use super::faults::Faults;
use super::names;
use super::store::Store;
use crate::version::{Minor, Version};

/// How many requests are remembered.
const REQUESTS_KEPT: usize = 20_000;

/// A request that a simulated API server was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What all API servers of the cluster share.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) clock: Clock,
    store: Mutex<Store>,
    faults: RwLock<Faults>,
    requests: Mutex<VecDeque<SeenRequest>>,
    counter: AtomicU64,
}

impl Cluster {
    pub(crate) fn new(store: Store, faults: Faults, clock: Clock) -> Self {
        Self {
            clock,
            store: Mutex::new(store),
            faults: RwLock::new(faults),
            requests: Mutex::default(),
            counter: AtomicU64::new(0),
        }
    }

    /// The objects, for as long as nobody waits.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong.
    pub(crate) fn faults(&self) -> RwLockReadGuard<'_, Faults> {
        self.faults.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong, to be changed.
    pub(crate) fn faults_mut(&self) -> RwLockWriteGuard<'_, Faults> {
        self.faults.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request, and gives it an `Audit-Id`.
    pub(crate) fn note(&self, server: &str, method: &str, path: &str) -> String {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let audit_id = names::uid(&format!("request {number} {}", self.clock.now()));
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
    process: Mutex<Process>,
}

/// The process of an API server: all that is lost when it starts again.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Its version.
    pub(crate) version: Version,
    /// When it started.
    pub(crate) started: Timestamp,
    /// The deprecated APIs that were called since.
    pub(crate) calls: BTreeSet<Call>,
}

impl ApiServer {
    pub(crate) fn new(name: &str, address: SocketAddr, cluster: Arc<Cluster>, process: Process) -> Self {
        Self { name: name.to_owned(), address, cluster, process: Mutex::new(process) }
    }

    /// Its process.
    pub(crate) fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The minor of its version.
    pub(crate) fn minor(&self) -> Minor {
        self.process().version.minor()
    }
}
