//! An upgrade in lines: what comes next, what is asked, what runs, what is waited for.

use std::collections::BTreeSet;

use crate::actions::journal::{Entry, What};
use crate::actions::plan::{Consent, Plan, Step, StepState};
use crate::actions::runner::{Hands, Order, Upgrade, seen};
use crate::checks::common::list::count;
use crate::session::Snapshot;
use crate::ui::steps;
use crate::version::Version;

/// Remembers what was told of the upgrade, and the confirmation that is open.
#[derive(Debug, Default)]
pub(super) struct Guide {
    entries: usize,
    next: String,
    waits: Vec<String>,
    printed: usize,
    begun: String,
    no_upgrade: String,
    finished: bool,
    torn: bool,
    /// The step asked about, and [`seen`] of it as it was shown.
    open: Option<(String, String)>,
}

impl Guide {
    /// What is new of the upgrade, in lines.
    pub(super) fn tell(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let mut lines = Vec::new();
        let why = snapshot.no_upgrade.clone().unwrap_or_default();
        if why != self.no_upgrade {
            lines.push(format!("nothing can be changed: {why}"));
            self.no_upgrade = why;
        }
        let Some(upgrade) = &snapshot.upgrade else { return lines };
        if self.entries == 0 {
            self.entries = opened(&snapshot.journal);
            lines.extend(resumed(
                snapshot.journal.get(..self.entries).unwrap_or_default(),
                &upgrade.plan.target,
            ));
        }
        if upgrade.torn && !std::mem::replace(&mut self.torn, true) {
            lines.push(steps::TORN.to_owned());
        }
        for entry in snapshot.journal.iter().skip(self.entries) {
            lines.push(format!("journal: {}", entry.what));
        }
        self.entries = snapshot.journal.len();
        if let Some(why) = &upgrade.halted
            && self.no_upgrade != *why
        {
            lines.push(format!("HALTED: {why}"));
            self.no_upgrade.clone_from(why);
        }
        self.tell_active(upgrade, &mut lines);
        self.tell_next(upgrade, &mut lines);
        self.tell_open(upgrade, &mut lines);
        lines
    }

    fn tell_active(&mut self, upgrade: &Upgrade, lines: &mut Vec<String>) {
        let Some(active) = &upgrade.active else {
            self.begun.clear();
            return;
        };
        let Some(step) = upgrade.plan.step(&active.step) else { return };
        if self.begun != active.nonce.as_str() {
            active.nonce.as_str().clone_into(&mut self.begun);
            self.printed = 0;
            self.waits.clear();
            lines.push(format!("running: {} {}", step.id, step.title));
            if active.hands == Hands::Operator {
                lines.extend(by_hand(step, active));
            }
        }
        if active.hands == Hands::Machine {
            let new = active.printed.saturating_sub(self.printed).min(active.output.len());
            let new = active.output.iter().skip(active.output.len() - new);
            lines.extend(new.map(|line| format!("  | {line}")));
            self.printed = active.printed;
        }
        if active.waits != self.waits {
            lines.extend(active.waits.iter().map(|wait| format!("waits: {wait}")));
            self.waits.clone_from(&active.waits);
        }
    }

    fn tell_next(&mut self, upgrade: &Upgrade, lines: &mut Vec<String>) {
        let plan = &upgrade.plan;
        if upgrade.active.is_some() {
            return;
        }
        let Some(step) = plan.next() else {
            if plan.is_finished() && !self.finished {
                lines.push(format!("finished: every step to {} is over", plan.target));
                let said = plan.steps().filter(|step| step.state == StepState::Said);
                lines.extend(said.map(|step| format!("  said, not seen: {}", step.title)));
                lines.extend(steps::leftovers(plan).iter().map(|(word, what)| format!("  {word}: {what}")));
                self.finished = true;
            }
            return;
        };
        let held: Vec<String> = step
            .held_by
            .iter()
            .map(|hold| format!("  held: {}. consent {} {} lets it through", hold.why, step.id, hold.answer))
            .collect();
        let why = if step.why.is_empty() { String::new() } else { format!(": {}", step.why) };
        let head = format!(
            "next: step {}, {} {}, {}{why}",
            steps::place(plan, &step.id),
            step.id,
            step.title,
            step.state.as_str()
        );
        let told = [vec![head], held, known(upgrade, step)].concat();
        let joined = told.join("\n");
        if joined != self.next {
            lines.extend(told);
            self.next = joined;
        }
    }

    /// Says if what is asked about is no longer what was shown.
    fn tell_open(&mut self, upgrade: &Upgrade, lines: &mut Vec<String>) {
        let Some((id, shown)) = &self.open else { return };
        let same = upgrade.plan.step(id).is_some_and(|step| seen(&upgrade.plan, step) == *shown);
        if !same {
            lines.push(format!("what {id} would run has changed since it was shown: run {id} shows it anew"));
            self.open = None;
        }
    }

