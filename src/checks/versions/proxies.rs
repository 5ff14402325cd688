//! kube-proxy beside API servers and kubelets, by the images of its pods. A Node's own word for it
//! (`nodeInfo.kubeProxyVersion`) was never right, and is not read (KEP-4004).

use std::collections::{BTreeMap, HashMap};

use super::{Context, minors, parse};
use crate::catalog::Skew;
use crate::checks::common::image::Image;
use crate::checks::common::{addons, link, list};
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject};
use crate::version::{Minor, Version};

pub(super) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let objects = &context.evidence.objects;
    let subject = Subject::object("apps/v1", "DaemonSet", "kube-system", "kube-proxy");
    // kubeadm brings it to the target in the hop, so nothing here blocks one.
    let gaps = objects.pods.gaps();
    let mut findings = unknowns("KubeProxyVersionUnread", Severity::Warning, &subject, &gaps);
    let kubelets: HashMap<&str, Minor> = objects
        .nodes
        .iter()
        .filter_map(|node| {
            Some((node.metadata.name.as_str(), parse(&node.status.node_info.kubelet_version)?.minor()))
        })
        .collect();
    let (mut versions, mut strange): (BTreeMap<Version, Vec<&str>>, Vec<&str>) = Default::default();
    for pod in addons::kube_proxy(&objects.pods) {
        let image = pod
            .spec
            .containers
            .iter()
            .find(|container| container.name == "kube-proxy")
            .map(|container| Image::of(&container.image));
        match image.and_then(|image| image.version()) {
            Some(version) => versions.entry(version).or_default().push(&pod.spec.node_name),
            None => strange.push(&pod.spec.node_name),
        }
    }
    if !strange.is_empty() {
        let why =
            format!("the image of kube-proxy has a tag that is no version, on {}", list::names(&strange));
        let stamp = objects.pods.stamp.as_ref();
        findings.push(Finding::unshown(
            "KubeProxyVersionUnread",
            Severity::Warning,
            subject.clone(),
            &why,
            stamp,
        ));
    }
    for (version, nodes) in &versions {
        let by = |code: &str, message: String, why: &str| {
            Finding::new(code, Severity::Warning, subject.clone(), message)
                .why(why)
                .saw(
                    format!("kube-proxy {version} runs on {}", list::names(nodes)),
                    objects.pods.stamp.as_ref(),
                )
                .link(link::SKEW)
        };
        let hop = context.target.first_hop();
        let skew = |server: Minor| context.skew("kube-proxy", "kube-apiserver", version.minor(), server);
        if let Skew::TooNew(distance) = skew(context.target.from.minor()) {
            let message =
                format!("kube-proxy {version} is {} ahead of the oldest API server", minors(distance));
            findings.push(by(
                "KubeProxySkew",
                message,
                "It may not be newer than an API server. The hop mends it.",
            ));
        }
        if let Skew::TooOld(distance) = skew(hop) {
            let message = format!("kube-proxy {version} is {} behind {hop}", minors(distance));
            findings.push(by(
                "KubeProxySkew",
                message,
                "kubeadm brings it to the target once every API server is there; until then it is \
                 older than the rules allow.",
            ));
        }
        let far = nodes.iter().filter(|node| {
            kubelets.get(**node).is_some_and(|kubelet| {
                context.skew("kube-proxy", "kubelet", version.minor(), *kubelet) != Skew::Within
            })
        });
        let far: Vec<&str> = far.copied().collect();
        if !far.is_empty() {
            let message =
                format!("kube-proxy {version} is too far from the kubelet of {}", list::names(&far));
            findings.push(by(
                "KubeProxySkew",
                message,
                "It may be three minors from the kubelet of its node.",
            ));
        }
    }
    if gaps.is_empty() && versions.is_empty() && strange.is_empty() {
        let message = "no pod of kube-proxy is in kube-system: something else may do its work";
        findings.push(
            Finding::new("KubeProxyAbsent", Severity::Notice, subject.clone(), message)
                .saw("no pod with k8s-app=kube-proxy", objects.pods.stamp.as_ref()),
        );
    }
    if findings.is_empty() {
        let each: Vec<String> =
            versions.iter().map(|(version, nodes)| format!("{} at {version}", nodes.len())).collect();
        let message = format!("kube-proxy: {}", list::names(&each));
        findings.push(
            Finding::new("KubeProxyWithinSkew", Severity::Pass, subject, message)
                .saw("images of its pods", objects.pods.stamp.as_ref()),
        );
    }
    findings
}
