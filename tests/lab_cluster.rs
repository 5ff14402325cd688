//! What kubelift says of a real cluster, pane by pane, against what its machines say of themselves over ssh.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/panes/mod.rs"]
mod panes;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use cluster::Cluster;
use panes::SMALL;
use panes::etcd::{ETCDCTL, VERSION};
use serde_json::Value;

/// A pod that no kubelet of the lab's can start, as no kernel of a machine in a machine has AppArmor.
const GUARDED: &str = "apiVersion: v1
kind: Pod
metadata: {name: guarded, namespace: default}
spec:
  containers:
  - {name: main, image: 'registry.k8s.io/pause:3.10', securityContext: {appArmorProfile: {type: RuntimeDefault}}}
";

/// One cluster for all of it, since making one takes a minute.
#[test]
#[ignore = "lab, cluster"]
fn every_pane_agrees_with_the_machines() -> Result<()> {
    let cluster = Cluster::up(1, 1)?;
    take_a_snapshot(&cluster)?;
    let folder = tempfile::tempdir()?;
    let facts = facts(&cluster, folder.path())?;
    facts_agree(&cluster, &facts)?;
    etcd_agrees(&cluster, &facts["cp1"])?;

    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups)?;
    let report = |user: &str| -> Result<Value> {
        let facts = folder.path().join("facts").into_os_string();
        let backups = backups.clone().into_os_string();
        let output = cluster.kubelift(
            user,
            [
                "check".into(),
                "-o".into(),
                "json".into(),
                "--node-facts".into(),
                facts,
                "--backups".into(),
                backups,
            ],
        )?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let by_admin = report("admin")?;
    let by_inspector = report("inspector")?;
    assert_eq!(
        verdicts(&by_admin),
        verdicts(&by_inspector),
        "the role that ships sees what the administrator sees"
    );
    for report in [&by_admin, &by_inspector] {
        assert_eq!((&report["from"], &report["target"]), (&"1.30.14".into(), &"1.31.14".into()));
        panes::agree(&cluster, report, &SMALL)?;
    }
    a_refused_pod_is_named(&cluster, || report("inspector"))
}

fn take_a_snapshot(cluster: &Cluster) -> Result<()> {
    let save = format!(
        "{ETCDCTL} snapshot save /var/lib/etcd/daily.db 2>&1 && mkdir -p /var/backups/etcd \
         && mv /var/lib/etcd/daily.db /var/backups/etcd"
    );
    cluster.ssh("cp1", &save).map(drop)
}

/// What the probe says of each machine, by its host name.
fn facts(cluster: &Cluster, folder: &std::path::Path) -> Result<BTreeMap<String, Value>> {
    let folder = folder.join("facts");
    cluster.probe(&folder)?;
    let mut facts = BTreeMap::new();
    for node in SMALL.all() {
        let text = std::fs::read_to_string(folder.join(format!("{node}.json")))?;
        let document: Value = serde_json::from_str(&text)?;
        assert_eq!(document["unread"], serde_json::json!([]), "root reads all of {node}");
        facts.insert(document["hostname"].as_str().context("hostname")?.to_owned(), document);
    }
    assert_eq!(facts.keys().collect::<Vec<_>>(), SMALL.all().collect::<Vec<_>>());
    Ok(facts)
}

/// Fields of the probe's document, each with the command that says the same.
const SAME: &[(&str, &str)] = &[
    ("/machineId", "cat /etc/machine-id"),
    ("/bootId", "cat /proc/sys/kernel/random/boot_id"),
    ("/kernel/release", "uname -r"),
    ("/cgroup/fsType", "stat -fc %T /sys/fs/cgroup"),
    ("/kubelet/version", "kubelet --version | cut -d' ' -f2"),
    ("/kubelet/process/pid", "systemctl show -P MainPID kubelet"),
    ("/kubelet/unit/activeState", "systemctl is-active kubelet"),
    ("/kubelet/config/cgroupDriver", "sed -n 's/^cgroupDriver: //p' /var/lib/kubelet/config.yaml"),
    ("/kubeadm/version", "kubeadm version -o short"),
    ("/runtime/version", "containerd --version | cut -d' ' -f3"),
    ("/runtime/config/sandboxImage", "crictl info -o go-template --template {{.config.sandboxImage}}"),
];

