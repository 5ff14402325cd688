//! The recording of an upgrade: written beside it, and for as long as it can be written.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::actions::journal::Entry;
use crate::private;
use crate::session::recording::{Kept, MAX_STATES, Marks, Recorder, RecordingError, Stopwatch, Told};
use crate::session::{Happened, Snapshot};

/// The recording of a session, written by a task of its own.
pub(super) struct Recording {
    path: PathBuf,
    states: watch::Sender<Option<Arc<Snapshot>>>,
    entries: mpsc::UnboundedSender<Entry>,
    /// Why it cannot be written any more, or not whole.
    broken: Arc<OnceLock<String>>,
    task: JoinHandle<()>,
}

impl Recording {
    /// Begins a recording in the folder of a journal, named by the time.
    ///
    /// # Errors
    /// When it cannot be written: nothing is changed unrecorded.
    pub(super) fn begin(
        folder: &Path,
        snapshot: &Snapshot,
        clock: Arc<dyn Stopwatch>,
    ) -> Result<Self, RecordingError> {
        let folder = folder.join("recordings");
        let io = |source| RecordingError::Io { path: folder.clone(), source };
        private::folder(&folder).map_err(io)?;
        let now = clock.now();
        let name = now.wall.strftime("%Y%m%dT%H%M%S%.3fZ.klrec").to_string();
        let path = folder.join(name);
        let cluster = &snapshot.evidence.cluster;
        let recorder = Recorder::create(&path, cluster, snapshot.target.as_ref(), now)?;
        Ok(Self::of(recorder, clock))
    }

