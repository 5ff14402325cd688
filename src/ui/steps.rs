//! Words about an upgrade's steps, the same on the screens and in plain lines.

use jiff::Timestamp;

pub use crate::actions::plan::words::{about, asked, conditions, prompt};
use crate::actions::plan::{Consent, Hold, Plan, Step, StepKind, StepState};
use crate::actions::runner::{Active, Hands, Upgrade};
use crate::catalog::{Catalog, Failure};
use crate::session::Kind;

/// What is said of a journal whose end was torn.
pub const TORN: &str = "the journal's last line was torn, and cut off: what it meant may have happened; kubelift looks at \
                        the cluster";

/// The failure that a step shows by the lines that it printed and by why it failed; nothing where it is none that is known.
pub fn known<'a>(printed: impl IntoIterator<Item = &'a str>, step: &'a Step) -> Option<&'static Failure> {
    let lines: Vec<&str> = printed.into_iter().chain([step.why.as_str()]).collect();
    Catalog::get().ok()?.failure(&lines.join("\n"))
}

/// The commands that one looks with first, on the step's node.
pub fn looks(failure: &Failure, step: &Step) -> impl Iterator<Item = String> {
    let node = step.node.as_deref().unwrap_or_default();
    failure.commands.iter().map(move |command| command.replace("NODE", node))
}

/// `3 of 30`: the place of a step in its plan, from 1.
pub fn place(plan: &Plan, id: &str) -> String {
    let index = plan.steps().position(|step| step.id == id).map_or(0, |index| index + 1);
    format!("{index} of {}", plan.steps().count())
}

/// What an upgrade that is over left as it was, each with a word of what that is: steps that were left out, nodes that
/// are left to hand, and cordons of somebody else.
pub fn leftovers(plan: &Plan) -> Vec<(&'static str, String)> {
    let skipped = plan.steps().filter(|step| step.state == StepState::Skipped);
    let skipped = skipped.map(|step| ("left out", format!("{}: {}", step.title, step.why)));
    let by_hand = plan.left_to_hand.iter().map(|left| ("by hand", format!("{}: {}", left.node, left.why)));
    // Of a node that this upgrade did not cordon there is nothing to be asked of the API.
    let cordoned = plan.steps().filter(|step| step.kind == StepKind::Uncordon && step.commands.is_empty());
    let cordoned = cordoned
        .filter_map(|step| step.node.as_ref())
        .map(|node| ("still cordoned", format!("{node}, by somebody else than this upgrade")));
    skipped.chain(by_hand).chain(cordoned).collect()
}

/// Whether every node of the cluster went through every step that makes it the target's.
pub fn is_whole(plan: &Plan) -> bool {
    let makes_it = |step: &&Step| {
        matches!(step.kind, StepKind::UpgradeApply | StepKind::UpgradeNode | StepKind::Kubelet)
    };
    plan.left_to_hand.is_empty() && plan.steps().filter(makes_it).all(|step| step.state != StepState::Skipped)
}

/// What holds a step, with what that is about: `InTreeVolume of StorageClass/rbd: 1.31 no longer mounts rbd volumes`.
pub fn held(hold: &Hold) -> String {
    let Consent { code, subject } = &hold.consent;
    match hold.why.strip_prefix(&format!("{code}: ")) {
        Some(message) if !message.contains(subject.as_str()) => format!("{code} of {subject}: {message}"),
        _ => hold.why.clone(),
    }
}

/// What happened; an eviction by its pod: `evict shop/web-1: 201`.
pub fn request(text: &str) -> String {
    let eviction = text.strip_prefix("POST /api/v1/namespaces/").and_then(|rest| {
        let (namespace, rest) = rest.split_once("/pods/")?;
        let (pod, rest) = rest.split_once("/eviction")?;
        Some(format!("evict {namespace}/{pod}{rest}"))
    });
    eviction.unwrap_or_else(|| text.to_owned())
}

/// `~40 s`, `~4 min`
pub fn short(seconds: u32) -> String {
    about(seconds).replace("about ", "~")
}

/// The state of a step in a word or two; empty where it only waits for another.
pub fn state(step: &Step) -> String {
    match step.state {
        StepState::Blocked if step.held_by.is_empty() => String::new(),
        StepState::Blocked => "held".to_owned(),
        StepState::Failed => "FAILED".to_owned(),
        state => state.as_str().to_owned(),
    }
}

/// How far the upgrade is and how long it takes, the longest form first:
/// `step 3 of 30 · 12 min so far, about 1 h 10 min left`, `finished after 2 h 12 min`.
pub fn progress(upgrade: &Upgrade, dot: &str) -> Vec<String> {
    let plan = &upgrade.plan;
    let so_far = time(spent_in_all(upgrade));
    let active = upgrade.active.as_ref().map(|active| active.step.as_str());
    match active.or_else(|| plan.next().map(|step| step.id.as_str())) {
        Some(id) => {
            let (place, left) = (place(plan, id), about(left(upgrade)));
            let whole = format!("step {place} {dot} {so_far} so far, {left} left");
            let rest = [format!("step {place}, {left} left"), format!("step {place}"), place];
            (upgrade.began < upgrade.at).then_some(whole).into_iter().chain(rest).collect()
        }
        None if plan.is_finished() => vec![format!("finished after {so_far}"), "finished".to_owned()],
        None => vec!["no step is left, but the plan is not whole".to_owned(), "not whole".to_owned()],
    }
}

