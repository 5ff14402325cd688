//! Scenarios: what the simulated cluster is, as layers of data.
//!
//! A layer is a YAML document; each is merged into those before it as a JSON merge patch, so that a layer says only
//! what it adds, changes or (with `null`) takes out. See `src/sim/scenarios/README.md`.

mod script;

use jiff::Timestamp;
use serde_json::Value;

pub(crate) use self::script::{CallSpec, NodeSpec, PodSpec, Script, TroubleSpec, WorkloadSpec};
use super::SimError;
use super::api::merge;
use super::clock;

/// A scenario.
#[derive(Debug)]
pub struct Scenario {
    /// What `--scenario` calls it.
    pub name: &'static str,
    /// What there is to see, in a line.
    pub about: &'static str,
    layers: &'static [&'static [Layer]],
}

/// A layer: its file below `scenarios/`, and what is in it.
type Layer = (&'static str, &'static str);

macro_rules! layer {
    ($file:literal) => {
        ($file, include_str!(concat!("../scenarios/", $file)))
    };
}

/// A healthy cluster.
const BASE: &[Layer] = &[
    layer!("base/cluster.yaml"),
    layer!("base/facts.yaml"),
    layer!("base/backups.yaml"),
    layer!("base/kubeadm.yaml"),
    layer!("base/flowcontrol.yaml"),
    layer!("base/network.yaml"),
    layer!("base/storage.yaml"),
    layer!("base/apps.yaml"),
];

/// Something for every pane.
const DEFAULT: &[Layer] = &[
    layer!("default/apis.yaml"),
    layer!("default/apparmor.yaml"),
    layer!("default/cgroups.yaml"),
    layer!("default/csi.yaml"),
    layer!("default/etcd.yaml"),
    layer!("default/nodes.yaml"),
];

/// What goes wrong in the course of an upgrade.
const TROUBLE: &[Layer] = &[layer!("trouble/machines.yaml"), layer!("trouble/budget.yaml")];

/// Every scenario, the default one first.
pub static SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "default",
        about: "3 control planes and 6 workers on the way from 1.30 to 1.31; every pane has something to say",
        layers: &[BASE, DEFAULT],
    },
    Scenario { name: "clean", about: "the same cluster with nothing in the way", layers: &[BASE] },
    Scenario {
        name: "denied",
        about: "the default cluster, seen by a user without half of the rights",
        layers: &[BASE, DEFAULT, &[layer!("denied.yaml")]],
    },
    Scenario {
        name: "gone",
        about: "the clean cluster with one API server that does not answer and one that is not ready",
        layers: &[BASE, &[layer!("gone.yaml")]],
    },
    Scenario {
        name: "trouble",
        about: "the default cluster, whose upgrade meets a lock, a slow API server, a budget and a false success",
        layers: &[BASE, DEFAULT, TROUBLE],
    },
];

/// The scenario of a name.
///
/// # Errors
/// [`SimError::UnknownScenario`], which lists the names there are.
pub fn find(name: &str) -> Result<&'static Scenario, SimError> {
    SCENARIOS.iter().find(|scenario| scenario.name == name).ok_or_else(|| SimError::UnknownScenario {
        name: name.chars().take(60).collect(),
        known: SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", "),
    })
}

impl Scenario {
    /// Merges the layers, with the times in them seen from `now`.
    pub(crate) fn script(&self, now: Timestamp) -> Result<Script, SimError> {
        let mut merged = Value::Null;
        for (file, text) in self.layers.iter().copied().flatten() {
            let layer: Value = serde_yaml::from_str(text)
                .map_err(|error| SimError::Data { file: (*file).to_owned(), message: error.to_string() })?;
            merge(&mut merged, &layer);
        }
        clock::resolve(&mut merged, now);
        serde_json::from_value(merged)
            .map_err(|error| SimError::Data { file: self.name.to_owned(), message: error.to_string() })
    }
}
