//! A question about a step, as it is drawn: what would run, what happens by it, how it can be undone, and two buttons.

use ratatui::layout::Rect;

use crate::actions::plan::{Plan, Step, StepState};

use super::super::app::App;
use super::super::layers::typing;
use super::super::theme::Role;
use super::super::widgets::frame::label;
use super::super::widgets::paint::width;
use super::super::widgets::{Frame, Painter, Prose};
use super::dialogue::{Dialogue, Purpose};
use super::parts::Parts;
use super::step::{commands, runs, texts};
use crate::ui::steps;
use crate::ui::words::number;

/// The widest that it gets.
const WIDEST: u16 = 88;

/// The rows of what is typed and of the buttons; with the line above them where there is room for one.
fn foot(app: &App) -> u16 {
    if app.layout().framed() { 3 } else { 2 }
}

/// What is shown above what is typed.
fn prose(app: &App, dialogue: &Dialogue, columns: u16) -> Prose {
    let step = &dialogue.step;
    let mut parts = Parts::new(columns);
    if dialogue.again {
        let text = "What would run has changed since it was shown. Look at it again.";
        parts.prose.entry("", Role::Text, 0, text, Role::Warning);
    }
    let plan = app.snapshot.upgrade.as_ref().map(|upgrade| &upgrade.plan);
    match &dialogue.purpose {
        Purpose::Run(_) => run(&mut parts, step, plan),
        Purpose::Consent(hold) => {
            parts.says("Held by", &hold.why, Role::Warning);
            parts.says("About", &hold.consent.subject, Role::Text);
            let means = "It then holds this upgrade no more, and the journal says that you let it through.";
            parts.says("It means", means, Role::Text);
            let beside = match step.held_by.len() {
                0 | 1 => String::new(),
                2 => "one more thing holds it, and is asked about by itself".to_owned(),
                all => format!("{} more things hold it, each is asked about by itself", all - 1),
            };
            parts.says("Beside", &beside, Role::Text);
        }
        Purpose::Skip => {
            commands(&mut parts, "Not run", step, &step.commands);
            let means = "The plan goes on behind it as if it were done. The reason is kept in the journal.";
            parts.says("It means", means, Role::Text);
        }
        Purpose::Failed => {
            parts.says("What", &step.title, Role::Strong);
            let means = "kubelift says what is known of such a failure, and what to do first. Nothing is undone; the step can be \
                         tried again.";
            parts.says("It means", means, Role::Text);
        }
        Purpose::Said => {
            parts.says("What", &step.title, Role::Strong);
            texts(&mut parts, "Effects", &step.effects, Role::Text);
            let means = "Nothing shows that it is done: the plan goes on, and calls it said, not seen.";
            parts.says("It means", means, Role::Warning);
        }
        Purpose::Leave(then) => {
            parts.says("Under way", &step.title, Role::Strong);
            parts.says("Then", then, Role::Warning);
            if let Some(upgrade) = &app.snapshot.upgrade {
                parts.says("Journal", &upgrade.journal, Role::Text);
                parts.says("Recording", &upgrade.recording, Role::Text);
            }
        }
    }
    parts.prose
}

/// What a step runs, what happens beside it, and what there is to come back to. Requests come last: they are many.
fn run(parts: &mut Parts, step: &Step, plan: Option<&Plan>) {
    let by_api = step.kind.is_by_api();
    if !by_api {
        runs(parts, step);
    }
    texts(parts, "Effects", &step.effects, Role::Text);
    parts.says("Takes", &steps::about(step.expected_seconds), Role::Text);
    parts.says("Way back", &step.way_back, Role::Text);
    if let Some(plan) = plan.filter(|_| !step.commands.is_empty()) {
        let (text, role) = backup(plan);
        parts.says("Backup", &text, role);
    }
    if by_api {
        runs(parts, step);
    }
}

fn title(dialogue: &Dialogue) -> &str {
    match dialogue.purpose {
        Purpose::Leave(_) => "Leave kubelift while a step is under way?",
        _ => &dialogue.step.title,
    }
}

