//! The sign of a session that can change things, in the header: words first, then a colour of its own.

use super::super::widgets::paint::width;
use crate::actions::journal::What;
use crate::session::{Kind, Snapshot};
use crate::ui::{steps, words};

/// What the sign says after its word, the longest form first.
fn forms(snapshot: &Snapshot) -> Vec<String> {
    if snapshot.upgrade.is_none() {
        let why =
            if snapshot.no_upgrade.is_some() { "nothing can be changed" } else { "not yet: still reading" };
        return vec![why.to_owned()];
    }
    if snapshot.upgrade.as_ref().is_some_and(|upgrade| upgrade.halted.is_some()) {
        return vec!["halted: nothing is changed any more".to_owned(), "halted".to_owned()];
    }
    let held = held(snapshot);
    let changes = "changes the cluster";
    vec![
        format!("{changes} · local lock, held {held}"),
        format!("{changes} · lock {held}"),
        changes.to_owned(),
    ]
}

/// How long this kubelift has had the journal, whose lock is one of this machine only.
fn held(snapshot: &Snapshot) -> String {
    let opened = snapshot.journal.iter().rev().find(|entry| matches!(entry.what, What::Opened { .. }));
    let at = snapshot.upgrade.as_ref().map(|upgrade| upgrade.at);
    match (opened, at) {
        (Some(opened), Some(at)) => {
            steps::time(u32::try_from(at.duration_since(opened.at).as_secs()).unwrap_or(0))
        }
        _ => "for an unknown time".to_owned(),
    }
}

/// The sign in the longest form that fits into `columns`, by a function that joins a word and what follows it.
pub fn sign(snapshot: &Snapshot, columns: u16, join: impl Fn(&str, &str) -> String) -> String {
    let (word, _) = words::session(&Kind::Upgrade);
    let mut forms = forms(snapshot).into_iter().map(|form| join(word, &form));
    forms.find(|form| width(form) <= columns).unwrap_or_else(|| join(word, ""))
}
