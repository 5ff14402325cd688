//! The simulated cluster behind `kubelift demo`: an HTTP server inside the process that speaks enough of the
//! Kubernetes API that the same client code reads it as reads a real cluster, and hosts that answer the probe.
//!
//! What the cluster is, is data: see [`SCENARIOS`] and `src/sim/scenarios/`. Control planes listen on this machine's
//! loopback, each its own API server, without TLS and for anybody: nothing in it is real.

mod api;
mod budget;
mod build;
mod clock;
mod control;
mod faults;
mod hosts;
mod listen;
mod names;
pub mod remote;
mod scenario;
mod state;
mod store;
mod template;
mod timeline;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use jiff::Timestamp;
use tokio::task::JoinSet;
use tower::util::BoxCloneService;

pub use self::faults::{Denial, Faults};
pub use self::hosts::{HostError, Hosts, UnitState};
pub use self::scenario::{SCENARIOS, Scenario, find};
pub use self::state::SeenRequest;

use self::clock::Clock;
use self::hosts::Machine;
use self::scenario::Script;
use self::state::{ApiServer, Call, Cluster, Process, ServerState};
use self::store::Store;
use self::store::bulk::Bulk;
use self::timeline::Timeline;
use crate::version::Version;

/// The body of a simulated API server's answer.
pub type Body = api::Body;

/// A simulated API server as a service, without a connection.
pub type Service<B> = BoxCloneService<Request<B>, Response<Body>, Infallible>;

/// Why there is no simulation.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// No scenario has this name.
    #[error("there is no scenario '{name}'; there are: {known}")]
    UnknownScenario {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The scenario's data is wrong: a fault of kubelift.
    #[error("the data of the scenario is wrong: {file}: {message}")]
    Data {
        /// Where.
        file: String,
        /// What.
        message: String,
    },
    /// No API server could listen.
    #[error("cannot listen on this machine's loopback: {0}")]
    Listen(#[from] io::Error),
}

impl SimError {
    fn data(message: &str) -> Self {
        Self::Data { file: "scenario".to_owned(), message: message.to_owned() }
    }
}

/// How a scenario is played.
#[derive(Debug, Clone)]
pub struct Options {
    /// So many pods of 6 KB more, in namespaces of their own.
    pub scale_pods: usize,
    /// What is wrong beside what the scenario has.
    pub faults: Faults,
    /// What time it is when the simulation begins; the real one, if absent.
    pub now: Option<Timestamp>,
    /// How many simulated seconds go by in a real one. With 0 time stands still, and [`Simulation::pass`] moves it.
    pub speed: f64,
    /// What chance decides, it decides by this: the same seed gives the same course.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { scale_pods: 0, faults: Faults::default(), now: None, speed: 1.0, seed: 0 }
    }
}

/// A running simulation. Dropping it ends it.
#[derive(Debug)]
pub struct Simulation {
    cluster: Arc<Cluster>,
    servers: Vec<Arc<ApiServer>>,
    balancer: SocketAddr,
    hosts: Hosts,
    _tasks: Vec<JoinSet<()>>,
}

/// Starts the scenario of a name, inside the current tokio runtime.
///
/// # Errors
/// [`SimError::UnknownScenario`] for a name that no scenario has; [`SimError::Listen`] when loopback cannot be had.
pub async fn start(scenario: &str, options: Options) -> Result<Simulation, SimError> {
    let clock = Clock::new(options.now.unwrap_or_else(Timestamp::now), options.speed);
    let now = clock.now();
    let mut script = find(scenario)?.script(now)?;
    script.faults = std::mem::take(&mut script.faults).and(options.faults);
    let masters: Vec<String> =
        script.nodes.iter().filter(|(_, node)| node.control_plane).map(|(name, _)| name.clone()).collect();
    let mut listeners = listen::bind(&masters).await?;
    let mut addresses = BTreeMap::new();
    for (name, listener) in &listeners {
        let address = listener.local_addr()?;
        addresses.insert(name.clone(), address);
        if let Some(node) = script.nodes.get_mut(name) {
            node.address = address.ip().to_string();
        }
    }

    let mut store = Store::new(script.cluster.revision);
    for (resource, object) in build::objects(&script, &addresses, now)? {
        store.put(resource, object);
    }
    add_bulk(&mut store, &script, options.scale_pods, now);
    // What was there from the beginning is no change that a watch could begin before.
    store.compact();

    let gone = &script.faults.gone;
    let mut states = BTreeMap::new();
    for (name, address) in &addresses {
        let state = ServerState::new(*address, process(&script, name, now), !gone.contains(name));
        states.insert(name.clone(), Arc::new(state));
    }
    let mut machines = BTreeMap::new();
    for name in script.nodes.keys() {
        machines.insert(name.clone(), Machine::new(&script, &addresses, name)?);
    }
    let name = script.cluster.name.clone();
    let timeline = Arc::new(Timeline::new(clock));
    let faults = script.faults.clone();
    let cluster =
        Arc::new(Cluster::new(&name, options.seed, timeline.clone(), store, faults, states, machines));
    control::begin(&cluster);
    let mut tasks = vec![Timeline::drive(timeline)];
    let mut servers = Vec::new();
    for (name, state) in &cluster.servers {
        let server = Arc::new(ApiServer {
            name: name.clone(),
            address: state.address,
            cluster: cluster.clone(),
            state: state.clone(),
        });
        tasks.push(listen::serve(listeners.remove(name), server.clone()));
        servers.push(server);
    }
    let listener = listen::bind_balancer(servers.first().map_or(0, |server| server.address.port())).await?;
    let balancer = listener.local_addr()?;
    tasks.push(listen::balance(listener, servers.clone()));
    Ok(Simulation { hosts: Hosts::new(cluster.clone()), cluster, servers, balancer, _tasks: tasks })
}

