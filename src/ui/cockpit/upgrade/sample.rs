//! Upgrades for the tests of the screens: plans as they are really made, at moments of their life.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::actions::journal::{Entry, What};
use crate::actions::plan::{Consent, Decisions, Hold, Plan, Settings, Step, StepState, plan};
use crate::actions::runner::{Active, Hands, Upgrade};
use crate::actions::steps::testing::ready_to_upgrade;
use crate::checks::testing::now;
use crate::session::recording::Told;
use crate::session::{Happened, Kind, Snapshot};
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
        from: Some("1.30.6".parse().unwrap()),
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
        torn: false,
        began: at(0),
        ended: None,
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
        expected_seconds: step.expected_seconds,
        commands: step.commands.clone(),
        over: 0,
        nonce: "0123456789abcdef".into(),
        probe: probe.map(|node| Settings::default().probe(node, "0123456789abcdef")).unwrap_or_default(),
        said: false,
        output: Vec::new(),
        printed: 0,
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
            active.printed = active.output.len();
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

/// Its commands are over, and not all that they are for is seen.
pub(super) fn looked_for() -> Snapshot {
    let mut snapshot = running(Hands::Machine);
    change(&mut snapshot, |upgrade| {
        let active = upgrade.active.as_mut().unwrap();
        (active.said, active.over) = (true, active.commands.len());
        step(upgrade, "upgrade-apply/cp1", |step| {
            step.state = StepState::Waiting;
            step.why = "not seen: the API server of cp1 says v1.31.14 (it says v1.30.4)".to_owned();
        });
    });
    snapshot
}

/// A worker is drained, and a budget holds its last pods.
pub(super) fn draining() -> Snapshot {
    let mut snapshot = apply();
    let evict =
        |name: &str| format!("POST /api/v1/namespaces/shop/pods/{name}/eviction {{\"kind\":\"Eviction\"}}");
    let pods: Vec<String> = (1..=9).map(|number| format!("web-{number}")).collect();
    change(&mut snapshot, |upgrade| {
        let mut active = active(upgrade.plan.step("drain/w1").unwrap(), Hands::Api);
        active.commands.extend(pods.iter().map(|pod| evict(pod)));
        active.over = active.commands.len() - 2;
        active.waits = vec![
            "shop/web-8: Cannot evict pod as it would violate the pod's disruption budget.".to_owned(),
            "1 pod on the way out: shop/web-9".to_owned(),
        ];
        upgrade.active = Some(active);
        step(upgrade, "drain/w1", |step| step.state = StepState::Running);
    });
    let happened = |second: i64, what: &str, text: String| Happened {
        frame: 0,
        at: at(second),
        marks: Default::default(),
        told: Told { what: what.into(), step: Some("drain/w1".into()), text: text.as_str().into(), at: None },
    };
    let mut told = vec![happened(178, "began", "confirmed, 10 lines to run".to_owned())];
    for (second, pod) in (180..).zip(&pods) {
        let path = format!("POST /api/v1/namespaces/shop/pods/{pod}/eviction");
        told.push(happened(second, "requested", path.clone()));
        told.push(happened(second, "answered", format!("{path}: 201")));
    }
    snapshot.happened = told.into_iter().collect();
    snapshot
}

/// Everything is over: one thing was only said, one left out.
pub(super) fn finished() -> Snapshot {
    let mut snapshot = beginning();
    change(&mut snapshot, |upgrade| {
        for step in upgrade.plan.phases.iter_mut().flat_map(|phase| &mut phase.steps) {
            (step.state, step.why) = (StepState::Done, String::new());
        }
        step(upgrade, "manual/network-plugin", |step| step.state = StepState::Said);
        step(upgrade, "uncordon/w2", |step| {
            step.state = StepState::Skipped;
            step.why = "its disk is to be changed first".to_owned();
        });
        (upgrade.ended, upgrade.at) = (Some(at(8_040)), at(9_000));
    });
    snapshot
}

/// A step that is done outside of kubelift, and nothing shows.
pub(super) fn by_word() -> Snapshot {
    let mut snapshot = apply();
    change(&mut snapshot, |upgrade| {
        step(upgrade, "upgrade-apply/cp1", |step| step.state = StepState::Done);
        upgrade.active = Some(active(upgrade.plan.step("manual/network-plugin").unwrap(), Hands::Operator));
        step(upgrade, "manual/network-plugin", |step| step.state = StepState::Waiting);
    });
    snapshot
}
