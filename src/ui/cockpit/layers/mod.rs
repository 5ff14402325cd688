//! What can lie on the first screen, and the first screen itself: each draws itself and says how long it is.

pub mod detail;
pub mod help;
pub mod log;
pub mod palette;
pub mod readiness;
pub mod typing;
pub mod unread;

use super::app::{App, Layer, Typing};

/// How many lines a layer has to move in.
pub fn len(app: &App, layer: &Layer) -> usize {
    match layer {
        Layer::Detail(detail) => detail::page(app, detail).len(),
        Layer::Log(lines) | Layer::Unread(lines) => lines.rows.len(),
        Layer::Help(_) => help::prose(app).len(),
        Layer::Typing(Typing::Palette, editor, _) => palette::choices(app, &editor.text()).len(),
        Layer::Ask(dialogue) => super::upgrade::ask::extent(app, dialogue).0,
        Layer::Plan | Layer::Typing(..) => 0,
    }
}

/// What `copy` copies on the topmost screen: a remedy's commands, or the chosen line.
pub fn copied(app: &App) -> Option<String> {
    match app.layers.iter().rev().find(|layer| !layer.place().is_typing()) {
        Some(Layer::Log(lines)) => log::copied(app, lines),
        Some(Layer::Plan) => {
            let (upgrade, step) = (app.snapshot.upgrade.as_ref()?, super::upgrade::state::chosen(app)?);
            super::upgrade::step::copied(upgrade, step)
        }
        Some(layer @ Layer::Unread(_)) => unread::chosen(app, layer).map(|unread| unread.to_string()),
        _ => {
            let remedy = app.chosen()?.remedy.as_ref()?;
            Some(remedy.commands.join("\n") + "\n")
        }
    }
}
