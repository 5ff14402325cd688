//! Plans of hand-built clusters: the order, the commands, the states.

mod states;

use serde_json::json;

use super::*;
use crate::actions::steps::testing::{addons_at_target, at_target, ready_to_upgrade};
use crate::checks::testing::World;
use crate::checks::{Severity, Subject, Target};

fn plan_of(world: &World, findings: &[crate::checks::Finding], decisions: &Decisions) -> Plan {
    plan(&world.evidence, &world.target("1.31.14"), findings, &Settings::default(), decisions)
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps().map(|step| step.id.as_str()).collect()
}

fn states(plan: &Plan) -> Vec<(&str, StepState)> {
    plan.steps().map(|step| (step.id.as_str(), step.state)).collect()
}

#[test]
fn steps_stand_in_the_official_order() {
    let plan = plan_of(&ready_to_upgrade(), &[], &Decisions::default());
    assert_eq!(
        ids(&plan),
        [
            "backup/cp1",
            "package/cp1",
            "pull/cp1",
            "upgrade-apply/cp1",
            "manual/network-plugin",
            "package/cp2",
            "pull/cp2",
            "upgrade-node/cp2",
            "package/cp3",
            "pull/cp3",
            "upgrade-node/cp3",
            "drain/cp1",
            "kubelet/cp1",
            "uncordon/cp1",
            "drain/cp2",
            "kubelet/cp2",
            "uncordon/cp2",
            "drain/cp3",
            "kubelet/cp3",
            "uncordon/cp3",
            "package/w1",
            "upgrade-node/w1",
            "drain/w1",
            "kubelet/w1",
            "uncordon/w1",
            "package/w2",
            "upgrade-node/w2",
            "drain/w2",
            "kubelet/w2",
            "uncordon/w2",
            "manual/addons",
        ]
    );
    assert_eq!(
        plan.next().map(|step| (step.id.as_str(), step.state)),
        Some(("backup/cp1", StepState::Ready))
    );
    let others: Vec<StepState> = plan.steps().skip(1).map(|step| step.state).collect();
    assert!(others.iter().all(|state| *state == StepState::Blocked), "one at a time: {others:?}");
    assert_eq!(plan.step("package/cp1").unwrap().why, "after: snapshot of etcd on cp1");
}

#[test]
fn an_apt_node_gets_the_list_of_the_minor_and_the_exact_version() {
    let plan = plan_of(&ready_to_upgrade(), &[], &Decisions::default());
    assert_eq!(
        plan.step("package/w1").unwrap().commands,
        [
            r"sed -i '1s#https://pkgs\.k8s\.io/core:/stable:/v1\.30/deb/#https://pkgs.k8s.io/core:/stable:/v1.31/deb/#' /etc/apt/sources.list.d/kubernetes.list",
            "curl -fsSL https://pkgs.k8s.io/core:/stable:/v1.31/deb/Release.key -o /run/kubelift-release.key",
            "gpg --batch --yes --dearmor -o /etc/apt/keyrings/kubernetes-apt-keyring.gpg /run/kubelift-release.key",
            "apt-get update",
            "apt-mark unhold kubeadm",
            "DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get install -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold kubeadm=1.31.14-1.1",
            "apt-mark hold kubeadm",
        ]
    );
    let kubelet = &plan.step("kubelet/w1").unwrap().commands;
    assert!(
        kubelet.iter().any(|line| line.ends_with("kubelet=1.31.14-1.1 kubectl=1.31.14-1.1")),
        "{kubelet:?}"
    );
    assert_eq!(kubelet[kubelet.len() - 2..], ["systemctl daemon-reload", "systemctl restart kubelet"]);
}

#[test]
fn a_node_whose_list_is_the_targets_keeps_it() {
    let mut world = ready_to_upgrade();
    world.facts("w1", |facts| {
        let line = &mut facts.packages.as_mut().unwrap().repositories[0];
        line.uri = "https://pkgs.k8s.io/core:/stable:/v1.31/deb/".into();
        line.minor = Some("1.31".into());
    });
    let plan = plan_of(&world, &[], &Decisions::default());
    assert_eq!(plan.step("package/w1").unwrap().commands[0], "apt-get update");
}

#[test]
fn a_login_that_the_probe_took_out_of_an_address_is_left_as_it_is() {
    let mut world = ready_to_upgrade();
    world.facts("w1", |facts| {
        let line = &mut facts.packages.as_mut().unwrap().repositories[0];
        line.uri = "https://[masked]@mirror.example/core:/stable:/v1.30/deb/".into();
    });
    let plan = plan_of(&world, &[], &Decisions::default());
    assert_eq!(
        plan.step("package/w1").unwrap().commands[0],
        r"sed -i '1s#mirror\.example/core:/stable:/v1\.30/deb/#mirror.example/core:/stable:/v1.31/deb/#' /etc/apt/sources.list.d/kubernetes.list"
    );
}

#[test]
fn behind_the_first_control_plane_the_way_back_is_still_the_old_version() {
    let target = Target { from: "1.31.14".parse().unwrap(), to: "1.31.14".parse().unwrap(), chosen: false };
    let world = ready_to_upgrade();
    let plan = plan(&world.evidence, &target, &[], &Settings::default(), &Decisions::default());
    let way_back = &plan.step("kubelet/w1").unwrap().way_back;
    assert!(way_back.starts_with("the v1.30 list,"), "{way_back}");
    assert!(way_back.contains("kubelet=1.30.4-1.1 kubectl=1.30.4-1.1"), "{way_back}");
}

