//! Panes of kubelift's report, held to what the lab's machines say.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cluster::Cluster;

/// The machines of a small cluster.
pub(crate) const NODES: [&str; 2] = ["cp1", "worker1"];

/// Every version that runs, asked of the program that runs, in its container or on its machine.
pub(crate) fn versions_agree(cluster: &Cluster, report: &Value) -> Result<()> {
    let in_container = |node: &str, name: &str| -> Result<String> {
        // A kubelet of another minor has its containers started anew: until then there are none, or two.
        let command = format!(
            "for try in $(seq 60); do crictl exec $(crictl ps -q --name ^{name}) {name} --version && exit; sleep 1; done; \
             exit 1"
        );
        Ok(cluster.ssh(node, &command)?.trim_start_matches("Kubernetes v").to_owned())
    };
    let server = in_container("cp1", "kube-apiserver")?;
    assert_eq!(message(report, "ApiServersAgree")?, format!("1 API server at {server}"));
    let manager = in_container("cp1", "kube-controller-manager")?;
    let scheduler = in_container("cp1", "kube-scheduler")?;
    let controllers = finding(report, "ComponentsWithinSkew")?["evidence"].to_string();
    ensure!(controllers.contains(&format!("kube-controller-manager {manager} on cp1")), "{controllers}");
    ensure!(controllers.contains(&format!("kube-scheduler {scheduler} on cp1")), "{controllers}");

    let everywhere = |command: &dyn Fn(&str) -> Result<String>| -> Result<String> {
        let versions: BTreeSet<String> = NODES.iter().map(|node| command(node)).collect::<Result<_>>()?;
        ensure!(versions.len() == 1, "one version everywhere: {versions:?}");
        versions.into_iter().next().context("a version")
    };
    let proxy = everywhere(&|node| in_container(node, "kube-proxy"))?;
    assert_eq!(message(report, "KubeProxyWithinSkew")?, format!("kube-proxy: 2 at {proxy}"));
    let kubelet =
        everywhere(&|node| cluster.ssh(node, "/proc/$(systemctl show -P MainPID kubelet)/exe --version"))?;
    let kubelet = kubelet.trim_start_matches("Kubernetes v");
    assert_eq!(message(report, "KubeletsWithinSkew")?, format!("kubelets: 2 at {kubelet}"));
    let kubeadm = everywhere(&|node| cluster.ssh(node, "kubeadm version -o short"))?;
    let kubeadm = kubeadm.trim_start_matches('v');
    assert_eq!(message(report, "KubeadmVersions")?, format!("kubeadm on the nodes: 2 at {kubeadm}"));
    let dns = cluster.ssh("cp1", "crictl images | awk '/coredns/ {print $2}'")?;
    assert_eq!(
        message(report, "CoreDnsVersion")?,
        format!("CoreDNS stays at {}", dns.trim_start_matches('v'))
    );
    Ok(())
}

/// The only finding with a code.
pub(crate) fn finding<'a>(report: &'a Value, code: &str) -> Result<&'a Value> {
    let list = report["findings"].as_array().into_iter().flatten();
    let mut found = list.filter(|finding| finding["code"] == code);
    let first = found.next().with_context(|| format!("no {code} in {report}"))?;
    ensure!(found.next().is_none(), "{code} twice");
    Ok(first)
}

/// What the only finding with a code says.
pub(crate) fn message<'a>(report: &'a Value, code: &str) -> Result<&'a str> {
    finding(report, code)?["message"].as_str().context("a message")
}
