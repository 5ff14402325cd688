//! What changed between two JSON values, so that a recording need not repeat what stayed.
//!
//! Items of arrays are matched by `metadata.uid` where they have one, otherwise by their whole content: a pod that
//! comes or goes in the middle of a listing is one insertion or removal, and a log that grows at its end and is
//! shortened at its beginning costs its new lines only.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How deep it is looked for what changed; what lies deeper is written whole. JSON is read up to 128 levels, and each
/// level here takes up to four of them.
const DEEPEST: usize = 12;

/// What changed in a value. [`Difference::apply`] to the value before gives the value after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Difference {
    /// It is another value.
    #[serde(rename = "=")]
    Set(Value),
    /// Some fields of an object are not what they were.
    #[serde(rename = "{}")]
    Object {
        /// New fields, which are [`Difference::Set`], and changed ones.
        #[serde(rename = "~", default, skip_serializing_if = "BTreeMap::is_empty")]
        change: BTreeMap<String, Self>,
        /// Fields that are gone.
        #[serde(rename = "-", default, skip_serializing_if = "Vec::is_empty")]
        remove: Vec<String>,
    },
    /// Some items of an array are not what they were.
    #[serde(rename = "[]")]
    Array {
        /// Items that changed where they are, by their place in the array before.
        #[serde(rename = "~", default, skip_serializing_if = "Vec::is_empty")]
        change: Vec<(usize, Self)>,
        /// Places in the array before whose items are gone, ascending.
        #[serde(rename = "-", default, skip_serializing_if = "Vec::is_empty")]
        remove: Vec<usize>,
        /// Runs of new items, by the place of their first in the array after, ascending.
        #[serde(rename = "+", default, skip_serializing_if = "Vec::is_empty")]
        insert: Vec<(usize, Vec<Value>)>,
    },
}

/// A difference was applied to a value that it was not made for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the difference does not fit the state before it: {0}")]
pub struct DoesNotFit(&'static str);

impl Difference {
    /// What makes `after` of `before`; `None` if they are equal.
    pub fn between(before: &Value, after: &Value) -> Option<Self> {
        between(before, after, 0)
    }

    /// What makes an array of `length` items of `before`, where the items at `kept`, pairs of places before and after
    /// that ascend in both, are equal, and `new` are all others, in order. The array lies so `deep` in a value.
    pub(super) fn between_others(
        before: &[Value],
        kept: &[(usize, usize)],
        length: usize,
        new: Vec<Value>,
        deep: usize,
    ) -> Option<Self> {
        let mut edits = Edits::default();
        let mut new = new.into_iter();
        let mut from = (0, 0);
        for to in kept.iter().copied().chain([(before.len(), length)]) {
            let old = before.get(from.0..to.0).unwrap_or_default();
            let run: Vec<Value> = new.by_ref().take(to.1.saturating_sub(from.1)).collect();
            edits.take(old, &run, from, deep + 1);
            from = (to.0 + 1, to.1 + 1);
        }
        edits.difference()
    }

    /// `others`, with the difference of what lies at `path` in it, where `others` has none.
    pub(super) fn put(others: Option<Self>, path: &[&str], inner: Self) -> Self {
        let Some((name, rest)) = path.split_first() else { return inner };
        let (mut change, remove) = match others {
            Some(Self::Object { change, remove }) => (change, remove),
            _ => (BTreeMap::new(), Vec::new()),
        };
        let below = change.remove(*name);
        change.insert((*name).to_owned(), Self::put(below, rest, inner));
        Self::Object { change, remove }
    }

    /// Makes the value after of the value before.
    ///
    /// # Errors
    /// When it was not made for `value`, which is then of no use any more.
    pub fn apply(self, value: &mut Value) -> Result<(), DoesNotFit> {
        match self {
            Self::Set(after) => *value = after,
            Self::Object { change, remove } => {
                let fields = value.as_object_mut().ok_or(DoesNotFit("there is no object"))?;
                for name in remove {
                    fields.remove(&name).ok_or(DoesNotFit("a field that goes is not there"))?;
                }
                for (name, difference) in change {
                    match (difference, fields.get_mut(&name)) {
                        (difference, Some(field)) => difference.apply(field)?,
                        (Self::Set(new), None) => drop(fields.insert(name, new)),
                        (_, None) => return Err(DoesNotFit("a field that changes is not there")),
                    }
                }
            }
            Self::Array { change, remove, insert } => {
                let items = value.as_array_mut().ok_or(DoesNotFit("there is no array"))?;
                for (place, difference) in change {
                    let item = items.get_mut(place).ok_or(DoesNotFit("an item that changes is not there"))?;
                    difference.apply(item)?;
                }
                if !(remove.is_empty() && insert.is_empty()) {
                    *items = rearranged(std::mem::take(items), &remove, insert)?;
                }
            }
        }
        Ok(())
    }
}

/// The items without those at the places `remove`, and with `insert`.
fn rearranged(
    items: Vec<Value>,
    remove: &[usize],
    insert: Vec<(usize, Vec<Value>)>,
) -> Result<Vec<Value>, DoesNotFit> {
    let ascending = remove.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    if !ascending || remove.last().is_some_and(|last| *last >= items.len()) {
        return Err(DoesNotFit("an item that goes is not there"));
    }
    let mut after = Vec::with_capacity(items.len());
    let mut gone = remove.iter().copied().peekable();
    let mut kept = items.into_iter().enumerate().filter(|(place, _)| gone.next_if_eq(place).is_none());
    for (place, new) in insert {
        while after.len() < place {
            let (_, item) = kept.next().ok_or(DoesNotFit("an item is put beyond the end"))?;
            after.push(item);
        }
        if after.len() != place {
            return Err(DoesNotFit("items are not put in order"));
        }
        after.extend(new);
    }
    after.extend(kept.map(|(_, item)| item));
    Ok(after)
}

fn between(before: &Value, after: &Value, depth: usize) -> Option<Difference> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) if depth < DEEPEST => objects(before, after, depth + 1),
        (Value::Array(before), Value::Array(after)) if depth < DEEPEST => arrays(before, after, depth + 1),
        _ => (before != after).then(|| Difference::Set(after.clone())),
    }
}

