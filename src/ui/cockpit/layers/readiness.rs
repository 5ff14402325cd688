//! The first screen: may we start, and if not, why not.

use super::super::app::App;
use super::super::panes::{cluster, findings, list, why};
use super::super::widgets::Painter;

/// Draws it.
pub fn draw(app: &App, painter: &mut Painter<'_>) {
    let parts = app.parts();
    list::draw(app, painter, parts.panes);
    cluster::draw(app, painter, parts.facts);
    cluster::draw_unread(app, painter, parts.unread);
    findings::draw(app, painter, parts.findings);
    why::draw(app, painter, parts.why);
    // The lowest frame of the left half carries the sum of everything above it.
    let left = [parts.unread, parts.facts, parts.panes];
    if let Some(lowest) = left.into_iter().find(|part| !part.is_empty()).filter(|_| parts.framed) {
        list::totals(app, painter, lowest);
    }
}
