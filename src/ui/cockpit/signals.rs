//! Signals: what others want of kubelift.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// To leave, by the number of SIGTERM, SIGHUP or SIGINT.
    Leave(i32),
    /// To stop, as by Ctrl-Z.
    Stop,
    /// That it goes on after a stop.
    Continue,
}

/// The signals that matter.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
    stop: Signal,
    go_on: Signal,
}

/// SIGTSTP and SIGCONT by their numbers on Linux, which tokio has no names for.
const SIGTSTP: i32 = rustix::process::Signal::TSTP.as_raw();
const SIGCONT: i32 = rustix::process::Signal::CONT.as_raw();
/// SIGINT by its number.
pub const INTERRUPT: i32 = rustix::process::Signal::INT.as_raw();

impl Signals {
    /// Listens from now on, in place of what the signals would do.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(SIGTSTP))?,
            go_on: signal(SignalKind::from_raw(SIGCONT))?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.terminate.recv() => Word::Leave(SignalKind::terminate().as_raw_value()),
            _ = self.hang_up.recv() => Word::Leave(SignalKind::hangup().as_raw_value()),
            _ = self.interrupt.recv() => Word::Leave(SignalKind::interrupt().as_raw_value()),
            _ = self.stop.recv() => Word::Stop,
            _ = self.go_on.recv() => Word::Continue,
        }
    }
}
