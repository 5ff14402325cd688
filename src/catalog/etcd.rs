//! Which images a kubeadm brings, and which versions of etcd are dangerous.

use serde::Deserialize;

use super::{Catalog, range::VersionRange};
use crate::version::{Minor, Version};

/// The images that kubeadm deploys, from one of its patches to another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeadmImages {
    /// kubeadm's minor.
    pub minor: Minor,
    /// The first patch.
    pub from_patch: u32,
    /// The last patch that was seen.
    pub to_patch: u32,
    /// The tag of etcd: `3.5.24-0`.
    pub etcd: String,
    /// The tag of CoreDNS: `v1.11.3`.
    pub coredns: String,
    /// The tag of pause: `3.10`.
    pub pause: String,
    /// The tag whose version `kubeadm init` and `join` ask of an external etcd at least.
    pub min_external_etcd: String,
    /// Where the row is from.
    pub source: String,
}

/// What a kubeadm brings, and whether it was seen.
#[derive(Debug, Clone, Copy)]
pub struct Pins<'a> {
    /// The images.
    pub images: &'a KubeadmImages,
    /// Whether that kubeadm's patch was seen; else it is newer, or a pre-release, and may bring others.
    pub seen: bool,
}

/// A range of etcd versions that is dangerous to run, or to upgrade from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtcdHazard {
    /// Stable, in kebab case: `zombie-members`.
    pub id: String,
    /// The ranges that have it.
    pub running: Vec<VersionRange>,
    /// Counts only when the hop brings this minor of etcd, or a later one.
    pub entering: Option<Minor>,
    /// Counts only when the target is this minor of Kubernetes, or a later one.
    pub to_kubernetes: Option<Minor>,
    /// Counts only for an etcd that stays as it is: an external one, or a tag in `etcd.local.imageTag`.
    #[serde(default)]
    pub only_if_kept: bool,
    /// Counts only where etcd's command line has a flag that begins so. Empty: always.
    #[serde(default)]
    pub flags: Vec<String>,
    /// What it endangers.
    pub threat: Threat,
    /// What sets it off, where that is something that one does. Absent where etcd may do it by itself.
    #[serde(default)]
    pub trigger: Option<Trigger>,
    /// What can happen.
    pub hazard: String,
    /// What to do.
    pub action: String,
    /// Where the row is from.
    pub source: String,
}

/// What an [`EtcdHazard`] endangers, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threat {
    /// The data.
    Data,
    /// That etcd comes up after the hop.
    Start,
    /// Nothing by itself; it should be known.
    Advice,
}

/// What sets an [`EtcdHazard`] off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The end of the process, which every hop brings to each member.
    Restart,
    /// A defragmentation, which no hop makes.
    Defragment,
}

/// The version in an image's tag: `3.5.24` for `3.5.24-0` and `v3.5.24`. The `-0` counts builds of
/// the image, and would make a pre-release of it.
pub fn version_of_tag(tag: &str) -> Option<Version> {
    let version: Version = tag.parse().ok()?;
    let counts_builds = !version.pre.is_empty() && version.pre.bytes().all(|b| b.is_ascii_digit());
    Some(if counts_builds { Version { pre: String::new(), ..version } } else { version })
}

impl EtcdHazard {
    /// Whether a version has it, whatever the hop.
    pub fn concerns(&self, running: &Version) -> bool {
        self.running.iter().any(|range| range.contains(running))
    }
}

