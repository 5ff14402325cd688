//! What commands about an upgrade do to the state of the screens.

use jiff::Timestamp;

use crate::actions::plan::{Step, StepState};
use crate::actions::runner::{Order, Upgrade};
use crate::session::Snapshot;

use super::super::app::{App, Effect, Layer, Notice};
use super::super::cursor::Motion;
use super::dialogue::{Dialogue, Purpose};
use super::state::{chosen, current};
use super::{Half, ask, screen};
use crate::ui::commands::Command;
use crate::ui::pulse::Baseline;
use crate::ui::steps;

/// Runs a command about the upgrade; a step and words after it may be named.
pub fn run(app: &mut App, command: Command, argument: &str, effects: &mut Vec<Effect>) {
    if command == Command::Plan {
        return toggle(app);
    }
    let Some(upgrade) = app.snapshot.upgrade.clone() else { return };
    if command == Command::Stop {
        return effects.push(Effect::Order(Order::Stop));
    }
    let (id, words) = argument.split_once(' ').unwrap_or((argument, ""));
    if !id.is_empty() {
        if upgrade.plan.step(id).is_none() {
            return refuse(app, format!("{}: the plan has no step `{id}`", command.name()));
        }
        app.guide.choose(&upgrade, id);
    }
    if command == Command::Said {
        return said(app, &upgrade, effects);
    }
    if command == Command::Failed {
        return failed(app, &upgrade, words);
    }
    let Some(step) = chosen(app).cloned() else { return };
    // Another step than the one that the command was looked at for may have been named.
    if let Some(reason) = command.why_not(&app.context()) {
        let why = if step.why.is_empty() { String::new() } else { format!(" ({})", step.why) };
        return refuse(app, format!("{}: {reason}{why}", command.name()));
    }
    let dialogue = match command {
        Command::Run => Dialogue::run(&upgrade.plan, &step),
        Command::Skip => Dialogue::new(&step, Purpose::Skip, words.trim()),
        Command::Consent => match step.held_by.first() {
            Some(hold) => Dialogue::new(&step, Purpose::Consent(hold.clone()), words.trim()),
            None => return,
        },
        Command::Retry => return effects.push(Effect::Order(Order::Retry { step: step.id })),
        _ => return refuse(app, format!("{}: it is for the plain lines", command.name())),
    };
    app.layers.push(Layer::Ask(Box::new(dialogue)));
}

/// The commands of the step under way were run. Where nothing shows that, it is asked whether it is so.
fn said(app: &mut App, upgrade: &Upgrade, effects: &mut Vec<Effect>) {
    let Some(step) = current(upgrade) else { return };
    if step.postcondition.is_empty() {
        app.layers.push(Layer::Ask(Box::new(Dialogue::new(step, Purpose::Said, ""))));
    } else {
        effects.push(Effect::Order(Order::Said { step: step.id.clone() }));
    }
}

/// The commands of the step under way have failed: it is asked what they printed last.
fn failed(app: &mut App, upgrade: &Upgrade, words: &str) {
    match (current(upgrade), Command::Failed.why_not(&app.context())) {
        (Some(step), None) => {
            app.layers.push(Layer::Ask(Box::new(Dialogue::new(step, Purpose::Failed, words.trim()))));
        }
        (_, reason) => refuse(app, format!("failed: {}", reason.unwrap_or("no step is under way"))),
    }
}

fn refuse(app: &mut App, text: String) {
    app.notice = Some(Notice::refuses(text));
}

/// Leaves the plan if it is there, else lays it on top.
fn toggle(app: &mut App) {
    let there = app.layers.len();
    app.layers.retain(|layer| !matches!(layer, Layer::Plan));
    if app.layers.len() == there {
        app.layers.push(Layer::Plan);
    }
}

/// The question on top of the screen.
fn asked(app: &mut App) -> Option<&mut Dialogue> {
    match app.layers.last_mut() {
        Some(Layer::Ask(dialogue)) => Some(dialogue),
        _ => None,
    }
}

/// Presses the button that has the focus.
pub fn press(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(dialogue) = asked(app) else { return };
    let yes = dialogue.on_yes && dialogue.is_armed();
    let (order, leaves) = (dialogue.order(), matches!(dialogue.purpose, Purpose::Leave(_)));
    let title = dialogue.step.title.clone();
    app.layers.pop();
    match order.filter(|_| yes) {
        Some(order) => effects.push(Effect::Order(order)),
        None if yes => effects.push(Effect::Quit),
        None if leaves => app.notice = Some(Notice::says("kubelift stays")),
        None => app.notice = Some(Notice::says(format!("{title}: nothing was done"))),
    }
}

