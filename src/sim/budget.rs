//! PodDisruptionBudgets: which pods one covers, and the status that the disruption controller gives it.
//! Source: k8s.io/kubernetes pkg/controller/disruption/disruption.go.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::api::selector::Selector;

/// Whether a budget's selector takes the pod. An empty selector takes every pod of the namespace (policy/v1).
pub(crate) fn covers(budget: &Value, pod: &Value) -> bool {
    let labels = pod.pointer("/metadata/labels").unwrap_or(&Value::Null);
    budget.pointer("/metadata/namespace") == pod.pointer("/metadata/namespace")
        && budget
            .pointer("/spec/selector")
            .is_some_and(|selector| Selector::of_labels(selector).takes_labels(labels))
}

/// Whether a pod's condition `Ready` is true.
pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type").and_then(Value::as_str) == Some("Ready")
            && condition.get("status").and_then(Value::as_str) == Some("True")
    })
}

/// A number of a budget; 0 where it is absent.
pub(crate) fn number(budget: &Value, pointer: &str) -> i64 {
    budget.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// How many pods each controller wants, by its UID.
pub(crate) type Scales = BTreeMap<String, i64>;

/// How long a pod counts as disrupted that was evicted and is still there.
const DISRUPTED: SignedDuration = SignedDuration::from_mins(2);

/// What controllers among `objects` want.
pub(crate) fn scales<'o>(objects: impl Iterator<Item = &'o Value>) -> Scales {
    let scale = |object: &Value| {
        let uid = object.pointer("/metadata/uid")?.as_str()?.to_owned();
        Some((uid, object.pointer("/spec/replicas")?.as_i64()?))
    };
    objects.filter_map(scale).collect()
}

/// Writes the status that follows from the pods. Where a share is asked for, it is one of what controllers want.
pub(crate) fn settle<'p>(
    budget: &mut Value,
    pods: impl Iterator<Item = &'p Value>,
    scales: &Scales,
    now: Timestamp,
) {
    let ended = |pod: &Value| {
        matches!(pod.pointer("/status/phase").and_then(Value::as_str), Some("Succeeded" | "Failed"))
    };
    let covered: Vec<&Value> = pods.filter(|pod| covers(budget, pod) && !ended(pod)).collect();
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let wanted: BTreeMap<&str, i64> = covered.iter().filter_map(|pod| wanted(pod, scales)).collect();
    let scale = if wanted.is_empty() { count(covered.len()) } else { wanted.values().sum() };
    let spec = budget.get("spec").cloned().unwrap_or_default();
    let (least, most) = (spec.get("minAvailable"), spec.get("maxUnavailable"));
    let expected = if least.is_some_and(Value::is_number) { count(covered.len()) } else { scale };
    let desired = match (least.and_then(|v| scaled(v, expected)), most.and_then(|v| scaled(v, expected))) {
        (Some(least), _) => least,
        (None, Some(most)) => (expected - most).max(0),
        (None, None) => 0,
    };
    let disrupted = disrupted(budget, &covered, now);
    let healthy = covered.iter().filter(|pod| is_healthy(pod, &disrupted)).count();
    let healthy = count(healthy);
    let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
    let (state, reason) =
        if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let (generation, made) = (
        budget.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(1),
        budget.pointer("/metadata/creationTimestamp").cloned().unwrap_or_default(),
    );
    let mut status = json!({
        "observedGeneration": generation, "currentHealthy": healthy, "desiredHealthy": desired,
        "expectedPods": expected, "disruptionsAllowed": allowed,
        "conditions": [{ "type": "DisruptionAllowed", "status": state, "observedGeneration": generation,
                         "lastTransitionTime": made, "reason": reason, "message": "" }],
    });
    if let (false, Some(status)) = (disrupted.is_empty(), status.as_object_mut()) {
        status.insert("disruptedPods".to_owned(), disrupted.into());
    }
    if let Some(budget) = budget.as_object_mut() {
        budget.insert("status".to_owned(), status);
    }
}

/// The controller of a pod, and how many it wants.
fn wanted<'p>(pod: &'p Value, scales: &Scales) -> Option<(&'p str, i64)> {
    let owners = pod.pointer("/metadata/ownerReferences")?.as_array()?;
    let controller = owners.iter().find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?;
    let uid = controller.get("uid")?.as_str()?;
    Some((uid, *scales.get(uid)?))
}

fn name(pod: &Value) -> &str {
    pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

/// The pods that were evicted and are not gone or going yet, since not too long ago.
fn disrupted(budget: &Value, covered: &[&Value], now: Timestamp) -> serde_json::Map<String, Value> {
    let mut disrupted =
        budget.pointer("/status/disruptedPods").and_then(Value::as_object).cloned().unwrap_or_default();
    disrupted.retain(|evicted, at| {
        let there = covered.iter().any(|pod| name(pod) == evicted && !is_going(pod));
        let at: Option<Timestamp> = at.as_str().and_then(|at| at.parse().ok());
        there && at.is_some_and(|at| now.duration_since(at) < DISRUPTED)
    });
    disrupted
}

fn is_going(pod: &Value) -> bool {
    pod.pointer("/metadata/deletionTimestamp").is_some()
}

fn is_healthy(pod: &Value, disrupted: &serde_json::Map<String, Value>) -> bool {
    is_ready(pod) && !is_going(pod) && !disrupted.contains_key(name(pod))
}

/// A number, or a share of `whole` such as `"50%"`, rounded up.
fn scaled(value: &Value, whole: i64) -> Option<i64> {
    match value {
        Value::String(text) => {
            let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
            Some((whole * percent + 99) / 100)
        }
        other => other.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(ready: bool, phase: &str) -> Value {
        let ready = if ready { "True" } else { "False" };
        json!({ "metadata": { "namespace": "a", "labels": { "app": "x" } },
                "status": { "phase": phase, "conditions": [{ "type": "Ready", "status": ready }] } })
    }

    #[test]
    fn the_status_follows_from_the_pods() {
        let pods =
            [pod(true, "Running"), pod(true, "Running"), pod(false, "Running"), pod(false, "Succeeded")];
        for (spec, desired, allowed) in [
            (json!({ "minAvailable": 1 }), 1, 1),
            (json!({ "minAvailable": 2 }), 2, 0),
            (json!({ "minAvailable": "34%" }), 2, 0),
            (json!({ "maxUnavailable": 1 }), 2, 0),
            (json!({ "maxUnavailable": "100%" }), 0, 2),
            (json!({ "maxUnavailable": 9 }), 0, 2),
            (json!({ "minAvailable": 5 }), 5, 0),
        ] {
            let mut budget = json!({ "metadata": { "namespace": "a", "generation": 3 }, "spec": spec });
            budget["spec"]["selector"] = json!({ "matchLabels": { "app": "x" } });
            settle(&mut budget, pods.iter(), &Scales::new(), Timestamp::UNIX_EPOCH);
            let of = |field| number(&budget, &format!("/status/{field}"));
            assert_eq!(
                (of("expectedPods"), of("currentHealthy"), of("desiredHealthy"), of("disruptionsAllowed")),
                (3, 2, desired, allowed),
                "{spec}"
            );
            assert_eq!(of("observedGeneration"), 3);
        }
    }
}
