//! On which nodes a pod may run, by the rules of Kubernetes' scheduler that exclude a node for good.
//!
//! Passing states do not exclude: a cordon, and the taints that Kubernetes itself puts on a node for a
//! condition, are gone at some later moment of an upgrade. Preferences, spread, other pods and capacity
//! are left out: they never make a node one where the pod may run. Sources: k8s.io/component-helpers
//! scheduling/corev1/nodeaffinity, k8s.io/api core/v1 `Toleration.ToleratesTaint`.

use crate::evidence::objects::Node;
use crate::evidence::objects::node::Taint;
use crate::evidence::objects::pod::{
    NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Toleration,
};

/// Whether a pod of `spec` may be put on `node`, now or later. `spec.nodeName` is not looked at.
pub fn may_run_on(spec: &PodSpec, node: &Node) -> bool {
    let labels = &node.metadata.labels;
    spec.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        && required(spec)
            .is_none_or(|selector| selector.node_selector_terms.iter().any(|term| matches_term(term, node)))
        && node.spec.taints.iter().all(|taint| !excludes(taint) || tolerates(&spec.tolerations, taint))
}

fn required(spec: &PodSpec) -> Option<&NodeSelector> {
    spec.affinity
        .as_ref()?
        .node_affinity
        .as_ref()?
        .required_during_scheduling_ignored_during_execution
        .as_ref()
}

/// An empty term matches nothing, and so does one with a requirement that cannot be understood.
fn matches_term(term: &NodeSelectorTerm, node: &Node) -> bool {
    let empty = term.match_expressions.is_empty() && term.match_fields.is_empty();
    !empty
        && term
            .match_expressions
            .iter()
            .all(|requirement| matches_label(requirement, node.metadata.labels.get(&requirement.key)))
        && term.match_fields.iter().all(|requirement| matches_field(requirement, &node.metadata.name))
}

fn matches_label(requirement: &NodeSelectorRequirement, label: Option<&str>) -> bool {
    let values = &requirement.values;
    let is_in = |label: &str| values.iter().any(|value| value == label);
    match requirement.operator.as_str() {
        "In" => label.is_some_and(is_in),
        "NotIn" => !values.is_empty() && !label.is_some_and(is_in),
        "Exists" => values.is_empty() && label.is_some(),
        "DoesNotExist" => values.is_empty() && label.is_none(),
        "Gt" => compare(label, values).is_some_and(|(label, value)| label > value),
        "Lt" => compare(label, values).is_some_and(|(label, value)| label < value),
        _ => false,
    }
}

/// A label and the only value as numbers.
fn compare(label: Option<&str>, values: &[crate::text::Text]) -> Option<(i64, i64)> {
    match values {
        [value] => Some((label?.parse().ok()?, value.parse().ok()?)),
        _ => None,
    }
}

/// The only field is the node's name, and it takes one value.
fn matches_field(requirement: &NodeSelectorRequirement, name: &str) -> bool {
    match (requirement.key.as_str(), requirement.operator.as_str(), &*requirement.values) {
        ("metadata.name", "In", [value]) => value == name,
        ("metadata.name", "NotIn", [value]) => value != name,
        _ => false,
    }
}

/// Whether a taint keeps pods away for good: not the soft one, and none that Kubernetes sets for a condition.
fn excludes(taint: &Taint) -> bool {
    const PASSING: &[&str] = &[
        "node.kubernetes.io/unschedulable",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/memory-pressure",
        "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/pid-pressure",
        "node.kubernetes.io/network-unavailable",
        "node.kubernetes.io/out-of-service",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.cloudprovider.kubernetes.io/shutdown",
    ];
    taint.effect != "PreferNoSchedule" && !PASSING.contains(&taint.key.as_str())
}

