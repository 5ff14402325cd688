//! A session: what the screens, the plain lines and the reports are fed with.
//!
//! A session publishes [`Snapshot`]s, each whole and never changed afterwards. Whoever shows them
//! holds the newest; nobody shares state with the tasks that read.

pub mod desk;
mod folders;
pub mod judge;
pub mod live;
pub mod local;
pub mod options;
pub mod recording;
pub mod still;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use self::recording::Chain;
use crate::checks::{Finding, Severity, Target, Verdict};
use crate::evidence::Evidence;
use crate::version::Version;

/// What kind of session it is: said in words on every screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A live cluster, which cannot be changed.
    Inspect,
    /// The simulated cluster.
    Demo {
        /// The scenario's name.
        scenario: String,
    },
    /// A recording.
    Recording {
        /// Its file name.
        file: String,
        /// When its evidence was observed.
        at: Timestamp,
        /// Whether it is as it was written.
        chain: Chain,
    },
}

/// All that a session knows at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Counts snapshots; a later one is larger.
    pub generation: u64,
    /// What kind of session.
    pub kind: Kind,
    /// What was observed.
    pub evidence: Arc<Evidence>,
    /// Where the upgrade is to go; absent while no API server's version was read.
    pub target: Option<Target>,
    /// Why there is no target, in a sentence: no version was read yet, or the target asked for cannot be.
    pub no_target: Option<String>,
    /// What the checks said, in the order of panes.
    pub findings: Arc<[Finding]>,
    /// How long the checks took, in microseconds.
    pub judged_in_micros: u64,
}

impl Snapshot {
    /// The answer to "may we start?"; unknown while there is no target.
    pub fn verdict(&self) -> Verdict {
        if self.target.is_none() { Verdict::Unknown } else { Verdict::of(self.findings.iter()) }
    }

    /// The findings of one check.
    pub fn findings_of<'a>(&'a self, check: &'a str) -> impl Iterator<Item = &'a Finding> + 'a {
        self.findings.iter().filter(move |finding| finding.check == check)
    }

    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// What whoever shows a session may ask of it.
#[derive(Debug)]
pub enum Request {
    /// Read everything again now.
    Refresh,
    /// Judge by another target; `None` for the newest known patch of the next minor.
    Target(Option<Version>),
}

/// A session asks for the terminal, for a credential plugin that may talk to its user.
///
/// Whoever holds the terminal puts the screen aside, says `granted`, and takes it back when `done`
/// comes or is dropped. Dropping `granted` refuses.
#[derive(Debug)]
pub struct TerminalRequest {
    /// Why, in a sentence: what will run.
    pub why: String,
    /// To be sent when the terminal is free.
    pub granted: oneshot::Sender<()>,
    /// Comes when the terminal is no longer needed.
    pub done: oneshot::Receiver<()>,
}

/// The end of a session that whoever shows it holds.
#[derive(Debug)]
pub struct Handle {
    /// The newest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What is asked of the session.
    pub requests: mpsc::Sender<Request>,
    /// What the session asks of the terminal's holder.
    pub terminal: mpsc::Receiver<TerminalRequest>,
}
