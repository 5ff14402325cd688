//! Whatever is run in whatever order: nothing panics, and no version is told that no package and no manifest has.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Lines that machines are given, right and wrong.
const LINES: &[&str] = &[
    "apt-get update",
    "apt-mark unhold kubeadm kubelet kubectl",
    "apt-mark hold kubeadm kubelet",
    "sed -i 's#v1.30#v1.31#' /etc/apt/sources.list.d/kubernetes.list",
    "sed -i 's#v1.31#v1.32#' /etc/apt/sources.list.d/kubernetes.list",
    "sed -i 's#v1.31#v1.30#' /etc/apt/sources.list.d/kubernetes.list",
    "apt-get install -y kubeadm=1.31.14-1.1",
    "apt-get install -y kubeadm=1.32.13-1.1",
    "apt-get install -y kubelet=1.31.14-1.1 kubectl=1.31.14-1.1",
    "apt-get install -y --allow-downgrades --allow-change-held-packages kubeadm=1.30.14-1.1 kubelet=1.30.14-1.1",
    "kubeadm upgrade apply v1.31.14 --yes",
    "kubeadm upgrade apply v1.31.14 --yes --ignore-preflight-errors=all",
    "kubeadm upgrade apply v1.31.2 --yes --force",
    "kubeadm upgrade apply v1.32.13 --yes",
    "kubeadm upgrade apply v1.30.14 --yes",
    "kubeadm upgrade node",
    "kubeadm config images pull --kubernetes-version v1.31.14",
    "systemctl daemon-reload",
    "systemctl restart kubelet",
    "install -d -m 0700 /var/backups/etcd && mv /var/lib/etcd/a.snap /var/backups/etcd/a.snap",
    "crictl exec \"$(crictl ps --name '^etcd$' --state Running -q)\" etcdctl --cacert=a --cert=b --key=c snapshot save /var/lib/etcd/a.snap",
];

/// What a node may tell: every version that its packages and manifests have had.
type Known = BTreeMap<String, BTreeSet<String>>;

fn look(simulation: &Simulation, known: &mut Known) {
    for (node, server) in &simulation.cluster.servers {
        let machine = simulation.cluster.machine(node).unwrap();
        let versions = known.entry(format!("{node} manifest")).or_default();
        versions.insert(machine.image("kube-apiserver").rsplit_once(":v").unwrap().1.to_owned());
        let says = server.process().version.to_string();
        assert!(versions.contains(&says), "{node}: API server {says}, manifests {versions:?}");
    }
    let nodes = crate::sim::api::resource::by_kind("v1", "Node").unwrap();
    let says: Vec<(String, String)> = {
        let store = simulation.cluster.store();
        let of = |node: &Value| node["status"]["nodeInfo"]["kubeletVersion"].as_str().unwrap().to_owned();
        store.all(nodes).map(|(key, node)| (key.name.clone(), of(node))).collect()
    };
    for (node, says) in says {
        let machine = simulation.cluster.machine(&node).unwrap();
        let versions = known.entry(format!("{node} kubelet")).or_default();
        versions.insert(format!("v{}", machine.version_of("kubelet").unwrap()));
        assert!(versions.contains(&says), "{node}: kubelet {says}, packages {versions:?}");
        assert!(versions.contains(&format!("v{}", machine.kubelet)));
        for program in ["kubelet", "kubeadm"] {
            let version = format!("v{}", machine.version_of(program).unwrap());
            assert_eq!(machine.text(&format!("/{program}/version")), version, "{node}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_lines_in_any_order_tell_only_what_is_there(
        seed in any::<u64>(),
        steps in prop::collection::vec((0..4usize, 0..LINES.len(), 0..90u64), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let now = Some("2026-11-28T12:00:00Z".parse().unwrap());
            let options = Options { speed: 0.0, seed, now, ..Options::default() };
            let simulation = start("trouble", options).await.unwrap();
            let mut known = Known::new();
            look(&simulation, &mut known);
            for (index, (node, line, wait)) in steps.into_iter().enumerate() {
                let node = ["cp1", "cp2", "cp3", "w1"][node];
                simulation.hosts().start(node, &format!("u{index}"), LINES[line]).unwrap();
                for _ in 0..=wait {
                    simulation.pass(Duration::from_secs(1)).await;
                    look(&simulation, &mut known);
                }
            }
            // What was begun ends.
            simulation.pass(Duration::from_secs(3_600)).await;
            look(&simulation, &mut known);
            for node in ["cp1", "cp2", "cp3", "w1"] {
                let machine = simulation.cluster.machine(node).unwrap();
                assert!(machine.units.values().all(|unit| !unit.running), "{:?}", machine.units);
            }
        });
    }

    #[test]
    fn any_text_is_a_line_that_ends(line in "[ -~]{0,60}|(sed|kubeadm upgrade|apt-get install|dnf|crictl exec|mv|tar|gpg) [ -~]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let simulation = begin("clean").await;
            simulation.hosts().start("cp1", "u", &line).unwrap();
            simulation.pass(Duration::from_secs(3_600)).await;
            let state = simulation.hosts().unit("cp1", "u", 0).unwrap().unwrap();
            assert!(state.exit.is_some(), "{line}");
        });
    }
}
