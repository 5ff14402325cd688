//! A node is emptied before its kubelet: cordoned with this upgrade's mark, its pods evicted as budgets allow.

use super::{Site, addons, step};
use crate::actions::drain::{PodRef, Selection, held, requests};
use crate::actions::observed::{Condition, Holds, kubelet_is};
use crate::actions::plan::{Confirmation, Consent, Hold, Step, StepKind};
use crate::checks::common::list;
use crate::evidence::objects::Node;
use crate::evidence::objects::meta::CORDONED_BY;

/// The code that a consent to lose a pod is kept under.
const LOST: &str = "PodLeavesForGood";

/// The code that a consent to a cordon of somebody else's is kept under.
const ANOTHERS: &str = "CordonedByAnother";

pub(in crate::actions) fn make(site: &Site, node: &Node) -> Step {
    let name = &node.metadata.name;
    let selection = site.selection(name);
    let mut step = step(StepKind::Drain, Some(name), format!("drain {name}"));
    let anothers = is_anothers(site, node);
    if !anothers {
        step.commands.push(requests::cordon(name, &site.decisions.owner).to_string());
    }
    step.commands.extend(selection.leave.iter().map(|leaves| requests::evict(&leaves.pod).to_string()));
    step.effects = effects(site, &selection);
    step.way_back = format!("uncordon {name}: pods that left do not come back by themselves");
    step.expected_seconds = 60 + 5 * u32::try_from(selection.leave.len()).unwrap_or(u32::MAX / 10);
    step.confirmation = Confirmation::Name(name.clone());
    let pods_read = pods_are_read(site);
    step.precondition = vec![site.all_servers.clone(), pods_read.clone()];
    step.precondition.extend(budgets_are_read(site));
    step.held_by = selection
        .leave
        .iter()
        .filter_map(|leaves| Some((&leaves.pod, leaves.lost?)))
        .map(|(pod, lost)| Hold {
            consent: consent(pod),
            answer: pod.name.to_string(),
            why: format!("{pod}: {lost}"),
        })
        .collect();
    if anothers {
        step.held_by.insert(0, cordoned(node));
    }
    addons::hold(site, node, &mut step);
    // Behind the restart of the kubelet the node takes pods again.
    step.postcondition = match kubelet_is(node, &site.to) {
        done if done.holds == Holds::Yes => vec![done],
        _ => {
            let mut left: Vec<String> = selection.leave.iter().map(|leaves| leaves.pod.to_string()).collect();
            left.extend(selection.leaving.iter().map(ToString::to_string));
            let empty = format!("no pod is left on {name} but its own");
            let cordoned = node.spec.unschedulable == Some(true);
            vec![
                Condition::of(format!("{name} is cordoned"), cordoned, "it takes pods"),
                if pods_read.holds == Holds::Yes {
                    Condition::of(empty, left.is_empty(), list::names(&left))
                } else {
                    Condition { what: empty, ..pods_read }
                },
            ]
        }
    };
    step
}

/// The consent to lose a pod: this one, and none that has its name later or elsewhere.
pub(in crate::actions) fn consent(pod: &PodRef) -> Consent {
    Consent { code: LOST.to_owned(), subject: format!("{pod}, UID {}", pod.uid) }
}

fn effects(site: &Site, selection: &Selection) -> Vec<String> {
    let leave: Vec<String> = selection.leave.iter().map(|leaves| leaves.pod.to_string()).collect();
    let mut effects = vec![match leave.len() {
        0 => "no pod has to leave".to_owned(),
        count => format!("{} evicted: {}", list::count(count, "pod"), list::names(&leave)),
    }];
    if selection.stay > 0 {
        effects.push(format!("{} of DaemonSets and static pods stay", list::count(selection.stay, "pod")));
    }
    effects.extend(
        held(site.evidence, selection)
            .into_iter()
            .map(|held| format!("waits for {}: {}", held.pod, held.why)),
    );
    effects
}

fn pods_are_read(site: &Site) -> Condition {
    let what = "the pods of every namespace were read";
    match site.evidence.objects.pods.gaps().first() {
        Some(gap) => Condition::unread(what, gap),
        None => Condition::of(what, true, ""),
    }
}

fn budgets_are_read(site: &Site) -> Option<Condition> {
    let gaps = site.evidence.objects.pod_disruption_budgets.gaps();
    Some(Condition::unread("the budgets of every namespace were read", gaps.first()?))
}

/// Whether a node has the mark of this upgrade's cordons, cordoned or not.
pub(super) fn is_marked(site: &Site, node: &Node) -> bool {
    owner(node) == Some(&site.decisions.owner)
}

/// Whether a node is cordoned, and not by this upgrade.
pub(super) fn is_anothers(site: &Site, node: &Node) -> bool {
    node.spec.unschedulable == Some(true) && !is_marked(site, node)
}

/// A cordon that this upgrade did not make is somebody's reason.
fn cordoned(node: &Node) -> Hold {
    let name = &node.metadata.name;
    let by = owner(node).map_or_else(|| "without a mark".to_owned(), |owner| format!("by {owner}"));
    Hold {
        consent: Consent { code: ANOTHERS.to_owned(), subject: name.to_string() },
        answer: ANOTHERS.to_owned(),
        why: format!("{ANOTHERS}: {name} is cordoned already, {by}: see why. It stays cordoned afterwards"),
    }
}

fn owner(node: &Node) -> Option<&str> {
    node.metadata.annotations.get(CORDONED_BY)
}
