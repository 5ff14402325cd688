//! Each verdict, with its nearest neighbours that must not fire.

use serde_json::{Value, json};

use crate::checks::testing::{World, codes, of_code, only};
use crate::checks::{Severity, Verdict};
use crate::evidence::node_facts::Process;
use crate::evidence::objects::Node;

const CHECK: &str = "nodes";

fn condition(world: &mut World, node: &str, kind: &str, status: &str) {
    world.edit_node(node, |node| {
        let mut conditions: Vec<_> =
            node.status.conditions.iter().filter(|condition| condition.kind != kind).cloned().collect();
        conditions.push(
            serde_json::from_value(json!({ "type": kind, "status": status, "reason": "Because" })).unwrap(),
        );
        node.status.conditions = conditions.into_iter().collect();
    });
}

fn changed(node: &str, change: impl FnOnce(&mut Node)) -> World {
    let mut world = World::new("1.30.4");
    world.edit_node(node, change);
    world
}

fn with(node: &str, kind: &str, status: &str) -> World {
    let mut world = World::new("1.30.4");
    condition(&mut world, node, kind, status);
    world
}

/// For the tests that hold for all checks.
pub(in crate::checks) fn cases() -> Vec<(&'static str, World, &'static str)> {
    vec![
        ("a control plane that is not Ready", with("cp1", "Ready", "False"), "1.31.4"),
        ("a control plane under disk pressure", with("cp1", "DiskPressure", "True"), "1.31.4"),
    ]
}

#[test]
fn healthy_nodes_pass_with_their_number() {
    let findings = World::new("1.30.4").check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), [""; 0]);
    assert_eq!(only(&findings, "NodesReady").message, "5 of 5 nodes are Ready, without pressure");
    assert!(only(&findings, "MachinesReady").message.starts_with("5 machines gave facts"));
}

#[test]
fn kubeadm_wants_every_control_plane_ready() {
    let not_ready = |node: &str, status: &str| {
        let findings = with(node, "Ready", status).check(CHECK, "1.31.4");
        assert!(!findings.iter().any(|finding| finding.code == "NodesReady"));
        of_code(&findings, "NodeNotReady")
    };
    assert_eq!(not_ready("cp2", "False"), ["blocker Node/cp2"]);
    assert_eq!(not_ready("cp2", "Unknown"), ["blocker Node/cp2"]);
    assert_eq!(not_ready("w1", "False"), ["warning Node/w1"]);
    // Without a condition kubeadm sees nothing to refuse.
    let silent = changed("cp2", |node| node.status.conditions = std::iter::empty().collect());
    assert_eq!(of_code(&silent.check(CHECK, "1.31.4"), "NodeNotReady"), ["warning Node/cp2"]);
}

#[test]
fn pressure_weighs_by_what_it_does() {
    let pressure = |node: &str, kind: &str, status: &str| {
        of_code(&with(node, kind, status).check(CHECK, "1.31.4"), "NodePressure")
    };
    assert_eq!(pressure("cp1", "DiskPressure", "True"), ["blocker Node/cp1"]);
    assert_eq!(pressure("w1", "DiskPressure", "True"), ["warning Node/w1"]);
    assert_eq!(pressure("cp1", "MemoryPressure", "True"), ["warning Node/cp1"]);
    assert_eq!(pressure("w1", "PIDPressure", "True"), ["warning Node/w1"]);
    assert_eq!(pressure("cp1", "DiskPressure", "False"), [""; 0]);
    assert_eq!(
        codes(&with("w1", "NetworkUnavailable", "True").check(CHECK, "1.31.4")),
        ["NodeNetworkUnavailable"]
    );
    assert_eq!(codes(&with("w1", "NetworkUnavailable", "False").check(CHECK, "1.31.4")), [""; 0]);
    let findings = with("cp1", "DiskPressure", "True").check(CHECK, "1.31.4");
    assert_eq!(only(&findings, "NodePressure").evidence[0].saw, "DiskPressure is True (Because)");
}

#[test]
fn cordons_are_noticed_and_all_of_them_warned_of() {
    let cordon = |nodes: &[&str]| {
        let mut world = World::new("1.30.4");
        nodes.iter().for_each(|node| world.edit_node(node, |node| node.spec.unschedulable = Some(true)));
        let findings = world.check(CHECK, "1.31.4");
        (codes(&findings).join(" "), Verdict::of(&findings))
    };
    assert_eq!(cordon(&["w1"]), ("NodeCordoned".to_owned(), Verdict::Ready));
    assert_eq!(cordon(&["w1", "w2"]).0, "AllWorkersCordoned NodeCordoned");
    assert_eq!(cordon(&["cp1"]).0, "NodeCordoned");
}

