//! Which APIs are deprecated, which stop being served, and what stands in their place.

use std::fmt;

use serde::Deserialize;

use super::{Catalog, MinorRange};
use crate::version::Minor;

/// A kind of a group version that is deprecated, or that some minor no longer serves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// `flowcontrol.apiserver.k8s.io`; empty for the core group.
    pub group: String,
    /// `v1beta3`
    pub version: String,
    /// `FlowSchema`
    pub kind: String,
    /// The plural in paths: `flowschemas`.
    pub resource: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// The first minor that served it.
    pub introduced: Minor,
    /// The minor since which the newest lifecycle tag calls it deprecated, if it has a tag.
    pub deprecated: Option<Minor>,
    /// The removal that the newest lifecycle tag announces: what `removed_release` of the request
    /// metric says. Servers may have stopped before, so nothing is judged by it.
    pub tagged_removal: Option<Minor>,
    /// The first minor whose servers do not register it; for minors beyond the catalog, what is
    /// announced. `None` when no removal is known.
    pub first_not_serving: Option<Minor>,
    /// The first minor of k8s.io/api without its Go type, if one of the catalog's is: servers from there on
    /// cannot decode objects that are stored in it, and do not start with a `--runtime-config` that names its
    /// group version.
    pub types_left: Option<Minor>,
    /// Whether a server of the catalog's minors serves it without `--runtime-config`.
    pub served_by_default: bool,
    /// The feature gate of kube-apiserver that must be on as well, where it is served at all.
    pub feature_gate: Option<String>,
    /// The minors whose servers name it in `apiserver_requested_deprecated_apis` when it is asked
    /// for. In other minors the metric's silence says nothing about use.
    #[serde(default)]
    pub in_request_metric: Vec<MinorRange>,
    /// What can stand in its place, most stable first.
    #[serde(default)]
    pub replacements: Vec<Replacement>,
    /// What else is worth knowing.
    pub note: Option<String>,
    /// Where the row is from.
    pub source: String,
}

/// A kind that can stand in the place of one that goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// Its group; empty for the core group.
    pub group: String,
    /// Its version.
    pub version: String,
    /// Its kind.
    pub kind: String,
    /// The first minor that serves it.
    pub since: Minor,
}

impl Api {
    /// `group/version` as objects write it in `apiVersion`.
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// Whether it has objects that can be listed. Reviews and evictions are only ever created, and never stored.
    pub fn has_objects(&self) -> bool {
        !self.kind.ends_with("Review") && (self.group.as_str(), self.kind.as_str()) != ("policy", "Eviction")
    }

    /// Whether servers of `minor` can serve it.
    pub fn served_by(&self, minor: Minor) -> bool {
        self.introduced <= minor && self.first_not_serving.is_none_or(|gone| minor < gone)
    }

    /// Whether servers of `minor` name requests for it in `apiserver_requested_deprecated_apis`.
    pub fn reported_by(&self, minor: Minor) -> bool {
        self.in_request_metric.iter().any(|range| range.contains(minor))
    }

    pub(super) fn key(&self) -> (&str, &str, &str) {
        (&self.group, &self.version, &self.kind)
    }
}

impl Replacement {
    /// `group/version` as objects write it in `apiVersion`.
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

impl fmt::Display for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

impl Catalog {
    /// Every API that the catalog knows, by group, version and kind.
    pub fn apis(&self) -> &[Api] {
        &self.apis
    }

    /// The API by its resource, as paths and the request metric name it.
    pub fn api(&self, group: &str, version: &str, resource: &str) -> Option<&Api> {
        self.group_version(group, version).iter().find(|api| api.resource == resource)
    }

    /// The API by its kind, as manifests and managedFields name it.
    pub fn api_of_kind(&self, group: &str, version: &str, kind: &str) -> Option<&Api> {
        self.group_version(group, version).iter().find(|api| api.kind == kind)
    }

    /// The first minor that does not serve an API any more. `None` for one that the catalog does
    /// not know, as for one without a known removal.
    pub fn first_not_serving(&self, group: &str, version: &str, resource: &str) -> Option<Minor> {
        self.api(group, version, resource)?.first_not_serving
    }

    /// The most stable replacement that servers of every one of `minors` serve, so that what is
    /// moved to it works in all of them. They need not do so by default.
    pub fn replacement<'a>(&self, api: &'a Api, minors: &[Minor]) -> Option<&'a Replacement> {
        api.replacements
            .iter()
            .find(|new| minors.iter().all(|minor| new.since <= *minor && self.still_serves(new, *minor)))
    }

    fn still_serves(&self, new: &Replacement, minor: Minor) -> bool {
        self.api_of_kind(&new.group, &new.version, &new.kind).is_none_or(|api| api.served_by(minor))
    }

    /// The run of rows with this group and version.
    fn group_version(&self, group: &str, version: &str) -> &[Api] {
        let start = self.apis.partition_point(|api| (&*api.group, &*api.version) < (group, version));
        let rest = self.apis.get(start..).unwrap_or_default();
        let length = rest.partition_point(|api| (&*api.group, &*api.version) == (group, version));
        rest.get(..length).unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "apis_tests.rs"]
mod tests;
