//! The simulation's time.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// A clock that runs on from the moment at which the simulation began.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    begin: Timestamp,
    since: Instant,
}

impl Clock {
    /// A clock that shows `begin` now.
    pub(crate) fn new(begin: Timestamp) -> Self {
        Self { begin, since: Instant::now() }
    }

    /// What it shows.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.since.elapsed()).unwrap_or_default();
        self.begin.saturating_add(passed).unwrap_or(self.begin)
    }
}

/// A time in the form of `metadata.creationTimestamp`: whole seconds.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time in the form of a MicroTime, as Leases have it.
pub(crate) fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The moment that `text` names: `-3d`, `-20m`, `-45s`, `-12h`, or `+90d`, seen from `now`.
pub(crate) fn relative(text: &str, now: Timestamp) -> Option<Timestamp> {
    let digits = text.strip_prefix(['-', '+'])?;
    let unit = digits.chars().last()?;
    let number: i64 = digits.strip_suffix(unit)?.parse().ok()?;
    let scale = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let ahead = number.checked_mul(if text.starts_with('-') { -scale } else { scale })?;
    now.checked_add(SignedDuration::from_secs(ahead)).ok()
}

/// Puts a time in place of every text in `value` that is nothing but a relative one.
pub(crate) fn resolve(value: &mut Value, now: Timestamp) {
    match value {
        Value::String(text) => {
            if let Some(time) = relative(text, now) {
                *text = seconds(time);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, now)),
        Value::Object(fields) => fields.values_mut().for_each(|field| resolve(field, now)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn relative_times_are_resolved_and_nothing_else_is() {
        let now: Timestamp = "2026-11-25T12:00:00.25Z".parse().unwrap();
        let mut value = json!({ "a": ["-3d", "-20m", "+1h", "-45s"], "b": "-v=5", "c": "-", "d": "-3", "e": "3d", "f": "-3dd" });
        resolve(&mut value, now);
        assert_eq!(
            value,
            json!({ "a": ["2026-11-22T12:00:00Z", "2026-11-25T11:40:00Z", "2026-11-25T13:00:00Z", "2026-11-25T11:59:15Z"],
                    "b": "-v=5", "c": "-", "d": "-3", "e": "3d", "f": "-3dd" })
        );
        assert_eq!(micros(now), "2026-11-25T12:00:00.250000Z");
    }
}
