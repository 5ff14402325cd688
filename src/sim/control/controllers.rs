//! The controllers of workloads: there are as many pods as are wanted.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::pods::{self, Wanted, is_going};
use super::{kind, text};
use crate::sim::api::merge;
use crate::sim::api::resource::Resource;
use crate::sim::build::{self, place};
use crate::sim::state::Cluster;
use crate::sim::store::{Key, Object};
use crate::sim::{budget, clock, names};

/// How long a controller takes to see a change.
const LAG: Duration = Duration::from_millis(300);

/// Something of a workload, or of its pods, has changed.
pub(crate) fn changed(cluster: &Arc<Cluster>, of: &str, key: &Key) {
    if !matches!(of, "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") {
        return;
    }
    let (inside, of, key) = (cluster.clone(), of.to_owned(), key.clone());
    cluster.timeline.begin(LAG, async move {
        let Some(resource) = kind("apps/v1", &of) else { return };
        let Some(object) = inside.store().get(resource, &key) else { return };
        let work = Work { cluster: &inside, resource, key: &key, object };
        match of.as_str() {
            "Deployment" => work.deployment(),
            "ReplicaSet" => work.replica_set(),
            "StatefulSet" => work.stateful_set(),
            _ => work.daemon_set(),
        }
    });
}

/// A workload that is looked at.
struct Work<'w> {
    cluster: &'w Arc<Cluster>,
    resource: &'static Resource,
    key: &'w Key,
    object: Object,
}

