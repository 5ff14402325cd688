//! Writing a recording while it happens: each frame is a whole line, and what matters is on disk when it is said.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::frame::{self, FrameKind, Hash, Head, Marks};
use super::last::Last;
use super::{FORMAT, Header, RecordingError};
use crate::checks::Target;
use crate::evidence::{Cluster, Evidence};
use crate::redact::{POLICY, redact_value};

/// States are written at most this often.
pub const STATE_EVERY: Duration = Duration::from_secs(1);

/// After this many differences a whole state is written, so that a replay need not apply more of them.
const KEY_EVERY: u32 = 600;

/// How large a recording grows by states, in bytes. Entries are written on.
pub const MAX_STATES: u64 = 1 << 30;

/// How much larger it grows by entries, in bytes.
const MAX_ENTRIES: u64 = 64 << 20;

/// When something happened, by two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Since any moment that stays the same, by a clock that does not jump.
    pub mono: Duration,
    /// The time of day.
    pub wall: Timestamp,
}

/// Where the lines of a recording go.
pub trait Sink: Send {
    /// Writes a whole line.
    ///
    /// # Errors
    /// When it is not, or not wholly, written.
    fn append(&mut self, line: &[u8]) -> io::Result<()>;

    /// Comes back when everything is on disk.
    ///
    /// # Errors
    /// When that is not certain.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.write_all(line)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// What became of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is in the recording.
    Written,
    /// It is what the state before was.
    Same,
    /// The recording has reached [`MAX_STATES`]: no state is written any more, entries are.
    Full,
}

/// A recording that is being written. Dropped without [`Recorder::close`], it is *cut*.
pub struct Recorder {
    path: PathBuf,
    sink: Box<dyn Sink>,
    began: Duration,
    mono: u64,
    seq: u64,
    hash: Hash,
    size: u64,
    states: u64,
    last: Option<Last>,
    /// How large that would be as a key frame, in bytes, as far as known from the last one.
    key_size: usize,
    differences: u32,
    last_state: Option<Duration>,
    full: bool,
    broken: bool,
    /// How large it grows by states, and at all.
    limits: (u64, u64),
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("path", &self.path).field("seq", &self.seq).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Begins a recording in a new file, readable by its owner only. No link is followed, nothing replaced.
    ///
    /// # Errors
    /// When there is something by that name, or it cannot be written.
    pub fn create(
        path: &Path,
        cluster: &Cluster,
        target: Option<&Target>,
        now: Time,
    ) -> Result<Self, RecordingError> {
        let io = |source| RecordingError::Io { path: path.to_owned(), source };
        let file = crate::private::new_file(path).map_err(io)?;
        Self::begin(path, Box::new(file), cluster, target, now)
    }

    /// Begins a recording that goes to `sink`; errors name `path`.
    ///
    /// # Errors
    /// When the header cannot be written.
    pub fn begin(
        path: &Path,
        sink: Box<dyn Sink>,
        cluster: &Cluster,
        target: Option<&Target>,
        now: Time,
    ) -> Result<Self, RecordingError> {
        let mut recorder = Self {
            path: path.to_owned(),
            sink,
            began: now.mono,
            mono: 0,
            seq: 0,
            hash: [0; 32],
            size: 0,
            states: 0,
            last: None,
            key_size: 0,
            differences: 0,
            last_state: None,
            full: false,
            broken: false,
            limits: (MAX_STATES, MAX_STATES + MAX_ENTRIES),
        };
        let header = Header {
            format: FORMAT,
            kubelift: env!("CARGO_PKG_VERSION").into(),
            cluster: cluster.clone(),
            target: target.cloned(),
            redaction: POLICY.into(),
        };
        let header = recorder.masked(&header)?;
        recorder.frame(FrameKind::Header, Marks::default(), &header, now)?;
        recorder.sync()?;
        Ok(recorder)
    }