fn facts_agree(cluster: &Cluster, facts: &BTreeMap<String, Value>) -> Result<()> {
    for (node, document) in facts {
        for (pointer, command) in SAME {
            let value = document.pointer(pointer).with_context(|| format!("{node} has no {pointer}"))?;
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            assert_eq!(value, cluster.ssh(node, command)?, "{pointer} of {node}");
        }
        // What the runtime runs with, in its own words.
        let systemd = cluster.ssh(node, "crictl info | grep -c '\"SystemdCgroup\": true' || true")?;
        assert_eq!(systemd, "0");
        assert_eq!(document["runtime"]["config"]["cgroupDriver"], "cgroupfs", "{node}");
        let enabled =
            cluster.ssh(node, "cat /sys/module/apparmor/parameters/enabled 2>/dev/null || echo N")?;
        assert_eq!(document["appArmor"]["enabled"], enabled == "Y", "{node}");
        let held = cluster.ssh(node, "apt-mark showhold | sort | tr '\\n' ' '")?;
        let packages = document["packages"]["installed"].as_array().context("packages")?;
        let said: Vec<_> = packages.iter().filter(|package| package["held"] == true).collect();
        assert_eq!(
            held.split(' ').collect::<Vec<_>>(),
            said.iter().map(|it| &it["name"]).collect::<Vec<_>>()
        );
        let manifests = cluster.ssh(node, "ls /etc/kubernetes/manifests 2>/dev/null || true")?;
        let pods = document["staticPods"].as_array().map_or(0, Vec::len);
        assert_eq!(pods, manifests.lines().count(), "{node}: {manifests}");
    }
    Ok(())
}

/// The inside of etcd, and the snapshot that was taken of it.
fn etcd_agrees(cluster: &Cluster, facts: &Value) -> Result<()> {
    let etcd = &facts["etcd"];
    let members: Value =
        serde_json::from_str(&cluster.ssh("cp1", &format!("{ETCDCTL} member list -w json"))?)?;
    let status: Value =
        serde_json::from_str(&cluster.ssh("cp1", &format!("{ETCDCTL} endpoint status -w json"))?)?;
    let names = |members: &Value| -> Vec<(String, String)> {
        let list = members.as_array().into_iter().flatten();
        list.map(|it| (it["name"].to_string(), it["ID"].to_string().replace('"', ""))).collect()
    };
    assert_eq!(names(&etcd["members"]), names(&members["members"]));
    let version = cluster.ssh("cp1", VERSION)?;
    for said in
        [&etcd["status"]["version"], &etcd["metrics"]["serverVersion"], &status[0]["Status"]["version"]]
    {
        assert_eq!(said, version.as_str());
    }
    assert_eq!(
        etcd["status"]["leader"].to_string().replace('"', ""),
        status[0]["Status"]["leader"].to_string()
    );
    assert_eq!(etcd["health"]["health"], "true");
    assert_eq!(etcd["alarms"], serde_json::json!([]));
    let file = cluster.ssh("cp1", "stat -c %s /var/lib/etcd/member/snap/db")?;
    assert_eq!(etcd["dbFileBytes"].to_string(), file);

    let snapshots = facts["backups"]["snapshots"].as_array().context("snapshots")?;
    ensure!(snapshots.len() == 1, "{snapshots:?}");
    assert_eq!(snapshots[0]["path"], "/var/backups/etcd/daily.db");
    assert_eq!(snapshots[0]["state"], "verified");
    let sum = cluster.ssh("cp1", "tail -c 32 /var/backups/etcd/daily.db | od -An -v -tx1 | tr -d ' \\n'")?;
    assert_eq!(snapshots[0]["sha256"], sum.as_str());
    Ok(())
}

/// A pod asks for AppArmor, its kubelet refuses it, and kubelift says why.
fn a_refused_pod_is_named(cluster: &Cluster, report: impl Fn() -> Result<Value>) -> Result<()> {
    let manifest = tempfile::NamedTempFile::new()?;
    std::fs::write(manifest.path(), GUARDED)?;
    cluster.kubectl([std::ffi::OsStr::new("apply"), "-f".as_ref(), manifest.path().as_os_str()])?;
    cluster.kubectl(["wait", "--for=jsonpath={.status.reason}=AppArmor", "pod/guarded", "--timeout=60s"])?;
    let after = report()?;
    let codes: Vec<_> = findings(&after, "apparmor").map(|finding| finding["severity"].to_string()).collect();
    assert_eq!(codes, ["\"warning\""], "{after}");
    let refused = findings(&after, "apparmor").next().context("a finding")?;
    assert_eq!(refused["subject"]["name"], "guarded");
    let said = refused["message"].as_str().context("a message")?;
    ensure!(said.contains("refused on worker1"), "{said}");
    Ok(())
}

/// What a report says of the cluster, without what two runs must differ in.
fn verdicts(report: &Value) -> Vec<(String, String, String, String)> {
    let words = |finding: &Value| {
        let word = |pointer: &str| finding.pointer(pointer).map(Value::to_string).unwrap_or_default();
        (word("/check"), word("/code"), word("/subject"), word("/severity"))
    };
    report["findings"].as_array().into_iter().flatten().map(words).collect()
}

fn findings<'a>(report: &'a Value, check: &'a str) -> impl Iterator<Item = &'a Value> {
    report["findings"].as_array().into_iter().flatten().filter(move |finding| finding["check"] == check)
}
