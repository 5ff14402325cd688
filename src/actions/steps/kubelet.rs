//! The kubelet of a node: its packages, and its restart.

use super::package::unbroken;
use super::{Site, repository, step};
use crate::actions::observed::{
    Condition, kubelet_is, node_is_ready, package_is, server_is, static_pods_are,
};
use crate::actions::plan::{Confirmation, Step, StepKind};
use crate::evidence::objects::Node;

/// A kubelet of 1.31 that has just started shows its version, and the static pods of before it, until it restarts them.
const SETTLE_SECONDS: u32 = 10;

pub(in crate::actions) fn make(site: &Site, node: &Node) -> Step {
    let (name, evidence) = (&node.metadata.name, site.evidence);
    let mut step = step(StepKind::Kubelet, Some(name), format!("kubelet {} on {name}", site.to));
    step.expected_seconds = 90;
    match site.facts(node) {
        Ok(facts) => match repository::of(facts) {
            Ok(repositories) => {
                step.precondition.push(repositories.known());
                step.commands = repositories.to_minor(site.to.minor());
                step.commands.extend(repositories.install(&["kubelet", "kubectl"], site));
                step.commands
                    .extend(["systemctl daemon-reload".to_owned(), "systemctl restart kubelet".to_owned()]);
                step.way_back = format!(
                    "{}, systemctl daemon-reload, systemctl restart kubelet",
                    repositories.way_back(&["kubelet", "kubectl"], site)
                );
            }
            Err(condition) => step.precondition.push(condition),
        },
        Err(condition) => step.precondition.push(condition),
    }
    // A kubelet may not be newer than any API server that it can reach:
    // https://kubernetes.io/releases/version-skew-policy/#kubelet
    step.precondition.extend([site.all_servers.clone(), unbroken(site, node)]);
    step.postcondition = vec![kubelet_is(node, &site.to), node_is_ready(node)];
    match site.facts_after(&step.id, node) {
        Ok(facts) => step.postcondition.extend([
            package_is(facts, "kubelet", &site.to),
            package_is(facts, "kubectl", &site.to),
            process_is_new(facts),
        ]),
        Err(condition) => step.postcondition.push(condition),
    }
    if node.is_control_plane() {
        step.effects = vec![
            format!(
                "the kubelet restarts, and since 1.31 with it every static pod of {name}: etcd and the API server too"
            ),
            "no other control plane is touched before these are healthy again".to_owned(),
        ];
        step.confirmation = Confirmation::Name(name.clone());
        step.settle_seconds = SETTLE_SECONDS;
        step.postcondition.extend(server_is(evidence, node, &site.to));
        step.postcondition.extend(static_pods_are(evidence, name, &site.to));
    } else {
        step.effects = vec!["the kubelet restarts; pods that run go on".to_owned()];
        step.confirmation = Confirmation::Word("restart".to_owned());
    }
    step
}

/// The running kubelet is the program on the disk.
fn process_is_new(facts: &crate::evidence::NodeFacts) -> Condition {
    let what = "the running kubelet is the installed one";
    match facts.kubelet.as_ref().and_then(|kubelet| kubelet.process.as_ref()) {
        Some(process) => {
            Condition::of(what, process.replaced != Some(true), "its file was replaced under it")
        }
        None => Condition::unknown(
            what,
            facts.why_unread("kubelet.process").unwrap_or("the probe saw no process"),
        ),
    }
}
