//! How far each step is: from its conditions, from what holds it up, and from what the operator decided.

use std::collections::HashMap;

use super::settings::{Consent, Decisions, Hold};
use super::{Phase, Step, StepKind, StepState};
use crate::actions::observed::{Condition, Holds, all};
use crate::checks::{Finding, Severity};

/// Gives every step its state. Only the first that is not over can be ready: the others wait for it.
pub(super) fn assign(phases: &mut [Phase], findings: &[Finding], decisions: &Decisions) {
    let mut before: Option<String> = None;
    let steps = || phases.iter().flat_map(|phase| &phase.steps);
    let applied =
        steps().any(|step| step.kind == StepKind::UpgradeApply && all(&step.postcondition) == Holds::Yes);
    let concerning = Concerning::of(findings);
    for step in phases.iter_mut().flat_map(|phase| phase.steps.iter_mut()) {
        step.held_by.extend(concerning.holds(step));
        step.held_by.extend(unknowns(step));
        step.held_by.retain(|hold| !decisions.consents.contains(&hold.consent));
        let (mut state, mut why) = state(step, decisions, before.as_deref());
        if applied && is_backup(step) && !state.is_over() {
            match decisions.attempt(&step.id) {
                None => {
                    state = StepState::Skipped;
                    "no snapshot of before is seen, and apply was run".clone_into(&mut why);
                }
                // It may have been carried away since, as it should be.
                Some(attempt) if attempt.ended.is_some() => {
                    state = StepState::Done;
                    "it was seen then; where it is now was not looked at".clone_into(&mut why);
                }
                Some(_) => {}
            }
        }
        step.state = state;
        step.why = why;
        if !step.state.is_over() && before.is_none() {
            before = Some(step.title.clone());
        }
    }
}

/// A snapshot of the time before: worth nothing when that is over.
fn is_backup(step: &Step) -> bool {
    step.kind == StepKind::Backup || step.id == "manual/external-etcd-backup"
}

fn state(step: &Step, decisions: &Decisions, before: Option<&str>) -> (StepState, String) {
    let observed = all(&step.postcondition);
    if observed == Holds::Yes {
        return (StepState::Done, String::new());
    }
    if let Some(reason) = decisions.skipped.get(&step.id) {
        return (StepState::Skipped, reason.clone());
    }
    let open = first(&step.postcondition, &[Holds::No, Holds::Unknown]);
    let attempt = decisions.attempt(&step.id);
    let lost = attempt
        .and_then(|attempt| attempt.ended)
        .and(open.as_deref())
        .map(|open| format!("it was done; now {open}"))
        .unwrap_or_default();
    if let Some(attempt) = attempt
        && lost.is_empty()
    {
        return match &attempt.failed {
            Some(why) => (StepState::Failed, why.clone()),
            // Nothing could show it: the operator's word is all there is.
            None if attempt.said && step.postcondition.is_empty() => (StepState::Said, String::new()),
            None if attempt.said => (StepState::Running, open.unwrap_or_default()),
            None => (StepState::Running, String::new()),
        };
    }
    if let Some(title) = before {
        return (StepState::Blocked, format!("after: {title}"));
    }
    if let Some(why) = first(&step.precondition, &[Holds::No]) {
        return (StepState::Blocked, why);
    }
    if let Some(why) = first(&step.precondition, &[Holds::Unknown])
        && step.commands.is_empty()
    {
        // What would run is not known either.
        return (StepState::Unknown, why);
    }
    match step.held_by.first() {
        Some(hold) => (StepState::Blocked, hold.why.clone()),
        None => (StepState::Ready, lost),
    }
}

/// The first condition that stands so, in words.
fn first(conditions: &[Condition], holds: &[Holds]) -> Option<String> {
    let wanted = |holds| conditions.iter().find(|condition| condition.holds == holds);
    let condition = holds.iter().find_map(|one| wanted(*one))?;
    let not = if condition.holds == Holds::No { "not seen" } else { "unknown" };
    Some(format!("{not}: {} ({})", condition.what, condition.why))
}

/// Findings that concern steps: blockers, and what was not read and could hide one. Those of a node hold what is done to
/// it; those of the cluster hold the step after which there is no way back.
struct Concerning<'a> {
    of_the_cluster: Vec<&'a Finding>,
    by_node: HashMap<&'a str, Vec<&'a Finding>>,
}

impl<'a> Concerning<'a> {
    fn of(findings: &'a [Finding]) -> Self {
        let mut concerning = Self { of_the_cluster: Vec::new(), by_node: HashMap::new() };
        let blocks = |finding: &&Finding| {
            finding.severity == Severity::Blocker || finding.could_hide == Some(Severity::Blocker)
        };
        for finding in findings.iter().filter(blocks) {
            match finding.subject.node.as_str() {
                "" => concerning.of_the_cluster.push(finding),
                node => concerning.by_node.entry(node).or_default().push(finding),
            }
        }
        concerning
    }

    fn holds(&self, step: &Step) -> Vec<Hold> {
        let of_the_cluster = self.of_the_cluster.iter().filter(|_| step.kind == StepKind::UpgradeApply);
        let node = step.node.as_ref().filter(|_| disturbs(step.kind));
        let of_the_node = node.and_then(|node| self.by_node.get(node.as_str())).into_iter().flatten();
        let mut holds: Vec<Hold> = of_the_cluster
            .chain(of_the_node)
            .map(|finding| Hold {
                consent: Consent { code: finding.code.clone(), subject: finding.subject.to_string() },
                answer: finding.code.clone(),
                why: format!("{}: {}", finding.code, finding.message),
            })
            .collect();
        holds.dedup_by(|a, b| a.consent == b.consent);
        holds
    }
}

/// Preconditions that nobody knows of: an unknown asks as a blocker does.
fn unknowns(step: &Step) -> Vec<Hold> {
    let unknown = step.precondition.iter().filter(|condition| condition.holds == Holds::Unknown);
    unknown
        .map(|condition| Hold {
            consent: Consent {
                code: "Unknown".to_owned(),
                subject: format!("{}: {}", step.id, condition.what),
            },
            answer: "unknown".to_owned(),
            why: format!("it is not known whether {} ({})", condition.what, condition.why),
        })
        .collect()
}

/// Whether what runs on the node may suffer from a step.
const fn disturbs(kind: StepKind) -> bool {
    matches!(kind, StepKind::UpgradeApply | StepKind::UpgradeNode | StepKind::Drain | StepKind::Kubelet)
}
