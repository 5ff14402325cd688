use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use super::*;

fn node(name: &str, boot_id: &str, machine_id: &str) -> NodeIdentity {
    NodeIdentity { name: name.into(), boot_id: boot_id.into(), machine_id: machine_id.into() }
}

fn document(boot_id: &str, machine_id: &str, second: u8) -> String {
    format!(
        r#"{{"schemaVersion":1,"probe":"kubelift","bootId":"{boot_id}","machineId":"{machine_id}","collectedAt":"2026-01-01T00:00:{second:02}Z"}}"#
    )
}

fn loaded(file: &str, json: &str) -> Loaded {
    Loaded { file: file.into(), facts: probe::parse(json.as_bytes()).map(Arc::new).map_err(FactsError::from) }
}

/// The file that a node's facts came from, or why it has none.
fn told(assigned: &Assigned, node: &str) -> String {
    match &assigned.nodes[node] {
        Reading::Read { stamp, .. } => stamp.how.to_string(),
        Reading::Unread(unread) => unread.message.to_string(),
    }
}

fn strays(assigned: &Assigned) -> Vec<String> {
    assigned.strays.iter().map(ToString::to_string).collect()
}

#[test]
fn facts_go_to_the_node_with_their_boot_id_whatever_the_file_is_called() {
    let nodes = [node("w1", "b1", "m1"), node("w2", "b2", "m2"), node("w3", "b3", "m3")];
    let files = vec![loaded("w2.json", &document("b1", "m1", 0)), loaded("x", &document("b2", "m2", 0))];
    let assigned = assign(&nodes, files);
    assert_eq!(told(&assigned, "w1"), "probe w2.json");
    assert_eq!(told(&assigned, "w2"), "probe x");
    assert_eq!(told(&assigned, "w3"), "no file has its boot id");
    assert!(assigned.strays.is_empty() && assigned.superseded.is_empty());
}

#[test]
fn machines_of_one_image_are_not_taken_for_each_other() {
    let nodes = [node("w1", "here", "m1"), node("w2", "there", "m1")];
    let assigned = assign(
        &nodes,
        vec![loaded("a", &document("here", "m1", 0)), loaded("b", &document("before", "m1", 0))],
    );
    assert_eq!(told(&assigned, "w1"), "probe a");
    assert_eq!(told(&assigned, "w2"), "no file has its boot id");
    assert_eq!(strays(&assigned), ["probe node facts of b: absent (no node has its boot id before)"]);
}

#[test]
fn a_reboot_and_another_cluster_are_told_apart() {
    let nodes = [node("w1", "after", "m1")];
    let files = vec![loaded("a", &document("before", "m1", 0)), loaded("b", &document("other", "m9", 0))];
    let assigned = assign(&nodes, files);
    assert_eq!(told(&assigned, "w1"), "a: w1 was booted anew since: probe it again");
    assert_eq!(
        strays(&assigned),
        [
            "probe node facts of a: absent (w1 was booted anew since: probe it again)",
            "probe node facts of b: absent (no node has its boot id other)",
        ]
    );
}

#[test]
fn nodes_that_share_one_kernel_are_told_apart_by_machine_id() {
    let nodes = [node("kind-1", "b", "m1"), node("kind-2", "b", "m2")];
    let files = vec![loaded("a", &document("b", "m2", 0)), loaded("host", &document("b", "m0", 0))];
    let assigned = assign(&nodes, files);
    assert_eq!(told(&assigned, "kind-1"), "no file has its boot id");
    assert_eq!(told(&assigned, "kind-2"), "probe a");
    assert!(strays(&assigned)[0].contains("inside a container"));
}

#[test]
fn a_probe_from_inside_a_container_is_not_its_nodes() {
    let assigned = assign(&[node("w1", "b1", "m1")], vec![loaded("pod.json", &document("b1", "m9", 0))]);
    assert!(told(&assigned, "w1").contains("pod.json: the boot id is right, the machine id is not"));
}

#[test]
fn the_newer_of_two_is_taken_in_any_order_and_the_other_is_named() {
    let old = || loaded("old", &document("b1", "m1", 1));
    let new = || loaded("new", &document("b1", "m1", 2));
    for files in [vec![old(), new()], vec![new(), old()]] {
        let assigned = assign(&[node("w1", "b1", "m1")], files);
        assert_eq!(told(&assigned, "w1"), "probe new");
        let superseded = Superseded { node: "w1".into(), file: "old".into(), by: "new".into() };
        assert_eq!(assigned.superseded, [superseded]);
    }
}

