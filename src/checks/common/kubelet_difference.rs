//! A node's own kubelet configuration beside the one that kubeadm keeps for all nodes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::evidence::node_facts::KubeletConfig;

/// The ConfigMap's document is no KubeletConfiguration, so that nothing can be said of a difference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the KubeletConfiguration in kubelet-config cannot be read: {0}")]
pub struct NotReadable(String);

/// Fields that the probe reads of every node's file, and that are the same on all nodes.
const SHARED: [&str; 15] = [
    "cgroupDriver",
    "cgroupRoot",
    "failCgroupV1",
    "failSwapOn",
    "imageGCHighThresholdPercent",
    "imageGCLowThresholdPercent",
    "maxPods",
    "mergeDefaultEvictionSettings",
    "rotateCertificates",
    "serverTLSBootstrap",
    "staticPodPath",
    "featureGates",
    "evictionHard",
    "evictionSoft",
    "evictionMinimumReclaim",
];

/// What kubeadm writes on a node where kubelet-config does not say. Source: kubernetes/kubernetes,
/// cmd/kubeadm/app/componentconfigs/kubelet.go, `Default`.
const DEFAULTS: [(&str, &str); 3] = [
    ("cgroupDriver", "systemd"),
    ("rotateCertificates", "true"),
    ("staticPodPath", "/etc/kubernetes/manifests"),
];

/// The document of kubelet-config, taken apart once for all nodes.
#[derive(Debug, Clone)]
pub struct Kept(BTreeMap<String, Value>);

impl Kept {
    /// Takes apart the value of `kubelet` in the ConfigMap.
    ///
    /// # Errors
    /// It is no KubeletConfiguration.
    pub fn of(document: &str) -> Result<Self, NotReadable> {
        serde_yaml::from_str(document).map(Self).map_err(|error| NotReadable(error.to_string()))
    }

    /// The fields that differ between kubelet-config and a node's own file, each as `maxPods: 110 in kubelet-config, 250 on
    /// the node`; none where they agree.
    ///
    /// Only fields that the probe reads are compared, and what the probe could not read of the file looks as if it were not
    /// set there: ask [`NodeFacts::read`](crate::evidence::NodeFacts::read) for `kubelet.config` first. A difference is not yet
    /// wrong: a node's patches (`kubeadm --patches`, target `kubeletconfiguration`) are such differences, and so is what
    /// somebody wrote into the file by hand, which the next `kubeadm upgrade node` takes away.
    ///
    /// `resolvConf` and `containerRuntimeEndpoint` are left out: kubeadm may set them by what it finds on a node, the socket of
    /// its runtime where its feature gate `NodeLocalCRISocket` is on, and the resolver's file where systemd-resolved runs.
    ///
    /// # Errors
    /// The node's configuration cannot be compared, which is a bug.
    pub fn differences(&self, node: &KubeletConfig) -> Result<Vec<String>, NotReadable> {
        // The names of the probe's fields are those of the kubelet's configuration.
        let node = serde_json::to_value(node).map_err(|error| NotReadable(error.to_string()))?;
        let (mut wanted, mut found) = (BTreeMap::new(), BTreeMap::new());
        for field in &SHARED {
            flatten(field, self.0.get(*field).unwrap_or(&Value::Null), &mut wanted);
            flatten(field, node.get(*field).unwrap_or(&Value::Null), &mut found);
        }
        let names: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
        let differs = names.into_iter().filter_map(|name| {
            let (wanted, found) = (wanted.get(name), found.get(name));
            let default = DEFAULTS.iter().find(|(field, _)| field == name).map(|(_, value)| *value);
            let filled_in = wanted.is_none() && found.map(String::as_str) == default;
            let say = |value: Option<&String>| value.map_or_else(|| "not set".to_owned(), Clone::clone);
            (wanted != found && !filled_in)
                .then(|| format!("{name}: {} in kubelet-config, {} on the node", say(wanted), say(found)))
        });
        Ok(differs.collect())
    }
}

