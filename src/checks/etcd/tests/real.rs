//! What real machines said: documents of the probe.

use super::*;
use crate::checks::testing::{of_code, only, read};
use crate::evidence::Reading;

/// The cluster of one control plane with this document.
fn real(document: &str) -> World {
    let path = format!("{}/tests/fixtures/node-facts/{document}.json", env!("CARGO_MANIFEST_DIR"));
    let facts: NodeFacts = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut world = World::new("1.30.4");
    let nodes = &mut world.evidence.objects.nodes;
    nodes.items = nodes.items.iter().filter(|node| *node.metadata.name == *"cp1").cloned().collect();
    for node in ["cp2", "cp3"] {
        world.remove_pod(&format!("etcd-{node}"));
    }
    world.evidence.node_facts.clear();
    let at = facts.collected_at.unwrap();
    let mut reading = read(&format!("probe {document}.json"), std::sync::Arc::new(facts));
    if let Reading::Read { stamp, .. } = &mut reading {
        stamp.at = at;
    }
    world.evidence.node_facts.insert("cp1".into(), reading);
    world.evidence.at = at;
    world
}

#[test]
fn a_machine_with_etcd_seen_by_root() {
    let findings = check(&real("machine-root"));
    // The fixture runs an etcd under the tag of another, and has no mirror of it.
    assert_eq!(
        only(&findings, "EtcdNotRestarted").message,
        "etcd's manifest on cp1 has 3.5.15, and 3.5.23 answers"
    );
    assert!(
        only(&findings, "BackupRecent").message.contains(", verified: /var/backups/etcd/daily.db on cp1")
    );
    assert_eq!(of_code(&findings, "BackupUnsound"), ["notice EtcdBackup/prod"]);
    let unsound = only(&findings, "BackupUnsound");
    assert!(
        unsound.message.contains("torn.db") && unsound.message.contains("live-copy.db"),
        "{}",
        unsound.message
    );
    assert!(!findings.iter().any(|finding| finding.code == "EtcdInsideUnread"), "{findings:#?}");
}

#[test]
fn machines_that_are_no_control_plane_or_were_not_seen_by_root() {
    for document in ["plain-root", "plain-user", "guest-v2-user"] {
        let findings = check(&real(document));
        // Their mirror says that a member is there.
        assert_eq!(of_code(&findings, "EtcdInsideUnread"), ["unknown Node/cp1"], "{document}");
        assert!(!findings.iter().any(|finding| finding.code == "EtcdHealthy"), "{document}");
    }
}
