//! The recording of an upgrade: written beside it, and for as long as it can be written.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::actions::journal::Entry;
use crate::private;
use crate::session::recording::{Marks, Recorder, RecordingError, Stopwatch, Told};
use crate::session::{Happened, Snapshot};

/// The recording of a session, written by a task of its own.
pub(super) struct Recording {
    path: PathBuf,
    states: watch::Sender<Option<Arc<Snapshot>>>,
    entries: mpsc::UnboundedSender<Entry>,
    /// Why it cannot be written any more.
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
        let (states, changed) = watch::channel(None);
        let (entries, told) = mpsc::unbounded_channel();
        let broken = Arc::new(OnceLock::new());
        let task = tokio::spawn(write(recorder, clock, changed, told, Arc::clone(&broken)));
        Ok(Self { path, states, entries, broken, task })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Why it cannot be written any more, if that is so.
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
        let writing = tokio::task::spawn_blocking(move || -> Result<Recorder, RecordingError> {
            if let Some(entry) = &entry {
                recorder.entry(&told(entry), marks(entry), time.now())?;
            }
            if let Some(snapshot) = &state {
                let upgrade = serde_json::to_value(&snapshot.upgrade).unwrap_or_default();
                recorder.state(&snapshot.evidence, &upgrade, time.now())?;
            }
            Ok(recorder)
        });
        recorder = match writing.await {
            Ok(Ok(recorder)) => recorder,
            Ok(Err(error)) => return drop(broken.set(error.to_string())),
            Err(error) => return drop(broken.set(format!("the recorder failed, which is a bug: {error}"))),
        };
    }
    // The entries that came while the last state was written.
    while let Ok(entry) = entries.try_recv() {
        drop(recorder.entry(&told(&entry), marks(&entry), clock.now()));
    }
    if let Err(error) = recorder.close(clock.now()) {
        tracing::warn!(%error, "the recording could not be closed: it will be called cut");
    }
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
