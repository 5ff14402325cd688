//! The programs of a node: kubelet, kubeadm, container runtime, packages.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lenient_time;
use crate::text::Text;

/// A program on the disk; not there when it has no path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Program {
    /// Where it was found.
    pub path: Option<Text>,
    /// What it says its version is, `v1.30.14`.
    pub version: Option<Text>,
}

/// A tool that a step of an upgrade may need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Tool {
    /// `crictl`, `etcdctl` or `etcdutl`.
    pub name: Text,
    /// Where it was found.
    pub path: Text,
    /// Without a leading `v`; none where it did not say.
    pub version: Option<Text>,
}

/// The kubelet: program, unit, process, flags and configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Kubelet {
    /// Where the program was found; none when it is not there.
    pub path: Option<Text>,
    /// The version of the program on the disk, which need not be the one that runs.
    pub version: Option<Text>,
    /// What systemd says of its unit.
    pub unit: Option<Unit>,
    /// The running process, when there is one.
    pub process: Option<Process>,
    /// Every place that may give it flags, in the order in which systemd reads them.
    pub flag_sources: Vec<FlagSource>,
    /// Fields of its configuration file.
    pub config: Option<KubeletConfig>,
    /// The API server in `kubelet.conf`.
    pub server: Option<Text>,
}

/// A systemd unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Unit {
    pub load_state: Option<Text>,
    pub active_state: Option<Text>,
    pub sub_state: Option<Text>,
    pub unit_file_state: Option<Text>,
    pub path: Option<Text>,
    /// Whether its files changed since systemd read them.
    pub needs_reload: Option<bool>,
}

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Process {
    pub pid: Option<u64>,
    #[serde(deserialize_with = "lenient_time")]
    pub started_at: Option<Timestamp>,
    /// Whether the file that it runs was replaced, so that the version on the disk is not the running one.
    pub replaced: Option<bool>,
}

/// A place that gives a program flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
#[allow(missing_docs)]
pub struct FlagSource {
    /// `unit`, `environment` or `process`.
    pub kind: Text,
    pub path: Text,
    pub flags: Vec<Flag>,
}

/// One command line flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Flag {
    /// Without the dashes.
    pub name: Text,
    /// None for a bare flag; `[masked]` for what may be a secret.
    pub value: Option<Text>,
    /// The line of the file, from 1.
    pub line: Option<u64>,
}

/// Fields of `KubeletConfiguration`; one that is not in the file is not set there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct KubeletConfig {
    pub path: Option<Text>,
    /// Of the file, in hexadecimal.
    pub sha256: Option<Text>,
    /// When the file was last written.
    #[serde(deserialize_with = "lenient_time")]
    pub modified: Option<Timestamp>,
    pub api_version: Option<Text>,
    pub cgroup_driver: Option<Text>,
    pub fail_cgroup_v1: Option<bool>,
    pub fail_swap_on: Option<bool>,
    pub container_runtime_endpoint: Option<Text>,
    pub static_pod_path: Option<Text>,
    pub resolv_conf: Option<Text>,
    pub cgroup_root: Option<Text>,
    pub rotate_certificates: Option<bool>,
    #[serde(rename = "serverTLSBootstrap")]
    pub server_tls_bootstrap: Option<bool>,
    #[serde(rename = "imageGCHighThresholdPercent")]
    pub image_gc_high_threshold_percent: Option<u64>,
    #[serde(rename = "imageGCLowThresholdPercent")]
    pub image_gc_low_threshold_percent: Option<u64>,
    pub max_pods: Option<u64>,
    pub feature_gates: BTreeMap<Text, Text>,
    pub eviction_hard: BTreeMap<Text, Text>,
    pub merge_default_eviction_settings: Option<bool>,
    pub eviction_soft: BTreeMap<Text, Text>,
    pub eviction_minimum_reclaim: BTreeMap<Text, Text>,
}

/// The container runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Runtime {
    /// `containerd` or `cri-o`.
    pub name: Option<Text>,
    /// Without a leading `v`.
    pub version: Option<Text>,
    /// The version of runc.
    pub runc: Option<Text>,
    /// The sockets of runtimes that are there, as the kubelet names them.
    pub sockets: Vec<Text>,
    /// How it is configured.
    pub config: Option<RuntimeConfig>,
    /// The images of Kubernetes' own components that are on the machine, each with its tag; others are not told.
    pub images: Option<Vec<Text>>,
}

/// What a runtime's configuration comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct RuntimeConfig {
    /// The command or file that it was read from, or `default`.
    pub source: Option<Text>,
    /// The version of containerd's configuration format.
    pub version: Option<u64>,
    /// `systemd` or `cgroupfs`, of the runtime handler that pods get by default.
    pub cgroup_driver: Option<Text>,
    /// That handler.
    pub runtime_handler: Option<Text>,
    /// The pause image.
    pub sandbox_image: Option<Text>,
    /// Whether containerd is told to leave AppArmor alone.
    pub app_armor_disabled: Option<bool>,
    /// Whether containerd's CRI plugin is off: no kubelet can use it then.
    pub cri_disabled: Option<bool>,
}

/// What the package manager knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Packages {
    /// `apt`, `dnf` or `none`.
    pub manager: Option<Text>,
    /// Those of Kubernetes and its runtimes.
    pub installed: Vec<Package>,
    /// Any package that is neither whole nor gone, such as `half-configured`.
    pub broken: Vec<Package>,
    /// Lines that name a repository of Kubernetes.
    pub repositories: Vec<Repository>,
    /// Whether needrestart is installed, which may ask questions in the middle of an upgrade.
    pub needrestart: Option<bool>,
    /// Whether a package manager was at work, so that another would have had to wait; none where there is none.
    pub locked: Option<bool>,
    /// Which process that was, and the file that it had locked: `apt-get (4711), /var/lib/dpkg/lock-frontend`.
    pub locked_by: Option<Text>,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Package {
    pub name: Text,
    pub version: Option<Text>,
    /// Whether it is held, or locked to its version.
    pub held: Option<bool>,
    pub status: Option<Text>,
}

/// One line of a package manager's sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Repository {
    pub path: Text,
    pub line: Option<u64>,
    pub uri: Text,
    pub enabled: Option<bool>,
    /// `1.30`, where the address has it.
    pub minor: Option<Text>,
    /// The files or addresses of the keys that it is held to, `inline` for one that stands in the file itself. None is
    /// an older probe's; where no key is named, the package manager's own count.
    pub signed_by: Option<Vec<Text>>,
    /// Whether its packages are taken without a signature: apt's `trusted=yes`, dnf's `gpgcheck=0`. None where dnf's
    /// file does not say.
    pub trusted: Option<bool>,
}
