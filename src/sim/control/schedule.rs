//! The scheduler: which node takes a pod.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{kind, text};
use crate::sim::build::place;
use crate::sim::state::Cluster;

/// The node that takes the pod of this spec, or why none does.
pub(super) fn place(cluster: &Cluster, pod: &str, spec: &Value) -> Result<String, String> {
    let (Some(nodes), Some(pods)) = (kind("v1", "Node"), kind("v1", "Pod")) else {
        return Err("there are no nodes".to_owned());
    };
    let store = cluster.store();
    let mut loads: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, other) in store.all(pods) {
        let ended = matches!(text(other, "/status/phase"), "Succeeded" | "Failed");
        if !ended {
            *loads.entry(text(other, "/spec/nodeName")).or_default() += 1;
        }
    }
    let mut count = 0;
    let fitting = store.all(nodes).inspect(|_| count += 1).filter(|(_, node)| place::fits_now(node, spec));
    let chosen = fitting.map(|(key, _)| key.name.clone()).min_by_key(|node| {
        (loads.get(node.as_str()).copied(), cluster.chance(&format!("{pod} on {node}"), 0, u64::MAX))
    });
    chosen.ok_or_else(|| {
        format!("0/{count} nodes are available: no node has the labels that it wants and no taint that it does not tolerate.")
    })
}
