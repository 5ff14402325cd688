//! Nodes, with what kubelets keep beside them: CSINodes and Leases.

use serde_json::{Value, json};

use super::{World, place};
use crate::sim::scenario::NodeSpec;
use crate::sim::{SimError, clock, names};

/// The condition that a healthy node has, of each type: status, reason, message.
const HEALTHY: [(&str, &str, &str, &str); 5] = [
    ("NetworkUnavailable", "False", "FlannelIsUp", "Flannel is running on this node"),
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];

/// The taint that the node lifecycle controller gives for a condition.
const CONDITION_TAINTS: [(&str, &str); 3] = [
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
];

impl World<'_> {
    /// Every node with its CSINode and its Lease.
    pub(super) fn nodes(&mut self) -> Result<(), SimError> {
        let script = self.script;
        for (index, (name, node)) in script.nodes.iter().enumerate() {
            let machine = script.machines.get(&node.machine).ok_or_else(|| {
                SimError::data(&format!("node {name} is made of '{}', which is no machine", node.machine))
            })?;
            let made = clock::seconds(node.made);
            let info = json!({
                "machineID": machine_id(name), "systemUUID": names::uid(&format!("system {name}")),
                "bootID": boot_id(name), "kernelVersion": machine.kernel, "osImage": machine.os_image,
                "containerRuntimeVersion": machine.runtime, "operatingSystem": "linux", "architecture": "amd64",
                "kubeletVersion": format!("v{}", self.kubelet(node)), "kubeProxyVersion": format!("v{}", self.kubelet(node)),
            });
            let cidr = format!("10.244.{index}.0/24");
            let mut spec = json!({ "podCIDR": cidr, "podCIDRs": [cidr], "taints": taints(node) });
            if let (Some(_), Some(spec)) = (node.cordoned, spec.as_object_mut()) {
                spec.insert("unschedulable".to_owned(), true.into());
            }
            let object = json!({
                "metadata": {
                    "name": name, "labels": place::labels(name, node), "annotations": annotations(node),
                    "creationTimestamp": made,
                },
                "spec": spec,
                "status": {
                    "addresses": [{ "type": "InternalIP", "address": node.address }, { "type": "Hostname", "address": name }],
                    "capacity": capacity(node), "allocatable": capacity(node), "conditions": self.conditions(node),
                    "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } }, "nodeInfo": info,
                },
            });
            self.add("v1", "Node", object)?;
            let owner = json!([{ "apiVersion": "v1", "kind": "Node", "name": name, "uid": self.uid("Node", "", name) }]);
            let drivers: Vec<Value> = node
                .csi
                .iter()
                .map(|(driver, id)| json!({ "name": driver, "nodeID": id, "topologyKeys": null }))
                .collect();
            self.add(
                "storage.k8s.io/v1",
                "CSINode",
                json!({
                    "metadata": { "name": name, "creationTimestamp": made, "ownerReferences": owner },
                    "spec": { "drivers": drivers },
                }),
            )?;
            self.add("coordination.k8s.io/v1", "Lease", json!({
                "metadata": { "name": name, "namespace": "kube-node-lease", "creationTimestamp": made, "ownerReferences": owner },
                "spec": { "holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": clock::micros(self.now) },
            }))?;
        }
        Ok(())
    }

    /// The version of a node's kubelet.
    pub(super) fn kubelet(&self, node: &NodeSpec) -> String {
        node.kubelet.as_ref().unwrap_or(&self.script.cluster.version).to_string()
    }

    fn conditions(&self, node: &NodeSpec) -> Vec<Value> {
        let (heard, booted) = (clock::seconds(self.now), clock::seconds(node.booted));
        let conditions =
            HEALTHY.iter().map(|(kind, status, reason, message)| match node.conditions.get(*kind) {
                Some(other) => json!({
                    "type": kind, "status": other.status, "reason": other.reason, "message": other.message,
                    "lastHeartbeatTime": heard, "lastTransitionTime": clock::seconds(other.since),
                }),
                None => json!({
                    "type": kind, "status": status, "reason": reason, "message": message,
                    "lastHeartbeatTime": heard, "lastTransitionTime": booted,
                }),
            });
        conditions.collect()
    }
}

/// The node's `/etc/machine-id`.
pub(super) fn machine_id(name: &str) -> String {
    names::hex32(&format!("machine {name}"))
}

/// The id of the node's boot.
pub(super) fn boot_id(name: &str) -> String {
    names::uid(&format!("boot {name}"))
}

fn annotations(node: &NodeSpec) -> Value {
    let mut annotations = json!({
        "kubeadm.alpha.kubernetes.io/cri-socket": "unix:///var/run/containerd/containerd.sock",
        "node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    });
    if let (false, Some(annotations)) = (node.csi.is_empty(), annotations.as_object_mut()) {
        let ids = json!(node.csi).to_string();
        annotations.insert("csi.volume.kubernetes.io/nodeid".to_owned(), ids.into());
    }
    annotations
}

fn taints(node: &NodeSpec) -> Vec<Value> {
    let mut taints: Vec<Value> =
        place::taints(node).iter().map(|(key, effect)| json!({ "key": key, "effect": effect })).collect();
    if let Some(since) = node.cordoned {
        taints.push(json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": clock::seconds(since) }));
    }
    for (condition, taint) in CONDITION_TAINTS {
        if let Some(condition) = node.conditions.get(condition).filter(|condition| condition.status == "True")
        {
            let since = clock::seconds(condition.since);
            taints.push(json!({ "key": taint, "effect": "NoSchedule", "timeAdded": since }));
        }
    }
    taints
}

fn capacity(node: &NodeSpec) -> Value {
    let (cpu, memory) = if node.control_plane { ("8", "32772528Ki") } else { ("32", "131820112Ki") };
    json!({ "cpu": cpu, "memory": memory, "ephemeral-storage": "206291924Ki", "pods": "110",
            "hugepages-1Gi": "0", "hugepages-2Mi": "0" })
}
