//! etcd: where it is, its members and their health, versions known to be dangerous, room, and its backups.
//!
//! What the API tells (static pods, the API servers' own checks) is judged always. The inside of etcd is judged by the
//! probe of each control plane; what was not read of it may hide an alarm or a member that is gone, and those are blockers.

mod api;
mod backups;
mod certificates;
mod config;
mod hazards;
mod health;
mod inside;
mod members;
mod place;
mod remedy;
mod room;
mod versions;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::common::kubeadm::{self, ClusterConfiguration};
use super::common::{known, link, list, scope, static_pods};
use super::{Finding, Severity, Subject, Target};
use crate::catalog::Catalog;
use crate::evidence::objects::{Node, Pod};
use crate::evidence::{Evidence, Scope, Stamp, Unread};
use crate::version::Version;
use inside::Inside;
use place::Place;

/// What the check decides, in a line.
pub(super) const ABOUT: &str = "members, health, dangerous versions and size of etcd; which backups there are, how old, and how far each \
     can be trusted";

/// Judges.
pub(super) fn run(evidence: &Evidence, target: &Target) -> Vec<Finding> {
    match known::catalog() {
        Ok(catalog) => judge(&Context::new(catalog, evidence, target)),
        Err(broken) => vec![*broken],
    }
}

/// What every part of the check looks at.
struct Context<'a> {
    catalog: &'static Catalog,
    evidence: &'a Evidence,
    target: &'a Target,
    config: Result<(ClusterConfiguration, &'a Stamp), Unread>,
    /// The control-plane nodes.
    nodes: Vec<&'a Node>,
    /// The mirrors of etcd's static pods, by node.
    pods: BTreeMap<&'a str, &'a Pod>,
    cluster: Subject,
}

impl<'a> Context<'a> {
    fn new(catalog: &'static Catalog, evidence: &'a Evidence, target: &'a Target) -> Self {
        let pods = static_pods::of(&evidence.objects.pods, "etcd");
        Self {
            catalog,
            evidence,
            target,
            config: kubeadm::configuration(evidence),
            nodes: evidence.objects.nodes.iter().filter(|node| node.is_control_plane()).collect(),
            pods: pods.map(|pod| (pod.spec.node_name.as_str(), pod)).collect(),
            cluster: Subject::thing("Cluster", &evidence.cluster.name),
        }
    }

    /// The nodes where a member may be: control planes, nodes with its static pod, machines that say so.
    fn hosts(&self) -> BTreeSet<&'a str> {
        let facts = self.evidence.node_facts.iter().filter(|(_, reading)| {
            let etcd = reading.value().and_then(|facts| facts.etcd.as_ref());
            etcd.is_some_and(|etcd| etcd.local == Some(true))
        });
        let nodes = self.nodes.iter().map(|node| node.metadata.name.as_str());
        nodes.chain(self.pods.keys().copied()).chain(facts.map(|(node, _)| node.as_str())).collect()
    }

    /// Where the first hop goes. Of the first of several only the minor is known: its newest patch stands for it.
    fn first_stop(&self) -> Version {
        let newest = self.catalog.newest_patch(self.target.first_hop());
        newest.filter(|_| self.target.hops().len() > 1).unwrap_or_else(|| self.target.to.clone())
    }

    fn pods_stamp(&self) -> Option<&'a Stamp> {
        self.evidence.objects.pods.stamp.as_ref()
    }
}

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let place = place::of(context);
    let mut findings = api::servers(context);
    let mut inside = Inside::default();
    match &place {
        Place::Stacked => {
            findings.extend(api::pods(context));
            findings.extend(config::findings(context));
            if context.evidence.scope == Scope::All {
                let (seen, gaps) = inside::read(context);
                inside = seen;
                findings.extend(gaps);
                findings.extend(members::findings(context, &inside));
                findings.extend(health::findings(&inside));
                findings.extend(room::findings(context, &inside));
                findings.extend(certificates::findings(context, &inside));
            }
            findings.extend(versions::findings(context, &inside));
        }
        elsewhere => findings.push(place::elsewhere(context, elsewhere)),
    }
    // A version that is dangerous may be healthy all the same.
    let weighs = |finding: &Finding| finding.severity < Severity::Notice && finding.code != hazards::CODE;
    if matches!(place, Place::Stacked) && !findings.iter().any(weighs) {
        findings.push(pass(context, &inside));
    }
    if context.evidence.scope == Scope::All {
        findings.extend(backups::findings(context, &inside));
    } else {
        findings.push(scope::left_out(context.evidence, "etcd's inside, and its backups"));
    }
    findings
}

/// That all is well, and how much was looked at.
fn pass(context: &Context<'_>, inside: &Inside<'_>) -> Finding {
    let servers = list::count(context.evidence.servers.servers.len(), "API server");
    if inside.members.is_empty() {
        let message =
            format!("{} ready, and reached by {servers}", list::count(context.pods.len(), "etcd static pod"));
        return Finding::new("EtcdReachable", Severity::Pass, context.cluster.clone(), message)
            .saw("static pods in kube-system, and /readyz of the API servers", context.pods_stamp());
    }
    let versions: BTreeSet<String> =
        inside.members.iter().filter_map(|member| Some(member.version()?.to_string())).collect();
    let versions: Vec<String> = versions.into_iter().collect();
    let size = inside.members.iter().filter_map(|member| member.size()).max();
    let message = format!(
        "{} at {}, healthy, without alarms; the database has {}",
        list::count(inside.members.len(), "member"),
        list::names(&versions),
        size.map_or_else(|| "an unknown size".to_owned(), words::bytes)
    );
    let pass = Finding::new("EtcdHealthy", Severity::Pass, context.cluster.clone(), message).link(link::ETCD);
    inside.members.iter().fold(pass, |pass, member| pass.saw(member.summary(), Some(member.stamp)))
}

#[cfg(test)]
pub(super) mod tests;
