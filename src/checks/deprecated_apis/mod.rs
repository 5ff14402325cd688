//! Deprecated APIs: who still calls, or writes in, a version that a later minor does not serve.
//!
//! Three sources are joined: what each API server counted, the managedFields of the objects, and the annotation
//! of `kubectl apply`. That an object can be shown in an old version is the API server's conversion, and is no use.

mod calls;
mod going;
mod objects;
mod runtime_config;
mod usage;

use super::common::{known, list, servers};
use super::finding::unknowns;
use super::{Finding, Severity, Subject, Target};
use crate::catalog::Catalog;
use crate::evidence::{Evidence, ServedApis, Stamp};
use going::Going;

/// Judges.
pub(super) fn run(evidence: &Evidence, target: &Target) -> Vec<Finding> {
    match known::catalog() {
        Ok(catalog) => judge(catalog, evidence, target),
        Err(broken) => vec![*broken],
    }
}

fn judge(catalog: &'static Catalog, evidence: &Evidence, target: &Target) -> Vec<Finding> {
    let all: Vec<Going> = catalog.apis().iter().filter_map(|api| Going::of(api, target)).collect();
    let cluster = Subject::thing("Cluster", &evidence.cluster.name);
    let (served, stamp) =
        match evidence.served.or_unknown("ServedApisUnread", going::worst(&all), cluster.clone()) {
            Ok(served) => served,
            // Without it, what was called and who wrote what is still judged, as if all were served.
            Err(unread) => {
                let mut findings = vec![*unread];
                findings.extend(calls::findings(catalog, evidence, target));
                findings.extend(unknown_servers(evidence, &all, target, &cluster));
                findings.extend(objects::findings(
                    catalog,
                    evidence,
                    target,
                    &served_as_listed(evidence, &all),
                ));
                return findings;
            }
        };
    let going = going::going(catalog, served, target);
    let mut findings = calls::findings(catalog, evidence, target);
    findings.extend(unknown_servers(evidence, &going, target, &cluster));
    findings.extend(objects::findings(catalog, evidence, target, &going));
    findings.extend(runtime_config::findings(catalog, evidence, target, &going));
    if findings.iter().all(|finding| matches!(finding.severity, Severity::Notice | Severity::Pass)) {
        findings.push(pass(evidence, target, served, stamp, &going));
    }
    findings
}

/// The APIs whose objects were listed, where it is not known what is served: those must be.
fn served_as_listed(evidence: &Evidence, all: &[Going]) -> Vec<Going> {
    all.iter()
        .filter(|going| evidence.objects.managed.contains_key(going.resource().as_str()))
        .copied()
        .collect()
}

/// What was not learnt from API servers. A blocker can hide there only if the first hop takes away an API that
/// is served here and that these servers would name.
fn unknown_servers(evidence: &Evidence, going: &[Going], target: &Target, cluster: &Subject) -> Vec<Finding> {
    let named = going.iter().filter(|going| going.api.reported_by(target.from.minor()));
    let could_hide = going::worst(named);
    let code = "DeprecatedCallsUnread";
    let mut findings = unknowns(code, could_hide, cluster, &servers::gaps(&evidence.servers));
    for server in &evidence.servers.servers {
        if let Err(unread) = server.deprecated_calls.get() {
            findings.push(Finding::unknown(
                code,
                could_hide,
                Subject::thing("APIServer", &server.address),
                unread,
            ));
        }
    }
    findings
}

fn pass(
    evidence: &Evidence,
    target: &Target,
    served: &ServedApis,
    stamp: &Stamp,
    going: &[Going],
) -> Finding {
    let objects: usize = evidence.objects.managed.values().map(|managed| managed.listing.items.len()).sum();
    let asked = list::count(evidence.servers.servers.len(), "API server");
    let message = format!(
        "no API that goes away is called or written: {asked} asked, {} looked at",
        list::count(objects, "object")
    );
    let subject = Subject::thing("Cluster", &evidence.cluster.name);
    let mut finding = Finding::new("DeprecatedApisUnused", Severity::Pass, subject, message);
    finding = finding.saw(format!("{} groups are served", served.0.len()), Some(stamp));
    if going.is_empty() {
        return finding.saw(format!("none of them loses a version at {} or later", target.first_hop()), None);
    }
    for going in going {
        finding = finding.saw(format!("{} is served, and {}", going.api, going.when()), None);
    }
    finding
}

#[cfg(test)]
pub(super) mod tests;
