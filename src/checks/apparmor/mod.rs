//! AppArmor: who asks for a profile, if rightly, and whether the nodes where it may run can apply it.
//!
//! What runs already goes on. What the upgrade does is to move pods: so it is judged where their successors may
//! be put, node by node that is drained.

mod asker;
mod node;
mod place;
mod profile;
mod refused;
mod remedy;

use std::collections::BTreeMap;

use super::common::facts::UnreadFacts;
use super::common::{known, link, list, scope};
use super::finding::unknowns;
use super::{Finding, Severity, Subject, Target};
use crate::catalog::{AppArmorField, Catalog, WithoutAppArmor};
use crate::evidence::Evidence;
use asker::{Asker, Fate, askers};
use place::{Machines, Placement};
use profile::Need;
use refused::Refused;

/// Judges.
pub(super) fn run(evidence: &Evidence, target: &Target) -> Vec<Finding> {
    match known::catalog() {
        Ok(catalog) => judge(catalog, evidence, target),
        Err(broken) => vec![*broken],
    }
}

fn judge(catalog: &Catalog, evidence: &Evidence, target: &Target) -> Vec<Finding> {
    let cluster = Subject::thing("Cluster", &evidence.cluster.name);
    let askers = askers(evidence);
    let mut findings = Vec::new();
    for gaps in evidence
        .objects
        .workloads
        .values()
        .map(|listing| listing.gaps())
        .chain([evidence.objects.pods.gaps()])
    {
        findings.extend(unknowns("AppArmorAskersUnread", Severity::Blocker, &cluster, &gaps));
    }
    for asker in &askers {
        findings.extend(problems(asker));
        findings.extend(annotation(catalog, asker, target));
    }
    let refused = Refused::of(evidence);
    findings.extend(refused.findings(evidence));
    let placed = askers.iter().filter(|asker| !asker.needs.is_empty()).count();
    if placed > 0 {
        findings.extend(placements(catalog, evidence, target, &askers, &refused));
    }
    let weighs =
        |finding: &Finding| finding.severity < Severity::Notice && finding.code != "AppArmorAnnotation";
    let left_out = findings.iter().any(|finding| finding.code == scope::CODE);
    if !left_out && !findings.iter().any(weighs) {
        findings.push(pass(evidence, askers.len(), placed, cluster));
    }
    findings
}

fn pass(evidence: &Evidence, askers: usize, placed: usize, cluster: Subject) -> Finding {
    let workloads: usize = evidence.objects.workloads.values().map(|listing| listing.items.len()).sum();
    let read = format!(
        "{} and {} looked at",
        list::count(workloads, "workload"),
        list::count(evidence.objects.pods.items.len(), "pod")
    );
    let message = match (askers, placed) {
        (0, _) => format!("nobody asks for AppArmor: {read}"),
        (_, 0) => format!("nobody asks for a profile that a node must have: {read}"),
        _ => format!("{} for a profile, and every node where they may run has it: {read}", asks(placed)),
    };
    Finding::new("AppArmorReady", Severity::Pass, cluster, message)
        .saw(read, evidence.objects.pods.stamp.as_ref())
}

fn asks(owners: usize) -> String {
    if owners == 1 { "1 owner asks".to_owned() } else { format!("{owners} owners ask") }
}

/// What is wrong with the asking. What is refused is a blocker where the upgrade would have it made anew.
fn problems(asker: &Asker<'_>) -> Vec<Finding> {
    let moved = asker.fate == Fate::Replaced && !asker.runs_on.is_empty();
    let of_problem = |problem: &profile::Problem| {
        let severity = if problem.refused && moved { Severity::Blocker } else { Severity::Warning };
        let why = match (problem.refused, moved) {
            (true, true) => "Such pods are refused, so those that a drain evicts are not made again.",
            (true, false) => {
                "Such pods are refused by the API server or the kubelet, before the upgrade and \
                     after it."
            }
            (false, _) => "It works by the kindness of the runtime at best.",
        };
        Finding::new("AppArmorValue", severity, asker.subject.clone(), problem.what.clone())
            .why(why)
            .saw(problem.what.clone(), asker.stamp)
            .remedy(remedy::VALUES, [])
            .link(link::APPARMOR)
    };
    asker.problems.iter().map(of_problem).collect()
}

