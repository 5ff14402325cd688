//! Nodes: conditions, pressure, cordons, taints, runtimes, and what the machines say of disk and kubelet.

mod conditions;
mod disk;
mod machine;
mod placement;

use super::common::known;
use super::finding::unknowns;
use super::{Finding, Severity, Subject, Target};
use crate::catalog::{Catalog, FloorEffect};
use crate::evidence::objects::Node;
use crate::evidence::{Evidence, Stamp};
use crate::version::Version;

/// Judges.
pub(super) fn run(evidence: &Evidence, target: &Target) -> Vec<Finding> {
    match known::catalog() {
        Ok(catalog) => judge(catalog, evidence, target),
        Err(broken) => vec![*broken],
    }
}

fn judge(catalog: &Catalog, evidence: &Evidence, target: &Target) -> Vec<Finding> {
    let listing = &evidence.objects.nodes;
    let stamp = listing.stamp.as_ref();
    let cluster = Subject::thing("Cluster", &evidence.cluster.name);
    let gaps = listing.gaps();
    let mut findings = unknowns("NodesUnread", Severity::Blocker, &cluster, &gaps);
    for node in listing.iter() {
        findings.extend(conditions::findings(node, stamp));
        findings.extend(placement::findings(node, stamp));
        if node.is_linux() {
            findings.extend(runtime(catalog, target, node, stamp));
        } else {
            findings.push(windows(node, stamp));
        }
    }
    findings.extend(placement::all_cordoned(evidence, stamp));
    let ready = listing.iter().filter(|node| conditions::is(node, "Ready", "True")).count();
    let all = listing.items.len();
    let sound = |finding: &Finding| finding.severity >= Severity::Notice;
    if gaps.is_empty() && findings.iter().all(sound) {
        let message = if all == 0 {
            "there are no nodes".to_owned()
        } else {
            format!("{ready} of {all} nodes are Ready, without pressure")
        };
        findings.push(
            Finding::new("NodesReady", Severity::Pass, cluster, message)
                .saw("conditions of the nodes", stamp),
        );
    }
    findings.extend(machine::findings(evidence));
    findings
}

fn windows(node: &Node, stamp: Option<&Stamp>) -> Finding {
    let system = &node.status.node_info.operating_system;
    Finding::new(
        "NodeLeftToHand",
        Severity::Notice,
        Subject::node(&node.metadata.name),
        format!("its operating system is {system}: kubelift leaves it to hand"),
    )
    .why(
        "Its kubelet still has to keep within the skew, which is judged under Versions and \
         skew.",
    )
    .saw(format!("nodeInfo.operatingSystem is {system}"), stamp)
}

/// The container runtime against the least version that the first hop works with, and later ones.
fn runtime(catalog: &Catalog, target: &Target, node: &Node, stamp: Option<&Stamp>) -> Vec<Finding> {
    let text = &node.status.node_info.container_runtime_version;
    let Some((runtime, version)) = text.split_once("://") else { return Vec::new() };
    let Some(version) = leading_version(version) else { return Vec::new() };
    let hop = target.first_hop();
    let of = |floor: &crate::catalog::RuntimeFloor| {
        let severity =
            if floor.effect == FloorEffect::Required { Severity::Blocker } else { Severity::Warning };
        let end =
            floor.required_in.map(|minor| format!(", and required from {minor} on")).unwrap_or_default();
        let message = format!("{runtime} {version} is older than {}, which {hop} asks for{end}", floor.floor);
        Finding::new("RuntimeTooOld", severity, Subject::node(&node.metadata.name), message)
            .why(floor.why.trim())
            .saw(format!("nodeInfo.containerRuntimeVersion is {text}"), stamp)
            .remedy(format!("Upgrade {runtime} on it, with the node drained."), [])
    };
    // The highest floor speaks for those below it, but a required one is never hidden.
    let floors: Vec<_> = catalog.runtime_floors(runtime, &version, hop).collect();
    let required = floors.iter().rfind(|floor| floor.effect == FloorEffect::Required);
    required.or(floors.last()).map(|floor| of(floor)).into_iter().collect()
}

/// The version that a text begins with: distributions add to it, `1.6.20~ds1`.
fn leading_version(text: &str) -> Option<Version> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
pub(super) mod tests;
