//! Pages of a list, all of one revision.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use super::bulk::Bulk;
use super::{Compacted, Key, Object, Revision, Store};
use crate::sim::api::resource::Resource;
use crate::sim::api::selector::Selector;

/// Which objects are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// Only those of a namespace.
    pub(crate) namespace: Option<String>,
    /// Only those that a selector takes.
    pub(crate) selector: Selector,
    /// As they were at a revision; now, if absent.
    pub(crate) at: Option<Revision>,
    /// Only those behind a key.
    pub(crate) after: Option<Key>,
    /// At most so many.
    pub(crate) limit: Option<usize>,
}

/// One object of a page.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// One that is stored.
    Stored(Object),
    /// One that is made now.
    Bulk(Arc<Bulk>, usize),
}

impl Item {
    /// The object.
    pub(crate) fn value(&self) -> Object {
        match self {
            Self::Stored(object) => object.clone(),
            Self::Bulk(bulk, index) => Arc::new(bulk.value(*index)),
        }
    }

    /// Writes the object as JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Stored(object) => out.extend_from_slice(object.to_string().as_bytes()),
            Self::Bulk(bulk, index) => bulk.write(*index, out),
        }
    }
}

/// A page.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// The objects.
    pub(crate) items: Vec<Item>,
    /// The revision that the list is of.
    pub(crate) revision: Revision,
    /// The last key of the page, if there is more behind it.
    pub(crate) next: Option<Key>,
    /// How many there are behind it; not known under a selector, as a real server does not count then.
    pub(crate) remaining: Option<usize>,
}

impl Store {
    /// A page of the objects of a resource.
    ///
    /// # Errors
    /// When the revision asked for is older than the log.
    pub(crate) fn page(&self, resource: &Resource, query: &Query) -> Result<Page, Compacted> {
        let revision = query.at.unwrap_or_else(|| self.revision());
        let past = self.past(resource, revision)?;
        let range = bounds(query);
        let in_namespace = |key: &Key| query.namespace.as_ref().is_none_or(|wanted| *wanted == key.namespace);

        let no_objects = BTreeMap::new();
        let objects = self.objects.get(&resource.id()).unwrap_or(&no_objects);
        let stored = objects.range(range.clone()).map(|(key, object)| (key.clone(), Some(object.clone())));
        let past = past.range(range.clone()).map(|(key, object)| (key.clone(), object.clone()));
        let stored = Merge::new(stored, past).filter_map(|(key, object)| Some((key, Item::Stored(object?))));
        let bulk = self.bulk_of(resource);
        let made = bulk.into_iter().flat_map(|bulk| {
            bulk.range(&range.0, query.namespace.as_deref())
                .map(|index| (bulk.key(index), Item::Bulk(bulk.clone(), index)))
        });
        let mut rest = Merge::new(stored, made)
            .take_while(|(key, _)| in_namespace(key))
            .filter(|(_, item)| query.selector.is_empty() || query.selector.takes(&item.value()));

        let mut items = Vec::new();
        let mut last = None;
        let limit = query.limit.unwrap_or(usize::MAX);
        for (key, item) in rest.by_ref().take(limit) {
            items.push(item);
            last = Some(key);
        }
        let remaining =
            if query.selector.is_empty() { rest.count() } else { usize::from(rest.next().is_some()) };
        Ok(Page {
            items,
            revision,
            next: last.filter(|_| remaining > 0),
            remaining: (query.selector.is_empty() && remaining > 0).then_some(remaining),
        })
    }

    /// What was different at `revision`: the objects that have changed since as they were then.
    fn past(
        &self,
        resource: &Resource,
        revision: Revision,
    ) -> Result<BTreeMap<Key, Option<Object>>, Compacted> {
        let mut past = BTreeMap::new();
        for change in self.since(resource, revision)?.into_iter().rev() {
            past.insert(change.key, change.before);
        }
        Ok(past)
    }
}

/// From where the keys of a query begin.
fn bounds(query: &Query) -> (Bound<Key>, Bound<Key>) {
    let start = match (&query.after, &query.namespace) {
        (Some(after), _) => Bound::Excluded(after.clone()),
        (None, Some(namespace)) => Bound::Included(Key::new(namespace, "")),
        (None, None) => Bound::Unbounded,
    };
    (start, Bound::Unbounded)
}

/// Two sorted sequences as one. Of two items with one key the second sequence's counts.
struct Merge<A: Iterator, B: Iterator> {
    first: Peekable<A>,
    second: Peekable<B>,
}

impl<A: Iterator, B: Iterator> Merge<A, B> {
    fn new(first: A, second: B) -> Self {
        Self { first: first.peekable(), second: second.peekable() }
    }
}

impl<T, A: Iterator<Item = (Key, T)>, B: Iterator<Item = (Key, T)>> Iterator for Merge<A, B> {
    type Item = (Key, T);

