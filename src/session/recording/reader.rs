//! Reading a recording: its frames as far as the chain holds, and the state at any of them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::difference::Difference;
use super::frame::{self, FrameKind, Hash, Head, MAX_FRAME, Marks};
use super::{Chain, FORMAT, Header, RecordingError};
use crate::evidence::Evidence;
use crate::text::Text;

/// A frame without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Since the recording began, by a clock that does not jump.
    pub mono: Duration,
    /// The time of day.
    pub wall: Timestamp,
    /// What it is.
    pub kind: FrameKind,
    /// What a replay can jump to.
    pub marks: Marks,
}

impl Mark {
    /// Whether it holds a state, or what changed in it.
    pub const fn is_state(&self) -> bool {
        matches!(self.kind, FrameKind::KeyFrame | FrameKind::Difference)
    }
}

/// Something that happened, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// What happened, in a word: `began`.
    pub what: Text,
    /// The step that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Text>,
    /// What happened, in a sentence.
    pub text: Text,
    /// When, by the clock of the cluster, where that is another than the recorder's: a simulation's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What was known at one moment.
#[derive(Debug, Clone)]
pub struct Moment {
    /// What was observed of the cluster.
    pub evidence: Evidence,
    /// What was known of the upgrade; null in an inspection.
    pub upgrade: Value,
    /// When it was written.
    pub at: Timestamp,
}

/// A recording that is open for reading.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: File,
    header: Header,
    frames: Vec<Place>,
    entries: Vec<(usize, Told)>,
    chain: Chain,
    /// The state that was put together last, and up to which frame.
    state: Option<(usize, Value)>,
}

/// A frame and where it stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    mark: Mark,
    offset: u64,
    length: usize,
    hash: Hash,
}

impl Reader {
    /// Opens a recording and follows its chain to the end, or as far as it holds.
    ///
    /// # Errors
    /// When the file cannot be read, is no recording, or is of a newer form.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let unreadable = |why: String| RecordingError::Unreadable { path: path.to_owned(), why };
        let io = |source| RecordingError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let mut lines =
            Lines { lines: BufReader::new(file.try_clone().map_err(io)?), hash: [0; 32], seq: 0, offset: 0 };
        let (header, first) = match lines.next() {
            Next::Frame(place, frame) if place.mark.kind == FrameKind::Header => {
                (frame::payload::<Header>(&frame), place)
            }
            Next::Frame(..) | Next::End => {
                return Err(unreadable("it is not a kubelift recording".to_owned()));
            }
            Next::Broken(why) => {
                return Err(unreadable(format!(
                    "it is not a kubelift recording, or its header was changed: {why}"
                )));
            }
        };
        let header = header.map_err(|why| unreadable(format!("its header: {why}")))?;
        if header.format > FORMAT {
            let why =
                format!("its form {} is newer than this kubelift, which reads up to {FORMAT}", header.format);
            return Err(unreadable(why));
        }
        let mut reader = Self {
            path: path.to_owned(),
            file,
            header,
            frames: vec![first],
            entries: Vec::new(),
            chain: Chain::Whole,
            state: None,
        };
        reader.chain = reader.follow(lines);
        Ok(reader)
    }

    /// Takes in the frames after the header.
    fn follow(&mut self, mut lines: Lines<BufReader<File>>) -> Chain {
        let changed = |frame: usize, why: &str| Chain::Changed { frame: frame as u64, why: why.to_owned() };
        let mut closed = false;
        let mut based = false;
        loop {
            let number = self.frames.len();
            let (place, frame) = match lines.next() {
                Next::Frame(..) if closed => return changed(number, "it follows the closing frame"),
                Next::Frame(place, frame) => (place, frame),
                Next::End if closed => return Chain::Whole,
                Next::End => return Chain::Cut { frames: number as u64 },
                Next::Broken(why) if why == TORN && !closed => return Chain::Cut { frames: number as u64 },
                Next::Broken(why) => return changed(number, &why),
            };
            match place.mark.kind {
                FrameKind::Header => return changed(number, "it is a second header"),
                FrameKind::Difference if !based => {
                    return changed(number, "no state is before it that it could change");
                }
                FrameKind::KeyFrame => based = true,
                FrameKind::Close => closed = true,
                FrameKind::Difference => {}
                FrameKind::Entry => match frame::payload(&frame) {
                    Ok(told) => self.entries.push((number, told)),
                    Err(why) => return changed(number, &why),
                },
            }
            self.frames.push(place);
        }
    }

    /// The first frame.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the chain holds, as far as it was looked at: a frame that does not fit is found when it is reached.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The frames that hold, without their payloads.
    pub fn marks(&self) -> impl ExactSizeIterator<Item = Mark> + '_ {
        self.frames.iter().map(|place| place.mark)
    }

    /// What happened, with the number of its frame, in order.
    pub fn entries(&self) -> &[(usize, Told)] {
        &self.entries
    }

    /// The last frame up to `frame` that holds a state, or what changed in it.
    pub fn state_before(&self, frame: usize) -> Option<usize> {
        self.frames.iter().take(frame.saturating_add(1)).rposition(|place| place.mark.is_state())
    }

    /// What was known at `frame`; `None` where no state is before it.
    ///
    /// # Errors
    /// When a frame on the way there does not fit: the recording then ends before it, and its chain says so. Or when
    /// this kubelift does not understand the evidence.
    pub fn moment(&mut self, frame: usize) -> Result<Option<Moment>, RecordingError> {
        let Some(number) = self.state_before(frame) else { return Ok(None) };
        self.advance(number)?;
        let Some((Some(place), (_, state))) =
            self.state.as_ref().map(|state| (self.frames.get(number), state))
        else {
            return Ok(None);
        };
        let unreadable = |why: String| RecordingError::Unreadable { path: self.path.clone(), why };
        let not_understood = |why: String| unreadable(format!("the evidence in it is not understood: {why}"));
        let evidence = state.get("evidence").ok_or_else(|| not_understood("there is none".to_owned()))?;
        let form = evidence.get("format").and_then(Value::as_u64).unwrap_or_default();
        if form > u64::from(crate::evidence::FORMAT) {
            return Err(unreadable(format!("its evidence has the form {form}, newer than this kubelift's")));
        }
        let evidence = Evidence::deserialize(evidence).map_err(|error| not_understood(error.to_string()))?;
        let upgrade = state.get("upgrade").cloned().unwrap_or_default();
        Ok(Some(Moment { evidence, upgrade, at: place.mark.wall }))
    }

    /// Puts the state of frame `number` together.
    fn advance(&mut self, number: usize) -> Result<(), RecordingError> {
        let key = self
            .frames
            .iter()
            .take(number.saturating_add(1))
            .rposition(|place| place.mark.kind == FrameKind::KeyFrame)
            .unwrap_or_default();
        let near = self.state.take().filter(|(at, _)| (key..=number).contains(at));
        let from = near.as_ref().map_or(key, |(at, _)| at + 1);
        let mut state = near.map(|(_, state)| state).unwrap_or_default();
        for at in from..=number {
            match self.frames.get(at).map(|place| place.mark) {
                Some(mark) if mark.is_state() => {}
                _ => continue,
            }
            if let Err(why) = self.apply(at, &mut state) {
                self.cut_before(at, &why);
                let why = format!("it was changed at frame {at}: {why}");
                return Err(RecordingError::Unreadable { path: self.path.clone(), why });
            }
        }
        self.state = Some((number, state));
        Ok(())
    }

    /// Makes the state at frame `at` of the one before.
    fn apply(&self, at: usize, state: &mut Value) -> Result<(), String> {
        let place = self.frames.get(at).ok_or("it is not there")?;
        let before =
            at.checked_sub(1).and_then(|before| self.frames.get(before)).ok_or("nothing is before it")?;
        let mut line = vec![0; place.length];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(place.offset))
            .and_then(|_| file.read_exact(&mut line))
            .map_err(|error| format!("it could not be read: {error}"))?;
        let (_, frame) = frame::split(&line).ok_or(NO_FORM)?;
        if frame::chain(&before.hash, frame) != place.hash {
            return Err("it was changed since the recording was opened".to_owned());
        }
        if place.mark.kind == FrameKind::Difference {
            let difference: Difference = frame::payload(frame)?;
            return difference.apply(state).map_err(|error| error.to_string());
        }
        let whole: Value = frame::payload(frame)?;
        // The first form had nothing but evidence.
        *state = if self.header.format == 1 { json!({ "evidence": whole, "upgrade": null }) } else { whole };
        Ok(())
    }

    /// Takes nothing from frame `at` on for true.
    fn cut_before(&mut self, at: usize, why: &str) {
        self.chain = Chain::Changed { frame: at as u64, why: why.to_owned() };
        self.frames.truncate(at);
        self.entries.retain(|(frame, _)| *frame < at);
    }
}

