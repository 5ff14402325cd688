//! Each verdict, with its nearest neighbours that must not fire.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;

use crate::checks::testing::{World, ago, codes, now, of_code, only};
use crate::checks::{Severity, Verdict};
use crate::evidence::objects::Pod;
use crate::evidence::{Reading, Reason, Unread};

const CHECK: &str = "control-plane";

fn changed(pod: &str, change: impl FnOnce(&mut Pod)) -> World {
    let mut world = World::new("1.30.4");
    world.edit_pod(pod, change);
    world
}

fn without(pod: &str) -> World {
    let mut world = World::new("1.30.4");
    world.remove_pod(pod);
    world
}

fn unready(pod: &str) -> World {
    changed(pod, |pod| pod.status.conditions = std::iter::empty().collect())
}

fn not_ready(failed: &[&str]) -> World {
    let mut world = World::new("1.30.4");
    if let Reading::Read { value, .. } = &mut world.evidence.servers.servers[1].ready {
        (value.ok, value.failed) = (false, failed.iter().map(|name| (*name).into()).collect());
    }
    world
}

/// `name`'s Lease as it was so many seconds ago.
fn late(name: &str, seconds: i64) -> World {
    let mut world = World::new("1.30.4");
    world.edit_lease(name, |lease| lease.spec.renew_time = Some(now() - SignedDuration::from_secs(seconds)));
    world
}

/// For the tests that hold for all checks.
pub(in crate::checks) fn cases() -> Vec<(&'static str, World, &'static str)> {
    vec![
        ("a static pod that is missing", without("kube-scheduler-cp2"), "1.31.4"),
        (
            "a static pod that does not run",
            changed("kube-scheduler-cp2", |pod| pod.status.phase = "Pending".into()),
            "1.31.4",
        ),
        ("an API server that is not ready", not_ready(&["etcd"]), "1.31.4"),
        ("no controller manager that leads", late("kube-controller-manager", 300), "1.31.4"),
    ]
}

#[test]
fn a_healthy_control_plane_passes() {
    let findings = World::new("1.30.4").check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), [""; 0]);
    assert_eq!(
        only(&findings, "ControlPlaneReady").message,
        "3 control planes: static pods run, 3 API servers ready, leases held"
    );
}

#[test]
fn every_control_plane_shows_its_static_pods() {
    let missing = without("kube-controller-manager-cp3").check(CHECK, "1.31.4");
    assert_eq!(codes(&missing), ["StaticPodMissing"]);
    let finding = only(&missing, "StaticPodMissing");
    assert_eq!(
        (finding.severity, finding.subject.to_string().as_str()),
        (Severity::Blocker, "kube-system/Pod/kube-controller-manager-cp3")
    );
    assert_eq!(finding.subject.node, "cp3");
    // A pod of that name that is no mirror is not what kubeadm looks for.
    let plain = changed("kube-scheduler-cp1", |pod| {
        pod.metadata.annotations = std::iter::empty::<(&str, &str)>().collect()
    });
    assert_eq!(codes(&plain.check(CHECK, "1.31.4")), ["StaticPodMissing"]);
    // etcd's has its own pane.
    assert_eq!(codes(&without("etcd-cp3").check(CHECK, "1.31.4")), [""; 0]);
}

#[test]
fn kubeadm_waits_for_all_of_a_kind_to_run() {
    let phase = |phase: &str| {
        codes(&changed("kube-scheduler-cp2", |pod| pod.status.phase = phase.into()).check(CHECK, "1.31.4"))
            .join(" ")
    };
    assert_eq!(phase("Running"), "");
    assert_eq!(phase("Pending"), "StaticPodNotRunning");
    assert_eq!(phase("Failed"), "StaticPodNotRunning");
    let severity = |pod: &str| of_code(&unready(pod).check(CHECK, "1.31.4"), "StaticPodNotReady");
    assert_eq!(severity("kube-apiserver-cp2"), ["blocker kube-system/Pod/kube-apiserver-cp2"]);
    assert_eq!(severity("kube-scheduler-cp2"), ["warning kube-system/Pod/kube-scheduler-cp2"]);
}

