//! Of k8s.io/api v0.30.14, the generated.proto file of policy/v1, and of k8s.io/apimachinery, that of meta/v1.

use super::meta::OBJECT_META;
use super::{Message, int, int_or_string, many, map, one, string, strings, time_map};

/// A PodDisruptionBudget.
pub static POD_DISRUPTION_BUDGET: Message = Message::new(
    "PodDisruptionBudget",
    &[
        one(1, "metadata", &OBJECT_META),
        one(2, "spec", &POD_DISRUPTION_BUDGET_SPEC),
        one(3, "status", &POD_DISRUPTION_BUDGET_STATUS),
    ],
);

static POD_DISRUPTION_BUDGET_SPEC: Message = Message::new(
    "PodDisruptionBudgetSpec",
    &[
        int_or_string(1, "minAvailable"),
        one(2, "selector", &LABEL_SELECTOR),
        int_or_string(3, "maxUnavailable"),
        string(4, "unhealthyPodEvictionPolicy"),
    ],
);

static POD_DISRUPTION_BUDGET_STATUS: Message = Message::new(
    "PodDisruptionBudgetStatus",
    &[
        int(1, "observedGeneration").omit_zero(),
        time_map(2, "disruptedPods"),
        int(3, "disruptionsAllowed"),
        int(4, "currentHealthy"),
        int(5, "desiredHealthy"),
        int(6, "expectedPods"),
    ],
);

static LABEL_SELECTOR: Message = Message::new(
    "LabelSelector",
    &[map(1, "matchLabels"), many(2, "matchExpressions", &LABEL_SELECTOR_REQUIREMENT)],
);

static LABEL_SELECTOR_REQUIREMENT: Message = Message::new(
    "LabelSelectorRequirement",
    &[string(1, "key"), string(2, "operator"), strings(3, "values")],
);
