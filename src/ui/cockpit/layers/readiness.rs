//! The first screen: may we start, and if not, why not.

use super::super::app::App;
use super::super::panes::{cluster, findings, list, screen, why};
use super::super::widgets::Painter;

/// Draws it.
pub fn draw(app: &App, painter: &mut Painter<'_>) {
    let parts = app.parts();
    list::draw(app, painter, parts.panes);
    cluster::draw(app, painter, parts.facts);
    cluster::draw_unread(app, painter, parts.unread);
    findings::draw(app, painter, parts.findings);
    why::draw(app, painter, parts.why);
    let rows = app.pane().map_or(0, |(_, pane)| pane.rows.len());
    let top = app.findings_cursor().top;
    if !parts.findings.is_empty() {
        screen::more(app, painter, parts.findings, top, rows.saturating_sub(top + parts.findings_page()));
    }
    // The lowest frame of the left half carries the sum of everything above it.
    let left = [parts.unread, parts.facts, parts.panes];
    if let Some(lowest) = left.into_iter().find(|part| !part.is_empty()).filter(|_| parts.framed) {
        list::totals(app, painter, lowest);
    }
}
