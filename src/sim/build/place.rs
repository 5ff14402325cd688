//! Where a pod may run: node selector, required node affinity, and taints.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sim::api::selector::Selector;
use crate::sim::names;
use crate::sim::scenario::NodeSpec;

/// The taint that kubeadm gives to control planes.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// Taints that the DaemonSet controller lets every pod of a DaemonSet tolerate.
pub(crate) const DAEMON_TOLERATIONS: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// The labels of a node.
pub(super) fn labels(name: &str, node: &NodeSpec) -> Value {
    let mut labels: BTreeMap<String, String> = node.labels.clone();
    for (key, value) in [
        ("beta.kubernetes.io/arch", "amd64"),
        ("beta.kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/hostname", name),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    if node.control_plane {
        labels.insert(CONTROL_PLANE.to_owned(), String::new());
        labels.insert("node.kubernetes.io/exclude-from-external-load-balancers".to_owned(), String::new());
    }
    json!(labels)
}

/// The taints that a node has from the beginning; what a cordon or a condition adds came after the pods.
pub(super) fn taints(node: &NodeSpec) -> Vec<(&'static str, &'static str)> {
    if node.control_plane { vec![(CONTROL_PLANE, "NoSchedule")] } else { Vec::new() }
}

/// Whether a pod with `spec` may be put on the node.
pub(super) fn fits(name: &str, node: &NodeSpec, spec: &Value) -> bool {
    allowed(&labels(name, node), taints(node).into_iter(), spec)
}

/// Whether a pod with `spec` may be put on a Node as it now is.
pub(crate) fn fits_now(node: &Value, spec: &Value) -> bool {
    let labels = node.pointer("/metadata/labels").unwrap_or(&Value::Null);
    let all = node.pointer("/spec/taints").and_then(Value::as_array);
    let of = |taint: &'_ Value, field: &str| {
        taint.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut taints: Vec<(String, String)> =
        all.into_iter().flatten().map(|taint| (of(taint, "key"), of(taint, "effect"))).collect();
    // The scheduler does not wait for the taint.
    if node.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true) {
        taints.push(("node.kubernetes.io/unschedulable".to_owned(), "NoSchedule".to_owned()));
    }
    taints.retain(|(_, effect)| effect != "PreferNoSchedule");
    allowed(labels, taints.iter().map(|(key, effect)| (key.as_str(), effect.as_str())), spec)
}

fn allowed<'t>(labels: &Value, mut taints: impl Iterator<Item = (&'t str, &'t str)>, spec: &Value) -> bool {
    let selected = json!({ "matchLabels": spec.get("nodeSelector").cloned().unwrap_or_else(|| json!({})) });
    let tolerations = spec.get("tolerations").and_then(Value::as_array);
    let tolerated = |taint: (&str, &str)| tolerations.into_iter().flatten().any(|t| tolerates(t, taint));
    Selector::of_labels(&selected).takes_labels(labels) && affine(labels, spec) && taints.all(tolerated)
}

/// Whether required node affinity, one of whose terms must hold, allows a node with these labels.
fn affine(labels: &Value, spec: &Value) -> bool {
    let terms = spec
        .pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms");
    terms
        .and_then(Value::as_array)
        .is_none_or(|terms| terms.iter().any(|term| Selector::of_labels(term).takes_labels(labels)))
}

fn tolerates(toleration: &Value, (key, effect): (&str, &str)) -> bool {
    let of = |field| toleration.get(field).and_then(Value::as_str).unwrap_or_default();
    let exists = of("operator") == "Exists";
    (of("effect").is_empty() || of("effect") == effect)
        && (exists && of("key").is_empty() || of("key") == key && (exists || of("value").is_empty()))
}

/// How many pods each node has, so that they are spread.
#[derive(Debug, Default)]
pub(super) struct Loads<'s>(BTreeMap<&'s str, usize>);

impl<'s> Loads<'s> {
    /// The node with the fewest pods among `nodes`; `seed` decides between equals.
    pub(super) fn take(&mut self, nodes: impl Iterator<Item = &'s str>, seed: &str) -> Option<&'s str> {
        let chosen =
            nodes.min_by_key(|node| (self.0.get(node).copied(), names::number(&format!("{seed}{node}"))))?;
        *self.0.entry(chosen).or_default() += 1;
        Some(chosen)
    }

    /// Counts a pod that was put on a node by other means.
    pub(super) fn count(&mut self, node: &'s str) {
        *self.0.entry(node).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(control_plane: bool, labels: Value) -> NodeSpec {
        serde_json::from_value(json!({
            "controlPlane": control_plane, "address": "127.0.0.1", "made": "2026-01-01T00:00:00Z",
            "booted": "2026-01-01T00:00:00Z", "machine": "", "labels": labels,
        }))
        .unwrap()
    }

    #[test]
    fn pods_fit_where_a_scheduler_would_put_them() {
        let master = node(true, json!({}));
        let disk = node(false, json!({ "storage": "ssd" }));
        let required = |values: Value| {
            json!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "storage", "operator": "In", "values": values }] }] } } } })
        };
        for (spec, on_master, on_disk) in [
            (json!({}), false, true),
            (json!({ "tolerations": [{ "operator": "Exists" }] }), true, true),
            (json!({ "tolerations": [{ "key": CONTROL_PLANE, "effect": "NoSchedule" }] }), true, true),
            (json!({ "tolerations": [{ "key": CONTROL_PLANE, "effect": "NoExecute" }] }), false, true),
            (json!({ "nodeSelector": { "storage": "ssd" } }), false, true),
            (json!({ "nodeSelector": { "storage": "hdd" } }), false, false),
            (json!({ "nodeSelector": { "kubernetes.io/hostname": "disk" } }), false, true),
            (required(json!(["ssd", "nvme"])), false, true),
            (required(json!(["nvme"])), false, false),
        ] {
            assert_eq!(fits("master", &master, &spec), on_master, "{spec}");
            assert_eq!(fits("disk", &disk, &spec), on_disk, "{spec}");
        }
    }

    #[test]
    fn pods_are_spread() {
        let mut loads = Loads::default();
        loads.count("w1");
        let taken: Vec<_> =
            (0..5).map(|n| loads.take(["w1", "w2", "w3"].into_iter(), &n.to_string()).unwrap()).collect();
        for node in ["w1", "w2", "w3"] {
            assert_eq!(
                taken.iter().filter(|taken| **taken == node).count(),
                if node == "w1" { 1 } else { 2 }
            );
        }
        assert_eq!(loads.take(std::iter::empty(), ""), None);
    }
}
