//! The member list, and how the members are.

use super::*;
use crate::checks::Severity;
use crate::checks::testing::{of_code, only};

fn member(id: u64, name: &str, learner: bool) -> Value {
    json!({ "ID": id.to_string(), "name": name, "isLearner": learner,
        "peerURLs": [format!("https://10.0.0.{id}:2380")], "clientURLs": [format!("https://10.0.0.{id}:2379")] })
}

/// Every machine shows these members.
fn listed(members: &[Value]) -> World {
    let members = members.to_vec();
    everywhere(move |facts| facts.etcd.as_mut().unwrap().members = Some(from(Value::Array(members.clone()))))
}

fn three() -> [Value; 3] {
    [member(100, "cp1", false), member(101, "cp2", false), member(102, "cp3", false)]
}

#[test]
fn members_are_those_of_the_control_planes() {
    assert_eq!(said(&listed(&three())), "");
    let gone = [&three()[..], &[member(9, "old", false)]].concat();
    let findings = check(&listed(&gone));
    let stray = only(&findings, "EtcdMemberStray");
    assert_eq!((stray.severity, stray.subject.to_string().as_str()), (Severity::Blocker, "EtcdMember/old"));
    assert!(stray.remedy.as_ref().unwrap().commands[1].ends_with("member remove 9"));
    // Names are of no account where the ids say where a member runs.
    assert_eq!(
        said(&listed(&[member(100, "a", false), member(101, "b", false), member(102, "c", false)])),
        ""
    );
    let two = check(&listed(&three()[..2]));
    assert_eq!(of_code(&two, "EtcdMemberMissing"), ["blocker Node/cp3"]);
    assert_eq!(of_code(&two, "EtcdTwoMembers"), ["notice Cluster/prod"]);
}

#[test]
fn a_member_of_another_name_may_be_on_the_node_that_did_not_speak() {
    let mut world =
        listed(&[member(100, "cp1", false), member(101, "cp2", false), member(102, "third", false)]);
    world.evidence.node_facts.remove("cp3");
    assert_eq!(said(&world), "EtcdInsideUnread");
    // What its static pod advertises says where it is.
    command(&mut world, "etcd-cp3", &["etcd", "--advertise-client-urls=https://10.0.0.102:2379"]);
    assert!(!codes(&check(&world)).contains(&"EtcdMemberStray"));
    let mut more = listed(&[&three()[..], &[member(9, "old", false)]].concat());
    more.evidence.node_facts.remove("cp3");
    assert!(said(&more).contains("EtcdMemberStray"));
    more.evidence.objects.nodes.unread =
        vec![crate::evidence::Unread::new("list", "nodes", crate::evidence::Reason::Forbidden, "")];
    assert!(!said(&more).contains("EtcdMemberStray"), "a node that was not read may have it");
}

#[test]
fn learners_and_members_that_never_started_are_named() {
    let mut learner = three();
    learner[2] = member(102, "cp3", true);
    let findings = check(&listed(&learner));
    assert_eq!(of_code(&findings, "EtcdLearner"), ["warning EtcdMember/cp3"]);
    assert_eq!(of_code(&findings, "EtcdTwoMembers").len(), 1, "a learner does not vote");
    let joined = [&three()[..], &[member(255, "", false)]].concat();
    let findings = check(&listed(&joined));
    assert_eq!(of_code(&findings, "EtcdMemberNotStarted"), ["blocker EtcdMember/ff"]);
    assert!(!findings.iter().any(|finding| finding.code == "EtcdMemberStray"), "said once");
}

#[test]
fn members_that_see_different_things_are_told_apart() {
    let list = etcd("cp3", |etcd| etcd.members = Some(from(Value::Array(three()[..2].to_vec()))));
    assert_eq!(of_code(&check(&list), "EtcdMemberListsDiffer"), ["warning Cluster/prod"]);
    let cluster = |id: u64| {
        move |facts: &mut NodeFacts| {
            facts.etcd.as_mut().unwrap().status.as_mut().unwrap().header.cluster_id = Some(id)
        }
    };
    let mut world = everywhere(cluster(7));
    assert_eq!(said(&world), "");
    world.facts("cp2", cluster(8));
    assert_eq!(of_code(&check(&world), "EtcdClustersDiffer"), ["blocker Cluster/prod"]);
}

