//! Pods that a kubelet has refused already, in its own words: known by the API alone.
//!
//! Source: k8s.io/kubernetes pkg/kubelet/lifecycle/handlers.go (`AppArmor`), pkg/kubelet/kubelet.go (softAdmitHandlers keep such
//! a pod Pending, admitHandlers make it Failed) and kubelet_pods.go, 1.30.14 and 1.31.14.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{Ability, ability};
use super::profile::Need;
use super::remedy;
use crate::checks::common::owner::Owners;
use crate::checks::common::{link, list, shell};
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::Evidence;
use crate::evidence::objects::Pod;

/// The word by which a kubelet refuses a pod for want of AppArmor.
const REASON: &str = "AppArmor";
/// How many pods a command names at most.
const NAMED: usize = 10;

/// The refused pods by the owner that makes them.
#[derive(Default)]
pub(super) struct Refused<'a> {
    by_owner: BTreeMap<Subject, Vec<&'a Pod>>,
}

impl<'a> Refused<'a> {
    /// Looks through all pods.
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let listing = &evidence.objects.pods;
        let pods: Vec<&Pod> = listing.iter().filter(|pod| is_refused(evidence, pod)).collect();
        let mut refused = Self::default();
        if !pods.is_empty() {
            let owners = Owners::of(&evidence.objects);
            for pod in pods {
                refused.by_owner.entry(owners.subject_of(pod)).or_default().push(pod);
            }
        }
        refused
    }

    /// Whether this owner's pods were refused on all of these nodes, so that nothing is left to say of them.
    pub(super) fn says_all<'n>(&self, owner: &Subject, mut nodes: impl Iterator<Item = &'n str>) -> bool {
        let Some(pods) = self.by_owner.get(owner) else { return false };
        nodes.all(|node| pods.iter().any(|pod| pod.spec.node_name == node))
    }

    /// One finding an owner.
    pub(super) fn findings(&self, evidence: &Evidence) -> Vec<Finding> {
        self.by_owner.iter().map(|(owner, pods)| finding(evidence, owner, pods)).collect()
    }
}

/// Whether it was refused, and would be again: a pod that failed stays for long, and its node may have AppArmor by now.
fn is_refused(evidence: &Evidence, pod: &Pod) -> bool {
    let (status, node) = (&pod.status, pod.spec.node_name.as_str());
    if status.reason != REASON || pod.metadata.deletion_timestamp.is_some() {
        return false;
    }
    match status.phase.as_str() {
        "Pending" => true,
        "Failed" => {
            evidence.facts_of(node).map_or(true, |(facts, _)| ability(facts, node, Need::On) != Ability::Can)
        }
        _ => false,
    }
}

