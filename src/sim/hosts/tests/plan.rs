//! The lines of kubelift's own plan, which simulated machines have to understand.

use super::upgrade::read;
use super::*;
use crate::actions::plan::{Decisions, Plan, Settings, plan};

async fn planned(simulation: &Simulation) -> Plan {
    let snapshot = read(simulation).await;
    let target = snapshot.target.as_ref().unwrap();
    plan(&snapshot.evidence, target, &snapshot.findings, &Settings::default(), &Decisions::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_plan_does_what_its_step_needs() {
    let simulation = begin("default").await;
    simulation.pass(Duration::from_secs(600)).await;
    let (mut lines, mut machines) = (0, std::collections::BTreeSet::new());
    for step in planned(&simulation).await.steps().filter(|step| !step.kind.is_by_api()) {
        let Some(node) = step.node.as_deref() else { continue };
        machines.insert(node.to_owned());
        // A step whose machine was read before its other step may find the list changed already.
        for line in &step.commands {
            let (said, exit) = run(&simulation, node, line).await;
            assert_eq!(exit, 0, "{} on {node}: {line}: {said}", step.id);
            lines += 1;
        }
        simulation.pass(Duration::from_secs(60)).await;
    }
    assert!(lines > 100 && machines.len() == 9, "{lines} {machines:?}");
    simulation.pass(Duration::from_secs(300)).await;
    // Nothing but what the API does is left of it: no machine has a line to run.
    for node in ["cp1", "w2", "w5"] {
        assert!(package(&simulation, node, "kubelet").1, "{node}");
        assert!(package(&simulation, node, "kubelet").0.starts_with("1.31.14-"), "{node}");
        assert!(document(&simulation, node)["packages"]["repositories"][0]["minor"] == "1.31", "{node}");
    }
    let key = &document(&simulation, "w5")["packages"]["repositories"][0]["signedBy"];
    assert_eq!(
        key,
        &serde_json::json!(["https://pkgs.k8s.io/core:/stable:/v1.31/rpm/repodata/repomd.xml.key"])
    );
}
