//! What can be observed: plain data, versioned, serialisable.
//!
//! [`Evidence`] is all that was observed, when, by which read, and what could not be read and why.
//! It is what checks judge, what a recording holds, and nothing else is: the same code judges a live
//! cluster, a recording of last month and a fixture in a test.

pub mod gaps;
mod listings;
pub mod node_facts;
pub mod objects;
pub mod read;
pub mod server;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use listings::ListingState;
pub use node_facts::{NodeFacts, Snapshot};
pub use read::{Listing, Progress, ReadRecord, Reading, Reason, Stamp, Unread};
pub use server::{ApiServer, ApiServers, DeprecatedCall, DeprecatedCalls, Health};

use crate::text::Text;
use objects::{
    ConfigMap, CsiDriver, CsiNode, EndpointSlice, Kind, Lease, ManagedObject, Node, PersistentVolume, Pod,
    PodDisruptionBudget, StorageClass, Workload,
};

/// The version of the serialised form of [`Evidence`]. A reader refuses a newer one.
pub const FORMAT: u32 = 1;

/// The ConfigMaps of kube-system that are asked for, by name: listing cannot be limited by name in RBAC.
pub const CONFIG_MAPS: [&str; 4] = ["kubeadm-config", "kubelet-config", "kube-proxy", "coredns"];

/// Kubernetes' name of the resource of PodDisruptionBudgets.
const BUDGETS: &str = "poddisruptionbudgets.policy";

/// What an inspection is to cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// The API, the nodes' facts, etcd's inside and backups.
    #[default]
    All,
    /// Only what the API tells.
    Api,
}

/// All that was observed of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// [`FORMAT`]
    pub format: u32,
    /// Which cluster.
    pub cluster: Cluster,
    /// Why the cluster's UID is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid_unread: Option<Unread>,
    /// What was to be covered.
    pub scope: Scope,
    /// When the newest part of it was observed: the "now" of checks, which have no clock.
    pub at: Timestamp,
    /// The API servers, one by one.
    pub servers: ApiServers,
    /// The APIs that the cluster serves.
    pub served: Reading<ServedApis>,
    /// Objects that were listed.
    pub objects: Objects,
    /// ConfigMaps of kube-system by name: see [`CONFIG_MAPS`].
    #[serde(default)]
    pub config_maps: BTreeMap<Text, Reading<ConfigMap>>,
    /// What the machines say of themselves, by node: see [`Evidence::facts_of`].
    #[serde(default)]
    pub node_facts: BTreeMap<Text, Reading<Arc<NodeFacts>>>,
    /// Files of node facts that belong to no node, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stray_facts: Vec<Unread>,
    /// Snapshots of etcd in the folder that `--backups` names.
    #[serde(default = "no_backups")]
    pub backups: Reading<FoundBackups>,
    /// How the credentials are that the cluster is asked with; absent where it takes anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Since when the API does not answer, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_gone_since: Option<Timestamp>,
    /// Every request, oldest first.
    #[serde(default)]
    pub reads: Arc<Vec<ReadRecord>>,
}

/// Which cluster it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cluster {
    /// kubeadm's clusterName, or the kubeconfig's entry where that is the default `kubernetes`.
    pub name: Text,
    /// The kubeconfig's context; empty inside a cluster.
    pub context: Text,
    /// The address that kubelift talks to.
    pub server: Text,
    /// The UID of the namespace kube-system: the cluster's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<Text>,
}

/// How credentials are. They themselves are never evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Credentials {
    /// The kubeconfig's user.
    pub user: Text,
    /// When they end and are renewed, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Since when there are none that a server takes: expired, or refused, and not renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_since: Option<Timestamp>,
    /// Why the last renewal failed, and the way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Text>,
}

impl Credentials {
    /// As what is not read while there are none.
    pub fn unread(&self) -> Option<Unread> {
        let message = self.message.as_deref().unwrap_or_default();
        let unread = Unread::new("renew", "credentials", Reason::Forbidden, message).of(&self.user);
        self.lost_since.map(|since| unread.at(since))
    }
}

/// What may be snapshots of etcd in a folder of the machine that kubelift runs on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FoundBackups {
    /// The folder that was looked at.
    pub folder: Text,
    /// What it holds, the newest first.
    pub snapshots: Vec<Snapshot>,
    /// What in it could not be looked at.
    pub unread: Vec<Unread>,
}

/// The APIs that a cluster serves, from aggregated discovery: group (empty for core) → version → resources.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServedApis(pub BTreeMap<Text, BTreeMap<Text, Vec<Text>>>);

impl ServedApis {
    /// Whether a resource is served in a version of a group.
    pub fn serves(&self, group: &str, version: &str, resource: &str) -> bool {
        self.resources(group, version).is_some_and(|resources| resources.iter().any(|r| r == resource))
    }

    /// The versions of a group that serve a resource.
    pub fn versions_of(&self, group: &str, resource: &str) -> impl Iterator<Item = &str> {
        let versions = self.0.get(group).into_iter().flatten();
        versions
            .filter(move |(_, resources)| resources.iter().any(|r| r == resource))
            .map(|(version, _)| version.as_str())
    }

    fn resources(&self, group: &str, version: &str) -> Option<&Vec<Text>> {
        self.0.get(group)?.get(version)
    }
}

