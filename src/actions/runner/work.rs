//! The step under way: how far it is, and what comes next of it.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::effect::Effect;
use super::view::{Active, Hands};
use crate::actions::drain::Pace;
use crate::actions::journal::{Entry, What};
use crate::actions::plan::{Attempt, Settings, Step};
use crate::text::Text;

/// How many lines of output are kept.
const LINES: usize = 200;

/// A step under way.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub step: String,
    pub node: Option<Text>,
    pub hands: Hands,
    pub since: Timestamp,
    pub nonce: Text,
    pub expected_seconds: u32,
    /// As confirmed.
    pub commands: Vec<String>,
    /// How many are over.
    pub over: usize,
    /// Whether the command that is not over was started.
    pub started: bool,
    /// Whether it was to be started, by the journal: it may run also where no answer came.
    pub meant: bool,
    /// How many lines of it are known.
    pub lines: usize,
    /// Since when nothing is left but to observe the end.
    pub said: Option<Timestamp>,
    /// Since when what it is for is observed, without a break.
    pub seen_since: Option<Timestamp>,
    pub output: VecDeque<Text>,
    /// How many lines were printed in all, also those that are not kept.
    pub printed: usize,
    pub pace: Pace,
    /// Whether an effect was given out and its outcome has not come.
    pub busy: bool,
    pub waits: Vec<String>,
    /// Whether budgets refuse every pod that is still there.
    pub held_up: bool,
    /// How often in a row a machine could not be asked.
    pub silent: u32,
    /// Whether the node of a drain was seen cordoned.
    pub cordon_seen: bool,
}

impl Work {
    /// A step that begins now.
    pub(super) fn new(step: &Step, hands: Hands, attempt: &Attempt) -> Self {
        Self {
            step: step.id.clone(),
            node: step.node.clone(),
            hands,
            since: attempt.started,
            nonce: attempt.nonce.clone(),
            expected_seconds: step.expected_seconds,
            commands: step.commands.clone(),
            over: 0,
            started: false,
            meant: false,
            lines: 0,
            said: attempt.said.then_some(attempt.started),
            seen_since: None,
            output: VecDeque::new(),
            printed: 0,
            pace: Pace::default(),
            busy: false,
            waits: Vec::new(),
            held_up: false,
            silent: 0,
            cordon_seen: false,
        }
    }

    /// A step that a kubelift before this one began: the lines as they were confirmed, and those that ended well.
    pub(super) fn resumed(step: &Step, hands: Hands, attempt: &Attempt, entries: &[Entry]) -> Self {
        let mut work = Self::new(step, hands, attempt);
        let began = |entry: &Entry| matches!(&entry.what, What::Began { step, .. } if *step == work.step);
        let since = entries.iter().rposition(began).unwrap_or(0);
        for entry in entries.iter().skip(since) {
            match &entry.what {
                // What it waits for is waited for since then, not since the step began.
                What::Said { step } if *step == work.step => work.said = Some(entry.at),
                What::Began { step, commands, .. } if *step == work.step => {
                    work.commands.clone_from(commands)
                }
                What::Started { step, .. } if *step == work.step => work.meant = true,
                What::Exited { step, code: 0, .. } if *step == work.step => {
                    (work.over, work.meant) = (work.over + 1, false);
                }
                _ => {}
            }
        }
        work
    }

    /// Whether nothing of it goes on by itself: its commands are over or the operator's, its machine is silent, or
    /// budgets hold its pods.
    pub(super) const fn is_waiting(&self) -> bool {
        self.said.is_some() || matches!(self.hands, Hands::Operator) || self.silent > 0 || self.held_up
    }

    /// The name of the unit that the command at hand runs as.
    pub(super) fn unit(&self) -> String {
        format!("kubelift-{}-{}", self.nonce, self.over)
    }

    /// What comes next of commands on a machine.
    pub(super) fn next_on_machine(&self) -> Option<Effect> {
        let line = self.commands.get(self.over)?.clone();
        let (node, unit) = (self.node.as_ref()?.to_string(), self.unit());
        Some(if self.started {
            Effect::Look { node, unit, from: self.lines }
        } else {
            Effect::Start { node, unit, line }
        })
    }

    /// Takes lines that a machine printed.
    pub(super) fn print(&mut self, lines: &[String]) {
        self.lines += lines.len();
        self.printed += lines.len();
        self.output.extend(lines.iter().map(|line| Text::new(line)));
        while self.output.len() > LINES {
            self.output.pop_front();
        }
    }

    /// As it is shown.
    pub(super) fn view(&self, settings: &Settings) -> Active {
        let by_hand = self.node.as_ref().filter(|_| self.hands == Hands::Operator);
        Active {
            probe: by_hand.map(|node| settings.probe(node, &self.nonce)).unwrap_or_default(),
            step: self.step.clone(),
            hands: self.hands,
            since: self.since,
            expected_seconds: self.expected_seconds,
            commands: self.commands.clone(),
            over: self.over,
            nonce: self.nonce.clone(),
            said: self.said.is_some(),
            output: self.output.iter().cloned().collect(),
            printed: self.printed,
            waits: self.waits.clone(),
        }
    }
}
