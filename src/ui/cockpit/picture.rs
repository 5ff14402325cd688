//! A screen without a terminal: for pictures in the documentation, and for benches.

use std::sync::Arc;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::checks::CHECKS;
use crate::session::Snapshot;

use super::app::{App, Event};
use super::keymap::Keymap;
use super::widgets::Look;
use super::{draw, update};

/// What a terminal of `size` columns and rows shows of `snapshot` at `now`, after `keys` were pressed: chords as a
/// keymap writes them, with blanks between them.
///
/// # Errors
/// A sentence with the key that is none.
pub fn render(
    snapshot: Arc<Snapshot>,
    size: (u16, u16),
    look: Look,
    keys: &str,
    now: Timestamp,
) -> Result<Buffer, String> {
    let mut app = App::new(snapshot, CHECKS, look, Keymap::default(), size, now);
    for key in keys.split_whitespace() {
        update(&mut app, Event::Key(key.parse()?));
    }
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    draw(&app, &mut buffer);
    Ok(buffer)
}
