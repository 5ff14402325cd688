//! Text of several lines, wrapped to a width and kept as lines of styled pieces.

use super::super::theme::Role;
use super::paint::{Painter, composed, width};
use unicode_width::UnicodeWidthChar;

/// Lines of styled pieces, made for a width.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prose {
    columns: u16,
    lines: Vec<Vec<(String, Role)>>,
}

impl Prose {
    /// No line yet; lines will have at most `columns`.
    pub const fn new(columns: u16) -> Self {
        Self { columns, lines: Vec::new() }
    }

    /// How many lines there are.
    #[allow(clippy::len_without_is_empty)]
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// How many columns a line may have.
    pub const fn columns(&self) -> u16 {
        self.columns
    }

    /// Adds one line of pieces, which is cut where it is too long.
    pub fn line(&mut self, pieces: impl IntoIterator<Item = (String, Role)>) {
        self.lines.push(pieces.into_iter().collect());
    }

    /// Adds an empty line.
    pub fn gap(&mut self) {
        self.lines.push(Vec::new());
    }

    /// Adds text, wrapped, after a label of `indent` columns that stands before its first line.
    pub fn entry(&mut self, label: &str, label_role: Role, indent: u16, text: &str, role: Role) {
        let room = self.columns.saturating_sub(indent).max(8);
        let blank = " ".repeat(usize::from(indent));
        for (at, line) in wrap(text, room).into_iter().enumerate() {
            let head = if at == 0 { pad(label, indent) } else { blank.clone() };
            self.lines.push(vec![(head, label_role), (line, role)]);
        }
    }

    /// Draws the lines from `top` on, at most `rows`; how many were left out below.
    pub fn draw(&self, painter: &mut Painter<'_>, x: u16, y: u16, top: usize, rows: u16) -> usize {
        for (row, line) in (0..rows).zip(self.lines.iter().skip(top)) {
            let mut used = 0;
            for (text, role) in line {
                used += painter.put(x + used, y + row, self.columns.saturating_sub(used), text, *role);
            }
        }
        self.lines.len().saturating_sub(top + usize::from(rows))
    }
}

/// `text` with blanks behind it until it takes `columns`.
pub fn pad(text: &str, columns: u16) -> String {
    let blanks = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(usize::from(blanks)))
}

/// `text` in lines of at most `columns`, broken between words where that can be.
pub fn wrap(text: &str, columns: u16) -> Vec<String> {
    let columns = usize::from(columns.max(2));
    let text = composed(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let wide = usize::from(width(word));
        if used > 0 && used + 1 + wide > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        if wide <= columns {
            line.push_str(word);
            used += wide;
            continue;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += wide;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrap("the runtime cannot create it", 11), ["the runtime", "cannot", "create it"]);
        assert_eq!(wrap("a-very-long-word b", 6), ["a-very", "-long-", "word b"]);
        assert_eq!(wrap("日本語 日本", 6), ["日本語", "日本"]);
        assert_eq!(wrap("", 6), [""]);
    }

    #[test]
    fn entries_hang_under_their_text() {
        let mut prose = Prose::new(14);
        prose.entry("Why", Role::Dim, 5, "one two three", Role::Text);
        let lines: Vec<String> =
            prose.lines.iter().map(|line| line.iter().map(|(text, _)| text.as_str()).collect()).collect();
        assert_eq!(lines, ["Why  one two", "     three"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_line_is_too_long(text in "[a-zé日 -]{0,60}", columns in 2u16..20) {
            let lines = wrap(&text, columns);
            for line in &lines {
                prop_assert!(width(line) <= columns, "{line:?}");
            }
            let kept = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(kept(&lines.concat()), kept(&composed(&text)));
        }
    }
}
