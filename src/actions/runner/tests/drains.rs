//! Drains and uncordons: one request after the other, and only what was shown.

use super::*;

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
    assert!(matches!(bench.runner.next_effect(), Some(Effect::Send { .. })), "its mark is still there");
    bench.world.edit_node("w1", |node| node.metadata.annotations = Default::default());
    bench.killed();
    assert!(!matches!(bench.runner.next_effect(), Some(Effect::Send { .. })), "it was done");

    let mut bench = at_uncordon("you@desk");
    bench.killed();
    assert_eq!(bench.runner.next_effect(), None);
    bench.observe();
    let step = bench.view().plan.step("uncordon/w1").unwrap().clone();
    assert_eq!((step.state, step.title.as_str()), (StepState::Done, "leave w1 cordoned"));
}

#[test]
fn a_list_of_pods_that_was_not_read_is_no_empty_node() {
    let mut bench = Bench::on(at_workers(), false);
    bench.skip_to("drain/w1");
    bench.run("drain/w1", "w1").unwrap();
    let Some(Effect::Send { change, .. }) = bench.runner.next_effect() else { panic!("the cordon") };
    bench.runner.outcome(Outcome::Answered(change, None, good()));
    cordon(&mut bench.world, "me@desk");
    let read = bench.world.evidence.objects.pods.clone();
    bench.world.evidence.objects.pods = crate::evidence::Listing {
        unread: vec![crate::evidence::Unread::new("list", "pods", crate::evidence::Reason::Forbidden, "")],
        items: Arc::from([]),
        ..read.clone()
    };
    bench.observe();
    assert!(matches!(bench.runner.next_effect(), Some(Effect::Wait(_))));
    bench.runner.outcome(Outcome::Waited);
    assert_eq!(bench.on_disk().last().unwrap(), "answered", "it is not said to be over");
    bench.world.evidence.objects.pods = read;
    bench.observe();
    assert!(matches!(bench.runner.next_effect(), Some(Effect::Send { .. })), "the eviction");
}
