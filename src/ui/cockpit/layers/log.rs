//! The log of everything that was asked, every request as it left and as it was answered; and of what happened, where
//! more than that does.

use jiff::Timestamp;

use crate::evidence::ReadRecord;
use crate::session::Happened;
use crate::session::recording::Marks;

use super::super::app::{App, Lines};
use super::super::panes::screen;
use super::super::theme::Role;
use super::super::widgets::Painter;
use super::super::widgets::paint::width;
use crate::ui::filter::Filter;
use crate::ui::words::{self, clock, number, outcome, request, requests};
use ratatui::layout::Rect;

/// The log, at its end.
pub fn lines(app: &App) -> Lines {
    let filter = Filter::default();
    Lines { rows: rows(app, &filter), follow: true, filter, ..Lines::default() }
}

/// A line of the log.
#[derive(Debug, Clone, Copy)]
enum Line<'a> {
    /// Something was asked.
    Read(&'a ReadRecord),
    /// Something happened.
    Happened(&'a Happened),
}

impl Line<'_> {
    const fn at(&self) -> Timestamp {
        match self {
            Self::Read(read) => read.at,
            Self::Happened(happened) => happened.at,
        }
    }

    /// With all that is known of it.
    fn in_full(&self) -> String {
        match self {
            Self::Read(read) => request(read),
            Self::Happened(happened) => format!("{} {}", happened.at, words::happened(happened)),
        }
    }
}

/// How many lines there are.
pub fn all(app: &App) -> usize {
    app.snapshot.happened.len() + app.snapshot.evidence.reads.len()
}

/// A line by its number: what happened first, then what was asked.
fn numbered(app: &App, number: usize) -> Option<Line<'_>> {
    let happened = &app.snapshot.happened;
    match number.checked_sub(happened.len()) {
        None => happened.get(number).map(Line::Happened),
        Some(read) => app.snapshot.evidence.reads.get(read).map(Line::Read),
    }
}

/// The lines that `filter` shows, in the order of time.
pub fn rows(app: &App, filter: &Filter) -> Vec<u32> {
    let lines = (0u32..).zip((0..all(app)).filter_map(|number| numbered(app, number)));
    let mut shown: Vec<(Timestamp, u32)> = lines
        .filter(|(_, line)| filter.is_empty() || filter.shows(&line.in_full().to_lowercase()))
        .map(|(number, line)| (line.at(), number))
        .collect();
    if !app.snapshot.happened.is_empty() {
        // Requests are noted when they are answered, and stay in that order among themselves.
        shown.sort_by_key(|(at, _)| *at);
    }
    shown.into_iter().map(|(_, number)| number).collect()
}

/// What `copy` copies: the line in full.
pub fn copied(app: &App, lines: &Lines) -> Option<String> {
    line(app, lines, lines.cursor.at).map(|line| line.in_full() + "\n")
}

fn line<'a>(app: &'a App, lines: &Lines, row: usize) -> Option<Line<'a>> {
    numbered(app, *lines.rows.get(row)? as usize)
}

/// Draws it.
pub fn draw(app: &App, lines: &Lines, painter: &mut Painter<'_>) {
    let all = all(app);
    let happened = app.snapshot.happened.len();
    let note = if lines.filter.is_empty() && happened > 0 {
        let entries = if happened == 1 { "entry" } else { "entries" };
        format!("{} {entries}, {}", number(happened), requests(all - happened))
    } else if lines.filter.is_empty() {
        requests(all)
    } else {
        format!("/{} shows {} of {}", lines.filter.text(), number(lines.rows.len()), number(all))
    };
    let (list, full) = app.layout().list();
    let title =
        if happened > 0 { "Everything that was done and asked" } else { "Everything that kubelift asked" };
    let mut area = screen::open(app, painter, list, title, &note);
    let server = server_columns(area.width);
    if app.layout().framed() {
        head(painter, area, server);
        area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    }
    if lines.rows.is_empty() {
        let text = if all == 0 { "Nothing was asked yet." } else { "No line has these words." };
        painter.put(area.x, area.y, area.width, text, Role::Dim);
    }
    for (row, at) in (0..area.height).zip(lines.cursor.top..lines.rows.len()) {
        let Some(content) = self::line(app, lines, at) else { break };
        let line = Rect { y: area.y + row, height: 1, ..area };
        match content {
            Line::Read(read) => draw_read(painter, line, server, read),
            Line::Happened(happened) => draw_happened(painter, line, happened),
        }
        if at == lines.cursor.at {
            painter.tint(Rect { x: line.x - 1, width: line.width + 2, ..line }, Role::Chosen);
            painter.put(line.x - 1, line.y, 1, app.look.glyphs.chosen, Role::Chosen);
        }
    }
    let below = lines.rows.len().saturating_sub(lines.cursor.top + usize::from(area.height));
    screen::in_full(app, painter, full, line(app, lines, lines.cursor.at).map(|line| line.in_full()));
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

fn draw_happened(painter: &mut Painter<'_>, line: Rect, happened: &Happened) {
    painter.put(line.x, line.y, 8, &clock(happened.at), Role::Dim);
    let role = match happened.marks {
        Marks { failure: true, .. } => Role::Blocker,
        Marks { confirmation: true, .. } => Role::Unknown,
        Marks { .. } => Role::Strong,
    };
    let text = words::happened(happened);
    painter.put(line.x + 10, line.y, line.width.saturating_sub(10), &text, role);
}

fn draw_read(painter: &mut Painter<'_>, line: Rect, server: u16, read: &ReadRecord) {
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
