//! What is known where a command would run.

use super::{Command, Place};

/// What a command can know when it says why it cannot run: plain facts, gathered once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Where it would run.
    pub place: Place,
    /// Whether the session is a recording, of which nothing can be read again.
    pub recording: bool,
    /// Whether the session is a recording that plays.
    pub replay: bool,
    /// Whether a failure follows in it.
    pub failure_follows: bool,
    /// Whether a confirmation follows in it.
    pub confirmation_follows: bool,
    /// Whether there is something to go back from: a filter, a screen, or the findings of a pane.
    pub behind: bool,
    /// Whether a finding is chosen, and seen.
    pub finding: bool,
    /// Whether the chosen finding has a remedy.
    pub remedy: bool,
    /// Whether there is something to copy: the remedy's commands, or the chosen line.
    pub copyable: bool,
    /// Whether the chosen finding has evidence.
    pub evidence: bool,
    /// What there is of an upgrade.
    pub upgrade: Steps,
}

/// What commands about an upgrade can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Steps {
    /// Whether there is a plan, or a session that is to have one.
    pub there: bool,
    /// Whether there is an upgrade, also one in which nothing is changed any more.
    pub runner: bool,
    /// Whether the session can change things now.
    pub can_change: bool,
    /// Whether a step is under way.
    pub under_way: bool,
    /// Whether it is under way by the operator's hands.
    pub by_own_hands: bool,
    /// Whether it is, and was not said to be done.
    pub by_hand: bool,
    /// Whether the chosen step is ready.
    pub ready: bool,
    /// Whether something holds the chosen step that can be consented to.
    pub held: bool,
    /// Whether the chosen step failed.
    pub failed: bool,
    /// Whether the chosen step can be left out.
    pub open: bool,
}

impl Steps {
    /// In plain lines, whose commands name their steps and look at them.
    pub const fn named(can_change: bool) -> Self {
        Self {
            there: can_change,
            runner: can_change,
            can_change,
            under_way: true,
            by_own_hands: true,
            by_hand: true,
            ready: true,
            held: true,
            failed: true,
            open: true,
        }
    }
}

impl Context {
    /// Whether a command applies where it would run.
    pub fn has(&self, command: Command) -> bool {
        let places = command.spec().places;
        places.contain(self.place) || (self.replay && places.contain(Place::Replay))
    }
}
