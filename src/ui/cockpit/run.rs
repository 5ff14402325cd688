//! The loop: waits for something to happen, takes everything that has happened, and draws once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use crate::actions::runner::{Order, Refusal};
use crate::checks::CHECKS;
use crate::report;
use crate::session::{Handle, Request, TerminalRequest};

use super::app::{App, Effect, Event, Notice};
use super::keyboard::Keyboard;
use super::options::Options;
use super::signals::{Signals, Word};
use super::terminal::{Screen, broken, stop};
use super::{clipboard, signals, update};
use crate::ui::{steps, words};

/// How the screens came to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The user left.
    Quit,
    /// This signal asked for it: SIGTERM, SIGHUP or SIGINT.
    Signal(i32),
}

/// The screens could not go on.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    /// The terminal refused.
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// The terminal is gone.
    #[error("the terminal is gone")]
    Gone,
    /// Another part of kubelift panicked, and has said so.
    #[error("a part of kubelift failed; what it said stands above")]
    Broken,
}

/// Shows a session on the terminal until the user leaves or a signal asks for it. The terminal is then as it was.
///
/// # Errors
/// When the terminal refuses or is gone.
pub async fn run(handle: Handle, options: Options) -> Result<Exit, UiError> {
    let mut signals = Signals::new()?;
    let mut screen = Screen::take()?;
    let size = screen.size()?;
    let mut cockpit = Cockpit::new(handle, options, size);
    let ended = show(&mut cockpit, &mut screen, &mut signals).await;
    drop(screen);
    let snapshot = &cockpit.app.snapshot;
    let left = snapshot.upgrade.as_ref().and_then(|upgrade| steps::farewell(upgrade, &snapshot.kind));
    // A recording that shows a step under way leaves none.
    if let Some(line) = left.filter(|_| !cockpit.app.context().recording) {
        eprintln!("kubelift: {}", crate::text::clean(&line));
    }
    ended
}

async fn show(cockpit: &mut Cockpit, screen: &mut Screen, signals: &mut Signals) -> Result<Exit, UiError> {
    let mut keys = Keyboard::default();
    let (mut happened, mut arrived) = (Vec::new(), Vec::new());
    loop {
        if !screen.is_ours() {
            return Err(UiError::Broken);
        }
        cockpit.draw(screen)?;
        cockpit.wait(&mut keys, signals, &mut happened).await?;
        // Keys are judged by the moment at which they came.
        cockpit.tick();
        keys.take(&mut arrived).await?;
        happened.extend(arrived.drain(..).map(Happening::Event));
        for happening in happened.drain(..) {
            match happening {
                Happening::Event(event) => {
                    if let Some(exit) = cockpit.take(event, screen, &mut keys)? {
                        return Ok(exit);
                    }
                }
                Happening::Terminal(request) => {
                    if let Some(exit) = lend(request, screen, &mut keys, signals).await? {
                        return Ok(exit);
                    }
                    cockpit.app.dirty = true;
                }
                Happening::Signal(Word::Leave(signal)) => return Ok(Exit::Signal(signal)),
                Happening::Signal(Word::Stop) => cockpit.suspend(screen, &mut keys)?,
                Happening::Signal(Word::Continue) => {
                    screen.take_again()?;
                    cockpit.app.dirty = true;
                }
            }
        }
    }
}

/// Something that the loop waits for.
enum Happening {
    Event(Event),
    Terminal(TerminalRequest),
    Signal(Word),
}

/// The state, and where its effects go.
struct Cockpit {
    app: App,
    handle: Handle,
    options: Options,
    /// Whether the session has said that no more snapshots will come.
    snapshots_end: bool,
    requests_end: bool,
    /// What comes of the order that was given last.
    answer: Option<oneshot::Receiver<Result<(), Refusal>>>,
}

impl Cockpit {
    fn new(mut handle: Handle, options: Options, size: (u16, u16)) -> Self {
        let snapshot = Arc::clone(&handle.snapshots.borrow_and_update());
        let (look, keymap) = (options.look.clone(), options.keymap.clone());
        let app = App::new(snapshot, CHECKS, look, keymap, size, Timestamp::now());
        Self { app, handle, options, snapshots_end: false, requests_end: false, answer: None }
    }

