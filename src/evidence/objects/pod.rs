//! Pods, and the pod templates of workloads.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::meta::{Map, Metadata, Seq, str_is_empty};
use super::volume::{ClaimSource, CsiSource, HostPath, Mark, volume_sources};
use crate::text::Text;

/// A Pod (v1).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Name, labels, owner.
    pub metadata: Metadata,
    /// What it asks for.
    pub spec: PodSpec,
    /// What became of it.
    pub status: PodStatus,
}

impl Pod {
    /// Whether it has run to its end.
    pub fn is_finished(&self) -> bool {
        self.status.phase == "Succeeded" || self.status.phase == "Failed"
    }

    /// Whether it mirrors a static pod, which a kubelet runs from a file.
    pub fn is_mirror(&self) -> bool {
        self.metadata.annotations.get("kubernetes.io/config.mirror").is_some()
    }

    /// Whether its condition `Ready` is true.
    pub fn is_ready(&self) -> bool {
        self.status.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True")
    }
}

/// The spec of a pod or of a pod template.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// The node that it is bound to; empty while it waits.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub node_name: Text,
    /// Containers.
    pub containers: Seq<Container>,
    /// Containers that run first.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub init_containers: Seq<Container>,
    /// Containers that were added for debugging.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub ephemeral_containers: Seq<Container>,
    /// Security settings of all containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<Box<SecurityContext>>,
    /// Labels that a node must have.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub node_selector: Map,
    /// Node affinity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Box<Affinity>>,
    /// Taints that it accepts, without those that every pod is given by admission.
    #[serde(deserialize_with = "own_tolerations", skip_serializing_if = "<[_]>::is_empty")]
    pub tolerations: Seq<Toleration>,
    /// The volumes whose kind matters for an upgrade: see [`Volume`].
    #[serde(deserialize_with = "known_volumes", skip_serializing_if = "<[_]>::is_empty")]
    pub volumes: Seq<Volume>,
    /// Pods of other classes are displaced for it.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub priority_class_name: Text,
}

impl PodSpec {
    /// Every container: first, ordinary and ephemeral.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers).chain(&self.ephemeral_containers)
    }
}

/// A container, without its environment, commands and mounts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Unique within the pod.
    pub name: Text,
    /// The image, with tag or digest.
    pub image: Text,
    /// The flags on the allow-list, of `command`.
    #[serde(skip_serializing_if = "Flags::is_empty")]
    pub command: Flags,
    /// The flags on the allow-list, of `args`.
    #[serde(skip_serializing_if = "Flags::is_empty")]
    pub args: Flags,
    /// Security settings of this container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<Box<SecurityContext>>,
    /// `Always` on an init container makes it a sidecar.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub restart_policy: Text,
}

impl Container {
    /// The value of a flag on the allow-list, without its dashes: `kubelet-registration-path`.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.command.get(name).or_else(|| self.args.get(name))
    }

    /// All flags on the allow-list, without their dashes, each with its value where it has one.
    pub fn flags(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.command.iter().chain(self.args.iter())
    }
}

/// Flags that checks read. Any other argument may hold a secret, and is not kept.
const KEPT_FLAGS: &[&str] = &[
    // kube-apiserver, kube-controller-manager, kube-scheduler, etcd: static pods made by kubeadm
    "admission-control",
    "advertise-address",
    "advertise-client-urls",
    "allocate-node-cidrs",
    "authorization-mode",
    "bind-address",
    "cloud-config",
    "cloud-provider",
    "cloud-provider-gce-l7lb-src-cidrs",
    "cloud-provider-gce-lb-src-cidrs",
    "cluster-name",
    "concurrent-service-syncs",
    "controllers",
    "data-dir",
    "disable-admission-plugins",
    "enable-admission-plugins",
    "enable-logs-handler",
    "etcd-servers",
    "feature-gates",
    "horizontal-pod-autoscaler-downscale-delay",
    "horizontal-pod-autoscaler-upscale-delay",
    "initial-cluster",
    "listen-client-urls",
    "listen-metrics-urls",
    "name",
    "proxy-mode",
    "runtime-config",
    "secure-port",
    "storage-media-type",
    "volume-host-allow-local-loopback",
    "volume-host-cidr-denylist",
    // CSI sidecars
    "csi-address",
    "driver-name",
    "drivername",
    "kubelet-registration-path",
    "plugin-registration-path",
    "provisioner-name",
];

/// Arguments of a container that are flags on an allow-list, as `--name=value` or `--name`.
///
/// Two arguments `--name`, `value` are joined. Anything else is dropped when it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Flags(Box<[Text]>);

