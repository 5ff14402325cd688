//! The list of what was not read, and why.

use ratatui::layout::Rect;

use crate::evidence::{Reason, Unread};

use super::super::app::{App, Layer, Lines};
use super::super::panes::screen;
use super::super::theme::Role;
use super::super::widgets::Painter;
use super::super::widgets::paint::width;
use crate::ui::filter::Filter;
use crate::ui::words::{clock, number};

/// The list, at its beginning.
pub fn lines(app: &App) -> Lines {
    let filter = Filter::default();
    Lines { rows: rows(app, &filter), filter, ..Lines::default() }
}

/// The lines that `filter` shows.
pub fn rows(app: &App, filter: &Filter) -> Vec<u32> {
    let all = (0u32..).zip(&app.view.unread);
    all.filter(|(_, unread)| filter.is_empty() || filter.shows(&unread.to_string().to_lowercase()))
        .map(|(at, _)| at)
        .collect()
}

/// The chosen line, if this layer is this list.
pub fn chosen(app: &App, layer: &Layer) -> Option<Unread> {
    let Layer::Unread(lines) = layer else { return None };
    entry(app, lines, lines.cursor.at).cloned()
}

/// Where the same thing is now: the same verb, resource, namespace and place.
pub fn find(app: &App, layer: &Layer, unread: &Unread) -> Option<usize> {
    let Layer::Unread(lines) = layer else { return None };
    let key = |unread: &Unread| {
        (unread.verb.clone(), unread.resource.clone(), unread.namespace.clone(), unread.of.clone())
    };
    (0..lines.rows.len()).find(|row| entry(app, lines, *row).is_some_and(|other| key(other) == key(unread)))
}

fn entry<'a>(app: &'a App, lines: &Lines, row: usize) -> Option<&'a Unread> {
    app.view.unread.get(*lines.rows.get(row)? as usize)
}

/// Draws it.
pub fn draw(app: &App, lines: &Lines, painter: &mut Painter<'_>) {
    let all = app.view.unread.len();
    let note = if lines.filter.is_empty() {
        number(all)
    } else {
        format!("/{} shows {} of {}", lines.filter.text(), number(lines.rows.len()), number(all))
    };
    let (list, full) = app.layout().list();
    let mut area = screen::open(app, painter, list, "Not read", &note);
    // What it is tells lines apart, and why not is said in full below.
    let things = (0..lines.rows.len()).filter_map(|row| entry(app, lines, row));
    let longest = things.map(|unread| width(parts(&unread.to_string()).0)).max().unwrap_or(0);
    let what = longest.clamp(area.width * 45 / 100, area.width * 62 / 100);
    if app.layout().framed() {
        painter.put(area.x, area.y, what, "WHAT", Role::Column);
        painter.put(area.x + what + 2, area.y, area.width - what - 2, "WHY NOT", Role::Column);
        painter.put_right(area.right(), area.y, 9, "TRIED UTC", Role::Column);
        area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    }
    if lines.rows.is_empty() {
        let text =
            if all == 0 { "Everything that was asked for was read." } else { "No line has these words." };
        painter.put(area.x, area.y, area.width, text, Role::Dim);
    }
    for (row, at) in (0..area.height).zip(lines.cursor.top..lines.rows.len()) {
        let Some(unread) = entry(app, lines, at) else { break };
        let line = Rect { y: area.y + row, height: 1, ..area };
        draw_line(painter, line, what, unread, app.layout().framed());
        if at == lines.cursor.at {
            painter.tint(Rect { x: line.x - 1, width: line.width + 2, ..line }, Role::Chosen);
            painter.put(line.x - 1, line.y, 1, app.look.glyphs.chosen, Role::Chosen);
        }
    }
    let below = lines.rows.len().saturating_sub(lines.cursor.top + usize::from(area.height));
    screen::in_full(app, painter, full, entry(app, lines, lines.cursor.at).map(ToString::to_string));
    screen::more(app, painter, list, lines.cursor.top, below);
}

/// What was not read, and why not.
fn parts(text: &str) -> (&str, &str) {
    text.split_once(": ").unwrap_or((text, ""))
}

fn draw_line(painter: &mut Painter<'_>, line: Rect, what: u16, unread: &Unread, timed: bool) {
    let text = unread.to_string();
    let (thing, why) = parts(&text);
    let role = if unread.reason == Reason::Pending { Role::Reading } else { Role::Unknown };
    let mut end = line.right();
    if timed {
        let tried = unread.at.map(clock).unwrap_or_default();
        painter.put_right(end, line.y, 8, &tried, Role::Dim);
        end = end.saturating_sub(9);
    }
    painter.put(line.x, line.y, what, thing, Role::Text);
    let x = line.x + what + 2;
    painter.put(x, line.y, end.saturating_sub(x + 1), why, role);
}
