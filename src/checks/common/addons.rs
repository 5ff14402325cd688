//! The pods of kubeadm's addons, by the labels that kubeadm gives them.

use super::static_pods::{NAMESPACE, kube_system};
use crate::evidence::Listing;
use crate::evidence::objects::Pod;

/// The pods of kube-proxy that have not run to their end: one a node, where the cluster has kube-proxy.
pub fn kube_proxy(pods: &Listing<Pod>) -> impl Iterator<Item = &Pod> {
    kube_system(pods).filter(|pod| is_kube_proxy(pod))
}

/// Whether a pod is one of them.
pub fn is_kube_proxy(pod: &Pod) -> bool {
    pod.metadata.namespace == *NAMESPACE && is_of(pod, "kube-proxy")
}

/// The pods of CoreDNS that have not run to their end. Their label is that of the program before it.
pub fn core_dns(pods: &Listing<Pod>) -> impl Iterator<Item = &Pod> {
    kube_system(pods).filter(|pod| is_of(pod, "kube-dns"))
}

fn is_of(pod: &Pod, app: &str) -> bool {
    pod.metadata.labels.get("k8s-app") == Some(app) && !pod.is_finished()
}
