//! Frames whose lines join where they meet.

use ratatui::layout::Rect;

use super::super::theme::Role;
use super::paint::{Painter, width};

const UP: usize = 1;
const RIGHT: usize = 2;
const DOWN: usize = 4;
const LEFT: usize = 8;

/// A frame: lines around an area, shared with the frames beside it, and what stands on its upper line.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The area, lines included.
    pub area: Rect,
    /// On the upper line, at the left.
    pub title: &'a str,
    /// On the upper line, at the right.
    pub note: &'a str,
    /// Whether it has the focus.
    pub focused: bool,
}

impl<'a> Frame<'a> {
    /// A frame without note or focus.
    pub const fn new(area: Rect, title: &'a str) -> Self {
        Self { area, title, note: "", focused: false }
    }

    /// The area within the lines.
    pub const fn inner(area: Rect) -> Rect {
        Rect {
            x: area.x.saturating_add(1),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(2),
            height: area.height.saturating_sub(2),
        }
    }

    /// Draws it.
    pub fn draw(&self, painter: &mut Painter<'_>) {
        let Rect { x, y, width: columns, height } = self.area;
        if columns < 2 || height < 2 {
            return;
        }
        let (right, bottom) = (x + columns - 1, y + height - 1);
        for column in x + 1..right {
            join(painter, column, y, LEFT | RIGHT);
            join(painter, column, bottom, LEFT | RIGHT);
        }
        for row in y + 1..bottom {
            join(painter, x, row, UP | DOWN);
            join(painter, right, row, UP | DOWN);
        }
        join(painter, x, y, RIGHT | DOWN);
        join(painter, right, y, LEFT | DOWN);
        join(painter, x, bottom, RIGHT | UP);
        join(painter, right, bottom, LEFT | UP);

        let room = columns.saturating_sub(3);
        let role = if self.focused { Role::Focus } else { Role::Title };
        let title = label(painter, x + 1, y, room, self.title, role);
        let left = room.saturating_sub(title + 1);
        if !self.note.is_empty() && width(self.note) + 2 < left {
            let start = right - 2 - width(self.note) - 1;
            label(painter, start, y, left, self.note, Role::Dim);
        }
    }
}

/// Writes ` text ` on a line; the columns that it took.
pub fn label(painter: &mut Painter<'_>, x: u16, y: u16, columns: u16, text: &str, role: Role) -> u16 {
    if text.is_empty() || columns < 3 {
        return 0;
    }
    let style = painter.style(Role::Text);
    painter.put_styled(x, y, 1, " ", style);
    let used = painter.put(x + 1, y, columns - 2, text, role);
    painter.put_styled(x + 1 + used, y, 1, " ", style);
    used + 2
}

/// Adds lines to a cell, joined with those that are there.
fn join(painter: &mut Painter<'_>, x: u16, y: u16, lines: usize) {
    let glyphs = painter.look.glyphs.lines;
    // Several look alike, half a line as a whole one, and in ASCII all joints: the fullest is meant.
    let there = glyphs.iter().rposition(|line| *line == painter.symbol(x, y)).unwrap_or(0);
    if let Some(line) = glyphs.get(there | lines) {
        let style = painter.style(Role::Frame);
        painter.cell(x, y, line, style);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::colour::Depth;
    use super::super::super::glyphs::{ASCII, Glyphs, UNICODE};
    use super::super::super::theme::Theme;
    use super::super::paint::Look;
    use super::*;
    use ratatui::buffer::Buffer;

    fn drawn(glyphs: Glyphs) -> Vec<String> {
        let look = Look { theme: Theme::load("mono", Depth::Off).unwrap(), glyphs, depth: Depth::Off };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 22, 5));
        let mut painter = Painter { buffer: &mut buffer, look: &look, cursor: None };
        Frame { note: "2", ..Frame::new(Rect::new(0, 0, 14, 5), "Left") }.draw(&mut painter);
        Frame::new(Rect::new(13, 0, 9, 3), "A long title").draw(&mut painter);
        Frame::new(Rect::new(13, 2, 9, 3), "").draw(&mut painter);
        Frame::new(Rect::new(0, 2, 14, 3), "").draw(&mut painter);
        buffer.content.chunks(22).map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
    }

    #[test]
    fn lines_join_where_they_meet() {
        assert_eq!(
            drawn(UNICODE),
            [
                "┌ Left ── 2 ─┬ A l… ─┐",
                "│            │       │",
                "├────────────┼───────┤",
                "│            │       │",
                "└────────────┴───────┘",
            ]
        );
        assert_eq!(drawn(ASCII)[2], "+------------+-------+");
    }
}
