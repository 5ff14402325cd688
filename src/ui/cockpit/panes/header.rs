//! The two lines at the top of every screen: which cluster, what kind of session, where to, how new.

use ratatui::layout::Rect;

use crate::session::Kind;
use crate::session::recording::Chain;

use super::super::app::App;
use super::super::layout::Room;
use super::super::theme::Role;
use super::super::widgets::Painter;
use super::super::widgets::paint::width;
use crate::ui::words;

/// Draws them.
pub fn draw(app: &App, painter: &mut Painter<'_>, area: Rect) {
    if area.height < 2 {
        return;
    }
    identity(app, painter, area);
    route(app, painter, Rect { y: area.y + 1, height: 1, ..area });
}

/// The cluster's name and its server's address, and the kind of session.
fn identity(app: &App, painter: &mut Painter<'_>, area: Rect) {
    let compact = app.layout().room == Room::Compact;
    let (word, rest) = words::session(&app.snapshot.kind);
    let role = match app.snapshot.kind {
        Kind::Inspect => Role::Inspect,
        Kind::Demo { .. } => Role::Demo,
        Kind::Recording { chain: Chain::Whole, .. } => Role::Recording,
        Kind::Recording { .. } => Role::Gone,
    };
    let sign = if compact { format!(" {word} ") } else { format!(" {word} {} {rest} ", app.look.glyphs.dot) };
    // The sign leaves at least half of the line to the cluster's name.
    let start = painter.put_right(area.right(), area.y, area.width.div_ceil(2), &sign, role);
    let room = start.saturating_sub(area.x + 2);
    let cluster = &app.snapshot.evidence.cluster;
    let mut x = area.x + 1;
    let end = x + room;
    if !compact && area.width >= 100 {
        x += painter.put(x, area.y, end - x, "kubelift", Role::Dim) + 2;
    }
    let name = if cluster.name.is_empty() { "cluster without a name" } else { &cluster.name };
    x += painter.put(x, area.y, end.saturating_sub(x), name, Role::Strong) + 2;
    let server =
        cluster.server.strip_prefix("https://").filter(|_| area.width < 100).unwrap_or(&cluster.server);
    painter.put(x, area.y, end.saturating_sub(x), server, Role::Text);
}

/// The route, and how new what is shown is.
fn route(app: &App, painter: &mut Painter<'_>, area: Rect) {
    let compact = app.layout().room == Room::Compact;
    let freshness = words::freshness(&app.snapshot, app.now);
    let (text, role) = if freshness.gone {
        (format!(" {} ", freshness.text), Role::Gone)
    } else if let (true, Kind::Recording { at, .. }) = (compact, &app.snapshot.kind) {
        (at.strftime("%Y-%m-%d %H:%M UTC").to_string(), Role::Dim)
    } else if compact {
        (
            freshness.text.trim_start_matches("read ").trim_start_matches("reading ").to_owned() + " ",
            Role::Dim,
        )
    } else {
        (format!("{} ", freshness.text), Role::Dim)
    };
    let start = painter.put_right(area.right(), area.y, area.width.div_ceil(2), &text, role);
    let room = start.saturating_sub(area.x + 2);
    let arrow = app.look.glyphs.arrow;
    match &app.snapshot.target {
        Some(target) => {
            let mut route = words::route(target, arrow);
            let chosen = format!("{route}, target chosen by kubelift");
            if target.chosen && width(&chosen) <= room {
                route = chosen;
            } else if target.chosen {
                route = route.replace(")", ", chosen)");
            }
            if width(&route) > room {
                let mark = if target.chosen { " (chosen)" } else { "" };
                route = format!("{} {arrow} {}{mark}", target.from, target.to);
            }
            painter.put(area.x + 1, area.y, room, &route, Role::Text);
        }
        None => {
            let text = format!("no target: {}", words::no_route(&app.snapshot));
            painter.put(area.x + 1, area.y, room, &text, Role::Unknown);
        }
    }
}
