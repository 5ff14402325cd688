//! Every scenario, looked at through the API.

use super::*;
use crate::evidence::node_facts::NodeFacts;
use crate::evidence::objects::{Node, Pod, Workload};

#[tokio::test]
async fn every_scenario_starts_and_all_its_objects_are_decoded() {
    for scenario in SCENARIOS {
        let simulation = begin(scenario.name).await;
        let pods = list(&simulation, "/api/v1/namespaces/shop/pods").await;
        assert!(!pods.is_empty(), "{}", scenario.name);
        for (name, pod) in pods {
            let pod: Pod = serde_json::from_value(pod).unwrap();
            assert!(!pod.spec.node_name.is_empty() && pod.metadata.controller().is_some(), "{name}");
        }
        for kind in ["deployments", "daemonsets", "replicasets"] {
            for (name, workload) in list(&simulation, &format!("/apis/apps/v1/{kind}")).await {
                let workload: Workload = serde_json::from_value(workload).unwrap();
                assert!(
                    workload.template().is_some_and(|template| !template.spec.containers.is_empty()),
                    "{name}"
                );
            }
        }
        for (name, node) in list(&simulation, "/api/v1/nodes").await {
            let node: Node = serde_json::from_value(node).unwrap();
            match simulation.hosts().probe(&node.metadata.name, Some("nonce")) {
                Ok(document) => {
                    let facts: NodeFacts = serde_json::from_str(&document).unwrap();
                    assert_eq!(facts.boot_id.as_ref(), Some(&node.status.node_info.boot_id), "{name}");
                    assert_eq!(facts.machine_id.as_ref(), Some(&node.status.node_info.machine_id), "{name}");
                    assert_eq!(facts.nonce.as_deref(), Some("nonce"));
                    assert!(facts.collected_at.is_some() && facts.uid == Some(0) && facts.unread.is_empty());
                    tells_what_a_plan_needs(&facts);
                    assert!(!document.contains("{{"), "{name}: {document}");
                }
                Err(HostError::Silent { node, .. }) => {
                    assert_eq!((scenario.name != "clean", &*node), (true, "w2"))
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn tells_what_a_plan_needs(facts: &NodeFacts) {
    let config = facts.kubelet.as_ref().unwrap().config.as_ref().unwrap();
    assert!(config.modified < facts.collected_at && config.sha256.as_ref().unwrap().len() == 64);
    let images = facts.runtime.as_ref().unwrap().images.as_ref().unwrap();
    assert!(images.iter().any(|image| image.starts_with("registry.k8s.io/kube-proxy:v1.")), "{images:?}");
    assert!(!facts.tools.as_ref().unwrap().is_empty());
    let packages = facts.packages.as_ref().unwrap();
    assert_eq!(packages.locked, Some(false));
    let [repository] = &packages.repositories[..] else { panic!("{packages:?}") };
    assert_eq!((repository.signed_by.as_ref().unwrap().len(), repository.trusted), (1, Some(false)));
}

#[tokio::test]
async fn the_default_scenario_has_the_size_and_the_names_that_it_promises() {
    let simulation = begin("default").await;
    assert_eq!(simulation.cluster_name(), "prod-eu-1");
    let pods = list(&simulation, "/api/v1/pods").await;
    assert!((280..360).contains(&pods.len()), "{}", pods.len());
    let namespaces = list(&simulation, "/api/v1/namespaces").await;
    assert!((12..20).contains(&namespaces.len()), "{:?}", namespaces.keys());
    assert!(pods.keys().any(|name| name.len() > 100));
    for pod in pods.values() {
        assert!(namespaces.contains_key(&format!("/{}", pod["metadata"]["namespace"].as_str().unwrap())));
    }
    let flows = list(&simulation, "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas").await;
    assert!(flows["/report-exporter"].to_string().contains("設定同期ツール"));
}

#[tokio::test]
async fn a_pod_runs_only_where_its_owner_lets_it() {
    let simulation = begin("default").await;
    let pods = list(&simulation, "/api/v1/pods").await;
    let nodes_of = |prefix: &str| {
        let mut nodes: Vec<&str> = pods
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(_, pod)| pod["spec"]["nodeName"].as_str().unwrap())
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    };
    assert_eq!(nodes_of("payments/ledger-db-"), ["w5", "w6"]);
    assert_eq!(
        nodes_of("kube-system/kube-proxy-"),
        ["cp1", "cp2", "cp3", "w1", "w2", "w3", "w4", "w5", "w6"]
    );
    assert_eq!(nodes_of("csi-rbd/csi-rbdplugin-"), ["w1", "w2", "w3", "w4", "w5", "w6"]);
    assert_eq!(nodes_of("kube-system/etcd-"), ["cp1", "cp2", "cp3"]);
    assert!(nodes_of("shop/").iter().all(|node| node.starts_with('w')));
}

#[tokio::test]
async fn ages_are_seen_from_now() {
    let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
    let simulation = start("default", Options { now: Some(now), ..Options::default() }).await.unwrap();
    let nodes = list(&simulation, "/api/v1/nodes").await;
    let cordoned = nodes["/w4"]["spec"]["taints"].as_array().unwrap();
    assert_eq!(cordoned[0]["timeAdded"], "2026-11-24T17:00:00Z");
    assert_eq!(nodes["/w4"]["metadata"]["creationTimestamp"], "2025-02-23T12:00:00Z");
    let facts: NodeFacts = serde_json::from_str(&simulation.hosts().probe("cp1", None).unwrap()).unwrap();
    let backups = facts.backups.unwrap();
    assert_eq!(backups.snapshots[1].modified.unwrap().to_string(), "2026-11-22T12:00:00Z");
}

#[tokio::test]
async fn a_scenario_that_is_not_there_is_refused_with_those_that_are() {
    let error = start("defualt", Options::default()).await.unwrap_err().to_string();
    assert_eq!(error, "there is no scenario 'defualt'; there are: default, clean, denied, gone, trouble");
}
