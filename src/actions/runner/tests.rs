//! The runner: what may be begun, what ends a step, what is on the disk before it happens.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::*;
use crate::actions::plan::Consent;
use crate::actions::ports::{Answer, Output, Store};
use crate::actions::steps::testing::{at_target, ready_to_upgrade};
use crate::actions::testing::{Counting, Memory, SetClock};
use crate::checks::testing::World;

/// A runner on a hand-built cluster.
struct Bench {
    world: World,
    store: Arc<Memory>,
    clock: Arc<SetClock>,
    machines: bool,
    runner: Runner,
}

impl Bench {
    fn new(machines: bool) -> Self {
        Self::on(ready_to_upgrade(), machines)
    }

    fn on(world: World, machines: bool) -> Self {
        let (store, clock) = (Arc::new(Memory::default()), Arc::new(SetClock::default()));
        let runner = runner(&store, &clock, machines, &world);
        let mut bench = Self { world, store, clock, machines, runner };
        bench.observe();
        bench
    }

    fn observe(&mut self) {
        let target = self.world.target("1.31.14");
        self.runner.observe(Arc::new(self.world.evidence.clone()), &target, Arc::from([]));
    }

    /// The process is killed, and another takes the journal.
    fn killed(&mut self) {
        let bytes = self.store.bytes.lock().unwrap().clone();
        self.store = Arc::new(Memory { bytes: bytes.into(), ..Memory::default() });
        self.runner = runner(&self.store, &self.clock, self.machines, &self.world);
        self.observe();
    }

    fn view(&self) -> Upgrade {
        self.runner.view().unwrap()
    }

    fn state(&self, id: &str) -> StepState {
        self.view().plan.step(id).unwrap().state
    }

    fn run(&mut self, id: &str, answer: &str) -> Result<(), Refusal> {
        let view = self.view();
        let seen = seen(&view.plan, view.plan.step(id).unwrap());
        self.runner.order(Order::Run { step: id.to_owned(), seen, answer: answer.to_owned() })
    }

    /// Leaves out everything before a step.
    fn skip_to(&mut self, id: &str) {
        while self.view().plan.next().unwrap().id != id {
            let step = self.view().plan.next().unwrap().id.clone();
            self.runner.order(Order::Skip { step, reason: "for the test".to_owned() }).unwrap();
        }
    }

