//! Snapshots of etcd in a folder of this machine, judged as the probe judges them on a node.
//!
//! A snapshot is a bbolt file (its magic after the first page's header of 16 bytes) and, as the last 32 bytes, the
//! SHA-256 of that file; so its size is 32 more than whole sectors. `etcdctl snapshot status` compares no sum.

use std::cmp::Reverse;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::chain::hex;
use crate::evidence::node_facts::{Snapshot, SnapshotState};
use crate::evidence::{Reason, Unread};
use crate::text::Text;

/// No more files are judged than this, the newest first.
pub const FILE_LIMIT: usize = 400;

/// bbolt's magic, 0xED0CDAED, as it stands in a file of a little-endian machine.
const MAGIC: [u8; 4] = [0xED, 0xDA, 0x0C, 0xED];
/// Where the magic stands: after the header of the first page.
const MAGIC_AT: u64 = 16;
/// The length of a SHA-256.
const SUM: u64 = 32;

/// The record of a drill, in `SNAPSHOT.kubelift-drill.json` beside the snapshot. It counts only for a snapshot that
/// has these bytes still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillRecord {
    /// 1
    pub schema_version: u32,
    /// The snapshot's file name.
    pub snapshot: Text,
    /// The sum that the snapshot ends with, in lower-case hexadecimal.
    pub sha256: Text,
    /// `passed`, or another word for a drill that did not.
    pub result: Text,
    /// When it ended.
    pub drilled_at: Timestamp,
}

/// Why a folder could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// There is none.
    #[error("there is no folder {}", .0.display())]
    Missing(PathBuf),
    /// It is something else.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// It may not be listed, or the disk failed.
    #[error("cannot list {}: {source}", .path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Scan {
    /// What may be a snapshot, the newest first.
    pub snapshots: Vec<Snapshot>,
    /// What could not be looked at.
    pub unread: Vec<Unread>,
}

/// Judges every file of `folder` and of the folders in it that is called `*.db`, `*.snap` or `*snapshot*`. Links are
/// not followed. `go_on` is asked before each piece of a file: once it says no, sums are no longer compared, and what
/// is left is [`SnapshotState::Saved`] at most.
pub fn scan_dir(folder: &Path, go_on: &dyn Fn() -> bool) -> Result<Scan, ScanError> {
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ScanError::Missing(folder.into()));
        }
        Ok(found) if !found.is_dir() => return Err(ScanError::NotAFolder(folder.into())),
        _ => {}
    }
    let mut scan = Scan::default();
    let mut files = Vec::new();
    let mut folders = Vec::new();
    let denied = |source| ScanError::Io { path: folder.into(), source };
    list(folder, &mut files, &mut folders, &mut scan.unread).map_err(denied)?;
    for inner in folders {
        if let Err(error) = list(&inner, &mut files, &mut Vec::new(), &mut scan.unread) {
            scan.unread.push(unread(&inner, &error.to_string()));
        }
    }
    files.sort_by_key(|(path, found)| (Reverse(found.mtime()), path.clone()));
    for (path, _) in files.split_off(files.len().min(FILE_LIMIT)) {
        scan.unread.push(unread(&path, &format!("{FILE_LIMIT} newer files were judged before it")));
    }
    for (path, found) in files {
        match judge(&path, &found, go_on) {
            Ok(snapshot) => scan.snapshots.push(snapshot),
            Err(error) => scan.unread.push(unread(&path, &error.to_string())),
        }
    }
    Ok(scan)
}

fn unread(path: &Path, why: &str) -> Unread {
    Unread::new("stat", "backups", Reason::NotPermittedOnNode, why).of(&path.to_string_lossy())
}

type Found = Vec<(PathBuf, Metadata)>;

fn list(
    folder: &Path,
    files: &mut Found,
    folders: &mut Vec<PathBuf>,
    gaps: &mut Vec<Unread>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = match path.symlink_metadata() {
            Ok(found) => found,
            Err(error) => {
                gaps.push(unread(&path, &error.to_string()));
                continue;
            }
        };
        if found.is_dir() {
            folders.push(path);
        } else if may_be_snapshot(&path) {
            if found.is_symlink() {
                gaps.push(unread(&path, "a link: it was not followed"));
            } else if found.is_file() {
                files.push((path, found));
            }
        }
    }
    Ok(())
}

