//! What steps are made from: the evidence, with an index of what is asked for every node.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::actions::drain::{Selection, sort};
use crate::actions::observed::{
    Condition, Holds, all_servers_are, etcd_is_stacked, has_kube_proxy, kubeadm_config_is, manifests_are,
    server_is,
};
use crate::actions::plan::{Attempt, Decisions, Settings, Step};
use crate::checks::common::kubelet_config;
use crate::checks::common::kubelet_difference::Kept;
use crate::checks::common::owner::Owners;
use crate::evidence::objects::{Node, Pod};
use crate::evidence::{Evidence, NodeFacts};
use crate::version::Version;

/// What steps are made from.
pub(in crate::actions) struct Site<'a> {
    pub(in crate::actions) evidence: &'a Evidence,
    pub(in crate::actions) settings: &'a Settings,
    pub(in crate::actions) decisions: &'a Decisions,
    /// The version before the hop.
    pub(in crate::actions) from: Version,
    /// The version that the hop ends at.
    pub(in crate::actions) to: Version,
    /// That every API server is of the hop's end.
    pub(super) all_servers: Condition,
    /// That kubeadm-config says the hop's end.
    pub(super) applied: Condition,
    /// Whether nodes have kube-proxy.
    pub(super) has_kube_proxy: bool,
    /// kubelet-config, or why it is not known.
    pub(super) kubelet_config: Result<Kept, String>,
    owners: Owners<'a>,
    pods: HashMap<&'a str, Vec<&'a Pod>>,
}

/// What brings a control plane on whose kubelet has not started what kubeadm wrote: a second run of kubeadm would find
/// nothing to do. Source: <https://github.com/kubernetes/kubeadm/issues/1617>.
const RESTART: &str = "systemctl restart kubelet";

impl<'a> Site<'a> {
    /// Looks once at what every node's steps ask for.
    pub(in crate::actions) fn new(
        evidence: &'a Evidence,
        settings: &'a Settings,
        decisions: &'a Decisions,
        (from, to): (Version, Version),
    ) -> Self {
        let mut pods: HashMap<&str, Vec<&Pod>> = HashMap::new();
        for pod in evidence.objects.pods.iter() {
            pods.entry(pod.spec.node_name.as_str()).or_default().push(pod);
        }
        let kubelet_config = match kubelet_config::document(evidence) {
            Ok((document, _)) => Kept::of(document).map_err(|error| error.to_string()),
            Err(unread) => Err(unread.to_string()),
        };
        Self {
            all_servers: all_servers_are(evidence, &to),
            applied: kubeadm_config_is(evidence, &to),
            has_kube_proxy: has_kube_proxy(evidence),
            kubelet_config,
            owners: Owners::of(&evidence.objects),
            pods,
            evidence,
            settings,
            decisions,
            from,
            to,
        }
    }

    /// What kubeadm does to a control plane, whichever of its commands.
    pub(super) fn restarts(&self, node: &Node) -> Vec<String> {
        let name = &node.metadata.name;
        let etcd = if etcd_is_stacked(self.evidence).unwrap_or(true) { "etcd, " } else { "" };
        let others = self.evidence.objects.nodes.iter().filter(|node| node.is_control_plane()).count() > 1;
        let away = if others {
            format!("the API of {name} is away for a minute or two; other control planes go on")
        } else {
            "the API of the cluster is away for a minute or two: there is no other control plane".to_owned()
        };
        vec![
            format!(
                "{etcd}kube-apiserver, kube-controller-manager and kube-scheduler of {name} restart, one after the other"
            ),
            away,
            // kubeadm keeps the old ones in /etc/kubernetes/tmp.
            "their manifests are written anew: flags that were edited in by hand are lost".to_owned(),
        ]
    }

    /// The pods on a node.
    pub(super) fn pods_of(&self, node: &str) -> &[&'a Pod] {
        self.pods.get(node).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a drain does with them.
    pub(super) fn selection(&self, node: &str) -> Selection {
        sort(&self.owners, self.pods_of(node).iter().copied())
    }

    /// Turns a step of kubeadm into a restart of the kubelet, where the manifests are the target's and what runs is not.
    pub(super) fn mend(&self, step: &mut Step, node: &Node) {
        let begun = self.attempt(&step.id).is_some_and(|attempt| attempt.failed.is_none());
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
    pub(in crate::actions) fn attempt(&self, id: &str) -> Option<&'a Attempt> {
        self.decisions.attempt(id)
    }

    /// When an attempt began by the clock of the machine that made `facts`, as far as that can be told: its clock is
    /// behind by at least as much as its answer seems to come before the question, and it tells whole seconds.
    pub(super) fn started_there(&self, attempt: &Attempt, facts: &NodeFacts) -> Timestamp {
        let lag = facts.collected_at.map_or_else(Default::default, |at| attempt.started.duration_since(at));
        // What a machine says of its clock may be anything.
        let lag = lag.max(SignedDuration::ZERO).saturating_add(SignedDuration::from_secs(1));
        attempt.started.saturating_sub(lag).unwrap_or(attempt.started)
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
