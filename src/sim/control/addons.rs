//! CoreDNS and kube-proxy, which kubeadm brings along.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{controllers, kind, text};
use crate::sim::api::merge;
use crate::sim::state::Cluster;
use crate::sim::store::Key;
use crate::version::Version;

/// The control planes whose API server's image, as the mirror has it, is not of a version.
pub(crate) fn servers_that_are_not(cluster: &Cluster, version: &Version) -> Vec<String> {
    let Some(pods) = kind("v1", "Pod") else { return Vec::new() };
    let wanted = format!(":v{version}");
    let store = cluster.store();
    let is_old = |node: &&String| {
        let key = Key::new("kube-system", &format!("kube-apiserver-{node}"));
        store.get(pods, &key).is_some_and(|pod| !text(&pod, "/spec/containers/0/image").ends_with(&wanted))
    };
    cluster.servers.keys().filter(is_old).cloned().collect()
}

/// Brings kube-proxy to an image.
pub(crate) fn kube_proxy(cluster: &Arc<Cluster>, image: &str) {
    set_image(cluster, "DaemonSet", "kube-proxy", image);
}

/// Brings CoreDNS to an image.
pub(crate) fn core_dns(cluster: &Arc<Cluster>, image: &str) {
    set_image(cluster, "Deployment", "coredns", image);
}

fn set_image(cluster: &Arc<Cluster>, of: &str, name: &str, image: &str) {
    let Some(resource) = kind("apps/v1", of) else { return };
    let key = Key::new("kube-system", name);
    cluster.edit(resource, &key, |workload| {
        let generation = workload.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(1);
        let Some(container) = workload.pointer_mut("/spec/template/spec/containers/0") else { return };
        if text(container, "/image") == image {
            return;
        }
        merge(container, &json!({ "image": image }));
        merge(workload, &json!({ "metadata": { "generation": generation + 1 } }));
    });
    controllers::changed(cluster, of, &key);
}
