//! Which eviction comes next: one at a time, a refused one again after a while.
//!
//! kubectl asks again every five seconds after a 429 and gives up on everything else; a broken connection or an
//! overloaded server in the middle of an upgrade is no reason to.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::forecast::Held;
use super::requests::{Change, evict};
use super::select::{PodRef, Selection};
use crate::actions::ports::Answer;
use crate::checks::common::list;
use crate::text::Text;

/// How long a pod that was refused is left alone.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// How long after it was let go a pod must still be seen to stay before it is asked for again: as long as pods usually take
/// to end.
const GONE: SignedDuration = SignedDuration::from_secs(30);

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
    until: Timestamp,
    errors: u32,
    why: String,
    /// Whether it was let go, or is gone.
    leaves: bool,
    /// Whether it was refused for certain; otherwise it may be leaving, and is looked at before it is asked for again.
    refused: bool,
}

impl Pace {
    /// The next eviction, if one is due. `seen` is the moment of which the selection is known.
    pub fn next(&self, selection: &Selection, seen: Timestamp, now: Timestamp) -> Option<(PodRef, Change)> {
        let is_over = |tried: &Tried| tried.until <= if tried.refused { now } else { seen };
        let due = |pod: &&PodRef| self.tried.get(&pod.uid).is_none_or(is_over);
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
            // With the second two it is gone, or another pod has its name by now: either way not ours to evict.
            Ok(answer) if answer.status < 300 || [404, 409].contains(&answer.status) => {
                (String::new(), 0, GONE)
            }
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
        let leaves = errors == 0 && !matches!(answer, Ok(answer) if answer.status == 429);
        let refused = !leaves && answer.is_ok();
        self.tried.insert(pod.uid.clone(), Tried { until: now + wait, errors, why, leaves, refused });
        Ok(())
    }

    /// What the drain waits for: each pod that was refused and why, then those that are on their way out, and how many
    /// were not asked yet.
    /// `held` are those that a budget holds, which says more than the answer to an eviction does.
    pub fn waits(&self, selection: &Selection, held: &[Held]) -> Vec<String> {
        let tried = |pod: &PodRef| self.tried.get(&pod.uid);
        let (mut waits, mut leaving, mut unasked) = (Vec::new(), Vec::new(), 0);
        for pod in selection.leave.iter().map(|leaves| &leaves.pod) {
            match tried(pod) {
                Some(Tried { leaves: true, .. }) => leaving.push(pod.to_string()),
                Some(refused) => {
                    let by = held.iter().find(|held| held.pod == *pod);
                    waits.push(format!("{pod}: {}", by.map_or(&refused.why, |held| &held.why)));
                }
                None => unasked += 1,
            }
        }
        leaving.extend(selection.leaving.iter().map(ToString::to_string));
        if !leaving.is_empty() {
            waits.push(format!(
                "{} on the way out: {}",
                list::count(leaving.len(), "pod"),
                list::names(&leaving)
            ));
        }
        if unasked > 0 {
            waits.push(format!("{} to be asked yet", list::count(unasked, "pod")));
        }
        waits
    }

    /// Whether every pod that is still there was refused.
    pub fn is_held_up(&self, selection: &Selection) -> bool {
        let refused = |pod: &PodRef| self.tried.get(&pod.uid).is_some_and(|tried| !tried.leaves);
        !selection.leave.is_empty()
            && selection.leaving.is_empty()
            && selection.leave.iter().all(|leaves| refused(&leaves.pod))
    }
}
