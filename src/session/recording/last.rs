//! The state that was written last, and what changed since: the pods that are the same objects as before are
//! neither turned into JSON again nor compared, for there may be very many.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::difference::Difference;
use crate::evidence::Evidence;
use crate::evidence::objects::Pod;
use crate::redact::redact_value;

/// Where the pods are in a state.
const PODS: [&str; 4] = ["evidence", "objects", "pods", "items"];

/// A state as it is written: masked.
pub(super) struct Last {
    state: Value,
    /// The pods that it was made of, in its order.
    pods: Arc<[Arc<Pod>]>,
}

impl Last {
    /// The state of `evidence` and `upgrade`.
    pub(super) fn new(evidence: &Evidence, upgrade: &Value) -> serde_json::Result<Self> {
        let mut state = json!({ "evidence": serde_json::to_value(evidence)?, "upgrade": upgrade });
        redact_value(&mut state);
        Ok(Self { state, pods: Arc::clone(&evidence.objects.pods.items) })
    }

    /// The whole of it.
    pub(super) const fn state(&self) -> &Value {
        &self.state
    }

    /// The state of `evidence` and `upgrade`, and what makes it of this one; `None` if they are equal.
    pub(super) fn next(
        self,
        evidence: &Evidence,
        upgrade: &Value,
    ) -> serde_json::Result<(Option<Difference>, Self)> {
        let pods = Arc::clone(&evidence.objects.pods.items);
        let mut bare = evidence.clone();
        bare.objects.pods.items = Arc::from([]);
        let mut after = Self::new(&bare, upgrade)?.state;
        let mut before = self.state;
        let mut items = take_pods(&mut before);
        let changed = between(&items, &self.pods, &pods)?;
        let others = Difference::between(&before, &after);
        let mut whole = Value::Array(std::mem::take(&mut items));
        let fits = changed.clone().is_none_or(|changed| changed.apply(&mut whole).is_ok());
        if let Some(place) = pods_of(&mut after).filter(|_| fits) {
            *place = whole;
            let difference = match changed {
                Some(changed) => Some(Difference::put(others, &PODS, changed)),
                None => others,
            };
            return Ok((difference, Self { state: after, pods }));
        }
        // It was not what it was thought to be: all of it is written.
        let next = Self::new(evidence, upgrade)?;
        Ok((Some(Difference::Set(next.state.clone())), next))
    }
}

fn pods_of(state: &mut Value) -> Option<&mut Value> {
    PODS.iter().try_fold(state, |value, name| value.get_mut(name))
}

fn take_pods(state: &mut Value) -> Vec<Value> {
    pods_of(state).and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default()
}

/// What makes the JSON of `after` of `items`, which is that of `before`.
fn between(
    items: &[Value],
    before: &[Arc<Pod>],
    after: &[Arc<Pod>],
) -> serde_json::Result<Option<Difference>> {
    // Objects that are still held cannot share their address with another.
    let address = |pod: &Arc<Pod>| Arc::as_ptr(pod).addr();
    let places: HashMap<usize, usize> = before.iter().map(address).zip(0..).collect();
    let mut next = 0;
    let mut kept = Vec::new();
    let mut new = Vec::new();
    for (place, pod) in after.iter().enumerate() {
        match places.get(&address(pod)).filter(|old| **old >= next) {
            Some(old) => {
                kept.push((*old, place));
                next = old + 1;
            }
            None => {
                let mut value = serde_json::to_value(pod)?;
                redact_value(&mut value);
                new.push(value);
            }
        }
    }
    Ok(Difference::between_others(items, &kept, after.len(), new, PODS.len()))
}
