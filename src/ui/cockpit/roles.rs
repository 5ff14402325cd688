//! The roles and words that findings and panes are shown with.

use crate::checks::{Finding, Severity};

use super::glyphs::Glyphs;
use super::theme::Role;
use super::view::{PaneView, Standing};
use super::widgets::paint::width;
use crate::ui::words;

/// The role of a severity.
pub const fn severity(severity: Severity) -> Role {
    match severity {
        Severity::Blocker => Role::Blocker,
        Severity::Unknown => Role::Unknown,
        Severity::Warning => Role::Warning,
        Severity::Notice => Role::Notice,
        Severity::Pass => Role::Pass,
    }
}

/// The role of a finding.
pub const fn of(finding: &Finding) -> Role {
    if finding.waits_for.is_some() { Role::Reading } else { severity(finding.severity) }
}

/// The sign of a finding.
pub const fn glyph(finding: &Finding, glyphs: &Glyphs) -> &'static str {
    if finding.waits_for.is_some() { glyphs.reading } else { glyphs.of(finding.severity) }
}

/// How a pane stands: its sign, its words and their role.
pub fn standing(pane: &PaneView, glyphs: &Glyphs) -> (&'static str, String, Role) {
    match pane.standing {
        Standing::Worst(Severity::Pass) => (glyphs.pass, "ok".to_owned(), Role::Pass),
        Standing::Worst(worst) => {
            let count = pane.counts.get(worst as usize).copied().unwrap_or(0);
            (glyphs.of(worst), words::tally(worst, count), severity(worst))
        }
        Standing::Reading => (glyphs.reading, so_far(pane), Role::Reading),
        Standing::NotJudged => (glyphs.unknown, "not judged".to_owned(), Role::Unknown),
        Standing::Silent => (glyphs.unknown, "nothing said".to_owned(), Role::Unknown),
    }
}

/// `4,120 of ~11,000`, or `reading` where there is no number yet.
fn so_far(pane: &PaneView) -> String {
    let text = words::reading(pane.progress);
    match pane.progress {
        Some((_, Some(_))) => text.trim_start_matches("reading ").to_owned(),
        _ => text,
    }
}

/// `2 blockers · 1 warning`, the worst first, as many as `columns` hold; what is ok only where there is
/// nothing else.
pub fn tallies(counts: &[usize; 5], dot: &str, columns: u16) -> String {
    let told = Severity::ALL.into_iter().zip(counts).filter(|(_, count)| **count > 0);
    let (passes, others): (Vec<_>, Vec<_>) = told.partition(|(severity, _)| *severity == Severity::Pass);
    let mut text = String::new();
    for (severity, count) in if others.is_empty() { passes } else { others } {
        let more = words::tally(severity, *count);
        let joined = if text.is_empty() { more } else { format!("{text} {dot} {more}") };
        if width(&joined) > columns {
            break;
        }
        text = joined;
    }
    text
}
