//! Every version that runs, asked of the program that runs, in its container or on its machine.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Machines, finding, message};
use crate::cluster::Cluster;

/// Holds the pane of versions to them.
pub(super) fn agree(cluster: &Cluster, report: &Value, machines: &Machines) -> Result<()> {
    let masters = || machines.control_planes.iter().copied();
    let everywhere = |nodes: &mut dyn Iterator<Item = &'static str>,
                      command: &dyn Fn(&str) -> Result<String>|
     -> Result<String> {
        let versions: BTreeSet<String> = nodes.map(command).collect::<Result<_>>()?;
        ensure!(versions.len() == 1, "one version everywhere: {versions:?}");
        versions.into_iter().next().context("a version")
    };
    let of = |name: &'static str| move |node: &str| in_container(cluster, node, name);

    let count = machines.control_planes.len();
    let s = if count == 1 { "" } else { "s" };
    let server = everywhere(&mut masters(), &of("kube-apiserver"))?;
    assert_eq!(message(report, "ApiServersAgree")?, format!("{count} API server{s} at {server}"));
    let controllers = finding(report, "ComponentsWithinSkew")?["evidence"].to_string();
    for node in masters() {
        for component in ["kube-controller-manager", "kube-scheduler"] {
            let version = in_container(cluster, node, component)?;
            ensure!(controllers.contains(&format!("{component} {version} on {node}")), "{controllers}");
        }
    }

    let all = machines.count();
    let proxy = everywhere(&mut machines.all(), &of("kube-proxy"))?;
    assert_eq!(message(report, "KubeProxyWithinSkew")?, format!("kube-proxy: {all} at {proxy}"));
    let running = "/proc/$(systemctl show -P MainPID kubelet)/exe --version";
    let kubelet = everywhere(&mut machines.all(), &|node| cluster.ssh(node, running))?;
    let kubelet = kubelet.trim_start_matches("Kubernetes v");
    assert_eq!(message(report, "KubeletsWithinSkew")?, format!("kubelets: {all} at {kubelet}"));
    let kubeadm = everywhere(&mut machines.all(), &|node| cluster.ssh(node, "kubeadm version -o short"))?;
    let kubeadm = kubeadm.trim_start_matches('v');
    assert_eq!(message(report, "KubeadmVersions")?, format!("kubeadm on the nodes: {all} at {kubeadm}"));
    let dns = cluster.ssh(machines.control_planes[0], "crictl images | awk '/coredns/ {print $2}'")?;
    let dns = dns.trim_start_matches('v');
    assert_eq!(message(report, "CoreDnsVersion")?, format!("CoreDNS stays at {dns}"));
    Ok(())
}

/// The version of a program that runs in a container of a machine. A kubelet of another minor has its containers started
/// anew: until then there are none, or two.
fn in_container(cluster: &Cluster, node: &str, name: &str) -> Result<String> {
    let command = format!(
        "for try in $(seq 60); do crictl exec $(crictl ps -q --name ^{name}) {name} --version && exit; sleep 1; done; \
         exit 1"
    );
    Ok(cluster.ssh(node, &command)?.trim_start_matches("Kubernetes v").to_owned())
}
