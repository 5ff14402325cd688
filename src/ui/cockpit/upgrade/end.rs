//! The end of an upgrade: what was done, what was only said, what is left, and where it is written down.

use crate::actions::plan::StepState;
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
    let route = format!("from {} to {} in {time}", plan.from, plan.target);
    if steps::is_whole(plan) {
        parts.says("Upgraded", &route, Role::Pass);
    } else {
        parts.says("Not whole", &format!("{route}, but for what was left out"), Role::Notice);
    }
    let done = of(StepState::Done).count();
    parts.says("Done", &format!("{}, each as it was observed", count(done, "step")), Role::Text);
    let titles = |state| of(state).map(|step| step.title.clone()).collect::<Vec<_>>();
    texts(&mut parts, "Said only", &titles(StepState::Said), Role::Unknown);
    let left = steps::leftovers(plan);
    let of_word = |word: &str| -> Vec<String> {
        left.iter().filter(|(is, _)| *is == word).map(|(_, what)| what.clone()).collect()
    };
    texts(&mut parts, "Left out", &of_word("left out"), Role::Notice);
    texts(&mut parts, "By hand", &of_word("by hand"), Role::Unknown);
    texts(&mut parts, "Cordoned", &of_word("still cordoned"), Role::Notice);
    parts.says("Now", "the first screen says how the cluster is", Role::Text);
    parts.says("Journal", &upgrade.journal, Role::Dim);
    parts.says("Recording", &upgrade.recording, Role::Dim);
    parts.prose
}
