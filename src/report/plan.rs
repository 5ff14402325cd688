//! The plan of an upgrade, without screens.

use std::io::{self, Write};

use super::Format;
use crate::actions::plan::words::{about, asked, conditions, prompt};
use crate::actions::plan::{Decisions, Plan, Settings, Step, plan};
use crate::session::Snapshot;

/// The plan by what a snapshot has seen; none where no target is known.
pub fn of(snapshot: &Snapshot, settings: &Settings, decisions: &Decisions) -> Option<Plan> {
    let target = snapshot.target.as_ref()?;
    Some(plan(&snapshot.evidence, target, &snapshot.findings, settings, decisions))
}

/// Writes `plan`.
///
/// # Errors
/// When `out` refuses.
pub fn write(plan: &Plan, format: Format, out: &mut dyn Write) -> io::Result<()> {
    format.write(plan, |out| table(plan, out), out)
}

fn table(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let hops = plan.route.len().max(1);
    let more =
        if hops > 1 { format!(", the first of {hops} hops: plan again behind it") } else { String::new() };
    writeln!(out, "cluster  {}", plan.cluster)?;
    writeln!(out, "route    {} → {}{more}", plan.from, plan.target)?;
    writeln!(out, "steps    {}, {} left", plan.steps().count(), about(plan.seconds_left()))?;
    let mut number = 0;
    for phase in &plan.phases {
        writeln!(out, "\n{}", phase.name.to_uppercase())?;
        for step in &phase.steps {
            number += 1;
            one(number, step, out)?;
        }
    }
    if !plan.left_to_hand.is_empty() {
        writeln!(out, "\nLEFT TO HAND")?;
        for left in &plan.left_to_hand {
            writeln!(out, "  {}: {}", left.node, left.why)?;
        }
    }
    if !plan.unread.is_empty() {
        writeln!(out, "\nNOT READ")?;
        for unread in &plan.unread {
            writeln!(out, "  {unread}")?;
        }
    }
    Ok(())
}

fn one(number: usize, step: &Step, out: &mut dyn Write) -> io::Result<()> {
    let why = if step.why.is_empty() { String::new() } else { format!(" · {}", step.why) };
    writeln!(
        out,
        "{number:>4}  {:<8} {} ({}){why}",
        step.state.as_str(),
        step.title,
        about(step.expected_seconds)
    )?;
    for line in &step.commands {
        writeln!(out, "        {}{line}", prompt(step))?;
    }
    if !step.state.is_over() {
        for condition in conditions(step) {
            writeln!(out, "        before: {condition}")?;
        }
        for hold in &step.held_by {
            writeln!(out, "        held by {}", hold.why)?;
        }
        for effect in &step.effects {
            writeln!(out, "        effect: {effect}")?;
        }
        writeln!(out, "        way back: {}", step.way_back)?;
        writeln!(out, "        asks to {}", asked(&step.confirmation))?;
    }
    Ok(())
}
