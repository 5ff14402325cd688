//! Who wrote an object, in which version: managedFields and the last-applied annotation in one verdict.

use jiff::Timestamp;

use crate::evidence::objects::{ManagedFieldsEntry, ManagedObject};

/// How an object stands to an API version that goes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Usage<'a> {
    /// These writers would write it so again: nobody has written it otherwise since.
    Written(Vec<&'a ManagedFieldsEntry>),
    /// Only the last-applied annotation says so, and no managedFields say otherwise.
    Applied,
    /// It was written so once, and otherwise since; or an annotation still says it.
    Before(Option<&'a ManagedFieldsEntry>),
}

/// Whether a manager is a part of the control plane. The API server writes its own objects and the state of
/// others, and the upgrade itself replaces it, as it does the controllers that come with it.
pub(super) fn is_control_plane(manager: &str) -> bool {
    const OWN: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
    OWN.contains(&manager) || manager.starts_with("api-priority-and-fairness-config-")
}

/// How `object` stands to `api_version`; `None` if nobody but the control plane ever wrote it so.
pub(super) fn usage<'a>(object: &'a ManagedObject, api_version: &str) -> Option<Usage<'a>> {
    let entries: Vec<&ManagedFieldsEntry> =
        object.metadata.managed_fields.iter().filter(|entry| !is_control_plane(&entry.manager)).collect();
    let (mut current, mut before) = (Vec::new(), None);
    for entry in entries.iter().copied().filter(|entry| entry.api_version == api_version) {
        if entries.iter().any(|other| overtakes(other, entry)) {
            before = Some(entry).max_by_time(before);
        } else {
            current.push(entry);
        }
    }
    if !current.is_empty() {
        return Some(Usage::Written(current));
    }
    if before.is_some() {
        return Some(Usage::Before(before));
    }
    let applied = object.metadata.annotations.last_applied_version();
    match applied.as_deref() == Some(api_version) {
        // Whoever writes without kubectl leaves the annotation as it is: a version beside it says more.
        true if entries.iter().any(|entry| entry.subresource.is_empty()) => Some(Usage::Before(None)),
        true => Some(Usage::Applied),
        false => None,
    }
}

/// Whether `other` shows that what `entry` stands for is over: the same manager came later with another version,
/// or somebody else wrote the object itself later in another version. Entries without a time show nothing.
fn overtakes(other: &ManagedFieldsEntry, entry: &ManagedFieldsEntry) -> bool {
    let later = matches!((other.time, entry.time), (Some(other), Some(entry)) if other > entry);
    let same_writer = other.manager == entry.manager && other.subresource == entry.subresource;
    let same_part = other.subresource.is_empty() && entry.subresource.is_empty();
    later && other.api_version != entry.api_version && (same_writer || same_part)
}

/// The later of two entries.
trait Later<'a> {
    fn max_by_time(self, other: Self) -> Self;
}

impl<'a> Later<'a> for Option<&'a ManagedFieldsEntry> {
    fn max_by_time(self, other: Self) -> Self {
        let time = |entry: &Self| -> Option<Timestamp> { entry.and_then(|entry| entry.time) };
        if time(&other) > time(&self) { other } else { self }
    }
}

