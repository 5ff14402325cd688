//! The resources that the simulated API servers serve: what kube-apiserver 1.30 serves by default.
//!
//! Source: the aggregated discovery of kube-apiserver 1.30.14, asked. A row is a resource in all versions of its
//! group; objects are stored once and shown in the version that is asked for, as a real server does.

use crate::version::Minor;

/// A version of a group.
#[derive(Debug)]
pub(crate) struct GroupVersion {
    /// `v1beta3`
    pub(crate) name: &'static str,
    /// The first minor that no longer serves it. A version with one is deprecated.
    pub(crate) until: Option<Minor>,
}

/// A group of resources.
#[derive(Debug)]
pub(crate) struct Group {
    /// Empty for the core group.
    pub(crate) name: &'static str,
    /// Its versions, the preferred one first.
    pub(crate) versions: &'static [GroupVersion],
    /// Its resources.
    pub(crate) resources: &'static [Resource],
}

/// A resource.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Its group's name.
    pub(crate) group: &'static str,
    /// `pods`
    pub(crate) plural: &'static str,
    /// `Pod`
    pub(crate) kind: &'static str,
    /// Whether its objects are in namespaces.
    pub(crate) namespaced: bool,
    /// `po`
    pub(crate) short: &'static [&'static str],
    /// Subresources, each with its kind and verbs, separated by blanks.
    pub(crate) subresources: &'static [&'static str],
    /// The verbs.
    pub(crate) verbs: &'static [&'static str],
    /// Fields that a field selector may name, beside the name and the namespace.
    pub(crate) fields: &'static [&'static str],
    /// Whether it is deprecated without a minor that no longer serves it.
    pub(crate) deprecated: bool,
}

const ALL_VERBS: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

const CORE: &str = "";
const APPS: &str = "apps";
const STATUS_OF_ITSELF: &str = "status get patch update";
const SCALE: &str = "scale get patch update";

const fn resource(group: &'static str, plural: &'static str, kind: &'static str) -> Resource {
    Resource {
        group,
        plural,
        kind,
        namespaced: true,
        short: &[],
        subresources: &[],
        verbs: ALL_VERBS,
        fields: &[],
        deprecated: false,
    }
}

impl Resource {
    const fn cluster(mut self) -> Self {
        self.namespaced = false;
        self
    }
    const fn short(mut self, short: &'static [&'static str]) -> Self {
        self.short = short;
        self
    }
    const fn subresources(mut self, subresources: &'static [&'static str]) -> Self {
        self.subresources = subresources;
        self
    }
    const fn status(self) -> Self {
        self.subresources(&[STATUS_OF_ITSELF])
    }
    const fn verbs(mut self, verbs: &'static [&'static str]) -> Self {
        self.verbs = verbs;
        self
    }
    const fn fields(mut self, fields: &'static [&'static str]) -> Self {
        self.fields = fields;
        self
    }
    const fn deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// `deployments.apps`, or `pods` in the core group: as rights and messages name it.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `apps/v1`, or `v1` in the core group.
    pub(crate) fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// What identifies it: group and plural.
    pub(crate) const fn id(&self) -> (&'static str, &'static str) {
        (self.group, self.plural)
    }

    /// Whether a client may use `verb` on it.
    pub(crate) fn allows(&self, verb: &str) -> bool {
        self.verbs.contains(&verb)
    }
}

macro_rules! groups {
    ($($name:literal [$($version:literal $(until $major:literal . $minor:literal)?),+] { $($resource:expr),* $(,)? })*) => {
        &[$(Group {
            name: $name,
            versions: &[$(GroupVersion { name: $version, until: groups!(@until $($major . $minor)?) }),+],
            resources: &[$($resource),*],
        }),*]
    };
    (@until) => { None };
    (@until $major:literal . $minor:literal) => { Some(Minor::new($major, $minor)) };
}