/// The texts of a field, one for each key of a map. What kubeadm leaves out when it writes a file is not set: empty texts, and
/// in fields that are no pointers 0 and false.
fn flatten(name: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let pointer = !matches!(name, "maxPods" | "rotateCertificates" | "serverTLSBootstrap");
    let text = match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                flatten(&format!("{name}.{key}"), value, into);
            }
            return;
        }
        Value::String(text) => text.clone(),
        Value::Null => return,
        other => other.to_string(),
    };
    if !(text.is_empty() || !pointer && (text == "0" || text == "false")) {
        into.insert(name.to_owned(), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(config: Value) -> KubeletConfig {
        serde_json::from_value(config).unwrap()
    }

    #[test]
    fn fields_that_differ_are_named_with_both_values() {
        let same: &[&str] = &[];
        for (kept, on_the_node, expected) in [
            ("{}", json!({}), same),
            ("maxPods: 110", json!({ "maxPods": 110 }), same),
            ("maxPods: 110", json!({ "maxPods": 250 }), &["maxPods: 110 in kubelet-config, 250 on the node"]),
            ("maxPods: 110", json!({}), &["maxPods: 110 in kubelet-config, not set on the node"]),
            ("{}", json!({ "maxPods": 250 }), &["maxPods: not set in kubelet-config, 250 on the node"]),
            // What is written as nothing is not set.
            ("maxPods: 0\ncgroupRoot: \"\"\nserverTLSBootstrap: false\nfeatureGates: null", json!({}), same),
            // But a pointer to false is set.
            ("failSwapOn: false", json!({ "failSwapOn": false }), same),
            ("failSwapOn: false", json!({}), &["failSwapOn: false in kubelet-config, not set on the node"]),
            // kubeadm fills these in, and no others.
            (
                "{}",
                json!({ "cgroupDriver": "systemd", "rotateCertificates": true, "staticPodPath": "/etc/kubernetes/manifests" }),
                same,
            ),
            (
                "{}",
                json!({ "cgroupDriver": "cgroupfs" }),
                &["cgroupDriver: not set in kubelet-config, cgroupfs on the node"],
            ),
            (
                "cgroupDriver: cgroupfs",
                json!({ "cgroupDriver": "systemd" }),
                &["cgroupDriver: cgroupfs in kubelet-config, systemd on the node"],
            ),
            (
                "cgroupDriver: systemd",
                json!({}),
                &["cgroupDriver: systemd in kubelet-config, not set on the node"],
            ),
            // Maps, whatever their order and their YAML.
            (
                "featureGates: {B: true, A: false}\nevictionHard:\n  memory.available: 100Mi",
                json!({ "featureGates": { "A": "false", "B": "true" }, "evictionHard": { "memory.available": "100Mi" } }),
                same,
            ),
            (
                "featureGates: {A: true, C: true}\nimageGCHighThresholdPercent: 80",
                json!({ "featureGates": { "A": "false", "B": "true" }, "imageGCHighThresholdPercent": 85 }),
                &[
                    "featureGates.A: true in kubelet-config, false on the node",
                    "featureGates.B: not set in kubelet-config, true on the node",
                    "featureGates.C: true in kubelet-config, not set on the node",
                    "imageGCHighThresholdPercent: 80 in kubelet-config, 85 on the node",
                ],
            ),
            // What only one of the two can say is not compared, nor what may be each node's own.
            (
                "clusterDNS: [10.96.0.10]\nresolvConf: /a\ncontainerRuntimeEndpoint: \"\"",
                json!({ "path": "/x", "sha256": "0a", "resolvConf": "/b", "containerRuntimeEndpoint": "unix:///c" }),
                same,
            ),
        ] {
            assert_eq!(
                Kept::of(kept).unwrap().differences(&node(on_the_node.clone())).unwrap(),
                expected,
                "{kept} {on_the_node}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_the_same() {
        for document in ["[", "- a", "kubelet"] {
            assert!(Kept::of(document).is_err(), "{document}");
        }
    }

    #[test]
    fn every_field_that_the_probe_reads_is_compared_or_of_the_node() {
        let all = serde_json::to_value(KubeletConfig::default()).unwrap();
        let known = [
            &SHARED[..],
            &["containerRuntimeEndpoint", "resolvConf"],
            &["path", "sha256", "modified", "apiVersion"],
        ]
        .concat();
        let known: BTreeSet<&str> = known.into_iter().collect();
        let all: BTreeSet<&str> = all.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(all, known);
    }
}
