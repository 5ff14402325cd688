//! What is derived from a snapshot and a filter, once for each change of them: drawing only looks it up.

use crate::checks::{Check, Finding, Severity};
use crate::evidence::{Evidence, Reason, Unread};
use crate::session::Snapshot;

use super::widgets::paint::width;
use crate::ui::filter::Filter;
use crate::ui::words::{self, Answer};

/// How a pane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its worst finding. Only `Pass` is "ok", and only where nothing is unknown or still being read.
    Worst(Severity),
    /// Nothing bad so far, and it is still being read.
    Reading,
    /// There is no target to judge by.
    NotJudged,
    /// The check said nothing at all: neither that something is well nor that it was not read.
    Silent,
}

/// What is derived for one pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaneView {
    /// How it stands.
    pub standing: Standing,
    /// How many findings of each severity, in the order of [`Severity::ALL`], without those that only wait.
    pub counts: [usize; 5],
    /// How many findings only wait for something that is still being read.
    pub waiting: usize,
    /// How far the listings have come that it waits for.
    pub progress: Option<(usize, Option<usize>)>,
    /// All of its findings, by their place in the snapshot.
    pub all: Vec<u32>,
    /// Those that the filter shows.
    pub rows: Vec<u32>,
    /// The columns that the widest subject takes, over [`PaneView::rows`].
    pub subject_width: u16,
    /// The same for nodes.
    pub node_width: u16,
}

/// What is derived for all of the screens.
#[derive(Debug, Clone)]
pub struct View {
    /// The answer to "may we start?".
    pub answer: Answer,
    /// The panes, in the order of the checks.
    pub panes: Vec<PaneView>,
    /// How many findings of each severity in all, in the order of [`Severity::ALL`], without those that only wait.
    pub counts: [usize; 5],
    /// What was not read and will not come by waiting, then what is still being read.
    pub unread: Vec<Unread>,
    /// How many of [`View::unread`] are still being read.
    pub pending: usize,
    /// What is known about the cluster, a line each.
    pub facts: Vec<(String, String)>,
    /// Every finding's words in lower case, made when first a filter is set.
    haystacks: Option<Vec<String>>,
}

impl View {
    /// Derives everything.
    pub fn new(snapshot: &Snapshot, checks: &[Check], filter: &Filter) -> Self {
        let (mut unread, pending): (Vec<_>, Vec<_>) =
            snapshot.evidence.unread().into_iter().partition(|unread| unread.reason != Reason::Pending);
        let waits = pending.len();
        unread.extend(pending);
        let mut view = Self {
            answer: Answer::of(snapshot, checks),
            panes: panes(snapshot, checks),
            counts: [0; 5],
            unread,
            pending: waits,
            facts: super::facts::of(&snapshot.evidence),
            haystacks: None,
        };
        for pane in &view.panes {
            for (sum, count) in view.counts.iter_mut().zip(pane.counts) {
                *sum += count;
            }
        }
        view.filter(snapshot, filter);
        view
    }

    /// Derives the rows that `filter` shows.
    pub fn filter(&mut self, snapshot: &Snapshot, filter: &Filter) {
        if !filter.is_empty() && self.haystacks.is_none() {
            self.haystacks = Some(snapshot.findings.iter().map(haystack).collect());
        }
        let shown = |index: u32| match &self.haystacks {
            Some(haystacks) if !filter.is_empty() => {
                haystacks.get(index as usize).is_some_and(|haystack| filter.shows(haystack))
            }
            _ => true,
        };
        for pane in &mut self.panes {
            pane.rows = pane.all.iter().copied().filter(|index| shown(*index)).collect();
            pane.subject_width = 0;
            pane.node_width = 0;
            for finding in pane.rows.iter().filter_map(|index| snapshot.findings.get(*index as usize)) {
                pane.subject_width = pane.subject_width.max(subject_width(finding));
                pane.node_width = pane.node_width.max(width(node_of(finding)));
            }
        }
    }
}

/// The node of a finding, where it says more than the subject does already.
pub fn node_of(finding: &Finding) -> &str {
    let subject = &finding.subject;
    if subject.node == subject.name { "" } else { &subject.node }
}

fn panes(snapshot: &Snapshot, checks: &[Check]) -> Vec<PaneView> {
    let mut all: Vec<Vec<u32>> = vec![Vec::new(); checks.len()];
    for (index, finding) in (0u32..).zip(snapshot.findings.iter()) {
        let pane = checks.iter().position(|check| check.id == finding.check);
        if let Some(pane) = pane.and_then(|at| all.get_mut(at)) {
            pane.push(index);
        }
    }
    all.into_iter().map(|all| pane(snapshot, all)).collect()
}

