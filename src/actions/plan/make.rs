//! The official order of steps.
//!
//! Source: <https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/> and
//! <https://kubernetes.io/releases/version-skew-policy/>: the first control plane, the others, and only when every API
//! server is new the kubelets, control planes first and one at a time; on workers kubeadm before the drain.

use super::settings::{Decisions, Settings};
use super::{LeftToHand, Phase, Plan, SCHEMA_VERSION, Step, StepKind, state};
use crate::actions::observed::{Holds, all, etcd_is_stacked, kube_proxy_is_asked_for, static_pods_are};
use crate::actions::steps::{
    Site, addons, backup, drain, kubelet, manual, package, pull, uncordon, upgrade_apply, upgrade_node,
};
use crate::catalog::Catalog;
use crate::checks::{Finding, Target};
use crate::evidence::objects::Node;
use crate::evidence::{Evidence, Progress, Unread};
use crate::version::Version;

/// The plan of the first hop to `target`, each step in the state that was observed.
pub fn plan(
    evidence: &Evidence,
    target: &Target,
    findings: &[Finding],
    settings: &Settings,
    decisions: &Decisions,
) -> Plan {
    let site = Site::new(evidence, settings, decisions, (target.from.clone(), hop(target)));
    let (nodes, left_to_hand) = nodes(evidence);
    let (masters, workers): (Vec<&Node>, Vec<&Node>) =
        nodes.into_iter().partition(|node| node.is_control_plane());
    let all: Vec<&Node> = masters.iter().chain(&workers).copied().collect();
    let mut phases = Vec::new();
    if let Some(first) = first_control_plane(&site, &masters) {
        let others: Vec<&Node> = masters.iter().copied().filter(|node| !std::ptr::eq(*node, first)).collect();
        phases.push(phase("Before", before(&site, first)));
        phases.push(phase(format!("Control plane {}", first.metadata.name), first_steps(&site, first, &all)));
        for node in &others {
            let steps =
                vec![package::make(&site, node), pull::make(&site, node), upgrade_node::make(&site, node)];
            phases.push(phase(format!("Control plane {}", node.metadata.name), steps));
        }
        addons_are_asked_for(&site, &mut phases);
        for node in std::iter::once(first).chain(others) {
            phases.push(phase(format!("Kubelet of {}", node.metadata.name), kubelet_steps(&site, node)));
        }
    }
    for node in &workers {
        let mut steps = vec![package::make(&site, node), upgrade_node::make(&site, node)];
        steps.extend(kubelet_steps(&site, node));
        phases.push(phase(format!("Worker {}", node.metadata.name), steps));
    }
    if let Some(step) = addons::make(&site, &all) {
        phases.push(phase("After", vec![step]));
    }
    let masters = masters.iter().map(|node| node.metadata.name.as_str()).collect();
    state::assign(&mut phases, findings, masters, decisions);
    Plan {
        schema_version: SCHEMA_VERSION,
        cluster: evidence.cluster.name.clone(),
        uid: evidence.cluster.uid.clone(),
        from: target.from.clone(),
        target: site.to.clone(),
        route: target.hops(),
        phases,
        left_to_hand,
        unread: unread(evidence),
    }
}

/// The version that the first hop ends at: the target, or the newest known patch of the minor on the way.
pub fn hop(target: &Target) -> Version {
    let minor = target.first_hop();
    if target.to.minor() == minor {
        return target.to.clone();
    }
    let known = Catalog::get().ok().and_then(|catalog| catalog.newest_patch(minor));
    known.unwrap_or_else(|| Version::new(minor.major, minor.minor, 0))
}

fn phase(name: impl Into<String>, steps: Vec<Step>) -> Phase {
    Phase { name: name.into(), steps }
}

/// kubeadm writes its addons anew when it finds no control plane that is old: on the last.
fn addons_are_asked_for(site: &Site, phases: &mut [Phase]) {
    let is_kubeadms = |step: &&mut Step| matches!(step.kind, StepKind::UpgradeApply | StepKind::UpgradeNode);
    let last = phases.iter_mut().rev().flat_map(|phase| &mut phase.steps).find(is_kubeadms);
    if let Some(step) = last {
        step.postcondition.extend(kube_proxy_is_asked_for(site.evidence, &site.to));
    }
}

