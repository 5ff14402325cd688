//! What happened, as snapshots share it.

use std::ops::Deref;
use std::sync::Arc;

use super::Happened;

/// What has happened up to a moment: the first part of a log that all moments of it share.
#[derive(Debug, Clone, Default)]
pub struct Log {
    all: Arc<[Happened]>,
    until: usize,
}

impl Log {
    /// The same log up to another moment: its first `until` entries.
    pub fn until(&self, until: usize) -> Self {
        Self { all: Arc::clone(&self.all), until: until.min(self.all.len()) }
    }
}

impl Deref for Log {
    type Target = [Happened];

    fn deref(&self) -> &[Happened] {
        self.all.get(..self.until).unwrap_or(&self.all)
    }
}

impl FromIterator<Happened> for Log {
    fn from_iter<I: IntoIterator<Item = Happened>>(entries: I) -> Self {
        let all: Arc<[Happened]> = entries.into_iter().collect();
        Self { until: all.len(), all }
    }
}
