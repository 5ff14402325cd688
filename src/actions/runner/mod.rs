//! The runner: the only thing that changes a cluster.
//!
//! It is a state machine: [`Runner::observe`] takes what was seen, [`Runner::order`] what the operator wants,
//! [`Runner::next_effect`] gives out one effect, whose intent is then on the disk, and [`Runner::outcome`] takes what came of
//! it. A step ends when its commands are over and its postcondition is observed, never by what a command said of
//! itself.

mod advance;
mod effect;
mod order;
#[cfg(test)]
mod tests;
mod view;
mod work;

use std::sync::Arc;

pub use effect::{Effect, Outcome, perform};
pub use order::{Order, Refusal, seen};
pub use view::{Active, Hands, Upgrade};

use super::journal::{Entry, Journal, JournalError, Permit, What};
use super::plan::{Hold, Plan, Settings, Step, StepState, plan};
use super::ports::{Chance, Clock};
use crate::checks::{Finding, Target};
use crate::evidence::Evidence;
use crate::text::Text;
use crate::version::Version;
use work::Work;

/// Carries a plan out, step by step.
pub struct Runner {
    /// Only an open journal gives one: without it this could not exist.
    _permit: Permit,
    journal: Journal,
    place: Text,
    recording: Text,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    settings: Settings,
    /// Whether machines run commands when they are told to; the operator does otherwise.
    machines: bool,
    seen: Option<Seen>,
    work: Option<Work>,
    /// The work that came to its end last.
    last: Option<Active>,
    stopping: bool,
    halted: Option<String>,
}

/// What was last seen of the cluster.
struct Seen {
    evidence: Arc<Evidence>,
    target: Target,
    findings: Arc<[Finding]>,
    plan: Plan,
}

