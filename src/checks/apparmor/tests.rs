//! Each verdict, with its nearest neighbours that must not fire.

use serde_json::{Value, json};

use crate::checks::testing::{World, codes, of_code, only, running};
use crate::checks::{Finding, Severity, Verdict};
use crate::evidence::objects::Kind;
use crate::evidence::objects::meta::APPARMOR_PREFIX;
use crate::evidence::{Reason, Unread};

const CHECK: &str = "apparmor";

/// A pod's metadata and spec that ask for a profile by annotation or by field.
fn by_annotation(value: &str) -> (Value, Value) {
    (json!({ format!("{APPARMOR_PREFIX}web"): value }), json!({ "containers": [{ "name": "web" }] }))
}

fn by_field(profile: &str) -> (Value, Value) {
    let context = json!({ "appArmorProfile": { "type": "Localhost", "localhostProfile": profile } });
    (json!({}), json!({ "containers": [{ "name": "web", "securityContext": context }] }))
}

/// `shop/Deployment/web` with its ReplicaSet, and a running pod on each of `nodes`.
fn web((annotations, spec): (Value, Value), nodes: &[&str]) -> World {
    let mut world = World::new("1.30.4");
    let template = json!({ "metadata": { "annotations": annotations }, "spec": spec });
    let owned = |kind: &str, name: &str| json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true }]);
    world.workload(Kind::Deployment, json!({
        "metadata": { "namespace": "shop", "name": "web" }, "spec": { "replicas": nodes.len(), "template": template } }));
    world.workload(
        Kind::ReplicaSet,
        json!({
        "metadata": { "namespace": "shop", "name": "web-7c", "ownerReferences": owned("Deployment", "web") },
        "spec": { "replicas": nodes.len(), "template": template } }),
    );
    for node in nodes {
        world.pod(pod(&format!("web-7c-{node}"), node, &owned("ReplicaSet", "web-7c"), &annotations, &spec));
    }
    world
}

fn pod(name: &str, node: &str, owners: &Value, annotations: &Value, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["nodeName"] = json!(node);
    json!({ "metadata": { "namespace": "shop", "name": name, "ownerReferences": owners, "annotations": annotations },
        "spec": spec, "status": running() })
}

/// Takes the profile k8s-web off some machines.
fn unload(world: &mut World, nodes: &[&str]) {
    for node in nodes {
        world.facts(node, |facts| facts.app_armor.as_mut().unwrap().profiles = Some(vec![]));
    }
}

fn turn_off(world: &mut World, nodes: &[&str]) {
    for node in nodes {
        world.facts(node, |facts| {
            let host = facts.app_armor.as_mut().unwrap();
            (host.enabled, host.profiles) = (Some(false), Some(vec![]));
        });
    }
}

/// For the tests that hold for all checks.
pub(in crate::checks) fn cases() -> Vec<(&'static str, World, &'static str)> {
    let mut missing = web(by_field("k8s-web"), &["w1"]);
    unload(&mut missing, &["w2"]);
    let mut off = web(by_field("k8s-web"), &["w1"]);
    turn_off(&mut off, &["w2"]);
    let mut unknown = web(by_field("k8s-web"), &["w1"]);
    unknown.evidence.node_facts.clear();
    let mut refused = web(by_field("k8s-web"), &["w1"]);
    refused.api_only();
    refused.edit_pod("web-7c-w1", |pod| {
        (pod.status.phase, pod.status.reason) = ("Failed".into(), "AppArmor".into());
    });
    vec![
        ("a pod that was refused", refused, "1.31.4"),
        ("a profile that is not loaded", missing, "1.31.4"),
        ("AppArmor that is off", off, "1.31.4"),
        ("a profile of which nothing is known", unknown, "1.31.4"),
        ("an annotation without a name", web(by_annotation("localhost/"), &["w1"]), "1.31.4"),
        ("an annotation that is fine", web(by_annotation("localhost/k8s-web"), &["w1"]), "1.31.4"),
    ]
}

#[test]
fn nobody_asks_and_nodes_need_not_be_known() {
    let mut world = World::new("1.30.4");
    let pass = only(&world.check(CHECK, "1.31.4"), "AppArmorReady").clone();
    assert!(pass.message.starts_with("nobody asks for AppArmor: 2 workloads and "), "{}", pass.message);
    world.evidence.node_facts.clear();
    world.evidence.objects.nodes.unread = vec![Unread::new("list", "nodes", Reason::Forbidden, "")];
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), [""; 0]);
}

#[test]
fn a_loaded_profile_is_ready() {
    let findings = web(by_field("k8s-web"), &["w1", "w2"]).check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), [""; 0]);
    assert!(
        only(&findings, "AppArmorReady").message.starts_with("1 owner asks for a profile, and every node")
    );
}

