//! Upgrades for the tests of the screens: plans as they are really made, at moments of their life.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::actions::journal::{Entry, What};
use crate::actions::plan::{Consent, Decisions, Hold, Plan, Settings, Step, StepState, plan};
use crate::actions::runner::{Active, Hands, Upgrade};
use crate::actions::steps::testing::ready_to_upgrade;
use crate::checks::testing::now;
use crate::session::{Kind, Snapshot};
use crate::ui::sample;

/// Some seconds after the upgrade began.
pub(super) fn at(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn made(skipped: &[&str]) -> Plan {
    let world = ready_to_upgrade();
    let mut decisions = Decisions::default();
    for step in skipped {
        decisions.skipped.insert((*step).to_owned(), "for the test".to_owned());
    }
    plan(&world.evidence, &world.target("1.31.14"), &[], &Settings::default(), &decisions)
}

/// A session in the middle of an upgrade, 75 s after its step was confirmed.
fn snapshot(plan: Plan) -> Snapshot {
    let world = ready_to_upgrade();
    let opened = What::Opened {
        kubelift: "0.1.0".into(),
        owner: "kubelift me@here".into(),
        target: "1.31.14".parse().unwrap(),
        settings: Settings::default(),
    };
    let upgrade = Upgrade {
        plan,
        active: None,
        last: None,
        stopping: false,
        halted: None,
        journal: "/home/me/.local/state/kubelift/uid/journal".into(),
        recording: "/home/me/.local/state/kubelift/uid/1.klrec".into(),
        began: at(0),
        at: at(252),
    };
    let mixed = sample::mixed();
    let mut evidence = world.evidence.clone();
    evidence.cluster = mixed.evidence.cluster.clone();
    evidence.at = mixed.evidence.at;
    Snapshot {
        kind: Kind::Upgrade,
        target: Some(world.target("1.31.14")),
        evidence: Arc::new(evidence),
        upgrade: Some(Arc::new(upgrade)),
        journal: [Entry { at: at(12), what: opened }].into(),
        ..mixed
    }
}

/// Changes the upgrade of a snapshot.
pub(super) fn change(snapshot: &mut Snapshot, change: impl FnOnce(&mut Upgrade)) {
    let mut upgrade = Upgrade::clone(snapshot.upgrade.as_ref().unwrap());
    change(&mut upgrade);
    snapshot.upgrade = Some(Arc::new(upgrade));
}

/// Changes a step of the plan.
pub(super) fn step(upgrade: &mut Upgrade, id: &str, change: impl FnOnce(&mut Step)) {
    let steps = upgrade.plan.phases.iter_mut().flat_map(|phase| &mut phase.steps);
    change(steps.into_iter().find(|step| step.id == id).unwrap());
}

/// Nothing was begun yet.
pub(super) fn beginning() -> Snapshot {
    snapshot(made(&[]))
}

/// The step that asks for a word or a name is next.
pub(super) fn apply() -> Snapshot {
    let mut snapshot = snapshot(made(&["backup/cp1", "package/cp1", "pull/cp1"]));
    change(&mut snapshot, |upgrade| {
        step(upgrade, "backup/cp1", |step| (step.state, step.why) = (StepState::Done, String::new()));
        step(upgrade, "package/cp1", |step| (step.state, step.why) = (StepState::Done, String::new()));
        step(upgrade, "upgrade-apply/cp1", |step| (step.state, step.why) = (StepState::Ready, String::new()));
    });
    snapshot
}

/// The same, held by a finding.
pub(super) fn held() -> Snapshot {
    let mut snapshot = apply();
    change(&mut snapshot, |upgrade| {
        step(upgrade, "upgrade-apply/cp1", |step| {
            step.state = StepState::Blocked;
            let subject = "payments/StatefulSet/ledger-db".to_owned();
            step.held_by = vec![Hold {
                consent: Consent { code: "AppArmorProfileMissing".to_owned(), subject },
                answer: "AppArmorProfileMissing".to_owned(),
                why: "AppArmorProfileMissing: it asks for the profile k8s-ledger, which w3 has not loaded"
                    .to_owned(),
            }];
        });
    });
    snapshot
}

fn active(step: &Step, hands: Hands) -> Active {
    let by_hand = hands == Hands::Operator;
    let probe = step.node.as_ref().filter(|_| by_hand);
    Active {
        step: step.id.clone(),
        hands,
        since: at(177),
        commands: step.commands.clone(),
        over: 0,
        nonce: "0123456789abcdef".into(),
        probe: probe.map(|node| Settings::default().probe(node, "0123456789abcdef")).unwrap_or_default(),
        said: false,
        output: Vec::new(),
        waits: Vec::new(),
    }
}

/// `kubeadm upgrade apply` runs, by the machine or by hand.
pub(super) fn running(hands: Hands) -> Snapshot {
    let mut snapshot = apply();
    change(&mut snapshot, |upgrade| {
        let mut active = active(upgrade.plan.step("upgrade-apply/cp1").unwrap(), hands);
        if hands == Hands::Machine {
            active.output = printed(48).iter().map(|line| line.as_str().into()).collect();
        }
        upgrade.active = Some(active);
        step(upgrade, "upgrade-apply/cp1", |step| step.state = StepState::Running);
    });
    let mut evidence = (*snapshot.evidence).clone();
    if let Some(server) = evidence.servers.servers.first_mut()
        && let crate::evidence::Reading::Read { value, .. } = &mut server.ready
    {
        value.ok = false;
    }
    snapshot.evidence = Arc::new(evidence);
    snapshot
}

fn printed(lines: usize) -> Vec<String> {
    let mut printed: Vec<String> = (1..lines)
        .map(|number| format!("[upgrade/staticpods] Waiting for the kubelet, look {number}"))
        .collect();
    printed.push("[upgrade/etcd] Failed to upgrade etcd: static Pod hash for component etcd on Node cp1 did not change after 5m0s: timed out waiting for the condition".to_owned());
    printed
}

/// It failed, as kubeadm says it.
pub(super) fn failed() -> Snapshot {
    let mut snapshot = running(Hands::Machine);
    change(&mut snapshot, |upgrade| {
        upgrade.last = upgrade.active.take();
        let last = printed(48).pop().unwrap();
        step(upgrade, "upgrade-apply/cp1", |step| {
            step.state = StepState::Failed;
            step.why = format!("`kubeadm upgrade apply v1.31.14 --yes` ended with 1: {last}");
        });
    });
    snapshot
}