impl Flags {
    /// The value of a flag; empty for one without a value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find_map(|flag| match split_flag(flag)? {
            (n, value) if n == name => Some(value.unwrap_or_default()),
            _ => None,
        })
    }

    fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().filter_map(|flag| split_flag(flag))
    }

    /// Whether none was kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(arguments: &[String]) -> Self {
        let mut kept = Vec::new();
        let mut rest = arguments.iter().peekable();
        while let Some(argument) = rest.next() {
            let Some((name, value)) = split_flag(argument) else { continue };
            // Kubernetes' components take both.
            let name = name.replace('_', "-");
            if !KEPT_FLAGS.contains(&name.as_str()) {
                continue;
            }
            let next = rest.peek().filter(|next| value.is_none() && !next.starts_with('-'));
            kept.push(match value.or_else(|| next.map(|next| next.as_str())) {
                Some(value) => format!("--{name}={value}").into(),
                None => format!("--{name}").into(),
            });
        }
        Self(kept.into())
    }
}

/// `--name=value`, `-name=value` or `--name` as name and value.
fn split_flag(argument: &str) -> Option<(&str, Option<&str>)> {
    let flag = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'))?;
    Some(flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value))))
}

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default()))
    }
}

/// The security settings that matter for an upgrade, of a pod or a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityContext {
    /// The AppArmor profile (a field since 1.30).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_armor_profile: Option<AppArmorProfile>,
}

/// An AppArmor profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppArmorProfile {
    /// `Localhost`, `RuntimeDefault` or `Unconfined`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// The name of a loaded profile, without `localhost/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localhost_profile: Option<Text>,
}

/// Affinity, of which only what binds a pod to nodes is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Affinity {
    /// Node affinity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_affinity: Option<NodeAffinity>,
}

/// Node affinity, the required part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeAffinity {
    /// What a node must fulfil.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_during_scheduling_ignored_during_execution: Option<NodeSelector>,
}

/// Terms of which one must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSelector {
    /// The terms.
    pub node_selector_terms: Seq<NodeSelectorTerm>,
}

/// Requirements that must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSelectorTerm {
    /// On labels.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub match_expressions: Seq<NodeSelectorRequirement>,
    /// On fields: only `metadata.name` exists.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub match_fields: Seq<NodeSelectorRequirement>,
}

