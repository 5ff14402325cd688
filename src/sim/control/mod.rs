//! What goes on by itself in a cluster: kubelets, static pods, the controllers and the scheduler.

pub(crate) mod addons;
pub(crate) mod budgets;
pub(crate) mod controllers;
pub(crate) mod kubelet;
mod leases;
pub(crate) mod nodes;
pub(crate) mod pods;
mod schedule;
pub(crate) mod servers;
pub(crate) mod static_pods;

use std::sync::Arc;

use serde_json::Value;

use super::api::resource::{self, Resource};
use super::state::Cluster;

/// Begins what goes on by itself from the start.
pub(crate) fn begin(cluster: &Arc<Cluster>) {
    leases::begin(cluster);
}

/// The resource of a kind that every server serves.
pub(crate) fn kind(version: &str, kind: &str) -> Option<&'static Resource> {
    resource::by_kind(version, kind)
}

/// The text at a JSON pointer; empty where there is none.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
