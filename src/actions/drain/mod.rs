//! Drains: which pods leave a node, which stay, and what holds them.

mod forecast;
mod pace;
pub mod requests;
mod select;
#[cfg(test)]
mod tests;

pub use forecast::{Held, held};
pub use pace::Pace;
pub use select::{Leaves, PodRef, Selection, select};

/// The annotation on a Node that says which upgrade cordoned it: only that one uncordons it again.
pub const CORDONED_BY: &str = "kubelift.io/cordoned-by";
