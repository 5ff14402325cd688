//! What state a step is in, and what holds it.

use super::*;

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
    let state = |world: &World, ended: &[&str]| {
        let attempts = ended.iter().map(|id| ((*id).to_owned(), attempt())).collect();
        plan_of(world, &[], &Decisions { attempts, ..Decisions::default() }).step("backup/cp1").unwrap().state
    };
    assert_eq!(state(&world, &["backup/cp1"]), StepState::Ready, "before apply it is needed");
    let applied = ["backup/cp1", "upgrade-apply/cp1"];
    assert_eq!(state(&world, &applied), StepState::Done, "also while its API server is away");
    at_target(&mut world, "cp1", "1.31.14");
    assert_eq!(state(&world, &applied), StepState::Done);
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

#[test]
fn a_kubelet_that_does_not_start_is_mended_and_kubeadm_is_not_run_beside_it() {
    let now = crate::checks::testing::now();
    let mut world = ready_to_upgrade();
    for node in ["cp1", "cp2", "cp3"] {
        at_target(&mut world, node, "1.31.14");
    }
    world.edit_node("cp2", |node| node.status.node_info.kubelet_version = "v1.30.4".into());
    let attempt = |failed: Option<&str>| Attempt {
        started: now,
        nonce: "n".into(),
        said: true,
        failed: failed.map(str::to_owned),
        ended: failed.is_none().then_some(now),
    };
    let mut attempts: std::collections::BTreeMap<_, _> =
        ["upgrade-node/cp2", "drain/cp2"].map(|id| (id.to_owned(), attempt(None))).into();
    attempts.insert("kubelet/cp2".to_owned(), attempt(Some("it does not start")));
    let of = |world: &World, attempts| {
        let decisions = Decisions { attempts, owner: "me".into(), ..Decisions::default() };
        plan_of(world, &[], &decisions).step("upgrade-node/cp2").unwrap().clone()
    };
    assert_eq!(of(&world, Default::default()).state, StepState::Done);
    // The node controller calls the pods of a node not ready whose kubelet is silent.
    world.edit_pod("etcd-cp2", |pod| pod.status.conditions = Default::default());
    let step = of(&world, attempts.clone());
    assert_eq!(step.state, StepState::Done);
    assert!(step.why.contains("now not seen: etcd of cp2 runs, and is ready"), "{}", step.why);
    attempts.retain(|id, _| id == "upgrade-node/cp2");
    assert_ne!(of(&world, attempts).state, StepState::Done, "nothing of the node is under way");
}

#[test]
fn a_control_plane_that_is_not_well_holds_what_restarts_another() {
    let blocker = |check: &str, code: &str, subject: Subject| crate::checks::Finding {
        check: check.to_owned(),
        ..crate::checks::Finding::new(code, Severity::Blocker, subject, "it is not well")
    };
    let member = |node: &str| Subject { node: node.to_owned(), ..Subject::thing("EtcdMember", node) };
    let findings = [
        blocker("etcd", "EtcdMemberUnhealthy", member("cp3")),
        blocker("nodes", "DiskTooSmall", Subject::node("cp2")),
        blocker("nodes", "NodeNotReady", Subject::node("w1")),
    ];
    let plan = plan_of(&ready_to_upgrade(), &findings, &Decisions::default());
    let codes = |id: &str| -> Vec<&str> {
        plan.step(id).unwrap().held_by.iter().map(|hold| hold.answer.as_str()).collect()
    };
    let none: [&str; 0] = [];
    assert_eq!(codes("upgrade-apply/cp1"), ["EtcdMemberUnhealthy"]);
    assert_eq!(codes("upgrade-node/cp2"), ["DiskTooSmall", "EtcdMemberUnhealthy"]);
    assert_eq!(codes("kubelet/cp1"), ["EtcdMemberUnhealthy"]);
    assert_eq!(codes("drain/cp1"), none, "nothing of etcd goes away by a drain");
    assert_eq!(codes("kubelet/w2"), none);
}

#[test]
fn a_consent_is_to_what_was_shown() {
    let finding = |severity, message: &str| crate::checks::Finding {
        could_hide: Some(Severity::Blocker),
        ..crate::checks::Finding::new("EtcdCertificateExpired", severity, Subject::node("cp1"), message)
    };
    let held = |findings: &[crate::checks::Finding], consents: &[Consent]| {
        let decisions = Decisions { consents: consents.iter().cloned().collect(), ..Decisions::default() };
        plan_of(&ready_to_upgrade(), findings, &decisions).step("upgrade-apply/cp1").unwrap().held_by.clone()
    };
    let (client, peer) = (finding(Severity::Blocker, "client"), finding(Severity::Blocker, "peer"));
    let one = held(std::slice::from_ref(&client), &[]);
    let both = held(&[client.clone(), peer.clone()], std::slice::from_ref(&one[0].consent));
    assert_eq!(both.len(), 1, "what was consented to did not speak of the second");
    assert!(both[0].why.contains("client") && both[0].why.contains("peer"), "{}", both[0].why);
    assert!(held(&[client, peer], std::slice::from_ref(&both[0].consent)).is_empty());

    let unread = |message: &str| finding(Severity::Unknown, message);
    let one = held(&[unread("w1 was not read")], &[]);
    assert_eq!(held(&[unread("w1 and w2 were not read")], &[one[0].consent.clone()]).len(), 1);
    assert!(held(&[unread("w1 was not read")], &[one[0].consent.clone()]).is_empty());
}
