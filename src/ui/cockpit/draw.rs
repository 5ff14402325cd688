//! Drawing: from the lowest layer that is seen to the topmost. It borrows the state and changes none of it.

use ratatui::buffer::Buffer;

use super::app::{App, Layer, Typing};
use super::glyphs;
use super::layers::{detail, help, log, palette, readiness, typing, unread};
use super::layout::{Room, SMALLEST};
use super::panes::{footer, header, time_bar};
use super::theme::Role;
use super::upgrade;
use super::widgets::Painter;

/// Draws everything into `buffer`, which is as large as the state says; where the terminal's cursor goes,
/// if one types.
pub fn draw(app: &App, buffer: &mut Buffer) -> Option<(u16, u16)> {
    let mut painter = Painter { buffer, look: &app.look, cursor: None };
    let area = painter.area();
    painter.clear(area);
    let layout = app.layout();
    if layout.room == Room::TooSmall {
        too_small(app, &mut painter);
    } else {
        header::draw(app, &mut painter, layout.header);
        let opaque = |layer: &&Layer| !layer.place().is_typing();
        match app.layers.iter().rev().find(opaque) {
            None => readiness::draw(app, &mut painter),
            Some(Layer::Detail(detail)) => detail::draw(app, detail, &mut painter),
            Some(Layer::Log(lines)) => log::draw(app, lines, &mut painter),
            Some(Layer::Unread(lines)) => unread::draw(app, lines, &mut painter),
            Some(Layer::Help(scroll)) => help::draw(app, *scroll, &mut painter),
            Some(Layer::Plan) => upgrade::screen::draw(app, &mut painter),
            Some(Layer::Ask(_) | Layer::Typing(..)) => {}
        }
        time_bar::draw(app, &mut painter, layout.bar);
        footer::draw(app, &mut painter, layout.footer);
        match app.layers.last() {
            Some(Layer::Ask(dialogue)) => upgrade::ask::draw(app, dialogue, &mut painter),
            Some(Layer::Typing(Typing::Palette, editor, cursor)) => {
                palette::draw(app, editor, *cursor, &mut painter);
            }
            Some(Layer::Typing(typing, editor, _)) => {
                typing::draw(app, *typing, editor, &mut painter, layout.footer);
            }
            _ => {}
        }
    }
    let cursor = painter.cursor.filter(|(x, y)| *x < area.right() && *y < area.bottom());
    if app.look.glyphs.ascii {
        glyphs::to_ascii(buffer);
    }
    cursor
}

fn too_small(app: &App, painter: &mut Painter<'_>) {
    let (columns, rows) = app.size;
    let text = [
        "Too small.".to_owned(),
        format!("{columns}x{rows} here,"),
        format!("{}x{} needed.", SMALLEST.0, SMALLEST.1),
    ];
    for (y, line) in (0..rows).zip(&text) {
        painter.put(0, y, columns, line, Role::Text);
    }
}
