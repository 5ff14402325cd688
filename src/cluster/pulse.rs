//! Whether the API answers, what time it is, and the log of what was asked: shared by all readers of one session.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::encoding::Line;
use crate::actions::ports::Clock;
use crate::evidence::ReadRecord;

/// How many requests the log keeps; the oldest go first. A recording holds what a session read, not all that
/// it asked in weeks.
const MAX_RECORDS: usize = 20_000;

/// For how long a confirmed "forbidden" is believed without asking again.
const FORBIDDEN_HOLDS: Duration = Duration::from_secs(60);

/// The pulse of one session's connection. Clones share it.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    line: Line,
    time: Time,
    /// Counts changes, so that whoever shows the log learns of them.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    gone_since: Option<Timestamp>,
    records: Arc<Vec<ReadRecord>>,
    forbidden_confirmed: Option<Instant>,
}

/// What time it is in the cluster: this machine's, but in a simulation, whose time runs ahead of it.
#[derive(Clone, Default)]
pub(super) struct Time(pub Option<Arc<dyn Clock>>);

impl std::fmt::Debug for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Time").field(&self.0.as_ref().map(|clock| clock.now())).finish()
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self::by(Time::default())
    }
}

impl Pulse {
    /// The pulse of a connection whose time is `time`.
    pub(super) fn by(time: Time) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            line: Line::default(),
            time,
            changed: watch::Sender::new(0),
        }))
    }

    /// What time it is: every moment that evidence holds is by this clock, so that ages can be told from it.
    pub fn now(&self) -> Timestamp {
        self.0.time.0.as_ref().map_or_else(Timestamp::now, |clock| clock.now())
    }

    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        // A panic elsewhere leaves plain data behind, which is as good as before.
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known of the line's speed.
    pub fn line(&self) -> &Line {
        &self.0.line
    }

    /// Notes a request and how it was answered.
    pub fn record(&self, record: ReadRecord) {
        self.with(|state| {
            let records = Arc::make_mut(&mut state.records);
            if records.len() >= MAX_RECORDS {
                records.drain(..MAX_RECORDS / 4);
            }
            records.push(record);
        });
        self.0.changed.send_modify(|count| *count += 1);
    }

    /// Notes that the cluster's entry answered.
    pub fn answered(&self) {
        if self.with(|state| state.gone_since.take()).is_some() {
            self.0.changed.send_modify(|count| *count += 1);
        }
    }

    /// Notes that the cluster's entry did not answer at `at`. What was known of rights is forgotten: a server that
    /// comes back refuses everyone in its first seconds.
    pub fn unanswered(&self, at: Timestamp) {
        self.with(|state| {
            state.gone_since.get_or_insert(at);
            state.forbidden_confirmed = None;
        });
        self.0.changed.send_modify(|count| *count += 1);
    }

    /// Since when the cluster's entry does not answer.
    pub fn gone_since(&self) -> Option<Timestamp> {
        self.with(|state| state.gone_since)
    }

    /// The log, oldest first.
    pub fn records(&self) -> Arc<Vec<ReadRecord>> {
        self.with(|state| Arc::clone(&state.records))
    }

    /// Whether a "forbidden" is to be asked again before it is believed. An API server answers 403 to everyone
    /// while its RBAC caches fill, in its first seconds; seen with 1.31.14.
    pub fn doubts_forbidden(&self) -> bool {
        self.with(|state| state.forbidden_confirmed.is_none_or(|since| since.elapsed() > FORBIDDEN_HOLDS))
    }

    /// Notes that a "forbidden" was asked again and stayed.
    pub fn forbidden_confirmed(&self) {
        self.with(|state| state.forbidden_confirmed = Some(Instant::now()));
    }

    /// Notes that something was published.
    pub fn touch(&self) {
        self.0.changed.send_modify(|count| *count += 1);
    }

    /// Wakes at each change of the log or of the connection's state.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }
}
