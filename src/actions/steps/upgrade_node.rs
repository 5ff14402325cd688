//! `kubeadm upgrade node` on every node behind the first control plane.
//!
//! A kubeadm of the old version ends it with "was successfully updated!" and exit code 0, too. So kubeadm's own version is
//! part of what must hold before and, on a worker, of what is observed afterwards.

use super::{Site, step};
use crate::actions::observed::Holds;
use crate::actions::observed::{Condition, kubeadm_is, kubelet_is, server_is, static_pods_are};
use crate::actions::plan::{Confirmation, Step, StepKind};
use crate::evidence::NodeFacts;
use crate::evidence::objects::Node;

pub(in crate::actions) fn make(site: &Site, node: &Node) -> Step {
    let (name, evidence) = (&node.metadata.name, site.evidence);
    let mut step = step(StepKind::UpgradeNode, Some(name), format!("kubeadm upgrade node on {name}"));
    step.commands = vec![format!("kubeadm upgrade node{}{}", site.patches(), site.preflight())];
    step.precondition = match site.facts(node) {
        Ok(facts) => vec![kubeadm_is(facts, &site.to)],
        Err(condition) => vec![condition],
    };
    step.precondition.push(site.applied.clone());
    if node.is_control_plane() {
        step.effects = site.restarts(node);
        step.way_back =
            "kubeadm puts back manifests that it moved when a component does not come up".to_owned();
        step.expected_seconds = 180;
        step.confirmation = Confirmation::Name(name.clone());
        step.postcondition = server_is(evidence, node, &site.to);
        step.postcondition.extend(static_pods_are(evidence, name, &site.to));
        site.mend(&mut step, node);
    } else {
        step.effects = vec!["the kubelet's configuration is written anew; nothing restarts yet".to_owned()];
        step.way_back =
            "the kubelet's configuration before it is in /etc/kubernetes/tmp on the node".to_owned();
        step.expected_seconds = 15;
        step.confirmation = Confirmation::Word("upgrade".to_owned());
        step.postcondition = match site.facts_after(&step.id, node) {
            Ok(facts) => {
                vec![kubeadm_is(facts, &site.to), written(site, &step.id, facts, node), same(site, facts)]
            }
            Err(condition) => vec![condition],
        };
    }
    step
}

/// That kubeadm wrote the kubelet's configuration since the step began. A kubelet that is the target's already shows
/// that it was written before.
fn written(site: &Site, id: &str, facts: &NodeFacts, node: &Node) -> Condition {
    let what = "config.yaml of the kubelet was written since the step began";
    let Some(attempt) = site.attempt(id) else {
        let done = kubelet_is(node, &site.to).holds == Holds::Yes;
        return Condition::of(
            what,
            done,
            "the step was not begun by this upgrade, and the kubelet is the old one",
        );
    };
    match facts
        .kubelet
        .as_ref()
        .and_then(|kubelet| kubelet.config.as_ref())
        .and_then(|config| config.modified)
    {
        Some(modified) => {
            let started = site.started_there(attempt, facts);
            Condition::of(what, modified >= started, format!("it was last written {modified}"))
        }
        None => {
            Condition::unknown(what, facts.why_unread("kubelet.config").unwrap_or("the probe does not say"))
        }
    }
}

/// That it is what the cluster's kubelet-config says.
fn same(site: &Site, facts: &NodeFacts) -> Condition {
    let what = "config.yaml of the kubelet is that of kubelet-config";
    let Some(config) = facts.kubelet.as_ref().and_then(|kubelet| kubelet.config.as_ref()) else {
        return Condition::unknown(
            what,
            facts.why_unread("kubelet.config").unwrap_or("the probe does not say"),
        );
    };
    match &site.kubelet_config {
        Ok(kept) => match kept.differences(config) {
            Ok(differences) => {
                // Patches are the operator's own differences.
                let patched = site.settings.patches.is_some();
                Condition::of(what, differences.is_empty() || patched, differences.join(", "))
            }
            Err(error) => Condition::unknown(what, error.to_string()),
        },
        Err(why) => Condition::unknown(what, why),
    }
}
