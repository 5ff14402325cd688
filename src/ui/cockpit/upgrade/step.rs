//! The chosen step in full: what it would do, what it does, or how it failed.

use crate::actions::observed::{Condition, Holds};
use crate::actions::plan::{Step, StepKind, StepState};
use crate::actions::runner::{Active, Hands, Upgrade};
use crate::session::Happened;

use super::super::app::App;
use super::super::theme::Role;
use super::super::widgets::Prose;
use super::parts::Parts;
use crate::ui::commands::Command;
use crate::ui::words::number;
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
        (Some(active), state) if state.is_under_way() && active.step == step.id => {
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

/// With fewer columns, time matters more than words that are also elsewhere.
const NARROWEST: u16 = 44;

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
    let time =
        active.map_or_else(|| steps::about(step.expected_seconds), |active| steps::spent(upgrade, active));
    // Where there are few columns, the header says that it is a step.
    let word = if parts.prose.columns() < NARROWEST { "" } else { "step " };
    parts.prose.line([
        (format!("{word}{} · ", steps::place(&upgrade.plan, &step.id)), Role::Dim),
        (state, role(step)),
        (format!(" · {time}"), Role::Dim),
    ]);
    if let Some(why) = &upgrade.halted {
        let text = format!("Nothing is changed any more: {why}");
        parts.prose.entry("", Role::Text, 0, &text, Role::Refuses);
    }
    // Of a step under way, and of one that failed, it is said below.
    let below = step.state == StepState::Failed || step.state.is_under_way();
    if !step.why.is_empty() && step.held_by.is_empty() && !below {
        parts.prose.entry("", Role::Text, 0, &step.why, role(step));
    }
}

/// What a step does, of one that is not under way.
fn described(app: &App, parts: &mut Parts, step: &Step) {
    if !step.state.is_over() {
        held(app, parts, step);
    }
    // Requests are long and many: what they do comes first.
    let by_api = step.kind.is_by_api();
    if !by_api {
        runs(parts, step);
    }
    texts(parts, "Effects", &step.effects, Role::Text);
    conditions(parts, "Before it", &step.precondition);
    conditions(parts, "Its end", &step.postcondition);
    if step.postcondition.is_empty() {
        parts.says("Its end", "nothing shows it: what you say is all there is of it", Role::Unknown);
    }
    parts.says("Way back", &step.way_back, Role::Text);
    if !step.state.is_over() {
        parts.says("It asks", &steps::asked(&step.confirmation), Role::Text);
    }
    if by_api {
        runs(parts, step);
    }
}

/// What holds a step up, each thing with what it is about, and the ways on.
fn held(app: &App, parts: &mut Parts, step: &Step) {
    for (at, hold) in step.held_by.iter().enumerate() {
        if at == 0 {
            parts.part("Held by");
        }
        let number = format!("{}", at + 1);
        parts.item(&number, Role::Warning, &steps::held(hold), Role::Warning);
    }
    let Some(first) = step.held_by.first() else { return };
    let way = format!(
        "mend it, or {} lets the first through, by typing {}",
        key(app, Command::Consent),
        first.answer
    );
    parts.says("Way on", &way, Role::Text);
}

/// What is run, or sent, word for word.
pub fn runs(parts: &mut Parts, step: &Step) {
    let label = if step.kind.is_by_api() { "Sends" } else { "Runs" };
    commands(parts, label, step, &step.commands);
    if step.commands.is_empty() {
        parts.says(label, nothing_runs(step), Role::Text);
        parts.says("What", &step.title, Role::Strong);
    }
}

fn nothing_runs(step: &Step) -> &'static str {
    match (step.state, step.kind.is_by_api()) {
        (StepState::Unknown, _) => "not known: what it depends on was not read",
        (_, true) => "nothing: there is nothing to change",
        (_, false) => "nothing of kubelift's: it is done by hand, outside of it",
    }
}

