//! Each wrong order fails as it does on real machines, or changes what it really changes.

use super::upgrade::{facts, kubeadm, kubelet, read};
use super::*;

const APPLY: &str = "kubeadm upgrade apply v1.31.14 --yes";

#[tokio::test]
async fn an_old_kubeadm_applies_nothing_new() {
    let simulation = begin("clean").await;
    let (said, exit) = run(&simulation, "cp1", APPLY).await;
    assert_eq!(exit, 1);
    assert!(
        said.contains(
            "- Specified version to upgrade to \"v1.31.14\" is at least one minor release higher than the kubeadm minor \
             release (31 > 30). Such an upgrade is not supported"
        ),
        "{said}"
    );
    let (said, exit) = run(&simulation, "cp1", "kubeadm upgrade apply v1.30.14 --yes").await;
    assert!(
        said.contains("is higher than the kubeadm version \"v1.30.6\". Upgrade kubeadm first") && exit == 1,
        "{said}"
    );
}

#[tokio::test]
async fn no_minor_is_left_out() {
    let simulation = begin("clean").await;
    kubeadm(&simulation, "cp1", "1.30.6", "1.32.13").await;
    let (said, exit) = run(&simulation, "cp1", "kubeadm upgrade apply v1.32.13 --yes").await;
    assert!(
        said.contains("is too high; kubeadm can upgrade only 1 minor version at a time") && exit == 1,
        "{said}"
    );
}

