//! The journal: what is in it when it is opened again, and what is refused.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::*;
use crate::actions::plan::Settings;
use crate::actions::testing::{Memory, SetClock};

fn open(store: &Arc<Memory>) -> Result<Journal, JournalError> {
    Journal::open(Arc::clone(store) as Arc<dyn Store>, Arc::new(SetClock::default()), "me@desk")
}

fn began(step: &str) -> What {
    What::Began { step: step.to_owned(), nonce: "n1".into(), commands: vec!["true".to_owned()] }
}

fn written() -> Arc<Memory> {
    let store = Arc::new(Memory::default());
    let mut journal = open(&store).unwrap();
    journal.write(began("package/w1")).unwrap();
    journal.write(What::Said { step: "package/w1".to_owned() }).unwrap();
    journal.write(What::Skipped { step: "pull/cp1".to_owned(), reason: "no registry".to_owned() }).unwrap();
    store
}

#[test]
fn what_was_decided_is_there_again() {
    let journal = open(&written()).unwrap();
    let decisions = journal.decisions();
    let attempt = decisions.attempt("package/w1").unwrap();
    assert_eq!((attempt.nonce.as_str(), attempt.said), ("n1", true));
    assert_eq!(decisions.skipped["pull/cp1"], "no registry");
    assert_eq!((journal.entries().len(), journal.was_torn()), (3, false));
}

#[test]
fn another_target_is_another_upgrade_whose_decisions_are_its_own() {
    let store = written();
    let opened = |target: &str| What::Opened {
        kubelift: "0".into(),
        owner: "me@desk".into(),
        from: None,
        target: target.parse().unwrap(),
        settings: Settings::default(),
    };
    let mut journal = open(&store).unwrap();
    journal.write(opened("1.31.14")).unwrap();
    journal.write(began("package/w1")).unwrap();
    journal.write(opened("1.31.14")).unwrap();
    assert!(journal.decisions().attempt("package/w1").is_some(), "the same upgrade goes on");
    assert_eq!(journal.upgrade().len(), 3);
    journal.write(opened("1.32.9")).unwrap();
    for journal in [journal, open(&store).unwrap()] {
        assert_eq!((journal.entries().len(), journal.upgrade().len()), (7, 1));
        let decisions = journal.decisions();
        assert!(decisions.attempts.is_empty() && decisions.skipped.is_empty(), "{decisions:?}");
        assert_eq!(decisions.owner, "me@desk", "its cordons are still its own");
    }
}

#[test]
fn a_torn_end_is_cut_off_and_said_and_the_journal_goes_on() {
    let store = written();
    let whole = store.bytes.lock().unwrap().len();
    store.bytes.lock().unwrap().extend_from_slice(b"0123456789abcdef {\"at\":\"2026");
    let mut journal = open(&store).unwrap();
    assert!(journal.was_torn());
    assert_eq!(store.bytes.lock().unwrap().len(), whole);
    journal.write(What::Stopped).unwrap();
    assert_eq!(open(&store).unwrap().entries().len(), 4);
}

#[test]
fn after_a_write_that_failed_nothing_more_is_written() {
    let store = written();
    let mut journal = open(&store).unwrap();
    store.full.store(true, Ordering::SeqCst);
    assert!(journal.write(What::Stopped).is_err());
    store.full.store(false, Ordering::SeqCst);
    assert!(journal.write(What::Stopped).is_err(), "half an entry may be on the disk");
}

#[test]
fn secrets_are_not_written() {
    let store = Arc::new(Memory::default());
    let mut journal = open(&store).unwrap();
    let line = "kubeadm join 10.0.0.1:6443 --token abcdef.0123456789abcdef";
    journal
        .write(What::Began { step: "x".to_owned(), nonce: "n".into(), commands: vec![line.to_owned()] })
        .unwrap();
    let text = String::from_utf8(store.bytes.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("0123456789abcdef\""), "{text}");
}

#[test]
fn one_kubelift_at_a_time_holds_a_clusters_folder() {
    let state = tempfile::tempdir().unwrap();
    let held = Folder::open(state.path(), "6f0a-../../x").unwrap();
    assert_eq!(held.path(), state.path().join("6f0a-x"), "a UID makes no path");
    let again = Folder::open(state.path(), "6f0a-x").unwrap_err();
    assert!(matches!(again, FolderError::Held { .. }), "{again}");
    drop(held);
    Folder::open(state.path(), "6f0a-x").unwrap();
}

#[cfg(unix)]
#[test]
fn its_files_are_its_owners_only_and_no_links() {
    use std::os::unix::fs::PermissionsExt;
    let state = tempfile::tempdir().unwrap();
    let folder = Folder::open(state.path(), "uid").unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder.path()), mode(&folder.path().join("journal"))), (0o700, 0o600));
    let other = state.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", other.join("journal")).unwrap();
    assert!(Folder::open(state.path(), "other").is_err());
}

proptest! {
    /// A journal that was changed is refused: the first line that is not what was written is named.
    #[test]
    fn a_changed_byte_is_found(at in any::<prop::sample::Index>(), flip in 1u8..) {
        let store = written();
        {
            let mut bytes = store.bytes.lock().unwrap();
            // The last line feed makes a torn end of the last line, which is cut off: no damage.
            let index = at.index(bytes.len() - 1);
            bytes[index] ^= flip;
        }
        let opened = open(&store);
        prop_assert!(matches!(opened, Err(JournalError::Damaged { .. })), "{:?}", opened.map(|j| j.entries().len()));
    }
}
