use std::os::unix::fs::symlink;

use super::*;
use crate::hosts::probe;
use crate::hosts::shell::LocalShell;

/// A snapshot that etcdctl wrote: see the README beside it.
fn real() -> Vec<u8> {
    fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/etcd/snapshot.db")).unwrap()
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// Name, state and reason of each snapshot, by name.
fn judged(folder: &Path, go_on: &dyn Fn() -> bool) -> Vec<(String, SnapshotState, String)> {
    let scan = scan_dir(folder, go_on).unwrap();
    assert_eq!(scan.unread, []);
    let mut all: Vec<_> = scan
        .snapshots
        .iter()
        .map(|s| {
            let name = Path::new(&*s.path).strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            (name, s.state.unwrap(), s.why.as_deref().unwrap_or_default().to_owned())
        })
        .collect();
    all.sort();
    all
}

fn one(name: &str, bytes: &[u8]) -> (SnapshotState, String) {
    let folder = folder(&[(name, bytes)]);
    let (_, state, why) = judged(folder.path(), &|| true).remove(0);
    (state, why)
}

#[test]
fn a_snapshot_of_etcdctl_is_verified() {
    assert_eq!(one("snapshot.db", &real()), (SnapshotState::Verified, String::new()));
}

#[test]
fn damage_of_each_kind_is_seen() {
    let mut flipped = real();
    flipped[9000] ^= 1;
    assert_eq!(one("a.db", &flipped).0, SnapshotState::Unsound);
    let mut other_sum = real();
    *other_sum.last_mut().unwrap() ^= 1;
    assert_eq!(one("a.db", &other_sum).1, "its SHA-256 is not the one it ends with");
    let live_copy = &real()[..real().len() - 32];
    assert_eq!(one("a.db", live_copy).0, SnapshotState::Unsound);
    assert!(one("a.db", live_copy).1.contains("a copy of the live file"));
    // Cut off by whole sectors the size is right: only the sum tells.
    let cut = &real()[..real().len() - 512];
    assert_eq!(
        one("a.db", cut),
        (SnapshotState::Unsound, "its SHA-256 is not the one it ends with".to_owned())
    );
}

#[test]
fn what_is_no_database_is_not_called_broken() {
    for bytes in [&b""[..], b"SQLite format 3\0 and so on", &[0x1f, 0x8b, 8, 0], &MAGIC] {
        assert_eq!(one("app.db", bytes).0, SnapshotState::Unrecognised);
    }
}

#[test]
fn without_time_for_the_sum_it_is_saved_and_no_more() {
    let folder = folder(&[("a.snap", &real())]);
    let told = judged(folder.path(), &|| false);
    assert_eq!(told[0].1, SnapshotState::Saved);
    assert_eq!(told[0].2, "not checked: the time for sums was over");
}

#[test]
fn a_drill_counts_for_these_bytes_only() {
    let sum = hex(&real()[real().len() - 32..]);
    let record = |sha256: &str, result: &str| {
        serde_json::to_vec(&DrillRecord {
            schema_version: 1,
            snapshot: "a.db".into(),
            sha256: sha256.into(),
            result: result.into(),
            drilled_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        })
        .unwrap()
    };
    let state = |record: &[u8], go_on: bool| {
        let folder = folder(&[("a.db", &real()), ("a.db.kubelift-drill.json", record)]);
        judged(folder.path(), &move || go_on).remove(0)
    };
    assert_eq!(state(&record(&sum, "passed"), true).1, SnapshotState::Drilled);
    for (bytes, go_on, state_is, why) in [
        (record(&sum, "failed"), true, SnapshotState::Verified, "did not pass"),
        (record("00", "passed"), true, SnapshotState::Verified, "of other bytes"),
        (b"{".to_vec(), true, SnapshotState::Verified, "cannot be read"),
        (record(&sum, "passed"), false, SnapshotState::Saved, "time for sums was over; there is a record"),
    ] {
        let told = state(&bytes, go_on);
        assert_eq!(told.1, state_is);
        assert!(told.2.contains(why), "{}", told.2);
    }
}

#[test]
fn only_names_of_snapshots_are_looked_at_and_one_folder_deep() {
    let bytes = real();
    let names = ["a.db", "b.snap", "day/etcd-snapshot-1", "etcd-snapshot.db.gz", "notes.txt", "x/y/z.db"];
    let folder = folder(&names.map(|name| (name, &bytes[..])));
    let told: Vec<String> = judged(folder.path(), &|| true).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(told, ["a.db", "b.snap", "day/etcd-snapshot-1", "etcd-snapshot.db.gz"]);
}

#[test]
fn the_newest_comes_first_and_links_are_named_not_followed() {
    let bytes = real();
    let folder = folder(&[("old.db", &bytes), ("new.db", &bytes)]);
    let old = File::open(folder.path().join("old.db")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000)).unwrap();
    symlink("new.db", folder.path().join("latest.db")).unwrap();
    let scan = scan_dir(folder.path(), &|| true).unwrap();
    let names: Vec<_> = scan.snapshots.iter().map(|s| s.path.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["new.db", "old.db"]);
    assert_eq!(scan.snapshots[1].modified, Some("1970-01-12T13:46:40Z".parse().unwrap()));
    assert_eq!(scan.unread.len(), 1);
    assert!(scan.unread[0].to_string().contains("latest.db: not permitted on the node (a link"));
}

#[test]
fn a_folder_that_cannot_be_looked_at_is_an_error() {
    let folder = folder(&[("a", b"")]);
    let error = |path: &Path| scan_dir(path, &|| true).unwrap_err();
    assert!(matches!(error(&folder.path().join("b")), ScanError::Missing(_)));
    assert!(matches!(error(&folder.path().join("a")), ScanError::NotAFolder(_)));
}

#[tokio::test]
async fn the_probe_judges_alike() {
    let bytes = real();
    let mut damaged = bytes.clone();
    damaged[9000] ^= 1;
    let sum = hex(&bytes[bytes.len() - 32..]);
    let drill = format!(
        r#"{{"schemaVersion":1,"snapshot":"drilled.db","sha256":"{sum}","result":"passed","drilledAt":"2026-01-02T03:04:05Z"}}"#
    );
    let folder = folder(&[
        ("good.db", &bytes),
        ("damaged.db", &damaged),
        ("torn.snap", &bytes[..10000]),
        ("short.db", &MAGIC),
        ("empty-snapshot", b""),
        ("day/other-snapshot.gz", b"\x1f\x8b"),
        ("drilled.db", &bytes),
        ("drilled.db.kubelift-drill.json", drill.as_bytes()),
        ("other.db", &bytes),
        ("other.db.kubelift-drill.json", b"{}"),
    ]);
    let environment = vec![
        ("KUBELIFT_ROOT", String::new()),
        ("KUBELIFT_BACKUPS", folder.path().to_str().unwrap().to_owned()),
    ];
    let probed = probe::run(&LocalShell, environment).await.unwrap().facts.backups.unwrap().snapshots;
    let scanned = scan_dir(folder.path(), &|| true).unwrap().snapshots;
    let by_name = |snapshots: &[Snapshot]| {
        let mut told: Vec<_> =
            snapshots.iter().map(|s| (s.path.clone(), s.state, s.sha256.clone(), s.drilled_at)).collect();
        told.sort();
        told
    };
    assert_eq!(by_name(&probed), by_name(&scanned));
    assert_eq!(probed.len(), 8);
}
