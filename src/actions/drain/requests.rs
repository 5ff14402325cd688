//! The requests of a drain, byte for byte: what the plan shows is what is sent.

use serde_json::{Value, json};

use super::select::PodRef;
use crate::evidence::objects::meta::CORDONED_BY;
use crate::percent::encoded;

/// One request that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `PATCH` or `POST`.
    pub method: &'static str,
    /// From `/api` on.
    pub path: String,
    /// JSON.
    pub body: String,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.method, self.path, self.body)
    }
}

/// Cordons a node, and marks whose cordon it is.
pub fn cordon(node: &str, owner: &str) -> Change {
    patch(
        node,
        &json!({ "metadata": { "annotations": { CORDONED_BY: owner } }, "spec": { "unschedulable": true } }),
    )
}

/// Takes cordon and mark away.
pub fn uncordon(node: &str) -> Change {
    patch(
        node,
        &json!({ "metadata": { "annotations": { CORDONED_BY: null } }, "spec": { "unschedulable": null } }),
    )
}

/// A merge patch (RFC 7386) of a Node. Kubernetes' names need no escape; what is none must not become a path.
fn patch(node: &str, body: &Value) -> Change {
    Change { method: "PATCH", path: format!("/api/v1/nodes/{}", encoded(node)), body: body.to_string() }
}

/// Evicts a pod: that one, and not another of its name. Its own grace period holds.
pub fn evict(pod: &PodRef) -> Change {
    let body = json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": { "namespace": pod.namespace, "name": pod.name },
        "deleteOptions": { "preconditions": { "uid": pod.uid } } });
    let path = format!("/api/v1/namespaces/{}/pods/{}/eviction", encoded(&pod.namespace), encoded(&pod.name));
    Change { method: "POST", path, body: body.to_string() }
}
