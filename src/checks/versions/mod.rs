//! Versions and skew: which version every component is, the route in hops, and what the skew rules say now and
//! after the first hop.

mod config;
mod control;
mod dns;
mod kubelets;
mod proxies;
mod servers;

use super::common::{known, link, list, static_pods};
use super::{Finding, Severity, Subject, Target};
use crate::catalog::{Catalog, Skew};
use crate::evidence::Evidence;
use crate::evidence::objects::Node;
use crate::version::{Minor, Version};

/// Judges.
pub(super) fn run(evidence: &Evidence, target: &Target) -> Vec<Finding> {
    match known::catalog() {
        Ok(catalog) => judge(&Context { catalog, evidence, target }),
        Err(broken) => vec![*broken],
    }
}

/// What every part of the check looks at.
struct Context<'a> {
    catalog: &'static Catalog,
    evidence: &'a Evidence,
    target: &'a Target,
}

impl Context<'_> {
    /// Where `component` of minor `minor` is beside an `against` of another minor, by the rule for that.
    fn skew(&self, component: &str, against: &str, minor: Minor, other: Minor) -> Skew {
        self.catalog
            .skew_rule(component, against, other)
            .map_or(Skew::Within, |rule| rule.judge(minor, other))
    }

    /// Whether anything shows that kubeadm made the cluster: then its rules are those of the upgrade.
    fn maker(&self) -> Maker {
        let objects = &self.evidence.objects;
        let shows = objects.nodes.iter().any(Node::is_control_plane)
            || static_pods::of(&objects.pods, "kube-apiserver").next().is_some();
        match shows {
            true => Maker::Kubeadm,
            false if objects.nodes.is_complete() && objects.pods.is_complete() => Maker::Other,
            false => Maker::Hidden,
        }
    }

    /// The cluster as a subject.
    fn cluster(&self) -> Subject {
        Subject::thing("Cluster", &self.evidence.cluster.name)
    }
}

/// Who made the cluster, as far as nodes and pods show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maker {
    /// There are control-plane nodes, or static pods of a kube-apiserver.
    Kubeadm,
    /// There is neither.
    Other,
    /// Neither was seen, and not all was read.
    Hidden,
}

impl Maker {
    /// What can hide behind something that only kubeadm needs.
    const fn could_hide(self) -> Severity {
        match self {
            Self::Kubeadm | Self::Hidden => Severity::Blocker,
            Self::Other => Severity::Warning,
        }
    }
}

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = vec![route(context)];
    findings.extend(servers::findings(context));
    findings.extend(kubelets::findings(context));
    findings.extend(proxies::findings(context));
    findings.extend(control::findings(context));
    findings.extend(config::findings(context));
    findings.extend(dns::findings(context));
    findings
}

/// The hops: kubeadm goes one minor at a time.
fn route(context: &Context<'_>) -> Finding {
    let target = context.target;
    let hops = target.hops();
    let through: Vec<String> = hops.iter().rev().skip(1).rev().map(Minor::to_string).collect();
    let message = match through.as_slice() {
        [] if hops.is_empty() => format!("{} to {}, a patch upgrade", target.from, target.to),
        [] => format!("{} to {} in one hop", target.from, target.to),
        through => format!(
            "{} to {} in {}, through {}",
            target.from,
            target.to,
            list::count(hops.len(), "hop"),
            list::names(through)
        ),
    };
    // An older server that was not asked would be where the upgrade starts from.
    let servers = &context.evidence.servers;
    let all_asked = super::common::servers::gaps(servers).is_empty()
        && servers.versions().count() == servers.servers.len();
    let message =
        if all_asked { message } else { format!("{message}, if no API server that was not asked is older") };
    let severity = if all_asked && through.is_empty() { Severity::Pass } else { Severity::Notice };
    let mut finding = Finding::new("Route", severity, context.cluster(), message)
        .why(
            "kubeadm goes one minor at a time. Blockers are those of the first hop; what a later \
             hop adds is a warning that names it.",
        )
        .link(link::KUBEADM_UPGRADE);
    for (address, version) in servers.versions() {
        let server = servers.servers.iter().find(|server| server.address == *address);
        let stamp = server.and_then(|server| server.version.get().ok()).map(|(_, stamp)| stamp);
        finding = finding.saw(format!("{address} is {version}"), stamp);
    }
    finding
}

/// `v1.30.4` as a version; what a component prints has a `v`.
fn parse(text: &str) -> Option<Version> {
    text.parse().ok()
}

/// `one minor`, `3 minors`.
fn minors(number: u32) -> String {
    list::count(usize::try_from(number).unwrap_or(usize::MAX), "minor")
}

#[cfg(test)]
pub(super) mod tests;
