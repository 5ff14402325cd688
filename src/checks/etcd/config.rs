//! What kubeadm's configuration makes of etcd: it writes the manifest anew from it, whatever stands there now.
//!
//! Source: k8s.io/kubernetes cmd/kubeadm/app/phases/upgrade/staticpods.go (`performEtcdStaticPodUpgrade`: the tag
//! must be a version, a lower one than that of the manifest is left alone), phases/etcd/local.go (`GetEtcdPodSpec`),
//! 1.31.14 and 1.37.2.

use super::{Context, Finding, Severity, Subject, link, remedy};
use crate::catalog::version_of_tag;
use crate::checks::common::config_map;
use crate::checks::common::kubeadm::LocalEtcd;
use crate::evidence::{Scope, Stamp};
use crate::version::Version;

/// Where kubeadm has the data if nothing else is said.
const DATA_DIR: &str = "/var/lib/etcd";

pub(super) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let (config, stamp) = match &context.config {
        Ok((config, stamp)) => (config, *stamp),
        Err(unread) => {
            let hides = if context.hosts().is_empty() && context.evidence.objects.nodes.is_complete() {
                Severity::Warning
            } else {
                Severity::Blocker
            };
            return vec![
                Finding::unknown("EtcdConfigUnread", hides, subject(), unread)
                    .why("It says if etcd is external, which image and flags its manifest gets in the hop, and where its data is."),
            ];
        }
    };
    let default = LocalEtcd::default();
    let local = config.etcd.local.as_ref().unwrap_or(&default);
    let mut findings: Vec<Finding> = tag(&local.image_tag, stamp).into_iter().collect();
    if context.evidence.scope == Scope::All {
        findings.extend(machines(context, local, stamp));
    }
    findings
}

/// The ConfigMap as a subject.
pub(super) fn subject() -> Subject {
    config_map::subject("kubeadm-config")
}

/// The tag that keeps etcd at a version, if one does.
pub(super) fn kept_tag(context: &Context<'_>) -> Option<(String, Version)> {
    let (config, _) = context.config.as_ref().ok()?;
    let tag = &config.etcd.local.as_ref()?.image_tag;
    Some((tag.clone(), version_of_tag(tag)?))
}

/// A tag that kubeadm cannot read ends the upgrade.
fn tag(tag: &str, stamp: &Stamp) -> Option<Finding> {
    if tag.is_empty() || version_of_tag(tag).is_some() {
        return None;
    }
    let message =
        format!("etcd.local.imageTag is {tag}, which is no version: kubeadm ends the upgrade there");
    Some(
        Finding::new("EtcdTagNotAVersion", Severity::Blocker, subject(), message)
            .why("kubeadm compares it with the tag that runs, and cannot.")
            .saw(format!("imageTag: {tag}"), Some(stamp))
            .remedy("Take it out, or write a tag that is a version.", [remedy::edit_config()])
            .link(link::KUBEADM_UPGRADE)
            .inferred(),
    )
}

/// What the machines have that kubeadm does not know of.
fn machines(context: &Context<'_>, local: &LocalEtcd, stamp: &Stamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let wanted = if local.data_dir.is_empty() { DATA_DIR } else { &local.data_dir };
    for node in context.hosts() {
        let Ok((facts, seen)) = context.evidence.facts_of(node) else { continue };
        let manifests = facts.static_pods.iter().flatten().filter(|pod| {
            pod.name.as_deref() == Some("etcd") && pod.namespace.as_deref() == Some("kube-system")
        });
        let paths: Vec<&str> = manifests.map(|pod| pod.path.as_str()).collect();
        if paths.len() > 1 {
            let message = format!("{} files on {node} define the static pod etcd", paths.len());
            let finding = Finding::new("EtcdManifestTwice", Severity::Blocker, Subject::node(node), message)
                .why(
                    "The kubelet reads every file of the folder, whatever it is called. Which of them runs is chance, and kubeadm waits in vain \
                     for the one that it wrote.",
                )
                .remedy("Move the copy out of the folder, not to another name in it.", [])
                .link(link::KUBEADM_UPGRADE);
            findings.push(paths.into_iter().fold(finding, |finding, path| finding.saw(path, Some(seen))));
        }
        let has = facts.etcd.as_ref().and_then(|etcd| etcd.data_dir.as_deref()).filter(|dir| !dir.is_empty());
        if let Some(has) = has.filter(|has| has.trim_end_matches('/') != wanted.trim_end_matches('/')) {
            let message =
                format!("etcd's data on {node} is in {has}, and kubeadm's configuration has {wanted}");
            findings.push(
                Finding::new("EtcdDataDirDiffers", Severity::Blocker, Subject::node(node), message)
                    .why("kubeadm writes the manifest anew with its own folder, in which the member finds no data, or old ones.")
                    .saw(format!("--data-dir={has} in etcd's manifest"), Some(seen))
                    .saw(format!("dataDir of kubeadm-config is {wanted}"), Some(stamp))
                    .remedy(format!("Set etcd.local.dataDir to {has}, or move the data."), [remedy::edit_config()])
                    .link(link::KUBEADM_UPGRADE)
                    .inferred(),
            );
        }
    }
    findings
}