    /// What `recorder` writes, by the time of `clock`.
    pub(super) fn of(recorder: Recorder, clock: Arc<dyn Stopwatch>) -> Self {
        let path = recorder.path().to_owned();
        let (states, changed) = watch::channel(None);
        let (entries, told) = mpsc::unbounded_channel();
        let broken = Arc::new(OnceLock::new());
        let task = tokio::spawn(write(recorder, clock, changed, told, Arc::clone(&broken)));
        Self { path, states, entries, broken, task }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Why it cannot be written any more, or not whole, if that is so.
    pub(super) fn broken(&self) -> Option<&String> {
        self.broken.get()
    }

    /// Writes what is known now, when the next state is due; a newer one takes its place until then.
    pub(super) fn state(&self, snapshot: &Arc<Snapshot>) {
        self.states.send_replace(Some(Arc::clone(snapshot)));
    }

    /// Writes something that happened.
    pub(super) fn entry(&self, entry: &Entry) {
        // A task that has ended has said why.
        drop(self.entries.send(entry.clone()));
    }

    /// Ends it, with the last state.
    pub(super) async fn close(self) {
        drop((self.states, self.entries));
        drop(self.task.await);
    }
}

async fn write(
    mut recorder: Recorder,
    clock: Arc<dyn Stopwatch>,
    mut states: watch::Receiver<Option<Arc<Snapshot>>>,
    mut entries: mpsc::UnboundedReceiver<Entry>,
    broken: Arc<OnceLock<String>>,
) {
    let mut open = true;
    while open {
        let due = recorder.due_in(clock.now().mono);
        let (mut entry, mut state) = (None, None);
        tokio::select! {
            biased;
            next = entries.recv() => match next {
                Some(next) => entry = Some(next),
                None => open = false,
            },
            snapshot = newest(&mut states, &*clock, due) => match snapshot {
                Some(snapshot) => state = Some(snapshot),
                None => open = false,
            },
        }
        if !open {
            // What was published last is the end of the recording.
            state.clone_from(&states.borrow());
        }
        let time = Arc::clone(&clock);
        let writing = tokio::task::spawn_blocking(move || -> Result<(Recorder, Kept), RecordingError> {
            let mut kept = Kept::Same;
            if let Some(entry) = &entry {
                recorder.entry(&told(entry), marks(entry), time.now())?;
            }
            if let Some(snapshot) = &state {
                let upgrade = serde_json::to_value(&snapshot.upgrade).unwrap_or_default();
                kept = recorder.state(&snapshot.evidence, &upgrade, time.now())?;
            }
            Ok((recorder, kept))
        });
        recorder = match writing.await {
            Ok(Ok((recorder, kept))) => {
                // What happens is still written, and its end: of what follows there are no states.
                if kept == Kept::Full {
                    broken.get_or_init(full);
                }
                recorder
            }
            Ok(Err(error)) => return drop(broken.set(error.to_string())),
            Err(error) => return drop(broken.set(format!("the recorder failed, which is a bug: {error}"))),
        };
    }
    // The entries that came while the last state was written.
    while let Ok(entry) = entries.try_recv() {
        if let Err(error) = recorder.entry(&told(&entry), marks(&entry), clock.now()) {
            // Closed it would look whole.
            return drop(broken.set(error.to_string()));
        }
    }
    if let Err(error) = recorder.close(clock.now()) {
        tracing::warn!(%error, "the recording could not be closed: it will be called cut");
    }
}

fn full() -> String {
    let size = MAX_STATES >> 30;
    format!("it has reached its largest size, {size} GiB: start kubelift again to begin another")
}

/// The newest snapshot, at least `due` from now; none when nobody publishes any more.
async fn newest(
    states: &mut watch::Receiver<Option<Arc<Snapshot>>>,
    clock: &dyn Stopwatch,
    due: Duration,
) -> Option<Arc<Snapshot>> {
    states.changed().await.ok()?;
    clock.sleep(due).await;
    states.borrow_and_update().clone()
}

fn marks(entry: &Entry) -> Marks {
    Marks { failure: entry.what.is_failure(), confirmation: entry.what.is_confirmation() }
}

/// An entry of the journal as a recording has it: what was confirmed is in its states, and the rest in the journal.
fn told(entry: &Entry) -> Told {
    Told {
        what: entry.what.name().into(),
        step: entry.what.step().map(Into::into),
        text: entry.what.text().as_str().into(),
        at: Some(entry.at),
    }
}

/// Entries of the journal as the log of a session shows them; `first` is the number of the first.
pub(super) fn happened(first: usize, entries: &[Entry]) -> impl Iterator<Item = Happened> {
    let one = move |(index, entry): (usize, &Entry)| Happened {
        frame: first + index,
        at: entry.at,
        marks: marks(entry),
        told: told(entry),
    };
    entries.iter().enumerate().map(one)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;
    use std::sync::mpsc as blocking;

    use jiff::Timestamp;
    use serde_json::Value;

    use super::*;
    use crate::actions::journal::What;
    use crate::catalog::Catalog;
    use crate::evidence::{Cluster, Evidence, Scope};
    use crate::session::Kind;
    use crate::session::judge::Judge;
    use crate::session::recording::{Sink, SystemStopwatch};

    /// Where lines are kept; each waits until it may be written, where there is a gate.
    #[derive(Default)]
    struct Lines(Arc<Mutex<Vec<Value>>>, Option<(blocking::Sender<()>, blocking::Receiver<()>)>);

    impl Sink for Lines {
        fn append(&mut self, line: &[u8]) -> io::Result<()> {
            let line: Value = serde_json::from_slice(line).unwrap();
            self.0.lock().unwrap().push(line["frame"]["kind"].clone());
            if let Some((at, open)) = &self.1 {
                // Nobody there: it is open.
                let _ = (at.send(()), open.recv());
            }
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn recorder(lines: Lines) -> Recorder {
        let now = SystemStopwatch::start().now();
        Recorder::begin(Path::new("x"), Box::new(lines), &Cluster::default(), None, now).unwrap()
    }

    fn snapshot() -> Arc<Snapshot> {
        let evidence = Evidence::nothing(Cluster::default(), Scope::All, Timestamp::UNIX_EPOCH);
        let judge = Judge::new(Kind::Upgrade, None, Catalog::get().unwrap());
        Arc::new(judge.not_judged_yet(Arc::new(evidence)))
    }

    fn failed(why: &str) -> Entry {
        let what = What::Failed { step: "pull/cp1".to_owned(), why: why.to_owned() };
        Entry { at: Timestamp::UNIX_EPOCH, what }
    }

    /// What has no room, also when it is packed.
    fn long() -> String {
        let mut hash = [0; 32];
        let mut text = String::new();
        while text.len() < 1 << 18 {
            hash = crate::chain::chain(&hash, b"x");
            text += &crate::chain::hex(&hash);
        }
        text
    }

    #[tokio::test]
    async fn one_that_is_full_is_broken_and_takes_entries_still() {
        let lines = Lines::default();
        let kinds = Arc::clone(&lines.0);
        let recorder = recorder(lines).within(100, 1 << 20);
        let recording = Recording::of(recorder, Arc::new(SystemStopwatch::start()));
        assert_eq!(recording.broken(), None);
        recording.state(&snapshot());
        let broken = async {
            while recording.broken().is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), broken).await.unwrap();
        let why = recording.broken().unwrap().clone();
        assert!(why.contains("its largest size, 1 GiB") && why.contains("start kubelift again"), "{why}");
        recording.entry(&failed("no room"));
        recording.close().await;
        assert_eq!(*kinds.lock().unwrap(), ["header", "entry", "close"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_whose_last_entries_cannot_be_written_is_cut() {
        let ((at, reached), (open, gate)) = (blocking::channel(), blocking::channel());
        let lines = Lines(Arc::default(), Some((at, gate)));
        let kinds = Arc::clone(&lines.0);
        open.send(()).unwrap();
        let recorder = recorder(lines).within(1 << 16, 1 << 16);
        reached.recv().unwrap();
        let (_, states) = watch::channel(Some(snapshot()));
        let (entries, told) = mpsc::unbounded_channel();
        let broken = Arc::new(OnceLock::new());
        let clock = Arc::new(SystemStopwatch::start());
        let task = tokio::spawn(write(recorder, clock, states, told, Arc::clone(&broken)));
        // The last state is being written, and something happens.
        tokio::task::spawn_blocking(move || reached.recv()).await.unwrap().unwrap();
        entries.send(failed(&long())).unwrap();
        drop((entries, open.send(()), open));
        task.await.unwrap();
        assert_eq!(*kinds.lock().unwrap(), ["header", "key-frame"]);
        assert!(broken.get().unwrap().contains("as large as it may be"), "{broken:?}");
    }
}
