//! What goes on by itself in a cluster: Leases are renewed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::api::{merge, resource};
use super::clock;
use super::state::Cluster;

/// How often elected leaders renew.
const BEAT: Duration = Duration::from_secs(2);

/// Every how many beats kubelets and API servers renew.
const SLOW: u64 = 5;

/// Renews Leases until the set is dropped.
pub(super) fn start(cluster: Arc<Cluster>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        for count in 1.. {
            tokio::time::sleep(BEAT).await;
            beat(&cluster, count % SLOW == 0);
        }
    });
    tasks
}

/// Renews the Leases of elected leaders, and all others too if `all`.
pub(super) fn beat(cluster: &Cluster, all: bool) {
    let Some(leases) = resource::by_kind("coordination.k8s.io/v1", "Lease") else { return };
    let gone = cluster.faults().gone.clone();
    let renewed = json!({ "spec": { "renewTime": clock::micros(cluster.clock.now()) } });
    let mut store = cluster.store();
    let due: Vec<_> = store
        .all(leases)
        .map(|(_, lease)| lease.clone())
        // An API server that is gone renews nothing.
        .filter(|lease| !gone.iter().any(|node| is_of_server(lease, node)))
        .filter(|lease| all || lease.pointer("/spec/leaseDurationSeconds") == Some(&json!(15)))
        .collect();
    for lease in due {
        let mut lease = Value::clone(&lease);
        merge(&mut lease, &renewed);
        store.put(leases, lease);
    }
}

/// Whether a Lease is the identity of the API server of a node.
fn is_of_server(lease: &Value, node: &str) -> bool {
    let label = |key: &str| lease.pointer("/metadata/labels").and_then(|labels| labels.get(key)?.as_str());
    label("apiserver.kubernetes.io/identity").is_some() && label("kubernetes.io/hostname") == Some(node)
}
