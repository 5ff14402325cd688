//! What a node's conditions say: that it is not Ready, or short of something.

use crate::checks::common::{link, shell};
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::Stamp;
use crate::evidence::objects::Node;

/// Not Ready, or else each pressure: of a node that is not Ready the others are old.
pub(super) fn findings(node: &Node, stamp: Option<&Stamp>) -> Vec<Finding> {
    if !is(node, "Ready", "True") {
        return vec![not_ready(node, stamp)];
    }
    let disk = if node.is_control_plane() { Severity::Blocker } else { Severity::Warning };
    let found = [
        pressure(
            node,
            stamp,
            "DiskPressure",
            "disk",
            disk,
            "Under pressure the kubelet removes images, the sandbox image among them: static pods, once stopped, do \
             not come back, neither new nor old.",
        ),
        pressure(
            node,
            stamp,
            "MemoryPressure",
            "memory",
            Severity::Warning,
            "The kubelet evicts pods, and takes no new ones without a request for memory.",
        ),
        pressure(
            node,
            stamp,
            "PIDPressure",
            "process ids",
            Severity::Warning,
            "The kubelet evicts pods, and new processes fail.",
        ),
        without_network(node, stamp),
    ];
    found.into_iter().flatten().collect()
}

pub(super) fn is(node: &Node, kind: &str, status: &str) -> bool {
    node.condition(kind).is_some_and(|condition| condition.status == status)
}

fn not_ready(node: &Node, stamp: Option<&Stamp>) -> Finding {
    let name = &node.metadata.name;
    let control_plane = node.is_control_plane();
    let never = node.condition("Ready").is_none();
    let severity = if control_plane && !never { Severity::Blocker } else { Severity::Warning };
    let message = if never { "its kubelet has never reported" } else { "it is not Ready" };
    let why = if control_plane {
        "kubeadm's health check ControlPlaneNodesReady ends the upgrade while a control plane is not Ready."
    } else {
        "Its kubelet cannot be upgraded by the usual way: a drain waits for pods that nobody ends, and its pods are \
         not started elsewhere in order."
    };
    let finding =
        Finding::new("NodeNotReady", severity, Subject::node(name), message).why(why).link(link::NODES);
    saw(finding, node, "Ready", stamp)
        .remedy("Look at its kubelet first.", [shell::kubectl("", &["describe", "node", name])])
}

/// That it is short of `what`.
fn pressure(
    node: &Node,
    stamp: Option<&Stamp>,
    kind: &str,
    what: &str,
    severity: Severity,
    why: &str,
) -> Option<Finding> {
    let message = format!("it is short of {what}");
    is(node, kind, "True").then(|| {
        let finding = Finding::new("NodePressure", severity, Subject::node(&node.metadata.name), message)
            .why(why)
            .link(link::NODES);
        saw(finding, node, kind, stamp)
    })
}

fn without_network(node: &Node, stamp: Option<&Stamp>) -> Option<Finding> {
    const KIND: &str = "NetworkUnavailable";
    let message = "its network is not set up";
    is(node, KIND, "True").then(|| {
        let subject = Subject::node(&node.metadata.name);
        let finding = Finding::new("NodeNetworkUnavailable", Severity::Warning, subject, message)
            .why("It takes no pods, so what is drained from others cannot go there.")
            .link(link::NODES);
        saw(finding, node, KIND, stamp)
    })
}

/// With the condition `kind` as the proof.
fn saw(finding: Finding, node: &Node, kind: &str, stamp: Option<&Stamp>) -> Finding {
    let Some(condition) = node.condition(kind) else {
        return finding.saw(format!("there is no condition {kind}"), stamp);
    };
    let since = condition.last_transition_time.map(|time| format!(" since {time}")).unwrap_or_default();
    let words = [&*condition.reason, &*condition.message]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(": ");
    finding.saw(format!("{kind} is {}{since} ({words})", condition.status), stamp)
}
