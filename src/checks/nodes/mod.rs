//! Nodes: conditions, pressure, cordons, taints, runtimes, and what the machines say of disk and kubelet.

mod disk;
mod machine;

use super::common::{known, link, list, scope};
use super::finding::unknowns;
use super::{Finding, Severity, Subject, Target};
use crate::catalog::{Catalog, FloorEffect};
use crate::evidence::objects::Node;
use crate::evidence::objects::meta::CORDONED_BY;
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
        findings.extend(conditions(node, stamp));
        findings.extend(placement(node, stamp));
        if node.is_linux() {
            findings.extend(runtime(catalog, target, node, stamp));
        } else {
            findings.push(windows(node, stamp));
        }
    }
    findings.extend(cordons(evidence, stamp));
    let ready = listing.iter().filter(|node| is(node, "Ready", "True")).count();
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

fn is(node: &Node, kind: &str, status: &str) -> bool {
    node.condition(kind).is_some_and(|condition| condition.status == status)
}

fn conditions(node: &Node, stamp: Option<&Stamp>) -> Vec<Finding> {
    let control_plane = node.is_control_plane();
    let subject = || Subject::node(&node.metadata.name);
    let saw = |finding: Finding, kind: &str| match node.condition(kind) {
        Some(condition) => {
            let since =
                condition.last_transition_time.map(|time| format!(" since {time}")).unwrap_or_default();
            let words = [&*condition.reason, &*condition.message]
                .into_iter()
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(": ");
            finding.saw(format!("{kind} is {}{since} ({words})", condition.status), stamp)
        }
        None => finding.saw(format!("there is no condition {kind}"), stamp),
    };
    if !is(node, "Ready", "True") {
        let never = node.condition("Ready").is_none();
        let severity = if control_plane && !never { Severity::Blocker } else { Severity::Warning };
        let message = if never { "its kubelet has never reported" } else { "it is not Ready" };
        let why = if control_plane {
            "kubeadm's health check ControlPlaneNodesReady ends the upgrade while a control \
                 plane is not Ready."
        } else {
            "Its kubelet cannot be upgraded by the usual way: a drain waits for pods that nobody \
                 ends, and its pods are not started elsewhere in order."
        };
        let name = &node.metadata.name;
        let finding = Finding::new("NodeNotReady", severity, subject(), message).why(why).link(link::NODES);
        return vec![saw(finding, "Ready").remedy(
            "Look at its kubelet first.",
            [super::common::shell::kubectl("", &["describe", "node", name])],
        )];
    }
    let pressure = |kind: &str, what: &str, severity, why: &str| {
        is(node, kind, "True").then(|| {
            saw(
                Finding::new("NodePressure", severity, subject(), format!("it is short of {what}"))
                    .why(why)
                    .link(link::NODES),
                kind,
            )
        })
    };
    let disk = if control_plane { Severity::Blocker } else { Severity::Warning };
    let found = [
        pressure(
            "DiskPressure",
            "disk",
            disk,
            "Under pressure the kubelet removes images, the sandbox image among them: static \
                 pods, once stopped, do not come back, neither new nor old.",
        ),
        pressure(
            "MemoryPressure",
            "memory",
            Severity::Warning,
            "The kubelet evicts pods, and takes no new ones without a request for memory.",
        ),
        pressure(
            "PIDPressure",
            "process ids",
            Severity::Warning,
            "The kubelet evicts pods, and new processes fail.",
        ),
        is(node, "NetworkUnavailable", "True").then(|| {
            let finding = Finding::new(
                "NodeNetworkUnavailable",
                Severity::Warning,
                subject(),
                "its network is not set up",
            )
            .why("It takes no pods, so what is drained from others cannot go there.")
            .link(link::NODES);
            saw(finding, "NetworkUnavailable")
        }),
    ];
    found.into_iter().flatten().collect()
}

