//! The ports: everything by which carrying out an upgrade reaches the world. They are handed in at the top, so that one
//! test can drive a whole upgrade with every fault, and stop it at every call.

use std::io;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::drain::requests::Change;
use crate::text::Text;

/// The time, and waiting.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;
    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// Where the journal is kept.
pub trait Store: Send + Sync {
    /// All that was written so far.
    ///
    /// # Errors
    /// What the file system says.
    fn read(&self) -> io::Result<Vec<u8>>;
    /// Adds to the end, and comes back when it is on the disk.
    ///
    /// # Errors
    /// What the file system says; the bytes may be there in part.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Cuts everything off behind the first `length` bytes.
    ///
    /// # Errors
    /// What the file system says.
    fn cut(&self, length: u64) -> io::Result<()>;
}

/// What the API server said to a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The message of the Status object, if there is one.
    pub message: Text,
    /// How long it asks to wait, if it does.
    pub retry_after: Option<Duration>,
}

/// Requests that change the cluster.
pub trait Changes: Send + Sync {
    /// Sends one, once.
    ///
    /// The error is why there was no answer: whether the change was made is then unknown.
    fn send<'a>(&'a self, change: &'a Change) -> BoxFuture<'a, Result<Answer, String>>;
}

/// How far a command on a machine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Lines that came since the one asked from.
    pub lines: Vec<String>,
    /// Its exit code, when it has ended.
    pub exit: Option<i32>,
}

/// Machines that run commands as named units, which go on when whoever started them is gone.
pub trait Machines: Send + Sync {
    /// Starts a line as a unit of that name. One that exists already is left as it is.
    ///
    /// The error is why it could not be started.
    fn start<'a>(&'a self, node: &'a str, unit: &'a str, line: &'a str) -> BoxFuture<'a, Result<(), String>>;
    /// What a unit has printed from a line on, counted from 0, and whether it has ended.
    ///
    /// The error is why that is not known: it may go on.
    fn output<'a>(
        &'a self,
        node: &'a str,
        unit: &'a str,
        from: usize,
    ) -> BoxFuture<'a, Result<Output, String>>;
}

/// Randomness.
pub trait Chance: Send + Sync {
    /// A word that nobody used before.
    fn nonce(&self) -> Text;
}
