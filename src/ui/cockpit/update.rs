//! What events do to the state.

use crate::checks::Finding;
use crate::session::Request;
use crate::session::recording::Transport;

use super::app::{App, Detail, Effect, Event, Focus, Identity, Layer, Lines, Notice, Typing};
use super::chord::Chord;
use super::cursor::{Cursor, Motion};
use super::editor::Editor;
use super::follow::{follow_identities, refill, take};
use super::layers::{self, detail, palette};
use super::theme::Theme;
use super::upgrade;
use crate::ui::commands::{Argument, Command, Place};
use crate::ui::filter::Filter;
use crate::ui::words;
use crate::ui::words::version;

/// Takes an event into the state; what is to be done about it is given back.
pub fn update(app: &mut App, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    match event {
        Event::Key(chord) => key(app, chord, &mut effects),
        Event::Paste(text) => paste(app, &text),
        Event::Resize(columns, rows) => app.size = (columns, rows),
        Event::Snapshot(snapshot) => take(app, snapshot),
        Event::Tick(now) => {
            app.tick = now;
            upgrade::act::tick(app, now);
            let before = words::freshness(&app.snapshot, app.now).text;
            // A simulation's time runs ahead of this machine's.
            let now = now.max(app.snapshot.evidence.at);
            app.now = now;
            if words::freshness(&app.snapshot, now).text == before {
                return effects;
            }
        }
        Event::Done(notice) => app.notice = Some(notice),
    }
    app.settle();
    app.dirty = true;
    effects
}

fn key(app: &mut App, chord: Chord, effects: &mut Vec<Effect>) {
    if let Some(Layer::Ask(dialogue)) = app.layers.last()
        && dialogue.is_dead(app.tick)
    {
        return;
    }
    app.notice = None;
    let place = app.place();
    let of_replay =
        app.keymap.command(Place::Replay, chord).filter(|_| app.context().replay && !place.is_typing());
    match of_replay.or_else(|| app.keymap.command(place, chord)) {
        Some(command) => run(app, command, "", effects),
        None => {
            if let (true, Some(c)) = (place.is_typing(), chord.typed()) {
                typed(app, |editor| editor.insert(c.encode_utf8(&mut [0; 4])));
            }
        }
    }
    if app.place() == Place::Findings {
        remember(app);
    }
}

/// From now on it is this finding that is chosen, wherever it is in later snapshots.
fn remember(app: &mut App) {
    let identity = app.row(app.findings_cursor().at).map(Identity::of);
    if let (Some((_, own)), Some(identity)) =
        (app.readiness.findings.get_mut(app.readiness.panes.at), identity)
    {
        *own = Some(identity);
    }
}

fn paste(app: &mut App, text: &str) {
    app.notice = None;
    if app.place().is_typing() {
        typed(app, |editor| editor.insert(text.trim()));
    } else {
        app.notice = Some(Notice::refuses("what was pasted was not taken as keys"));
    }
}

/// Changes what is being typed, and what follows from it.
fn typed(app: &mut App, change: impl FnOnce(&mut Editor)) {
    let (typing, editor, cursor) = match app.layers.last_mut() {
        Some(Layer::Typing(typing, editor, cursor)) => (typing, editor, cursor),
        Some(Layer::Ask(dialogue)) => return dialogue.typed(change),
        _ => return,
    };
    let before = editor.text();
    change(editor);
    let text = editor.text();
    if text == before {
        return;
    }
    *cursor = Cursor::default();
    if *typing == Typing::Filter {
        set_filter(app, &text);
    }
}

