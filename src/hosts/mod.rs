//! Reaching a machine, and what it says of itself: one probe for all local facts.
//!
//! [`probe`] has the script and runs it, [`shell`] is where it runs, [`facts`] reads what it printed elsewhere and
//! gives each document to its Node, [`parsed`] remembers them, [`backups`] judges snapshots of etcd in a folder of this machine.

pub mod backups;
pub mod facts;
pub mod parsed;
pub mod probe;
pub mod shell;

use std::collections::BTreeMap;

use crate::text::Text;

/// Machines that can be asked at any time what they say of themselves.
pub trait Probes: Send + Sync + std::fmt::Debug {
    /// What each machine's probe prints, or why it prints nothing, by the machine's name. Those that `nonces` names are
    /// to return theirs.
    fn probe_all(&self, nonces: &BTreeMap<Text, Text>) -> Vec<(String, Result<String, String>)>;
}

#[cfg(test)]
mod fixture_tests;
