//! Recordings: what was observed and done, in a file that shows when it was changed.
//!
//! A recording is lines of JSON, each `{"hash":"<64 hex digits>","frame":{…}}`. The hash is the SHA-256
//! of the hash before it, as 32 bytes (zeros for the first), and the bytes of the frame as they stand
//! there. The first frame is the header, the last one closes; between them are states, whole or as what
//! changed, and entries: what happened. See `docs/recording.md`.
//!
//! The chain finds accidents: a torn file, a flipped bit, a line edited by hand. It is not signed, so
//! it does not find a forger, who can make the whole chain anew.

mod difference;
mod frame;
mod last;
mod player;
mod reader;
mod stopwatch;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use difference::{Difference, DoesNotFit};
pub use frame::{FrameKind, Marks};
pub use player::{Player, SPEEDS, Seek, Transport};
pub use reader::{Mark, Moment, Reader, Told};
pub use stopwatch::{Stopwatch, SystemStopwatch};
pub use writer::{Kept, MAX_STATES, Recorder, STATE_EVERY, Sink, Time};

use crate::checks::Target;
use crate::evidence::{Cluster, Evidence};
use crate::text::Text;

/// The version of the file's form. A reader refuses a newer one. The first had one key frame, of evidence only.
pub const FORMAT: u32 = 2;

/// The first frame's payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// [`FORMAT`]
    pub format: u32,
    /// The version of kubelift that wrote it.
    pub kubelift: Text,
    /// Which cluster.
    pub cluster: Cluster,
    /// Where the upgrade was to go, if that was known.
    pub target: Option<Target>,
    /// What was masked: see [`crate::redact`].
    pub redaction: Text,
}

/// Why a recording could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A payload could not be turned into JSON.
    #[error("{}: the evidence could not be written as JSON: {source}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: serde_json::Error,
    },
    /// There is nothing to show in it.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong, in a sentence.
        why: String,
    },
}

impl RecordingError {
    /// The same, of the file that the user named.
    fn of(self, name: &Path) -> Self {
        let path = name.to_owned();
        match self {
            Self::Io { source, .. } => Self::Io { path, source },
            Self::Encode { source, .. } => Self::Encode { path, source },
            Self::Unreadable { why, .. } => Self::Unreadable { path, why },
        }
    }
}

/// Whether the chain of a recording holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chain {
    /// From the header to the closing frame.
    Whole,
    /// It holds as far as it goes, but the closing frame is missing: the writer was stopped.
    Cut {
        /// How many frames hold.
        frames: u64,
    },
    /// A frame does not belong where it stands: the file was changed.
    Changed {
        /// The number of the first such frame.
        frame: u64,
        /// What is wrong with it.
        why: String,
    },
}

impl Chain {
    /// What must be known before the evidence is believed, in a sentence.
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Cut { frames } => {
                Some(format!("the recording is cut: {frames} frames hold, its end is missing"))
            }
            Self::Changed { frame, why } => {
                Some(format!("the recording was CHANGED at frame {frame}: {why}"))
            }
        }
    }
}

/// A recording that was read, at its end.
#[derive(Debug)]
pub struct Recording {
    /// Its first frame.
    pub header: Header,
    /// The evidence of its last state that holds.
    pub evidence: Evidence,
    /// When that was written.
    pub at: Timestamp,
    /// Whether the chain holds.
    pub chain: Chain,
}

/// Writes all of `evidence` to `path` as a recording with one state, readable by its owner only.
///
/// It is written beside `path` first and renamed when it is whole and on disk, so a file by that name is
/// always complete.
///
/// # Errors
/// When the file cannot be written; what stood at `path` is then unchanged.
pub fn write_once(
    path: &Path,
    evidence: &Evidence,
    target: Option<&Target>,
    now: Timestamp,
) -> Result<(), RecordingError> {
    let io = |source| RecordingError::Io { path: path.to_owned(), source };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = path.with_file_name(name);
    let now = Time { mono: Duration::ZERO, wall: now };
    let written = Recorder::create(&part, &evidence.cluster, target, now).and_then(|mut recorder| {
        match recorder.state(evidence, &Value::Null, now)? {
            Kept::Written | Kept::Same => recorder.close(now),
            Kept::Full => Err(io(io::ErrorKind::FileTooLarge.into())),
        }
    });
    if let Err(error) = written {
        // The half-written file is of no use to anyone; the first error is the one to report.
        drop(std::fs::remove_file(&part));
        return Err(error.of(path));
    }
    std::fs::rename(&part, path).map_err(io)?;
    let folder =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

/// Reads the last state of a recording, as far as its chain holds.
///
/// # Errors
/// When the file cannot be read, is no recording, is of a newer form, or has no evidence that holds.
pub fn read(path: &Path) -> Result<Recording, RecordingError> {
    let mut reader = Reader::open(path)?;
    loop {
        let frames = reader.marks().len();
        match reader.moment(frames) {
            Ok(Some(Moment { evidence, at, .. })) => {
                return Ok(Recording {
                    header: reader.header().clone(),
                    evidence,
                    at,
                    chain: reader.chain().clone(),
                });
            }
            Ok(None) => {
                let why = "no evidence in it holds: it was cut or changed too early".to_owned();
                return Err(RecordingError::Unreadable { path: path.to_owned(), why });
            }
            // A frame that does not fit was the end of what holds: what is before it may.
            Err(_) if reader.marks().len() < frames => {}
            Err(error) => return Err(error),
        }
    }
}
