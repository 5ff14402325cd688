//! How a step that was confirmed goes on to its end.

use std::time::Duration;

use jiff::SignedDuration;

use super::work::Work;
use super::{Active, Effect, Hands, Outcome, Runner};
use crate::actions::drain::{Selection, held, requests, select};
use crate::actions::journal::What;
use crate::actions::observed::{Condition, Holds, all, server_asked_at};
use crate::actions::plan::{Step, StepKind};
use crate::actions::ports::Output;
use crate::actions::steps::drain::consent;
use crate::evidence::objects::meta::CORDONED_BY;

/// How long a drain waits before it looks again.
const PAUSE: Duration = Duration::from_secs(1);

/// How many seconds more than twice as long as usual what a step is for may take to be seen.
const AFTER_PROBE: i64 = 60;

/// The same while its machine has not answered the probe: that it is slow to answer says nothing of the step.
const FOR_PROBE: i64 = 900;

/// How often in a row a machine may not answer before its step is called failed.
const MAX_SILENT: u32 = 120;

impl Runner {
    /// Takes up a step that the journal says was begun: confirmed just now, or by a kubelift before this one.
    pub(super) fn resume(&mut self) {
        let Some(seen) = &self.seen else { return };
        let open = seen.plan.steps().find_map(|step| {
            let attempt = self.journal.decisions().attempt(&step.id)?;
            attempt.is_open().then_some((step, attempt))
        });
        match (open, &self.work) {
            (Some((step, _)), Some(work)) if work.step == step.id => {}
            (Some((step, attempt)), _) => {
                let hands = match step.kind {
                    kind if kind.is_by_api() => Hands::Api,
                    StepKind::Manual => Hands::Operator,
                    _ if self.machines => Hands::Machine,
                    _ => Hands::Operator,
                };
                self.work = Some(Work::resumed(step, hands, attempt, self.journal.entries()));
            }
            // A list that could not be read just now makes a plan without steps, and ends nothing.
            (None, _) if self.lost().is_some() => {}
            (None, _) => self.work = None,
        }
    }

    /// Ends a step that was begun and is not in the plan of a cluster whose nodes were all read: its node is gone, or left to
    /// hand, and nothing will ever show its end.
    pub(super) fn give_up_lost(&mut self) {
        let whole = self.seen.as_ref().is_some_and(|seen| seen.evidence.objects.nodes.is_complete());
        let Some(step) = self.lost().filter(|_| whole).map(str::to_owned) else { return };
        let why = "the plan has no such step any more: its node is gone, or left to hand".to_owned();
        if self.write(What::Failed { step, why }).is_ok() {
            self.work = None;
        }
    }

    /// A step that was begun, has not ended, and is not in the plan.
    fn lost(&self) -> Option<&str> {
        let seen = self.seen.as_ref()?;
        let mut open = self.journal.decisions().attempts.iter().filter(|(_, attempt)| attempt.is_open());
        open.find(|(id, _)| seen.plan.step(id).is_none()).map(|(id, _)| id.as_str())
    }

    /// Looks if the step under way has come to its end.
    pub(super) fn look(&mut self) {
        if self.halted.is_some() {
            return;
        }
        let Some((step, work)) = self.current() else { return };
        let Some(said) = work.said else { return };
        let observed = all(&step.postcondition);
        let nothing_to_see = step.postcondition.is_empty();
        if observed == Holds::Yes || nothing_to_see {
            let seen = !nothing_to_see;
            let observed = step.postcondition.iter().map(|condition| condition.what.clone()).collect();
            let ended = What::Ended { step: step.id.clone(), seen, observed };
            if self.has_settled() && self.write(ended).is_ok() {
                self.end_work();
                self.renew_plan();
            }
            return;
        }
        let open: Vec<String> = step
            .postcondition
            .iter()
            .filter(|condition| condition.holds != Holds::Yes)
            .map(not_seen)
            .collect();
        let answered = self.is_probed(work);
        let patience = i64::from(step.expected_seconds) * 2 + if answered { AFTER_PROBE } else { FOR_PROBE };
        let waited = self.clock.now().duration_since(said);
        let late = work.hands == Hands::Machine && waited > SignedDuration::from_secs(patience);
        let why = open.first().cloned().unwrap_or_default();
        if let Some(work) = &mut self.work {
            (work.waits, work.seen_since) = (open, None);
        }
        if late && answered {
            self.fail(&format!("its commands ended well, but what they are for is not seen: {why}"));
        } else if late {
            self.fail(&format!(
                "its commands ended well, but its machine says nothing of itself since: {why}"
            ));
        }
    }

