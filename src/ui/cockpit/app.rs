//! The state of the screens, and what can happen to it.
//!
//! There is one owner: [`App`]. [`update()`](super::update()) takes an event and gives back effects for the
//! loop to carry out; drawing only borrows. Layers lie on each other: keys go to the topmost, drawing
//! begins at the lowest that covers the screen.

use std::sync::Arc;

use jiff::Timestamp;

use crate::actions::runner::Order;
use crate::checks::{Check, Finding, Subject};
use crate::session::{Kind, Request, Snapshot};

use super::chord::Chord;
use super::cursor::Cursor;
use super::editor::Editor;
use super::keymap::Keymap;
use super::layers;
use super::layout::{Layout, Parts, Room};
use super::upgrade::{self, Dialogue, Guide};
use super::view::{PaneView, View};
use super::widgets::Look;
use crate::ui::commands::{Context, Place};
use crate::ui::filter::Filter;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A key was pressed.
    Key(Chord),
    /// Text was pasted: never keys, whatever is in it.
    Paste(String),
    /// The terminal has another size, in columns and rows.
    Resize(u16, u16),
    /// The session knows something new.
    Snapshot(Arc<Snapshot>),
    /// Time went on.
    Tick(Timestamp),
    /// An effect came to its end: what to say about it.
    Done(Notice),
}

/// Something that [`super::run()`] is to do.
#[derive(Debug)]
pub enum Effect {
    /// Leave.
    Quit,
    /// Give the runner an order.
    Order(Order),
    /// Ask the session for something.
    Ask(Request),
    /// Copy text to the clipboard and into a file.
    Copy(String),
    /// Write the findings as JSON, and the screen as text, into files.
    Dump,
    /// Give the terminal back to the shell and stop.
    Suspend,
    /// Draw every cell again.
    Redraw,
}

/// What is said at the foot of the screen until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// In a sentence.
    pub text: String,
    /// Whether it says why something was not done.
    pub refused: bool,
}

impl Notice {
    /// That something was done.
    pub fn says(text: impl Into<String>) -> Self {
        Self { text: text.into(), refused: false }
    }

    /// Why something was not done.
    pub fn refuses(text: impl Into<String>) -> Self {
        Self { text: text.into(), refused: true }
    }
}

/// What makes a finding the same one in a later snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    check: String,
    code: String,
    subject: Subject,
    message: String,
}

impl Identity {
    /// That of a finding.
    pub fn of(finding: &Finding) -> Self {
        Self {
            check: finding.check.clone(),
            code: finding.code.clone(),
            subject: finding.subject.clone(),
            message: finding.message.clone(),
        }
    }

    /// Where it is among `findings`: the very same, or else one that differs in its message only.
    pub fn find<'a>(&self, findings: impl Iterator<Item = &'a Finding>) -> Option<usize> {
        let mut like = None;
        for (at, finding) in findings.enumerate() {
            let same =
                finding.check == self.check && finding.code == self.code && finding.subject == self.subject;
            if same && finding.message == self.message {
                return Some(at);
            }
            if same && like.is_none() {
                like = Some(at);
            }
        }
        like
    }
}

/// Which half of the first screen has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// The list of panes.
    #[default]
    Panes,
    /// The findings of the chosen pane.
    Findings,
}

/// The first screen.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    /// Which half has the focus.
    pub focus: Focus,
    /// The chosen pane.
    pub panes: Cursor,
    /// For each pane: where one is in its findings, and on which.
    pub findings: Vec<(Cursor, Option<Identity>)>,
    /// What is shown of the findings, in every pane.
    pub filter: Filter,
}

/// One finding on the whole screen.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The finding, kept when later snapshots no longer have it.
    pub finding: Finding,
    /// Whether the newest snapshot no longer has it.
    pub gone: bool,
    /// What part of it is seen.
    pub scroll: Cursor,
}

/// The log of everything that was asked, or the list of what was not read.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// Where one is.
    pub cursor: Cursor,
    /// What is shown.
    pub filter: Filter,
    /// The lines that the filter shows, by their number.
    pub rows: Vec<u32>,
    /// Whether the end is followed as lines are added.
    pub follow: bool,
}

/// What is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// A filter for the list below.
    Filter,
    /// A command's name.
    Palette,
    /// A target version.
    Target,
    /// A place in a recording.
    Seek,
}

