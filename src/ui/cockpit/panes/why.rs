//! Why, and what to do: the chosen finding, as much of it as there is room for.

use ratatui::layout::Rect;

use super::super::app::App;
use super::super::layers::detail::Page;
use super::super::theme::Role;
use super::super::widgets::frame::label;
use super::super::widgets::{Frame, Painter, Prose};
use crate::ui::words::number;

/// Draws it.
pub fn draw(app: &App, painter: &mut Painter<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    Frame::new(area, "Why, and what to do").draw(painter);
    let inner = Frame::inner(area);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let prose = match app.row(app.findings_cursor().at) {
        Some(finding) => Page::of(finding, inner.width, false).prose,
        None => about(app, inner.width),
    };
    let left = prose.draw(painter, inner.x, inner.y, 0, inner.height);
    if left > 0 {
        let text = format!("{} more {}", number(left), if left == 1 { "line" } else { "lines" });
        let width = super::super::widgets::paint::width(&text) + 2;
        label(painter, area.right().saturating_sub(width + 2), area.bottom() - 1, width, &text, Role::Dim);
    }
}

/// What the chosen pane decides.
fn about(app: &App, columns: u16) -> Prose {
    let mut prose = Prose::new(columns);
    if let Some((check, _)) = app.pane() {
        prose.entry("", Role::Text, 0, check.about, Role::Dim);
    }
    prose
}
