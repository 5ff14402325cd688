//! Static pods: what a kubelet does when a manifest changes, and when it starts anew itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{kind, leases, servers, text};
use crate::sim::api::merge;
use crate::sim::scenario::PodSpec;
use crate::sim::state::Cluster;
use crate::sim::store::Key;
use crate::sim::{build, clock, names};
use crate::version::Version;

/// The static pods of a control plane, in the order in which kubeadm upgrades them.
pub(crate) const COMPONENTS: [&str; 4] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// How long a component is away when its container is made anew, in seconds: at least, and at most.
fn away(component: &str) -> (u64, u64) {
    match component {
        "etcd" => (9, 16),
        "kube-apiserver" => (18, 32),
        _ => (5, 11),
    }
}

/// Waits, within a task.
async fn pause(cluster: &Cluster, seconds: u64) {
    cluster.timeline.sleep(Duration::from_secs(seconds)).await;
}

/// The kubelet of a node takes up the manifest of a component: the old container ends, a new one starts.
pub(crate) async fn take_up(cluster: Arc<Cluster>, node: String, component: String) {
    let now = cluster.now();
    let chance =
        |what: &str, least, most| cluster.chance(&format!("{what} {component} {node} {now}"), least, most);
    pause(&cluster, chance("notice", 1, 4)).await;
    if let Some(pod) =
        cluster.machine(&node).as_mut().and_then(|machine| machine.static_pods.get_mut(&component))
    {
        pod.stale = false;
    }
    end(&cluster, &node, &component);
    mirror(&cluster, &node, &component, Some(("ContainerCreating", "")), 0);
    let (least, most) = away(&component);
    pause(&cluster, chance("away", least, most)).await;
    let slow =
        (component == "kube-apiserver").then(|| cluster.machine(&node)?.trouble.slow_api_server.take());
    let restarts = match slow.flatten() {
        Some(seconds) => crash_for(&cluster, &node, &component, seconds).await,
        None => 0,
    };
    begin(&cluster, &node, &component);
    mirror(&cluster, &node, &component, None, restarts);
}

/// All static pods of a node start anew, as they are: what the kubelet of 1.31 does when it follows an older one.
pub(crate) fn start_all_anew(cluster: &Arc<Cluster>, node: &str) {
    let here = |component: &&str| {
        cluster.machine(node).is_some_and(|machine| machine.static_pods.contains_key(*component))
    };
    for component in COMPONENTS.into_iter().filter(here) {
        let (cluster, node) = (cluster.clone(), node.to_owned());
        let again = cluster.clone();
        again.timeline.begin(Duration::from_secs(2), async move {
            let now = cluster.now();
            end(&cluster, &node, component);
            ended(&cluster, &node, component);
            let (least, most) = away(component);
            // An API server does not come up before its etcd does.
            let first = if component == "kube-apiserver" { 6 } else { 0 };
            pause(&cluster, first + cluster.chance(&format!("anew {component} {node} {now}"), least, most))
                .await;
            begin(&cluster, &node, component);
            restarted(&cluster, &node, component);
        });
    }
}

/// The process of a component ends.
fn end(cluster: &Cluster, node: &str, component: &str) {
    match component {
        "etcd" => {
            let mut members = cluster.members();
            members.down.insert(node.to_owned());
            if members.leader == node {
                let next = members.all.iter().find(|member| !members.down.contains(*member)).cloned();
                members.leader = next.unwrap_or_else(|| node.to_owned());
            }
        }
        "kube-apiserver" => servers::stop(cluster, node),
        elected => leases::hand_on(cluster, elected, node),
    }
}

/// The process of a component starts, from the image in its manifest.
fn begin(cluster: &Arc<Cluster>, node: &str, component: &str) {
    let image = {
        let Some(mut machine) = cluster.machine(node) else { return };
        if let Some(pod) = machine.static_pods.get_mut(component) {
            pod.stale = false;
        }
        let image = machine.image(component);
        if component == "etcd" {
            let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
            let version = tag.rsplit_once('-').map_or(tag, |(version, _)| version);
            machine.merge(&json!({ "etcd": { "status": { "version": version }, "metrics": { "serverVersion": version } } }));
        }
        image
    };
    match component {
        "etcd" => drop(cluster.members().down.remove(node)),
        "kube-apiserver" => {
            if let Some(version) = version_of(&image) {
                servers::start(cluster, node, version);
            }
        }
        _ => {}
    }
}

/// The version in the tag of an image.
fn version_of(image: &str) -> Option<Version> {
    image.rsplit_once(':')?.1.trim_start_matches('v').parse().ok()
}

