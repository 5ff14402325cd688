//! The list of steps: phases, and in each its steps with their state and time.

use ratatui::layout::Rect;

use crate::actions::plan::{Step, StepState};
use crate::actions::runner::Upgrade;

use super::super::app::App;
use super::super::glyphs::Glyphs;
use super::super::panes::screen;
use super::super::theme::Role;
use super::super::widgets::{Frame, Painter};
use super::place::Places;
use super::state::{Row, rows};
use super::{Half, step};
use crate::ui::steps;

/// Draws it.
pub fn draw(app: &App, upgrade: &Upgrade, painter: &mut Painter<'_>, places: &Places) {
    let area = places.list;
    if area.is_empty() {
        return;
    }
    let focused = app.guide.focus == Half::Steps;
    let plan = &upgrade.plan;
    let title = format!("Plan {} {} {}", plan.from, app.look.glyphs.arrow, plan.target);
    let over = plan.steps().filter(|step| step.state.is_over()).count();
    let note = format!("{over} of {} over", plan.steps().count());
    if places.framed {
        Frame { note: &note, focused, ..Frame::new(area, &title) }.draw(painter);
    } else {
        screen::heading(painter, area, &title, &note);
    }
    let inner = places.within(area);
    let rows = rows(upgrade);
    let cursor = app.guide.rows;
    for (row, at) in (0..inner.height).zip(cursor.top..rows.len()) {
        let Some(content) = rows.get(at) else { break };
        let line = Rect { y: inner.y + row, height: 1, ..inner };
        draw_row(app, painter, line, content);
        if at == cursor.at {
            painter.put(line.x, line.y, 1, app.look.glyphs.chosen, Role::Text);
            painter.tint(line, if focused { Role::Chosen } else { Role::Away });
        }
    }
}

fn draw_row(app: &App, painter: &mut Painter<'_>, line: Rect, row: &Row<'_>) {
    let end = line.right().saturating_sub(1);
    let (text, note, role) = match row {
        Row::Phase(phase) => {
            let over = phase.steps.iter().filter(|step| step.state.is_over()).count();
            let note = format!("{over} of {}", phase.steps.len());
            (phase.name.clone(), note, if over == phase.steps.len() { Role::Dim } else { Role::Strong })
        }
        Row::Step(step) => return draw_step(app, painter, line, step),
        Row::Notes(name) => ((*name).to_owned(), String::new(), Role::Strong),
        Row::Note(note) => (format!("  {note}"), String::new(), Role::Notice),
        Row::Left(left) => (format!("  {}: {}", left.node, left.why), String::new(), Role::Unknown),
        Row::Unread(unread) => (format!("  {unread}"), String::new(), Role::Unknown),
    };
    let start = painter.put_right(end, line.y, line.width / 3, &note, Role::Dim);
    painter.put(line.x + 1, line.y, start.saturating_sub(line.x + 2), &text, role);
}

fn draw_step(app: &App, painter: &mut Painter<'_>, line: Rect, row: &Step) {
    let (sign, role) = sign(row, &app.look.glyphs);
    painter.put(line.x + 1, line.y, 1, sign, role);
    let end = line.right().saturating_sub(1);
    let note = steps::state(row);
    let note = if note.is_empty() { steps::short(row.expected_seconds) } else { note };
    let start = painter.put_right(end, line.y, line.width / 3, &note, step::role(row));
    let role = if row.state.is_over() { Role::Dim } else { Role::Text };
    painter.put(line.x + 3, line.y, start.saturating_sub(line.x + 4), &row.title, role);
}

/// The sign of a step's state; its words say the same.
const fn sign(step: &Step, glyphs: &Glyphs) -> (&'static str, Role) {
    match step.state {
        StepState::Done => (glyphs.done, Role::Pass),
        StepState::Said => (glyphs.done, Role::Unknown),
        StepState::Skipped => (glyphs.notice, Role::Notice),
        StepState::Running | StepState::Waiting => (glyphs.running, Role::Focus),
        StepState::Ready => (glyphs.ready, Role::Focus),
        StepState::Failed => (glyphs.blocker, Role::Blocker),
        StepState::Unknown => (glyphs.unknown, Role::Unknown),
        StepState::Blocked if step.held_by.is_empty() => (glyphs.pass, Role::Dim),
        StepState::Blocked => (glyphs.warning, Role::Warning),
    }
}
