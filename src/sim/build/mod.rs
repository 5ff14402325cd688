//! From a scenario to the objects of a cluster: what its controllers and kubelets would have made of it.

mod control_plane;
mod facts;
mod node;
pub(crate) mod place;
mod pod;
mod workload;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) use self::control_plane::mirror_pod;
pub(crate) use self::facts::{facts, manifests, member_id, static_pod};
pub(crate) use self::pod::{Shape, pod};
pub(crate) use self::workload::tolerate;
use super::SimError;
use super::api::resource::{self, Resource};
use super::scenario::Script;
use super::{clock, names};

/// Where the API server of each control plane listens, by node.
pub(crate) type Addresses = BTreeMap<String, SocketAddr>;

/// Groups whose objects count the changes of their spec.
const COUNTED: [&str; 5] = ["apps", "batch", "policy", "networking.k8s.io", "flowcontrol.apiserver.k8s.io"];

/// The objects of a scenario.
pub(crate) struct World<'s> {
    script: &'s Script,
    addresses: &'s Addresses,
    now: Timestamp,
    objects: Vec<(&'static Resource, Value)>,
}

/// Makes the objects of `script`.
///
/// # Errors
/// [`SimError::Data`], when the scenario names what there is not.
pub(crate) fn objects(
    script: &Script,
    addresses: &Addresses,
    now: Timestamp,
) -> Result<Vec<(&'static Resource, Value)>, SimError> {
    let mut world = World { script, addresses, now, objects: Vec::new() };
    world.nodes()?;
    world.control_planes()?;
    world.plain_objects()?;
    world.workloads()?;
    world.namespaces()?;
    world.budgets();
    Ok(world.objects)
}

impl World<'_> {
    /// Adds an object, with the metadata that every object has.
    fn add(&mut self, api_version: &str, kind: &str, mut object: Value) -> Result<(), SimError> {
        let resource = resource::by_kind(api_version, kind)
            .ok_or_else(|| SimError::data(&format!("no server serves {kind} of {api_version}")))?;
        let namespace = text(&object, "/metadata/namespace").to_owned();
        if resource.namespaced == namespace.is_empty() {
            return Err(SimError::data(&format!(
                "{kind} {} has a wrong namespace",
                text(&object, "/metadata/name")
            )));
        }
        let uid = self.uid(kind, &namespace, text(&object, "/metadata/name"));
        let made = clock::seconds(self.script.cluster.made);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.entry("uid").or_insert(uid.into());
            metadata.entry("creationTimestamp").or_insert(made.into());
            if COUNTED.contains(&resource.group) {
                metadata.entry("generation").or_insert(json!(1));
            }
        }
        self.objects.push((resource, object));
        Ok(())
    }

    /// The UID of an object, which depends on its name alone.
    fn uid(&self, kind: &str, namespace: &str, name: &str) -> String {
        names::uid(&format!("{} {kind} {namespace}/{name}", self.script.cluster.name))
    }

    /// A reference to the owner that manages an object.
    fn owner(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
        json!([{
            "apiVersion": api_version, "kind": kind, "name": name, "uid": self.uid(kind, namespace, name),
            "controller": true, "blockOwnerDeletion": true,
        }])
    }

    /// The objects that the scenario has as they are.
    fn plain_objects(&mut self) -> Result<(), SimError> {
        for (key, object) in &self.script.objects {
            let mut words = key.split(' ');
            let (Some(version), Some(kind), Some(name), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(SimError::data(&format!(
                    "'{key}' is not of the form 'apiVersion Kind namespace/name'"
                )));
            };
            let (namespace, name) = name.split_once('/').unwrap_or(("", name));
            let mut metadata = json!({ "name": name });
            if let (false, Some(metadata)) = (namespace.is_empty(), metadata.as_object_mut()) {
                metadata.insert("namespace".to_owned(), namespace.into());
            }
            let mut whole = json!({ "metadata": metadata });
            super::api::merge(&mut whole, object);
            self.add(version, kind, whole)?;
        }
        Ok(())
    }

    /// A Namespace for every namespace that an object is in, and the four that every cluster has.
    fn namespaces(&mut self) -> Result<(), SimError> {
        let mut found: Vec<String> =
            self.objects.iter().map(|(_, object)| text(object, "/metadata/namespace").to_owned()).collect();
        found.extend(["default", "kube-system", "kube-public", "kube-node-lease"].map(str::to_owned));
        found.sort();
        found.dedup();
        for name in found.iter().filter(|name| !name.is_empty()) {
            let labels = json!({ "kubernetes.io/metadata.name": name });
            let namespace = json!({
                "metadata": { "name": name, "labels": labels },
                "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" },
            });
            self.add("v1", "Namespace", namespace)?;
        }
        Ok(())
    }

    /// The status that the disruption controller gives each budget.
    fn budgets(&mut self) {
        let pods: Vec<Value> = self
            .objects
            .iter()
            .filter(|(resource, _)| resource.id() == ("", "pods"))
            .map(|(_, pod)| pod.clone())
            .collect();
        let scales = super::budget::scales(self.objects.iter().map(|(_, object)| object));
        let now = self.now;
        for (resource, budget) in &mut self.objects {
            if resource.plural == "poddisruptionbudgets" {
                super::budget::settle(budget, pods.iter(), &scales, now);
            }
        }
    }
}

/// The text at a JSON pointer; empty where there is none.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// An entry of `managedFields`, without the fields.
fn managed(manager: &str, api_version: &str, time: Timestamp, subresource: &str) -> Value {
    let mut entry = json!({
        "manager": manager, "operation": "Update", "apiVersion": api_version, "time": clock::seconds(time),
        "fieldsType": "FieldsV1", "fieldsV1": {},
    });
    if let (false, Some(entry)) = (subresource.is_empty(), entry.as_object_mut()) {
        entry.insert("subresource".to_owned(), subresource.into());
    }
    entry
}
