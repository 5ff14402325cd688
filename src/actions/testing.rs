//! Ports for tests: a clock that is set, a store in memory, randomness that counts.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use super::ports::{Chance, Clock, Store};
use crate::checks::testing::now;
use crate::text::Text;

/// A clock that stands still until it is moved.
pub(crate) struct SetClock(Mutex<Timestamp>);

impl Default for SetClock {
    fn default() -> Self {
        Self(Mutex::new(now()))
    }
}

impl SetClock {
    pub(crate) fn pass(&self, seconds: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A journal in memory, which can be made to refuse.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) bytes: Mutex<Vec<u8>>,
    pub(crate) full: AtomicBool,
}

impl Store for Memory {
    fn read(&self) -> io::Result<Vec<u8>> {
        Ok(self.bytes.lock().unwrap().clone())
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::Error::other("no space left on device"));
        }
        self.bytes.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.bytes.lock().unwrap().truncate(usize::try_from(length).unwrap());
        Ok(())
    }
}

/// `nonce-1`, `nonce-2`, …
#[derive(Default)]
pub(crate) struct Counting(AtomicUsize);

impl Chance for Counting {
    fn nonce(&self) -> Text {
        Text::new(&format!("nonce-{}", self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }
}