/// A requirement on a label or field.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSelectorRequirement {
    /// The label or field.
    pub key: Text,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`.
    pub operator: Text,
    /// The values to compare with.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub values: Seq<Text>,
}

/// A toleration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Toleration {
    /// The taint's key; empty with `Exists` is any taint.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub key: Text,
    /// `Exists`, or `Equal`, which is the default.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub operator: Text,
    /// The taint's value.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub value: Text,
    /// The taint's effect; empty is any.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub effect: Text,
}

impl Toleration {
    /// Whether it is one of the two that the admission plugin DefaultTolerationSeconds gives to every pod: they only
    /// delay an eviction from a node that is not ready, and say nothing about where a pod may run.
    fn is_everyones(&self) -> bool {
        self.effect == "NoExecute"
            && self.operator == "Exists"
            && (self.key == "node.kubernetes.io/not-ready" || self.key == "node.kubernetes.io/unreachable")
    }
}

volume_sources! {
    /// A volume, if it is of a kind that matters for an upgrade: on the host, by CSI, by claim, with data
    /// that a drain deletes, or by a plugin that some version no longer has. Of an in-tree plugin only is
    /// kept that it is there: its contents may name secrets and servers.
    pub struct Volume {
        /// Unique within the pod.
        pub name: Text,
        /// A path of the node.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub host_path: Option<HostPath>,
        /// An inline CSI volume.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub csi: Option<CsiSource>,
        /// A claim.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub persistent_volume_claim: Option<ClaimSource>,
        /// A folder that goes with the pod.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub empty_dir: Option<Mark>,
    }
}

impl Volume {
    fn matters(&self) -> bool {
        self.host_path.is_some()
            || self.csi.is_some()
            || self.persistent_volume_claim.is_some()
            || self.empty_dir.is_some()
            || self.in_tree().next().is_some()
    }
}

fn own_tolerations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Seq<Toleration>, D::Error> {
    Ok(Seq::<Toleration>::deserialize(deserializer)?
        .iter()
        .filter(|it| !it.is_everyones())
        .cloned()
        .collect())
}

fn telling_conditions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Seq<PodCondition>, D::Error> {
    let tells = |it: &&PodCondition| it.kind == "Ready" || (it.kind == "PodScheduled" && it.status != "True");
    Ok(Seq::<PodCondition>::deserialize(deserializer)?.iter().filter(tells).cloned().collect())
}

fn known_volumes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Seq<Volume>, D::Error> {
    Ok(Seq::<Volume>::deserialize(deserializer)?.iter().filter(|volume| volume.matters()).cloned().collect())
}

/// The observed state of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: Text,
    /// A word of why it is in that phase: `AppArmor`, `Evicted`, …
    #[serde(skip_serializing_if = "str_is_empty")]
    pub reason: Text,
    /// A sentence of why.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub message: Text,
    /// `Ready`, and `PodScheduled` where that is not true.
    #[serde(deserialize_with = "telling_conditions", skip_serializing_if = "<[_]>::is_empty")]
    pub conditions: Seq<PodCondition>,
    /// What each container does.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub container_statuses: Seq<ContainerStatus>,
    /// When the kubelet took it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
}

/// A condition of a pod, without its prose, which 20,000 pods would repeat.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PodCondition {
    /// `Ready`
    #[serde(rename = "type")]
    pub kind: Text,
    /// `True`, `False` or `Unknown`
    pub status: Text,
}

/// The state of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    /// The container's name.
    pub name: Text,
    /// Whether it is ready.
    pub ready: bool,
    /// How often it was started again.
    pub restart_count: i32,
    /// What it does now.
    pub state: ContainerState,
}

/// The state of a container: one of three is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    /// It has not started, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Box<Waiting>>,
    /// It runs, since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
}

/// Why a container does not run yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// `CreateContainerError`, `ImagePullBackOff`, …
    pub reason: Text,
    /// In the runtime's words.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub message: Text,
}

/// Since when a container runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Running {
    /// When it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_loses_environment_arguments_and_projected_volumes() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "web-1", "namespace": "shop" },
            "spec": {
                "containers": [{
                    "name": "web", "image": "web:1",
                    "env": [{ "name": "PASSWORD", "value": "hunter2" }],
                    "args": ["--token=hunter2", "--feature-gates", "A=true", "hunter2", "-v=5"],
                }],
                "volumes": [
                    { "name": "token", "projected": { "sources": [] } },
                    { "name": "plugins", "hostPath": { "path": "/var/lib/kubelet/plugins" } },
                    { "name": "old", "cephfs": { "monitors": ["10.0.0.1"], "secretFile": "hunter2" } },
                ],
            },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True", "message": "x" }] },
        }))
        .unwrap();
        assert!(!serde_json::to_string(&pod).unwrap().contains("hunter2"));
        assert_eq!(pod.spec.containers[0].flag("feature-gates"), Some("A=true"));
        assert_eq!(pod.spec.containers[0].flag("token"), None);
        let names: Vec<&str> = pod.spec.volumes.iter().map(|volume| volume.name.as_str()).collect();
        assert_eq!(names, ["plugins", "old"]);
        assert_eq!(pod.spec.volumes[1].in_tree().collect::<Vec<_>>(), ["cephfs"]);
        assert!(pod.is_ready());
    }

    #[test]
    fn what_every_pod_has_is_left_out() {
        let pod: Pod = serde_json::from_value(json!({
            "spec": { "tolerations": [
                { "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
                { "key": "gpu", "operator": "Exists", "effect": "NoSchedule" },
            ] },
            "status": { "conditions": [
                { "type": "Initialized", "status": "True" }, { "type": "PodScheduled", "status": "True" },
                { "type": "Ready", "status": "False" },
            ] },
        }))
        .unwrap();
        assert_eq!(pod.spec.tolerations.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["gpu"]);
        assert_eq!(pod.status.conditions.iter().map(|it| it.kind.as_str()).collect::<Vec<_>>(), ["Ready"]);
    }

    #[test]
    fn what_is_written_is_read_back_alike() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "a", "creationTimestamp": null },
            "spec": { "containers": [{ "name": "a", "image": "b", "command": ["etcd", "--data-dir=/x"] }],
                      "securityContext": { "appArmorProfile": { "type": "Localhost", "localhostProfile": "p" } } },
        }))
        .unwrap();
        let text = serde_json::to_string(&pod).unwrap();
        assert_eq!(serde_json::from_str::<Pod>(&text).unwrap(), pod);
        assert_eq!(pod.spec.containers[0].flag("data-dir"), Some("/x"));
    }
}
