//! Lines that are typed at the foot of the screen.

use ratatui::layout::Rect;

use super::super::app::{App, Focus, Typing};
use super::super::editor::Editor;
use super::super::theme::Role;
use super::super::widgets::Painter;
use super::super::widgets::paint::width;
use crate::ui::words::number;

/// Draws it in the place of the footer.
pub fn draw(app: &App, typing: Typing, editor: &Editor, painter: &mut Painter<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    painter.clear(area);
    let (sign, hint) = match typing {
        Typing::Filter => ("/", shown(app)),
        Typing::Target => ("target: ", "a version such as 1.31.4; empty for the newest known".to_owned()),
        Typing::Seek => ("seek: ", "1:30, 50%, +30 or -30 seconds".to_owned()),
        Typing::Palette => return,
    };
    let hint_room = area.width / 2;
    let start = painter.put_right(area.right().saturating_sub(1), area.y, hint_room, &hint, Role::Dim);
    line(painter, area.x + 1, area.y, start.saturating_sub(area.x + 3), sign, editor);
}

/// How many lines the filter shows.
fn shown(app: &App) -> String {
    use super::super::app::Layer;
    let below = app.layers.iter().rev().find(|layer| !layer.place().is_typing());
    let (shown, all) = match below {
        Some(Layer::Log(lines)) => (lines.rows.len(), super::log::all(app)),
        Some(Layer::Unread(lines)) => (lines.rows.len(), app.view.unread.len()),
        _ if app.readiness.focus == Focus::Findings => {
            app.pane().map_or((0, 0), |(_, pane)| (pane.rows.len(), pane.all.len()))
        }
        // Among the panes it is for all of them.
        _ => app
            .view
            .panes
            .iter()
            .fold((0, 0), |(shown, all), pane| (shown + pane.rows.len(), all + pane.all.len())),
    };
    format!("shows {} of {}", number(shown), number(all))
}

/// Draws what is typed after a sign, its end in sight, and puts the cursor there.
pub fn line(painter: &mut Painter<'_>, x: u16, y: u16, columns: u16, sign: &str, editor: &Editor) {
    let used = painter.put(x, y, columns, sign, Role::Key);
    let room = columns.saturating_sub(used);
    let before = editor.before();
    // Where the cursor would leave the room, the beginning is left out.
    let mut text = editor.text();
    let mut cursor = width(&before);
    while cursor + 1 > room {
        let Some(first) = text.chars().next() else { break };
        cursor = cursor.saturating_sub(width(first.encode_utf8(&mut [0; 4])).max(1));
        text.remove(0);
    }
    painter.put(x + used, y, room, &text, Role::Input);
    painter.cursor = Some(((x + used + cursor).min(x + columns), y));
}
