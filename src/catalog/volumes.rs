//! In-tree volume plugins that are gone, off, or served by a CSI driver.

use serde::Deserialize;

use super::Catalog;
use crate::version::Minor;

/// What holds for an in-tree volume plugin from a minor on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeRule {
    /// The field of a pod's volume and of a PersistentVolume's spec: `cephfs`.
    pub field: String,
    /// The provisioner in a StorageClass: `kubernetes.io/cephfs`. `None` where there never was one.
    pub provisioner: Option<String>,
    /// The first minor in which it holds; `None` when that is before the catalog.
    pub since: Option<Minor>,
    /// What holds.
    pub effect: VolumeEffect,
    /// The kubelet's gate that turns it on, with [`VolumeEffect::OffByDefault`].
    pub gate: Option<String>,
    /// The driver that serves such volumes, with [`VolumeEffect::NeedsCsiDriver`].
    pub csi_driver: Option<String>,
    /// What to do.
    pub remedy: String,
    /// Where the row is from.
    pub source: String,
}

/// What a minor does with an in-tree volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeEffect {
    /// It mounts only where the CSI driver is registered.
    NeedsCsiDriver,
    /// It does not mount unless a feature gate is turned on.
    OffByDefault,
    /// It does not mount, and nothing turns it on.
    Removed,
    /// It mounts, with a part missing that the remedy names.
    Restricted,
}

impl Catalog {
    /// What `minor` does with volumes of this field, if anything but mount them as ever.
    pub fn volume_rule(&self, field: &str, minor: Minor) -> Option<&VolumeRule> {
        self.volumes.iter().rfind(|rule| rule.field == field && rule.since.is_none_or(|since| since <= minor))
    }

    /// The field of the volumes that a StorageClass with this provisioner makes, if it is an in-tree one.
    pub fn field_of_provisioner(&self, provisioner: &str) -> Option<&str> {
        let rule = self.volumes.iter().find(|rule| rule.provisioner.as_deref() == Some(provisioner))?;
        Some(&rule.field)
    }

    /// The rules that begin to hold on the way from `from` to `to`.
    pub fn volume_rules_between(&self, from: Minor, to: Minor) -> impl Iterator<Item = &VolumeRule> {
        self.volumes.iter().filter(move |rule| rule.since.is_some_and(|since| from < since && since <= to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::catalog;

    fn effect(field: &str, minor: u32) -> Option<VolumeEffect> {
        catalog().volume_rule(field, Minor::new(1, minor)).map(|rule| rule.effect)
    }

    #[test]
    fn rules_are_sorted_and_whole() {
        for pair in catalog().volumes.windows(2) {
            assert!((&pair[0].field, pair[0].since) < (&pair[1].field, pair[1].since), "{}", pair[1].field);
        }
        for rule in &catalog().volumes {
            let needs = rule.effect == VolumeEffect::NeedsCsiDriver;
            assert_eq!(needs, rule.csi_driver.is_some(), "{}", rule.field);
            assert_eq!(rule.effect == VolumeEffect::OffByDefault, rule.gate.is_some(), "{}", rule.field);
            assert!(rule.since.is_none_or(|since| catalog().knows(since)), "{}", rule.field);
            assert!(rule.remedy.trim_end().ends_with('.'), "{}", rule.field);
        }
    }

    #[test]
    fn cephfs_and_rbd_go_in_1_31_without_a_way_round() {
        for field in ["cephfs", "rbd"] {
            assert_eq!(
                (effect(field, 30), effect(field, 31)),
                (None, Some(VolumeEffect::Removed)),
                "{field}"
            );
        }
    }

    #[test]
    fn the_last_rule_that_has_begun_holds() {
        let git: Vec<_> = [32, 33, 35, 36, 37].into_iter().map(|minor| effect("gitRepo", minor)).collect();
        let (off, removed) = (Some(VolumeEffect::OffByDefault), Some(VolumeEffect::Removed));
        assert_eq!(git, [None, off, off, removed, removed]);
        assert_eq!(effect("awsElasticBlockStore", 28), Some(VolumeEffect::NeedsCsiDriver));
        assert_eq!(effect("glusterfs", 28), Some(VolumeEffect::Removed));
        assert_eq!(effect("nfs", 37), None);
    }

    #[test]
    fn an_in_tree_provisioner_has_the_field_of_its_volumes() {
        let field = |name| catalog().field_of_provisioner(name);
        assert_eq!(field("kubernetes.io/portworx-volume"), Some("portworxVolume"));
        assert_eq!(field("ebs.csi.aws.com"), None);
        let rule = |minor| catalog().volume_rule("portworxVolume", Minor::new(1, minor));
        assert_eq!(rule(31).unwrap().csi_driver.as_deref(), Some("pxd.portworx.com"));
        assert!(rule(30).is_none());
    }

    #[test]
    fn a_hop_names_what_begins_with_it() {
        let begin = |from, to| {
            let rules = catalog().volume_rules_between(Minor::new(1, from), Minor::new(1, to));
            rules.map(|rule| rule.field.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(begin(30, 31), ["cephfs", "portworxVolume", "rbd"]);
        assert_eq!(begin(31, 32), [""; 0]);
        assert_eq!(begin(35, 36), ["flexVolume", "gitRepo"]);
    }
}
