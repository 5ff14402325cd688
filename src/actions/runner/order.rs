//! What the operator asks of the runner, and why it may be refused.

use ring::digest::{SHA256, digest};

use crate::actions::plan::{Consent, Plan, Step};
use crate::chain::hex;

/// What the operator asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Let a step run.
    Run {
        /// Its id.
        step: String,
        /// [`seen`] of the step as it was shown.
        seen: String,
        /// What was typed.
        answer: String,
    },
    /// Let a finding, or the loss of a pod, through.
    Consent {
        /// For which step.
        step: String,
        /// What.
        consent: Consent,
        /// What was typed.
        answer: String,
    },
    /// The commands of the step under way were run.
    Said {
        /// Its id.
        step: String,
    },
    /// The commands of the step under way, by the operator's hands, have failed.
    Failed {
        /// Its id.
        step: String,
        /// What they printed last.
        printed: String,
    },
    /// Try a step again that failed, or was left out.
    Retry {
        /// Its id.
        step: String,
    },
    /// Leave a step out.
    Skip {
        /// Its id.
        step: String,
        /// Why, in words.
        reason: String,
    },
    /// Stop at the next safe point.
    Stop,
}

/// Why an order is not carried out. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not the next, or cannot be run.
    #[error("{0}")]
    NotNow(String),
    /// What would run is not what was shown.
    #[error("what would run changed since it was shown: look at it again")]
    Changed,
    /// What was typed is not what was asked for.
    #[error("'{typed}' was typed, not '{wanted}': nothing was done")]
    Answer {
        /// What was typed.
        typed: String,
        /// What was asked for.
        wanted: String,
    },
    /// The journal cannot be written.
    #[error("{0}")]
    Halted(String),
}

impl Refusal {
    /// What a session without a runner says.
    pub fn read_only() -> Self {
        Self::NotNow("this session can change nothing".to_owned())
    }
}

/// A word that stands for everything that a confirmation shows of a step: the cluster, what will run, and what else
/// happens by it.
pub fn seen(plan: &Plan, step: &Step) -> String {
    let shown =
        (&plan.uid, &plan.cluster, &plan.target, &step.id, &step.commands, &step.effects, &step.way_back);
    let bytes = serde_json::to_vec(&shown).unwrap_or_default();
    hex(digest(&SHA256, &bytes).as_ref().get(..8).unwrap_or_default())
}