    /// The words of the journal's entries, as it stands on the disk.
    fn on_disk(&self) -> Vec<String> {
        let text = String::from_utf8(self.store.read().unwrap()).unwrap();
        text.lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(&line[65..]).unwrap()["what"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    /// A probe of a node that returns a nonce, and saw kubeadm at a version.
    fn probed(&mut self, node: &str, nonce: &str, kubeadm: &str) {
        self.world.facts(node, |facts| {
            facts.nonce = Some(nonce.into());
            facts.kubeadm.as_mut().unwrap().version = Some(format!("v{kubeadm}").into());
            for package in
                facts.packages.as_mut().unwrap().installed.iter_mut().filter(|p| p.name == *"kubeadm")
            {
                package.version = Some(format!("{kubeadm}-1.1").into());
            }
        });
        self.observe();
    }
}

fn runner(store: &Arc<Memory>, clock: &Arc<SetClock>, machines: bool, world: &World) -> Runner {
    let store: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    let journal = Journal::open(store, Arc::clone(&clock), "me@desk").unwrap();
    let ports: (Arc<dyn Clock>, Arc<dyn Chance>) = (clock, Arc::new(Counting::default()));
    Runner::open(journal, "memory", &world.target("1.31.14"), Settings::default(), machines, ports).unwrap()
}

fn good() -> Result<Answer, String> {
    Ok(Answer { status: 200, message: "".into(), retry_after: None })
}

fn refused(status: u16) -> Result<Answer, String> {
    Ok(Answer { status, message: "not now".into(), retry_after: None })
}

#[test]
fn by_hand_a_step_ends_when_it_was_said_and_seen_and_not_before() {
    let mut bench = Bench::new(false);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    assert_eq!(bench.on_disk().last().unwrap(), "began");
    let active = bench.view().active.unwrap();
    assert_eq!((active.hands, active.nonce.as_str()), (Hands::Operator, "nonce-1"));
    assert!(active.probe.contains("KUBELIFT_NONCE=nonce-1"), "{}", active.probe);
    assert_eq!(bench.runner.next_effect(), None, "nothing is done for the operator");

    let said = Order::Said { step: "package/cp1".to_owned() };
    bench.runner.order(said).unwrap();
    assert_eq!(bench.state("package/cp1"), StepState::Waiting, "said too early: {:?}", bench.view().active);

    bench.probed("cp1", "of an older step", "1.31.14");
    assert_eq!(bench.state("package/cp1"), StepState::Waiting, "a probe from before proves nothing");
    bench.probed("cp1", "nonce-1", "1.30.4");
    assert_eq!(bench.state("package/cp1"), StepState::Waiting, "said falsely: the old kubeadm is there");
    let waits = bench.view().active.unwrap().waits.join("; ");
    assert!(waits.contains("it says v1.30.4"), "{waits}");

    bench.probed("cp1", "nonce-1", "1.31.14");
    assert_eq!(bench.state("package/cp1"), StepState::Done);
    assert!(bench.view().active.is_none());
    assert_eq!(bench.on_disk().last().unwrap(), "ended");
}

#[test]
fn an_upgrade_is_from_where_it_started_also_when_its_api_servers_are_upgraded() {
    let mut bench = Bench::new(false);
    let from = bench.view().plan.from;
    assert_ne!(from.to_string(), "1.31.14");
    assert_eq!(bench.view().began, bench.view().at, "no step was confirmed yet");
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    let since = bench.view().active.unwrap().since;
    bench.clock.pass(60);
    for _ in 0..2 {
        let there = "1.31.14".parse::<Version>().unwrap();
        let target = Target { from: there.clone(), to: there, chosen: false };
        bench.runner.observe(Arc::new(bench.world.evidence.clone()), &target, Arc::from([]));
        assert_eq!((bench.view().plan.from, bench.view().began), (from.clone(), since));
        bench.killed();
    }
}

#[test]
fn what_is_observed_but_not_said_is_not_over_by_hand() {
    let mut bench = Bench::new(false);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    bench.probed("cp1", "nonce-1", "1.31.14");
    assert!(bench.view().active.is_some(), "the command may not have come back yet");
    bench.runner.order(Order::Said { step: "package/cp1".to_owned() }).unwrap();
    assert_eq!(bench.state("package/cp1"), StepState::Done);
}

#[test]
fn only_the_next_step_as_it_was_shown_may_run() {
    let mut bench = Bench::new(false);
    let later = bench.run("kubelet/w1", "restart").unwrap_err();
    assert!(matches!(later, Refusal::NotNow(_)), "{later}");
    bench.skip_to("package/cp1");
    let shown = seen(&bench.view().plan, bench.view().plan.step("package/cp1").unwrap());
    bench.world.facts("cp1", |facts| facts.packages.as_mut().unwrap().repositories[0].line = Some(7));
    bench.observe();
    let order = Order::Run { step: "package/cp1".to_owned(), seen: shown, answer: String::new() };
    assert_eq!(bench.runner.order(order), Err(Refusal::Changed));
    assert!(bench.view().active.is_none());
}

#[test]
fn what_is_typed_must_be_the_name() {
    let mut bench = Bench::new(false);
    bench.world.facts("cp1", |facts| facts.kubeadm.as_mut().unwrap().version = Some("v1.31.14".into()));
    bench.observe();
    bench.skip_to("upgrade-apply/cp1");
    let wrong = bench.run("upgrade-apply/cp1", "cp1").unwrap_err();
    assert!(matches!(wrong, Refusal::Answer { .. }), "{wrong}");
    bench.run("upgrade-apply/cp1", "prod").unwrap();
}

#[test]
fn a_journal_that_cannot_be_written_stops_changes() {
    let mut bench = Bench::new(true);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    bench.store.full.store(true, Ordering::SeqCst);
    assert_eq!(bench.runner.next_effect(), None, "no intent on the disk, no effect");
    assert!(bench.view().halted.unwrap().contains("no space left"));
    assert!(matches!(bench.runner.order(Order::Stop), Err(Refusal::Halted(_))));
}

#[test]
fn on_a_machine_one_line_after_the_other_and_a_failure_stops() {
    let mut bench = Bench::new(true);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    let commands = bench.view().active.unwrap().commands;
    let Some(Effect::Start { node, unit, line }) = bench.runner.next_effect() else {
        panic!("a line starts")
    };
    assert_eq!((node.as_str(), unit.as_str(), &line), ("cp1", "kubelift-nonce-1-0", &commands[0]));
    assert_eq!(bench.on_disk().last().unwrap(), "started");
    assert_eq!(bench.runner.next_effect(), None, "one thing at a time");
    bench.runner.outcome(Outcome::Started(Ok(())));
    assert!(matches!(bench.runner.next_effect(), Some(Effect::Look { from: 0, .. })));
    bench.runner.outcome(Outcome::Looked(Ok(Output { lines: vec!["ok".to_owned()], exit: Some(0) })));
    assert_eq!(bench.view().active.unwrap().over, 1);

    let Some(Effect::Start { unit, .. }) = bench.runner.next_effect() else { panic!("the next line starts") };
    assert_eq!(unit, "kubelift-nonce-1-1");
    bench.runner.outcome(Outcome::Started(Ok(())));
    bench.runner.next_effect();
    let locked = "E: Could not get lock /var/lib/dpkg/lock-frontend".to_owned();
    bench.runner.outcome(Outcome::Looked(Ok(Output { lines: vec![locked], exit: Some(100) })));
    assert_eq!(bench.state("package/cp1"), StepState::Failed);
    let why = bench.view().plan.step("package/cp1").unwrap().why.clone();
    assert!(why.contains("ended with 100") && why.contains("lock-frontend"), "{why}");
    let last = bench.view().last.unwrap();
    assert!(last.output.last().unwrap().contains("lock-frontend"), "what it printed is still to be seen");
    bench.runner.order(Order::Retry { step: "package/cp1".to_owned() }).unwrap();
    assert_eq!(bench.state("package/cp1"), StepState::Ready);
}

#[test]
fn lines_that_end_well_and_change_nothing_are_a_failure_in_the_end() {
    let mut bench = Bench::new(true);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    for _ in 0..bench.view().active.unwrap().commands.len() {
        assert!(matches!(bench.runner.next_effect(), Some(Effect::Start { .. })));
        bench.runner.outcome(Outcome::Started(Ok(())));
        bench.runner.next_effect();
        bench.runner.outcome(Outcome::Looked(Ok(Output { lines: Vec::new(), exit: Some(0) })));
    }
    assert_eq!(bench.runner.next_effect(), None);
    let wanted = bench.runner.wants_probe().map(|(node, nonce)| (node.to_string(), nonce.to_string()));
    assert_eq!(wanted, Some(("cp1".to_owned(), "nonce-1".to_owned())));
    bench.clock.pass(100);
    bench.probed("cp1", "nonce-1", "1.30.4");
    assert_eq!(bench.state("package/cp1"), StepState::Waiting);
    bench.clock.pass(100);
    bench.runner.look_again();
    assert_eq!(bench.state("package/cp1"), StepState::Failed);
}

#[test]
fn a_machine_that_is_slow_to_answer_the_probe_has_failed_nothing_for_long() {
    let mut bench = Bench::new(true);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    for _ in 0..bench.view().active.unwrap().commands.len() {
        bench.runner.next_effect();
        bench.runner.outcome(Outcome::Started(Ok(())));
        bench.runner.next_effect();
        bench.runner.outcome(Outcome::Looked(Ok(Output { lines: Vec::new(), exit: Some(0) })));
    }
    assert_eq!(bench.runner.next_effect(), None);
    bench.clock.pass(600);
    bench.runner.look_again();
    assert_eq!(bench.state("package/cp1"), StepState::Waiting);
    bench.clock.pass(600);
    bench.runner.look_again();
    let why = bench.view().plan.step("package/cp1").unwrap().why.clone();
    assert!(why.contains("its machine says nothing of itself since"), "{why}");
}

#[test]
fn a_killed_kubelift_goes_on_with_the_line_that_runs() {
    let mut bench = Bench::new(true);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    bench.runner.next_effect();
    bench.runner.outcome(Outcome::Started(Ok(())));
    bench.runner.next_effect();
    bench.runner.outcome(Outcome::Looked(Ok(Output { lines: Vec::new(), exit: Some(0) })));
    let Some(Effect::Start { unit: before, .. }) = bench.runner.next_effect() else {
        panic!("the second line")
    };
    bench.killed();
    let Some(Effect::Start { unit: after, line, .. }) = bench.runner.next_effect() else {
        panic!("the same line")
    };
    assert_eq!(before, after, "a unit that exists is not started twice");
    assert_eq!(line, bench.view().active.unwrap().commands[1]);
}

#[test]
fn a_killed_kubelift_does_not_ask_again_for_what_is_done() {
    let mut bench = Bench::new(false);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    bench.killed();
    assert_eq!(bench.view().active.unwrap().step, "package/cp1");
    bench.runner.order(Order::Said { step: "package/cp1".to_owned() }).unwrap();
    bench.killed();
    bench.probed("cp1", "nonce-1", "1.31.14");
    assert_eq!(bench.state("package/cp1"), StepState::Done);
}

/// A cluster whose control planes are upgraded; w1 has one pod of a Deployment.
fn at_workers() -> World {
    let mut world = ready_to_upgrade();
    for node in ["cp1", "cp2", "cp3"] {
        at_target(&mut world, node, "1.31.14");
    }
    world.pod(json!({
        "metadata": { "namespace": "shop", "name": "web-1", "uid": "u-web-1",
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "controller": true }] },
        "spec": { "nodeName": "w1", "containers": [{ "name": "web", "image": "web:1" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } }));
    world
}

#[test]
fn a_step_whose_end_never_comes_is_left_by_a_stop_and_tried_again_or_left_out() {
    let mut bench = Bench::new(false);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    bench.runner.order(Order::Said { step: "package/cp1".to_owned() }).unwrap();
    bench.observe();
    assert_eq!(bench.state("package/cp1"), StepState::Waiting);
    bench.runner.order(Order::Stop).unwrap();
    assert_eq!(bench.runner.next_effect(), None);
    bench.observe();
    let failed = bench.view().plan.step("package/cp1").unwrap().clone();
    assert_eq!((failed.state, failed.why.starts_with("stopped by the operator")), (StepState::Failed, true));

    let skip = Order::Skip { step: failed.id.clone(), reason: "a slip".to_owned() };
    bench.runner.order(skip).unwrap();
    assert_eq!(bench.state("package/cp1"), StepState::Skipped);
    bench.runner.order(Order::Retry { step: failed.id }).unwrap();
    assert_eq!(bench.state("package/cp1"), StepState::Ready, "what was left out can be taken in again");
}

#[test]
fn a_drain_whose_node_is_opened_again_fails_and_says_so() {
    let mut bench = Bench::on(at_workers(), false);
    bench.skip_to("drain/w1");
    bench.run("drain/w1", "w1").unwrap();
    let Some(Effect::Send { change, .. }) = bench.runner.next_effect() else { panic!("the cordon") };
    bench.runner.outcome(Outcome::Answered(change, None, good()));
    let cordon = |bench: &mut Bench, on: bool| {
        bench.world.edit_node("w1", |node| {
            node.spec.unschedulable = on.then_some(true);
            node.metadata.annotations =
                serde_json::from_value(json!({ "kubelift.io/cordoned-by": "me@desk" })).unwrap();
        });
        bench.observe();
    };
    cordon(&mut bench, true);
    let Some(Effect::Send { change, pod }) = bench.runner.next_effect() else { panic!("an eviction") };
    bench.runner.outcome(Outcome::Answered(change, pod, refused(429)));
    cordon(&mut bench, false);
    bench.runner.next_effect();
    bench.observe();
    let step = bench.view().plan.step("drain/w1").unwrap().clone();
    assert_eq!(step.state, StepState::Failed, "it is not cordoned over somebody's head");
    assert!(step.why.contains("w1 was uncordoned meanwhile"), "{}", step.why);
}

#[test]
fn a_drain_cordons_first_and_evicts_what_it_showed_until_the_node_is_empty() {
    let mut bench = Bench::on(at_workers(), false);
    bench.skip_to("drain/w1");
    let commands = bench.view().plan.step("drain/w1").unwrap().commands.clone();
    bench.run("drain/w1", "w1").unwrap();
    let Some(Effect::Send { change, pod: None }) = bench.runner.next_effect() else { panic!("the cordon") };
    assert_eq!(change.to_string(), commands[0], "what was shown is what is sent");
    assert!(change.body.contains("me@desk"), "{}", change.body);
    assert_eq!(bench.on_disk().last().unwrap(), "requested");
    bench.runner.outcome(Outcome::Answered(change, None, good()));
    assert!(matches!(bench.runner.next_effect(), Some(Effect::Wait(_))), "its effect is not seen yet");
    bench.runner.outcome(Outcome::Waited);

    bench.world.edit_node("w1", |node| {
        node.spec.unschedulable = Some(true);
        node.metadata.annotations =
            serde_json::from_value(json!({ "kubelift.io/cordoned-by": "me@desk" })).unwrap();
    });
    bench.observe();
    let Some(Effect::Send { change, pod }) = bench.runner.next_effect() else { panic!("an eviction") };
    assert_eq!(change.to_string(), commands[1]);
    assert!(change.body.contains(r#""preconditions":{"uid":"u-web-1"}"#), "{}", change.body);
    bench.runner.outcome(Outcome::Answered(change, pod, refused(429)));
    assert!(matches!(bench.runner.next_effect(), Some(Effect::Wait(_))), "not again at once");
    bench.runner.outcome(Outcome::Waited);
    assert_eq!(bench.view().active.unwrap().waits, ["shop/web-1: not now"]);
    assert_eq!((bench.view().active.unwrap().over, bench.state("drain/w1")), (1, StepState::Waiting));
    bench.clock.pass(6);
    let Some(Effect::Send { change, pod }) = bench.runner.next_effect() else { panic!("the eviction again") };
    bench.runner.outcome(Outcome::Answered(change, pod, good()));
    assert!(matches!(bench.runner.next_effect(), Some(Effect::Wait(_))), "it is on its way");
    assert_eq!(bench.view().active.unwrap().waits, ["1 pod on the way out: shop/web-1"]);
    assert_eq!(bench.state("drain/w1"), StepState::Running);
    bench.runner.outcome(Outcome::Waited);
    bench.clock.pass(3_600);
    assert!(matches!(bench.runner.next_effect(), Some(Effect::Wait(_))), "nothing newer was seen of it");
    bench.runner.outcome(Outcome::Waited);

    bench.world.remove_pod("web-1");
    bench.observe();
    assert_eq!(bench.runner.next_effect(), None);
    bench.observe();
    assert_eq!(bench.state("drain/w1"), StepState::Done);
}

#[test]
fn a_pod_that_would_be_lost_needs_its_name_and_one_that_comes_later_stops_the_drain() {
    let mut world = at_workers();
    let bare = |name: &str| {
        json!({ "metadata": { "namespace": "shop", "name": name, "uid": name },
            "spec": { "nodeName": "w1", "containers": [] }, "status": { "phase": "Running" } })
    };
    world.pod(bare("debug"));
    let mut bench = Bench::on(world, false);
    bench.skip_to("drain/w1");
    assert_eq!(bench.state("drain/w1"), StepState::Blocked);
    let consent =
        Consent { code: "PodLeavesForGood".to_owned(), subject: "shop/debug, UID debug".to_owned() };
    let order = |answer: &str| Order::Consent {
        step: "drain/w1".to_owned(),
        consent: consent.clone(),
        answer: answer.to_owned(),
    };
    assert!(matches!(bench.runner.order(order("yes")), Err(Refusal::Answer { .. })));
    bench.runner.order(order("debug")).unwrap();
    bench.run("drain/w1", "w1").unwrap();
    bench.world.edit_node("w1", |node| node.spec.unschedulable = Some(true));
    bench.world.pod(bare("debug-2"));
    bench.observe();
    assert_eq!(bench.runner.next_effect(), None);
    assert_eq!(bench.state("drain/w1"), StepState::Failed);
}

#[test]
fn a_cordon_of_somebody_else_is_asked_about_and_stays() {
    let mut world = at_workers();
    world.edit_node("w1", |node| node.spec.unschedulable = Some(true));
    let mut bench = Bench::on(world, false);
    bench.skip_to("drain/w1");
    let step = bench.view().plan.step("drain/w1").unwrap().clone();
    assert_eq!(step.state, StepState::Blocked);
    assert!(!step.commands.iter().any(|line| line.starts_with("PATCH")), "{:?}", step.commands);
    let consent = step.held_by[0].consent.clone();
    let order = Order::Consent { step: step.id.clone(), consent, answer: "CordonedByAnother".to_owned() };
    bench.runner.order(order).unwrap();
    bench.run("drain/w1", "w1").unwrap();
    let Some(Effect::Send { change, pod: Some(_) }) = bench.runner.next_effect() else {
        panic!("an eviction")
    };
    assert_eq!(change.method, "POST");

    at_target(&mut bench.world, "w1", "1.31.14");
    bench.observe();
    let uncordon = bench.view().plan.step("uncordon/w1").unwrap().clone();
    assert_eq!((uncordon.state, uncordon.title.as_str()), (StepState::Done, "leave w1 cordoned"));
    assert_eq!(uncordon.commands, [""; 0]);
}

#[test]
fn a_pod_that_came_since_the_confirmation_is_not_evicted_unseen() {
    let mut bench = Bench::on(at_workers(), false);
    bench.skip_to("drain/w1");
    bench.run("drain/w1", "w1").unwrap();
    bench.world.edit_node("w1", |node| {
        node.spec.unschedulable = Some(true);
        node.metadata.annotations =
            serde_json::from_value(json!({ "kubelift.io/cordoned-by": "me@desk" })).unwrap();
    });
    bench.world.edit_pod("web-1", |pod| pod.metadata.uid = "another".into());
    bench.observe();
    assert_eq!(bench.runner.next_effect(), None);
    assert_eq!(bench.state("drain/w1"), StepState::Failed);
}

#[test]
fn a_drain_is_stopped_between_two_evictions_and_taken_up_again() {
    let mut bench = Bench::on(at_workers(), false);
    bench.skip_to("drain/w1");
    bench.run("drain/w1", "w1").unwrap();
    bench.runner.order(Order::Stop).unwrap();
    assert_eq!(bench.runner.next_effect(), None);
    assert_eq!(bench.state("drain/w1"), StepState::Failed);
    bench.runner.order(Order::Retry { step: "drain/w1".to_owned() }).unwrap();
    assert_eq!(bench.state("drain/w1"), StepState::Ready);
}

#[test]
fn after_a_kill_patience_counts_from_the_end_of_the_commands_not_from_the_begin_of_the_step() {
    let mut bench = Bench::new(true);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    // The lines take much longer than expected.
    bench.clock.pass(3_600);
    for _ in 0..bench.view().active.unwrap().commands.len() {
        bench.runner.next_effect();
        bench.runner.outcome(Outcome::Started(Ok(())));
        bench.runner.next_effect();
        bench.runner.outcome(Outcome::Looked(Ok(Output { lines: Vec::new(), exit: Some(0) })));
    }
    assert_eq!((bench.runner.next_effect(), bench.on_disk().last().unwrap().as_str()), (None, "said"));
    bench.killed();
    assert_eq!(bench.state("package/cp1"), StepState::Waiting, "its probe is still to come");
    bench.probed("cp1", "nonce-1", "1.31.14");
    assert_eq!(bench.state("package/cp1"), StepState::Done);
}

/// w1 is to be uncordoned, and was cordoned by `owner`.
fn at_uncordon(owner: &str) -> Bench {
    let mut world = at_workers();
    at_target(&mut world, "w1", "1.31.14");
    cordon(&mut world, "me@desk");
    let mut bench = Bench::on(world, false);
    bench.skip_to("uncordon/w1");
    bench.run("uncordon/w1", "").unwrap();
    cordon(&mut bench.world, owner);
    bench
}

fn cordon(world: &mut World, owner: &str) {
    let mark = crate::evidence::objects::meta::CORDONED_BY;
    world.edit_node("w1", |node| {
        node.spec.unschedulable = Some(true);
        node.metadata.annotations = serde_json::from_value(json!({ mark: owner })).unwrap();
    });
}

#[test]
fn a_killed_kubelift_does_not_uncordon_what_takes_pods_or_somebody_else_cordoned_meanwhile() {
    let mut bench = at_uncordon("me@desk");
    assert!(matches!(bench.runner.next_effect(), Some(Effect::Send { .. })), "its own cordon");
    bench.world.edit_node("w1", |node| node.spec.unschedulable = None);
    bench.killed();
    assert!(!matches!(bench.runner.next_effect(), Some(Effect::Send { .. })), "it was done");

    let mut bench = at_uncordon("you@desk");
    bench.killed();
    assert_eq!(bench.runner.next_effect(), None);
    bench.observe();
    let step = bench.view().plan.step("uncordon/w1").unwrap().clone();
    assert_eq!((step.state, step.title.as_str()), (StepState::Done, "leave w1 cordoned"));
}
