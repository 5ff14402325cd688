//! A question about a step: what is asked, what was typed, and which button has the focus.
//!
//! The button that changes nothing has the focus. The other can only be reached once what is asked for was typed, and
//! is left again when that is changed. Keys do nothing for a moment after a question has appeared: they were meant for
//! what was there before.

use jiff::{SignedDuration, Timestamp};

use crate::actions::plan::{Hold, Plan, Step};
use crate::actions::runner::{Order, seen};

use super::super::cursor::Cursor;
use super::super::editor::Editor;

/// How long keys do nothing after a question has appeared.
const DEAD: SignedDuration = SignedDuration::from_millis(300);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Whether the step shall run; with [`seen`] of it as it is shown.
    Run(String),
    /// Whether what holds it shall be let through.
    Consent(Hold),
    /// Why it is left out.
    Skip,
    /// What its commands printed when they failed.
    Failed,
    /// Whether it is done, where nothing shows that.
    Said,
    /// Whether kubelift shall be left while it is under way; with what becomes of it then.
    Leave(String),
}

/// A question.
#[derive(Debug, Clone)]
pub struct Dialogue {
    /// The step, as it is shown.
    pub step: Step,
    /// What is asked.
    pub purpose: Purpose,
    /// What was typed.
    pub editor: Editor,
    /// Whether the button that changes something has the focus.
    pub on_yes: bool,
    /// Whether it is asked again, for what was shown has changed.
    pub again: bool,
    /// What is seen of it.
    pub scroll: Cursor,
    /// When it appeared; not yet while it was never drawn.
    appeared: Option<Timestamp>,
}

impl Dialogue {
    /// A question, with something typed already.
    pub fn new(step: &Step, purpose: Purpose, typed: &str) -> Self {
        Self {
            step: step.clone(),
            purpose,
            editor: Editor::new(typed),
            on_yes: false,
            again: false,
            scroll: Cursor::default(),
            appeared: None,
        }
    }

    /// Whether a step shall run.
    pub fn run(plan: &Plan, step: &Step) -> Self {
        Self::new(step, Purpose::Run(seen(plan, step)), "")
    }

    /// Time went on.
    pub fn tick(&mut self, now: Timestamp) {
        self.appeared.get_or_insert(now);
    }

    /// Whether keys do nothing yet.
    pub fn is_dead(&self, now: Timestamp) -> bool {
        self.appeared.is_none_or(|appeared| {
            let since = now.duration_since(appeared);
            // A clock that was set back must not keep it so.
            since < DEAD && !since.is_negative()
        })
    }

    /// What is to be typed, word for word.
    pub fn wanted(&self) -> Option<&str> {
        match &self.purpose {
            Purpose::Run(_) => self.step.confirmation.answer(),
            Purpose::Consent(hold) => Some(&hold.answer),
            Purpose::Skip | Purpose::Failed | Purpose::Said | Purpose::Leave(_) => None,
        }
    }

    /// Whether something is typed at all.
    pub fn is_typed(&self) -> bool {
        self.wanted().is_some() || self.is_prose()
    }

    /// Whether what is asked for was typed.
    pub fn is_armed(&self) -> bool {
        match self.wanted() {
            Some(wanted) => self.editor.text() == wanted,
            None => !self.is_prose() || !self.editor.text().trim().is_empty(),
        }
    }

    /// Whether any words are typed.
    fn is_prose(&self) -> bool {
        matches!(self.purpose, Purpose::Skip | Purpose::Failed)
    }

    /// What is asked for, for whoever has not typed it.
    pub fn asks(&self) -> String {
        match &self.purpose {
            Purpose::Run(_) => match crate::ui::steps::asked(&self.step.confirmation) {
                yes if self.wanted().is_none() => format!("{yes}: the other button lets it run"),
                asked => asked,
            },
            Purpose::Consent(hold) => format!("type {}", hold.answer),
            Purpose::Skip => "type the reason".to_owned(),
            Purpose::Failed => "type or paste what it printed last".to_owned(),
            Purpose::Said => "say yes: what you say is all there is of it".to_owned(),
            Purpose::Leave(_) => "say yes: the other button leaves".to_owned(),
        }
    }

    /// The word on the button that changes something.
    pub const fn yes(&self) -> &'static str {
        match self.purpose {
            // Nothing of kubelift's runs then: the operator does it.
            Purpose::Run(_) if self.step.commands.is_empty() => "Begin",
            Purpose::Run(_) => "Run",
            Purpose::Consent(_) => "Let through",
            Purpose::Skip => "Leave out",
            Purpose::Failed => "It failed",
            Purpose::Said => "It is done",
            Purpose::Leave(_) => "Leave",
        }
    }

    /// What is typed changes, by `change`.
    pub fn typed(&mut self, change: impl FnOnce(&mut Editor)) {
        if self.is_typed() {
            change(&mut self.editor);
            self.on_yes &= self.is_armed();
        }
    }

    /// What is ordered by the button that changes something; nothing by the one that leaves.
    pub fn order(&self) -> Option<Order> {
        let step = self.step.id.clone();
        let answer = self.editor.text();
        Some(match &self.purpose {
            Purpose::Run(seen) => Order::Run { step, seen: seen.clone(), answer },
            Purpose::Consent(hold) => Order::Consent { step, consent: hold.consent.clone(), answer },
            Purpose::Skip => Order::Skip { step, reason: answer.trim().to_owned() },
            Purpose::Failed => Order::Failed { step, printed: answer.trim().to_owned() },
            Purpose::Said => Order::Said { step },
            Purpose::Leave(_) => return None,
        })
    }

    /// Whether the plan still says what is shown.
    pub fn holds(&self, plan: &Plan) -> bool {
        let Some(step) = plan.step(&self.step.id) else { return false };
        match &self.purpose {
            Purpose::Run(shown) => {
                step.state == self.step.state
                    && step.confirmation == self.step.confirmation
                    && seen(plan, step) == *shown
            }
            Purpose::Consent(hold) => step.held_by.contains(hold),
            Purpose::Skip => step.state == self.step.state,
            Purpose::Said | Purpose::Failed | Purpose::Leave(_) => step.state.is_under_way(),
        }
    }
}
