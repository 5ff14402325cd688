//! Pods by the thousand, made when they are asked for: nothing is kept of them but how many there are.

use std::fmt::Write as _;
use std::ops::{Bound, Range};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Key;
use crate::sim::clock;
use crate::sim::names;
use crate::sim::template::Template;

/// A pod of 6 KB with its managedFields, in the form of a Deployment's pod of kube-apiserver 1.30.
const TEMPLATE: &str = include_str!("bulk-pod.json");

/// How many namespaces the pods are spread over.
const NAMESPACES: usize = 10;

/// How many pods a Deployment has.
const REPLICAS: usize = 100;

/// What stands between a ReplicaSet's name and its pod's.
const TEMPLATE_HASH: &str = "7d4b9c6f58";

/// So many pods, in namespaces `load-0` to `load-9`, a hundred to a Deployment.
#[derive(Debug)]
pub(crate) struct Bulk {
    count: usize,
    nodes: Vec<String>,
    template: Template,
    made: Timestamp,
}

impl Bulk {
    /// `count` pods on `nodes`, made 30 days before `now`.
    pub(crate) fn new(count: usize, nodes: &[String], now: Timestamp) -> Self {
        let made = clock::relative("-30d", now).unwrap_or(now);
        // Read and written again, for the file has line breaks that a server's answer has not.
        let compact = serde_json::from_str::<Value>(TEMPLATE).unwrap_or_default().to_string();
        Self { count, nodes: nodes.to_vec(), template: Template::new(&compact), made }
    }

