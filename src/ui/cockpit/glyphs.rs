//! The signs that stand beside words: Unicode where the terminal has it, ASCII elsewhere.
//!
//! No sign stands alone: a word says the same. None is an emoji, for their width is disputed.

use ratatui::buffer::Buffer;

use crate::checks::Severity;

/// A set of signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// A blocker.
    pub blocker: &'static str,
    /// Something unknown.
    pub unknown: &'static str,
    /// A warning.
    pub warning: &'static str,
    /// A notice.
    pub notice: &'static str,
    /// All is well: blank, so that what is not well stands out.
    pub pass: &'static str,
    /// It is being read.
    pub reading: &'static str,
    /// A step that is over.
    pub done: &'static str,
    /// A step under way.
    pub running: &'static str,
    /// A step that can be run.
    pub ready: &'static str,
    /// The chosen line.
    pub chosen: &'static str,
    /// From a version to another.
    pub arrow: &'static str,
    /// Between two words of a line.
    pub dot: &'static str,
    /// In place of what was cut off.
    pub ellipsis: &'static str,
    /// The lines of frames, by where they go: bit 0 up, 1 right, 2 down, 3 left.
    pub lines: [&'static str; 16],
    /// Whether all of it, and all that is shown with it, is ASCII.
    pub ascii: bool,
}

/// For terminals that have Unicode.
pub const UNICODE: Glyphs = Glyphs {
    blocker: "✗",
    unknown: "?",
    warning: "!",
    notice: "·",
    pass: " ",
    reading: "…",
    done: "✓",
    running: "●",
    ready: "○",
    chosen: "▸",
    arrow: "→",
    dot: "·",
    ellipsis: "…",
    lines: [" ", "│", "─", "└", "│", "│", "┌", "├", "─", "┘", "─", "┴", "┐", "┤", "┬", "┼"],
    ascii: false,
};

/// For serial consoles, and for locales without UTF-8.
pub const ASCII: Glyphs = Glyphs {
    blocker: "X",
    unknown: "?",
    warning: "!",
    notice: "-",
    pass: " ",
    reading: "~",
    done: "+",
    running: "*",
    ready: "o",
    chosen: ">",
    arrow: "->",
    dot: "-",
    ellipsis: "~",
    lines: [" ", "|", "-", "+", "|", "|", "+", "+", "-", "+", "-", "+", "+", "+", "+", "+"],
    ascii: true,
};

impl Glyphs {
    /// The sign of a severity.
    pub const fn of(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Blocker => self.blocker,
            Severity::Unknown => self.unknown,
            Severity::Warning => self.warning,
            Severity::Notice => self.notice,
            Severity::Pass => self.pass,
        }
    }
}

/// Replaces what is not ASCII, wherever it came from, cell by cell: nothing moves.
pub fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        let like = match cell.symbol() {
            "→" => ">",
            "←" => "<",
            "–" | "—" | "−" | "·" | "•" => "-",
            "…" => "~",
            "‘" | "’" => "'",
            "“" | "”" | "„" => "\"",
            "×" => "x",
            "≤" => "<",
            "≥" => ">",
            _ => "?",
        };
        cell.set_symbol(like);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn every_ascii_sign_is_ascii_and_severities_differ_where_they_must() {
        for sign in ASCII.lines.iter().chain([&ASCII.blocker, &ASCII.arrow, &ASCII.chosen]) {
            assert!(sign.is_ascii());
        }
        for glyphs in [UNICODE, ASCII] {
            let mut signs: Vec<_> = Severity::ALL.into_iter().map(|severity| glyphs.of(severity)).collect();
            signs.sort_unstable();
            signs.dedup();
            assert_eq!(signs.len(), Severity::ALL.len(), "meaning is never in the colour alone");
        }
    }

    #[test]
    fn other_scripts_become_question_marks_in_place() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, "日→ö x", Style::new());
        to_ascii(&mut buffer);
        let text: String = buffer.content.iter().map(|cell| cell.symbol().to_owned()).collect();
        assert_eq!(text, "? >? x  ");
    }
}