fn pane(snapshot: &Snapshot, all: Vec<u32>) -> PaneView {
    let findings = || all.iter().filter_map(|index| snapshot.findings.get(*index as usize));
    let mut counts = [0; 5];
    let mut waits_for: Vec<&str> = Vec::new();
    let mut waiting = 0;
    for finding in findings() {
        match &finding.waits_for {
            Some(resource) => {
                waiting += 1;
                if !waits_for.contains(&resource.as_str()) {
                    waits_for.push(resource);
                }
            }
            None => {
                if let Some(count) = counts.get_mut(finding.severity as usize) {
                    *count += 1;
                }
            }
        }
    }
    let worst =
        findings().filter(|finding| finding.waits_for.is_none()).map(|finding| finding.severity).min();
    let standing = match worst {
        _ if snapshot.target.is_none() && words::is_reading(snapshot) => Standing::Reading,
        _ if snapshot.target.is_none() => Standing::NotJudged,
        Some(worst) if waiting == 0 || worst <= Severity::Warning => Standing::Worst(worst),
        _ if waiting > 0 => Standing::Reading,
        _ => Standing::Silent,
    };
    let progress = if waiting > 0 { progress(&snapshot.evidence, &waits_for) } else { None };
    PaneView { standing, counts, waiting, progress, rows: Vec::new(), subject_width: 0, node_width: 0, all }
}

fn progress(evidence: &Evidence, waits_for: &[&str]) -> Option<(usize, Option<usize>)> {
    words::progress(evidence, |resource| waits_for.contains(&resource))
}

/// What the subject takes when it is written, without writing it.
fn subject_width(finding: &Finding) -> u16 {
    let subject = &finding.subject;
    let parts = [&subject.namespace, &subject.kind, &subject.name, &subject.file];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.map(|part| width(part).saturating_add(1)).fold(0, u16::saturating_add).saturating_sub(1)
}

/// What a filter looks at: everything that a line shows, and the code.
fn haystack(finding: &Finding) -> String {
    let severity = words::severity(finding);
    format!("{severity} {} {} {} {}", finding.code, finding.subject, finding.subject.node, finding.message)
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;
    use proptest::prelude::*;

    fn view(snapshot: &Snapshot) -> View {
        View::new(snapshot, sample::CHECKS, &Filter::default())
    }

    #[test]
    fn ok_stands_only_where_everything_was_read() {
        let snapshot = sample::mixed();
        for (pane, check) in view(&snapshot).panes.iter().zip(sample::CHECKS) {
            let unknown = snapshot.findings_of(check.id).any(|finding| finding.severity == Severity::Unknown);
            if pane.standing == Standing::Worst(Severity::Pass) {
                assert!(!unknown, "{} says ok and has an unknown", check.id);
            }
        }
    }

    #[test]
    fn a_pane_that_waits_says_how_far_it_is_and_not_ok() {
        let snapshot = sample::reading();
        let view = view(&snapshot);
        let apparmor = &view.panes[sample::pane("apparmor")];
        assert_eq!(apparmor.standing, Standing::Reading);
        assert_eq!(apparmor.progress, Some((4120, Some(11_000))));
        let nodes = &view.panes[sample::pane("nodes")];
        assert_eq!(nodes.standing, Standing::Worst(Severity::Pass));
    }

    #[test]
    fn a_check_that_says_nothing_is_not_ok() {
        let mut snapshot = sample::mixed();
        snapshot.findings = std::sync::Arc::from([]);
        assert!(view(&snapshot).panes.iter().all(|pane| pane.standing == Standing::Silent));
        assert_eq!(view(&snapshot).answer, Answer::NotKnown);
        assert_eq!(view(&sample::clean()).answer, Answer::Yes);
        snapshot.target = None;
        snapshot.no_target = Some("no version".to_owned());
        assert!(view(&snapshot).panes.iter().all(|pane| pane.standing == Standing::NotJudged));
    }

    #[test]
    fn filters_look_at_what_a_line_shows_in_every_pane() {
        let snapshot = sample::mixed();
        let mut view = view(&snapshot);
        let apparmor = sample::pane("apparmor");
        let all = view.panes[apparmor].all.len();
        view.filter(&snapshot, &Filter::new("shop blocker"));
        assert_eq!(view.panes[apparmor].rows.len(), 2);
        view.filter(&snapshot, &Filter::new("!shop"));
        assert_eq!(view.panes[apparmor].rows.len(), all - 2);
        view.filter(&snapshot, &Filter::default());
        assert_eq!(view.panes[apparmor].rows.len(), all);
    }

    proptest! {
        #[test]
        fn the_width_of_a_subject_is_what_it_takes_when_written(
            namespace in "[a-z]{0,5}", kind in "[A-Z日]{0,5}", name in "[a-zé]{0,9}", file in "[a-z/]{0,5}",
        ) {
            let subject = crate::checks::Subject { namespace, kind, name, file, ..Default::default() };
            let finding = Finding::new("X", Severity::Pass, subject, "");
            prop_assert_eq!(subject_width(&finding), width(&finding.subject.to_string()));
        }
    }
}
