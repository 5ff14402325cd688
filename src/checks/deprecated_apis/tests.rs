//! Each verdict, with its nearest neighbours that must not fire.

use serde_json::{Value, json};

use crate::checks::testing::{World, ago, codes, of_code, only, static_pod};
use crate::checks::{Finding, Severity, Verdict};
use crate::evidence::{Reading, Reason, Unread};

const CHECK: &str = "deprecated-apis";
const FLOW: &str = "flowcontrol.apiserver.k8s.io";
const DRA: &str = "resource.k8s.io";

/// A cluster that serves flow control as 1.29 to 1.31 do, with one FlowSchema that was written so.
fn flow(version: &str, entries: Value) -> World {
    let mut world = World::new(version);
    for served in ["v1", "v1beta3"] {
        world.served(FLOW, served, &["flowschemas", "prioritylevelconfigurations"]);
    }
    world.managed(FLOW, "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations", vec![]);
    world.managed(
        FLOW,
        "v1",
        "FlowSchema",
        "flowschemas",
        vec![json!({ "metadata": { "name": "mine", "managedFields": entries } })],
    );
    world
}

fn entry(manager: &str, version: &str, hours: i64) -> Value {
    json!({ "manager": manager, "operation": "Update", "apiVersion": format!("{FLOW}/{version}"), "time": ago(hours) })
}

/// A cluster with the alpha design of DRA turned on, as 1.30 has it.
fn alpha(objects: Vec<Value>) -> World {
    let mut world = World::new("1.30.4");
    world.served(DRA, "v1alpha2", &["resourceclaims"]);
    world.managed(DRA, "v1alpha2", "ResourceClaim", "resourceclaims", objects);
    world
}

/// For the tests that hold for all checks.
pub(in crate::checks) fn cases() -> Vec<(&'static str, World, &'static str)> {
    let mut called = flow("1.31.4", json!([]));
    called.called(1, FLOW, "v1beta3", "flowschemas", "1.32");
    vec![
        ("a FlowSchema written at v1beta3", flow("1.31.4", json!([entry("helm", "v1beta3", 9)])), "1.32.2"),
        ("flow control called at v1beta3", called, "1.32.2"),
        (
            "a claim of the alpha DRA",
            alpha(vec![json!({ "metadata": { "namespace": "ml", "name": "gpu" } })]),
            "1.31.4",
        ),
    ]
}

#[test]
fn a_healthy_cluster_passes_and_says_what_was_looked_at() {
    let findings = World::new("1.30.4").check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), [""; 0]);
    assert_eq!(only(&findings, "DeprecatedApisUnused").severity, Severity::Pass);
    let served = flow("1.30.4", json!([entry("helm", "v1", 9)])).check(CHECK, "1.31.4");
    assert_eq!(codes(&served), [""; 0]);
    let pass = only(&served, "DeprecatedApisUnused");
    assert!(pass.message.ends_with("3 API servers asked, 1 object looked at"), "{}", pass.message);
    assert!(
        pass.evidence
            .iter()
            .any(|proof| proof.saw.contains("v1beta3 FlowSchema is served, and a blocker at 1.32"))
    );
}

#[test]
fn v1beta3_is_a_warning_at_1_31_and_a_blocker_at_1_32() {
    let severity = |version: &str, to: &str| {
        let findings = flow(version, json!([entry("helm", "v1beta3", 9)])).check(CHECK, to);
        only(&findings, "DeprecatedApiWritten").clone()
    };
    let at_31 = severity("1.30.4", "1.31.4");
    assert_eq!((at_31.severity, at_31.subject.to_string().as_str()), (Severity::Warning, "FlowSchema/mine"));
    assert!(at_31.message.contains("a blocker at 1.32"), "{}", at_31.message);
    let at_32 = severity("1.31.4", "1.32.2");
    assert_eq!(at_32.severity, Severity::Blocker);
    assert_eq!(at_32.message, format!("helm writes it as {FLOW}/v1beta3: 1.32 does not serve it"));
    assert!(at_32.remedy.unwrap().summary.contains(&format!("{FLOW}/v1 ")));
    // Several hops are judged for the first; a patch upgrade takes nothing away.
    assert_eq!(severity("1.30.4", "1.32.2").severity, Severity::Warning);
    assert_eq!(severity("1.31.4", "1.31.9").severity, Severity::Warning);
}

