//! Backups of etcd, and how far each can be trusted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{known_word, lenient_time};
use crate::text::Text;

/// Where backups of etcd were looked for, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Backups {
    /// Every folder that was looked at.
    pub looked: Vec<Looked>,
    /// What may be a snapshot in them, the newest of each folder first.
    pub snapshots: Vec<Snapshot>,
    /// The size of `/etc/kubernetes/tmp`, where kubeadm leaves copies of etcd's live folder. They are no backups.
    pub kubeadm_tmp_bytes: Option<u64>,
}

/// One folder that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Looked {
    /// The folder.
    pub path: Text,
    /// `read`, `absent`, `unreadable`.
    pub state: Text,
}

/// A file that may be a snapshot of etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    /// The file.
    pub path: Text,
    /// Its size.
    pub size_bytes: Option<u64>,
    /// When it was last written: the age of the backup, for the file itself does not say.
    #[serde(deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// What is known of it; none when it could not be read, and for a word that this program does not know.
    #[serde(deserialize_with = "known_word", skip_serializing_if = "Option::is_none")]
    pub state: Option<SnapshotState>,
    /// Why it is not more than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Text>,
    /// The SHA-256 that it ends with, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Text>,
    /// When a restore of it was tried, if it is [`SnapshotState::Drilled`].
    #[serde(deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub drilled_at: Option<Timestamp>,
}

/// How far a snapshot can be trusted, from the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotState {
    /// It does not begin as a bbolt file: not a snapshot of etcd, or packed.
    Unrecognised,
    /// It begins as one, but the sum at its end is not there or not right: a copy of the live file, cut off or damaged.
    Unsound,
    /// It has the form of a snapshot; its sum was not compared.
    Saved,
    /// Its sum is right.
    Verified,
    /// Its sum is right, and a restore of these bytes was tried and went well.
    Drilled,
}