    /// Whether what the step under way is for has been observed for long enough, from the first time that its API server
    /// was asked to the last: that time goes by shows nothing.
    fn has_settled(&mut self) -> bool {
        let Some((step, work)) = self.current() else { return false };
        let settle = step.settle_seconds;
        if settle == 0 {
            return true;
        }
        let (seen, node) = (self.seen.as_ref(), step.node.as_ref());
        let asked = seen.zip(node).and_then(|(seen, node)| server_asked_at(&seen.evidence, node));
        let Some(asked) = asked else { return false };
        let since = work.seen_since.unwrap_or(asked);
        let settled = asked.duration_since(since) >= SignedDuration::from_secs(settle.into());
        if let Some(work) = &mut self.work {
            work.seen_since = Some(since);
            work.waits = vec![format!("all of it is seen, and must stay so for {settle} s")];
        }
        settled
    }

    /// Whether its machine has said what it is like since the commands of the step under way.
    fn is_probed(&self, work: &Work) -> bool {
        let Some((seen, node)) = self.seen.as_ref().zip(work.node.as_ref()) else { return true };
        seen.evidence.facts_of(node).is_ok_and(|(facts, _)| facts.nonce.as_ref() == Some(&work.nonce))
    }

    /// What is to be done next, if something is; its intent is on the disk when this comes back.
    pub fn next_effect(&mut self) -> Option<Effect> {
        if self.halted.is_some() {
            return None;
        }
        let (step, work) = self.current()?;
        if work.busy {
            return None;
        }
        let (kind, hands, id) = (step.kind, work.hands, step.id.clone());
        let waiting = work.said.is_some();
        if self.stopping && (waiting || hands == Hands::Operator) {
            // Nothing of it is kubelift's to end: without this nobody could leave a step whose end never comes.
            self.fail("stopped by the operator while its end was waited for");
            return None;
        }
        // A command that runs goes on: behind it is the safe point.
        if self.stopping && !work.started {
            self.fail(if work.meant {
                "stopped by the operator; the line that was to be started may run: its machine did not answer"
            } else {
                "stopped by the operator at a safe point"
            });
            return None;
        }
        if waiting {
            return None;
        }
        let effect = match (hands, kind) {
            (Hands::Operator, _) => None,
            (Hands::Machine, _) => self.next_on_machine(&id),
            (Hands::Api, StepKind::Drain) => self.next_of_drain(&id),
            (Hands::Api, _) => self.next_of_uncordon(&id),
        }?;
        if let Some(work) = &mut self.work {
            work.busy = true;
        }
        Some(effect)
    }

    /// Takes what came of an effect.
    pub fn outcome(&mut self, outcome: Outcome) {
        if let Some(work) = &mut self.work {
            work.busy = false;
        }
        match outcome {
            Outcome::Answered(change, pod, answer) => self.answered(&change, pod, &answer),
            Outcome::Started(Ok(())) => {
                if let Some(work) = &mut self.work {
                    (work.started, work.silent) = (true, 0);
                }
            }
            Outcome::Looked(Ok(output)) => self.printed(&output),
            Outcome::Started(Err(why)) | Outcome::Looked(Err(why)) => self.silent(&why),
            Outcome::Waited => {}
        }
        self.look();
    }

    fn current(&self) -> Option<(&Step, &Work)> {
        let work = self.work.as_ref()?;
        Some((self.seen.as_ref()?.plan.step(&work.step)?, work))
    }

