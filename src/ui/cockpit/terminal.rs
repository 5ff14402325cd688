//! The terminal: taken, put aside and given back as it was, whatever happens.

use std::io::{self, IsTerminal as _, Stdout, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::{ResetColor, force_color_output};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::process::{Signal, getpgrp, kill_process_group};
use tokio::sync::Notify;

use super::app::App;

/// Whether the screen is ours just now: what a panic must give back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Tells of a panic to who waits for the next event, which may never come.
static BROKEN: Notify = Notify::const_new();

/// The terminal, while its screen is ours. Dropping it gives it back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the screen: the alternate one, without the mouse, with pastes told from keys.
    ///
    /// # Errors
    /// When standard output is no terminal, or the terminal refuses.
    pub fn take() -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::other("standard output is not a terminal; --plain needs none"));
        }
        give_back_on_panic();
        // NO_COLOR has chosen the theme already, if none was asked for; crossterm would take colours from any.
        force_color_output(true);
        let mut screen = Self { terminal: Terminal::new(CrosstermBackend::new(io::stdout()))? };
        screen.enter()?;
        Ok(screen)
    }

    fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        self.clear()
    }

    /// Puts the screen aside, for somebody else.
    pub fn put_aside(&mut self) {
        give_back();
    }

    /// Takes the screen again, with every cell to be drawn anew, be it that a shell changed the terminal
    /// meanwhile.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn take_again(&mut self) -> io::Result<()> {
        give_back();
        self.enter()
    }

    /// Forgets what is on the screen, so that every cell is drawn anew.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn clear(&mut self) -> io::Result<()> {
        // Not `Terminal::clear`, which asks the terminal where its cursor is and waits up to two seconds for
        // an answer that the keyboard's task may take away from it.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Whether the screen is still ours: a panic of another task gives it back.
    pub fn is_ours(&self) -> bool {
        TAKEN.load(Ordering::SeqCst)
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// When the terminal does not say.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn draw(&mut self, app: &App) -> io::Result<()> {
        // A terminal that knows how shows the frame at once, never half of it; others pass it over.
        execute!(io::stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| {
            if let Some(cursor) = super::draw(app, frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        })?;
        execute!(io::stdout(), EndSynchronizedUpdate)
    }

    /// Sends a sequence that draws nothing.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn send(&self, sequence: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(sequence.as_bytes())?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the screen back if it is ours, as far as the terminal still answers.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ =
            queue!(out, EndSynchronizedUpdate, ResetColor, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// Has a panic give the screen back before it says anything.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
            BROKEN.notify_one();
        }));
    });
}

/// Waits for a panic of any task, from when [`Screen::take`] took the screen.
pub async fn broken() {
    BROKEN.notified().await;
}

/// Stops this process and those that were started with it, as Ctrl-Z does; returns when it goes on.
///
/// The signal is SIGSTOP, which nobody can catch: SIGTSTP would come back to our own handler. It goes to
/// the whole group, so that the shell gets the terminal though `cargo run` or a script stands between.
///
/// # Errors
/// When the system refuses.
pub fn stop() -> io::Result<()> {
    kill_process_group(getpgrp(), Signal::STOP)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_another_task_is_told_when_nothing_else_happens() {
        give_back_on_panic();
        let waits = tokio::spawn(broken());
        tokio::task::yield_now().await;
        assert!(tokio::spawn(async { panic!("a part of the session, on purpose") }).await.is_err());
        waits.await.unwrap();
    }
}
