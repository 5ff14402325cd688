//! The screens on a terminal: state and its update, commands' keys, themes, layers, and the loop.
//!
//! One owner of the state: [`update()`] takes an event into the [`App`](app::App) and gives back effects for the
//! loop in [`mod@run`] to carry out; [`draw()`] borrows. Keys and looks are data, in `keys.yaml` and `themes/`.

pub mod app;
pub mod chord;
pub mod clipboard;
pub mod colour;
pub mod cursor;
pub mod draw;
pub mod editor;
pub mod facts;
pub mod follow;
pub mod glyphs;
pub mod keyboard;
pub mod keymap;
pub mod layers;
pub mod layout;
pub mod options;
pub mod panes;
pub mod picture;
pub mod roles;
pub mod run;
pub mod signals;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod upgrade;
pub mod view;
pub mod widgets;

#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod update_tests;

pub use draw::draw;
pub use options::{Environment, Flags, Options, OptionsError};
pub use picture::render;
pub use run::{Exit, UiError, run};
pub use update::update;
pub use widgets::Look;
