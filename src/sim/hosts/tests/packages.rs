//! Packages, repositories, snapshots.

use super::*;

const APT: &str = "DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get install -y \
                   -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold";
const LIST: &str = r"sed -i '1s#https://pkgs\.k8s\.io/core:/stable:/v1\.30/deb/#https://pkgs.k8s.io/core:/stable:/v1.31/deb/#' /etc/apt/sources.list.d/kubernetes.list";
const REPO: &str = r"sed -i '3s#https://pkgs\.k8s\.io/core:/stable:/v1\.29/rpm/#https://pkgs.k8s.io/core:/stable:/v1.31/rpm/#' /etc/yum.repos.d/kubernetes.repo";

#[tokio::test]
async fn apt_installs_what_its_list_has_and_nothing_that_is_held() {
    let simulation = begin("clean").await;
    let install = format!("{APT} kubeadm=1.31.14-1.1");
    let not_found = "E: Version '1.31.14-1.1' for 'kubeadm' was not found";
    let (said, exit) = run(&simulation, "w1", &install).await;
    assert_eq!((said.lines().last(), exit), (Some(not_found), 100));
    all(&simulation, "w1", &[LIST]).await;
    // The list is new, and what apt knows is old.
    assert_eq!(document(&simulation, "w1")["packages"]["repositories"][0]["minor"], "1.31");
    assert_eq!(run(&simulation, "w1", &install).await.1, 100);
    all(
        &simulation,
        "w1",
        &[
            "curl -fsSL https://pkgs.k8s.io/core:/stable:/v1.31/deb/Release.key -o /run/key",
            "gpg --batch --yes --dearmor -o /etc/apt/keyrings/kubernetes-apt-keyring.gpg /run/key",
            "apt-get update",
        ],
    )
    .await;
    let (said, exit) = run(&simulation, "w1", &install).await;
    let held = "E: Held packages were changed and -y was used without --allow-change-held-packages.";
    assert_eq!((said.lines().last(), exit), (Some(held), 100));
    let (said, exit) = run(&simulation, "w1", "apt-mark unhold kubeadm").await;
    assert_eq!((said.as_str(), exit), ("Canceled hold on kubeadm.", 0));
    all(&simulation, "w1", &[&install, "apt-mark hold kubeadm"]).await;
    assert_eq!(package(&simulation, "w1", "kubeadm"), ("1.31.14-1.1".to_owned(), true));
    assert_eq!(document(&simulation, "w1")["kubeadm"]["version"], "v1.31.14");
    let (said, exit) = run(&simulation, "w1", &install).await;
    assert!(said.contains("kubeadm is already the newest version (1.31.14-1.1).") && exit == 0, "{said}");
    let (said, exit) = run(&simulation, "w1", &format!("{APT} 'kubeadm=1.31.14-*'")).await;
    assert!(said.contains("kubeadm is already the newest version (1.31.14-1.1).") && exit == 0, "{said}");
    let (said, exit) = run(&simulation, "w1", &format!("{APT} 'kubeadm=1.31.99-*'")).await;
    assert!(said.contains("Version '1.31.99-*' for 'kubeadm' was not found") && exit == 100, "{said}");
    let other = format!("{APT} kubeadm=1.31.99-1.1");
    assert_eq!(run(&simulation, "w1", &other).await.1, 100);
    assert_eq!(run(&simulation, "w1", "apt-get install kubelet").await.1, 1);
    let (said, _) = run(&simulation, "w1", &format!("{APT} docker")).await;
    assert!(said.ends_with("E: Unable to locate package docker"), "{said}");
}

#[tokio::test]
async fn apt_goes_back_only_when_it_is_told_to() {
    let simulation = begin("clean").await;
    all(&simulation, "w1", &["apt-mark unhold kubeadm"]).await;
    let back = format!("{APT} kubeadm=1.30.4-1.1");
    let (said, exit) = run(&simulation, "w1", &back).await;
    assert_eq!(
        (said.lines().last(), exit),
        (Some("E: Packages were downgraded and -y was used without --allow-downgrades."), 100)
    );
    all(&simulation, "w1", &[&format!("{back} --allow-downgrades")]).await;
    assert_eq!(package(&simulation, "w1", "kubeadm"), ("1.30.4-1.1".to_owned(), false));
}

#[tokio::test]
async fn two_apts_do_not_write_at_once() {
    let simulation = begin("clean").await;
    all(&simulation, "w1", &["apt-mark unhold kubeadm"]).await;
    let hosts = simulation.hosts();
    hosts.start("w1", "one", &format!("{APT} kubeadm=1.30.7-1.1")).unwrap();
    simulation.pass(Duration::from_secs(1)).await;
    let (said, exit) = run(&simulation, "w1", &format!("{APT} kubeadm=1.30.8-1.1")).await;
    assert!(
        said.starts_with("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process "),
        "{said}"
    );
    assert_eq!(exit, 100);
    simulation.pass(Duration::from_secs(60)).await;
    assert_eq!(hosts.unit("w1", "one", 0).unwrap().unwrap().exit, Some(0));
    assert_eq!(package(&simulation, "w1", "kubeadm").0, "1.30.7-1.1");
}