/// Something that lies on the first screen.
#[derive(Debug, Clone)]
pub enum Layer {
    /// One finding.
    Detail(Box<Detail>),
    /// The log.
    Log(Lines),
    /// What was not read.
    Unread(Lines),
    /// The help.
    Help(Cursor),
    /// The plan of an upgrade.
    Plan,
    /// A question about a step.
    Ask(Box<Dialogue>),
    /// Something is being typed; the cursor is that of the palette's list.
    Typing(Typing, Editor, Cursor),
}

impl Layer {
    /// Where its keys are looked up.
    pub const fn place(&self) -> Place {
        match self {
            Self::Detail(_) => Place::Detail,
            Self::Log(_) => Place::Log,
            Self::Unread(_) => Place::Unread,
            Self::Help(_) => Place::Help,
            Self::Plan => Place::Plan,
            Self::Ask(_) => Place::Ask,
            Self::Typing(Typing::Filter, ..) => Place::Filter,
            Self::Typing(Typing::Palette, ..) => Place::Palette,
            Self::Typing(Typing::Target | Typing::Seek, ..) => Place::Prompt,
        }
    }
}

/// The state of the screens.
#[derive(Debug, Clone)]
pub struct App {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) checks: &'static [Check],
    pub(super) view: View,
    pub(super) readiness: Readiness,
    pub(super) layers: Vec<Layer>,
    pub(super) guide: Guide,
    pub(super) size: (u16, u16),
    /// The time that ages are told by: a simulation's, where that runs ahead.
    pub(super) now: Timestamp,
    /// This machine's time, by which keys are pressed.
    pub(super) tick: Timestamp,
    pub(super) look: Look,
    pub(super) keymap: Keymap,
    pub(super) notice: Option<Notice>,
    pub(super) dirty: bool,
}

impl App {
    /// The first screen, of `size` columns and rows.
    pub fn new(
        snapshot: Arc<Snapshot>,
        checks: &'static [Check],
        look: Look,
        keymap: Keymap,
        size: (u16, u16),
        now: Timestamp,
    ) -> Self {
        let readiness =
            Readiness { findings: vec![(Cursor::default(), None); checks.len()], ..Readiness::default() };
        let before = Snapshot { upgrade: None, no_upgrade: None, ..Snapshot::clone(&snapshot) };
        let view = View::new(&snapshot, checks, &readiness.filter);
        let mut app = Self {
            snapshot,
            checks,
            view,
            readiness,
            layers: Vec::new(),
            guide: Guide::default(),
            size,
            now,
            tick: now,
            look,
            keymap,
            notice: None,
            dirty: true,
        };
        upgrade::act::take(&mut app, &before);
        app.settle();
        app
    }

    /// Whether something changed since this was last asked.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// The newest snapshot.
    pub const fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Where the next key is looked up.
    pub fn place(&self) -> Place {
        self.layers.last().map_or_else(|| self.base_place(), Layer::place)
    }

    const fn base_place(&self) -> Place {
        match self.readiness.focus {
            Focus::Panes => Place::Panes,
            Focus::Findings => Place::Findings,
        }
    }

    /// The place of the topmost screen, below what is being typed.
    pub fn screen_place(&self) -> Place {
        let screen = self.layers.iter().rev().find(|layer| !layer.place().is_typing());
        screen.map_or_else(|| self.base_place(), Layer::place)
    }

    /// Where things are, at the present size.
    pub fn layout(&self) -> Layout {
        let layout = Layout::of(self.size);
        match &self.snapshot.playback {
            // In a recording of an upgrade something is done.
            Some(playback) => layout.with_bar(!playback.marks.is_empty()),
            None => layout,
        }
    }

    /// Where the parts of the first screen are. The filter does not count: nothing is to move as it is typed.
    pub fn parts(&self) -> Parts {
        let findings = self.pane().map_or(0, |(_, pane)| pane.all.len());
        self.layout().readiness(self.readiness.focus, self.view.facts.len(), self.checks.len(), findings)
    }

    /// The chosen pane's check and what is derived for it.
    pub fn pane(&self) -> Option<(&'static Check, &PaneView)> {
        let at = self.readiness.panes.at;
        Some((self.checks.get(at)?, self.view.panes.get(at)?))
    }

