//! What conditions of steps are made of: questions to the evidence, each answered yes, no or unknown.

mod addons;

pub use addons::{
    core_dns_is_ready, has_kube_proxy, kube_proxies_are, kube_proxy_is_asked_for, kube_proxy_serves,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::checks::common::image::Image;
use crate::checks::common::kubeadm;
use crate::checks::common::static_pods;
use crate::evidence::objects::{Node, Pod};
use crate::evidence::{ApiServer, Evidence, NodeFacts, Unread};
use crate::version::Version;

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// It was seen to.
    Yes,
    /// It was seen not to.
    No,
    /// What would show it was not read.
    Unknown,
}

/// Something that must hold, and whether it was seen to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `the API server of cp1 is v1.31.14`
    pub what: String,
    /// Whether it does.
    pub holds: Holds,
    /// What was seen in its place, or why nothing was.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub why: String,
}

impl Condition {
    /// That something holds or not; `why` says what was seen where it does not.
    pub fn of(what: impl Into<String>, holds: bool, why: impl Into<String>) -> Self {
        let (holds, why) = if holds { (Holds::Yes, String::new()) } else { (Holds::No, why.into()) };
        Self { what: what.into(), holds, why }
    }

    /// That nobody knows.
    pub fn unknown(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), holds: Holds::Unknown, why: why.into() }
    }

    /// That a read is missing.
    pub fn unread(what: impl Into<String>, unread: &Unread) -> Self {
        Self::unknown(what, unread.to_string())
    }
}

/// What all conditions come to: no before unknown before yes. Without conditions nothing was seen: unknown.
pub fn all(conditions: &[Condition]) -> Holds {
    let any = |holds| conditions.iter().any(|condition| condition.holds == holds);
    if conditions.is_empty() || any(Holds::Unknown) && !any(Holds::No) {
        Holds::Unknown
    } else if any(Holds::No) {
        Holds::No
    } else {
        Holds::Yes
    }
}

/// The API server of a node: by the name in its Lease, or by the node's address.
pub fn server_of<'a>(evidence: &'a Evidence, node: &Node) -> Option<&'a ApiServer> {
    let is_here = |server: &&ApiServer| {
        if server.hostname.as_ref().is_some_and(|hostname| *hostname == node.metadata.name) {
            return true;
        }
        let ip = server.address.rsplit_once(':').map_or(server.address.as_str(), |(ip, _)| ip);
        let ip = ip.trim_start_matches('[').trim_end_matches(']');
        node.status.addresses.iter().any(|address| address.kind == "InternalIP" && address.address == ip)
    };
    let servers = &evidence.servers.servers;
    let here = servers.iter().find(is_here);
    if here.is_some_and(|server| server.version.value().is_some()) {
        return here;
    }
    // Where the way to a cluster leads through a tunnel or a balancer, what answers there is the only one that there is.
    let nodes = &evidence.objects.nodes;
    let alone = nodes.is_complete() && nodes.iter().filter(|node| node.is_control_plane()).count() == 1;
    let entry = || servers.iter().find(|server| !server.direct && server.version.value().is_some());
    if alone { entry().or(here) } else { here }
}

/// The API server of a node itself, not a balancer, says that it is of a version, and that it is ready, its way to
/// etcd too.
pub fn server_is(evidence: &Evidence, node: &Node, version: &Version) -> Vec<Condition> {
    let name = &node.metadata.name;
    let what = format!("the API server of {name} says v{version}");
    let ready = format!("the API server of {name} is ready, and reaches etcd");
    let Some(server) = server_of(evidence, node) else {
        let why = "no API server is known at its address";
        return vec![Condition::unknown(what, why), Condition::unknown(ready, why)];
    };
    let says = match server.version.get() {
        Ok((seen, _)) => Condition::of(what, seen == version, format!("it says v{seen}")),
        Err(unread) => Condition::unread(what, unread),
    };
    let is_ready = match server.ready.get() {
        Ok((health, _)) => {
            let why = format!("failed: {}", health.failed.join(", "));
            Condition::of(ready, health.ok && health.etcd != Some(false), why)
        }
        Err(unread) => Condition::unread(ready, unread),
    };
    vec![says, is_ready]
}

