//! The parts that screens are made of.

pub mod cluster;
pub mod findings;
pub mod footer;
pub mod header;
pub mod list;
pub mod screen;
pub mod time_bar;
pub mod why;
