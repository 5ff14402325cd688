//! What to do about AppArmor, in words and in commands that can be copied.

use serde_json::{Map, Value, json};

use super::asker::{Asker, Fate};
use super::profile::LOCALHOST;
use crate::checks::common::{list, shell};
use crate::evidence::objects::Kind;
use crate::evidence::objects::meta::APPARMOR_PREFIX;

/// About values that are no profiles.
pub(super) const VALUES: &str = "Write the field securityContext.appArmorProfile with a type of RuntimeDefault, Unconfined, or Localhost with the bare \
     name of a loaded profile in localhostProfile; and take the annotation out.";

/// About machines without AppArmor.
pub(super) const TURN_ON: &str = "Turn AppArmor on there (kernel parameter apparmor=1 with the module in lsm=, package apparmor for its parser, a reboot), or keep \
     the pods away by node affinity, or take the profile out of the owner's template.";

/// About a profile that is not loaded.
pub(super) fn load(asker: &Asker<'_>, profile: &str, nodes: &[&str]) -> (String, Vec<String>) {
    let owner = if asker.fate == Fate::Lost || asker.fate == Fate::Restarted {
        "the pod"
    } else {
        "the owner's template"
    };
    let summary = format!(
        "Load {profile} on {}, now and at each boot (a file in /etc/apparmor.d), or change \
             {owner}. The command goes to each of these nodes.",
        list::names(nodes)
    );
    (summary, vec![format!("apparmor_parser -r {}", shell::quote(&format!("/etc/apparmor.d/{profile}")))])
}

/// About the annotation: the patch that puts the field in its place, where the object takes one.
pub(super) fn annotation(asker: &Asker<'_>, field_is_there: bool) -> (String, Vec<String>) {
    if !field_is_there {
        return (
            "There is no field for it before the hop; write it after that, in the template of \
                 the owner."
                .to_owned(),
            Vec::new(),
        );
    }
    match (asker.fate, asker.kind) {
        (Fate::Restarted, _) => (
            "Write the field in the manifest of the static pod on its node, and take the \
                 annotation out."
                .to_owned(),
            Vec::new(),
        ),
        (Fate::Lost, _) => (
            "The field of a pod cannot be changed: make the pod anew with the field, without the \
                 annotation."
                .to_owned(),
            Vec::new(),
        ),
        _ if asker.annotated_by_others => (
            "Bring what adds the annotation, often an admission webhook, to the field.".to_owned(),
            Vec::new(),
        ),
        (_, Some(Kind::Job)) => (
            "A Job's template cannot be changed: write the field where the Job comes from.".to_owned(),
            Vec::new(),
        ),
        (_, Some(kind)) => {
            let subject = &asker.subject;
            let patch = patch(asker, kind).to_string();
            let words =
                ["patch", &kind.as_str().to_lowercase(), &subject.name, "--type=strategic", "-p", &patch];
            (
                "Write the field where the object comes from. As a patch, which rolls out new pods:"
                    .to_owned(),
                vec![shell::kubectl(&subject.namespace, &words)],
            )
        }
        (_, None) => (
            format!(
                "Write the field in the template of the {}, and take the annotation out.",
                asker.subject.kind
            ),
            Vec::new(),
        ),
    }
}

/// A strategic merge patch: each annotation away, its field in.
fn patch(asker: &Asker<'_>, kind: Kind) -> Value {
    let (mut annotations, mut containers, mut init_containers) = (Map::new(), Vec::new(), Vec::new());
    for (container, value) in &asker.annotated {
        annotations.insert(format!("{APPARMOR_PREFIX}{}", container.name), Value::Null);
        let profile = match (*value, value.strip_prefix(LOCALHOST)) {
            ("unconfined", _) => json!({ "type": "Unconfined" }),
            (_, Some(name)) if !name.trim().is_empty() => {
                json!({ "type": "Localhost", "localhostProfile": name })
            }
            _ => json!({ "type": "RuntimeDefault" }),
        };
        let patched = json!({ "name": container.name, "securityContext": { "appArmorProfile": profile } });
        let is_init = asker.spec.init_containers.iter().any(|init| init.name == container.name);
        if is_init { init_containers.push(patched) } else { containers.push(patched) }
    }
    let mut spec = Map::new();
    for (list, patched) in [("containers", containers), ("initContainers", init_containers)] {
        if !patched.is_empty() {
            spec.insert(list.to_owned(), Value::Array(patched));
        }
    }
    let template = json!({ "template": { "metadata": { "annotations": annotations }, "spec": spec } });
    match kind {
        Kind::CronJob => json!({ "spec": { "jobTemplate": { "spec": template } } }),
        _ => json!({ "spec": template }),
    }
}
