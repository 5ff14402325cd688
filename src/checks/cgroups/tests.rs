//! Each verdict, with its nearest neighbours that must not fire.

use serde_json::json;

use crate::checks::testing::{World, codes, of_code, only};
use crate::checks::{Finding, Severity, Verdict};
use crate::evidence::node_facts::{CgroupVersion, Flag, FlagSource};
use crate::evidence::{Reading, Reason, Unread};

const CHECK: &str = "cgroups";

/// A cluster whose node `w1` is on this version.
fn on(version: CgroupVersion, from: &str) -> World {
    let mut world = World::new(from);
    world.facts("w1", |facts| {
        let cgroup = facts.cgroup.as_mut().unwrap();
        (cgroup.version, cgroup.fs_type) = (Some(version), Some("tmpfs".into()));
    });
    world
}

fn kubelet_config(world: &mut World, document: &str) {
    world.config_map("kubelet-config", json!({ "kubelet": document }));
}

fn flag(world: &mut World, name: &str, value: &str) {
    let flag = Flag { name: name.into(), value: Some(value.into()), line: None };
    let source =
        FlagSource { kind: "environment".into(), path: "/etc/default/kubelet".into(), flags: vec![flag] };
    world.facts("w1", |facts| facts.kubelet.as_mut().unwrap().flag_sources.push(source));
}

/// `w1` with these drivers in the kubelet's file, kubelet-config and the runtime.
fn drivers(kubelet: Option<&str>, config: &str, runtime: &str) -> World {
    let mut world = World::new("1.30.4");
    kubelet_config(&mut world, config);
    for node in crate::checks::testing::NODES {
        world.facts(node, |facts| {
            facts.kubelet.as_mut().unwrap().config.as_mut().unwrap().cgroup_driver = kubelet.map(Into::into);
            facts.runtime.as_mut().unwrap().config.as_mut().unwrap().cgroup_driver = Some(runtime.into());
        });
    }
    world
}

/// For the tests that hold for all checks.
pub(in crate::checks) fn cases() -> Vec<(&'static str, World, &'static str)> {
    vec![
        ("cgroup v1 before 1.35", on(CgroupVersion::V1, "1.34.4"), "1.35.2"),
        ("cgroup v1 in maintenance", on(CgroupVersion::V1, "1.30.4"), "1.31.2"),
        ("drivers that differ", drivers(Some("cgroupfs"), "cgroupDriver: cgroupfs", "systemd"), "1.31.4"),
        (
            "a driver that the upgrade changes",
            drivers(Some("cgroupfs"), "cgroupDriver: systemd", "cgroupfs"),
            "1.31.4",
        ),
    ]
}

fn of(findings: &[Finding], node: &str) -> Vec<String> {
    let of_node = findings.iter().filter(|finding| finding.subject.node == node);
    of_node.map(|finding| format!("{} {}", finding.severity, finding.code)).collect()
}

#[test]
fn every_node_passes_by_itself() {
    let findings = World::new("1.30.4").check(CHECK, "1.31.4");
    assert_eq!(of_code(&findings, "CgroupV2").len(), 5);
    assert_eq!(findings.len(), 5);
    assert_eq!(findings[0].message, "cgroup v2; kubelet and runtime agree on the driver systemd");
}

#[test]
fn v1_weighs_by_what_the_hop_does_about_it() {
    let v1 = |version, from: &str, to: &str| of(&on(version, from).check(CHECK, to), "w1");
    for version in [CgroupVersion::V1, CgroupVersion::Hybrid] {
        assert_eq!(v1(version, "1.29.4", "1.30.4"), ["warning CgroupV1"]);
        assert_eq!(v1(version, "1.30.4", "1.31.4"), ["warning CgroupV1"]);
        assert_eq!(v1(version, "1.34.4", "1.35.2"), ["blocker CgroupV1Refused"]);
        assert_eq!(v1(version, "1.34.4", "1.34.9"), ["warning CgroupV1"]);
        assert_eq!(v1(version, "1.33.4", "1.35.2"), ["warning CgroupV1"], "judged by the first hop");
    }
    let findings = on(CgroupVersion::V1, "1.30.4").check(CHECK, "1.31.4");
    let finding = only(&findings, "CgroupV1");
    assert_eq!(
        finding.message,
        "cgroup v1, in maintenance mode: a blocker at 1.35, which refuses it by default"
    );
    assert!(finding.evidence.iter().any(|proof| proof.saw == "/sys/fs/cgroup is tmpfs"));
    let hybrid = on(CgroupVersion::Hybrid, "1.30.4").check(CHECK, "1.31.4");
    assert!(
        only(&hybrid, "CgroupV1")
            .message
            .starts_with("cgroup v1 with v2 beside it, which is v1 to the kubelet")
    );
}

#[test]
fn what_the_upgrade_writes_decides_if_the_kubelet_stays_on_v1() {
    let refused = |change: &dyn Fn(&mut World)| {
        let mut world = on(CgroupVersion::V1, "1.34.4");
        change(&mut world);
        of(&world.check(CHECK, "1.35.2"), "w1")
    };
    assert_eq!(
        refused(&|world| kubelet_config(world, "cgroupDriver: systemd\nfailCgroupV1: false")),
        ["warning CgroupV1"]
    );
    assert_eq!(
        refused(&|world| kubelet_config(world, "cgroupDriver: systemd\nfailCgroupV1: true")),
        ["blocker CgroupV1Refused"]
    );
    // The node's own file is written over; a flag stays.
    let own = |world: &mut World| {
        world.facts("w1", |facts| {
            facts.kubelet.as_mut().unwrap().config.as_mut().unwrap().fail_cgroup_v1 = Some(false)
        })
    };
    assert_eq!(refused(&own), ["blocker CgroupV1Refused"]);
    assert_eq!(refused(&|world| flag(world, "fail-cgroupv1", "false")), ["warning CgroupV1"]);
    let unread = |world: &mut World| {
        let unread = Unread::new("get", "configmaps", Reason::Forbidden, "").of("kubelet-config");
        world.evidence.config_maps.insert("kubelet-config".into(), Reading::Unread(unread));
    };
    assert_eq!(refused(&unread), ["unknown CgroupV1Unread"]);
}