impl Catalog {
    /// The images that the kubeadm of this version brings. `None` for minors that are not known.
    pub fn kubeadm_images(&self, kubeadm: &Version) -> Option<Pins<'_>> {
        let images = self
            .images
            .iter()
            .rfind(|images| images.minor == kubeadm.minor() && images.from_patch <= kubeadm.patch)?;
        Some(Pins { images, seen: kubeadm.patch <= images.to_patch && kubeadm.pre.is_empty() })
    }

    /// The etcd that the kubeadm of this version brings.
    pub fn kubeadm_etcd(&self, kubeadm: &Version) -> Option<Version> {
        version_of_tag(&self.kubeadm_images(kubeadm)?.images.etcd)
    }

    /// The hazards of an etcd that runs `running` in a hop to Kubernetes `to`, after which it is of the minor `after`:
    /// that of [`Catalog::kubeadm_etcd`], unless a tag in kubeadm's configuration has it otherwise. Conditions that
    /// a version does not tell ([`EtcdHazard::flags`], [`EtcdHazard::only_if_kept`]) are the caller's.
    pub fn etcd_hazards<'a>(
        &'a self,
        running: &'a Version,
        to: &Version,
        after: Option<Minor>,
    ) -> impl Iterator<Item = &'a EtcdHazard> {
        let target = to.minor();
        self.hazards.iter().filter(move |hazard| {
            hazard.concerns(running)
                && hazard.to_kubernetes.is_none_or(|minor| minor <= target)
                && hazard.entering.is_none_or(|minor| after.is_some_and(|after| minor <= after))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::catalog;

    fn v(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn hazards(running: &str, to: &str) -> Vec<&'static str> {
        // The catalog is static, and so are its rows; the version is not.
        let running = Box::leak(Box::new(v(running)));
        let after = catalog().kubeadm_etcd(&v(to)).map(|version| version.minor());
        catalog().etcd_hazards(running, &v(to), after).map(|hazard| hazard.id.as_str()).collect()
    }

    #[test]
    fn image_rows_have_no_gap_and_reach_every_minor() {
        let rows = &catalog().images;
        for pair in rows.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            assert!(a.from_patch <= a.to_patch, "{}.{}", a.minor, a.from_patch);
            if a.minor == b.minor {
                assert_eq!(a.to_patch + 1, b.from_patch, "{}", a.minor);
            } else {
                assert_eq!((a.minor.next(), b.from_patch), (b.minor, 0));
            }
        }
        for release in &catalog().releases {
            assert!(catalog().kubeadm_images(&Version::new(1, release.minor.minor, 0)).is_some());
            let seen = rows.iter().rfind(|row| row.minor == release.minor).unwrap().to_patch;
            assert!(seen <= release.newest_patch, "{}: patch {seen} is not known yet", release.minor);
        }
        for row in rows {
            assert!(version_of_tag(&row.etcd).is_some() && version_of_tag(&row.min_external_etcd).is_some());
        }
    }

    #[test]
    fn pins_move_inside_a_minor() {
        let etcd = |kubeadm: &str| {
            let pins = catalog().kubeadm_images(&v(kubeadm)).unwrap();
            (pins.images.etcd.as_str(), pins.seen)
        };
        assert_eq!(etcd("1.30.4"), ("3.5.12-0", true));
        assert_eq!(etcd("1.30.5"), ("3.5.15-0", true));
        assert_eq!(etcd("1.31.13"), ("3.5.15-0", true));
        assert_eq!(etcd("1.31.14"), ("3.5.24-0", true));
        assert_eq!(etcd("1.31.15"), ("3.5.24-0", false));
        assert_eq!(etcd("1.32.0-rc.1"), ("3.5.16-0", false));
        assert!(catalog().kubeadm_images(&v("1.38.0")).is_none());
    }

    #[test]
    fn a_tag_is_the_version_without_the_count_of_builds() {
        assert_eq!(version_of_tag("3.5.24-0"), Some(v("3.5.24")));
        assert_eq!(version_of_tag("v3.5.24"), Some(v("3.5.24")));
        assert_eq!(version_of_tag("3.6.0-rc.1"), Some(v("3.6.0-rc.1")));
        assert_eq!(version_of_tag("latest"), None);
    }

    #[test]
    fn hazards_are_sorted_and_named_once() {
        for pair in catalog().hazards.windows(2) {
            assert!(pair[0].id < pair[1].id, "{}", pair[1].id);
        }
        for hazard in &catalog().hazards {
            assert!(!hazard.running.is_empty(), "{}", hazard.id);
            // What a hop brings is not there yet.
            for (range, entering) in hazard.running.iter().flat_map(|range| Some((range, hazard.entering?))) {
                let end = Version::new(entering.major, entering.minor, 0);
                assert!(range.before.as_ref().is_some_and(|before| *before <= end), "{}", hazard.id);
            }
            for text in [&hazard.hazard, &hazard.action] {
                assert!(text.ends_with('.'), "{}: {text}", hazard.id);
            }
        }
    }

    #[test]
    fn some_versions_are_dangerous_whatever_the_hop() {
        assert!(hazards("3.5.2", "1.30.14").contains(&"corruption-after-kill"));
        assert!(!hazards("3.5.3", "1.30.14").contains(&"corruption-after-kill"));
        assert_eq!(hazards("3.5.35", "1.31.14"), [""; 0]);
    }

    #[test]
    fn the_hop_that_brings_etcd_3_6_asks_for_a_late_3_5() {
        // What kubeadm 1.33 leaves behind.
        let at_1_34 = hazards("3.5.24", "1.34.2");
        assert!(at_1_34.contains(&"zombie-members") && !at_1_34.contains(&"learners-return-3.5.20"));
        assert!(!hazards("3.5.24", "1.33.6").contains(&"zombie-members"));
        assert!(hazards("3.5.26", "1.34.2").contains(&"too-old-for-3.6"));
        assert_eq!(hazards("3.5.35", "1.34.2"), ["no-way-back-3.6", "removed-flags-3.6"]);
        assert!(hazards("3.5.16", "1.34.2").contains(&"learners-return-3.5.20"));
    }

    #[test]
    fn an_etcd_that_stays_enters_nothing() {
        let (running, to) = (v("3.5.24"), v("1.34.2"));
        let stays = catalog().etcd_hazards(&running, &to, Some(Minor::new(3, 5)));
        assert!(stays.map(|hazard| hazard.entering).all(|entering| entering.is_none()));
    }

    #[test]
    fn the_hop_that_brings_etcd_3_7_asks_for_a_late_3_6() {
        // What kubeadm 1.36 leaves behind.
        assert!(hazards("3.6.8", "1.37.2").contains(&"too-old-for-3.7"));
        assert!(!hazards("3.6.8", "1.36.5").contains(&"too-old-for-3.7"));
        assert_eq!(hazards("3.6.16", "1.37.2"), ["no-way-back-3.7", "removed-flags-3.7"]);
        assert_eq!(hazards("3.7.1", "1.37.2"), [""; 0]);
    }

    #[test]
    fn an_etcd_without_probes_counts_where_kubeadm_asks_for_them() {
        assert!(!hazards("3.5.10", "1.30.14").contains(&"no-probes"));
        assert!(hazards("3.5.10", "1.31.0").contains(&"no-probes"));
        let row = catalog().hazards.iter().find(|hazard| hazard.id == "no-probes").unwrap();
        assert!(row.only_if_kept);
    }
}
