//! Versions of etcd that are known to be dangerous: to run, or to take through this hop or a later one.
//!
//! How a row of the catalog weighs. What keeps etcd from starting after the hop is a blocker. What endangers data is a
//! blocker where a restart sets it off, for the hop restarts each member; a warning where etcd may do it by itself; and
//! where only a defragmentation does, a notice, or a warning if something in the cluster defragments. Advice is a notice.

use std::collections::BTreeMap;

use super::inside::Inside;
use super::versions::{self, Running};
use super::{Context, Finding, Severity, Subject, config, link, list, remedy};
use crate::catalog::{EtcdHazard, Threat, Trigger};
use crate::version::{Minor, Version};

/// The code of all that is said here.
pub(super) const CODE: &str = "EtcdVersionDangerous";

/// Flags that kubeadm itself writes for an older etcd, and leaves out for a newer one.
const OF_KUBEADM: [&str; 2] =
    ["experimental-initial-corrupt-check", "experimental-watch-progress-notify-interval"];

pub(super) fn findings(context: &Context<'_>, inside: &Inside<'_>, all: &[Running<'_>]) -> Vec<Finding> {
    let to = context.first_stop();
    let mut found: BTreeMap<&str, (&EtcdHazard, Vec<&Running<'_>>, Severity)> = BTreeMap::new();
    for running in all {
        let after = versions::after(context, &running.version, &to);
        let minor = after.as_ref().map(Version::minor);
        for hazard in context.catalog.etcd_hazards(&running.version, &to, minor) {
            // It stays in danger only if what kubeadm would bring is held back.
            if hazard.only_if_kept && !after.as_ref().is_some_and(|after| hazard.concerns(after)) {
                continue;
            }
            let Some(severity) = weight(context, inside, running, hazard) else { continue };
            let entry = found.entry(&hazard.id).or_insert_with(|| (hazard, Vec::new(), severity));
            entry.1.push(running);
            entry.2 = entry.2.min(severity);
        }
    }
    let mut findings: Vec<Finding> = found
        .values()
        .map(|(hazard, members, severity)| finding(context, hazard, members, *severity, &to))
        .collect();
    let later = later(context, all).into_iter().filter(|(id, _)| !found.contains_key(id.as_str()));
    findings.extend(later.map(|(_, finding)| finding));
    findings
}

/// How a hazard weighs for a member in the first hop; `None` where a condition of it is not met.
fn weight(
    context: &Context<'_>,
    inside: &Inside<'_>,
    running: &Running<'_>,
    hazard: &EtcdHazard,
) -> Option<Severity> {
    if !hazard.flags.is_empty() {
        return flags(context, inside, running, hazard).map(|(severity, _)| severity);
    }
    Some(match (hazard.threat, hazard.trigger) {
        (Threat::Start, _) | (Threat::Data, Some(Trigger::Restart)) => Severity::Blocker,
        (Threat::Data, None) => Severity::Warning,
        (Threat::Data, Some(Trigger::Defragment)) if defragmenter(context).is_some() => Severity::Warning,
        (Threat::Data, Some(Trigger::Defragment)) | (Threat::Advice, _) => Severity::Notice,
    })
}

/// The flags that are in the way: those of kubeadm's configuration come back in the new manifest; those that stand only
/// in the old one do so only by a patch.
fn flags(
    context: &Context<'_>,
    inside: &Inside<'_>,
    running: &Running<'_>,
    hazard: &EtcdHazard,
) -> Option<(Severity, Vec<String>)> {
    let meant = |flag: &str| hazard.flags.iter().any(|start| flag.starts_with(start.trim_start_matches('-')));
    let config = context.config.as_ref().ok().and_then(|(config, _)| config.etcd.local.as_ref());
    let configured: Vec<String> = config
        .iter()
        .flat_map(|local| &local.extra_args.0)
        .filter(|arg| meant(&arg.name))
        .map(|arg| format!("--{}", arg.name))
        .collect();
    if !configured.is_empty() {
        return Some((Severity::Blocker, configured));
    }
    let local = inside.members.iter().find(|local| local.node == running.node)?;
    let standing: Vec<String> = local
        .flags()
        .filter(|flag| meant(flag) && !OF_KUBEADM.contains(flag))
        .map(|flag| format!("--{flag}"))
        .collect();
    (!standing.is_empty()).then_some((Severity::Warning, standing))
}

fn finding(
    context: &Context<'_>,
    hazard: &EtcdHazard,
    members: &[&Running<'_>],
    severity: Severity,
    to: &Version,
) -> Finding {
    let mut versions: BTreeMap<&Version, Vec<&str>> = BTreeMap::new();
    for running in members {
        versions.entry(&running.version).or_default().push(running.node);
    }
    let versions: Vec<String> =
        versions.iter().map(|(version, nodes)| format!("{version} on {}", list::names(nodes))).collect();
    let message = format!("etcd {}: {}", list::names(&versions), hazard.hazard);
    let (advice, commands) = remedy(context, hazard, members, severity, to);
    let mut finding = Finding::new(CODE, severity, subject(hazard), message)
        .why(why(context, hazard, to))
        .remedy(advice, commands)
        .link(link::ETCD);
    if severity == Severity::Blocker && hazard.threat == Threat::Start {
        finding = finding.inferred();
    }
    for running in members {
        finding = finding.saw(versions::seen(running), running.stamp);
    }
    if let Some((name, stamp)) = defragmenter(context).filter(|_| hazard.trigger == Some(Trigger::Defragment))
    {
        finding = finding.saw(format!("{name} defragments, by its name"), stamp);
    }
    finding.saw(format!("known from {}", hazard.source), None)
}

fn subject(hazard: &EtcdHazard) -> Subject {
    Subject::thing("EtcdHazard", &hazard.id)
}

fn why(context: &Context<'_>, hazard: &EtcdHazard, to: &Version) -> String {
    match (hazard.threat, hazard.trigger) {
        (Threat::Data, Some(Trigger::Restart)) => {
            "The upgrade restarts each member, and that is what sets it off.".to_owned()
        }
        (Threat::Data, Some(Trigger::Defragment)) => {
            "The upgrade defragments nothing; something else may meanwhile.".to_owned()
        }
        (Threat::Data, None) => {
            "It is so with or without the upgrade, which relies on the data being whole.".to_owned()
        }
        (Threat::Start, _) => match (hazard.entering, config::kept_tag(context)) {
            (Some(minor), _) => format!("The hop to {to} brings etcd {minor}."),
            (None, Some((tag, _))) => {
                format!("The hop to {to} writes a new manifest, and imageTag {tag} keeps etcd as it is.")
            }
            (None, None) => format!("The hop to {to} writes a new manifest for it."),
        },
        (Threat::Advice, _) => "It does not stop the hop.".to_owned(),
    }
}

/// What the hop itself mends needs no work before it, unless a tag holds that back.
fn remedy(
    context: &Context<'_>,
    hazard: &EtcdHazard,
    members: &[&Running<'_>],
    severity: Severity,
    to: &Version,
) -> (String, Vec<String>) {
    let mut commands = Vec::new();
    let mends = |after: &Option<Version>| after.as_ref().is_some_and(|after| !hazard.concerns(after));
    let kept = config::kept_tag(context);
    let by_hop = members.iter().all(|running| mends(&versions::after(context, &running.version, to)));
    let own = context.catalog.kubeadm_etcd(to);
    let advice = match (&kept, &own) {
        _ if hazard.entering.is_some() || severity == Severity::Blocker => {
            commands.push(remedy::edit_config());
            String::new()
        }
        _ if by_hop => {
            match members.first().and_then(|running| versions::after(context, &running.version, to)) {
                Some(after) => format!(" The hop brings {after}, which has it no more."),
                None => String::new(),
            }
        }
        (Some((tag, _)), Some(own)) if mends(&Some(own.clone())) => {
            commands.push(remedy::edit_config());
            format!(
                " etcd.local.imageTag {tag} in kubeadm-config holds etcd back: without it the hop brings {own}, which has it no more."
            )
        }
        _ => String::new(),
    };
    (format!("{}{advice}", hazard.action), commands)
}

/// A workload that defragments etcd, by its name or its images, with when it was seen.
fn defragmenter<'a>(context: &Context<'a>) -> Option<(String, Option<&'a crate::evidence::Stamp>)> {
    context.evidence.objects.workloads.iter().find_map(|(kind, listing)| {
        let found = listing.iter().find(|workload| {
            let images = workload.template().into_iter().flat_map(|template| template.spec.containers.iter());
            workload.metadata.name.contains("defrag")
                || images.into_iter().any(|container| container.image.contains("defrag"))
        })?;
        let name = format!("{}/{}/{}", found.metadata.namespace, kind.as_str(), found.metadata.name);
        Some((name, listing.stamp.as_ref()))
    })
}

/// What stands in the way of a later hop: of those that bring another minor of etcd, from the patch that the hop before
/// leaves behind.
fn later(context: &Context<'_>, all: &[Running<'_>]) -> Vec<(String, Finding)> {
    let mut found = Vec::new();
    let hops = context.target.hops();
    let Some(oldest) = all.iter().min_by(|a, b| a.version.cmp(&b.version)) else { return found };
    let Some(mut running) = versions::after(context, &oldest.version, &context.first_stop()) else {
        return found;
    };
    for (index, hop) in hops.iter().enumerate().skip(1) {
        let last = index + 1 == hops.len();
        let newest = context.catalog.newest_patch(*hop).filter(|_| !last);
        let to = newest.unwrap_or_else(|| context.target.to.clone());
        let Some(after) = versions::after(context, &running, &to) else { break };
        let entering = |hazard: &&EtcdHazard| {
            hazard.threat == Threat::Start
                && hazard.flags.is_empty()
                && hazard.entering.is_some_and(|minor| running.minor() < minor && minor <= after.minor())
        };
        for hazard in context.catalog.etcd_hazards(&running, &to, Some(after.minor())).filter(entering) {
            found.push((hazard.id.clone(), at_later(hazard, *hop, &running, oldest)));
        }
        running = after;
    }
    found
}

fn at_later(hazard: &EtcdHazard, hop: Minor, running: &Version, oldest: &Running<'_>) -> Finding {
    let message =
        format!("a blocker at {hop}, from etcd {running} that the hop before leaves: {}", hazard.hazard);
    Finding::new(CODE, Severity::Warning, subject(hazard), message)
        .why("A later hop brings that etcd. Blockers are those of the first.")
        .saw(versions::seen(oldest), oldest.stamp)
        .saw(format!("known from {}", hazard.source), None)
        .remedy(hazard.action.clone(), [])
        .link(link::ETCD)
        .inferred()
}