#[tokio::test]
async fn dnf_installs_what_is_not_locked_and_not_excluded() {
    let simulation = begin("default").await;
    all(&simulation, "w5", &[REPO]).await;
    let install = "dnf install -y kubeadm-1.31.14 --disableexcludes=kubernetes";
    let filtered = "All matches were filtered out by exclude filtering for argument: kubeadm-1.31.14\n\
                    Error: Unable to find a match: kubeadm-1.31.14";
    let (said, exit) = run(&simulation, "w5", install).await;
    assert!(said.ends_with(filtered) && exit == 1, "{said}");
    let (said, _) = run(&simulation, "w5", "dnf versionlock delete kubeadm").await;
    assert!(said.ends_with("Deleting versionlock for: kubeadm-0:1.29.9-150500.1.1.*"), "{said}");
    let (said, _) = run(&simulation, "w5", "dnf install -y kubeadm-1.31.14").await;
    assert!(said.ends_with(filtered), "{said}");
    let (said, exit) =
        run(&simulation, "w5", "dnf install -y kubeadm-1.30.6 --disableexcludes=kubernetes").await;
    assert!(said.ends_with("Error: Unable to find a match: kubeadm-1.30.6") && exit == 1, "{said}");
    all(&simulation, "w5", &[install]).await;
    let (said, exit) =
        run(&simulation, "w5", "dnf downgrade -y kubeadm-1.31.2 --disableexcludes=kubernetes").await;
    assert!(
        said.contains("Downgrading:")
            && said.ends_with("kubeadm-1.31.2-150500.1.1.x86_64\nComplete!")
            && exit == 0,
        "{said}"
    );
    all(&simulation, "w5", &[install, "dnf versionlock add kubeadm", install]).await;
    assert_eq!(package(&simulation, "w5", "kubeadm"), ("1.31.14-150500.1.1".to_owned(), true));
}

#[tokio::test]
async fn a_new_kubelet_runs_when_it_has_been_started_anew() {
    let simulation = begin("clean").await;
    all(
        &simulation,
        "w1",
        &[
            LIST,
            "apt-get update",
            "apt-mark unhold kubelet kubectl",
            &format!("{APT} kubelet=1.31.14-1.1 kubectl=1.31.14-1.1"),
            "apt-mark hold kubelet kubectl",
        ],
    )
    .await;
    let kubelet = document(&simulation, "w1")["kubelet"].clone();
    assert_eq!((&kubelet["version"], &kubelet["process"]["replaced"]), (&"v1.31.14".into(), &true.into()));
    assert_eq!(kubelet["unit"]["needsReload"], true);
    let (said, _) = run(&simulation, "w1", "systemctl restart kubelet").await;
    assert!(said.starts_with("Warning: The unit file"), "{said}");
    all(&simulation, "w1", &["systemctl daemon-reload", "systemctl restart kubelet"]).await;
    let after = document(&simulation, "w1")["kubelet"].clone();
    assert_eq!(
        (&after["process"]["replaced"], &after["unit"]["needsReload"]),
        (&false.into(), &false.into())
    );
    assert!(after["process"]["startedAt"].as_str() > kubelet["process"]["startedAt"].as_str());
}

#[tokio::test]
async fn a_snapshot_is_seen_where_the_probe_looks() {
    let simulation = begin("clean").await;
    let keys = "--endpoints=https://127.0.0.1:2379 --cacert=/ca.crt --cert=/c.crt --key=/c.key";
    let save = |to: &str| {
        format!(
            "crictl exec \"$(crictl ps --name '^etcd$' --state Running -q)\" etcdctl {keys} snapshot save {to}"
        )
    };
    let (said, exit) = run(&simulation, "cp2", &save("/var/backups/etcd/a.snap")).await;
    assert!(said.contains("no such file or directory") && exit == 1, "{said}");
    let (_, exit) = run(&simulation, "cp2", "mv /var/lib/etcd/a.snap /var/backups/etcd/a.snap").await;
    assert_eq!(exit, 1);
    all(&simulation, "cp2", &[&save("/var/lib/etcd/a.snap")]).await;
    // The folder is not there yet.
    let (said, _) = run(&simulation, "cp2", "mv /var/lib/etcd/a.snap /var/backups/etcd/a.snap").await;
    assert!(said.starts_with("mv: cannot move"), "{said}");
    assert_eq!(document(&simulation, "cp2")["backups"]["snapshots"].as_array().map(Vec::len), Some(0));
    all(
        &simulation,
        "cp2",
        &[
            "install -d -m 0700 /var/backups/etcd",
            "mv /var/lib/etcd/a.snap /var/backups/etcd/a.snap",
            "umask 077 && tar -C / -czf /var/backups/etcd/a.tgz etc/kubernetes",
        ],
    )
    .await;
    let facts: crate::evidence::NodeFacts = serde_json::from_value(document(&simulation, "cp2")).unwrap();
    let backups = facts.backups.unwrap();
    let [snapshot] = backups.snapshots.as_slice() else { panic!("{backups:?}") };
    assert_eq!(
        (&*snapshot.path, snapshot.state),
        ("/var/backups/etcd/a.snap", Some(crate::evidence::node_facts::SnapshotState::Verified))
    );
    assert_eq!(snapshot.size_bytes.unwrap() % 512, 32);
    let (said, exit) = run(&simulation, "w1", &save("/var/lib/etcd/a.snap")).await;
    assert!(said.contains("NotFound") && exit == 1, "{said}");
}
