//! Plans of hand-built clusters: the order, the commands, the states.

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
fn what_was_done_and_is_no_longer_seen_can_be_done_again() {
    let attempt = Attempt {
        started: crate::checks::testing::now(),
        nonce: "nonce-1".into(),
        said: true,
        failed: None,
        ended: Some(crate::checks::testing::now()),
    };
    let mut world = ready_to_upgrade();
    world.facts("cp1", |facts| facts.kubeadm.as_mut().unwrap().version = Some("v1.31.14".into()));
    let skipped = [("backup/cp1".to_owned(), "for the test".to_owned())].into();
    let attempts = [("package/cp1".to_owned(), attempt)].into();
    let plan = plan_of(&world, &[], &Decisions { skipped, attempts, ..Decisions::default() });
    let next = plan.next().unwrap();
    assert_eq!((next.id.as_str(), next.state), ("package/cp1", StepState::Ready));
    assert_eq!(
        next.why,
        "it was done; now not seen: the package kubeadm is 1.31.14, whole and held (it is 1.30.4-1.1)"
    );
}

#[test]
fn a_configuration_written_in_the_second_in_which_its_step_began_is_new() {
    let now = crate::checks::testing::now();
    let of = |written: i64| {
        let mut world = ready_to_upgrade();
        world.facts("w1", |facts| {
            facts.kubeadm.as_mut().unwrap().version = Some("v1.31.14".into());
            facts.nonce = Some("nonce-1".into());
            facts.collected_at = Some(now + jiff::SignedDuration::from_secs(5));
            let config = facts.kubelet.as_mut().unwrap().config.as_mut().unwrap();
            // A file's time is told in whole seconds.
            config.modified = Some(now + jiff::SignedDuration::from_secs(written));
        });
        let attempt = Attempt {
            started: now + jiff::SignedDuration::from_millis(700),
            nonce: "nonce-1".into(),
            said: true,
            failed: None,
            ended: None,
        };
        let attempts = [("upgrade-node/w1".to_owned(), attempt)].into();
        let plan = plan_of(&world, &[], &Decisions { attempts, ..Decisions::default() });
        let conditions = &plan.step("upgrade-node/w1").unwrap().postcondition;
        conditions
            .iter()
            .find(|condition| condition.what.starts_with("config.yaml of the kubelet was"))
            .unwrap()
            .holds
    };
    use crate::actions::observed::Holds;
    assert_eq!((of(0), of(-1), of(3)), (Holds::Yes, Holds::No, Holds::Yes));
}

