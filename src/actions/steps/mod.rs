//! The steps: one file a kind. Each makes a [`Step`] from what was observed of one node.

pub(super) mod addons;
pub(super) mod backup;
pub(super) mod drain;
pub(super) mod kubelet;
pub(super) mod manual;
pub(super) mod package;
pub(super) mod pull;
mod repository;
#[cfg(test)]
pub(crate) mod testing;
pub(super) mod uncordon;
pub(super) mod upgrade_apply;
pub(super) mod upgrade_node;

use jiff::{SignedDuration, Timestamp};

use super::observed::{Condition, Holds, manifests_are, server_is};
use super::plan::{Attempt, Confirmation, Decisions, Settings, Step, StepKind, StepState};
use crate::evidence::objects::Node;
use crate::evidence::{Evidence, NodeFacts};
use crate::text::Text;
use crate::version::Version;

/// What steps are made from.
pub(super) struct Site<'a> {
    pub evidence: &'a Evidence,
    pub settings: &'a Settings,
    pub decisions: &'a Decisions,
    /// The version before the hop.
    pub from: Version,
    /// The version that the hop ends at.
    pub to: Version,
}

/// What a step of a kind is, before its file says more.
pub(super) fn step(kind: StepKind, node: Option<&Text>, title: String) -> Step {
    Step {
        id: node.map_or_else(|| kind.as_str().to_owned(), |node| format!("{}/{node}", kind.as_str())),
        kind,
        node: node.cloned(),
        title,
        commands: Vec::new(),
        effects: Vec::new(),
        precondition: Vec::new(),
        postcondition: Vec::new(),
        way_back: String::new(),
        expected_seconds: 60,
        confirmation: Confirmation::Acknowledge,
        state: StepState::Blocked,
        why: String::new(),
        held_by: Vec::new(),
    }
}

/// What brings a control plane on whose kubelet has not started what kubeadm wrote: a second run of kubeadm would find
/// nothing to do. Source: <https://github.com/kubernetes/kubeadm/issues/1617>.
const RESTART: &str = "systemctl restart kubelet";

impl<'a> Site<'a> {
    /// Turns a step of kubeadm into a restart of the kubelet, where the manifests are the target's and what runs is not.
    pub(super) fn mend(&self, step: &mut Step, node: &Node) {
        let begun = self.attempt(&step.id).is_some();
        let written = self.facts(node).is_ok_and(|facts| manifests_are(facts, &self.to));
        let runs = server_is(self.evidence, node, &self.to).iter().all(|says| says.holds == Holds::Yes);
        if begun || !written || runs {
            return;
        }
        let name = &node.metadata.name;
        step.title = format!("restart the kubelet of {name}, which has not started what kubeadm wrote");
        step.commands = vec![RESTART.to_owned()];
        step.effects =
            vec![format!("the kubelet of {name} starts the static pods whose manifests were changed")];
        "none is needed: the manifests stay as kubeadm wrote them".clone_into(&mut step.way_back);
    }

    /// The facts of a node, or the condition that they are missing.
    pub(super) fn facts(&self, node: &Node) -> Result<&'a NodeFacts, Condition> {
        let what = format!("the probe of {} was read", node.metadata.name);
        self.evidence
            .facts_of(&node.metadata.name)
            .map(|(facts, _)| facts)
            .map_err(|unread| Condition::unread(what, &unread))
    }

    /// The facts of a node as they are after a step's commands: while the step is under way only a probe that
    /// returns the step's nonce counts.
    pub(super) fn facts_after(&self, id: &str, node: &Node) -> Result<&'a NodeFacts, Condition> {
        let facts = self.facts(node)?;
        match self.decisions.attempt(id) {
            Some(attempt) if attempt.ended.is_none() && facts.nonce.as_ref() != Some(&attempt.nonce) => {
                let what = format!("a probe of {} was made after the commands", node.metadata.name);
                Err(Condition::of(what, false, "none has returned this step's nonce yet"))
            }
            _ => Ok(facts),
        }
    }

    /// The step's newest attempt.
    pub(super) fn attempt(&self, id: &str) -> Option<&'a Attempt> {
        self.decisions.attempt(id)
    }

    /// When an attempt began by the clock of the machine that made `facts`, as far as that can be told: its clock is
    /// behind by at least as much as its answer seems to come before the question, and it tells whole seconds.
    pub(super) fn started_there(&self, attempt: &Attempt, facts: &NodeFacts) -> Timestamp {
        let lag = facts.collected_at.map_or_else(Default::default, |at| attempt.started.duration_since(at));
        attempt.started - lag.max(SignedDuration::ZERO) - SignedDuration::from_secs(1)
    }

    /// kubeadm's flag for preflight checks, with a blank before it, or nothing.
    pub(super) fn preflight(&self) -> String {
        let names = &self.settings.ignore_preflight_errors;
        if names.is_empty() {
            String::new()
        } else {
            format!(" --ignore-preflight-errors={}", names.join(","))
        }
    }

    /// kubeadm's flag for patches, with a blank before it, or nothing.
    pub(super) fn patches(&self) -> String {
        let folder = self.settings.patches.as_deref();
        folder
            .map(|folder| format!(" --patches={}", crate::checks::common::shell::quote(folder)))
            .unwrap_or_default()
    }
}
