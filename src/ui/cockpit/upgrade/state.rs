//! Where one is in the plan, and how that follows the upgrade.

use crate::actions::plan::{Phase, Step, StepState};
use crate::actions::runner::{Hands, Upgrade};
use crate::session::Kind;
use crate::ui::commands::Steps;
use crate::ui::pulse::Baseline;

use super::super::app::App;
use super::super::cursor::{Cursor, Motion};

/// Which half of the plan has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Half {
    /// The list of steps.
    #[default]
    Steps,
    /// The chosen step.
    Step,
}

/// Where one is in the plan.
#[derive(Debug, Clone, Default)]
pub struct Guide {
    /// Which half has the focus.
    pub focus: Half,
    /// The chosen row, and what is seen of the list.
    pub rows: Cursor,
    /// What is seen of the chosen step.
    pub scroll: Cursor,
    /// How many of the newest lines of an output lie below what is seen.
    pub back: usize,
    /// The id of the chosen step.
    pub chosen: String,
    /// Whether another was chosen than the one that is next or under way.
    pub away: bool,
    /// Whether the focus went to the step as it began, and goes back to the list at its end.
    lent: bool,
    /// What the cluster was like when the upgrade was first seen.
    pub baseline: Option<Baseline>,
}

/// A row of the list.
#[derive(Debug, Clone, Copy)]
pub enum Row<'a> {
    /// The name of a phase.
    Phase(&'a Phase),
    /// A step.
    Step(&'a Step),
    /// The name of notes.
    Notes(&'static str),
    /// A node that is left to hand.
    Left(&'a crate::actions::plan::LeftToHand),
    /// A line of a note.
    Note(&'static str),
    /// Something that was not read.
    Unread(&'a crate::evidence::Unread),
}

/// The rows of an upgrade's plan.
pub fn rows(upgrade: &Upgrade) -> Vec<Row<'_>> {
    let plan = &upgrade.plan;
    let mut rows = Vec::new();
    for phase in &plan.phases {
        rows.push(Row::Phase(phase));
        rows.extend(phase.steps.iter().map(Row::Step));
    }
    if upgrade.torn {
        // As short as the narrowest list.
        rows.push(Row::Notes("The journal's last line was torn"));
        rows.extend(["what it meant may have happened;", "kubelift looks at the cluster"].map(Row::Note));
    }
    if !plan.left_to_hand.is_empty() {
        rows.push(Row::Notes("Left to hand"));
        rows.extend(plan.left_to_hand.iter().map(Row::Left));
    }
    if !plan.unread.is_empty() {
        rows.push(Row::Notes("Not read: the plan may not be whole"));
        rows.extend(plan.unread.iter().map(Row::Unread));
    }
    rows
}

/// The step that is under way, or else the next.
pub fn current(upgrade: &Upgrade) -> Option<&Step> {
    let active = upgrade.active.as_ref().and_then(|active| upgrade.plan.step(&active.step));
    active.or_else(|| upgrade.plan.next())
}

/// Whether the end of the upgrade is shown in the place of a step: until another step is chosen.
pub fn at_end(app: &App) -> bool {
    !app.guide.away
        && app
            .snapshot
            .upgrade
            .as_ref()
            .is_some_and(|upgrade| upgrade.active.is_none() && upgrade.plan.is_finished())
}

/// The chosen step.
pub fn chosen(app: &App) -> Option<&Step> {
    let upgrade = app.snapshot.upgrade.as_ref()?;
    upgrade.plan.step(&app.guide.chosen).or_else(|| current(upgrade)).or_else(|| upgrade.plan.steps().last())
}

impl Guide {
    /// Follows a new state of the upgrade.
    pub fn take(&mut self, before: Option<&Upgrade>, now: &Upgrade) {
        if self.away && now.plan.step(&self.chosen).is_none() {
            self.away = false;
        }
        let began = now.active.as_ref().map(|active| &active.nonce);
        let ran = before.and_then(|before| before.active.as_ref()).map(|active| &active.nonce);
        if began != ran {
            self.back = 0;
            self.scroll = Cursor::default();
            if began.is_some() {
                self.away = false;
                self.lent |= self.focus == Half::Steps;
                self.focus = Half::Step;
            } else if std::mem::take(&mut self.lent)
                && !now.plan.next().is_some_and(|step| step.state == StepState::Failed)
            {
                self.focus = Half::Steps;
            }
        }
        if !self.away
            && let Some(step) = current(now).or_else(|| now.plan.steps().last())
            && step.id != self.chosen
        {
            step.id.clone_into(&mut self.chosen);
            self.scroll = Cursor::default();
            self.back = 0;
        }
    }

    /// Chooses a step by its id.
    pub fn choose(&mut self, upgrade: &Upgrade, id: &str) {
        self.away = current(upgrade).is_none_or(|step| step.id != id);
        if self.chosen != id {
            id.clone_into(&mut self.chosen);
            self.scroll = Cursor::default();
            self.back = 0;
        }
    }

    /// Chooses another step.
    pub fn go(&mut self, upgrade: &Upgrade, motion: Motion, page: usize) {
        let steps: Vec<&Step> = upgrade.plan.steps().collect();
        let at = steps.iter().position(|step| step.id == self.chosen).unwrap_or(0);
        let mut cursor = Cursor { at, top: 0 };
        cursor.go(motion, steps.len(), page);
        if let Some(step) = steps.get(cursor.at) {
            self.choose(upgrade, &step.id);
        }
    }

    /// Leaves the focus where the user put it.
    pub const fn switch(&mut self) {
        self.lent = false;
        self.focus = match self.focus {
            Half::Steps => Half::Step,
            Half::Step => Half::Steps,
        };
    }

    /// Keeps the chosen row in sight, of a list that is seen `page` rows at a time.
    pub fn settle(&mut self, upgrade: &Upgrade, page: usize) {
        let rows = rows(upgrade);
        let is_chosen = |row: &Row<'_>| matches!(row, Row::Step(step) if step.id == self.chosen);
        self.rows.at = rows.iter().position(is_chosen).unwrap_or(0);
        let is_step = |row: &Row<'_>| matches!(row, Row::Step(_));
        // The first of a phase is seen with its name, the last of all with what comes after it.
        let first = self.rows.at.checked_sub(1).filter(|above| !rows.get(*above).is_some_and(is_step));
        let last = rows.iter().rposition(is_step) == Some(self.rows.at);
        self.rows.settle(rows.len(), page);
        if let Some(above) = first {
            self.rows.top = self.rows.top.min(above);
        }
        if last {
            self.rows.top = rows.len().saturating_sub(page).min(self.rows.at);
        }
    }
}

/// What commands may know of the upgrade.
pub fn context(app: &App) -> Steps {
    let snapshot = &app.snapshot;
    let live = snapshot.playback.is_none() && !matches!(snapshot.kind, Kind::Recording { .. });
    let Some(upgrade) = &snapshot.upgrade else {
        let there = snapshot.no_upgrade.is_some() || snapshot.kind.changes();
        return Steps { there, ..Steps::default() };
    };
    let can_change = live && upgrade.halted.is_none();
    let free = upgrade.active.is_none();
    let step = chosen(app);
    let is = |state: StepState| step.is_some_and(|step| step.state == state);
    let by_own_hands = upgrade.active.as_ref().filter(|active| active.hands == Hands::Operator);
    let over = step.is_none_or(|step| step.state.is_over());
    Steps {
        there: true,
        runner: live,
        can_change,
        under_way: !free,
        by_own_hands: by_own_hands.is_some(),
        by_hand: by_own_hands.is_some_and(|active| !active.said),
        ready: free && is(StepState::Ready),
        // What comes up while a step runs holds it no more, and goes mostly by itself.
        held: is(StepState::Blocked) && step.is_some_and(|step| !step.held_by.is_empty()),
        failed: free && (is(StepState::Failed) || is(StepState::Skipped)),
        open: !over && !step.is_some_and(|step| step.state.is_under_way()),
    }
}
