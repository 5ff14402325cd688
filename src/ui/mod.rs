//! What shows a session: the cockpit's screens, and the same session as plain lines.
//!
//! Nothing here knows a Kubernetes client: a [`Handle`](crate::session::Handle) feeds it. The table of commands,
//! the words and the plain mode build without the feature `tui`.

#[cfg(feature = "tui")]
pub mod cockpit;
pub mod commands;
pub mod filter;
pub mod plain;
pub mod pulse;
pub mod steps;
pub mod words;

#[cfg(test)]
mod sample;
