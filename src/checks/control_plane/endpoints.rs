//! The endpoints of the Service default/kubernetes beside the control planes, and beside the servers' own leases.

use jiff::SignedDuration;

use crate::checks::common::{link, list};
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::Evidence;
use crate::evidence::objects::{Lease, Node};

/// The label of the Leases by which API servers say that they live. They renew them every ten seconds.
const IDENTITY: &str = "apiserver.kubernetes.io/identity";
/// After this long a server that does not renew is gone, though its Lease holds for an hour.
const ALIVE: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn findings(evidence: &Evidence, nodes: &[&Node], cluster: &Subject) -> Vec<Finding> {
    let slices = &evidence.objects.endpoint_slices;
    let gaps = slices.gaps();
    if !gaps.is_empty() {
        return unknowns("EndpointsUnread", Severity::Warning, cluster, &gaps);
    }
    let subject = || Subject::object("v1", "Service", "default", "kubernetes");
    let stamp = slices.stamp.as_ref();
    let (mut serving, mut not_ready) = (Vec::new(), Vec::new());
    for endpoint in slices.iter().flat_map(|slice| &slice.endpoints) {
        let Some(address) = endpoint.addresses.first() else { continue };
        let list = if endpoint.conditions.ready == Some(false) { &mut not_ready } else { &mut serving };
        if !list.contains(&address.as_str()) {
            list.push(address.as_str());
        }
    }
    let mut findings = Vec::new();
    if !not_ready.is_empty() {
        let message = format!("{} takes no traffic", list::names(&not_ready));
        findings.push(
            Finding::new("EndpointNotReady", Severity::Warning, subject(), message)
                .saw("endpoints that are not ready", stamp),
        );
    }
    let count = serving.len() + not_ready.len();
    let complete = evidence.objects.nodes.is_complete();
    if complete && count < nodes.len() {
        let message = format!(
            "{count} of {} control planes are endpoints of the Service: an API server is away",
            nodes.len()
        );
        findings.push(
            Finding::new("EndpointMissing", Severity::Warning, subject(), message)
                .why("With one away already, the upgrade of the next leaves fewer than there should be.")
                .saw(format!("endpoints {}", list::names(&serving)), stamp)
                .link(link::LEASES),
        );
    } else if complete && !nodes.is_empty() && count > nodes.len() {
        let message = format!(
            "{} for {}: an API server runs where no control plane is shown",
            list::count(count, "endpoint"),
            list::count(nodes.len(), "control plane")
        );
        findings.push(
            Finding::new("EndpointExtra", Severity::Notice, subject(), message)
                .saw(format!("endpoints {}", list::names(&serving)), stamp),
        );
    }
    findings.extend(identities(evidence, count, subject()));
    findings
}

/// The servers that say they live, beside those that the Service knows. None says so where the feature is off.
fn identities(evidence: &Evidence, endpoints: usize, subject: Subject) -> Option<Finding> {
    let leases = &evidence.objects.leases;
    let now = super::leases::now(leases).filter(|_| leases.is_complete())?;
    let is_identity = |lease: &&Lease| lease.metadata.labels.get(IDENTITY) == Some("kube-apiserver");
    let alive =
        |lease: &&Lease| lease.spec.renew_time.is_some_and(|renewed| now.duration_since(renewed) < ALIVE);
    let identities: Vec<&Lease> = leases.iter().filter(is_identity).filter(alive).collect();
    if identities.is_empty() || identities.len() == endpoints {
        return None;
    }
    let what = if identities.len() > endpoints {
        "one that lives is not in the Service"
    } else {
        "one in the Service does not live"
    };
    let message = format!(
        "{} and {}: {what}",
        list::count(identities.len(), "living API server"),
        list::count(endpoints, "endpoint")
    );
    let hosts: Vec<&str> =
        identities.iter().filter_map(|lease| lease.metadata.labels.get("kubernetes.io/hostname")).collect();
    Some(
        Finding::new("EndpointsDisagree", Severity::Warning, subject, message)
            .why("Whoever goes through the Service gets another set of servers than there is.")
            .saw(format!("identity Leases of {}", list::names(&hosts)), leases.stamp.as_ref())
            .link(link::LEASES),
    )
}
