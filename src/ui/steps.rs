//! Words about steps, the same on the screens and in plain lines.

use jiff::Timestamp;

use crate::actions::observed::Holds;
use crate::actions::plan::{Confirmation, Plan, Step, StepState};
use crate::actions::runner::{Active, Upgrade};

/// `about 40 s`, `about 25 min`, `about 2 h 10 min`
pub fn about(seconds: u32) -> String {
    match seconds {
        0..=90 => format!("about {seconds} s"),
        91..=5400 => format!("about {} min", seconds.div_ceil(60)),
        _ => format!("about {} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What the operator is asked to do: `say yes`, `type the name cp1`.
pub fn asked(confirmation: &Confirmation) -> String {
    match confirmation {
        Confirmation::Acknowledge => "say yes".to_owned(),
        Confirmation::Word(word) => format!("type the word {word}"),
        Confirmation::Name(name) => format!("type the name {name}"),
    }
}

/// The prompt that a step's commands stand behind: `cp1#`, or `PATCH` and the like by kubelift itself.
pub fn prompt(step: &Step) -> String {
    match &step.node {
        Some(node) if !step.kind.is_by_api() => format!("{node}# "),
        _ => "API ".to_owned(),
    }
}

/// `3 of 30`: the place of a step in its plan, from 1.
pub fn place(plan: &Plan, id: &str) -> String {
    let index = plan.steps().position(|step| step.id == id).map_or(0, |index| index + 1);
    format!("{index} of {}", plan.steps().count())
}

/// Every condition with what was seen of it: `yes  kubeadm says v1.31.14`.
pub fn conditions(step: &Step) -> Vec<String> {
    let line = |condition: &crate::actions::observed::Condition| {
        let holds = match condition.holds {
            Holds::Yes => "yes",
            Holds::No => "no",
            Holds::Unknown => "?",
        };
        let why = if condition.why.is_empty() { String::new() } else { format!(" ({})", condition.why) };
        format!("{holds:<4}{}{why}", condition.what)
    };
    step.precondition.iter().map(line).collect()
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

/// `step 3 of 30`, or that it is finished.
pub fn progress(upgrade: &Upgrade) -> String {
    let plan = &upgrade.plan;
    let active = upgrade.active.as_ref().map(|active| active.step.as_str());
    match active.or_else(|| plan.next().map(|step| step.id.as_str())) {
        Some(id) => format!("step {}", place(plan, id)),
        None if plan.is_finished() => "finished".to_owned(),
        None => "no step is left, but the plan is not whole".to_owned(),
    }
}

/// How long the upgrade has taken, and usually still takes: `12 min, about 1 h 10 min left`.
pub fn times(upgrade: &Upgrade) -> String {
    let spent = time(seconds(upgrade.began, upgrade.at));
    let under_way = upgrade.active.as_ref().map_or(0, |active| {
        let expected = upgrade.plan.step(&active.step).map_or(0, |step| step.expected_seconds);
        expected.min(seconds(active.since, upgrade.at))
    });
    match upgrade.plan.seconds_left().saturating_sub(under_way) {
        0 => spent,
        left => format!("{spent}, {} left", about(left)),
    }
}

/// How long a step has taken, of how long it usually takes.
pub fn spent(upgrade: &Upgrade, step: &Step, active: &Active) -> String {
    let spent = seconds(active.since, upgrade.at);
    let late = if spent > step.expected_seconds * 2 { ": longer than usual" } else { "" };
    format!("{} of {}{late}", time(spent), short(step.expected_seconds))
}

/// What is said when kubelift is left while a step is under way.
pub fn farewell(upgrade: &Upgrade) -> Option<String> {
    let step = upgrade.active.as_ref().and_then(|active| upgrade.plan.step(&active.step))?;
    Some(format!("under way is still: {}; started again, kubelift goes on with it", step.title))
}

fn seconds(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
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
    fn times_are_rounded_as_a_person_would() {
        let said: Vec<String> = [5, 90, 91, 1500, 5401, 7800].into_iter().map(about).collect();
        assert_eq!(
            said,
            [
                "about 5 s",
                "about 90 s",
                "about 2 min",
                "about 25 min",
                "about 1 h 30 min",
                "about 2 h 10 min"
            ]
        );
    }
}
