//! Where a replay is: positions in a recording by a clock that is handed in. It reads nothing and waits for nothing.

use std::time::Duration;

use jiff::Timestamp;

use super::reader::Mark;
use super::{FrameKind, Marks};

/// How many times as fast as it happened a replay can go.
pub const SPEEDS: [u32; 5] = [1, 8, 64, 512, 4096];

/// Something that a replay is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Play, or pause.
    PlayPause,
    /// The next speed of [`SPEEDS`].
    Faster,
    /// The one before.
    Slower,
    /// The next frame, paused.
    StepForward,
    /// The frame before, paused.
    StepBack,
    /// The next frame at which something failed, with the first state that has it, paused.
    NextFailure,
    /// The next frame at which the operator was asked or answered, with the first state that has it, paused.
    NextConfirmation,
    /// Another place.
    Seek(Seek),
}

/// A place in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    /// A part of its length, in thousandths.
    Part(u32),
    /// A time since its beginning.
    Since(Duration),
    /// So many seconds before or after where it is.
    By(i64),
}

impl std::str::FromStr for Seek {
    type Err = String;

    /// `50%`, `90` or `1:30` or `1:02:03` since the beginning, `+30` or `-30` from here.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is no place: 50%, 1:30 since the beginning, or +30 and -30 seconds from here")
        };
        let text = text.trim();
        if let Some(part) = text.strip_suffix('%') {
            let part: f64 = part.trim().parse().map_err(|_| wrong())?;
            if !(0.0..=100.0).contains(&part) {
                return Err(wrong());
            }
            // Within 0 to 1000, so that nothing is lost.
            return Ok(Self::Part((part * 10.0).round() as u32));
        }
        if text.starts_with(['+', '-']) {
            return text.parse().map(Self::By).map_err(|_| wrong());
        }
        let parts: Result<Vec<u32>, _> = text.split(':').map(str::parse).collect();
        let parts = parts.map_err(|_| wrong())?;
        if parts.len() > 3 || parts.iter().skip(1).any(|part| *part > 59) {
            return Err(wrong());
        }
        let seconds = parts.iter().fold(0, |sum, part| sum * 60 + u64::from(*part));
        Ok(Self::Since(Duration::from_secs(seconds)))
    }
}

/// Where a replay is, and how it goes on.
#[derive(Debug, Clone)]
pub struct Player {
    frames: Vec<Mark>,
    /// The last frame at which something failed, and the last confirmation.
    last: (Option<usize>, Option<usize>),
    /// The frame up to which is told what happened.
    frame: usize,
    /// The frame up to which states are shown: `frame`, or one soon after it.
    state: usize,
    /// Where it was at `since`.
    at: Duration,
    since: Duration,
    playing: bool,
    speed: usize,
}

impl Player {
    /// At the first frame after the header, paused, at the speed of life. `now` is by the clock of all other calls.
    pub fn new(frames: impl IntoIterator<Item = Mark>, now: Duration) -> Self {
        let frames: Vec<Mark> = frames.into_iter().collect();
        let (at, last) = (Duration::ZERO, (None, None));
        let mut player = Self { frames, last, frame: 0, state: 0, at, since: now, playing: false, speed: 0 };
        player.find_last();
        player.step(1);
        player
    }

    /// The number of the frame up to which is told what happened.
    pub const fn frame(&self) -> usize {
        self.frame
    }

    /// The number of the frame up to which states are shown: [`Self::frame`], but after a jump to an entry the first
    /// state that has it. An entry is written before that state, and others may lie between them.
    pub const fn state(&self) -> usize {
        self.state
    }

    /// How far it is into the recording.
    pub const fn position(&self) -> Duration {
        self.at
    }

    /// How long the recording is.
    pub fn length(&self) -> Duration {
        self.frames.last().map(|mark| mark.mono).unwrap_or_default()
    }

    /// The time of day at the position: that of the frame shown, and what has passed since.
    pub fn wall(&self) -> Option<Timestamp> {
        let mark = self.frames.get(self.frame)?;
        mark.wall.checked_add(self.at.saturating_sub(mark.mono)).ok()
    }

