//! Of k8s.io/api v0.30.14, core/v1/generated.proto: nodes, pods and their templates.

use super::meta::OBJECT_META;
use super::{Field, Message, boolean, inline, int, many, map, mark, one, string, strings, time};

/// A Node.
pub static NODE: Message = Message::new(
    "Node",
    &[one(1, "metadata", &OBJECT_META), one(2, "spec", &NODE_SPEC), one(3, "status", &NODE_STATUS)],
);

static NODE_SPEC: Message = Message::new(
    "NodeSpec",
    &[string(1, "podCIDR"), boolean(4, "unschedulable").omit_zero(), many(5, "taints", &TAINT)],
);

static TAINT: Message = Message::new("Taint", &[string(1, "key"), string(2, "value"), string(3, "effect")]);

static NODE_STATUS: Message = Message::new(
    "NodeStatus",
    &[
        many(4, "conditions", &NODE_CONDITION),
        many(5, "addresses", &NODE_ADDRESS),
        one(7, "nodeInfo", &NODE_SYSTEM_INFO),
    ],
);

static NODE_CONDITION: Message = Message::new(
    "NodeCondition",
    &[
        string(1, "type"),
        string(2, "status"),
        time(4, "lastTransitionTime"),
        string(5, "reason"),
        string(6, "message"),
    ],
);

static NODE_ADDRESS: Message = Message::new("NodeAddress", &[string(1, "type"), string(2, "address")]);

static NODE_SYSTEM_INFO: Message = Message::new(
    "NodeSystemInfo",
    &[
        string(1, "machineID"),
        string(3, "bootID"),
        string(4, "kernelVersion"),
        string(5, "osImage"),
        string(6, "containerRuntimeVersion"),
        string(7, "kubeletVersion"),
        string(9, "operatingSystem"),
        string(10, "architecture"),
    ],
);

/// A Pod.
pub static POD: Message = Message::new(
    "Pod",
    &[one(1, "metadata", &OBJECT_META), one(2, "spec", &POD_SPEC), one(3, "status", &POD_STATUS)],
);

pub(super) static POD_TEMPLATE_SPEC: Message =
    Message::new("PodTemplateSpec", &[one(1, "metadata", &OBJECT_META), one(2, "spec", &POD_SPEC)]);

static POD_SPEC: Message = Message::new(
    "PodSpec",
    &[
        many(1, "volumes", &VOLUME),
        many(2, "containers", &CONTAINER),
        map(7, "nodeSelector"),
        string(10, "nodeName"),
        one(14, "securityContext", &POD_SECURITY_CONTEXT),
        one(18, "affinity", &AFFINITY),
        many(20, "initContainers", &CONTAINER),
        many(22, "tolerations", &TOLERATION),
        string(24, "priorityClassName"),
        many(34, "ephemeralContainers", &EPHEMERAL_CONTAINER),
    ],
);

static CONTAINER: Message = Message::new("Container", CONTAINER_FIELDS);

static EPHEMERAL_CONTAINER: Message =
    Message::new("EphemeralContainer", &[inline(1, "ephemeralContainerCommon", &EPHEMERAL_CONTAINER_COMMON)]);

static EPHEMERAL_CONTAINER_COMMON: Message = Message::new("EphemeralContainerCommon", CONTAINER_FIELDS);

const CONTAINER_FIELDS: &[Field] = &[
    string(1, "name"),
    string(2, "image"),
    strings(3, "command"),
    strings(4, "args"),
    one(15, "securityContext", &SECURITY_CONTEXT),
    string(24, "restartPolicy"),
];

static POD_SECURITY_CONTEXT: Message =
    Message::new("PodSecurityContext", &[one(11, "appArmorProfile", &APP_ARMOR_PROFILE)]);

static SECURITY_CONTEXT: Message =
    Message::new("SecurityContext", &[one(12, "appArmorProfile", &APP_ARMOR_PROFILE)]);

