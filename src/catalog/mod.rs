//! What is true about Kubernetes versions: data with a source a row, and look-ups on it.
//!
//! The data is in `src/catalog/data/*.yaml`, compiled in. How rows are confirmed and added:
//! `docs/catalog.md`.

pub mod apis;
pub mod etcd;
pub mod failures;
pub mod flags;
pub mod gates;
pub mod nodes;
pub mod range;
pub mod releases;
pub mod skew;
pub mod volumes;

use std::sync::OnceLock;

use serde::de::DeserializeOwned;

pub use apis::{Api, Replacement};
pub use etcd::{EtcdHazard, KubeadmImages, Pins, Threat, Trigger, version_of_tag};
pub use failures::Failure;
pub use flags::GoneFlag;
pub use gates::Gate;
pub use nodes::{
    AppArmorField, AppArmorRule, CgroupRule, CgroupV1, FloorEffect, RuntimeFloor, WithoutAppArmor,
};
pub use range::{MinorRange, VersionRange};
pub use releases::Release;
pub use skew::{Skew, SkewRule};
pub use volumes::{VolumeEffect, VolumeRule};

/// All that the catalog knows. Lists are in the order that their look-ups rely on, which tests keep.
#[derive(Debug)]
pub struct Catalog {
    pub(crate) releases: Vec<Release>,
    pub(crate) apis: Vec<Api>,
    pub(crate) volumes: Vec<VolumeRule>,
    pub(crate) images: Vec<KubeadmImages>,
    pub(crate) hazards: Vec<EtcdHazard>,
    pub(crate) skew: Vec<SkewRule>,
    pub(crate) cgroup: Vec<CgroupRule>,
    pub(crate) apparmor: Vec<AppArmorRule>,
    pub(crate) runtimes: Vec<RuntimeFloor>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) gates: Vec<Gate>,
    pub(crate) flags: Vec<GoneFlag>,
}

/// The compiled-in data cannot be read: a mistake in kubelift, not in the cluster.
#[derive(Debug, thiserror::Error)]
#[error("kubelift's own catalog file {file} is broken: {cause}")]
pub struct CatalogError {
    file: &'static str,
    #[source]
    cause: serde_yaml::Error,
}

impl Catalog {
    /// The catalog, parsed at the first call. A program asks once at its start and ends on an
    /// error, so that later calls cannot fail.
    pub fn get() -> Result<&'static Self, &'static CatalogError> {
        static CATALOG: OnceLock<Result<Catalog, CatalogError>> = OnceLock::new();
        CATALOG.get_or_init(Self::parse).as_ref()
    }

    fn parse() -> Result<Self, CatalogError> {
        let mut apis: Vec<Api> = rows("apis.yaml", include_str!("data/apis.yaml"))?;
        apis.extend(rows::<Api>("apis-gone.yaml", include_str!("data/apis-gone.yaml"))?);
        apis.sort_by(|a, b| a.key().cmp(&b.key()));
        Ok(Self {
            apis,
            releases: rows("releases.yaml", include_str!("data/releases.yaml"))?,
            volumes: rows("volumes.yaml", include_str!("data/volumes.yaml"))?,
            images: rows("kubeadm-images.yaml", include_str!("data/kubeadm-images.yaml"))?,
            hazards: rows("etcd.yaml", include_str!("data/etcd.yaml"))?,
            skew: rows("skew.yaml", include_str!("data/skew.yaml"))?,
            cgroup: rows("cgroup.yaml", include_str!("data/cgroup.yaml"))?,
            apparmor: rows("apparmor.yaml", include_str!("data/apparmor.yaml"))?,
            runtimes: rows("runtimes.yaml", include_str!("data/runtimes.yaml"))?,
            failures: rows("failures.yaml", include_str!("data/failures.yaml"))?,
            gates: rows("gates.yaml", include_str!("data/gates.yaml"))?,
            flags: rows("flags.yaml", include_str!("data/flags.yaml"))?,
        })
    }
}

/// The rows of a data file.
fn rows<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<Vec<T>, CatalogError> {
    serde_yaml::from_str(text).map_err(|cause| CatalogError { file, cause })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The catalog, in tests.
    pub(crate) fn catalog() -> &'static Catalog {
        Catalog::get().unwrap()
    }

    /// Every row has a source that says more than a word.
    #[test]
    fn every_row_has_a_source() {
        let catalog = catalog();
        let mut sources: Vec<(String, &str)> = Vec::new();
        macro_rules! of {
            ($list:ident, $row:ident => $name:expr) => {
                assert!(!catalog.$list.is_empty(), concat!(stringify!($list), " has no rows"));
                sources.extend(catalog.$list.iter().map(|$row| ($name, $row.source.as_str())));
            };
        }
        of!(releases, row => row.minor.to_string());
        of!(apis, row => row.to_string());
        of!(volumes, row => row.field.clone());
        of!(images, row => format!("images of {}.{}", row.minor, row.from_patch));
        of!(hazards, row => row.id.clone());
        of!(skew, row => format!("{} against {}", row.component, row.against));
        of!(cgroup, row => format!("cgroup {}", row.since));
        of!(apparmor, row => format!("apparmor {}", row.since));
        of!(runtimes, row => format!("{} {}", row.runtime, row.floor));
        of!(failures, row => row.id.clone());
        of!(gates, row => row.gate.clone());
        of!(flags, row => row.flag.clone());
        for (row, source) in sources {
            assert!(source.trim().len() > 10, "{row} has no source");
        }
    }

    #[test]
    fn a_broken_file_is_an_error_that_names_it() {
        let error = rows::<Release>("releases.yaml", "- {minor: one}").unwrap_err().to_string();
        assert!(error.starts_with("kubelift's own catalog file releases.yaml is broken: "), "{error}");
        // A row without a source is refused by its type, and so is a field that nobody reads.
        assert!(rows::<Release>("r", "- {minor: '1.28', newest_patch: 1}").is_err());
        assert!(rows::<Release>("r", "- {minor: '1.28', newest_patch: 1, source: s, x: 1}").is_err());
        // Where quotes were forgotten, 1.30 is still the minor 30, not the number 1.3.
        let unquoted = rows::<Release>("r", "- {minor: 1.30, newest_patch: 1, source: s}").unwrap();
        assert_eq!(unquoted[0].minor, crate::version::Minor::new(1, 30));
    }
}