    /// Whether it goes on by itself.
    pub const fn playing(&self) -> bool {
        self.playing
    }

    /// How many times as fast as it happened it goes.
    pub fn speed(&self) -> u32 {
        SPEEDS.get(self.speed).copied().unwrap_or(1)
    }

    /// Where in the recording something failed, or the operator was asked.
    pub fn marks(&self) -> impl Iterator<Item = (Duration, Marks)> + '_ {
        let marked = |mark: &&Mark| mark.marks != Marks::default();
        self.frames.iter().filter(marked).map(|mark| (mark.mono, mark.marks))
    }

    /// Whether a failure follows, and a confirmation.
    pub fn follows(&self) -> Marks {
        let after = |last: Option<usize>| last.is_some_and(|last| last > self.frame);
        Marks { failure: after(self.last.0), confirmation: after(self.last.1) }
    }

    fn next(&self, is: fn(&Marks) -> bool) -> Option<usize> {
        let mut after = self.frames.iter().enumerate().skip(self.frame + 1);
        after.find(|(_, mark)| is(&mark.marks)).map(|(frame, _)| frame)
    }

    /// Takes nothing after the first `frames` frames for true.
    pub fn cut(&mut self, frames: usize) {
        self.frames.truncate(frames);
        self.frame = self.frame.min(frames.saturating_sub(1));
        self.state = self.frame;
        self.at = self.at.min(self.length());
        self.find_last();
    }

    fn find_last(&mut self) {
        let last = |is: fn(&Marks) -> bool| self.frames.iter().rposition(|mark| is(&mark.marks));
        self.last = (last(|marks| marks.failure), last(|marks| marks.confirmation));
    }

    /// Goes on to `now`, if it plays. At the end it pauses.
    pub fn advance(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.since);
        self.since = now;
        if !self.playing {
            return;
        }
        self.at = self.at.saturating_add(passed.saturating_mul(self.speed())).min(self.length());
        self.frame = self.frame.max(self.last_until(self.at));
        self.state = self.state.max(self.frame);
        if self.at >= self.length() {
            self.playing = false;
        }
    }

    /// Does what it is told at `now`.
    ///
    /// # Errors
    /// Why it cannot, in a sentence.
    pub fn take(&mut self, transport: Transport, now: Duration) -> Result<(), &'static str> {
        self.advance(now);
        match transport {
            Transport::PlayPause if !self.playing && self.at >= self.length() => {
                self.go(0);
                self.step(1);
                self.playing = true;
            }
            Transport::PlayPause => self.playing = !self.playing,
            Transport::Faster if self.speed + 1 == SPEEDS.len() => return Err("it cannot go faster"),
            Transport::Faster => self.speed += 1,
            Transport::Slower if self.speed == 0 => return Err("it cannot go slower"),
            Transport::Slower => self.speed -= 1,
            Transport::StepForward if !self.step(1) => return Err("this is the end"),
            Transport::StepBack if !self.step(-1) => return Err("this is the beginning"),
            Transport::StepForward | Transport::StepBack => self.playing = false,
            Transport::NextFailure => self.jump(|marks| marks.failure, "no failure follows")?,
            Transport::NextConfirmation => {
                self.jump(|marks| marks.confirmation, "no confirmation follows")?
            }
            Transport::Seek(seek) => self.seek(seek),
        }
        Ok(())
    }

    /// How long until what is shown changes by itself; `None` if it does not.
    pub fn changes_in(&self) -> Option<Duration> {
        if !self.playing {
            return None;
        }
        let next = self.frames.get(self.frame + 1).map_or_else(|| self.length(), |mark| mark.mono);
        // The bar says seconds.
        let second = Duration::from_secs(self.at.as_secs() + 1);
        Some(next.min(second).saturating_sub(self.at) / self.speed())
    }

    /// The last frame up to a position.
    fn last_until(&self, position: Duration) -> usize {
        self.frames.partition_point(|mark| mark.mono <= position).saturating_sub(1)
    }

    fn go(&mut self, frame: usize) {
        self.frame = frame;
        self.state = frame;
        self.at = self.frames.get(frame).map(|mark| mark.mono).unwrap_or_default();
    }

    /// Goes to the next frame in a direction that shows something; whether there is one.
    fn step(&mut self, by: isize) -> bool {
        let shows = |kind| matches!(kind, FrameKind::KeyFrame | FrameKind::Difference | FrameKind::Entry);
        let mut frame = self.frame;
        loop {
            let Some(next) = frame.checked_add_signed(by) else { return false };
            let Some(mark) = self.frames.get(next) else { return false };
            frame = next;
            if shows(mark.kind) {
                break;
            }
        }
        // A step on does not go back to an older state.
        let state = if by > 0 { self.state } else { 0 };
        self.go(frame);
        self.state = state.max(frame);
        true
    }

    fn jump(&mut self, is: fn(&Marks) -> bool, none: &'static str) -> Result<(), &'static str> {
        let frame = self.next(is).ok_or(none)?;
        self.playing = false;
        self.go(frame);
        let state = self.frames.iter().skip(frame).position(Mark::is_state);
        self.state += state.unwrap_or(0);
        Ok(())
    }

    fn seek(&mut self, seek: Seek) {
        let length = self.length();
        let to = match seek {
            Seek::Part(thousandths) => length.saturating_mul(thousandths.min(1000)) / 1000,
            Seek::Since(since) => since,
            Seek::By(seconds) if seconds < 0 => {
                self.at.saturating_sub(Duration::from_secs(seconds.unsigned_abs()))
            }
            Seek::By(seconds) => self.at.saturating_add(Duration::from_secs(seconds.unsigned_abs())),
        };
        self.at = to.min(length);
        // The header shows nothing.
        self.frame = self.last_until(self.at).max(1).min(self.frames.len().saturating_sub(1));
        self.state = self.frame;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// Frames at these seconds: header, key frame, entries, differences, close. The first failure has another after it
    /// before there is a state that has them.
    fn player() -> Player {
        let failed = Marks { failure: true, confirmation: false };
        let asked = Marks { failure: false, confirmation: true };
        let none = Marks::default();
        let frames = [
            (0, FrameKind::Header, none),
            (0, FrameKind::KeyFrame, none),
            (10, FrameKind::Entry, asked),
            (10, FrameKind::Difference, none),
            (20, FrameKind::Entry, failed),
            (25, FrameKind::Entry, failed),
            (30, FrameKind::Difference, none),
            (60, FrameKind::Entry, failed),
            (100, FrameKind::Close, none),
        ];
        let mark =
            |(mono, kind, marks)| Mark { mono: seconds(mono), wall: Timestamp::UNIX_EPOCH, kind, marks };
        Player::new(frames.map(mark), seconds(1000))
    }

    #[test]
    fn it_does_what_it_is_told() {
        use Transport::*;
        // What it is told at which second, and then: frame, state, position, playing, speed.
        type Row = (Vec<(u64, Transport)>, (usize, usize), u64, bool, u32);
        let table: Vec<Row> = vec![
            (vec![], (1, 1), 0, false, 1),
            (vec![(5, StepForward)], (2, 2), 10, false, 1),
            (vec![(0, StepForward), (0, StepForward), (0, StepForward)], (4, 4), 20, false, 1),
            (vec![(0, StepForward), (0, StepForward), (0, StepBack)], (2, 2), 10, false, 1),
            (vec![(3, PlayPause), (15, PlayPause)], (3, 3), 12, false, 1),
            (vec![(0, PlayPause), (1, Faster), (6, PlayPause)], (6, 6), 41, false, 8),
            (vec![(0, PlayPause), (1, Faster), (2, Slower), (3, PlayPause)], (3, 3), 10, false, 1),
            // It goes to what was looked for, with the state that has it, where one follows.
            (vec![(0, NextConfirmation)], (2, 3), 10, false, 1),
            (vec![(0, NextFailure)], (4, 6), 20, false, 1),
            (vec![(0, PlayPause), (1, NextFailure), (90, Faster)], (4, 6), 20, false, 8),
            // None is passed over that lies before that state.
            (vec![(0, NextFailure), (0, NextFailure)], (5, 6), 25, false, 1),
            (vec![(0, NextFailure), (0, NextFailure), (0, NextFailure)], (7, 7), 60, false, 1),
            // From there it goes on without going back to an older state, and back without keeping it.
            (vec![(0, NextFailure), (0, StepForward)], (5, 6), 25, false, 1),
            (vec![(0, NextFailure), (0, PlayPause), (1, PlayPause)], (4, 6), 21, false, 1),
            (vec![(0, NextFailure), (0, StepBack)], (3, 3), 10, false, 1),
            (vec![(0, NextFailure), (0, Seek(super::Seek::By(1)))], (4, 4), 21, false, 1),
            (vec![(0, Seek(super::Seek::Part(500)))], (6, 6), 50, false, 1),
            (vec![(0, Seek(super::Seek::Since(seconds(9999))))], (8, 8), 100, false, 1),
            (
                vec![(0, Seek(super::Seek::Since(seconds(15)))), (0, Seek(super::Seek::By(-6)))],
                (1, 1),
                9,
                false,
                1,
            ),
            (vec![(0, Seek(super::Seek::By(-6)))], (1, 1), 0, false, 1),
            // At the end it pauses, and plays from the beginning when told to go on.
            (vec![(0, PlayPause), (500, Faster)], (8, 8), 100, false, 8),
            (vec![(0, PlayPause), (500, PlayPause), (502, Faster)], (1, 1), 2, true, 8),
        ];
        for (told, frames, position, playing, speed) in table {
            let mut player = player();
            for (at, transport) in &told {
                player.take(*transport, seconds(1000 + at)).unwrap();
            }
            let is = ((player.frame(), player.state()), player.position(), player.playing(), player.speed());
            assert_eq!(is, (frames, seconds(position), playing, speed), "{told:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let mut player = player();
        for (transport, why) in
            [(Transport::StepBack, "this is the beginning"), (Transport::Slower, "it cannot go slower")]
        {
            assert_eq!(player.take(transport, seconds(1000)), Err(why));
            assert_eq!((player.frame(), player.speed()), (1, 1));
        }
        while player.take(Transport::NextFailure, seconds(1000)).is_ok() {}
        assert_eq!(player.frame(), 7);
        assert_eq!(player.take(Transport::NextConfirmation, seconds(1000)), Err("no confirmation follows"));
        assert_eq!(player.take(Transport::StepForward, seconds(1000)), Err("this is the end"));
    }

    #[test]
    fn it_says_when_what_is_shown_changes() {
        let mut player = player();
        assert_eq!(player.changes_in(), None);
        player.take(Transport::PlayPause, seconds(1000)).unwrap();
        assert_eq!(player.changes_in(), Some(seconds(1)));
        player.take(Transport::Faster, seconds(1000)).unwrap();
        assert_eq!(player.changes_in(), Some(seconds(1) / 8));
        player.advance(seconds(2000));
        assert_eq!(player.changes_in(), None);
    }

    #[test]
    fn a_recording_of_nothing_goes_nowhere() {
        let mut player = Player::new([], seconds(0));
        for transport in [Transport::PlayPause, Transport::Seek(Seek::Part(500)), Transport::Faster] {
            player.take(transport, seconds(1)).unwrap();
            player.advance(seconds(9));
        }
        assert_eq!((player.frame(), player.position()), (0, Duration::ZERO));
    }

    #[test]
    fn places_are_said_in_parts_times_and_steps() {
        for (text, seek) in [
            ("50%", Seek::Part(500)),
            ("12.5 %", Seek::Part(125)),
            ("90", Seek::Since(seconds(90))),
            ("1:30", Seek::Since(seconds(90))),
            ("1:02:03", Seek::Since(seconds(3723))),
            ("+30", Seek::By(30)),
            ("-30", Seek::By(-30)),
        ] {
            assert_eq!(text.parse(), Ok(seek), "{text}");
        }
        for wrong in ["", "half", "101%", "-1%", "1:60", "1:2:3:4", "+", "%"] {
            assert!(wrong.parse::<Seek>().is_err(), "{wrong}");
        }
    }
}
