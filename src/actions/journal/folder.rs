//! The folder of a cluster's journal: one kubelift of this machine at a time holds it.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::super::ports::Store;
use crate::{private, xdg};

/// Why the folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Another kubelift has it.
    #[error(
        "another kubelift on this machine holds the journal of this cluster ({}): quit it first. \
         A kubelift on another machine would not be noticed",
        path.display()
    )]
    Held {
        /// The lock.
        path: PathBuf,
    },
    /// No place for it is known.
    #[error(
        "there is no place for the journal: set XDG_STATE_HOME or HOME to an absolute path, or name one by --journal DIR"
    )]
    Nowhere,
}

/// Where journals are kept on this machine: `$XDG_STATE_HOME/kubelift`, else `~/.local/state/kubelift`.
///
/// # Errors
/// When neither is set to an absolute path.
pub fn state_folder() -> Result<PathBuf, FolderError> {
    xdg::state(|name| std::env::var_os(name)).ok_or(FolderError::Nowhere)
}

/// An open folder: the lock is held until it is dropped, or the process ends.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    journal: Mutex<File>,
    _lock: File,
}

impl Folder {
    /// Makes and locks the folder of a cluster's journal, by the UID of its namespace kube-system.
    ///
    /// # Errors
    /// When it cannot be made, or another kubelift holds it.
    pub fn open(state: &Path, uid: &str) -> Result<Self, FolderError> {
        // A UID is letters, digits and dashes: what is not must not become a path.
        let name: String = uid.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let path = state.join(name);
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { path, source }
        };
        private::folder(&path).map_err(io(&path))?;
        let lock_path = path.join("lock");
        let lock = private::appended(&lock_path).map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::Held { path: lock_path }),
            Err(TryLockError::Error(source)) => return Err(FolderError::Io { path: lock_path, source }),
        }
        let journal_path = path.join("journal");
        let journal = private::appended(&journal_path).map_err(io(&journal_path))?;
        // The name of a new file is on the disk when its folder is.
        File::open(&path).and_then(|folder| folder.sync_all()).map_err(io(&path))?;
        Ok(Self { path, journal: Mutex::new(journal), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn journal(&self) -> std::sync::MutexGuard<'_, File> {
        self.journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Store for Folder {
    fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = self.journal();
        io::Seek::rewind(&mut *file)?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.journal();
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        let file = self.journal();
        file.set_len(length)?;
        file.sync_data()
    }
}
