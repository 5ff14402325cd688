//! The steps: one file a kind. Each makes a [`Step`] from what was observed of one node.

pub(super) mod addons;
pub(super) mod backup;
pub(super) mod drain;
pub(super) mod kubelet;
pub(super) mod manual;
pub(super) mod package;
pub(super) mod pull;
mod repository;
mod site;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(super) mod uncordon;
pub(super) mod upgrade_apply;
pub(super) mod upgrade_node;

pub(super) use site::Site;

use super::plan::{Confirmation, Step, StepKind, StepState};
use crate::text::Text;

/// What a step of a kind is, before its file says more.
pub(super) fn step(kind: StepKind, node: Option<&Text>, title: String) -> Step {
    Step {
        id: node.map_or_else(|| kind.as_str().to_owned(), |node| format!("{}/{node}", kind.as_str())),
        kind,
        node: node.cloned(),
        title,
        commands: Vec::new(),
        effects: Vec::new(),
        precondition: Vec::new(),
        postcondition: Vec::new(),
        way_back: String::new(),
        expected_seconds: 60,
        settle_seconds: 0,
        confirmation: Confirmation::Acknowledge,
        state: StepState::Blocked,
        why: String::new(),
        held_by: Vec::new(),
    }
}
