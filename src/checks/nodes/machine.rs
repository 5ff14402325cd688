//! What the machines say: a kubelet that was replaced and not restarted, and disks that are nearly full.

use super::disk;
use crate::checks::common::facts::UnreadFacts;
use crate::checks::common::{kubelet_config, link, list, scope};
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::node_facts::NodeFacts;
use crate::evidence::{Evidence, Stamp};

pub(super) fn findings(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut unread = UnreadFacts::default();
    let mut seen = 0;
    // Where it was not read, the machines speak for themselves.
    let config = kubelet_config::configuration(evidence).ok().map(|(config, _)| config);
    for node in evidence.objects.nodes.iter().filter(|node| node.is_linux()) {
        let name = node.metadata.name.as_str();
        match evidence.facts_of(name) {
            Ok((facts, stamp)) => {
                seen += 1;
                findings.extend(replaced(name, facts, &node.status.node_info.kubelet_version, stamp));
                findings.extend(disk::nearly_full(name, facts, config.as_ref(), stamp));
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
