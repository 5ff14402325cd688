//! How far each step is: from its conditions, from what holds it up, and from what the operator decided.

use std::collections::{HashMap, HashSet};

use super::settings::{Consent, Decisions, Hold};
use super::{Phase, Step, StepKind, StepState};
use crate::actions::observed::{Condition, Holds, all};
use crate::checks::{Finding, Severity};

/// Gives every step its state. Only the first that is not over can be ready: the others wait for it. `masters` are the
/// names of the control planes.
pub(super) fn assign(
    phases: &mut [Phase],
    findings: &[Finding],
    masters: HashSet<&str>,
    decisions: &Decisions,
) {
    let mut before: Option<String> = None;
    let steps = || phases.iter().flat_map(|phase| &phase.steps);
    // Also where its API server is away just now.
    let ended = |step: &Step| decisions.attempt(&step.id).is_some_and(|attempt| attempt.ended.is_some());
    let applied = steps().any(|step| {
        step.kind == StepKind::UpgradeApply && (ended(step) || all(&step.postcondition) == Holds::Yes)
    });
    let concerning = Concerning::of(findings, masters);
    let overtaken = overtaken(phases, decisions);
    for step in phases.iter_mut().flat_map(|phase| phase.steps.iter_mut()) {
        step.held_by.extend(concerning.holds(step));
        step.held_by.extend(unknowns(step));
        step.held_by.retain(|hold| !decisions.consents.contains(&hold.consent));
        let (mut state, mut why) = state(step, decisions, before.as_deref());
        if overtaken.contains(&step.id) && !state.is_over() {
            state = StepState::Done;
            let open = first(&step.postcondition, &[Holds::No, Holds::Unknown]).unwrap_or_default();
            why = format!("it was seen done, and what came after is under way; now {open}");
        }
        if applied && step.is_backup() && !state.is_over() {
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

/// Steps of kubeadm that were seen done, and of whose node a later one was begun and not all are over: what is amiss now is for those
/// to mend, and kubeadm run once more, beside a kubelet that does not start, would not.
fn overtaken(phases: &[Phase], decisions: &Decisions) -> HashSet<String> {
    let steps: Vec<&Step> = phases.iter().flat_map(|phase| &phase.steps).collect();
    let mut later: HashMap<&str, (bool, bool)> = HashMap::new();
    let mut overtaken = HashSet::new();
    for step in steps.iter().rev() {
        let Some(node) = &step.node else { continue };
        let (begun, open) = later.entry(node.as_str()).or_default();
        let attempt = decisions.attempt(&step.id);
        let of_kubeadm = matches!(step.kind, StepKind::UpgradeApply | StepKind::UpgradeNode);
        if of_kubeadm && *begun && *open && attempt.is_some_and(|attempt| attempt.ended.is_some()) {
            overtaken.insert(step.id.clone());
        }
        *begun |= attempt.is_some();
        *open |= all(&step.postcondition) != Holds::Yes && !decisions.skipped.contains_key(&step.id);
    }
    overtaken
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
/// it; those of the cluster hold the step after which there is no way back; a control plane that is not well holds
/// whatever restarts another.
struct Concerning<'a> {
    of_the_cluster: Vec<&'a Finding>,
    by_node: HashMap<&'a str, Vec<&'a Finding>>,
    of_masters: Vec<&'a Finding>,
    masters: HashSet<&'a str>,
}

impl<'a> Concerning<'a> {
    fn of(findings: &'a [Finding], masters: HashSet<&'a str>) -> Self {
        let (of_the_cluster, of_masters) = (Vec::new(), Vec::new());
        let mut concerning = Self { of_the_cluster, by_node: HashMap::new(), of_masters, masters };
        let blocks = |finding: &&Finding| {
            finding.severity == Severity::Blocker || finding.could_hide == Some(Severity::Blocker)
        };
        for finding in findings.iter().filter(blocks) {
            match finding.subject.node.as_str() {
                "" => concerning.of_the_cluster.push(finding),
                node => concerning.by_node.entry(node).or_default().push(finding),
            }
            if concerning.masters.contains(finding.subject.node.as_str()) && is_of_a_master(finding) {
                concerning.of_masters.push(finding);
            }
        }
        concerning
    }

    fn holds(&self, step: &Step) -> Vec<Hold> {
        let of_the_cluster = self.of_the_cluster.iter().filter(|_| step.kind == StepKind::UpgradeApply);
        let node = step.node.as_ref().filter(|_| disturbs(step.kind));
        let of_the_node = node.and_then(|node| self.by_node.get(node.as_str())).into_iter().flatten();
        let of_others = self.of_masters.iter().filter(|finding| self.restarts_another(step, finding));
        hold(of_the_cluster.chain(of_the_node).chain(of_others).copied())
    }

    /// Whether a step restarts components of a control plane, and the finding is of another one.
    fn restarts_another(&self, step: &Step, finding: &Finding) -> bool {
        let restarts =
            matches!(step.kind, StepKind::UpgradeApply | StepKind::UpgradeNode | StepKind::Kubelet);
        let node = step.node.as_deref().filter(|node| restarts && self.masters.contains(node));
        node.is_some_and(|node| node != finding.subject.node)
    }
}

/// Whether a finding says that etcd or the components of its control plane are not well: then no other may go away.
fn is_of_a_master(finding: &Finding) -> bool {
    let of_its_components = matches!(finding.check.as_str(), "etcd" | "control-plane");
    finding.severity == Severity::Blocker && (of_its_components || finding.code == "NodeNotReady")
}

/// Findings as holds: those of one code and subject are one, which shows them all; a consent is to as many as were shown. What
/// was not read is let through as it was shown, for something else could be hidden tomorrow.
fn hold<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Hold> {
    let mut of: Vec<(&str, String, Vec<&str>)> = Vec::new();
    for finding in findings {
        let mut subject = finding.subject.to_string();
        if finding.severity == Severity::Unknown {
            subject = format!("{subject}: {}", finding.message);
        }
        let same = of.iter_mut().find(|(code, of, _)| *code == finding.code && *of == subject);
        match same {
            Some((_, _, messages)) if messages.contains(&finding.message.as_str()) => {}
            Some((_, _, messages)) => messages.push(&finding.message),
            None => of.push((&finding.code, subject, vec![&finding.message])),
        }
    }
    let one = |(code, subject, messages): (&str, String, Vec<&str>)| Hold {
        consent: Consent {
            code: code.to_owned(),
            subject: if messages.len() > 1 { format!("{subject} ({})", messages.len()) } else { subject },
        },
        answer: code.to_owned(),
        why: format!("{code}: {}", messages.join("; ")),
    };
    of.into_iter().map(one).collect()
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
