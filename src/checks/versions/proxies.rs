//! kube-proxy beside API servers and kubelets, by the images of its pods. A Node's own word for it
//! (`nodeInfo.kubeProxyVersion`) was never right, and is not read (KEP-4004).

use std::collections::{BTreeMap, HashMap};

use super::{Context, minors, parse};
use crate::catalog::Skew;
use crate::checks::common::image::Image;
use crate::checks::common::{addons, link, list};
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::Stamp;
use crate::evidence::objects::Pod;
use crate::version::{Minor, Version};

pub(super) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let gaps = context.evidence.objects.pods.gaps();
    // kubeadm brings it to the target in the hop, so nothing here blocks one.
    let mut findings = unknowns("KubeProxyVersionUnread", Severity::Warning, &subject(), &gaps);
    let seen = Seen::by(context);
    findings.extend(seen.without_version());
    let kubelets = kubelets(context);
    for (version, nodes) in &seen.versions {
        let proxies = Proxies { context, version, nodes, stamp: seen.stamp };
        findings.extend(proxies.ahead_of_the_servers());
        findings.extend(proxies.behind_the_hop());
        findings.extend(proxies.far_from(&kubelets));
    }
    if gaps.is_empty() {
        findings.extend(seen.nobody());
    }
    if findings.is_empty() {
        findings.push(seen.pass());
    }
    findings
}

fn subject() -> Subject {
    Subject::object("apps/v1", "DaemonSet", "kube-system", "kube-proxy")
}

/// The minor of each node's kubelet, where it says one.
fn kubelets<'a>(context: &Context<'a>) -> HashMap<&'a str, Minor> {
    let nodes = context.evidence.objects.nodes.iter();
    nodes
        .filter_map(|node| {
            Some((node.metadata.name.as_str(), parse(&node.status.node_info.kubelet_version)?.minor()))
        })
        .collect()
}

/// The version that the image of a pod of kube-proxy names.
fn version(pod: &Pod) -> Option<Version> {
    let container = pod.spec.containers.iter().find(|container| container.name == "kube-proxy")?;
    Image::of(&container.image).version()
}

/// Where pods of kube-proxy are.
struct Seen<'a> {
    /// The nodes, by the version that runs there.
    versions: BTreeMap<Version, Vec<&'a str>>,
    /// The nodes whose pod's image does not say its version.
    strange: Vec<&'a str>,
    /// The read of the pods.
    stamp: Option<&'a Stamp>,
}

impl<'a> Seen<'a> {
    fn by(context: &Context<'a>) -> Self {
        let pods = &context.evidence.objects.pods;
        let mut seen = Self { versions: BTreeMap::new(), strange: Vec::new(), stamp: pods.stamp.as_ref() };
        for pod in addons::kube_proxy(pods) {
            match version(pod) {
                Some(version) => seen.versions.entry(version).or_default().push(&pod.spec.node_name),
                None => seen.strange.push(&pod.spec.node_name),
            }
        }
        seen
    }

    /// What cannot be judged, for its image has a tag of somebody's own.
    fn without_version(&self) -> Option<Finding> {
        if self.strange.is_empty() {
            return None;
        }
        let nodes = list::names(&self.strange);
        let why = format!("the image of kube-proxy has a tag that is no version, on {nodes}");
        Some(Finding::unshown("KubeProxyVersionUnread", Severity::Warning, subject(), &why, self.stamp))
    }

    fn nobody(&self) -> Option<Finding> {
        let message = "no pod of kube-proxy is in kube-system: something else may do its work";
        (self.versions.is_empty() && self.strange.is_empty()).then(|| {
            Finding::new("KubeProxyAbsent", Severity::Notice, subject(), message)
                .saw("no pod with k8s-app=kube-proxy", self.stamp)
        })
    }

    fn pass(&self) -> Finding {
        let each: Vec<String> =
            self.versions.iter().map(|(version, nodes)| format!("{} at {version}", nodes.len())).collect();
        let message = format!("kube-proxy: {}", list::names(&each));
        Finding::new("KubeProxyWithinSkew", Severity::Pass, subject(), message)
            .saw("images of its pods", self.stamp)
    }
}

/// The pods of one version.
struct Proxies<'a> {
    context: &'a Context<'a>,
    version: &'a Version,
    nodes: &'a [&'a str],
    stamp: Option<&'a Stamp>,
}

impl Proxies<'_> {
    fn ahead_of_the_servers(&self) -> Option<Finding> {
        let Skew::TooNew(distance) = self.beside_servers(self.context.target.from.minor()) else {
            return None;
        };
        let message =
            format!("kube-proxy {} is {} ahead of the oldest API server", self.version, minors(distance));
        Some(self.skewed(message, "It may not be newer than an API server. The hop mends it."))
    }

    fn behind_the_hop(&self) -> Option<Finding> {
        let hop = self.context.target.first_hop();
        let Skew::TooOld(distance) = self.beside_servers(hop) else { return None };
        let message = format!("kube-proxy {} is {} behind {hop}", self.version, minors(distance));
        Some(self.skewed(
            message,
            "kubeadm brings it to the target once every API server is there; until then it is older than the rules \
             allow.",
        ))
    }

    fn far_from(&self, kubelets: &HashMap<&str, Minor>) -> Option<Finding> {
        let is_far = |node: &&&str| {
            kubelets.get(**node).is_some_and(|kubelet| {
                self.context.skew("kube-proxy", "kubelet", self.version.minor(), *kubelet) != Skew::Within
            })
        };
        let far: Vec<&str> = self.nodes.iter().filter(is_far).copied().collect();
        if far.is_empty() {
            return None;
        }
        let nodes = list::names(&far);
        let message = format!("kube-proxy {} is too far from the kubelet of {nodes}", self.version);
        Some(self.skewed(message, "It may be three minors from the kubelet of its node."))
    }

    fn beside_servers(&self, server: Minor) -> Skew {
        self.context.skew("kube-proxy", "kube-apiserver", self.version.minor(), server)
    }

    fn skewed(&self, message: String, why: &str) -> Finding {
        Finding::new("KubeProxySkew", Severity::Warning, subject(), message)
            .why(why)
            .saw(format!("kube-proxy {} runs on {}", self.version, list::names(self.nodes)), self.stamp)
            .link(link::SKEW)
    }
}
