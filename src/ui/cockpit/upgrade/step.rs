//! The chosen step in full: what it would do, what it does, or how it failed.

use crate::actions::observed::{Condition, Holds};
use crate::actions::plan::{Step, StepState};
use crate::actions::runner::{Active, Hands, Upgrade};
use crate::catalog::Catalog;
use crate::session::Happened;

use super::super::app::App;
use super::super::theme::Role;
use super::super::widgets::Prose;
use super::parts::Parts;
use crate::ui::commands::Command;
use crate::ui::{steps, words};

/// What is said of a step, and what it prints below that, the newest line last.
#[derive(Debug, Clone)]
pub struct Page {
    /// What is said of it.
    pub says: Prose,
    /// What it prints, wrapped; empty where there is nothing to print.
    pub output: Prose,
}

/// The page about a step, for so many columns.
pub fn page(app: &App, upgrade: &Upgrade, step: &Step, columns: u16) -> Page {
    let mut parts = Parts::new(columns);
    head(&mut parts, upgrade, step);
    let mut output = Prose::new(columns);
    match (&upgrade.active, step.state) {
        (Some(active), StepState::Running) if active.step == step.id => {
            running(app, &mut parts, upgrade, step, active);
            let lines = printed(app, step, Some(active));
            if !lines.is_empty() {
                parts.prose.gap();
            }
            for line in lines {
                output.entry("", Role::Text, 0, &line, Role::Text);
            }
        }
        (_, StepState::Failed) => {
            failed(app, &mut parts, upgrade, step);
            described(app, &mut parts, step);
        }
        _ => described(app, &mut parts, step),
    }
    Page { says: parts.prose, output }
}

/// The role of a step's state.
pub const fn role(step: &Step) -> Role {
    match step.state {
        StepState::Done => Role::Pass,
        StepState::Said | StepState::Unknown => Role::Unknown,
        StepState::Skipped => Role::Notice,
        StepState::Running | StepState::Waiting | StepState::Ready => Role::Focus,
        StepState::Failed => Role::Blocker,
        StepState::Blocked if step.held_by.is_empty() => Role::Dim,
        StepState::Blocked => Role::Warning,
    }
}

fn key(app: &App, command: Command) -> String {
    let chord = app.keymap.chords(command).first();
    chord.map_or_else(|| format!(":{}", command.name()), ToString::to_string)
}

/// `step 14 of 30 · ready · about 4 min`, and why.
fn head(parts: &mut Parts, upgrade: &Upgrade, step: &Step) {
    let state = if step.held_by.is_empty() || step.state != StepState::Blocked {
        step.state.as_str().to_owned()
    } else {
        "held".to_owned()
    };
    let active = upgrade.active.as_ref().filter(|active| active.step == step.id);
    let time = active
        .map_or_else(|| steps::about(step.expected_seconds), |active| steps::spent(upgrade, step, active));
    parts.prose.line([
        (format!("step {} · ", steps::place(&upgrade.plan, &step.id)), Role::Dim),
        (state, role(step)),
        (format!(" · {time}"), Role::Dim),
    ]);
    if let Some(why) = &upgrade.halted {
        let text = format!("Nothing is changed any more: {why}");
        parts.prose.entry("", Role::Text, 0, &text, Role::Refuses);
    }
    if !step.why.is_empty() && step.held_by.is_empty() && step.state != StepState::Failed {
        parts.prose.entry("", Role::Text, 0, &step.why, role(step));
    }
}

/// What a step does, of one that is not under way.
fn described(app: &App, parts: &mut Parts, step: &Step) {
    if !step.state.is_over() {
        for (at, hold) in step.held_by.iter().enumerate() {
            if at == 0 {
                parts.part("Held by");
            }
            parts.text(&hold.why, Role::Warning);
            let way = format!("mend it, or {} and type {}", key(app, Command::Consent), hold.answer);
            parts.text(&way, Role::Text);
        }
    }
    commands(parts, "Runs", step, &step.commands);
    if step.commands.is_empty() {
        parts.says("Runs", nothing_runs(step), Role::Text);
    }
    list(parts, "Effects", &step.effects, Role::Text);
    conditions(parts, "Before it", &step.precondition);
    conditions(parts, "Its end", &step.postcondition);
    if step.postcondition.is_empty() {
        parts.says("Its end", "nothing shows it: what you say is all there is of it", Role::Unknown);
    }
    parts.says("Way back", &step.way_back, Role::Text);
    if !step.state.is_over() {
        parts.says("It asks", &steps::asked(&step.confirmation), Role::Text);
    }
}

fn nothing_runs(step: &Step) -> &'static str {
    if step.state == StepState::Unknown {
        "not known: what it depends on was not read"
    } else {
        "nothing of kubelift's: it is done by hand, outside of it"
    }
}

/// Commands, each behind its prompt.
pub fn commands(parts: &mut Parts, label: &str, step: &Step, commands: &[String]) {
    let prompt = steps::prompt(step);
    for (at, command) in commands.iter().enumerate() {
        if at == 0 {
            parts.part(label);
        }
        parts.text(&format!("{prompt}{command}"), Role::Shell);
    }
}

/// Texts under one label.
pub fn list(parts: &mut Parts, label: &str, texts: &[String], role: Role) {
    for (at, text) in texts.iter().enumerate() {
        if at == 0 {
            parts.part(label);
        }
        parts.text(text, role);
    }
}

