//! The life of pods that controllers make, and the end of all.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{budgets, controllers, kind, schedule, text};
use crate::sim::api::merge;
use crate::sim::build::{self, Shape};
use crate::sim::scenario::PodSpec;
use crate::sim::state::Cluster;
use crate::sim::store::{Key, Object};
use crate::sim::{clock, names};

/// How long a scheduler takes.
const SCHEDULING: Duration = Duration::from_millis(300);

/// How often a pod is tried again that no node takes.
const AGAIN: Duration = Duration::from_secs(5);

/// What a controller wants a pod to be.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) generate_name: String,
    /// `ownerReferences`
    pub(super) owner: Value,
    pub(super) labels: Value,
    pub(super) template: Value,
    /// The node, for a pod that is made for one.
    pub(super) node: Option<String>,
}

/// Makes a pod, which then lives by itself.
pub(super) fn make(cluster: &Arc<Cluster>, wanted: Wanted) {
    let Some(pods) = kind("v1", "Pod") else { return };
    let now = cluster.now();
    let mut life = Life {
        cluster: cluster.clone(),
        key: Key::new(&wanted.namespace, &wanted.name),
        uid: String::new(),
        made: now,
        wanted,
    };
    // A pod that is made for a node has it from the beginning.
    let node = life.wanted.node.clone().and_then(|node| Some((life.address(&node)?, node)));
    let creating = node.is_some().then(creating);
    {
        let mut store = cluster.store();
        if store.get(pods, &life.key).is_some() {
            return;
        }
        life.uid = names::uid(&format!("pod {} {}", life.wanted.name, store.revision()));
        let place = node.as_ref().map(|(address, node)| (node.as_str(), address.as_str()));
        let pod = life.stage(place, creating.as_ref());
        store.put(pods, pod);
    }
    changed(cluster, &life.key.namespace, &life.wanted.owner);
    cluster.timeline.begin(SCHEDULING, life.live());
}

/// The state of a pod whose containers are being made.
fn creating() -> PodSpec {
    PodSpec {
        phase: Some("Pending".to_owned()),
        waiting: Some(("ContainerCreating".to_owned(), String::new())),
        ..PodSpec::default()
    }
}

/// A pod between its making and its readiness.
struct Life {
    cluster: Arc<Cluster>,
    wanted: Wanted,
    key: Key,
    uid: String,
    made: jiff::Timestamp,
}

impl Life {
    async fn live(self) {
        let Some(node) = self.scheduled().await else { return };
        let Some(address) = self.address(&node) else { return };
        self.put(self.stage(Some((&node, &address)), Some(&creating())));
        let seed = format!("start {} {}", self.wanted.name, self.made);
        self.cluster.timeline.sleep(Duration::from_secs(self.cluster.chance(&seed, 2, 8))).await;
        if !self.is_alive() {
            return;
        }
        let delay =
            text_number(&self.wanted.template, "/spec/containers/0/readinessProbe/initialDelaySeconds");
        let mut running = self.stage(Some((&node, &address)), None);
        self.at_this_time(&mut running, delay == 0);
        self.put(running.clone());
        if delay > 0 {
            changed(&self.cluster, &self.key.namespace, &self.wanted.owner);
            self.cluster.timeline.sleep(Duration::from_secs(delay)).await;
            if !self.is_alive() {
                return;
            }
            ready(&mut running, true, &clock::seconds(self.cluster.now()));
            self.put(running);
        }
        changed(&self.cluster, &self.key.namespace, &self.wanted.owner);
    }

    /// Waits for a node that takes it.
    async fn scheduled(&self) -> Option<String> {
        if let Some(node) = &self.wanted.node {
            return Some(node.clone());
        }
        let spec = self.wanted.template.get("spec").unwrap_or(&Value::Null);
        let mut told = false;
        loop {
            if !self.is_alive() {
                return None;
            }
            match schedule::place(&self.cluster, &self.wanted.name, spec) {
                Ok(node) => return Some(node),
                Err(why) if !told => {
                    told = true;
                    let mut pod = self.stage(None, None);
                    let condition = json!([{
                        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why,
                        "lastProbeTime": null, "lastTransitionTime": clock::seconds(self.cluster.now()),
                    }]);
                    merge(&mut pod, &json!({ "status": { "conditions": condition } }));
                    self.put(pod);
                }
                Err(_) => {}
            }
            self.cluster.timeline.sleep(AGAIN).await;
        }
    }

    /// The pod as it is at a stage of its life.
    fn stage(&self, node: Option<(&str, &str)>, state: Option<&PodSpec>) -> Value {
        let wanted = &self.wanted;
        let mut pod = build::pod(&Shape {
            name: wanted.name.clone(),
            namespace: &wanted.namespace,
            generate_name: Some(wanted.generate_name.clone()),
            owner: wanted.owner.clone(),
            labels: wanted.labels.clone(),
            template: &wanted.template,
            node,
            made: self.made,
            state,
            manager: "kube-controller-manager",
        });
        merge(&mut pod, &json!({ "metadata": { "uid": self.uid } }));
        pod
    }

    /// Its containers have started now.
    fn at_this_time(&self, pod: &mut Value, is_ready: bool) {
        let now = clock::seconds(self.cluster.now());
        let statuses = pod.pointer_mut("/status/containerStatuses").and_then(Value::as_array_mut);
        for status in statuses.into_iter().flatten() {
            merge(status, &json!({ "state": { "running": { "startedAt": now } } }));
        }
        ready(pod, is_ready, &now);
    }