    fn next(&mut self) -> Option<(Key, T)> {
        match (self.first.peek(), self.second.peek()) {
            (Some((a, _)), Some((b, _))) => match a.cmp(b) {
                Ordering::Less => self.first.next(),
                Ordering::Greater => self.second.next(),
                Ordering::Equal => {
                    self.first.next();
                    self.second.next()
                }
            },
            (Some(_), None) => self.first.next(),
            (None, _) => self.second.next(),
        }
    }
}

/// For tests and for the simulation's own parts: a query of everything.
impl Query {
    /// The objects of a namespace, or all.
    pub(crate) fn of(namespace: Option<&str>) -> Self {
        Self { namespace: namespace.map(str::to_owned), ..Self::default() }
    }
}

/// The names of a page, for tests.
#[cfg(test)]
fn names(page: &Page) -> Vec<String> {
    page.items.iter().map(|item| Key::of(&item.value()).name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::api::resource::by_kind;
    use proptest::prelude::*;
    use serde_json::json;

    fn put(store: &mut Store, namespace: &str, name: &str) {
        store.put(
            by_kind("v1", "Pod").unwrap(),
            json!({ "metadata": { "namespace": namespace, "name": name, "labels": { "n": name } } }),
        );
    }

    /// All pages, with the given limit, of which each but the first continues the one before.
    fn walk(
        store: &mut Store,
        mut query: Query,
        limit: usize,
        mut between: impl FnMut(&mut Store),
    ) -> Vec<String> {
        let pods = by_kind("v1", "Pod").unwrap();
        query.limit = Some(limit);
        let mut all = Vec::new();
        loop {
            let page = store.page(pods, &query).unwrap();
            all.extend(names(&page));
            assert!(page.items.len() <= limit);
            let Some(next) = page.next else { return all };
            query.after = Some(next);
            query.at = Some(page.revision);
            between(store);
        }
    }

    proptest! {
        #[test]
        fn any_limit_gives_what_one_page_gives(
            keys in prop::collection::btree_set(("[a-c]", "[a-z]{1,2}"), 0..40),
            bulk in 0usize..60,
            limit in 1usize..20,
            namespace in prop::option::of("[a-c]"),
        ) {
            let mut store = Store::new(1);
            for (namespace, name) in &keys {
                put(&mut store, namespace, name);
            }
            store.set_bulk(Bulk::new(bulk, &["w1".to_owned()], jiff::Timestamp::UNIX_EPOCH));
            let query = Query::of(namespace.as_deref());
            let whole = names(&store.page(by_kind("v1", "Pod").unwrap(), &query).unwrap());
            let wanted = keys.iter().filter(|(n, _)| namespace.as_ref().is_none_or(|wanted| wanted == n)).count();
            prop_assert_eq!(whole.len(), wanted + if namespace.is_none() { bulk } else { 0 });
            // What changes between two pages does not show in the later ones.
            let mut round = 0;
            let paged = walk(&mut store, query, limit, |store| {
                round += 1;
                put(store, "b", &format!("new{round}"));
                store.delete(by_kind("v1", "Pod").unwrap(), &Key::new("b", &format!("new{}", round - 1)));
                for (namespace, name) in keys.iter().skip(round).take(1) {
                    store.delete(by_kind("v1", "Pod").unwrap(), &Key::new(namespace, name));
                }
            });
            prop_assert_eq!(paged, whole);
        }
    }

    #[test]
    fn what_remains_is_counted_but_under_a_selector() {
        let pods = by_kind("v1", "Pod").unwrap();
        let mut store = Store::new(1);
        for name in ["a", "b", "c", "d", "e"] {
            put(&mut store, "x", name);
        }
        let mut query = Query { limit: Some(2), ..Query::default() };
        let page = store.page(pods, &query).unwrap();
        assert_eq!((page.remaining, page.next), (Some(3), Some(Key::new("x", "b"))));
        query.selector = Selector::new("n in (a,e)", "", pods).unwrap();
        let page = store.page(pods, &query).unwrap();
        assert_eq!((names(&page), page.remaining, page.next), (vec!["a".into(), "e".into()], None, None));
        query.limit = Some(1);
        let page = store.page(pods, &query).unwrap();
        assert_eq!((page.remaining, page.next), (None, Some(Key::new("x", "a"))));
    }

    #[test]
    fn a_list_of_a_revision_that_is_gone_is_refused() {
        let pods = by_kind("v1", "Pod").unwrap();
        let mut store = Store::new(1);
        put(&mut store, "x", "a");
        put(&mut store, "x", "b");
        let query = Query { at: Some(2), ..Query::default() };
        assert_eq!(names(&store.page(pods, &query).unwrap()), ["a"]);
        store.compact();
        assert_eq!(store.page(pods, &query).unwrap_err(), Compacted);
    }
}
