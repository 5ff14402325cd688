//! The simulation as a process of its own: what runs on its machines runs on when whoever started it is gone.
//!
//! Beside its API servers it listens at one more address, by which machines are reached:
//!
//! | request | answer |
//! |---|---|
//! | `GET /kubelift.sim` | [`Served`]: where the API servers are, and what time it is |
//! | `GET /kubelift.sim/requests` | what the API servers were asked so far, as [`super::SeenRequest`]s: the last 20,000 |
//! | `GET /kubelift.sim/hosts/NAME/probe?nonce=N` | the probe's document |
//! | `PUT /kubelift.sim/hosts/NAME/units/UNIT` with a line of shell | `{}`, once it was started |
//! | `GET /kubelift.sim/hosts/NAME/units/UNIT?from=N` | a [`super::UnitState`], or `null` |
//!
//! A machine that is not there or does not answer makes a 404 or a 504, with `{"node": …}` and, for the second, its `reason`.

mod client;
mod server;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::client::RemoteHosts;
pub use self::server::{Server, serve};
use super::hosts::HostError;

/// The path below which machines are reached.
const ROOT: &str = "/kubelift.sim";

/// What a simulation says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// kubeadm's clusterName.
    pub cluster: String,
    /// The address that a Kubernetes client is given.
    pub url: String,
    /// The API servers, in the order of their nodes' names.
    pub servers: Vec<SocketAddr>,
    /// The machines.
    pub hosts: Vec<String>,
    /// What time it is there.
    pub now: Timestamp,
    /// How many of its seconds go by in a real one.
    pub speed: f64,
}

/// Why a machine gave no answer, as it is sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    node: String,
    /// Absent for a machine that is not there.
    reason: Option<String>,
}

impl From<HostError> for Refusal {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Unknown(node) => Self { node, reason: None },
            HostError::Silent { node, reason } => Self { node, reason: Some(reason) },
            HostError::Unreachable(reason) => Self { node: String::new(), reason: Some(reason) },
        }
    }
}

impl From<Refusal> for HostError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal { node, reason: None } => Self::Unknown(node),
            Refusal { node, reason: Some(reason) } => Self::Silent { node, reason },
        }
    }
}