    /// Shows a step and opens its confirmation.
    pub(super) fn ask(&mut self, upgrade: &Upgrade, id: &str) -> Vec<String> {
        let plan = &upgrade.plan;
        let step = if id.is_empty() { plan.next() } else { plan.step(id) };
        let Some(step) = step else { return vec![format!("run: the plan has no step `{id}`")] };
        if step.state != StepState::Ready {
            return vec![format!("run: {} is {}: {}", step.id, step.state.as_str(), step.why)];
        }
        self.open = Some((step.id.clone(), seen(plan, step)));
        let mut lines = vec![format!("step {}, {} {}", steps::place(plan, &step.id), step.id, step.title)];
        lines.extend(commands(step));
        lines.extend(step.effects.iter().map(|effect| format!("  effect: {effect}")));
        lines.push(format!("  way back: {}", step.way_back));
        lines.push(format!("  takes {}", steps::about(step.expected_seconds)));
        let typed = step.confirmation.answer().map(|answer| format!(" {answer}")).unwrap_or_default();
        lines.push(format!(
            "shall it run? {}: yes{typed} lets it, no does not",
            steps::asked(&step.confirmation)
        ));
        lines
    }

    /// The order that `yes` gives.
    pub(super) fn yes(&mut self, answer: &str) -> Result<Order, String> {
        let open = self.open.take();
        let (step, seen) = open.ok_or("nothing is asked; run shows a step and asks")?;
        Ok(Order::Run { step, seen, answer: answer.to_owned() })
    }

    /// Closes the confirmation.
    pub(super) fn no(&mut self) -> String {
        match self.open.take() {
            Some((step, _)) => format!("{step} was not begun"),
            None => "nothing was asked".to_owned(),
        }
    }
}

/// What a failed step is known as, and what to do first.
fn known(upgrade: &Upgrade, step: &Step) -> Vec<String> {
    if step.state != StepState::Failed {
        return Vec::new();
    }
    let printed = upgrade.last.iter().filter(|last| last.step == step.id).flat_map(|last| &last.output);
    let Some(known) = steps::known(printed.map(|line| line.as_str()), step) else {
        return vec!["  known as: none of the failures that kubelift knows".to_owned()];
    };
    let prompt = steps::prompt(step);
    let mut lines = vec![format!("  known as: {}", known.what)];
    lines.extend(known.next.iter().map(|next| format!("  do first: {next}")));
    lines.extend(steps::looks(known, step).map(|command| format!("  {prompt}{command}")));
    lines
}

/// How many entries of the journal are from before this kubelift took it.
fn opened(journal: &[Entry]) -> usize {
    journal.iter().rposition(|entry| matches!(entry.what, What::Opened { .. })).unwrap_or(0)
}

/// That this upgrade was begun before, and how far it had come: what was told then is not told again.
fn resumed(before: &[Entry], to: &Version) -> Option<String> {
    let other = |entry: &Entry| matches!(&entry.what, What::Opened { target, .. } if target != to);
    let first = before.iter().rposition(other).map_or(0, |last| last + 1);
    let done: BTreeSet<&str> = before
        .iter()
        .skip(first)
        .filter_map(|entry| match &entry.what {
            What::Ended { step, .. } => Some(step.as_str()),
            _ => None,
        })
        .collect();
    let begun = before.iter().skip(first).any(|entry| matches!(entry.what, What::Began { .. }));
    begun.then(|| format!("resumed: {} were done before, which the journal tells", count(done.len(), "step")))
}

/// What a step runs, each line as it will run behind its prompt.
fn commands(step: &Step) -> Vec<String> {
    let prompt = steps::prompt(step);
    step.commands.iter().map(|line| format!("  {prompt}{line}")).collect()
}

fn by_hand(step: &Step, active: &crate::actions::runner::Active) -> Vec<String> {
    let mut lines = Vec::new();
    if active.commands.is_empty() {
        lines.push("  by hand, outside of kubelift".to_owned());
    } else {
        lines.push("  by hand, in a shell of root:".to_owned());
        let prompt = steps::prompt(step);
        lines.extend(active.commands.iter().map(|line| format!("  {prompt}{line}")));
    }
    if !active.probe.is_empty() {
        lines.push("  then, on this machine:".to_owned());
        lines.push(format!("  here$ {}", active.probe));
    }
    lines.push(format!("  then type: done {}", step.id));
    lines.push(format!("  or, if it failed: failed {} WHAT IT PRINTED LAST", step.id));
    lines
}