/// Leaves kubelift; while a step is under way it is asked whether it shall.
pub fn quit(app: &mut App, effects: &mut Vec<Effect>) {
    let upgrade = app.snapshot.upgrade.clone().filter(|_| !app.context().recording);
    let then = upgrade.as_ref().and_then(|upgrade| steps::left_alone(upgrade, &app.snapshot.kind));
    match (upgrade.as_ref().and_then(|upgrade| current(upgrade)), then) {
        (Some(step), Some(then)) => {
            let dialogue = Dialogue::new(step, Purpose::Leave(then), "");
            app.layers.push(Layer::Ask(Box::new(dialogue)));
        }
        _ => effects.push(Effect::Quit),
    }
}

/// Goes over to the other button, if it can be pressed.
pub fn next_button(app: &mut App) {
    let Some(dialogue) = asked(app) else { return };
    if !dialogue.on_yes && !dialogue.is_armed() {
        let (asks, typed) = (dialogue.asks(), dialogue.editor.text());
        let text = if typed.is_empty() { asks } else { format!("`{typed}` is not it: {asks}") };
        return refuse(app, text);
    }
    dialogue.on_yes = !dialogue.on_yes;
}

/// Moves in the plan: chooses a step, or scrolls what is said of it or what it prints.
pub fn moved(app: &mut App, motion: Motion) {
    let Some(upgrade) = app.snapshot.upgrade.clone() else { return };
    if app.guide.focus == Half::Steps {
        let page = screen::places(app).list_page();
        return app.guide.go(&upgrade, motion, page);
    }
    let ((says, seen), (output, printed)) = screen::extent(app);
    if output == 0 {
        return app.guide.scroll.scroll(motion, says, seen);
    }
    let furthest = output.saturating_sub(printed);
    let leap = printed.saturating_sub(1).max(1);
    app.guide.back = match motion {
        Motion::Up => app.guide.back + 1,
        Motion::Down => app.guide.back.saturating_sub(1),
        Motion::PageUp => app.guide.back + leap,
        Motion::PageDown => app.guide.back.saturating_sub(leap),
        Motion::First => furthest,
        Motion::Last => 0,
    }
    .min(furthest);
}

/// Scrolls a question.
pub fn scroll(app: &mut App, motion: Motion) {
    let Some(Layer::Ask(dialogue)) = app.layers.last() else { return };
    let (len, page) = ask::extent(app, dialogue);
    if let Some(dialogue) = asked(app) {
        dialogue.scroll.scroll(motion, len, page);
    }
}

/// Time went on; whether that matters.
pub fn tick(app: &mut App, now: Timestamp) {
    if let Some(dialogue) = asked(app) {
        dialogue.tick(now);
    }
}

/// Follows a new snapshot: the chosen step, and the question that is open.
pub fn take(app: &mut App, before: &Snapshot) {
    let now = std::sync::Arc::clone(&app.snapshot);
    if now.no_upgrade.is_some() && now.no_upgrade != before.no_upgrade {
        let why = now.no_upgrade.clone().unwrap_or_default();
        app.notice = Some(Notice::refuses(format!("nothing can be changed: {why}")));
    }
    let Some(upgrade) = &now.upgrade else { return };
    if upgrade.torn && !before.upgrade.as_ref().is_some_and(|before| before.torn) {
        app.notice = Some(Notice::says(steps::TORN));
    }
    let halted = before.upgrade.as_ref().and_then(|before| before.halted.as_ref());
    if let Some(why) = upgrade.halted.as_ref().filter(|why| Some(*why) != halted) {
        app.notice = Some(Notice::refuses(format!("nothing is changed any more: {why}")));
    }
    app.guide.take(before.upgrade.as_deref(), upgrade);
    app.guide.baseline = app.guide.baseline.or_else(|| Baseline::of(&now.evidence));
    follow_question(app, upgrade);
}

/// A question about what is no longer so is closed; one about a step that can still be run is asked again.
fn follow_question(app: &mut App, upgrade: &Upgrade) {
    let Some(at) = app.layers.iter().position(|layer| matches!(layer, Layer::Ask(_))) else { return };
    let Some(Layer::Ask(dialogue)) = app.layers.get_mut(at) else { return };
    if dialogue.holds(&upgrade.plan) {
        return;
    }
    let (id, purpose) = (dialogue.step.id.clone(), dialogue.purpose.clone());
    let ready = |step: &&Step| step.state == StepState::Ready && matches!(purpose, Purpose::Run(_));
    if let Some(step) = upgrade.plan.step(&id).filter(ready) {
        **dialogue = Dialogue::run(&upgrade.plan, step);
        dialogue.again = true;
        return;
    }
    let title = dialogue.step.title.clone();
    app.layers.remove(at);
    let step = upgrade.plan.step(&id).map(|step| format!("{} now", step.state.as_str()));
    let step = step.unwrap_or_else(|| "no longer in the plan".to_owned());
    app.notice = Some(Notice::refuses(format!("{title}: the question is closed, for the step is {step}")));
}
