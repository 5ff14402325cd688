//! The API servers beside each other.

use std::collections::BTreeMap;

use super::{Context, minors};
use crate::catalog::Skew;
use crate::checks::common::{link, list, servers};
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject};
use crate::version::Version;

pub(super) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let all = &context.evidence.servers;
    let mut findings =
        unknowns("ApiServerVersionUnread", Severity::Blocker, &context.cluster(), &servers::gaps(all));
    let mut versions: BTreeMap<&Version, Vec<String>> = BTreeMap::new();
    for server in &all.servers {
        match server.version.get() {
            Ok((version, _)) => versions.entry(version).or_default().push(servers::name(server)),
            Err(unread) => {
                let subject = Subject::thing("APIServer", &server.address);
                findings.push(Finding::unknown("ApiServerVersionUnread", Severity::Blocker, subject, unread));
            }
        }
    }
    if let Some(finding) = beside(context, &versions) {
        findings.push(finding);
    } else if findings.is_empty() {
        let message = format!("{} at {}", list::count(all.servers.len(), "API server"), context.target.from);
        findings.push(Finding::new("ApiServersAgree", Severity::Pass, context.cluster(), message));
    }
    findings.extend(beyond(context));
    findings
}

/// What it weighs that servers differ.
fn beside(context: &Context<'_>, versions: &BTreeMap<&Version, Vec<String>>) -> Option<Finding> {
    let ((oldest, old), (newest, _)) = (versions.first_key_value()?, versions.last_key_value()?);
    if oldest == newest {
        return None;
    }
    let subject = Subject::thing("APIServer", "");
    let skew = context.skew("kube-apiserver", "kube-apiserver", newest.minor(), oldest.minor());
    let finding = match skew {
        Skew::Within if newest.minor() == oldest.minor() => {
            let message = format!("API servers are at different patches, from {oldest} to {newest}");
            Finding::new("ApiServersDiffer", Severity::Notice, subject, message)
        }
        Skew::Within => {
            let message = format!(
                "an upgrade is under way: API servers are from {oldest} to {newest}, the oldest on {}",
                list::names(old)
            );
            Finding::new("ApiServersDiffer", Severity::Warning, subject, message)
                .why(
                    "The hop starts from the oldest. No kubelet may become newer than that before it is \
                     done.",
                )
                .remedy(
                    "Bring the remaining control planes to the version of the others first.",
                    ["kubeadm upgrade node".to_owned()],
                )
        }
        Skew::TooNew(distance) | Skew::TooOld(distance) => {
            let message = format!("API servers are {} apart, from {oldest} to {newest}", minors(distance));
            Finding::new("ApiServersTooFarApart", Severity::Blocker, subject, message)
                .why(
                    "They may be one minor apart, for as long as an upgrade takes. Objects that the \
                     newer ones store can be unreadable to the older ones.",
                )
                .remedy("Bring the oldest control planes up, one minor at a time, before anything else.", [])
        }
        Skew::OtherMajor => {
            let message = format!("API servers are of different major versions, {oldest} and {newest}");
            Finding::new("ApiServersTooFarApart", Severity::Blocker, subject, message)
        }
    };
    let servers = versions
        .iter()
        .flat_map(|(version, names)| names.iter().map(move |name| format!("{name} is {version}")));
    Some(servers.fold(finding, |finding, saw| finding.saw(saw, None)).link(link::SKEW))
}

/// Servers that are past the end of the route already, and would be taken back.
fn beyond(context: &Context<'_>) -> Vec<Finding> {
    let to = &context.target.to;
    let newer = context.evidence.servers.servers.iter().filter_map(|server| {
        let (version, stamp) = server.version.get().ok().filter(|(version, _)| *version > to)?;
        let message = format!("it is {version} already, newer than {to}");
        let finding = Finding::new(
            "ApiServerNewerThanTarget",
            Severity::Warning,
            Subject::thing("APIServer", &server.address),
            message,
        )
        .why(
            "kubeadm would take it back to the target. A target that no server is beyond needs \
                 no step back.",
        )
        .saw(format!("{} is {version}", servers::name(server)), Some(stamp));
        Some(finding.remedy(format!("Choose {version} or later as the target."), []))
    });
    newer.collect()
}
