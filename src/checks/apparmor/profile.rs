//! Which AppArmor profile each container of a pod or template asks for, and what is wrong with the asking.
//!
//! A container's own field counts before the annotation of its name, and that before the pod's field. Sources:
//! k8s.io/kubernetes pkg/security/apparmor (what the kubelet takes), pkg/apis/core/validation (what the API
//! server refuses).

use crate::evidence::objects::Metadata;
use crate::evidence::objects::meta::APPARMOR_PREFIX;
use crate::evidence::objects::pod::{AppArmorProfile, Container, PodSpec};

/// What goes before a profile's name in the annotation's value, and nowhere else.
pub(super) const LOCALHOST: &str = "localhost/";

/// A profile that asks something of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Need<'a> {
    /// AppArmor must be on: the runtime's own profile is asked for.
    On,
    /// A profile of this name must be loaded.
    Loaded(&'a str),
}

/// Why pods that ask so do not come to run, or not as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// What is wrong, as a sentence without its full stop.
    pub(super) what: String,
    /// Whether such pods are refused, by the API server or the kubelet.
    pub(super) refused: bool,
}

/// What a pod or template asks.
#[derive(Debug, Default)]
pub(super) struct Wishes<'a> {
    /// Containers, with the value of their annotation, that have no field: the annotation alone says it.
    pub(super) annotated: Vec<(&'a Container, &'a str)>,
    /// What is asked of the node, each once.
    pub(super) needs: Vec<Need<'a>>,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
}

impl<'a> Wishes<'a> {
    /// Reads what a pod or a template asks. Most ask nothing, which costs next to nothing.
    pub(super) fn of(metadata: &'a Metadata, spec: &'a PodSpec) -> Self {
        let mut wishes = Self::default();
        let of_pod = spec.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
        let annotations = || {
            metadata
                .annotations
                .iter()
                .filter_map(|(key, value)| Some((key.strip_prefix(APPARMOR_PREFIX)?, value)))
        };
        if let Some(profile) = of_pod {
            wishes.field("the pod", profile);
        }
        for container in spec.all_containers() {
            let own =
                container.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
            let annotation =
                annotations().find(|(name, _)| *name == container.name.as_str()).map(|(_, value)| value);
            if let Some(profile) = own {
                wishes.field(&format!("container {}", container.name), profile);
            }
            let Some(value) = annotation else { continue };
            match own.or(of_pod) {
                Some(field) if !agree(value, field) => wishes.refused(format!(
                    "the annotation of container {} says {value:?} and its field another profile",
                    container.name
                )),
                Some(_) => {}
                None => {
                    wishes.annotated.push((container, value));
                    wishes.annotation(&container.name, value);
                }
            }
        }
        for (name, _) in annotations() {
            if !spec.all_containers().any(|container| container.name.as_str() == name) {
                wishes.refused(format!("an annotation names container {name}, and there is none"));
            }
        }
        wishes.needs.sort_unstable();
        wishes.needs.dedup();
        wishes
    }

    /// Whether nothing is asked, rightly or wrongly.
    pub(super) fn is_nothing(&self) -> bool {
        self.annotated.is_empty() && self.needs.is_empty() && self.problems.is_empty()
    }

    fn field(&mut self, whose: &str, profile: &'a AppArmorProfile) {
        let name = profile.localhost_profile.as_deref();
        match (profile.kind.as_str(), name) {
            ("RuntimeDefault", None) => self.needs.push(Need::On),
            ("Unconfined", None) => {}
            ("RuntimeDefault" | "Unconfined", Some(_)) => {
                self.refused(format!(
                    "{whose} has type {} and a localhostProfile, which goes with type Localhost only",
                    profile.kind
                ));
            }
            ("Localhost", Some(name)) if !name.trim().is_empty() && name.trim() == name => {
                if let Some(bare) = name.strip_prefix(LOCALHOST) {
                    self.problems.push(Problem {
                        what: format!(
                            "{whose} has localhostProfile {name:?}: the field takes the bare name, {bare:?}"
                        ),
                        refused: false,
                    });
                }
                // Runtimes take the prefix off; a profile with it in its name cannot be meant.
                self.needs.push(Need::Loaded(name.strip_prefix(LOCALHOST).unwrap_or(name)));
            }
            ("Localhost", name) => {
                self.refused(format!(
                    "{whose} has type Localhost and localhostProfile {:?}, which is no name",
                    name.unwrap_or_default()
                ));
            }
            (other, _) => self.refused(format!("{whose} has the unknown type {other:?}")),
        }
    }

    fn annotation(&mut self, container: &str, value: &'a str) {
        match value {
            "unconfined" => {}
            "runtime/default" => self.needs.push(Need::On),
            "" => {
                // It names no profile, and still the kubelet wants AppArmor to be on.
                self.needs.push(Need::On);
                self.problems.push(Problem {
                    what: format!("the annotation of container {container} is empty: it applies no profile"),
                    refused: false,
                });
            }
            _ => match value.strip_prefix(LOCALHOST) {
                Some(name) if !name.trim().is_empty() => self.needs.push(Need::Loaded(name)),
                Some(_) => self.refused(format!(
                    "the annotation of container {container} says {value:?} without a profile's name"
                )),
                None => self.refused(format!(
                    "the annotation of container {container} says {value:?}; only runtime/default, \
                         localhost/NAME and unconfined exist"
                )),
            },
        }
    }

