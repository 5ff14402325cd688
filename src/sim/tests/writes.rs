//! Changes and evictions.

use super::*;

async fn send(simulation: &Simulation, head: &str, body: &Value) -> (u16, Value) {
    let (status, _, answer) = ask(simulation.servers()[0], head, &body.to_string()).await;
    (status, serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
}

const MERGE: &str = "\nContent-Type: application/merge-patch+json";

#[tokio::test]
async fn an_object_is_made_changed_and_deleted() {
    let simulation = begin("clean").await;
    let jobs = "/apis/batch/v1/namespaces/shop/jobs";
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "generateName": "check-" }, "spec": { "parallelism": 1 } });
    let (status, made) = send(&simulation, &format!("POST {jobs}?fieldManager=kubelift"), &job).await;
    assert_eq!(status, 201);
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("check-") && name.len() == 11, "{name}");
    assert_eq!(
        (&made["kind"], &made["metadata"]["generation"], &made["metadata"]["namespace"]),
        (&json!("Job"), &json!(1), &json!("shop"))
    );
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "kubelift");

    let (status, changed) =
        send(&simulation, &format!("PATCH {jobs}/{name}{MERGE}"), &json!({ "spec": { "parallelism": 2 } }))
            .await;
    assert_eq!(
        (status, &changed["metadata"]["generation"], &changed["spec"]["parallelism"]),
        (200, &json!(2), &json!(2))
    );
    assert_eq!(changed["metadata"]["uid"], made["metadata"]["uid"]);
    // The status has its own door.
    let (_, ignored) =
        send(&simulation, &format!("PATCH {jobs}/{name}{MERGE}"), &json!({ "status": { "succeeded": 1 } }))
            .await;
    assert_eq!(ignored.get("status"), None);
    let (_, done) = send(
        &simulation,
        &format!("PATCH {jobs}/{name}/status{MERGE}"),
        &json!({ "status": { "succeeded": 1 }, "spec": { "parallelism": 9 } }),
    )
    .await;
    assert_eq!(
        (&done["status"]["succeeded"], &done["spec"]["parallelism"], &done["metadata"]["generation"]),
        (&json!(1), &json!(2), &json!(2))
    );
    // A change to what is no longer the newest is refused.
    let mut old = changed.clone();
    old["spec"]["parallelism"] = json!(3);
    let (status, refused) = send(&simulation, &format!("PUT {jobs}/{name}"), &old).await;
    assert_eq!((status, &refused["reason"]), (409, &json!("Conflict")));
    let (status, _) = send(&simulation, &format!("PUT {jobs}/{name}"), &done).await;
    assert_eq!(status, 200);
    let patch = json!([{ "op": "test", "path": "/spec/parallelism", "value": 2 }, { "op": "remove", "path": "/spec/parallelism" }]);
    let (status, patched) =
        send(&simulation, &format!("PATCH {jobs}/{name}\nContent-Type: application/json-patch+json"), &patch)
            .await;
    assert_eq!((status, patched["spec"].get("parallelism")), (200, None));

    let (status, deleted) = send(&simulation, &format!("DELETE {jobs}/{name}"), &Value::Null).await;
    assert_eq!(
        (status, &deleted["status"], &deleted["details"]["uid"]),
        (200, &json!("Success"), &made["metadata"]["uid"])
    );
    let (status, _) = send(&simulation, &format!("DELETE {jobs}/{name}"), &Value::Null).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn what_cannot_be_written_is_refused() {
    let simulation = begin("clean").await;
    let maps = "/api/v1/namespaces/shop/configmaps";
    for (head, body, status) in [
        (format!("POST {maps}"), json!({ "metadata": {} }), 422),
        (format!("POST {maps}"), json!("text"), 400),
        ("POST /api/v1/configmaps".to_owned(), json!({ "metadata": { "name": "a" } }), 405),
        ("POST /api/v1/nodes".to_owned(), json!({ "metadata": { "name": "w1" } }), 409),
        (format!("PATCH /api/v1/nodes/w1{MERGE}"), json!({ "metadata": { "resourceVersion": "1" } }), 409),
        ("PATCH /api/v1/nodes/w1\nContent-Type: text/plain".to_owned(), json!({}), 415),
        (format!("PATCH /api/v1/nodes/none{MERGE}"), json!({}), 404),
        ("DELETE /api/v1/nodes".to_owned(), Value::Null, 405),
        ("POST /api/v1/namespaces/shop/pods/web/exec".to_owned(), Value::Null, 404),
    ] {
        let (got, answer) = send(&simulation, &head, &body).await;
        assert_eq!(got, status, "{head}: {answer}");
    }
}

/// The pods of an app, and how often one of them may be evicted now.
async fn pods_and_allowed(simulation: &Simulation, app: &str) -> (Vec<String>, i64) {
    let path = format!("/api/v1/namespaces/shop/pods?labelSelector=app.kubernetes.io/name%3D{app}");
    let pods = list(simulation, &path).await.into_keys().map(|name| name.replace("shop/", "")).collect();
    let (_, budget) =
        get(simulation, &format!("/apis/policy/v1/namespaces/shop/poddisruptionbudgets/{app}")).await;
    (pods, budget["status"]["disruptionsAllowed"].as_i64().unwrap())
}

