//! The objects of a healthy cluster, and what the probe says of its machines.

use serde_json::{Value, json};

use super::world::CONTROL_PLANES;
use super::{ago, from, now, read};
use crate::evidence::node_facts::NodeFacts;
use crate::evidence::{ApiServer, DeprecatedCalls, Health};

/// A pod's status while it runs and is ready.
pub(crate) fn running() -> Value {
    json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] })
}

/// The mirror of a static pod that kubeadm makes.
pub(crate) fn static_pod(node: &str, component: &str, image: &str) -> Value {
    json!({
        "metadata": { "namespace": "kube-system", "name": format!("{component}-{node}"),
            "labels": { "component": component, "tier": "control-plane" },
            "annotations": { "kubernetes.io/config.mirror": "x", "kubernetes.io/config.source": "file" },
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Node", "name": node, "controller": true }] },
        "spec": { "nodeName": node, "containers": [{ "name": component, "image": image }],
            "tolerations": [{ "operator": "Exists" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "name": component, "ready": true, "restartCount": 0,
                "state": { "running": { "startedAt": ago(200) } } }] } })
}

/// A healthy Node.
pub(crate) fn node(name: &str, version: &str, control_plane: bool) -> Value {
    let mut labels = json!({ "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" });
    let mut taints = json!([]);
    if control_plane {
        labels["node-role.kubernetes.io/control-plane"] = json!("");
        taints = json!([{ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }]);
    }
    let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "reason": "x", "lastTransitionTime": ago(99) });
    json!({
        "metadata": { "name": name, "labels": labels },
        "spec": { "taints": taints },
        "status": {
            "nodeInfo": { "machineID": format!("m-{name}"), "bootID": format!("b-{name}"), "kubeletVersion": format!("v{version}"),
                "containerRuntimeVersion": "containerd://1.7.27", "operatingSystem": "linux", "architecture": "amd64",
                "kernelVersion": "6.1.0-18-amd64", "osImage": "Debian GNU/Linux 12 (bookworm)" },
            "conditions": [condition("MemoryPressure", "False"), condition("DiskPressure", "False"),
                condition("PIDPressure", "False"), condition("Ready", "True")] } })
}

/// What root's probe says of a healthy machine.
pub(crate) fn facts(name: &str, version: &str) -> NodeFacts {
    let mut document = json!({
        "schemaVersion": 1, "probe": "kubelift", "uid": 0, "hostname": name, "collectedAt": now(),
        "machineId": format!("m-{name}"), "bootId": format!("b-{name}"),
        "cgroup": { "version": "v2", "fsType": "cgroup2", "controllers": ["cpu", "memory", "pids"] },
        "appArmor": { "enabled": true, "securityfs": true, "parser": true,
            "profiles": [{ "name": "cri-containerd.apparmor.d", "mode": "enforce" }, { "name": "k8s-web", "mode": "enforce" }] },
        "kubelet": { "path": "/usr/bin/kubelet", "version": format!("v{version}"), "flagSources": [],
            "config": { "path": "/var/lib/kubelet/config.yaml", "cgroupDriver": "systemd" } },
        "kubeadm": { "path": "/usr/bin/kubeadm", "version": format!("v{version}") },
        "runtime": { "name": "containerd", "version": "1.7.27", "sockets": ["unix:///run/containerd/containerd.sock"],
            "config": { "source": "containerd config dump", "cgroupDriver": "systemd", "runtimeHandler": "runc", "appArmorDisabled": false } },
        "etcd": { "local": false },
        "backups": { "looked": [{ "path": "/var/backups/etcd", "state": "absent" }], "snapshots": [] },
        "unread": [] });
    if let Some(index) = CONTROL_PLANES.iter().position(|cp| *cp == name) {
        let member = |index: usize| {
            json!({ "ID": (100 + index).to_string(), "name": CONTROL_PLANES[index],
            "peerURLs": [format!("https://10.0.0.{}:2380", 11 + index)], "clientURLs": [format!("https://10.0.0.{}:2379", 11 + index)] })
        };
        document["etcd"] = json!({
            "local": true, "image": "registry.k8s.io/etcd:3.5.15-0", "dataDir": "/var/lib/etcd", "dbFileBytes": 50_000_000,
            "via": "curl https://127.0.0.1:2379",
            "members": [member(0), member(1), member(2)],
            "status": { "header": { "member_id": (100 + index).to_string(), "revision": "1000" }, "version": "3.5.15",
                "dbSize": "50000000", "dbSizeInUse": "30000000", "leader": "100", "raftIndex": "9", "raftAppliedIndex": "9" },
            "alarms": [], "health": { "health": "true" },
            "metrics": { "serverVersion": "3.5.15", "quotaBytes": 2_147_483_648u64, "hasLeader": true } });
        document["disk"] = json!([{ "path": "/etc/kubernetes", "totalBytes": 100_000_000_000u64, "freeBytes": 60_000_000_000u64 }]);
        document["certificates"] = json!(["server", "peer", "healthcheck-client"].map(|name| json!({
            "path": format!("/etc/kubernetes/pki/etcd/{name}.crt"), "notAfter": ago(-24 * 200) })));
        document["staticPods"] = json!([{ "path": "/etc/kubernetes/manifests/etcd.yaml", "name": "etcd", "namespace": "kube-system",
            "images": ["registry.k8s.io/etcd:3.5.15-0"], "flags": [{ "name": "data-dir", "value": "/var/lib/etcd" }] }]);
        document["backups"] = json!({
            "looked": [{ "path": "/var/backups/etcd", "state": "read" }],
            "snapshots": [{ "path": "/var/backups/etcd/fresh.db", "sizeBytes": 50_000_032, "modified": ago(1), "state": "drilled", "drilledAt": ago(1) }] });
    }
    from(document)
}

pub(super) fn server(address: &str, hostname: &str, version: &str) -> ApiServer {
    ApiServer {
        address: address.into(),
        direct: true,
        hostname: Some(hostname.into()),
        version: read(&format!("GET https://{address}/version"), version.parse().unwrap()),
        ready: read(
            &format!("GET https://{address}/readyz?verbose"),
            Health { ok: true, failed: Vec::new(), checks: 40, etcd: Some(true) },
        ),
        deprecated_calls: read(
            &format!("GET https://{address}/metrics"),
            DeprecatedCalls { since: Some(ago(400)), calls: Vec::new() },
        ),
    }
}
