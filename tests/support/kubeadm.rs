//! A small kubeadm cluster in a lab, made of objects: see tests/fixtures/lab/cluster.yaml.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::lab::Lab;

/// The Nodes, each with the probe's output of the real machine that it stands for: the boot ids agree.
pub(crate) const MACHINES: [(&str, &str); 3] =
    [("cp1", "guest-v2-root"), ("w1", "guest-v1-root"), ("w2", "guest-hybrid-root")];

/// A file below tests/fixtures.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// Makes the cluster, with nothing in it to mend.
pub(crate) fn make(lab: &Lab) -> Result<()> {
    apply(lab, "cluster.yaml")?;
    // What a cluster's own controllers do: the Nodes are ready, and two components lead.
    lab.kubectl(["taint", "nodes", "--all", "node.kubernetes.io/not-ready-"])?;
    for (host, (node, machine)) in [11, 21, 22].into_iter().zip(MACHINES) {
        lab.kubectl_status("", &format!("nodes/{node}"), &node_status(machine, host)?.to_string())?;
    }
    let held = |name: &str| {
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "namespace": "kube-system", "name": name },
            "spec": { "holderIdentity": "cp1_5f2c", "leaseDurationSeconds": 3600,
                // A Lease's times are in microseconds, to the digit.
                "renewTime": format!("{:.6}", Timestamp::now()), "leaseTransitions": 1 } })
    };
    let leases = ["kube-controller-manager", "kube-scheduler"].map(held);
    lab.kubectl_apply(&json!({ "apiVersion": "v1", "kind": "List", "items": leases }).to_string())?;
    run_pods(lab, "pods.yaml")
}

/// Adds a second control plane, cp2, for the lab's second API server.
pub(crate) fn second_control_plane(lab: &Lab) -> Result<()> {
    lab.shell(
        "for what in cluster pods; do
           sed 's/cp1/cp2/g; s/10.88.0.11/10.88.0.12/' $what.yaml |
             awk -v RS='---\n' -v ORS='---\n' '/node-role.kubernetes.io.control-plane|name: [a-z-]+-cp2/' |
             kubectl apply -f -
         done
         kubectl taint node cp2 node.kubernetes.io/not-ready-
         for component in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
           kubectl -n kube-system patch pod $component-cp2 --subresource=status --type=merge \
             -p '{\"status\": {\"phase\": \"Running\", \"conditions\": [{\"type\": \"Ready\", \"status\": \"True\"}]}}'
         done",
    )?;
    lab.kubectl_status("", "nodes/cp2", &node_status("machine-root", 12)?.to_string())
}

/// Creates what a file of tests/fixtures/lab describes.
pub(crate) fn apply(lab: &Lab, file: &str) -> Result<()> {
    let path = fixture("lab").join(file);
    lab.kubectl_apply(&std::fs::read_to_string(&path).with_context(|| path.display().to_string())?)
}

/// Creates the pods of a file, which then run.
pub(crate) fn run_pods(lab: &Lab, file: &str) -> Result<()> {
    apply(lab, file)?;
    let path = fixture("lab").join(file);
    let status =
        json!({ "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
    let path = path.to_str().context("a path in UTF-8")?;
    lab.kubectl(["patch", "-f", path, "--subresource=status", "--type=merge", "-p", &status.to_string()])?;
    Ok(())
}

/// A healthy Node's status, on the machine whose probe output is in tests/fixtures/node-facts.
fn node_status(machine: &str, host: u8) -> Result<Value> {
    let path = fixture("node-facts").join(format!("{machine}.json"));
    let facts: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
    let now = Timestamp::now();
    let condition = |kind: &str, status: &str| {
        json!({ "type": kind, "status": status, "reason": "Kubelet", "message": "",
            "lastHeartbeatTime": format!("{now:.0}"), "lastTransitionTime": format!("{now:.0}") })
    };
    Ok(json!({ "status": {
        "nodeInfo": { "bootID": facts["bootId"], "machineID": facts["machineId"], "systemUUID": "",
            "kubeletVersion": "v1.30.14", "kubeProxyVersion": "", "containerRuntimeVersion": "containerd://1.7.27",
            "operatingSystem": "linux", "architecture": "amd64", "kernelVersion": "6.1.0-40-amd64",
            "osImage": "Debian GNU/Linux 12 (bookworm)" },
        "addresses": [{ "type": "InternalIP", "address": format!("10.88.0.{host}") }],
        "capacity": { "cpu": "4", "memory": "8Gi", "pods": "110" },
        "conditions": [condition("MemoryPressure", "False"), condition("DiskPressure", "False"),
            condition("PIDPressure", "False"), condition("Ready", "True")] } }))
}

/// A folder of `--node-facts` with the outputs of all machines of [`MACHINES`].
pub(crate) fn node_facts() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for (node, machine) in MACHINES {
        let from = fixture("node-facts").join(format!("{machine}.json"));
        let mut document: Value = serde_json::from_slice(&std::fs::read(from)?)?;
        // What etcd said days ago is no longer believed: as if the probe had just run.
        document["collectedAt"] = json!(Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        std::fs::write(folder.path().join(format!("{node}.json")), document.to_string())?;
    }
    Ok(folder)
}
