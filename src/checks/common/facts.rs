//! Facts of nodes that were not read, gathered by the reason: one finding speaks of all nodes alike.

use std::collections::BTreeSet;

use super::list;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::node_facts::NodeFacts;
use crate::evidence::{Reason, Unread};

/// Facts that were not read.
#[derive(Debug, Default)]
pub struct UnreadFacts {
    reasons: Vec<Gathered>,
    /// Whether `--scope api` left some out: that is no unknown.
    pub left_out: bool,
}

/// Nodes whose facts were not read for one reason.
#[derive(Debug)]
struct Gathered {
    unread: Unread,
    could_hide: Severity,
    nodes: BTreeSet<String>,
    concerns: BTreeSet<String>,
}

impl UnreadFacts {
    /// Adds a node, and whom it concerns if that can be said.
    pub fn add(&mut self, node: &str, unread: &Unread, could_hide: Severity, concerns: Option<&str>) {
        if unread.reason == Reason::OutOfScope {
            self.left_out = true;
            return;
        }
        let alike = |known: &Gathered| {
            let known = &known.unread;
            (known.reason, &known.resource, &known.message)
                == (unread.reason, &unread.resource, &unread.message)
        };
        let index = self.reasons.iter().position(alike).unwrap_or_else(|| {
            let (nodes, concerns) = (BTreeSet::new(), BTreeSet::new());
            self.reasons.push(Gathered { unread: unread.clone(), could_hide, nodes, concerns });
            self.reasons.len() - 1
        });
        let Some(gathered) = self.reasons.get_mut(index) else { return };
        gathered.could_hide = gathered.could_hide.min(could_hide);
        if !gathered.nodes.contains(node) {
            gathered.nodes.insert(node.to_owned());
        }
        if let Some(concerns) = concerns.filter(|concerns| !gathered.concerns.contains(*concerns)) {
            gathered.concerns.insert(concerns.to_owned());
        }
    }

    /// One unknown a reason; `why` gets whom it concerns.
    pub fn findings(&self, code: &str, why: impl Fn(&str) -> String) -> Vec<Finding> {
        let of = |gathered: &Gathered| {
            let nodes: Vec<&String> = gathered.nodes.iter().collect();
            let subject = match nodes.as_slice() {
                [node] => Subject::node(node),
                _ => Subject::thing("Node", ""),
            };
            let unread = gathered.unread.clone().of(&list::names(&nodes));
            let concerns: Vec<&String> = gathered.concerns.iter().collect();
            Finding::unknown(code, gathered.could_hide, subject, &unread)
                .why(why(&list::names(&concerns)))
                .remedy(
                    "Run the probe as root on these nodes, and give kubelift its output with \
                         --node-facts.",
                    ["kubelift probe --script > probe.sh".to_owned()],
                )
        };
        self.reasons.iter().map(of).collect()
    }
}

/// The last value of a flag of the kubelet, from whatever gives it flags.
pub fn flag<'a>(facts: &'a NodeFacts, name: &str) -> Option<&'a str> {
    let sources = &facts.kubelet.as_ref()?.flag_sources;
    let mut flags = sources.iter().flat_map(|source| &source.flags).filter(|flag| flag.name == name);
    flags.next_back().map(|flag| flag.value.as_deref().unwrap_or("true"))
}

/// That the probe did not see a fact, or not all of it, in the probe's own words.
pub fn unseen(facts: &NodeFacts, node: &str, what: &str, why: &str) -> Unread {
    let reason = if facts.uid == Some(0) { Reason::Absent } else { Reason::NotPermittedOnNode };
    Unread::new("probe", what, reason, why).of(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_gathered_by_reason_and_the_worst_counts() {
        let mut facts = UnreadFacts::default();
        let unread = |reason, node: &str| Unread::new("probe", "node facts", reason, "").of(node);
        facts.add("w2", &unread(Reason::NotProvided, "w2"), Severity::Warning, Some("shop/Deployment/web"));
        facts.add("w1", &unread(Reason::NotProvided, "w1"), Severity::Blocker, Some("shop/Deployment/web"));
        facts.add("w3", &unread(Reason::Malformed, "w3"), Severity::Warning, None);
        facts.add("w4", &unread(Reason::OutOfScope, "w4"), Severity::Blocker, None);
        let findings = facts.findings("X", |concerns| format!("for {concerns}"));
        assert!(facts.left_out);
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[0].message, "not known: could not probe node facts of w1 and w2: not provided");
        assert_eq!(
            (findings[0].could_hide, findings[0].why.as_str()),
            (Some(Severity::Blocker), "for shop/Deployment/web")
        );
        assert_eq!(
            (findings[1].could_hide, findings[1].subject.to_string()),
            (Some(Severity::Warning), "Node/w3".to_owned())
        );
    }
}
