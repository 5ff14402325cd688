//! One finding: why, and what to do.

use crate::checks::{Certainty, Finding};

use super::super::app::{App, Detail};
use super::super::panes::screen;
use super::super::roles;
use super::super::theme::Role;
use super::super::widgets::{Painter, Prose};
use crate::ui::words;

/// The columns of the labels before the text.
const LABEL: u16 = 10;

/// With fewer columns, labels stand above the text.
const NARROW: u16 = 58;

/// A part of the text that one can go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What to do.
    Remedy,
    /// What it rests on.
    Evidence,
}

/// The text about a finding, and where its parts begin.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The text.
    pub prose: Prose,
    label: String,
    remedy: usize,
    evidence: usize,
}

impl Page {
    /// The text about `finding`, for `columns`; with `room`, parts stand apart.
    pub fn of(finding: &Finding, columns: u16, room: bool) -> Self {
        let mut page = Self { prose: Prose::new(columns), ..Self::default() };
        head(&mut page.prose, finding);
        if room {
            page.prose.line(subject(finding));
            page.prose.gap();
        }
        page.prose.entry("", Role::Text, 0, &finding.message, Role::Strong);
        if !finding.why.is_empty() {
            page.part("Why", room);
            page.text(&finding.why, Role::Text);
        }
        page.remedy = page.prose.len();
        if let Some(remedy) = &finding.remedy {
            page.part("Remedy", room);
            page.text(&remedy.summary, Role::Text);
            for command in &remedy.commands {
                page.label = format!("{:>1$}", "$", usize::from(page.indent()).saturating_sub(1));
                page.text(command, Role::Shell);
            }
        }
        page.evidence = page.prose.len();
        for (at, proof) in finding.evidence.iter().enumerate() {
            if at == 0 {
                page.part("Evidence", room);
            }
            page.text(&proof.saw, Role::Text);
            let source = words::source(proof);
            if !source.is_empty() {
                page.text(&source, Role::Dim);
            }
        }
        if let Some(link) = &finding.link {
            page.part("See", room);
            page.text(link, Role::Link);
        }
        page
    }

    /// The columns before the text: those of the labels, or where there are few, a few.
    const fn indent(&self) -> u16 {
        if self.prose.columns() < NARROW { 2 } else { LABEL }
    }

    /// Begins a part.
    fn part(&mut self, label: &str, room: bool) {
        if room {
            self.prose.gap();
        }
        if self.prose.columns() < NARROW {
            self.prose.line([(label.to_owned(), Role::Dim)]);
        } else {
            label.clone_into(&mut self.label);
        }
    }

    /// Adds text, after the label if it is the first of its part.
    fn text(&mut self, text: &str, role: Role) {
        let label = std::mem::take(&mut self.label);
        let indent = self.indent();
        self.prose.entry(&label, Role::Dim, indent, text, role);
    }

    /// How many lines it has.
    #[allow(clippy::len_without_is_empty)]
    pub const fn len(&self) -> usize {
        self.prose.len()
    }

    /// The first line of a part.
    pub const fn start(&self, section: Section) -> usize {
        match section {
            Section::Remedy => self.remedy,
            Section::Evidence => self.evidence,
        }
    }
}

/// `AppArmorProfileMissing · blocker · observed at 12:04:27 UTC`, on two lines where there are few columns.
fn head(prose: &mut Prose, finding: &Finding) {
    let mut head = vec![
        (finding.code.clone(), Role::Strong),
        (" · ".to_owned(), Role::Dim),
        (words::severity(finding).to_owned(), roles::of(finding)),
    ];
    let certainty = match finding.certainty {
        Certainty::Observed => "observed",
        Certainty::Inferred => "inferred",
    };
    let newest = finding.evidence.iter().filter_map(|proof| proof.at).max();
    let more = match (finding.could_hide, &finding.waits_for, newest) {
        (_, Some(_), _) => return prose.line(head),
        (Some(worst), None, _) => (format!("could hide a {worst}"), Role::Text),
        (None, None, Some(at)) => (format!("{certainty} at {} UTC", words::clock(at)), Role::Dim),
        (None, None, None) => (certainty.to_owned(), Role::Dim),
    };
    if prose.columns() < NARROW {
        prose.line(head);
        prose.line([more]);
    } else {
        head.extend([(" · ".to_owned(), Role::Dim), more]);
        prose.line(head);
    }
}

/// `shop/Deployment/web · apps/v1 · on w3`
fn subject(finding: &Finding) -> Vec<(String, Role)> {
    let subject = &finding.subject;
    let mut text = subject.to_string();
    if let Some(line) = subject.line {
        text = format!("{text}:{line}");
    }
    if !subject.api_version.is_empty() {
        text = format!("{text} · {}", subject.api_version);
    }
    if !super::super::view::node_of(finding).is_empty() {
        text = format!("{text} · on {}", subject.node);
    }
    vec![(text, Role::Text)]
}

/// The text about the finding of a detail, at the present size.
pub fn page(app: &App, detail: &Detail) -> Page {
    let layout = app.layout();
    let mut page = Page::of(&detail.finding, layout.content().width, layout.framed());
    if detail.gone {
        let text = "The newest evidence no longer shows this: it was mended, or what it is about is gone.";
        page.prose.gap();
        page.prose.entry("", Role::Text, 0, text, Role::Refuses);
    }
    page
}

/// Draws it.
pub fn draw(app: &App, detail: &Detail, painter: &mut Painter<'_>) {
    let page = page(app, detail);
    let rows = app.pane().map_or(0, |(_, pane)| pane.rows.len());
    let title = app.pane().map_or("", |(check, _)| check.title);
    let note = if detail.gone {
        "no longer found".to_owned()
    } else {
        format!("{} of {}", words::number(app.findings_cursor().at + 1), words::number(rows))
    };
    let area = screen::open(app, painter, app.layout().body, title, &note);
    let left = page.prose.draw(painter, area.x, area.y, detail.scroll.top, area.height);
    screen::more(app, painter, app.layout().body, detail.scroll.top, left);
}