/// That the annotation is used where there is a field for it.
fn annotation(catalog: &Catalog, asker: &Asker<'_>, target: &Target) -> Option<Finding> {
    if asker.annotated.is_empty() {
        return None;
    }
    let now = catalog.apparmor_rule(target.from.minor())?;
    let then = catalog.apparmor_rule(target.first_hop())?;
    let containers: Vec<&str> =
        asker.annotated.iter().map(|(container, _)| container.name.as_str()).collect();
    let of = if containers.len() == 1 { "container" } else { "containers" };
    let by = if asker.annotated_by_others {
        ", on its pods only: something adds it when they are made"
    } else {
        ""
    };
    let message = format!(
        "AppArmor is asked for by annotation, not by the field, for {of} {}{by}",
        list::names(&containers)
    );
    let severity = if then.annotation_deprecated { Severity::Warning } else { Severity::Notice };
    let why = match (then.annotation_deprecated, now.field) {
        (false, _) => format!(
            "{} knows the annotation only. It is deprecated as soon as there is the field.",
            then.since
        ),
        (true, AppArmorField::Absent) => format!(
            "It is deprecated since {}, whose pods have the field \
             securityContext.appArmorProfile for it.",
            then.since
        ),
        (true, _) => "It is deprecated. Every minor that is known still copies it to the field when a pod \
             is made, and nothing promises that the next will."
            .to_owned(),
    };
    let mut finding = Finding::new("AppArmorAnnotation", severity, asker.subject.clone(), message)
        .why(why)
        .link(link::APPARMOR);
    for (container, value) in &asker.annotated {
        finding = finding.saw(format!("annotation of {}: {value}", container.name), asker.stamp);
    }
    let (summary, commands) = remedy::annotation(asker, now.field != AppArmorField::Absent);
    Some(finding.remedy(summary, commands))
}

