//! Control planes: static pods, Leases, and the Service `kubernetes`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::pod::{self, Shape};
use super::{World, text};
use crate::sim::api::merge;
use crate::sim::scenario::{NodeSpec, PodSpec};
use crate::sim::template::Template;
use crate::sim::{SimError, clock, names};

/// The manifests that kubeadm 1.30 writes, without probes and mounts.
const STATIC_PODS: &str = include_str!("static-pods.yaml");

/// Since when an API server that a scenario has as gone is gone.
const GONE_SINCE: &str = "-20m";

/// Components that elect a leader in kube-system.
const ELECTED: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];

impl World<'_> {
    /// What control planes have of their own.
    pub(super) fn control_planes(&mut self) -> Result<(), SimError> {
        let script = self.script;
        for (name, node) in script.nodes.iter().filter(|(_, node)| node.control_plane) {
            for manifest in self.static_pods(name, node)? {
                self.mirror_pod(name, node, manifest)?;
            }
            let identity = names::apiserver_identity(name);
            let labels = json!({ "apiserver.kubernetes.io/identity": "kube-apiserver", "kubernetes.io/hostname": name });
            let started = node.api_server.started.unwrap_or(node.booted);
            self.lease(&identity, labels, &format!("{identity}_{}", names::uid(&identity)), 3600, started)?;
            if script.faults.gone.contains(name) {
                self.age_last_lease();
            }
        }
        let leader =
            script.nodes.iter().find(|(_, node)| node.control_plane).map(|(name, node)| (name, node.booted));
        for component in ELECTED {
            if let Some((name, booted)) = leader {
                let holder = format!("{name}_{}", names::uid(&format!("{component} {name}")));
                self.lease(component, Value::Null, &holder, 15, booted)?;
            }
        }
        self.service()
    }

    /// The manifests in a control plane's folder of static pods, by file.
    pub(super) fn static_pods(&self, name: &str, node: &NodeSpec) -> Result<Vec<Value>, SimError> {
        let address = self.addresses.get(name);
        let port = address.map_or(6443, |address| address.port()).to_string();
        let masters = self.script.nodes.iter().filter(|(_, node)| node.control_plane);
        let initial: Vec<String> =
            masters.map(|(name, node)| format!("{name}=https://{}:2380", node.address)).collect();
        let version = node.api_server.version.as_ref().unwrap_or(&self.script.cluster.version).to_string();
        let holes = BTreeMap::from([
            ("node", name.to_owned()),
            ("address", node.address.clone()),
            ("port", port),
            ("version", version),
            ("etcd", self.script.cluster.etcd.clone()),
            ("cluster", self.script.cluster.name.clone()),
            ("initialCluster", initial.join(",")),
        ]);
        let text = Template::new(STATIC_PODS).fill(|hole| holes.get(hole).map(String::as_str));
        serde_yaml::from_str(&text).map_err(|error| SimError::Data {
            file: "static-pods.yaml".to_owned(),
            message: error.to_string(),
        })
    }

    /// The mirror that a kubelet makes of a static pod.
    fn mirror_pod(&mut self, name: &str, node: &NodeSpec, manifest: Value) -> Result<(), SimError> {
        let component = text(&manifest, "/metadata/labels/component").to_owned();
        let restarted = node.api_server.started.filter(|_| component == "kube-apiserver");
        let uid = self.uid("Node", "", name);
        let (seen, state) = (restarted.unwrap_or(node.booted), node.static_pods.get(&component));
        self.add("v1", "Pod", mirror_pod((name, &node.address, &uid), &manifest, seen, state))
    }

    fn lease(
        &mut self,
        name: &str,
        labels: Value,
        holder: &str,
        seconds: u32,
        acquired: Timestamp,
    ) -> Result<(), SimError> {
        let mut lease = json!({
            "metadata": { "name": name, "namespace": "kube-system" },
            "spec": { "holderIdentity": holder, "leaseDurationSeconds": seconds, "renewTime": clock::micros(self.now) },
        });
        // An elected leader says since when it leads; an identity has labels.
        if labels.is_null() {
            merge(
                &mut lease,
                &json!({ "spec": { "acquireTime": clock::micros(acquired), "leaseTransitions": 4 } }),
            );
        } else {
            merge(&mut lease, &json!({ "metadata": { "labels": labels } }));
        }
        self.add("coordination.k8s.io/v1", "Lease", lease)
    }

    /// A server that is gone has not renewed its Lease since; another removes it after an hour.
    fn age_last_lease(&mut self) {
        let renewed = clock::relative(GONE_SINCE, self.now).unwrap_or(self.now);
        if let Some((_, lease)) = self.objects.last_mut() {
            merge(lease, &json!({ "spec": { "renewTime": clock::micros(renewed) } }));
        }
    }

    /// The Service default/kubernetes, with the addresses at which API servers really listen. A slice has one port,
    /// so there are as many as there are different ports: one, where all could have the same.
    fn service(&mut self) -> Result<(), SimError> {
        self.add("v1", "Service", json!({
            "metadata": { "name": "kubernetes", "namespace": "default", "labels": { "component": "apiserver", "provider": "kubernetes" } },
            "spec": { "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "type": "ClusterIP", "ipFamilies": ["IPv4"],
                      "ports": [{ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443 }] },
            "status": { "loadBalancer": {} },
        }))?;
        let gone = &self.script.faults.gone;
        let mut ports: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        for (_, address) in self.addresses.iter().filter(|(name, _)| !gone.contains(name)) {
            ports.entry(address.port()).or_default().push(address.ip().to_string());
        }
        let mut subsets = Vec::new();
        for (index, (port, addresses)) in ports.into_iter().enumerate() {
            let name = if index == 0 { "kubernetes".to_owned() } else { format!("kubernetes-{index}") };
            let endpoints: Vec<Value> = addresses
                .iter()
                .map(|address| json!({ "addresses": [address], "conditions": { "ready": true } }))
                .collect();
            let ips: Vec<Value> = addresses.iter().map(|address| json!({ "ip": address })).collect();
            let ports = json!([{ "name": "https", "port": port, "protocol": "TCP" }]);
            self.add("discovery.k8s.io/v1", "EndpointSlice", json!({
                "metadata": { "name": name, "namespace": "default", "labels": { "kubernetes.io/service-name": "kubernetes" } },
                "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
            }))?;
            subsets.push(json!({ "addresses": ips, "ports": ports }));
        }
        self.add("v1", "Endpoints", json!({
            "metadata": { "name": "kubernetes", "namespace": "default", "labels": { "endpointslice.kubernetes.io/skip-mirror": "true" } },
            "subsets": subsets,
        }))
    }
}