#[test]
fn a_missing_profile_is_a_blocker_where_a_drain_leaves_nowhere_to_go() {
    let missing = |runs: &[&str], unloaded: &[&str]| {
        let mut world = web(by_field("k8s-web"), runs);
        unload(&mut world, unloaded);
        let findings = world.check(CHECK, "1.31.4");
        assert!(codes(&findings).len() <= 1, "{findings:?}");
        of_code(&findings, "AppArmorProfileMissing")
    };
    // It runs on w1, and can only go to w2.
    assert_eq!(missing(&["w1"], &["w2"]), ["blocker shop/Deployment/web"]);
    assert_eq!(missing(&["w1", "w2"], &["w2"]), ["blocker shop/Deployment/web"]);
    // It runs where it cannot be started again; the other node takes it.
    assert_eq!(missing(&["w2"], &["w2"]), ["warning shop/Deployment/web"]);
    assert_eq!(missing(&["w1"], &["w1", "w2"]), ["blocker shop/Deployment/web"]);
    // Nothing runs that could stop.
    assert_eq!(missing(&[], &["w1", "w2"]), ["warning shop/Deployment/web"]);
    // Control planes are tainted: it never goes there.
    assert_eq!(missing(&["w1"], &["cp1", "cp2", "cp3"]), [""; 0]);

    let mut world = web(by_field("k8s-web"), &["w1"]);
    unload(&mut world, &["w2"]);
    let findings = world.check(CHECK, "1.31.4");
    let finding = only(&findings, "AppArmorProfileMissing");
    assert_eq!(finding.message, "profile k8s-web is not loaded on w2, where it may run");
    assert!(
        finding.why.ends_with("Drained from w1, its pod has no other node that can take it."),
        "{}",
        finding.why
    );
    let saw: Vec<&str> = finding.evidence.iter().map(|proof| proof.saw.as_str()).collect();
    assert_eq!(saw, ["its pods run on w1", "w2: 0 profiles loaded, k8s-web not among them"]);
    assert_eq!(finding.remedy.as_ref().unwrap().commands, ["apparmor_parser -r /etc/apparmor.d/k8s-web"]);
}

#[test]
fn a_third_node_makes_a_warning_of_it() {
    let mut world = web(by_field("k8s-web"), &["w1"]);
    let mut facts = crate::checks::testing::facts("w3", "1.30.4");
    facts.hostname = Some("w3".into());
    world.node(crate::checks::testing::node("w3", "1.30.4", false));
    world
        .evidence
        .node_facts
        .insert("w3".into(), crate::checks::testing::read("probe w3.json", std::sync::Arc::new(facts)));
    unload(&mut world, &["w2"]);
    assert_eq!(
        of_code(&world.check(CHECK, "1.31.4"), "AppArmorProfileMissing"),
        ["warning shop/Deployment/web"]
    );
    // A cordon passes: w3 may take it later, and may be the one that cannot.
    world.edit_node("w3", |node| node.spec.unschedulable = Some(true));
    assert_eq!(
        of_code(&world.check(CHECK, "1.31.4"), "AppArmorProfileMissing"),
        ["warning shop/Deployment/web"]
    );
}

#[test]
fn only_nodes_where_it_may_run_count() {
    let (annotations, mut spec) = by_field("k8s-web");
    spec["nodeSelector"] = json!({ "kubernetes.io/hostname": "w1" });
    let mut world = web((annotations, spec), &["w1"]);
    unload(&mut world, &["w2"]);
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), [""; 0], "it waits for w1, and comes back to it");
    unload(&mut world, &["w1"]);
    assert_eq!(
        of_code(&world.check(CHECK, "1.31.4"), "AppArmorProfileMissing"),
        ["blocker shop/Deployment/web"]
    );
    world.edit_node("w1", |node| node.status.node_info.operating_system = "windows".into());
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), [""; 0], "a Windows node has no AppArmor to ask for");
}

#[test]
fn apparmor_that_is_off_is_told_by_what_the_kubelet_does_then() {
    let off = |from: &str, to: &str| {
        let mut world = web(by_annotation("runtime/default"), &["w1"]);
        world.version = from.parse().unwrap();
        turn_off(&mut world, &["w2"]);
        let findings = world.check(CHECK, to);
        let finding = only(&findings, "AppArmorOff");
        assert_eq!(finding.severity, Severity::Blocker);
        assert!(finding.evidence.iter().any(|proof| proof.saw == "w2: AppArmor is off"));
        finding.why.clone()
    };
    assert!(off("1.29.4", "1.30.4").starts_with(
        "Such a pod stays Pending there for ever, bound to the node. What runs already goes \
             on."
    ));
    assert!(off("1.30.4", "1.31.4").contains("a kubelet of 1.31 rejects it instead, as Failed"));
    assert!(off("1.31.4", "1.32.4").starts_with("The kubelet rejects such a pod, as Failed"));
}

