//! The store behind the simulated API servers: objects of any kind under one revision counter, and a log of changes.
//!
//! It answers as etcd does behind a real server: a list is of one revision, also over its pages, and a watch goes on
//! from a revision, for as long as the log reaches back.

pub(crate) mod bulk;
pub(crate) mod page;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use self::bulk::Bulk;
use super::api::resource::Resource;

/// An object, without `apiVersion` and `kind`, which are added in the version that is asked for.
pub(crate) type Object = Arc<Value>;

/// The store's counter: each change takes the next.
pub(crate) type Revision = u64;

/// How many changes are kept for watches and for the later pages of a list.
const LOG_LENGTH: usize = 20_000;

/// Namespace and name; the namespace is empty for objects of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The key that `object` has by its metadata.
    pub(crate) fn of(object: &Value) -> Self {
        let part = |field| object.pointer(field).and_then(Value::as_str).unwrap_or_default();
        Self::new(part("/metadata/namespace"), part("/metadata/name"))
    }
}

/// One change of one object.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) revision: Revision,
    pub(crate) resource: &'static Resource,
    pub(crate) key: Key,
    /// The object before; absent when it was made.
    pub(crate) before: Option<Object>,
    /// The object after; absent when it was deleted.
    pub(crate) after: Option<Object>,
}

/// A revision that the log no longer reaches back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compacted;

/// The objects of all kinds.
#[derive(Debug)]
pub(crate) struct Store {
    objects: BTreeMap<(&'static str, &'static str), BTreeMap<Key, Object>>,
    bulk: Option<Arc<Bulk>>,
    log: VecDeque<Change>,
    /// The newest revision that the log does not tell of.
    floor: Revision,
    revision: watch::Sender<Revision>,
}

impl Store {
    /// An empty store, whose first change takes the revision after `revision`.
    pub(crate) fn new(revision: Revision) -> Self {
        Self {
            objects: BTreeMap::new(),
            bulk: None,
            log: VecDeque::new(),
            floor: revision,
            revision: watch::Sender::new(revision),
        }
    }

    /// With pods that are made when they are asked for.
    pub(crate) fn set_bulk(&mut self, bulk: Bulk) {
        self.bulk = Some(Arc::new(bulk));
    }

    /// The revision of the last change.
    pub(crate) fn revision(&self) -> Revision {
        *self.revision.borrow()
    }

    /// Tells of new revisions.
    pub(crate) fn changes(&self) -> watch::Receiver<Revision> {
        self.revision.subscribe()
    }

    /// The object of a key.
    pub(crate) fn get(&self, resource: &Resource, key: &Key) -> Option<Object> {
        let stored = self.objects.get(&resource.id()).and_then(|objects| objects.get(key)).cloned();
        stored.or_else(|| Some(Arc::new(self.bulk_of(resource)?.find(key)?)))
    }

    /// All objects of a resource, in the order of their keys, without those of [`Store::set_bulk`].
    pub(crate) fn all<'a>(
        &'a self,
        resource: &Resource,
    ) -> impl Iterator<Item = (&'a Key, &'a Object)> + use<'a> {
        self.objects.get(&resource.id()).into_iter().flatten()
    }

    /// Puts `object` in place of what its key has, or makes it, at a new revision.
    pub(crate) fn put(&mut self, resource: &'static Resource, mut object: Value) -> Object {
        let revision = self.revision() + 1;
        set_revision(&mut object, revision);
        let key = Key::of(&object);
        let after = Arc::new(object);
        let before = self.objects.entry(resource.id()).or_default().insert(key.clone(), after.clone());
        self.record(Change { revision, resource, key, before, after: Some(after.clone()) });
        after
    }

    /// Deletes the object of a key, at a new revision, and returns what it was.
    pub(crate) fn delete(&mut self, resource: &'static Resource, key: &Key) -> Option<Object> {
        let before = self.objects.get_mut(&resource.id())?.remove(key)?;
        let revision = self.revision() + 1;
        self.record(Change {
            revision,
            resource,
            key: key.clone(),
            before: Some(before.clone()),
            after: None,
        });
        Some(before)
    }

    /// The changes of a resource after `revision`, oldest first.
    pub(crate) fn since(&self, resource: &Resource, revision: Revision) -> Result<Vec<Change>, Compacted> {
        if revision < self.floor {
            return Err(Compacted);
        }
        let start = self.log.partition_point(|change| change.revision <= revision);
        Ok(self.log.range(start..).filter(|change| change.resource.id() == resource.id()).cloned().collect())
    }

    /// Forgets all changes up to now.
    pub(crate) fn compact(&mut self) {
        self.log.clear();
        self.floor = self.revision();
    }

    fn record(&mut self, change: Change) {
        let revision = change.revision;
        self.log.push_back(change);
        if self.log.len() > LOG_LENGTH
            && let Some(oldest) = self.log.pop_front()
        {
            self.floor = oldest.revision;
        }
        self.revision.send_replace(revision);
    }

    fn bulk_of(&self, resource: &Resource) -> Option<&Arc<Bulk>> {
        self.bulk.as_ref().filter(|_| resource.id() == ("", "pods"))
    }
}

/// Writes `metadata.resourceVersion`, if `object` has metadata.
pub(crate) fn set_revision(object: &mut Value, revision: Revision) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), json!(revision.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::api::resource::by_kind;

    fn object(name: &str, value: i32) -> Value {
        json!({ "metadata": { "name": name, "namespace": "a" }, "data": { "value": value } })
    }

    #[test]
    fn every_change_takes_the_next_revision_and_is_told() {
        let maps = by_kind("v1", "ConfigMap").unwrap();
        let mut store = Store::new(7);
        store.put(maps, object("x", 1));
        store.put(by_kind("v1", "Secret").unwrap(), object("x", 1));
        let changed = store.put(maps, object("x", 2));
        assert_eq!(changed.pointer("/metadata/resourceVersion"), Some(&json!("10")));
        store.delete(maps, &Key::new("a", "x"));
        assert_eq!(store.delete(maps, &Key::new("a", "x")), None);
        assert_eq!(store.revision(), 11);

        let told: Vec<_> = store.since(maps, 7).unwrap();
        let shape = |change: &Change| (change.revision, change.before.is_some(), change.after.is_some());
        assert_eq!(
            told.iter().map(shape).collect::<Vec<_>>(),
            [(8, false, true), (10, true, true), (11, true, false)]
        );
        assert_eq!(store.since(maps, 10).unwrap().len(), 1);
        assert_eq!(store.since(maps, 6).unwrap_err(), Compacted);
    }

    #[test]
    fn the_log_reaches_back_only_so_far() {
        let maps = by_kind("v1", "ConfigMap").unwrap();
        let mut store = Store::new(0);
        for value in 0..20_010 {
            store.put(maps, object("x", value));
        }
        assert_eq!(store.since(maps, 9).unwrap_err(), Compacted);
        assert_eq!(store.since(maps, 10).unwrap().len(), 20_000);
        store.compact();
        assert_eq!(store.since(maps, 20_009).unwrap_err(), Compacted);
        assert!(store.since(maps, 20_010).unwrap().is_empty());
    }
}
