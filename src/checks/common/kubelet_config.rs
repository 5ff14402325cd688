//! The kubelets' configuration that kubeadm keeps for all nodes, in the ConfigMap kubelet-config: what `kubeadm upgrade
//! node` writes into each node's own file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::config_map::Document;
use crate::evidence::{Evidence, Stamp, Unread};

/// The fields of KubeletConfiguration that checks look at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubeletConfiguration {
    /// `systemd` or `cgroupfs`; empty where it is not set.
    pub cgroup_driver: String,
    /// Whether the kubelet refuses cgroup v1.
    #[serde(rename = "failCgroupV1")]
    pub fail_cgroup_v1: Option<bool>,
    /// What must be free, by signal: a share or a quantity; a map without a signal turns it off.
    pub eviction_hard: Option<BTreeMap<String, String>>,
    /// Whether the defaults hold for what [`KubeletConfiguration::eviction_hard`] does not name.
    pub merge_default_eviction_settings: Option<bool>,
    /// From this use of the disk on images are removed, in percent; 100 for never.
    #[serde(rename = "imageGCHighThresholdPercent")]
    pub image_gc_high_threshold_percent: Option<u64>,
    /// Gates that are set.
    pub feature_gates: BTreeMap<String, bool>,
}

/// The KubeletConfiguration.
///
/// # Errors
/// Why it was not read; [`Reason::Absent`](crate::evidence::Reason::Absent) where there is none.
pub fn configuration(evidence: &Evidence) -> Result<(KubeletConfiguration, &Stamp), Unread> {
    DOCUMENT.parsed(evidence)
}

/// The KubeletConfiguration as it stands in the ConfigMap kubelet-config.
///
/// # Errors
/// Why it was not read; [`Reason::Absent`](crate::evidence::Reason::Absent) where there is none.
pub fn document(evidence: &Evidence) -> Result<(&str, &Stamp), Unread> {
    DOCUMENT.text(evidence)
}

const DOCUMENT: Document =
    Document { config_map: "kubelet-config", key: "kubelet", called: "document kubelet" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::evidence::Reason;
    use serde_json::json;

    #[test]
    fn a_configuration_is_read_as_far_as_it_goes() {
        let mut world = World::new("1.30.4");
        let of = |world: &World| configuration(&world.evidence).map(|(config, _)| config);
        let config = of(&world).unwrap();
        assert_eq!((config.cgroup_driver.as_str(), config.fail_cgroup_v1), ("systemd", None));
        world.config_map(
            "kubelet-config",
            json!({ "kubelet": "failCgroupV1: false\nfeatureGates:\n  GitRepoVolumeDriver: \
             true\nnodeStatusUpdateFrequency: 0s\n" }),
        );
        let config = of(&world).unwrap();
        assert_eq!(
            (config.fail_cgroup_v1, config.feature_gates.get("GitRepoVolumeDriver")),
            (Some(false), Some(&true))
        );
        world.config_map("kubelet-config", json!({ "kubelet": "failCgroupV1: perhaps" }));
        assert_eq!(of(&world).unwrap_err().reason, Reason::Malformed);
    }
}
