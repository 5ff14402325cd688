//! Label and field selectors.

use serde_json::Value;

use super::resource::Resource;

/// A label selector and a field selector: an object must fulfil every requirement of both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

/// What one label, or one field, must be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl Requirement {
    fn holds(&self, value: Option<&str>) -> bool {
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.iter().any(|wanted| wanted == value)),
            Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|wanted| wanted != value)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
        }
    }
}

impl Selector {
    /// Reads the two parameters of a request; empty is no requirement.
    ///
    /// # Errors
    /// The sentence with which a server refuses them.
    pub(crate) fn new(labels: &str, fields: &str, resource: &Resource) -> Result<Self, String> {
        let labels = split(labels).into_iter().map(label).collect::<Result<_, _>>()?;
        let fields = split(fields).into_iter().map(|text| field(text, resource)).collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    /// A LabelSelector of an object (`matchLabels`, `matchExpressions`); one without either takes everything.
    pub(crate) fn of_labels(selector: &Value) -> Self {
        let mut labels = Vec::new();
        for (key, value) in selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
            let values = vec![value.as_str().unwrap_or_default().to_owned()];
            labels.push(Requirement { key: key.clone(), test: Test::In(values) });
        }
        for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            labels.extend(expression_of(expression));
        }
        Self { labels, fields: Vec::new() }
    }

    /// Whether it has no requirement.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether `object` fulfils it.
    pub(crate) fn takes(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        self.takes_labels(labels.unwrap_or(&Value::Null))
            && self.fields.iter().all(|field| {
                let pointer = format!("/{}", field.key.replace('.', "/"));
                // An absent field is an empty one, and an absent boolean is false, as in Kubernetes' own types.
                let value = match object.pointer(&pointer) {
                    Some(Value::String(text)) => text.clone(),
                    Some(Value::Null) | None if field.key == "spec.unschedulable" => "false".to_owned(),
                    Some(Value::Null) | None => String::new(),
                    Some(other) => other.to_string(),
                };
                field.holds(Some(&value))
            })
    }

    /// Whether a map of labels fulfils it.
    pub(crate) fn takes_labels(&self, labels: &Value) -> bool {
        self.labels.iter().all(|label| label.holds(labels.get(&label.key).and_then(Value::as_str)))
    }
}

/// One of `matchExpressions`, of a LabelSelector or a node selector term.
fn expression_of(expression: &Value) -> Option<Requirement> {
    let key = expression.get("key")?.as_str()?.to_owned();
    let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
    let values = values.filter_map(Value::as_str).map(str::to_owned).collect();
    let test = match expression.get("operator")?.as_str()? {
        "In" => Test::In(values),
        "NotIn" => Test::NotIn(values),
        "Exists" => Test::Exists,
        "DoesNotExist" => Test::DoesNotExist,
        _ => return None,
    };
    Some(Requirement { key, test })
}

/// The parts between commas that are not in parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0usize;
    let parts = text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b,c)`.
fn label(text: &str) -> Result<Requirement, String> {
    if let Some((head, values)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        return match head.trim_end().rsplit_once(' ') {
            Some((key, "in")) => requirement(key.trim(), Test::In(values)),
            Some((key, "notin")) => requirement(key.trim(), Test::NotIn(values)),
            _ => Err(format!("unable to parse requirement: found '{text}', expected: in, notin")),
        };
    }
    if let Some((key, value)) = equality(text) {
        return requirement(key, value);
    }
    match text.strip_prefix('!') {
        Some(key) => requirement(key.trim(), Test::DoesNotExist),
        None => requirement(text, Test::Exists),
    }
}

fn field(text: &str, resource: &Resource) -> Result<Requirement, String> {
    let (key, test) =
        equality(text).ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{text}'"))?;
    let always = key == "metadata.name" || key == "metadata.namespace" && resource.namespaced;
    if always || resource.fields.contains(&key) {
        Ok(Requirement { key: key.to_owned(), test })
    } else {
        Err(format!("field label not supported: {key}"))
    }
}

fn equality(text: &str) -> Option<(&str, Test)> {
    let (key, value) = text.split_once('=')?;
    let value = vec![value.strip_prefix('=').unwrap_or(value).trim().to_owned()];
    Some(match key.strip_suffix('!') {
        Some(key) => (key.trim(), Test::NotIn(value)),
        None => (key.trim(), Test::In(value)),
    })
}

fn requirement(key: &str, test: Test) -> Result<Requirement, String> {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let values = match &test {
        Test::In(values) | Test::NotIn(values) => values.as_slice(),
        Test::Exists | Test::DoesNotExist => &[],
    };
    if key.is_empty() || !plain(key) || !values.iter().all(|value| plain(value)) {
        return Err(format!("unable to parse requirement: found '{key}', expected: identifier"));
    }
    Ok(Requirement { key: key.to_owned(), test })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::api::resource::by_kind;
    use serde_json::json;

    #[test]
    fn selectors_take_and_leave() {
        let pods = by_kind("v1", "Pod").unwrap();
        let pod = json!({
            "metadata": { "name": "web-1", "namespace": "shop", "labels": { "app": "web", "tier": "front", "flag": "" } },
            "spec": { "nodeName": "w1" },
        });
        for (labels, fields, taken) in [
            ("", "", true),
            ("app=web", "", true),
            ("app==web,tier!=back", "", true),
            ("app!=web", "", false),
            ("app in (api, web),tier", "", true),
            ("app notin (web)", "", false),
            ("other notin (web)", "", true),
            ("!other,flag", "", true),
            ("!app", "", false),
            ("", "spec.nodeName=w1", true),
            ("", "spec.nodeName!=w1", false),
            ("", "metadata.name=web-1,metadata.namespace=shop", true),
            ("", "status.phase=", true),
            ("app=web", "spec.nodeName=w2", false),
        ] {
            let selector = Selector::new(labels, fields, pods).unwrap();
            assert_eq!(selector.takes(&pod), taken, "{labels} {fields}");
        }
    }

    #[test]
    fn what_a_server_refuses_is_refused() {
        let pods = by_kind("v1", "Pod").unwrap();
        assert_eq!(Selector::new("", "spec.foo=1", pods).unwrap_err(), "field label not supported: spec.foo");
        for labels in ["a===b", "a in b)", "a within (b)", "=b", "a b"] {
            assert!(Selector::new(labels, "", pods).is_err(), "{labels}");
        }
        let nodes = by_kind("v1", "Node").unwrap();
        assert!(Selector::new("", "metadata.namespace=x", nodes).is_err());
        let cordoned = Selector::new("", "spec.unschedulable=false", nodes).unwrap();
        assert!(cordoned.takes(&json!({ "metadata": { "name": "w1" } })));
        assert!(!cordoned.takes(&json!({ "metadata": { "name": "w1" }, "spec": { "unschedulable": true } })));
    }

    #[test]
    fn a_label_selector_of_an_object() {
        let selector = Selector::of_labels(&json!({
            "matchLabels": { "app": "web" },
            "matchExpressions": [{ "key": "tier", "operator": "In", "values": ["front", "back"] },
                                 { "key": "old", "operator": "DoesNotExist" }],
        }));
        assert!(selector.takes_labels(&json!({ "app": "web", "tier": "back" })));
        assert!(!selector.takes_labels(&json!({ "app": "web" })));
        assert!(!selector.takes_labels(&json!({ "app": "web", "tier": "back", "old": "" })));
        assert!(Selector::of_labels(&json!({})).takes_labels(&Value::Null));
    }
}
