//! Drains on hand-built clusters: who leaves, who stays, whom a budget holds, and what is asked again.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::actions::ports::Answer;
use crate::checks::testing::{World, now};

fn pod(name: &str, more: Value) -> Value {
    let mut pod = json!({
        "metadata": { "namespace": "shop", "name": name, "uid": format!("u-{name}"), "labels": { "app": "web" },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "controller": true }] },
        "spec": { "nodeName": "w1", "containers": [] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
    merge(&mut pod, more);
    pod
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

fn budget(world: &mut World, name: &str, allowed: i32, more: Value) {
    let mut budget = json!({
        "metadata": { "namespace": "shop", "name": name, "generation": 1 },
        "spec": { "selector": { "matchLabels": { "app": "web" } } },
        "status": { "observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3 } });
    merge(&mut budget, more);
    world.budget(budget);
}

fn leave(world: &World) -> Vec<String> {
    select(&world.evidence, "w1").leave.iter().map(|leaves| leaves.pod.name.to_string()).collect()
}

#[test]
fn what_belongs_to_the_node_stays_and_what_is_lost_is_said() {
    let mut world = World::new("1.30.4");
    world.pod(pod("of-a-set", json!({ "metadata": { "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "x", "controller": true }] } })));
    world
        .pod(pod("static", json!({ "metadata": { "annotations": { "kubernetes.io/config.mirror": "x" } } })));
    world.pod(pod("web", json!({})));
    world.pod(pod("bare", json!({ "metadata": { "ownerReferences": [] } })));
    world.pod(pod("cache", json!({ "spec": { "volumes": [{ "name": "c", "emptyDir": {} }] } })));
    world.pod(pod(
        "done",
        json!({ "metadata": { "ownerReferences": [] }, "status": { "phase": "Succeeded" } }),
    ));
    world.pod(pod("going", json!({ "metadata": { "deletionTimestamp": now() } })));
    world.pod(pod("elsewhere", json!({ "spec": { "nodeName": "w2" } })));
    let selection = select(&world.evidence, "w1");
    let lost: Vec<(String, bool)> =
        selection.leave.iter().map(|leaves| (leaves.pod.name.to_string(), leaves.lost.is_some())).collect();
    let expected = [("bare", true), ("cache", true), ("done", false), ("web", false)];
    assert_eq!(lost, expected.map(|(name, lost)| (name.to_owned(), lost)));
    assert_eq!(selection.leaving.len(), 1);
    // kube-proxy of the hand-built cluster is of a DaemonSet too.
    assert_eq!(selection.stay, 3);
}

#[test]
fn each_pod_that_goes_takes_one_from_its_budget() {
    let mut world = World::new("1.30.4");
    for name in ["a", "b", "c"] {
        world.pod(pod(name, json!({})));
    }
    budget(&mut world, "web", 2, json!({}));
    let selection = select(&world.evidence, "w1");
    let held: Vec<String> =
        held(&world.evidence, &selection).iter().map(|held| held.pod.to_string()).collect();
    assert_eq!(held, ["shop/c"], "two of three may go");
}

#[test]
fn a_budget_decides_as_the_api_server_does() {
    type Case = (&'static str, i32, Value, Value, Option<(&'static str, bool)>);
    let cases: [Case; 8] = [
        ("none left", 0, json!({}), json!({}), Some(("lets none go now", false))),
        (
            "never",
            0,
            json!({ "status": { "desiredHealthy": 3 } }),
            json!({}),
            Some(("never lets one go", true)),
        ),
        ("pending pods pass", 0, json!({}), json!({ "status": { "phase": "Pending" } }), None),
        ("finished pods pass", 0, json!({}), json!({ "status": { "phase": "Failed" } }), None),
        (
            "an unready pod passes while enough others are ready",
            0,
            json!({ "status": { "currentHealthy": 2 } }),
            json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }),
            None,
        ),
        (
            "an unready pod is held while too few are",
            0,
            json!({ "status": { "currentHealthy": 1 } }),
            json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }),
            Some(("lets none go now", false)),
        ),
        (
            "an unready pod passes always where the budget says so",
            0,
            json!({ "spec": { "unhealthyPodEvictionPolicy": "AlwaysAllow" }, "status": { "currentHealthy": 1 } }),
            json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }),
            None,
        ),
        (
            "a budget that was just changed",
            5,
            json!({ "metadata": { "generation": 2 } }),
            json!({}),
            Some(("counted anew", false)),
        ),
    ];
    for (what, allowed, of_budget, of_pod, expected) in cases {
        let mut world = World::new("1.30.4");
        world.pod(pod("web", of_pod));
        budget(&mut world, "web", allowed, of_budget);
        let selection = select(&world.evidence, "w1");
        let held = held(&world.evidence, &selection);
        match expected {
            None => assert_eq!(held, [], "{what}"),
            Some((why, for_good)) => {
                assert_eq!(held.len(), 1, "{what}");
                assert!(held[0].why.contains(why), "{what}: {}", held[0].why);
                assert_eq!(held[0].for_good, for_good, "{what}");
            }
        }
    }
}

#[test]
fn two_budgets_on_one_pod_refuse_for_ever() {
    let mut world = World::new("1.30.4");
    world.pod(pod("web", json!({})));
    budget(&mut world, "one", 5, json!({}));
    budget(&mut world, "two", 5, json!({}));
    let held = held(&world.evidence, &select(&world.evidence, "w1"));
    assert!(held[0].for_good && held[0].why.contains("one, two"), "{held:?}");
    assert_eq!(leave(&world), ["web"]);
}

#[test]
fn what_is_refused_is_asked_again_after_a_while_and_errors_are_bounded() {
    let mut world = World::new("1.30.4");
    world.pod(pod("web", json!({})));
    let selection = select(&world.evidence, "w1");
    let answer = |status| Ok(Answer { status, message: "no".into(), retry_after: None });
    let mut pace = Pace::default();
    let mut time = now();
    let (web, _) = pace.next(&selection, now(), time).unwrap();
    for _ in 0..20 {
        pace.answered(web.clone(), &answer(429), time).unwrap();
        assert!(pace.next(&selection, now(), time).is_none());
        time += SignedDuration::from_secs(5);
        assert!(pace.next(&selection, now(), time).is_some(), "a budget is waited for without end");
    }
    for _ in 0..4 {
        pace.answered(web.clone(), &Err("connection reset".to_owned()), time).unwrap();
    }
    pace.answered(web.clone(), &answer(429), time).unwrap();
    for _ in 0..4 {
        pace.answered(web.clone(), &answer(500), time).unwrap();
    }
    let gives_up = pace.answered(web, &answer(500), time).unwrap_err();
    assert!(gives_up.contains("5 times in a row"), "{gives_up}");
}

#[test]
fn what_may_be_leaving_is_not_asked_for_again_before_it_was_seen_to_stay() {
    let mut world = World::new("1.30.4");
    world.pod(pod("web", json!({})));
    let selection = select(&world.evidence, "w1");
    let after = |seconds| now() + SignedDuration::from_secs(seconds);
    let good = Ok(Answer { status: 201, message: "".into(), retry_after: None });
    for (answer, wait) in [(good, 30), (Err("connection reset".to_owned()), 5)] {
        let mut pace = Pace::default();
        let (web, _) = pace.next(&selection, now(), now()).unwrap();
        pace.answered(web, &answer, now()).unwrap();
        assert!(pace.next(&selection, after(wait - 1), after(3_600)).is_none(), "seen too early: {answer:?}");
        assert!(pace.next(&selection, after(wait), after(3_600)).is_some(), "{answer:?}");
    }
}
