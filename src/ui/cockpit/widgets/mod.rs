//! Small things that screens are drawn from.

pub mod frame;
pub mod paint;
pub mod prose;

pub use frame::Frame;
pub use paint::{Look, Painter};
pub use prose::Prose;