#[test]
fn only_usage_counts() {
    let rows = [
        (json!([entry("helm", "v1beta3", 9)]), vec!["DeprecatedApiWritten"]),
        (json!([entry("helm", "v1beta3", 9), entry("helm", "v1", 1)]), vec!["DeprecatedApiWrittenBefore"]),
        (
            json!([entry("helm", "v1beta3", 9), entry("kubectl-edit", "v1", 1)]),
            vec!["DeprecatedApiWrittenBefore"],
        ),
        (json!([entry("api-priority-and-fairness-config-consumer-v1", "v1beta3", 9)]), vec![]),
        (json!([entry("helm", "v1", 9)]), vec![]),
        (json!([]), vec![]),
    ];
    for (entries, expected) in rows {
        let findings = flow("1.31.4", entries.clone()).check(CHECK, "1.32.2");
        assert_eq!(codes(&findings), expected, "{entries}");
    }
    let before = flow("1.31.4", json!([entry("helm", "v1beta3", 9), entry("kubectl-edit", "v1", 1)]))
        .check(CHECK, "1.32.2");
    let before = only(&before, "DeprecatedApiWrittenBefore");
    assert_eq!(before.severity, Severity::Notice);
    let saw: Vec<&str> =
        before.evidence.iter().map(|proof| proof.saw.split(" wrote").next().unwrap()).collect();
    assert_eq!(saw, ["managedFields: helm (Update)", "managedFields: kubectl-edit (Update)"]);
}

#[test]
fn a_write_in_1_28_is_seen_though_its_server_counts_no_call() {
    let mut world = World::new("1.28.3");
    for version in ["v1beta2", "v1beta3"] {
        world.served(FLOW, version, &["flowschemas"]);
    }
    let object = |version: &str| {
        vec![json!({ "metadata": { "name": "mine", "managedFields": [entry("helm", version, 9)] } })]
    };
    world.managed(FLOW, "v1beta3", "FlowSchema", "flowschemas", object("v1beta2"));
    let findings = world.check(CHECK, "1.29.4");
    let written = only(&findings, "DeprecatedApiWritten");
    assert_eq!(written.severity, Severity::Blocker);
    assert!(
        written.remedy.as_ref().unwrap().summary.contains("v1beta3"),
        "v1 is not served by 1.28: {written:?}"
    );
    world.managed(FLOW, "v1beta3", "FlowSchema", "flowschemas", object("v1beta3"));
    let findings = world.check(CHECK, "1.29.4");
    let written = only(&findings, "DeprecatedApiWritten");
    assert_eq!(written.severity, Severity::Warning);
    assert!(written.remedy.as_ref().unwrap().summary.contains("after the hop"), "{written:?}");
}

