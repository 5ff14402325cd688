//! The list of members beside the control planes, and beside each other.
//!
//! Before it changes a member, kubeadm asks every started, voting member of the list for its status, and gives up when
//! one does not answer. Source: k8s.io/kubernetes cmd/kubeadm/app/phases/upgrade/staticpods.go
//! (`performEtcdStaticPodUpgrade`), util/etcd/etcd.go (`getClusterStatus`), 1.31.14 and 1.37.2.

use std::collections::{BTreeMap, BTreeSet};

use super::inside::{Inside, Local};
use super::place::host;
use super::{Context, Finding, Severity, Subject, link, list, remedy};
use crate::evidence::node_facts::EtcdMember;

pub(super) fn findings(context: &Context<'_>, inside: &Inside<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(clusters(inside, &context.cluster));
    findings.extend(lists(inside, &context.cluster));
    let mut members: BTreeMap<u64, (&EtcdMember, &Local<'_>)> = BTreeMap::new();
    for local in &inside.members {
        for member in local.etcd.members.iter().flatten() {
            members.entry(member.id.unwrap_or_default()).or_insert((member, local));
        }
    }
    for (member, local) in members.values() {
        findings.extend(state(member, local));
    }
    if !members.is_empty() {
        findings.extend(beside_nodes(context, inside, &members));
    }
    let voters = members.values().filter(|(member, _)| !member.is_learner).count();
    if let (2, Some(local)) = (voters, inside.members.first()) {
        findings.push(
            Finding::new(
                "EtcdTwoMembers",
                Severity::Notice,
                context.cluster.clone(),
                "etcd has two members: if either is away, it takes no writes",
            )
            .why("So the API is away while each of them restarts, as with one member.")
            .saw(list_of(local), Some(local.stamp))
            .link(link::ETCD),
        );
    }
    findings
}

/// Members of different clusters: each answers for itself, and they share nothing.
fn clusters(inside: &Inside<'_>, cluster: &Subject) -> Option<Finding> {
    let id = |local: &Local<'_>| local.etcd.status.as_ref()?.header.cluster_id;
    let ids: BTreeSet<u64> = inside.members.iter().filter_map(id).collect();
    if ids.len() < 2 {
        return None;
    }
    let message =
        format!("the members on the control planes are of {} clusters of etcd, not of one", ids.len());
    let finding = Finding::new("EtcdClustersDiffer", Severity::Blocker, cluster.clone(), message)
        .why("API servers beside them show different objects, and the upgrade would go on with whichever answers.")
        .link(link::ETCD);
    Some(inside.members.iter().fold(finding, |finding, local| match id(local) {
        Some(id) => finding.saw(format!("{}: cluster {id:x}", local.node), Some(local.stamp)),
        None => finding,
    }))
}

/// Lists that differ from one member to the other.
fn lists(inside: &Inside<'_>, cluster: &Subject) -> Option<Finding> {
    let ids = |local: &Local<'_>| -> Option<BTreeSet<u64>> {
        Some(local.etcd.members.as_ref()?.iter().filter_map(|member| member.id).collect())
    };
    let different: BTreeSet<BTreeSet<u64>> = inside.members.iter().filter_map(ids).collect();
    if different.len() < 2 {
        return None;
    }
    let finding = Finding::new(
        "EtcdMemberListsDiffer",
        Severity::Warning,
        cluster.clone(),
        "the control planes do not show the same list of members",
    )
    .why(
        "The probes may have run at different times; if not, one of the members is not where the others are.",
    )
    .remedy(
        "Run the probes again, and compare.",
        inside.members.iter().take(1).map(|local| remedy::member_list(local.node)),
    )
    .link(link::ETCD);
    Some(inside.members.iter().fold(finding, |finding, local| finding.saw(list_of(local), Some(local.stamp))))
}

/// A learner, or a member that was added and never started.
fn state(member: &EtcdMember, local: &Local<'_>) -> Option<Finding> {
    let (node, stamp) = (local.node, local.stamp);
    let finding = if member.name.is_empty() {
        let message = format!("a member was added for {} and has never started", urls(member));
        Finding::new("EtcdMemberNotStarted", Severity::Blocker, subject(member), message)
            .why("It counts for the quorum all the same, so fewer of the others may be away while the upgrade restarts them.")
            .remedy(
                "Finish its join, or take it out of the list.",
                [remedy::in_pod(node, &["member", "remove", &format!("{:x}", member.id.unwrap_or_default())])],
            )
    } else if member.is_learner {
        let message = format!(
            "{} is a learner: it does not vote, and its API server cannot read through it",
            member.name
        );
        Finding::new("EtcdLearner", Severity::Warning, subject(member), message)
            .why("kubeadm promotes a member at the end of its join, so that join was not finished.")
            .remedy(
                "Promote it once it has caught up, or take it out and join that control plane again.",
                [remedy::in_pod(
                    node,
                    &["member", "promote", &format!("{:x}", member.id.unwrap_or_default())],
                )],
            )
    } else {
        return None;
    };
    Some(finding.saw(list_of(local), Some(stamp)).link(link::ETCD))
}

