//! A recording as a whole: written, read, torn, changed.

use super::*;
use crate::evidence::objects::{Node, Pod};
use crate::evidence::{Listing, Scope, Stamp};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn evidence() -> Evidence {
    let cluster = Cluster { name: "prod".into(), server: "10.0.0.1:6443".into(), ..Cluster::default() };
    Evidence::nothing(cluster, Scope::All, now())
}

fn written() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.recording");
    write_once(&path, &evidence(), None, now()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (folder, path, bytes)
}

#[test]
fn what_is_written_is_read() {
    let (folder, path, _) = written();
    let recording = read(&path).unwrap();
    assert_eq!(recording.chain, Chain::Whole);
    assert_eq!(recording.header.cluster, evidence().cluster);
    assert_eq!(serde_json::to_value(&recording.evidence).unwrap(), serde_json::to_value(evidence()).unwrap());
    // Nothing but the recording is left behind, and nobody else can read it.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777,
        0o600
    );
}

#[test]
fn without_its_closing_frame_it_is_cut() {
    let (_folder, path, bytes) = written();
    let second =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).nth(1).unwrap();
    for end in [second + 1, second + 5, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..end]).unwrap();
        assert_eq!(read(&path).unwrap().chain, Chain::Cut { frames: 2 }, "cut at {end}");
    }
    std::fs::write(&path, &bytes[..second - 3]).unwrap();
    assert!(matches!(read(&path), Err(RecordingError::Unreadable { .. })));
}

#[test]
fn what_follows_the_end_is_a_change() {
    let (_folder, path, mut bytes) = written();
    let line = bytes.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().to_vec();
    bytes.extend(line);
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(read(&path).unwrap().chain, Chain::Changed { frame: 3, .. }));
}

#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for content in [&b""[..], b"{}", b"{}\n", b"\x00\xff\n", b"{\"hash\":\"00\",\"frame\":{}}\n"] {
        std::fs::write(&path, content).unwrap();
        assert!(matches!(read(&path), Err(RecordingError::Unreadable { .. })), "{content:?}");
    }
    assert!(matches!(
        read(folder.path()),
        Err(RecordingError::Unreadable { .. } | RecordingError::Io { .. })
    ));
}

/// A time `seconds` after the beginning.
fn after(seconds: u64) -> Time {
    Time { mono: Duration::from_secs(1000 + seconds), wall: now() + Duration::from_secs(seconds) }
}

fn node(uid: u8, ready: bool) -> Node {
    let status = if ready { "True" } else { "False" };
    serde_json::from_value(json!({
        "metadata": {"name": format!("w{uid}"), "uid": format!("u-{uid}"), "labels": {"role": "x".repeat(90)}},
        "status": {"conditions": [{"type": "Ready", "status": status}]},
    }))
    .unwrap()
}

fn with_nodes(nodes: &[(u8, bool)]) -> Evidence {
    let mut evidence = evidence();
    let nodes = nodes.iter().map(|(uid, ready)| node(*uid, *ready)).collect();
    evidence.objects.nodes =
        Listing::complete("nodes", nodes, Stamp { at: now(), how: "GET /api/v1/nodes".into() });
    evidence
}

/// A session of a few minutes: states, entries, a failure, a confirmation.
fn session(path: &Path) -> Vec<u8> {
    let mut recorder = Recorder::create(path, &evidence().cluster, None, after(0)).unwrap();
    let many: Vec<(u8, bool)> = (0..20).map(|uid| (uid, true)).collect();
    for second in 0..12u8 {
        let mut nodes = many.clone();
        nodes[usize::from(second)].1 = false;
        let upgrade = json!({"step": second});
        let kept = recorder.state(&with_nodes(&nodes), &upgrade, after(u64::from(second))).unwrap();
        assert_eq!(kept, Kept::Written);
        let marks = Marks { failure: second == 5, confirmation: second == 3 };
        let entry =
            json!({"what": "step-begun", "step": "drain-w1", "text": format!("step {second}"), "more": 1});
        recorder.entry(&entry, marks, after(u64::from(second))).unwrap();
    }
    recorder.close(after(12)).unwrap();
    std::fs::read(path).unwrap()
}