    /// Time went on.
    fn tick(&mut self) {
        update(&mut self.app, Event::Tick(Timestamp::now()));
    }

    /// Draws if anything changed, at the size that the terminal has now.
    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        self.tick();
        if !self.app.take_dirty() {
            return Ok(());
        }
        let (columns, rows) = screen.size()?;
        if (columns, rows) != self.app.size {
            update(&mut self.app, Event::Resize(columns, rows));
            self.app.take_dirty();
        }
        screen.draw(&self.app)
    }

    /// Waits until something happens. Nothing wakes it but that, and time only when time changes the words.
    async fn wait(
        &mut self,
        keys: &mut Keyboard,
        signals: &mut Signals,
        happened: &mut Vec<Happening>,
    ) -> Result<(), UiError> {
        let words_change = words::freshness(&self.app.snapshot, self.app.now).changes_in;
        let first = tokio::select! {
            word = signals.next() => Happening::Signal(word),
            key = keys.next() => match key? {
                Some(event) => Happening::Event(event),
                None => return Ok(()),
            },
            changed = self.handle.snapshots.changed(), if !self.snapshots_end => match changed {
                Ok(()) => Happening::Event(Event::Snapshot(Arc::clone(&self.handle.snapshots.borrow_and_update()))),
                Err(_) => {
                    self.snapshots_end = true;
                    return Ok(());
                }
            },
            request = self.handle.terminal.recv(), if !self.requests_end => match request {
                Some(request) => Happening::Terminal(request),
                None => {
                    self.requests_end = true;
                    return Ok(());
                }
            },
            answer = answered(&mut self.answer) => match answer {
                Some(refusal) => Happening::Event(Event::Done(Notice::refuses(refusal.to_string()))),
                None => return Ok(()),
            },
            () = broken() => return Ok(()),
            () = after(words_change) => return Ok(()),
        };
        happened.push(first);
        Ok(())
    }

    /// Takes an event into the state and carries out what follows.
    fn take(
        &mut self,
        event: Event,
        screen: &mut Screen,
        keys: &mut Keyboard,
    ) -> Result<Option<Exit>, UiError> {
        if matches!(event, Event::Resize(..)) {
            // Also where it has the same size again: what the terminal made of what was drawn is not known.
            screen.clear()?;
        }
        for effect in update(&mut self.app, event) {
            match effect {
                Effect::Quit => return Ok(Some(Exit::Quit)),
                Effect::Ask(request) => self.ask(request),
                Effect::Order(order) => self.give(order),
                Effect::Copy(text) => {
                    let notice = self.copy(screen, &text);
                    self.say(notice);
                }
                Effect::Dump => {
                    let notice = self.dump();
                    self.say(notice);
                }
                Effect::Suspend => self.suspend(screen, keys)?,
                Effect::Redraw => screen.clear()?,
            }
        }
        Ok(None)
    }

    fn ask(&mut self, request: Request) {
        if let Err(error) = self.handle.requests.try_send(request) {
            self.say(Notice::refuses(match error {
                TrySendError::Full(_) => "the session is busy with what was asked before; ask again",
                TrySendError::Closed(_) => "this session can be asked for nothing",
            }));
        }
    }

    /// Gives the runner an order; one at a time, so that each is answered.
    fn give(&mut self, order: Order) {
        if self.answer.is_some() {
            self.say(Notice::refuses("what was ordered before is not answered yet; order it again"));
            return;
        }
        let (reply, answer) = oneshot::channel();
        self.answer = Some(answer);
        self.ask(Request::Order(order, reply));
    }

    fn say(&mut self, notice: Notice) {
        update(&mut self.app, Event::Done(notice));
    }

    /// Copies by the terminal and into a file, and says where it is.
    fn copy(&self, screen: &Screen, text: &str) -> Notice {
        let sent = clipboard::sequence(text, self.options.multiplexer).map(|sequence| screen.send(&sequence));
        let asked = match sent {
            Some(Ok(())) => "and to the clipboard, if the terminal allows it",
            Some(Err(_)) => "the terminal did not take it",
            None => "it is too long for a terminal's clipboard",
        };
        match self.write("copied", "txt", text) {
            Ok(path) => Notice::says(format!("copied to {path}; {asked}")),
            Err(error) => Notice::refuses(format!("copied to no file: {error}; {asked}")),
        }
    }

    /// Writes the screen as text and the findings as JSON, and says where they are.
    fn dump(&self) -> Notice {
        let (columns, rows) = self.app.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        super::draw(&self.app, &mut buffer);
        let mut findings = Vec::new();
        let written = self.write("screen", "txt", &as_text(&buffer)).and_then(|screen| {
            report::write(&self.app.snapshot, report::Format::Json, &mut findings)?;
            let data = self.write("findings", "json", &String::from_utf8_lossy(&findings))?;
            Ok((screen, data))
        });
        match written {
            Ok((screen, data)) => Notice::says(format!("written: {screen} and {data}")),
            Err(error) => Notice::refuses(format!("dump: {error}")),
        }
    }

    fn write(&self, name: &str, extension: &str, text: &str) -> io::Result<String> {
        let folder = self.options.folder("copied");
        let folder = folder.ok_or_else(|| io::Error::other("neither HOME nor XDG_STATE_HOME is set"))?;
        let path = clipboard::write(&folder, name, extension, Timestamp::now(), text)?;
        Ok(self.options.shown(&path))
    }

    /// Gives the terminal to the shell and stops; goes on here when the shell says so.
    fn suspend(&mut self, screen: &mut Screen, keys: &mut Keyboard) -> io::Result<()> {
        keys.pause();
        screen.put_aside();
        let stopped = stop();
        screen.take_again()?;
        keys.resume();
        self.app.dirty = true;
        if let Err(error) = stopped {
            self.say(Notice::refuses(format!("suspend: {error}")));
        }
        Ok(())
    }
}

