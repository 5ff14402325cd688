//! The log of everything that was asked: every request, as it left and as it was answered.

use crate::evidence::ReadRecord;

use super::super::app::{App, Lines};
use super::super::panes::screen;
use super::super::theme::Role;
use super::super::widgets::Painter;
use super::super::widgets::paint::width;
use crate::ui::filter::Filter;
use crate::ui::words::{clock, number, outcome, request, requests};
use ratatui::layout::Rect;

/// The log, at its end.
pub fn lines(app: &App) -> Lines {
    let filter = Filter::default();
    Lines { rows: rows(app, &filter), follow: true, filter, ..Lines::default() }
}

/// The requests that `filter` shows.
pub fn rows(app: &App, filter: &Filter) -> Vec<u32> {
    let reads = (0u32..).zip(app.snapshot.evidence.reads.iter());
    reads
        .filter(|(_, read)| filter.is_empty() || filter.shows(&request(read).to_lowercase()))
        .map(|(at, _)| at)
        .collect()
}

/// What `copy` copies: the request in a line.
pub fn copied(app: &App, lines: &Lines) -> Option<String> {
    record(app, lines, lines.cursor.at).map(|read| request(read) + "\n")
}

fn record<'a>(app: &'a App, lines: &Lines, row: usize) -> Option<&'a ReadRecord> {
    app.snapshot.evidence.reads.get(*lines.rows.get(row)? as usize)
}

/// Draws it.
pub fn draw(app: &App, lines: &Lines, painter: &mut Painter<'_>) {
    let all = app.snapshot.evidence.reads.len();
    let note = if lines.filter.is_empty() {
        requests(all)
    } else {
        format!("/{} shows {} of {}", lines.filter.text(), number(lines.rows.len()), number(all))
    };
    let (list, full) = app.layout().list();
    let mut area = screen::open(app, painter, list, "Everything that kubelift asked", &note);
    let server = server_columns(area.width);
    if app.layout().framed() {
        head(painter, area, server);
        area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    }
    if lines.rows.is_empty() {
        let text = if all == 0 { "Nothing was asked yet." } else { "No request has these words." };
        painter.put(area.x, area.y, area.width, text, Role::Dim);
    }
    for (row, at) in (0..area.height).zip(lines.cursor.top..lines.rows.len()) {
        let Some(read) = record(app, lines, at) else { break };
        let line = Rect { y: area.y + row, height: 1, ..area };
        draw_line(painter, line, server, read);
        if at == lines.cursor.at {
            painter.tint(Rect { x: line.x - 1, width: line.width + 2, ..line }, Role::Chosen);
            painter.put(line.x - 1, line.y, 1, app.look.glyphs.chosen, Role::Chosen);
        }
    }
    let below = lines.rows.len().saturating_sub(lines.cursor.top + usize::from(area.height));
    screen::in_full(app, painter, full, record(app, lines, lines.cursor.at).map(request));
    screen::more(app, painter, list, lines.cursor.top, below);
}

/// How much room the server's address gets; none where the line below the list names it alone.
const fn server_columns(columns: u16) -> u16 {
    match columns {
        90.. => 22,
        70..90 => 15,
        _ => 0,
    }
}

fn head(painter: &mut Painter<'_>, area: Rect, server: u16) {
    painter.put(area.x, area.y, 9, "UTC", Role::Column);
    let mut x = area.x + 10;
    if server > 0 {
        painter.put(x, area.y, server, "SERVER", Role::Column);
        x += server + 2;
    }
    painter.put(x, area.y, 20, "REQUEST", Role::Column);
    painter.put_right(area.right(), area.y, 14, "ANSWER    MS", Role::Column);
}

fn draw_line(painter: &mut Painter<'_>, line: Rect, server: u16, read: &ReadRecord) {
    painter.put(line.x, line.y, 8, &clock(read.at), Role::Dim);
    let mut x = line.x + 10;
    if server > 0 {
        // Of an address that is cut both ends are shown: they tell servers apart, and so does the port.
        painter.put_middle(x, line.y, server, &read.server, Role::Dim);
        x += server + 2;
    }
    painter.put_right(
        line.right(),
        line.y,
        6,
        &number(usize::try_from(read.millis).unwrap_or(usize::MAX)),
        Role::Dim,
    );
    let role = match read.status {
        Some(200..300) if read.error.is_none() => Role::Text,
        _ => Role::Warning,
    };
    let outcome = outcome(read);
    let room = (line.width / 3).max(6);
    let end =
        painter.put_right(line.right().saturating_sub(7), line.y, width(&outcome).min(room), &outcome, role);
    let request = format!("{} {}", read.method, read.path);
    painter.put(x, line.y, end.saturating_sub(x + 2), &request, Role::Text);
}
