//! ObjectMeta, slimmed, and the maps in it.

use std::fmt;
use std::ops::Deref;

use jiff::Timestamp;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::Text;

/// The annotation that `kubectl apply` keeps the last applied object in.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The prefix of the deprecated AppArmor annotation; the container's name follows.
pub const APPARMOR_PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Who cordoned a Node: kubelift writes it with its own cordons, and takes off no others.
pub const CORDONED_BY: &str = "kubelift.io/cordoned-by";

/// Annotations by these names, or with these prefixes, are kept; all others may hold anything.
const KEPT_ANNOTATIONS: &[&str] = &[
    APPARMOR_PREFIX,
    CORDONED_BY,
    "kubeadm.alpha.kubernetes.io/cri-socket",
    "kubeadm.kubernetes.io/etcd.advertise-client-urls",
    "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint",
    "kubernetes.io/config.hash",
    "kubernetes.io/config.mirror",
    "kubernetes.io/config.seen",
    "kubernetes.io/config.source",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
    "pv.kubernetes.io/migrated-to",
    "pv.kubernetes.io/provisioned-by",
    "storage.alpha.kubernetes.io/migrated-plugins",
];

/// What every object has: a name, and who owns and wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Unique within namespace and kind.
    pub name: Text,
    /// Empty for objects of the cluster.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub namespace: Text,
    /// Unique over all time.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub uid: Text,
    /// Opaque; where a watch goes on.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub resource_version: Text,
    /// When the server made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Timestamp>,
    /// Set when it is being deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Timestamp>,
    /// Changes when the wanted state does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// All labels.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub labels: Map,
    /// The annotations on the allow-list.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// The objects that this one belongs to.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub owner_references: Seq<OwnerReference>,
}

impl Metadata {
    /// The owner that manages this object, if any.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller == Some(true))
    }
}

/// Namespace and name: what an object is called among those of its kind. Sorted in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key<'a> {
    /// Empty for objects of the cluster.
    pub namespace: &'a str,
    /// The name.
    pub name: &'a str,
}

/// What every object can be asked.
pub trait Object {
    /// Namespace and name.
    fn key(&self) -> Key<'_>;
    /// The version of the object, where a watch goes on.
    fn resource_version(&self) -> &str;
}

/// An entry of `metadata.ownerReferences`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// `apps/v1`
    pub api_version: Text,
    /// `ReplicaSet`
    pub kind: Text,
    /// The owner's name, in the same namespace.
    pub name: Text,
    /// The owner's UID.
    pub uid: Text,
    /// Whether this owner manages the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
}

/// An entry of `metadata.managedFields`, without the fields themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedFieldsEntry {
    /// Who wrote: the field manager.
    pub manager: Text,
    /// `Apply` or `Update`.
    pub operation: Text,
    /// The version that it wrote in.
    pub api_version: Text,
    /// When it last did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// `status`, or empty for the object itself.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub subresource: Text,
}

/// A map of strings, in few bytes: sorted pairs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Map(Box<[(Text, Text)]>);

impl Map {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(k, _)| k.as_str().cmp(key)).ok()?;
        self.0.get(at).map(|(_, value)| value.as_str())
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pairs, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl<K: Into<Text>, V: Into<Text>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut pairs: Vec<(Text, Text)> = pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        pairs.sort();
        pairs.dedup_by(|a, b| a.0 == b.0);
        Self(pairs.into())
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(PairsVisitor(|_| true)).map(|pairs| pairs.into_iter().collect())
    }
}

/// The annotations on the allow-list. Of [`LAST_APPLIED`] only the object's `apiVersion` is kept,
/// as `{"apiVersion":"…"}`: the rest may hold a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Annotations(Map);

impl Annotations {
    /// The value of `key`, if it is on the allow-list and there.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }

    /// Whether none was kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The kept annotations, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter()
    }

    /// The `apiVersion` of the last applied object, where `kubectl apply` wrote it.
    pub fn last_applied_version(&self) -> Option<String> {
        self.get(LAST_APPLIED).and_then(api_version_of)
    }
}

impl<K: Into<Text>, V: Into<Text>> FromIterator<(K, V)> for Annotations {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs =
            pairs.into_iter().map(|(k, v)| (k.into(), v.into())).filter(|(k, _): &(Text, Text)| kept(k));
        Self(pairs.filter_map(|(k, v): (Text, Text)| Some((k.clone(), reduced(&k, &v)?))).collect())
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(PairsVisitor(kept)).map(|pairs| pairs.into_iter().collect())
    }
}

fn kept(key: &str) -> bool {
    key == LAST_APPLIED
        || KEPT_ANNOTATIONS
            .iter()
            .any(|kept| if kept.ends_with('/') { key.starts_with(kept) } else { key == *kept })
}

/// What is kept of the value of a kept annotation.
fn reduced(key: &str, value: &str) -> Option<Text> {
    if key != LAST_APPLIED {
        return Some(value.into());
    }
    let version = api_version_of(value)?;
    serde_json::to_string(&serde_json::json!({ "apiVersion": version })).ok().map(Text::from)
}

fn api_version_of(object: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        api_version: String,
    }
    serde_json::from_str::<Head>(object).ok().map(|head| head.api_version)
}

/// Collects the pairs of a map of strings that a predicate keeps; `null` is an empty map.
struct PairsVisitor(fn(&str) -> bool);

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if (self.0)(&key) {
                pairs.push((key, value));
            }
        }
        Ok(pairs)
    }
}

/// A sequence in few bytes; `null`, which Go writes for an empty slice, is an empty one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Seq<T>(Box<[T]>);

impl<T> Default for Seq<T> {
    fn default() -> Self {
        Self(Box::from([]))
    }
}

impl<T> Deref for Seq<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T> IntoIterator for &'a Seq<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T> FromIterator<T> for Seq<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Seq<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default().into()))
    }
}

/// For `skip_serializing_if`: whether a text is empty.
pub(super) fn str_is_empty(text: &str) -> bool {
    text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_keep_only_what_is_on_the_list() {
        let annotations: Annotations = serde_json::from_value(serde_json::json!({
            "example.com/token": "s3cret",
            "container.apparmor.security.beta.kubernetes.io/web": "localhost/k8s-web",
            "kubelift.io/cordoned-by": "7f3a",
            "kubelift.io/cordoned-by-somebody": "s3cret",
            LAST_APPLIED: "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"password\":\"aHVudGVyMg==\"}}",
        }))
        .unwrap();
        let written = serde_json::to_string(&annotations).unwrap();
        assert!(!written.contains("s3cret") && !written.contains("aHVudGVyMg"), "{written}");
        assert_eq!(
            annotations.get("container.apparmor.security.beta.kubernetes.io/web"),
            Some("localhost/k8s-web")
        );
        assert_eq!(annotations.get(CORDONED_BY), Some("7f3a"));
        assert_eq!(annotations.last_applied_version().as_deref(), Some("v1"));
        // What is read back from a recording is what was written.
        assert_eq!(serde_json::from_str::<Annotations>(&written).unwrap(), annotations);
    }

    #[test]
    fn a_last_applied_that_is_no_object_is_left_out() {
        let annotations: Annotations = [(LAST_APPLIED, "not json")].into_iter().collect();
        assert!(annotations.is_empty());
    }

    #[test]
    fn maps_find_their_keys_and_take_null() {
        let map: Map = [("b", "2"), ("a", "1")].into_iter().collect();
        assert_eq!((map.get("a"), map.get("b"), map.get("c")), (Some("1"), Some("2"), None));
        assert!(serde_json::from_str::<Map>("null").unwrap().is_empty());
    }
}
