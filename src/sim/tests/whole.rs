//! The scenarios that an upgrade is shown with can be walked to their end, drains and troubles and all.

use std::time::Duration;

use super::drain::{cordon, drain};
use super::*;

/// Runs a line, again a minute later where it fails.
async fn run(simulation: &Simulation, node: &str, line: &str) {
    let hosts = simulation.hosts();
    for attempt in 0..4 {
        let unit = format!("{} {line} {attempt}", hosts.now());
        hosts.start(node, &unit, line).unwrap();
        let state = loop {
            simulation.pass(Duration::from_secs(1)).await;
            let state = hosts.unit(node, &unit, 0).unwrap().unwrap();
            if !state.running {
                break state;
            }
        };
        if state.exit == Some(0) {
            return;
        }
        simulation.pass(Duration::from_secs(60)).await;
    }
    panic!("{node}: {line}");
}

async fn install(simulation: &Simulation, node: &str, packages: &[&str]) {
    let document: Value = serde_json::from_str(&simulation.hosts().probe(node, None).unwrap()).unwrap();
    let names = packages.join(" ");
    if document["packages"]["manager"] == "apt" {
        let exact: Vec<String> = packages.iter().map(|name| format!("{name}=1.31.14-1.1")).collect();
        run(simulation, node, "sed -i s#v1.30/#v1.31/# /etc/apt/sources.list.d/kubernetes.list").await;
        run(simulation, node, "apt-get update").await;
        run(simulation, node, &format!("apt-mark unhold {names}")).await;
        run(
            simulation,
            node,
            &format!("DEBIAN_FRONTEND=noninteractive apt-get install -y {}", exact.join(" ")),
        )
        .await;
        run(simulation, node, &format!("apt-mark hold {names}")).await;
    } else {
        let exact: Vec<String> = packages.iter().map(|name| format!("{name}-1.31.14")).collect();
        run(simulation, node, "sed -i s#v1.29/rpm#v1.31/rpm# /etc/yum.repos.d/kubernetes.repo").await;
        run(simulation, node, &format!("dnf versionlock delete {names}")).await;
        run(simulation, node, &format!("dnf install -y {} --disableexcludes=kubernetes", exact.join(" ")))
            .await;
        run(simulation, node, &format!("dnf versionlock add {names}")).await;
    }
}

async fn kubelet(simulation: &Simulation, node: &str, was_cordoned: bool) {
    let (_, empty) = drain(simulation, node, 3_600).await;
    assert!(empty, "{node}");
    install(simulation, node, &["kubelet", "kubectl"]).await;
    run(simulation, node, "systemctl daemon-reload").await;
    run(simulation, node, "systemctl restart kubelet").await;
    simulation.pass(Duration::from_secs(60)).await;
    if !was_cordoned {
        cordon(simulation, node, false).await;
    }
}

async fn walk(scenario: &str) -> Simulation {
    let simulation = begin(scenario).await;
    // Every machine answers by then.
    simulation.pass(Duration::from_secs(600)).await;
    for node in ["cp1", "cp2", "cp3"] {
        install(&simulation, node, &["kubeadm"]).await;
        let first = node == "cp1";
        let line = if first { "kubeadm upgrade apply v1.31.14 --yes" } else { "kubeadm upgrade node" };
        run(&simulation, node, line).await;
        if simulation.cluster.servers[node].process().version.to_string() != "1.31.14" {
            assert_eq!((scenario, node), ("trouble", "cp3"));
            run(&simulation, node, "systemctl restart kubelet").await;
            simulation.pass(Duration::from_secs(60)).await;
        }
    }
    for node in ["cp1", "cp2", "cp3", "w1", "w2", "w3", "w4", "w5", "w6"] {
        if node.starts_with('w') {
            install(&simulation, node, &["kubeadm"]).await;
            run(&simulation, node, "kubeadm upgrade node").await;
        }
        kubelet(&simulation, node, node == "w4").await;
    }
    simulation.pass(Duration::from_secs(300)).await;
    simulation
}

#[tokio::test(flavor = "multi_thread")]
async fn default_and_trouble_can_be_walked_to_their_end() {
    for scenario in ["default", "trouble"] {
        let simulation = walk(scenario).await;
        assert_eq!(simulation.oldest_version().unwrap().to_string(), "1.31.14");
        for (name, node) in list(&simulation, "/api/v1/nodes").await {
            assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.31.14", "{scenario} {name}");
            let cordoned = node["spec"].get("unschedulable") == Some(&json!(true));
            assert_eq!(cordoned, name == "/w4", "{scenario} {name}");
        }
        for (name, pod) in
            list(&simulation, "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-proxy").await
        {
            assert!(pod["spec"]["containers"][0]["image"].as_str().unwrap().ends_with(":v1.31.14"), "{name}");
        }
        for (name, set) in list(&simulation, "/apis/apps/v1/statefulsets").await {
            assert_eq!(set["status"]["readyReplicas"], set["spec"]["replicas"], "{scenario} {name}");
        }
    }
}
