//! CoreDNS, which kubeadm brings to the version that it pins, and never back.
//!
//! kubeadm's preflight check CoreDNSMigration stops an upgrade where it cannot migrate the Corefile: from a version
//! that is newer than its own, from a tag that it does not know, and where it finds no Deployment of CoreDNS.
//! Sources: k8s.io/kubernetes cmd/kubeadm/app/phases/upgrade/preflight.go and phases/addons/dns, 1.31.14 and 1.36.3;
//! coredns/corefile-migration `ValidUpMigration`.

use super::{Context, Maker, parse};
use crate::checks::common::image::Image;
use crate::checks::common::{link, list, static_pods};
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::objects::{Kind, Workload};
use crate::version::Version;

pub(super) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let subject = Subject::object("apps/v1", "Deployment", "kube-system", "coredns");
    let maker = context.maker();
    let Some(deployments) = context.evidence.objects.workloads.get(&Kind::Deployment) else {
        return Vec::new();
    };
    let gaps = deployments.gaps();
    if !gaps.is_empty() {
        return unknowns("CoreDnsVersionUnread", maker.could_hide(), &subject, &gaps);
    }
    let stamp = deployments.stamp.as_ref();
    let labelled = |workload: &&Workload| {
        workload.metadata.namespace == static_pods::NAMESPACE
            && workload.metadata.labels.get("k8s-app") == Some("kube-dns")
    };
    let found: Vec<&Workload> = deployments.iter().filter(labelled).collect();
    let finding = match found.as_slice() {
        _ if maker == Maker::Other => Finding::new(
            "CoreDnsVersion",
            Severity::Notice,
            subject,
            "kubeadm has no part in this cluster's DNS",
        ),
        [deployment] => judge(context, deployment, subject),
        [] => stops(
            subject,
            "there is no Deployment of CoreDNS, and kubeadm stops where it finds none",
            "skip kubeadm's addon",
        ),
        several => {
            let names: Vec<&str> = several.iter().map(|workload| workload.metadata.name.as_str()).collect();
            stops(
                subject,
                &format!(
                    "several Deployments have k8s-app=kube-dns ({}), and kubeadm takes one only",
                    list::names(&names)
                ),
                "leave the label to one",
            )
        }
    };
    vec![finding.saw(
        format!("{} with k8s-app=kube-dns in kube-system", list::count(found.len(), "Deployment")),
        stamp,
    )]
}

/// A blocker: kubeadm's own check would end the upgrade.
fn stops(subject: Subject, message: &str, remedy: &str) -> Finding {
    Finding::new("CoreDnsStopsKubeadm", Severity::Blocker, subject, message)
        .why("kubeadm's preflight check CoreDNSMigration ends the upgrade before it begins.")
        .remedy(
            format!(
                "Mend that ({remedy}), or upgrade with \
                 --ignore-preflight-errors=CoreDNSUnsupportedPlugins,CoreDNSMigration and see to \
                 CoreDNS by hand."
            ),
            [],
        )
        .link(link::KUBEADM_UPGRADE)
        .inferred()
}

fn judge(context: &Context<'_>, deployment: &Workload, subject: Subject) -> Finding {
    let reference = deployment
        .template()
        .and_then(|template| template.spec.containers.first())
        .map_or("", |container| &container.image);
    let target = context.target;
    // Of the first of several hops only the minor is known: its newest patch stands for it.
    let newest = context.catalog.newest_patch(target.first_hop());
    let to = if target.hops().len() > 1 { newest.as_ref().unwrap_or(&target.to) } else { &target.to };
    let bare = |tag: &str| tag.trim_start_matches('v').to_owned();
    let tag = bare(Image::of(reference).tag.unwrap_or_default());
    let Some((pin, pinned)) = brings(context, to) else {
        let message = format!("CoreDNS is {reference}; which one kubeadm {to} brings is not known");
        return Finding::new("CoreDnsVersion", Severity::Notice, subject, message);
    };
    if tag == bare(pin) {
        return Finding::new("CoreDnsVersion", Severity::Pass, subject, format!("CoreDNS stays at {tag}"));
    }
    let Some(running) = parse(&tag) else {
        let message = format!("CoreDNS is {reference}, whose tag kubeadm does not know");
        return stops(
            subject,
            &message,
            "give the Deployment an image whose tag is a plain version of CoreDNS",
        );
    };
    if running > pinned {
        let later = newest
            .as_ref()
            .filter(|newest| brings(context, newest).is_some_and(|(_, brought)| brought >= running));
        let remedy = later.map_or_else(
            || format!("bring CoreDNS back to {pinned}"),
            |later| format!("take {later} as the target, which brings {running} or later"),
        );
        return stops(
            subject,
            &format!("CoreDNS {running} is newer than {pinned}, which kubeadm {to} brings"),
            &remedy,
        );
    }
    if context.catalog.images.iter().any(|images| bare(&images.coredns) == tag) {
        return Finding::new(
            "CoreDnsVersion",
            Severity::Pass,
            subject,
            format!("CoreDNS goes from {running} to {pinned}"),
        );
    }
    let message = format!(
        "CoreDNS is {tag}, which no kubeadm ever brought: {to} may not know how to go on \
             from it"
    );
    Finding::new("CoreDnsUnusual", Severity::Warning, subject, message)
        .why(
            "If it does not, its preflight check CoreDNSMigration ends the upgrade before it \
             begins: \"start version not supported\".",
        )
        .remedy(
            "Ask it, on a control plane, with the kubeadm of the target:",
            [format!("kubeadm upgrade plan v{to}")],
        )
        .link(link::KUBEADM_UPGRADE)
}

/// The tag that a kubeadm brings, and its version.
fn brings<'a>(context: &Context<'a>, kubeadm: &Version) -> Option<(&'a str, Version)> {
    let tag = context.catalog.kubeadm_images(kubeadm)?.images.coredns.as_str();
    Some((tag, parse(tag)?))
}