async fn evict(simulation: &Simulation, pod: &str, body: Value) -> (u16, Value) {
    send(simulation, &format!("POST /api/v1/namespaces/shop/pods/{pod}/eviction"), &body).await
}

#[tokio::test]
async fn evictions_go_as_far_as_the_budget() {
    let simulation = begin("clean").await;
    let eviction = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {} });
    let (pods, allowed) = pods_and_allowed(&simulation, "web").await;
    assert_eq!((pods.len(), allowed), (12, 3));
    let (status, _) = evict(&simulation, &pods[0], json!({ "deleteOptions": { "dryRun": ["All"] } })).await;
    assert_eq!((status, pods_and_allowed(&simulation, "web").await), (201, (pods.clone(), 3)));
    for pod in &pods[..3] {
        let (status, answer) = evict(&simulation, pod, eviction.clone()).await;
        assert_eq!((status, &answer["status"]), (201, &json!("Success")));
    }
    let (status, refused) = evict(&simulation, &pods[3], eviction.clone()).await;
    assert_eq!((status, &refused["reason"]), (429, &json!("TooManyRequests")));
    assert_eq!(refused["message"], "Cannot evict pod as it would violate the pod's disruption budget.");
    assert_eq!(refused["details"]["causes"][0]["reason"], "DisruptionBudget");
    assert_eq!(
        refused["details"]["causes"][0]["message"],
        "The disruption budget web needs 9 healthy pods and has 12 currently"
    );
    // What was evicted has its grace period, and others come in its place.
    let path = "/api/v1/namespaces/shop/pods?labelSelector=app.kubernetes.io/name%3Dweb";
    let going = list(&simulation, path).await;
    let going = going.values().filter(|pod| pod["metadata"].get("deletionTimestamp").is_some());
    assert_eq!(going.count(), 3);

    // A budget that is being worked on is asked for again later.
    send(
        &simulation,
        &format!("PATCH /apis/policy/v1/namespaces/shop/poddisruptionbudgets/web{MERGE}"),
        &json!({ "spec": { "minAvailable": 1 } }),
    )
    .await;
    let head = format!("POST /api/v1/namespaces/shop/pods/{}/eviction", pods[4]);
    let (status, headers, body) = ask(simulation.servers()[0], &head, &eviction.to_string()).await;
    assert_eq!(status, 429);
    assert!(
        headers.contains("retry-after: 10") && body.contains("still being processed by the server"),
        "{headers} {body}"
    );

    // Two budgets for one pod are more than an eviction can bear.
    let second = json!({ "metadata": { "name": "second" }, "spec": { "minAvailable": 0, "selector": {} } });
    send(&simulation, "POST /apis/policy/v1/namespaces/shop/poddisruptionbudgets", &second).await;
    let (status, refused) = evict(&simulation, &pods[4], eviction.clone()).await;
    assert_eq!(status, 500);
    assert!(refused["message"].as_str().unwrap().contains("more than one PodDisruptionBudget"));

    let (status, _) = evict(&simulation, "none", eviction).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn only_the_pod_that_was_meant_is_evicted() {
    let simulation = begin("clean").await;
    let path = "/api/v1/namespaces/shop/pods/sessions-0";
    let (_, pod) = get(&simulation, path).await;
    let of = |uid: &Value| json!({ "deleteOptions": { "preconditions": { "uid": uid } } });
    let (status, refused) = evict(&simulation, "sessions-0", of(&json!("another"))).await;
    assert_eq!((status, &refused["reason"]), (409, &json!("Conflict")));
    assert!(
        refused["message"].as_str().unwrap().contains("UID in precondition: another, UID in object meta: ")
    );
    assert_eq!(evict(&simulation, "sessions-0", of(&pod["metadata"]["uid"])).await.0, 201);
}

#[tokio::test]
async fn a_pod_that_is_not_ready_does_not_count_while_enough_others_are() {
    let simulation = begin("clean").await;
    let (pods, allowed) = pods_and_allowed(&simulation, "sessions").await;
    assert_eq!((pods.len(), allowed), (3, 1));
    let unready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } });
    send(&simulation, &format!("PATCH /api/v1/namespaces/shop/pods/{}/status{MERGE}", pods[0]), &unready)
        .await;
    let (status, _) = evict(&simulation, &pods[0], json!({})).await;
    assert_eq!((status, pods_and_allowed(&simulation, "sessions").await.1), (201, 1));
    let (status, _) = evict(&simulation, &pods[1], json!({})).await;
    assert_eq!((status, pods_and_allowed(&simulation, "sessions").await.1), (201, 0));
    assert_eq!(evict(&simulation, &pods[2], json!({})).await.0, 429);
}
