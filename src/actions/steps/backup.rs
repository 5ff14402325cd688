//! A snapshot of etcd, saved by etcd itself and verified by the probe, and the files that it is worth nothing without.

use super::{Site, step};
use crate::actions::observed::Condition;
use crate::actions::plan::{Step, StepKind};
use crate::checks::common::shell::quote;
use crate::evidence::NodeFacts;
use crate::evidence::node_facts::{Snapshot, SnapshotState};
use crate::evidence::objects::Node;

/// How etcd in kubeadm's static pod is spoken to: see <https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/>.
const ETCDCTL: &str = "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt \
    --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key";

/// For how many hours a snapshot counts that this upgrade has made before `kubeadm upgrade apply`.
const WINDOW_HOURS: i64 = 8;

pub(in crate::actions) fn make(site: &Site, node: &Node) -> Step {
    let name = &node.metadata.name;
    let mut step = step(StepKind::Backup, Some(name), format!("snapshot of etcd on {name}"));
    step.expected_seconds = 60;
    step.effects = vec![format!(
        "etcd writes its database once more beside itself; {} then holds every Secret: keep it closed",
        folder(site)
    )];
    step.way_back = "none is needed: remove the files".to_owned();
    match site.facts(node) {
        Ok(facts) => {
            step.precondition = vec![member_is_local(facts), room(facts)];
            step.commands = commands(site, facts);
        }
        Err(condition) => step.precondition.push(condition),
    }
    let made = if site.attempt(&step.id).is_some() {
        "since this step began"
    } else {
        "by this step or in the last hour"
    };
    let what = format!("a verified snapshot of etcd lies on {name}, made {made}");
    step.postcondition = match site.facts_after(&step.id, node) {
        Ok(facts) => vec![verified(site, &step.id, facts, what)],
        Err(condition) => vec![condition],
    };
    step
}

/// Where the backup is kept.
fn folder<'a>(site: &Site<'a>) -> &'a str {
    site.settings.backup_folder.trim_end_matches('/')
}

fn commands(site: &Site, facts: &NodeFacts) -> Vec<String> {
    let folder = folder(site);
    let data = facts.etcd.as_ref().and_then(|etcd| etcd.data_dir.as_deref()).unwrap_or("/var/lib/etcd");
    let name = format!("kubelift-v{}-to-v{}", site.from, site.to);
    let (written, kept) = (format!("{data}/{name}.snap"), format!("{folder}/{name}.snap"));
    vec![
        format!("install -d -m 0700 {}", quote(folder)),
        // First, so that the snapshot, by which the step is seen to be done, stands for both. kubeadm's copies of etcd's
        // folder are left out: they are many, large, and no backups.
        format!(
            "umask 077 && tar -C / --exclude=etc/kubernetes/tmp -czf {} etc/kubernetes",
            quote(&format!("{folder}/{name}.tgz"))
        ),
        format!(
            "crictl exec \"$(crictl ps --name '^etcd$' --state Running -q)\" {ETCDCTL} snapshot save {}",
            quote(&written)
        ),
        format!("mv {} {}", quote(&written), quote(&kept)),
    ]
}

fn member_is_local(facts: &NodeFacts) -> Condition {
    let what = "a member of etcd runs on the machine";
    match facts.etcd.as_ref().and_then(|etcd| etcd.local) {
        Some(local) => Condition::of(what, local, "none does"),
        None => Condition::unknown(what, facts.why_unread("etcd").unwrap_or("the probe does not say")),
    }
}

/// The snapshot lies beside the database until it is moved.
fn room(facts: &NodeFacts) -> Condition {
    let what = "the disk of etcd has free room for twice its database";
    let size = facts.etcd.as_ref().and_then(|etcd| etcd.db_file_bytes);
    let data = facts.etcd.as_ref().and_then(|etcd| etcd.data_dir.as_deref()).unwrap_or("/var/lib/etcd");
    // The probe names the folders whose disks it looked at; a data directory elsewhere is on one of them.
    let holds = |path: &str| {
        let inside = data.strip_prefix(path.trim_end_matches('/'));
        inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let disks = facts.disk.iter().flatten().filter(|disk| holds(&disk.path));
    let disk = disks.max_by_key(|disk| disk.path.len());
    match (size, disk.and_then(|disk| disk.free_bytes)) {
        (Some(size), Some(free)) => Condition::of(what, free / 2 > size, format!("{free} bytes are free")),
        _ => Condition::unknown(what, "the probe did not see the database or its disk"),
    }
}

fn verified(site: &Site, id: &str, facts: &NodeFacts, what: String) -> Condition {
    let Some(backups) = &facts.backups else {
        return Condition::unknown(what, facts.why_unread("backups").unwrap_or("the probe does not say"));
    };
    // Without an attempt of this upgrade, one of the last hour before the evidence counts as made for it. One that was made for
    // it counts for as long as an upgrade window is, not when the upgrade goes on another day.
    let before = |hours| {
        let hours = jiff::SignedDuration::from_hours(hours);
        site.evidence.at.saturating_sub(hours).unwrap_or(site.evidence.at)
    };
    let attempt = site.attempt(id);
    let since = attempt
        .map_or_else(|| before(1), |attempt| site.started_there(attempt, facts).max(before(WINDOW_HOURS)));
    let recent = |snapshot: &&Snapshot| snapshot.modified.is_some_and(|modified| modified >= since);
    let best = backups.snapshots.iter().filter(recent).max_by_key(|snapshot| snapshot.state);
    match best {
        Some(snapshot) if snapshot.state >= Some(SnapshotState::Verified) => Condition::of(what, true, ""),
        Some(snapshot) => {
            let why = snapshot.why.as_deref().unwrap_or("its sum was not compared");
            Condition::of(what, false, format!("{} is not verified: {why}", snapshot.path))
        }
        None => Condition::of(what, false, "none is that new where the probe looked"),
    }
}
