//! The target's images, before anything restarts: a registry that does not answer is found out while all still runs.

use super::{Site, step};
use crate::actions::observed::{Condition, Holds, all, kubeadm_is, static_pods_are};
use crate::actions::plan::{Step, StepKind};
use crate::checks::common::kubeadm;
use crate::checks::common::shell::quote;
use crate::checks::common::static_pods::VERSIONED;
use crate::evidence::objects::Node;

/// Where kubeadm fetches images from, if nothing else is configured.
const DEFAULT: &str = "registry.k8s.io";

pub(in crate::actions) fn make(site: &Site, node: &Node) -> Step {
    let name = &node.metadata.name;
    let mut step = step(StepKind::Pull, Some(name), format!("images of {} on {name}", site.to));
    // kubeadm does not read the cluster's configuration here: without the flag it would fetch from its default.
    let named = repository(site).filter(|repository| repository != DEFAULT);
    let from =
        named.map_or_else(String::new, |repository| format!(" --image-repository={}", quote(&repository)));
    step.commands = vec![format!("kubeadm config images pull --kubernetes-version v{}{from}", site.to)];
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
        Ok(facts) => VERSIONED.iter().map(|component| image_is_there(facts, component, site)).collect(),
        Err(condition) => vec![condition],
    };
    step
}

/// The registry that the cluster's images are of; nothing where kubeadm-config was not read.
fn repository(site: &Site) -> Option<String> {
    let (configuration, _) = kubeadm::configuration(site.evidence).ok()?;
    let named = Some(configuration.image_repository).filter(|repository| !repository.is_empty());
    Some(named.unwrap_or_else(|| DEFAULT.to_owned()))
}

fn image_is_there(facts: &crate::evidence::NodeFacts, component: &str, site: &Site) -> Condition {
    let image = format!("{component}:v{}", site.to);
    let image = repository(site).map_or_else(|| image.clone(), |repository| format!("{repository}/{image}"));
    let what = format!("the image {image} is on the machine");
    match facts.runtime.as_ref().and_then(|runtime| runtime.images.as_ref()) {
        Some(images) => {
            let there = images.iter().any(|seen| **seen == *image || seen.rsplit('/').next() == Some(&image));
            Condition::of(what, there, "the runtime does not list it")
        }
        None => {
            Condition::unknown(what, facts.why_unread("runtime.images").unwrap_or("the probe does not say"))
        }
    }
}