#[test]
fn what_has_no_boot_id_or_a_root_of_its_own_is_a_stray() {
    let nodes = [node("w1", "", "m1")];
    let mounted = r#"{"probe":"kubelift","root":"/mnt","bootId":"b1"}"#;
    let assigned = assign(&nodes, vec![loaded("a", &document("", "m1", 0)), loaded("b", mounted)]);
    assert!(strays(&assigned)[0].contains("it has no boot id"));
    assert!(strays(&assigned)[1].contains("mounted at /mnt"));
    assert_eq!(told(&assigned, "w1"), "no file has its boot id");
}

#[test]
fn a_folder_of_hostile_files_gives_an_error_for_each() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.json"), document("b", "m", 0)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("good"), document("b1", "m1", 0)).unwrap();
    fs::write(at(".hidden"), "x").unwrap();
    fs::write(at("bad.json"), "{\"probe\":\"kubelift\",\"disk\":{}}").unwrap();
    fs::write(at("binary"), [0xff, 0, 0x1b]).unwrap();
    let file = File::create(at("huge.json")).unwrap();
    file.set_len(SIZE_LIMIT + 1).unwrap();
    fs::create_dir(at("inner")).unwrap();
    symlink("good", at("inside")).unwrap();
    symlink(outside.path().join("secret.json"), at("outside")).unwrap();
    symlink("/dev/zero", at("device")).unwrap();
    symlink("nothing", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let told: Vec<String> = load_dir(folder.path(), &mut Parsed::default())
        .unwrap()
        .iter()
        .map(|loaded| match &loaded.facts {
            Ok(facts) => format!("{}: {}", loaded.file, facts.boot_id.as_ref().unwrap()),
            Err(error) => format!("{}: {error}", loaded.file),
        })
        .collect();
    let starts = [
        "bad.json: not a document of the probe: invalid type: map, expected a sequence",
        "binary: not a document of the probe: expected value at line 1",
        "dangling: a link that leads out of the folder",
        "device: a link that leads out of the folder",
        "good: b1",
        "huge.json: larger than",
        "inside: b1",
        "loop: cannot read it:",
        "outside: a link that leads out of the folder",
        "socket: not a plain file",
    ];
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = load_dir(Path::new("/nowhere/at-all"), &mut Parsed::default()).unwrap_err().to_string();
    assert!(error.starts_with("cannot list /nowhere/at-all: No such file"), "{error}");
}

/// A file as if it had been written then.
fn written(path: &Path, json: &str, at: SystemTime) {
    fs::write(path, json).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

/// The one document of a folder, and its boot id.
fn the_one(folder: &Path, parsed: &mut Parsed) -> (Arc<NodeFacts>, String) {
    let facts = load_dir(folder, parsed).unwrap().remove(0).facts.unwrap();
    let boot = facts.boot_id.as_ref().unwrap().to_string();
    (facts, boot)
}

#[test]
fn a_file_is_parsed_again_when_it_was_written_again_only() {
    let (folder, mut parsed) = (tempfile::tempdir().unwrap(), Parsed::default());
    let path = folder.path().join("a");
    let before = SystemTime::now() - Duration::from_secs(60);
    written(&path, &document("b1", "m1", 0), before);
    let (first, _) = the_one(folder.path(), &mut parsed);
    let (same, _) = the_one(folder.path(), &mut parsed);
    assert!(Arc::ptr_eq(&first, &same));
    for (boot, at) in [("b2", before + Duration::from_nanos(1)), ("b3-longer", before)] {
        written(&path, &document(boot, "m1", 0), at);
        assert_eq!(the_one(folder.path(), &mut parsed).1, boot);
    }
    // A link to another file, of the same size and time.
    let inner = folder.path().join(".inner");
    written(&inner, &document("b4-longer", "m1", 0), before);
    fs::remove_file(&path).unwrap();
    symlink(".inner", &path).unwrap();
    assert_eq!(the_one(folder.path(), &mut parsed).1, "b4-longer");
    fs::remove_file(&path).unwrap();
    assert_eq!(
        (load_dir(folder.path(), &mut parsed).unwrap().len(), parsed.len()),
        (0, 0),
        "it is forgotten"
    );
}

#[test]
fn what_was_just_written_may_be_written_again_and_look_the_same() {
    let (folder, mut parsed) = (tempfile::tempdir().unwrap(), Parsed::default());
    let now = SystemTime::now() + Duration::from_secs(1);
    for boot in ["b1", "b2"] {
        written(&folder.path().join("a"), &document(boot, "m1", 0), now);
        assert_eq!(the_one(folder.path(), &mut parsed).1, boot);
    }
}