fn tolerates(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| {
        (toleration.effect.is_empty() || toleration.effect == taint.effect)
            && (toleration.key.is_empty() || toleration.key == taint.key)
            && match toleration.operator.as_str() {
                "" | "Equal" => toleration.value == taint.value,
                operator => operator == "Exists",
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn node(labels: Value, taints: Value) -> Node {
        serde_json::from_value(json!({
            "metadata": { "name": "w1", "labels": labels }, "spec": { "taints": taints } }))
        .unwrap()
    }

    fn allowed(spec: Value, node: &Node) -> bool {
        may_run_on(&serde_json::from_value(spec).unwrap(), node)
    }

    fn affinity(terms: Value) -> Value {
        json!({ "affinity": { "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms } } } })
    }

    #[test]
    fn requirements_are_those_of_kubernetes() {
        let node = node(json!({ "disk": "ssd", "cores": "8" }), json!([]));
        let rows = [
            (json!({ "key": "disk", "operator": "In", "values": ["ssd", "nvme"] }), true),
            (json!({ "key": "disk", "operator": "In", "values": ["hdd"] }), false),
            (json!({ "key": "zone", "operator": "In", "values": ["a"] }), false),
            (json!({ "key": "disk", "operator": "NotIn", "values": ["hdd"] }), true),
            (json!({ "key": "disk", "operator": "NotIn", "values": ["ssd"] }), false),
            (json!({ "key": "zone", "operator": "NotIn", "values": ["a"] }), true),
            (json!({ "key": "zone", "operator": "NotIn", "values": [] }), false),
            (json!({ "key": "disk", "operator": "Exists" }), true),
            (json!({ "key": "zone", "operator": "Exists" }), false),
            (json!({ "key": "zone", "operator": "DoesNotExist" }), true),
            (json!({ "key": "disk", "operator": "DoesNotExist" }), false),
            (json!({ "key": "cores", "operator": "Gt", "values": ["7"] }), true),
            (json!({ "key": "cores", "operator": "Gt", "values": ["8"] }), false),
            (json!({ "key": "cores", "operator": "Lt", "values": ["9"] }), true),
            (json!({ "key": "cores", "operator": "Lt", "values": ["8"] }), false),
            (json!({ "key": "disk", "operator": "Gt", "values": ["7"] }), false),
            (json!({ "key": "cores", "operator": "Gt", "values": ["1", "2"] }), false),
            (json!({ "key": "disk", "operator": "Like", "values": ["s*"] }), false),
        ];
        for (requirement, expected) in rows {
            let spec = affinity(json!([{ "matchExpressions": [requirement] }]));
            assert_eq!(allowed(spec, &node), expected, "{requirement}");
        }
    }

    #[test]
    fn one_term_is_enough_and_all_its_requirements_count() {
        let node = node(json!({ "a": "1", "b": "2" }), json!([]));
        let is = |key: &str, value: &str| json!({ "key": key, "operator": "In", "values": [value] });
        assert!(allowed(
            affinity(json!([{ "matchExpressions": [is("a", "9")] }, { "matchExpressions": [is("b", "2")] }])),
            &node
        ));
        assert!(!allowed(affinity(json!([{ "matchExpressions": [is("a", "1"), is("b", "9")] }])), &node));
        assert!(!allowed(affinity(json!([{}])), &node), "an empty term matches nothing");
        assert!(!allowed(affinity(json!([])), &node), "no term matches nothing");
        let mut both = affinity(json!([{ "matchExpressions": [is("a", "1")] }]));
        both["nodeSelector"] = json!({ "b": "9" });
        assert!(!allowed(both, &node), "the node selector counts as well");
    }

    #[test]
    fn daemon_sets_bind_by_the_field_of_the_name() {
        let node = node(json!({}), json!([]));
        let field = |operator: &str, values: Value| {
            affinity(
                json!([{ "matchFields": [{ "key": "metadata.name", "operator": operator, "values": values }] }]),
            )
        };
        assert!(allowed(field("In", json!(["w1"])), &node));
        assert!(!allowed(field("In", json!(["w2"])), &node));
        assert!(allowed(field("NotIn", json!(["w2"])), &node));
        assert!(!allowed(field("NotIn", json!(["w1"])), &node));
        assert!(!allowed(field("In", json!(["w1", "w2"])), &node), "one value only");
    }

    #[test]
    fn taints_exclude_unless_they_pass_or_are_tolerated() {
        let tainted = |key: &str, effect: &str| {
            node(json!({}), json!([{ "key": key, "value": "v", "effect": effect }]))
        };
        let gpu = tainted("gpu", "NoSchedule");
        assert!(!allowed(json!({}), &gpu));
        assert!(!allowed(json!({}), &tainted("gpu", "NoExecute")));
        assert!(allowed(json!({}), &tainted("gpu", "PreferNoSchedule")));
        assert!(allowed(json!({}), &tainted("node.kubernetes.io/unschedulable", "NoSchedule")));
        assert!(!allowed(json!({}), &tainted("node-role.kubernetes.io/control-plane", "NoSchedule")));
        let rows = [
            (json!({ "key": "gpu", "operator": "Exists" }), true),
            (json!({ "operator": "Exists" }), true),
            (json!({ "key": "gpu", "value": "v" }), true),
            (json!({ "key": "gpu", "operator": "Equal", "value": "v", "effect": "NoSchedule" }), true),
            (json!({ "key": "gpu", "value": "w" }), false),
            (json!({ "key": "gpu", "operator": "Exists", "effect": "NoExecute" }), false),
            (json!({ "key": "tpu", "operator": "Exists" }), false),
            (json!({ "key": "gpu", "operator": "Gt", "value": "1" }), false),
        ];
        for (toleration, expected) in rows {
            assert_eq!(allowed(json!({ "tolerations": [toleration] }), &gpu), expected, "{toleration}");
        }
    }
}
