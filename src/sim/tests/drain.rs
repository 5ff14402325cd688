//! Pods that are evicted, and those that come in their place.

use std::time::Duration;

use super::*;

const MERGE: &str = "\nContent-Type: application/merge-patch+json";

/// A request at the first server: status and answer.
async fn send(simulation: &Simulation, head: &str, body: &Value) -> (u16, Value) {
    let (status, _, answer) = ask(simulation.servers()[0], head, &body.to_string()).await;
    (status, serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
}

pub(super) async fn cordon(simulation: &Simulation, node: &str, cordoned: bool) {
    let patch = json!({ "spec": { "unschedulable": if cordoned { json!(true) } else { Value::Null } } });
    let (status, _) = send(simulation, &format!("PATCH /api/v1/nodes/{node}{MERGE}"), &patch).await;
    assert_eq!(status, 200);
}

fn owner(pod: &Value) -> &str {
    pod.pointer("/metadata/ownerReferences/0/kind").and_then(Value::as_str).unwrap_or_default()
}

fn is_ready(pod: &Value) -> bool {
    budget::is_ready(pod)
}

/// The pods on a node that a drain takes away.
async fn to_evict(simulation: &Simulation, node: &str) -> BTreeMap<String, Value> {
    let pods = list(simulation, &format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{node}")).await;
    pods.into_iter().filter(|(_, pod)| !matches!(owner(pod), "DaemonSet" | "Node")).collect()
}

/// No budget has fewer healthy pods than it asks for, unless it had before.
async fn budgets_hold(simulation: &Simulation, but: &[&str]) {
    for (name, budget) in list(simulation, "/apis/policy/v1/poddisruptionbudgets").await {
        let of = |field: &str| budget["status"][field].as_i64().unwrap();
        assert!(
            of("currentHealthy") >= of("desiredHealthy") || but.contains(&name.as_str()),
            "{name} {budget}"
        );
    }
}

/// Drains a node as kubectl does, for at most so many seconds; how often a budget refused, and whether it is empty.
pub(super) async fn drain(simulation: &Simulation, node: &str, seconds: u64) -> (usize, bool) {
    cordon(simulation, node, true).await;
    let mut refused = 0;
    for _ in 0..seconds / 5 {
        let left = to_evict(simulation, node).await;
        if left.is_empty() {
            return (refused, true);
        }
        for (name, pod) in left.iter().filter(|(_, pod)| pod["metadata"].get("deletionTimestamp").is_none()) {
            let (namespace, pod_name) = name.split_once('/').unwrap();
            let eviction = json!({ "metadata": { "name": pod_name }, "deleteOptions": { "preconditions": { "uid": pod["metadata"]["uid"] } } });
            let head = format!("POST /api/v1/namespaces/{namespace}/pods/{pod_name}/eviction");
            match send(simulation, &head, &eviction).await {
                (201, _) => {}
                (429, _) => refused += 1,
                other => panic!("{name}: {other:?}"),
            }
        }
        simulation.pass(Duration::from_secs(5)).await;
        budgets_hold(simulation, &[]).await;
    }
    (refused, false)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_empties_a_node_and_nothing_is_lost() {
    let simulation = begin("clean").await;
    let before = list(&simulation, "/api/v1/pods").await;
    let named =
        before.iter().filter(|(_, pod)| owner(pod) == "StatefulSet" && pod["spec"]["nodeName"] == "w1");
    let named: Vec<(&String, &Value)> = named.collect();
    assert!(!named.is_empty());
    let (_, empty) = drain(&simulation, "w1", 900).await;
    assert!(empty);
    simulation.pass(Duration::from_secs(60)).await;

    let after = list(&simulation, "/api/v1/pods").await;
    let kept: Vec<&str> = after.values().filter(|pod| pod["spec"]["nodeName"] == "w1").map(owner).collect();
    assert!(!kept.is_empty() && kept.iter().all(|owner| *owner == "DaemonSet"), "{kept:?}");
    // A pod of a StatefulSet comes back under its name, as another pod on another node.
    for (name, old) in named {
        let new = &after[name];
        assert!(new["metadata"]["uid"] != old["metadata"]["uid"] && is_ready(new), "{new}");
        assert_ne!(new["spec"]["nodeName"], "w1");
    }
    // Of everything there is as much as before, but for Jobs, which are over.
    let count = |pods: &BTreeMap<String, Value>| {
        pods.values().filter(|pod| !matches!(owner(pod), "Job") && is_ready(pod)).count()
    };
    assert_eq!(count(&after), count(&before));
    for (name, set) in list(&simulation, "/apis/apps/v1/deployments").await {
        assert_eq!(set["status"]["readyReplicas"], set["spec"]["replicas"], "{name}");
    }
    let (_, node) = get(&simulation, "/api/v1/nodes/w1").await;
    assert_eq!(node["spec"]["taints"][0]["key"], "node.kubernetes.io/unschedulable");
    cordon(&simulation, "w1", false).await;
    simulation.pass(Duration::from_secs(1)).await;
    let (_, node) = get(&simulation, "/api/v1/nodes/w1").await;
    assert_eq!(node["spec"]["taints"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_worker_can_be_drained_one_after_the_other() {
    let simulation = begin("clean").await;
    for node in ["w1", "w2", "w3", "w4", "w5", "w6"] {
        let (_, empty) = drain(&simulation, node, 1_200).await;
        assert!(empty, "{node}");
        cordon(&simulation, node, false).await;
        simulation.pass(Duration::from_secs(30)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_no_node_takes_waits_until_one_does() {
    let simulation = begin("clean").await;
    cordon(&simulation, "w5", true).await;
    cordon(&simulation, "w6", true).await;
    // Only these two have the disks that it wants.
    let path = "/api/v1/namespaces/payments/pods/ledger-db-0";
    let (status, _) = send(&simulation, &format!("POST {path}/eviction"), &json!({})).await;
    assert_eq!(status, 201);
    simulation.pass(Duration::from_secs(60)).await;
    let (_, pod) = get(&simulation, path).await;
    assert_eq!(pod["status"]["conditions"][0]["reason"], "Unschedulable");
    // The budget has none to give while it waits.
    let other = "/api/v1/namespaces/payments/pods/ledger-db-1/eviction";
    let (status, refused) = send(&simulation, &format!("POST {other}"), &json!({})).await;
    assert_eq!(status, 429);
    let cause = &refused["details"]["causes"][0]["message"];
    assert_eq!(cause, "The disruption budget ledger-db needs 1 healthy pods and has 1 currently");
    cordon(&simulation, "w5", false).await;
    simulation.pass(Duration::from_secs(60)).await;
    let (_, pod) = get(&simulation, path).await;
    assert!(is_ready(&pod) && pod["spec"]["nodeName"] == "w5", "{pod}");
    assert_eq!(send(&simulation, &format!("POST {other}"), &json!({})).await.0, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_a_node_comes_back_there_and_what_nobody_owns_does_not() {
    let simulation = begin("clean").await;
    cordon(&simulation, "w1", true).await;
    let pods =
        list(&simulation, "/api/v1/namespaces/kube-system/pods?fieldSelector=spec.nodeName%3Dw1").await;
    let proxy = pods.keys().find(|name| name.contains("kube-proxy")).unwrap().replace("kube-system/", "");
    let path = format!("/api/v1/namespaces/kube-system/pods/{proxy}");
    assert_eq!(send(&simulation, &format!("DELETE {path}"), &Value::Null).await.0, 200);
    let (_, going) = get(&simulation, &path).await;
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    let mirror = "/api/v1/namespaces/kube-system/pods/etcd-cp1";
    assert_eq!(send(&simulation, &format!("DELETE {mirror}"), &Value::Null).await.0, 200);
    let alone = json!({ "metadata": { "name": "alone", "labels": {} }, "spec": { "nodeName": "w1", "containers": [] }, "status": { "phase": "Running" } });
    assert_eq!(send(&simulation, "POST /api/v1/namespaces/shop/pods", &alone).await.0, 201);
    assert_eq!(
        send(&simulation, "POST /api/v1/namespaces/shop/pods/alone/eviction", &json!({})).await.0,
        201
    );
    simulation.pass(Duration::from_secs(40)).await;
    assert_eq!(get(&simulation, &path).await.0, 404);
    let pods =
        list(&simulation, "/api/v1/namespaces/kube-system/pods?fieldSelector=spec.nodeName%3Dw1").await;
    let again: Vec<&String> = pods.keys().filter(|name| name.contains("kube-proxy")).collect();
    assert_eq!(again.len(), 1);
    assert_eq!(get(&simulation, mirror).await.0, 200);
    assert_eq!(get(&simulation, "/api/v1/namespaces/shop/pods/alone").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_that_is_scaled_has_as_many_pods_and_a_budget_counts_them() {
    let simulation = begin("clean").await;
    let deployment = format!("PATCH /apis/apps/v1/namespaces/payments/deployments/gateway{MERGE}");
    for (replicas, allowed) in [(8, 4), (5, 1), (4, 0)] {
        send(&simulation, &deployment, &json!({ "spec": { "replicas": replicas } })).await;
        simulation.pass(Duration::from_secs(60)).await;
        let path = "/api/v1/namespaces/payments/pods?labelSelector=app.kubernetes.io/name%3Dgateway";
        let pods = list(&simulation, path).await;
        assert_eq!(pods.values().filter(|pod| is_ready(pod)).count(), replicas);
        assert_eq!(pods.len(), replicas);
        let (_, budget) =
            get(&simulation, "/apis/policy/v1/namespaces/payments/poddisruptionbudgets/gateway").await;
        assert_eq!(budget["status"]["disruptionsAllowed"], allowed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_is_rolled_out() {
    let simulation = begin("clean").await;
    let template = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.12.0" }] } } } });
    let head = format!("PATCH /apis/apps/v1/namespaces/kube-system/deployments/coredns{MERGE}");
    send(&simulation, &head, &template).await;
    simulation.pass(Duration::from_secs(90)).await;
    let pods =
        list(&simulation, "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns").await;
    let images: Vec<&Value> = pods.values().map(|pod| &pod["spec"]["containers"][0]["image"]).collect();
    assert_eq!(images, ["registry.k8s.io/coredns/coredns:v1.12.0"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_trouble_a_budget_blocks_a_drain_until_its_pod_is_ready_elsewhere() {
    let simulation = begin("trouble").await;
    let begun = simulation.now();
    let (refused, empty) = drain(&simulation, "w1", 900).await;
    let took = simulation.now().duration_since(begun).as_secs();
    assert!(empty && refused > 20 && (180..260).contains(&took), "{refused} {empty} {took}");
}
