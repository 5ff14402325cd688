//! What the API tells of etcd: its static pods, and the check of it in each API server's /readyz.

use super::{Context, Finding, Severity, Subject, link, remedy, static_pods};
use crate::checks::common::servers;
use crate::checks::control_plane::pods as mirrors;
use crate::checks::finding::unknowns;

/// Whether each API server reaches etcd.
pub(super) fn servers(context: &Context<'_>) -> Vec<Finding> {
    const CODE: &str = "EtcdReachUnread";
    let all = &context.evidence.servers;
    let mut findings = unknowns(CODE, Severity::Blocker, &context.cluster, &servers::gaps(all));
    for server in &all.servers {
        let subject = Subject::thing("APIServer", &server.address);
        let (health, stamp) = match server.ready.get() {
            Ok(read) => read,
            Err(unread) => {
                findings.push(Finding::unknown(CODE, Severity::Blocker, subject, unread));
                continue;
            }
        };
        let failed: Vec<&str> =
            health.failed.iter().map(|name| name.as_str()).filter(|name| name.starts_with("etcd")).collect();
        if !failed.is_empty() || health.etcd == Some(false) {
            let message = format!("{} does not reach etcd", servers::name(server));
            let asked = context.pods.keys().next().map_or("NODE", |node| *node);
            findings.push(
                Finding::new("EtcdNotReached", Severity::Blocker, subject, message)
                    .why("An API server without etcd answers nothing, and kubeadm waits for it in vain.")
                    .saw(
                        format!(
                            "failed at /readyz: {}",
                            if failed.is_empty() { "etcd" } else { "etcd's checks" }
                        ),
                        Some(stamp),
                    )
                    .remedy(
                        "See how the members are, and what the one beside that server says.",
                        [remedy::health(asked)],
                    )
                    .link(link::ETCD),
            );
        } else if health.etcd.is_none() && !health.ok {
            let what = format!("{} lists no check of etcd at /readyz", servers::name(server));
            findings.push(Finding::unshown(CODE, Severity::Blocker, subject, &what, Some(stamp)));
        }
    }
    findings
}

/// etcd's static pods, which kubeadm wants on every control plane.
pub(super) fn pods(context: &Context<'_>) -> Vec<Finding> {
    let objects = &context.evidence.objects;
    let gaps = objects.pods.gaps();
    let mut findings = unknowns("EtcdPodsUnread", Severity::Blocker, &context.cluster, &gaps);
    findings.extend(unknowns("EtcdNodesUnread", Severity::Blocker, &context.cluster, &objects.nodes.gaps()));
    for node in &context.nodes {
        if gaps.is_empty() && !context.pods.contains_key(node.metadata.name.as_str()) {
            let name = format!("etcd-{}", node.metadata.name);
            findings.push(mirrors::missing(node, &name, context.pods_stamp()));
        }
    }
    for pod in context.pods.values() {
        findings.extend(mirrors::judge("etcd", pod, context.evidence.at, context.pods_stamp()));
        let name = format!("etcd-{}", pod.spec.node_name);
        if *pod.metadata.name != *name {
            let message = format!("kubeadm looks for it by the name {name}, and does not find it");
            findings.push(
                Finding::new("StaticPodMissing", Severity::Blocker, static_pods::subject(pod), message)
                    .why("It gives up after five minutes.")
                    .saw(
                        format!("the pod {} on {}", pod.metadata.name, pod.spec.node_name),
                        context.pods_stamp(),
                    ),
            );
        }
    }
    findings
}
