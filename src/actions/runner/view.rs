//! What is shown of an upgrade under way: plain data, so that a recording holds it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actions::plan::Plan;
use crate::text::Text;

/// An upgrade, as its screens and its recording have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// What is done, and what is left.
    pub plan: Plan,
    /// The step under way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub active: Option<Active>,
    /// The step that this kubelift saw end last, well or not, with what it printed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last: Option<Active>,
    /// Whether it stops at the next safe point.
    pub stopping: bool,
    /// Why nothing is changed any more, if that is so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub halted: Option<String>,
    /// Where the journal is.
    pub journal: Text,
    /// Whether its end was torn, and cut off when it was opened: what it meant may have happened.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub torn: bool,
    /// Where the recording is.
    #[serde(default)]
    pub recording: Text,
    /// When the first step of this upgrade was confirmed, by its journal; now, while none was.
    pub began: Timestamp,
    /// When the last step was over, where none is left.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Timestamp>,
    /// When this was so, by the clock that the other times are of.
    pub at: Timestamp,
}

/// Who carries a step out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hands {
    /// kubelift, by the Kubernetes API.
    Api,
    /// A machine that runs the commands when it is told to.
    Machine,
    /// The operator.
    Operator,
}

/// A step under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Active {
    /// Its id.
    pub step: String,
    /// Who carries it out.
    pub hands: Hands,
    /// Since when.
    pub since: Timestamp,
    /// How long it usually takes, as it was when it began.
    pub expected_seconds: u32,
    /// The lines that were confirmed, and run.
    pub commands: Vec<String>,
    /// How many of them are over.
    pub over: usize,
    /// What a probe must return to count as made after the step.
    pub nonce: Text,
    /// The line that makes such a probe, where the operator is to make it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub probe: String,
    /// Whether the commands are all over, or said to be: what is left is to observe it.
    pub said: bool,
    /// What they print, the newest lines.
    pub output: Vec<Text>,
    /// How many lines they printed in all; `output` ends with the last.
    #[serde(default)]
    pub printed: usize,
    /// What it waits for.
    pub waits: Vec<String>,
}
