//! What an inspection lists: the table of it.

use std::collections::BTreeMap;

use super::wire::{Message, Wire, schema};
use crate::catalog::Catalog;
use crate::evidence::ServedApis;
use crate::evidence::objects::Kind;
use crate::text::Text;

/// What to list.
#[derive(Debug, Clone)]
pub struct What {
    /// As rights name it: `deployments.apps`.
    pub resource: Text,
    /// Where the version is served: `/apis/apps/v1`.
    pub api: Text,
    /// `deployments`
    pub plural: Text,
    /// Whether objects have a namespace.
    pub namespaced: bool,
    /// The only namespace to read, if not all.
    pub namespace: Option<&'static str>,
    /// A label selector, percent-encoded; empty for all.
    pub selector: &'static str,
    /// The protobuf form.
    pub schema: &'static Message,
    /// Whether the API has a protobuf form at all: built-in kinds have.
    pub wire: Wire,
}

impl What {
    /// The path of the list, in `namespace` or over all.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) => format!("{}/namespaces/{namespace}/{}", self.api, self.plural),
            None => format!("{}/{}", self.api, self.plural),
        }
    }

    /// The read, as one would repeat it.
    pub(super) fn how(&self) -> String {
        let path = self.path(self.namespace);
        if self.selector.is_empty() {
            format!("GET {path}")
        } else {
            format!("GET {path}?labelSelector={}", self.selector)
        }
    }
}

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

/// PodDisruptionBudgets of all namespaces.
pub fn pod_disruption_budgets() -> What {
    namespaced("poddisruptionbudgets.policy", "/apis/policy/v1", &schema::POD_DISRUPTION_BUDGET)
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
            || !api.has_objects()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// What lists of all namespaces are asked for, as `resource.group`, whatever a cluster of the catalog serves.
    fn listed() -> BTreeSet<String> {
        let fixed = [nodes(), pods(), csi_nodes(), csi_drivers(), storage_classes(), persistent_volumes()];
        let fixed = fixed.into_iter().chain(Kind::ALL.map(workloads)).chain([
            pod_disruption_budgets(),
            leases(),
            endpoint_slices(),
        ]);
        let catalog = Catalog::get().unwrap();
        let mut everything = ServedApis::default();
        let first = catalog.minors().next().unwrap();
        for api in catalog.apis().iter().filter(|api| api.first_not_serving.is_none_or(|gone| gone > first)) {
            let versions = everything.0.entry(api.group.as_str().into()).or_default();
            versions.entry(api.version.as_str().into()).or_default().push(api.resource.as_str().into());
        }
        let going = managed(catalog, &everything).into_iter().map(|(_, _, _, what)| what);
        fixed.chain(going).map(|what| what.resource.to_string()).collect()
    }

    #[test]
    fn the_role_for_inspections_allows_what_is_listed_and_no_more() {
        let manifest = include_str!("../../deploy/inspector-rbac.yaml");
        let role: serde_json::Value =
            serde_yaml::from_str(manifest.split("\n---\n").next().unwrap()).unwrap();
        let mut allowed = BTreeSet::new();
        for rule in role["rules"].as_array().unwrap() {
            for group in rule["apiGroups"].as_array().into_iter().flatten() {
                for resource in rule["resources"].as_array().unwrap() {
                    let (group, resource) = (group.as_str().unwrap(), resource.as_str().unwrap());
                    allowed.insert(if group.is_empty() {
                        resource.to_owned()
                    } else {
                        format!("{resource}.{group}")
                    });
                }
            }
        }
        let mut listed = listed();
        // For its UID, and for the namespaces to try where a list over all is refused.
        listed.insert("namespaces".to_owned());
        assert_eq!(allowed, listed);
    }

    #[test]
    fn whatever_is_listed_may_pass_the_guard() {
        let catalog = Catalog::get().unwrap();
        let mut paths = BTreeSet::new();
        for api in catalog.apis().iter().filter(|api| api.first_not_serving.is_some()) {
            let versions = BTreeMap::from([(Text::new(&api.version), vec![Text::new(&api.resource)])]);
            let served = ServedApis(BTreeMap::from([(Text::new(&api.group), versions)]));
            for (_, _, _, what) in managed(catalog, &served) {
                paths.insert(what.path(None));
                paths.insert(what.path(Some("shop")));
            }
        }
        assert!(paths.iter().any(|path| path.ends_with("/evictions")), "{paths:?}");
        for path in paths {
            let request = http::Request::get(&path).body(http_body_util::Empty::<&[u8]>::new()).unwrap();
            assert_eq!(crate::cluster::guard::judge(&request), Ok(()), "{path}");
        }
    }

    #[test]
    fn a_going_version_is_not_read_where_another_is_served() {
        let catalog = Catalog::get().unwrap();
        let served = |group: &str, versions: &[&str], resource: &str| {
            let versions =
                versions.iter().map(|version| (Text::new(version), vec![Text::new(resource)])).collect();
            ServedApis(BTreeMap::from([(Text::new(group), versions)]))
        };
        let read = |served: ServedApis| -> Vec<(String, String)> {
            managed(catalog, &served)
                .into_iter()
                .map(|(_, v, _, what)| (what.resource.to_string(), v.to_string()))
                .collect()
        };
        let flow = "flowcontrol.apiserver.k8s.io";
        let name = format!("flowschemas.{flow}");
        assert_eq!(read(served(flow, &["v1", "v1beta3"], "flowschemas")), [(name.clone(), "v1".to_owned())]);
        // Nothing goes where only what stays is served, and what has no other version is read as it is.
        assert_eq!(read(served(flow, &["v1"], "flowschemas")), []);
        assert_eq!(
            read(served("resource.k8s.io", &["v1alpha2"], "resourceclaims")),
            [("resourceclaims.resource.k8s.io".to_owned(), "v1alpha2".to_owned())]
        );
        assert_eq!(read(served("authentication.k8s.io", &["v1", "v1beta1"], "selfsubjectreviews")), []);
    }
}
