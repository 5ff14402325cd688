//! What is told of a snapshot: what was not told before, or is otherwise now.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::{CHECKS, Finding, Severity, Subject};
use crate::evidence::{Progress, Reason};
use crate::session::{Kind, Snapshot};
use crate::ui::words::{self, Answer};

/// What makes a finding the same one in a later snapshot; the number tells several of one kind apart.
type Key = (String, String, Subject, usize);

/// Remembers what was told.
#[derive(Debug, Default)]
pub(super) struct Teller {
    greeted: bool,
    complete: bool,
    route: String,
    freshness: String,
    verdict: String,
    listed: BTreeSet<String>,
    unread: BTreeSet<String>,
    findings: BTreeMap<Key, Told>,
    last: usize,
    /// For each finding of the newest snapshot: the number that it was told by.
    numbers: Vec<Option<usize>>,
}

#[derive(Debug)]
struct Told {
    number: usize,
    line: String,
    more: Vec<String>,
}

impl Teller {
    /// For a recording, which has a heading of its own.
    pub(super) fn of_a_recording() -> Self {
        Self { greeted: true, ..Self::default() }
    }

    /// What is new in a snapshot, in lines.
    pub(super) fn tell(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.greeted {
            lines.push(greeting(snapshot));
            self.greeted = true;
        }
        let route = route(snapshot);
        if route != self.route {
            lines.push(route.clone());
            self.route = route;
        }
        self.tell_reads(snapshot, &mut lines);
        self.tell_findings(snapshot, &mut lines);
        self.complete = !words::is_reading(snapshot);
        if self.complete {
            let verdict = verdict(snapshot);
            if verdict != self.verdict {
                lines.push(verdict.clone());
                self.verdict = verdict;
            }
        }
        lines
    }

    /// Whether everything was read once, and the verdict told.
    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// The number that the finding in this place of the newest snapshot was told by.
    pub(super) fn number(&self, place: usize) -> Option<usize> {
        self.numbers.get(place).copied().flatten()
    }

    /// The place in the newest snapshot of the finding that was told by this number.
    pub(super) fn place(&self, number: usize) -> Option<usize> {
        self.numbers.iter().position(|own| *own == Some(number))
    }

    /// What came to be read, what did not, and whether the API answers.
    fn tell_reads(&mut self, snapshot: &Snapshot, lines: &mut Vec<String>) {
        let evidence = &snapshot.evidence;
        for listing in evidence.listings() {
            if listing.progress == Progress::Done && self.listed.insert(listing.resource.to_string()) {
                lines.push(format!("read: {}, {}", listing.resource, words::number(listing.objects)));
            }
        }
        let unread = evidence.unread().into_iter().filter(|unread| unread.reason != Reason::Pending);
        let unread: BTreeSet<String> = unread.map(|unread| unread.to_string()).collect();
        lines.extend(unread.difference(&self.unread).map(|unread| format!("not read: {unread}")));
        lines.extend(self.unread.difference(&unread).map(|unread| format!("no longer missing: {unread}")));
        self.unread = unread;
        let gone = words::freshness(snapshot, evidence.at);
        let freshness = if gone.gone { gone.text } else { String::new() };
        if freshness != self.freshness {
            let had_credentials = !self.freshness.starts_with("no credentials");
            let back = if had_credentials { "the API answers again" } else { "there are credentials again" };
            lines.push(if gone.gone { freshness.clone() } else { back.to_owned() });
            self.freshness = freshness;
        }
    }

