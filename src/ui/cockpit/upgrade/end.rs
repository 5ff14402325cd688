//! The end of an upgrade: what was done, what was only said, what is left, and where it is written down.

use crate::actions::plan::{Step, StepState};
use crate::actions::runner::Upgrade;
use crate::checks::common::list::count;

use super::super::theme::Role;
use super::super::widgets::Prose;
use super::parts::Parts;
use super::step::texts;
use crate::ui::steps;

/// What is said of it, for so many columns.
pub fn page(upgrade: &Upgrade, columns: u16) -> Prose {
    let plan = &upgrade.plan;
    let of = |state: StepState| plan.steps().filter(move |step| step.state == state);
    let mut parts = Parts::new(columns);
    let time = steps::time(steps::spent_in_all(upgrade));
    parts.says("Upgraded", &format!("from {} to {} in {time}", plan.from, plan.target), Role::Pass);
    let done = of(StepState::Done).count();
    parts.says("Done", &format!("{}, each as it was observed", count(done, "step")), Role::Text);
    let titles = |state| of(state).map(|step| step.title.clone()).collect::<Vec<_>>();
    texts(&mut parts, "Said only", &titles(StepState::Said), Role::Unknown);
    let left_out = |step: &Step| format!("{}: {}", step.title, step.why);
    let skipped: Vec<String> = of(StepState::Skipped).map(left_out).collect();
    texts(&mut parts, "Left out", &skipped, Role::Notice);
    let by_hand: Vec<String> =
        plan.left_to_hand.iter().map(|left| format!("{}: {}", left.node, left.why)).collect();
    texts(&mut parts, "By hand", &by_hand, Role::Unknown);
    parts.says("Now", "the first screen says how the cluster is", Role::Text);
    parts.says("Journal", &upgrade.journal, Role::Dim);
    parts.says("Recording", &upgrade.recording, Role::Dim);
    parts.prose
}
