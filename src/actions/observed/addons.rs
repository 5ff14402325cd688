//! kubeadm's addons, kube-proxy and CoreDNS: what it writes anew only when every control plane is of the target, and what
//! each node then fetches by itself, long after kubeadm has said SUCCESS.
//!
//! Source: `PerformAddonsUpgrade` in kubeadm's `app/phases/upgrade/postupgrade.go`. A cluster without the addon's ConfigMap
//! is left without the addon, and one whose DaemonSet alone is gone gets it back.

use std::collections::HashMap;

use super::Condition;
use crate::checks::common::image::Image;
use crate::checks::common::{addons, list};
use crate::evidence::objects::{Kind, Node, Pod, Workload};
use crate::evidence::{Evidence, Reason};
use crate::version::Version;

/// Whether kubeadm leaves kube-proxy alone: it does where its ConfigMap is not there, and somebody else may look after it.
fn is_anothers(evidence: &Evidence) -> bool {
    let reading = evidence.config_maps.get("kube-proxy");
    reading.and_then(|reading| reading.get().err()).is_some_and(|unread| unread.reason == Reason::Absent)
}

/// The DaemonSet of kube-proxy asks for a version. Nothing where there is none, or where kubeadm leaves it alone.
pub fn kube_proxy_is_asked_for(evidence: &Evidence, version: &Version) -> Option<Condition> {
    if is_anothers(evidence) {
        return None;
    }
    let what = format!("the DaemonSet kube-proxy asks for v{version}");
    let Some(set) = workload(evidence, Kind::DaemonSet, "kube-proxy") else {
        let sets = evidence.objects.workloads.get(&Kind::DaemonSet);
        return sets.and_then(|sets| Some(Condition::unread(what, sets.gaps().first()?)));
    };
    let image = set.template()?.spec.containers.first()?.image.as_str();
    let same = Image::of(image).version().as_ref() == Some(version);
    Some(Condition::of(what, same, format!("it asks for {image}")))
}

/// An addon's workload.
fn workload<'a>(evidence: &'a Evidence, kind: Kind, name: &str) -> Option<&'a Workload> {
    let mut all = evidence.objects.workloads.get(&kind)?.iter();
    all.find(|it| it.metadata.name == *name && it.metadata.namespace == *"kube-system")
}

/// Whether the cluster has kube-proxy: its pods, or what makes them.
pub fn has_kube_proxy(evidence: &Evidence) -> bool {
    addons::kube_proxy(&evidence.objects.pods).next().is_some()
        || workload(evidence, Kind::DaemonSet, "kube-proxy").is_some()
}

/// kube-proxy of a node, which is among its pods, `here`, routes what is sent to Services, whichever its version: for a
/// cluster that [has it](has_kube_proxy).
pub fn kube_proxy_serves(evidence: &Evidence, node: &str, here: &[&Pod]) -> Condition {
    let pods = &evidence.objects.pods;
    let what = format!("kube-proxy of {node} is ready");
    if let Some(gap) = pods.gaps().first() {
        return Condition::unread(what, gap);
    }
    let proxy = here.iter().find(|pod| addons::is_kube_proxy(pod) && is_wanted(pod));
    let why = fault(proxy.copied(), None);
    Condition::of(what, why.is_none(), why.unwrap_or_default())
}

/// kube-proxy of every node of `nodes`, and wherever else it is, is of a version and ready; only ready where kubeadm leaves
/// it alone. Nothing where no node has kube-proxy.
pub fn kube_proxies_are(evidence: &Evidence, nodes: &[&Node], version: &Version) -> Option<Condition> {
    if !has_kube_proxy(evidence) {
        return None;
    }
    let pods = &evidence.objects.pods;
    let version = Some(version).filter(|_| !is_anothers(evidence));
    let of = version.map(|version| format!("v{version}, and ")).unwrap_or_default();
    let what = format!("kube-proxy of every node is {of}ready");
    if let Some(gap) = pods.gaps().first() {
        return Some(Condition::unread(what, gap));
    }
    let mut by_node: HashMap<&str, Option<&Pod>> =
        nodes.iter().map(|node| (node.metadata.name.as_str(), None)).collect();
    by_node.extend(
        addons::kube_proxy(pods)
            .filter(|pod| is_wanted(pod) && !pod.spec.node_name.is_empty())
            .map(|pod| (pod.spec.node_name.as_str(), Some(pod))),
    );
    let mut faults: Vec<(&str, String)> =
        by_node.into_iter().filter_map(|(node, pod)| Some((node, fault(pod, version)?))).collect();
    faults.sort_unstable();
    // A DaemonSet goes from node to node, and stays where one does not come up: that one is the cause.
    faults.sort_by_key(|(_, why)| why.starts_with("it is v"));
    let why: Vec<String> = faults.iter().map(|(node, why)| format!("{node}: {why}")).collect();
    Some(Condition::of(what, faults.is_empty(), list::names(&why)))
}

