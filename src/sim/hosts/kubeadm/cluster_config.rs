//! kubeadm's own configuration in the cluster.

use serde_json::{Value, json};

use crate::sim::api::merge;
use crate::sim::control::{kind, text};
use crate::sim::state::Cluster;
use crate::sim::store::Key;
use crate::version::{Minor, Version};

/// The first minor that writes kubeadm.k8s.io/v1beta4.
const V1BETA4: Minor = Minor::new(1, 31);

/// A ClusterConfiguration.
#[derive(Debug, Clone)]
pub(super) struct Configuration(Value);

impl Configuration {
    /// Reads it from the ConfigMap.
    pub(super) fn read(cluster: &Cluster) -> Result<Self, String> {
        let maps = kind("v1", "ConfigMap").ok_or("no ConfigMaps")?;
        let map = cluster.store().get(maps, &Key::new("kube-system", "kubeadm-config"));
        let map = map.ok_or("failed to get config map: configmaps \"kubeadm-config\" not found")?;
        let document = serde_yaml::from_str(text(&map, "/data/ClusterConfiguration"));
        document.map(Self).map_err(|error| format!("failed to decode cluster configuration data: {error}"))
    }

    /// The cluster's version.
    pub(super) fn version(&self) -> Option<Version> {
        text(&self.0, "/kubernetesVersion").trim_start_matches('v').parse().ok()
    }

    /// A tag of etcd that was asked for.
    pub(super) fn etcd_tag(&self) -> Option<&str> {
        self.0.pointer("/etcd/local/imageTag").and_then(Value::as_str)
    }

    /// Stores it, with another version, in the form of kubeadm `own`.
    pub(super) fn store(mut self, cluster: &Cluster, version: &Version, own: &Version) {
        merge(&mut self.0, &json!({ "kubernetesVersion": format!("v{version}") }));
        if own.minor() >= V1BETA4 && text(&self.0, "/apiVersion") == "kubeadm.k8s.io/v1beta3" {
            self.convert();
        }
        let (Some(maps), Ok(written)) = (kind("v1", "ConfigMap"), serde_yaml::to_string(&self.0)) else {
            return;
        };
        cluster.edit(maps, &Key::new("kube-system", "kubeadm-config"), |map| {
            merge(map, &json!({ "data": { "ClusterConfiguration": written } }));
        });
    }

    /// v1beta4 has a list of flags in place of a map, its timeouts elsewhere, and more that it says itself.
    fn convert(&mut self) {
        for component in ["apiServer", "controllerManager", "scheduler"] {
            let Some(arguments) = self.0.pointer_mut(&format!("/{component}/extraArgs")) else { continue };
            let of = |(name, value): (&String, &Value)| json!({ "name": name, "value": value });
            let list: Vec<Value> = arguments.as_object().into_iter().flatten().map(of).collect();
            *arguments = list.into();
        }
        merge(
            &mut self.0,
            &json!({
                "apiVersion": "kubeadm.k8s.io/v1beta4", "apiServer": { "timeoutForControlPlane": null },
                "caCertificateValidityPeriod": "87600h0m0s", "certificateValidityPeriod": "8760h0m0s",
                "encryptionAlgorithm": "RSA-2048", "proxy": {},
            }),
        );
    }
}
