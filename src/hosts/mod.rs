//! Reaching a machine, and what it says of itself: one probe for all local facts.
//!
//! [`probe`] has the script and runs it, [`shell`] is where it runs, [`facts`] reads what it printed elsewhere and
//! gives each document to its Node, [`backups`] judges snapshots of etcd in a folder of this machine.

pub mod backups;
pub mod facts;
pub mod probe;
pub mod shell;

#[cfg(test)]
mod fixture_tests;
