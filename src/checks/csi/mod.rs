//! CSI drivers, their versions and where they are registered; and in-tree volumes that the target no longer has.

mod drivers;
mod plugins;
mod volumes;

use super::common::known;
use super::finding::unknowns;
use super::{Finding, Severity, Subject, Target};
use crate::catalog::Catalog;
use crate::evidence::{Evidence, Unread};
use drivers::Drivers;

/// Judges.
pub(super) fn run(evidence: &Evidence, target: &Target) -> Vec<Finding> {
    match known::catalog() {
        Ok(catalog) => judge(catalog, evidence, target),
        Err(broken) => vec![*broken],
    }
}

fn judge(catalog: &Catalog, evidence: &Evidence, target: &Target) -> Vec<Finding> {
    let drivers = Drivers::of(evidence);
    let mut findings = unread(catalog, evidence, target);
    let all_read = findings.is_empty();
    findings.extend(drivers.findings());
    let (in_tree, uses) = volumes::findings(catalog, evidence, target, &drivers);
    if all_read && in_tree.is_empty() {
        let looked_at = volumes::looked_at(evidence);
        let message = match uses {
            0 => format!("no in-tree volume that Kubernetes takes away: {looked_at} looked at"),
            _ => format!("{uses} in-tree volumes, and their drivers are registered: {looked_at} looked at"),
        };
        let subject = Subject::thing("Cluster", &evidence.cluster.name);
        let stamp = evidence.objects.persistent_volumes.stamp.as_ref();
        findings
            .push(Finding::new("InTreeVolumesMount", Severity::Pass, subject, message).saw(looked_at, stamp));
    }
    findings.extend(in_tree);
    findings
}

/// What was not read, and what could hide there: a driver that is in use and registered nowhere, or a volume that
/// the first hop takes away.
fn unread(catalog: &Catalog, evidence: &Evidence, target: &Target) -> Vec<Finding> {
    let objects = &evidence.objects;
    let cluster = Subject::thing("Cluster", &evidence.cluster.name);
    let if_any = |begins: bool| if begins { Severity::Blocker } else { Severity::Warning };
    let gone = if_any(volumes::begins(catalog, target, |_| true));
    let provided = if_any(volumes::begins(catalog, target, |rule| rule.provisioner.is_some()));
    let mut findings = Vec::new();
    let mut add = |gaps: Vec<Unread>, could_hide| {
        findings.extend(unknowns("StorageUnread", could_hide, &cluster, &gaps))
    };
    add(objects.persistent_volumes.gaps(), Severity::Blocker);
    add(objects.csi_nodes.gaps(), Severity::Blocker);
    add(objects.pods.gaps(), Severity::Blocker);
    add(objects.csi_drivers.gaps(), Severity::Warning);
    add(objects.storage_classes.gaps(), provided);
    objects.workloads.values().for_each(|listing| add(listing.gaps(), gone));
    findings
}

#[cfg(test)]
pub(super) mod tests;