/// Conditions, each with what was seen of it.
fn conditions(parts: &mut Parts, label: &str, conditions: &[Condition]) {
    for (at, condition) in conditions.iter().enumerate() {
        if at == 0 {
            parts.part(label);
        }
        let (sign, role) = match condition.holds {
            Holds::Yes => ("yes", Role::Pass),
            Holds::No => ("no", Role::Warning),
            Holds::Unknown => ("?", Role::Unknown),
        };
        let why = if condition.why.is_empty() { String::new() } else { format!(": {}", condition.why) };
        parts.item(sign, role, &format!("{}{why}", condition.what), Role::Text);
    }
}

/// What a step under way does, and waits for.
fn running(app: &App, parts: &mut Parts, upgrade: &Upgrade, step: &Step, active: &Active) {
    if upgrade.stopping {
        parts.prose.entry("", Role::Text, 0, "It stops at the next safe point.", Role::Warning);
    }
    if active.hands == Hands::Operator && !active.said {
        by_hand(app, parts, step, active);
    } else if !active.said {
        let of = format!("{} of {}", active.over + 1, active.commands.len());
        let runs = active.commands.get(active.over..=active.over).unwrap_or_default();
        commands(parts, &of, step, runs);
    }
    let waits = if active.said { "Looks for" } else { "Waits for" };
    list(parts, waits, &active.waits, Role::Reading);
    if active.said && active.waits.is_empty() {
        parts.says("Looks for", "what it is for: its commands are over", Role::Reading);
    }
    if active.said && !active.probe.is_empty() {
        parts.says("Probe", &format!("here$ {}", active.probe), Role::Shell);
    }
}

fn by_hand(app: &App, parts: &mut Parts, step: &Step, active: &Active) {
    if active.commands.is_empty() {
        parts.says("By hand", "outside of kubelift, as it says below", Role::Text);
        list(parts, "What", &step.effects, Role::Text);
    } else {
        commands(parts, "By hand", step, &active.commands);
        parts.says("Copy", &format!("{} copies all of it", key(app, Command::Copy)), Role::Dim);
    }
    if !active.probe.is_empty() {
        parts.says("Then", &format!("here$ {}", active.probe), Role::Shell);
    }
    let done = key(app, Command::Said);
    parts.says(
        "At last",
        &format!("{done} says that it is done; kubelift then looks for itself"),
        Role::Text,
    );
}

/// What `copy` copies: the commands of a step, and the line that makes a probe.
pub fn copied(upgrade: &Upgrade, step: &Step) -> Option<String> {
    let active = upgrade.active.as_ref().filter(|active| active.step == step.id);
    let mut lines = active.map_or_else(|| step.commands.clone(), |active| active.commands.clone());
    if let Some(active) = active.filter(|active| !active.probe.is_empty()) {
        let where_it_runs = "# then, on this machine:".to_owned();
        lines.extend([where_it_runs, active.probe.clone()]);
    }
    (!lines.is_empty()).then(|| lines.join("\n") + "\n")
}

/// The lines that a step printed: those of its machine, or its requests and their answers.
fn printed(app: &App, step: &Step, active: Option<&Active>) -> Vec<String> {
    match active {
        Some(active) if active.hands == Hands::Machine => {
            active.output.iter().map(ToString::to_string).collect()
        }
        Some(active) if active.hands == Hands::Api => {
            let since = active.since;
            let prefix = format!("{}: ", step.id);
            let happened = app.snapshot.happened.iter().filter(|happened| {
                happened.at >= since && happened.told.step.as_deref() == Some(step.id.as_str())
            });
            let line = |happened: &Happened| {
                let text = happened.told.text.as_str();
                format!("{} {}", words::clock(happened.at), text.strip_prefix(&prefix).unwrap_or(text))
            };
            happened.map(line).collect()
        }
        _ => Vec::new(),
    }
}

/// How many of the last lines of an output are shown as evidence.
const EVIDENCE: usize = 12;

/// How a step failed, what that is, and what comes next.
fn failed(app: &App, parts: &mut Parts, upgrade: &Upgrade, step: &Step) {
    parts.says("Error", &step.why, Role::Blocker);
    let last = upgrade.last.as_ref().filter(|last| last.step == step.id);
    let lines = printed(app, step, last);
    let text = format!("{}\n{}", lines.join("\n"), step.why);
    let known = Catalog::get().ok().and_then(|catalog| catalog.failure(&text));
    match known {
        Some(failure) => {
            parts.says("Known as", &failure.what, Role::Strong);
            list(parts, "Do first", &failure.next, Role::Text);
            let prompt = steps::prompt(step);
            let node = step.node.as_deref().unwrap_or_default();
            for command in &failure.commands {
                parts.text(&format!("{prompt}{}", command.replace("NODE", node)), Role::Shell);
            }
            parts.says("Source", &failure.source, Role::Dim);
        }
        None => {
            let says = "none of the failures that kubelift knows: the lines below are all there is of it";
            parts.says("Known as", says, Role::Unknown);
        }
    }
    let retry = format!(
        "{} looks at the cluster again. What is seen done counts as done; else the step can be confirmed anew, and \
         runs from its first command.",
        key(app, Command::Retry)
    );
    parts.says("Retry", &retry, Role::Text);
    let skip = lines.len().saturating_sub(EVIDENCE);
    let shown: Vec<String> = lines.into_iter().skip(skip).collect();
    list(parts, "Printed", &shown, Role::Text);
}
