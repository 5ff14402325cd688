//! `record`: an inspection in a file, once or on and on.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{complain, refused};
use crate::cli;
use crate::session::recording::{self, Kept, Recorder, RecordingError, Stopwatch, SystemStopwatch};
use crate::session::{Handle, Snapshot};
use crate::source::Source;
use crate::ui::words;

/// How many times the time of writing lies between two states: at most a fifth of a core.
const REST: u32 = 4;

/// Records what the flags name in `file`.
pub(super) async fn record(flags: &cli::Source, file: &Path, once: bool) -> Result<u8> {
    // A large cluster takes a while to read: what would fail at the end is looked at first.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        complain(&format!("{} cannot be written: {} is no folder", file.display(), folder.display()));
        return Ok(cli::USAGE);
    }
    if !once && file.symlink_metadata().is_ok() {
        complain(&format!("{} is there already: only --once replaces a file", file.display()));
        return Ok(cli::USAGE);
    }
    if !once && flags.recording.is_some() {
        complain("a recording does not go on: --once copies the end of one, replay plays it");
        return Ok(cli::USAGE);
    }
    let source = Source::open(flags, false).await?;
    if once { record_once(source, file).await } else { record_on(source, file).await }
}

async fn record_once(source: Source, file: &Path) -> Result<u8> {
    let asked = source.asked().cloned();
    let snapshot = source.once().await;
    if snapshot.evidence.is_empty() {
        nothing_read(&snapshot);
        return Ok(cli::FAILED);
    }
    if let Some(why) = refused(&snapshot, asked.as_ref()) {
        complain(&why);
        return Ok(cli::USAGE);
    }
    recording::write_once(file, &snapshot.evidence, snapshot.target.as_ref(), Timestamp::now())?;
    let cluster = &snapshot.evidence.cluster;
    let mut out = io::stdout().lock();
    writeln!(out, "recorded {} at {} in {}", cluster.name, cluster.server, file.display())?;
    let unread = snapshot.evidence.unread().len();
    if unread > 0 {
        let file = file.display();
        writeln!(out, "{unread} thing(s) could not be read: `kubelift check --recording {file}` names them")?;
    }
    Ok(cli::READY)
}

fn nothing_read(snapshot: &Snapshot) {
    let server = &snapshot.evidence.cluster.server;
    complain(&format!("nothing could be read of the cluster at {server}: no recording was written"));
}

/// Records until a signal ends it; the recording is then closed.
async fn record_on(source: Source, file: &Path) -> Result<u8> {
    let asked = source.asked().cloned();
    let mut stop = Stop::new().context("signals cannot be waited for")?;
    let (mut handle, simulation) = source.follow().await;
    let clock = SystemStopwatch::start();
    let mut recorder: Option<Recorder> = None;
    let mut progress = Progress::default();
    loop {
        let snapshot = Arc::clone(&handle.snapshots.borrow_and_update());
        if recorder.is_none()
            && let Some(why) = refused(&snapshot, asked.as_ref())
        {
            complain(&why);
            return Ok(cli::USAGE);
        }
        let began = Instant::now();
        if !snapshot.evidence.is_empty() {
            let written = written(recorder.take(), snapshot, file, clock).await?;
            progress.tell(&written, clock.now().mono);
            recorder = Some(written);
        }
        let due =
            recorder.as_ref().map_or(recording::STATE_EVERY, |recorder| recorder.due_in(clock.now().mono));
        if !stop.waits(&mut handle, due.max(began.elapsed() * REST)).await {
            break;
        }
    }
    let last = Arc::clone(&handle.snapshots.borrow_and_update());
    let Some(recorder) = recorder else {
        nothing_read(&last);
        return Ok(cli::FAILED);
    };
    let recorder = written(Some(recorder), last, file, clock).await?;
    progress.end(&recorder, clock.now().mono);
    let (states, size) = (recorder.states(), recorder.size());
    recorder.close(clock.now())?;
    drop(simulation);
    writeln!(io::stdout().lock(), "recorded {states} states, {} KiB, in {}", size / 1024, file.display())?;
    Ok(cli::READY)
}

/// The recorder, begun if it was not, with the state of `snapshot` in it.
async fn written(
    recorder: Option<Recorder>,
    snapshot: Arc<Snapshot>,
    file: &Path,
    clock: SystemStopwatch,
) -> Result<Recorder> {
    let file = file.to_owned();
    // What is read meanwhile is read by other tasks.
    let write = move || -> Result<Recorder, RecordingError> {
        let cluster = &snapshot.evidence.cluster;
        let mut recorder = match recorder {
            Some(recorder) => recorder,
            None => Recorder::create(&file, cluster, snapshot.target.as_ref(), clock.now())?,
        };
        if recorder.state(&snapshot.evidence, &Value::Null, clock.now())? == Kept::Full {
            tracing::warn!("the recording has reached its largest size");
        }
        Ok(recorder)
    };
    Ok(tokio::task::spawn_blocking(write).await.context("the recorder failed, which is a bug")??)
}

/// The signals that end what goes on and on.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one, and gives its number.
    pub(super) async fn comes(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hang_up.recv() => SignalKind::hangup(),
        };
        kind.as_raw_value()
    }

    /// Waits at least `rest`, and then for something new; `false` when it is to end.
    async fn waits(&mut self, handle: &mut Handle, rest: Duration) -> bool {
        tokio::select! {
            _ = self.comes() => return false,
            () = tokio::time::sleep(rest) => {}
        }
        tokio::select! {
            _ = self.comes() => false,
            changed = handle.snapshots.changed() => changed.is_ok(),
        }
    }
}

/// One line on standard error: written over on a terminal, once elsewhere.
#[derive(Default)]
struct Progress {
    told: bool,
}

impl Progress {
    fn tell(&mut self, recorder: &Recorder, elapsed: Duration) {
        let mut err = io::stderr().lock();
        let file = recorder.path().display();
        // That nobody reads it does not end a recording.
        let _ = if err.is_terminal() {
            let line = self.line(recorder, elapsed);
            write!(err, "\r{line}  ").and_then(|()| err.flush())
        } else if !self.told {
            writeln!(err, "recording in {file}; SIGINT or SIGTERM ends it")
        } else {
            Ok(())
        };
        self.told = true;
    }

    fn line(&self, recorder: &Recorder, elapsed: Duration) -> String {
        let (states, size) = (recorder.states(), recorder.size() / 1024);
        let full = if recorder.is_full() { ", FULL: no state is written any more" } else { "" };
        format!("recording: {}, {states} states, {size} KiB{full}; Ctrl-C ends it", words::elapsed(elapsed))
    }

    fn end(&self, recorder: &Recorder, elapsed: Duration) {
        let mut err = io::stderr().lock();
        if err.is_terminal() {
            let _ = writeln!(err, "\r{}  ", self.line(recorder, elapsed));
        }
    }
}