    /// The finding in a row of the chosen pane.
    pub fn row(&self, row: usize) -> Option<&Finding> {
        let (_, pane) = self.pane()?;
        self.snapshot.findings.get(*pane.rows.get(row)? as usize)
    }

    /// The finding that commands are about: that of the detail, or the chosen one.
    pub fn chosen(&self) -> Option<&Finding> {
        let detail = self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Detail(detail) => Some(&detail.finding),
            _ => None,
        });
        detail.or_else(|| self.row(self.findings_cursor().at))
    }

    /// Where one is in the findings of the chosen pane.
    pub fn findings_cursor(&self) -> Cursor {
        self.readiness.findings.get(self.readiness.panes.at).map(|(cursor, _)| *cursor).unwrap_or_default()
    }

    /// The filter of the topmost list.
    pub fn filter(&self) -> &Filter {
        let lines = self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Log(lines) | Layer::Unread(lines) => Some(&lines.filter),
            _ => None,
        });
        lines.unwrap_or(&self.readiness.filter)
    }

    /// What commands may know, for the topmost screen.
    pub fn context(&self) -> Context {
        let place = self.screen_place();
        // Where panes and findings take turns, the chosen finding is not on the screen.
        let seen = place != Place::Panes || self.layout().room == Room::Wide;
        let finding = self.chosen().filter(|_| seen);
        let remedy = finding.and_then(|finding| finding.remedy.as_ref());
        let copyable = match self.layers.iter().rev().find(|layer| !layer.place().is_typing()) {
            Some(Layer::Log(lines) | Layer::Unread(lines)) => !lines.rows.is_empty(),
            Some(Layer::Plan) => upgrade::state::chosen(self).is_some_and(|step| !step.commands.is_empty()),
            _ => remedy.is_some_and(|remedy| !remedy.commands.is_empty()),
        };
        let playback = self.snapshot.playback.as_ref();
        Context {
            place,
            recording: matches!(self.snapshot.kind, Kind::Recording { .. } | Kind::Replay { .. }),
            replay: playback.is_some(),
            failure_follows: playback.is_some_and(|playback| playback.failure_follows),
            confirmation_follows: playback.is_some_and(|playback| playback.confirmation_follows),
            behind: place != Place::Panes || !self.readiness.filter.is_empty(),
            finding: finding.is_some(),
            remedy: remedy.is_some(),
            copyable,
            evidence: finding.is_some_and(|finding| !finding.evidence.is_empty()),
            upgrade: upgrade::state::context(self),
        }
    }

    /// Keeps every cursor within its list and in sight, at the present size.
    pub(super) fn settle(&mut self) {
        let layout = self.layout();
        self.settle_plan();
        self.readiness.panes.settle(self.checks.len(), self.parts().panes_page());
        let page = self.parts().findings_page();
        let rows: Vec<usize> = self.view.panes.iter().map(|pane| pane.rows.len()).collect();
        for ((cursor, _), rows) in self.readiness.findings.iter_mut().zip(rows) {
            cursor.settle(rows, page);
        }
        let lens: Vec<usize> = self.layers.iter().map(|layer| layers::len(self, layer)).collect();
        for (layer, len) in self.layers.iter_mut().zip(lens) {
            match layer {
                Layer::Log(lines) | Layer::Unread(lines) => {
                    if lines.follow {
                        lines.cursor.at = len.saturating_sub(1);
                    }
                    lines.cursor.settle(len, layout.lines_page());
                }
                Layer::Detail(detail) => detail.scroll.settle_scroll(len, layout.text_page()),
                Layer::Help(scroll) => scroll.settle_scroll(len, layout.text_page()),
                Layer::Typing(_, _, cursor) => cursor.settle(len, layout.palette_page()),
                Layer::Plan => {}
                Layer::Ask(dialogue) => dialogue.scroll.settle_scroll(len, layout.text_page()),
            }
        }
    }

    fn settle_plan(&mut self) {
        let Some(upgrade) = self.snapshot.upgrade.clone() else { return };
        let page = upgrade::screen::places(self).list_page();
        self.guide.settle(&upgrade, page);
        let ((says, seen), (output, printed)) = upgrade::screen::extent(self);
        self.guide.scroll.settle_scroll(says, seen);
        self.guide.back = self.guide.back.min(output.saturating_sub(printed));
    }
}
