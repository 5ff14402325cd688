//! The static pods of each control plane, by their mirrors: kubeadm reads their hashes before it begins, and waits for
//! all of a kind to run after it changed one. Source: k8s.io/kubernetes cmd/kubeadm/app/util/apiclient/wait.go
//! (`getStaticPodSingleHash`, `WaitForPodsWithLabel`), 1.31.14 and 1.37.2.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::checks::common::{link, shell, static_pods};
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::objects::{Node, Pod};
use crate::evidence::{Evidence, Stamp};

/// How long ago a restart still says something.
const RECENT: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn findings(evidence: &Evidence, nodes: &[&Node]) -> Vec<Finding> {
    let listing = &evidence.objects.pods;
    let gaps = listing.gaps();
    let cluster = Subject::thing("Cluster", &evidence.cluster.name);
    let mut findings = unknowns("StaticPodsUnread", Severity::Blocker, &cluster, &gaps);
    let mirrors: HashMap<&str, &Pod> = static_pods::kube_system(listing)
        .filter(|pod| pod.is_mirror())
        .map(|pod| (pod.metadata.name.as_str(), pod))
        .collect();
    let complete = gaps.is_empty();
    for node in nodes {
        for component in static_pods::VERSIONED {
            let name = format!("{component}-{}", node.metadata.name);
            match mirrors.get(name.as_str()) {
                Some(pod) => findings.extend(judge(component, pod, evidence.at, listing.stamp.as_ref())),
                None if complete => findings.push(missing(node, &name, listing.stamp.as_ref())),
                None => {}
            }
        }
    }
    findings
}

/// The mirror of a static pod that a control plane must have is not there.
pub(in crate::checks) fn missing(node: &Node, name: &str, stamp: Option<&Stamp>) -> Finding {
    let subject = Subject {
        node: node.metadata.name.to_string(),
        ..Subject::object("v1", "Pod", static_pods::NAMESPACE, name)
    };
    Finding::new("StaticPodMissing", Severity::Blocker, subject, "no static pod of this name is shown")
        .why(
            "kubeadm asks for it by this name before it changes anything, and gives up after \
             five minutes.",
        )
        .saw(format!("no pod {name} in kube-system"), stamp)
        .remedy(
            "See if the manifest is in the kubelet's folder on that node, and what the kubelet \
                 says of it.",
            ["ls -l /etc/kubernetes/manifests".to_owned(), "journalctl -u kubelet --since -10min".to_owned()],
        )
        .link(link::KUBEADM_UPGRADE)
}

/// A static pod that does not run, is not ready, or was started again lately.
pub(in crate::checks) fn judge(
    component: &str,
    pod: &Pod,
    now: Timestamp,
    stamp: Option<&Stamp>,
) -> Option<Finding> {
    let subject = || static_pods::subject(pod);
    let logs = || [shell::kubectl(static_pods::NAMESPACE, &["logs", &pod.metadata.name, "--previous"])];
    let phase = pod.status.phase.as_str();
    if phase != "Running" {
        let finding = Finding::new(
            "StaticPodNotRunning",
            Severity::Blocker,
            subject(),
            format!("it is {}, not Running", if phase.is_empty() { "without a phase" } else { phase }),
        )
        .why(format!(
            "After it changes one {component}, kubeadm waits for every {component} of the \
                 cluster to run, and takes its change back after five minutes."
        ));
        return Some(
            waiting(finding, pod, stamp).remedy("See what keeps it.", logs()).link(link::KUBEADM_UPGRADE),
        );
    }
    if !pod.is_ready() {
        // Of the others one leads, and the rest wait; a member or a server that is away is missed by all.
        let severity = if matches!(component, "kube-apiserver" | "etcd") {
            Severity::Blocker
        } else {
            Severity::Warning
        };
        let finding = Finding::new("StaticPodNotReady", severity, subject(), "it runs and is not ready").why(
            "An upgrade takes others of its kind away, one after the other, while this one does \
                 not serve.",
        );
        return Some(
            waiting(finding, pod, stamp).remedy("See what keeps it.", logs()).link(link::KUBEADM_UPGRADE),
        );
    }
    let restarted = pod.status.container_statuses.iter().find_map(|container| {
        let started = container.state.running.as_ref()?.started_at?;
        (container.restart_count > 0 && now.duration_since(started) < RECENT)
            .then_some((container.restart_count, started))
    });
    restarted.map(|(times, started)| {
        let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
        Finding::new(
            "StaticPodRestarted",
            Severity::Warning,
            subject(),
            format!("it was started again less than an hour ago, {times} in all"),
        )
        .why(
            "What restarts by itself before an upgrade does so during one, and is then hard to \
                 tell from the upgrade's own doing.",
        )
        .saw(format!("running since {started}"), stamp)
        .remedy("See why it ended.", logs())
    })
}

/// With what its containers wait for.
fn waiting(finding: Finding, pod: &Pod, stamp: Option<&Stamp>) -> Finding {
    let finding = finding.saw(format!("phase {}", pod.status.phase), stamp);
    let waits = pod.status.container_statuses.iter().filter_map(|container| {
        let waiting = container.state.waiting.as_ref()?;
        Some(format!("{} waits: {} {}", container.name, waiting.reason, waiting.message))
    });
    waits.fold(finding, |finding, saw| finding.saw(saw.trim_end().to_owned(), stamp))
}