#[test]
fn alarms_block_each_once() {
    let raise = |alarms: Value| {
        everywhere(move |facts| facts.etcd.as_mut().unwrap().alarms = Some(from(alarms.clone())))
    };
    let findings =
        check(&raise(json!([{ "memberID": "101", "alarm": "NOSPACE" }, { "memberID": "7", "alarm": 2 }])));
    assert_eq!(of_code(&findings, "EtcdAlarm"), ["blocker EtcdMember/7", "blocker EtcdMember/cp2"]);
    let messages: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.code == "EtcdAlarm")
        .map(|finding| finding.message.as_str())
        .collect();
    assert!(
        messages[0].starts_with("alarm CORRUPT of 7:") && messages[1].starts_with("alarm NOSPACE of cp2:")
    );
    assert_eq!(said(&raise(json!([]))), "");
}

#[test]
fn a_member_without_a_leader_or_health_blocks() {
    let status = |change: fn(&mut crate::evidence::node_facts::EtcdStatus)| {
        etcd("cp2", |etcd| change(etcd.status.as_mut().unwrap()))
    };
    let leaderless = status(|status| status.leader = Some(0));
    assert_eq!(of_code(&check(&leaderless), "EtcdNoLeader"), ["blocker EtcdMember/cp2"]);
    assert_eq!(
        said(&etcd("cp2", |etcd| etcd.metrics.as_mut().unwrap().has_leader = Some(false))),
        "EtcdNoLeader"
    );
    assert_eq!(said(&status(|status| status.leader = Some(102))), "");
    let health = |health: &str, reason: &str| {
        let world =
            etcd("cp2", |etcd| etcd.health = Some(from(json!({ "health": health, "reason": reason }))));
        check(&world)
    };
    let sick = health("false", "RAFT NO LEADER");
    assert_eq!(
        only(&sick, "EtcdMemberUnhealthy").message,
        "the member on cp2 is not healthy: RAFT NO LEADER"
    );
    assert_eq!(only(&health("false", ""), "EtcdMemberUnhealthy").severity, Severity::Blocker);
    assert_eq!(of_code(&health("true", ""), "EtcdMemberUnhealthy").len(), 0);
    let errors = status(|status| status.errors = vec!["etcdserver: corrupt".into()]);
    assert_eq!(
        only(&check(&errors), "EtcdMemberUnhealthy").message,
        "the member on cp2 is not healthy: etcdserver: corrupt"
    );
    let both = etcd("cp2", |etcd| {
        let status = etcd.status.as_mut().unwrap();
        (status.leader, status.errors) = (Some(0), vec!["etcdserver: no leader".into()]);
    });
    assert_eq!(said(&both), "EtcdNoLeader", "said once");
}

#[test]
fn what_a_probe_did_not_see_is_unknown_for_its_node() {
    type Change = fn(&mut Etcd);
    let changes: [Change; 4] = [
        |etcd| etcd.members = None,
        |etcd| etcd.status = None,
        |etcd| etcd.alarms = None,
        |etcd| etcd.health = None,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let findings = check(&etcd("cp2", change));
        let unknown = only(&findings, "EtcdInsideUnread");
        assert_eq!(
            (unknown.could_hide, unknown.subject.node.as_str()),
            (Some(Severity::Blocker), "cp2"),
            "{index}"
        );
        assert!(!findings.iter().any(|finding| finding.code == "EtcdHealthy"), "{index}");
    }
    let as_user = machine("cp2", |facts| {
        facts.uid = Some(1000);
        facts.etcd.as_mut().unwrap().members = None;
        facts.unread =
            from(json!([{ "what": "etcd.members", "reason": "not root: etcd's client certificate" }]));
    });
    assert_eq!(
        only(&check(&as_user), "EtcdInsideUnread").message,
        "not known: could not probe etcd's inside of cp2: not permitted on the node (not root: etcd's client certificate)"
    );
    assert_eq!(said(&machine("cp2", |facts| facts.etcd = None)), "EtcdInsideUnread");
    assert_eq!(
        said(&etcd("cp2", |etcd| etcd.local = Some(false))),
        "EtcdInsideUnread",
        "its mirror says otherwise"
    );
}

#[test]
fn old_facts_do_not_speak_of_now() {
    let aged = |hours: i64| {
        let mut world = World::new("1.30.4");
        if let Some(crate::evidence::Reading::Read { stamp, .. }) = world.evidence.node_facts.get_mut("cp2") {
            stamp.at = crate::checks::testing::ago(hours);
        }
        said(&world)
    };
    assert_eq!(aged(24), "");
    assert_eq!(aged(25), "EtcdInsideUnread");
}
