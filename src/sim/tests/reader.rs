//! The simulation, read by the same code that reads a real cluster.

use super::*;
use crate::checks::{CHECKS, Severity, Verdict};
use crate::evidence::objects::Pod;
use crate::session::Snapshot;
use crate::source::Source;

/// What `kubelift check --demo=SCENARIO` judges.
async fn judged(scenario: &str) -> Snapshot {
    let flags = clap::Parser::try_parse_from(["kubelift", &format!("--demo={scenario}"), "check"]);
    let cli: crate::cli::Cli = flags.unwrap();
    Source::open(&cli.source, false).await.unwrap().once().await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_clean_scenario_nothing_is_in_the_way() {
    let snapshot = judged("clean").await;
    let loud: Vec<String> = snapshot
        .findings
        .iter()
        .filter(|finding| !matches!(finding.severity, Severity::Notice | Severity::Pass))
        .map(|finding| format!("{} {} {} {}", finding.check, finding.code, finding.subject, finding.message))
        .collect();
    assert!(loud.is_empty(), "{loud:#?}");
    assert_eq!(snapshot.verdict(), Verdict::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_default_scenario_every_pane_has_something_to_say() {
    let snapshot = judged("default").await;
    // The control plane is right on purpose: an operator is to see what that looks like, too.
    for check in CHECKS.iter().filter(|check| check.id != "control-plane") {
        let said = snapshot.findings_of(check.id).any(|finding| finding.severity != Severity::Pass);
        assert!(said, "{} says nothing", check.id);
    }
    assert_eq!(snapshot.verdict(), Verdict::Blocked);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_there_is_read_and_nothing_is_only_asked_for() {
    let simulation = begin("default").await;
    let pods = list(&simulation, "/api/v1/pods").await;
    let snapshot = judged("default").await;
    let evidence = &snapshot.evidence;
    assert_eq!(evidence.objects.pods.items.len(), pods.len());
    assert!(evidence.objects.pods.is_complete() && evidence.objects.nodes.is_complete());
    let budgets = &evidence.objects.pod_disruption_budgets;
    assert!(budgets.is_complete());
    let budget = budgets.iter().find(|budget| *budget.metadata.name == *"web").unwrap();
    assert_eq!(budget.spec.min_available.as_ref().unwrap().to_string(), "75%");
    let namesakes = |pod: &&Pod| budget.covers(&pod.metadata.namespace, &pod.metadata.labels);
    let covered = evidence.objects.pods.iter().filter(namesakes).count();
    let status = &budget.status;
    assert_eq!(i32::try_from(covered).unwrap(), status.expected_pods);
    assert_eq!(status.disruptions_allowed, status.current_healthy - status.desired_healthy);
    assert!(covered > 1 && status.desired_healthy > 0);
    assert_eq!(evidence.cluster.name, "prod-eu-1");
    let hosts: Vec<_> = evidence.servers.servers.iter().map(|server| server.hostname.as_deref()).collect();
    assert_eq!(hosts, [Some("cp1"), Some("cp2"), Some("cp3")]);
    assert!(evidence.servers.servers.iter().all(|server| server.ready.value().is_some_and(|ready| ready.ok)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_and_one_that_is_not_ready_are_seen() {
    let snapshot = judged("gone").await;
    let servers = &snapshot.evidence.servers.servers;
    let ready: Vec<_> = servers
        .iter()
        .map(|server| (server.hostname.as_deref(), server.ready.value().map(|r| r.ok)))
        .collect();
    // cp3 has left the Service: its Lease tells of it.
    assert_eq!(ready, [(Some("cp1"), Some(true)), (Some("cp2"), Some(false)), (Some("cp3"), None)]);
    let loud =
        snapshot.findings_of("control-plane").filter(|finding| finding.severity < Severity::Notice).count();
    assert!(loud >= 2, "{:#?}", snapshot.findings_of("control-plane").collect::<Vec<_>>());
}