/// Members that no control plane accounts for, and control planes that are no members.
fn beside_nodes(
    context: &Context<'_>,
    inside: &Inside<'_>,
    members: &BTreeMap<u64, (&EtcdMember, &Local<'_>)>,
) -> Vec<Finding> {
    let hosts = context.hosts();
    // A control plane without a member has no static pod of it, which is said of the pod.
    let runs = |node: &&str| {
        context.pods.contains_key(*node) || inside.members.iter().any(|local| local.node == *node)
    };
    let mut alone: Vec<&str> = hosts.iter().copied().filter(runs).collect();
    let mut stray = Vec::new();
    for (member, local) in members.values().filter(|(member, _)| !member.name.is_empty()) {
        match alone.iter().position(|node| is_on(context, inside, member, node)) {
            Some(index) => drop(alone.swap_remove(index)),
            None => stray.push((*member, *local)),
        }
    }
    // A name says nothing for sure: as long as both are left over, one may be the other.
    if stray.len() > alone.len()
        && context.evidence.objects.nodes.is_complete()
        && context.evidence.objects.pods.is_complete()
    {
        return stray.into_iter().map(|(member, local)| stray_member(member, local)).collect();
    }
    if alone.len() <= stray.len() {
        return Vec::new();
    }
    alone.into_iter().filter_map(|node| Some(not_a_member(node, inside.members.first()?))).collect()
}

/// Whether a member runs on a node: by its id, its name, or the address that its static pod advertises.
fn is_on(context: &Context<'_>, inside: &Inside<'_>, member: &EtcdMember, node: &str) -> bool {
    let local = inside.members.iter().find(|local| local.node == node);
    if let Some(id) = local.and_then(Local::id) {
        return Some(id) == member.id;
    }
    let pod = context.pods.get(node);
    let advertised = pod.and_then(|pod| {
        pod.spec.containers.iter().find_map(|container| container.flag("advertise-client-urls"))
    });
    let mut hosts = advertised.into_iter().flat_map(|urls| urls.split(',')).filter_map(host);
    *member.name == *node || hosts.any(|at| member.client_urls.iter().any(|url| host(url) == Some(at)))
}

fn stray_member(member: &EtcdMember, local: &Local<'_>) -> Finding {
    let message =
        format!("{} ({}) is a member of etcd, and no control plane shows it", member.name, urls(member));
    Finding::new("EtcdMemberStray", Severity::Blocker, subject(member), message)
        .why(
            "kubeadm asks every member of the list before it changes etcd, and gives up when one does not answer. A member that is gone \
             counts for the quorum, so fewer of the others may be away while they restart.",
        )
        .saw(list_of(local), Some(local.stamp))
        .remedy(
            "See if it answers. One that is gone for good, often of a control plane that was removed, has to leave the list.",
            [
                remedy::health(local.node),
                remedy::in_pod(local.node, &["member", "remove", &format!("{:x}", member.id.unwrap_or_default())]),
            ],
        )
        .link(link::ETCD)
        .inferred()
}

fn not_a_member(node: &str, local: &Local<'_>) -> Finding {
    let message = format!("{node} runs a static pod of etcd, and is not in the list of members");
    Finding::new("EtcdMemberMissing", Severity::Blocker, Subject::node(node), message)
        .why("Its API server has no etcd beside it that could answer, or one of another cluster.")
        .saw(list_of(local), Some(local.stamp))
        .remedy(
            "Look at its log, and join that control plane anew if it was removed from etcd.",
            [remedy::member_list(local.node)],
        )
        .link(link::ETCD)
}

/// A member as the subject of a finding.
fn subject(member: &EtcdMember) -> Subject {
    let id = format!("{:x}", member.id.unwrap_or_default());
    Subject::thing("EtcdMember", if member.name.is_empty() { &id } else { &member.name })
}

fn urls(member: &EtcdMember) -> String {
    list::names(&member.peer_urls)
}

/// The list as a member shows it.
fn list_of(local: &Local<'_>) -> String {
    let name = |member: &EtcdMember| match (member.name.is_empty(), member.is_learner) {
        (true, _) => format!("one at {} that has not started", urls(member)),
        (_, true) => format!("{} (learner)", member.name),
        _ => member.name.to_string(),
    };
    let names: Vec<String> = local.etcd.members.iter().flatten().map(name).collect();
    format!("members by {}: {}", local.node, list::names(&names))
}
