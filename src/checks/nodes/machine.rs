//! What the machines say: a kubelet that was replaced and not restarted, and disks that are nearly full.

use super::{list, scope};
use crate::checks::common::facts::UnreadFacts;
use crate::checks::common::link;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::node_facts::{Disk, NodeFacts};
use crate::evidence::{Evidence, Stamp};

/// Where pods write, and the share that must be free: the kubelet's default for nodefs.available.
const NODE_DISK: (&str, u64) = ("/var/lib/kubelet", 10);
/// Where images are, and the share that must be free: the kubelet's default for imagefs.available.
const IMAGE_DISKS: [(&str, u64); 2] = [("/var/lib/containerd", 15), ("/var/lib/containers", 15)];

pub(super) fn findings(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut unread = UnreadFacts::default();
    let mut seen = 0;
    for node in evidence.objects.nodes.iter().filter(|node| node.is_linux()) {
        let name = node.metadata.name.as_str();
        match evidence.facts_of(name) {
            Ok((facts, stamp)) => {
                seen += 1;
                findings.extend(replaced(name, facts, &node.status.node_info.kubelet_version, stamp));
                findings.extend(disks(name, facts, stamp));
            }
            Err(why) => unread.add(name, &why, Severity::Warning, None),
        }
    }
    findings.extend(unread.findings("NodeFactsUnread", |_| {
        "Disks, kubelets and much that other panes need are known by the machine only.".to_owned()
    }));
    if unread.left_out {
        findings.push(scope::left_out(evidence, "what the machines say of their disks and kubelets"));
    } else if findings.is_empty() && evidence.objects.nodes.is_complete() {
        let message = format!(
            "{} gave facts: disks have room, and the kubelets that run are those installed",
            list::count(seen, "machine")
        );
        findings.push(Finding::new(
            "MachinesReady",
            Severity::Pass,
            Subject::thing("Cluster", &evidence.cluster.name),
            message,
        ));
    }
    findings
}

fn replaced(node: &str, facts: &NodeFacts, running: &str, stamp: &Stamp) -> Option<Finding> {
    let kubelet = facts.kubelet.as_ref()?;
    let installed = kubelet.version.as_deref()?;
    if kubelet.process.as_ref()?.replaced != Some(true) || installed == running {
        return None;
    }
    let message = format!(
        "its kubelet runs as {running}, and {installed} is installed: any restart changes \
             the version"
    );
    Some(
        Finding::new("KubeletReplaced", Severity::Warning, Subject::node(node), message)
            .why("A restart, or a reboot, may bring a kubelet that is newer than an API server.")
            .saw(
                format!(
                    "the program that runs is deleted; {} is {installed}",
                    kubelet.path.as_deref().unwrap_or("kubelet")
                ),
                Some(stamp),
            )
            .link(link::SKEW),
    )
}

fn disks(node: &str, facts: &NodeFacts, stamp: &Stamp) -> Vec<Finding> {
    let Some(disks) = &facts.disk else { return Vec::new() };
    let mut found: Vec<(&Disk, u64, u64)> = Vec::new();
    for (path, least) in IMAGE_DISKS.into_iter().chain([NODE_DISK]) {
        let Some(disk) = disks.iter().find(|disk| disk.path == path) else { continue };
        let (Some(free), Some(total)) = (disk.free_bytes, disk.total_bytes.filter(|total| *total > 0)) else {
            continue;
        };
        let share = u64::try_from(u128::from(free) * 100 / u128::from(total)).unwrap_or(100);
        let same_device =
            |(other, ..): &(&Disk, u64, u64)| disk.device.is_some() && other.device == disk.device;
        if share < least && !found.iter().any(same_device) {
            found.push((disk, share, least));
        }
    }
    let of = |(disk, share, least): (&Disk, u64, u64)| {
        let message = format!(
            "{share} % of the disk under {} is free; below {least} % the kubelet removes images \
                 and evicts pods",
            disk.path
        );
        Finding::new("DiskNearlyFull", Severity::Warning, Subject::node(node), message)
            .why(
                "An upgrade pulls new images beside the old ones, and kubeadm copies etcd's folder \
                 on a control plane.",
            )
            .saw(
                format!(
                    "{} of {} bytes free",
                    disk.free_bytes.unwrap_or_default(),
                    disk.total_bytes.unwrap_or_default()
                ),
                Some(stamp),
            )
            .remedy(
                "Free space there first. On a control plane, kubeadm's old copies are in \
                 /etc/kubernetes/tmp.",
                ["crictl rmi --prune".to_owned()],
            )
    };
    found.into_iter().map(of).collect()
}
