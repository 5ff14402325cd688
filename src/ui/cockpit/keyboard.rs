//! The keyboard: events of the terminal as events of the state.

use std::future::poll_fn;
use std::task::Poll;

use crossterm::event::{self, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use futures::{Stream as _, StreamExt as _};

use super::app::Event;
use super::chord::{Chord, Key};
use super::run::UiError;

/// The most events that are taken before the screen is drawn: a flood must not keep it from being drawn.
const BATCH: usize = 512;

/// The keyboard. Paused, nothing of kubelift reads from the terminal.
#[derive(Debug)]
pub struct Keyboard {
    stream: Option<EventStream>,
}

impl Default for Keyboard {
    /// Reads from now on.
    fn default() -> Self {
        Self { stream: Some(EventStream::new()) }
    }
}

impl Keyboard {
    /// Reads no more, until [`Keyboard::resume`].
    pub fn pause(&mut self) {
        self.stream = None;
    }

    /// Reads again.
    pub fn resume(&mut self) {
        self.stream = Some(EventStream::new());
    }

    /// The next event; `None` for one that means nothing here.
    ///
    /// # Errors
    /// When the terminal is gone, or cannot be read.
    pub async fn next(&mut self) -> Result<Option<Event>, UiError> {
        let Some(stream) = &mut self.stream else { return std::future::pending().await };
        match stream.next().await {
            Some(event) => Ok(translate(event?)),
            None => Err(UiError::Gone),
        }
    }

    /// Takes what has arrived already. The stream is asked by the task's own waker: it keeps the waker of
    /// its first pending answer, and would wake nobody if that were an empty one.
    ///
    /// # Errors
    /// When the terminal is gone, or cannot be read.
    pub async fn take(&mut self, arrived: &mut Vec<Event>) -> Result<(), UiError> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mut stream = std::pin::Pin::new(stream);
        for _ in 0..BATCH {
            let next = poll_fn(|context| match stream.as_mut().poll_next(context) {
                Poll::Ready(event) => Poll::Ready(Some(event)),
                Poll::Pending => Poll::Ready(None),
            });
            match next.await {
                None => return Ok(()),
                Some(None) => return Err(UiError::Gone),
                Some(Some(event)) => arrived.extend(translate(event?)),
            }
        }
        Ok(())
    }
}

/// What an event of the terminal means here.
fn translate(event: event::Event) -> Option<Event> {
    match event {
        event::Event::Key(key) if key.kind != KeyEventKind::Release => {
            chord(key.code, key.modifiers).map(Event::Key)
        }
        event::Event::Paste(text) => Some(Event::Paste(text)),
        event::Event::Resize(columns, rows) => Some(Event::Resize(columns, rows)),
        _ => None,
    }
}

fn chord(code: KeyCode, modifiers: KeyModifiers) -> Option<Chord> {
    let key = match code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab | KeyCode::BackTab => Key::Tab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Insert => Key::Insert,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::F(n) => Key::F(n),
        _ => return None,
    };
    let is_char = matches!(key, Key::Char(_));
    Some(Chord {
        key,
        ctrl: modifiers.contains(KeyModifiers::CONTROL),
        alt: modifiers.contains(KeyModifiers::ALT),
        // Shift is in the character already; a terminal tells it of Tab by another code.
        shift: !is_char && (modifiers.contains(KeyModifiers::SHIFT) || code == KeyCode::BackTab),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_sends_is_what_a_keymap_writes() {
        let none = KeyModifiers::NONE;
        for (code, modifiers, text) in [
            (KeyCode::Char('G'), KeyModifiers::SHIFT, "G"),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, "ctrl-c"),
            (KeyCode::BackTab, KeyModifiers::SHIFT, "shift-tab"),
            (KeyCode::BackTab, none, "shift-tab"),
            (KeyCode::Char(' '), none, "space"),
            (KeyCode::Up, KeyModifiers::SHIFT, "shift-up"),
            (KeyCode::Char('x'), KeyModifiers::ALT, "alt-x"),
        ] {
            assert_eq!(chord(code, modifiers), Some(text.parse().unwrap()), "{text}");
        }
    }
}
