//! Room: of the database under its quota, and on the disk for the copy that kubeadm makes of etcd's folder.

use super::health::{member, nearly_full};
use super::inside::{Inside, Local};
use super::{Context, Finding, Severity, Subject, words};
use crate::catalog::{EtcdHazard, Trigger};
use crate::checks::common::facts::unseen;
use crate::evidence::node_facts::Disk;

/// Where kubeadm puts the copy, under `tmp`, and what that is part of otherwise.
const COPIED_TO: [&str; 2] = ["/etc/kubernetes", "/"];
/// So large, in bytes, kubeadm's old copies are worth a word.
const MANY_COPIES: u64 = 500_000_000;

pub(super) fn findings(context: &Context<'_>, inside: &Inside<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for local in &inside.members {
        let version = local.version().or_else(|| local.tagged());
        let hazard = version.and_then(|version| {
            let by_it = |hazard: &&EtcdHazard| {
                hazard.trigger == Some(Trigger::Defragment) && hazard.concerns(&version)
            };
            context.catalog.hazards.iter().find(by_it).map(|hazard| hazard.hazard.as_str())
        });
        findings.extend(nearly_full(local, hazard));
        findings.extend(for_the_copy(local));
    }
    findings.extend(copies(inside));
    findings
}

/// Whether the copy that kubeadm makes of the folder at each upgrade has room, twice for the one that follows.
fn for_the_copy(local: &Local<'_>) -> Option<Finding> {
    let disks = local.facts.disk.iter().flatten();
    let free = |path: &str| disks.clone().find(|disk: &&Disk| disk.path == path)?.free_bytes;
    let (size, free) =
        match (local.etcd.data_bytes.or(local.etcd.db_file_bytes), COPIED_TO.into_iter().find_map(free)) {
            (Some(size), Some(free)) => (size, free),
            (None, _) => {
                return Some(not_known(
                    local,
                    "etcd.dataBytes",
                    "the size of etcd's folder is not in the probe's document",
                ));
            }
            (_, None) => {
                return Some(not_known(
                    local,
                    "disk",
                    "the free space under /etc/kubernetes is not in the probe's document",
                ));
            }
        };
    if free >= size.saturating_mul(2) {
        return None;
    }
    let message = format!(
        "{} is free under /etc/kubernetes on {}, and etcd's folder has {}: room for twice that is wanted",
        words::bytes(free),
        local.node,
        words::bytes(size)
    );
    Some(
        Finding::new("EtcdCopyRoom", Severity::Warning, member(local), message)
            .why(
                "Before it changes etcd, kubeadm copies its folder to /etc/kubernetes/tmp, and leaves it there. Where that fails the upgrade ends; \
                 where it fills the disk, etcd on it takes no writes.",
            )
            .saw(format!("{free} bytes free, {size} bytes in etcd's folder"), Some(local.stamp))
            .remedy(
                "Free space there. Old copies of kubeadm can go.",
                ["du -sh /etc/kubernetes/tmp/*".to_owned()],
            ),
    )
}

fn not_known(local: &Local<'_>, what: &str, otherwise: &str) -> Finding {
    let why = local.facts.why_unread(what).unwrap_or(otherwise);
    Finding::unknown(
        "EtcdRoomUnread",
        Severity::Warning,
        member(local),
        &unseen(local.facts, local.node, "room for etcd's copy", why),
    )
    .why("kubeadm copies etcd's folder before it changes etcd.")
}

/// Copies that kubeadm left behind.
fn copies(inside: &Inside<'_>) -> Option<Finding> {
    let size = |local: &Local<'_>| local.facts.backups.as_ref()?.kubeadm_tmp_bytes;
    let large: Vec<(&Local<'_>, u64)> = inside
        .members
        .iter()
        .filter_map(|local| Some((local, size(local)?)))
        .filter(|(_, size)| *size >= MANY_COPIES)
        .collect();
    let total = large.iter().fold(0u64, |total, (_, size)| total.saturating_add(*size));
    let (largest, _) = large.iter().max_by_key(|(_, size)| *size)?;
    let message = format!(
        "kubeadm's copies of etcd's folder take {} in /etc/kubernetes/tmp; they are no backups",
        words::bytes(total)
    );
    let subject = if large.len() == 1 { Subject::node(largest.node) } else { Subject::thing("Node", "") };
    let finding = Finding::new("KubeadmCopies", Severity::Notice, subject, message)
        .why("Each was made of a folder that etcd wrote to, so none is sure to be whole; and each upgrade adds one.")
        .remedy("Delete those of upgrades that went well.", ["ls -ld /etc/kubernetes/tmp/*".to_owned()]);
    Some(large.iter().fold(finding, |finding, (local, size)| {
        finding.saw(format!("{}: {}", local.node, words::bytes(*size)), Some(local.stamp))
    }))
}
