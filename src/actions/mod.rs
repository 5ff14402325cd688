//! What changes a cluster: the plan and its steps, the runner that carries them out, drains, the journal.
//!
//! ```text
//! Evidence, Findings, Decisions --plan--> Plan: phases of steps, each with its state
//! Order --runner--> journal --> Effect --ports--> cluster, machines, or the operator's hands
//! ```
//!
//! The plan is a pure function of what was observed and of what the operator decided, like the checks: coming back
//! after a crash means observing again. A step is done when what it was for is observed, whoever did it.

pub mod drain;
pub mod journal;
pub mod observed;
pub mod plan;
pub mod ports;
pub mod runner;
pub(crate) mod steps;
#[cfg(test)]
pub(crate) mod testing;
