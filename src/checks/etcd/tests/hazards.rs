//! Versions, whether they agree, and what is known of them.

use super::*;
use crate::checks::Severity;
use crate::checks::testing::{of_code, only};

/// What is said of dangerous versions, as `severity hazard`.
fn dangers(world: &World, to: &str) -> Vec<String> {
    let of = of_code(&world.check(CHECK, to), "EtcdVersionDangerous");
    of.into_iter().map(|text| text.replace("EtcdHazard/", "")).collect()
}

#[test]
fn what_a_restart_sets_off_blocks_and_what_a_defragmentation_does_not() {
    let old = dangers(&at("1.30.4", "3.5.2"), "1.31.4");
    assert!(old.contains(&"blocker corruption-after-kill".to_owned()), "{old:?}");
    assert!(old.contains(&"warning revision-decreases".to_owned()), "{old:?}");
    assert!(old.contains(&"notice corruption-defrag-crash".to_owned()), "{old:?}");
    assert!(old.contains(&"notice security-2026-07".to_owned()), "{old:?}");
    let mended = dangers(&at("1.30.4", "3.5.3"), "1.31.4");
    assert!(!mended.contains(&"blocker corruption-after-kill".to_owned()), "{mended:?}");
    assert_eq!(dangers(&at("1.30.4", "3.5.35"), "1.31.4"), [""; 0]);
    // Unless something in the cluster defragments.
    let mut world = at("1.30.4", "3.5.15");
    assert_eq!(dangers(&world, "1.31.4"), ["notice corruption-defrag-snapshot", "notice security-2026-07"]);
    world.workload(
        crate::evidence::objects::Kind::CronJob,
        json!({ "metadata": { "namespace": "kube-system", "name": "etcd-defrag" }, "spec": { "jobTemplate": { "spec": { "template": {} } } } }),
    );
    assert_eq!(dangers(&world, "1.31.4"), ["warning corruption-defrag-snapshot", "notice security-2026-07"]);
}

#[test]
fn a_hop_that_brings_a_minor_of_etcd_asks_for_a_late_patch_of_the_one_before() {
    let at_1_34 = dangers(&at("1.33.6", "3.5.24"), "1.34.2");
    assert_eq!(at_1_34[0], "blocker zombie-members");
    assert!(!dangers(&at("1.33.6", "3.5.24"), "1.33.9").contains(&"blocker zombie-members".to_owned()));
    let late = dangers(&at("1.33.6", "3.5.35"), "1.34.2");
    assert_eq!(late, ["notice no-way-back-3.6"]);
    assert!(dangers(&at("1.36.3", "3.6.8"), "1.37.2").contains(&"blocker too-old-for-3.7".to_owned()));
    // A tag that holds etcd at 3.5 enters nothing.
    let mut kept = at("1.33.6", "3.5.24");
    configured(&mut kept, &json!({ "local": { "imageTag": "3.5.24-0" } }));
    assert!(!dangers(&kept, "1.34.2").contains(&"blocker zombie-members".to_owned()));
    // And one that is set for the next upgrade brings it.
    let mut raised = at("1.33.6", "3.5.24");
    configured(&mut raised, &json!({ "local": { "imageTag": "3.6.5-0" } }));
    assert!(dangers(&raised, "1.33.9").contains(&"blocker zombie-members".to_owned()));
}

#[test]
fn a_later_hop_is_a_warning_that_names_it() {
    let world = at("1.32.10", "3.5.16");
    let findings = world.check(CHECK, "1.34.2");
    let later: Vec<_> =
        findings.iter().filter(|finding| finding.message.starts_with("a blocker at 1.34")).collect();
    assert_eq!(later.len(), 1, "{later:#?}");
    assert_eq!((later[0].severity, later[0].subject.name.as_str()), (Severity::Warning, "zombie-members"));
    // 1.33's newest kubeadm leaves 3.5.24 behind, which mends the learners.
    assert!(later[0].message.contains("from etcd 3.5.24 that the hop before leaves"));
    assert!(!dangers(&world, "1.33.6").iter().any(|text| text.contains("zombie")));
}

#[test]
fn a_tag_that_holds_an_etcd_without_probes_blocks_the_hop_that_probes() {
    let with_tag = |version: &str, tag: &str, to: &str| {
        let mut world = at("1.30.4", version);
        configured(&mut world, &json!({ "local": { "imageTag": tag } }));
        dangers(&world, to).contains(&"blocker no-probes".to_owned())
    };
    assert!(with_tag("3.5.10", "3.5.10-0", "1.31.4"));
    assert!(!with_tag("3.5.10", "3.5.10-0", "1.30.9"), "that kubeadm asks /health");
    assert!(!with_tag("3.5.10", "3.5.12-0", "1.31.4"), "the hop brings the tag");
    assert!(!with_tag("3.5.12", "3.5.12-0", "1.31.4"));
    assert!(
        !dangers(&at("1.30.4", "3.5.10"), "1.31.4").contains(&"blocker no-probes".to_owned()),
        "nothing holds it"
    );
}

