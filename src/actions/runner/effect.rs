//! What the runner wants done, and what came of it. An effect is only given out when its intent is in the journal.

use std::time::Duration;

use crate::actions::drain::PodRef;
use crate::actions::drain::requests::Change;
use crate::actions::ports::{Answer, Changes, Clock, Machines, Output};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a request.
    Send {
        /// Which.
        change: Change,
        /// The pod that it evicts.
        pod: Option<PodRef>,
    },
    /// Start a line on a machine.
    Start {
        /// Where.
        node: String,
        /// As which unit.
        unit: String,
        /// The line.
        line: String,
    },
    /// Look how far a line is.
    Look {
        /// Where.
        node: String,
        /// Which unit.
        unit: String,
        /// How many lines are known.
        from: usize,
    },
    /// Wait.
    Wait(Duration),
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer to a request, or why there was none.
    Answered(Change, Option<PodRef>, Result<Answer, String>),
    /// A line was started, or why it was not.
    Started(Result<(), String>),
    /// How far a line is, or why that is not known.
    Looked(Result<Output, String>),
    /// The time is over.
    Waited,
}

/// How often a machine is asked how far a line is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Does what `effect` says.
pub async fn perform(
    effect: Effect,
    clock: &dyn Clock,
    changes: &dyn Changes,
    machines: Option<&dyn Machines>,
) -> Outcome {
    const NONE: &str = "no machine can be reached";
    match effect {
        Effect::Send { change, pod } => {
            let answer = changes.send(&change).await;
            Outcome::Answered(change, pod, answer)
        }
        Effect::Start { node, unit, line } => {
            let started = match machines {
                Some(machines) => machines.start(&node, &unit, &line).await,
                None => Err(NONE.to_owned()),
            };
            if started.is_err() {
                // A machine that boots is asked again as slowly as one that runs a line.
                clock.sleep(LOOK_EVERY).await;
            }
            Outcome::Started(started)
        }
        Effect::Look { node, unit, from } => {
            clock.sleep(LOOK_EVERY).await;
            Outcome::Looked(match machines {
                Some(machines) => machines.output(&node, &unit, from).await,
                None => Err(NONE.to_owned()),
            })
        }
        Effect::Wait(time) => {
            clock.sleep(time).await;
            Outcome::Waited
        }
    }
}
