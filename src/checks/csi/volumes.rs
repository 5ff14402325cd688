//! In-tree volumes: which the target no longer mounts, or mounts only by a CSI driver.

use std::collections::BTreeSet;

use super::drivers::Drivers;
use crate::catalog::{Catalog, VolumeEffect, VolumeRule};
use crate::checks::common::owner::Owners;
use crate::checks::common::{kubelet_config, link, list};
use crate::checks::{Finding, Severity, Subject, Target};
use crate::evidence::objects::pod::PodSpec;
use crate::evidence::{Evidence, Reason, Stamp, Unread};
use crate::version::Minor;

/// Somebody who uses an in-tree volume.
struct Use<'a> {
    subject: Subject,
    /// The field of the volume's source: `cephfs`.
    field: &'a str,
    /// Whether something stops when it does not mount any more.
    in_use: bool,
    saw: String,
    stamp: Option<&'a Stamp>,
}

/// The findings, and how many uses were looked at.
pub(super) fn findings(
    catalog: &Catalog,
    evidence: &Evidence,
    target: &Target,
    drivers: &Drivers<'_>,
) -> (Vec<Finding>, usize) {
    let uses = uses(evidence, catalog);
    let judge = Judge { catalog, evidence, target, drivers };
    let mut findings: Vec<Finding> = uses.iter().filter_map(|used| judge.finding(used)).collect();
    findings.dedup_by(|a, b| a == b);
    (findings, uses.len())
}

/// Whether any rule for in-tree volumes begins with the first hop: what was not read could then hide a blocker.
pub(super) fn begins(catalog: &Catalog, target: &Target, of: impl Fn(&VolumeRule) -> bool) -> bool {
    let hurts = |rule: &&VolumeRule| rule.effect != VolumeEffect::Restricted && of(rule);
    catalog.volume_rules_between(target.from.minor(), target.first_hop()).any(|rule| hurts(&rule))
}

/// Every use: PersistentVolumes, StorageClasses, templates, and pods that no template stands for.
fn uses<'a>(evidence: &'a Evidence, catalog: &'a Catalog) -> Vec<Use<'a>> {
    let objects = &evidence.objects;
    let mut uses = Vec::new();
    for volume in objects.persistent_volumes.iter() {
        for field in volume.spec.in_tree() {
            let phase = volume.status.phase.as_str();
            uses.push(Use {
                subject: Subject::object("v1", "PersistentVolume", "", &volume.metadata.name),
                field,
                in_use: !matches!(phase, "Released" | "Failed"),
                saw: format!(
                    "spec.{field}, {}{}",
                    if phase.is_empty() { "no phase" } else { phase },
                    claim(volume)
                ),
                stamp: objects.persistent_volumes.stamp.as_ref(),
            });
        }
    }
    for class in objects.storage_classes.iter() {
        if let Some(field) = catalog.field_of_provisioner(&class.provisioner) {
            uses.push(Use {
                subject: Subject::object("storage.k8s.io/v1", "StorageClass", "", &class.metadata.name),
                field,
                in_use: true,
                saw: format!("provisioner {}", class.provisioner),
                stamp: objects.storage_classes.stamp.as_ref(),
            });
        }
    }
    let owners = Owners::of(objects);
    let mut templates = BTreeSet::new();
    for (kind, listing) in &objects.workloads {
        for workload in listing.iter() {
            let Some(template) = workload.template() else { continue };
            let idle = workload.spec.replicas == Some(0) || workload.spec.suspend == Some(true);
            for (field, saw) in in_spec(&template.spec) {
                let Some(subject) = owners.subject_of_template(*kind, workload) else { continue };
                templates.insert((subject.clone(), field));
                uses.push(Use { subject, field, in_use: !idle, saw, stamp: listing.stamp.as_ref() });
            }
        }
    }
    for pod in objects.pods.iter().filter(|pod| !pod.is_finished()) {
        for (field, saw) in in_spec(&pod.spec) {
            let subject = owners.subject_of(pod);
            if templates.insert((subject.clone(), field)) {
                uses.push(Use { subject, field, in_use: true, saw, stamp: objects.pods.stamp.as_ref() });
            }
        }
    }
    uses
}

fn claim(volume: &crate::evidence::objects::PersistentVolume) -> String {
    volume
        .spec
        .claim_ref
        .as_ref()
        .map_or_else(String::new, |claim| format!(", claimed by {}/{}", claim.namespace, claim.name))
}

fn in_spec(spec: &PodSpec) -> impl Iterator<Item = (&'static str, String)> {
    spec.volumes.iter().flat_map(|volume| {
        volume.in_tree().map(|field| (field, format!("volume {} is a {field}", volume.name)))
    })
}

struct Judge<'a> {
    catalog: &'a Catalog,
    evidence: &'a Evidence,
    target: &'a Target,
    drivers: &'a Drivers<'a>,
}

/// How a volume fares in a minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fare {
    Mounts,
    /// With a part missing.
    Restricted,
    DoesNot,
}

