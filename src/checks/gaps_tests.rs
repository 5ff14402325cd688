//! What was not read is never fine: held against every check, with every source of evidence turned unread in turn.

use super::testing::{self, World};
use super::{CHECKS, Finding, Severity, Verdict, judge, judge_one};
use crate::evidence::{Cluster, Evidence, Scope};

/// Worlds with something to find in them, each with a name and the version to go to.
fn cases() -> Vec<(&'static str, World, &'static str)> {
    let mut cases = vec![
        ("healthy", World::new("1.30.4"), "1.31.4"),
        ("healthy, two hops", World::new("1.30.4"), "1.32.4"),
        ("healthy, to 1.35", World::new("1.34.4"), "1.35.2"),
        ("healthy, a patch", World::new("1.30.4"), "1.30.9"),
    ];
    cases.extend(super::deprecated_apis::tests::cases());
    cases.extend(super::apparmor::tests::cases());
    cases.extend(super::versions::tests::cases());
    cases.extend(super::nodes::tests::cases());
    cases.extend(super::control_plane::tests::cases());
    cases.extend(super::csi::tests::cases());
    cases.extend(super::flags::tests::cases());
    cases.extend(super::cgroups::tests::cases());
    cases.extend(super::etcd::tests::cases());
    cases
}

/// Unknown findings that could hide a blocker.
fn could_block(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.could_hide == Some(Severity::Blocker)).count()
}

#[test]
fn every_unknown_says_what_it_could_hide_and_nothing_else_does() {
    for (name, world, to) in cases() {
        for (source, without) in world.each_unread() {
            for finding in judge(&without.evidence, &without.target(to)) {
                let unknown = finding.severity == Severity::Unknown;
                assert_eq!(finding.could_hide.is_some(), unknown, "{name} without {source}: {finding:?}");
                assert!(!finding.code.is_empty() && !finding.message.is_empty(), "{finding:?}");
                assert!(finding.message.lines().count() == 1, "{finding:?}");
            }
        }
    }
}

#[test]
fn no_source_turned_unread_makes_a_pane_look_ready() {
    for (name, world, to) in cases() {
        for check in CHECKS {
            let before = judge_one(check, &world.evidence, &world.target(to));
            for (source, without) in world.each_unread() {
                let after = judge_one(check, &without.evidence, &without.target(to));
                if Verdict::of(&before) != Verdict::Ready {
                    assert_ne!(
                        Verdict::of(&after),
                        Verdict::Ready,
                        "{}: {name} without {source}: {after:#?}",
                        check.id
                    );
                }
                assert!(
                    could_block(&after) >= could_block(&before) || Verdict::of(&after) == Verdict::Blocked,
                    "{}: {name} without {source} lost an unknown",
                    check.id
                );
            }
        }
    }
}

#[test]
fn a_pane_is_never_empty_and_passes_only_where_everything_was_read() {
    for (name, world, to) in cases() {
        for (source, without) in world.each_unread() {
            for check in CHECKS {
                let findings = judge_one(check, &without.evidence, &without.target(to));
                assert!(!findings.is_empty(), "{}: {name} without {source}", check.id);
            }
        }
    }
}

#[test]
fn every_source_is_missed_by_somebody() {
    let world = World::new("1.30.4");
    assert_eq!(Verdict::of(&judge(&world.evidence, &world.target("1.31.4"))), Verdict::Ready);
    for (source, without) in world.each_unread() {
        let findings = judge(&without.evidence, &without.target("1.31.4"));
        let missed = findings.iter().any(|finding| finding.severity == Severity::Unknown);
        assert_eq!(missed, !NOT_JUDGED.contains(&source.as_str()), "{source}");
    }
}

#[test]
fn a_listing_that_is_not_kept_up_to_date_is_missed_as_one_that_was_refused() {
    let world = World::new("1.30.4");
    let target = world.target("1.31.4");
    let now = Some(testing::now());
    type Stale<'a> = &'a dyn Fn(&mut Evidence);
    let stale: [(&str, Stale); 5] = [
        ("nodes", &|e| e.objects.nodes.stale_since = now),
        ("pods", &|e| e.objects.pods.stale_since = now),
        ("csinodes.storage.k8s.io", &|e| e.objects.csi_nodes.stale_since = now),
        ("persistentvolumes", &|e| e.objects.persistent_volumes.stale_since = now),
        ("leases.coordination.k8s.io", &|e| e.objects.leases.stale_since = now),
    ];
    for (name, make_stale) in stale {
        let (_, refused) = world.each_unread().into_iter().find(|(source, _)| source == name).unwrap();
        let mut evidence = world.evidence.clone();
        make_stale(&mut evidence);
        let mut missed = 0;
        for check in CHECKS {
            if Verdict::of(&judge_one(check, &refused.evidence, &target)) == Verdict::Unknown {
                let findings = judge_one(check, &evidence, &target);
                assert_eq!(Verdict::of(&findings), Verdict::Unknown, "{} with stale {name}", check.id);
                missed += 1;
            }
        }
        assert!(missed > 0, "{name}");
    }
}

