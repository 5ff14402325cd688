//! Nodes that somebody has changed: a cordon is a taint as well.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{kind, text};
use crate::sim::api::merge;
use crate::sim::clock;
use crate::sim::state::Cluster;
use crate::sim::store::Key;

/// How long the controller takes to see it.
const LAG: Duration = Duration::from_millis(100);

/// The taint of a cordoned node.
const CORDONED: &str = "node.kubernetes.io/unschedulable";

/// A node was changed from outside.
pub(crate) fn changed(cluster: &Arc<Cluster>, node: &str) {
    let (inside, key) = (cluster.clone(), Key::new("", node));
    cluster.timeline.begin(LAG, async move {
        let Some(nodes) = kind("v1", "Node") else { return };
        let now = clock::seconds(inside.now());
        inside.edit(nodes, &key, |node| {
            let cordoned = node.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true);
            let mut taints =
                node.pointer("/spec/taints").and_then(Value::as_array).cloned().unwrap_or_default();
            let tainted = taints.iter().any(|taint| text(taint, "/key") == CORDONED);
            if cordoned && !tainted {
                taints.push(json!({ "key": CORDONED, "effect": "NoSchedule", "timeAdded": now }));
            } else if !cordoned && tainted {
                taints.retain(|taint| text(taint, "/key") != CORDONED);
            } else {
                return;
            }
            merge(node, &json!({ "spec": { "taints": taints } }));
        });
    });
}

/// An object was changed from outside: who looks after it, looks.
pub(crate) fn written(cluster: &Arc<Cluster>, of: &str, key: &Key) {
    match of {
        "Node" => changed(cluster, &key.name),
        "PodDisruptionBudget" | "Pod" => super::budgets::changed(cluster, &key.namespace),
        other => super::controllers::changed(cluster, other, key),
    }
}