#[test]
fn a_snapshot_that_was_carried_away_after_apply_opens_no_step_again() {
    let mut world = ready_to_upgrade();
    let now = crate::checks::testing::now();
    let attempt = || Attempt { started: now, nonce: "n".into(), said: true, failed: None, ended: Some(now) };
    let state = |world: &World| {
        let attempts = ["backup/cp1", "upgrade-apply/cp1"].map(|id| (id.to_owned(), attempt())).into();
        plan_of(world, &[], &Decisions { attempts, ..Decisions::default() }).step("backup/cp1").unwrap().state
    };
    assert_eq!(state(&world), StepState::Ready, "before apply it is needed");
    at_target(&mut world, "cp1", "1.31.14");
    assert_eq!(state(&world), StepState::Done);
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

/// The cluster after every command was run, with one node whose kube-proxy could not fetch its image.
fn all_but_a_kube_proxy() -> World {
    let mut world = ready_to_upgrade();
    for node in ["cp1", "cp2", "cp3", "w1", "w2"] {
        at_target(&mut world, node, "1.31.14");
    }
    addons_at_target(&mut world, "1.31.14");
    world.edit_pod("kube-proxy-w2", |pod| {
        pod.status = serde_json::from_value(json!({ "phase": "Pending",
            "conditions": [{ "type": "Ready", "status": "False" }],
            "containerStatuses": [{ "name": "kube-proxy", "state": { "waiting": { "reason": "ErrImagePull" } } }] }))
        .unwrap();
    });
    world
}

#[test]
fn an_upgrade_is_not_over_while_a_node_has_no_kube_proxy() {
    let world = all_but_a_kube_proxy();
    let target = Target { from: "1.31.14".parse().unwrap(), to: "1.31.14".parse().unwrap(), chosen: false };
    let plan = plan(&world.evidence, &target, &[], &Settings::default(), &Decisions::default());
    assert!(!plan.is_finished());
    let left = plan.next().unwrap();
    assert_eq!((left.id.as_str(), left.state), ("manual/addons", StepState::Ready));
    assert_eq!(left.postcondition[0].why, "w2: not ready, ErrImagePull");
}

#[test]
fn a_node_without_kube_proxy_is_not_emptied_nor_opened_before_somebody_says_so() {
    let mut world = all_but_a_kube_proxy();
    world.edit_node("w2", |node| node.status.node_info.kubelet_version = "v1.30.4".into());
    let codes = |plan: &Plan, id: &str| -> Vec<String> {
        plan.step(id).unwrap().held_by.iter().map(|hold| hold.answer.clone()).collect()
    };
    let plan = plan_of(&world, &[], &Decisions::default());
    assert_eq!(codes(&plan, "drain/w2"), ["KubeProxyNotReady"]);
    assert_eq!(codes(&plan, "uncordon/w2"), ["KubeProxyNotReady"]);
    assert!(plan.step("drain/w2").unwrap().held_by[0].why.contains("ErrImagePull"));
    assert!(codes(&plan, "drain/w1").is_empty());

    let consent = plan.step("drain/w2").unwrap().held_by[0].consent.clone();
    let decisions = Decisions { consents: [consent].into(), ..Decisions::default() };
    assert!(codes(&plan_of(&world, &[], &decisions), "drain/w2").is_empty());
}

#[test]
fn the_last_control_plane_ends_only_when_the_addons_were_written_anew() {
    let mut world = ready_to_upgrade();
    for node in ["cp1", "cp2", "cp3"] {
        at_target(&mut world, node, "1.31.14");
    }
    let state = |world: &World, id: &str| plan_of(world, &[], &Decisions::default()).step(id).unwrap().state;
    assert_eq!(state(&world, "upgrade-node/cp2"), StepState::Done);
    assert_ne!(
        state(&world, "upgrade-node/cp3"),
        StepState::Done,
        "kube-proxy is asked for in the old version"
    );
    addons_at_target(&mut world, "1.31.14");
    assert_eq!(state(&world, "upgrade-node/cp3"), StepState::Done);
}

#[test]
fn a_blocker_holds_its_step_until_its_code_is_typed() {
    let mut world = ready_to_upgrade();
    world.facts("cp1", |facts| facts.kubeadm.as_mut().unwrap().version = Some("v1.31.14".into()));
    let finding =
        |subject: Subject| crate::checks::Finding::new("Broken", Severity::Blocker, subject, "it is broken");
    let findings = [finding(Subject::thing("Cluster", "")), finding(Subject::node("w1"))];
    let plan = plan_of(&world, &findings, &Decisions::default());
    let held = |plan: &Plan, id: &str| plan.step(id).unwrap().held_by.len();
    assert_eq!(held(&plan, "upgrade-apply/cp1"), 1, "what is of the cluster");
    assert_eq!(held(&plan, "drain/w1"), 1, "what is of the node");
    assert_eq!((held(&plan, "package/w1"), held(&plan, "drain/w2")), (0, 0));

    let consent = plan.step("upgrade-apply/cp1").unwrap().held_by[0].consent.clone();
    let decisions = Decisions { consents: [consent].into(), ..Decisions::default() };
    let plan = plan_of(&world, &findings, &decisions);
    assert_eq!((held(&plan, "upgrade-apply/cp1"), held(&plan, "drain/w1")), (0, 1));
}

#[test]
fn an_unknown_that_could_hide_a_blocker_asks_likewise() {
    let finding = crate::checks::Finding {
        could_hide: Some(Severity::Blocker),
        ..crate::checks::Finding::new("NotRead", Severity::Unknown, Subject::thing("Pods", ""), "not read")
    };
    let plan = plan_of(&ready_to_upgrade(), &[finding], &Decisions::default());
    assert_eq!(plan.step("upgrade-apply/cp1").unwrap().held_by[0].answer, "NotRead");
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
fn a_kubelet_waits_for_every_api_server() {
    let mut world = ready_to_upgrade();
    at_target(&mut world, "cp1", "1.31.14");
    at_target(&mut world, "cp2", "1.31.14");
    let plan = plan_of(&world, &[], &Decisions::default());
    let skew = &plan.step("kubelet/w1").unwrap().precondition;
    let servers = skew.iter().find(|condition| condition.what.starts_with("every API server")).unwrap();
    assert_eq!(servers.holds, crate::actions::observed::Holds::No);
    assert!(servers.why.contains("10.0.0.13:6443"), "{}", servers.why);
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
fn a_control_plane_that_did_not_start_what_kubeadm_wrote_gets_its_kubelet_restarted() {
    let mut world = ready_to_upgrade();
    at_target(&mut world, "cp1", "1.31.14");
    let manifests = |version: &str| {
        ["kube-apiserver", "kube-controller-manager", "kube-scheduler"].map(|name| {
            serde_json::from_value(json!({ "path": name, "name": name, "images": [format!("registry.k8s.io/{name}:v{version}")] }))
                .unwrap()
        })
    };
    world.facts("cp2", |facts| facts.static_pods = Some(manifests("1.30.4").to_vec()));
    let line = |world: &World| {
        plan_of(world, &[], &Decisions::default()).step("upgrade-node/cp2").unwrap().commands.clone()
    };
    assert_eq!(line(&world), ["kubeadm upgrade node"]);
    world.facts("cp2", |facts| facts.static_pods = Some(manifests("1.31.14").to_vec()));
    assert_eq!(line(&world), ["systemctl restart kubelet"]);
}