/// `helm (Update, status) on 2026-03-01 10:00:00Z`.
pub(super) fn describe(entry: &ManagedFieldsEntry) -> String {
    let manager = if entry.manager.is_empty() { "a manager without a name" } else { entry.manager.as_str() };
    let operation = if entry.operation.is_empty() { "Update" } else { entry.operation.as_str() };
    let part = if entry.subresource.is_empty() { String::new() } else { format!(", {}", entry.subresource) };
    let when = entry.time.map_or_else(|| "at an unknown time".to_owned(), |time| format!("at {time}"));
    format!("{manager} ({operation}{part}) wrote {} {when}", entry.api_version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ago, from};
    use serde_json::{Value, json};

    const OLD: &str = "flowcontrol.apiserver.k8s.io/v1beta3";
    const NEW: &str = "flowcontrol.apiserver.k8s.io/v1";

    /// An entry of `manager` that wrote `version` so many hours ago.
    fn entry(manager: &str, version: &str, hours: i64) -> Value {
        json!({ "manager": manager, "operation": "Update", "apiVersion": version, "time": ago(hours) })
    }

    fn object(entries: Vec<Value>, applied: Option<&str>) -> ManagedObject {
        let annotations = applied.map_or_else(
            || json!({}),
            |version| json!({ "kubectl.kubernetes.io/last-applied-configuration": json!({ "apiVersion": version }).to_string() }),
        );
        from(json!({ "metadata": { "name": "x", "annotations": annotations, "managedFields": entries } }))
    }

    /// The verdict in a word.
    fn verdict(entries: Vec<Value>, applied: Option<&str>) -> &'static str {
        match usage(&object(entries, applied), OLD) {
            None => "none",
            Some(Usage::Written(_)) => "written",
            Some(Usage::Applied) => "applied",
            Some(Usage::Before(_)) => "before",
        }
    }

    #[test]
    fn the_newest_writer_decides() {
        assert_eq!(verdict(vec![entry("helm", OLD, 9)], None), "written");
        assert_eq!(verdict(vec![entry("helm", NEW, 9)], None), "none");
        assert_eq!(verdict(vec![entry("helm", OLD, 9), entry("helm", NEW, 1)], None), "before");
        assert_eq!(verdict(vec![entry("helm", NEW, 9), entry("helm", OLD, 1)], None), "written");
        assert_eq!(verdict(vec![entry("helm", OLD, 9), entry("kubectl-edit", NEW, 1)], None), "before");
        assert_eq!(verdict(vec![entry("helm", OLD, 1), entry("kubectl-edit", NEW, 9)], None), "written");
        // In the same second nobody was later.
        assert_eq!(verdict(vec![entry("helm", OLD, 1), entry("helm", NEW, 1)], None), "written");
        // A third version that goes as well is not the one asked about.
        let oldest = "flowcontrol.apiserver.k8s.io/v1beta2";
        assert_eq!(verdict(vec![entry("helm", OLD, 9), entry("helm", oldest, 1)], None), "before");
        assert_eq!(verdict(vec![], None), "none");
    }

    #[test]
    fn an_entry_without_a_time_proves_nothing_against_another() {
        let mut untimed = entry("helm", OLD, 1);
        untimed["time"] = Value::Null;
        assert_eq!(verdict(vec![untimed.clone(), entry("helm", NEW, 1)], None), "written");
        untimed["apiVersion"] = json!(NEW);
        assert_eq!(verdict(vec![entry("helm", OLD, 1), untimed], None), "written");
    }

    #[test]
    fn the_control_plane_never_counts_neither_for_nor_against() {
        for own in
            ["kube-apiserver", "api-priority-and-fairness-config-producer-v1", "kube-controller-manager"]
        {
            assert_eq!(verdict(vec![entry(own, OLD, 1)], None), "none", "{own}");
            assert_eq!(verdict(vec![entry("helm", OLD, 9), entry(own, NEW, 1)], None), "written", "{own}");
        }
        assert_eq!(verdict(vec![entry("my-kube-apiserver", OLD, 1)], None), "written");
    }

    #[test]
    fn a_write_of_the_state_says_nothing_of_who_writes_the_object() {
        let mut status = entry("some-controller", NEW, 1);
        status["subresource"] = json!("status");
        assert_eq!(verdict(vec![entry("helm", OLD, 9), status.clone()], None), "written");
        status["apiVersion"] = json!(OLD);
        assert_eq!(
            verdict(vec![entry("helm", NEW, 1), status.clone()], None),
            "written",
            "its controller uses the old one"
        );
        let mut later = status.clone();
        later["apiVersion"] = json!(NEW);
        later["time"] = json!(ago(0));
        assert_eq!(verdict(vec![status, later], None), "before");
    }

    #[test]
    fn the_annotation_counts_where_nothing_contradicts_it() {
        assert_eq!(verdict(vec![], Some(OLD)), "applied");
        assert_eq!(verdict(vec![], Some(NEW)), "none");
        assert_eq!(verdict(vec![entry("kubectl-client-side-apply", NEW, 1)], Some(OLD)), "before");
        assert_eq!(verdict(vec![entry("kube-apiserver", NEW, 1)], Some(OLD)), "applied");
        assert_eq!(verdict(vec![entry("kubectl-client-side-apply", OLD, 1)], Some(OLD)), "written");
        // The annotation is of the last apply; the object itself was written in the old version after it.
        assert_eq!(verdict(vec![entry("helm", OLD, 1)], Some(NEW)), "written");
    }

    #[test]
    fn a_writer_is_described_with_what_is_known() {
        let object = object(vec![entry("helm", OLD, 0)], None);
        let text = describe(&object.metadata.managed_fields[0]);
        assert_eq!(text, format!("helm (Update) wrote {OLD} at 2026-11-24T12:00:00Z"));
    }
}
