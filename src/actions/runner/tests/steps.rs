//! Steps by hand and on machines: what begins them, what ends them, and what a kill leaves.

use super::*;

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
fn what_failed_by_hand_is_said_with_what_it_printed() {
    let mut bench = Bench::new(false);
    bench.skip_to("package/cp1");
    let failed =
        |printed: &str| Order::Failed { step: "package/cp1".to_owned(), printed: printed.to_owned() };
    assert!(matches!(bench.runner.order(failed("E: x")), Err(Refusal::NotNow(_))), "it was not begun");
    bench.run("package/cp1", "").unwrap();
    assert!(matches!(bench.runner.order(failed(" ")), Err(Refusal::NotNow(_))), "without a word of it");
    bench.runner.order(failed("E: Could not get lock /var/lib/dpkg/lock-frontend\u{1b}[2J")).unwrap();
    let step = bench.view().plan.step("package/cp1").unwrap().clone();
    assert_eq!(step.state, StepState::Failed);
    assert!(step.why.contains("lock-frontend") && !step.why.contains('\u{1b}'), "{}", step.why);
    assert_eq!(bench.on_disk().last().unwrap(), "failed");
    bench.runner.order(Order::Retry { step: step.id }).unwrap();
    assert_eq!(bench.state("package/cp1"), StepState::Ready);
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

#[test]
fn what_a_step_is_for_must_stay_so_where_it_may_go_away_once_more() {
    let mut world = ready_to_upgrade();
    for node in ["cp1", "cp2", "cp3"] {
        at_target(&mut world, node, "1.31.14");
    }
    world.edit_node("cp1", |node| node.status.node_info.kubelet_version = "v1.30.4".into());
    let mut bench = Bench::on(world, false);
    bench.skip_to("kubelet/cp1");
    bench.run("kubelet/cp1", "cp1").unwrap();
    bench.runner.order(Order::Said { step: "kubelet/cp1".to_owned() }).unwrap();
    bench.world.edit_node("cp1", |node| node.status.node_info.kubelet_version = "v1.31.14".into());
    bench.probed("cp1", "nonce-1", "1.31.14");
    assert_eq!(bench.state("kubelet/cp1"), StepState::Waiting, "its pods of before the restart still serve");
    // Its server is asked every nine seconds; its member of etcd is away meanwhile.
    for ready in ["False", "True"] {
        bench.server_asked(9);
        bench.world.edit_pod("etcd-cp1", |pod| {
            pod.status.conditions =
                serde_json::from_value(json!([{ "type": "Ready", "status": ready }])).unwrap();
        });
        bench.observe();
    }
    assert_eq!(bench.state("kubelet/cp1"), StepState::Waiting, "it went away meanwhile");
    bench.clock.pass(60);
    bench.runner.look_again();
    assert_eq!(bench.state("kubelet/cp1"), StepState::Waiting, "time alone shows nothing");
    bench.server_asked(9);
    bench.observe();
    assert_eq!(bench.state("kubelet/cp1"), StepState::Waiting);
    bench.server_asked(1);
    bench.observe();
    assert_eq!(bench.state("kubelet/cp1"), StepState::Done);
}

#[test]
fn a_machine_that_did_not_answer_to_a_start_may_run_the_line_and_a_stop_says_so() {
    let mut bench = Bench::new(true);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    assert!(matches!(bench.runner.next_effect(), Some(Effect::Start { .. })));
    bench.runner.outcome(Outcome::Started(Err("no route".to_owned())));
    bench.runner.order(Order::Stop).unwrap();
    assert_eq!(bench.runner.next_effect(), None);
    let why = bench.view().plan.step("package/cp1").unwrap().why.clone();
    assert!(why.contains("may run"), "{why}");
}

#[test]
fn the_first_cause_of_a_halt_stays_on_the_screen() {
    let mut bench = Bench::new(false);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    bench.runner.order(Order::Said { step: "package/cp1".to_owned() }).unwrap();
    bench.store.full.store(true, Ordering::SeqCst);
    bench.probed("cp1", "nonce-1", "1.31.14");
    bench.runner.look_again();
    assert!(bench.view().halted.unwrap().contains("no space left"), "{:?}", bench.view().halted);
}

#[test]
fn a_list_of_nodes_that_could_not_be_read_ends_no_step_and_lets_none_begin() {
    let mut bench = Bench::new(false);
    bench.skip_to("package/cp1");
    bench.run("package/cp1", "").unwrap();
    let read = bench.world.evidence.objects.nodes.clone();
    bench.world.evidence.objects.nodes = crate::evidence::Listing {
        unread: vec![crate::evidence::Unread::new("list", "nodes", crate::evidence::Reason::Forbidden, "")],
        items: Arc::from([]),
        ..read.clone()
    };
    for killed in [false, true] {
        if killed {
            bench.killed();
        }
        bench.observe();
        let next = bench.view().plan.next().map(|step| step.id.clone());
        if let Some(next) = next {
            let refused = bench.run(&next, "");
            assert!(matches!(&refused, Err(Refusal::NotNow(_))), "{next}: {refused:?}");
        }
        assert!(!bench.on_disk().contains(&"failed".to_owned()), "it goes on");
    }
    bench.world.evidence.objects.nodes = read;
    bench.observe();
    assert_eq!(bench.view().active.unwrap().step, "package/cp1");
}

#[test]
fn a_step_whose_node_is_gone_for_good_fails() {
    let mut bench = Bench::on(at_workers(), false);
    bench.skip_to("package/w1");
    bench.run("package/w1", "").unwrap();
    let nodes = &mut bench.world.evidence.objects.nodes;
    nodes.items = nodes.items.iter().filter(|node| node.metadata.name != *"w1").cloned().collect();
    bench.observe();
    assert!(bench.view().active.is_none());
    assert_eq!(bench.on_disk().last().unwrap(), "failed");
    assert_eq!(bench.view().plan.next().unwrap().id, "package/w2", "the others go on");
}
