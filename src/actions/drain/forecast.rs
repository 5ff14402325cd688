//! Which pods a drain would wait for, and which budget holds them: as the API server decides an eviction.
//!
//! Source: `pkg/registry/core/pod/storage/eviction.go` of Kubernetes 1.31.

use std::collections::BTreeMap;

use super::select::{PodRef, Selection};
use crate::evidence::Evidence;
use crate::evidence::objects::{Pod, PodDisruptionBudget};

/// A pod that an eviction would be refused for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub pod: PodRef,
    /// By what, and the way out, in a sentence.
    pub why: String,
    /// Whether waiting cannot help: something must be changed.
    pub for_good: bool,
}

/// The pods of `selection` that would be refused, in the order of the drain: each pod that goes takes one from its
/// budget.
pub fn held(evidence: &Evidence, selection: &Selection) -> Vec<Held> {
    let mut left: BTreeMap<usize, i32> = BTreeMap::new();
    let mut held = Vec::new();
    for leaves in &selection.leave {
        let Some(pod) = find(evidence, &leaves.pod) else { continue };
        if is_free(pod) {
            continue;
        }
        let covering = covering(evidence, pod);
        let refused = match covering.as_slice() {
            [] => None,
            [(index, budget)] => {
                refusal(pod, budget, left.entry(*index).or_insert(budget.status.disruptions_allowed))
            }
            several => Some((several_budgets(several), true)),
        };
        held.extend(refused.map(|(why, for_good)| Held { pod: leaves.pod.clone(), why, for_good }));
    }
    held
}

/// The budgets that cover a pod, by their place in the listing, which is sorted by namespace.
fn covering<'a>(evidence: &'a Evidence, pod: &Pod) -> Vec<(usize, &'a PodDisruptionBudget)> {
    let budgets = &evidence.objects.pod_disruption_budgets.items;
    let namespace = pod.metadata.namespace.as_str();
    let first = budgets.partition_point(|budget| budget.metadata.namespace.as_str() < namespace);
    budgets
        .iter()
        .enumerate()
        .skip(first)
        .take_while(|(_, budget)| budget.metadata.namespace == *namespace)
        .filter(|(_, budget)| budget.covers(namespace, &pod.metadata.labels))
        .map(|(index, budget)| (index, &**budget))
        .collect()
}

fn find<'a>(evidence: &'a Evidence, wanted: &PodRef) -> Option<&'a Pod> {
    let pods = &evidence.objects.pods.items;
    let key = (wanted.namespace.as_str(), wanted.name.as_str());
    let at =
        pods.binary_search_by(|pod| (pod.metadata.namespace.as_str(), pod.metadata.name.as_str()).cmp(&key));
    at.ok().and_then(|index| pods.get(index)).map(AsRef::as_ref)
}

/// Whether no budget is asked for a pod: it does not run yet, no longer, or goes already.
fn is_free(pod: &Pod) -> bool {
    pod.is_finished() || pod.status.phase == "Pending" || pod.metadata.deletion_timestamp.is_some()
}

fn several_budgets(several: &[(usize, &PodDisruptionBudget)]) -> String {
    let names: Vec<&str> = several.iter().map(|(_, budget)| budget.metadata.name.as_str()).collect();
    format!(
        "more than one budget is about it ({}): the API server refuses every eviction until one is changed",
        names.join(", ")
    )
}

/// Why one budget refuses a pod, and whether for good; or nothing, and one less is left.
fn refusal(pod: &Pod, budget: &PodDisruptionBudget, left: &mut i32) -> Option<(String, bool)> {
    let (name, status) = (&budget.metadata.name, &budget.status);
    if !pod.is_ready() {
        // A pod that is not ready takes nothing from a budget.
        let always = budget.spec.unhealthy_pod_eviction_policy == "AlwaysAllow";
        if always || status.current_healthy >= status.desired_healthy && status.desired_healthy > 0 {
            return None;
        }
    }
    if status.observed_generation < budget.metadata.generation {
        return Some((format!("the budget {name} was changed and is being counted anew"), false));
    }
    if *left > 0 {
        *left -= 1;
        return None;
    }
    let healthy = format!(
        "{} of {} pods are ready, {} must be",
        status.current_healthy, status.expected_pods, status.desired_healthy
    );
    if status.expected_pods > 0 && status.desired_healthy >= status.expected_pods {
        let why = format!(
            "the budget {name} never lets one go: {healthy}. Scale its owner up by one, or change the budget"
        );
        return Some((why, true));
    }
    Some((format!("the budget {name} lets none go now: {healthy}"), false))
}
