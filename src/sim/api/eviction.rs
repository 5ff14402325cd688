//! Evictions, and the budgets that hold them up. Source: k8s.io/kubernetes pkg/registry/core/pod/storage/eviction.go;
//! answers seen at kube-apiserver 1.30.14.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::path::Objects;
use super::read::key_of;
use super::resource;
use super::status::{self, Refusal};
use super::{Answer, Asked};
use crate::sim::budget::{self, number};
use crate::sim::state::ApiServer;
use crate::sim::store::Object;
use crate::sim::{clock, control};

/// `POST` of an Eviction.
pub(super) fn evict(server: &Arc<ApiServer>, asked: &Asked, objects: &Objects) -> Answer {
    let (pods, key) = (objects.resource, key_of(objects));
    let mut store = server.cluster.store();
    let pod = store.get(pods, &key).ok_or_else(|| Refusal::not_found(pods, &key.name))?;
    let budgets =
        resource::by_kind("policy/v1", "PodDisruptionBudget").ok_or_else(Refusal::no_such_resource)?;
    let matching: Vec<Object> = store
        .all(budgets)
        .filter(|(_, budget)| budget::covers(budget, &pod))
        .map(|(_, budget)| budget.clone())
        .collect();
    let eviction: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let dry_run = asked.params.has("dryRun") || asks_dry_run(&eviction);
    let uid = |value: &Value, pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (wanted, is) = (uid(&eviction, "/deleteOptions/preconditions/uid"), uid(&pod, "/metadata/uid"));
    if !wanted.is_empty() && wanted != is {
        return Err(Refusal::precondition(pods, &key.name, &wanted, &is));
    }
    match matching.as_slice() {
        [budget] if needs_budget(&pod) && (budget::is_ready(&pod) || !lets_unready_go(budget)) => {
            let spent = spend(budget, &key.name, &clock::seconds(server.cluster.now()))?;
            if !dry_run {
                store.put(budgets, spent);
            }
        }
        [_, _, ..] if needs_budget(&pod) => {
            return Err(Refusal::internal(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            ));
        }
        _ => {}
    }
    drop(store);
    if !dry_run {
        control::pods::end(&server.cluster, &key);
    }
    let mut success = status::success(Value::Null);
    if let Some(success) = success.as_object_mut() {
        success.insert("code".to_owned(), json!(StatusCode::CREATED.as_u16()));
    }
    Ok(super::json(StatusCode::CREATED, &success))
}

/// A pod that has ended, waits or is going does not count.
fn needs_budget(pod: &Value) -> bool {
    let phase = pod.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default();
    !matches!(phase, "Succeeded" | "Failed" | "Pending")
        && pod.pointer("/metadata/deletionTimestamp").is_none()
}

/// An unready pod may go under AlwaysAllow, and otherwise while enough others are healthy.
fn lets_unready_go(budget: &Value) -> bool {
    let policy = budget.pointer("/spec/unhealthyPodEvictionPolicy").and_then(Value::as_str);
    let (healthy, desired) =
        (number(budget, "/status/currentHealthy"), number(budget, "/status/desiredHealthy"));
    policy == Some("AlwaysAllow") || desired > 0 && healthy >= desired
}

/// The budget with one disruption taken off it, or the refusal.
fn spend(budget: &Object, pod: &str, now: &str) -> Result<Value, Refusal> {
    let name = budget.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    if number(budget, "/status/observedGeneration") < number(budget, "/metadata/generation") {
        let cause = format!("The disruption budget {name} is still being processed by the server.");
        return Err(Refusal::budget(&cause, Some(10)));
    }
    let allowed = number(budget, "/status/disruptionsAllowed");
    if allowed <= 0 {
        let (desired, healthy) =
            (number(budget, "/status/desiredHealthy"), number(budget, "/status/currentHealthy"));
        let cause =
            format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently");
        return Err(Refusal::budget(&cause, None));
    }
    let mut spent = Value::clone(budget);
    if let Some(status) = spent.get_mut("status").and_then(Value::as_object_mut) {
        status.insert("disruptionsAllowed".to_owned(), json!(allowed - 1));
        let disrupted = status.entry("disruptedPods").or_insert_with(|| json!({}));
        if let Some(disrupted) = disrupted.as_object_mut() {
            disrupted.insert(pod.to_owned(), now.into());
        }
    }
    Ok(spent)
}

/// Whether an Eviction asks for a dry run.
fn asks_dry_run(eviction: &Value) -> bool {
    eviction.pointer("/deleteOptions/dryRun").and_then(Value::as_array).is_some_and(|all| !all.is_empty())
}
