//! A session on a recording that plays: the moments of it, one after the other, judged as they come.
//!
//! It reads its file and nothing else: there is no client here that could send anything.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::judge::Judge;
use super::recording::{Chain, Marks, Moment, Player, Reader, RecordingError};
use super::{Handle, Happened, Kind, Log, Playback, Request, Snapshot};
use crate::actions::runner::{Refusal, Upgrade};
use crate::catalog::Catalog;
use crate::checks::target::Asked;
use crate::evidence::{Evidence, Scope};

/// How often a snapshot is published at most.
const PUBLISH_EVERY: Duration = Duration::from_millis(150);

/// Opens a recording for the screens, paused at its beginning, until the handle is dropped.
///
/// # Errors
/// When there is nothing in it that this kubelift can show.
pub async fn open(replay: Replay) -> Result<Handle, RecordingError> {
    let began = Instant::now();
    let mut replay = replay;
    let mut player = replay.player();
    let first = replay.show(&mut player).await?;
    let (publish, snapshots) = watch::channel(Arc::new(first));
    let (requests, asked) = mpsc::channel(8);
    // A recording needs no credentials, so nobody will ask for the terminal.
    let (_, terminal) = mpsc::channel(1);
    tokio::spawn(play(replay, player, began, publish, asked));
    Ok(Handle { snapshots, requests, terminal })
}

async fn play(
    mut replay: Replay,
    mut player: Player,
    began: Instant,
    publish: watch::Sender<Arc<Snapshot>>,
    mut asked: mpsc::Receiver<Request>,
) {
    loop {
        let wait = player.changes_in().map(|wait| wait.max(PUBLISH_EVERY));
        tokio::select! {
            request = asked.recv() => match request {
                None => return,
                // There is nothing to read again.
                Some(Request::Refresh | Request::Probe { .. }) => continue,
                Some(Request::Order(_, reply)) => {
                    drop(reply.send(Err(Refusal::read_only())));
                    continue;
                }
                Some(Request::Target(target)) => replay.aim(target.map(Asked::Exact)),
                // Why it cannot be is on the screen before it is asked: see [`Playback`].
                Some(Request::Replay(transport)) => drop(player.take(transport, began.elapsed())),
            },
            () = after(wait) => {}
            () = publish.closed() => return,
        }
        player.advance(began.elapsed());
        match replay.show(&mut player).await {
            Ok(snapshot) => {
                if publish.send(Arc::new(snapshot)).is_err() {
                    return;
                }
            }
            // What was shown last stays.
            Err(error) => tracing::warn!(%error, "a moment of the recording cannot be shown"),
        }
    }
}

/// The upgrade of a moment; none in an inspection, and where a newer kubelift wrote what this one does not know.
fn upgrade(value: Value) -> Option<Arc<Upgrade>> {
    serde_json::from_value::<Option<Upgrade>>(value).ok().flatten().map(Arc::new)
}

/// Waits for a time, or for ever.
async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// A recording, and what was shown of it last.
#[derive(Debug)]
pub struct Replay {
    /// Absent only while it is being read.
    reader: Option<Reader>,
    file: String,
    asked: Option<Asked>,
    scope: Scope,
    catalog: &'static Catalog,
    marks: Arc<[(Duration, Marks)]>,
    /// Everything that happened.
    happened: Log,
    judge: Option<Judge>,
    generation: u64,
    /// The frame of the state that was judged last, if any, and what came of it.
    shown: Option<(Option<usize>, Snapshot)>,
}

impl Replay {
    /// A replay of `reader`, which is open on `path`, for the target `asked` for or else the recorded one.
    pub fn new(
        reader: Reader,
        path: &Path,
        asked: Option<Asked>,
        scope: Scope,
        catalog: &'static Catalog,
    ) -> Self {
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let marks: Vec<_> = reader.marks().collect();
        let happened = reader.entries().iter().filter_map(|(frame, told)| {
            let mark = marks.get(*frame)?;
            let at = told.at.unwrap_or(mark.wall);
            Some(Happened { frame: *frame, at, marks: mark.marks, told: told.clone() })
        });
        let happened = happened.collect();
        let asked = super::still::target_of(reader.header(), asked);
        Self {
            file: crate::text::clean(&file),
            reader: Some(reader),
            asked,
            scope,
            catalog,
            marks: Arc::from([]),
            happened,
            judge: None,
            generation: 0,
            shown: None,
        }
    }

    /// A player at the beginning.
    pub fn player(&mut self) -> Player {
        let player = Player::new(self.reader.iter().flat_map(Reader::marks), Duration::ZERO);
        self.marks = player.marks().collect();
        player
    }

    /// Judges by another target from now on.
    pub fn aim(&mut self, asked: Option<Asked>) {
        self.asked = asked;
        self.judge = None;
        self.shown = None;
    }