fn in_a_folder() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.klrec");
    let bytes = session(&path);
    (folder, path, bytes)
}

#[test]
fn a_session_is_one_key_frame_and_what_changed_and_each_moment_is_found_again() {
    let (_folder, path, bytes) = in_a_folder();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.chain(), &Chain::Whole);
    let kinds: Vec<FrameKind> = reader.marks().map(|mark| mark.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == FrameKind::KeyFrame).count(), 1);
    assert_eq!(kinds.iter().filter(|kind| **kind == FrameKind::Difference).count(), 11);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    assert!(lines[3].len() < 700, "a difference costs what changed: {}", String::from_utf8_lossy(lines[3]));
    // In any order.
    for second in [7usize, 2, 2, 3, 11, 0, 10] {
        let moment = reader.moment(1 + 2 * second + 1).unwrap().unwrap();
        assert_eq!(moment.upgrade, json!({"step": second}));
        assert_eq!(moment.at, after(second as u64).wall);
        let not_ready = |node: &&Node| node.condition("Ready").is_some_and(|ready| ready.status == "False");
        let gone: Vec<_> = moment.evidence.objects.nodes.iter().filter(not_ready).collect();
        assert_eq!(gone.iter().map(|node| &*node.metadata.name).collect::<Vec<_>>(), [format!("w{second}")]);
    }
    assert!(reader.moment(0).unwrap().is_none(), "the header holds no state");
    assert_eq!(reader.entries().len(), 12);
    let (frame, told) = &reader.entries()[5];
    assert_eq!((&*told.what, told.step.as_deref(), &*told.text), ("step-begun", Some("drain-w1"), "step 5"));
    let mark = reader.marks().nth(*frame).unwrap();
    assert_eq!(mark.marks, Marks { failure: true, confirmation: false });
    assert_eq!((mark.mono, mark.wall), (Duration::from_secs(5), after(5).wall));
}

#[test]
fn what_did_not_change_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder =
        Recorder::create(&folder.path().join("a"), &evidence().cluster, None, after(0)).unwrap();
    assert_eq!(recorder.due_in(after(0).mono), Duration::ZERO);
    assert_eq!(recorder.state(&evidence(), &Value::Null, after(0)).unwrap(), Kept::Written);
    assert_eq!(recorder.due_in(after(0).mono), STATE_EVERY);
    assert_eq!(recorder.state(&evidence(), &Value::Null, after(1)).unwrap(), Kept::Same);
    assert_eq!(recorder.state(&evidence(), &json!(1), after(2)).unwrap(), Kept::Written);
}

#[test]
fn cut_anywhere_it_is_cut_and_never_called_changed() {
    let (_folder, path, bytes) = in_a_folder();
    let header = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let near_a_line = |end: &usize| bytes[end.saturating_sub(3)..bytes.len().min(end + 3)].contains(&b'\n');
    for end in (header..bytes.len()).filter(|end| end % 97 == 0 || near_a_line(end)) {
        let whole_lines = bytes[..end].iter().filter(|byte| **byte == b'\n').count() as u64;
        std::fs::write(&path, &bytes[..end]).unwrap();
        assert_eq!(Reader::open(&path).unwrap().chain(), &Chain::Cut { frames: whole_lines }, "cut at {end}");
    }
}

#[test]
fn secrets_are_taken_out_of_states_and_entries() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut recorder = Recorder::create(&path, &evidence().cluster, None, after(0)).unwrap();
    let said = "kubeadm join --token abcdef.0123456789abcdef";
    recorder.state(&evidence(), &json!({"output": said}), after(0)).unwrap();
    recorder.state(&evidence(), &json!({"output": [said]}), after(1)).unwrap();
    recorder.entry(&json!({"what": "x", "text": said}), Marks::default(), after(1)).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert!(reader.entries()[0].1.text.contains("[masked]"), "{:?}", reader.entries());
    for frame in [1, 2] {
        let upgrade = reader.moment(frame).unwrap().unwrap().upgrade.to_string();
        assert!(upgrade.contains("[masked]") && !upgrade.contains("0123456789abcdef"), "{upgrade}");
    }
}