/// Every pod of CoreDNS is ready. Nothing where the cluster has none.
pub fn core_dns_is_ready(evidence: &Evidence) -> Option<Condition> {
    let pods = &evidence.objects.pods;
    let what = "every pod of CoreDNS is ready";
    if let Some(gap) = pods.gaps().first() {
        return Some(Condition::unread(what, gap));
    }
    if addons::core_dns(pods).next().is_none() && workload(evidence, Kind::Deployment, "coredns").is_none() {
        return None;
    }
    if !addons::core_dns(pods).any(is_wanted) {
        return Some(Condition::of(what, false, "it has none"));
    }
    let faults: Vec<String> = addons::core_dns(pods)
        .filter(|pod| is_wanted(pod))
        .filter_map(|pod| Some(format!("{}: {}", pod.metadata.name, fault(Some(pod), None)?)))
        .collect();
    Some(Condition::of(what, faults.is_empty(), list::names(&faults)))
}

/// Whether a pod is there to stay.
const fn is_wanted(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
}

/// What is wrong with an addon's pod.
fn fault(pod: Option<&Pod>, version: Option<&Version>) -> Option<String> {
    let Some(pod) = pod else { return Some("not there: it has no pod".to_owned()) };
    if !pod.is_ready() {
        let waiting = pod.status.container_statuses.iter().find_map(|status| status.state.waiting.as_ref());
        return Some(match waiting {
            Some(waiting) if waiting.message.is_empty() => format!("not ready, {}", waiting.reason),
            Some(waiting) => format!("not ready, {}: {}", waiting.reason, waiting.message),
            None => "not ready".to_owned(),
        });
    }
    let version = version?;
    let image = pod.spec.containers.first().map(|container| container.image.as_str()).unwrap_or_default();
    match Image::of(image).version() {
        Some(runs) if runs == *version => None,
        Some(runs) => Some(format!("it is v{runs}")),
        None => Some(format!("its image tells no version: {image}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::actions::observed::Holds;
    use crate::checks::testing::World;

    /// The cluster after its DaemonSet went to a version.
    fn rolled(version: &str) -> World {
        let mut world = World::new("1.30.4");
        for node in ["cp1", "cp2", "cp3", "w1", "w2"] {
            image(&mut world, node, version);
        }
        world
    }

    fn image(world: &mut World, node: &str, version: &str) {
        world.edit_pod(&format!("kube-proxy-{node}"), |pod| {
            pod.spec.containers = serde_json::from_value(json!([
                { "name": "kube-proxy", "image": format!("registry.k8s.io/kube-proxy:v{version}") }]))
            .unwrap();
        });
    }

    fn serves(world: &World, node: &str) -> Condition {
        let pods = world.evidence.objects.pods.iter();
        let here: Vec<&Pod> = pods.filter(|pod| pod.spec.node_name == *node).collect();
        kube_proxy_serves(&world.evidence, node, &here)
    }

    fn cannot_pull(world: &mut World, node: &str) {
        world.edit_pod(&format!("kube-proxy-{node}"), |pod| {
            pod.status = serde_json::from_value(json!({ "phase": "Pending",
                "conditions": [{ "type": "Ready", "status": "False" }],
                "containerStatuses": [{ "name": "kube-proxy", "state": { "waiting": {
                    "reason": "ErrImagePull", "message": "no route to host" } } }] }))
            .unwrap();
        });
    }

    fn everywhere(world: &World, version: &str) -> Option<Condition> {
        let nodes: Vec<&Node> = world.evidence.objects.nodes.iter().collect();
        kube_proxies_are(&world.evidence, &nodes, &version.parse().unwrap())
    }

    #[test]
    fn one_node_that_cannot_fetch_its_image_is_named_before_those_that_wait_behind_it() {
        let mut world = rolled("1.31.14");
        assert_eq!(everywhere(&world, "1.31.14").unwrap().holds, Holds::Yes);
        image(&mut world, "cp2", "1.30.4");
        cannot_pull(&mut world, "w1");
        let seen = everywhere(&world, "1.31.14").unwrap();
        assert_eq!(seen.holds, Holds::No);
        assert_eq!(seen.why, "w1: not ready, ErrImagePull: no route to host and cp2: it is v1.30.4");
        assert_eq!(serves(&world, "w1").why, "not ready, ErrImagePull: no route to host");
        assert_eq!(serves(&world, "cp2").holds, Holds::Yes, "an old one serves");
    }

    #[test]
    fn a_node_whose_pod_is_gone_or_going_does_not_count_as_served() {
        let mut world = rolled("1.31.14");
        world.edit_pod("kube-proxy-w2", |pod| {
            pod.metadata.deletion_timestamp = Some(crate::checks::testing::now());
        });
        assert_eq!(everywhere(&world, "1.31.14").unwrap().why, "w2: not there: it has no pod");
        assert_eq!(serves(&world, "w2").holds, Holds::No);
    }

    #[test]
    fn an_image_that_tells_no_version_is_not_the_targets() {
        let mut world = rolled("1.31.14");
        world.edit_pod("kube-proxy-w1", |pod| {
            pod.spec.containers =
                serde_json::from_value(json!([{ "name": "kube-proxy", "image": "kube-proxy@sha256:00" }]))
                    .unwrap();
        });
        assert_eq!(
            everywhere(&world, "1.31.14").unwrap().why,
            "w1: its image tells no version: kube-proxy@sha256:00"
        );
        assert_eq!(serves(&world, "w1").holds, Holds::Yes, "it serves all the same");
    }

    #[test]
    fn a_cluster_without_kube_proxy_is_asked_nothing_about_it() {
        let mut world = World::new("1.30.4");
        world.evidence.objects.pods.items =
            world.evidence.objects.pods.items.iter().filter(|pod| pod.is_mirror()).cloned().collect();
        world.evidence.objects.workloads.clear();
        assert_eq!(everywhere(&world, "1.31.14"), None);
        assert!(!has_kube_proxy(&world.evidence));
        assert_eq!(kube_proxy_is_asked_for(&world.evidence, &"1.31.14".parse().unwrap()), None);
        assert_eq!(core_dns_is_ready(&world.evidence), None);
    }

    #[test]
    fn a_kube_proxy_that_kubeadm_leaves_alone_may_be_of_any_version() {
        let mut world = rolled("1.29.0");
        let absent = crate::evidence::Unread::new("get", "configmaps", Reason::Absent, "");
        world.evidence.config_maps.insert("kube-proxy".into(), crate::evidence::Reading::Unread(absent));
        let seen = everywhere(&world, "1.31.14").unwrap();
        assert_eq!((seen.what.as_str(), seen.holds), ("kube-proxy of every node is ready", Holds::Yes));
        assert_eq!(kube_proxy_is_asked_for(&world.evidence, &"1.31.14".parse().unwrap()), None);
        cannot_pull(&mut world, "w1");
        assert_eq!(everywhere(&world, "1.31.14").unwrap().holds, Holds::No);
    }

    #[test]
    fn pods_that_were_not_read_are_not_ready_pods() {
        let mut world = rolled("1.31.14");
        world.evidence.objects.pods.unread.push(crate::evidence::Unread::new(
            "list",
            "pods",
            crate::evidence::Reason::Forbidden,
            "",
        ));
        assert_eq!(everywhere(&world, "1.31.14").unwrap().holds, Holds::Unknown);
        assert_eq!(serves(&world, "w1").holds, Holds::Unknown);
        assert_eq!(core_dns_is_ready(&world.evidence).unwrap().holds, Holds::Unknown);
    }

    #[test]
    fn what_the_daemon_set_asks_for_is_seen_before_any_node_has_it() {
        let world = World::new("1.30.4");
        let asked =
            |version: &str| kube_proxy_is_asked_for(&world.evidence, &version.parse().unwrap()).unwrap();
        assert_eq!(asked("1.30.4").holds, Holds::Yes);
        assert_eq!(asked("1.31.14").why, "it asks for registry.k8s.io/kube-proxy:v1.30.4");
    }
}