/// Runs a command, if it can run here and now.
#[expect(clippy::too_many_lines, reason = "a table: each command, and what it does")]
pub(super) fn run(app: &mut App, command: Command, argument: &str, effects: &mut Vec<Effect>) {
    if let Some(reason) = command.why_not(&app.context()) {
        app.notice = Some(Notice::refuses(format!("{}: {reason}", command.name())));
        return;
    }
    match command {
        Command::Help => {
            toggle(app, |layer| matches!(layer, Layer::Help(_)), |_| Layer::Help(Cursor::default()))
        }
        Command::Palette => {
            app.layers.push(Layer::Typing(Typing::Palette, Editor::default(), Cursor::default()));
        }
        Command::Filter if !argument.is_empty() => set_filter(app, argument),
        Command::Filter => {
            let editor = Editor::new(app.filter().text());
            app.layers.push(Layer::Typing(Typing::Filter, editor, Cursor::default()));
        }
        Command::Target if !argument.is_empty() => target(app, argument, effects),
        Command::Target => {
            app.layers.push(Layer::Typing(Typing::Target, Editor::default(), Cursor::default()))
        }
        Command::PlayPause => ask(effects, Transport::PlayPause),
        Command::NextFailure => ask(effects, Transport::NextFailure),
        Command::NextConfirmation => ask(effects, Transport::NextConfirmation),
        Command::StepForward => ask(effects, Transport::StepForward),
        Command::StepBack => ask(effects, Transport::StepBack),
        Command::Faster => ask(effects, Transport::Faster),
        Command::Slower => ask(effects, Transport::Slower),
        Command::Seek if !argument.is_empty() => seek(app, argument, effects),
        Command::Seek => app.layers.push(Layer::Typing(Typing::Seek, Editor::default(), Cursor::default())),
        Command::Open => open(app, argument),
        Command::Back => back(app),
        Command::SwitchFocus if app.place() == Place::Plan => app.guide.switch(),
        Command::SwitchFocus => {
            app.readiness.focus = match app.readiness.focus {
                Focus::Panes => Focus::Findings,
                Focus::Findings => Focus::Panes,
            };
        }
        Command::FocusPanes => app.readiness.focus = Focus::Panes,
        Command::FocusFindings => app.readiness.focus = Focus::Findings,
        Command::NextPane => move_pane(app, Motion::Down),
        Command::PreviousPane => move_pane(app, Motion::Up),
        Command::NextFinding => move_finding(app, Motion::Down),
        Command::PreviousFinding => move_finding(app, Motion::Up),
        Command::Evidence => show_section(app, detail::Section::Evidence),
        Command::Remedy => show_section(app, detail::Section::Remedy),
        Command::Copy => effects.extend(layers::copied(app).map(Effect::Copy)),
        Command::CopyAll => effects.extend(app.chosen().map(|finding| Effect::Copy(words::in_full(finding)))),
        Command::Readiness => {
            app.layers.clear();
            app.readiness.focus = Focus::Panes;
        }
        Command::Log => {
            toggle(app, |layer| matches!(layer, Layer::Log(_)), |app| Layer::Log(layers::log::lines(app)))
        }
        Command::Unread => {
            toggle(
                app,
                |layer| matches!(layer, Layer::Unread(_)),
                |app| Layer::Unread(layers::unread::lines(app)),
            );
        }
        Command::Refresh => {
            effects.push(Effect::Ask(Request::Refresh));
            app.notice = Some(Notice::says("reading everything again"));
        }
        Command::Theme => theme(app, argument),
        Command::Plan
        | Command::Run
        | Command::Yes
        | Command::No
        | Command::Said
        | Command::Consent
        | Command::Failed
        | Command::Skip
        | Command::Retry
        | Command::Stop => upgrade::act::run(app, command, argument, effects),
        Command::Press => upgrade::act::press(app, effects),
        Command::NextButton => upgrade::act::next_button(app),
        Command::Dump => effects.push(Effect::Dump),
        Command::Up => moved(app, Motion::Up),
        Command::Down => moved(app, Motion::Down),
        Command::PageUp => moved(app, Motion::PageUp),
        Command::PageDown => moved(app, Motion::PageDown),
        Command::First => moved(app, Motion::First),
        Command::Last => moved(app, Motion::Last),
        Command::Redraw => effects.push(Effect::Redraw),
        Command::Suspend => effects.push(Effect::Suspend),
        Command::Quit => upgrade::act::quit(app, effects),
        Command::Accept => accept(app, effects),
        Command::Cancel => cancel(app),
        Command::Complete => complete(app),
        Command::NextChoice => choose(app, Motion::Down),
        Command::PreviousChoice => choose(app, Motion::Up),
        Command::Erase
        | Command::EraseWord
        | Command::EraseAll
        | Command::CursorLeft
        | Command::CursorRight
        | Command::CursorStart
        | Command::CursorEnd => typed(app, |editor| {
            editor.run(command);
        }),
    }
}

