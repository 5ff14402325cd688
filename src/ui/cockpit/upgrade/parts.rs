//! Text in parts, each with its label: beside the text, or above it where there are few columns.

use super::super::theme::Role;
use super::super::widgets::{Prose, prose};

/// The columns of the labels before the text.
const LABEL: u16 = 10;

/// How far the second line of a command stands behind its first.
const HANG: u16 = 2;

/// With fewer columns, labels stand above the text.
const NARROW: u16 = 58;

/// Text in parts.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The text.
    pub prose: Prose,
    label: String,
}

impl Parts {
    /// No part yet, for so many columns.
    pub const fn new(columns: u16) -> Self {
        Self { prose: Prose::new(columns), label: String::new() }
    }

    /// Begins a part.
    pub fn part(&mut self, label: &str) {
        if self.prose.columns() < NARROW {
            self.prose.line([(label.to_owned(), Role::Dim)]);
        } else {
            label.clone_into(&mut self.label);
        }
    }

    /// Adds text, after the label if it is the first of its part.
    pub fn text(&mut self, text: &str, role: Role) {
        let label = std::mem::take(&mut self.label);
        self.prose.entry(&label, Role::Dim, self.indent(), text, role);
    }

    /// Adds a command behind its prompt; where it is longer than a line it hangs, so that the next one is seen to begin.
    pub fn command(&mut self, prompt: &str, command: &str) {
        let label = std::mem::take(&mut self.label);
        let indent = self.indent();
        let room = self.prose.columns().saturating_sub(indent).max(8);
        let lines = prose::wrap(&format!("{prompt}{command}"), room.saturating_sub(HANG));
        for (at, line) in lines.into_iter().enumerate() {
            let (label, hang) = if at == 0 { (label.as_str(), 0) } else { ("", HANG) };
            let before = prose::pad(label, indent + hang);
            self.prose.line([(before, Role::Dim), (line, Role::Shell)]);
        }
    }

    /// Adds text that hangs under a sign of its own.
    pub fn item(&mut self, sign: &str, sign_role: Role, text: &str, role: Role) {
        let label = std::mem::take(&mut self.label);
        let indent = self.indent();
        let room = self.prose.columns().saturating_sub(indent + 4).max(8);
        for (at, line) in prose::wrap(text, room).into_iter().enumerate() {
            let (label, sign) = if at == 0 { (label.as_str(), sign) } else { ("", "") };
            let (label, sign) = (prose::pad(label, indent), prose::pad(sign, 4));
            self.prose.line([(label, Role::Dim), (sign, sign_role), (line, role)]);
        }
    }

    /// A part of one text; none where that is empty.
    pub fn says(&mut self, label: &str, text: &str, role: Role) {
        if !text.is_empty() {
            self.part(label);
            self.text(text, role);
        }
    }

    const fn indent(&self) -> u16 {
        if self.prose.columns() < NARROW { 2 } else { LABEL }
    }
}
