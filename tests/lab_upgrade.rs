//! A real cluster, taken from one minor to the next by an operator's hands: kubelift shows the lines, the hands run them
//! on the machines, lie, and pull kubelift's plug. The judges are the machines, the API and its audit log.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]

#[path = "support/audit.rs"]
mod audit;
#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/hands.rs"]
mod hands;
#[path = "support/panes/mod.rs"]
mod panes;

use anyhow::{Context, Result, ensure};
use cluster::Cluster;
use hands::{Desk, Running, Session, Work, step, texts};
use panes::SMALL;
use serde_json::Value;

const FROM: &str = "1.30.14";
const TARGET: &str = "1.31.14";

/// A service whose budget lets nobody go while it has one pod, and a pod that nobody makes again. They would rather be
/// on the worker, and may go to the control plane.
const WORKLOADS: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]
      affinity:
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 100
            preference:
              matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [worker1]}]
      containers: [{name: main, image: 'registry.k8s.io/pause:3.10'}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: default}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: Pod
metadata: {name: keeper, namespace: default}
spec:
  terminationGracePeriodSeconds: 1
  nodeSelector: {kubernetes.io/hostname: worker1}
  containers: [{name: main, image: 'registry.k8s.io/pause:3.10', volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, emptyDir: {}}]
";

/// One cluster and one upgrade for all of it, since kubeadm takes minutes.
#[test]
#[ignore = "lab, cluster"]
fn a_cluster_is_upgraded_by_the_operators_hands() -> Result<()> {
    let cluster = Cluster::up(1, 1)?;
    cluster.offer(TARGET)?;
    let desk = Desk::new(&cluster, TARGET)?;
    before(&desk)?;
    let mut session = control_plane(&desk)?;
    kubelet_of_the_control_plane(&desk, &mut session)?;
    session = said_too_early(&desk, session)?;
    said_falsely(&desk, &mut session)?;
    session = drain_with_a_budget(&desk, session)?;
    session.by_hand(&desk, "kubelet/worker1")?;
    session.by_itself(&desk, "uncordon/worker1")?;
    session.until(&format!("finished: every step to {TARGET} is over"))?;
    session.quit()?;
    after(&desk)?;
    the_journal_holds_every_write(&desk)
}

/// The cluster as it is; and an upgrade that was begun by hand, without kubelift.
fn before(desk: &Desk) -> Result<()> {
    let report = desk.check()?;
    assert_eq!((&report["from"], &report["target"]), (&FROM.into(), &TARGET.into()));
    panes::agree(desk.cluster, &report, &SMALL)?;
    let plan = desk.plan()?;
    let planned = step(&plan, "package/cp1")?;
    let commands = texts(&planned["commands"]);
    ensure!(commands.len() > 3, "{planned:#}");
    desk.run(&Work { id: String::new(), node: "cp1".to_owned(), commands, here: String::new() })?;
    desk.probe()?;
    assert_eq!(step(&desk.plan()?, "package/cp1")?["state"], "done", "done by whoever");
    Ok(())
}

/// The backup, the images, and kubeadm's upgrade, in the middle of which kubelift is killed.
fn control_plane<'a>(desk: &Desk<'a>) -> Result<Session> {
    let mut session = desk.upgrade()?;
    session.by_hand(desk, "backup/cp1")?;

    // There is no registry to pull from: the operator brings the images, to every machine, as in a
    // data centre without one.
    let (work, _) = session.confirm(desk, "pull/cp1")?;
    assert_eq!(work.commands, [format!("kubeadm config images pull --kubernetes-version v{TARGET}")]);
    let import = format!("for image in /srv/images/{TARGET}/*; do ctr -n k8s.io images import $image; done");
    for node in SMALL.all() {
        desk.cluster.ssh(node, &import)?;
    }
    session.done(desk, &work)?;

    let (work, _) = session.confirm(desk, "upgrade-apply/cp1")?;
    ensure!(work.commands.len() == 1, "{work:?}");
    let mut kubeadm = Running::start(desk.cluster, "cp1", &work.commands[0])?;
    kubeadm.until("[upgrade/staticpods]")?;
    session.kill()?;
    session = desk.upgrade()?;
    session.taken_up(&work)?;
    let said = kubeadm.end()?;
    ensure!(said.contains("SUCCESS! Your cluster was upgraded"), "{said}");
    session.done(desk, &work)?;
    not_asked(&session)?;

    session.confirm(desk, "manual/network-plugin")?;
    session.say("done manual/network-plugin")?;
    session.until_over("manual/network-plugin", "said and not seen")?;
    Ok(session)
}

