//! Leases: renewed by who holds them, and handed on when a leader has gone.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::kind;
use crate::sim::api::merge;
use crate::sim::state::Cluster;
use crate::sim::store::Key;
use crate::sim::{clock, names};

/// How often elected leaders renew.
const BEAT: Duration = Duration::from_secs(2);

/// Every how many beats kubelets and API servers renew.
const SLOW: u64 = 5;

/// However fast time goes by, no more often than this really, in seconds.
const SHORTEST: f64 = 0.25;

/// No more seldom than this: an elected leader's Lease is good for 15 seconds.
const LONGEST: Duration = Duration::from_secs(10);

/// Renews Leases for as long as the simulation lasts.
pub(super) fn begin(cluster: &Arc<Cluster>) {
    let inside = cluster.clone();
    let beat_every = beat_every(cluster.timeline.clock().speed());
    cluster.timeline.begin(beat_every, async move {
        for count in 1.. {
            beat(&inside, count % SLOW == 0 || beat_every > BEAT);
            inside.timeline.sleep(beat_every).await;
        }
    });
}

/// The simulated time between two beats.
fn beat_every(speed: f64) -> Duration {
    Duration::from_secs_f64(SHORTEST * speed).clamp(BEAT, LONGEST)
}

/// Renews the Leases of elected leaders, and all others too if `all`.
fn beat(cluster: &Cluster, all: bool) {
    let Some(leases) = kind("coordination.k8s.io/v1", "Lease") else { return };
    let gone: Vec<&str> =
        cluster.servers.iter().filter(|(_, server)| !server.is_up()).map(|(node, _)| node.as_str()).collect();
    let renewed = json!({ "spec": { "renewTime": clock::micros(cluster.now()) } });
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

/// The API server of a node has started: its Lease is renewed at once.
pub(super) fn server_started(cluster: &Cluster, node: &str) {
    let Some(leases) = kind("coordination.k8s.io/v1", "Lease") else { return };
    let identity = names::apiserver_identity(node);
    let now = clock::micros(cluster.now());
    let holder = format!("{identity}_{}", names::uid(&format!("{identity} {now}")));
    cluster.edit(leases, &Key::new("kube-system", &identity), |lease| {
        merge(lease, &json!({ "spec": { "renewTime": now, "holderIdentity": holder } }));
    });
}

/// A component of a node has gone: if it led, another takes over.
pub(super) fn hand_on(cluster: &Cluster, component: &str, node: &str) {
    let Some(leases) = kind("coordination.k8s.io/v1", "Lease") else { return };
    let now = cluster.now();
    let others = cluster.servers.keys().filter(|other| other.as_str() != node);
    let next = others.min_by_key(|other| cluster.chance(&format!("{component} {now} {other}"), 0, u64::MAX));
    let next = next.map_or(node, String::as_str);
    cluster.edit(leases, &Key::new("kube-system", component), |lease| {
        let holder = super::text(lease, "/spec/holderIdentity");
        if holder.rsplit_once('_').map(|(held_by, _)| held_by) != Some(node) {
            return;
        }
        let transitions = lease.pointer("/spec/leaseTransitions").and_then(Value::as_i64).unwrap_or_default();
        let holder = format!("{next}_{}", names::uid(&format!("{component} {next} {now}")));
        merge(
            lease,
            &json!({ "spec": {
            "holderIdentity": holder, "acquireTime": clock::micros(now), "renewTime": clock::micros(now),
            "leaseTransitions": transitions + 1,
        } }),
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_speed_lets_a_lease_run_out_or_beats_all_the_time() {
        for (speed, seconds) in [(0.0, 2.0), (1.0, 2.0), (20.0, 5.0), (60.0, 10.0), (1e6, 10.0)] {
            assert_eq!(beat_every(speed), Duration::from_secs_f64(seconds), "{speed}");
        }
    }
}
