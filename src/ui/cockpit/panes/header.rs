//! The two lines at the top of every screen: which cluster, what kind of session, where to, how new.

use ratatui::layout::Rect;

use crate::session::Kind;
use crate::session::recording::Chain;

use super::super::app::App;
use super::super::layout::Room;
use super::super::theme::Role;
use super::super::upgrade;
use super::super::widgets::Painter;
use super::super::widgets::paint::width;
use crate::ui::{steps, words};

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
    let changes = app.snapshot.kind.changes();
    let half = area.width.div_ceil(2);
    let sign_of = |word: &str, rest: &str| match rest {
        "" => format!(" {word} "),
        rest => format!(" {word} {} {rest} ", app.look.glyphs.dot),
    };
    let (word, rest) = words::session(&app.snapshot.kind);
    let role = match app.snapshot.kind {
        Kind::Inspect => Role::Inspect,
        Kind::Upgrade | Kind::Demo { .. } => Role::Upgrade,
        Kind::Recording { chain: Chain::Whole, .. } | Kind::Replay { chain: Chain::Whole, .. } => {
            Role::Recording
        }
        Kind::Recording { .. } | Kind::Replay { .. } => Role::Gone,
    };
    let sign = if changes {
        let before = if word == "UPGRADE" { 0 } else { width(word) + 2 };
        upgrade::header::sign(&app.snapshot, half.saturating_sub(before), sign_of)
    } else {
        sign_of(word, if compact { "" } else { &rest })
    };
    // The sign leaves at least half of the line to the cluster's name.
    let start = painter.put_right(area.right(), area.y, half, &sign, role);
    let start = if word != "UPGRADE" && changes {
        painter.put_right(start, area.y, width(word) + 2, &format!(" {word} "), Role::Demo)
    } else {
        start
    };
    let room = start.saturating_sub(area.x + 2);
    let cluster = &app.snapshot.evidence.cluster;
    let mut x = area.x + 1;
    let end = x + room;
    if !compact && area.width >= 100 {
        x += painter.put(x, area.y, end - x, "kubelift", Role::Dim) + 2;
    }
    let name = if cluster.name.is_empty() { "cluster without a name" } else { &cluster.name };
    let server =
        cluster.server.strip_prefix("https://").filter(|_| area.width < 100).unwrap_or(&cluster.server);
    // A long name leaves room to the address, which tells clusters of one name apart.
    let room = end.saturating_sub(x);
    let names = room.saturating_sub(width(server) + 2).max(room / 2);
    x += painter.put_middle(x, area.y, names, name, Role::Strong) + 2;
    painter.put(x, area.y, end.saturating_sub(x), server, Role::Text);
}

/// The route, and how new what is shown is.
fn route(app: &App, painter: &mut Painter<'_>, area: Rect) {
    let compact = app.layout().room == Room::Compact;
    let freshness = words::freshness(&app.snapshot, app.now);
    let (text, role) = if freshness.gone && compact {
        (format!(" {} ", freshness.text.replace(" since", "").replace(" UTC", "")), Role::Gone)
    } else if freshness.gone {
        (format!(" {} ", freshness.text), Role::Gone)
    } else if compact {
        (format!("{} ", short(&freshness.text)), Role::Dim)
    } else {
        (format!("{} ", freshness.text), Role::Dim)
    };
    // Half of the line, or what the moment of a recording takes.
    let most = area.width.div_ceil(2).max(21);
    let start = painter.put_right(area.right(), area.y, most, &text, role);
    let room = start.saturating_sub(area.x + 2);
    let arrow = app.look.glyphs.arrow;
    match words::way(&app.snapshot) {
        Some(target) => {
            let route = words::route(&target, arrow);
            let bare = format!("{} {arrow} {}", target.from, target.to);
            let routes = if target.chosen && app.snapshot.upgrade.is_none() {
                let short = route.replace(')', ", chosen)");
                vec![format!("{route}, target chosen by kubelift"), short, format!("{bare} (chosen)"), bare]
            } else {
                vec![route, bare]
            };
            painter.put(area.x + 1, area.y, room, &longest(app, &routes, room), Role::Text);
        }
        None => {
            let text = format!("no target: {}", words::no_route(&app.snapshot));
            painter.put(area.x + 1, area.y, room, &text, Role::Unknown);
        }
    }
}

/// The route, and how far an upgrade is: the longest that there is room for, of both.
fn longest(app: &App, routes: &[String], room: u16) -> String {
    let progress = app.snapshot.upgrade.as_ref().map(|upgrade| steps::progress(upgrade, app.look.glyphs.dot));
    let both = progress
        .iter()
        .flatten()
        .flat_map(|progress| routes.iter().map(move |route| format!("{route}   {progress}")));
    let alone = routes.iter().cloned();
    let fits = both.chain(alone).find(|text| width(text) <= room);
    fits.or_else(|| routes.last().cloned()).unwrap_or_default()
}

/// Freshness where there is little room: `4 s ago`, `4,120 of ~11,000`, `2026-11-24 12:04 UTC`.
fn short(text: &str) -> String {
    let words = ["read ", "reading ", "as of "];
    let text = words.into_iter().find_map(|word| text.strip_prefix(word)).unwrap_or(text);
    let minute = text.strip_suffix(" UTC").and_then(|moment| moment.rsplit_once(':'));
    minute.map_or_else(|| text.to_owned(), |(minute, _)| format!("{minute} UTC"))
}
