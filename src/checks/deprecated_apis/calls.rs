//! What API servers counted: calls of deprecated APIs since each of them started.

use std::collections::BTreeMap;

use super::going::{resource, severity};
use crate::catalog::{Api, Catalog};
use crate::checks::common::{link, list, servers, shell};
use crate::checks::{Finding, Severity, Subject, Target};
use crate::evidence::{ApiServer, DeprecatedCalls, Evidence, Stamp};
use crate::version::Minor;

/// A called API: the first minor without it, and the servers that counted a call.
struct Called<'a> {
    api: Option<&'static Api>,
    gone: Minor,
    by: Vec<(&'a ApiServer, &'a DeprecatedCalls, &'a Stamp)>,
    subresources: Vec<&'a str>,
}

/// One finding an API that was called and goes away.
pub(super) fn findings(catalog: &'static Catalog, evidence: &Evidence, target: &Target) -> Vec<Finding> {
    let mut called: BTreeMap<(&str, &str, &str), Called<'_>> = BTreeMap::new();
    for server in &evidence.servers.servers {
        let Ok((calls, stamp)) = server.deprecated_calls.get() else { continue };
        for call in &calls.calls {
            let api = catalog.api(&call.group, &call.version, &call.resource);
            // What servers really register is in the catalog; the tag that the metric repeats is a plan.
            let gone = match api {
                Some(api) => api.first_not_serving,
                None => call.removed_release.parse().ok(),
            };
            let Some(gone) = gone.filter(|gone| *gone > target.from.minor()) else { continue };
            let key = (call.group.as_str(), call.version.as_str(), call.resource.as_str());
            let entry =
                called.entry(key).or_insert(Called { api, gone, by: Vec::new(), subresources: Vec::new() });
            if entry.by.last().is_none_or(|(last, ..)| last.address != server.address) {
                entry.by.push((server, calls, stamp));
            }
            if !call.subresource.is_empty() && !entry.subresources.contains(&call.subresource.as_str()) {
                entry.subresources.push(&call.subresource);
            }
        }
    }
    called.into_iter().map(|(key, called)| finding(catalog, evidence, target, key, &called)).collect()
}

fn finding(
    catalog: &Catalog,
    evidence: &Evidence,
    target: &Target,
    (group, version, plural): (&str, &str, &str),
    called: &Called<'_>,
) -> Finding {
    let gone = called.gone;
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let kind = called.api.map_or(plural, |api| api.kind.as_str());
    let severity = severity(gone, target);
    let of = list::count(evidence.servers.servers.len(), "API server");
    let when = if severity == Severity::Blocker {
        format!("{gone} does not serve it")
    } else {
        format!("a blocker at {gone}")
    };
    let message = format!("somebody calls {api_version} {plural}, on {} of {of}: {when}", called.by.len());
    let mut finding = Finding::new("DeprecatedApiCalled", severity, Subject::object(&api_version, kind, "", ""), message)
        .why(format!(
            "A client that still asks for it gets \"not found\" from a server of {gone}. The metric does not say which client, \
             and keeps a call until the server restarts, so one that was mended since is still counted."
        ))
        .link(link::DEPRECATED_CALLS);
    for (server, calls, stamp) in &called.by {
        let since =
            calls.since.map_or_else(|| "its start".to_owned(), |since| format!("its start at {since}"));
        let parts = if called.subresources.is_empty() {
            String::new()
        } else {
            format!(" ({})", called.subresources.join(", "))
        };
        finding = finding.saw(
            format!("{}: {}{parts} was called since {since}", servers::name(server), resource(plural, group)),
            Some(stamp),
        );
    }
    let instead = called.api.and_then(|api| catalog.replacement(api, &[target.from.minor(), gone]));
    let instead = instead.map_or_else(
        || "bring the client to a version that both servers serve".to_owned(),
        |new| format!("bring the client to {}", new.api_version()),
    );
    finding.remedy(
        format!("Find the client in the audit log of the servers, and {instead}."),
        [audit(group, version, plural)],
    )
}

/// Who called, by the audit log that kube-apiserver writes where it is told to.
fn audit(group: &str, version: &str, plural: &str) -> String {
    let prefix =
        if group.is_empty() { format!("/api/{version}/") } else { format!("/apis/{group}/{version}/") };
    let filter = format!(
        "select((.requestURI // \"\" | startswith({})) and (.objectRef.resource == {})) | \
             [.user.username, .userAgent, .verb] | @tsv",
        serde_json::Value::from(prefix),
        serde_json::Value::from(plural),
    );
    format!("jq -r {} /var/log/kubernetes/audit/audit.log | sort | uniq -c | sort -rn", shell::quote(&filter))
}