fn before(site: &Site, first: &Node) -> Vec<Step> {
    match etcd_is_stacked(site.evidence) {
        Ok(false) => vec![manual::external_backup()],
        Ok(true) | Err(_) => vec![backup::make(site, first)],
    }
}

fn first_steps(site: &Site, node: &Node, all: &[&Node]) -> Vec<Step> {
    let mut steps = vec![package::make(site, node), pull::make(site, node), upgrade_apply::make(site, node)];
    if changes_minor(site, all) {
        steps.push(manual::network_plugin(site));
    }
    steps
}

/// Whether the hop is to another minor: also when its API servers are there already, and some kubelet is not, or when
/// this upgrade has come by the step before.
fn changes_minor(site: &Site, all: &[&Node]) -> bool {
    let minor = site.to.minor();
    let other = |node: &Node| {
        let kubelet: Result<Version, _> = node.status.node_info.kubelet_version.parse();
        kubelet.is_ok_and(|kubelet| kubelet.minor() != minor)
    };
    site.from.minor() != minor
        || site.attempt(manual::NETWORK_PLUGIN).is_some()
        || site.decisions.skipped.contains_key(manual::NETWORK_PLUGIN)
        || all.iter().any(|node| other(node))
}

fn kubelet_steps(site: &Site, node: &Node) -> Vec<Step> {
    vec![drain::make(site, node), kubelet::make(site, node), uncordon::make(site, node)]
}

/// The control plane that `kubeadm upgrade apply` is for: one that is at the target already, by whoever, or else the
/// first by name.
fn first_control_plane<'a>(site: &Site, masters: &[&'a Node]) -> Option<&'a Node> {
    let begun =
        masters.iter().find(|node| site.attempt(&format!("upgrade-apply/{}", node.metadata.name)).is_some());
    let there = masters
        .iter()
        .find(|node| all(&static_pods_are(site.evidence, &node.metadata.name, &site.to)) == Holds::Yes);
    begun.or(there).or(masters.first()).copied()
}

/// The nodes that kubelift upgrades, by name, and those that it leaves to hand.
fn nodes(evidence: &Evidence) -> (Vec<&Node>, Vec<LeftToHand>) {
    let mut left = Vec::new();
    let mut nodes = Vec::new();
    for node in evidence.objects.nodes.items.iter() {
        match why_by_hand(evidence, node) {
            Some(why) => left.push(LeftToHand { node: node.metadata.name.clone(), why }),
            None => nodes.push(&**node),
        }
    }
    (nodes, left)
}

fn why_by_hand(evidence: &Evidence, node: &Node) -> Option<String> {
    if !node.is_linux() {
        return Some(format!("it runs {}: its steps are others", node.status.node_info.operating_system));
    }
    // kubeadm leaves /var/lib/kubelet/kubeadm-flags.env on every node that it joins.
    let facts = evidence.facts_of(&node.metadata.name).ok().map(|(facts, _)| facts)?;
    let kubelet = facts.kubelet.as_ref()?;
    let complete = facts.why_unread("kubelet.flagSources").is_none() && !kubelet.flag_sources.is_empty();
    let by_kubeadm = kubelet.flag_sources.iter().any(|source| source.path.contains("kubeadm-flags.env"));
    let program = facts.kubeadm.as_ref().is_some_and(|kubeadm| kubeadm.path.is_some());
    (complete && !by_kubeadm && !program).then(|| "kubeadm did not make it".to_owned())
}

/// What keeps the plan from being whole.
fn unread(evidence: &Evidence) -> Vec<Unread> {
    let nodes = &evidence.objects.nodes;
    let mut unread =
        if nodes.progress == Progress::Done && nodes.is_complete() { Vec::new() } else { nodes.gaps() };
    unread.extend(crate::checks::common::servers::gaps(&evidence.servers));
    unread
}