/// The plan, a line a step.
pub(super) fn plan(plan: &Plan) -> Vec<String> {
    let mut lines = vec![format!(
        "plan: {} to {}, {} steps, {} left",
        plan.from,
        plan.target,
        plan.steps().count(),
        steps::about(plan.seconds_left())
    )];
    for phase in &plan.phases {
        lines.push(format!("{}:", phase.name));
        for step in &phase.steps {
            let why = if step.why.is_empty() { String::new() } else { format!(": {}", step.why) };
            lines.push(format!("  {} {}, {}{why}", step.id, step.title, step.state.as_str()));
        }
    }
    lines.extend(plan.left_to_hand.iter().map(|left| format!("left to hand: {}: {}", left.node, left.why)));
    lines.extend(plan.unread.iter().map(|unread| format!("not read: {unread}")));
    lines
}

/// The order that `consent STEP WORD` gives: the one thing that is let through by that word.
pub(super) fn consent(plan: &Plan, words: &str) -> Result<Order, String> {
    let (id, answer) = words.split_once(' ').ok_or("consent: it takes a step and a word")?;
    let step = plan.step(id).ok_or_else(|| format!("consent: the plan has no step `{id}`"))?;
    let hold = step.held_by.iter().find(|hold| hold.answer == answer.trim());
    let hold =
        hold.ok_or_else(|| format!("consent: nothing that holds {id} asks for `{}`", answer.trim()))?;
    let consent: Consent = hold.consent.clone();
    Ok(Order::Consent { step: id.to_owned(), consent, answer: hold.answer.clone() })
}

/// The order that `skip STEP REASON` gives.
pub(super) fn skip(words: &str) -> Result<Order, String> {
    let (step, reason) = words.split_once(' ').ok_or("skip: it takes a step and a reason")?;
    Ok(Order::Skip { step: step.to_owned(), reason: reason.trim().to_owned() })
}

/// The order that `failed STEP WORDS` gives.
pub(super) fn failed(words: &str) -> Result<Order, String> {
    let (step, printed) = words.split_once(' ').ok_or("failed: it takes a step and what it printed last")?;
    Ok(Order::Failed { step: step.to_owned(), printed: printed.trim().to_owned() })
}

/// The step that a word means: the one under way, or the one that failed, where there is none.
pub(super) fn step_of(upgrade: &Upgrade, word: &str) -> String {
    if !word.is_empty() {
        return word.to_owned();
    }
    let active = upgrade.active.as_ref().map(|active| active.step.clone());
    active.or_else(|| upgrade.plan.next().map(|step| step.id.clone())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::plan::Settings;

    fn entry(what: What) -> Entry {
        Entry { at: crate::checks::testing::now(), what }
    }

    fn taken(target: &str) -> Entry {
        let (kubelift, owner) = ("0".into(), "me".into());
        let target = target.parse().unwrap();
        entry(What::Opened { kubelift, owner, from: None, target, settings: Settings::default() })
    }

    fn done(step: &str) -> Vec<Entry> {
        let (step, nonce) = (step.to_owned(), "n".into());
        let began = What::Began { step: step.clone(), nonce, commands: Vec::new() };
        vec![entry(began), entry(What::Ended { step, seen: true, observed: Vec::new() })]
    }

    #[test]
    fn an_old_journal_is_counted_and_not_told_again() {
        let to = "1.31.14".parse().unwrap();
        let fresh = [taken("1.31.14")];
        assert_eq!((opened(&fresh), resumed(&fresh[..0], &to)), (0, None));
        // Another upgrade, then this one, then this kubelift.
        let before = [
            vec![taken("1.30.6")],
            done("package/cp1"),
            vec![taken("1.31.14")],
            done("package/cp1"),
            done("pull/cp1"),
            done("pull/cp1"),
        ]
        .concat();
        let all = [before.clone(), vec![taken("1.31.14"), entry(What::Stopped)]].concat();
        assert_eq!(opened(&all), before.len());
        let says = resumed(&before, &to).unwrap();
        assert_eq!(says, "resumed: 2 steps were done before, which the journal tells");
    }

    #[test]
    fn a_torn_journal_is_told_once() {
        let world = crate::actions::steps::testing::ready_to_upgrade();
        let (settings, decisions) = (Settings::default(), crate::actions::plan::Decisions::default());
        let made = crate::actions::plan::plan;
        let now = crate::checks::testing::now();
        let upgrade = |torn: bool| Upgrade {
            plan: made(&world.evidence, &world.target("1.31.14"), &[], &settings, &decisions),
            active: None,
            last: None,
            stopping: false,
            halted: None,
            journal: "j".into(),
            torn,
            recording: "r".into(),
            began: now,
            ended: None,
            at: now,
        };
        let told = |guide: &mut Guide, torn: bool| {
            let upgrade = Some(std::sync::Arc::new(upgrade(torn)));
            let lines = guide.tell(&Snapshot { upgrade, ..crate::ui::sample::mixed() });
            lines.iter().filter(|line| line.contains("was torn, and cut off: what it meant may have")).count()
        };
        let mut guide = Guide::default();
        assert_eq!((told(&mut guide, true), told(&mut guide, true)), (1, 0));
        assert_eq!(told(&mut Guide::default(), false), 0);
    }
}