/// A last line without its line feed: what a writer leaves that was stopped in the middle.
const TORN: &str = "the line is torn off";

const NO_FORM: &str = "the line is not of a recording's form";

enum Next {
    Frame(Place, Vec<u8>),
    End,
    Broken(String),
}

struct Lines<R> {
    lines: R,
    hash: Hash,
    seq: u64,
    offset: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Next {
        let mut line = Vec::new();
        match (&mut self.lines).take(MAX_FRAME).read_until(b'\n', &mut line) {
            Err(error) => return Next::Broken(format!("it could not be read: {error}")),
            Ok(0) => return Next::End,
            Ok(read) if line.last() != Some(&b'\n') => {
                let too_long = read as u64 == MAX_FRAME;
                return Next::Broken(if too_long { "the line is too long" } else { TORN }.to_owned());
            }
            Ok(_) => {}
        }
        let Some((claimed, frame)) = frame::split(&line) else { return Next::Broken(NO_FORM.to_owned()) };
        let hash = frame::chain(&self.hash, frame);
        if frame::hex(&hash) != claimed {
            return Next::Broken("its hash is not that of its bytes and the frame before".to_owned());
        }
        match serde_json::from_slice::<Head>(frame) {
            Ok(head) if head.seq == self.seq => {
                let marks = Marks { failure: head.failure, confirmation: head.confirmation };
                let mark =
                    Mark { mono: Duration::from_micros(head.mono), wall: head.wall, kind: head.kind, marks };
                let place = Place { mark, offset: self.offset, length: line.len(), hash };
                self.hash = hash;
                self.seq += 1;
                self.offset += line.len() as u64;
                Next::Frame(place, frame.to_vec())
            }
            Ok(head) => Next::Broken(format!("it is numbered {}, not {}", head.seq, self.seq)),
            Err(error) => Next::Broken(format!("it is not understood: {error}")),
        }
    }
}