/// Cordon and taints of one node.
fn placement(node: &Node, stamp: Option<&Stamp>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let subject = || Subject::node(&node.metadata.name);
    if node.spec.unschedulable == Some(true) {
        let (message, why) = match node.metadata.annotations.get(CORDONED_BY) {
            Some(mark) => (
                format!("it is cordoned by an upgrade: {mark}"),
                "That upgrade takes its cordon off at the end of the node's steps. Where it was given up, somebody must.",
            ),
            None => (
                "it is cordoned already, by somebody else".to_owned(),
                "An upgrade that uncordons it at its end undoes what somebody meant, and one that does not leaves \
                 it as it is.",
            ),
        };
        findings.push(
            Finding::new("NodeCordoned", Severity::Notice, subject(), message)
                .why(why)
                .saw("spec.unschedulable is true", stamp)
                .link(link::DRAIN),
        );
    }
    let out = |key: &str| key == "node.kubernetes.io/out-of-service";
    if let Some(taint) = node.spec.taints.iter().find(|taint| out(&taint.key)) {
        findings.push(
            Finding::new(
                "NodeOutOfService",
                Severity::Warning,
                subject(),
                "it is declared out of service: its pods and volumes are taken away by force",
            )
            .saw(format!("taint {}={}:{}", taint.key, taint.value, taint.effect), stamp)
            .remedy(
                "Take the taint off once the node is back, before it is upgraded.",
                [super::common::shell::kubectl(
                    "",
                    &["taint", "node", &node.metadata.name, "node.kubernetes.io/out-of-service-"],
                )],
            ),
        );
    }
    let own = |key: &str| {
        key.starts_with("node.kubernetes.io/") || key.starts_with("node.cloudprovider.kubernetes.io/")
    };
    let evicting: Vec<String> = node
        .spec
        .taints
        .iter()
        .filter(|taint| taint.effect == "NoExecute" && !own(&taint.key))
        .map(|taint| format!("{}:NoExecute", taint.key))
        .collect();
    if !evicting.is_empty() {
        let message =
            format!("it is tainted {}: pods that do not tolerate it are evicted", list::names(&evicting));
        findings.push(
            Finding::new("NodeTaintedNoExecute", Severity::Notice, subject(), message).saw("taints", stamp),
        );
    }
    if node.is_control_plane()
        && !node
            .spec
            .taints
            .iter()
            .any(|taint| taint.key == crate::evidence::objects::node::CONTROL_PLANE_LABEL)
    {
        findings.push(
            Finding::new(
                "ControlPlaneTakesPods",
                Severity::Notice,
                subject(),
                "it is a control plane without the taint of one: ordinary pods may run there",
            )
            .why(
                "They are evicted when it is drained, and the control plane shares its machine with \
                 them.",
            )
            .saw("no taint node-role.kubernetes.io/control-plane", stamp),
        );
    }
    findings
}

/// Whether anything takes pods at all.
fn cordons(evidence: &Evidence, stamp: Option<&Stamp>) -> Option<Finding> {
    let listing = &evidence.objects.nodes;
    let workers: Vec<&Node> =
        listing.iter().filter(|node| node.is_linux() && !node.is_control_plane()).collect();
    let takes = |node: &&&Node| node.spec.unschedulable != Some(true);
    if workers.is_empty() || !listing.is_complete() || workers.iter().any(|node| takes(&node)) {
        return None;
    }
    let subject = Subject::thing("Cluster", &evidence.cluster.name);
    let message = format!(
        "{} cordoned: what a drain evicts has nowhere to go",
        if workers.len() == 1 {
            "the only worker is".to_owned()
        } else {
            format!("all {} workers are", workers.len())
        }
    );
    Some(
        Finding::new("AllWorkersCordoned", Severity::Warning, subject, message)
            .saw("spec.unschedulable of the workers", stamp)
            .remedy(
                "Uncordon those that can take pods.",
                [super::common::shell::kubectl("", &["uncordon", &workers.first()?.metadata.name])],
            )
            .link(link::DRAIN),
    )
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