#[test]
fn a_waiting_container_says_why() {
    let world = changed("kube-apiserver-cp1", |pod| {
        pod.status.conditions = std::iter::empty().collect();
        pod.status.container_statuses =
            serde_json::from_value(json!([{ "name": "kube-apiserver", "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off" } } }])).unwrap();
    });
    let findings = world.check(CHECK, "1.31.4");
    let saw: Vec<&str> =
        only(&findings, "StaticPodNotReady").evidence.iter().map(|proof| proof.saw.as_str()).collect();
    assert_eq!(saw, ["phase Running", "kube-apiserver waits: CrashLoopBackOff back-off"]);
}

#[test]
fn only_recent_restarts_say_something() {
    let restarted = |times: i32, minutes: i64| {
        let world = changed("etcd-cp1", |_| {});
        let mut world = world;
        world.edit_pod("kube-apiserver-cp1", |pod| {
            let started = now() - SignedDuration::from_mins(minutes);
            pod.status.container_statuses =
                serde_json::from_value(json!([{ "name": "x", "ready": true, "restartCount": times, "state": { "running": { "startedAt": started } } }])).unwrap();
        });
        codes(&world.check(CHECK, "1.31.4")).join(" ")
    };
    assert_eq!(restarted(3, 59), "StaticPodRestarted");
    assert_eq!(restarted(3, 60), "");
    assert_eq!(restarted(0, 5), "", "new, and never restarted");
}

#[test]
fn a_server_that_is_not_ready_says_which_check_failed() {
    let findings = not_ready(&["etcd", "poststarthook/rbac/bootstrap-roles"]).check(CHECK, "1.31.4");
    let finding = only(&findings, "ApiServerNotReady");
    assert_eq!(finding.severity, Severity::Blocker);
    assert_eq!(
        finding.message,
        "cp2 (10.0.0.12:6443) is not ready; failed: etcd and \
             poststarthook/rbac/bootstrap-roles"
    );
    let mut world = World::new("1.30.4");
    world.evidence.servers.servers[1].ready =
        Reading::Unread(Unread::new("get", "/readyz", Reason::TimedOut, "").of("10.0.0.12:6443"));
    let findings = world.check(CHECK, "1.31.4");
    assert_eq!(only(&findings, "ApiServerHealthUnread").could_hide, Some(Severity::Blocker));
    assert_eq!(Verdict::of(&findings), Verdict::Unknown);
}

#[test]
fn leases_are_held_by_the_clusters_own_clock() {
    let held = |world: &World| codes(&world.check(CHECK, "1.31.4")).join(" ");
    assert_eq!(held(&late("kube-scheduler", 44)), "");
    assert_eq!(held(&late("kube-scheduler", 46)), "LeaseNotHeld");
    let findings = late("kube-scheduler", 300).check(CHECK, "1.31.4");
    let finding = only(&findings, "LeaseNotHeld");
    assert_eq!(
        (finding.severity, finding.subject.to_string().as_str()),
        (Severity::Blocker, "kube-system/Lease/kube-scheduler")
    );
    let mut nobody = World::new("1.30.4");
    nobody.edit_lease("kube-scheduler", |lease| lease.spec.holder_identity = "".into());
    assert_eq!(held(&nobody), "LeaseNotHeld");
    // All of them read by a machine whose clock is an hour ahead.
    let mut ahead = World::new("1.30.4");
    for name in
        ["apiserver-cp1", "apiserver-cp2", "apiserver-cp3", "kube-scheduler", "kube-controller-manager"]
    {
        ahead.edit_lease(name, |lease| lease.spec.renew_time = Some(ago(1)));
    }
    assert_eq!(held(&ahead), "");
    let mut absent = World::new("1.30.4");
    let leases = &mut absent.evidence.objects.leases;
    leases.items =
        leases.items.iter().filter(|lease| lease.metadata.name != "kube-scheduler").cloned().collect();
    assert_eq!(held(&absent), "LeaseAbsent");
}

/// Endpoints for so many servers.
fn endpoints(count: usize, ready: bool) -> World {
    let mut world = World::new("1.30.4");
    let endpoints: Vec<_> = (0..count).map(|n| json!({ "addresses": [format!("10.0.0.{}", 11 + n)], "conditions": { "ready": ready || n > 0 } })).collect();
    let slice = serde_json::from_value(
        json!({ "metadata": { "namespace": "default", "name": "kubernetes" }, "endpoints": endpoints }),
    )
    .unwrap();
    world.evidence.objects.endpoint_slices.items = Arc::from([Arc::new(slice)]);
    world
}

