//! The help: keys and commands from their table, the signs, and what each pane decides.

use crate::checks::Severity;

use super::super::app::App;
use super::super::cursor::Cursor;
use super::super::panes::screen;
use super::super::roles;
use super::super::theme::Role;
use super::super::widgets::paint::width;
use super::super::widgets::prose::pad;
use super::super::widgets::{Painter, Prose};
use crate::ui::commands::{Command, Place};

/// The text, at the present size.
pub fn prose(app: &App) -> Prose {
    let mut prose = Prose::new(app.layout().content().width);
    let typing = |command: &Command| {
        let places = command.spec().places;
        [Place::Filter, Place::Palette, Place::Prompt, Place::Ask]
            .into_iter()
            .any(|place| places.contain(place))
            && !places.contain(Place::Panes)
    };
    let on_screens = Command::ALL.iter().copied().filter(|command| command.spec().places.are_on_screens());
    let (typed, others): (Vec<_>, Vec<_>) = on_screens.partition(typing);
    let of_replay = |command: &Command| command.spec().places.contain(Place::Replay);
    let (replay, others): (Vec<_>, Vec<_>) = others.into_iter().partition(of_replay);
    let (steering, screens): (Vec<_>, Vec<_>) = others.into_iter().partition(|command| command.steers());
    let (replays, changes) = (app.context().replay, app.snapshot.kind.changes());
    if replays {
        commands(app, &mut prose, "In this replay, before all other keys", &replay);
    }
    if changes {
        commands(app, &mut prose, "In this upgrade", &steering);
    }
    commands(app, &mut prose, "Keys, and the same commands by name after :", &screens);
    commands(app, &mut prose, "While typing", &typed);
    if !changes {
        commands(app, &mut prose, "In an upgrade", &steering);
    }
    if !replays {
        commands(app, &mut prose, "In a replay, before all other keys", &replay);
    }
    signs(app, &mut prose);
    prose.line([("Panes".to_owned(), Role::Strong)]);
    let titles = app.checks.iter().map(|check| width(check.title)).max().unwrap_or(0);
    for check in app.checks {
        entry(app, &mut prose, check.title, titles, check.about);
    }
    prose.gap();
    prose.entry("", Role::Text, 0, "All times are in UTC. The mouse is left to the terminal.", Role::Dim);
    prose
}

fn commands(app: &App, prose: &mut Prose, title: &str, commands: &[Command]) {
    prose.line([(title.to_owned(), Role::Strong)]);
    let keys = commands.iter().map(|command| width(&keys(app, *command))).max().unwrap_or(0);
    let names = commands.iter().map(|command| width(&usage(*command))).max().unwrap_or(0);
    for command in commands {
        let (key, name) = (self::keys(app, *command), usage(*command));
        if app.layout().framed() {
            let head = format!("{}  {}", pad(&key, keys), pad(&name, names));
            prose.entry(&head, Role::Key, keys + names + 4, &doc(app, *command), Role::Text);
        } else {
            prose.line([(pad(&key, width(&key) + 2), Role::Key), (name, Role::Text)]);
            prose.entry("", Role::Text, 2, &doc(app, *command), Role::Dim);
        }
    }
    prose.gap();
}

fn entry(app: &App, prose: &mut Prose, label: &str, columns: u16, text: &str) {
    if app.layout().framed() {
        prose.entry(label, Role::Text, columns + 2, text, Role::Dim);
    } else {
        prose.line([(label.to_owned(), Role::Text)]);
        prose.entry("", Role::Text, 2, text, Role::Dim);
    }
}

fn signs(app: &App, prose: &mut Prose) {
    prose.line([("Signs".to_owned(), Role::Strong)]);
    let glyphs = app.look.glyphs;
    for (severity, meaning) in [
        (Severity::Blocker, "the upgrade would fail, or something would stop working by it"),
        (Severity::Unknown, "it was not read, so nothing can be said: never the same as ok"),
        (Severity::Warning, "it should be mended, and does not stop this hop"),
        (Severity::Notice, "worth knowing"),
        (Severity::Pass, "it was read, and is fine"),
    ] {
        prose.line([
            (format!("{} ", glyphs.of(severity)), roles::severity(severity)),
            (
                pad(if severity == Severity::Pass { "ok" } else { severity.as_str() }, 9),
                roles::severity(severity),
            ),
            (meaning.to_owned(), Role::Dim),
        ]);
    }
    prose.line([
        (format!("{} ", glyphs.reading), Role::Reading),
        (pad("reading", 9), Role::Reading),
        ("it is still being read for the first time".to_owned(), Role::Dim),
    ]);
    prose.gap();
}

fn keys(app: &App, command: Command) -> String {
    app.keymap.chords(command).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn usage(command: Command) -> String {
    let spec = command.spec();
    format!("{}{}", spec.name, spec.argument.usage())
}

/// The command's line, and why it cannot run now.
fn doc(app: &App, command: Command) -> String {
    let spec = command.spec();
    let context = app.context();
    let of_replay = context.replay && spec.places.contain(Place::Replay);
    match command.why_not(&context).filter(|_| of_replay || spec.places.contain(Place::Panes)) {
        Some(reason) => format!("{}. Not now: {reason}", spec.doc),
        None => spec.doc.to_owned(),
    }
}

/// Draws it.
pub fn draw(app: &App, scroll: Cursor, painter: &mut Painter<'_>) {
    let prose = prose(app);
    let area = screen::open(
        app,
        painter,
        app.layout().body,
        "Help",
        concat!("kubelift ", env!("CARGO_PKG_VERSION")),
    );
    let left = prose.draw(painter, area.x, area.y, scroll.top, area.height);
    screen::more(app, painter, app.layout().body, scroll.top, left);
}