/// How many seconds the upgrade has taken: from its first step to its last, or until now.
pub fn spent_in_all(upgrade: &Upgrade) -> u32 {
    seconds(upgrade.began, upgrade.ended.unwrap_or(upgrade.at))
}

/// How many seconds the upgrade usually still takes. What is left of the step under way counts as it was when that began:
/// a drain is thought shorter with each pod that leaves.
pub fn left(upgrade: &Upgrade) -> u32 {
    let left = upgrade.plan.seconds_left();
    let Some(active) = &upgrade.active else { return left };
    let now = upgrade.plan.step(&active.step).map_or(0, |step| step.expected_seconds);
    let of_it = active.expected_seconds.saturating_sub(seconds(active.since, upgrade.at));
    left.saturating_sub(now) + of_it
}

/// How long a step has taken, of how long it usually takes.
pub fn spent(upgrade: &Upgrade, active: &Active) -> String {
    let (spent, expected) = (seconds(active.since, upgrade.at), active.expected_seconds);
    let late = if spent > expected * 2 { ": longer than usual" } else { "" };
    format!("{} of {}{late}", exactly(spent), short(expected))
}

/// What becomes of the step under way when kubelift is left; nothing where there is none.
pub fn left_alone(upgrade: &Upgrade, kind: &Kind) -> Option<String> {
    let active = upgrade.active.as_ref()?;
    let step = upgrade.plan.step(&active.step)?;
    let node = step.node.as_deref().unwrap_or("the cluster");
    if kind.ends_with_kubelift() {
        return Some("The simulated cluster ends with kubelift, in the middle of this step.".to_owned());
    }
    let goes_on = match active.hands {
        _ if active.said => "Its commands are over; what they are for is not seen yet.".to_owned(),
        Hands::Machine => format!("What runs on {node} runs on without kubelift."),
        Hands::Operator => format!("What you run on {node} is not touched by that."),
        Hands::Api => format!("What was asked of {node} stays, and nothing more is asked."),
    };
    Some(format!("{goes_on} Started again, kubelift looks at the cluster, and goes on with this step."))
}

/// What is said when kubelift is left while a step is under way.
pub fn farewell(upgrade: &Upgrade, kind: &Kind) -> Option<String> {
    let then = left_alone(upgrade, kind)?;
    let step = upgrade.active.as_ref().and_then(|active| upgrade.plan.step(&active.step))?;
    Some(format!("under way is still: {}. {then}", step.title))
}

fn seconds(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

/// `40 s`, `1 min 40 s`, `14 min`, `1 h 2 min`: of a step, so that time is seen to go on.
fn exactly(seconds: u32) -> String {
    match seconds {
        91..=599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => time(seconds),
    }
}

/// `40 s`, `4 min`, `1 h 2 min`
pub fn time(seconds: u32) -> String {
    match seconds {
        0..=90 => format!("{seconds} s"),
        91..=5400 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eviction_is_said_by_its_pod() {
        let evict = "POST /api/v1/namespaces/shop/pods/web-1/eviction";
        for (text, short) in [
            (evict.to_owned(), "evict shop/web-1"),
            (format!("{evict}: 429 not now"), "evict shop/web-1: 429 not now"),
            ("PATCH /api/v1/nodes/w1: 200".to_owned(), "PATCH /api/v1/nodes/w1: 200"),
            ("confirmed, 2 lines to run".to_owned(), "confirmed, 2 lines to run"),
        ] {
            assert_eq!(request(&text), short);
        }
    }

    #[test]
    fn an_upgrade_with_a_kubelet_left_out_is_not_whole_and_names_it() {
        use crate::actions::plan::{Decisions, Settings, plan};
        let mut world = crate::actions::steps::testing::ready_to_upgrade();
        world.edit_node("w2", |node| node.spec.unschedulable = Some(true));
        let of = |skipped: &str| {
            let skipped = [(skipped.to_owned(), "it is dead".to_owned())].into();
            let decisions = Decisions { skipped, ..Decisions::default() };
            plan(&world.evidence, &world.target("1.31.14"), &[], &Settings::default(), &decisions)
        };
        let plan = of("kubelet/w1");
        assert!(!is_whole(&plan));
        assert_eq!(
            leftovers(&plan),
            [
                ("left out", "kubelet 1.31.14 on w1: it is dead".to_owned()),
                ("still cordoned", "w2, by somebody else than this upgrade".to_owned()),
            ]
        );
        assert!(is_whole(&of("uncordon/w1")), "its node is the target's all the same");
    }
}
