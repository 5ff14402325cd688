//! Backups: where, how old, and which of three words.

use super::*;
use crate::checks::Severity;
use crate::checks::testing::{ago, now, of_code, only, read};
use crate::evidence::{FoundBackups, Reading, Reason, Unread};

/// A world whose only backups are these, on cp1.
fn snapshots(snapshots: Value) -> World {
    let mut world = everywhere(|facts| facts.backups = None);
    world.facts("cp1", |facts| {
        facts.backups = Some(from(
            json!({ "looked": [{ "path": "/var/backups/etcd", "state": "read" }], "snapshots": snapshots }),
        ));
    });
    for node in ["w1", "w2"] {
        world.facts(node, |facts| facts.backups = None);
    }
    world
}

fn file(name: &str, hours: i64, state: &str) -> Value {
    json!({ "path": format!("/var/backups/etcd/{name}"), "sizeBytes": 50_000_032, "modified": ago(hours), "state": state })
}

/// What is said of backups.
fn backups(world: &World) -> String {
    let findings = check(world);
    let all = findings.iter().filter(|finding| finding.code.starts_with("Backup"));
    all.map(|finding| format!("{} {}", finding.severity, finding.code)).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_backup_of_a_day_is_old_after_it() {
    assert_eq!(backups(&snapshots(json!([file("a.db", 24, "verified")]))), "pass BackupRecent");
    let mut late = file("a.db", 24, "verified");
    late["modified"] = json!(ago(24) - jiff::SignedDuration::from_secs(1));
    let world = snapshots(json!([late]));
    assert_eq!(backups(&world), "warning BackupOld");
    let findings = check(&snapshots(json!([file("a.db", 76, "verified")])));
    let old = only(&findings, "BackupOld");
    assert_eq!(
        old.message,
        "the newest sound backup is 3 days and 4 hours old, verified: /var/backups/etcd/a.db on cp1"
    );
    assert!(old.remedy.as_ref().unwrap().commands[1].contains("snapshot save"));
    assert_eq!(old.evidence[1].saw, "looked in /var/backups/etcd on cp1");
}

#[test]
fn saved_verified_and_drilled_are_said_and_never_one_for_another() {
    for state in ["saved", "verified", "drilled"] {
        let findings = check(&snapshots(json!([file("a.db", 2, state)])));
        let pass = only(&findings, "BackupRecent");
        assert_eq!(
            pass.message,
            format!("the newest sound backup is 2 hours old, {state}: /var/backups/etcd/a.db on cp1")
        );
        let others = ["saved", "verified", "drilled"].into_iter().filter(|other| *other != state);
        for other in others {
            assert!(!format!("{pass:?}").contains(other), "{state}: {pass:?}");
        }
    }
    // The newest counts, and of two of one age the one that is trusted most.
    let findings = check(&snapshots(json!([
        file("a.db", 5, "drilled"),
        file("b.db", 2, "saved"),
        file("c.db", 2, "verified")
    ])));
    assert!(
        only(&findings, "BackupRecent").message.contains("2 hours old, verified: /var/backups/etcd/c.db")
    );
}

#[test]
fn files_that_are_no_backups_are_named_and_count_for_nothing() {
    assert_eq!(backups(&snapshots(json!([]))), "warning BackupAbsent");
    assert_eq!(
        backups(&snapshots(json!([file("a.db", 1, "unsound")]))),
        "warning BackupAbsent, warning BackupUnsound"
    );
    assert_eq!(
        backups(&snapshots(json!([file("a.db", 1, "unrecognised")]))),
        "warning BackupAbsent, notice BackupUnrecognised"
    );
    assert_eq!(
        backups(&snapshots(json!([file("a.db", 1, "a newer word")]))),
        "warning BackupAbsent, notice BackupUnrecognised"
    );
    // An unsound one that is newer than the sound ones says that the last one failed.
    let newer = snapshots(json!([file("new.db", 1, "unsound"), file("a.db", 3, "saved")]));
    assert_eq!(backups(&newer), "warning BackupUnsound, pass BackupRecent");
    let findings = check(&newer);
    assert_eq!(
        only(&findings, "BackupUnsound").message,
        "/var/backups/etcd/new.db on cp1 is unsound, and no use as a backup; newer than every sound one"
    );
    let older = snapshots(json!([file("old.db", 5, "unsound"), file("a.db", 3, "saved")]));
    assert_eq!(backups(&older), "notice BackupUnsound, pass BackupRecent");
}

#[test]
fn a_time_that_is_ahead_or_missing_is_no_age() {
    let mut ahead = file("a.db", 0, "verified");
    ahead["modified"] = json!(now() + jiff::SignedDuration::from_mins(11));
    assert_eq!(backups(&snapshots(json!([ahead.clone()]))), "warning BackupAbsent");
    ahead["modified"] = json!(now() + jiff::SignedDuration::from_mins(9));
    assert_eq!(backups(&snapshots(json!([ahead]))), "pass BackupRecent");
    let mut never = file("a.db", 0, "verified");
    never["modified"] = Value::Null;
    let findings = check(&snapshots(json!([never])));
    assert!(only(&findings, "BackupAbsent").message.starts_with("no backup of etcd whose age is known"));
}

#[test]
fn where_nobody_looked_nothing_is_said_to_be_missing() {
    let mut world = everywhere(|facts| facts.backups = None);
    for node in ["w1", "w2"] {
        world.facts(node, |facts| facts.backups = None);
    }
    let findings = check(&world);
    let unknown = only(&findings, "BackupsUnread");
    assert_eq!((unknown.severity, unknown.could_hide), (Severity::Unknown, Some(Severity::Warning)));
    assert!(unknown.why.ends_with("that is not to say that there is none."));
    // A folder that is not there was looked at; one that was closed was not.
    let looked = |state: &str| {
        let mut world = world.clone();
        world.facts("w1", |facts| {
            facts.backups = Some(from(json!({ "looked": [{ "path": "/backup", "state": state }] })))
        });
        backups(&world)
    };
    assert_eq!(looked("absent"), "warning BackupAbsent");
    assert_eq!(looked("unreadable"), "unknown BackupsUnread");
    // A folder that was asked for and could not be listed is not forgotten.
    world.evidence.backups =
        Reading::Unread(Unread::new("stat", "backups", Reason::NotPermittedOnNode, "denied").of("/srv"));
    assert!(only(&check(&world), "BackupsUnread").message.contains("of /srv"));
}

#[test]
fn the_folder_of_the_command_line_counts_as_those_of_the_nodes_do() {
    let mut world = snapshots(json!([file("a.db", 50, "drilled")]));
    let found = FoundBackups {
        folder: "/srv/backups".into(),
        snapshots: from(json!([{ "path": "/srv/backups/b.db", "modified": ago(1), "state": "saved" }])),
        unread: vec![
            Unread::new("stat", "backups", Reason::NotPermittedOnNode, "denied").of("/srv/backups/c.db"),
        ],
    };
    world.evidence.backups = read("stat /srv/backups", found);
    let findings = check(&world);
    let pass = only(&findings, "BackupRecent");
    assert_eq!(
        pass.message,
        "the newest sound backup is 1 hour old, saved: /srv/backups/b.db on this machine"
    );
    assert_eq!(pass.evidence.len(), 2);
    assert_eq!(pass.evidence[0].how, "stat /srv/backups");
    assert_eq!(of_code(&findings, "BackupsUnread"), [""; 0], "it could only be one more");
    // Without one that is fresh, what was not read may be it.
    if let Reading::Read { value, .. } = &mut world.evidence.backups {
        value.snapshots.clear();
    }
    assert_eq!(backups(&world), "unknown BackupsUnread, warning BackupOld");
}

#[test]
fn copies_of_kubeadm_are_told_from_backups() {
    let mut world = snapshots(json!([]));
    assert!(!only(&check(&world), "BackupAbsent").why.contains("/etc/kubernetes/tmp"));
    world.facts("cp1", |facts| facts.backups.as_mut().unwrap().kubeadm_tmp_bytes = Some(1));
    assert!(only(&check(&world), "BackupAbsent").why.contains("kubeadm's copies in /etc/kubernetes/tmp"));
}
