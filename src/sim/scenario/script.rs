//! What the layers of a scenario come to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::sim::faults::Faults;
use crate::version::Version;

/// A whole scenario.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Script {
    pub(crate) cluster: ClusterSpec,
    /// What nodes are made of, by a name that nodes refer to.
    pub(crate) machines: BTreeMap<String, MachineSpec>,
    /// Nodes by name.
    pub(crate) nodes: BTreeMap<String, NodeSpec>,
    /// Workloads by `namespace/Kind/name`, from which pods and what lies between are made.
    #[serde(default)]
    pub(crate) workloads: BTreeMap<String, WorkloadSpec>,
    /// All other objects as they are, by `apiVersion Kind name` or `apiVersion Kind namespace/name`.
    #[serde(default)]
    pub(crate) objects: BTreeMap<String, Value>,
    /// What probes say.
    pub(crate) facts: FactsSpec,
    /// What is wrong with the API.
    #[serde(default)]
    pub(crate) faults: Faults,
    /// What goes wrong on machines, by node.
    #[serde(default)]
    pub(crate) troubles: BTreeMap<String, TroubleSpec>,
}

/// What goes wrong on a machine, each once.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct TroubleSpec {
    /// Somebody else holds dpkg's lock when it is first asked for.
    pub(crate) dpkg_lock: Option<LockSpec>,
    /// For so many seconds the API server's container fails and is started again, when its manifest has changed. No
    /// more than 240, for kubeadm waits five minutes in all.
    pub(crate) slow_api_server: Option<u64>,
    /// The kubelet does not see that the API server's manifest has changed, until it is started anew.
    pub(crate) stuck_api_server: bool,
}

/// Who holds dpkg's lock, and for how long.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LockSpec {
    /// Its process id.
    pub(crate) pid: u32,
    /// `unattended-upgr`
    pub(crate) program: String,
    /// From the first time on that somebody else wants it.
    pub(crate) seconds: u64,
}

/// What a node is made of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MachineSpec {
    /// `status.nodeInfo.osImage`
    pub(crate) os_image: String,
    /// `status.nodeInfo.kernelVersion`
    pub(crate) kernel: String,
    /// `status.nodeInfo.containerRuntimeVersion`
    pub(crate) runtime: String,
    /// What its probe says of it, merged into [`FactsSpec::node`].
    #[serde(default)]
    pub(crate) facts: Value,
}

/// What probes say: documents in the probe's own form, in whose texts `{{node}}` and others are holes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FactsSpec {
    /// On every node.
    pub(crate) node: Value,
    /// And on control planes.
    pub(crate) control_plane: Value,
}

/// The cluster as a whole.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClusterSpec {
    /// kubeadm's clusterName.
    pub(crate) name: String,
    /// The version of every component that says nothing else.
    pub(crate) version: Version,
    /// The tag of etcd's image.
    pub(crate) etcd: String,
    /// When it was made.
    pub(crate) made: Timestamp,
    /// The store's revision when the simulation begins.
    pub(crate) revision: u64,
}

/// A node.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NodeSpec {
    /// Whether it runs a control plane, and so an API server.
    #[serde(default)]
    pub(crate) control_plane: bool,
    /// What is special about its static pods, by component.
    #[serde(default)]
    pub(crate) static_pods: BTreeMap<String, PodSpec>,
    /// What its API server is like.
    #[serde(default)]
    pub(crate) api_server: ApiServerSpec,
    /// Its address. That of a control plane is where its API server really listens, so the scenario has none.
    #[serde(default)]
    pub(crate) address: String,
    /// The kubelet's version, if not the cluster's.
    #[serde(default)]
    pub(crate) kubelet: Option<Version>,
    /// When it joined.
    pub(crate) made: Timestamp,
    /// When it was booted.
    pub(crate) booted: Timestamp,
    /// What it is made of: one of [`Script::machines`].
    pub(crate) machine: String,
    /// Labels beside those that every node has.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    /// Since when it is cordoned, if it is.
    #[serde(default)]
    pub(crate) cordoned: Option<Timestamp>,
    /// Conditions that are not as they should be, by type.
    #[serde(default)]
    pub(crate) conditions: BTreeMap<String, ConditionSpec>,
    /// The CSI drivers that are registered, each with the node's name as the driver knows it.
    #[serde(default)]
    pub(crate) csi: BTreeMap<String, String>,
    /// What its probe says beside what is said of its machine.
    #[serde(default)]
    pub(crate) facts: Value,
    /// Why its probe gives no answer, if it gives none.
    #[serde(default)]
    pub(crate) silent: Option<String>,
    /// Until when; always, if absent.
    #[serde(default)]
    pub(crate) silent_until: Option<Timestamp>,
}

/// An API server.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ApiServerSpec {
    /// Its version, if not the cluster's.
    pub(crate) version: Option<Version>,
    /// When it started; with the node, if absent.
    pub(crate) started: Option<Timestamp>,
    /// The deprecated APIs that were called since.
    pub(crate) calls: Vec<CallSpec>,
}

/// A call of a deprecated API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CallSpec {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    #[serde(default)]
    pub(crate) subresource: String,
    pub(crate) removed_release: String,
}

/// A condition that is not as it should be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConditionSpec {
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) since: Timestamp,
}

/// A workload.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct WorkloadSpec {
    /// How many pods; 1 if absent. Of a CronJob, how many Jobs it has left behind.
    pub(crate) replicas: Option<usize>,
    /// The image of its first container.
    pub(crate) image: String,
    /// The first container's name, if not the workload's.
    pub(crate) container: Option<String>,
    /// When it was made.
    pub(crate) made: Option<Timestamp>,
    /// When its template was last changed, so that its pods were made anew.
    pub(crate) rolled: Option<Timestamp>,
    /// Who wrote it: the field manager.
    pub(crate) manager: Option<String>,
    /// The nodes that its pods run on, in turn; those where they fit, if empty.
    pub(crate) on: Vec<String>,
    /// Labels and annotations of the workload itself.
    pub(crate) metadata: Value,
    /// Merged into its pod template.
    pub(crate) template: Value,
    /// Merged into its spec.
    pub(crate) spec: Value,
    /// What is special about a pod: by node of a DaemonSet, by ordinal otherwise.
    pub(crate) pods: BTreeMap<String, PodSpec>,
}

/// What is special about a pod.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct PodSpec {
    /// `status.phase`; `Running` if absent.
    pub(crate) phase: Option<String>,
    /// `status.reason`
    pub(crate) reason: Option<String>,
    /// `status.message`
    pub(crate) message: Option<String>,
    /// Why its containers wait: reason and message.
    pub(crate) waiting: Option<(String, String)>,
    /// How often its containers were started again.
    pub(crate) restarts: u32,
    /// When it was made.
    pub(crate) made: Option<Timestamp>,
    /// Images that differ from the template's, by container: such a pod is older than the template.
    pub(crate) images: BTreeMap<String, String>,
}