#[test]
fn flags_that_the_next_minor_does_not_know_come_back_by_the_configuration() {
    let with = |flags: &[&str], extra: Value| {
        let mut world = at("1.36.3", "3.6.16");
        configured(&mut world, &json!({ "local": { "extraArgs": extra } }));
        for node in ["cp1", "cp2", "cp3"] {
            world.facts(node, |facts| {
                let manifest = &mut facts.static_pods.as_mut().unwrap()[0];
                manifest.flags = from(json!(
                    flags.iter().map(|name| json!({ "name": name, "value": "x" })).collect::<Vec<_>>()
                ));
            });
        }
        let of = dangers(&world, "1.37.2");
        of.into_iter().filter(|text| text.contains("removed-flags")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(with(&["data-dir"], json!({})), "");
    assert_eq!(
        with(&["data-dir"], json!({ "experimental-compaction-batch-limit": "1" })),
        "blocker removed-flags-3.7"
    );
    assert_eq!(with(&[], json!([{ "name": "experimental-x", "value": "1" }])), "blocker removed-flags-3.7");
    assert_eq!(with(&[], json!({ "quota-backend-bytes": "8589934592" })), "");
    // In the manifest only, it goes with the manifest, unless a patch brings it back.
    assert_eq!(with(&["experimental-x"], json!({})), "warning removed-flags-3.7");
    assert_eq!(with(&["experimental-initial-corrupt-check"], json!({})), "", "kubeadm's own");
}

#[test]
fn the_remedy_is_the_hop_where_the_hop_mends_it() {
    let advice = |world: &World| {
        let findings = world.check(CHECK, "1.31.14");
        let finding = findings.iter().find(|finding| finding.subject.name == "revision-decreases").unwrap();
        finding.remedy.as_ref().unwrap().summary.clone()
    };
    let mut world = at("1.30.4", "3.5.12");
    assert!(advice(&world).ends_with("The hop brings 3.5.24, which has it no more."));
    configured(&mut world, &json!({ "local": { "imageTag": "3.5.12-0" } }));
    assert!(
        advice(&world).contains(
            "imageTag 3.5.12-0 in kubeadm-config holds etcd back: without it the hop brings 3.5.24"
        )
    );
}

#[test]
fn kubeadm_never_takes_etcd_back() {
    // Its 3.5.24 has no such hazard, and does not come.
    let findings = at("1.32.4", "3.6.4").check(CHECK, "1.33.9");
    let finding =
        findings.iter().find(|finding| finding.subject.name == "corruption-defrag-snapshot").unwrap();
    assert_eq!(finding.remedy.as_ref().unwrap().summary, "Let no defragmentation run during the upgrade.");
}

#[test]
fn members_of_different_versions_weigh_by_how_far_they_are_apart() {
    let mixed = |version: &str| {
        let mut world = at("1.33.6", "3.5.35");
        run(&mut world, "cp2", version);
        of_code(&world.check(CHECK, "1.33.9"), "EtcdVersionsDiffer")
    };
    assert_eq!(mixed("3.5.35"), [""; 0]);
    assert_eq!(mixed("3.5.34"), ["notice Cluster/prod"]);
    assert_eq!(mixed("3.6.16"), ["warning Cluster/prod"]);
    assert_eq!(mixed("3.4.30"), ["warning Cluster/prod"]);
    assert_eq!(mixed("3.7.1"), ["blocker Cluster/prod"]);
    let mut world = at("1.30.4", "3.5.15");
    world.facts("cp2", |facts| {
        facts.etcd.as_mut().unwrap().status.as_mut().unwrap().version = Some("3.5.16".into())
    });
    assert_eq!(
        only(&check(&world), "EtcdNotRestarted").message,
        "etcd's manifest on cp2 has 3.5.15, and 3.5.16 answers"
    );
}

#[test]
fn the_only_member_is_away_while_it_is_changed() {
    let mut world = World::new("1.30.4");
    let nodes = &mut world.evidence.objects.nodes;
    nodes.items = nodes
        .items
        .iter()
        .filter(|node| !["cp2", "cp3"].contains(&node.metadata.name.as_str()))
        .cloned()
        .collect();
    for node in ["cp2", "cp3"] {
        world.remove_pod(&format!("etcd-{node}"));
        world.evidence.node_facts.remove(node);
    }
    let alone = |to: &str| of_code(&world.check(CHECK, to), "EtcdUpgradedAlone");
    assert_eq!(alone("1.31.14"), ["notice Cluster/prod"]);
    assert_eq!(alone("1.31.4"), [""; 0], "that kubeadm brings what runs");
    assert_eq!(of_code(&World::new("1.30.4").check(CHECK, "1.31.14"), "EtcdUpgradedAlone"), [""; 0]);
}