fn objects(before: &Map<String, Value>, after: &Map<String, Value>, depth: usize) -> Option<Difference> {
    let remove: Vec<String> = before.keys().filter(|name| !after.contains_key(*name)).cloned().collect();
    let mut change = BTreeMap::new();
    for (name, value) in after {
        let difference = match before.get(name) {
            Some(old) => between(old, value, depth),
            None => Some(Difference::Set(value.clone())),
        };
        change.extend(difference.map(|difference| (name.clone(), difference)));
    }
    (!(change.is_empty() && remove.is_empty())).then_some(Difference::Object { change, remove })
}

fn arrays(before: &[Value], after: &[Value], depth: usize) -> Option<Difference> {
    let mut edits = Edits::default();
    edits.take(before, after, (0, 0), depth);
    edits.difference()
}

/// What changed in an array, as far as it was looked at.
#[derive(Default)]
struct Edits {
    change: Vec<(usize, Difference)>,
    remove: Vec<usize>,
    insert: Vec<(usize, Vec<Value>)>,
}

impl Edits {
    /// Takes in what changed between two runs of items, which stand at these places before and after.
    fn take(&mut self, before: &[Value], after: &[Value], at: (usize, usize), depth: usize) {
        let start = before.iter().zip(after).take_while(|(old, new)| old == new).count();
        let old = before.get(start..).unwrap_or_default();
        let new = after.get(start..).unwrap_or_default();
        let end = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
        let old = old.get(..old.len() - end).unwrap_or_default();
        let new = new.get(..new.len() - end).unwrap_or_default();
        let at = (at.0 + start, at.1 + start);
        let mut from = (0, 0);
        for to in matched(old, new).into_iter().chain([(old.len(), new.len())]) {
            // What lies between two matches and has no match itself is compared one by one.
            let both = (to.0 - from.0).min(to.1 - from.1);
            let pairs = (0..both).map(|n| (from.0 + n, from.1 + n)).chain([to]);
            for (a, b) in pairs {
                let Some((before, after)) = old.get(a).zip(new.get(b)) else { continue };
                let another = Key::uid(before) != Key::uid(after);
                let difference = if another {
                    Some(Difference::Set(after.clone()))
                } else {
                    between(before, after, depth)
                };
                self.change.extend(difference.map(|difference| (at.0 + a, difference)));
            }
            self.remove.extend((from.0 + both..to.0).map(|place| at.0 + place));
            match new.get(from.1 + both..to.1) {
                None | Some([]) => {}
                Some(run) => self.insert.push((at.1 + from.1 + both, run.to_vec())),
            }
            from = (to.0 + 1, to.1 + 1);
        }
    }

    fn difference(self) -> Option<Difference> {
        let Self { change, remove, insert } = self;
        let none = change.is_empty() && remove.is_empty() && insert.is_empty();
        (!none).then_some(Difference::Array { change, remove, insert })
    }
}

/// What an item of an array is known by.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Uid(&'a str),
    Whole(&'a Value),
}

