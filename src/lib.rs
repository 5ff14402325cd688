//! kubelift: a terminal cockpit for upgrading kubeadm clusters.
//!
//! The way through the crate, one arrow a module boundary:
//!
//! ```text
//! cluster, nodes --read--> Evidence --> checks --> Findings --> screens, reports, exit code
//! ```
//!
//! [`evidence`] is plain data: what was observed, when, by which read, and what could not be read
//! and why. [`checks`] are pure functions of it. [`cluster`] and [`hosts`] observe; `ui` and
//! [`report`] show. See `docs/architecture.md`.

pub mod actions;
pub mod catalog;
mod chain;
pub mod checks;
pub mod cli;
pub mod cluster;
pub mod evidence;
pub mod hosts;
mod percent;
pub mod private;
pub mod redact;
pub mod report;
pub mod run;
pub mod session;
pub mod sim;
pub mod source;
pub mod text;
pub mod ui;
pub mod version;
mod xdg;
