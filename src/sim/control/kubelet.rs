//! A kubelet that starts anew.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{kind, static_pods, text};
use crate::sim::api::merge;
use crate::sim::clock;
use crate::sim::state::Cluster;
use crate::sim::store::Key;
use crate::version::{Minor, Version};

/// The first minor whose kubelet starts every static pod of its node anew when it follows an older one.
/// Seen with real ones, 1.30.14 to 1.31.14.
const STARTS_ANEW: Minor = Minor::new(1, 31);

/// The kubelet of a node starts anew, from the package that is installed.
pub(crate) fn restart(cluster: &Arc<Cluster>, node: &str) {
    let now = cluster.now();
    let (version, changed, stale) = {
        let Some(mut machine) = cluster.machine(node) else { return };
        let Some(version) = machine.version_of("kubelet") else { return };
        let changed = machine.kubelet != version;
        machine.kubelet = version.clone();
        let pid = cluster.chance(&format!("pid {node} {now}"), 2_000, 90_000);
        machine.merge(&json!({ "kubelet": {
            "process": { "pid": pid, "startedAt": clock::seconds(now), "replaced": false } } }));
        let sources = machine.document.pointer_mut("/kubelet/flagSources").and_then(Value::as_array_mut);
        for source in sources.into_iter().flatten().filter(|source| text(source, "/kind") == "process") {
            merge(source, &json!({ "path": format!("/proc/{pid}/cmdline") }));
        }
        let stale: Vec<String> = machine
            .static_pods
            .iter()
            .filter(|(_, pod)| pod.stale)
            .map(|(component, _)| component.clone())
            .collect();
        (version, changed, stale)
    };
    let anew = changed && version.minor() >= STARTS_ANEW;
    if anew {
        static_pods::start_all_anew(cluster, node);
    }
    // What it has missed so far, it sees when it reads the folder for the first time.
    for component in stale.into_iter().filter(|_| !anew) {
        let task = static_pods::take_up(cluster.clone(), node.to_owned(), component);
        cluster.timeline.begin(Duration::from_secs(2), task);
    }
    let (inside, node) = (cluster.clone(), node.to_owned());
    cluster.timeline.begin(Duration::from_secs(1), async move {
        let started = clock::seconds(now);
        // One that has been started anew since tells for itself.
        let is_this = || {
            let machine = inside.machine(&node);
            machine.is_some_and(|machine| machine.text("/kubelet/process/startedAt") == started)
        };
        if !is_this() {
            return;
        }
        report(&inside, &node, &version);
        let quiet = inside.chance(&format!("ready {node} {now}"), 6, 13);
        inside.timeline.sleep(Duration::from_secs(quiet)).await;
        if is_this() {
            ready(&inside, &node, true);
        }
    });
}

/// The kubelet's first report: its version, and that it is not ready.
fn report(cluster: &Cluster, node: &str, version: &Version) {
    let Some(nodes) = kind("v1", "Node") else { return };
    let version = format!("v{version}");
    cluster.edit(nodes, &Key::new("", node), |node| {
        let info = json!({ "kubeletVersion": version, "kubeProxyVersion": version });
        merge(node, &json!({ "status": { "nodeInfo": info } }));
    });
    ready(cluster, node, false);
}

/// Sets a node's condition Ready, and the taint that follows from it.
fn ready(cluster: &Cluster, node: &str, is_ready: bool) {
    let Some(nodes) = kind("v1", "Node") else { return };
    let now = clock::seconds(cluster.now());
    let ready = if is_ready {
        json!({ "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status" })
    } else {
        json!({ "status": "False", "reason": "KubeletNotReady",
                "message": "[container runtime status check may not have completed yet]" })
    };
    cluster.edit(nodes, &Key::new("", node), |node| {
        let conditions = node.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            merge(condition, &json!({ "lastHeartbeatTime": now }));
            if text(condition, "/type") == "Ready" {
                if text(condition, "/status") != text(&ready, "/status") {
                    merge(condition, &json!({ "lastTransitionTime": now }));
                }
                merge(condition, &ready);
            }
        }
        let old = node.pointer("/spec/taints").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut taints: Vec<Value> =
            old.into_iter().filter(|taint| text(taint, "/key") != "node.kubernetes.io/not-ready").collect();
        if !is_ready {
            taints.push(
                json!({ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule", "timeAdded": now }),
            );
        }
        merge(node, &json!({ "spec": { "taints": taints } }));
    });
}
