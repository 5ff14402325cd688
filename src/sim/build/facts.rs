//! What the probe of a simulated machine prints.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Addresses, World, node, text};
use crate::sim::api::merge;
use crate::sim::scenario::{NodeSpec, Script};
use crate::sim::template::Template;
use crate::sim::{SimError, clock, names};

/// The document of a node, but for the time at which it is collected.
///
/// # Errors
/// [`SimError::Data`], when the scenario names what there is not.
pub(crate) fn facts(script: &Script, addresses: &Addresses, name: &str) -> Result<Value, SimError> {
    let no_node = || SimError::data(&format!("there is no node {name}"));
    let spec = script.nodes.get(name).ok_or_else(no_node)?;
    let machine = script.machines.get(&spec.machine).ok_or_else(no_node)?;
    let world = World { script, addresses, now: script.cluster.made, objects: Vec::new() };
    let mut facts = script.facts.node.clone();
    merge(&mut facts, &or_empty(&machine.facts));
    if spec.control_plane {
        merge(&mut facts, &script.facts.control_plane);
        merge(
            &mut facts,
            &json!({
                "staticPods": static_pods(&world, name, spec)?, "etcd": { "members": members(script) },
            }),
        );
    }
    merge(&mut facts, &or_empty(&spec.facts));
    let kubelet = world.kubelet(spec);
    let minor = kubelet.rsplit_once('.').map_or("", |(minor, _)| minor).to_owned();
    let leader = script.nodes.iter().find(|(_, node)| node.control_plane).map_or("", |(name, _)| name);
    let holes = BTreeMap::from([
        ("node", name.to_owned()),
        ("address", spec.address.clone()),
        ("machineId", node::machine_id(name)),
        ("bootId", node::boot_id(name)),
        ("kernel", machine.kernel.clone()),
        ("kubelet", kubelet),
        ("minor", minor),
        ("version", script.cluster.version.to_string()),
        (
            "etcd",
            script.cluster.etcd.rsplit_once('-').map_or(script.cluster.etcd.as_str(), |(v, _)| v).to_owned(),
        ),
        ("etcdTag", script.cluster.etcd.clone()),
        ("memberId", member_id(name)),
        ("leaderId", member_id(leader)),
        ("kubeletConfig", kubelet_config(script)),
        ("isLeader", (leader == name).to_string()),
        ("booted", clock::seconds(spec.booted)),
    ]);
    fill(&mut facts, &holes);
    Ok(facts)
}

/// Fills the holes in every text. A text that is one hole for true or false becomes that.
fn fill(value: &mut Value, holes: &BTreeMap<&str, String>) {
    match value {
        Value::String(text) if text.contains("{{") => {
            let filled = Template::new(text).fill(|hole| holes.get(hole).map(String::as_str));
            *value = match filled.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => Value::String(filled),
            };
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, holes)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill(field, holes)),
        _ => {}
    }
}

/// The member list of etcd, with numbers as texts, as its gateway prints them.
fn members(script: &Script) -> Vec<Value> {
    let masters = script.nodes.iter().filter(|(_, node)| node.control_plane);
    let member = |(name, node): (&String, &NodeSpec)| {
        json!({
            "ID": member_id(name), "name": name, "peerURLs": [format!("https://{}:2380", node.address)],
            "clientURLs": [format!("https://{}:2379", node.address)],
        })
    };
    masters.map(member).collect()
}

/// The sum of the kubelet's configuration, which kubeadm writes on every node as it keeps it in the cluster.
fn kubelet_config(script: &Script) -> String {
    let map = script.objects.get("v1 ConfigMap kube-system/kubelet-config").unwrap_or(&Value::Null);
    names::sha256(text(map, "/data/kubelet"))
}

pub(crate) fn member_id(name: &str) -> String {
    names::number(&format!("etcd member {name}")).to_string()
}

fn static_pods(world: &World<'_>, name: &str, node: &NodeSpec) -> Result<Vec<Value>, SimError> {
    let made = node.api_server.started.unwrap_or(node.booted);
    Ok(world.static_pods(name, node)?.iter().map(|manifest| static_pod(manifest, made)).collect())
}

/// What the probe reads from a manifest. A flag's line is where kubeadm's manifest has it.
pub(crate) fn static_pod(manifest: &Value, modified: Timestamp) -> Value {
    let component = text(manifest, "/metadata/name");
    let first_line = if manifest.pointer("/metadata/annotations").is_some() { 16 } else { 14 };
    let command = manifest.pointer("/spec/containers/0/command").and_then(Value::as_array);
    let arguments = command.into_iter().flatten().filter_map(Value::as_str).enumerate();
    let flags: Vec<Value> = arguments
        .filter_map(|(index, argument)| {
            let (name, value) = argument.strip_prefix("--")?.split_once('=')?;
            Some(json!({ "name": name, "value": value, "line": first_line + index - 1 }))
        })
        .collect();
    let volumes = manifest.pointer("/spec/volumes").and_then(Value::as_array);
    let paths: Vec<&str> =
        volumes.into_iter().flatten().map(|volume| text(volume, "/hostPath/path")).collect();
    json!({
        "path": format!("/etc/kubernetes/manifests/{component}.yaml"), "kind": "Pod", "name": component,
        "namespace": "kube-system", "images": [text(manifest, "/spec/containers/0/image")], "hostPaths": paths,
        "proxyVariables": [], "flags": flags, "sha256": names::sha256(&manifest.to_string()),
        "modified": clock::seconds(modified),
    })
}

/// The manifests of a node's static pods, by component, each with the time of its file.
///
/// # Errors
/// [`SimError::Data`], when the scenario's data is wrong.
pub(crate) fn manifests(
    script: &Script,
    addresses: &Addresses,
    name: &str,
) -> Result<BTreeMap<String, (Value, Timestamp)>, SimError> {
    let Some(node) = script.nodes.get(name).filter(|node| node.control_plane) else {
        return Ok(BTreeMap::new());
    };
    let world = World { script, addresses, now: script.cluster.made, objects: Vec::new() };
    let made = node.api_server.started.unwrap_or(node.booted);
    let named = |manifest: Value| (text(&manifest, "/metadata/name").to_owned(), (manifest, made));
    Ok(world.static_pods(name, node)?.into_iter().map(named).collect())
}

fn or_empty(value: &Value) -> Value {
    if value.is_null() { json!({}) } else { value.clone() }
}
