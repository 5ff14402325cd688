//! etcd's certificates. kubeadm renews those of a component where it changes its manifest, so an upgrade that leaves
//! etcd as it is renews none of them, and restarts it nonetheless.

use jiff::SignedDuration;

use super::health::member;
use super::inside::{Inside, Local};
use super::{Context, Finding, Severity, words};
use crate::checks::common::facts::unseen;
use crate::evidence::node_facts::Certificate;

/// What etcd itself shows, what its clients show, and whose they are.
const OF_ETCD: [&str; 2] = ["/etc/kubernetes/pki/etcd/", "/etc/kubernetes/pki/apiserver-etcd-client."];
/// From here on it is time to renew.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(super) fn findings(context: &Context<'_>, inside: &Inside<'_>) -> Vec<Finding> {
    inside.members.iter().flat_map(|local| of(context, local)).collect()
}

fn of(context: &Context<'_>, local: &Local<'_>) -> Vec<Finding> {
    let Some(certificates) = &local.facts.certificates else {
        let why = local.facts.why_unread("certificates").unwrap_or("the probe's document does not say");
        let unread = unseen(local.facts, local.node, "etcd's certificates", why);
        return vec![Finding::unknown("EtcdCertificatesUnread", Severity::Blocker, member(local), &unread)];
    };
    let ours = certificates
        .iter()
        .filter(|certificate| OF_ETCD.iter().any(|start| certificate.path.starts_with(start)));
    ours.filter_map(|certificate| judge(context, local, certificate)).collect()
}

fn judge(context: &Context<'_>, local: &Local<'_>, certificate: &Certificate) -> Option<Finding> {
    let left = certificate.not_after?.duration_since(context.evidence.at);
    if left >= SOON {
        return None;
    }
    let (path, node) = (&certificate.path, local.node);
    let authority = path.ends_with("/ca.crt");
    let over = left < SignedDuration::ZERO;
    let (code, severity, message) = if over {
        let message = format!("{path} on {node} expired {} ago", words::age(-left));
        ("EtcdCertificateExpired", Severity::Blocker, message)
    } else {
        (
            "EtcdCertificateExpires",
            Severity::Warning,
            format!("{path} on {node} expires in {}", words::age(left)),
        )
    };
    let advice = if authority {
        "It is the authority of the others, and kubeadm does not renew it: all certificates of etcd have to be made anew.".to_owned()
    } else {
        format!(
            "Renew it on {node}, and restart the static pods that use it: move their manifests away for half a minute, and back."
        )
    };
    let name = match path.rsplit('/').next() {
        Some("server.crt") => Some("etcd-server"),
        Some("peer.crt") => Some("etcd-peer"),
        Some("healthcheck-client.crt") => Some("etcd-healthcheck-client"),
        Some("apiserver-etcd-client.crt") => Some("apiserver-etcd-client"),
        _ => None,
    };
    Some(
        Finding::new(code, severity, member(local), message)
            .why(
                "Connections that are open go on; those after a restart are refused, and the upgrade restarts each member. kubeadm renews \
                 it only where the hop changes the manifest that it belongs to.",
            )
            .saw(format!("{path} is valid until {}", certificate.not_after?), Some(local.stamp))
            .remedy(advice, name.map(|name| format!("kubeadm certs renew {name}")))
            .link("https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/"),
    )
}