fn kubelet_of_the_control_plane(desk: &Desk, session: &mut Session) -> Result<()> {
    session.by_itself(desk, "drain/cp1")?;
    session.by_hand(desk, "kubelet/cp1")?;
    session.by_itself(desk, "uncordon/cp1")
}

/// "Done" before anything was run is not believed, with a fresh probe too; and a kubelift that is killed behind it knows,
/// when it is started again, that it was said, and sees what was done meanwhile.
fn said_too_early(desk: &Desk, mut session: Session) -> Result<Session> {
    let (work, _) = session.confirm(desk, "package/worker1")?;
    session.say("done package/worker1")?;
    desk.here(&work.here)?;
    session.until(&format!("waits: kubeadm says v{TARGET}: it says v{FROM}"))?;
    session.kill()?;
    desk.run(&work)?;
    desk.here(&work.here)?;
    session = desk.upgrade()?;
    session.until_over("package/worker1", "as observed")?;
    not_asked(&session)?;
    Ok(session)
}

/// "Done" that was not, and kubeadm of the old minor, which says that it was.
fn said_falsely(desk: &Desk, session: &mut Session) -> Result<()> {
    let (work, _) = session.confirm(desk, "upgrade-node/worker1")?;
    session.say("done upgrade-node/worker1")?;
    desk.here(&work.here)?;
    session
        .until("waits: config.yaml of the kubelet was written since the step began: it was last written")?;

    let package = |version: &str| {
        let minor = version.rsplit_once('.').map_or(version, |(minor, _)| minor);
        desk.cluster.ssh(
            "worker1",
            &format!("dpkg -i /srv/apt/v{minor}/kubeadm_{version}-1.1.deb && apt-mark hold kubeadm"),
        )
    };
    package(FROM)?;
    let said = desk.cluster.ssh("worker1", &format!("{} 2>&1", work.commands[0]))?;
    ensure!(said.contains("was successfully updated!"), "kubeadm {FROM}: {said}");
    session.say("done upgrade-node/worker1")?;
    desk.here(&work.here)?;
    session.until(&format!("waits: kubeadm says v{TARGET}: it says v{FROM}"))?;
    package(TARGET)?;

    workloads(desk.cluster)?;
    desk.run(&work)?;
    session.done(desk, &work)
}

fn workloads(cluster: &Cluster) -> Result<()> {
    let manifest = tempfile::NamedTempFile::new()?;
    std::fs::write(manifest.path(), WORKLOADS)?;
    cluster.kubectl(["apply".as_ref(), "-f".as_ref(), manifest.path().as_os_str()])?;
    cluster.kubectl(["wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s"])?;
    cluster.kubectl(["wait", "--for=jsonpath={.status.currentHealthy}=1", "pdb/web", "--timeout=120s"])?;
    assert_eq!(node_of_web(cluster)?, ["worker1"]);
    Ok(())
}

fn node_of_web(cluster: &Cluster) -> Result<Vec<String>> {
    let nodes =
        cluster.kubectl(["get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.nodeName}"])?;
    Ok(nodes.split_whitespace().map(str::to_owned).collect())
}