    fn kind(&self) -> Kind {
        Kind::Replay { file: self.file.clone(), chain: self.chain() }
    }

    /// Whether the chain holds, as far as that is known.
    pub fn chain(&self) -> Chain {
        self.reader.as_ref().map_or(Chain::Cut { frames: 0 }, |reader| reader.chain().clone())
    }

    /// The moment at which `player` is. Where a frame on the way there does not fit, the recording ends before it.
    ///
    /// # Errors
    /// When this kubelift does not understand the evidence.
    pub async fn show(&mut self, player: &mut Player) -> Result<Snapshot, RecordingError> {
        let moment = loop {
            let Some(reader) = &self.reader else { break None };
            let frames = reader.marks().len();
            let number = reader.state_before(player.state());
            if let Some((shown, snapshot)) = &self.shown
                && *shown == number
            {
                let snapshot = snapshot.clone();
                return Ok(self.dated(snapshot, player));
            }
            match self.moment(player.state()).await {
                Ok(moment) => break moment.map(|moment| (number, moment)),
                Err(error) => {
                    let hold = self.reader.as_ref().map_or(0, |reader| reader.marks().len());
                    if hold == frames {
                        return Err(error);
                    }
                    player.cut(hold);
                    self.marks = player.marks().collect();
                    self.happened =
                        self.happened.until(self.happened.partition_point(|happened| happened.frame < hold));
                    (self.judge, self.shown) = (None, None);
                }
            }
        };
        let (number, mut evidence, upgrade) = match moment {
            Some((number, moment)) => (number, moment.evidence, upgrade(moment.upgrade)),
            None => (None, self.nothing(player), None),
        };
        if self.scope == Scope::Api {
            evidence.scope = Scope::Api;
            evidence.keep_scope();
        }
        // What the judge remembers is of the time before.
        let back = self.shown.as_ref().is_some_and(|(shown, _)| *shown > number);
        let kind = self.kind();
        let judge = match &mut self.judge {
            Some(judge) if !back => judge,
            judge => judge.insert(Judge::new(kind, self.asked.clone(), self.catalog)),
        };
        // The target of an upgrade does not move when its cluster does.
        let of_upgrade =
            upgrade.as_ref().map(|upgrade: &Arc<Upgrade>| Asked::Exact(upgrade.plan.target.clone()));
        judge.aim(self.asked.clone().or(of_upgrade));
        let mut snapshot = judge.judge(Arc::new(evidence)).await;
        snapshot.upgrade = upgrade;
        self.shown = Some((number, snapshot.clone()));
        Ok(self.dated(snapshot, player))
    }

    /// Reads the moment of a frame, away from the tasks that draw.
    async fn moment(&mut self, frame: usize) -> Result<Option<Moment>, RecordingError> {
        let Some(mut reader) = self.reader.take() else { return Ok(None) };
        let read = tokio::task::spawn_blocking(move || {
            let moment = reader.moment(frame);
            (reader, moment)
        });
        match read.await {
            Ok((reader, moment)) => {
                self.reader = Some(reader);
                moment
            }
            Err(error) => {
                let why = format!("kubelift failed to read it, which is a bug: {error}");
                Err(RecordingError::Unreadable { path: self.file.clone().into(), why })
            }
        }
    }

    /// What is known before the first state: only which cluster it is.
    fn nothing(&self, player: &Player) -> Evidence {
        let cluster = self.reader.as_ref().map(|reader| reader.header().cluster.clone()).unwrap_or_default();
        Evidence::nothing(cluster, self.scope, player.wall().unwrap_or_default())
    }

    /// The same state, at the place and time of `player`.
    fn dated(&mut self, mut snapshot: Snapshot, player: &Player) -> Snapshot {
        self.generation += 1;
        snapshot.generation = self.generation;
        let until = self.happened.partition_point(|happened| happened.frame <= player.frame());
        snapshot.happened = self.happened.until(until);
        let follows = player.follows();
        snapshot.playback = Some(Playback {
            position: player.position(),
            length: player.length(),
            wall: player.wall().unwrap_or_default(),
            playing: player.playing(),
            speed: player.speed(),
            marks: Arc::clone(&self.marks),
            failure_follows: follows.failure,
            confirmation_follows: follows.confirmation,
        });
        snapshot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Cluster, Listing, Stamp};
    use crate::session::recording::{Recorder, Time, Transport};
    use serde_json::json;

