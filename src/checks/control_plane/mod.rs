//! The control plane: static pods, what the API servers say of themselves, leases, and the Service's endpoints.

mod endpoints;
mod leases;
pub(super) mod pods;

use super::common::{link, list, servers, shell};
use super::finding::unknowns;
use super::{Finding, Severity, Subject, Target};
use crate::evidence::Evidence;
use crate::evidence::objects::Node;

/// Judges. The rules are kubeadm's and the same in every minor, so the target has no part in them.
pub(super) fn run(evidence: &Evidence, _: &Target) -> Vec<Finding> {
    let cluster = Subject::thing("Cluster", &evidence.cluster.name);
    let nodes: Vec<&Node> = evidence.objects.nodes.iter().filter(|node| node.is_control_plane()).collect();
    let mut findings =
        unknowns("ControlPlaneNodesUnread", Severity::Blocker, &cluster, &evidence.objects.nodes.gaps());
    findings.extend(health(evidence, &cluster));
    findings.extend(pods::findings(evidence, &nodes));
    findings.extend(leases::findings(evidence, &cluster));
    findings.extend(endpoints::findings(evidence, &nodes, &cluster));
    if evidence.objects.nodes.is_complete() {
        findings.extend(number(&nodes, evidence, &cluster));
    }
    if findings.iter().all(|finding| finding.severity >= Severity::Notice) {
        let message = format!(
            "{}: static pods run, {} ready, leases held",
            list::count(nodes.len(), "control plane"),
            list::count(evidence.servers.servers.len(), "API server")
        );
        let stamp = evidence.objects.pods.stamp.as_ref();
        findings.push(
            Finding::new("ControlPlaneReady", Severity::Pass, cluster, message)
                .saw("static pods in kube-system", stamp),
        );
    }
    findings
}

/// What every API server says at /readyz.
fn health(evidence: &Evidence, cluster: &Subject) -> Vec<Finding> {
    let mut findings =
        unknowns("ApiServerHealthUnread", Severity::Blocker, cluster, &servers::gaps(&evidence.servers));
    for server in &evidence.servers.servers {
        let subject = Subject::thing("APIServer", &server.address);
        match server.ready.get() {
            Err(unread) => {
                findings.push(Finding::unknown("ApiServerHealthUnread", Severity::Blocker, subject, unread))
            }
            Ok((health, _)) if health.ok => {}
            Ok((health, stamp)) => {
                let failed = if health.failed.is_empty() {
                    "it does not say why".to_owned()
                } else {
                    format!("failed: {}", list::names(&health.failed))
                };
                findings.push(
                    Finding::new(
                        "ApiServerNotReady",
                        Severity::Blocker,
                        subject,
                        format!("{} is not ready; {failed}", servers::name(server)),
                    )
                    .why(
                        "An upgrade takes another API server away while this one does not serve, and kubeadm \
                             waits for it in vain.",
                    )
                    .saw(
                        format!(
                            "{} of {} checks failed: {}",
                            health.failed.len(),
                            health.checks,
                            list::names(&health.failed)
                        ),
                        Some(stamp),
                    )
                    .remedy(
                        "Ask it again in a minute if it has just started; else look at its log.",
                        [shell::kubectl(
                            "",
                            &[
                                "get",
                                "--raw",
                                "/readyz?verbose",
                                &format!("--server=https://{}", server.address),
                            ],
                        )],
                    )
                    .link(link::HEALTH),
                );
            }
        }
    }
    findings
}

/// What follows from the number of control planes.
fn number(nodes: &[&Node], evidence: &Evidence, cluster: &Subject) -> Option<Finding> {
    let stamp = evidence.objects.nodes.stamp.as_ref();
    let finding = match nodes {
        [] => Finding::new(
            "NoControlPlaneNodes",
            Severity::Warning,
            cluster.clone(),
            "no Node has the label of a control plane: where it runs is not shown",
        )
        .why(
            "kubeadm finds the control planes by that label, and looks for their static pods on \
                 these nodes.",
        ),
        [one] => Finding::new(
            "SingleControlPlane",
            Severity::Notice,
            cluster.clone(),
            format!("{} is the only control plane", one.metadata.name),
        )
        .why(
            "The API is away while it is upgraded: minutes, more than once. What runs goes on; \
                 nothing is scheduled or moved.",
        ),
        _ => return None,
    };
    Some(
        finding
            .saw(
                format!("{} with node-role.kubernetes.io/control-plane", list::count(nodes.len(), "node")),
                stamp,
            )
            .link(link::KUBEADM_UPGRADE),
    )
}

#[cfg(test)]
pub(super) mod tests;