/// A budget that lets nobody go is named before the drain with the way out, and the drain goes on by itself when there
/// is a second pod; a pod that would be lost leaves by its name only.
fn drain_with_a_budget(desk: &Desk, mut session: Session) -> Result<Session> {
    const STEP: &str = "drain/worker1";
    let held = session.consent(STEP, "keeper")?;
    ensure!(
        held.contains("default/keeper: it has no controller that makes it again, and data in an emptyDir"),
        "{held}"
    );
    let (work, effects) = session.confirm(desk, STEP)?;
    let waits = effects.iter().find(|effect| effect.starts_with("waits for default/web-"));
    let waits = waits.with_context(|| format!("{effects:#?}"))?;
    let way_out =
        "the budget web never lets one go: 1 of 1 pods are ready, 1 must be. Scale its owner up by one";
    ensure!(waits.contains(way_out), "{waits}");

    let refused = |session: &mut Session| loop {
        let lines = session.until("/eviction: 429 ")?;
        if lines.last().is_some_and(|line| line.contains("/namespaces/default/pods/web-")) {
            return anyhow::Ok(());
        }
    };
    refused(&mut session)?;
    session.kill()?;
    session = desk.upgrade()?;
    session.taken_up(&work)?;
    refused(&mut session)?;
    desk.cluster.kubectl(["scale", "deployment", "web", "--replicas=2"])?;
    session.until_over(STEP, "as observed")?;
    not_asked(&session)?;
    ensure!(!node_of_web(desk.cluster)?.contains(&"worker1".to_owned()), "it is empty");
    Ok(session)
}

/// Nothing is asked of a kubelift that was started again.
fn not_asked(session: &Session) -> Result<()> {
    let asked: Vec<&String> = session
        .told
        .iter()
        .filter(|line| line.starts_with("shall it run?") || line.starts_with("  held: "))
        .collect();
    ensure!(asked.is_empty(), "asked again: {asked:?}");
    Ok(())
}

/// The cluster at the target as the machines, the API, and kubelift without the journal say.
fn after(desk: &Desk) -> Result<()> {
    desk.probe()?;
    let report = desk.check()?;
    assert_eq!((&report["from"], &report["target"]), (&TARGET.into(), &TARGET.into()));
    panes::agree(desk.cluster, &report, &SMALL)?;
    let version = format!("v{TARGET}");
    let kubelets = desk.cluster.kubectl([
        "get",
        "nodes",
        "-o",
        "jsonpath={range .items[*]}{.metadata.name}={.status.nodeInfo.kubeletVersion}={.spec.unschedulable} {end}",
    ])?;
    assert_eq!(
        kubelets.trim(),
        format!("cp1={version}= worker1={version}="),
        "of the target, and open for pods"
    );
    for node in SMALL.all() {
        assert_eq!(desk.cluster.ssh(node, "kubeadm version -o short")?, version);
        assert_eq!(desk.cluster.ssh(node, "apt-mark showhold | tr '\\n' ' '")?, "kubeadm kubectl kubelet");
    }
    let server: Value = serde_json::from_str(&desk.cluster.kubectl(["get", "--raw", "/version"])?)?;
    assert_eq!(server["gitVersion"], version.as_str());

    let plan = desk.plan()?;
    let phases = plan["phases"].as_array().context("phases")?;
    let steps: Vec<&Value> =
        phases.iter().flat_map(|phase| phase["steps"].as_array().into_iter().flatten()).collect();
    ensure!(steps.len() >= 12, "{plan:#}");
    let left: Vec<&&Value> =
        steps.iter().filter(|step| step["state"] != "done" && step["state"] != "skipped").collect();
    ensure!(left.is_empty(), "left of the plan: {left:#?}");
    Ok(())
}

/// The audit log has no write by kubelift's user but those that the journal meant before, each once; and the journal
/// says once of each step that it was confirmed.
fn the_journal_holds_every_write(desk: &Desk) -> Result<()> {
    let journal = desk.journal()?;
    let written = audit::writes(desk.cluster, "cp1", hands::USER)?;
    let meant = audit::meant(&journal)?;
    ensure!(written.len() >= 8, "two cordons, their ends, and evictions: {written:#?}");
    audit::compare(&written, &meant)?;
    for missing in 0..meant.len() {
        let mut meant = meant.clone();
        let removed = meant.remove(missing);
        if removed.status.is_some() && meant.iter().all(|other| other.request != removed.request) {
            ensure!(audit::compare(&written, &meant).is_err(), "a write that is not in the journal is seen");
        }
    }
    let began =
        |id: &str| journal.iter().filter(|entry| entry["what"] == "began" && entry["step"] == id).count();
    assert_eq!(began("package/cp1"), 0, "it was done before");
    for id in ["upgrade-apply/cp1", "package/worker1", "upgrade-node/worker1", "drain/worker1"] {
        assert_eq!(began(id), 1, "{id}");
    }
    eprintln!("{} writes, {} intents", written.len(), meant.len());
    Ok(())
}
