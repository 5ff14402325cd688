//! The package managers, with one repository of Kubernetes' packages a minor, as pkgs.k8s.io has them.

mod apt;
mod dnf;

pub(super) use self::apt::{apt_get, apt_mark};
pub(super) use self::dnf::dnf;

use crate::catalog::Catalog;
use crate::version::{Minor, Version};

/// What a repository holds of Kubernetes itself.
const PACKAGES: [&str; 3] = ["kubeadm", "kubectl", "kubelet"];

/// Whether the repository of `minor` holds a version: every patch that the catalog knows of.
fn holds(minor: Option<Minor>, version: &Version) -> bool {
    let newest = minor.and_then(|minor| Catalog::get().ok()?.newest_patch(minor));
    newest.is_some_and(|newest| {
        Some(version.minor()) == minor
            && version.patch <= newest.patch
            && version.pre.is_empty()
            && version.build.is_empty()
    })
}

/// The newest version that the repository of `minor` holds.
fn newest(minor: Option<Minor>) -> Option<Version> {
    Catalog::get().ok()?.newest_patch(minor?)
}
