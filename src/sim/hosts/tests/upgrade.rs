//! A whole upgrade by the commands of the official guide, in its order, looked at with kubelift's own reader.

use super::*;
use crate::catalog::Catalog;
use crate::cluster::client::Connection;
use crate::evidence::{Evidence, NodeFacts, Scope};
use crate::session::live;
use crate::session::options::{FactsFrom, Options as Reading};
use crate::session::simulated::Simulated;
use crate::session::{Kind, Snapshot};

const APT: &str = "DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get install -y \
                   -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold";

/// What kubelift reads of the simulation now, and what it says.
pub(super) async fn read(simulation: &Simulation) -> Snapshot {
    let hosts = simulation.hosts();
    let documents = hosts
        .names()
        .map(|name| (name.to_owned(), hosts.probe(name, None).map_err(|error| error.to_string())));
    let options = Reading {
        kind: Kind::Demo { scenario: "test".to_owned() },
        target: None,
        scope: Scope::All,
        node_facts: FactsFrom::Documents(documents.collect()),
        nonces: Default::default(),
        backups: None,
    };
    let connection = Connection::simulated(&simulation.url(), simulation.cluster_name()).await.unwrap();
    let connection = connection.in_time_of(std::sync::Arc::new(Simulated(hosts.clone())));
    live::once(connection, Catalog::get().unwrap(), options).await
}

/// The lines that install packages of the target on a node.
fn install(from: &str, to: &str, packages: &[&str]) -> Vec<String> {
    let (old, new) = (from.rsplit_once('.').unwrap().0, to.rsplit_once('.').unwrap().0);
    let names = packages.join(" ");
    let exact: Vec<String> = packages.iter().map(|name| format!("{name}={to}-1.1")).collect();
    vec![
        format!(
            "sed -i '1s#https://pkgs\\.k8s\\.io/core:/stable:/v{old}/deb/#https://pkgs.k8s.io/core:/stable:/v{new}/deb/#' \
             /etc/apt/sources.list.d/kubernetes.list"
        ),
        "apt-get update".to_owned(),
        format!("apt-mark unhold {names}"),
        format!("{APT} {}", exact.join(" ")),
        format!("apt-mark hold {names}"),
    ]
}

/// kubeadm of the target on a node.
pub(super) async fn kubeadm(simulation: &Simulation, node: &str, from: &str, to: &str) {
    for line in install(from, to, &["kubeadm"]) {
        all(simulation, node, &[&line]).await;
    }
}

/// The kubelet of the target on a node, and the time that it takes.
pub(super) async fn kubelet(simulation: &Simulation, node: &str, from: &str, to: &str) {
    for line in install(from, to, &["kubelet", "kubectl"]) {
        all(simulation, node, &[&line]).await;
    }
    all(simulation, node, &["systemctl daemon-reload", "systemctl restart kubelet"]).await;
    simulation.pass(Duration::from_secs(90)).await;
}

/// The facts of a node.
pub(super) fn facts<'e>(evidence: &'e Evidence, node: &str) -> &'e NodeFacts {
    evidence.node_facts[node].value().unwrap()
}