    fn refused(&mut self, what: String) {
        self.problems.push(Problem { what, refused: true });
    }
}

/// Whether the API server accepts this annotation beside this field.
fn agree(annotation: &str, field: &AppArmorProfile) -> bool {
    match field.kind.as_str() {
        "Unconfined" => annotation == "unconfined",
        "RuntimeDefault" => annotation == "runtime/default",
        "Localhost" => annotation
            .strip_prefix(LOCALHOST)
            .is_some_and(|name| field.localhost_profile.as_deref() == Some(name)),
        // An unknown type is a problem of its own.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::from;
    use serde_json::{Value, json};

    fn pod(annotations: Value, spec: Value) -> (Metadata, PodSpec) {
        (from(json!({ "annotations": annotations })), from(spec))
    }

    fn key(container: &str) -> String {
        format!("{APPARMOR_PREFIX}{container}")
    }

    #[test]
    fn a_container_field_counts_before_the_annotation_and_that_before_the_pod_field() {
        let localhost =
            |name: &str| json!({ "appArmorProfile": { "type": "Localhost", "localhostProfile": name } });
        let own = json!({ "containers": [{ "name": "a", "securityContext": localhost("own") }] });
        let (metadata, spec) = pod(json!({ key("a"): "localhost/own" }), own);
        let wishes = Wishes::of(&metadata, &spec);
        assert_eq!(wishes.needs, [Need::Loaded("own")]);
        assert!(
            wishes.annotated.is_empty() && wishes.problems.is_empty(),
            "field and annotation agree: the field is used"
        );

        let (metadata, spec) = pod(
            json!({ key("a"): "localhost/old" }),
            json!({ "containers": [{ "name": "a" }, { "name": "b" }] }),
        );
        let wishes = Wishes::of(&metadata, &spec);
        assert_eq!(wishes.needs, [Need::Loaded("old")]);
        assert_eq!(wishes.annotated.len(), 1);
    }

    #[test]
    fn values_are_those_that_kubernetes_knows() {
        let annotated =
            |value: &str| pod(json!({ key("a"): value }), json!({ "containers": [{ "name": "a" }] }));
        let field = |profile: Value| {
            pod(
                json!({}),
                json!({ "containers": [{ "name": "a", "securityContext": { "appArmorProfile": profile } }] }),
            )
        };
        type Row<'a> = ((Metadata, PodSpec), Vec<Need<'a>>, Option<bool>);
        let rows: Vec<Row<'_>> = vec![
            (annotated("runtime/default"), vec![Need::On], None),
            (annotated("unconfined"), vec![], None),
            (annotated("localhost/x"), vec![Need::Loaded("x")], None),
            (annotated(""), vec![Need::On], Some(false)),
            (annotated("localhost/"), vec![], Some(true)),
            (annotated("localhost/  "), vec![], Some(true)),
            (annotated("docker-default"), vec![], Some(true)),
            (annotated("Unconfined"), vec![], Some(true)),
            (field(json!({ "type": "RuntimeDefault" })), vec![Need::On], None),
            (field(json!({ "type": "Unconfined" })), vec![], None),
            (field(json!({ "type": "Localhost", "localhostProfile": "x" })), vec![Need::Loaded("x")], None),
            (
                field(json!({ "type": "Localhost", "localhostProfile": "localhost/x" })),
                vec![Need::Loaded("x")],
                Some(false),
            ),
            (field(json!({ "type": "Localhost" })), vec![], Some(true)),
            (field(json!({ "type": "Localhost", "localhostProfile": " x" })), vec![], Some(true)),
            (field(json!({ "type": "localhost", "localhostProfile": "x" })), vec![], Some(true)),
            (field(json!({ "type": "Unconfined", "localhostProfile": "x" })), vec![], Some(true)),
            (field(json!({})), vec![], Some(true)),
        ];
        for ((metadata, spec), needs, problem) in rows {
            let wishes = Wishes::of(&metadata, &spec);
            assert_eq!(wishes.needs, needs, "{metadata:?} {spec:?}");
            assert_eq!(
                wishes.problems.first().map(|problem| problem.refused),
                problem,
                "{metadata:?} {spec:?}"
            );
        }
    }

    #[test]
    fn an_annotation_must_name_a_container_and_agree_with_its_field() {
        let (metadata, spec) =
            pod(json!({ key("b"): "unconfined" }), json!({ "containers": [{ "name": "a" }] }));
        assert!(Wishes::of(&metadata, &spec).problems[0].what.contains("container b"));
        let (metadata, spec) =
            pod(json!({ key("i"): "unconfined" }), json!({ "initContainers": [{ "name": "i" }] }));
        assert!(Wishes::of(&metadata, &spec).problems.is_empty(), "init containers count");
        let spec = json!({ "securityContext": { "appArmorProfile": { "type": "RuntimeDefault" } }, "containers": [{ "name": "a" }] });
        let (metadata, spec) = pod(json!({ key("a"): "unconfined" }), spec);
        let wishes = Wishes::of(&metadata, &spec);
        assert!(wishes.problems[0].refused && wishes.annotated.is_empty());
    }
}
