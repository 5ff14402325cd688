//! What a minor does about a node's cgroups, AppArmor and container runtime.

use serde::Deserialize;

use super::Catalog;
use crate::version::{Minor, Version};

/// What a minor does about cgroups.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CgroupRule {
    /// The first minor for which it holds.
    pub since: Minor,
    /// What becomes of a node with cgroup v1.
    pub v1: CgroupV1,
    /// The default of the kubelet's `failCgroupV1`; `None` where there is no such field.
    pub fail_cgroup_v1: Option<bool>,
    /// Whether the kubelet, by default, takes its cgroup driver from a runtime that can say it.
    pub driver_from_runtime: bool,
    /// What the kubelet does on cgroup v1.
    pub kubelet: String,
    /// What kubeadm does on cgroup v1.
    pub kubeadm: String,
    /// What to do on cgroup v1, where something is to be done.
    pub remedy: Option<String>,
    /// Where the row is from.
    pub source: String,
}

/// How a minor takes cgroup v1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupV1 {
    /// As good as v2.
    Supported,
    /// Works, with a warning, and gets nothing new.
    Maintenance,
    /// The kubelet does not start on it unless its configuration says so.
    RefusedByDefault,
}

/// What a minor does about AppArmor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppArmorRule {
    /// The first minor for which it holds.
    pub since: Minor,
    /// How far `securityContext.appArmorProfile` is.
    pub field: AppArmorField,
    /// Whether the annotation is deprecated. It works in every minor of the catalog.
    pub annotation_deprecated: bool,
    /// What becomes of a new pod that asks for a profile on a node without AppArmor. Pods that run
    /// already are left alone.
    pub without_apparmor: WithoutAppArmor,
    /// Where the row is from.
    pub source: String,
}

/// How far the AppArmor field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppArmorField {
    /// There is only the annotation.
    Absent,
    /// There, behind a gate that is on.
    Beta,
    /// There.
    Stable,
}

/// What becomes of a pod that asks for AppArmor where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutAppArmor {
    /// It waits on the node, Pending, for ever.
    StaysPending,
    /// The kubelet rejects it: its phase is Failed, its reason `AppArmor`.
    Rejected,
}

/// The least version of a container runtime.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeFloor {
    /// The runtime, as a Node's `containerRuntimeVersion` begins: `containerd`, `cri-o`.
    pub runtime: String,
    /// The first minor that asks for it; `None` when that is before the catalog.
    pub since: Option<Minor>,
    /// The least version.
    pub floor: Version,
    /// What happens below it.
    pub effect: FloorEffect,
    /// The minor for which a warning is announced to become a requirement.
    pub required_in: Option<Minor>,
    /// Why it is asked for.
    pub why: String,
    /// Where the row is from.
    pub source: String,
}

/// What happens below a [`RuntimeFloor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloorEffect {
    /// The node does not work.
    Required,
    /// The node works, with warnings.
    Warned,
}

impl Catalog {
    /// What `minor` does about cgroups. `None` for minors before the catalog.
    pub fn cgroup_rule(&self, minor: Minor) -> Option<&CgroupRule> {
        self.cgroup.iter().rfind(|rule| rule.since <= minor)
    }

    /// What `minor` does about AppArmor. `None` for minors before the catalog.
    pub fn apparmor_rule(&self, minor: Minor) -> Option<&AppArmorRule> {
        self.apparmor.iter().rfind(|rule| rule.since <= minor)
    }

    /// The floors of `minor` that a runtime is below.
    pub fn runtime_floors(
        &self,
        runtime: &str,
        version: &Version,
        minor: Minor,
    ) -> impl Iterator<Item = &RuntimeFloor> {
        self.runtimes.iter().filter(move |floor| {
            floor.runtime == runtime
                && *version < floor.floor
                && floor.since.is_none_or(|since| since <= minor)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::catalog;

    #[test]
    fn rows_are_sorted_and_cover_the_catalog() {
        let cgroup: Vec<_> = catalog().cgroup.iter().map(|rule| rule.since).collect();
        let apparmor: Vec<_> = catalog().apparmor.iter().map(|rule| rule.since).collect();
        for since in [cgroup, apparmor] {
            assert!(since.is_sorted() && since.first() == catalog().minors().next().as_ref(), "{since:?}");
        }
        for pair in catalog().runtimes.windows(2) {
            assert!((&pair[0].runtime, &pair[0].floor) < (&pair[1].runtime, &pair[1].floor));
        }
    }

    #[test]
    fn cgroup_v1_is_refused_by_default_from_1_35_and_removed_by_none() {
        let v1 =
            |minor| catalog().cgroup_rule(Minor::new(1, minor)).map(|rule| (rule.v1, rule.fail_cgroup_v1));
        assert_eq!(v1(27), None);
        assert_eq!(v1(30), Some((CgroupV1::Supported, None)));
        assert_eq!(v1(31), Some((CgroupV1::Maintenance, Some(false))));
        assert_eq!(v1(34), Some((CgroupV1::Maintenance, Some(false))));
        assert_eq!(v1(35), Some((CgroupV1::RefusedByDefault, Some(true))));
        assert_eq!(v1(37), Some((CgroupV1::RefusedByDefault, Some(true))));
    }

    #[test]
    fn a_node_without_apparmor_rejects_such_pods_from_1_31() {
        let rule = |minor| {
            let rule = catalog().apparmor_rule(Minor::new(1, minor)).unwrap();
            (rule.field, rule.annotation_deprecated, rule.without_apparmor)
        };
        assert_eq!(rule(29), (AppArmorField::Absent, false, WithoutAppArmor::StaysPending));
        assert_eq!(rule(30), (AppArmorField::Beta, true, WithoutAppArmor::StaysPending));
        assert_eq!(rule(31), (AppArmorField::Stable, true, WithoutAppArmor::Rejected));
        assert_eq!(rule(37), (AppArmorField::Stable, true, WithoutAppArmor::Rejected));
    }

    #[test]
    fn containerd_1_7_is_warned_of_and_not_refused() {
        let floors = |runtime, version: &str, minor| {
            let version = version.parse().unwrap();
            let floors = catalog().runtime_floors(runtime, &version, Minor::new(1, minor));
            floors.map(|floor| floor.effect).collect::<Vec<_>>()
        };
        assert_eq!(floors("containerd", "1.7.24", 33), []);
        assert_eq!(floors("containerd", "1.7.24", 37), [FloorEffect::Warned]);
        assert_eq!(floors("containerd", "2.0.0", 37), []);
        assert_eq!(floors("containerd", "1.5.9", 28), [FloorEffect::Required]);
        assert_eq!(floors("docker", "20.10.0", 28), []);
    }
}
