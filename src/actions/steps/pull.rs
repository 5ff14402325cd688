//! The target's images, before anything restarts: a registry that does not answer is found out while all still runs.

use super::{Site, step};
use crate::actions::observed::{Condition, Holds, all, kubeadm_is, static_pods_are};
use crate::actions::plan::{Step, StepKind};
use crate::evidence::objects::Node;

/// What a control plane runs of the target's own version.
const COMPONENTS: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

pub(in crate::actions) fn make(site: &Site, node: &Node) -> Step {
    let name = &node.metadata.name;
    let mut step = step(StepKind::Pull, Some(name), format!("images of {} on {name}", site.to));
    step.commands = vec![format!("kubeadm config images pull --kubernetes-version v{}", site.to)];
    step.effects = vec![
        "nothing restarts; the images take about 500 MB of the runtime's disk".to_owned(),
        format!(
            "workers fetch kube-proxy:v{} by themselves later: where there is no registry, bring it to them now",
            site.to
        ),
    ];
    step.way_back = "none is needed: the kubelet removes images that nobody uses".to_owned();
    step.expected_seconds = 90;
    step.precondition = match site.facts(node) {
        Ok(facts) => vec![kubeadm_is(facts, &site.to)],
        Err(condition) => vec![condition],
    };
    let runs = static_pods_are(site.evidence, name, &site.to);
    step.postcondition = match site.facts_after(&step.id, node) {
        // What runs was pulled.
        _ if all(&runs) == Holds::Yes => runs,
        Ok(facts) => COMPONENTS.iter().map(|component| image_is_there(facts, component, site)).collect(),
        Err(condition) => vec![condition],
    };
    step
}

fn image_is_there(facts: &crate::evidence::NodeFacts, component: &str, site: &Site) -> Condition {
    let image = format!("{component}:v{}", site.to);
    let what = format!("the image {image} is on the machine");
    match facts.runtime.as_ref().and_then(|runtime| runtime.images.as_ref()) {
        Some(images) => {
            let there = images.iter().any(|seen| seen.rsplit('/').next() == Some(&image));
            Condition::of(what, there, "the runtime does not list it")
        }
        None => {
            Condition::unknown(what, facts.why_unread("runtime.images").unwrap_or("the probe does not say"))
        }
    }
}