    /// Findings that are new, otherwise, or gone. Those that only wait for a read are not told.
    fn tell_findings(&mut self, snapshot: &Snapshot, lines: &mut Vec<String>) {
        self.numbers = vec![None; snapshot.findings.len()];
        let mut before = std::mem::take(&mut self.findings);
        if snapshot.target.is_none() && words::is_reading(snapshot) {
            self.findings = before;
            return;
        }
        for (place, (key, finding)) in keyed(snapshot).enumerate() {
            if finding.waits_for.is_some() {
                continue;
            }
            let (line, more) = (line(finding), more(finding));
            let told = before.remove(&key);
            let changed = told.as_ref().is_none_or(|told| told.line != line || told.more != more);
            let number = told.as_ref().map_or_else(
                || {
                    self.last += 1;
                    self.last
                },
                |told| told.number,
            );
            if changed {
                let mark = if told.is_some() { "changed: " } else { "" };
                lines.push(format!("{mark}[{number}] {line}"));
                lines.extend(more.iter().cloned());
            }
            if let Some(own) = self.numbers.get_mut(place) {
                *own = Some(number);
            }
            self.findings.insert(key, Told { number, line, more });
        }
        let mut gone: Vec<Told> = before.into_values().collect();
        gone.sort_by_key(|told| told.number);
        lines.extend(gone.iter().map(|told| format!("gone: [{}] {}", told.number, told.line)));
    }
}

/// The findings of a snapshot, each with what it is known by.
fn keyed(snapshot: &Snapshot) -> impl Iterator<Item = (Key, &Finding)> {
    let mut seen: BTreeMap<(&str, &str, &Subject), usize> = BTreeMap::new();
    snapshot.findings.iter().map(move |finding| {
        let count = seen.entry((&finding.check, &finding.code, &finding.subject)).or_default();
        *count += 1;
        ((finding.check.clone(), finding.code.clone(), finding.subject.clone(), *count), finding)
    })
}

fn greeting(snapshot: &Snapshot) -> String {
    let (word, rest) = words::session(&snapshot.kind);
    let cluster = &snapshot.evidence.cluster;
    let as_of = match snapshot.kind {
        Kind::Recording { at, .. } => format!(", as of {}", words::moment(at)),
        _ => String::new(),
    };
    format!(
        "kubelift {}, {word}: {rest}{as_of}. Cluster {} at {}. Type help for the commands, quit to leave.",
        env!("CARGO_PKG_VERSION"),
        cluster.name,
        cluster.server
    )
}

/// `route: 1.30.6 to 1.31.14 (hop 1 of 1), target chosen by kubelift`
fn route(snapshot: &Snapshot) -> String {
    match words::way(snapshot) {
        Some(target) => {
            let chosen = if target.chosen { ", target chosen by kubelift" } else { "" };
            format!("route: {}{chosen}", words::route(&target, "to"))
        }
        None => format!("no target: {}", words::no_route(snapshot)),
    }
}

/// `verdict: ready for 1.31.14? NO. 2 blockers, 1 unknown`; of several hops `verdict: ready for hop 1 of 3? …`
pub(super) fn verdict(snapshot: &Snapshot) -> String {
    let target =
        snapshot.target.as_ref().map(|target| format!(" for {}", words::goal(target))).unwrap_or_default();
    let counts = Severity::ALL.into_iter().filter_map(|severity| {
        let findings = snapshot.findings.iter().filter(|finding| finding.waits_for.is_none());
        let count = findings.filter(|finding| finding.severity == severity).count();
        (count > 0).then(|| words::tally(severity, count))
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    format!("verdict: ready{target}? {}. {counts}", Answer::of(snapshot, CHECKS).as_str())
}

/// `blocker, AppArmor, shop/Deployment/web: profile k8s-web is not loaded on w3`
pub(super) fn line(finding: &Finding) -> String {
    let pane =
        CHECKS.iter().find(|check| check.id == finding.check).map_or(&*finding.check, |check| check.title);
    let on = if finding.subject.node.is_empty() || finding.subject.node == finding.subject.name {
        String::new()
    } else {
        format!(" on {}", finding.subject.node)
    };
    format!("{}, {pane}, {}{on}: {}", words::severity(finding), finding.subject, finding.message)
}

/// Why and what to do, indented; nothing of what is well.
pub(super) fn more(finding: &Finding) -> Vec<String> {
    let mut more = Vec::new();
    if finding.severity == Severity::Pass {
        return more;
    }
    if !finding.why.is_empty() {
        more.push(format!("  why: {}", finding.why));
    }
    if let Some(remedy) = &finding.remedy {
        more.push(format!("  remedy: {}", remedy.summary));
        more.extend(remedy.commands.iter().map(|command| format!("    $ {command}")));
    }
    more
}