impl Judge<'_> {
    fn finding(&self, used: &Use<'_>) -> Option<Finding> {
        let (from, hop) = (self.target.from.minor(), self.target.first_hop());
        let rule_of = |minor| self.catalog.volume_rule(used.field, minor);
        let (now, then) = match (self.fare(rule_of(from)), self.fare(rule_of(hop))) {
            (Ok(now), Ok(then)) => (now, then),
            (Err(unread), _) | (_, Err(unread)) => {
                return Some(Finding::unknown(
                    "InTreeVolumeUnread",
                    Severity::Blocker,
                    used.subject.clone(),
                    &unread,
                ));
            }
        };
        match (now, then, rule_of(hop)) {
            (Fare::DoesNot, Fare::DoesNot, Some(rule)) => {
                let message = format!("its {} volume does not mount, in {from} already", used.field);
                Some(self.of(used, rule, Severity::Warning, message))
            }
            (_, Fare::DoesNot, Some(rule)) => {
                let severity = if used.in_use { Severity::Blocker } else { Severity::Warning };
                Some(self.of(used, rule, severity, format!("{hop} {} {} volumes", lacks(rule), used.field)))
            }
            (Fare::Mounts, Fare::Restricted, Some(rule)) => Some(self.of(
                used,
                rule,
                Severity::Warning,
                format!("{hop} mounts {} volumes with a part missing", used.field),
            )),
            _ => self.later(used, hop, then),
        }
    }

    /// What a later minor brings that is worse than what the first hop does.
    fn later(&self, used: &Use<'_>, hop: Minor, then: Fare) -> Option<Finding> {
        let last = self.catalog.minors().next_back()?;
        let mut rules = self.catalog.volume_rules_between(hop, last).filter(|rule| rule.field == used.field);
        let (rule, since) = rules.find_map(|rule| match (self.fare(Some(rule)), then) {
            (Ok(Fare::DoesNot), _) | (Ok(Fare::Restricted), Fare::Mounts) => Some((rule, rule.since?)),
            _ => None,
        })?;
        let message = if rule.effect == VolumeEffect::Restricted {
            format!("from {since} on {} volumes mount with a part missing", used.field)
        } else {
            format!("{since} {} {} volumes: a blocker at {since}", lacks(rule), used.field)
        };
        Some(self.of(used, rule, Severity::Warning, message))
    }

    fn of(&self, used: &Use<'_>, rule: &VolumeRule, severity: Severity, message: String) -> Finding {
        let why = match used.subject.kind.as_str() {
            "StorageClass" => "Claims of this class are no longer provided for.",
            "PersistentVolume" => "Pods that claim it wait for it once they are made again.",
            _ => "Its pods wait for the volume once they are made again.",
        };
        Finding::new("InTreeVolume", severity, used.subject.clone(), message)
            .why(why)
            .saw(used.saw.clone(), used.stamp)
            .remedy(rule.remedy.trim(), [])
            .link(link::VOLUMES)
    }

    /// How volumes of a rule fare. Where a gate decides, kubelet-config says if it is on.
    fn fare(&self, rule: Option<&VolumeRule>) -> Result<Fare, Unread> {
        let Some(rule) = rule else { return Ok(Fare::Mounts) };
        Ok(match rule.effect {
            VolumeEffect::Removed => Fare::DoesNot,
            VolumeEffect::Restricted => Fare::Restricted,
            VolumeEffect::NeedsCsiDriver => {
                let driver = rule.csi_driver.as_deref().unwrap_or_default();
                // CSINodes that were not read are an unknown of their own.
                let registered = self.drivers.registered.contains_key(driver)
                    || !self.evidence.objects.csi_nodes.is_complete();
                if registered { Fare::Mounts } else { Fare::DoesNot }
            }
            VolumeEffect::OffByDefault => {
                let gate = rule.gate.as_deref().unwrap_or_default();
                match kubelet_config::configuration(self.evidence) {
                    Ok((config, _)) if config.feature_gates.get(gate) == Some(&true) => Fare::Mounts,
                    Err(unread) if unread.reason != Reason::Absent => return Err(unread),
                    _ => Fare::DoesNot,
                }
            }
        })
    }
}

/// What a minor lacks, by a rule.
fn lacks(rule: &VolumeRule) -> String {
    match (&rule.effect, &rule.csi_driver) {
        (VolumeEffect::NeedsCsiDriver, Some(driver)) => {
            format!("needs the driver {driver}, which is registered nowhere, for")
        }
        (VolumeEffect::OffByDefault, _) => "has turned off".to_owned(),
        _ => "no longer mounts".to_owned(),
    }
}

/// What was looked at, for the pass.
pub(super) fn looked_at(evidence: &Evidence) -> String {
    let objects = &evidence.objects;
    let workloads: usize = objects.workloads.values().map(|listing| listing.items.len()).sum();
    format!(
        "{}, {} of StorageClasses and {}",
        list::count(objects.persistent_volumes.items.len(), "PersistentVolume"),
        list::count(objects.storage_classes.items.len(), "provisioner"),
        list::count(workloads, "workload")
    )
}
