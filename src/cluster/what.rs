//! What an inspection lists: the table of it.

use std::collections::BTreeMap;

use super::list::What;
use super::wire::{Message, Wire, schema};
use crate::catalog::Catalog;
use crate::evidence::ServedApis;
use crate::evidence::objects::Kind;
use crate::text::Text;

fn built_in(resource: &str, api: &str, schema: &'static Message) -> What {
    let plural = resource.split('.').next().unwrap_or(resource);
    What {
        resource: resource.into(),
        api: api.into(),
        plural: plural.into(),
        namespaced: false,
        namespace: None,
        selector: "",
        schema,
        wire: Wire::Protobuf,
    }
}

fn namespaced(resource: &str, api: &str, schema: &'static Message) -> What {
    What { namespaced: true, ..built_in(resource, api, schema) }
}

/// Nodes.
pub fn nodes() -> What {
    built_in("nodes", "/api/v1", &schema::NODE)
}

/// Pods of all namespaces.
pub fn pods() -> What {
    namespaced("pods", "/api/v1", &schema::POD)
}

/// Objects of a workload kind.
pub fn workloads(kind: Kind) -> What {
    match kind {
        Kind::Deployment => namespaced(kind.resource(), "/apis/apps/v1", &schema::DEPLOYMENT),
        Kind::StatefulSet => namespaced(kind.resource(), "/apis/apps/v1", &schema::STATEFUL_SET),
        Kind::DaemonSet => namespaced(kind.resource(), "/apis/apps/v1", &schema::DAEMON_SET),
        Kind::ReplicaSet => namespaced(kind.resource(), "/apis/apps/v1", &schema::REPLICA_SET),
        Kind::ReplicationController => {
            namespaced(kind.resource(), "/api/v1", &schema::REPLICATION_CONTROLLER)
        }
        Kind::Job => namespaced(kind.resource(), "/apis/batch/v1", &schema::JOB),
        Kind::CronJob => namespaced(kind.resource(), "/apis/batch/v1", &schema::CRON_JOB),
    }
}

/// CSINodes.
pub fn csi_nodes() -> What {
    built_in("csinodes.storage.k8s.io", "/apis/storage.k8s.io/v1", &schema::CSI_NODE)
}

/// CSIDrivers.
pub fn csi_drivers() -> What {
    built_in("csidrivers.storage.k8s.io", "/apis/storage.k8s.io/v1", &schema::CSI_DRIVER)
}

/// StorageClasses.
pub fn storage_classes() -> What {
    built_in("storageclasses.storage.k8s.io", "/apis/storage.k8s.io/v1", &schema::STORAGE_CLASS)
}

/// PersistentVolumes.
pub fn persistent_volumes() -> What {
    built_in("persistentvolumes", "/api/v1", &schema::PERSISTENT_VOLUME)
}

/// Leases of kube-system: leaders, and the identities of API servers.
pub fn leases() -> What {
    What {
        namespace: Some("kube-system"),
        ..namespaced("leases.coordination.k8s.io", "/apis/coordination.k8s.io/v1", &schema::LEASE)
    }
}

/// The EndpointSlices of the Service default/kubernetes: the API servers.
pub fn endpoint_slices() -> What {
    What {
        namespace: Some("default"),
        selector: "kubernetes.io%2Fservice-name%3Dkubernetes",
        ..namespaced("endpointslices.discovery.k8s.io", "/apis/discovery.k8s.io/v1", &schema::ENDPOINT_SLICE)
    }
}

/// The kinds that some later version of the catalog does not serve in a version that this cluster serves now:
/// group, version, kind, and what to list. Each is read once, in a version that stays where there is one: a read
/// of the going version would itself show up in the request metric.
pub fn managed(catalog: &Catalog, served: &ServedApis) -> Vec<(Text, Text, Text, What)> {
    let mut chosen: BTreeMap<(&str, &str), (Text, Text, Text, What)> = BTreeMap::new();
    for api in catalog.apis() {
        let (group, version, resource) = (api.group.as_str(), api.version.as_str(), api.resource.as_str());
        if api.first_not_serving.is_none()
            || !served.serves(group, version, resource)
            || chosen.contains_key(&(group, resource))
        {
            continue;
        }
        let goes = |version: &str| {
            catalog.api(group, version, resource).is_some_and(|api| api.first_not_serving.is_some())
        };
        let stays = served.versions_of(group, resource).find(|version| !goes(version));
        let read = stays.unwrap_or(version);
        let path = if group.is_empty() { format!("/api/{read}") } else { format!("/apis/{group}/{read}") };
        let name = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let what = What { namespaced: api.namespaced, ..built_in(&name, &path, &schema::OBJECT) };
        chosen.insert((group, resource), (group.into(), read.into(), api.kind.as_str().into(), what));
    }
    chosen.into_values().collect()
}