/// The objects that were listed, by kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Objects {
    /// Nodes.
    pub nodes: Listing<Node>,
    /// Pods of all namespaces.
    pub pods: Listing<Pod>,
    /// Workloads by kind: every kind has its listing.
    pub workloads: BTreeMap<Kind, Listing<Workload>>,
    /// CSINodes.
    pub csi_nodes: Listing<CsiNode>,
    /// CSIDrivers.
    pub csi_drivers: Listing<CsiDriver>,
    /// PersistentVolumes.
    pub persistent_volumes: Listing<PersistentVolume>,
    /// StorageClasses.
    pub storage_classes: Listing<StorageClass>,
    /// PodDisruptionBudgets of all namespaces.
    #[serde(default = "not_in_this_recording")]
    pub pod_disruption_budgets: Listing<PodDisruptionBudget>,
    /// Leases of kube-system: identities of API servers, and leaders.
    pub leases: Listing<Lease>,
    /// EndpointSlices of the Service default/kubernetes.
    pub endpoint_slices: Listing<EndpointSlice>,
    /// Objects of kinds that some later version does not serve in a version served now, by
    /// `resource.group` (`flowschemas.flowcontrol.apiserver.k8s.io`): read at a version that stays, where there is one.
    pub managed: BTreeMap<Text, ManagedListing>,
}

/// Objects asked who wrote them, and in which version they were read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedListing {
    /// The group; empty for core.
    pub group: Text,
    /// The version that was listed.
    pub version: Text,
    /// `FlowSchema`
    pub kind: Text,
    /// The objects.
    pub listing: Listing<ManagedObject>,
}

impl Objects {
    /// No object, and no listing begun.
    pub fn waiting() -> Self {
        Self {
            nodes: Listing::waiting("nodes"),
            pods: Listing::waiting("pods"),
            workloads: Kind::ALL.into_iter().map(|kind| (kind, Listing::waiting(kind.resource()))).collect(),
            csi_nodes: Listing::waiting("csinodes.storage.k8s.io"),
            csi_drivers: Listing::waiting("csidrivers.storage.k8s.io"),
            persistent_volumes: Listing::waiting("persistentvolumes"),
            storage_classes: Listing::waiting("storageclasses.storage.k8s.io"),
            pod_disruption_budgets: Listing::waiting(BUDGETS),
            leases: Listing::waiting("leases.coordination.k8s.io"),
            endpoint_slices: Listing::waiting("endpointslices.discovery.k8s.io"),
            managed: BTreeMap::new(),
        }
    }
}

impl Evidence {
    /// Nothing observed yet, of `cluster`.
    pub fn nothing(cluster: Cluster, scope: Scope, at: Timestamp) -> Self {
        let pending = Unread::new("get", "/apis", Reason::Pending, "");
        let servers = Unread::new("get", "API servers", Reason::Pending, "");
        Self {
            format: FORMAT,
            cluster,
            uid_unread: None,
            scope,
            at,
            servers: ApiServers { unread: vec![servers], ..ApiServers::default() },
            served: Reading::Unread(pending),
            objects: Objects::waiting(),
            config_maps: CONFIG_MAPS
                .into_iter()
                .map(|name| {
                    let unread = Unread::new("get", "configmaps", Reason::Pending, "")
                        .in_namespace("kube-system")
                        .of(name);
                    (Text::new(name), Reading::Unread(unread))
                })
                .collect(),
            node_facts: BTreeMap::new(),
            stray_facts: Vec::new(),
            backups: no_backups(),
            credentials: None,
            api_gone_since: None,
            reads: Arc::default(),
        }
    }

    /// Takes out what its scope leaves out, wherever it came from: under [`Scope::Api`] all that is not the API's.
    pub fn keep_scope(&mut self) {
        if self.scope != Scope::Api {
            return;
        }
        let left_out = |verb, resource| Unread::new(verb, resource, Reason::OutOfScope, "");
        let facts = |node: &Node| {
            let name = node.metadata.name.clone();
            (name.clone(), Reading::Unread(left_out("probe", "node facts").of(&name)))
        };
        self.node_facts = self.objects.nodes.iter().map(facts).collect();
        self.stray_facts.clear();
        self.backups = Reading::Unread(left_out("stat", "backups"));
    }

    /// What the machine of a node says of itself.
    ///
    /// # Errors
    /// Why that was not read; a node without an entry was left out, or its facts were not provided.
    pub fn facts_of(&self, node: &str) -> Result<(&NodeFacts, &Stamp), Unread> {
        match self.node_facts.get(node) {
            Some(reading) => reading.get().map(|(facts, stamp)| (&**facts, stamp)).map_err(Clone::clone),
            None => Err(self.no_facts().of(node)),
        }
    }

    /// That no facts of any node were given.
    fn no_facts(&self) -> Unread {
        let reason = if self.scope == Scope::Api { Reason::OutOfScope } else { Reason::NotProvided };
        Unread::new("probe", "node facts", reason, "")
    }
}

/// What evidence that was recorded before budgets were read says of them.
fn not_in_this_recording() -> Listing<PodDisruptionBudget> {
    let message = "the recording was made by a kubelift that did not read them";
    let unread = Unread::new("list", BUDGETS, Reason::NotProvided, message);
    Listing { progress: Progress::Done, unread: vec![unread], ..Listing::waiting(BUDGETS) }
}

fn no_backups() -> Reading<FoundBackups> {
    Reading::Unread(Unread::new("stat", "backups", Reason::NotProvided, ""))
}
