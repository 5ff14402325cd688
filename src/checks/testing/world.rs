//! A small healthy cluster in which everything was read, and ways to change it.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::objects::{facts, node, running, server, static_pod};
use super::{from, now, read, stamp};
use crate::checks::{CHECKS, Finding, Target, judge_one};
use crate::evidence::node_facts::NodeFacts;
use crate::evidence::objects::{Kind, Lease, Node, Object, Pod};
use crate::evidence::{
    ApiServers, Cluster, DeprecatedCall, Evidence, Listing, ManagedListing, Reading, Reason, Scope,
    ServedApis, Unread,
};
use crate::text::Text;
use crate::version::Version;

/// A cluster: three control planes `cp1`–`cp3`, two workers `w1`, `w2`, stacked etcd, kube-proxy, CoreDNS, a fresh
/// drilled backup, cgroup v2, AppArmor on with the profile `k8s-web` loaded.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) evidence: Evidence,
    pub(crate) version: Version,
}

pub(crate) const CONTROL_PLANES: [&str; 3] = ["cp1", "cp2", "cp3"];
pub(crate) const NODES: [&str; 5] = ["cp1", "cp2", "cp3", "w1", "w2"];

impl World {
    pub(crate) fn new(version: &str) -> Self {
        let cluster = Cluster { name: "prod".into(), uid: Some("uid".into()), ..Cluster::default() };
        let mut evidence = Evidence::nothing(cluster, Scope::All, now());
        complete(&mut evidence);
        let mut world = Self { evidence, version: version.parse().unwrap() };
        for (index, name) in NODES.into_iter().enumerate() {
            world.node(node(name, version, index < CONTROL_PLANES.len()));
            world
                .evidence
                .node_facts
                .insert(name.into(), read(&format!("probe {name}.json"), Arc::new(facts(name, version))));
        }
        world.control_plane();
        world.config_map(
            "kubeadm-config",
            json!({ "ClusterConfiguration": format!(
            "apiVersion: kubeadm.k8s.io/v1beta3\nclusterName: kubernetes\nkind: \
                 ClusterConfiguration\nkubernetesVersion: v{version}\n") }),
        );
        world.config_map(
            "kubelet-config",
            json!({ "kubelet": "cgroupDriver: systemd\nkind: KubeletConfiguration\n" }),
        );
        world.config_map("kube-proxy", json!({ "config.conf": "mode: iptables\n" }));
        world.config_map("coredns", json!({ "Corefile": ".:53 {\n}\n" }));
        world.served("", "v1", &["nodes", "pods"]);
        world
    }

    /// The target `to` from this cluster's version.
    pub(crate) fn target(&self, to: &str) -> Target {
        Target { from: self.version.clone(), to: to.parse().unwrap(), chosen: false }
    }

    /// The findings of one check.
    pub(crate) fn check(&self, id: &str, to: &str) -> Vec<Finding> {
        let check = CHECKS.iter().find(|check| check.id == id).unwrap();
        judge_one(check, &self.evidence, &self.target(to))
    }

