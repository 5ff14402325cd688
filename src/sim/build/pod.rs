//! Pods: what an API server, a scheduler and a kubelet make of a template.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{managed, text};
use crate::sim::api::merge;
use crate::sim::scenario::PodSpec;
use crate::sim::{clock, names};

/// The prefix of the AppArmor annotation.
const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// What a pod is made of.
pub(crate) struct Shape<'s> {
    /// Its name.
    pub(crate) name: String,
    /// Its namespace.
    pub(crate) namespace: &'s str,
    /// What its name was made from, for a controller's pod.
    pub(crate) generate_name: Option<String>,
    /// `ownerReferences`
    pub(crate) owner: Value,
    /// Labels beside the template's.
    pub(crate) labels: Value,
    /// The template.
    pub(crate) template: &'s Value,
    /// Where it was put, name and address; nowhere yet, if absent.
    pub(crate) node: Option<(&'s str, &'s str)>,
    /// When it was made.
    pub(crate) made: Timestamp,
    /// What is special about it.
    pub(crate) state: Option<&'s PodSpec>,
    /// Who made it: the field manager.
    pub(crate) manager: &'s str,
}

/// Makes the pod.
pub(crate) fn pod(shape: &Shape<'_>) -> Value {
    let made = clock::seconds(shape.made);
    let mut managers = vec![managed(shape.manager, "v1", shape.made, "")];
    if shape.node.is_some() && shape.manager != "kubelet" {
        managers.push(managed("kubelet", "v1", shape.made, "status"));
    }
    let mut pod = json!({
        "metadata": shape.template.get("metadata").cloned().unwrap_or_else(|| json!({})),
        "spec": shape.template.get("spec").cloned().unwrap_or_else(|| json!({})),
    });
    merge(
        &mut pod,
        &json!({ "metadata": {
        "name": shape.name, "namespace": shape.namespace, "generateName": shape.generate_name, "labels": shape.labels,
        "ownerReferences": shape.owner, "creationTimestamp": made, "managedFields": managers,
    } }),
    );
    defaults(&mut pod, shape);
    sync_app_armor(&mut pod);
    let status = status(&pod, shape);
    merge(&mut pod, &json!({ "status": status }));
    pod
}

/// What an API server and the scheduler write into a pod's spec.
fn defaults(pod: &mut Value, shape: &Shape<'_>) {
    let account =
        Some(text(pod, "/spec/serviceAccountName")).filter(|name| !name.is_empty()).unwrap_or("default");
    let wanted = json!({
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
        "serviceAccountName": account, "serviceAccount": account, "securityContext": {}, "schedulerName": "default-scheduler",
        "priority": 0, "enableServiceLinks": true, "preemptionPolicy": "PreemptLowerPriority",
        "tolerations": [
            { "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
            { "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
        ],
    });
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return };
    for (field, value) in wanted.as_object().into_iter().flatten() {
        // A static pod has no ServiceAccount.
        if shape.manager == "kubelet" && field.starts_with("serviceAccount") {
            continue;
        }
        spec.entry(field.clone()).or_insert_with(|| value.clone());
    }
    if let Some((node, _)) = shape.node {
        spec.insert("nodeName".to_owned(), node.into());
    }
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let name = text(container, "/name").to_owned();
            if let Some(image) = shape.state.and_then(|state| state.images.get(&name)) {
                merge(container, &json!({ "image": image }));
            }
            let Some(container) = container.as_object_mut() else { continue };
            for (field, value) in [
                ("resources", json!({})),
                ("imagePullPolicy", json!("IfNotPresent")),
                ("terminationMessagePath", json!("/dev/termination-log")),
                ("terminationMessagePolicy", json!("File")),
            ] {
                container.entry(field).or_insert(value);
            }
        }
    }
}

