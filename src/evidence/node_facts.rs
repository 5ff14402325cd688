//! What only a machine itself can say of itself: the document that `src/hosts/probe.sh` prints.
//!
//! Every field may be missing, for an older or newer probe, and for a probe without rights. A missing section is
//! never "none": [`NodeFacts::read`] gives it as [`Known::Unread`] with the probe's own reason. Unknown fields
//! are ignored. Names are those of the document, in Rust's spelling; sizes are bytes, times are UTC.

mod backups;
mod control_plane;
mod programs;
mod system;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

pub use self::backups::*;
pub use self::control_plane::*;
pub use self::programs::*;
pub use self::system::*;
use crate::text::Text;

/// The version of the probe's document that this program knows. A field is added without raising it.
pub const SCHEMA_VERSION: u32 = 1;

/// A fact that was read, read in part, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<'a, T> {
    /// All of it was read.
    Read(&'a T),
    /// This was read, and for the reason given there may be more.
    Partly(&'a T, &'a str),
    /// Nothing was read, for the reason given.
    Unread(&'a str),
}

impl<'a, T> Known<'a, T> {
    /// What was read, all or in part.
    pub fn value(&self) -> Option<&'a T> {
        match self {
            Known::Read(value) | Known::Partly(value, _) => Some(value),
            Known::Unread(_) => None,
        }
    }

    /// Why not all of it was read.
    pub fn reason(&self) -> Option<&'a str> {
        match self {
            Known::Read(_) => None,
            Known::Partly(_, reason) | Known::Unread(reason) => Some(reason),
        }
    }
}

/// One thing that the probe could not see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadFact {
    /// The path of the field in the document, such as `appArmor.profiles`; it stands for all below it. Where the
    /// field is a list, what is missing from it may follow after a blank: `backups /srv/backup`.
    pub what: Text,
    /// Why, in words.
    pub reason: Text,
}

/// The whole document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct NodeFacts {
    pub schema_version: u32,
    /// Always `kubelift`.
    pub probe: Text,
    /// What the caller gave the probe, so that an answer can be told from an older one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Text>,
    /// Set when the probe looked at a root file system mounted there, not at the running machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Text>,
    #[serde(deserialize_with = "lenient_time", skip_serializing_if = "Option::is_none")]
    pub collected_at: Option<Timestamp>,
    /// Who ran the probe; 0 sees everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Text>,
    /// `/etc/machine-id`, which is the Node's `status.nodeInfo.machineID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<Text>,
    /// The Node's `status.nodeInfo.bootID`: new at each boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<Os>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Kernel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Cgroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_armor: Option<AppArmor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux: Option<Selinux>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<Swap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubelet: Option<Kubelet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeadm: Option<Program>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    /// Those of them that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Tool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Vec<Disk>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Vec<Certificate>>,
    /// The folder that the kubelet watches for static pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_pod_path: Option<Text>,
    /// Every file there, whatever its name ends in: so does the kubelet read them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_pods: Option<Vec<StaticPod>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cni: Option<Cni>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etcd: Option<Etcd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backups: Option<Backups>,
    /// What the probe could not see. What is neither here nor in the document is not on the machine.
    pub unread: Vec<UnreadFact>,
}

impl NodeFacts {
    /// `value`, which stands in the document at the path `what`, with what is known of its completeness.
    pub fn read<'a, T>(&'a self, what: &str, value: &'a Option<T>) -> Known<'a, T> {
        match value {
            None => Known::Unread(self.why_unread(what).unwrap_or("the probe's document does not say")),
            Some(value) => match self.unread.iter().find(|e| covers(what, &e.what) || e.what == "probe") {
                Some(entry) => Known::Partly(value, &entry.reason),
                None => Known::Read(value),
            },
        }
    }

    /// Why the field at the path `what`, or something above it, was not read.
    pub fn why_unread(&self, what: &str) -> Option<&str> {
        let entry = self.unread.iter().find(|entry| covers(&entry.what, what) || entry.what == "probe")?;
        Some(&entry.reason)
    }
}

/// Whether `path` is `above` or lies below it.
fn covers(above: &str, path: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ' ']))
}

/// A time, or none when it is not one: a certificate with an odd date must not hide all other facts.
fn lenient_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<Text>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// A word of an enumeration, or none when it is a newer probe's.
fn known_word<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let word = Option::<Text>::deserialize(deserializer)?;
    Ok(word.and_then(|word| T::deserialize(StrDeserializer::<serde::de::value::Error>::new(&word)).ok()))
}

/// A whole number that is written as a number or, as in protobuf's JSON, as a text.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(Text),
    }
    Ok(match Option::<Either>::deserialize(deserializer)? {
        Some(Either::Number(number)) => Some(number),
        Some(Either::Text(text)) => text.parse().ok(),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(json: &str) -> NodeFacts {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_missing_is_unread_with_the_nearest_reason() {
        let facts = facts(
            r#"{"packages":{},"disk":[],"unread":[
                {"what":"etcd","reason":"closed"},
                {"what":"packages.repositories","reason":"one file"},
                {"what":"disk /var/lib/etcd","reason":"no answer"}]}"#,
        );
        assert_eq!(facts.read("etcd", &facts.etcd), Known::Unread("closed"));
        assert_eq!(facts.read::<u64>("etcd.dataBytes", &None), Known::Unread("closed"));
        assert_eq!(facts.read("etcdish", &facts.cni), Known::Unread("the probe's document does not say"));
        assert_eq!(facts.read("packages", &facts.packages).reason(), Some("one file"));
        assert_eq!(facts.read("disk", &facts.disk), Known::Partly(&vec![], "no answer"));
        assert_eq!(facts.read("cni", &facts.cni).value(), None);
        assert_eq!(facts.read("unread", &Some(1)), Known::Read(&1));
    }

    #[test]
    fn a_document_that_was_cut_off_is_whole_nowhere() {
        let facts = facts(r#"{"uid":0,"swap":{},"unread":[{"what":"probe","reason":"it ended early"}]}"#);
        assert_eq!(facts.read("etcd", &facts.etcd), Known::Unread("it ended early"));
        assert_eq!(facts.read("swap", &facts.swap).reason(), Some("it ended early"));
    }

    #[test]
    fn numbers_and_times_are_taken_as_they_come() {
        let facts = facts(
            r#"{"collectedAt":"yesterday","etcd":{"status":{"leader":"10276657743932975437","dbSize":20480},
                "alarms":[{"memberID":7,"alarm":1},{"memberID":"7","alarm":"CORRUPT"}]}}"#,
        );
        assert_eq!(facts.collected_at, None);
        let etcd = facts.etcd.unwrap();
        let status = etcd.status.unwrap();
        assert_eq!((status.leader, status.db_size), (Some(10_276_657_743_932_975_437), Some(20480)));
        let alarms = etcd.alarms.unwrap();
        assert_eq!((&*alarms[0].alarm, alarms[1].member_id), ("NOSPACE", Some(7)));
        assert_eq!(alarms[1].alarm, "CORRUPT");
    }

    #[test]
    fn app_armor_is_on_only_when_both_say_so() {
        let is_on = |enabled, securityfs| AppArmor { enabled, securityfs, ..AppArmor::default() }.is_on();
        assert_eq!(is_on(Some(true), Some(true)), Some(true));
        assert_eq!(is_on(Some(true), Some(false)), Some(false));
        assert_eq!(is_on(None, Some(false)), Some(false));
        assert_eq!(is_on(Some(true), None), None);
    }
}
