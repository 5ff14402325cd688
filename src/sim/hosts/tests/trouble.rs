//! The scenario `trouble`: each of its troubles, and how it ends.

use super::upgrade::{facts, kubeadm, read};
use super::*;

#[tokio::test]
async fn dpkgs_lock_is_held_once_and_given_back() {
    let simulation = begin("trouble").await;
    let install = "apt-get install -y --allow-change-held-packages kubeadm=1.30.7-1.1";
    let (said, exit) = run(&simulation, "w2", install).await;
    assert_eq!(exit, 100);
    assert!(
        said.starts_with(
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 2114 (unattended-upgr)"
        ),
        "{said}"
    );
    let packages = &document(&simulation, "w2")["packages"];
    assert_eq!(
        (&packages["locked"], &packages["lockedBy"]),
        (&true.into(), &"unattended-upgr (2114), /var/lib/dpkg/lock-frontend".into())
    );
    simulation.pass(Duration::from_secs(80)).await;
    assert_eq!(document(&simulation, "w2")["packages"]["locked"], false);
    all(&simulation, "w2", &[install]).await;
    assert_eq!(package(&simulation, "w2", "kubeadm").0, "1.30.7-1.1");
}

/// How long the API server of a node was away, in seconds, while a line ran.
async fn away_while(simulation: &Simulation, node: &str, line: &str) -> (usize, String) {
    let hosts = simulation.hosts();
    hosts.start(node, "watched", line).unwrap();
    let mut away = 0;
    loop {
        simulation.pass(Duration::from_secs(1)).await;
        away += usize::from(!simulation.cluster.servers[node].is_up());
        let state = hosts.unit(node, "watched", 0).unwrap().unwrap();
        if let Some(exit) = state.exit {
            let said = state.lines.join("\n");
            assert_eq!(exit, 0, "{said}");
            return (away, said);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_is_away_for_long_and_one_stays_old() {
    let simulation = begin("trouble").await;
    for node in ["cp1", "cp2", "cp3"] {
        kubeadm(&simulation, node, "1.30.6", "1.31.14").await;
    }
    let (usual, _) = away_while(&simulation, "cp1", "kubeadm upgrade apply v1.31.14 --yes").await;
    let (long, _) = away_while(&simulation, "cp2", "kubeadm upgrade node").await;
    assert!(usual < 40 && (200..300).contains(&long), "{usual} {long}");
    let (none, said) = away_while(&simulation, "cp3", "kubeadm upgrade node").await;
    assert_eq!(none, 0);
    assert!(
        said.contains("[upgrade/staticpods] Component \"kube-apiserver\" upgraded successfully!"),
        "{said}"
    );
    assert!(
        said.contains("[upgrade] The control plane instance for this node was successfully updated!"),
        "{said}"
    );
    let versions = async || {
        let snapshot = read(&simulation).await;
        let servers = &snapshot.evidence.servers;
        let versions: Vec<String> = servers.versions().map(|(_, version)| version.to_string()).collect();
        let manifest = facts(&snapshot.evidence, "cp3").static_pods.as_ref().unwrap();
        let manifest = manifest.iter().find(|pod| pod.name.as_deref() == Some("kube-apiserver")).unwrap();
        assert!(manifest.images[0].ends_with(":v1.31.14"));
        versions
    };
    assert_eq!(versions().await, ["1.31.14", "1.31.14", "1.30.6"]);
    // The same command again finds nothing to do: the manifest is the new one.
    let (said, exit) = run(&simulation, "cp3", "kubeadm upgrade node").await;
    assert!(
        said.contains("Current and new manifests of kube-apiserver are equal, skipping upgrade") && exit == 0
    );
    assert_eq!(versions().await, ["1.31.14", "1.31.14", "1.30.6"]);
    all(&simulation, "cp3", &["systemctl restart kubelet"]).await;
    simulation.pass(Duration::from_secs(90)).await;
    assert_eq!(versions().await, ["1.31.14", "1.31.14", "1.31.14"]);
}