/// What is written in a buffer, a line a row.
fn as_text(buffer: &Buffer) -> String {
    use unicode_width::UnicodeWidthStr as _;
    let mut text = String::new();
    for row in buffer.content.chunks(usize::from(buffer.area.width).max(1)) {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = cell.symbol().width().max(1);
            }
            covered -= 1;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Gives the terminal to whoever asks for it until it is given back. Ctrl-C is then for them.
async fn lend(
    request: TerminalRequest,
    screen: &mut Screen,
    keys: &mut Keyboard,
    signals: &mut Signals,
) -> Result<Option<Exit>, UiError> {
    keys.pause();
    screen.put_aside();
    eprintln!("kubelift: {}", crate::text::clean(&request.why));
    if request.granted.send(()).is_ok() {
        let mut done = request.done;
        loop {
            tokio::select! {
                _ = &mut done => break,
                word = signals.next() => match word {
                    Word::Leave(signal) if signal != signals::INTERRUPT => {
                        return Ok(Some(Exit::Signal(signal)));
                    }
                    Word::Stop => stop()?,
                    Word::Leave(_) | Word::Continue => {}
                },
            }
        }
    }
    screen.take_again()?;
    keys.resume();
    Ok(None)
}

/// Waits for the answer to the order that was given last: why it was refused, if it was; for ever where there is none.
async fn answered(answer: &mut Option<oneshot::Receiver<Result<(), Refusal>>>) -> Option<Refusal> {
    let Some(waiting) = answer else { return std::future::pending().await };
    let answered = waiting.await;
    *answer = None;
    // A session that has ended answers nothing; whoever asks it next is told so.
    answered.ok().and_then(Result::err)
}

/// Waits for a time, or for ever.
async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_as_text_has_each_wide_sign_once_and_no_blanks_at_the_end() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 2));
        buffer.set_string(1, 0, "日本x", ratatui::style::Style::new());
        assert_eq!(as_text(&buffer), " 日本x\n\n");
    }
}