#[test]
fn nothing_is_replaced() {
    let (_folder, path, bytes) = written();
    let again = Recorder::create(&path, &evidence().cluster, None, after(0));
    assert!(matches!(again, Err(RecordingError::Io { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// A disk that is full after so many bytes.
struct Small(File, usize);

impl Sink for Small {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let fits = line.len().min(self.1);
        self.1 -= fits;
        self.0.append(&line[..fits])?;
        if fits < line.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }
}

#[test]
fn after_half_a_line_nothing_is_written_and_what_is_there_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let disk = Box::new(Small(File::create(&path).unwrap(), 3000));
    let mut recorder = Recorder::begin(&path, disk, &evidence().cluster, None, after(0)).unwrap();
    let entry = json!({"what": "x", "text": "y".repeat(1500)});
    assert!(recorder.entry(&entry, Marks::default(), after(1)).is_ok());
    assert!(recorder.entry(&entry, Marks::default(), after(2)).is_err());
    assert!(recorder.entry(&json!(1), Marks::default(), after(3)).is_err());
    assert!(recorder.close(after(4)).is_err());
    assert_eq!(Reader::open(&path).unwrap().chain(), &Chain::Cut { frames: 2 });
}

#[test]
fn a_recording_of_the_first_form_still_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old");
    let header = json!({"format": 1, "kubelift": "0.1.0", "cluster": evidence().cluster, "target": null, "redaction": "version 1"});
    let mut bytes = Vec::new();
    let mut hash = [0; 32];
    for (seq, kind, payload) in [
        (0, "header", header),
        (1, "key-frame", serde_json::to_value(evidence()).unwrap()),
        (2, "close", Value::Null),
    ] {
        let frame =
            json!({"seq": seq, "mono": 0, "wall": now(), "kind": kind, "payload": payload}).to_string();
        hash = frame::chain(&hash, frame.as_bytes());
        bytes.extend(format!("{{\"hash\":\"{}\",\"frame\":{frame}}}\n", frame::hex(&hash)).into_bytes());
    }
    std::fs::write(&path, bytes).unwrap();
    let recording = read(&path).unwrap();
    assert_eq!(recording.chain, Chain::Whole);
    assert_eq!(recording.evidence.cluster, evidence().cluster);
}

/// Lines whose hashes hold, of frames as they are given.
fn forged(frames: &[Value]) -> Vec<u8> {
    let header = json!({"format": FORMAT, "kubelift": "x", "cluster": {}, "target": null, "redaction": ""});
    let header = json!({"kind": "header", "payload": header});
    let mut hash = [0; 32];
    let mut bytes = Vec::new();
    for (seq, frame) in std::iter::once(&header).chain(frames).enumerate() {
        let mut frame = frame.clone();
        frame["seq"] = json!(seq);
        frame["mono"] = json!(0);
        frame["wall"] = json!(now());
        let frame = frame.to_string();
        hash = frame::chain(&hash, frame.as_bytes());
        bytes.extend(format!("{{\"hash\":\"{}\",\"frame\":{frame}}}\n", frame::hex(&hash)).into_bytes());
    }
    bytes
}

#[test]
fn frames_that_do_not_fit_are_changes_though_their_hashes_hold() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged");
    let key = json!({"kind": "key-frame", "payload": {"evidence": evidence(), "upgrade": null}});
    let close = json!({"kind": "close", "payload": null});
    for wrong in [
        json!({"kind": "difference", "payload": {"{}": {"-": ["nothing"]}}}),
        json!({"kind": "difference", "payload": {"unheard": 1}}),
        json!({"kind": "difference", "packed": "H4sI"}),
        json!({"kind": "difference", "packed": "%"}),
    ] {
        std::fs::write(&path, forged(&[key.clone(), wrong.clone(), close.clone()])).unwrap();
        let recording = read(&path).unwrap();
        assert!(matches!(recording.chain, Chain::Changed { frame: 2, .. }), "{wrong}: {:?}", recording.chain);
        // Without a state before it, it cannot hold at all.
        std::fs::write(&path, forged(&[wrong, close.clone()])).unwrap();
        assert!(matches!(read(&path), Err(RecordingError::Unreadable { .. })));
    }
    // Deeper than any stack.
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    let frame =
        format!("{{\"kind\":\"entry\",\"mono\":0,\"seq\":1,\"wall\":\"{}\",\"payload\":{deep}}}", now());
    let mut bytes = forged(&[]);
    let before = bytes.len();
    let mut hash = [0; 32];
    let head = &bytes[..before];
    hash = frame::chain(&hash, frame::split(head).unwrap().1);
    hash = frame::chain(&hash, frame.as_bytes());
    bytes.extend(format!("{{\"hash\":\"{}\",\"frame\":{frame}}}\n", frame::hex(&hash)).into_bytes());
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(Reader::open(&path).unwrap().chain(), Chain::Changed { frame: 1, .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_flipped_bit_is_found(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (_folder, path, mut bytes) = written();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        std::fs::write(&path, bytes).unwrap();
        match read(&path) {
            Ok(recording) => prop_assert_ne!(recording.chain, Chain::Whole),
            Err(RecordingError::Unreadable { .. }) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn a_flipped_byte_is_found_in_every_kind_of_frame(at in any::<prop::sample::Index>(), flip in 1u8..=255) {
        static SESSION: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = SESSION.get_or_init(|| in_a_folder().2).clone();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flipped");
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        std::fs::write(&path, bytes).unwrap();
        match Reader::open(&path) {
            Ok(reader) => prop_assert_ne!(reader.chain(), &Chain::Whole),
            Err(RecordingError::Unreadable { .. }) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn pods_that_stay_come_go_move_and_change_are_given_back(
        states in prop::collection::vec(prop::collection::vec((0u8..12, 0u8..2), 0..14), 1..10),
    ) {
        let pod = |uid: u8, phase: u8| -> Arc<Pod> {
            Arc::new(serde_json::from_value(json!({
                "metadata": {"name": format!("web-{uid}"), "uid": format!("u-{uid}")}, "status": {"phase": phase.to_string()},
            })).unwrap())
        };
        // The same object where nothing changed, as the reader of a cluster hands them on.
        let pods: Vec<[Arc<Pod>; 2]> = (0..12).map(|uid| [pod(uid, 0), pod(uid, 1)]).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut recorder = Recorder::create(&path, &evidence().cluster, None, after(0)).unwrap();
        let mut written = Vec::new();
        for (second, state) in (0u64..).zip(states) {
            let mut evidence = evidence();
            evidence.objects.pods.items =
                state.iter().map(|(uid, phase)| Arc::clone(&pods[usize::from(*uid)][usize::from(*phase)])).collect();
            if recorder.state(&evidence, &Value::Null, after(second)).unwrap() == Kept::Written {
                written.push(serde_json::to_value(evidence).unwrap());
            }
        }
        let mut reader = Reader::open(&path).unwrap();
        for (visit, state) in written.iter().enumerate() {
            let moment = reader.moment(visit + 1).unwrap().unwrap();
            prop_assert_eq!(&serde_json::to_value(moment.evidence).unwrap(), state);
        }
    }

    #[test]
    fn a_file_of_frames_gives_back_each_state(
        states in prop::collection::vec((prop::collection::btree_map(0u8..20, any::<bool>(), 0..20), 0u8..4), 1..12),
        visits in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut recorder = Recorder::create(&path, &evidence().cluster, None, after(0)).unwrap();
        let mut written = Vec::new();
        for (second, (nodes, step)) in (0u64..).zip(states) {
            let nodes: Vec<(u8, bool)> = nodes.into_iter().collect();
            let (evidence, upgrade) = (with_nodes(&nodes), json!({"step": step}));
            if recorder.state(&evidence, &upgrade, after(second)).unwrap() == Kept::Written {
                written.push((serde_json::to_value(evidence).unwrap(), upgrade));
            }
        }
        let mut reader = Reader::open(&path).unwrap();
        prop_assert_eq!(reader.chain(), &Chain::Cut { frames: 1 + written.len() as u64 });
        let visits = visits.iter().map(|visit| visit.index(written.len())).chain(0..written.len()).collect::<Vec<_>>();
        for visit in visits {
            let moment = reader.moment(visit + 1).unwrap().unwrap();
            prop_assert_eq!(&serde_json::to_value(moment.evidence).unwrap(), &written[visit].0);
            prop_assert_eq!(&moment.upgrade, &written[visit].1);
        }
    }
}
