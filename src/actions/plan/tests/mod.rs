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
            "DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get install -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold 'kubeadm=1.31.14-*'",
            "apt-mark hold kubeadm",
        ]
    );
    let kubelet = &plan.step("kubelet/w1").unwrap().commands;
    assert!(
        kubelet.iter().any(|line| line.ends_with("'kubelet=1.31.14-*' 'kubectl=1.31.14-*'")),
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
    assert!(way_back.contains("'kubelet=1.30.4-*' 'kubectl=1.30.4-*'"), "{way_back}");
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

#[test]
fn a_source_without_a_minor_in_its_address_is_asked_about_and_not_changed() {
    let mut world = ready_to_upgrade();
    world.facts("w1", |facts| {
        let packages = facts.packages.as_mut().unwrap();
        packages.repositories =
            serde_json::from_value(json!([{ "path": "/etc/apt/sources.list.d/mirror.list",
            "line": 1, "enabled": true, "uri": "https://mirror.example/k8s" }]))
            .unwrap();
    });
    let step = plan_of(&world, &[], &Decisions::default()).step("package/w1").unwrap().clone();
    assert!(!step.commands.iter().any(|line| line.starts_with("sed")), "{:?}", step.commands);
    assert!(step.commands.iter().any(|line| line.contains("'kubeadm=1.31.14-*'")));
    assert_eq!(step.held_by.iter().map(|hold| hold.answer.as_str()).collect::<Vec<_>>(), ["unknown"]);
}

#[test]
fn images_are_pulled_from_the_registry_that_the_cluster_uses() {
    let mut world = ready_to_upgrade();
    world.config_map(
        "kubeadm-config",
        json!({ "ClusterConfiguration": "kubernetesVersion: v1.30.4\nimageRepository: registry.corp/k8s\n" }),
    );
    let images = |world: &mut World, registry: &str| {
        world.facts("cp1", |facts| {
            let names = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
            let images: Vec<String> =
                names.iter().map(|name| format!("{registry}/{name}:v1.31.14")).collect();
            let runtime = json!({ "name": "containerd", "version": "1.7.0", "images": images });
            facts.runtime = Some(serde_json::from_value(runtime).unwrap());
        });
        plan_of(world, &[], &Decisions::default()).step("pull/cp1").unwrap().clone()
    };
    let step = images(&mut world, "registry.k8s.io");
    assert_eq!(
        step.commands,
        ["kubeadm config images pull --kubernetes-version v1.31.14 --image-repository=registry.corp/k8s"]
    );
    assert_ne!(step.state, StepState::Done, "kubeadm would look for them elsewhere");
    assert_eq!(images(&mut world, "registry.corp/k8s").state, StepState::Done);
}

#[test]
fn one_control_plane_behind_a_tunnel_is_what_answers_there() {
    use crate::actions::observed::{Holds, server_is};
    let mut world = World::new("1.31.14");
    let version = "1.31.14".parse().unwrap();
    let servers = &mut world.evidence.servers.servers;
    servers.truncate(1);
    let mut entry = servers[0].clone();
    (entry.direct, entry.hostname, entry.address) = (false, None, "127.0.0.1:8443".into());
    let unread = crate::evidence::Unread::new("get", "/version", crate::evidence::Reason::Unreachable, "");
    servers[0].version = crate::evidence::Reading::Unread(unread);
    servers.push(entry);
    let says = |world: &World| {
        let nodes = &world.evidence.objects.nodes;
        let node = nodes.iter().find(|node| node.metadata.name == *"cp1").unwrap().clone();
        server_is(&world.evidence, &node, &version)[0].holds
    };
    assert_eq!(says(&world), Holds::Unknown, "it may be any of three");
    for node in ["cp2", "cp3"] {
        world.edit_node(node, |node| node.metadata.labels = Default::default());
    }
    assert_eq!(says(&world), Holds::Yes);
}
