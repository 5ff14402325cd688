//! What must be so after every upgrade, however often kubelift was killed.

use std::collections::{BTreeMap, BTreeSet};

use super::ports::{Event, Outside};
use crate::actions::journal::{Entry, What};
use crate::evidence::Evidence;
use crate::session::Snapshot;
use crate::text::Text;

/// The nodes that take no pods.
fn cordoned(evidence: &Evidence) -> BTreeSet<Text> {
    let nodes = evidence.objects.nodes.items.iter();
    nodes
        .filter(|node| node.spec.unschedulable == Some(true))
        .map(|node| node.metadata.name.clone())
        .collect()
}

/// The cluster is at the target, as observed, and cordons that were there before still are.
pub(super) fn is_upgraded(before: &Snapshot, after: &Snapshot) {
    let evidence = &after.evidence;
    for node in evidence.objects.nodes.items.iter() {
        let (name, info) = (&node.metadata.name, &node.status.node_info);
        assert_eq!(info.kubelet_version, "v1.31.14", "{name}");
        let facts = evidence.facts_of(name).unwrap().0;
        assert_eq!(facts.kubeadm.as_ref().unwrap().version.as_deref(), Some("v1.31.14"), "{name}");
    }
    let versions: BTreeSet<String> =
        evidence.servers.versions().map(|(_, version)| version.to_string()).collect();
    assert!(evidence.servers.all_versions_read());
    assert_eq!(versions, BTreeSet::from(["1.31.14".to_owned()]));
    let of_others = cordoned(&before.evidence);
    assert!(!of_others.is_empty());
    assert_eq!(cordoned(evidence), of_others, "cordons of others, and no other");
}

/// Nothing has no intent before it, and nothing was done twice without a look between.
pub(super) fn nothing_happened_twice(outside: &Outside) {
    let events = outside.events.lock().unwrap();
    let mut evicted: BTreeMap<String, usize> = BTreeMap::new();
    let mut begun: BTreeMap<String, usize> = BTreeMap::new();
    let mut units: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut looked: Option<(usize, BTreeSet<Text>)> = None;
    let mut open: Option<String> = None;
    for (index, event) in events.iter().enumerate() {
        match event {
            Event::Looked(pods) => looked = Some((index, pods.iter().cloned().collect())),
            Event::Killed(..) => {}
            Event::Started(node, unit, line) => {
                let before = units.insert((node.clone(), unit.clone()), line.clone());
                assert!(before.is_none_or(|before| before == *line), "{unit} is two lines");
            }
            Event::Sent(change, status) => {
                assert!(
                    !change.path.starts_with("/api/v1/nodes/w4"),
                    "the cordon of w4 is another's: {change}"
                );
                if change.path.ends_with("/eviction") && *status == Some(201) {
                    let body: serde_json::Value = serde_json::from_str(&change.body).unwrap();
                    let uid = body["deleteOptions"]["preconditions"]["uid"].as_str().unwrap().to_owned();
                    let (at, pods) = looked.as_ref().unwrap();
                    if let Some(before) = evicted.insert(uid.clone(), index) {
                        assert!(
                            *at > before && pods.contains(&Text::new(&uid)),
                            "evicted twice without a look that saw it: {change}"
                        );
                    }
                }
            }
            Event::Wrote(line) => {
                let entry: Entry = serde_json::from_str(line).unwrap();
                match &entry.what {
                    What::Began { step, .. } => {
                        assert_eq!(open, None, "{step} begins while another is under way");
                        let (at, _) = looked.as_ref().unwrap();
                        if let Some(before) = begun.insert(step.clone(), index) {
                            assert!(*at > before, "{step} began twice without a look between");
                        }
                        open = Some(step.clone());
                    }
                    What::Ended { step, .. } | What::Failed { step, .. } => {
                        assert_eq!(open.take().as_ref(), Some(step), "it ends, and was under way");
                    }
                    _ => {}
                }
            }
        }
    }
    each_unit_was_meant(outside, units.into_keys());
}

/// No machine ran a unit of kubelift that the journal does not know; one that it is told a second time it leaves as it is.
fn each_unit_was_meant(outside: &Outside, units: impl Iterator<Item = (String, String)>) {
    let meant: BTreeSet<String> = outside
        .journal()
        .into_iter()
        .filter_map(|entry| match entry.what {
            What::Started { unit, .. } => Some(unit),
            _ => None,
        })
        .collect();
    for (node, unit) in units.filter(|(_, unit)| unit.starts_with("kubelift-")) {
        assert!(meant.contains(&unit), "{node} ran {unit}, which was not meant");
    }
}