#[test]
fn endpoints_are_as_many_as_control_planes_and_living_servers() {
    let found = |world: &World| codes(&world.check(CHECK, "1.31.4")).join(" ");
    assert_eq!(found(&endpoints(3, true)), "");
    assert_eq!(found(&endpoints(2, true)), "EndpointMissing");
    assert_eq!(found(&endpoints(4, true)), "EndpointsDisagree", "what is too much does not live");
    assert_eq!(found(&endpoints(3, false)), "EndpointNotReady");
    let mut dead = endpoints(3, true);
    dead.edit_lease("apiserver-cp2", |lease| {
        lease.spec.renew_time = Some(now() - SignedDuration::from_secs(61))
    });
    assert_eq!(found(&dead), "EndpointsDisagree");
    assert!(
        only(&dead.check(CHECK, "1.31.4"), "EndpointsDisagree")
            .message
            .contains("one in the Service does not live")
    );
    // Where the feature is off, no server says that it lives.
    let mut off = endpoints(3, true);
    let leases = &mut off.evidence.objects.leases;
    leases.items =
        leases.items.iter().filter(|lease| !lease.metadata.name.starts_with("apiserver-")).cloned().collect();
    assert_eq!(found(&off), "");
    off.evidence.objects.endpoint_slices = endpoints(4, true).evidence.objects.endpoint_slices;
    assert_eq!(found(&off), "EndpointExtra");
}

#[test]
fn of_a_server_that_left_the_service_one_thing_is_said() {
    let said = |change: &dyn Fn(&mut World)| {
        let mut world = endpoints(2, true);
        for (name, address) in [("cp1", "10.0.0.11"), ("cp2", "10.0.0.12"), ("cp3", "10.0.0.13")] {
            world.edit_node(name, |node| {
                node.status.addresses =
                    serde_json::from_value(json!([{ "type": "InternalIP", "address": address }])).unwrap();
            });
        }
        change(&mut world);
        let findings = world.check(CHECK, "1.31.4");
        let of: Vec<&str> =
            findings.iter().filter(|f| f.code.starts_with("Endpoint")).map(|f| f.message.as_str()).collect();
        assert_eq!(of.len(), 1, "{of:?}");
        let (service, what) = of[0].split_once(": ").unwrap();
        assert_eq!(service, "2 of 3 control planes are endpoints of the Service");
        what.to_owned()
    };
    let ready = |world: &mut World, reason| {
        world.evidence.servers.servers[2].ready =
            Reading::Unread(Unread::new("get", "/readyz", reason, "").of("10.0.0.13:6443"));
    };
    assert_eq!(said(&|_| {}), "the API server of cp3 answers, and is left out");
    assert_eq!(
        said(&|world| ready(world, Reason::Unreachable)),
        "the API server of cp3 is away; its Lease was renewed within the last minute"
    );
    assert_eq!(
        said(&|world| ready(world, Reason::TimedOut)),
        "the API server of cp3 has just ended, or is left out"
    );
    assert_eq!(
        said(&|world| world.edit_node("cp2", |node| node.status.addresses = std::iter::empty().collect())),
        "an API server that renewed its Lease within the last minute has just ended, or is left out"
    );
    assert_eq!(
        said(&|world| world.edit_lease("apiserver-cp3", |lease| {
            lease.spec.renew_time = Some(now() - SignedDuration::from_secs(61));
        })),
        "an API server is away"
    );
}

#[test]
fn one_control_plane_is_noticed_and_none_is_warned_of() {
    let with = |kept: &[&str]| {
        let mut world = endpoints(kept.len(), true);
        let nodes = &mut world.evidence.objects.nodes;
        nodes.items = nodes
            .items
            .iter()
            .filter(|node| kept.contains(&node.metadata.name.as_str()) || !node.is_control_plane())
            .cloned()
            .collect();
        let leases = &mut world.evidence.objects.leases;
        leases.items = leases
            .items
            .iter()
            .filter(|lease| !lease.metadata.name.starts_with("apiserver-"))
            .cloned()
            .collect();
        world.check(CHECK, "1.31.4")
    };
    let one = with(&["cp1"]);
    assert_eq!(codes(&one), ["SingleControlPlane"]);
    assert_eq!(only(&one, "SingleControlPlane").severity, Severity::Notice);
    let none = with(&[]);
    assert_eq!(codes(&none), ["NoControlPlaneNodes"]);
    assert_eq!(Verdict::of(&none), Verdict::Ready);
}
