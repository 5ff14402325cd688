//! Nodes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::meta::{Metadata, Seq, str_is_empty};
use crate::text::Text;

/// The label that kubeadm gives to control-plane nodes.
pub const CONTROL_PLANE_LABEL: &str = "node-role.kubernetes.io/control-plane";

/// A Node (v1).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Name, labels, annotations.
    pub metadata: Metadata,
    /// Cordon and taints.
    pub spec: NodeSpec,
    /// What the kubelet reports.
    pub status: NodeStatus,
}

impl Node {
    /// Whether kubeadm's label says that it runs a control plane.
    pub fn is_control_plane(&self) -> bool {
        self.metadata.labels.get(CONTROL_PLANE_LABEL).is_some()
    }

    /// Whether the operating system is Linux, which is all that kubelift upgrades.
    pub fn is_linux(&self) -> bool {
        self.status.node_info.operating_system.is_empty() || self.status.node_info.operating_system == "linux"
    }

    /// The condition of a type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.kind == kind)
    }
}

/// The wanted state of a Node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSpec {
    /// Cordoned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unschedulable: Option<bool>,
    /// Taints, the cordon's own among them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub taints: Seq<Taint>,
    /// The pod network of the node.
    #[serde(rename = "podCIDR", skip_serializing_if = "str_is_empty")]
    pub pod_cidr: Text,
}

/// A taint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Taint {
    /// Its key.
    pub key: Text,
    /// Its value, often empty.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub value: Text,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: Text,
}

/// The observed state of a Node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    /// Versions and identities.
    pub node_info: NodeInfo,
    /// `Ready`, `DiskPressure`, …
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub conditions: Seq<Condition>,
    /// Addresses, for display only: never a target to connect to.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub addresses: Seq<NodeAddress>,
}

/// `status.nodeInfo`, but for kubeProxyVersion, which must not be used (KEP-4004).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeInfo {
    /// The machine's id from /etc/machine-id.
    #[serde(rename = "machineID")]
    pub machine_id: Text,
    /// The id of this boot, from /proc/sys/kernel/random/boot_id.
    #[serde(rename = "bootID")]
    pub boot_id: Text,
    /// `6.1.0-18-amd64`
    pub kernel_version: Text,
    /// `Debian GNU/Linux 12 (bookworm)`
    pub os_image: Text,
    /// `containerd://1.7.2`
    pub container_runtime_version: Text,
    /// `v1.30.4`
    pub kubelet_version: Text,
    /// `linux` or `windows`; it says nothing about cgroups.
    pub operating_system: Text,
    /// `amd64`
    pub architecture: Text,
}

/// A condition, of a Node, a Pod or another object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// `Ready`
    #[serde(rename = "type")]
    pub kind: Text,
    /// `True`, `False` or `Unknown`
    pub status: Text,
    /// A word for machines.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub reason: Text,
    /// A sentence for people.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub message: Text,
    /// When the status last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
}

/// An address of a Node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeAddress {
    /// `InternalIP`, `Hostname`, …
    #[serde(rename = "type")]
    pub kind: Text,
    /// The address.
    pub address: Text,
}
