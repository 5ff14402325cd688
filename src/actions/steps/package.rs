//! kubeadm's package: before anything else on a node, for kubeadm upgrades to its own version only.

use super::{Site, repository, step};
use crate::actions::observed::{Condition, kubeadm_is, package_is};
use crate::actions::plan::{Step, StepKind};
use crate::evidence::objects::Node;

pub(in crate::actions) fn make(site: &Site, node: &Node) -> Step {
    let name = &node.metadata.name;
    let mut step = step(StepKind::Package, Some(name), format!("kubeadm {} on {name}", site.to));
    step.effects = vec!["nothing restarts: kubeadm is only run by later steps".to_owned()];
    step.expected_seconds = 40;
    match site.facts(node) {
        Ok(facts) => match repository::of(facts) {
            Ok(repositories) => {
                step.precondition = vec![repositories.known(), unbroken(site, node)];
                step.commands = repositories.to_minor(site.to.minor());
                step.commands.extend(repositories.install(&["kubeadm"], site));
                step.way_back = repositories.way_back(&["kubeadm"], site);
            }
            Err(condition) => step.precondition.push(condition),
        },
        Err(condition) => step.precondition.push(condition),
    }
    step.postcondition = match site.facts_after(&step.id, node) {
        Ok(facts) => vec![kubeadm_is(facts, &site.to), package_is(facts, "kubeadm", &site.to)],
        Err(condition) => vec![condition],
    };
    step
}

/// That the package manager can work: no package is left in the middle of something.
pub(super) fn unbroken(site: &Site, node: &Node) -> Condition {
    let what = "no package is half installed";
    match site.facts(node) {
        Ok(facts) => match &facts.packages {
            Some(packages) => {
                let broken: Vec<&str> = packages.broken.iter().map(|package| package.name.as_str()).collect();
                Condition::of(what, broken.is_empty(), broken.join(", "))
            }
            None => Condition::unknown(what, "the probe did not see the packages"),
        },
        Err(condition) => condition,
    }
}
