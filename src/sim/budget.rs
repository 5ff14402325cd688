//! PodDisruptionBudgets: which pods one covers, and the status that the disruption controller gives it.
//! Source: k8s.io/kubernetes pkg/controller/disruption/disruption.go.

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

/// Writes the status that follows from the pods. As many are expected as there are that have not ended.
pub(crate) fn settle<'p>(budget: &mut Value, pods: impl Iterator<Item = &'p Value>) {
    let ended = |pod: &Value| {
        matches!(pod.pointer("/status/phase").and_then(Value::as_str), Some("Succeeded" | "Failed"))
    };
    let covered: Vec<&Value> = pods.filter(|pod| covers(budget, pod) && !ended(pod)).collect();
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let expected = count(covered.len());
    let healthy = count(covered.iter().filter(|pod| is_ready(pod)).count());
    let spec = |field: &str| {
        budget.get("spec").and_then(|spec| spec.get(field)).and_then(|value| scaled(value, expected))
    };
    let desired = match (spec("minAvailable"), spec("maxUnavailable")) {
        (Some(least), _) => least,
        (None, Some(most)) => (expected - most).max(0),
        (None, None) => 0,
    };
    let allowed = (healthy - desired).max(0);
    let (state, reason) =
        if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let (generation, made) = (
        budget.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(1),
        budget.pointer("/metadata/creationTimestamp").cloned().unwrap_or_default(),
    );
    let status = json!({
        "observedGeneration": generation, "currentHealthy": healthy, "desiredHealthy": desired,
        "expectedPods": expected, "disruptionsAllowed": allowed,
        "conditions": [{ "type": "DisruptionAllowed", "status": state, "observedGeneration": generation,
                         "lastTransitionTime": made, "reason": reason, "message": "" }],
    });
    if let Some(budget) = budget.as_object_mut() {
        budget.insert("status".to_owned(), status);
    }
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
            settle(&mut budget, pods.iter());
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
