//! What only a control plane has: certificates, static pods, etcd.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Flag, lenient_time, whole_number};
use crate::text::Text;

/// A certificate on the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Certificate {
    /// Its file; for a kubeconfig, the client certificate in it.
    pub path: Text,
    pub subject: Option<Text>,
    pub issuer: Option<Text>,
    #[serde(deserialize_with = "lenient_time")]
    pub not_after: Option<Timestamp>,
}

/// A file in the folder of static pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct StaticPod {
    pub path: Text,
    pub kind: Option<Text>,
    pub name: Option<Text>,
    pub namespace: Option<Text>,
    pub images: Vec<Text>,
    pub host_paths: Vec<Text>,
    /// Names of proxy variables in its environment.
    pub proxy_variables: Vec<Text>,
    pub flags: Vec<Flag>,
    pub sha256: Option<Text>,
    #[serde(deserialize_with = "lenient_time")]
    pub modified: Option<Timestamp>,
}

/// The member of etcd on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Etcd {
    /// Whether a static pod of etcd is here; if not, all else is empty.
    pub local: Option<bool>,
    /// The image in its manifest.
    pub image: Option<Text>,
    /// Its `--data-dir`.
    pub data_dir: Option<Text>,
    /// What that folder takes on the disk.
    pub data_bytes: Option<u64>,
    /// The size of the database file in it.
    pub db_file_bytes: Option<u64>,
    /// How its inside was read: `curl https://127.0.0.1:2379, metrics http://127.0.0.1:2381`.
    pub via: Option<Text>,
    /// All members, as this one knows them.
    pub members: Option<Vec<EtcdMember>>,
    /// What this member says of itself.
    pub status: Option<EtcdStatus>,
    /// Alarms that are raised, of any member.
    pub alarms: Option<Vec<EtcdAlarm>>,
    /// Its answer to `/health`.
    pub health: Option<EtcdHealth>,
    /// From its metrics.
    pub metrics: Option<EtcdMetrics>,
}

/// A member as the member list has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct EtcdMember {
    #[serde(rename = "ID", deserialize_with = "whole_number")]
    pub id: Option<u64>,
    /// Empty while a member was added and has not started yet.
    pub name: Text,
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<Text>,
    #[serde(rename = "clientURLs")]
    pub client_urls: Vec<Text>,
    pub is_learner: bool,
}

/// The answer of Maintenance/Status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct EtcdStatus {
    pub header: EtcdHeader,
    /// The version of this server.
    pub version: Option<Text>,
    /// Bytes.
    #[serde(deserialize_with = "whole_number")]
    pub db_size: Option<u64>,
    /// Bytes; the rest of `db_size` a defragmentation would give back.
    #[serde(deserialize_with = "whole_number")]
    pub db_size_in_use: Option<u64>,
    /// The id of the leader; 0 when there is none.
    #[serde(deserialize_with = "whole_number")]
    pub leader: Option<u64>,
    #[serde(deserialize_with = "whole_number")]
    pub raft_index: Option<u64>,
    #[serde(deserialize_with = "whole_number")]
    pub raft_applied_index: Option<u64>,
    #[serde(deserialize_with = "whole_number")]
    pub raft_term: Option<u64>,
    pub is_learner: bool,
    pub errors: Vec<Text>,
}

/// What each answer of etcd begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
#[allow(missing_docs)]
pub struct EtcdHeader {
    #[serde(deserialize_with = "whole_number")]
    pub cluster_id: Option<u64>,
    /// The member that answered.
    #[serde(deserialize_with = "whole_number")]
    pub member_id: Option<u64>,
    #[serde(deserialize_with = "whole_number")]
    pub revision: Option<u64>,
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
#[allow(missing_docs)]
pub struct EtcdAlarm {
    #[serde(rename = "memberID", deserialize_with = "whole_number")]
    pub member_id: Option<u64>,
    /// `NOSPACE`, `CORRUPT`; etcdctl has 1 and 2.
    #[serde(deserialize_with = "alarm_name")]
    pub alarm: Text,
}

/// The answer of `/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
#[allow(missing_docs)]
pub struct EtcdHealth {
    /// `true` or `false`, as a text.
    pub health: Text,
    pub reason: Option<Text>,
}

/// Values of etcd's metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct EtcdMetrics {
    pub server_version: Option<Text>,
    pub cluster_version: Option<Text>,
    pub db_size_bytes: Option<u64>,
    pub db_size_in_use_bytes: Option<u64>,
    pub quota_bytes: Option<u64>,
    pub has_leader: Option<bool>,
    pub is_leader: Option<bool>,
    pub is_learner: Option<bool>,
    pub leader_changes: Option<u64>,
}

/// An alarm's name, from its name or its number.
fn alarm_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Name(Text),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Number(1) => Text::new("NOSPACE"),
        Either::Number(2) => Text::new("CORRUPT"),
        Either::Number(number) => Text::new(&number.to_string()),
        Either::Name(name) => name,
    })
}