fn finding(evidence: &Evidence, owner: &Subject, pods: &[&Pod]) -> Finding {
    let nodes: BTreeSet<&str> = pods.iter().map(|pod| pod.spec.node_name.as_str()).collect();
    let nodes: Vec<&str> = nodes.into_iter().collect();
    let who = match pods {
        _ if owner.kind == "Pod" => "it was".to_owned(),
        [_] => "1 of its pods was".to_owned(),
        pods => format!("{} of its pods were", pods.len()),
    };
    let message = format!("{who} refused on {}, where AppArmor cannot be applied", list::names(&nodes));
    let pending = pods.iter().any(|pod| pod.status.phase == "Pending");
    let why = if pending {
        "It does not run, and stays Pending there, bound to the node, until it is deleted."
    } else {
        "It does not run: a pod that failed stays as it is, and what its owner makes instead is refused again where \
         AppArmor cannot be applied."
    };
    let mut finding = Finding::new("AppArmorRefused", Severity::Warning, owner.clone(), message)
        .why(why)
        .link(link::APPARMOR);
    for node in &nodes {
        let there = || pods.iter().filter(|pod| pod.spec.node_name == *node);
        let Some(first) = there().next() else { continue };
        let more = match there().count() {
            0 | 1 => String::new(),
            all => format!(", and {} more there", all - 1),
        };
        let (name, status) = (&first.metadata.name, &first.status);
        let saw = format!("{name} on {node}: {}, {}: {}{more}", status.phase, status.reason, status.message);
        finding = finding.saw(saw, evidence.objects.pods.stamp.as_ref());
    }
    let named: Vec<&str> = pods.iter().take(NAMED).map(|pod| pod.metadata.name.as_str()).collect();
    let delete = shell::kubectl(&owner.namespace, &[&["delete", "pod"], named.as_slice()].concat());
    finding.remedy(format!("{} Then delete what was refused.", remedy::TURN_ON), [delete])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::checks::Finding;
    use crate::checks::testing::{World, codes, now, of_code, only};
    use crate::evidence::objects::Kind;

    const CHECK: &str = "apparmor";
    const WORDS: &str = "Cannot enforce AppArmor: AppArmor is not enabled on the host";

    fn pod(name: &str, node: &str, owners: &Value, phase: &str) -> Value {
        json!({ "metadata": { "namespace": "shop", "name": name, "ownerReferences": owners },
            "spec": { "nodeName": node, "containers": [{ "name": "web",
                "securityContext": { "appArmorProfile": { "type": "RuntimeDefault" } } }] },
            "status": { "phase": phase, "reason": "AppArmor", "message": WORDS } })
    }

    /// A cluster whose w1 has no AppArmor.
    fn off() -> World {
        let mut world = World::new("1.31.4");
        world.facts("w1", |facts| facts.app_armor.as_mut().unwrap().enabled = Some(false));
        world
    }

    fn of_set() -> Value {
        json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7c", "controller": true }])
    }

    fn refused(findings: &[Finding]) -> &Finding {
        only(findings, "AppArmorRefused")
    }

    #[test]
    fn a_refused_pod_is_said_where_it_was_refused() {
        for phase in ["Failed", "Pending"] {
            let mut world = off();
            world.pod(pod("alone", "w1", &json!([]), phase));
            let findings = world.check(CHECK, "1.32.4");
            let finding = refused(&findings);
            assert_eq!(of_code(&findings, "AppArmorRefused"), ["warning shop/Pod/alone"], "{phase}");
            assert_eq!(finding.message, "it was refused on w1, where AppArmor cannot be applied");
            assert_eq!(finding.evidence[0].saw, format!("alone on w1: {phase}, AppArmor: {WORDS}"));
            assert_eq!(finding.why.contains("stays Pending there"), phase == "Pending");
            assert_eq!(finding.remedy.as_ref().unwrap().commands, ["kubectl -n shop delete pod alone"]);
            assert!(!findings.iter().any(|finding| finding.code == "AppArmorReady"), "{phase}");
        }
    }

    #[test]
    fn the_api_alone_shows_it() {
        let mut world = World::new("1.30.4");
        world.api_only();
        world.pod(pod("alone", "w1", &json!([]), "Failed"));
        assert_eq!(codes(&world.check(CHECK, "1.31.4")), ["AppArmorRefused"]);
    }

    #[test]
    fn what_is_gone_or_mended_or_of_another_reason_is_not_said() {
        let codes_of = |change: &dyn Fn(&mut Value)| {
            let mut world = off();
            let mut pod = pod("alone", "w1", &json!([]), "Failed");
            change(&mut pod);
            world.pod(pod);
            codes(&world.check(CHECK, "1.32.4")).join(" ")
        };
        assert_eq!(codes_of(&|_| {}), "AppArmorRefused");
        assert_eq!(codes_of(&|pod| pod["status"]["reason"] = json!("Evicted")), "");
        assert_eq!(codes_of(&|pod| pod["metadata"]["deletionTimestamp"] = json!(now())), "");
        assert_eq!(codes_of(&|pod| pod["spec"]["nodeName"] = json!("w2")), "", "w2 has AppArmor by now");
    }

    #[test]
    fn the_owner_is_told_once_and_with_where_else_it_may_be_put() {
        let mut world = off();
        world.workload(
            Kind::ReplicaSet,
            json!({ "metadata": { "namespace": "shop", "name": "web-7c" },
                "spec": { "replicas": 2, "template": pod("x", "", &json!([]), "")} }),
        );
        for name in ["web-7c-a", "web-7c-b"] {
            world.pod(pod(name, "w1", &of_set(), "Failed"));
        }
        let findings = world.check(CHECK, "1.32.4");
        let finding = refused(&findings);
        assert_eq!(finding.message, "2 of its pods were refused on w1, where AppArmor cannot be applied");
        assert!(finding.evidence[0].saw.ends_with("the host, and 1 more there"), "{:?}", finding.evidence);
        assert_eq!(codes(&findings), ["AppArmorRefused"], "that they may run on w1 is not said beside it");
        world.facts("w2", |facts| facts.app_armor.as_mut().unwrap().enabled = Some(false));
        let findings = world.check(CHECK, "1.32.4");
        assert_eq!(codes(&findings), ["AppArmorOff", "AppArmorRefused"], "w2 may be next");
    }
}