/// The container of a component fails again and again, for so long; how often it was started again.
async fn crash_for(cluster: &Cluster, node: &str, component: &str, seconds: u64) -> u32 {
    let end = clock::later(cluster.now(), Duration::from_secs(seconds));
    let mut back_off = 10;
    let mut restarts = 0;
    loop {
        let left = end.duration_since(cluster.now()).as_secs();
        if left <= 0 {
            return restarts;
        }
        restarts += 1;
        let message = format!(
            "back-off {back_off}s restarting failed container={component} pod={component}-{node}_kube-system"
        );
        mirror(cluster, node, component, Some(("CrashLoopBackOff", &message)), restarts);
        pause(cluster, back_off.min(u64::try_from(left).unwrap_or(1))).await;
        back_off = (back_off * 2).min(300);
    }
}

/// The kubelet makes a new mirror of a static pod.
fn mirror(cluster: &Cluster, node: &str, component: &str, waiting: Option<(&str, &str)>, restarts: u32) {
    let Some(pods) = kind("v1", "Pod") else { return };
    let Some((address, uid)) = of_node(cluster, node) else { return };
    let Some(manifest) =
        cluster.machine(node).and_then(|m| Some(m.static_pods.get(component)?.manifest.clone()))
    else {
        return;
    };
    let state = PodSpec {
        waiting: waiting.map(|(reason, message)| (reason.to_owned(), message.to_owned())),
        restarts,
        ..PodSpec::default()
    };
    let now = cluster.now();
    let mut pod = build::mirror_pod((node, &address, &uid), &manifest, now, Some(&state));
    let key = Key::of(&pod);
    let mut store = cluster.store();
    let hash = |pod: &Value| {
        pod.pointer("/metadata/annotations")
            .and_then(|all| Some(all.get("kubernetes.io/config.hash")?.as_str()?.to_owned()))
    };
    // The same manifest is the same pod.
    let same = store.get(pods, &key).filter(|old| hash(old) == hash(&pod));
    let (uid, made) = same.map_or_else(
        || (names::uid(&format!("{component} {node} {now}")), clock::seconds(now)),
        |old| (text(&old, "/metadata/uid").to_owned(), text(&old, "/metadata/creationTimestamp").to_owned()),
    );
    merge(&mut pod, &json!({ "metadata": { "uid": uid, "creationTimestamp": made } }));
    store.put(pods, pod);
}

/// The containers of a static pod have ended.
fn ended(cluster: &Cluster, node: &str, component: &str) {
    let Some(pods) = kind("v1", "Pod") else { return };
    let now = clock::seconds(cluster.now());
    cluster.edit(pods, &Key::new("kube-system", &format!("{component}-{node}")), |pod| {
        super::pods::ready(pod, false, &now);
    });
}

/// The containers of a static pod have been started anew, in the same pod.
fn restarted(cluster: &Cluster, node: &str, component: &str) {
    let Some(pods) = kind("v1", "Pod") else { return };
    let now = clock::seconds(cluster.now());
    cluster.edit(pods, &Key::new("kube-system", &format!("{component}-{node}")), |pod| {
        super::pods::ready(pod, true, &now);
        let statuses = pod.pointer_mut("/status/containerStatuses").and_then(Value::as_array_mut);
        for status in statuses.into_iter().flatten() {
            let restarts = status.get("restartCount").and_then(Value::as_i64).unwrap_or_default();
            let started = text(status, "/state/running/startedAt").to_owned();
            merge(status, &json!({
                "restartCount": restarts + 1, "state": { "running": { "startedAt": now }, "waiting": null },
                "lastState": { "terminated": { "exitCode": 0, "reason": "Completed", "startedAt": started, "finishedAt": now } },
            }));
        }
    });
}

/// Only the mirror follows the manifest: what runs is what ran before, and the kubelet does not see it.
pub(crate) fn mirror_only(cluster: &Cluster, node: &str, component: &str) {
    let Some(pods) = kind("v1", "Pod") else { return };
    let key = Key::new("kube-system", &format!("{component}-{node}"));
    let before = cluster.store().get(pods, &key).and_then(|pod| pod.get("status").cloned());
    mirror(cluster, node, component, None, 0);
    if let Some(status) = before {
        cluster.edit(pods, &key, |pod| merge(pod, &json!({ "status": status })));
    }
}

/// Address and UID of a node.
fn of_node(cluster: &Cluster, node: &str) -> Option<(String, String)> {
    let object = cluster.store().get(kind("v1", "Node")?, &Key::new("", node))?;
    let addresses = object.pointer("/status/addresses")?.as_array()?;
    let address = addresses.iter().find(|address| text(address, "/type") == "InternalIP")?;
    Some((text(address, "/address").to_owned(), text(&object, "/metadata/uid").to_owned()))
}