fn process(script: &Script, name: &str, now: Timestamp) -> Process {
    let node = script.nodes.get(name);
    let spec = node.map(|node| &node.api_server);
    let call = |call: &scenario::CallSpec| Call {
        group: call.group.clone(),
        version: call.version.clone(),
        resource: call.resource.clone(),
        subresource: call.subresource.clone(),
        removed_release: call.removed_release.clone(),
    };
    let started = spec.and_then(|spec| spec.started).or_else(|| node.map(|node| node.booted)).unwrap_or(now);
    Process {
        version: spec.and_then(|spec| spec.version.clone()).unwrap_or_else(|| script.cluster.version.clone()),
        started,
        forbids_until: started,
        ready_from: started,
        calls: spec.map(|spec| spec.calls.iter().map(call).collect()).unwrap_or_default(),
    }
}

fn add_bulk(store: &mut Store, script: &Script, count: usize, now: Timestamp) {
    if count == 0 {
        return;
    }
    let workers = script.nodes.iter().filter(|(_, node)| !node.control_plane).map(|(name, _)| name.clone());
    let bulk = Bulk::new(count, &workers.collect::<Vec<_>>(), now);
    for (version, kind, object) in bulk.owners() {
        if let Some(resource) = api::resource::by_kind(version, kind) {
            store.put(resource, object);
        }
    }
    store.set_bulk(bulk);
}

impl Simulation {
    /// The addresses of the API servers, in the order of their nodes' names; also of those that are gone.
    pub fn servers(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(|server| server.address).collect()
    }

    /// The address that a client is given: the balancer's, which leads to the first API server that is there.
    pub fn url(&self) -> String {
        format!("http://{}", self.balancer)
    }

    /// The version of the oldest API server, be it gone or not.
    pub fn oldest_version(&self) -> Option<Version> {
        self.servers.iter().map(|server| server.process().version.clone()).min()
    }

    /// kubeadm's clusterName.
    pub fn cluster_name(&self) -> &str {
        &self.cluster.name
    }

    /// The machines, which answer the probe.
    pub const fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// What the API servers were asked so far, oldest first; the last 20,000 requests at most.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.cluster.requests()
    }

    /// Forgets the history of changes, as etcd does every five minutes: older watches and pages get a 410.
    pub fn compact(&self) {
        self.cluster.store().compact();
    }

    /// What time it is in the simulation.
    pub fn now(&self) -> Timestamp {
        self.hosts.now()
    }

    /// How many simulated seconds go by in a real one.
    pub fn speed(&self) -> f64 {
        self.cluster.timeline.clock().speed()
    }

    /// Lets so much simulated time go by at once, with all that happens in it.
    pub async fn pass(&self, time: std::time::Duration) {
        self.cluster.timeline.clock().push(time);
        self.cluster.timeline.advance();
        for server in &self.servers {
            server.state.settled().await;
        }
    }

    /// Ends the API server of a node, with all its connections, as if its machine were cut off. Whether there was one.
    pub async fn stop_server(&self, node: &str) -> bool {
        let Some(server) = self.cluster.servers.get(node) else { return false };
        let was_up = server.is_up();
        server.stop();
        server.settled().await;
        was_up
    }

    /// Starts the API server of a node again, at the same address.
    ///
    /// # Errors
    /// When it has no API server.
    pub async fn start_server(&self, node: &str) -> Result<(), SimError> {
        let unknown = || SimError::data(&format!("{node} has no API server"));
        let server = self.cluster.servers.get(node).ok_or_else(unknown)?;
        let now = self.now();
        let before = server.process().clone();
        let calls = std::collections::BTreeSet::new();
        server.start(Process { started: now, forbids_until: now, ready_from: now, calls, ..before });
        server.settled().await;
        Ok(())
    }

    /// The API server of a node as a service, for tests that need no connection.
    pub fn service<B>(&self, node: &str) -> Option<Service<B>>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let server = self.servers.iter().find(|server| server.name == node)?.clone();
        Some(BoxCloneService::new(tower::service_fn(move |request| {
            let server = server.clone();
            async move { Ok(api::answer(server, request).await) }
        })))
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.cluster.timeline.end();
    }
}
