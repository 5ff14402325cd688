//! The simulation's time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

/// A clock that runs on from the moment at which the simulation began, as fast as it is told to.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    begin: Timestamp,
    since: Instant,
    /// Simulated seconds in a real one; 0 for a clock that only moves when it is pushed.
    speed: f64,
    pushed: Arc<Mutex<Duration>>,
}

impl Clock {
    /// A clock that shows `begin` now.
    pub(crate) fn new(begin: Timestamp, speed: f64) -> Self {
        let speed = if speed.is_finite() { speed.clamp(0.0, 1e6) } else { 1.0 };
        Self { begin, since: Instant::now(), speed, pushed: Arc::default() }
    }

    /// What it shows.
    pub(crate) fn now(&self) -> Timestamp {
        let pushed = *self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
        later(self.begin, self.since.elapsed().mul_f64(self.speed).saturating_add(pushed))
    }

    /// Pushes it ahead.
    pub(crate) fn push(&self, by: Duration) {
        let mut pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
        *pushed = pushed.saturating_add(by);
    }

    /// How long it really takes until it shows `time`; never, for a clock that stands.
    pub(crate) fn until(&self, time: Timestamp) -> Option<Duration> {
        if self.speed <= 0.0 {
            return None;
        }
        let ahead = Duration::try_from(time.duration_since(self.now())).unwrap_or_default();
        // A timer of a millisecond is the shortest there is.
        Some(ahead.div_f64(self.speed).max(Duration::from_millis(1)))
    }

    /// Simulated seconds in a real one.
    pub(crate) const fn speed(&self) -> f64 {
        self.speed
    }
}

/// The moment that lies so far behind `time`.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or_default();
    time.saturating_add(by).unwrap_or(time)
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