#[test]
fn an_upgrades_own_cordon_is_not_somebody_elses() {
    let says = |annotations: serde_json::Value| {
        let mut world = World::new("1.30.4");
        world.edit_node("w1", |node| {
            node.spec.unschedulable = Some(true);
            node.metadata.annotations = serde_json::from_value(annotations).unwrap();
        });
        only(&world.check(CHECK, "1.31.4"), "NodeCordoned").message.clone()
    };
    assert_eq!(
        says(serde_json::json!({ "kubelift.io/cordoned-by": "kubelift me@desk" })),
        "it is cordoned by an upgrade: kubelift me@desk"
    );
    assert_eq!(says(serde_json::json!({})), "it is cordoned already, by somebody else");
}

#[test]
fn taints_of_concern_are_named() {
    let tainted = |node: &str, taints: Value| {
        let world = changed(node, |node| node.spec.taints = serde_json::from_value(taints).unwrap());
        codes(&world.check(CHECK, "1.31.4")).join(" ")
    };
    assert_eq!(tainted("w1", json!([{ "key": "gpu", "effect": "NoSchedule" }])), "");
    assert_eq!(tainted("w1", json!([{ "key": "gpu", "effect": "NoExecute" }])), "NodeTaintedNoExecute");
    assert_eq!(tainted("w1", json!([{ "key": "node.kubernetes.io/not-ready", "effect": "NoExecute" }])), "");
    assert_eq!(
        tainted(
            "w1",
            json!([{ "key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute" }])
        ),
        "NodeOutOfService"
    );
    assert_eq!(tainted("cp1", json!([])), "ControlPlaneTakesPods");
    assert_eq!(tainted("w1", json!([])), "");
}

#[test]
fn windows_nodes_are_named_and_left_to_hand() {
    let mut world = changed("w2", |node| node.status.node_info.operating_system = "windows".into());
    world.evidence.node_facts.remove("w2");
    let findings = world.check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), ["NodeLeftToHand"]);
    assert_eq!(only(&findings, "NodeLeftToHand").subject.to_string(), "Node/w2");
}

#[test]
fn a_runtime_is_held_against_what_the_hop_asks_for() {
    let runtime = |version: &str, from: &str, to: &str| {
        let mut world =
            changed("w1", |node| node.status.node_info.container_runtime_version = version.into());
        world.version = from.parse().unwrap();
        of_code(&world.check(CHECK, to), "RuntimeTooOld")
            .into_iter()
            .filter(|found| found.ends_with("/w1"))
            .collect::<Vec<_>>()
    };
    assert_eq!(runtime("containerd://1.5.9", "1.30.4", "1.31.4"), ["blocker Node/w1"]);
    assert_eq!(runtime("containerd://1.6.20~ds1", "1.30.4", "1.31.4"), [""; 0]);
    assert_eq!(
        runtime("containerd://1.5.9", "1.35.4", "1.36.4"),
        ["blocker Node/w1"],
        "what is required is not hidden by a warning"
    );
    assert_eq!(runtime("containerd://1.7.27", "1.35.4", "1.36.4"), ["warning Node/w1"]);
    assert_eq!(runtime("containerd://2.0.0", "1.35.4", "1.36.4"), [""; 0]);
    assert_eq!(runtime("cri-o://1.27.0", "1.35.4", "1.36.4"), ["warning Node/w1"]);
    assert_eq!(runtime("other://0.1", "1.35.4", "1.36.4"), [""; 0]);
}

#[test]
fn machines_tell_of_replaced_kubelets() {
    let replaced = |installed: &str, replaced: Option<bool>| {
        let mut world = World::new("1.30.4");
        world.facts("w1", |facts| {
            let kubelet = facts.kubelet.as_mut().unwrap();
            kubelet.version = Some(installed.into());
            kubelet.process = Some(Process { replaced, ..Process::default() });
        });
        of_code(&world.check(CHECK, "1.31.4"), "KubeletReplaced").len()
    };
    assert_eq!(replaced("v1.31.4", Some(true)), 1);
    assert_eq!(replaced("v1.31.4", Some(false)), 0);
    assert_eq!(replaced("v1.31.4", None), 0);
    assert_eq!(replaced("v1.30.4", Some(true)), 0, "the same version again");
}

#[test]
fn machines_without_facts_are_unknown_once_and_only_warn() {
    let mut world = World::new("1.30.4");
    world.evidence.node_facts.clear();
    let findings = world.check(CHECK, "1.31.4");
    let unknown = only(&findings, "NodeFactsUnread");
    assert_eq!(unknown.could_hide, Some(Severity::Warning));
    assert_eq!(
        unknown.message,
        "not known: could not probe node facts of cp1, cp2, cp3, w1 and w2: not provided"
    );
    assert_eq!(only(&findings, "NodesReady").severity, Severity::Pass, "what the API shows is read");
    world.api_only();
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), ["OutOfScope"]);
}
