//! Which versions of etcd run, whether they agree, and which of them the hop brings.

use std::collections::BTreeMap;

use super::inside::Inside;
use super::{Context, Finding, Severity, Subject, config, hazards, link, list, static_pods};
use crate::checks::common::image::Image;
use crate::evidence::Stamp;
use crate::evidence::objects::Pod;
use crate::version::Version;

/// A version that runs on a node, and how that is known.
pub(super) struct Running<'a> {
    pub(super) node: &'a str,
    pub(super) version: Version,
    /// Whether the member said so itself; otherwise it is the tag of its static pod's image.
    pub(super) said: bool,
    pub(super) stamp: Option<&'a Stamp>,
}

pub(super) fn findings(context: &Context<'_>, inside: &Inside<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut all: Vec<Running<'_>> = Vec::new();
    for node in context.hosts() {
        let local = inside.members.iter().find(|local| local.node == node);
        let pod = context.pods.get(node);
        let reference = pod.map(|pod| image(pod)).or_else(|| local?.etcd.image.as_deref());
        let tagged = reference.and_then(|reference| Image::of(reference).version());
        if let (Some(reference), None) = (reference, &tagged) {
            findings.push(no_version(context, node, reference));
        }
        let said = local.and_then(|local| Some((local.version()?, local.stamp)));
        match (said, tagged) {
            (Some((version, stamp)), tagged) => {
                if let Some(tagged) = tagged.filter(|tagged| *tagged != version) {
                    findings.push(not_restarted(context, node, &version, &tagged, stamp));
                }
                all.push(Running { node, version, said: true, stamp: Some(stamp) });
            }
            (None, Some(version)) => {
                all.push(Running { node, version, said: false, stamp: context.pods_stamp() })
            }
            (None, None) => {}
        }
    }
    findings.extend(differ(context, &all));
    findings.extend(alone(context, &all));
    findings.extend(hazards::findings(context, inside, &all));
    findings
}

/// What etcd is after a hop to a version from `running`: kubeadm takes it up to its own, or to the tag that is set, and
/// never back. `None` where that kubeadm is not known.
pub(super) fn after(context: &Context<'_>, running: &Version, to: &Version) -> Option<Version> {
    let brought = match config::kept_tag(context) {
        Some((_, version)) => version,
        None => context.catalog.kubeadm_etcd(to)?,
    };
    Some(brought.max(running.clone()))
}

/// The tag is compared by kubeadm before it changes anything.
fn no_version(context: &Context<'_>, node: &str, reference: &str) -> Finding {
    let message = format!(
        "etcd's image on {node} is {reference}, whose tag is no version: kubeadm ends the upgrade there"
    );
    let subject = context.pods.get(node).map_or_else(|| Subject::node(node), |pod| static_pods::subject(pod));
    Finding::new("EtcdTagNotAVersion", Severity::Blocker, subject, message)
        .why("kubeadm compares the tag in the manifest with the one that it brings, and cannot.")
        .saw(format!("image {reference}"), context.pods_stamp())
        .remedy("Write an image into the manifest whose tag is its version, by imageRepository and imageTag of kubeadm-config.", [])
        .link(link::KUBEADM_UPGRADE)
        .inferred()
}

fn not_restarted(
    context: &Context<'_>,
    node: &str,
    runs: &Version,
    tagged: &Version,
    stamp: &Stamp,
) -> Finding {
    let message = format!("etcd's manifest on {node} has {tagged}, and {runs} answers");
    let subject = context.pods.get(node).map_or_else(|| Subject::node(node), |pod| static_pods::subject(pod));
    Finding::new("EtcdNotRestarted", Severity::Warning, subject, message)
        .why(
            "Either the kubelet has not started it again from the manifest, or the image is not what its tag says; kubeadm goes by the tag.",
        )
        .saw(format!("the member says {runs}, its image's tag is {tagged}"), Some(stamp))
        .remedy(
            format!("Restart the kubelet on {node}, and look at its log if that does not help."),
            ["systemctl restart kubelet".to_owned()],
        )
}

/// Members of several versions.
fn differ(context: &Context<'_>, all: &[Running<'_>]) -> Option<Finding> {
    let mut by_version: BTreeMap<&Version, Vec<&str>> = BTreeMap::new();
    for running in all {
        by_version.entry(&running.version).or_default().push(running.node);
    }
    let (oldest, newest) = (by_version.keys().next()?.minor(), by_version.keys().next_back()?.minor());
    if by_version.len() < 2 {
        return None;
    }
    let apart = newest.distance_from(oldest);
    let (severity, why) = match apart {
        Some(0) => (
            Severity::Notice,
            "Patches of one minor work together; an upgrade that was begun may not be finished.",
        ),
        Some(1) => (
            Severity::Warning,
            "An upgrade of etcd is under way. Until the last member has the new minor, all keep to what the old one can do.",
        ),
        _ => (Severity::Blocker, "Members more than one minor apart are not made to work together."),
    };
    let versions: Vec<String> =
        by_version.iter().map(|(version, nodes)| format!("{version} on {}", list::names(nodes))).collect();
    let message = format!("the members run different versions: {}", list::names(&versions));
    let finding = Finding::new("EtcdVersionsDiffer", severity, context.cluster.clone(), message)
        .why(why)
        .remedy(
            "Finish the upgrade that was begun, on each control plane that is behind.",
            ["kubeadm upgrade node".to_owned()],
        )
        .link(link::ETCD);
    Some(all.iter().fold(finding, |finding, running| finding.saw(seen(running), running.stamp)))
}

/// The only member is away while it is changed, and kubeadm's own check needs the API, which needs etcd.
fn alone(context: &Context<'_>, all: &[Running<'_>]) -> Option<Finding> {
    let ([running], [_]) = (all, context.nodes.as_slice()) else { return None };
    let brought =
        after(context, &running.version, &context.first_stop()).filter(|after| *after > running.version)?;
    let message = format!("the hop takes the only member of etcd from {} to {brought}", running.version);
    Some(
        Finding::new("EtcdUpgradedAlone", Severity::Notice, context.cluster.clone(), message)
            .why(
                "The API is away with it, and kubeadm asks the API if the new one runs. If it gives up (\"static pod hash did not change\"), \
                 the same command again goes on from there.",
            )
            .saw(seen(running), running.stamp)
            .inferred(),
    )
}

/// How a version is known.
pub(super) fn seen(running: &Running<'_>) -> String {
    let how = if running.said { "says" } else { "by its image's tag:" };
    format!("etcd on {} {how} {}", running.node, running.version)
}

fn image(pod: &Pod) -> &str {
    let etcd = pod.spec.containers.iter().find(|container| container.name == "etcd");
    etcd.or_else(|| pod.spec.containers.first()).map_or("", |container| &container.image)
}
