//! Room, certificates, and files of the machines.

use super::*;
use crate::checks::Severity;
use crate::checks::testing::{ago, of_code, only};

const GIB: u64 = 1 << 30;

fn sized(size: u64, in_use: u64, quota: Option<u64>) -> World {
    etcd("cp2", |etcd| {
        let status = etcd.status.as_mut().unwrap();
        (status.db_size, status.db_size_in_use) = (Some(size), Some(in_use));
        etcd.metrics.as_mut().unwrap().quota_bytes = quota;
    })
}

#[test]
fn a_database_near_its_quota_is_warned_of() {
    let nearly = |world: &World| of_code(&check(world), "EtcdNearlyFull");
    assert_eq!(nearly(&sized(GIB * 2 / 100 * 79, GIB, None)), [""; 0]);
    assert_eq!(nearly(&sized(GIB * 2 / 10 * 8 + 9, GIB, None)), ["warning EtcdMember/cp2"]);
    assert_eq!(nearly(&sized(GIB * 2, GIB, Some(8 * GIB))), [""; 0]);
    assert_eq!(nearly(&sized(GIB * 7, GIB * 7, Some(8 * GIB))), ["warning EtcdMember/cp2"]);
    // By its flag, where its metrics are not there.
    let mut flagged = sized(GIB * 2, GIB, None);
    flagged.facts("cp2", |facts| {
        facts.static_pods.as_mut().unwrap()[0].flags =
            from(json!([{ "name": "quota-backend-bytes", "value": (8 * GIB).to_string() }]));
    });
    assert_eq!(nearly(&flagged), [""; 0]);
    // With the alarm raised, the alarm is what counts.
    let mut full = sized(GIB * 2, GIB, None);
    full.facts("cp2", |facts| {
        facts.etcd.as_mut().unwrap().alarms = Some(from(json!([{ "memberID": "101", "alarm": "NOSPACE" }])))
    });
    assert_eq!(said(&full), "EtcdAlarm");
}

#[test]
fn a_defragmentation_is_advised_only_where_it_helps_and_harms_nothing() {
    let advice = |version: &str, in_use: u64| {
        let mut world = sized(GIB * 2, in_use, None);
        run(&mut world, "cp2", version);
        let findings = check(&world);
        let remedy = only(&findings, "EtcdNearlyFull").remedy.clone().unwrap();
        (remedy.summary, remedy.commands.iter().any(|command| command.ends_with(" defrag")))
    };
    assert!(advice("3.5.35", GIB).1);
    assert!(!advice("3.5.35", GIB * 2).1);
    let (summary, defragments) = advice("3.5.15", GIB);
    assert!(summary.contains("but not on this version") && !defragments, "{summary}");
}

#[test]
fn kubeadms_copy_needs_room_for_twice_the_folder() {
    let room = |free: u64, size: Option<u64>| {
        said(&machine("cp2", |facts| {
            facts.disk.as_mut().unwrap()[0].free_bytes = Some(free);
            facts.etcd.as_mut().unwrap().data_bytes = size;
        }))
    };
    assert_eq!(room(2 * GIB, Some(GIB)), "");
    assert_eq!(room(2 * GIB - 1, Some(GIB)), "EtcdCopyRoom");
    assert_eq!(room(100_000_000, None), "", "by the database's file");
    assert_eq!(room(99_999_999, None), "EtcdCopyRoom");
    let unread = machine("cp2", |facts| {
        facts.disk = None;
        facts.unread = from(json!([{ "what": "disk", "reason": "no df" }]));
    });
    let findings = check(&unread);
    let unknown = only(&findings, "EtcdRoomUnread");
    assert_eq!(unknown.could_hide, Some(Severity::Warning));
    assert!(unknown.message.ends_with("absent (no df)"), "{}", unknown.message);
}

#[test]
fn certificates_of_etcd_are_looked_at_on_every_control_plane() {
    let expires = |path: &str, hours: i64| {
        let world = machine("cp2", |facts| {
            facts.certificates.as_mut().unwrap().push(from(json!({ "path": path, "notAfter": ago(-hours) })));
        });
        said(&world)
    };
    let peer = "/etc/kubernetes/pki/etcd/peer.crt";
    assert_eq!(expires(peer, -1), "EtcdCertificateExpired");
    assert_eq!(expires(peer, 29 * 24), "EtcdCertificateExpires");
    assert_eq!(expires(peer, 30 * 24), "");
    assert_eq!(expires("/etc/kubernetes/pki/apiserver-etcd-client.crt", -1), "EtcdCertificateExpired");
    assert_eq!(expires("/etc/kubernetes/pki/apiserver.crt", -1), "", "not etcd's");
    let unread = check(&machine("cp2", |facts| facts.certificates = None));
    assert_eq!(only(&unread, "EtcdCertificatesUnread").could_hide, Some(Severity::Blocker));
}

#[test]
fn a_second_file_that_defines_the_pod_blocks() {
    let with = |name: &str| {
        said(&machine("cp2", |facts| {
            facts.static_pods.as_mut().unwrap().push(from(json!({
                "path": "/etc/kubernetes/manifests/etcd.yaml.bak", "name": name, "namespace": "kube-system" })));
        }))
    };
    assert_eq!(with("etcd"), "EtcdManifestTwice");
    assert_eq!(with("etcd-exporter"), "");
}

#[test]
fn kubeadms_copies_are_no_backups() {
    let with = |size: u64| {
        check(&machine("cp2", |facts| facts.backups.as_mut().unwrap().kubeadm_tmp_bytes = Some(size)))
    };
    assert_eq!(of_code(&with(499_999_999), "KubeadmCopies"), [""; 0]);
    let large = with(GIB);
    let finding = only(&large, "KubeadmCopies");
    assert_eq!((finding.severity, finding.subject.node.as_str()), (Severity::Notice, "cp2"));
    assert_eq!(
        finding.message,
        "kubeadm's copies of etcd's folder take 1.0 GiB in /etc/kubernetes/tmp; they are no backups"
    );
}
