//! Writing text into a buffer, measured by what a terminal shows of it.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_width::UnicodeWidthStr;

use super::super::colour::Depth;
use super::super::glyphs::Glyphs;
use super::super::theme::{Role, Theme};
use crate::text;

/// How things look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The colours.
    pub theme: Theme,
    /// The signs.
    pub glyphs: Glyphs,
    /// How many colours there are, for themes that are chosen later.
    pub depth: Depth,
}

/// Writes into a buffer, never outside of it.
#[derive(Debug)]
pub struct Painter<'a> {
    /// Where it writes.
    pub buffer: &'a mut Buffer,
    /// How it looks.
    pub look: &'a Look,
    /// Where the terminal's cursor goes, where one types.
    pub cursor: Option<(u16, u16)>,
}

/// How many columns `text` takes.
pub fn width(text: &str) -> u16 {
    if text.is_ascii() {
        return u16::try_from(text.len()).unwrap_or(u16::MAX);
    }
    u16::try_from(composed(text).width()).unwrap_or(u16::MAX)
}

/// `text` in normal form C, which is what terminals measure best, and without what could move a cursor.
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|b| b.is_ascii_control()) {
        return Cow::Borrowed(text);
    }
    let text =
        if text.chars().any(text::is_unsafe) { Cow::Owned(text::clean(text)) } else { Cow::Borrowed(text) };
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        _ => Cow::Owned(text.nfc().collect()),
    }
}

impl Painter<'_> {
    /// The style of a role, on the ground of the screen.
    pub fn style(&self, role: Role) -> Style {
        self.look.theme.style(Role::Text).patch(self.look.theme.style(role))
    }

    /// The whole of the buffer.
    pub const fn area(&self) -> Rect {
        self.buffer.area
    }

    /// Writes `text` at `x`, `y` in at most `columns`, cut with an ellipsis; the columns that it took.
    pub fn put(&mut self, x: u16, y: u16, columns: u16, text: &str, role: Role) -> u16 {
        self.put_styled(x, y, columns, text, self.style(role))
    }

    /// The same, in a style.
    pub fn put_styled(&mut self, x: u16, y: u16, columns: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
            return 0;
        }
        let columns = columns.min(area.right() - x);
        let text = composed(text);
        let whole = UnicodeWidthStr::width(&*text) <= usize::from(columns);
        let room = if whole { columns } else { columns.saturating_sub(1) };
        let mut used = 0;
        for grapheme in Span::raw(&*text).styled_graphemes(Style::new()) {
            let wide = u16::try_from(grapheme.symbol.width()).unwrap_or(u16::MAX);
            if wide > room - used {
                break;
            }
            if wide > 0 {
                self.cell(x + used, y, grapheme.symbol, style);
                for covered in 1..wide {
                    self.cell(x + used + covered, y, " ", style);
                }
            }
            used += wide;
        }
        if !whole && columns > 0 {
            self.cell(x + used, y, self.look.glyphs.ellipsis, style);
            used += 1;
        }
        used
    }

    /// Writes `text` as [`Painter::put`] does, cut in its middle: the ends of names tell them apart.
    pub fn put_middle(&mut self, x: u16, y: u16, columns: u16, text: &str, role: Role) -> u16 {
        let text = composed(text);
        if width(&text) <= columns || columns < 8 {
            return self.put(x, y, columns, &text, role);
        }
        let tail = (columns - 1) / 2;
        let head = self.put(x, y, columns - tail, &text, role);
        let start = text
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| text.get(*at..).is_some_and(|end| width(end) <= tail));
        let end = start.and_then(|start| text.get(start..)).unwrap_or("");
        head + self.put(x + head, y, tail, end, role)
    }

    /// Writes `text` so that it ends before `right`; where it begins.
    pub fn put_right(&mut self, right: u16, y: u16, columns: u16, text: &str, role: Role) -> u16 {
        let columns = width(text).min(columns);
        let x = right.saturating_sub(columns);
        self.put(x, y, columns, text, role);
        x
    }

    /// Gives an area the style of a role, on top of what it has.
    pub fn tint(&mut self, area: Rect, role: Role) {
        let style = self.look.theme.style(role);
        self.buffer.set_style(area, style);
    }

    /// Empties an area.
    pub fn clear(&mut self, area: Rect) {
        let style = self.style(Role::Text);
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// What stands in a cell.
    pub fn symbol(&self, x: u16, y: u16) -> &str {
        self.buffer.cell((x, y)).map_or("", |cell| cell.symbol())
    }

    /// Writes one cell.
    pub fn cell(&mut self, x: u16, y: u16, symbol: &str, style: Style) {
        if let Some(cell) = self.buffer.cell_mut((x, y)) {
            cell.reset();
            cell.set_symbol(symbol).set_style(style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::glyphs::UNICODE;
    use super::*;
    use proptest::prelude::*;

    fn written(columns: u16, text: &str) -> (String, u16) {
        drawn(|painter| painter.put(1, 0, columns, text, Role::Text))
    }

    fn drawn(put: impl FnOnce(&mut Painter<'_>) -> u16) -> (String, u16) {
        let look =
            Look { theme: Theme::load("mono", Depth::Off).unwrap(), glyphs: UNICODE, depth: Depth::Off };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        let mut painter = Painter { buffer: &mut buffer, look: &look, cursor: None };
        let used = put(&mut painter);
        let mut line = String::new();
        let mut skip = 0;
        for cell in &buffer.content {
            if skip == 0 {
                line.push_str(cell.symbol());
                skip = cell.symbol().width().max(1);
            }
            skip -= 1;
        }
        (line, used)
    }

    #[test]
    fn text_is_cut_by_what_is_seen_of_it() {
        for (columns, text, line, used) in [
            (6, "web", " web        ", 3),
            (3, "web", " web        ", 3),
            (2, "web", " w…         ", 2),
            (1, "web", " …          ", 1),
            (0, "web", "            ", 0),
            (6, "日本語", " 日本語     ", 6),
            (5, "日本語", " 日本…      ", 5),
            (4, "日本語", " 日…        ", 3),
            (3, "e\u{301}e\u{301}", " éé         ", 2),
            (20, "abcdefghijklmnop", " abcdefghij…", 11),
        ] {
            assert_eq!(written(columns, text), (line.to_owned(), used), "{text} in {columns}");
        }
    }

    #[test]
    fn names_keep_their_ends() {
        let middle = |columns, text| drawn(|painter| painter.put_middle(1, 0, columns, text, Role::Text));
        assert_eq!(middle(9, "service-00012"), (" serv…0012  ".to_owned(), 9));
        assert_eq!(middle(10, "日本語の名前"), (" 日本…名前  ".to_owned(), 9));
        assert_eq!(middle(11, "short").0, " short      ");
    }

    #[test]
    fn what_could_move_a_cursor_is_replaced_even_here() {
        assert_eq!(written(9, "a\x1b[2Jb").0, " a\u{FFFD}[2Jb     ");
    }

    proptest! {
        #[test]
        fn it_never_takes_more_than_it_may(columns in 0u16..14, text in "\\PC{0,20}") {
            let (line, used) = written(columns, &text);
            prop_assert!(used <= columns.min(11));
            prop_assert!(line.width() <= 12 + 1);
        }
    }
}
