//! A session: what the screens, the plain lines and the reports are fed with.
//!
//! A session publishes [`Snapshot`]s, each whole and never changed afterwards. Whoever shows them
//! holds the newest; nobody shares state with the tasks that read.

pub mod desk;
mod folders;
pub mod judge;
pub mod live;
pub mod local;
mod log;
pub mod options;
pub mod recording;
pub mod replay;
pub mod simulated;
pub mod still;
pub mod upgrade;
mod watched;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use self::recording::{Chain, Marks, Told, Transport};
use crate::actions::journal::Entry;
use crate::actions::runner::{Order, Refusal, Upgrade};
use crate::checks::{Finding, Severity, Target, Verdict};
use crate::evidence::Evidence;
use crate::text::Text;
use crate::version::Version;

pub use log::Log;

/// What kind of session it is: said in words on every screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A live cluster, which cannot be changed.
    Inspect,
    /// A live cluster, which can be changed step by step.
    Upgrade,
    /// The simulated cluster, which can be changed as a real one.
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
    /// A recording that plays.
    Replay {
        /// Its file name.
        file: String,
        /// Whether it is as it was written, as far as that is known.
        chain: Chain,
    },
}

impl Kind {
    /// A simulation that is another process.
    pub fn simulated_at(address: SocketAddr) -> Self {
        Self::Demo { scenario: format!("{ELSEWHERE}{address}") }
    }

    /// Whether the session is one that can change things.
    pub const fn changes(&self) -> bool {
        matches!(self, Self::Upgrade | Self::Demo { .. })
    }

    /// Whether the cluster is a simulation within this process, and ends with it.
    pub fn ends_with_kubelift(&self) -> bool {
        matches!(self, Self::Demo { scenario } if !scenario.starts_with(ELSEWHERE))
    }
}

/// What stands before the address of a simulation that is another process, in the place of a scenario's name.
const ELSEWHERE: &str = "at ";

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// The number of its frame in the recording.
    pub frame: usize,
    /// When.
    pub at: Timestamp,
    /// Whether it is a failure or a confirmation.
    pub marks: Marks,
    /// What.
    pub told: Told,
}

/// Where a replay is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playback {
    /// How far into the recording.
    pub position: Duration,
    /// How long the recording is.
    pub length: Duration,
    /// The time of day there.
    pub wall: Timestamp,
    /// Whether it goes on by itself.
    pub playing: bool,
    /// How many times as fast as it happened.
    pub speed: u32,
    /// Where something failed, or the operator was asked.
    pub marks: Arc<[(Duration, Marks)]>,
    /// Whether a failure follows.
    pub failure_follows: bool,
    /// Whether a confirmation follows.
    pub confirmation_follows: bool,
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
    /// What has happened until now, in order; empty where nothing but reading happens.
    pub happened: Log,
    /// Where the replay is, if it is one.
    pub playback: Option<Playback>,
    /// The upgrade, in a session that can change things.
    pub upgrade: Option<Arc<Upgrade>>,
    /// Why there is none in such a session, in a sentence.
    pub no_upgrade: Option<String>,
    /// The journal of the upgrade, the oldest entry first.
    pub journal: Arc<[Entry]>,
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
    /// Play, pause or go elsewhere in a recording.
    Replay(Transport),
    /// Look again for what a machine says of itself, and for what the cluster has that nobody watches: a step may be over,
    /// and a probe is expected that returns a nonce.
    Probe {
        /// The machine's node.
        node: Text,
        /// What the probe is to return.
        nonce: Text,
    },
    /// Change something, in a session that can.
    Order(Order, oneshot::Sender<Result<(), Refusal>>),
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