    fn control_plane(&mut self) {
        let version = self.version.to_string();
        let mut servers = Vec::new();
        let mut endpoints = Vec::new();
        for (index, name) in CONTROL_PLANES.into_iter().enumerate() {
            let address = format!("10.0.0.{}", 11 + index);
            for (component, image) in [
                ("kube-apiserver", format!("registry.k8s.io/kube-apiserver:v{version}")),
                ("kube-controller-manager", format!("registry.k8s.io/kube-controller-manager:v{version}")),
                ("kube-scheduler", format!("registry.k8s.io/kube-scheduler:v{version}")),
                ("etcd", "registry.k8s.io/etcd:3.5.15-0".to_owned()),
            ] {
                self.pod(static_pod(name, component, &image));
            }
            self.lease(json!({
                "metadata": { "namespace": "kube-system", "name": format!("apiserver-{name}"),
                    "labels": { "apiserver.kubernetes.io/identity": "kube-apiserver", "kubernetes.io/hostname": name } },
                "spec": { "holderIdentity": format!("apiserver-{name}_1"), "renewTime": now(), "leaseDurationSeconds": 3600 } }));
            endpoints.push(json!({ "addresses": [address], "conditions": { "ready": true } }));
            servers.push(server(&format!("{address}:6443"), name, &version));
        }
        for component in ["kube-controller-manager", "kube-scheduler"] {
            self.lease(json!({
                "metadata": { "namespace": "kube-system", "name": component },
                "spec": { "holderIdentity": "cp1_1", "renewTime": now(), "leaseDurationSeconds": 15 } }));
        }
        push(
            &mut self.evidence.objects.endpoint_slices,
            json!({
            "metadata": { "namespace": "default", "name": "kubernetes" },
            "endpoints": endpoints, "ports": [{ "name": "https", "port": 6443 }] }),
        );
        self.evidence.servers = ApiServers { servers, unread: Vec::new(), listed: true };
        for name in NODES {
            self.pod(json!({
                "metadata": { "namespace": "kube-system", "name": format!("kube-proxy-{name}"), "labels": { "k8s-app": "kube-proxy" },
                    "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "kube-proxy", "controller": true }] },
                "spec": { "nodeName": name, "containers": [{ "name": "kube-proxy", "image": format!("registry.k8s.io/kube-proxy:v{version}") }],
                    "tolerations": [{ "operator": "Exists" }] },
                "status": running() }));
        }
        self.workload(Kind::DaemonSet, json!({
            "metadata": { "namespace": "kube-system", "name": "kube-proxy" },
            "spec": { "template": { "spec": { "containers": [{ "name": "kube-proxy", "image": format!("registry.k8s.io/kube-proxy:v{version}") }],
                "tolerations": [{ "operator": "Exists" }] } } } }));
        self.workload(Kind::Deployment, json!({
            "metadata": { "namespace": "kube-system", "name": "coredns", "labels": { "k8s-app": "kube-dns" } },
            "spec": { "replicas": 2, "template": { "metadata": { "labels": { "k8s-app": "kube-dns" } },
                "spec": { "containers": [{ "name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.11.3" }] } } } }));
    }

    pub(crate) fn node(&mut self, node: Value) {
        push(&mut self.evidence.objects.nodes, node);
    }

    pub(crate) fn pod(&mut self, pod: Value) {
        push(&mut self.evidence.objects.pods, pod);
    }

    pub(crate) fn budget(&mut self, budget: Value) {
        push(&mut self.evidence.objects.pod_disruption_budgets, budget);
    }

    pub(crate) fn workload(&mut self, kind: Kind, workload: Value) {
        push(self.evidence.objects.workloads.get_mut(&kind).unwrap(), workload);
    }

    pub(crate) fn lease(&mut self, lease: Value) {
        push(&mut self.evidence.objects.leases, lease);
    }

    pub(crate) fn csi_node(&mut self, csi_node: Value) {
        push(&mut self.evidence.objects.csi_nodes, csi_node);
    }

    pub(crate) fn csi_driver(&mut self, driver: Value) {
        push(&mut self.evidence.objects.csi_drivers, driver);
    }

    pub(crate) fn volume(&mut self, volume: Value) {
        push(&mut self.evidence.objects.persistent_volumes, volume);
    }

    pub(crate) fn storage_class(&mut self, class: Value) {
        push(&mut self.evidence.objects.storage_classes, class);
    }

    pub(crate) fn config_map(&mut self, name: &str, data: Value) {
        let how = format!("GET /api/v1/namespaces/kube-system/configmaps/{name}");
        let map = from(json!({ "metadata": { "namespace": "kube-system", "name": name }, "data": data }));
        self.evidence.config_maps.insert(name.into(), read(&how, map));
    }

    /// Changes what was read of one machine.
    pub(crate) fn facts(&mut self, node: &str, change: impl FnOnce(&mut NodeFacts)) {
        match self.evidence.node_facts.get_mut(node) {
            Some(Reading::Read { value, .. }) => change(Arc::make_mut(value)),
            _ => panic!("no facts of {node}"),
        }
    }

    /// Changes the only object for which `which` is true.
    pub(crate) fn edit_node(&mut self, name: &str, change: impl FnOnce(&mut Node)) {
        edit(&mut self.evidence.objects.nodes, |node| *node.metadata.name == *name, change);
    }

    pub(crate) fn edit_pod(&mut self, name: &str, change: impl FnOnce(&mut Pod)) {
        edit(&mut self.evidence.objects.pods, |pod| *pod.metadata.name == *name, change);
    }

    pub(crate) fn edit_lease(&mut self, name: &str, change: impl FnOnce(&mut Lease)) {
        edit(&mut self.evidence.objects.leases, |lease| *lease.metadata.name == *name, change);
    }

    pub(crate) fn remove_pod(&mut self, name: &str) {
        let kept = |pod: &&Arc<Pod>| *pod.metadata.name != *name;
        self.evidence.objects.pods.items =
            self.evidence.objects.pods.items.iter().filter(kept).cloned().collect();
    }

    pub(crate) fn served(&mut self, group: &str, version: &str, resources: &[&str]) {
        let mut served = self.evidence.served.value().cloned().unwrap_or_default();
        let versions = served.0.entry(group.into()).or_default();
        versions
            .entry(version.into())
            .or_default()
            .extend(resources.iter().map(|resource| Text::new(resource)));
        self.evidence.served = read("GET /apis", ServedApis(served.0));
    }

    /// An object of which only the writers are kept, listed in `version`.
    pub(crate) fn managed(
        &mut self,
        group: &str,
        version: &str,
        kind: &str,
        resource: &str,
        objects: Vec<Value>,
    ) {
        let name = format!("{resource}.{group}");
        let how = format!("GET /apis/{group}/{version}/{resource}");
        let listing = Listing::complete(&name, objects.into_iter().map(from).collect(), stamp(&how));
        let managed =
            ManagedListing { group: group.into(), version: version.into(), kind: kind.into(), listing };
        self.evidence.objects.managed.insert(name.as_str().into(), managed);
    }

    /// A deprecated API that somebody called on one server.
    pub(crate) fn called(
        &mut self,
        server: usize,
        group: &str,
        version: &str,
        resource: &str,
        removed: &str,
    ) {
        let call = DeprecatedCall {
            group: group.into(),
            version: version.into(),
            resource: resource.into(),
            subresource: Text::default(),
            removed_release: removed.into(),
        };
        match &mut self.evidence.servers.servers[server].deprecated_calls {
            Reading::Read { value, .. } => value.calls.push(call),
            Reading::Unread(unread) => panic!("{unread}"),
        }
    }

    /// Limits the session to the API, as `--scope api` does.
    pub(crate) fn api_only(&mut self) {
        self.evidence.scope = Scope::Api;
        self.evidence.node_facts.clear();
        self.evidence.backups = Reading::Unread(Unread::new("stat", "backups", Reason::OutOfScope, ""));
    }
}

fn complete(evidence: &mut Evidence) {
    fn done<T>(listing: &mut Listing<T>) {
        let resource = listing.resource.clone();
        *listing = Listing::complete(&resource, Vec::new(), stamp(&format!("GET {resource}")));
    }
    let objects = &mut evidence.objects;
    done(&mut objects.nodes);
    done(&mut objects.pods);
    objects.workloads.values_mut().for_each(done);
    done(&mut objects.csi_nodes);
    done(&mut objects.csi_drivers);
    done(&mut objects.persistent_volumes);
    done(&mut objects.storage_classes);
    done(&mut objects.pod_disruption_budgets);
    done(&mut objects.leases);
    done(&mut objects.endpoint_slices);
}

fn push<T: DeserializeOwned + Object>(listing: &mut Listing<T>, object: Value) {
    let mut items: Vec<Arc<T>> = listing.items.to_vec();
    items.push(Arc::new(from(object)));
    items.sort_by(|a, b| a.key().cmp(&b.key()));
    listing.items = items.into();
}

fn edit<T: Clone>(listing: &mut Listing<T>, which: impl Fn(&T) -> bool, change: impl FnOnce(&mut T)) {
    let mut items: Vec<Arc<T>> = listing.items.to_vec();
    let item = items.iter_mut().find(|item| which(item)).unwrap();
    change(Arc::make_mut(item));
    listing.items = items.into();
}
