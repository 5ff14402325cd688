//! Each verdict, with its nearest neighbours that must not fire.

mod api;
mod backups;
mod hazards;
mod machines;
mod members;
mod real;

use serde_json::{Value, json};

use crate::checks::Finding;
use crate::checks::testing::{World, codes, from};
use crate::evidence::node_facts::{Etcd, NodeFacts};

const CHECK: &str = "etcd";

/// The findings of a hop from 1.30.4 to 1.31.4.
fn check(world: &World) -> Vec<Finding> {
    world.check(CHECK, "1.31.4")
}

/// Codes that the healthy world has too: etcd 3.5.15 has notices of its own.
fn said(world: &World) -> String {
    let findings = check(world);
    let codes = codes(&findings);
    codes.into_iter().filter(|code| *code != "EtcdVersionDangerous").collect::<Vec<_>>().join(" ")
}

/// A world in which what one machine says was changed.
fn machine(node: &str, change: impl FnOnce(&mut NodeFacts)) -> World {
    let mut world = World::new("1.30.4");
    world.facts(node, change);
    world
}

/// The same of the etcd on it.
fn etcd(node: &str, change: impl FnOnce(&mut Etcd)) -> World {
    machine(node, |facts| change(facts.etcd.as_mut().unwrap()))
}

/// The same on every control plane.
fn everywhere(change: impl Fn(&mut NodeFacts)) -> World {
    let mut world = World::new("1.30.4");
    for node in ["cp1", "cp2", "cp3"] {
        world.facts(node, &change);
    }
    world
}

/// Every member, and the tag of its image, at a version.
fn at(from: &str, version: &str) -> World {
    let mut world = World::new(from);
    for node in ["cp1", "cp2", "cp3"] {
        run(&mut world, node, version);
    }
    world
}

/// One member, and the tag of its image, at a version.
fn run(world: &mut World, node: &str, version: &str) {
    let image = format!("registry.k8s.io/etcd:{version}-0");
    world.facts(node, |facts| {
        let etcd = facts.etcd.as_mut().unwrap();
        etcd.status.as_mut().unwrap().version = Some(version.into());
        etcd.image = Some(image.as_str().into());
    });
    world.edit_pod(&format!("etcd-{node}"), |pod| {
        let mut containers = pod.spec.containers.to_vec();
        containers[0].image = image.as_str().into();
        pod.spec.containers = containers.into_iter().collect();
    });
}

/// kubeadm's configuration with an `etcd` of its own.
fn configured(world: &mut World, etcd: &Value) {
    let document =
        json!({ "kind": "ClusterConfiguration", "kubernetesVersion": "v1.30.4", "etcd": etcd }).to_string();
    world.config_map("kubeadm-config", json!({ "ClusterConfiguration": document }));
}

fn with_config(etcd: Value) -> World {
    let mut world = World::new("1.30.4");
    configured(&mut world, &etcd);
    world
}

/// A control plane's static pod with another command line.
fn command(world: &mut World, pod: &str, words: &[&str]) {
    world.edit_pod(pod, |pod| {
        let container = pod.spec.containers.first().unwrap();
        let command: Vec<&str> = words.to_vec();
        pod.spec.containers = std::iter::once(from(json!({
            "name": container.name, "image": container.image, "command": command })))
        .collect();
    });
}

/// For the tests that hold for all checks.
pub(in crate::checks) fn cases() -> Vec<(&'static str, World, &'static str)> {
    let alarm = |name: &str| from(json!([{ "memberID": "101", "alarm": name }]));
    let unready = {
        let mut world = World::new("1.30.4");
        world.edit_pod("etcd-cp2", |pod| pod.status.conditions = std::iter::empty().collect());
        world
    };
    vec![
        ("an alarm of etcd", etcd("cp1", |etcd| etcd.alarms = Some(alarm("NOSPACE"))), "1.31.4"),
        (
            "an etcd without a leader",
            etcd("cp2", |etcd| etcd.status.as_mut().unwrap().leader = Some(0)),
            "1.31.4",
        ),
        ("an etcd that is not ready", unready, "1.31.4"),
        (
            "a tag of etcd that is no version",
            with_config(json!({ "local": { "imageTag": "ours" } })),
            "1.31.4",
        ),
        ("an etcd that a restart endangers", at("1.30.4", "3.5.2"), "1.31.4"),
        ("an etcd too old for the hop", at("1.33.6", "3.5.24"), "1.34.2"),
        ("an etcd too old for a later hop", at("1.32.10", "3.5.24"), "1.34.2"),
        (
            "an external etcd",
            with_config(json!({ "external": { "endpoints": ["https://10.9.0.1:2379"] } })),
            "1.31.4",
        ),
        (
            "a database that is nearly full",
            etcd("cp1", |etcd| etcd.status.as_mut().unwrap().db_size = Some(2 << 30)),
            "1.31.4",
        ),
    ]
}
