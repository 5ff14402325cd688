//! The list of panes: a line each, with its verdict in a sign, a word and a number.

use ratatui::layout::Rect;

use crate::checks::Severity;

use super::super::app::{App, Focus};
use super::super::layout::{Room, below_title};
use super::super::roles;
use super::super::theme::Role;
use super::super::view::PaneView;
use super::super::widgets::frame::label;
use super::super::widgets::paint::width;
use super::super::widgets::{Frame, Painter};
use super::screen;
use crate::ui::words;
use crate::ui::words::{Answer, number};

/// Draws it.
pub fn draw(app: &App, painter: &mut Painter<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let focused = app.readiness.focus == Focus::Panes;
    let layout = app.layout();
    let answer = app.view.answer;
    let question = app
        .snapshot
        .target
        .as_ref()
        .map_or_else(|| "Ready?".to_owned(), |target| format!("Ready for {}?", words::goal(target)));
    let role = match answer {
        Answer::Yes => Role::Pass,
        Answer::No => Role::Blocker,
        Answer::NotKnown | Answer::NotKnownYet => Role::Unknown,
    };
    let inner = if layout.framed() {
        Frame { focused, ..Frame::new(area, &question) }.draw(painter);
        let x = area.x + 2 + width(&question);
        let end = x + label(painter, x, area.y, 24, answer.as_str(), role);
        filter(app, painter, Rect { x: end, width: area.right().saturating_sub(end + 2), ..area });
        Frame::inner(area)
    } else {
        screen::heading(painter, area, &question, &short_totals(app));
        painter.put(area.x + 2 + width(&question), area.y, 14, answer.as_str(), role);
        below_title(area)
    };
    let titles = app.checks.iter().map(|check| width(check.title)).max().unwrap_or(0);
    let cursor = app.readiness.panes;
    for (row, at) in (0..inner.height).zip(cursor.top..app.checks.len()) {
        let line = Rect { y: inner.y + row, height: 1, ..inner };
        draw_line(app, painter, line, at, titles.min(inner.width / 2));
        if at == cursor.at {
            painter.tint(line, if focused { Role::Chosen } else { Role::Away });
        }
    }
}

fn draw_line(app: &App, painter: &mut Painter<'_>, line: Rect, at: usize, titles: u16) {
    let (Some(check), Some(pane)) = (app.checks.get(at), app.view.panes.get(at)) else { return };
    let glyphs = app.look.glyphs;
    if at == app.readiness.panes.at {
        painter.put(line.x, line.y, 1, glyphs.chosen, Role::Text);
    }
    let (glyph, words, role) = roles::standing(pane, &glyphs);
    painter.put(line.x + 1, line.y, 1, glyph, role);
    painter.put(line.x + 3, line.y, titles, check.title, Role::Text);
    let x = line.x + 3 + titles + 2;
    let room = line.right().saturating_sub(x);
    let (words, role) = if app.readiness.filter.is_empty() { (words, role) } else { filtered(pane, role) };
    let used = painter.put(x, line.y, room, &words, role);
    if app.layout().room == Room::Middle && room > 24 {
        let first = x + used.max(16) + 2;
        painter.put(
            first,
            line.y,
            line.right().saturating_sub(first + 1),
            &first_finding(app, pane),
            Role::Dim,
        );
    }
}

/// `2 of 14`, while a filter is set.
fn filtered(pane: &PaneView, role: Role) -> (String, Role) {
    let role = if pane.rows.is_empty() { Role::Dim } else { role };
    (format!("{} of {}", number(pane.rows.len()), number(pane.all.len())), role)
}

/// The filter, at the right of the title: the verdict beside it is that of all, the numbers below are not.
fn filter(app: &App, painter: &mut Painter<'_>, area: Rect) {
    let filter = &app.readiness.filter;
    if !filter.is_empty() {
        let text = format!("/{}", filter.text());
        let columns = (width(&text) + 2).min(area.width);
        label(painter, area.right() - columns, area.y, columns, &text, Role::Dim);
    }
}

/// The worst finding in a few words.
fn first_finding(app: &App, pane: &PaneView) -> String {
    let first = pane.rows.first().and_then(|index| app.snapshot.findings.get(*index as usize));
    first.map_or_else(String::new, |finding| match finding.severity {
        Severity::Pass | Severity::Unknown => finding.message.clone(),
        _ => format!("{}: {}", finding.subject, finding.message),
    })
}

/// Writes the counts of all panes on the lower line of an area's frame.
pub fn totals(app: &App, painter: &mut Painter<'_>, area: Rect) {
    let text = roles::tallies(&app.view.counts, app.look.glyphs.dot, area.width.saturating_sub(5));
    label(painter, area.x + 1, area.bottom() - 1, area.width.saturating_sub(3), &text, Role::Dim);
}

/// The same where there is little room, or the filter.
fn short_totals(app: &App) -> String {
    if !app.readiness.filter.is_empty() {
        return format!("/{}", app.readiness.filter.text());
    }
    let worst = Severity::ALL.into_iter().zip(app.view.counts).find(|(_, count)| *count > 0);
    worst.map(|(severity, count)| words::tally(severity, count)).unwrap_or_default()
}
