//! The checks: pure functions of evidence and target. One file a check, one line in [`CHECKS`].

mod apparmor;
mod cgroups;
pub mod common;
mod control_plane;
mod csi;
mod deprecated_apis;
mod etcd;
pub mod finding;
mod flags;
#[cfg(test)]
mod gaps_tests;
mod nodes;
pub mod target;
#[cfg(test)]
pub(crate) mod testing;
mod versions;

use serde::{Deserialize, Serialize};

pub use finding::{Certainty, Finding, Proof, Remedy, Severity, Subject};
pub use target::Target;

use crate::evidence::Evidence;

/// A check, which is a pane of the cockpit too.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// In kebab case: `apparmor`. Stable, for machines match it.
    pub id: &'static str,
    /// The pane's title: `AppArmor`.
    pub title: &'static str,
    /// One line for help: what it decides.
    pub about: &'static str,
    /// Judges. Reads nothing and waits for nothing; evidence that is not there makes unknowns.
    pub run: fn(&Evidence, &Target) -> Vec<Finding>,
}

/// Every check, in the order of the panes.
pub static CHECKS: &[Check] = &[
    Check {
        id: "versions",
        title: "Versions and skew",
        about: "every component's version against the skew rules, and the route in hops",
        run: versions::run,
    },
    Check {
        id: "nodes",
        title: "Nodes",
        about: "conditions, pressure, cordons, taints and runtimes of the nodes",
        run: nodes::run,
    },
    Check {
        id: "control-plane",
        title: "Control plane",
        about: "static pods, health of the API servers, leases and endpoints",
        run: control_plane::run,
    },
    Check {
        id: "flags",
        title: "Flags and gates",
        about: "flags and feature gates that the target does not know, with which a component does \
             not start",
        run: flags::run,
    },
    Check {
        id: "deprecated-apis",
        title: "Deprecated APIs",
        about: "objects and clients that use an API version which the target, or a later minor, \
             does not serve",
        run: deprecated_apis::run,
    },
    Check {
        id: "apparmor",
        title: "AppArmor",
        about: "profiles that pods and templates ask for, and whether the nodes where they may run \
             have them",
        run: apparmor::run,
    },
    Check {
        id: "csi",
        title: "CSI drivers",
        about: "versions and registration of CSI drivers, and in-tree volumes that the target no \
             longer has",
        run: csi::run,
    },
    Check {
        id: "cgroups",
        title: "cgroups",
        about: "the cgroup version of each node, what the target does about v1, and the cgroup \
             drivers",
        run: cgroups::run,
    },
    Check { id: "etcd", title: "etcd and its backup", about: etcd::ABOUT, run: etcd::run },
];

/// The answer to "may we start?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No blocker, and everything that could hide one was read.
    Ready,
    /// At least one blocker.
    Blocked,
    /// No blocker seen, but something that could hide one was not read.
    Unknown,
}

impl Verdict {
    /// The verdict on findings.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut verdict = Self::Ready;
        for finding in findings {
            if finding.severity == Severity::Blocker {
                return Self::Blocked;
            }
            if finding.could_hide == Some(Severity::Blocker) {
                verdict = Self::Unknown;
            }
        }
        verdict
    }
}

/// The findings of all checks, in the order of panes, and in each by severity and subject.
pub fn judge(evidence: &Evidence, target: &Target) -> Vec<Finding> {
    CHECKS.iter().flat_map(|check| judge_one(check, evidence, target)).collect()
}

/// The findings of one check, sorted.
pub fn judge_one(check: &Check, evidence: &Evidence, target: &Target) -> Vec<Finding> {
    let mut findings = (check.run)(evidence, target);
    for finding in &mut findings {
        check.id.clone_into(&mut finding.check);
    }
    findings.sort_by(|a, b| (a.severity, &a.code, &a.subject).cmp(&(b.severity, &b.code, &b.subject)));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Reason, Unread};

    #[test]
    fn a_verdict_is_blocked_before_unknown_before_ready() {
        let finding = |severity| Finding::new("X", severity, Subject::default(), "x");
        let unread = Unread::new("list", "pods", Reason::Forbidden, "");
        let hides = |worst| Finding::unknown("X", worst, Subject::default(), &unread);
        assert_eq!(Verdict::of(&[]), Verdict::Ready);
        assert_eq!(Verdict::of(&[finding(Severity::Warning), hides(Severity::Warning)]), Verdict::Ready);
        assert_eq!(Verdict::of(&[hides(Severity::Blocker), finding(Severity::Pass)]), Verdict::Unknown);
        assert_eq!(Verdict::of(&[hides(Severity::Blocker), finding(Severity::Blocker)]), Verdict::Blocked);
    }
}