/// All groups, in the order of discovery.
pub(crate) static GROUPS: &[Group] = groups! {
    "" ["v1"] {
        resource(CORE, "bindings", "Binding").verbs(&["create"]),
        resource(CORE, "componentstatuses", "ComponentStatus").cluster().short(&["cs"]).verbs(&["get", "list"]).deprecated(),
        resource(CORE, "configmaps", "ConfigMap").short(&["cm"]),
        resource(CORE, "endpoints", "Endpoints").short(&["ep"]),
        resource(CORE, "events", "Event").short(&["ev"]).fields(&["involvedObject.kind", "involvedObject.name", "involvedObject.namespace", "involvedObject.uid", "reason", "type"]),
        resource(CORE, "limitranges", "LimitRange").short(&["limits"]),
        resource(CORE, "namespaces", "Namespace").cluster().short(&["ns"])
            .verbs(&["create", "delete", "get", "list", "patch", "update", "watch"])
            .subresources(&["finalize update", STATUS_OF_ITSELF]).fields(&["status.phase"]),
        resource(CORE, "nodes", "Node").cluster().short(&["no"])
            .subresources(&["proxy:NodeProxyOptions create delete get patch update", STATUS_OF_ITSELF]).fields(&["spec.unschedulable"]),
        resource(CORE, "persistentvolumeclaims", "PersistentVolumeClaim").short(&["pvc"]).status(),
        resource(CORE, "persistentvolumes", "PersistentVolume").cluster().short(&["pv"]).status(),
        resource(CORE, "pods", "Pod").short(&["po"]).subresources(&[
            "attach:PodAttachOptions create get", "binding:Binding create", "ephemeralcontainers get patch update",
            "eviction:Eviction create", "exec:PodExecOptions create get", "log get",
            "portforward:PodPortForwardOptions create get", "proxy:PodProxyOptions create delete get patch update",
            STATUS_OF_ITSELF,
        ]).fields(&["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase", "status.podIP", "status.nominatedNodeName"]),
        resource(CORE, "podtemplates", "PodTemplate"),
        resource(CORE, "replicationcontrollers", "ReplicationController").short(&["rc"]).subresources(&[SCALE, STATUS_OF_ITSELF]).fields(&["status.replicas"]),
        resource(CORE, "resourcequotas", "ResourceQuota").short(&["quota"]).status(),
        resource(CORE, "secrets", "Secret").fields(&["type"]),
        resource(CORE, "serviceaccounts", "ServiceAccount").short(&["sa"]).subresources(&["token:TokenRequest create"]),
        resource(CORE, "services", "Service").short(&["svc"]).subresources(&["proxy:ServiceProxyOptions create delete get patch update", STATUS_OF_ITSELF]).fields(&["spec.clusterIP", "spec.type"]),
    }
    "apiregistration.k8s.io" ["v1"] {
        resource("apiregistration.k8s.io", "apiservices", "APIService").cluster().status(),
    }
    "apps" ["v1"] {
        resource(APPS, "controllerrevisions", "ControllerRevision"),
        resource(APPS, "daemonsets", "DaemonSet").short(&["ds"]).status(),
        resource(APPS, "deployments", "Deployment").short(&["deploy"]).subresources(&[SCALE, STATUS_OF_ITSELF]),
        resource(APPS, "replicasets", "ReplicaSet").short(&["rs"]).subresources(&[SCALE, STATUS_OF_ITSELF]).fields(&["status.replicas"]),
        resource(APPS, "statefulsets", "StatefulSet").short(&["sts"]).subresources(&[SCALE, STATUS_OF_ITSELF]),
    }
    "events.k8s.io" ["v1"] {
        resource("events.k8s.io", "events", "Event").short(&["ev"]),
    }
    "authentication.k8s.io" ["v1"] {
        resource("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview").cluster().verbs(&["create"]),
        resource("authentication.k8s.io", "tokenreviews", "TokenReview").cluster().verbs(&["create"]),
    }
    "authorization.k8s.io" ["v1"] {
        resource("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview").verbs(&["create"]),
        resource("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview").cluster().verbs(&["create"]),
        resource("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview").cluster().verbs(&["create"]),
        resource("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview").cluster().verbs(&["create"]),
    }
    "autoscaling" ["v2", "v1"] {
        resource("autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler").short(&["hpa"]).status(),
    }
    "batch" ["v1"] {
        resource("batch", "cronjobs", "CronJob").short(&["cj"]).status(),
        resource("batch", "jobs", "Job").status().fields(&["status.successful"]),
    }
    "certificates.k8s.io" ["v1"] {
        resource("certificates.k8s.io", "certificatesigningrequests", "CertificateSigningRequest").cluster().short(&["csr"])
            .subresources(&["approval get patch update", STATUS_OF_ITSELF]).fields(&["spec.signerName"]),
    }
    "networking.k8s.io" ["v1"] {
        resource("networking.k8s.io", "ingressclasses", "IngressClass").cluster(),
        resource("networking.k8s.io", "ingresses", "Ingress").short(&["ing"]).status(),
        resource("networking.k8s.io", "networkpolicies", "NetworkPolicy").short(&["netpol"]),
    }
    "policy" ["v1"] {
        resource("policy", "poddisruptionbudgets", "PodDisruptionBudget").short(&["pdb"]).status(),
    }
    "rbac.authorization.k8s.io" ["v1"] {
        resource("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding").cluster(),
        resource("rbac.authorization.k8s.io", "clusterroles", "ClusterRole").cluster(),
        resource("rbac.authorization.k8s.io", "rolebindings", "RoleBinding"),
        resource("rbac.authorization.k8s.io", "roles", "Role"),
    }
    "storage.k8s.io" ["v1"] {
        resource("storage.k8s.io", "csidrivers", "CSIDriver").cluster(),
        resource("storage.k8s.io", "csinodes", "CSINode").cluster(),
        resource("storage.k8s.io", "csistoragecapacities", "CSIStorageCapacity"),
        resource("storage.k8s.io", "storageclasses", "StorageClass").cluster().short(&["sc"]),
        resource("storage.k8s.io", "volumeattachments", "VolumeAttachment").cluster().status(),
    }
    "admissionregistration.k8s.io" ["v1"] {
        resource("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration").cluster(),
        resource("admissionregistration.k8s.io", "validatingadmissionpolicies", "ValidatingAdmissionPolicy").cluster().status(),
        resource("admissionregistration.k8s.io", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding").cluster(),
        resource("admissionregistration.k8s.io", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration").cluster(),
    }
    "apiextensions.k8s.io" ["v1"] {
        resource("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition").cluster().short(&["crd", "crds"]).status(),
    }
    "scheduling.k8s.io" ["v1"] {
        resource("scheduling.k8s.io", "priorityclasses", "PriorityClass").cluster().short(&["pc"]),
    }
    "coordination.k8s.io" ["v1"] {
        resource("coordination.k8s.io", "leases", "Lease"),
    }
    "node.k8s.io" ["v1"] {
        resource("node.k8s.io", "runtimeclasses", "RuntimeClass").cluster(),
    }
    "discovery.k8s.io" ["v1"] {
        resource("discovery.k8s.io", "endpointslices", "EndpointSlice"),
    }
    "flowcontrol.apiserver.k8s.io" ["v1", "v1beta3" until 1 . 32] {
        resource("flowcontrol.apiserver.k8s.io", "flowschemas", "FlowSchema").cluster().status(),
        resource("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", "PriorityLevelConfiguration").cluster().status(),
    }
};

/// The group of a name.
pub(crate) fn group(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.name == name)
}

impl Group {
    /// The versions that a server of `minor` serves.
    pub(crate) fn served_by(&self, minor: Minor) -> impl Iterator<Item = &'static GroupVersion> + use<> {
        self.versions.iter().filter(move |version| version.until.is_none_or(|until| minor < until))
    }

    /// The resource of a plural name.
    pub(crate) fn resource(&self, plural: &str) -> Option<&'static Resource> {
        self.resources.iter().find(|resource| resource.plural == plural)
    }
}