    /// A recording of three states, a second apart, with an entry after each; the second is a failure.
    fn recorded(path: &Path) {
        let wall: jiff::Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let at =
            |seconds| Time { mono: Duration::from_secs(seconds), wall: wall + Duration::from_secs(seconds) };
        let mut recorder = Recorder::create(path, &Cluster::default(), None, at(0)).unwrap();
        for second in 0..3 {
            let nodes: Vec<_> = (0..=second)
                .map(|n| {
                    serde_json::from_value(
                        json!({"metadata": {"name": format!("w{n}"), "uid": n.to_string()}}),
                    )
                    .unwrap()
                })
                .collect();
            let mut evidence = Evidence::nothing(Cluster::default(), Scope::All, at(second).wall);
            evidence.objects.nodes = Listing::complete("nodes", nodes, Stamp { at: wall, how: "x".into() });
            recorder.state(&evidence, &json!(second), at(second)).unwrap();
            let marks = Marks { failure: second == 1, confirmation: false };
            recorder.entry(&json!({"what": "said", "text": format!("{second}")}), marks, at(second)).unwrap();
        }
        recorder.close(at(3)).unwrap();
    }

    fn replay(path: &Path) -> Replay {
        let catalog = Catalog::get().unwrap();
        Replay::new(Reader::open(path).unwrap(), path, None, Scope::All, catalog)
    }

    #[tokio::test]
    async fn each_moment_is_shown_with_what_had_happened_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.klrec");
        recorded(&path);
        let mut handle = open(replay(&path)).await.unwrap();
        let seen = |snapshot: &Snapshot| {
            let playback = snapshot.playback.clone().unwrap();
            (
                snapshot.evidence.objects.nodes.items.len(),
                snapshot.happened.len(),
                playback.position.as_secs(),
            )
        };
        assert_eq!(seen(&handle.snapshots.borrow_and_update()), (1, 0, 0));
        let mut generation = 0;
        for (transport, expected) in [
            (Transport::StepForward, (1, 1, 0)),
            (Transport::StepForward, (2, 1, 1)),
            // At the failure, with the state after it, which has it.
            (Transport::NextFailure, (3, 2, 1)),
            (Transport::Seek("100%".parse().unwrap()), (3, 3, 3)),
            (Transport::Seek("0".parse().unwrap()), (1, 1, 0)),
        ] {
            handle.requests.send(Request::Replay(transport)).await.unwrap();
            handle.snapshots.changed().await.unwrap();
            let snapshot = Arc::clone(&handle.snapshots.borrow_and_update());
            assert_eq!(seen(&snapshot), expected, "{transport:?}");
            assert!(snapshot.generation > generation);
            generation = snapshot.generation;
            assert_eq!(snapshot.kind, Kind::Replay { file: "a.klrec".to_owned(), chain: Chain::Whole });
        }
        // Played to its end it stays there.
        handle.requests.send(Request::Replay(Transport::Faster)).await.unwrap();
        handle.requests.send(Request::Replay(Transport::PlayPause)).await.unwrap();
        let ended = handle.snapshots.wait_for(|snapshot| {
            snapshot
                .playback
                .as_ref()
                .is_some_and(|playback| !playback.playing && playback.position.as_secs() == 3)
        });
        assert_eq!(seen(&ended.await.unwrap().clone()), (3, 3, 3));
    }

    #[tokio::test]
    async fn a_changed_recording_opens_and_ends_where_it_no_longer_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.klrec");
        recorded(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"text\":\"1\"", "\"text\":\"2\"")).unwrap();
        let mut replay = replay(&path);
        let mut player = replay.player();
        assert_eq!(player.length(), Duration::from_secs(1));
        let snapshot = replay.show(&mut player).await.unwrap();
        assert!(matches!(snapshot.kind, Kind::Replay { chain: Chain::Changed { frame: 4, .. }, .. }));
        // A file that changes while it is open ends as well where it no longer holds.
        std::fs::write(&path, text.replace("\"w1\"", "\"w2\"")).unwrap();
        player.take(Transport::Seek("100%".parse().unwrap()), Duration::ZERO).unwrap();
        let snapshot = replay.show(&mut player).await.unwrap();
        assert!(
            matches!(snapshot.kind, Kind::Replay { chain: Chain::Changed { frame: 3, .. }, .. }),
            "{:?}",
            snapshot.kind
        );
        assert_eq!(snapshot.evidence.objects.nodes.items.len(), 1);
    }

    #[tokio::test]
    async fn as_lines_it_is_told_with_times_failures_and_whether_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.klrec");
        recorded(&path);
        let mut out = Vec::new();
        let chain = crate::ui::plain::recorded(replay(&path), &mut out).await.unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(chain, Chain::Whole);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("REPLAY: a.klrec. "), "{text}");
        assert_eq!(lines.last(), Some(&"the recording is whole"));
        let at = |line: &str| {
            lines.iter().position(|own| *own == line).unwrap_or_else(|| panic!("{line}: {text}"))
        };
        assert!(at("12:00:00 said: 0") < at("12:00:01 FAILURE said: 1"));
        assert!(at("12:00:01 FAILURE said: 1") < at("12:00:02 said: 2"));
    }
}
