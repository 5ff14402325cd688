//! The journal of an upgrade: what was meant is on the disk before it happens.
//!
//! It gives intent and ownership, never the state of the cluster: that is observed. A journal is lines of
//! `<64 hex digits> <entry as JSON>`, the digits being the SHA-256 of the digest before and the bytes of the entry. A
//! torn last line is what a killed kubelift leaves: it is cut off, with a word. Anything else wrong is refused.

mod entry;
mod folder;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use entry::{Entry, What};
pub use folder::{Folder, FolderError, state_folder};

use super::plan::{Attempt, Decisions};
use super::ports::{Clock, Store};
use crate::chain::{Hash, chain, hex};
use crate::version::Version;

/// Why there is no journal, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("the journal cannot be written: {0}. Nothing is changed without it")]
    Io(#[from] std::io::Error),
    /// A line is not what was written.
    #[error(
        "the journal is damaged in line {line}: {why}. Move it away to begin a new one; what it says is lost then"
    )]
    Damaged {
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// An entry could not be turned into JSON, which is a bug.
    #[error("an entry of the journal could not be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
}

/// The permit to change things. Without one there is no runner and no client that writes, and only an open journal gives
/// it: an inspection and a replay have none.
///
/// ```compile_fail
/// let permit = kubelift::actions::journal::Permit(());
/// ```
#[derive(Debug)]
pub struct Permit(());

/// An open journal.
pub struct Journal {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    hash: Hash,
    entries: Vec<Entry>,
    decisions: Decisions,
    /// The target of the newest entries, and where those to it begin.
    target: Option<Version>,
    first: usize,
    /// Whether a torn end was cut off when it was opened.
    torn: bool,
    broken: bool,
}

impl Journal {
    /// Opens what `store` holds. `owner` marks this upgrade's cordons.
    ///
    /// # Errors
    /// When it cannot be read, or holds something else than a journal.
    pub fn open(store: Arc<dyn Store>, clock: Arc<dyn Clock>, owner: &str) -> Result<Self, JournalError> {
        let bytes = store.read()?;
        let decisions = Decisions { owner: owner.into(), ..Decisions::default() };
        let mut journal = Self {
            store,
            clock,
            hash: [0; 32],
            entries: Vec::new(),
            decisions,
            target: None,
            first: 0,
            torn: false,
            broken: false,
        };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let (lines, torn) = bytes.split_at(whole);
        for (index, line) in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
            journal.take(line).map_err(|why| JournalError::Damaged { line: index + 1, why })?;
        }
        if !torn.is_empty() {
            journal.store.cut(u64::try_from(whole).unwrap_or(u64::MAX))?;
            journal.torn = true;
        }
        Ok(journal)
    }

    /// The permit to change things, for as long as the journal is open.
    pub fn permit(&self) -> Permit {
        Permit(())
    }

    /// Writes down what happens, and comes back when it is on the disk. After an error nothing more is written, and
    /// nothing must be changed any more.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn write(&mut self, what: What) -> Result<(), JournalError> {
        if self.broken {
            return Err(std::io::Error::other("an earlier entry could not be written").into());
        }
        let entry = Entry { at: self.clock.now(), what };
        let mut value = serde_json::to_value(&entry)?;
        crate::redact::redact_value(&mut value);
        let json = serde_json::to_vec(&value)?;
        let hash = chain(&self.hash, &json);
        let line = [hex(&hash).as_bytes(), b" ", &json, b"\n"].concat();
        if let Err(error) = self.store.append(&line) {
            self.broken = true;
            return Err(error.into());
        }
        self.hash = hash;
        self.enter(entry);
        Ok(())
    }

    /// What the operator decided so far.
    pub const fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// Everything in it, the oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is in it of the upgrade to the newest target, the oldest first.
    pub fn upgrade(&self) -> &[Entry] {
        self.entries.get(self.first..).unwrap_or_default()
    }

    /// What was decided on the way to one target is not decided on the way to another.
    fn enter(&mut self, entry: Entry) {
        if let What::Opened { target, .. } = &entry.what
            && self.target.as_ref() != Some(target)
        {
            self.decisions = Decisions { owner: self.decisions.owner.clone(), ..Decisions::default() };
            (self.target, self.first) = (Some(target.clone()), self.entries.len());
        }
        apply(&mut self.decisions, &entry);
        self.entries.push(entry);
    }

    /// Whether a torn end was cut off: the last thing that was meant may be missing.
    pub const fn was_torn(&self) -> bool {
        self.torn
    }

    fn take(&mut self, line: &[u8]) -> Result<(), String> {
        let (claimed, json) = line.split_at_checked(65).ok_or("it is too short")?;
        let hash = chain(&self.hash, json);
        if claimed != [hex(&hash).as_bytes(), b" "].concat() {
            return Err("its sum is not that of its bytes and the line before".to_owned());
        }
        let entry: Entry = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        self.hash = hash;
        self.enter(entry);
        Ok(())
    }
}

/// What an entry means for the plan.
fn apply(decisions: &mut Decisions, entry: &Entry) {
    match &entry.what {
        What::Consented { consent, .. } => {
            decisions.consents.insert(consent.clone());
        }
        What::Began { step, nonce, .. } => {
            decisions.skipped.remove(step);
            let attempt =
                Attempt { started: entry.at, nonce: nonce.clone(), said: false, failed: None, ended: None };
            decisions.attempts.insert(step.clone(), attempt);
        }
        What::Said { step } => change(decisions, step, |attempt| attempt.said = true),
        What::Failed { step, why } => change(decisions, step, |attempt| attempt.failed = Some(why.clone())),
        What::Retried { step } => {
            decisions.attempts.remove(step);
            decisions.skipped.remove(step);
        }
        What::Skipped { step, reason } => {
            decisions.attempts.remove(step);
            decisions.skipped.insert(step.clone(), reason.clone());
        }
        What::Ended { step, .. } => change(decisions, step, |attempt| attempt.ended = Some(entry.at)),
        What::Opened { .. }
        | What::Requested { .. }
        | What::Answered { .. }
        | What::Started { .. }
        | What::Exited { .. }
        | What::Stopped
        | What::Closed => {}
    }
}

fn change(decisions: &mut Decisions, step: &str, change: impl FnOnce(&mut Attempt)) {
    if let Some(attempt) = decisions.attempts.get_mut(step) {
        change(attempt);
    }
}