impl Work<'_> {
    fn number(&self, pointer: &str) -> i64 {
        self.object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
    }

    fn template(&self) -> Value {
        self.object.pointer("/spec/template").cloned().unwrap_or_default()
    }

    /// Everything of a kind that it owns.
    fn owned(&self, version: &str, of: &str) -> Vec<Object> {
        let Some(resource) = kind(version, of) else { return Vec::new() };
        let uid = text(&self.object, "/metadata/uid");
        let is_owned = |object: &Object| {
            let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
            owners.into_iter().flatten().any(|owner| text(owner, "/uid") == uid)
        };
        let store = self.cluster.store();
        store
            .all(resource)
            .filter(|(key, _)| key.namespace == self.key.namespace)
            .map(|(_, object)| object.clone())
            .filter(is_owned)
            .collect()
    }

    fn pods(&self) -> Vec<Object> {
        self.owned("v1", "Pod")
    }

    fn owner(&self) -> Value {
        json!([{
            "apiVersion": "apps/v1", "kind": self.resource.kind, "name": self.key.name,
            "uid": text(&self.object, "/metadata/uid"), "controller": true, "blockOwnerDeletion": true,
        }])
    }

    /// Writes the status, and tells the one above.
    fn report(&self, status: &Value) {
        let mut whole = json!({ "observedGeneration": self.number("/metadata/generation").max(1) });
        merge(&mut whole, status);
        self.cluster.edit(self.resource, self.key, |object| merge(object, &json!({ "status": whole })));
        let owners = self.object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        for owner in owners.into_iter().flatten() {
            changed(self.cluster, text(owner, "/kind"), &Key::new(&self.key.namespace, text(owner, "/name")));
        }
    }

    /// A ReplicaSet of the template has all pods; those of older templates lose theirs once the new ones are ready.
    fn deployment(&self) {
        let Some(sets) = kind("apps/v1", "ReplicaSet") else { return };
        let (template, wanted) = (self.template(), self.number("/spec/replicas"));
        let hash = names::suffix(&template.to_string(), 10);
        let current = Key::new(&self.key.namespace, &format!("{}-{hash}", self.key.name));
        if self.cluster.store().get(sets, &current).is_none() {
            self.add_replica_set(sets, &current, &template, &hash);
        }
        let scale = |key: &Key, replicas: i64| {
            self.cluster.edit(sets, key, |set| merge(set, &json!({ "spec": { "replicas": replicas } })));
            changed(self.cluster, "ReplicaSet", key);
        };
        let of =
            |set: &Object, pointer: &str| set.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
        let (mut ready, mut there, mut updated) = (0, 0, 0);
        let owned = self.owned("apps/v1", "ReplicaSet");
        let done =
            owned.iter().any(|set| Key::of(set) == current && of(set, "/status/readyReplicas") >= wanted);
        for set in &owned {
            let key = Key::of(set);
            ready += of(set, "/status/readyReplicas");
            there += of(set, "/status/replicas");
            if key == current {
                updated = of(set, "/status/replicas");
                if of(set, "/spec/replicas") != wanted {
                    scale(&key, wanted);
                }
            } else if done && of(set, "/spec/replicas") > 0 {
                scale(&key, 0);
            }
        }
        self.report(&json!({
            "replicas": there, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": ready,
            "unavailableReplicas": if ready < wanted { json!(wanted - ready) } else { Value::Null },
        }));
    }

    fn add_replica_set(&self, sets: &'static Resource, key: &Key, template: &Value, hash: &str) {
        let mut template = template.clone();
        merge(&mut template, &json!({ "metadata": { "labels": { "pod-template-hash": hash } } }));
        let labels = template.pointer("/metadata/labels").cloned().unwrap_or_default();
        let mut store = self.cluster.store();
        let uid = names::uid(&format!("ReplicaSet {} {}", key.name, store.revision()));
        store.put(sets, json!({
            "metadata": { "name": key.name, "namespace": key.namespace, "labels": labels, "uid": uid, "generation": 1,
                          "ownerReferences": self.owner(), "creationTimestamp": clock::seconds(self.cluster.now()) },
            "spec": { "replicas": 0, "selector": { "matchLabels": labels }, "template": template },
            "status": { "replicas": 0, "observedGeneration": 1 },
        }));
    }

    fn replica_set(&self) {
        let wanted = usize::try_from(self.number("/spec/replicas")).unwrap_or_default();
        let mut active: Vec<Object> =
            self.pods().into_iter().filter(|pod| !is_going(pod) && !has_ended(pod)).collect();
        let ready = active.iter().filter(|pod| budget::is_ready(pod)).count();
        for number in active.len()..wanted {
            let seed = format!("{} {number} {}", self.key.name, self.cluster.store().revision());
            let name = format!("{}-{}", self.key.name, names::suffix(&seed, 5));
            self.make(name, json!({}), self.template(), None);
        }
        // Those that are not ready go first, then the youngest.
        active.sort_by_key(|pod| {
            (budget::is_ready(pod), std::cmp::Reverse(text(pod, "/metadata/creationTimestamp").to_owned()))
        });
        let surplus = active.len().saturating_sub(wanted);
        for pod in active.iter().take(surplus) {
            pods::end(self.cluster, &Key::of(pod));
        }
        self.report(&json!({ "replicas": active.len().max(wanted) - surplus, "readyReplicas": ready, "availableReplicas": ready }));
    }

    /// One after the other, each when the one before is ready.
    fn stateful_set(&self) {
        let pods = self.pods();
        let ready = pods.iter().filter(|pod| budget::is_ready(pod) && !is_going(pod)).count();
        for ordinal in 0..self.number("/spec/replicas") {
            let name = format!("{}-{ordinal}", self.key.name);
            match pods.iter().find(|pod| text(pod, "/metadata/name") == name) {
                None => {
                    let labels = json!({
                        "apps.kubernetes.io/pod-index": ordinal.to_string(), "statefulset.kubernetes.io/pod-name": name,
                        "controller-revision-hash": format!("{}-{}", self.key.name, names::suffix(&self.template().to_string(), 10)),
                    });
                    self.make(name, labels, self.template(), None);
                    break;
                }
                Some(pod) if has_ended(pod) => {
                    pods::end(self.cluster, &Key::of(pod));
                    break;
                }
                Some(pod) if budget::is_ready(pod) && !is_going(pod) => {}
                Some(_) => break,
            }
        }
        self.report(&json!({ "replicas": pods.len(), "readyReplicas": ready, "availableReplicas": ready }));
    }

    /// A pod on every node that takes one; of those that are older than the template, one at a time is replaced.
    fn daemon_set(&self) {
        let Some(nodes) = kind("v1", "Node") else { return };
        let mut template = self.template();
        build::tolerate(&mut template);
        let hash = names::suffix(&self.template().to_string(), 10);
        let labels = json!({ "controller-revision-hash": hash, "pod-template-generation": "1" });
        let spec = template.get("spec").cloned().unwrap_or_default();
        let fitting: Vec<String> = {
            let store = self.cluster.store();
            let fits = store.all(nodes).filter(|(_, node)| place::fits_now(node, &spec));
            fits.map(|(key, _)| key.name.clone()).collect()
        };
        let pods = self.pods();
        let on = |node: &str| pods.iter().find(|pod| text(pod, "/spec/nodeName") == node);
        for node in fitting.iter().filter(|node| on(node).is_none()) {
            let seed = format!("{} {node} {}", self.key.name, self.cluster.store().revision());
            let name = format!("{}-{}", self.key.name, names::suffix(&seed, 5));
            self.make(name, labels.clone(), template.clone(), Some(node.clone()));
        }
        let is_old = |pod: &Object| text(pod, "/metadata/labels/controller-revision-hash") != hash;
        let ready = pods.iter().filter(|pod| budget::is_ready(pod) && !is_going(pod)).count();
        let rolls = text(&self.object, "/spec/updateStrategy/type") != "OnDelete";
        if rolls
            && ready >= fitting.len()
            && let Some(pod) = pods.iter().find(|pod| is_old(pod))
        {
            pods::end(self.cluster, &Key::of(pod));
        }
        let updated = pods.iter().filter(|pod| !is_old(pod)).count();
        self.report(&json!({
            "desiredNumberScheduled": fitting.len(), "currentNumberScheduled": pods.len(), "numberReady": ready,
            "numberAvailable": ready, "updatedNumberScheduled": updated,
        }));
    }

    fn make(&self, name: String, labels: Value, template: Value, node: Option<String>) {
        pods::make(
            self.cluster,
            Wanted {
                name,
                namespace: self.key.namespace.clone(),
                generate_name: format!("{}-", self.key.name),
                owner: self.owner(),
                labels,
                template,
                node,
            },
        );
    }
}

fn has_ended(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}
