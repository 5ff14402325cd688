//! Which eviction comes next: one at a time, a refused one again after a while.
//!
//! kubectl asks again every five seconds after a 429 and gives up on everything else; a broken connection or an
//! overloaded server in the middle of an upgrade is no reason to.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::requests::{Change, evict};
use super::select::{PodRef, Selection};
use crate::actions::ports::Answer;
use crate::text::Text;

/// How long a pod that was refused, or was let go and is still there, is left alone.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// How many answers in a row that are neither yes nor "not now" end a drain.
const MAX_ERRORS: u32 = 5;

/// What was tried of a drain so far. Forgotten when kubelift ends: a pod that is gone is not looked for again, and one
/// that is still there is asked for again.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    tried: BTreeMap<Text, Tried>,
}

#[derive(Debug, Clone)]
struct Tried {
    pod: PodRef,
    until: Timestamp,
    errors: u32,
    why: String,
}

impl Pace {
    /// The next eviction, if one is due.
    pub fn next(&self, selection: &Selection, now: Timestamp) -> Option<(PodRef, Change)> {
        let due = |pod: &&PodRef| self.tried.get(&pod.uid).is_none_or(|tried| tried.until <= now);
        let pod = selection.leave.iter().map(|leaves| &leaves.pod).find(due)?;
        Some((pod.clone(), evict(pod)))
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// Why the drain cannot go on.
    pub fn answered(
        &mut self,
        pod: PodRef,
        answer: &Result<Answer, String>,
        now: Timestamp,
    ) -> Result<(), String> {
        let errors = self.tried.get(&pod.uid).map_or(0, |tried| tried.errors);
        let (why, errors, wait) = match answer {
            Ok(answer) if answer.status < 300 => ("it is leaving".to_owned(), 0, AGAIN),
            // It is gone, or another pod has its name by now: either way not ours to evict.
            Ok(answer) if answer.status == 404 || answer.status == 409 => ("it is gone".to_owned(), 0, AGAIN),
            Ok(answer) if answer.status == 429 => {
                let asked = answer.retry_after.and_then(|wait| SignedDuration::try_from(wait).ok());
                (answer.message.to_string(), 0, asked.unwrap_or(AGAIN).clamp(AGAIN, AGAIN * 6))
            }
            Ok(answer) => (format!("{}: {}", answer.status, answer.message), errors + 1, AGAIN),
            Err(why) => (format!("no answer: {why}"), errors + 1, AGAIN),
        };
        if errors >= MAX_ERRORS {
            return Err(format!("{pod} could not be evicted {errors} times in a row: {why}"));
        }
        self.tried.insert(pod.uid.clone(), Tried { pod, until: now + wait, errors, why });
        Ok(())
    }

    /// What the drain waits for, of the pods that are still there.
    pub fn waits(&self, selection: &Selection) -> Vec<String> {
        let still = selection.leave.iter().map(|leaves| &leaves.pod).chain(&selection.leaving);
        still
            .map(|pod| match self.tried.get(&pod.uid) {
                Some(tried) => format!("{}: {}", tried.pod, tried.why),
                None => format!("{pod}: it is there"),
            })
            .collect()
    }
}