/// The mirror that the kubelet of a node (name, address, UID) makes of a static pod.
pub(crate) fn mirror_pod(
    (name, address, uid): (&str, &str, &str),
    manifest: &Value,
    seen: Timestamp,
    state: Option<&PodSpec>,
) -> Value {
    let component = text(manifest, "/metadata/labels/component");
    let mut template = manifest.clone();
    let hash = names::hex32(&manifest.to_string());
    merge(
        &mut template,
        &json!({
            "metadata": {
                "name": null, "namespace": null,
                "annotations": {
                    "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash,
                    "kubernetes.io/config.seen": clock::micros(seen), "kubernetes.io/config.source": "file",
                },
            },
            "spec": {
                "hostNetwork": true, "priority": 2_000_001_000, "priorityClassName": "system-node-critical",
                "securityContext": { "seccompProfile": { "type": "RuntimeDefault" } },
                "tolerations": [{ "operator": "Exists", "effect": "NoExecute" }],
            },
        }),
    );
    pod::pod(&Shape {
        name: format!("{component}-{name}"),
        namespace: "kube-system",
        generate_name: None,
        owner: json!([{ "apiVersion": "v1", "kind": "Node", "name": name, "uid": uid, "controller": true }]),
        labels: json!({}),
        template: &template,
        node: Some((name, address)),
        made: seen,
        state,
        manager: "kubelet",
    })
}
