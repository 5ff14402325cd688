//! A folder of this machine that is looked at now and then: whether it holds something else than what was read of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::options::{FactsFrom, Options};
use crate::evidence::Scope;
use crate::hosts::parsed::is_settled;

/// How often a folder is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A file of a folder: its name, when it was last written, and its size.
type Entry = (OsString, Option<SystemTime>, u64);

/// What a folder holds, without any of it being read; nothing where it cannot be listed.
pub(super) type Held = Option<Listed>;

/// The files of a folder.
pub(super) struct Listed {
    entries: Vec<Entry>,
    /// Whether all of them will be seen to be others when they are written again.
    settled: bool,
}

/// A folder, and what it held when it was read.
pub(super) struct Watched {
    folder: Option<PathBuf>,
    /// Absent until it was read, and while it is read again.
    held: Option<Held>,
    /// When it is looked at next. It is kept here: whoever waits may give up, and begin to wait anew, far more often.
    next: Instant,
    look: Option<JoinHandle<Held>>,
}

impl Watched {
    /// The folder of facts that `options` name, if they do.
    pub(super) fn facts(options: &Options) -> Self {
        let folder = match &options.node_facts {
            FactsFrom::Folder(folder) if options.scope != Scope::Api => Some(folder.clone()),
            _ => None,
        };
        Self { folder, held: None, next: Instant::now(), look: None }
    }

    /// What it holds now, for [`Watched::was_read`]: to be taken before it is read, for what comes meanwhile is something
    /// else. Until then nothing is looked for.
    pub(super) fn is_read(&mut self) -> impl Future<Output = Held> + Send + 'static {
        (self.held, self.look) = (None, None);
        let folder = self.folder.clone();
        async move { look(folder?).await.unwrap_or_default() }
    }

    /// It was read, and `held` that.
    pub(super) fn was_read(&mut self, held: Held) {
        (self.held, self.next) = (Some(held), Instant::now() + LOOK_EVERY);
    }

    /// Waits until it holds something else than when it was read. Nothing is lost when that is given up.
    pub(super) async fn another(&mut self) {
        let (Some(folder), Some(held)) = (&self.folder, &self.held) else {
            return std::future::pending().await;
        };
        loop {
            if self.look.is_none() {
                sleep_until(self.next).await;
            }
            let look = self.look.get_or_insert_with(|| look(folder.clone()));
            let now = look.await.unwrap_or_default();
            (self.look, self.next) = (None, Instant::now() + LOOK_EVERY);
            if now.is_some_and(|now| now.differs(held.as_ref())) {
                self.held = None;
                return;
            }
        }
    }
}

/// Looks, away from the tasks that read the cluster: the folder may lie on another machine.
fn look(folder: PathBuf) -> JoinHandle<Held> {
    tokio::task::spawn_blocking(move || entries(&folder))
}

fn entries(folder: &Path) -> Held {
    let entry = |entry: std::fs::DirEntry| {
        let metadata = entry.metadata().ok()?;
        Some((entry.file_name(), metadata.modified().ok(), metadata.len()))
    };
    let mut entries: Vec<Entry> = std::fs::read_dir(folder).ok()?.flatten().filter_map(entry).collect();
    entries.sort();
    let now = SystemTime::now();
    let settled =
        entries.iter().all(|(_, written, _)| written.is_none_or(|written| is_settled(written, now)));
    Some(Listed { entries, settled })
}

impl Listed {
    /// Whether it is, or may be, something else than what was read.
    fn differs(&self, read: Option<&Self>) -> bool {
        read.is_none_or(|read| !read.settled || read.entries != self.entries)
    }
}