impl Runner {
    /// Takes the journal of an upgrade to `target`; `place` is where it is, for the operator to read.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn open(
        mut journal: Journal,
        place: &str,
        target: &Target,
        settings: Settings,
        machines: bool,
        (clock, chance): (Arc<dyn Clock>, Arc<dyn Chance>),
    ) -> Result<Self, JournalError> {
        journal.write(What::Opened {
            kubelift: env!("CARGO_PKG_VERSION").into(),
            owner: journal.decisions().owner.clone(),
            from: Some(target.from.clone()),
            target: target.to.clone(),
            settings: settings.clone(),
        })?;
        Ok(Self {
            _permit: journal.permit(),
            journal,
            place: place.into(),
            recording: Text::default(),
            clock,
            chance,
            settings,
            machines,
            seen: None,
            work: None,
            last: None,
            stopping: false,
            halted: None,
        })
    }

    /// Takes what was observed of the cluster, and looks if the step under way has come to its end.
    pub fn observe(&mut self, evidence: Arc<Evidence>, target: &Target, findings: Arc<[Finding]>) {
        let target = Target { from: self.started_from(target), ..target.clone() };
        let plan = plan(&evidence, &target, &findings, &self.settings, self.journal.decisions());
        self.seen = Some(Seen { evidence, target, findings, plan });
        self.give_up_lost();
        self.resume();
        self.look();
    }

    /// The version that the hop under way started from, by the journal: by now every API server may be the target's.
    fn started_from(&self, target: &Target) -> Version {
        let hop = target.first_hop();
        let froms = self.journal.upgrade().iter().filter_map(|entry| match &entry.what {
            What::Opened { from, .. } => from.as_ref(),
            _ => None,
        });
        let of_this_hop = froms.filter(|from| from.minor().next() >= hop).min();
        of_this_hop.map_or_else(|| target.from.clone(), |from| from.clone().min(target.from.clone()))
    }

    /// Does what the operator asks, or says why not.
    ///
    /// # Errors
    /// Why not; nothing was changed then.
    pub fn order(&mut self, order: Order) -> Result<(), Refusal> {
        if let Some(why) = &self.halted {
            return Err(Refusal::Halted(why.clone()));
        }
        let entry = match order {
            Order::Run { step, seen, answer } => return self.run(&step, &seen, &answer),
            Order::Consent { step, consent, answer } => {
                let hold = self.hold(&step, &consent)?;
                compare(&answer, Some(&hold.answer))?;
                What::Consented { step, consent }
            }
            Order::Said { step } => {
                self.under_way(&step, Hands::Operator)?;
                What::Said { step }
            }
            Order::Failed { step, printed } => {
                self.under_way(&step, Hands::Operator)?;
                let printed = Text::new(&printed);
                if printed.trim().is_empty() {
                    let words = "a step has failed by what it printed last, or by what you saw";
                    return Err(Refusal::NotNow(words.to_owned()));
                }
                self.fail(&format!("by the operator's word: {printed}"));
                return Ok(());
            }
            Order::Retry { step } => {
                self.in_state(&step, &[StepState::Failed, StepState::Skipped])?;
                What::Retried { step }
            }
            Order::Skip { step, reason } => {
                let open = [StepState::Ready, StepState::Blocked, StepState::Unknown, StepState::Failed];
                self.in_state(&step, &open)?;
                if reason.trim().is_empty() {
                    return Err(Refusal::NotNow("a step is left out with a reason only".to_owned()));
                }
                What::Skipped { step, reason }
            }
            Order::Stop => {
                self.stopping = true;
                What::Stopped
            }
        };
        let said = matches!(entry, What::Said { .. });
        self.write(entry).map_err(Refusal::Halted)?;
        if said && let Some(work) = &mut self.work {
            work.over = work.commands.len();
            work.said = Some(self.clock.now());
        }
        self.again();
        Ok(())
    }

    /// Says where the recording of this upgrade is.
    pub fn recorded_in(&mut self, place: &str) {
        self.recording = place.into();
    }

    /// Changes nothing any more: what happens could not be written down.
    pub fn halt(&mut self, why: &str) {
        self.halted.get_or_insert_with(|| why.to_owned());
    }

    /// Looks again if the step under way has come to its end, for time went by.
    pub fn look_again(&mut self) {
        self.look();
    }

    /// The upgrade as it is shown; nothing while nothing was observed.
    pub fn view(&self) -> Option<Upgrade> {
        let mut plan = self.seen.as_ref()?.plan.clone();
        if let Some(work) = &self.work {
            for step in plan.phases.iter_mut().flat_map(|phase| &mut phase.steps) {
                if step.id == work.step {
                    step.state = if work.is_waiting() { StepState::Waiting } else { StepState::Running };
                }
            }
        }
        let at = self.clock.now();
        let entries = self.journal.upgrade();
        let begins = |entry: &&Entry| matches!(entry.what, What::Began { .. });
        let ends = |entry: &&Entry| matches!(entry.what, What::Ended { .. } | What::Skipped { .. });
        let finished = self.work.is_none() && plan.is_finished();
        Some(Upgrade {
            recording: self.recording.clone(),
            active: self.work.as_ref().map(|work| work.view(&self.settings)),
            last: self.last.clone(),
            stopping: self.stopping,
            halted: self.halted.clone(),
            journal: self.place.clone(),
            torn: self.journal.was_torn(),
            began: entries.iter().find(begins).map_or(at, |entry| entry.at),
            ended: entries.iter().rfind(ends).filter(|_| finished).map(|entry| entry.at),
            at,
            plan,
        })
    }

    /// Where the journal is.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The journal, to be read.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The machine whose probe is needed now, and the nonce that it must return.
    pub fn wants_probe(&self) -> Option<(&Text, &Text)> {
        let work = self.work.as_ref().filter(|work| work.hands != Hands::Api && work.said.is_some())?;
        Some((work.node.as_ref()?, &work.nonce))
    }

    fn run(&mut self, id: &str, shown: &str, answer: &str) -> Result<(), Refusal> {
        let (plan, step) = self.step(id)?;
        if self.work.is_some() {
            return Err(Refusal::NotNow("a step is under way".to_owned()));
        }
        let nodes = self.seen.as_ref().map(|seen| &seen.evidence.objects.nodes);
        if let Some(gap) = nodes.and_then(|nodes| nodes.unread.first()) {
            return Err(Refusal::NotNow(format!("the plan is not whole just now: {gap}")));
        }
        if step.state != StepState::Ready {
            return Err(Refusal::NotNow(format!("{} is {}: {}", step.title, step.state.as_str(), step.why)));
        }
        if seen(plan, step) != shown {
            return Err(Refusal::Changed);
        }
        compare(answer, step.confirmation.answer())?;
        let step = step.clone();
        let began = What::Began {
            step: step.id.clone(),
            nonce: self.chance.nonce(),
            commands: step.commands.clone(),
        };
        self.write(began).map_err(Refusal::Halted)?;
        self.stopping = false;
        self.again();
        Ok(())
    }

    fn step(&self, id: &str) -> Result<(&Plan, &Step), Refusal> {
        let plan = self.seen.as_ref().map(|seen| &seen.plan);
        let plan = plan.ok_or_else(|| Refusal::NotNow("the cluster is still being read".to_owned()))?;
        let step = plan.step(id).ok_or_else(|| Refusal::NotNow(format!("the plan has no step {id}")))?;
        Ok((plan, step))
    }

    fn in_state(&self, id: &str, states: &[StepState]) -> Result<(), Refusal> {
        let (_, step) = self.step(id)?;
        if states.contains(&step.state) {
            return Ok(());
        }
        Err(Refusal::NotNow(format!("{} is {}", step.title, step.state.as_str())))
    }

    fn under_way(&self, id: &str, hands: Hands) -> Result<(), Refusal> {
        match &self.work {
            Some(work) if work.step == id && work.hands == hands => Ok(()),
            _ => Err(Refusal::NotNow(format!("{id} is not under way by your hands"))),
        }
    }

    fn hold(&self, id: &str, consent: &super::plan::Consent) -> Result<&Hold, Refusal> {
        let (_, step) = self.step(id)?;
        let hold = step.held_by.iter().find(|hold| hold.consent == *consent);
        hold.ok_or_else(|| Refusal::NotNow(format!("{id} is not held by {}", consent.code)))
    }

    /// Makes the plan anew after a decision.
    fn again(&mut self) {
        if let Some(seen) = self.seen.take() {
            self.observe(seen.evidence, &seen.target, seen.findings);
        }
    }

    /// Writes into the journal; when that fails nothing is changed any more.
    fn write(&mut self, what: What) -> Result<(), String> {
        self.journal.write(what).map_err(|error| {
            let why = error.to_string();
            self.halt(&why);
            why
        })
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // What cannot be written here was no change.
        drop(self.journal.write(What::Closed));
    }
}

fn compare(typed: &str, wanted: Option<&str>) -> Result<(), Refusal> {
    match wanted {
        Some(wanted) if typed != wanted => {
            Err(Refusal::Answer { typed: typed.to_owned(), wanted: wanted.to_owned() })
        }
        _ => Ok(()),
    }
}
