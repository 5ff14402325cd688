//! The findings of the chosen pane: a table of which only the lines in sight are made.

use ratatui::layout::Rect;

use crate::checks::Finding;

use super::super::app::{App, Focus};
use super::super::layout::below_title;
use super::super::roles;
use super::super::theme::Role;
use super::super::view::{PaneView, Standing, node_of};
use super::super::widgets::paint::width;
use super::super::widgets::prose::wrap;
use super::super::widgets::{Frame, Painter};
use super::screen;
use crate::ui::words;
use crate::ui::words::number;

/// Where the columns are.
struct Columns {
    subject: (u16, u16),
    message: (u16, u16),
    node: (u16, u16),
}

impl Columns {
    fn of(pane: &PaneView, line: Rect) -> Self {
        let node = if pane.node_width == 0 { 0 } else { pane.node_width.clamp(4, 16) };
        let node = if line.width >= 60 { node } else { 0 };
        let left = line.x + 3;
        let right = line.right().saturating_sub(1);
        let node_x = right.saturating_sub(node);
        let most = (line.width * 2 / 5).max(12);
        let subject = pane.subject_width.clamp(7, most);
        let message = left + subject + 2;
        let end = if node == 0 { right } else { node_x.saturating_sub(2) };
        Self {
            subject: (left, subject),
            message: (message, end.saturating_sub(message)),
            node: (node_x, node),
        }
    }
}

/// Draws it.
pub fn draw(app: &App, painter: &mut Painter<'_>, area: Rect) {
    let Some((check, pane)) = app.pane().filter(|_| !area.is_empty()) else { return };
    let focused = app.readiness.focus == Focus::Findings;
    let note = note(app, pane, area.width.saturating_sub(width(check.title) + 6));
    let framed = app.layout().framed();
    let lines = if framed {
        Frame { note: &note, focused, ..Frame::new(area, check.title) }.draw(painter);
        Frame::inner(area)
    } else {
        screen::heading(painter, area, check.title, &note);
        below_title(area)
    };
    let columns = Columns::of(pane, lines);
    let lines = if framed {
        if !pane.rows.is_empty() {
            head(painter, lines, &columns);
        }
        below_title(lines)
    } else {
        lines
    };
    if pane.rows.is_empty() {
        nothing(app, pane, painter, lines);
        return;
    }
    let cursor = app.findings_cursor();
    for (row, at) in (0..lines.height).zip(cursor.top..pane.rows.len()) {
        let Some(finding) = app.row(at) else { break };
        let line = Rect { y: lines.y + row, height: 1, ..lines };
        draw_line(app, painter, line, &columns, finding);
        if at == cursor.at {
            painter.put(line.x, line.y, 1, app.look.glyphs.chosen, Role::Text);
            painter.tint(line, if focused { Role::Chosen } else { Role::Away });
        }
    }
}

/// What stands at the right of the title: how many of what, or how many the filter shows.
fn note(app: &App, pane: &PaneView, columns: u16) -> String {
    let filter = &app.readiness.filter;
    if !filter.is_empty() {
        return format!("/{} shows {} of {}", filter.text(), number(pane.rows.len()), number(pane.all.len()));
    }
    let dot = app.look.glyphs.dot;
    let counts = roles::tallies(&pane.counts, dot, columns);
    if pane.waiting == 0 {
        return counts;
    }
    let reading = words::reading(pane.progress);
    if counts.is_empty() { reading } else { format!("{counts} {dot} {reading}") }
}

fn head(painter: &mut Painter<'_>, line: Rect, columns: &Columns) {
    for ((x, width), text) in
        [(columns.subject, "SUBJECT"), (columns.message, "FINDING"), (columns.node, "NODE")]
    {
        painter.put(x, line.y, width, text, Role::Column);
    }
}

fn draw_line(app: &App, painter: &mut Painter<'_>, line: Rect, columns: &Columns, finding: &Finding) {
    let role = roles::of(finding);
    painter.put(line.x + 1, line.y, 1, roles::glyph(finding, &app.look.glyphs), role);
    painter.put_middle(
        columns.subject.0,
        line.y,
        columns.subject.1,
        &finding.subject.to_string(),
        Role::Text,
    );
    painter.put(columns.message.0, line.y, columns.message.1, &finding.message, Role::Text);
    painter.put(columns.node.0, line.y, columns.node.1, node_of(finding), Role::Dim);
}

/// What is said where there is no line.
fn nothing(app: &App, pane: &PaneView, painter: &mut Painter<'_>, area: Rect) {
    let filter = &app.readiness.filter;
    let (text, role) = if !filter.is_empty() && !pane.all.is_empty() {
        (format!("No line here has “{}”.", filter.text()), Role::Dim)
    } else {
        match pane.standing {
            Standing::NotJudged => (
                format!("Not judged, for there is no target: {}.", words::no_route(&app.snapshot)),
                Role::Unknown,
            ),
            Standing::Reading => ("Nothing was read yet.".to_owned(), Role::Reading),
            _ => ("This check said nothing, which is not the same as ok.".to_owned(), Role::Unknown),
        }
    };
    for (row, line) in (0..area.height).zip(wrap(&text, area.width.saturating_sub(4))) {
        painter.put(area.x + 3, area.y + row, area.width.saturating_sub(4), &line, role);
    }
}
