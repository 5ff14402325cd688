//! Members of etcd that are healthy by their own word, and the snapshots on their machines.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Machines, finding, findings, message};
use crate::cluster::Cluster;

/// etcdctl in etcd's own container, as an administrator calls it. Authority, certificate and key follow the endpoint.
pub(crate) const ETCDCTL: &str = "crictl exec $(crictl ps -q --name ^etcd) etcdctl --endpoints=https://127.0.0.1:2379 \
    --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt \
    --key=/etc/kubernetes/pki/etcd/healthcheck-client.key";

/// The version of the etcd that runs.
pub(crate) const VERSION: &str =
    "crictl exec $(crictl ps -q --name ^etcd) etcd --version | sed -n 's/^etcd Version: //p'";

/// The lab's etcd runs under the name of an older image, and kubelift goes by what the server says, not by the name.
pub(super) fn agrees(cluster: &Cluster, report: &Value, machines: &Machines) -> Result<()> {
    let mut expected = BTreeSet::new();
    for node in machines.control_planes {
        let health = cluster.ssh(node, &format!("{ETCDCTL} endpoint health 2>&1"))?;
        ensure!(health.contains("is healthy"), "{node}: {health}");
        let members = cluster.ssh(node, &format!("{ETCDCTL} member list"))?;
        assert_eq!(members.lines().count(), machines.control_planes.len(), "{node} knows: {members}");
        let manifest = "sed -n 's/.*image: .*etcd:\\(.*\\)-.*/\\1/p' /etc/kubernetes/manifests/etcd.yaml";
        let (image, version) = (cluster.ssh(node, manifest)?, cluster.ssh(node, VERSION)?);
        expected.insert(format!("etcd's manifest on {node} has {image}, and {version} answers"));
    }
    let said: BTreeSet<String> = findings(report, "EtcdNotRestarted")
        .filter_map(|finding| finding["message"].as_str())
        .map(str::to_owned)
        .collect();
    assert_eq!(said, expected);
    alone(cluster, report, machines)?;
    snapshots(cluster, report, machines)
}

/// A member that is alone, and is to be another one, is said to be.
fn alone(cluster: &Cluster, report: &Value, machines: &Machines) -> Result<()> {
    let hop = report["from"] != report["target"];
    if let ([only], true) = (machines.control_planes, hop) {
        let version = cluster.ssh(only, VERSION)?;
        let said = message(report, "EtcdUpgradedAlone")?;
        ensure!(said.contains(&format!("the only member of etcd from {version} to ")), "{said}");
    }
    Ok(())
}

/// A backup is recent where a machine has a snapshot, and absent where none has.
fn snapshots(cluster: &Cluster, report: &Value, machines: &Machines) -> Result<()> {
    let mut there = 0;
    for node in machines.control_planes {
        let count = "find /var/backups -name '*.db' -o -name '*.snap' | wc -l";
        there += cluster.ssh(node, count)?.parse::<usize>().context("a number")?;
    }
    let code = if there > 0 { "BackupRecent" } else { "BackupAbsent" };
    finding(report, code).map(drop)
}