static APP_ARMOR_PROFILE: Message =
    Message::new("AppArmorProfile", &[string(1, "type"), string(2, "localhostProfile")]);

static AFFINITY: Message = Message::new("Affinity", &[one(1, "nodeAffinity", &NODE_AFFINITY)]);

static NODE_AFFINITY: Message =
    Message::new("NodeAffinity", &[one(1, "requiredDuringSchedulingIgnoredDuringExecution", &NODE_SELECTOR)]);

static NODE_SELECTOR: Message =
    Message::new("NodeSelector", &[many(1, "nodeSelectorTerms", &NODE_SELECTOR_TERM)]);

static NODE_SELECTOR_TERM: Message = Message::new(
    "NodeSelectorTerm",
    &[
        many(1, "matchExpressions", &NODE_SELECTOR_REQUIREMENT),
        many(2, "matchFields", &NODE_SELECTOR_REQUIREMENT),
    ],
);

static NODE_SELECTOR_REQUIREMENT: Message =
    Message::new("NodeSelectorRequirement", &[string(1, "key"), string(2, "operator"), strings(3, "values")]);

static TOLERATION: Message = Message::new(
    "Toleration",
    &[string(1, "key"), string(2, "operator"), string(3, "value"), string(4, "effect")],
);

static VOLUME: Message =
    Message::new("Volume", &[string(1, "name"), inline(2, "volumeSource", &VOLUME_SOURCE)]);

static VOLUME_SOURCE: Message = Message::new(
    "VolumeSource",
    &[
        one(1, "hostPath", &HOST_PATH),
        mark(2, "emptyDir"),
        mark(3, "gcePersistentDisk"),
        mark(4, "awsElasticBlockStore"),
        mark(5, "gitRepo"),
        mark(9, "glusterfs"),
        one(10, "persistentVolumeClaim", &PERSISTENT_VOLUME_CLAIM),
        mark(11, "rbd"),
        mark(12, "flexVolume"),
        mark(13, "cinder"),
        mark(14, "cephfs"),
        mark(15, "flocker"),
        mark(18, "azureFile"),
        mark(20, "vsphereVolume"),
        mark(21, "quobyte"),
        mark(22, "azureDisk"),
        mark(24, "portworxVolume"),
        mark(25, "scaleIO"),
        mark(27, "storageos"),
        one(28, "csi", &CSI),
    ],
);

static HOST_PATH: Message = Message::new("HostPathVolumeSource", &[string(1, "path")]);

static PERSISTENT_VOLUME_CLAIM: Message =
    Message::new("PersistentVolumeClaimVolumeSource", &[string(1, "claimName")]);

static CSI: Message = Message::new("CSIVolumeSource", &[string(1, "driver")]);

static POD_STATUS: Message = Message::new(
    "PodStatus",
    &[
        string(1, "phase"),
        many(2, "conditions", &POD_CONDITION),
        string(3, "message"),
        string(4, "reason"),
        time(7, "startTime"),
        many(8, "containerStatuses", &CONTAINER_STATUS),
    ],
);

static POD_CONDITION: Message = Message::new("PodCondition", &[string(1, "type"), string(2, "status")]);

static CONTAINER_STATUS: Message = Message::new(
    "ContainerStatus",
    &[string(1, "name"), one(2, "state", &CONTAINER_STATE), boolean(4, "ready"), int(5, "restartCount")],
);

static CONTAINER_STATE: Message = Message::new(
    "ContainerState",
    &[one(1, "waiting", &CONTAINER_STATE_WAITING), one(2, "running", &CONTAINER_STATE_RUNNING)],
);

static CONTAINER_STATE_WAITING: Message =
    Message::new("ContainerStateWaiting", &[string(1, "reason"), string(2, "message")]);

static CONTAINER_STATE_RUNNING: Message = Message::new("ContainerStateRunning", &[time(1, "startedAt")]);