/// What is read and shown, and not judged: budgets hold up a drain for as long as they do, and no upgrade.
const NOT_JUDGED: &[&str] = &["configmaps of coredns", "poddisruptionbudgets.policy"];

#[test]
fn nothing_read_at_all_is_unknown_in_every_pane() {
    for scope in [Scope::All, Scope::Api] {
        let evidence = Evidence::nothing(Cluster::default(), scope, testing::now());
        let target = World::new("1.30.4").target("1.31.4");
        for check in CHECKS {
            let findings = judge_one(check, &evidence, &target);
            assert_eq!(Verdict::of(&findings), Verdict::Unknown, "{}: {findings:#?}", check.id);
            let passes =
                findings.iter().any(|finding| finding.severity == Severity::Pass && finding.code != "Route");
            assert!(!passes, "{}: {findings:#?}", check.id);
        }
    }
}

#[test]
fn codes_are_words_and_commands_are_one_line() {
    for (name, world, to) in cases() {
        for finding in judge(&world.evidence, &world.target(to)) {
            let word = finding.code.chars().all(|c| c.is_ascii_alphanumeric())
                && finding.code.starts_with(|c: char| c.is_ascii_uppercase());
            assert!(word, "{name}: {}", finding.code);
            assert!(!finding.message.contains("  "), "{name}: {:?}", finding.message);
            assert!(!finding.why.contains("  "), "{name}: {:?}", finding.why);
            let remedy = finding.remedy.unwrap_or_default();
            assert!(remedy.commands.iter().all(|command| command.lines().count() == 1), "{name}: {remedy:?}");
            assert!(!remedy.summary.contains("  "), "{name}: {remedy:?}");
            assert!(finding.evidence.iter().all(|proof| !proof.saw.is_empty()), "{name}: {}", finding.code);
        }
    }
}

#[test]
fn every_code_is_documented() {
    let documented = include_str!("../../docs/findings.md");
    for (name, world, to) in cases() {
        for (source, without) in world.each_unread().into_iter().chain([(String::new(), world.clone())]) {
            for finding in judge(&without.evidence, &without.target(to)) {
                assert!(
                    documented.contains(&format!("`{}`", finding.code)),
                    "{} is not in docs/findings.md ({name}, {source})",
                    finding.code
                );
            }
        }
    }
}

/// A check that read a list, and does not find what it needs in it, must not say that the list was not read.
#[test]
fn what_a_list_that_worked_does_not_show_is_not_called_unread() {
    let mut world = World::new("1.30.4");
    let shown = |pod: &&std::sync::Arc<crate::evidence::objects::Pod>| !pod.is_mirror();
    world.evidence.objects.pods.items =
        world.evidence.objects.pods.items.iter().filter(shown).cloned().collect();
    world.served("resource.k8s.io", "v1alpha2", &["resourceclaims"]);
    world.managed("resource.k8s.io", "v1alpha2", "ResourceClaim", "resourceclaims", Vec::new());
    world.edit_pod("kube-proxy-w1", |pod| {
        pod.spec.containers = serde_json::from_value(
            serde_json::json!([{ "name": "kube-proxy", "image": "registry.k8s.io/kube-proxy:latest" }]),
        )
        .unwrap();
    });
    let mut said = Vec::new();
    for check in CHECKS {
        let unknown = judge_one(check, &world.evidence, &world.target("1.31.4")).into_iter();
        said.extend(unknown.filter(|finding| finding.severity == Severity::Unknown).map(|f| f.message));
    }
    assert!(said.iter().all(|message| !message.contains("could not list")), "{said:#?}");
    for what in [
        "not known: kube-system shows no static pod of kube-scheduler",
        "not known: no static pod in kube-system shows the flags of a kube-apiserver",
        "not known: the image of kube-proxy has a tag that is no version, on w1",
    ] {
        assert!(said.iter().any(|message| message == what), "{what} in {said:#?}");
    }
}
