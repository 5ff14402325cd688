//! Recordings: what was observed, in a file that shows when it was changed.
//!
//! A recording is lines of JSON, each `{"hash":"<64 hex digits>","frame":{…}}`. The hash is the SHA-256
//! of the hash before it, as 32 bytes (zeros for the first), and the bytes of the frame as they stand
//! there. The first frame is the header, the last one closes. See `docs/recording.md`.
//!
//! The chain finds accidents: a torn file, a flipped bit, a line edited by hand. It is not signed, so
//! it does not find a forger, who can make the whole chain anew.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checks::Target;
use crate::evidence::{Cluster, Evidence};
use crate::redact::{POLICY, redact_value};
use crate::text::Text;

/// The version of the file's form. A reader refuses a newer one.
pub const FORMAT: u32 = 1;

/// The longest frame that is read, in bytes: the evidence of 100,000 pods takes about a quarter of it.
const MAX_FRAME: u64 = 512 << 20;

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

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameKind {
    /// [`Header`]
    Header,
    /// The whole [`Evidence`].
    KeyFrame,
    /// The end: nothing follows.
    Close,
}

/// A line without its hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Frame<P> {
    /// Counts from 0.
    seq: u64,
    /// Microseconds since the recording began, by a clock that does not jump.
    mono: u64,
    /// The time of day.
    wall: Timestamp,
    kind: FrameKind,
    payload: P,
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

/// A recording that was read.
#[derive(Debug)]
pub struct Recording {
    /// Its first frame.
    pub header: Header,
    /// The evidence of its last key frame that holds, and when that was written.
    pub evidence: Evidence,
    /// The time of the key frame.
    pub at: Timestamp,
    /// Whether the chain holds.
    pub chain: Chain,
}

/// Writes all of `evidence` to `path` as a recording with one key frame, readable by its owner only.
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
    let written = write_frames(&part, path, evidence, target, now);
    if let Err(error) = written {
        // The half-written file is of no use to anyone; the first error is the one to report.
        drop(std::fs::remove_file(&part));
        return Err(error);
    }
    std::fs::rename(&part, path).map_err(io)?;
    let folder =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

/// Writes the frames into the file `part`; errors name `path`, which is what the user asked for.
fn write_frames(
    part: &Path,
    path: &Path,
    evidence: &Evidence,
    target: Option<&Target>,
    now: Timestamp,
) -> Result<(), RecordingError> {
    let mut writer = Writer::create(part, path, now)?;
    let header = Header {
        format: FORMAT,
        kubelift: env!("CARGO_PKG_VERSION").into(),
        cluster: evidence.cluster.clone(),
        target: target.cloned(),
        redaction: POLICY.into(),
    };
    writer.frame(FrameKind::Header, &header)?;
    writer.frame(FrameKind::KeyFrame, evidence)?;
    writer.frame(FrameKind::Close, &Value::Null)?;
    writer.finish()
}

struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    wall: Timestamp,
    seq: u64,
    hash: [u8; 32],
}

impl Writer {
    fn create(part: &Path, path: &Path, wall: Timestamp) -> Result<Self, RecordingError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file =
            options.open(part).map_err(|source| RecordingError::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), wall, seq: 0, hash: [0; 32] })
    }

    fn frame(&mut self, kind: FrameKind, payload: &impl Serialize) -> Result<(), RecordingError> {
        let encode = |source| RecordingError::Encode { path: self.path.clone(), source };
        let mut payload = serde_json::to_value(payload).map_err(encode)?;
        redact_value(&mut payload);
        let frame = serde_json::to_vec(&Frame { seq: self.seq, mono: 0, wall: self.wall, kind, payload })
            .map_err(encode)?;
        self.hash = chain(&self.hash, &frame);
        self.seq += 1;
        let line = [b"{\"hash\":\"", hex(&self.hash).as_bytes(), b"\",\"frame\":", &frame, b"}\n"].concat();
        self.file.write_all(&line).map_err(|source| RecordingError::Io { path: self.path.clone(), source })
    }

    fn finish(self) -> Result<(), RecordingError> {
        let synced =
            self.file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        synced.map_err(|source| RecordingError::Io { path: self.path, source })
    }
}

/// Reads a recording, as far as its chain holds.
///
/// # Errors
/// When the file cannot be read, is no recording, is of a newer form, or has no evidence that holds.
pub fn read(path: &Path) -> Result<Recording, RecordingError> {
    let unreadable = |why: String| RecordingError::Unreadable { path: path.to_owned(), why };
    let file = File::open(path).map_err(|source| RecordingError::Io { path: path.to_owned(), source })?;
    let mut frames = Frames { lines: BufReader::new(file), hash: [0; 32], seq: 0 };

    let header = match frames.next() {
        Next::Frame(frame) if frame.kind == FrameKind::Header => payload::<Header>(frame.payload),
        Next::Frame(_) | Next::End => return Err(unreadable("it is not a kubelift recording".to_owned())),
        Next::Broken(why) => {
            return Err(unreadable(format!(
                "it is not a kubelift recording, or its header was changed: {why}"
            )));
        }
    };
    let header = header.map_err(|error| unreadable(format!("its header is not understood: {error}")))?;
    if header.format > FORMAT {
        let why =
            format!("its form {} is newer than this kubelift, which reads up to {FORMAT}", header.format);
        return Err(unreadable(why));
    }

    let mut evidence = None;
    let mut closed = false;
    let chain = loop {
        match frames.next() {
            Next::Frame(_) if closed => break changed(frames.seq - 1, "it follows the closing frame"),
            Next::Frame(frame) => match frame.kind {
                FrameKind::Header => break changed(frames.seq - 1, "it is a second header"),
                FrameKind::Close => closed = true,
                FrameKind::KeyFrame => match payload::<Evidence>(frame.payload) {
                    Ok(read) => evidence = Some((read, frame.wall)),
                    Err(error) => {
                        return Err(unreadable(format!("the evidence in it is not understood: {error}")));
                    }
                },
            },
            Next::End if closed => break Chain::Whole,
            Next::End => break Chain::Cut { frames: frames.seq },
            Next::Broken(why) if why == TORN && !closed => break Chain::Cut { frames: frames.seq },
            Next::Broken(why) => break changed(frames.seq, &why),
        }
    };
    let (evidence, at) = evidence
        .ok_or_else(|| unreadable("no evidence in it holds: it was cut or changed too early".to_owned()))?;
    if evidence.format > crate::evidence::FORMAT {
        return Err(unreadable(format!(
            "its evidence has the form {}, newer than this kubelift's",
            evidence.format
        )));
    }
    Ok(Recording { header, evidence, at, chain })
}