fn may_be_snapshot(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.ends_with(DRILL_ENDING)
        && (name.ends_with(".db") || name.ends_with(".snap") || name.contains("snapshot"))
}

/// How the name of a drill's record ends.
const DRILL_ENDING: &str = ".kubelift-drill.json";

fn judge(path: &Path, found: &Metadata, go_on: &dyn Fn() -> bool) -> io::Result<Snapshot> {
    let mut file = File::open(path)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (found.dev(), found.ino()) {
        return Err(io::Error::other("it was replaced while it was looked at"));
    }
    let mut snapshot = Snapshot {
        path: Text::new(&path.to_string_lossy()),
        size_bytes: Some(opened.len()),
        modified: opened.modified().ok().and_then(|time| Timestamp::try_from(time).ok()),
        ..Snapshot::default()
    };
    let mut judged = |state, why: &str| {
        snapshot.state = Some(state);
        snapshot.why = (!why.is_empty()).then(|| Text::new(why));
    };
    if opened.len() < MAGIC_AT + 4 || read_at::<4>(&mut file, MAGIC_AT)? != MAGIC {
        judged(SnapshotState::Unrecognised, "it does not begin as a bbolt file");
        return Ok(snapshot);
    }
    if opened.len() % 512 != SUM {
        judged(
            SnapshotState::Unsound,
            "its size is not whole sectors and 32 bytes: a copy of the live file, or cut off",
        );
        return Ok(snapshot);
    }
    let body = opened.len() - SUM;
    let last = read_at::<32>(&mut file, body)?;
    file.rewind()?;
    let sum = digest(&mut file.by_ref().take(body), go_on)?;
    let now = file.metadata()?;
    match sum {
        _ if (now.len(), now.mtime(), now.mtime_nsec())
            != (opened.len(), opened.mtime(), opened.mtime_nsec()) =>
        {
            judged(SnapshotState::Saved, "not checked: it is being written");
        }
        None => judged(SnapshotState::Saved, "not checked: the time for sums was over"),
        Some(sum) if sum != last => judged(SnapshotState::Unsound, "its SHA-256 is not the one it ends with"),
        Some(_) => judged(SnapshotState::Verified, ""),
    }
    if snapshot.state != Some(SnapshotState::Unsound) {
        snapshot.sha256 = Some(Text::new(&hex(&last)));
    }
    drilled(path, &mut snapshot);
    Ok(snapshot)
}

fn read_at<const N: usize>(file: &mut File, at: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The SHA-256 of all that `from` gives, or none when it was called off.
fn digest(from: &mut impl Read, go_on: &dyn Fn() -> bool) -> io::Result<Option<[u8; 32]>> {
    let mut context = Context::new(&SHA256);
    let mut piece = vec![0; 256 * 1024];
    loop {
        if !go_on() {
            return Ok(None);
        }
        let length = from.read(&mut piece)?;
        if length == 0 {
            return Ok(context.finish().as_ref().try_into().ok());
        }
        context.update(piece.get(..length).unwrap_or_default());
    }
}

/// Takes the record of a drill into account, when there is one beside the snapshot.
fn drilled(path: &Path, snapshot: &mut Snapshot) {
    let mut name = path.as_os_str().to_owned();
    name.push(DRILL_ENDING);
    let record = Path::new(&name);
    if !record.symlink_metadata().is_ok_and(|found| found.is_file()) {
        return;
    }
    let why = match read_record(record) {
        _ if snapshot.state != Some(SnapshotState::Verified) => {
            "there is a record of a drill, but the sum was not found right"
        }
        None => "there is a record of a drill, but it cannot be read",
        Some(record) if snapshot.sha256.as_ref() != Some(&record.sha256) => {
            "there is a record of a drill, but of other bytes"
        }
        Some(record) if record.result != "passed" => "the drill that is recorded beside it did not pass",
        Some(record) => {
            snapshot.state = Some(SnapshotState::Drilled);
            snapshot.drilled_at = Some(record.drilled_at);
            return;
        }
    };
    snapshot.why = Some(match &snapshot.why {
        Some(other) => Text::new(&format!("{other}; {why}")),
        None => Text::new(why),
    });
}

fn read_record(path: &Path) -> Option<DrillRecord> {
    let mut json = Vec::new();
    File::open(path).ok()?.take(64 * 1024).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
#[path = "backups_tests.rs"]
mod tests;