/// Every component at a version, as kubelift sees it.
fn is_at(snapshot: &Snapshot, version: &str, etcd: &str) {
    let evidence = &snapshot.evidence;
    for server in &evidence.servers.servers {
        assert_eq!(server.version.value().unwrap().to_string(), version, "{}", server.address);
        assert!(server.ready.value().unwrap().ok, "{:?}", server.ready);
    }
    assert_eq!(evidence.servers.servers.len(), 3);
    for node in evidence.objects.nodes.items.iter() {
        let (name, info) = (&node.metadata.name, &node.status.node_info);
        assert_eq!(info.kubelet_version.as_str(), format!("v{version}"), "{name}");
        assert!(node.condition("Ready").is_some_and(|ready| ready.status == "True"), "{name}");
        let facts = facts(evidence, name);
        for package in ["kubeadm", "kubelet", "kubectl"] {
            let installed = &facts.packages.as_ref().unwrap().installed;
            let package = installed.iter().find(|installed| installed.name == *package).unwrap();
            assert!(package.version.as_ref().unwrap().starts_with(version) && package.held == Some(true));
        }
        for pod in facts.static_pods.as_ref().unwrap() {
            let wanted = if pod.name.as_deref() == Some("etcd") {
                format!("etcd:{etcd}")
            } else {
                format!(":v{version}")
            };
            assert!(pod.images[0].ends_with(&wanted), "{name} {:?}", pod.images);
        }
        if let Some(status) = facts.etcd.as_ref().and_then(|etcd| etcd.status.as_ref()) {
            assert_eq!(status.version.as_deref(), etcd.split('-').next(), "{name}");
        }
    }
    let mut proxies = 0;
    for pod in evidence.objects.pods.items.iter().filter(|pod| pod.metadata.namespace == "kube-system") {
        let (name, image) = (&pod.metadata.name, &pod.spec.containers[0].image);
        if name.starts_with("kube-") && !name.starts_with("kube-flannel") {
            proxies += usize::from(name.starts_with("kube-proxy-"));
            assert!(image.ends_with(&format!(":v{version}")) && pod.is_ready(), "{name} {image}");
        }
        if name.starts_with("etcd-") {
            assert!(image.ends_with(etcd) && pod.is_ready(), "{name} {image}");
        }
    }
    assert_eq!(proxies, 9);
    let config = evidence.config_maps["kubeadm-config"].value().unwrap();
    assert!(config.data["ClusterConfiguration"].contains(&format!("kubernetesVersion: v{version}")));
    let outdated: Vec<_> = snapshot
        .findings_of("versions")
        .filter(|finding| finding.severity < crate::checks::Severity::Notice)
        .collect();
    assert!(outdated.is_empty(), "{outdated:#?}");
}

/// The whole way of the guide, one minor up.
async fn walk(simulation: &Simulation, from: &str, to: &str) {
    kubeadm(simulation, "cp1", from, to).await;
    let (said, exit) = run(simulation, "cp1", &format!("kubeadm upgrade apply v{to} --yes")).await;
    assert_eq!(exit, 0, "{said}");
    let last = if to.starts_with("1.31") {
        format!("[upgrade/successful] SUCCESS! Your cluster was upgraded to \"v{to}\". Enjoy!")
    } else {
        format!("[upgrade] SUCCESS! A control plane node of your cluster was upgraded to \"v{to}\".")
    };
    assert!(said.lines().any(|line| line == last), "{said}");
    for node in ["cp2", "cp3"] {
        kubeadm(simulation, node, from, to).await;
        let (said, exit) = run(simulation, node, "kubeadm upgrade node").await;
        assert_eq!(exit, 0, "{said}");
        // The addons wait for the last control plane.
        assert_eq!(
            said.contains("skip upgrade addons because control plane instances [cp3]"),
            node == "cp2",
            "{said}"
        );
        assert_eq!(said.contains("Applied essential addon: kube-proxy"), node == "cp3", "{said}");
    }
    for node in ["cp1", "cp2", "cp3"] {
        kubelet(simulation, node, from, to).await;
    }
    for node in ["w1", "w2", "w3", "w4", "w5", "w6"] {
        kubeadm(simulation, node, from, to).await;
        all(simulation, node, &["kubeadm upgrade node"]).await;
        kubelet(simulation, node, from, to).await;
    }
    simulation.pass(Duration::from_secs(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_right_commands_in_the_official_order_everything_is_upgraded() {
    let simulation = begin("clean").await;
    walk(&simulation, "1.30.6", "1.31.14").await;
    is_at(&read(&simulation).await, "1.31.14", "3.5.24-0");
    walk(&simulation, "1.31.14", "1.32.13").await;
    is_at(&read(&simulation).await, "1.32.13", "3.5.24-0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_gives_the_same_course() {
    let mut courses = Vec::new();
    for seed in [1, 1, 2] {
        let now = Some("2026-11-28T12:00:00Z".parse().unwrap());
        let simulation =
            start("clean", Options { speed: 0.0, seed, now, ..Options::default() }).await.unwrap();
        kubeadm(&simulation, "cp1", "1.30.6", "1.31.14").await;
        let (said, _) = run(&simulation, "cp1", "kubeadm upgrade apply v1.31.14 --yes").await;
        courses.push((said, simulation.now()));
    }
    assert_eq!(courses[0], courses[1]);
    assert_ne!(courses[0].1, courses[2].1);
}
