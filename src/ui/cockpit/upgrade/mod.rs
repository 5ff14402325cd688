//! The screens of an upgrade: the plan and its steps, what a step does while it runs and when it fails, the cluster's
//! pulse beside it, and the questions that are asked before anything is changed.

pub mod act;
pub mod ask;
pub mod dialogue;
pub mod end;
pub mod header;
pub mod list;
pub mod parts;
pub mod place;
pub mod pulse;
pub mod screen;
pub mod state;
pub mod step;

pub use dialogue::Dialogue;
pub use state::{Guide, Half};

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
