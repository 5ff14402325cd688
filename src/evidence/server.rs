//! API servers, one by one: a balancer's answer never stands for another server.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::read::{Reading, Unread};
use crate::text::Text;
use crate::version::Version;

/// One API server, asked directly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiServer {
    /// `10.0.0.11:6443`, as the EndpointSlice of the Service default/kubernetes has it.
    pub address: Text,
    /// Whether it was dialled by its own address. If not, this is the answer of whichever server stands behind the
    /// cluster's entry, asked because no server could be asked directly.
    pub direct: bool,
    /// The host name, from the label of its identity Lease, where one could be joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Text>,
    /// Its version, from /version.
    pub version: Reading<Version>,
    /// Whether it is ready, from /readyz?verbose.
    pub ready: Reading<Health>,
    /// The calls of deprecated APIs since it started, from /metrics.
    pub deprecated_calls: Reading<DeprecatedCalls>,
}

/// The answer of /readyz?verbose.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Health {
    /// Whether the server says that it is ready.
    pub ok: bool,
    /// The checks that failed, by name: `etcd`, `poststarthook/…`.
    pub failed: Vec<Text>,
    /// How many checks it listed.
    pub checks: usize,
    /// Whether a check of etcd was listed and passed.
    pub etcd: Option<bool>,
}

/// The series of `apiserver_requested_deprecated_apis`, and how far back they reach.
///
/// The gauge is 1 for a deprecated API that was called since the process started. Source:
/// k8s.io/apiserver pkg/endpoints/metrics/metrics.go (stable since 1.19).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeprecatedCalls {
    /// When the process started, from `process_start_time_seconds`.
    pub since: Option<Timestamp>,
    /// The APIs that were called.
    pub calls: Vec<DeprecatedCall>,
}

/// A deprecated API that somebody called; the metric does not say who.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeprecatedCall {
    /// `flowcontrol.apiserver.k8s.io`
    pub group: Text,
    /// `v1beta3`
    pub version: Text,
    /// `flowschemas`
    pub resource: Text,
    /// `status`, or empty.
    #[serde(default)]
    pub subresource: Text,
    /// The minor that no longer serves it, as the server's own types say; empty where none is planned.
    #[serde(default)]
    pub removed_release: Text,
}

/// All API servers, and whether the list of them is whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiServers {
    /// Those that the EndpointSlice and the identity Leases name.
    pub servers: Vec<ApiServer>,
    /// Why the list may not be whole.
    pub unread: Vec<Unread>,
    /// Whether the list was read at all; until then there is nothing to say.
    pub listed: bool,
}

impl ApiServers {
    /// The versions that were read, with the address of each.
    pub fn versions(&self) -> impl Iterator<Item = (&Text, &Version)> {
        self.servers.iter().filter_map(|server| Some((&server.address, server.version.value()?)))
    }

    /// Whether every server is known, and its version.
    pub fn all_versions_read(&self) -> bool {
        self.listed
            && self.unread.is_empty()
            && self.servers.iter().all(|server| server.version.value().is_some())
    }

    /// The oldest version that was read: where an upgrade starts from.
    pub fn oldest(&self) -> Option<&Version> {
        self.versions().map(|(_, version)| version).min()
    }
}