#[tokio::test]
async fn apply_asks_and_belongs_on_a_control_plane() {
    let simulation = begin("clean").await;
    kubeadm(&simulation, "cp1", "1.30.6", "1.31.14").await;
    let (said, exit) = run(&simulation, "cp1", "kubeadm upgrade apply v1.31.14").await;
    assert!(said.contains("won't proceed; the user didn't answer (Y|y)") && exit == 1, "{said}");
    let (said, exit) = run(&simulation, "w1", APPLY).await;
    assert!(
        said.contains("open /etc/kubernetes/admin.conf: no such file or directory") && exit == 1,
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrade_node_before_apply_goes_nowhere_and_says_success() {
    let simulation = begin("clean").await;
    kubeadm(&simulation, "cp2", "1.30.6", "1.31.14").await;
    let (said, exit) = run(&simulation, "cp2", "kubeadm upgrade node").await;
    assert_eq!(exit, 0);
    assert!(
        said.contains("Current and new manifests of kube-apiserver are equal, skipping upgrade"),
        "{said}"
    );
    let snapshot = read(&simulation).await;
    let versions: Vec<String> =
        snapshot.evidence.servers.versions().map(|(_, version)| version.to_string()).collect();
    assert_eq!(versions, ["1.30.6", "1.30.6", "1.30.6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_kubeadm_says_success_of_upgrade_node_and_leaves_what_an_old_one_leaves() {
    let simulation = begin("clean").await;
    kubeadm(&simulation, "cp1", "1.30.6", "1.31.14").await;
    all(&simulation, "cp1", &[APPLY]).await;
    let before = simulation.now();
    let (said, exit) = run(&simulation, "w1", "kubeadm upgrade node").await;
    assert!(
        said.contains("[upgrade] The configuration for this node was successfully updated!") && exit == 0,
        "{said}"
    );
    let (said, exit) = run(&simulation, "cp2", "kubeadm upgrade node").await;
    let success = "[upgrade] The control plane instance for this node was successfully updated!";
    assert!(said.contains(success) && exit == 0, "{said}");
    let snapshot = read(&simulation).await;
    for node in ["w1", "cp2"] {
        let kubeadm = facts(&snapshot.evidence, node).kubeadm.as_ref().unwrap();
        assert_eq!(kubeadm.version.as_deref(), Some("v1.30.6"));
    }
    // On the worker it has written the same configuration anew, on the control plane an etcd of its own minor.
    let modified = &document(&simulation, "w1")["kubelet"]["config"]["modified"];
    assert!(modified.as_str().unwrap().parse::<Timestamp>().unwrap() >= before);
    let etcd = |node| facts(&snapshot.evidence, node).etcd.as_ref().unwrap().image.clone().unwrap();
    assert!(etcd("cp1").ends_with(":3.5.24-0") && etcd("cp2").ends_with(":3.5.15-0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_without_its_package_stays_what_it_is() {
    let simulation = begin("clean").await;
    all(&simulation, "w1", &["systemctl daemon-reload", "systemctl restart kubelet"]).await;
    simulation.pass(Duration::from_secs(60)).await;
    let snapshot = read(&simulation).await;
    let node = snapshot.evidence.objects.nodes.items.iter().find(|node| node.metadata.name == "w1").unwrap();
    assert_eq!(node.status.node_info.kubelet_version, "v1.30.6");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_of_three_away_take_the_api_away() {
    let simulation = begin("clean").await;
    for node in ["cp1", "cp2"] {
        kubeadm(&simulation, node, "1.30.6", "1.31.14").await;
    }
    all(&simulation, "cp1", &[APPLY]).await;
    all(&simulation, "cp2", &["kubeadm upgrade node"]).await;
    // Kubelets of 1.31 that follow each other too fast: each takes its node's etcd along.
    let install = "apt-get install -y --allow-change-held-packages kubelet=1.31.14-1.1";
    for node in ["cp1", "cp2"] {
        all(&simulation, node, &[install]).await;
    }
    for node in ["cp1", "cp2"] {
        all(&simulation, node, &["systemctl restart kubelet"]).await;
    }
    let mut lost = 0;
    for _ in 0..90 {
        simulation.pass(Duration::from_secs(1)).await;
        if document(&simulation, "cp3")["etcd"]["health"]["health"] == "false" {
            lost += 1;
            assert!(!simulation.cluster.members().serves("cp3"));
        }
    }
    assert!(lost > 2, "{lost}");
    assert_eq!(document(&simulation, "cp3")["etcd"]["health"]["health"], "true");
}

#[tokio::test]
async fn a_control_plane_that_is_not_ready_stops_kubeadm_unless_it_is_told_to_go_on() {
    let simulation = begin("clean").await;
    kubeadm(&simulation, "cp1", "1.30.6", "1.31.14").await;
    let hosts = simulation.hosts();
    hosts.start("cp2", "restart", "systemctl restart kubelet").unwrap();
    simulation.pass(Duration::from_secs(2)).await;
    let (said, exit) = run(&simulation, "cp1", APPLY).await;
    let not_ready = "[ERROR ControlPlaneNodesReady]: there are NotReady control-planes in the cluster: [cp2]";
    assert!(said.contains(not_ready) && exit == 1, "{said}");
    hosts.start("cp2", "again", "systemctl restart kubelet").unwrap();
    simulation.pass(Duration::from_secs(2)).await;
    let ignoring = format!("{APPLY} --ignore-preflight-errors=ControlPlaneNodesReady");
    let (said, exit) = run(&simulation, "cp1", &ignoring).await;
    assert!(said.contains("[WARNING ControlPlaneNodesReady]") && exit == 0, "{said}");
}

#[tokio::test]
async fn without_any_api_server_kubeadm_changes_nothing() {
    let simulation = begin("clean").await;
    kubeadm(&simulation, "cp1", "1.30.6", "1.31.14").await;
    for node in ["cp1", "cp2", "cp3"] {
        simulation.stop_server(node).await;
    }
    let (said, exit) = run(&simulation, "cp1", APPLY).await;
    assert!(said.contains("[upgrade/config] FATAL: failed to get config map") && exit == 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_is_away_forbids_and_is_ready_again() {
    let simulation = begin("clean").await;
    kubeadm(&simulation, "cp2", "1.30.6", "1.31.14").await;
    kubeadm(&simulation, "cp1", "1.30.6", "1.31.14").await;
    all(&simulation, "cp1", &[APPLY]).await;
    simulation.hosts().start("cp2", "upgrade", "kubeadm upgrade node").unwrap();
    let mut seen = Vec::new();
    let server = simulation.cluster.servers["cp2"].clone();
    for _ in 0..300 {
        simulation.pass(Duration::from_secs(1)).await;
        let now = simulation.now();
        let state = match (server.is_up(), simulation.cluster.members().serves("cp2")) {
            (false, _) => "away",
            (true, false) => "without etcd",
            (true, true) if server.process().forbids_until > now => "forbids",
            (true, true) if server.process().ready_from > now => "not ready",
            _ => "ready",
        };
        if seen.last() != Some(&state) {
            seen.push(state);
        }
    }
    assert_eq!(seen, ["ready", "without etcd", "ready", "away", "forbids", "not ready", "ready"]);
    // And once more when its kubelet follows.
    kubelet(&simulation, "cp2", "1.31.14", "1.31.14").await;
    let snapshot = read(&simulation).await;
    let pods = &snapshot.evidence.objects.pods.items;
    let etcd = pods.iter().find(|pod| pod.metadata.name == "etcd-cp2").unwrap();
    assert_eq!(etcd.status.container_statuses[0].restart_count, 1);
}