    fn put(&self, pod: Value) {
        let Some(pods) = kind("v1", "Pod") else { return };
        if self.is_alive() {
            self.cluster.store().put(pods, pod);
        }
    }

    /// Whether it is still this pod, and not going.
    fn is_alive(&self) -> bool {
        let pod = kind("v1", "Pod").and_then(|pods| self.cluster.store().get(pods, &self.key));
        pod.is_some_and(|pod| text(&pod, "/metadata/uid") == self.uid && !is_going(&pod))
    }

    fn address(&self, node: &str) -> Option<String> {
        let node = self.cluster.store().get(kind("v1", "Node")?, &Key::new("", node))?;
        let addresses = node.pointer("/status/addresses")?.as_array()?.clone();
        let address = addresses.iter().find(|address| text(address, "/type") == "InternalIP")?;
        Some(text(address, "/address").to_owned())
    }
}

fn text_number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// Whether a pod is being deleted.
pub(super) fn is_going(pod: &Value) -> bool {
    pod.pointer("/metadata/deletionTimestamp").is_some()
}

/// Sets whether a pod and its containers are ready.
pub(super) fn ready(pod: &mut Value, is_ready: bool, now: &str) {
    let status = if is_ready { "True" } else { "False" };
    let conditions = pod.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        if matches!(text(condition, "/type"), "Ready" | "ContainersReady") {
            merge(condition, &json!({ "status": status, "lastTransitionTime": now }));
        }
    }
    let statuses = pod.pointer_mut("/status/containerStatuses").and_then(Value::as_array_mut);
    for status in statuses.into_iter().flatten() {
        merge(status, &json!({ "ready": is_ready }));
    }
}

/// Something about a pod has changed: its controller looks, and so do budgets.
fn changed(cluster: &Arc<Cluster>, namespace: &str, owners: &Value) {
    budgets::changed(cluster, namespace);
    for owner in owners.as_array().into_iter().flatten() {
        controllers::changed(cluster, text(owner, "/kind"), &Key::new(namespace, text(owner, "/name")));
    }
}

/// Ends a pod, as a deletion or an eviction asks: it is told to end, and is gone when it has. One that nothing runs of
/// is gone at once.
pub(crate) fn end(cluster: &Arc<Cluster>, key: &Key) {
    let Some(pods) = kind("v1", "Pod") else { return };
    let now = cluster.now();
    let pod: Option<Object> = {
        let mut store = cluster.store();
        let pod = store.get(pods, key).filter(|pod| !is_going(pod));
        let runs = pod.as_ref().is_some_and(|pod| {
            text(pod, "/status/phase") == "Running" && !text(pod, "/spec/nodeName").is_empty()
        });
        match &pod {
            Some(_) if !runs => drop(store.delete(pods, key)),
            Some(old) => {
                let mut going = Value::clone(old);
                let grace = text_number(old, "/spec/terminationGracePeriodSeconds");
                let until = clock::seconds(clock::later(now, Duration::from_secs(grace)));
                merge(
                    &mut going,
                    &json!({ "metadata": { "deletionTimestamp": until, "deletionGracePeriodSeconds": grace } }),
                );
                store.put(pods, going);
                let seconds = cluster.chance(&format!("end {} {now}", key.name), 2, 9).min(grace);
                let gone = gone(cluster.clone(), key.clone(), text(old, "/metadata/uid").to_owned());
                cluster.timeline.begin(Duration::from_secs(seconds), gone);
            }
            None => {}
        }
        pod
    };
    if let Some(pod) = pod {
        let owners = pod.pointer("/metadata/ownerReferences").cloned().unwrap_or_default();
        changed(cluster, &key.namespace, &owners);
        if pod
            .pointer("/metadata/annotations")
            .is_some_and(|all| all.get("kubernetes.io/config.mirror").is_some())
        {
            mirror_again(cluster, key, &pod);
        }
    }
}

/// The last of a pod.
async fn gone(cluster: Arc<Cluster>, key: Key, uid: String) {
    let Some(pods) = kind("v1", "Pod") else { return };
    let gone = {
        let mut store = cluster.store();
        let same = store.get(pods, &key).is_some_and(|pod| text(&pod, "/metadata/uid") == uid);
        if same { store.delete(pods, &key) } else { None }
    };
    if let Some(pod) = gone {
        changed(
            &cluster,
            &key.namespace,
            &pod.pointer("/metadata/ownerReferences").cloned().unwrap_or_default(),
        );
    }
}

/// The kubelet puts a mirror back that somebody has deleted: what it mirrors runs on.
fn mirror_again(cluster: &Arc<Cluster>, key: &Key, pod: &Value) {
    let (inside, key, mut pod) = (cluster.clone(), key.clone(), pod.clone());
    cluster.timeline.begin(Duration::from_secs(10), async move {
        let Some(pods) = kind("v1", "Pod") else { return };
        let mut store = inside.store();
        if store.get(pods, &key).is_none() {
            let uid = names::uid(&format!("mirror {} {}", key.name, store.revision()));
            merge(&mut pod, &json!({ "metadata": { "uid": uid, "deletionTimestamp": null } }));
            store.put(pods, pod);
        }
    });
}