fn changed(frame: u64, why: &str) -> Chain {
    Chain::Changed { frame, why: why.to_owned() }
}

fn payload<T: DeserializeOwned>(value: Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(value)
}

/// A last line without its line feed: what a writer leaves that was stopped in the middle.
const TORN: &str = "the line is torn off";

enum Next {
    Frame(Frame<Value>),
    End,
    Broken(String),
}

struct Frames<R> {
    lines: R,
    hash: [u8; 32],
    seq: u64,
}

impl<R: BufRead> Frames<R> {
    fn next(&mut self) -> Next {
        let mut line = Vec::new();
        match (&mut self.lines).take(MAX_FRAME).read_until(b'\n', &mut line) {
            Err(error) => return Next::Broken(format!("it could not be read: {error}")),
            Ok(0) => return Next::End,
            Ok(_) if line.last() != Some(&b'\n') => return Next::Broken(TORN.to_owned()),
            Ok(_) => {}
        }
        let Some((claimed, frame)) = split(&line) else {
            return Next::Broken("the line is not of a recording's form".to_owned());
        };
        let hash = chain(&self.hash, frame);
        if hex(&hash) != claimed {
            return Next::Broken("its hash is not that of its bytes and the frame before".to_owned());
        }
        match serde_json::from_slice::<Frame<Value>>(frame) {
            Ok(parsed) if parsed.seq == self.seq => {
                self.hash = hash;
                self.seq += 1;
                Next::Frame(parsed)
            }
            Ok(parsed) => Next::Broken(format!("it is numbered {}, not {}", parsed.seq, self.seq)),
            Err(error) => Next::Broken(format!("it is not understood: {error}")),
        }
    }
}

/// The hash and the frame's bytes of a line.
fn split(line: &[u8]) -> Option<(&str, &[u8])> {
    let rest = line.strip_prefix(b"{\"hash\":\"")?;
    let (hash, rest) = rest.split_at_checked(64)?;
    let frame = rest.strip_prefix(b"\",\"frame\":")?.strip_suffix(b"}\n")?;
    Some((std::str::from_utf8(hash).ok()?, frame))
}

fn chain(before: &[u8; 32], frame: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(before);
    context.update(frame);
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Scope;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn evidence() -> Evidence {
        let cluster = Cluster { name: "prod".into(), server: "10.0.0.1:6443".into(), ..Cluster::default() };
        Evidence::nothing(cluster, Scope::All, now())
    }

    fn written() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.recording");
        write_once(&path, &evidence(), None, now()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        (folder, path, bytes)
    }

    #[test]
    fn what_is_written_is_read() {
        let (folder, path, _) = written();
        let recording = read(&path).unwrap();
        assert_eq!(recording.chain, Chain::Whole);
        assert_eq!(recording.header.cluster, evidence().cluster);
        assert_eq!(
            serde_json::to_value(&recording.evidence).unwrap(),
            serde_json::to_value(evidence()).unwrap()
        );
        // Nothing but the recording is left behind, and nobody else can read it.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777,
            0o600
        );
    }

    #[test]
    fn without_its_closing_frame_it_is_cut() {
        let (_folder, path, bytes) = written();
        let second =
            bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).nth(1).unwrap();
        for end in [second + 1, second + 5, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..end]).unwrap();
            assert_eq!(read(&path).unwrap().chain, Chain::Cut { frames: 2 }, "cut at {end}");
        }
        std::fs::write(&path, &bytes[..second - 3]).unwrap();
        assert!(matches!(read(&path), Err(RecordingError::Unreadable { .. })));
    }

    #[test]
    fn what_follows_the_end_is_a_change() {
        let (_folder, path, mut bytes) = written();
        let line = bytes.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().to_vec();
        bytes.extend(line);
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(read(&path).unwrap().chain, Chain::Changed { frame: 3, .. }));
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for content in [&b""[..], b"{}", b"{}\n", b"\x00\xff\n", b"{\"hash\":\"00\",\"frame\":{}}\n"] {
            std::fs::write(&path, content).unwrap();
            assert!(matches!(read(&path), Err(RecordingError::Unreadable { .. })), "{content:?}");
        }
        assert!(matches!(
            read(folder.path()),
            Err(RecordingError::Unreadable { .. } | RecordingError::Io { .. })
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn a_flipped_bit_is_found(at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let (_folder, path, mut bytes) = written();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            std::fs::write(&path, bytes).unwrap();
            match read(&path) {
                Ok(recording) => prop_assert_ne!(recording.chain, Chain::Whole),
                Err(RecordingError::Unreadable { .. }) => {}
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
    }
}