#[test]
fn drivers_agree_now_and_after_the_hop() {
    let found = |world: World, to: &str| {
        let findings = world.check(CHECK, to);
        let found = findings
            .iter()
            .find(|finding| finding.code == "CgroupDriverMismatch" && finding.subject.node == "w1");
        found.map(|finding| (finding.severity, finding.message.clone()))
    };
    let severity = |world: World, to: &str| found(world, to).map(|(severity, _)| severity);
    let (systemd, cgroupfs) = ("cgroupDriver: systemd", "cgroupDriver: cgroupfs");
    assert_eq!(severity(drivers(Some("systemd"), systemd, "systemd"), "1.31.4"), None);
    assert_eq!(severity(drivers(Some("cgroupfs"), cgroupfs, "cgroupfs"), "1.31.4"), None);
    assert_eq!(severity(drivers(None, "{}", "cgroupfs"), "1.31.4"), None, "the default");
    // It differs today: one way nothing new starts, the other is bad and works.
    assert_eq!(severity(drivers(Some("cgroupfs"), cgroupfs, "systemd"), "1.31.4"), Some(Severity::Blocker));
    assert_eq!(severity(drivers(Some("systemd"), systemd, "cgroupfs"), "1.31.4"), Some(Severity::Warning));
    // The upgrade writes another driver than the node has.
    let (severity_of, message) = found(drivers(Some("cgroupfs"), systemd, "cgroupfs"), "1.31.4").unwrap();
    assert_eq!(severity_of, Severity::Blocker);
    assert!(message.contains("kubelet-config, which the upgrade writes to it, says systemd"), "{message}");
    assert_eq!(
        severity(drivers(Some("cgroupfs"), systemd, "systemd"), "1.31.4"),
        None,
        "the upgrade mends it"
    );
    // A flag stays, whatever is written.
    let mut flagged = drivers(Some("cgroupfs"), systemd, "cgroupfs");
    flag(&mut flagged, "cgroup-driver", "cgroupfs");
    assert_eq!(severity(flagged, "1.31.4"), None);
}

#[test]
fn a_kubelet_that_asks_its_runtime_cannot_disagree() {
    let mismatch = |runtime: &str, version: &str, to: &str| {
        let mut world = drivers(Some("cgroupfs"), "cgroupDriver: cgroupfs", "systemd");
        world.facts("w1", |facts| {
            let it = facts.runtime.as_mut().unwrap();
            (it.name, it.version) = (Some(runtime.into()), Some(version.into()));
        });
        of(&world.check(CHECK, to), "w1").contains(&"blocker CgroupDriverMismatch".to_owned())
    };
    assert!(!mismatch("containerd", "2.0.0", "1.31.4"));
    assert!(mismatch("containerd", "1.7.27", "1.31.4"));
    assert!(mismatch("containerd", "2.0.0", "1.30.9"));
    assert!(!mismatch("cri-o", "1.30.2", "1.31.4"));
    assert!(mismatch("other", "9.0.0", "1.31.4"));
}

#[test]
fn what_the_probe_did_not_see_is_unknown_by_name() {
    let unknown = |change: &dyn Fn(&mut crate::evidence::NodeFacts), to: &str| {
        let mut world = World::new("1.30.4");
        world.version = if to.starts_with("1.35") { "1.34.4".parse().unwrap() } else { world.version };
        world.facts("w1", change);
        let findings = world.check(CHECK, to);
        let unknown = only(&findings, "CgroupFactsUnread");
        (unknown.message.clone(), unknown.could_hide.unwrap())
    };
    let (message, could_hide) = unknown(&|facts| facts.cgroup = None, "1.31.4");
    assert_eq!(
        (message.as_str(), could_hide),
        ("not known: could not probe cgroup of w1: absent (the probe does not say)", Severity::Warning)
    );
    assert_eq!(unknown(&|facts| facts.cgroup = None, "1.35.2").1, Severity::Blocker);
    assert_eq!(
        unknown(&|facts| facts.cgroup.as_mut().unwrap().version = None, "1.31.4").1,
        Severity::Warning
    );
    assert_eq!(
        unknown(&|facts| facts.kubelet.as_mut().unwrap().config = None, "1.31.4").1,
        Severity::Blocker
    );
    assert_eq!(
        unknown(&|facts| facts.runtime.as_mut().unwrap().config = None, "1.31.4").1,
        Severity::Blocker
    );
}

#[test]
fn without_facts_nothing_is_ready_unless_they_are_left_out() {
    let mut world = World::new("1.30.4");
    world.evidence.node_facts.clear();
    let findings = world.check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), ["CgroupFactsUnread"]);
    assert_eq!(Verdict::of(&findings), Verdict::Unknown);
    world.api_only();
    let findings = world.check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), ["OutOfScope"]);
    assert_eq!(Verdict::of(&findings), Verdict::Ready);
}