impl<'a> Key<'a> {
    fn uid(item: &'a Value) -> Option<&'a str> {
        item.get("metadata")?.get("uid")?.as_str()
    }

    fn of(item: &'a Value) -> Self {
        Self::uid(item).map_or(Self::Whole(item), Self::Uid)
    }
}

/// Pairs of places of the same item in both arrays, ascending in both. An item that moved is not among them.
fn matched(old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    let mut places: HashMap<Key<'_>, VecDeque<usize>> = HashMap::new();
    for (place, item) in new.iter().enumerate() {
        places.entry(Key::of(item)).or_default().push_back(place);
    }
    let mut next = 0;
    let mut pairs = Vec::new();
    for (place, item) in old.iter().enumerate() {
        let Some(candidates) = places.get_mut(&Key::of(item)) else { continue };
        while let Some(candidate) = candidates.pop_front() {
            if candidate >= next {
                pairs.push((place, candidate));
                next = candidate + 1;
                break;
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn made(before: &Value, after: &Value) -> Value {
        let mut value = before.clone();
        if let Some(difference) = Difference::between(before, after) {
            // As it is written and read.
            let text = serde_json::to_string(&difference).unwrap();
            serde_json::from_str::<Difference>(&text).unwrap().apply(&mut value).unwrap();
        }
        value
    }

    fn pod(uid: usize, phase: &str) -> Value {
        json!({"metadata": {"uid": format!("u-{uid}"), "name": format!("web-{uid}")}, "phase": phase})
    }

    fn size(before: &Value, after: &Value) -> usize {
        serde_json::to_string(&Difference::between(before, after)).unwrap().len()
    }

    #[test]
    fn a_pod_that_comes_or_goes_in_the_middle_costs_itself() {
        let all: Value = (0..1000).map(|n| pod(n, "Running")).collect();
        let without: Value = (0..1000).filter(|n| *n != 400).map(|n| pod(n, "Running")).collect();
        assert_eq!(
            Difference::between(&all, &without),
            Some(Difference::Array { change: vec![], remove: vec![400], insert: vec![] })
        );
        assert!(size(&without, &all) < 150);
        assert_eq!(made(&all, &without), without);
        assert_eq!(made(&without, &all), all);
        // Two go, one comes, one changes, all apart from each other.
        let mixed: Value = (0..1001)
            .filter(|n| *n != 3 && *n != 700)
            .map(|n| pod(n, if n == 500 { "Failed" } else { "Running" }))
            .collect();
        assert!(size(&all, &mixed) < 250);
        assert_eq!(made(&all, &mixed), mixed);
    }

    #[test]
    fn a_log_that_grows_and_is_shortened_costs_its_new_lines() {
        let lines = |range: std::ops::Range<usize>| -> Value {
            range.map(|n| json!({"at": n, "path": "/api/v1/pods"})).collect()
        };
        let (before, after) = (lines(0..2000), lines(500..2010));
        let difference = Difference::between(&before, &after).unwrap();
        let Difference::Array { change, remove, insert } = &difference else { panic!("{difference:?}") };
        assert_eq!((change.len(), remove.len(), insert.len()), (0, 500, 1));
        assert_eq!(made(&before, &after), after);
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_never_a_guess() {
        for (difference, value) in [
            (json!({"{}": {"-": ["a"]}}), json!({})),
            (json!({"{}": {"~": {"a": {"{}": {}}}}}), json!({})),
            (json!({"{}": {}}), json!([])),
            (json!({"[]": {}}), json!({})),
            (json!({"[]": {"~": [[1, {"=": 1}]]}}), json!([0])),
            (json!({"[]": {"-": [1]}}), json!([0])),
            (json!({"[]": {"-": [0, 0]}}), json!([0])),
            (json!({"[]": {"+": [[2, [1]]]}}), json!([0])),
            (json!({"[]": {"+": [[1, [1]], [0, [1]]]}}), json!([0])),
            (json!({"[]": {"+": [[u64::MAX, [1]]]}}), json!([0])),
        ] {
            let parsed: Difference = serde_json::from_value(difference.clone()).unwrap();
            assert!(parsed.apply(&mut value.clone()).is_err(), "{difference} on {value}");
        }
    }

    #[test]
    fn what_changed_too_deep_is_written_whole_and_can_be_read() {
        let deep = |leaf: u32| {
            (0..80)
                .fold(json!(leaf), |value, n| if n % 2 == 0 { json!([value]) } else { json!({"a": value}) })
        };
        assert_eq!(made(&deep(1), &deep(2)), deep(2));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let uid = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d")];
        let object_of_kubernetes =
            (uid, 0u8..3).prop_map(|(uid, n)| json!({"metadata": {"uid": uid}, "n": n}));
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (0i64..4).prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[ab]{0,2}".prop_map(Value::from),
            object_of_kubernetes,
        ];
        leaf.prop_recursive(5, 60, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn a_difference_makes_the_value_after_of_the_value_before(before in any_json(), after in any_json()) {
            prop_assert_eq!(made(&before, &after), after.clone());
            prop_assert_eq!(Difference::between(&before, &after).is_none(), before == after);
        }

        #[test]
        fn lists_of_objects_are_rearranged_in_every_way(
            before in prop::collection::vec((0usize..12, 0u8..2), 0..14),
            after in prop::collection::vec((0usize..12, 0u8..2), 0..14),
        ) {
            let list = |items: Vec<(usize, u8)>| -> Value {
                items.into_iter().map(|(uid, phase)| pod(uid, if phase == 0 { "Running" } else { "Failed" })).collect()
            };
            let (before, after) = (list(before), list(after));
            prop_assert_eq!(made(&before, &after), after);
        }
    }
}
