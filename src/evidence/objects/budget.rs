//! PodDisruptionBudgets: how many of some pods may be away at once.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::meta::{Map, Metadata, Seq, str_is_empty};
use crate::text::Text;

/// A PodDisruptionBudget (policy/v1).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PodDisruptionBudget {
    /// Its name; it is about pods of its namespace.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: PodDisruptionBudgetSpec,
    /// What the disruption controller makes of it.
    pub status: PodDisruptionBudgetStatus,
}

impl PodDisruptionBudget {
    /// Whether it is about a pod of `namespace` with these labels. Without a selector it is about none,
    /// with an empty one about every pod of its namespace.
    pub fn covers(&self, namespace: &str, labels: &Map) -> bool {
        self.metadata.namespace == *namespace
            && self.spec.selector.as_ref().is_some_and(|selector| selector.takes(labels))
    }
}

/// The wanted state of a budget: one of the two numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodDisruptionBudgetSpec {
    /// How many pods, or percent of them, must stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_available: Option<IntOrString>,
    /// How many pods, or percent of them, may be away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// The pods that it is about. None is not the same as an empty one: see [`PodDisruptionBudget::covers`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// When pods that run and are not ready may be evicted: `IfHealthyBudget`, which is the default, or
    /// `AlwaysAllow`.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub unhealthy_pod_eviction_policy: Text,
}

/// What a budget comes to now. Absent numbers are zero, as in Kubernetes' own type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodDisruptionBudgetStatus {
    /// The generation that this status is of. Evictions are refused while it is behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Pods that were let go and are not gone yet, and since when.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub disrupted_pods: BTreeMap<Text, Option<Timestamp>>,
    /// How many pods may be evicted now.
    pub disruptions_allowed: i32,
    /// How many pods are ready.
    pub current_healthy: i32,
    /// How many must be.
    pub desired_healthy: i32,
    /// How many there should be: what the pods' controllers say, not what there is.
    pub expected_pods: i32,
}

/// A number, or a text such as `75%`: `intstr.IntOrString`. Displayed as it stands in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A text.
    String(Text),
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::String(text) => f.pad(text),
        }
    }
}

/// Requirements on labels, all of which must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels and the value that each must have.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub match_labels: Map,
    /// What else is required.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub match_expressions: Seq<LabelSelectorRequirement>,
}

impl LabelSelector {
    /// Whether it takes what has these labels; without any requirement it takes everything.
    pub fn takes(&self, labels: &Map) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.holds(labels))
    }
}

/// What one label must be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelSelectorRequirement {
    /// The label.
    pub key: Text,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: Text,
    /// The values of the first two.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub values: Seq<Text>,
}

impl LabelSelectorRequirement {
    /// Whether it holds. One with an operator that is not known does: rather too many pods are taken for
    /// protected than one too few.
    fn holds(&self, labels: &Map) -> bool {
        let value = labels.get(&self.key);
        let listed = value.is_some_and(|value| self.values.iter().any(|one| *one == *value));
        match self.operator.as_str() {
            "In" => listed,
            // A label that is not there is not in any list.
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn budget(spec: Value) -> PodDisruptionBudget {
        serde_json::from_value(json!({ "metadata": { "namespace": "shop", "name": "web" }, "spec": spec }))
            .unwrap()
    }

    #[test]
    fn a_budget_covers_the_pods_that_its_selector_takes() {
        let expression = |operator: &str, values: Value| json!({ "matchExpressions": [{ "key": "tier", "operator": operator, "values": values }] });
        for (selector, web, without) in [
            (json!({}), true, true),
            (json!({ "matchLabels": null }), true, true),
            (json!({ "matchLabels": { "app": "web" } }), true, true),
            (json!({ "matchLabels": { "app": "web", "tier": "front" } }), true, false),
            (json!({ "matchLabels": { "app": "db" } }), false, false),
            (expression("In", json!(["back", "front"])), true, false),
            (expression("In", json!([])), false, false),
            (expression("NotIn", json!(["front"])), false, true),
            (expression("NotIn", json!(["back"])), true, true),
            (expression("Exists", json!([])), true, false),
            (expression("DoesNotExist", json!(null)), false, true),
            (expression("Newer", json!(["x"])), true, true),
        ] {
            let budget = budget(json!({ "selector": selector }));
            let front: Map = [("app", "web"), ("tier", "front")].into_iter().collect();
            let plain: Map = [("app", "web")].into_iter().collect();
            assert_eq!(budget.covers("shop", &front), web, "{selector}");
            assert_eq!(budget.covers("shop", &plain), without, "{selector}");
            assert!(!budget.covers("other", &front), "{selector}");
        }
        let none = budget(json!({ "minAvailable": 1 }));
        assert!(!none.covers("shop", &Map::default()));
    }

    #[test]
    fn a_recording_has_it_as_the_server_does() {
        let object = json!({
            "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "minAvailable": "75%", "maxUnavailable": 1, "selector": {},
                "unhealthyPodEvictionPolicy": "AlwaysAllow" },
            "status": { "observedGeneration": 2, "disruptedPods": { "web-1": "2026-11-24T10:00:00Z" },
                "disruptionsAllowed": 1, "currentHealthy": 4, "desiredHealthy": 3, "expectedPods": 4 },
        });
        let read: PodDisruptionBudget = serde_json::from_value(object.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), object);
        let numbers = [&read.spec.min_available, &read.spec.max_unavailable];
        assert_eq!(numbers.map(|number| number.as_ref().unwrap().to_string()), ["75%", "1"]);
        assert_eq!(read.status.disrupted_pods.keys().map(Text::as_str).collect::<Vec<_>>(), ["web-1"]);
    }
}
