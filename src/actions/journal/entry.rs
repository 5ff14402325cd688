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
    /// The operator tries a step again that failed, or was left out.
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

impl What {
    /// What happened, in a sentence that does not name the step.
    pub fn text(&self) -> String {
        match self {
            Self::Opened { kubelift, target, .. } => {
                format!("kubelift {kubelift} took the journal, target {target}")
            }
            Self::Consented { consent, .. } => {
                format!("{} of {} was let through", consent.code, consent.subject)
            }
            Self::Began { commands, .. } => {
                format!("confirmed, {} to run", list::count(commands.len(), "line"))
            }
            // Its body was shown before it was confirmed.
            Self::Requested { request, .. } => {
                request.split_once(" {").map_or(request.as_str(), |(head, _)| head).to_owned()
            }
            Self::Answered { request, status: Some(status), message, .. } => {
                format!("{request}: {status} {message}").trim_end().to_owned()
            }
            Self::Answered { request, status: None, message, .. } => {
                format!("{request}: no answer ({message})")
            }
            Self::Started { command, .. } => command.clone(),
            Self::Exited { code, .. } => format!("ended with {code}"),
            Self::Said { .. } => "its commands are over; what they are for is looked for".to_owned(),
            Self::Failed { why, .. } => format!("FAILED: {why}"),
            Self::Retried { .. } => "is tried again".to_owned(),
            Self::Skipped { reason, .. } => format!("left out: {reason}"),
            Self::Ended { seen: true, .. } => "done, as observed".to_owned(),
            Self::Ended { seen: false, .. } => "done, said and not seen".to_owned(),
            Self::Stopped => "stop at the next safe point".to_owned(),
            Self::Closed => "the journal was given back".to_owned(),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step() {
            Some(step) => write!(f, "{step}: {}", self.text()),
            None => f.write_str(&self.text()),
        }
    }
}
