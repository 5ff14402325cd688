//! The line at the bottom: what was done, or the keys that work here and now.

use ratatui::layout::Rect;

use super::super::app::App;
use super::super::theme::Role;
use super::super::widgets::Painter;
use super::super::widgets::paint::width;
use super::super::widgets::prose::wrap;
use crate::ui::commands::{Command, Place};

/// The most lines above the last one that are covered by what was done.
const MOST_ABOVE: u16 = 3;

/// Draws it.
pub fn draw(app: &App, painter: &mut Painter<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    if let Some(notice) = &app.notice {
        let role = if notice.refused { Role::Refuses } else { Role::Says };
        said(painter, area, &notice.text, role);
        return;
    }
    keys(app, painter, area);
}

/// What was done, in full: over the lines above if it is long, for the path of a file must be seen whole.
fn said(painter: &mut Painter<'_>, area: Rect, text: &str, role: Role) {
    let columns = area.width.saturating_sub(2);
    let lines = wrap(text, columns);
    let above = u16::try_from(lines.len().saturating_sub(1)).unwrap_or(0).min(MOST_ABOVE).min(area.y);
    let area = Rect { y: area.y - above, height: area.height + above, ..area };
    painter.clear(area);
    for (y, line) in (area.y..area.bottom()).zip(&lines) {
        painter.put(area.x + 1, y, columns, line, role);
    }
}

/// The keys, from the table of commands: those that can run now, as many as there is room for, `quit` always.
fn keys(app: &App, painter: &mut Painter<'_>, area: Rect) {
    let (place, context) = (app.place(), app.context());
    let shown = Command::ALL.iter().copied().filter(|command| {
        let spec = command.spec();
        let leads_here =
            matches!((command, place), (Command::Log, Place::Log) | (Command::Unread, Place::Unread));
        let applies = if place.is_typing() { spec.places.contain(place) } else { context.has(*command) };
        let here = !spec.label.is_empty() && applies && !leads_here;
        here && command.why_not(&context).is_none()
    });
    let keys = |command: Command| app.keymap.chords(command).first().map(ToString::to_string);
    let hints: Vec<(String, &str, bool)> = shown
        .filter_map(|command| Some((keys(command)?, command.spec().label, command == Command::Quit)))
        .collect();
    let space = |hint: &(String, &str, bool)| width(&hint.0) + 1 + width(hint.1) + 2;
    let last = hints.iter().filter(|hint| hint.2).map(space).sum::<u16>();
    let (mut x, end) = (area.x + 1, area.right());
    for hint in &hints {
        let reserved = if hint.2 { 0 } else { last };
        if x + space(hint) + reserved > end + 2 {
            continue;
        }
        x += painter.put(x, area.y, end.saturating_sub(x), &hint.0, Role::Key) + 1;
        x += painter.put(x, area.y, end.saturating_sub(x), hint.1, Role::Dim) + 2;
    }
}