/// Where the needs can be met, and where not.
fn placements(
    catalog: &Catalog,
    evidence: &Evidence,
    target: &Target,
    askers: &[Asker<'_>],
    refused: &Refused<'_>,
) -> Vec<Finding> {
    let gaps = evidence.objects.nodes.gaps();
    if !gaps.is_empty() {
        // Nodes that are not known may be able to take every pod, or none.
        let cluster = Subject::thing("Cluster", &evidence.cluster.name);
        return unknowns("AppArmorNodesUnread", Severity::Blocker, &cluster, &gaps);
    }
    let machines = Machines::of(evidence, askers);
    let mut findings = Vec::new();
    let mut unknown = UnreadFacts::default();
    for asker in askers.iter().filter(|asker| !asker.needs.is_empty()) {
        let allowed = machines.allowed(asker);
        let subject = asker.subject.to_string();
        let mut off: BTreeMap<&str, &str> = BTreeMap::new();
        let mut off_weighs: Option<(Severity, Option<String>)> = None;
        for need in &asker.needs {
            let placement = machines.place(asker, &allowed, *need);
            if let Need::Loaded(name) = need {
                findings.extend(missing(evidence, asker, name, &placement));
            }
            let nodes = placement.off();
            if !nodes.is_empty()
                && off_weighs.as_ref().is_none_or(|(severity, _)| placement.cannot < *severity)
            {
                off_weighs = Some((placement.cannot, placement.stuck.clone()));
            }
            off.extend(nodes);
            for (node, unread) in placement.unread() {
                unknown.add(node, unread, placement.unknown, Some(&subject));
            }
        }
        let said = refused.says_all(&asker.subject, off.keys().copied());
        if let Some((severity, stuck)) =
            off_weighs.filter(|(severity, _)| *severity == Severity::Blocker || !said)
        {
            findings.push(turned_off(catalog, evidence, target, asker, &off, severity, stuck.as_deref()));
        }
    }
    let why = |askers: &str| format!("Whether {askers} can run there depends on it.");
    findings.extend(unknown.findings("AppArmorFactsUnread", why));
    if unknown.left_out {
        findings.push(scope::left_out(
            evidence,
            "which profiles are loaded on the nodes, and whether AppArmor is on there",
        ));
    }
    findings
}

fn missing(
    evidence: &Evidence,
    asker: &Asker<'_>,
    profile: &str,
    placement: &Placement<'_>,
) -> Option<Finding> {
    let nodes = placement.missing();
    if nodes.is_empty() {
        return None;
    }
    let message = format!("profile {profile} is not loaded on {}, where it may run", list::names(&nodes));
    let why = format!(
        "The runtime cannot create a container whose profile is not loaded, in any version. \
             {}",
        moving(asker, placement.cannot, placement.stuck.as_deref())
    );
    let mut finding =
        Finding::new("AppArmorProfileMissing", placement.cannot, asker.subject.clone(), message)
            .why(why)
            .link(link::APPARMOR);
    finding = runs_on(finding, asker);
    for node in &nodes {
        let Ok((facts, stamp)) = evidence.facts_of(node) else { continue };
        let loaded = facts.app_armor.as_ref().and_then(|host| host.profiles.as_ref()).map_or(0, Vec::len);
        finding = finding.saw(
            format!("{node}: {} loaded, {profile} not among them", list::count(loaded, "profile")),
            Some(stamp),
        );
    }
    let (summary, commands) = remedy::load(asker, profile, &nodes);
    Some(finding.remedy(summary, commands))
}

fn turned_off(
    catalog: &Catalog,
    evidence: &Evidence,
    target: &Target,
    asker: &Asker<'_>,
    off: &BTreeMap<&str, &str>,
    severity: Severity,
    stuck: Option<&str>,
) -> Finding {
    let nodes: Vec<&str> = off.keys().copied().collect();
    let message = format!("it asks for AppArmor, which is off on {}, where it may run", list::names(&nodes));
    let fate = |minor| catalog.apparmor_rule(minor).map(|rule| rule.without_apparmor);
    let rejected = match (fate(target.from.minor()), fate(target.first_hop())) {
        (Some(WithoutAppArmor::StaysPending), Some(WithoutAppArmor::StaysPending)) => {
            "Such a pod stays Pending there for ever, bound to the node.".to_owned()
        }
        (Some(WithoutAppArmor::StaysPending), Some(WithoutAppArmor::Rejected)) => format!(
            "Such a pod stays Pending there for ever; a kubelet of {} rejects it instead, as \
                 Failed, and its owner makes another.",
            target.first_hop()
        ),
        _ => "The kubelet rejects such a pod, as Failed, and its owner makes another.".to_owned(),
    };
    let why = format!("{rejected} What runs already goes on. {}", moving(asker, severity, stuck));
    let mut finding =
        Finding::new("AppArmorOff", severity, asker.subject.clone(), message).why(why).link(link::APPARMOR);
    finding = runs_on(finding, asker);
    for (node, why) in off {
        finding = finding.saw(format!("{node}: {why}"), evidence.facts_of(node).ok().map(|(_, stamp)| stamp));
    }
    finding.remedy(remedy::TURN_ON, [])
}

fn runs_on(finding: Finding, asker: &Asker<'_>) -> Finding {
    match asker.runs_on.as_slice() {
        [] => finding,
        nodes => finding.saw(format!("its pods run on {}", list::names(nodes)), asker.stamp),
    }
}

/// What the upgrade does with the pods, for a finding of this weight.
fn moving(asker: &Asker<'_>, severity: Severity, stuck: Option<&str>) -> String {
    match (asker.fate, severity, stuck) {
        (Fate::Replaced, Severity::Blocker, Some(node)) => {
            format!("Drained from {node}, its pod has no other node that can take it.")
        }
        (Fate::Replaced, ..) if asker.runs_on.is_empty() => "None of its pods runs now.".to_owned(),
        (Fate::Replaced, ..) => {
            "Other nodes can take its pods; nothing keeps the scheduler from choosing one that \
                 cannot."
                .to_owned()
        }
        (Fate::Restarted, ..) => {
            "The kubelet starts static pods again on its node when it is upgraded.".to_owned()
        }
        (Fate::Stays, ..) => {
            "A drain leaves its pods alone; they fail when they are started again.".to_owned()
        }
        (Fate::Lost, ..) => "A drain deletes it, and nothing makes it again.".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests;
