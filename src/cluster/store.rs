//! The objects of one kind as they come, kept sorted, published as listings.

use std::sync::Arc;

use jiff::Timestamp;

use crate::evidence::objects::Object;
use crate::evidence::{Listing, Progress, Stamp, Unread};
use crate::text::Text;

/// The objects of one kind, by namespace and name.
#[derive(Debug)]
pub struct Store<T> {
    items: Vec<Arc<T>>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<T: Object> Store<T> {
    /// Puts an object in, in place of an older one of its name.
    pub fn put(&mut self, object: T) {
        // Lists come almost sorted: the next object nearly always goes to the end.
        if self.items.last().is_none_or(|last| last.key() < object.key()) {
            self.items.push(Arc::new(object));
            return;
        }
        match self.find(&object) {
            Ok(at) => {
                if let Some(item) = self.items.get_mut(at) {
                    *item = Arc::new(object);
                }
            }
            Err(at) => self.items.insert(at, Arc::new(object)),
        }
    }

    /// Takes an object out, by its name.
    pub fn remove(&mut self, object: &T) {
        if let Ok(at) = self.find(object) {
            self.items.remove(at);
        }
    }

    /// Puts in all of another store.
    pub fn merge(&mut self, other: Self) {
        self.items.extend(other.items);
        // Stable: of two objects of one name the later one is kept.
        self.items.sort_by(|a, b| a.key().cmp(&b.key()));
        self.items.reverse();
        self.items.dedup_by(|a, b| a.key() == b.key());
        self.items.reverse();
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The objects, sorted.
    pub fn items(&self) -> Arc<[Arc<T>]> {
        self.items.iter().map(Arc::clone).collect()
    }

    fn find(&self, object: &T) -> Result<usize, usize> {
        self.items.binary_search_by(|item| item.key().cmp(&object.key()))
    }
}

/// A listing in the making: all of it but the objects.
#[derive(Debug, Clone)]
pub struct Draft {
    /// `pods`
    pub resource: Text,
    /// The read, as one would repeat it.
    pub how: Text,
    /// How far it has come.
    pub progress: Progress,
    /// When the newest part arrived.
    pub at: Option<Timestamp>,
    /// What was not read.
    pub unread: Vec<Unread>,
    /// Since when it is no longer kept up to date.
    pub stale_since: Option<Timestamp>,
    /// Why it is not watched, where that is refused.
    pub unwatched: Option<Unread>,
}

impl Draft {
    /// Nothing read yet of `resource`.
    pub fn new(resource: &str, how: &str) -> Self {
        Self {
            resource: resource.into(),
            how: how.into(),
            progress: Progress::Waiting,
            at: None,
            unread: Vec::new(),
            stale_since: None,
            unwatched: None,
        }
    }

    /// The listing with these objects.
    pub fn listing<T: Object>(&self, store: &Store<T>) -> Listing<T> {
        Listing {
            resource: self.resource.clone(),
            items: store.items(),
            stamp: self.at.map(|at| Stamp { at, how: self.how.clone() }),
            progress: self.progress,
            unread: self.unread.clone(),
            stale_since: self.stale_since,
            unwatched: self.unwatched.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::objects::{Metadata, Node};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn node(name: &str, version: &str) -> Node {
        let metadata =
            Metadata { name: name.into(), resource_version: version.into(), ..Metadata::default() };
        Node { metadata, ..Node::default() }
    }

    proptest! {
        #[test]
        fn a_store_is_a_sorted_map(steps in prop::collection::vec((any::<bool>(), "[a-d]{1,2}", "[0-9]"), 0..60)) {
            let mut store = Store::default();
            let mut model = BTreeMap::new();
            for (put, name, version) in steps {
                if put {
                    store.put(node(&name, &version));
                    model.insert(name, version);
                } else {
                    store.remove(&node(&name, ""));
                    model.remove(&name);
                }
            }
            let got: Vec<(String, String)> =
                store.items().iter().map(|n| (n.metadata.name.to_string(), n.metadata.resource_version.to_string())).collect();
            prop_assert_eq!(got, model.into_iter().collect::<Vec<_>>());
        }
    }
}