    fn next_on_machine(&mut self, id: &str) -> Option<Effect> {
        let effect = self.work.as_ref()?.next_on_machine();
        match effect {
            Some(Effect::Start { node, unit, line }) => {
                let started =
                    What::Started { step: id.to_owned(), unit: unit.clone(), command: line.clone() };
                self.write(started).ok()?;
                self.work.as_mut()?.meant = true;
                Some(Effect::Start { node, unit, line })
            }
            Some(other) => Some(other),
            None => {
                self.say(id);
                None
            }
        }
    }

    fn next_of_drain(&mut self, id: &str) -> Option<Effect> {
        let seen = self.seen.as_ref()?;
        let name = self.work.as_ref()?.node.clone()?;
        let node = seen.evidence.objects.nodes.items.iter().find(|node| node.metadata.name == name)?;
        let owner = self.journal.decisions().owner.clone();
        if node.spec.unschedulable != Some(true) {
            let cordon_seen = self.work.as_ref()?.cordon_seen;
            if self.work.as_ref()?.over > 0 && !cordon_seen {
                // It was sent: its effect is on its way to us.
                self.work.as_mut()?.waits =
                    vec![format!("the cordon of {name}, which was answered well, to be seen")];
                return Some(Effect::Wait(PAUSE));
            }
            let cordon = requests::cordon(&name, &owner);
            if cordon_seen || !self.work.as_ref()?.commands.contains(&cordon.to_string()) {
                self.fail(&format!("{name} was uncordoned meanwhile by whoever had cordoned it"));
                return None;
            }
            return self.send(id, cordon, None);
        }
        let gap = seen.evidence.objects.pods.gaps().into_iter().next();
        let selection = select(&seen.evidence, &name);
        let now = self.clock.now();
        let pods_seen = seen.evidence.objects.pods.state().as_of.unwrap_or(seen.evidence.at);
        let work = self.work.as_mut()?;
        work.cordon_seen = true;
        let left = selection.leave.len() + selection.leaving.len();
        // Its commands are the cordon, if it is ours, and an eviction a pod.
        let cordons = work.commands.iter().filter(|request| request.starts_with("PATCH ")).count();
        work.over = work.commands.len().saturating_sub(left).max(cordons);
        work.waits = work.pace.waits(&selection, &held(&seen.evidence, &selection));
        work.held_up = work.pace.is_held_up(&selection);
        if selection.leave.is_empty() && selection.leaving.is_empty() {
            if let Some(gap) = gap {
                // No pod seen is not an empty node: a server that has just started lists nothing to anybody.
                work.waits = vec![format!("the pods of {name} to be read ({gap})")];
                return Some(Effect::Wait(PAUSE));
            }
            self.say(id);
            return None;
        }
        if let Some(new) = self.unconsented(&selection) {
            self.fail(&new);
            return None;
        }
        match self.work.as_ref()?.pace.next(&selection, pods_seen, now) {
            Some((pod, change)) if self.work.as_ref()?.commands.contains(&change.to_string()) => {
                self.send(id, change, Some(pod))
            }
            // Nothing runs that was not shown.
            Some((pod, _)) => {
                self.fail(&format!("{pod} came to the node since this was confirmed: trying again shows it"));
                None
            }
            None => Some(Effect::Wait(PAUSE)),
        }
    }

    /// A pod that came to the node since the confirmation, and would be lost.
    fn unconsented(&self, selection: &Selection) -> Option<String> {
        let consents = &self.journal.decisions().consents;
        let new = selection.leave.iter().find_map(|leaves| {
            leaves.lost.filter(|_| !consents.contains(&consent(&leaves.pod))).map(|lost| (leaves, lost))
        });
        new.map(|(leaves, lost)| format!("{} came to the node meanwhile: {lost}", leaves.pod))
    }

    fn next_of_uncordon(&mut self, id: &str) -> Option<Effect> {
        let work = self.work.as_ref()?;
        let name = work.node.clone()?;
        let nodes = &self.seen.as_ref()?.evidence.objects.nodes;
        let node = nodes.items.iter().find(|node| node.metadata.name == name)?;
        // Another's cordon is not taken away; of one that was opened by hand our mark is, or the next cordon would look like ours.
        let ours = node.metadata.annotations.get(CORDONED_BY) == Some(&self.journal.decisions().owner);
        if work.over > 0 || !ours {
            self.say(id);
            return None;
        }
        self.send(id, requests::uncordon(&name), None)
    }