/// Leaves the screen if it is there, else lays it on top.
fn toggle(app: &mut App, is: fn(&Layer) -> bool, make: fn(&App) -> Layer) {
    let there = app.layers.len();
    app.layers.retain(|layer| !is(layer));
    if app.layers.len() == there {
        let layer = make(app);
        app.layers.push(layer);
    }
}

fn open(app: &mut App, argument: &str) {
    if !argument.is_empty() {
        let Some(at) = app.checks.iter().position(|check| check.id == argument) else {
            app.notice = Some(Notice::refuses(format!("open: there is no pane `{argument}`")));
            return;
        };
        app.layers.clear();
        app.readiness.panes.at = at;
        app.readiness.focus = Focus::Findings;
        return;
    }
    match app.place() {
        Place::Panes => app.readiness.focus = Focus::Findings,
        Place::Findings => show(app, app.chosen().cloned()),
        _ => {}
    }
}

/// Shows a finding on the whole screen.
fn show(app: &mut App, finding: Option<Finding>) {
    let Some(finding) = finding else { return };
    app.layers.retain(|layer| !matches!(layer, Layer::Detail(_)));
    app.layers.push(Layer::Detail(Box::new(Detail { finding, gone: false, scroll: Cursor::default() })));
}

fn show_section(app: &mut App, section: detail::Section) {
    if app.place() != Place::Detail {
        show(app, app.chosen().cloned());
    }
    let Some(Layer::Detail(detail)) = app.layers.last() else { return };
    let start = detail::page(app, detail).start(section);
    if let Some(Layer::Detail(detail)) = app.layers.last_mut() {
        detail.scroll.top = start;
    }
}

/// One step back: first the filter of this screen goes, then the screen, then the focus.
fn back(app: &mut App) {
    let has_list = !matches!(app.place(), Place::Detail | Place::Help | Place::Plan);
    if has_list && !app.filter().is_empty() {
        set_filter(app, "");
    } else if app.layers.pop().is_none() {
        app.readiness.focus = Focus::Panes;
    }
}

fn move_pane(app: &mut App, motion: Motion) {
    app.readiness.panes.go(motion, app.checks.len(), usize::MAX);
}

/// Shows the finding before or after that of the detail.
fn move_finding(app: &mut App, motion: Motion) {
    let rows = app.pane().map_or(0, |(_, pane)| pane.rows.len());
    move_findings(app, motion, rows);
    show(app, app.row(app.findings_cursor().at).cloned());
}

fn move_findings(app: &mut App, motion: Motion, page: usize) {
    let rows = app.pane().map_or(0, |(_, pane)| pane.rows.len());
    if let Some((cursor, _)) = app.readiness.findings.get_mut(app.readiness.panes.at) {
        cursor.go(motion, rows, page);
    }
    remember(app);
}

fn moved(app: &mut App, motion: Motion) {
    let layout = app.layout();
    let len = app.layers.last().map_or(0, |layer| layers::len(app, layer));
    match app.layers.last_mut() {
        Some(Layer::Log(lines) | Layer::Unread(lines)) => {
            lines.cursor.go(motion, len, layout.lines_page());
            lines.follow = lines.follow_from_end(len);
        }
        Some(Layer::Detail(detail)) => detail.scroll.scroll(motion, len, layout.text_page()),
        Some(Layer::Help(scroll)) => scroll.scroll(motion, len, layout.text_page()),
        Some(Layer::Typing(..)) => {}
        Some(Layer::Plan) => upgrade::act::moved(app, motion),
        Some(Layer::Ask(_)) => upgrade::act::scroll(app, motion),
        None => {
            let parts = app.parts();
            match app.readiness.focus {
                Focus::Panes => app.readiness.panes.go(motion, app.checks.len(), parts.panes_page()),
                Focus::Findings => move_findings(app, motion, parts.findings_page()),
            }
        }
    }
}

