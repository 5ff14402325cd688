//! The palette: commands by name, with completion.

use super::super::app::App;
use super::super::cursor::Cursor;
use super::super::editor::Editor;
use super::super::theme::{BUILT_IN, Role};
use super::super::widgets::paint::width;
use super::super::widgets::{Frame, Painter};
use crate::ui::commands::{Argument, Command};
use ratatui::layout::Rect;

/// A line of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The command.
    pub command: Command,
    /// What it takes, if this line stands for one of the things that it can take.
    pub argument: Option<&'static str>,
    /// What the line says of it.
    pub about: &'static str,
    /// Why it cannot run now.
    pub why_not: Option<&'static str>,
}

impl Choice {
    /// As one would type it.
    pub fn text(&self) -> String {
        let name = self.command.name();
        self.argument.map_or_else(|| name.to_owned(), |argument| format!("{name} {argument}"))
    }
}

/// The lines for what was typed: commands of the screen below whose name has it, those that begin with it
/// first; after a command and a space, what it can take.
pub fn choices(app: &App, typed: &str) -> Vec<Choice> {
    if let Some((command, argument)) = split(typed) {
        return arguments(app, command, argument.trim());
    }
    let typed = typed.trim().to_lowercase();
    let context = app.context();
    let here = Command::ALL.iter().copied().filter(|command| context.has(*command));
    let mut choices: Vec<Choice> = here
        .filter(|command| *command != Command::Palette && command.name().contains(&typed))
        .map(|command| Choice {
            command,
            argument: None,
            about: command.spec().doc,
            why_not: command.why_not(&context),
        })
        .collect();
    choices.sort_by_key(|choice| !choice.command.name().starts_with(&typed));
    choices
}

/// The command and the rest, where a whole name and a space were typed.
fn split(typed: &str) -> Option<(Command, &str)> {
    let (name, rest) = typed.trim_start().split_once(' ')?;
    Some((Command::of(name)?, rest))
}

fn arguments(app: &App, command: Command, argument: &str) -> Vec<Choice> {
    let all: Vec<(&'static str, &'static str)> = match command.spec().argument {
        Argument::Pane => app.checks.iter().map(|check| (check.id, check.title)).collect(),
        Argument::Theme => BUILT_IN.iter().map(|(name, _)| (*name, "built in")).collect(),
        Argument::None
        | Argument::Version
        | Argument::Words
        | Argument::Time
        | Argument::Step
        | Argument::StepWords
        | Argument::Answer => Vec::new(),
    };
    all.into_iter()
        .filter(|(name, _)| name.contains(argument))
        .map(|(name, about)| Choice { command, argument: Some(name), about, why_not: None })
        .collect()
}

/// What runs for what was typed and the chosen line.
///
/// # Errors
/// A sentence, where nothing was meant.
pub fn chosen(app: &App, typed: &str, at: usize) -> Result<(Command, String), String> {
    let choices = choices(app, typed);
    if let Some((command, argument)) = split(typed) {
        let argument = argument.trim();
        // What was typed in full counts; a beginning is completed by the chosen line.
        let exact = choices.iter().any(|choice| choice.argument == Some(argument));
        let completed = choices.get(at).and_then(|choice| choice.argument).filter(|_| !exact);
        return Ok((command, completed.unwrap_or(argument).to_owned()));
    }
    let exact = Command::of(typed.trim());
    match exact.or_else(|| choices.get(at).map(|choice| choice.command)) {
        Some(command) => Ok((command, String::new())),
        None => Err(format!("there is no command `{}` here", typed.trim())),
    }
}

/// What was typed, completed by the chosen line.
pub fn completed(app: &App, typed: &str, at: usize) -> Option<String> {
    let choice = choices(app, typed).into_iter().nth(at)?;
    let more = choice.argument.is_none() && choice.command.spec().argument != Argument::None;
    Some(choice.text() + if more { " " } else { "" })
}

/// Draws it.
pub fn draw(app: &App, editor: &Editor, cursor: Cursor, painter: &mut Painter<'_>) {
    let typed = editor.text();
    let choices = choices(app, &typed);
    let mut area = app.layout().palette();
    let needed = u16::try_from(choices.len().max(1)).unwrap_or(u16::MAX).saturating_add(3);
    area.height = area.height.min(needed);
    painter.clear(area);
    Frame { focused: true, ..Frame::new(area, "Commands") }.draw(painter);
    let inner = Frame::inner(area);
    let columns = inner.width.saturating_sub(1);
    super::typing::line(painter, inner.x + 1, inner.y, columns, ":", editor);
    if choices.is_empty() {
        let free = split(&typed).is_some_and(|(command, _)| command.spec().argument != Argument::None);
        let text = if free { "" } else { "There is no such command here." };
        painter.put(inner.x + 2, inner.y + 1, columns, text, Role::Dim);
    }
    let names = choices.iter().map(|choice| width(&choice.text())).max().unwrap_or(0).min(inner.width / 2);
    let page = inner.height.saturating_sub(1);
    for (row, at) in (0..page).zip(cursor.top..choices.len()) {
        let Some(choice) = choices.get(at) else { break };
        let line = Rect { y: inner.y + 1 + row, height: 1, ..inner };
        draw_choice(app, painter, line, names, choice);
        if at == cursor.at {
            painter.put(line.x, line.y, 1, app.look.glyphs.chosen, Role::Text);
            painter.tint(line, Role::Chosen);
        }
    }
}

fn draw_choice(app: &App, painter: &mut Painter<'_>, line: Rect, names: u16, choice: &Choice) {
    let role = if choice.why_not.is_some() { Role::Dim } else { Role::Text };
    painter.put(line.x + 2, line.y, names, &choice.text(), role);
    let key = app.keymap.chords(choice.command).first().map(ToString::to_string).unwrap_or_default();
    let key = if choice.argument.is_some() { String::new() } else { key };
    let end = painter.put_right(line.right().saturating_sub(1), line.y, 10, &key, Role::Key);
    let about = choice.why_not.map_or_else(|| choice.about.to_owned(), |reason| format!("not now: {reason}"));
    let x = line.x + 2 + names + 2;
    painter.put(x, line.y, end.saturating_sub(x + 1), &about, Role::Dim);
}