/// Commands, each behind its prompt.
pub fn commands(parts: &mut Parts, label: &str, step: &Step, commands: &[String]) {
    let prompt = steps::prompt(step);
    for (at, command) in commands.iter().enumerate() {
        if at == 0 {
            parts.part(label);
        }
        parts.command(&prompt, command);
    }
}

/// Texts under one label.
pub fn texts(parts: &mut Parts, label: &str, texts: &[String], role: Role) {
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
    if active.said {
        looks(parts, step, active);
        return;
    }
    match active.hands {
        Hands::Operator => by_hand(app, parts, step, active),
        Hands::Api if step.kind == StepKind::Drain => {
            let pods = active.commands.iter().filter(|request| request.starts_with("POST ")).count();
            let left = pods.saturating_sub(active.commands.len().saturating_sub(active.over));
            let text = format!("{} of {} have left {}", number(left), number(pods), node(step));
            parts.says("Pods", &text, Role::Text);
        }
        Hands::Api | Hands::Machine => {
            let of = format!("{} of {}", active.over + 1, active.commands.len());
            let runs = active.commands.get(active.over..=active.over).unwrap_or_default();
            commands(parts, &of, step, runs);
        }
    }
    texts(parts, "Waits for", &active.waits, Role::Reading);
}

/// The commands are over: what is looked for now.
fn looks(parts: &mut Parts, step: &Step, active: &Active) {
    let over = match active.hands {
        Hands::Operator => "you say that they were run; kubelift looks for what they are for",
        Hands::Api | Hands::Machine => "all over; kubelift looks for what they are for",
    };
    parts.says("Commands", over, Role::Text);
    conditions(parts, "Its end", &step.postcondition);
    if !active.probe.is_empty() {
        parts.part("Probe");
        parts.command("here$ ", &active.probe);
    }
}

fn node(step: &Step) -> &str {
    step.node.as_deref().unwrap_or("the node")
}

fn by_hand(app: &App, parts: &mut Parts, step: &Step, active: &Active) {
    if active.commands.is_empty() {
        parts.says("By hand", &format!("outside of kubelift: {}", step.title), Role::Strong);
        texts(parts, "Effects", &step.effects, Role::Text);
    } else {
        commands(parts, "By hand", step, &active.commands);
        parts.says("Copy", &format!("{} copies all of it", key(app, Command::Copy)), Role::Dim);
    }
    if !active.probe.is_empty() {
        parts.part("Then");
        parts.command("here$ ", &active.probe);
    }
    let then = if step.postcondition.is_empty() {
        "nothing shows it, so that your word is all there is of it"
    } else {
        "kubelift then looks for itself"
    };
    let (done, failed) = (key(app, Command::Said), key(app, Command::Failed));
    parts.says(
        "At last",
        &format!("{done} says that it is done; {then}. {failed} says that it failed"),
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
            let of_step = |happened: &&Happened| {
                happened.at >= since && happened.told.step.as_deref() == Some(step.id.as_str())
            };
            let happened: Vec<&Happened> = app.snapshot.happened.iter().filter(of_step).collect();
            let last = happened.len().saturating_sub(1);
            // Its answer says which request it was.
            let told =
                |(at, happened): &(usize, &&Happened)| *at == last || *happened.told.what != *"requested";
            let line = |happened: &Happened| {
                let text = steps::request(&happened.told.text);
                format!("{} {text}", words::clock(happened.at))
            };
            happened.iter().enumerate().filter(told).map(|(_, happened)| line(happened)).collect()
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
    let known = steps::known(lines.iter().map(String::as_str), step);
    match known {
        Some(failure) => {
            parts.says("Known as", &failure.what, Role::Strong);
            texts(parts, "Do first", &failure.next, Role::Text);
            let prompt = steps::prompt(step);
            for command in steps::looks(failure, step) {
                parts.command(&prompt, &command);
            }
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
    parts.says("Source", known.map_or("", |failure| failure.source.as_str()), Role::Dim);
    let skip = lines.len().saturating_sub(EVIDENCE);
    let shown: Vec<String> = lines.into_iter().skip(skip).collect();
    texts(parts, "Printed", &shown, Role::Text);
}
