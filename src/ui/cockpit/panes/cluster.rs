//! What is known about the cluster at a glance, and what was not read.

use ratatui::layout::Rect;

use super::super::app::App;
use super::super::theme::Role;
use super::super::widgets::paint::width;
use super::super::widgets::{Frame, Painter, Prose};
use crate::ui::words::number;

/// Draws what is known.
pub fn draw(app: &App, painter: &mut Painter<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    Frame::new(area, "Cluster").draw(painter);
    let inner = Frame::inner(area);
    let labels = app.view.facts.iter().map(|(label, _)| width(label)).max().unwrap_or(0).min(inner.width / 2);
    for (row, (label, text)) in (0..inner.height).zip(&app.view.facts) {
        let y = inner.y + row;
        painter.put(inner.x + 1, y, labels, label, Role::Dim);
        let x = inner.x + 1 + labels + 2;
        let role = if text.starts_with("not read") { Role::Unknown } else { Role::Text };
        painter.put(x, y, inner.right().saturating_sub(x + 1), text, role);
    }
}

/// Draws what was not read.
pub fn draw_unread(app: &App, painter: &mut Painter<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let lost = app.view.unread.len() - app.view.pending;
    let note = match (lost, app.view.pending) {
        (0, 0) => String::new(),
        (lost, 0) => number(lost),
        (0, pending) => format!("{} being read", number(pending)),
        (lost, pending) => format!("{}, {} being read", number(lost), number(pending)),
    };
    Frame { note: &note, ..Frame::new(area, "Not read") }.draw(painter);
    let inner = Frame::inner(area);
    let columns = inner.width.saturating_sub(2);
    if app.view.unread.is_empty() {
        painter.put(inner.x + 1, inner.y, columns, "Everything that was asked for was read.", Role::Dim);
    }
    let mut prose = Prose::new(columns);
    // One line each, and where there is room for it, as many as each needs.
    let wraps = lost * 2 <= usize::from(inner.height);
    for unread in app.view.unread.iter().take(lost.min(usize::from(inner.height))) {
        if wraps {
            prose.entry("", Role::Unknown, 0, &unread.to_string(), Role::Unknown);
        } else {
            prose.line([(unread.to_string(), Role::Unknown)]);
        }
    }
    prose.draw(painter, inner.x + 1, inner.y, 0, inner.height);
}
