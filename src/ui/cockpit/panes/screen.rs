//! A screen of its own between header and footer: a frame, or on a small terminal a title.

use ratatui::layout::Rect;

use super::super::app::App;
use super::super::layout::below_title;
use super::super::theme::Role;
use super::super::widgets::frame::label;
use super::super::widgets::{Frame, Painter, Prose};
use crate::ui::words::number;

/// Draws the frame or title of a screen in an area, and gives the area within.
pub fn open(app: &App, painter: &mut Painter<'_>, area: Rect, title: &str, note: &str) -> Rect {
    let layout = app.layout();
    painter.clear(area);
    if layout.framed() {
        Frame { note, focused: true, ..Frame::new(area, title) }.draw(painter);
    } else {
        heading(painter, area, title, note);
    }
    layout.within(area)
}

/// Draws the chosen line of a list in full.
pub fn in_full(app: &App, painter: &mut Painter<'_>, area: Rect, text: Option<String>) {
    if area.is_empty() {
        return;
    }
    let inner = if app.layout().framed() {
        Frame::new(area, "In full").draw(painter);
        Frame::inner(area)
    } else {
        painter.put(area.x + 1, area.y, area.width.saturating_sub(2), "In full", Role::Title);
        below_title(area)
    };
    let mut prose = Prose::new(inner.width.saturating_sub(2));
    prose.entry("", Role::Text, 0, &text.unwrap_or_default(), Role::Text);
    prose.draw(painter, inner.x + 1, inner.y, 0, inner.height);
}

/// A title without a frame, on the first line of an area.
pub fn heading(painter: &mut Painter<'_>, area: Rect, title: &str, note: &str) {
    let start = painter.put_right(area.right().saturating_sub(1), area.y, area.width / 2, note, Role::Dim);
    painter.put(area.x + 1, area.y, start.saturating_sub(area.x + 2), title, Role::Focus);
}

/// Says on the lower line of the frame how much is above and below what is seen.
pub fn more(app: &App, painter: &mut Painter<'_>, area: Rect, above: usize, below: usize) {
    more_of(app, painter, area, "", (above, below));
}

/// The same, of what: on a line that is also the upper one of another frame.
pub fn more_of(app: &App, painter: &mut Painter<'_>, area: Rect, of: &str, (above, below): (usize, usize)) {
    if !app.layout().framed() || (above == 0 && below == 0) {
        return;
    }
    let text = match (above, below) {
        (0, below) => format!("{} more{of} below", number(below)),
        (above, 0) => format!("{} more{of} above", number(above)),
        (above, below) => format!("{}{of} above, {} below", number(above), number(below)),
    };
    let width = super::super::widgets::paint::width(&text) + 2;
    let y = area.bottom().saturating_sub(1);
    let x = area.right().saturating_sub(width + 2);
    label(painter, x, y, width, &text, Role::Dim);
}
