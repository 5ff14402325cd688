//! The clocks by which a recording is written: those of whoever looks on, also where a simulation has a time of its own.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::Time;

/// The time of a recording, and waiting.
pub trait Stopwatch: Send + Sync {
    /// When it is, by both clocks.
    fn now(&self) -> Time;
    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// This machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemStopwatch(Instant);

impl SystemStopwatch {
    /// One that begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Stopwatch for SystemStopwatch {
    fn now(&self) -> Time {
        Time { mono: self.0.elapsed(), wall: Timestamp::now() }
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}
