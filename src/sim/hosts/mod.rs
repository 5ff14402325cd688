//! The simulated machines: each answers the probe with a document in the probe's own form, and runs lines of shell as
//! units, as `systemd-run --unit=NAME` does on a real one.

mod files;
mod kubeadm;
mod machine;
mod packages;
mod run;
mod shell;
mod snapshot;
mod systemctl;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use self::machine::Machine;
use self::run::{Output, Run};
use super::clock;
use super::state::Cluster;

/// Why a machine gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// There is no such machine.
    #[error("there is no machine {0}")]
    Unknown(String),
    /// It does not answer.
    #[error("{node} does not answer: {reason}")]
    Silent {
        /// The machine.
        node: String,
        /// Why.
        reason: String,
    },
    /// The simulation, which is another process, does not.
    #[error("the simulation does not answer: {0}")]
    Unreachable(String),
}

/// How far a unit is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// What it has printed, from the line on that was asked for.
    pub lines: Vec<String>,
    /// Whether it runs.
    pub running: bool,
    /// The exit code of its line, once it has ended.
    pub exit: Option<i32>,
}

/// All machines.
#[derive(Debug, Clone)]
pub struct Hosts {
    cluster: Arc<Cluster>,
}

impl Hosts {
    pub(super) const fn new(cluster: Arc<Cluster>) -> Self {
        Self { cluster }
    }

    /// The names of the machines, which are those of their Nodes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.cluster.machine_names()
    }

    /// What time it is on every machine, and in the cluster.
    pub fn now(&self) -> Timestamp {
        self.cluster.timeline.advance();
        self.cluster.now()
    }

    /// How many seconds go by there in a real one.
    pub fn speed(&self) -> f64 {
        self.cluster.timeline.clock().speed()
    }

    /// What the probe prints on a machine, now. `nonce` comes back in the document.
    ///
    /// # Errors
    /// When there is no such machine, or it does not answer.
    pub fn probe(&self, node: &str, nonce: Option<&str>) -> Result<String, HostError> {
        self.cluster.timeline.advance();
        let now = self.cluster.now();
        let members = self.cluster.members().clone();
        let machine = self.cluster.machine(node).ok_or_else(|| HostError::Unknown(node.to_owned()))?;
        machine.answers(now)?;
        let mut document = machine.probe(&members);
        drop(machine);
        if let Some(document) = document.as_object_mut() {
            document.insert("collectedAt".to_owned(), clock::seconds(now).into());
            if let Some(nonce) = nonce {
                document.insert("nonce".to_owned(), json!(nonce));
            }
        }
        Ok(document.to_string())
    }

    /// Runs a line of shell as root on a machine, as a unit of that name. A name that was used already starts nothing:
    /// who asks again does not know what became of his first question.
    ///
    /// # Errors
    /// When there is no such machine, or it does not answer.
    pub fn start(&self, node: &str, unit: &str, line: &str) -> Result<(), HostError> {
        self.cluster.timeline.advance();
        let now = self.cluster.now();
        let mut machine = self.cluster.machine(node).ok_or_else(|| HostError::Unknown(node.to_owned()))?;
        machine.answers(now)?;
        if machine.units.contains_key(unit) {
            return Ok(());
        }
        let running = UnitState { running: true, ..UnitState::default() };
        machine.units.insert(unit.to_owned(), running);
        drop(machine);
        let run = Run::new(self.cluster.clone(), node, Output::Unit(unit.to_owned()));
        let line = line.to_owned();
        self.cluster.timeline.begin(Duration::ZERO, async move {
            let exit = run.line(&line).await;
            run.end(exit);
        });
        Ok(())
    }

    /// How far a unit is, with its lines from one on; none where no unit of this name was started.
    ///
    /// # Errors
    /// When there is no such machine, or it does not answer.
    pub fn unit(&self, node: &str, unit: &str, from_line: usize) -> Result<Option<UnitState>, HostError> {
        self.cluster.timeline.advance();
        let machine = self.cluster.machine(node).ok_or_else(|| HostError::Unknown(node.to_owned()))?;
        machine.answers(self.cluster.now())?;
        let state = machine.units.get(unit).map(|state| UnitState {
            lines: state.lines.iter().skip(from_line).cloned().collect(),
            running: state.running,
            exit: state.exit,
        });
        Ok(state)
    }
}
