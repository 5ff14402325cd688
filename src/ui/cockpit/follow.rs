//! A new snapshot, or another filter: what was chosen stays chosen, wherever it is now.

use std::sync::Arc;

use crate::evidence::Unread;
use crate::session::Snapshot;

use super::app::{App, Identity, Layer};
use super::view::View;
use super::{layers, upgrade};

/// Takes a new snapshot: what was chosen stays chosen, wherever it is now.
pub fn take(app: &mut App, snapshot: Arc<Snapshot>) {
    let unread: Vec<Option<Unread>> =
        app.layers.iter().map(|layer| layers::unread::chosen(app, layer)).collect();
    let before = std::mem::replace(&mut app.snapshot, snapshot);
    upgrade::act::take(app, &before);
    app.view = View::new(&app.snapshot, app.checks, &app.readiness.filter);
    follow_identities(app);
    refill(app);
    let places: Vec<Option<usize>> = app
        .layers
        .iter()
        .zip(unread)
        .map(|(layer, unread)| layers::unread::find(app, layer, &unread?))
        .collect();
    for (layer, place) in app.layers.iter_mut().zip(places) {
        if let (Layer::Unread(lines), Some(at)) = (&mut *layer, place) {
            lines.cursor.at = at;
        }
        if let Layer::Detail(detail) = layer {
            let identity = Identity::of(&detail.finding);
            match identity.find(app.snapshot.findings.iter()).and_then(|at| app.snapshot.findings.get(at)) {
                Some(finding) => {
                    detail.finding = finding.clone();
                    detail.gone = false;
                }
                None => detail.gone = true,
            }
        }
    }
}

/// Puts every pane's cursor on the finding that was chosen, where it is still shown.
pub fn follow_identities(app: &mut App) {
    for ((cursor, identity), pane) in app.readiness.findings.iter_mut().zip(&app.view.panes) {
        let findings = || pane.rows.iter().filter_map(|index| app.snapshot.findings.get(*index as usize));
        if let Some(at) = identity.as_ref().and_then(|identity| identity.find(findings())) {
            cursor.at = at;
        }
    }
}

/// Finds again the lines that filters of logs and lists show.
pub fn refill(app: &mut App) {
    let rows: Vec<Option<Vec<u32>>> = app
        .layers
        .iter()
        .map(|layer| match layer {
            Layer::Log(lines) => Some(layers::log::rows(app, &lines.filter)),
            Layer::Unread(lines) => Some(layers::unread::rows(app, &lines.filter)),
            _ => None,
        })
        .collect();
    for (layer, rows) in app.layers.iter_mut().zip(rows) {
        if let (Layer::Log(lines) | Layer::Unread(lines), Some(rows)) = (layer, rows) {
            lines.rows = rows;
        }
    }
}
