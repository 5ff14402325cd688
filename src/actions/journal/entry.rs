//! What is written down of an upgrade.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::plan::{Consent, Settings};
use crate::checks::common::list;
use crate::text::Text;
use crate::version::Version;

/// Something that was meant, done or seen, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "what")]
pub enum What {
    /// A kubelift took the journal.
    Opened {
        /// Its version.
        kubelift: Text,
        /// The mark of this upgrade's cordons.
        owner: Text,
        /// The version of the oldest API server then; older journals do not say it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        from: Option<Version>,
        /// Where the upgrade goes.
        target: Version,
        /// How it is done.
        settings: Settings,
    },
    /// A finding, or the loss of a pod, was let through.
    Consented {
        /// Of which step.
        step: String,
        /// What.
        #[serde(flatten)]
        consent: Consent,
    },
    /// The operator let a step run. This is on the disk before anything of it happens.
    Began {
        /// Which.
        step: String,
        /// What a probe of its end must return.
        nonce: Text,
        /// What was shown, and what will run.
        commands: Vec<String>,
    },
    /// A request that changes the cluster is about to leave.
    Requested {
        /// Of which step.
        step: String,
        /// `PATCH /api/v1/nodes/w1 {…}`
        request: String,
    },
    /// The answer to a request; without a status there was none, and whether it was carried out is not known.
    Answered {
        /// Of which step.
        step: String,
        /// `PATCH /api/v1/nodes/w1`
        request: String,
        /// The HTTP status.
        status: Option<u16>,
        /// What the server said.
        message: Text,
    },
    /// A command on a machine is about to be started.
    Started {
        /// Of which step.
        step: String,
        /// The unit that it runs as.
        unit: String,
        /// The line.
        command: String,
    },
    /// A command on a machine ended.
    Exited {
        /// Of which step.
        step: String,
        /// The unit.
        unit: String,
        /// Its exit code.
        code: i32,
    },
    /// A step's commands are over, as whoever ran them says: what they are for is still to be seen.
    Said {
        /// Which.
        step: String,
    },
    /// A step went wrong.
    Failed {
        /// Which.
        step: String,
        /// How, in a sentence.
        why: String,
    },
    /// The operator tries a failed step again.
    Retried {
        /// Which.
        step: String,
    },
    /// The operator leaves a step out.
    Skipped {
        /// Which.
        step: String,
        /// Why.
        reason: String,
    },
    /// What a step was for is observed, or all there is of it is the operator's word.
    Ended {
        /// Which.
        step: String,
        /// Whether it was observed.
        seen: bool,
        /// What was seen.
        observed: Vec<String>,
    },
    /// The operator stops at the next safe point.
    Stopped,
    /// kubelift gave the journal back.
    Closed,
}

impl What {
    /// The step that it is about.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::Consented { step, .. }
            | Self::Began { step, .. }
            | Self::Requested { step, .. }
            | Self::Answered { step, .. }
            | Self::Started { step, .. }
            | Self::Exited { step, .. }
            | Self::Said { step }
            | Self::Failed { step, .. }
            | Self::Retried { step }
            | Self::Skipped { step, .. }
            | Self::Ended { step, .. } => Some(step),
            Self::Opened { .. } | Self::Stopped | Self::Closed => None,
        }
    }

    /// Its word: `began`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Consented { .. } => "consented",
            Self::Began { .. } => "began",
            Self::Requested { .. } => "requested",
            Self::Answered { .. } => "answered",
            Self::Started { .. } => "started",
            Self::Exited { .. } => "exited",
            Self::Said { .. } => "said",
            Self::Failed { .. } => "failed",
            Self::Retried { .. } => "retried",
            Self::Skipped { .. } => "skipped",
            Self::Ended { .. } => "ended",
            Self::Stopped => "stopped",
            Self::Closed => "closed",
        }
    }

    /// Whether something went wrong.
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    /// Whether the operator said yes to something.
    pub const fn is_confirmation(&self) -> bool {
        matches!(self, Self::Began { .. } | Self::Consented { .. })
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { kubelift, target, .. } => {
                write!(f, "kubelift {kubelift} took the journal, target {target}")
            }
            Self::Consented { step, consent } => {
                write!(f, "{step}: {} of {} was let through", consent.code, consent.subject)
            }
            Self::Began { step, commands, .. } => {
                let lines = list::count(commands.len(), "line");
                write!(f, "{step}: confirmed, {lines} to run")
            }
            Self::Requested { step, request } => write!(f, "{step}: {request}"),
            Self::Answered { step, request, status: Some(status), message } => {
                write!(f, "{step}: {request}: {status} {message}")
            }
            Self::Answered { step, request, status: None, message } => {
                write!(f, "{step}: {request}: no answer ({message})")
            }
            Self::Started { step, command, .. } => write!(f, "{step}: {command}"),
            Self::Exited { step, code, .. } => write!(f, "{step}: ended with {code}"),
            Self::Said { step } => {
                write!(f, "{step}: its commands are over; what they are for is looked for")
            }
            Self::Failed { step, why } => write!(f, "{step}: FAILED: {why}"),
            Self::Retried { step } => write!(f, "{step}: is tried again"),
            Self::Skipped { step, reason } => write!(f, "{step}: left out: {reason}"),
            Self::Ended { step, seen: true, .. } => write!(f, "{step}: done, as observed"),
            Self::Ended { step, seen: false, .. } => write!(f, "{step}: done, said and not seen"),
            Self::Stopped => write!(f, "stop at the next safe point"),
            Self::Closed => write!(f, "the journal was given back"),
        }
    }
}