    /// The same with other limits than [`MAX_STATES`] and what entries may add to it: how large it grows by states, and how
    /// large at all, in bytes.
    #[must_use]
    pub const fn within(mut self, states: u64, all: u64) -> Self {
        self.limits = (states, all);
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How large it is, in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// How many states were written.
    pub const fn states(&self) -> u64 {
        self.states
    }

    /// Whether no state is written any more: see [`MAX_STATES`].
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// How long until the next state may be written; nothing if it may be now.
    pub fn due_in(&self, mono: Duration) -> Duration {
        let next = self.last_state.map_or(Duration::ZERO, |last| last + STATE_EVERY);
        next.saturating_sub(mono)
    }

    /// Writes what is known of the cluster and of the upgrade, which is null in an inspection: all of it, or
    /// what changed. Too soon after the last one ([`Recorder::due_in`]) it is written all the same: waiting is up
    /// to whoever calls.
    ///
    /// # Errors
    /// When it cannot be written. Nothing can be written any more then: what was begun would not fit.
    pub fn state(&mut self, evidence: &Evidence, upgrade: &Value, now: Time) -> Result<Kept, RecordingError> {
        if self.full {
            return Ok(Kept::Full);
        }
        self.last_state = Some(now.mono);
        let (difference, last) = match self.last.take() {
            Some(last) => last.next(evidence, upgrade).map_err(|source| self.encode(source))?,
            None => {
                let last = Last::new(evidence, upgrade).map_err(|source| self.encode(source))?;
                let kept = self.key_frame(last.state(), now)?;
                self.last = Some(last).filter(|_| kept == Kept::Written);
                return Ok(kept);
            }
        };
        let kept = match difference {
            None => Kept::Same,
            Some(difference) if self.differences < KEY_EVERY => {
                let difference = serde_json::to_value(&difference).map_err(|source| self.encode(source))?;
                self.difference(&difference, last.state(), now)?
            }
            Some(_) => self.key_frame(last.state(), now)?,
        };
        self.last = Some(last).filter(|_| kept != Kept::Full);
        Ok(kept)
    }

    /// Writes something that happened: a JSON object with `what`, `text` and perhaps `step`. It is on disk when
    /// this comes back.
    ///
    /// # Errors
    /// As [`Recorder::state`].
    pub fn entry(&mut self, entry: &impl Serialize, marks: Marks, now: Time) -> Result<(), RecordingError> {
        let entry = self.masked(entry)?;
        self.frame(FrameKind::Entry, marks, &entry, now)?;
        self.sync()
    }

    /// Ends the recording properly.
    ///
    /// # Errors
    /// As [`Recorder::state`].
    pub fn close(mut self, now: Time) -> Result<(), RecordingError> {
        self.frame(FrameKind::Close, Marks::default(), &Value::Null, now)?;
        self.sync()
    }

    fn key_frame(&mut self, state: &Value, now: Time) -> Result<Kept, RecordingError> {
        let kept = self.bounded(FrameKind::KeyFrame, state, now)?;
        self.differences = 0;
        self.sync()?;
        Ok(kept)
    }

    /// Writes what changed, or all of it where that is not much more.
    fn difference(&mut self, difference: &Value, state: &Value, now: Time) -> Result<Kept, RecordingError> {
        let size = serde_json::to_vec(difference).map_err(|source| self.encode(source))?.len();
        if size > self.key_size / 2 {
            return self.key_frame(state, now);
        }
        self.differences += 1;
        self.bounded(FrameKind::Difference, difference, now)
    }

    /// Writes a frame of states, unless there are too many of them already.
    fn bounded(&mut self, kind: FrameKind, payload: &Value, now: Time) -> Result<Kept, RecordingError> {
        let (line, hash, size) = self.line(kind, Marks::default(), payload, now)?;
        if self.size + line.len() as u64 > self.limits.0 {
            self.full = true;
            return Ok(Kept::Full);
        }
        if kind == FrameKind::KeyFrame {
            self.key_size = size;
        }
        self.append(&line, hash)?;
        self.states += 1;
        Ok(Kept::Written)
    }

    fn frame(
        &mut self,
        kind: FrameKind,
        marks: Marks,
        payload: &Value,
        now: Time,
    ) -> Result<(), RecordingError> {
        let (line, hash, _) = self.line(kind, marks, payload, now)?;
        if self.size + line.len() as u64 > self.limits.1 {
            let full = io::Error::new(io::ErrorKind::FileTooLarge, "the recording is as large as it may be");
            return Err(self.io(full));
        }
        self.append(&line, hash)
    }

    fn line(
        &mut self,
        kind: FrameKind,
        marks: Marks,
        payload: &Value,
        now: Time,
    ) -> Result<(Vec<u8>, Hash, usize), RecordingError> {
        let since = now.mono.saturating_sub(self.began).as_micros();
        // Threads may hand in their times in another order than they took them.
        self.mono = self.mono.max(u64::try_from(since).unwrap_or(u64::MAX));
        let Marks { failure, confirmation } = marks;
        let head = Head { seq: self.seq, mono: self.mono, wall: now.wall, kind, failure, confirmation };
        frame::line(head, payload, &self.hash).map_err(|source| self.encode(source))
    }

    fn append(&mut self, line: &[u8], hash: Hash) -> Result<(), RecordingError> {
        if self.broken {
            return Err(self.io(io::Error::other("a frame before this could not be written")));
        }
        if let Err(error) = self.sink.append(line) {
            // Half a line may stand there, and whatever followed it would look like a change.
            self.broken = true;
            return Err(self.io(error));
        }
        self.size += line.len() as u64;
        self.hash = hash;
        self.seq += 1;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), RecordingError> {
        self.sink.sync().map_err(|error| {
            self.broken = true;
            RecordingError::Io { path: self.path.clone(), source: error }
        })
    }

    /// The payload with its secrets taken out.
    fn masked(&self, payload: &impl Serialize) -> Result<Value, RecordingError> {
        let mut payload = serde_json::to_value(payload).map_err(|source| self.encode(source))?;
        redact_value(&mut payload);
        Ok(payload)
    }

    fn io(&self, source: io::Error) -> RecordingError {
        RecordingError::Io { path: self.path.clone(), source }
    }

    fn encode(&self, source: serde_json::Error) -> RecordingError {
        RecordingError::Encode { path: self.path.clone(), source }
    }
}