    fn send(
        &mut self,
        id: &str,
        change: requests::Change,
        pod: Option<crate::actions::drain::PodRef>,
    ) -> Option<Effect> {
        self.write(What::Requested { step: id.to_owned(), request: change.to_string() }).ok()?;
        Some(Effect::Send { change, pod })
    }

    fn answered(
        &mut self,
        change: &requests::Change,
        pod: Option<crate::actions::drain::PodRef>,
        answer: &Result<crate::actions::ports::Answer, String>,
    ) {
        let Some(work) = &mut self.work else { return };
        let (status, message) = match answer {
            Ok(answer) => (Some(answer.status), answer.message.clone()),
            Err(why) => (None, why.as_str().into()),
        };
        let (step, request) = (work.step.clone(), format!("{} {}", change.method, change.path));
        let good = status.is_some_and(|status| status < 300);
        let now = self.clock.now();
        let failed = match pod {
            Some(pod) => work.pace.answered(pod, answer, now).err(),
            None if good => {
                work.over += 1;
                None
            }
            // If the cordon cannot be had, the drain does not begin.
            None => Some(format!("{request}: {}", message)),
        };
        if self.write(What::Answered { step, request, status, message }).is_ok()
            && let Some(why) = failed
        {
            self.fail(&why);
        }
    }

    fn printed(&mut self, output: &Output) {
        let Some(work) = &mut self.work else { return };
        work.silent = 0;
        work.print(&output.lines);
        let Some(code) = output.exit else { return };
        let (step, unit) = (work.step.clone(), work.unit());
        let line = work.commands.get(work.over).cloned().unwrap_or_default();
        let last = work.output.back().map(ToString::to_string).unwrap_or_default();
        if self.write(What::Exited { step, unit, code }).is_err() {
            return;
        }
        if code != 0 {
            self.fail(&format!("`{line}` ended with {code}: {last}"));
        } else if let Some(work) = &mut self.work {
            (work.over, work.lines) = (work.over + 1, 0);
            (work.started, work.meant) = (false, false);
        }
    }

    fn silent(&mut self, why: &str) {
        let Some(work) = &mut self.work else { return };
        work.silent += 1;
        work.waits = vec![format!("the machine does not answer: {why}")];
        if work.silent > MAX_SILENT {
            self.fail(&format!("the machine does not answer, and what runs there may go on: {why}"));
        }
    }

    /// The commands are over: what is left is to observe it.
    fn say(&mut self, id: &str) {
        let now = self.clock.now();
        if self.write(What::Said { step: id.to_owned() }).is_ok()
            && let Some(work) = &mut self.work
        {
            work.said = Some(now);
        }
    }

    pub(super) fn fail(&mut self, why: &str) {
        let Some(step) = self.work.as_ref().map(|work| work.step.clone()) else { return };
        if self.write(What::Failed { step, why: why.to_owned() }).is_ok() {
            self.end_work();
            self.renew_plan();
        }
    }

    /// Keeps what the step printed last, for whoever looks why it ended; its commands are in the journal.
    fn end_work(&mut self) {
        let view = self.work.take().map(|work| work.view(&self.settings));
        self.last = view.map(|view| Active { commands: Vec::new(), waits: Vec::new(), ..view });
    }

    /// Makes the plan anew from what was last observed, and does not look at the work.
    fn renew_plan(&mut self) {
        if let Some(seen) = &mut self.seen {
            let decisions = self.journal.decisions();
            seen.plan = crate::actions::plan::plan(
                &seen.evidence,
                &seen.target,
                &seen.findings,
                &self.settings,
                decisions,
            );
        }
    }
}

fn not_seen(condition: &Condition) -> String {
    if condition.why.is_empty() {
        condition.what.clone()
    } else {
        format!("{}: {}", condition.what, condition.why)
    }
}
