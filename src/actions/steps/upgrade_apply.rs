//! `kubeadm upgrade apply` on the first control plane: the step after which the cluster is of the new minor.

use super::{Site, step};
use crate::actions::observed::{Condition, Holds, kubeadm_is, node_is_ready, server_is, static_pods_are};
use crate::actions::plan::{Confirmation, Step, StepKind};
use crate::evidence::objects::Node;

pub(in crate::actions) fn make(site: &Site, node: &Node) -> Step {
    let (name, evidence) = (&node.metadata.name, site.evidence);
    let mut step =
        step(StepKind::UpgradeApply, Some(name), format!("kubeadm upgrade apply v{} on {name}", site.to));
    let more = format!("{}{}", site.patches(), site.preflight());
    step.commands = vec![format!("kubeadm upgrade apply v{} --yes{more}", site.to)];
    step.effects = site.restarts(node);
    step.effects.push("kubeadm-config, kubelet-config, CoreDNS and kube-proxy are written anew".to_owned());
    step.way_back =
        "none for the whole: kubeadm puts back manifests that it moved when a component does not come up; \
        the cluster comes back from the snapshot of etcd only"
            .to_owned();
    step.expected_seconds = 240;
    step.confirmation = Confirmation::Name(evidence.cluster.name.clone());
    step.precondition = match site.facts(node) {
        Ok(facts) => vec![kubeadm_is(facts, &site.to)],
        Err(condition) => vec![condition],
    };
    step.precondition.push(node_is_ready(node));
    step.precondition.push(some_node_is_schedulable(site));
    step.postcondition = server_is(evidence, node, &site.to);
    step.postcondition.extend(static_pods_are(evidence, name, &site.to));
    let applied = site.applied.clone();
    if applied.holds == Holds::Yes {
        site.mend(&mut step, node);
    }
    step.postcondition.push(applied);
    step
}

/// kubeadm's preflight makes a Job, which needs a place.
fn some_node_is_schedulable(site: &Site) -> Condition {
    let what = "a node takes pods (kubeadm's preflight runs one)";
    let nodes = &site.evidence.objects.nodes;
    let any = nodes.items.iter().any(|node| node.spec.unschedulable != Some(true));
    match nodes.gaps().first() {
        Some(gap) if !any => Condition::unread(what, gap),
        _ => Condition::of(what, any, "every node is cordoned"),
    }
}