/// The resource of a kind, by the `apiVersion` of an object: `apps/v1`, `Deployment`. Any version counts.
pub(crate) fn by_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    let (name, version) = api_version.split_once('/').unwrap_or((CORE, api_version));
    let group = group(name)?;
    group.versions.iter().find(|served| served.name == version)?;
    group.resources.iter().find(|resource| resource.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_group_that_they_name() {
        for group in GROUPS {
            for resource in group.resources {
                assert_eq!(resource.group, group.name, "{}", resource.plural);
            }
        }
    }

    #[test]
    fn a_kind_is_found_in_every_version_of_its_group() {
        let of = |version: &str, kind: &str| by_kind(version, kind).map(Resource::qualified);
        assert_eq!(of("v1", "Pod").as_deref(), Some("pods"));
        let flow = Some("flowschemas.flowcontrol.apiserver.k8s.io");
        assert_eq!(of("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema").as_deref(), flow);
        assert_eq!(of("flowcontrol.apiserver.k8s.io/v1", "FlowSchema").as_deref(), flow);
        assert_eq!(of("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema"), None);
        assert_eq!(of("apps/v1", "Pod"), None);
    }

    #[test]
    fn a_version_goes_away_with_its_minor() {
        let flow = group("flowcontrol.apiserver.k8s.io").unwrap();
        let names = |minor| flow.served_by(Minor::new(1, minor)).map(|v| v.name).collect::<Vec<_>>();
        assert_eq!(names(31), ["v1", "v1beta3"]);
        assert_eq!(names(32), ["v1"]);
    }
}