    /// The namespaces, and the Deployments and ReplicaSets that own the pods, as objects to be stored.
    pub(crate) fn owners(&self) -> Vec<(&'static str, &'static str, Value)> {
        let mut owners = Vec::new();
        for index in (0..self.count).filter(|index| (index % self.in_namespace()).is_multiple_of(REPLICAS)) {
            let place = self.place(index);
            let replicas = self.count.min(REPLICAS);
            let metadata =
                |name: &str| json!({ "name": name, "namespace": place.namespace, "uid": names::uid(name) });
            let labels = json!({ "app": place.app });
            let template = json!({
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "app", "image": "registry.example.com/load/app:1.4.2" }] },
            });
            let spec = |template| json!({ "replicas": replicas, "selector": { "matchLabels": labels }, "template": template });
            if index % self.in_namespace() == 0 {
                owners.push(("v1", "Namespace", json!({ "metadata": { "name": place.namespace } })));
            }
            let deployment = json!({ "metadata": metadata(&place.app), "spec": spec(template.clone()) });
            let mut set = json!({ "metadata": metadata(&place.replica_set()), "spec": spec(template) });
            if let Some(metadata) = set.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.insert(
                    "ownerReferences".to_owned(),
                    json!([{ "apiVersion": "apps/v1", "kind": "Deployment", "name": place.app,
                             "uid": names::uid(&place.app), "controller": true, "blockOwnerDeletion": true }]),
                );
            }
            owners.push(("apps/v1", "Deployment", deployment));
            owners.push(("apps/v1", "ReplicaSet", set));
        }
        owners
    }

    /// The key of a pod; a higher index has a higher key.
    pub(crate) fn key(&self, index: usize) -> Key {
        let place = self.place(index);
        Key { name: place.pod(index), namespace: place.namespace }
    }

    /// The pod of a key.
    pub(crate) fn find(&self, key: &Key) -> Option<Value> {
        let index = self.position(|other| other < key);
        (index < self.count && self.key(index) == *key).then(|| self.value(index))
    }

    /// The indices of the pods from `start` on, of one namespace or of all.
    pub(crate) fn range(&self, start: &Bound<Key>, namespace: Option<&str>) -> Range<usize> {
        let from = match start {
            Bound::Included(key) => self.position(|other| other < key),
            Bound::Excluded(key) => self.position(|other| other <= key),
            Bound::Unbounded => 0,
        };
        let to = namespace.map_or(self.count, |namespace| self.position(|key| *key.namespace <= *namespace));
        from..to
    }

    /// A pod.
    pub(crate) fn value(&self, index: usize) -> Value {
        let mut text = Vec::new();
        self.write(index, &mut text);
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Writes a pod as JSON.
    pub(crate) fn write(&self, index: usize, out: &mut Vec<u8>) {
        let place = self.place(index);
        let name = place.pod(index);
        let node = self.nodes.get(index % self.nodes.len().max(1)).map_or("", String::as_str);
        let made = clock::seconds(self.made);
        self.template.write(out, |hole, out| {
            let mut number = String::new();
            let text = match hole {
                "name" => &name,
                "namespace" => &place.namespace,
                "app" => &place.app,
                "replicaSet" => &place.replica_set(),
                "replicaSetUid" => &names::uid(&place.replica_set()),
                "uid" => &names::uid(&name),
                "node" => node,
                "time" => &made,
                "hash" => TEMPLATE_HASH,
                "suffix" => &names::suffix(&name, 5),
                "ip" => {
                    let _ = write!(
                        number,
                        "10.{}.{}.{}",
                        128 + index / 65_000,
                        index / 250 % 250,
                        2 + index % 250
                    );
                    &number
                }
                _ => "",
            };
            out.extend_from_slice(text.as_bytes());
        });
    }

    /// The first index whose key does not fulfil `before`, which holds for none behind the first for which it does not.
    fn position(&self, before: impl Fn(&Key) -> bool) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(&self.key(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// How many pods a namespace has, but perhaps the last.
    const fn in_namespace(&self) -> usize {
        let pods = self.count.div_ceil(NAMESPACES);
        if pods == 0 { 1 } else { pods }
    }

    fn place(&self, index: usize) -> Place {
        let (namespace, within) = (index / self.in_namespace(), index % self.in_namespace());
        Place {
            namespace: format!("load-{namespace}"),
            app: format!("load-{namespace}-{:04}", within / REPLICAS),
        }
    }
}

/// Where a pod belongs.
struct Place {
    namespace: String,
    app: String,
}

impl Place {
    fn replica_set(&self) -> String {
        format!("{}-{TEMPLATE_HASH}", self.app)
    }

    fn pod(&self, index: usize) -> String {
        format!("{}-{}", self.replica_set(), names::ordered_suffix(index, 5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(count: usize) -> Bulk {
        Bulk::new(count, &["w1".to_owned(), "w2".to_owned()], Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn keys_are_in_order_and_found() {
        for count in [0, 1, 9, 10, 999, 2_345] {
            let bulk = bulk(count);
            let keys: Vec<Key> = (0..count).map(|index| bulk.key(index)).collect();
            assert!(keys.is_sorted_by(|a, b| a < b), "{count}");
            for key in &keys {
                assert_eq!(Key::of(&bulk.find(key).unwrap()), *key);
            }
            assert_eq!(bulk.find(&Key::new("load-0", "x")), None);
            let by_namespace: usize = (0..10)
                .map(|n| format!("load-{n}"))
                .map(|n| bulk.range(&Bound::Included(Key::new(&n, "")), Some(&n)).len())
                .sum();
            assert_eq!(by_namespace, count);
        }
    }

    #[test]
    fn a_pod_has_the_size_of_a_real_one_and_its_owners_exist() {
        let bulk = bulk(250);
        let mut text = Vec::new();
        bulk.write(137, &mut text);
        // 6.35 KB was measured on a real server; more or less 10 %.
        assert!((5_800..6_900).contains(&text.len()), "{}", text.len());
        let pod = bulk.value(137);
        assert!(pod.pointer("/metadata/managedFields/1/fieldsV1/f:status").is_some());
        assert!(!String::from_utf8(text).unwrap().contains("{{"));
        let owner = pod.pointer("/metadata/ownerReferences/0").unwrap();
        let owners = bulk.owners();
        let set = owners
            .iter()
            .find(|(_, kind, set)| *kind == owner["kind"] && set["metadata"]["name"] == owner["name"]);
        assert_eq!(set.unwrap().2["metadata"]["uid"], owner["uid"]);
        assert_eq!(owners.iter().filter(|(_, kind, _)| *kind == "Namespace").count(), 10);
    }
}
