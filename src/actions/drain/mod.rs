//! Drains: which pods leave a node, which stay, and what holds them.

mod forecast;
mod pace;
pub mod requests;
mod select;
#[cfg(test)]
mod tests;

pub use forecast::{Held, held};
pub use pace::Pace;
pub use select::{Leaves, PodRef, Selection, select, sort};