fn choose(app: &mut App, motion: Motion) {
    let page = app.layout().palette_page();
    let len = app.layers.last().map_or(0, |layer| layers::len(app, layer));
    if let Some(Layer::Typing(_, _, cursor)) = app.layers.last_mut() {
        cursor.go(motion, len, page);
    }
}

fn set_filter(app: &mut App, text: &str) {
    let filter = Filter::new(text);
    let lines = app.layers.iter().rposition(|layer| matches!(layer, Layer::Log(_) | Layer::Unread(_)));
    let Some(at) = lines else {
        app.readiness.filter = filter;
        app.view.filter(&app.snapshot, &app.readiness.filter);
        follow_identities(app);
        return;
    };
    if let Some(Layer::Log(lines) | Layer::Unread(lines)) = app.layers.get_mut(at) {
        lines.filter = filter;
    }
    refill(app);
}

fn target(app: &mut App, text: &str, effects: &mut Vec<Effect>) {
    match version(text.trim()) {
        Ok(version) => {
            app.notice = Some(Notice::says(format!("judging by {version}")));
            effects.push(Effect::Ask(Request::Target(Some(version))));
        }
        Err(error) => app.notice = Some(Notice::refuses(format!("target: {error}"))),
    }
}

/// Asks a replay to play, pause or go elsewhere.
fn ask(effects: &mut Vec<Effect>, transport: Transport) {
    effects.push(Effect::Ask(Request::Replay(transport)));
}

fn seek(app: &mut App, text: &str, effects: &mut Vec<Effect>) {
    match text.parse() {
        Ok(place) => ask(effects, Transport::Seek(place)),
        Err(error) => app.notice = Some(Notice::refuses(format!("seek: {error}"))),
    }
}

fn theme(app: &mut App, name: &str) {
    match Theme::load(name, app.look.depth) {
        Ok(theme) => app.look.theme = theme,
        Err(error) => app.notice = Some(Notice::refuses(error.to_string())),
    }
}

fn accept(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Layer::Typing(typing, editor, cursor)) = app.layers.pop() else { return };
    let text = editor.text();
    match typing {
        // The filter is there already: it was set as it was typed.
        Typing::Filter => {}
        Typing::Target if text.trim().is_empty() => {
            app.notice = Some(Notice::says("judging by the newest known patch of the next minor"));
            effects.push(Effect::Ask(Request::Target(None)));
        }
        Typing::Target => target(app, &text, effects),
        Typing::Seek if text.trim().is_empty() => {}
        Typing::Seek => seek(app, &text, effects),
        Typing::Palette => match palette::chosen(app, &text, cursor.at) {
            Ok((command, argument)) => run_named(app, command, &argument, effects),
            Err(reason) => app.notice = Some(Notice::refuses(reason)),
        },
    }
}

/// Runs a command that was named, where it applies.
fn run_named(app: &mut App, command: Command, argument: &str, effects: &mut Vec<Effect>) {
    let spec = command.spec();
    if !app.context().has(command) {
        let text = format!("{}: it does not apply on this screen", spec.name);
        app.notice = Some(Notice::refuses(text));
    } else if spec.argument == Argument::None && !argument.is_empty() {
        app.notice = Some(Notice::refuses(format!("{}: it takes no words after it", spec.name)));
    } else {
        run(app, command, argument, effects);
    }
}

fn cancel(app: &mut App) {
    if let Some(Layer::Typing(Typing::Filter, ..)) = app.layers.pop() {
        set_filter(app, "");
    }
}

fn complete(app: &mut App) {
    let Some(Layer::Typing(Typing::Palette, editor, cursor)) = app.layers.last() else { return };
    let Some(text) = palette::completed(app, &editor.text(), cursor.at) else { return };
    if let Some(Layer::Typing(_, editor, cursor)) = app.layers.last_mut() {
        *editor = Editor::new(&text);
        *cursor = Cursor::default();
    }
}

impl Lines {
    /// Whether the end is followed: where the last line is the chosen one.
    const fn follow_from_end(&self, len: usize) -> bool {
        self.cursor.at + 1 >= len
    }
}
