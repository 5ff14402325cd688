//! Who has to be mended: the owner at the top, never a pod that somebody will make again.

use std::collections::HashMap;

use crate::checks::Subject;
use crate::evidence::Objects;
use crate::evidence::objects::{Kind, Metadata, OwnerReference, Pod, Workload};

/// Workloads by kind, namespace and name.
pub struct Owners<'a> {
    workloads: HashMap<(Kind, &'a str, &'a str), &'a Workload>,
}

/// An owner at the top.
#[derive(Debug, Clone, Copy)]
pub enum Top<'a> {
    /// A workload that was read.
    Workload(Kind, &'a Workload),
    /// A reference to something that was not: a kind that kubelift does not list, or an object that is gone.
    Reference(&'a OwnerReference),
    /// Nobody.
    Nobody,
}

/// Longer chains of owners do not exist in Kubernetes' own kinds; one that goes round would have no end.
const DEPTH: usize = 5;

impl<'a> Owners<'a> {
    /// Indexes all workloads that were read.
    pub fn of(objects: &'a Objects) -> Self {
        let listings = objects.workloads.iter();
        let workloads = listings.flat_map(|(kind, listing)| {
            listing.iter().map(|workload| {
                let metadata = &workload.metadata;
                ((*kind, metadata.namespace.as_str(), metadata.name.as_str()), workload)
            })
        });
        Self { workloads: workloads.collect() }
    }

    /// The owner at the top of an object's owners, which is `Nobody` for one without a controller.
    pub fn top(&self, metadata: &'a Metadata) -> Top<'a> {
        let (mut at, mut top) = (metadata, Top::Nobody);
        for _ in 0..DEPTH {
            let Some(reference) = at.controller() else { break };
            match self.find(&at.namespace, reference) {
                Some((kind, workload)) => {
                    top = Top::Workload(kind, workload);
                    at = &workload.metadata;
                }
                None => return Top::Reference(reference),
            }
        }
        top
    }

    /// The subject of a finding on a pod: its owner, or the pod itself.
    pub fn subject_of(&self, pod: &'a Pod) -> Subject {
        let metadata = &pod.metadata;
        match self.top(metadata) {
            Top::Workload(kind, workload) => subject(kind, workload),
            Top::Reference(owner) => {
                Subject::object(&owner.api_version, &owner.kind, &metadata.namespace, &owner.name)
            }
            Top::Nobody => {
                let node = pod.spec.node_name.to_string();
                Subject { node, ..Subject::object("v1", "Pod", &metadata.namespace, &metadata.name) }
            }
        }
    }

    /// The subject of a finding on a workload's template: the workload, or an owner above it that was not read.
    /// `None` where one that was read makes it, or where it is an old revision that makes nothing.
    pub fn subject_of_template(&self, kind: Kind, workload: &'a Workload) -> Option<Subject> {
        match self.top(&workload.metadata) {
            Top::Workload(..) => None,
            Top::Reference(_) if workload.spec.replicas == Some(0) => None,
            Top::Reference(owner) => Some(Subject::object(
                &owner.api_version,
                &owner.kind,
                &workload.metadata.namespace,
                &owner.name,
            )),
            Top::Nobody => Some(subject(kind, workload)),
        }
    }

    fn find(&self, namespace: &str, reference: &OwnerReference) -> Option<(Kind, &'a Workload)> {
        let kind = Kind::ALL.into_iter().find(|kind| reference.kind == kind.as_str())?;
        // A kind of the same name in another group is another kind.
        if group(&reference.api_version) != group(kind.api_version()) {
            return None;
        }
        // The lifetimes of a key's parts are those of the index, so the name is looked up as it is.
        let workload = self.workloads.get(&(kind, namespace, reference.name.as_str()))?;
        Some((kind, workload))
    }
}

/// A workload as a finding's subject.
pub fn subject(kind: Kind, workload: &Workload) -> Subject {
    let metadata = &workload.metadata;
    Subject::object(kind.api_version(), kind.as_str(), &metadata.namespace, &metadata.name)
}

/// The group of an `apiVersion`; empty for core.
fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use serde_json::{Value, json};

    fn owned(kind: &str, api_version: &str, name: &str) -> Value {
        json!([{ "apiVersion": api_version, "kind": kind, "name": name, "controller": true }])
    }

    fn subject_of(world: &World, pod: Value) -> String {
        let pod: Pod = serde_json::from_value(pod).unwrap();
        Owners::of(&world.evidence.objects).subject_of(&pod).to_string()
    }

    #[test]
    fn the_top_owner_is_mended() {
        let mut world = World::new("1.30.4");
        world.workload(Kind::Deployment, json!({ "metadata": { "namespace": "shop", "name": "web" } }));
        world.workload(
            Kind::ReplicaSet,
            json!({ "metadata": { "namespace": "shop", "name": "web-7c", "ownerReferences": owned("Deployment", "apps/v1", "web") } }),
        );
        let pod = |owners: Value| json!({ "metadata": { "namespace": "shop", "name": "web-7c-x", "ownerReferences": owners } });
        let rows = [
            (owned("ReplicaSet", "apps/v1", "web-7c"), "shop/Deployment/web"),
            // Not read, or another group's: the reference itself.
            (owned("ReplicaSet", "apps/v1", "other"), "shop/ReplicaSet/other"),
            (owned("ReplicaSet", "example.com/v1", "web-7c"), "shop/ReplicaSet/web-7c"),
            (owned("Rollout", "argoproj.io/v1alpha1", "web"), "shop/Rollout/web"),
            (json!([]), "shop/Pod/web-7c-x"),
            // An owner that does not manage it is no controller.
            (
                json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7c" }]),
                "shop/Pod/web-7c-x",
            ),
        ];
        for (owners, expected) in rows {
            assert_eq!(subject_of(&world, pod(owners.clone())), expected, "{owners}");
        }
    }

    #[test]
    fn owners_in_a_circle_come_to_an_end() {
        let mut world = World::new("1.30.4");
        for (name, owner) in [("a", "b"), ("b", "a")] {
            world.workload(
                Kind::Deployment,
                json!({ "metadata": { "namespace": "x", "name": name, "ownerReferences": owned("Deployment", "apps/v1", owner) } }),
            );
        }
        let pod = json!({ "metadata": { "namespace": "x", "name": "p", "ownerReferences": owned("Deployment", "apps/v1", "a") } });
        assert!(subject_of(&world, pod).starts_with("x/Deployment/"));
    }
}
