//! The disruption controller: the status of budgets follows the pods.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::kind;
use crate::sim::budget;
use crate::sim::state::Cluster;
use crate::sim::store::{Key, Object};

/// How long it takes to see a change.
const LAG: Duration = Duration::from_millis(200);

/// What wants a number of pods.
const SCALED: [(&str, &str); 3] =
    [("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet"), ("v1", "ReplicationController")];

/// Has the budgets of a namespace settled, soon.
pub(crate) fn changed(cluster: &Arc<Cluster>, namespace: &str) {
    let (inside, namespace) = (cluster.clone(), namespace.to_owned());
    cluster.timeline.begin(LAG, async move { settle(&inside, &namespace) });
}

fn settle(cluster: &Cluster, namespace: &str) {
    let (Some(budgets), Some(pods)) = (kind("policy/v1", "PodDisruptionBudget"), kind("v1", "Pod")) else {
        return;
    };
    let mut store = cluster.store();
    let here = |(key, object): (&Key, &Object)| (key.namespace == namespace).then(|| object.clone());
    let due: Vec<Object> = store.all(budgets).filter_map(here).collect();
    if due.is_empty() {
        return;
    }
    let all: Vec<Object> = store.all(pods).filter_map(here).collect();
    let mut owners: Vec<Object> = Vec::new();
    for (version, name) in SCALED {
        owners.extend(
            kind(version, name).into_iter().flat_map(|resource| store.all(resource)).filter_map(here),
        );
    }
    let scales = budget::scales(owners.iter().map(|owner| &**owner));
    for old in due {
        let mut new = Value::clone(&old);
        budget::settle(&mut new, all.iter().map(|pod| &**pod), &scales, cluster.now());
        if new != *old {
            store.put(budgets, new);
        }
    }
}