#[test]
fn what_a_drain_does_not_move_is_no_blocker() {
    let asks = by_field("k8s-web");
    let mut world = World::new("1.30.4");
    world.workload(Kind::DaemonSet, json!({ "metadata": { "namespace": "shop", "name": "log" }, "spec": { "template": { "spec": asks.1 } } }));
    let owners = json!([{ "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "log", "controller": true }]);
    world.pod(pod("log-1", "w1", &owners, &json!({}), &asks.1));
    world.pod(pod("alone", "w1", &json!([]), &json!({}), &asks.1));
    unload(&mut world, &["w1", "w2"]);
    let findings = world.check(CHECK, "1.31.4");
    assert_eq!(
        of_code(&findings, "AppArmorProfileMissing"),
        ["warning shop/DaemonSet/log", "warning shop/Pod/alone"]
    );
    assert_eq!(Verdict::of(&findings), Verdict::Ready);
}

#[test]
fn a_static_pod_starts_again_on_its_node_only() {
    let mut world = World::new("1.30.4");
    world.edit_pod("kube-scheduler-cp1", |pod| {
        pod.spec.security_context = Some(Box::new(
            serde_json::from_value(
                json!({ "appArmorProfile": { "type": "Localhost", "localhostProfile": "k8s-web" } }),
            )
            .unwrap(),
        ));
    });
    unload(&mut world, &["cp2", "w1"]);
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), [""; 0]);
    unload(&mut world, &["cp1"]);
    let findings = world.check(CHECK, "1.31.4");
    assert_eq!(of_code(&findings, "AppArmorProfileMissing"), ["blocker kube-system/Pod/kube-scheduler-cp1"]);
}

#[test]
fn finished_pods_and_old_revisions_ask_nothing() {
    let mut world = World::new("1.30.4");
    let (annotations, spec) = by_field("gone");
    let mut done = pod("job-1", "w1", &json!([]), &annotations, &spec);
    done["status"]["phase"] = json!("Succeeded");
    world.pod(done);
    world.workload(Kind::ReplicaSet, json!({
        "metadata": { "namespace": "shop", "name": "old", "ownerReferences": [{ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web", "controller": true }] },
        "spec": { "replicas": 0, "template": { "spec": spec } } }));
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), [""; 0]);
}

#[test]
fn an_owner_of_a_kind_that_is_not_read_is_still_the_subject() {
    let mut world = World::new("1.30.4");
    let owners = json!([{ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web", "controller": true }]);
    let (annotations, spec) = by_field("gone");
    world.workload(Kind::ReplicaSet, json!({
        "metadata": { "namespace": "shop", "name": "web-7c", "ownerReferences": owners }, "spec": { "replicas": 1, "template": { "spec": spec } } }));
    let of_set =
        json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7c", "controller": true }]);
    world.pod(pod("web-7c-1", "w1", &of_set, &annotations, &spec));
    let findings = world.check(CHECK, "1.31.4");
    assert_eq!(of_code(&findings, "AppArmorProfileMissing"), ["blocker shop/Rollout/web"]);
}

#[test]
fn the_annotation_is_a_warning_with_a_patch_that_can_be_copied() {
    let findings = web(by_annotation("localhost/k8s-web"), &["w1"]).check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), ["AppArmorAnnotation"]);
    let finding = only(&findings, "AppArmorAnnotation");
    assert_eq!(
        (finding.severity, finding.subject.to_string().as_str()),
        (Severity::Warning, "shop/Deployment/web")
    );
    assert_eq!(
        finding.remedy.as_ref().unwrap().commands,
        [concat!(
            "kubectl -n shop patch deployment web --type=strategic -p '",
            r#"{"spec":{"template":{"metadata":{"annotations":{"container.apparmor.security.beta.kubernetes.io/web":null}},"#,
            r#""spec":{"containers":[{"name":"web","securityContext":{"appArmorProfile":{"localhostProfile":"k8s-web","type":"Localhost"}}}]}}}}'"#
        )]
    );
    // The rest passes, and says so.
    assert!(findings.iter().any(|finding| finding.code == "AppArmorReady"));
    assert_eq!(codes(&web(by_field("k8s-web"), &["w1"]).check(CHECK, "1.31.4")), [""; 0]);
}

#[test]
fn before_the_field_there_is_only_the_annotation() {
    let severity = |from: &str, to: &str| {
        let mut world = web(by_annotation("unconfined"), &["w1"]);
        world.version = from.parse().unwrap();
        let finding = only(&world.check(CHECK, to), "AppArmorAnnotation").clone();
        (finding.severity, finding.remedy.unwrap().commands.len())
    };
    assert_eq!(severity("1.28.4", "1.29.4"), (Severity::Notice, 0));
    assert_eq!(severity("1.29.4", "1.30.4"), (Severity::Warning, 0));
    assert_eq!(severity("1.30.4", "1.31.4"), (Severity::Warning, 1));
}

#[test]
fn what_only_the_pods_have_was_added_on_the_way() {
    let mut world = web((json!({}), json!({ "containers": [{ "name": "web" }] })), &["w1", "w2"]);
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), [""; 0]);
    for name in ["web-7c-w1", "web-7c-w2"] {
        let annotations = json!({ "annotations": by_annotation("localhost/k8s-web").0 });
        world.edit_pod(name, |pod| {
            pod.metadata.annotations = serde_json::from_value(annotations["annotations"].clone()).unwrap()
        });
    }
    let findings = world.check(CHECK, "1.31.4");
    let finding = only(&findings, "AppArmorAnnotation");
    assert!(
        finding.message.ends_with("on its pods only: something adds it when they are made"),
        "{}",
        finding.message
    );
    assert_eq!(finding.subject.to_string(), "shop/Deployment/web");
    assert!(finding.remedy.as_ref().unwrap().commands.is_empty());
}

#[test]
fn values_that_are_refused_are_blockers_where_pods_are_made_anew() {
    let value = |asks: (Value, Value), nodes: &[&str]| {
        of_code(&web(asks, nodes).check(CHECK, "1.31.4"), "AppArmorValue")
    };
    assert_eq!(value(by_annotation("localhost/"), &["w1"]), ["blocker shop/Deployment/web"]);
    assert_eq!(value(by_annotation("localhost/"), &[]), ["warning shop/Deployment/web"]);
    assert_eq!(value(by_annotation("docker-default"), &["w1"]), ["blocker shop/Deployment/web"]);
    assert_eq!(value(by_field("localhost/k8s-web"), &["w1"]), ["warning shop/Deployment/web"]);
    assert_eq!(value(by_field("k8s-web"), &["w1"]), [""; 0]);
}

fn hides(findings: &[Finding]) -> Vec<(String, Severity)> {
    findings.iter().filter_map(|finding| Some((finding.message.clone(), finding.could_hide?))).collect()
}

#[test]
fn unknown_nodes_hide_a_blocker_only_where_a_pod_may_need_them() {
    let without = |runs: &[&str], unread: &[&str]| {
        let mut world = web(by_field("k8s-web"), runs);
        unread.iter().for_each(|node| drop(world.evidence.node_facts.remove(*node)));
        hides(&world.check(CHECK, "1.31.4"))
    };
    let worst =
        |hidden: Vec<(String, Severity)>| hidden.iter().map(|(_, severity)| *severity).collect::<Vec<_>>();
    assert_eq!(
        without(&["w1"], &["w2"]),
        [("not known: could not probe node facts of w2: not provided".to_owned(), Severity::Blocker)]
    );
    assert_eq!(
        without(&["w1"], &["w1", "w2"])[0].0,
        "not known: could not probe node facts of w1 and w2: not provided"
    );
    assert_eq!(worst(without(&["w2"], &["w2"])), [Severity::Warning], "w1 can take it");
    assert_eq!(worst(without(&[], &["w1", "w2"])), [Severity::Warning], "nothing runs that could stop");
    assert_eq!(without(&["w1"], &["cp1"]), []);
}

#[test]
fn the_api_alone_says_what_it_leaves_out() {
    let mut world = web(by_field("k8s-web"), &["w1"]);
    world.api_only();
    let findings = world.check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), ["OutOfScope"]);
    assert_eq!(only(&findings, "OutOfScope").severity, Severity::Notice);
    // With nothing to place, nothing is left out.
    let mut world = World::new("1.30.4");
    world.api_only();
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), [""; 0]);
}

#[test]
fn unread_pods_and_workloads_are_unknown_each_by_name() {
    let mut world = World::new("1.30.4");
    world.evidence.objects.pods.unread =
        vec![Unread::new("list", "pods", Reason::Forbidden, "").in_namespace("shop")];
    let findings = world.check(CHECK, "1.31.4");
    assert_eq!(
        hides(&findings),
        [("not known: could not list pods in shop: forbidden".to_owned(), Severity::Blocker)]
    );
    assert_eq!(Verdict::of(&findings), Verdict::Unknown);
}