/// Copies AppArmor annotations to fields and fields to annotations, as an API server does when a pod is made.
/// Source: k8s.io/kubernetes 1.30.14 pkg/registry/core/pod/strategy.go, `applyAppArmorVersionSkew`.
fn sync_app_armor(pod: &mut Value) {
    let of_pod = pod.pointer("/spec/securityContext/appArmorProfile").cloned();
    let annotations = pod.pointer("/metadata/annotations").cloned().unwrap_or_default();
    let mut new_annotations = json!({});
    for list in ["initContainers", "containers"] {
        let containers = pod.pointer_mut(&format!("/spec/{list}")).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let key = format!("{APPARMOR}{}", text(container, "/name"));
            let own = container.pointer("/securityContext/appArmorProfile").cloned();
            match annotations.get(&key).and_then(Value::as_str) {
                None => {
                    if let Some(annotation) = own.as_ref().or(of_pod.as_ref()).and_then(annotation_of) {
                        merge(&mut new_annotations, &json!({ key: annotation }));
                    }
                }
                Some(annotation) if own.is_none() => {
                    if let Some(field) = field_of(annotation).filter(|field| Some(field) != of_pod.as_ref()) {
                        merge(container, &json!({ "securityContext": { "appArmorProfile": field } }));
                    }
                }
                Some(_) => {}
            }
        }
    }
    if new_annotations.as_object().is_some_and(|annotations| !annotations.is_empty()) {
        merge(pod, &json!({ "metadata": { "annotations": new_annotations } }));
    }
}

fn annotation_of(profile: &Value) -> Option<String> {
    match text(profile, "/type") {
        "RuntimeDefault" => Some("runtime/default".to_owned()),
        "Unconfined" => Some("unconfined".to_owned()),
        "Localhost" => Some(format!("localhost/{}", text(profile, "/localhostProfile"))),
        _ => None,
    }
}

fn field_of(annotation: &str) -> Option<Value> {
    match annotation {
        "runtime/default" => Some(json!({ "type": "RuntimeDefault" })),
        "unconfined" => Some(json!({ "type": "Unconfined" })),
        other => {
            let profile = other.strip_prefix("localhost/").filter(|profile| !profile.is_empty())?;
            Some(json!({ "type": "Localhost", "localhostProfile": profile }))
        }
    }
}

/// What the kubelet reports.
fn status(pod: &Value, shape: &Shape<'_>) -> Value {
    let none = PodSpec::default();
    let state = shape.state.unwrap_or(&none);
    let phase = state.phase.as_deref().unwrap_or(if shape.node.is_some() { "Running" } else { "Pending" });
    let (made, ended) = (clock::seconds(shape.made), phase == "Succeeded" || phase == "Failed");
    let ready = phase == "Running" && state.waiting.is_none();
    let flag = |yes: bool| if yes { "True" } else { "False" };
    let condition = |kind: &str, yes: bool| json!({ "type": kind, "status": flag(yes), "lastProbeTime": null, "lastTransitionTime": made });
    let mut status = json!({
        "phase": phase, "qosClass": "Burstable",
        "conditions": [condition("PodScheduled", shape.node.is_some())],
    });
    if let Some((_, address)) = shape.node {
        // A pod that the kubelet does not let in has neither sandbox nor address.
        let let_in = phase != "Pending";
        let ip = let_in.then(|| pod_ip(pod, shape, address));
        let ips: Vec<Value> = ip.iter().map(|ip| json!({ "ip": ip })).collect();
        let containers: Vec<Value> = containers(pod, state, &made, ended, ready);
        merge(
            &mut status,
            &json!({
                "conditions": [
                    condition("PodReadyToStartContainers", let_in && !ended), condition("Initialized", true), condition("Ready", ready),
                    condition("ContainersReady", ready), condition("PodScheduled", true),
                ],
                "hostIP": address, "hostIPs": [{ "ip": address }], "podIP": ip, "podIPs": let_in.then_some(ips),
                "startTime": made, "containerStatuses": containers,
            }),
        );
    }
    merge(&mut status, &json!({ "reason": state.reason, "message": state.message }));
    status
}

