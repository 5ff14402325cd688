//! Which pods a node takes: its cordon and its taints.

use crate::checks::common::{link, list, shell};
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::objects::Node;
use crate::evidence::objects::meta::CORDONED_BY;
use crate::evidence::objects::node::CONTROL_PLANE_LABEL;
use crate::evidence::{Evidence, Stamp};

const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// Cordon and taints of one node.
pub(super) fn findings(node: &Node, stamp: Option<&Stamp>) -> Vec<Finding> {
    let each = [cordoned, out_of_service, evicting, untainted_control_plane];
    each.into_iter().filter_map(|judge| judge(node, stamp)).collect()
}

fn cordoned(node: &Node, stamp: Option<&Stamp>) -> Option<Finding> {
    if node.spec.unschedulable != Some(true) {
        return None;
    }
    let (message, why) = match node.metadata.annotations.get(CORDONED_BY) {
        Some(mark) => (
            format!("it is cordoned by an upgrade: {mark}"),
            "That upgrade takes its cordon off at the end of the node's steps. Where it was given up, somebody must.",
        ),
        None => (
            "it is cordoned already, by somebody else".to_owned(),
            "An upgrade that uncordons it at its end undoes what somebody meant, and one that does not leaves it as \
             it is.",
        ),
    };
    Some(
        Finding::new("NodeCordoned", Severity::Notice, Subject::node(&node.metadata.name), message)
            .why(why)
            .saw("spec.unschedulable is true", stamp)
            .link(link::DRAIN),
    )
}

fn out_of_service(node: &Node, stamp: Option<&Stamp>) -> Option<Finding> {
    let name = &node.metadata.name;
    let taint = node.spec.taints.iter().find(|taint| taint.key == OUT_OF_SERVICE)?;
    let message = "it is declared out of service: its pods and volumes are taken away by force";
    Some(
        Finding::new("NodeOutOfService", Severity::Warning, Subject::node(name), message)
            .saw(format!("taint {}={}:{}", taint.key, taint.value, taint.effect), stamp)
            .remedy(
                "Take the taint off once the node is back, before it is upgraded.",
                [shell::kubectl("", &["taint", "node", name, &format!("{OUT_OF_SERVICE}-")])],
            ),
    )
}

/// Taints that evict, of somebody's own: those of Kubernetes follow the node's conditions.
fn evicting(node: &Node, stamp: Option<&Stamp>) -> Option<Finding> {
    let own = |key: &str| {
        key.starts_with("node.kubernetes.io/") || key.starts_with("node.cloudprovider.kubernetes.io/")
    };
    let taints: Vec<String> = node
        .spec
        .taints
        .iter()
        .filter(|taint| taint.effect == "NoExecute" && !own(&taint.key))
        .map(|taint| format!("{}:NoExecute", taint.key))
        .collect();
    if taints.is_empty() {
        return None;
    }
    let message = format!("it is tainted {}: pods that do not tolerate it are evicted", list::names(&taints));
    let subject = Subject::node(&node.metadata.name);
    Some(Finding::new("NodeTaintedNoExecute", Severity::Notice, subject, message).saw("taints", stamp))
}

fn untainted_control_plane(node: &Node, stamp: Option<&Stamp>) -> Option<Finding> {
    if !node.is_control_plane() || node.spec.taints.iter().any(|taint| taint.key == CONTROL_PLANE_LABEL) {
        return None;
    }
    let message = "it is a control plane without the taint of one: ordinary pods may run there";
    let subject = Subject::node(&node.metadata.name);
    Some(
        Finding::new("ControlPlaneTakesPods", Severity::Notice, subject, message)
            .why("They are evicted when it is drained, and the control plane shares its machine with them.")
            .saw("no taint node-role.kubernetes.io/control-plane", stamp),
    )
}

/// Whether anything takes pods at all.
pub(super) fn all_cordoned(evidence: &Evidence, stamp: Option<&Stamp>) -> Option<Finding> {
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
                [shell::kubectl("", &["uncordon", &workers.first()?.metadata.name])],
            )
            .link(link::DRAIN),
    )
}
