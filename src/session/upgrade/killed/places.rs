//! Behind which change kubelift is killed: every one of an upgrade that nobody kills is a place, by a name that it has in
//! those with kills as well.
//!
//! What outlives kubelift changes by five calls only: an entry is written, a request sent, a line started, time goes by,
//! a torn end is cut off. A call that reads leaves it as it was: whoever is killed at it is killed behind the change
//! before. So the places are all the calls that there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::actions::journal::{Entry, What};

/// How many changes lie between two kills at least, so that lives have something to do.
const APART: usize = 8;

/// The places of one course.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Where kubelift is still to be killed.
    pub(super) left: BTreeSet<String>,
    /// All changes so far.
    pub(super) all: Vec<String>,
    /// Behind which it was killed.
    pub(super) killed: Vec<String>,
    /// The entry that was written last: sleeps, requests and lines are named by it.
    entry: String,
    /// How often each name came.
    often: BTreeMap<String, usize>,
    /// The last change of this life.
    last: Option<String>,
    /// How many changes kubelift is still left alone for.
    alone: usize,
}

impl Places {
    /// Those of a course in which kubelift is to be killed at each of `left`, as far as they are apart.
    pub(super) fn to_be_killed_at(left: BTreeSet<String>) -> Self {
        Self { left, ..Self::default() }
    }

    /// A life begins.
    pub(super) fn begin(&mut self) {
        self.last = None;
    }

    /// Whether kubelift is killed before this change; it happens otherwise.
    pub(super) fn ends_before(&mut self, what: impl FnOnce() -> String) -> bool {
        if let Some(last) = &self.last
            && self.alone == 0
            && self.left.remove(last)
        {
            self.killed.push(last.clone());
            self.alone = APART;
            return true;
        }
        let what = what();
        let name = match what.as_str() {
            "cut" => what,
            "slept" | "it was sent" | "it was started" => format!("{}, {what}", self.entry),
            _ => {
                self.entry.clone_from(&what);
                what
            }
        };
        let often = self.often.entry(name.clone()).or_default();
        *often += 1;
        let name = format!("{name} ({often})");
        self.all.push(name.clone());
        self.last = Some(name);
        self.alone = self.alone.saturating_sub(1);
        false
    }
}

/// What an entry is called in every course: without what chance and time decide.
pub(super) fn label(entry: &Entry) -> String {
    let (name, step) = (entry.what.name(), entry.what.step().unwrap_or_default());
    match &entry.what {
        What::Requested { request, .. } | What::Answered { request, .. } => {
            format!("{step} {name} {}", if request.contains("/eviction") { "eviction" } else { "node" })
        }
        What::Started { unit, .. } | What::Exited { unit, .. } => {
            format!("{step} {name} {}", unit.rsplit_once('-').unwrap().1)
        }
        _ => format!("{step} {name}"),
    }
}
