//! The machine itself: kernel, cgroups, security modules, swap, disks.

use serde::{Deserialize, Serialize};

use super::known_word;
use crate::text::Text;

/// `/etc/os-release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Os {
    pub id: Option<Text>,
    pub version_id: Option<Text>,
    pub pretty_name: Option<Text>,
}

/// The running kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Kernel {
    pub release: Option<Text>,
    pub machine: Option<Text>,
    /// Of the command line, only what decides about security modules, cgroups and swap.
    pub parameters: Vec<Text>,
}

/// How cgroups are mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Cgroup {
    /// By the mount table; none for a word that this program does not know.
    #[serde(deserialize_with = "known_word")]
    pub version: Option<CgroupVersion>,
    /// The type of the file system at `/sys/fs/cgroup`: `cgroup2`, `tmpfs`.
    pub fs_type: Option<Text>,
    /// The controllers of the v2 hierarchy.
    pub controllers: Vec<Text>,
    /// The controllers bound to v1 hierarchies.
    pub v1_controllers: Vec<Text>,
}

/// The cgroup hierarchy. To the kubelet a hybrid one is v1, for it looks at `/sys/fs/cgroup` itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum CgroupVersion {
    V1,
    V2,
    /// v1 with a v2 hierarchy beside it.
    Hybrid,
}

/// AppArmor on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct AppArmor {
    /// `/sys/module/apparmor/parameters/enabled`.
    pub enabled: Option<bool>,
    /// Whether `/sys/kernel/security/apparmor` is there; the kubelet wants both.
    pub securityfs: Option<bool>,
    /// Whether `apparmor_parser` is there: without it the runtime cannot load its default profile.
    pub parser: Option<bool>,
    /// The profiles that are loaded; only root may read them.
    pub profiles: Option<Vec<AppArmorProfile>>,
}

impl AppArmor {
    /// Whether the kubelet takes AppArmor for enabled; `None` when that was not seen.
    pub fn is_on(&self) -> Option<bool> {
        match (self.enabled, self.securityfs) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}

/// A loaded profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppArmorProfile {
    /// Its name, as `localhostProfile` has it.
    pub name: Text,
    /// `enforce`, `complain`, `kill`, `unconfined`.
    #[serde(default)]
    pub mode: Text,
}

/// SELinux on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Selinux {
    /// `enforcing`, `permissive`, `disabled`.
    pub mode: Option<Text>,
}

/// Swap in use by the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Swap {
    pub total_bytes: Option<u64>,
    pub devices: Vec<SwapDevice>,
}

/// One line of `/proc/swaps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct SwapDevice {
    pub path: Text,
    #[serde(rename = "type")]
    pub kind: Text,
    pub size_bytes: Option<u64>,
}

/// The file system that a path is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Disk {
    pub path: Text,
    pub total_bytes: Option<u64>,
    /// What an ordinary user may still write.
    pub free_bytes: Option<u64>,
    pub device: Option<Text>,
    pub inodes_total: Option<u64>,
    pub inodes_free: Option<u64>,
}

/// The pod network's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Cni {
    /// Names in `/opt/cni/bin`.
    pub binaries: Option<Vec<Text>>,
    /// Names in `/etc/cni/net.d`.
    pub configs: Option<Vec<Text>>,
}
