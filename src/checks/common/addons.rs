//! The pods of kubeadm's addons, by the labels that kubeadm gives them.

use super::static_pods::kube_system;
use crate::evidence::Listing;
use crate::evidence::objects::Pod;

/// The pods of kube-proxy that have not run to their end: one a node, where the cluster has kube-proxy.
pub fn kube_proxy(pods: &Listing<Pod>) -> impl Iterator<Item = &Pod> {
    labelled(pods, "kube-proxy")
}

/// The pods of CoreDNS that have not run to their end. Their label is that of the program before it.
pub fn core_dns(pods: &Listing<Pod>) -> impl Iterator<Item = &Pod> {
    labelled(pods, "kube-dns")
}

fn labelled<'a>(pods: &'a Listing<Pod>, app: &'static str) -> impl Iterator<Item = &'a Pod> {
    kube_system(pods).filter(move |pod| pod.metadata.labels.get("k8s-app") == Some(app) && !pod.is_finished())
}
