//! API servers that go and come.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{kind, leases};
use crate::sim::api::merge;
use crate::sim::clock;
use crate::sim::state::{Cluster, Process};
use crate::sim::store::Key;
use crate::version::Version;

/// How long a server that has started forbids everything to everybody.
const FORBIDS: Duration = Duration::from_secs(3);

/// How long it takes until it is ready.
const READY: Duration = Duration::from_secs(6);

/// The API server of a node ends: its connections end, and it leaves the Service.
pub(crate) fn stop(cluster: &Cluster, node: &str) {
    if let Some(server) = cluster.servers.get(node) {
        server.stop();
        endpoints(cluster);
    }
}

/// The API server of a node starts: it answers, at first with refusals, and is ready after some seconds.
pub(crate) fn start(cluster: &Arc<Cluster>, node: &str, version: Version) {
    let Some(server) = cluster.servers.get(node) else { return };
    let now = cluster.now();
    server.start(Process {
        version,
        started: now,
        forbids_until: clock::later(now, FORBIDS),
        ready_from: clock::later(now, READY),
        calls: BTreeSet::new(),
    });
    leases::server_started(cluster, node);
    let inside = cluster.clone();
    cluster.timeline.begin(READY, async move { endpoints(&inside) });
}

/// Writes the addresses of the servers that are ready into the Service default/kubernetes.
fn endpoints(cluster: &Cluster) {
    let now = cluster.now();
    let ready = |port: Option<u64>| {
        let servers = cluster.servers.values();
        servers
            .filter(|server| server.is_up() && server.process().ready_from <= now)
            .filter(|server| Some(u64::from(server.address.port())) == port)
            .map(|server| server.address.ip().to_string())
            .collect::<Vec<_>>()
    };
    let Some(slices) = kind("discovery.k8s.io/v1", "EndpointSlice") else { return };
    let keys: Vec<Key> = {
        let store = cluster.store();
        store.all(slices).map(|(key, _)| key.clone()).filter(|key| key.namespace == "default").collect()
    };
    for key in keys.iter().filter(|key| key.name == "kubernetes" || key.name.starts_with("kubernetes-")) {
        cluster.edit(slices, key, |slice| {
            let addresses = ready(slice.pointer("/ports/0/port").and_then(Value::as_u64));
            let endpoint =
                |address: &String| json!({ "addresses": [address], "conditions": { "ready": true } });
            let endpoints: Vec<Value> = addresses.iter().map(endpoint).collect();
            merge(slice, &json!({ "endpoints": endpoints }));
        });
    }
    let Some(endpoints) = kind("v1", "Endpoints") else { return };
    cluster.edit(endpoints, &Key::new("default", "kubernetes"), |object| {
        let subsets = object.get_mut("subsets").and_then(Value::as_array_mut);
        for subset in subsets.into_iter().flatten() {
            let addresses = ready(subset.pointer("/ports/0/port").and_then(Value::as_u64));
            let addresses: Vec<Value> = addresses.iter().map(|ip| json!({ "ip": ip })).collect();
            merge(subset, &json!({ "addresses": addresses }));
        }
    });
}
