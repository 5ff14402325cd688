//! The line of a replay above the footer: whether it plays, how fast, where it is, and what lies ahead.

use std::time::Duration;

use ratatui::layout::Rect;

use super::super::app::App;
use super::super::theme::Role;
use super::super::widgets::Painter;
use super::super::widgets::paint::width;
use crate::session::Playback;
use crate::session::recording::Marks;
use crate::ui::steps::request;
use crate::ui::words::{clock, elapsed};

/// The least columns of a bar that is worth drawing.
const SHORTEST: u16 = 6;

/// Draws it.
pub fn draw(app: &App, painter: &mut Painter<'_>, area: Rect) {
    let Some(playback) = app.snapshot.playback.as_ref().filter(|_| area.height > 0) else { return };
    if area.height > 1 {
        last(app, painter, area);
    }
    let area = Rect { y: area.bottom() - 1, height: 1, ..area };
    let glyphs = app.look.glyphs;
    let state = match playback {
        Playback { playing: true, .. } => "playing",
        Playback { position, length, .. } if position >= length => "ended",
        _ => "paused",
    };
    let end = area.right().saturating_sub(1);
    let mut x = area.x + 1;
    let times = if glyphs.ascii { "x" } else { "×" };
    x += painter.put(x, area.y, end - x, state, Role::Strong) + 1;
    x += painter.put(x, area.y, end - x, &format!("{times}{}", playback.speed), Role::Text) + 1;
    let place = format!("{} of {}", elapsed(playback.position), elapsed(playback.length));
    x += painter.put(x, area.y, end - x, &place, Role::Text) + 1;
    let mut right = end;
    let time = format!("{} UTC", clock(playback.wall));
    if right.saturating_sub(x) >= width(&time) + 2 + SHORTEST {
        right = painter.put_right(right, area.y, width(&time), &time, Role::Dim).saturating_sub(1);
    }
    if right.saturating_sub(x) >= SHORTEST {
        bar(painter, x, area.y, right - x, playback);
    }
}

/// What happened last.
fn last(app: &App, painter: &mut Painter<'_>, area: Rect) {
    let (text, role) = match app.snapshot.happened.last() {
        Some(happened) => {
            let step = happened.told.step.as_deref().map(|step| format!("{step}: ")).unwrap_or_default();
            let role = match happened.marks {
                Marks { failure: true, .. } => Role::Blocker,
                Marks { confirmation: true, .. } => Role::Strong,
                Marks { .. } => Role::Text,
            };
            (format!("{} {step}{}", clock(happened.at), request(&happened.told.text)), role)
        }
        None => ("nothing was done until now".to_owned(), Role::Dim),
    };
    painter.put(area.x + 1, area.y, area.width.saturating_sub(2), &text, role);
}

/// The bar: what lies behind, where it is, what lies ahead; failures and confirmations on it.
fn bar(painter: &mut Painter<'_>, x: u16, y: u16, columns: u16, playback: &Playback) {
    let glyphs = painter.look.glyphs;
    let (behind, here, ahead) = if glyphs.ascii { ("=", "O", "-") } else { ("━", "●", "─") };
    let at = column(playback.position, playback.length, columns);
    for column in 0..columns {
        let (sign, role) = if column < at { (behind, Role::Text) } else { (ahead, Role::Dim) };
        painter.put(x + column, y, 1, sign, role);
    }
    // Failures last: where both fall on one column, the failure is seen.
    for failure in [false, true] {
        for (position, marks) in playback.marks.iter().filter(|(_, marks)| marks.failure == failure) {
            debug_assert!(marks.failure || marks.confirmation, "only what is marked is here");
            let (sign, role) =
                if failure { (glyphs.blocker, Role::Blocker) } else { (glyphs.unknown, Role::Unknown) };
            painter.put(x + column(*position, playback.length, columns), y, 1, sign, role);
        }
    }
    painter.put(x + at, y, 1, here, Role::Focus);
}

/// The column of a position on a bar.
fn column(position: Duration, length: Duration, columns: u16) -> u16 {
    let (position, length) = (position.as_millis(), length.as_millis().max(1));
    let last = u128::from(columns.saturating_sub(1));
    u16::try_from(position.min(length) * last / length).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_recording_are_the_ends_of_the_bar() {
        let seconds = Duration::from_secs;
        for (position, length, at) in
            [(0, 100, 0), (100, 100, 20), (50, 100, 10), (99, 100, 19), (200, 100, 20), (0, 0, 0)]
        {
            assert_eq!(column(seconds(position), seconds(length), 21), at, "{position} of {length}");
        }
    }
}