#[test]
fn a_called_api_is_one_finding_that_names_servers_and_no_client() {
    let mut world = flow("1.31.4", json!([]));
    world.called(0, FLOW, "v1beta3", "flowschemas", "1.32");
    world.called(2, FLOW, "v1beta3", "flowschemas", "1.32");
    let findings = world.check(CHECK, "1.32.2");
    let called = only(&findings, "DeprecatedApiCalled");
    assert_eq!(called.severity, Severity::Blocker);
    assert_eq!(
        called.message,
        format!(
            "somebody calls {FLOW}/v1beta3 flowschemas, on 2 of 3 API servers: 1.32 does not \
             serve it"
        )
    );
    let who: Vec<&str> = called.evidence.iter().map(|proof| proof.saw.split(':').next().unwrap()).collect();
    assert_eq!(who, ["cp1 (10.0.0.11", "cp3 (10.0.0.13"]);
    assert!(called.evidence[0].saw.contains("since its start at 2026-11-07"), "{:?}", called.evidence[0]);
    let command = &called.remedy.as_ref().unwrap().commands[0];
    assert!(
        command.starts_with("jq -r 'select(")
            && command.contains(r#""/apis/flowcontrol.apiserver.k8s.io/v1beta3/""#),
        "{command}"
    );
    assert_eq!(flow("1.30.4", json!([])).check(CHECK, "1.31.4").len(), 1);
}

#[test]
fn what_servers_register_overrules_the_tag_that_the_metric_repeats() {
    let called = |group: &str, version: &str, resource: &str, removed: &str, from: &str, to: &str| {
        let mut world = World::new(from);
        world.called(0, group, version, resource, removed);
        of_code(&world.check(CHECK, to), "DeprecatedApiCalled")
    };
    // Tagged for 1.33, and gone from 1.31.
    assert_eq!(
        called("networking.k8s.io", "v1alpha1", "ipaddresses", "1.33", "1.30.4", "1.31.4"),
        ["blocker IPAddress"]
    );
    // Tagged for 1.32 by 1.30, and served to 1.36.
    assert_eq!(
        called("certificates.k8s.io", "v1alpha1", "clustertrustbundles", "1.32", "1.31.4", "1.32.4"),
        ["warning ClusterTrustBundle"]
    );
    // Unknown to the catalog: the server's own word.
    assert_eq!(called("x.k8s.io", "v1beta1", "things", "1.32", "1.31.4", "1.32.4"), ["blocker things"]);
    assert_eq!(called("x.k8s.io", "v1beta1", "things", "1.33", "1.31.4", "1.32.4"), ["warning things"]);
    // Deprecated without a removal.
    assert_eq!(called("", "v1", "componentstatuses", "", "1.31.4", "1.32.4"), [""; 0]);
    assert_eq!(called("", "v1", "endpoints", "", "1.33.4", "1.34.4"), [""; 0]);
    assert_eq!(called("x.k8s.io", "v1beta1", "things", "soon", "1.31.4", "1.32.4"), [""; 0]);
}

#[test]
fn objects_that_the_next_minor_cannot_decode_have_to_go() {
    let claim = json!({ "metadata": { "namespace": "ml", "name": "gpu", "ownerReferences": [{ "apiVersion": "v1", "kind": "Pod", "name": "train" }] } });
    let findings = alpha(vec![claim]).check(CHECK, "1.31.4");
    let must = only(&findings, "ApiObjectMustGo");
    assert_eq!(
        (must.severity, must.subject.to_string().as_str()),
        (Severity::Blocker, "ml/ResourceClaim/gpu")
    );
    assert_eq!(
        must.remedy.as_ref().unwrap().commands,
        ["kubectl -n ml delete resourceclaims.v1alpha2.resource.k8s.io gpu"]
    );
    assert!(must.evidence.iter().any(|proof| proof.saw == "it belongs to Pod train"));
    assert_eq!(codes(&alpha(vec![]).check(CHECK, "1.31.4")), [""; 0]);
    // Its types stay beyond the minor that stops serving it: it is converted, and need not go.
    let mut world = World::new("1.30.4");
    world.served("networking.k8s.io", "v1alpha1", &["ipaddresses"]);
    let written = json!([{ "manager": "kube-apiserver", "operation": "Update", "apiVersion": "networking.k8s.io/v1alpha1", "time": ago(9) }]);
    world.managed(
        "networking.k8s.io",
        "v1alpha1",
        "IPAddress",
        "ipaddresses",
        vec![json!({ "metadata": { "name": "10.96.0.1", "managedFields": written } })],
    );
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), [""; 0]);
    // A beta version of the same kind is there to be written.
    let mut world = World::new("1.33.4");
    world.served(DRA, "v1alpha3", &["deviceclasses"]);
    world.managed(
        DRA,
        "v1alpha3",
        "DeviceClass",
        "deviceclasses",
        vec![json!({ "metadata": { "name": "gpu" } })],
    );
    assert_eq!(codes(&world.check(CHECK, "1.34.4")), [""; 0]);
}

#[test]
fn a_server_that_is_told_to_serve_a_type_that_left_does_not_start() {
    let told = |config: &str, from: &str, to: &str| {
        let mut world = World::new(from);
        world.remove_pod("kube-apiserver-cp2");
        let mut pod = static_pod("cp2", "kube-apiserver", "registry.k8s.io/kube-apiserver:v1.30.4");
        pod["spec"]["containers"][0]["command"] =
            json!(["kube-apiserver", format!("--runtime-config={config}")]);
        world.pod(pod);
        of_code(&world.check(CHECK, to), "RuntimeConfigNamesGoneApi")
    };
    let blocker = ["blocker kube-system/Pod/kube-apiserver-cp2"];
    assert_eq!(told("resource.k8s.io/v1alpha2=true", "1.30.4", "1.31.4"), blocker);
    assert_eq!(told("api/beta=true,resource.k8s.io/v1alpha2", "1.30.4", "1.31.4"), blocker);
    assert_eq!(told("resource.k8s.io/v1alpha2/resourceclaims=false", "1.30.4", "1.31.4"), blocker);
    assert_eq!(told("api/all=true", "1.30.4", "1.31.4"), [""; 0]);
    let warning = ["warning kube-system/Pod/kube-apiserver-cp2"];
    assert_eq!(
        told("networking.k8s.io/v1alpha1=true", "1.30.4", "1.31.4"),
        warning,
        "its types stay until 1.33"
    );
    assert_eq!(told("resource.k8s.io/v1alpha3=true", "1.33.4", "1.34.4"), [""; 0], "one of its types stays");
    assert_eq!(told("storagemigration.k8s.io/v1alpha1=true", "1.33.4", "1.34.4"), warning);
}