#[test]
fn a_dnf_node_gets_dnfs_words() {
    let mut world = ready_to_upgrade();
    world.facts("w1", |facts| {
        let packages = facts.packages.as_mut().unwrap();
        packages.manager = Some("dnf".into());
        let line = &mut packages.repositories[0];
        (line.path, line.line) = ("/etc/yum.repos.d/kubernetes.repo".into(), Some(3));
        line.uri = "https://pkgs.k8s.io/core:/stable:/v1.30/rpm/".into();
        line.signed_by =
            Some(vec!["https://pkgs.k8s.io/core:/stable:/v1.30/rpm/repodata/repomd.xml.key".into()]);
        packages.installed.iter_mut().for_each(|package| package.held = Some(false));
    });
    let plan = plan_of(&world, &[], &Decisions::default());
    assert_eq!(
        plan.step("package/w1").unwrap().commands,
        [
            r"sed -i '3s#https://pkgs\.k8s\.io/core:/stable:/v1\.30/rpm/#https://pkgs.k8s.io/core:/stable:/v1.31/rpm/#' /etc/yum.repos.d/kubernetes.repo",
            r"sed -i 's#https://pkgs\.k8s\.io/core:/stable:/v1\.30/rpm/repodata/repomd\.xml\.key#https://pkgs.k8s.io/core:/stable:/v1.31/rpm/repodata/repomd.xml.key#' /etc/yum.repos.d/kubernetes.repo",
            "dnf install -y kubeadm-1.31.14 --disableexcludes=kubernetes",
        ]
    );
}

#[test]
fn without_facts_nobody_knows_what_to_run() {
    let mut world = ready_to_upgrade();
    world.evidence.node_facts.clear();
    let plan = plan_of(&world, &[], &Decisions::default());
    let next = plan.next().unwrap();
    assert_eq!((next.id.as_str(), next.state), ("backup/cp1", StepState::Unknown));
    assert!(next.why.contains("the probe of cp1 was read"), "{}", next.why);
    assert!(plan.step("package/w1").unwrap().commands.is_empty());
    assert!(!plan.step("upgrade-apply/cp1").unwrap().commands.is_empty(), "kubeadm's own line is known");
}

#[test]
fn a_cluster_half_upgraded_by_hand_gets_the_steps_that_are_left() {
    let mut world = ready_to_upgrade();
    at_target(&mut world, "cp2", "1.31.14");
    let plan = plan_of(&world, &[], &Decisions::default());
    let state = |id: &str| plan.step(id).unwrap().state;
    assert_eq!(state("upgrade-apply/cp2"), StepState::Done, "apply was run on cp2: {:#?}", states(&plan));
    assert_eq!(state("package/cp2"), StepState::Done);
    assert_eq!(state("backup/cp2"), StepState::Skipped, "a backup of before is too late");
    assert_eq!(plan.next().unwrap().id, "manual/network-plugin");
    assert_eq!(state("upgrade-node/cp1"), StepState::Blocked);
}

#[test]
fn an_upgraded_cluster_has_nothing_left_but_what_nobody_can_see() {
    let mut world = ready_to_upgrade();
    for node in ["cp1", "cp2", "cp3", "w1", "w2"] {
        at_target(&mut world, node, "1.31.14");
    }
    addons_at_target(&mut world, "1.31.14");
    let target = Target { from: "1.31.14".parse().unwrap(), to: "1.31.14".parse().unwrap(), chosen: false };
    let plan = plan(&world.evidence, &target, &[], &Settings::default(), &Decisions::default());
    assert!(plan.is_finished(), "{:#?}", plan.next());
}

#[test]
fn what_kubeadm_did_not_make_is_left_to_hand() {
    let mut world = ready_to_upgrade();
    world.edit_node("w1", |node| node.status.node_info.operating_system = "windows".into());
    world.facts("w2", |facts| {
        facts.kubeadm = Some(Default::default());
        facts.kubelet.as_mut().unwrap().flag_sources = vec![
            serde_json::from_value(json!({ "kind": "unit", "path": "/etc/systemd/system/kubelet.service" }))
                .unwrap(),
        ];
    });
    let plan = plan_of(&world, &[], &Decisions::default());
    let left: Vec<&str> = plan.left_to_hand.iter().map(|left| left.node.as_str()).collect();
    assert_eq!(left, ["w1", "w2"]);
    assert!(!ids(&plan).iter().any(|id| id.ends_with("/w1") || id.ends_with("/w2")));
}

#[test]
fn an_external_etcd_is_backed_up_by_hand() {
    let mut world = ready_to_upgrade();
    world.config_map(
        "kubeadm-config",
        json!({ "ClusterConfiguration": "kubernetesVersion: v1.30.4\netcd:\n  external:\n    endpoints: [https://10.0.0.9:2379]\n" }),
    );
    let plan = plan_of(&world, &[], &Decisions::default());
    let first = plan.next().unwrap();
    assert_eq!((first.id.as_str(), first.state), ("manual/external-etcd-backup", StepState::Ready));
    assert!(first.commands.is_empty());
}

#[test]
fn the_plans_json_has_the_documented_fields() {
    let plan = plan_of(&ready_to_upgrade(), &[], &Decisions::default());
    let json = serde_json::to_value(&plan).unwrap();
    let step = &json["phases"][1]["steps"][0];
    for field in [
        "id",
        "kind",
        "node",
        "title",
        "commands",
        "precondition",
        "postcondition",
        "wayBack",
        "expectedSeconds",
        "confirmation",
        "state",
    ] {
        assert!(!step[field].is_null(), "{field}");
    }
    assert_eq!((json["schemaVersion"].as_u64(), json["route"][0].as_str()), (Some(1), Some("1.31")));
    assert_eq!(serde_json::from_value::<Plan>(json).unwrap(), plan);
}