/// What there is to come back to.
fn backup(plan: &Plan) -> (String, Role) {
    let Some(step) = plan.steps().find(|step| step.is_backup()) else {
        return ("the plan has no step for one".to_owned(), Role::Unknown);
    };
    let role = match step.state {
        StepState::Done => Role::Pass,
        StepState::Said | StepState::Unknown => Role::Unknown,
        _ => Role::Warning,
    };
    let why = if step.why.is_empty() { String::new() } else { format!(": {}", step.why) };
    (format!("{}: {}{why}", step.title, step.state.as_str()), role)
}

/// Where it is: as high as it needs, in the middle of the body.
fn area(app: &App, rows: usize) -> Rect {
    let body = app.layout().body;
    let width = body.width.min(WIDEST);
    let needed = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2 + foot(app));
    let height = body.height.min(needed);
    let (x, y) = (body.x + (body.width - width) / 2, body.y + (body.height - height) / 2);
    Rect { x, y, width, height }
}

/// The columns for its text.
fn columns(app: &App) -> u16 {
    app.layout().body.width.min(WIDEST).saturating_sub(4)
}

/// How many lines it has, and how many of them are seen.
pub fn extent(app: &App, dialogue: &Dialogue) -> (usize, usize) {
    let rows = prose(app, dialogue, columns(app)).len();
    (rows, usize::from(area(app, rows).height.saturating_sub(2 + foot(app))))
}

/// Draws it.
pub fn draw(app: &App, dialogue: &Dialogue, painter: &mut Painter<'_>) {
    let prose = prose(app, dialogue, columns(app));
    let area = area(app, prose.len());
    painter.clear(area);
    Frame { focused: true, ..Frame::new(area, title(dialogue)) }.draw(painter);
    let inner = Frame::inner(area);
    let text = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let rows = text.height.saturating_sub(foot(app));
    let top = dialogue.scroll.top;
    let left = prose.draw(painter, text.x, text.y, top, rows);
    more(painter, area, top, left);
    let (typed, buttons) = (text.bottom().saturating_sub(2), text.bottom().saturating_sub(1));
    let asks = dialogue.asks();
    let asks = capital(&asks);
    if dialogue.is_typed() {
        typing::line(painter, text.x, typed, text.width, &format!("{asks}: "), &dialogue.editor);
    } else {
        painter.put(text.x, typed, text.width, &format!("{asks}."), Role::Key);
    }
    draw_buttons(app, dialogue, painter, Rect { y: buttons, height: 1, ..text });
}

fn draw_buttons(app: &App, dialogue: &Dialogue, painter: &mut Painter<'_>, line: Rect) {
    let armed = dialogue.is_armed();
    let chosen = app.look.glyphs.chosen;
    let button = |word: &str, focused: bool| {
        if focused { format!("[{chosen}{word} ]") } else { format!("[ {word} ]") }
    };
    let (cancel, yes) = (button("Cancel", !dialogue.on_yes), button(dialogue.yes(), dialogue.on_yes));
    let role = |focused: bool, armed: bool| match (focused, armed) {
        (true, _) => Role::Chosen,
        (false, true) => Role::Strong,
        (false, false) => Role::Dim,
    };
    let start = painter.put_right(line.right(), line.y, width(&yes), &yes, role(dialogue.on_yes, armed));
    let start = painter.put_right(
        start.saturating_sub(2),
        line.y,
        width(&cancel),
        &cancel,
        role(!dialogue.on_yes, true),
    );
    let hint = match (armed, dialogue.on_yes) {
        (false, _) => format!("{} needs it typed", dialogue.yes()),
        (true, false) => format!("tab goes to {}", dialogue.yes()),
        (true, true) => "enter presses it".to_owned(),
    };
    let room = start.saturating_sub(line.x + 1);
    if width(&hint) <= room {
        painter.put(line.x, line.y, room, &hint, Role::Dim);
    }
}

/// Says on the lower line of the frame, at every size, that what is seen is not all.
fn more(painter: &mut Painter<'_>, area: Rect, above: usize, below: usize) {
    let text = match (above, below) {
        (0, 0) => return,
        (_, 0) => "up and down: the end of it".to_owned(),
        (_, below) => format!("down: {} more", number(below)),
    };
    label(
        painter,
        area.x + 1,
        area.bottom().saturating_sub(1),
        area.width.saturating_sub(3),
        &text,
        Role::Warning,
    );
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
