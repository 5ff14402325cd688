//! The line at the bottom: what was done, or the keys that work here and now.

use ratatui::layout::Rect;

use super::super::app::App;
use super::super::theme::Role;
use super::super::widgets::Painter;
use super::super::widgets::paint::width;
use crate::ui::commands::{Command, Place};

/// Draws it.
pub fn draw(app: &App, painter: &mut Painter<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    if let Some(notice) = &app.notice {
        let role = if notice.refused { Role::Refuses } else { Role::Says };
        painter.put(area.x + 1, area.y, area.width.saturating_sub(2), &notice.text, role);
        return;
    }
    keys(app, painter, area);
}

/// The keys, from the table of commands: those that can run now, as many as there is room for, `quit` always.
fn keys(app: &App, painter: &mut Painter<'_>, area: Rect) {
    let (place, context) = (app.place(), app.context());
    let shown = Command::ALL.iter().copied().filter(|command| {
        let spec = command.spec();
        let leads_here =
            matches!((command, place), (Command::Log, Place::Log) | (Command::Unread, Place::Unread));
        let here = !spec.label.is_empty() && spec.places.contain(place) && !leads_here;
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