/// When the API server of a node was last asked if it is ready, and answered.
pub fn server_asked_at(evidence: &Evidence, node: &str) -> Option<Timestamp> {
    let node = evidence.objects.nodes.iter().find(|other| other.metadata.name == *node)?;
    server_of(evidence, node)?.ready.get().ok().map(|(_, stamp)| stamp.at)
}

/// Every API server that the cluster knows of is of a version.
pub fn all_servers_are(evidence: &Evidence, version: &Version) -> Condition {
    let what = format!("every API server is v{version}");
    let others: Vec<String> = evidence
        .servers
        .versions()
        .filter(|(_, seen)| *seen != version)
        .map(|(address, seen)| format!("{address} is v{seen}"))
        .collect();
    if !others.is_empty() {
        return Condition::of(what, false, others.join(", "));
    }
    if evidence.servers.all_versions_read() && !evidence.servers.servers.is_empty() {
        Condition::of(what, true, "")
    } else {
        Condition::unknown(what, "not every API server answered for itself")
    }
}

/// kubeadm-config names a version: `kubeadm upgrade apply` uploads it when its control plane runs, first of what it does then;
/// kubelet-config, tokens and addons follow. Source: `PerformPostUpgradeTasks` in kubeadm's `postupgrade.go`.
pub fn kubeadm_config_is(evidence: &Evidence, version: &Version) -> Condition {
    let what = format!("kubeadm-config says v{version}");
    match kubeadm::configuration(evidence) {
        Ok((configuration, _)) => {
            let says = configuration.kubernetes_version;
            let same = says.parse::<Version>().is_ok_and(|says| says == *version);
            Condition::of(what, same, format!("it says {says}"))
        }
        Err(unread) => Condition::unread(what, &unread),
    }
}

/// Whether etcd is in static pods that kubeadm makes.
///
/// # Errors
/// Why that is not known.
pub fn etcd_is_stacked(evidence: &Evidence) -> Result<bool, Unread> {
    kubeadm::configuration(evidence).map(|(configuration, _)| configuration.etcd.external.is_none())
}

/// The mirror of a component's static pod on a node.
fn static_pod<'a>(evidence: &'a Evidence, node: &str, component: &str) -> Option<&'a Pod> {
    static_pods::of(&evidence.objects.pods, component).find(|pod| pod.spec.node_name == *node)
}

/// The static pods of a control plane run images of a version, and are ready; etcd, where it is one, is ready.
pub fn static_pods_are(evidence: &Evidence, node: &str, version: &Version) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for component in static_pods::VERSIONED {
        let what = format!("{component} of {node} runs v{version}, and is ready");
        conditions.push(pod_condition(evidence, node, component, what, Some(version)));
    }
    if etcd_is_stacked(evidence).unwrap_or(true) {
        let what = format!("etcd of {node} runs, and is ready");
        conditions.push(pod_condition(evidence, node, "etcd", what, None));
    }
    conditions
}

fn pod_condition(
    evidence: &Evidence,
    node: &str,
    component: &str,
    what: String,
    version: Option<&Version>,
) -> Condition {
    let pods = &evidence.objects.pods;
    if let Some(gap) = pods.gaps().first() {
        return Condition::unread(what, gap);
    }
    let Some(pod) = static_pod(evidence, node, component) else {
        return Condition::of(what, false, "it has no such static pod");
    };
    let image = pod.spec.containers.first().map(|container| container.image.as_str()).unwrap_or_default();
    let runs = version.is_none_or(|version| Image::of(image).version().as_ref() == Some(version));
    let why = if runs { "it is not ready".to_owned() } else { format!("its image is {image}") };
    Condition::of(what, runs && pod.is_ready() && pod.metadata.deletion_timestamp.is_none(), why)
}

/// Whether the manifests of a control plane name images of a version, as its probe saw them: what kubeadm leaves, and
/// what the kubelet has yet to start.
pub fn manifests_are(facts: &NodeFacts, version: &Version) -> bool {
    let manifests = facts.static_pods.as_deref().unwrap_or_default();
    static_pods::VERSIONED.iter().all(|component| {
        let manifest = manifests.iter().find(|manifest| manifest.name.as_deref() == Some(component));
        manifest.is_some_and(|manifest| {
            manifest.images.iter().any(|image| Image::of(image).version().as_ref() == Some(version))
        })
    })
}

