//! Documents that were parsed before: while one file is awaited, its folder of thousands is read every few seconds.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::evidence::node_facts::NodeFacts;

/// For how long after it was written a file may be written again and look the same: file systems count time by ticks, of
/// up to two seconds.
const TICK: Duration = Duration::from_secs(2);

/// Whether a file that was written then and is written again now will be seen to be another.
pub fn is_settled(written: SystemTime, now: SystemTime) -> bool {
    let apart = now.duration_since(written).unwrap_or_else(|ahead| ahead.duration());
    apart >= TICK
}

/// The documents of a folder as they were read last.
#[derive(Debug, Default)]
pub struct Parsed(HashMap<OsString, (Version, Arc<NodeFacts>)>);

/// What tells a file from another of its name, and from itself before it was written again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Version {
    real: PathBuf,
    written: SystemTime,
    size: u64,
}

impl Version {
    /// That of a file that is about to be read; none if it may change without being another.
    pub(super) fn of(real: &Path, metadata: &Metadata) -> Option<Self> {
        let written = metadata.modified().ok().filter(|written| is_settled(*written, SystemTime::now()))?;
        Some(Self { real: real.to_owned(), written, size: metadata.len() })
    }
}

impl Parsed {
    /// The document in that version of a file.
    pub(super) fn get(&self, name: &OsString, version: &Version) -> Option<Arc<NodeFacts>> {
        self.0.get(name).filter(|(known, _)| known == version).map(|(_, facts)| Arc::clone(facts))
    }

    /// Keeps it.
    pub(super) fn keep(&mut self, name: &OsString, version: Version, facts: &Arc<NodeFacts>) {
        self.0.insert(name.clone(), (version, Arc::clone(facts)));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