fn containers(pod: &Value, state: &PodSpec, made: &str, ended: bool, ready: bool) -> Vec<Value> {
    let all = pod.pointer("/spec/containers").and_then(Value::as_array);
    let let_in = state.phase.as_deref() != Some("Pending");
    let status = |container: &Value| {
        let (name, image) = (text(container, "/name"), text(container, "/image"));
        let now = match &state.waiting {
            Some((reason, message)) => json!({ "waiting": { "reason": reason, "message": message } }),
            None if ended => json!({ "terminated": {
                "exitCode": i32::from(state.phase.as_deref() == Some("Failed")),
                "reason": if state.phase.as_deref() == Some("Failed") { "Error" } else { "Completed" },
                "startedAt": made, "finishedAt": made,
            } }),
            None => json!({ "running": { "startedAt": made } }),
        };
        let mut status = json!({
            "name": name, "image": image, "ready": ready, "started": ready, "restartCount": state.restarts,
            "state": now, "lastState": {}, "imageID": "",
        });
        if let_in {
            let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
            let id = names::sha256(&format!("{name} {}", text(pod, "/metadata/name")));
            let made_of = json!({
                "imageID": format!("{repository}@sha256:{}", names::sha256(image)), "containerID": format!("containerd://{id}"),
            });
            merge(&mut status, &made_of);
        }
        status
    };
    all.into_iter().flatten().map(status).collect()
}

fn pod_ip(pod: &Value, shape: &Shape<'_>, address: &str) -> String {
    if pod.pointer("/spec/hostNetwork").and_then(Value::as_bool) == Some(true) {
        return address.to_owned();
    }
    let number = names::number(&format!("ip {}/{}", shape.namespace, shape.name));
    format!("10.244.{}.{}", number >> 8 & 7, 2 + number % 250)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape<'s>(template: &'s Value, state: Option<&'s PodSpec>) -> Shape<'s> {
        Shape {
            name: "web-1".to_owned(),
            namespace: "shop",
            generate_name: None,
            owner: Value::Null,
            labels: json!({ "pod-template-hash": "x" }),
            template,
            node: None,
            made: Timestamp::UNIX_EPOCH,
            state,
            manager: "kube-controller-manager",
        }
    }

    #[test]
    fn app_armor_is_in_both_places_as_in_1_30() {
        let template = json!({
            "metadata": { "annotations": { format!("{APPARMOR}old"): "localhost/k8s-web", format!("{APPARMOR}bad"): "docker" } },
            "spec": {
                "securityContext": { "appArmorProfile": { "type": "RuntimeDefault" } },
                "containers": [
                    { "name": "old" }, { "name": "bad" }, { "name": "plain" },
                    { "name": "new", "securityContext": { "appArmorProfile": { "type": "Localhost", "localhostProfile": "p" } } },
                ],
            },
        });
        let pod = pod(&shape(&template, None));
        let annotation = |name: &str| {
            text(&pod["metadata"]["annotations"], &format!("/{}{name}", APPARMOR.replace('/', "~1")))
        };
        assert_eq!(annotation("old"), "localhost/k8s-web");
        assert_eq!(annotation("plain"), "runtime/default");
        assert_eq!(annotation("new"), "localhost/p");
        let field =
            |index: usize| pod["spec"]["containers"][index]["securityContext"]["appArmorProfile"].clone();
        assert_eq!(field(0), json!({ "type": "Localhost", "localhostProfile": "k8s-web" }));
        assert_eq!((field(1), field(2)), (Value::Null, Value::Null));
    }

    #[test]
    fn a_pod_without_a_node_is_pending_and_labels_are_joined() {
        let template = json!({ "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [{ "name": "web", "image": "w:1" }] } });
        let pod = pod(&shape(&template, None));
        assert_eq!(pod["status"]["phase"], "Pending");
        assert_eq!(pod["metadata"]["labels"], json!({ "app": "web", "pod-template-hash": "x" }));
        assert_eq!(pod["status"].get("reason"), None);
        assert_eq!(pod["spec"]["serviceAccountName"], "default");
    }
}
