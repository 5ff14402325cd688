//! The objects: who wrote each in a version that goes away, or that it has to be deleted before the hop.

use super::going::Going;
use super::usage::{Usage, describe, usage};
use crate::catalog::Catalog;
use crate::checks::common::{link, shell};
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject, Target};
use crate::evidence::objects::ManagedObject;
use crate::evidence::{Evidence, ManagedListing, Reason, Unread};

/// One finding an object that somebody writes in a version that goes, or that has to be deleted.
pub(super) fn findings(
    catalog: &Catalog,
    evidence: &Evidence,
    target: &Target,
    going: &[Going],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut resources: Vec<String> =
        going.iter().filter(|going| going.api.has_objects()).map(Going::resource).collect();
    resources.sort_unstable();
    resources.dedup();
    for resource in resources {
        let versions: Vec<Going> =
            going.iter().filter(|going| going.resource() == resource).copied().collect();
        let could_hide = super::going::worst(&versions);
        let subject = Subject::object("", versions.first().map_or("", |going| &going.api.kind), "", "");
        let Some(managed) = evidence.objects.managed.get(resource.as_str()) else {
            let unread = Unread::new("list", &resource, Reason::Pending, "");
            findings.push(Finding::unknown("DeprecatedObjectsUnread", could_hide, subject, &unread));
            continue;
        };
        findings.extend(unknowns("DeprecatedObjectsUnread", could_hide, &subject, &managed.listing.gaps()));
        for object in managed.listing.iter() {
            findings.extend(judge(catalog, target, managed, object, &versions));
        }
    }
    findings
}

/// The verdict on one object: the worst of the versions that go, with the evidence of all of them.
fn judge(
    catalog: &Catalog,
    target: &Target,
    managed: &ManagedListing,
    object: &ManagedObject,
    versions: &[Going],
) -> Option<Finding> {
    if let Some(going) = versions.iter().find(|going| going.objects_must_go(catalog)) {
        return Some(must_go(managed, object, going));
    }
    let used: Vec<(&Going, Usage<'_>)> =
        versions.iter().filter_map(|going| Some((going, usage(object, &going.api.api_version())?))).collect();
    let is_before = |usage: &Usage<'_>| matches!(usage, Usage::Before(_));
    let (going, worst) =
        used.iter().min_by_key(|(going, usage)| (is_before(usage), going.severity, going.gone))?;
    let mut finding = by_usage(going, worst, subject(managed, object))
        .why(format!(
            "The object stays and is converted. What breaks is the next write: a server of {} answers \"not found\" to a \
             manifest, chart or client that still says {}.",
            going.gone,
            going.api.api_version()
        ))
        .link(link::DEPRECATIONS);
    for (going, usage) in &used {
        finding = evidence_of(finding, managed, object, &going.api.api_version(), usage);
    }
    if is_before(worst) {
        return Some(finding);
    }
    let show = shell::kubectl(
        &object.metadata.namespace,
        &["get", &typed(managed), &object.metadata.name, "-o", "yaml", "--show-managed-fields"],
    );
    let summary = match going.replacement(catalog, target) {
        Some(new) => {
            format!("Write apiVersion: {} where it comes from, and apply it again.", new.api_version())
        }
        None => format!("No version is served both now and by {}: write it anew after the hop.", going.gone),
    };
    Some(finding.remedy(summary, [show]))
}

/// Who writes, or wrote, the object in the version that goes.
fn by_usage(going: &Going, usage: &Usage<'_>, subject: Subject) -> Finding {
    let (api_version, when) = (going.api.api_version(), going.when());
    match usage {
        Usage::Written(entries) => {
            let who = entries.iter().map(|entry| entry.manager.as_str()).collect::<Vec<_>>().join(" and ");
            let message = format!("{who} writes it as {api_version}: {when}");
            Finding::new("DeprecatedApiWritten", going.severity, subject, message)
        }
        Usage::Applied => {
            let message = format!("kubectl apply wrote it as {api_version}: {when}");
            Finding::new("DeprecatedApiWritten", going.severity, subject, message).inferred()
        }
        Usage::Before(_) => {
            let message = format!(
                "it was written as {api_version} once, and otherwise since; {} does not serve that",
                going.gone
            );
            Finding::new("DeprecatedApiWrittenBefore", Severity::Notice, subject, message)
        }
    }
}

fn evidence_of(
    finding: Finding,
    managed: &ManagedListing,
    object: &ManagedObject,
    api_version: &str,
    usage: &Usage<'_>,
) -> Finding {
    let stamp = managed.listing.stamp.as_ref();
    let applied = object.metadata.annotations.last_applied_version();
    let entries: &[_] = match usage {
        Usage::Written(entries) => entries,
        Usage::Before(entry) => entry.as_slice(),
        Usage::Applied => &[],
    };
    let mut finding = entries
        .iter()
        .fold(finding, |finding, entry| finding.saw(format!("managedFields: {}", describe(entry)), stamp));
    if applied.as_deref() == Some(api_version) {
        finding = finding.saw(format!("the last-applied annotation says {api_version}"), stamp);
    }
    if let Usage::Before(entry) = usage {
        let newer = object.metadata.managed_fields.iter().filter(|other| {
            other.api_version != api_version
                && !super::usage::is_control_plane(&other.manager)
                && other.time > entry.and_then(|entry| entry.time)
        });
        if let Some(newest) = newer.max_by_key(|entry| entry.time) {
            finding = finding.saw(format!("managedFields: {}", describe(newest)), stamp);
        }
    }
    finding
}

/// An object that no server after the hop can read.
fn must_go(managed: &ManagedListing, object: &ManagedObject, going: &Going) -> Finding {
    let metadata = &object.metadata;
    let delete = shell::kubectl(&metadata.namespace, &["delete", &typed(managed), &metadata.name]);
    let message =
        format!("it has to be deleted before {}, which can no longer decode {}", going.gone, going.api);
    let message = if going.severity == Severity::Blocker {
        message
    } else {
        format!("{message}: a blocker at {}", going.gone)
    };
    let mut finding = Finding::new("ApiObjectMustGo", going.severity, subject(managed, object), message)
        .why(going.api.note.clone().unwrap_or_else(|| {
            format!(
                "Nothing that is served before {} can be stored in its place, so what is in etcd \
                 then is lost to every client.",
                going.gone
            )
        }))
        .saw("it exists", managed.listing.stamp.as_ref())
        .link(link::DEPRECATIONS);
    for entry in &metadata.managed_fields {
        finding = finding.saw(format!("managedFields: {}", describe(entry)), managed.listing.stamp.as_ref());
    }
    for owner in &metadata.owner_references {
        finding = finding
            .saw(format!("it belongs to {} {}", owner.kind, owner.name), managed.listing.stamp.as_ref());
    }
    finding.remedy("Save what is needed of it, and delete it and whatever makes it again.", [delete])
}

fn subject(managed: &ManagedListing, object: &ManagedObject) -> Subject {
    let api_version = if managed.group.is_empty() {
        managed.version.to_string()
    } else {
        format!("{}/{}", managed.group, managed.version)
    };
    Subject::object(&api_version, &managed.kind, &object.metadata.namespace, &object.metadata.name)
}

/// The kind as kubectl takes it where several versions are served: `flowschemas.v1.flowcontrol.apiserver.k8s.io`.
fn typed(managed: &ManagedListing) -> String {
    let plural = managed.listing.resource.split('.').next().unwrap_or_default();
    if managed.group.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{}.{}", managed.version, managed.group)
    }
}
