//! Pods of kube-system, and among them the control plane's static pods by their mirrors.

use crate::checks::Subject;
use crate::evidence::Listing;
use crate::evidence::objects::Pod;

/// The namespace of the control plane.
pub const NAMESPACE: &str = "kube-system";

/// The components of a control plane that carry Kubernetes' version; etcd has its own.
pub const VERSIONED: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// The pods of kube-system. A listing is sorted by namespace, so this looks at no others.
pub fn kube_system(pods: &Listing<Pod>) -> impl Iterator<Item = &Pod> {
    let start = pods.items.partition_point(|pod| &*pod.metadata.namespace < NAMESPACE);
    let rest = pods.items.get(start..).unwrap_or_default();
    rest.iter().map(AsRef::as_ref).take_while(|pod: &&Pod| pod.metadata.namespace == NAMESPACE)
}

/// The mirrors of a component's static pods (`kube-apiserver`, `etcd`, …), as kubeadm labels them.
pub fn of<'a>(pods: &'a Listing<Pod>, component: &str) -> impl Iterator<Item = &'a Pod> {
    kube_system(pods)
        .filter(move |pod| pod.is_mirror() && pod.metadata.labels.get("component") == Some(component))
}

/// A static pod as a finding's subject, with its node.
pub fn subject(pod: &Pod) -> Subject {
    let metadata = &pod.metadata;
    Subject {
        node: pod.spec.node_name.to_string(),
        ..Subject::object("v1", "Pod", &metadata.namespace, &metadata.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use serde_json::json;

    #[test]
    fn only_mirrors_in_kube_system_count() {
        let mut world = World::new("1.30.4");
        for (namespace, mirror) in [("aaa", true), ("kube-system", false), ("zzz", true)] {
            let annotations = if mirror { json!({ "kubernetes.io/config.mirror": "x" }) } else { json!({}) };
            world.pod(json!({ "metadata": { "namespace": namespace, "name": "etcd", "labels": { "component": "etcd" }, "annotations": annotations } }));
        }
        let names: Vec<&str> =
            of(&world.evidence.objects.pods, "etcd").map(|pod| pod.metadata.name.as_str()).collect();
        assert_eq!(names, ["etcd-cp1", "etcd-cp2", "etcd-cp3"]);
        assert_eq!(
            kube_system(&world.evidence.objects.pods).count(),
            world.evidence.objects.pods.items.len() - 2
        );
    }
}