/// The kubelet of a node is of a version, as the Node says.
pub fn kubelet_is(node: &Node, version: &Version) -> Condition {
    let says = node.status.node_info.kubelet_version.as_str();
    let same = says.parse::<Version>().is_ok_and(|says| says == *version);
    let what = format!("the kubelet of {} says v{version}", node.metadata.name);
    Condition::of(what, same, format!("it says {says}"))
}

/// A node is Ready.
pub fn node_is_ready(node: &Node) -> Condition {
    let what = format!("{} is Ready", node.metadata.name);
    match node.condition("Ready") {
        Some(ready) => Condition::of(what, ready.status == "True", format!("Ready is {}", ready.status)),
        None => Condition::unknown(what, "the Node has no condition Ready"),
    }
}

/// A program of the package manager is of a version, and whole; with apt it is held again. With dnf the repository's own
/// `exclude` does that, which no package shows.
pub fn package_is(facts: &NodeFacts, name: &str, version: &Version) -> Condition {
    let by_apt = facts.packages.as_ref().is_none_or(|packages| packages.manager.as_deref() != Some("dnf"));
    let whole = if by_apt { "whole and held" } else { "whole" };
    let what = format!("the package {name} is {version}, {whole}");
    let packages = match facts.read("packages", &facts.packages) {
        crate::evidence::node_facts::Known::Read(packages)
        | crate::evidence::node_facts::Known::Partly(packages, _) => packages,
        crate::evidence::node_facts::Known::Unread(why) => return Condition::unknown(what, why),
    };
    let Some(package) = packages.installed.iter().find(|package| package.name == *name) else {
        return Condition::of(what, false, "it is not installed as a package");
    };
    let seen = package.version.as_deref().unwrap_or("of unknown version");
    let same = package_version(seen).as_ref() == Some(version);
    let status = package.status.as_deref().unwrap_or("installed");
    let why = if !same {
        format!("it is {seen}")
    } else if status != "installed" {
        format!("it is {status}")
    } else {
        "it is not held".to_owned()
    };
    let held = !by_apt || package.held != Some(false);
    Condition::of(what, same && status == "installed" && held, why)
}

/// `1.31.14` of a package's version, such as `1.31.14-1.1` or `0:1.31.14-150500.1.1`.
pub fn package_version(text: &str) -> Option<Version> {
    let text = text.split_once(':').map_or(text, |(_, rest)| rest);
    text.split_once('-').map_or(text, |(version, _)| version).parse().ok()
}

/// kubeadm on the disk says that it is of a version.
pub fn kubeadm_is(facts: &NodeFacts, version: &Version) -> Condition {
    let what = format!("kubeadm says v{version}");
    match facts.kubeadm.as_ref().and_then(|program| program.version.as_deref()) {
        Some(says) => {
            let same = says.parse::<Version>().is_ok_and(|says| says == *version);
            Condition::of(what, same, format!("it says {says}"))
        }
        None => Condition::unknown(what, facts.why_unread("kubeadm").unwrap_or("the probe does not say")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_goes_before_unknown_and_nothing_is_not_yes() {
        let yes = Condition::of("a", true, "");
        let no = Condition::of("b", false, "it is not");
        let unknown = Condition::unknown("c", "not read");
        assert_eq!(all(&[]), Holds::Unknown);
        assert_eq!(all(std::slice::from_ref(&yes)), Holds::Yes);
        assert_eq!(all(&[yes.clone(), unknown.clone()]), Holds::Unknown);
        assert_eq!(all(&[unknown, no, yes]), Holds::No);
    }

    #[test]
    fn versions_of_packages_are_read_in_each_packaging() {
        let version = |text| package_version(text).map(|version| version.to_string());
        assert_eq!(version("1.31.14-1.1").as_deref(), Some("1.31.14"));
        assert_eq!(version("0:1.31.14-150500.1.1").as_deref(), Some("1.31.14"));
        assert_eq!(version("1.31.14").as_deref(), Some("1.31.14"));
        assert_eq!(version("soon"), None);
    }
}
