//! How the members are: alarms, leaders, health, and what they say is wrong.

use std::collections::BTreeSet;

use super::inside::{Inside, Local};
use super::{Finding, Severity, Subject, link, remedy, words};

pub(super) fn findings(inside: &Inside<'_>) -> Vec<Finding> {
    let mut findings = alarms(inside);
    for local in &inside.members {
        let leaderless = no_leader(local);
        let unhealthy = unhealthy(local, leaderless.is_some());
        findings.extend(leaderless);
        findings.extend(unhealthy);
    }
    findings
}

/// Alarms, each once, though every member tells of all.
fn alarms(inside: &Inside<'_>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for local in &inside.members {
        for alarm in local.etcd.alarms.iter().flatten() {
            let id = alarm.member_id.unwrap_or_default();
            if !seen.insert((alarm.alarm.clone(), id)) {
                continue;
            }
            let name = name_of(local, id);
            let (message, why, advice, command) = match alarm.alarm.as_str() {
                "NOSPACE" => (
                    format!(
                        "alarm NOSPACE of {name}: the database has reached its quota, and etcd takes no writes"
                    ),
                    "Nothing in the cluster can change while it is raised, and so no upgrade can go on.",
                    "Raise --quota-backend-bytes or defragment one member after the other, the leader last; then disarm the alarm.",
                    remedy::in_pod(local.node, &["alarm", "disarm"]),
                ),
                "CORRUPT" => (
                    format!("alarm CORRUPT of {name}: its data is not that of the other members"),
                    "An upgrade restarts the members one by one, and the good ones among them.",
                    "Find the member that differs by its hash at one revision, take it out, empty its folder, and add it again. Save a snapshot \
                     of a good member first. Do not disarm the alarm before.",
                    remedy::in_pod(local.node, &["endpoint", "hashkv", "--cluster", "-w", "table"]),
                ),
                other => (
                    format!("alarm {other} of {name}"),
                    "kubeadm since 1.37 goes on with healthy members only, and etcd raises no alarm without need.",
                    "See what it means in the documentation of etcd.",
                    remedy::in_pod(local.node, &["alarm", "list"]),
                ),
            };
            findings.push(
                Finding::new("EtcdAlarm", Severity::Blocker, Subject::thing("EtcdMember", &name), message)
                    .why(why)
                    .saw(format!("alarms by {}: {} of {name}", local.node, alarm.alarm), Some(local.stamp))
                    .remedy(advice, [command])
                    .link(link::ETCD),
            );
        }
    }
    findings
}

/// A member's name by its id, or the id as etcdctl writes it.
fn name_of(local: &Local<'_>, id: u64) -> String {
    let member = local.etcd.members.iter().flatten().find(|member| member.id == Some(id));
    member
        .map(|member| member.name.to_string())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("{id:x}"))
}

/// A member that knows no leader is in no quorum.
fn no_leader(local: &Local<'_>) -> Option<Finding> {
    let none = local.etcd.status.as_ref().is_some_and(|status| status.leader == Some(0))
        || local.etcd.metrics.as_ref().is_some_and(|metrics| metrics.has_leader == Some(false));
    none.then(|| {
        Finding::new("EtcdNoLeader", Severity::Blocker, member(local), format!("the member on {} has no leader", local.node))
            .why("It is cut off from the others, or more than half of them are away. Restarting one more makes that worse.")
            .saw(local.summary(), Some(local.stamp))
            .remedy("See which members answer.", [remedy::health(local.node)])
            .link(link::ETCD)
    })
}

/// A member that says it is not healthy, or that something is wrong.
fn unhealthy(local: &Local<'_>, leaderless: bool) -> Option<Finding> {
    let health = local.etcd.health.as_ref();
    let sick = health.filter(|health| health.health != "true");
    let errors = local.etcd.status.iter().flat_map(|status| &status.errors);
    // What is said of alarms and leaders is said by findings of their own.
    let alarmed = local.etcd.alarms.iter().flatten().next().is_some();
    let said =
        |error: &str| (alarmed && error.contains("alarm:")) || (leaderless && error.contains("no leader"));
    let errors: Vec<&str> = errors.map(|error| error.as_str()).filter(|error| !said(error)).collect();
    let why = match sick {
        Some(_) if errors.is_empty() && (leaderless || alarmed) => return None,
        Some(health) => {
            health.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("it gives no reason")
        }
        None => *errors.first()?,
    };
    let message = format!("the member on {} is not healthy: {why}", local.node);
    let mut finding = Finding::new("EtcdMemberUnhealthy", Severity::Blocker, member(local), message)
        .why("kubeadm gives up where a member is not healthy, and every restart of another one may stop the cluster.")
        .remedy("See what it says.", [remedy::health(local.node), "crictl logs $(crictl ps -a --name etcd -q | head -n 1)".to_owned()])
        .link(link::ETCD);
    if let Some(health) = health {
        finding = finding.saw(format!("/health says {}", health.health), Some(local.stamp));
    }
    Some(
        errors.into_iter().fold(finding, |finding, error| {
            finding.saw(format!("its status has: {error}"), Some(local.stamp))
        }),
    )
}

/// The member on a node as the subject of a finding.
pub(super) fn member(local: &Local<'_>) -> Subject {
    let id = local.id();
    let member = local.etcd.members.iter().flatten().find(|member| id.is_some() && member.id == id);
    let name =
        member.map(|member| member.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(local.node);
    Subject { node: local.node.to_owned(), ..Subject::thing("EtcdMember", name) }
}

/// The share of the quota from which the database is nearly full, in percent.
const NEARLY_FULL: u128 = 80;

/// A database that comes near its quota. Reaching it raises the alarm NOSPACE.
pub(super) fn nearly_full(local: &Local<'_>, defragment_first: Option<&str>) -> Option<Finding> {
    let (size, quota) = (local.size()?, local.quota());
    let share = u128::from(size) * 100 / u128::from(quota);
    let full = local
        .etcd
        .alarms
        .iter()
        .flatten()
        .any(|alarm| alarm.alarm == "NOSPACE" && alarm.member_id == local.id());
    if share < NEARLY_FULL || full {
        return None;
    }
    let in_use =
        local.in_use().map_or_else(String::new, |in_use| format!(", {} of it in use", words::bytes(in_use)));
    let message = format!(
        "the database on {} has {}{in_use}: {share} % of its quota of {}",
        local.node,
        words::bytes(size),
        words::bytes(quota)
    );
    let gives_back = local.in_use().is_some_and(|in_use| in_use < size / 4 * 3);
    let advice = match (gives_back, defragment_first) {
        (true, Some(hazard)) => format!(
            "A defragmentation would give back what is not in use, but not on this version: {hazard} Until then raise the quota by \
             quota-backend-bytes in etcd.local.extraArgs of kubeadm-config."
        ),
        (true, None) => "Defragment one member after the other, the leader last: it gives back what is not in use.".to_owned(),
        (false, _) => {
            "Find what fills it (events, a controller that makes objects without end), or raise the quota by quota-backend-bytes in \
             etcd.local.extraArgs of kubeadm-config; etcd advises 8 GiB at most."
                .to_owned()
        }
    };
    let command = (gives_back && defragment_first.is_none()).then(|| remedy::in_pod(local.node, &["defrag"]));
    Some(
        Finding::new("EtcdNearlyFull", Severity::Warning, member(local), message)
            .why("At its quota etcd takes no more writes. An upgrade writes more than usual: new pods, events, leases.")
            .saw(local.summary(), Some(local.stamp))
            .remedy(advice, command)
            .link(link::ETCD),
    )
}