#[test]
fn a_flag_that_was_not_seen_is_unknown_where_it_must_be_set() {
    let hidden = |served: bool| {
        let mut world = if served { alpha(vec![]) } else { World::new("1.30.4") };
        for name in ["cp1", "cp2", "cp3"] {
            world.remove_pod(&format!("kube-apiserver-{name}"));
        }
        hides(&world.check(CHECK, "1.31.4")).len()
    };
    assert_eq!((hidden(true), hidden(false)), (1, 0));
    let mut world = alpha(vec![]);
    world.evidence.objects.pods.unread = vec![Unread::new("list", "pods", Reason::Forbidden, "")];
    assert_eq!(hides(&world.check(CHECK, "1.31.4")), [("RuntimeConfigUnread", Severity::Blocker)]);
}

/// The worst that the unknown findings could hide.
fn hides(findings: &[Finding]) -> Vec<(&str, Severity)> {
    findings.iter().filter_map(|finding| Some((finding.code.as_str(), finding.could_hide?))).collect()
}

#[test]
fn an_unread_metric_hides_a_blocker_only_where_one_could_be() {
    let unread = |mut world: World, to: &str| {
        let why = Unread::new("get", "/metrics", Reason::Forbidden, "").of("10.0.0.12:6443");
        world.evidence.servers.servers[1].deprecated_calls = Reading::Unread(why);
        let findings = world.check(CHECK, to);
        let unknown = only(&findings, "DeprecatedCallsUnread");
        assert_eq!(
            (unknown.severity, unknown.subject.to_string().as_str()),
            (Severity::Unknown, "APIServer/10.0.0.12:6443")
        );
        assert!(unknown.message.contains("get /metrics of 10.0.0.12:6443: forbidden"), "{}", unknown.message);
        unknown.could_hide.unwrap()
    };
    assert_eq!(unread(flow("1.31.4", json!([])), "1.32.2"), Severity::Blocker);
    assert_eq!(unread(flow("1.30.4", json!([])), "1.31.2"), Severity::Warning);
    // Nothing that goes is served, or its server would not count it.
    assert_eq!(unread(World::new("1.31.4"), "1.32.2"), Severity::Warning);
    assert_eq!(unread(alpha(vec![]), "1.31.2"), Severity::Warning);
}

#[test]
fn unread_objects_and_an_unread_list_of_apis_are_unknown() {
    let without = |mut world: World| {
        world.evidence.objects.managed.clear();
        world
    };
    let findings = without(flow("1.31.4", json!([]))).check(CHECK, "1.32.2");
    assert_eq!(hides(&findings), [("DeprecatedObjectsUnread", Severity::Blocker); 2]);
    assert!(
        findings[0].message.contains("list flowschemas.flowcontrol.apiserver.k8s.io"),
        "{}",
        findings[0].message
    );
    let findings = without(flow("1.30.4", json!([]))).check(CHECK, "1.31.2");
    assert_eq!(hides(&findings), [("DeprecatedObjectsUnread", Severity::Warning); 2]);

    let mut world = flow("1.31.4", json!([entry("helm", "v1beta3", 9)]));
    world.evidence.served = Reading::Unread(Unread::new("get", "/apis", Reason::ServerError, ""));
    let findings = world.check(CHECK, "1.32.2");
    assert_eq!(hides(&findings), [("ServedApisUnread", Severity::Blocker)]);
    // What was read is judged all the same.
    assert_eq!(of_code(&findings, "DeprecatedApiWritten"), ["blocker FlowSchema/mine"]);
    assert_eq!(Verdict::of(&findings), Verdict::Blocked);
}

#[test]
fn reviews_are_not_looked_for_among_objects() {
    let mut world = World::new("1.31.4");
    world.served("authentication.k8s.io", "v1alpha1", &["selfsubjectreviews"]);
    assert_eq!(codes(&world.check(CHECK, "1.32.2")), [""; 0]);
}
