//! Clusters that can be upgraded, for tests.

use serde_json::json;

use crate::checks::testing::World;
use crate::evidence::objects::Kind;

/// The small healthy cluster at 1.30.4, whose machines have apt and the repository of their minor.
pub(crate) fn ready_to_upgrade() -> World {
    let mut world = World::new("1.30.4");
    for node in ["cp1", "cp2", "cp3", "w1", "w2"] {
        world.facts(node, |facts| {
            facts.packages = Some(serde_json::from_value(packages("1.30.4")).unwrap());
            facts.disk = Some(serde_json::from_value(json!([
                { "path": "/var/lib/etcd", "totalBytes": 100_000_000_000u64, "freeBytes": 60_000_000_000u64 }])).unwrap());
            if let Some(backups) = &mut facts.backups {
                backups.snapshots.clear();
            }
        });
    }
    world
}

fn packages(version: &str) -> serde_json::Value {
    let package = |name: &str| json!({ "name": name, "version": format!("{version}-1.1"), "held": true, "status": "installed" });
    json!({
        "manager": "apt", "installed": [package("kubeadm"), package("kubelet"), package("kubectl")], "broken": [],
        "repositories": [{ "path": "/etc/apt/sources.list.d/kubernetes.list", "line": 1, "enabled": true, "minor": "1.30",
            "uri": "https://pkgs.k8s.io/core:/stable:/v1.30/deb/",
            "signedBy": ["/etc/apt/keyrings/kubernetes-apt-keyring.gpg"] }] })
}

/// What each node's kube-proxy and their DaemonSet are when every control plane is over.
pub(crate) fn addons_at_target(world: &mut World, version: &str) {
    let containers =
        json!([{ "name": "kube-proxy", "image": format!("registry.k8s.io/kube-proxy:v{version}") }]);
    for node in ["cp1", "cp2", "cp3", "w1", "w2"] {
        world.edit_pod(&format!("kube-proxy-{node}"), |pod| {
            pod.spec.containers = serde_json::from_value(containers.clone()).unwrap();
        });
    }
    for name in ["coredns-1", "coredns-2"] {
        world.pod(json!({
            "metadata": { "namespace": "kube-system", "name": name, "labels": { "k8s-app": "kube-dns" },
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "coredns", "controller": true }] },
            "spec": { "nodeName": "cp1", "containers": [{ "name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.11.3" }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } }));
    }
    let sets = world.evidence.objects.workloads.get_mut(&Kind::DaemonSet).unwrap();
    sets.items = std::sync::Arc::new([]);
    world.workload(
        Kind::DaemonSet,
        json!({ "metadata": { "namespace": "kube-system", "name": "kube-proxy" },
                "spec": { "template": { "spec": { "containers": containers } } } }),
    );
}

/// Makes a node what it is when its steps are over; on a control plane its server and kubeadm-config too.
pub(crate) fn at_target(world: &mut World, node: &str, version: &str) {
    let tagged = format!("v{version}");
    world.edit_node(node, |node| node.status.node_info.kubelet_version = tagged.as_str().into());
    world.facts(node, |facts| {
        facts.kubeadm.as_mut().unwrap().version = Some(tagged.as_str().into());
        facts.packages = Some(serde_json::from_value(packages(version)).unwrap());
        facts.kubelet.as_mut().unwrap().process = Some(Default::default());
    });
    let Some(index) = ["cp1", "cp2", "cp3"].iter().position(|name| *name == node) else { return };
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        world.edit_pod(&format!("{component}-{node}"), |pod| {
            pod.spec.containers = serde_json::from_value(
                json!([{ "name": component, "image": format!("registry.k8s.io/{component}:{tagged}") }]),
            )
            .unwrap();
        });
    }
    let server = &mut world.evidence.servers.servers[index];
    if let crate::evidence::Reading::Read { value, .. } = &mut server.version {
        *value = version.parse().unwrap();
    }
    world.config_map(
        "kubeadm-config",
        json!({ "ClusterConfiguration": format!("clusterName: kubernetes\nkubernetesVersion: {tagged}\n") }),
    );
}
