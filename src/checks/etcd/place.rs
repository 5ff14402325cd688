//! Where etcd is: in static pods on the control planes, or elsewhere.

use std::collections::BTreeSet;

use super::{Context, Finding, Severity, Subject, link, list, static_pods};
use crate::evidence::{Reason, Stamp, Unread};

/// Where etcd is.
pub(super) enum Place<'a> {
    /// In static pods that kubeadm made, or so it must be taken as long as nothing shows otherwise.
    Stacked,
    /// Elsewhere, by what was seen.
    External { saw: String, stamp: Option<&'a Stamp> },
    /// Nothing shows it, and nothing shows that kubeadm made the cluster.
    Unseen,
}

/// kubeadm's configuration says it, or the flags of the API servers.
pub(super) fn of<'a>(context: &Context<'a>) -> Place<'a> {
    if let Ok((config, stamp)) = &context.config
        && config.etcd.external.is_some()
    {
        let saw = "etcd.external in the ClusterConfiguration of kubeadm-config".to_owned();
        return Place::External { saw, stamp: Some(stamp) };
    }
    let elsewhere = asked_elsewhere(context);
    if !elsewhere.is_empty() {
        let hosts: Vec<&str> = elsewhere.into_iter().collect();
        let saw = format!("--etcd-servers of the API servers names {}", list::names(&hosts));
        return Place::External { saw, stamp: context.pods_stamp() };
    }
    let objects = &context.evidence.objects;
    let all_read = objects.nodes.is_complete() && objects.pods.is_complete();
    if all_read && context.hosts().is_empty() { Place::Unseen } else { Place::Stacked }
}

/// The hosts that the API servers ask, where none of them is the own machine or a member in a static pod.
fn asked_elsewhere<'a>(context: &Context<'a>) -> BTreeSet<&'a str> {
    let servers = static_pods::of(&context.evidence.objects.pods, "kube-apiserver");
    let flags = servers
        .flat_map(|pod| pod.spec.containers.iter())
        .filter_map(|container| container.flag("etcd-servers"));
    let asked: BTreeSet<&str> = flags.flat_map(|flag| flag.split(',')).filter_map(host).collect();
    let own = context.pods.values().flat_map(|pod| pod.spec.containers.iter());
    let own: BTreeSet<&str> = own
        .filter_map(|container| container.flag("advertise-client-urls"))
        .flat_map(|urls| urls.split(','))
        .filter_map(host)
        .collect();
    let here = |host: &&str| {
        *host == "localhost" || *host == "[::1]" || host.starts_with("127.") || own.contains(host)
    };
    if asked.iter().any(here) { BTreeSet::new() } else { asked }
}

/// `10.0.0.1` of `https://10.0.0.1:2379`, `[fd00::1]` of `https://[fd00::1]:2379`.
pub(super) fn host(url: &str) -> Option<&str> {
    let rest = url.trim();
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    let rest = rest.split('/').next()?;
    let host = match rest.find(']') {
        Some(end) => rest.get(..=end)?,
        None => rest.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

/// That etcd's inside cannot be seen, for it is not on the control planes.
pub(super) fn elsewhere(context: &Context<'_>, place: &Place<'_>) -> Finding {
    let (code, why, saw) = match place {
        Place::External { saw, stamp } => {
            let why = "etcd is external: kubelift looks at no machine but the nodes";
            ("EtcdExternal", why, Some((saw, *stamp)))
        }
        _ => ("EtcdUnseen", "no control-plane node and no static pod shows where it runs", None),
    };
    let unread = Unread::new("probe", "etcd's inside", Reason::Absent, why);
    let finding = Finding::unknown(code, Severity::Warning, Subject::thing("Etcd", &context.evidence.cluster.name), &unread)
        .why(
            "kubeadm changes nothing of such an etcd and does not restart it. What would stop the cluster now shows in the API \
             servers' own checks and in the leases of the control plane; members, versions, alarms and room are not known.",
        )
        .remedy(
            "Look at it where it runs, with the endpoints and certificates that the API servers use, and back it up there.",
            ["etcdctl endpoint health --cluster".to_owned(), "etcdctl endpoint status --cluster -w table".to_owned(), "etcdctl alarm list".to_owned()],
        )
        .link(link::ETCD);
    match saw {
        Some((saw, stamp)) => finding.saw(saw.clone(), stamp),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts_come_out_of_urls() {
        assert_eq!(host("https://10.0.0.1:2379"), Some("10.0.0.1"));
        assert_eq!(host(" http://etcd.example.com"), Some("etcd.example.com"));
        assert_eq!(host("https://[fd00::1]:2379/x"), Some("[fd00::1]"));
        assert_eq!(host("127.0.0.1:2379"), Some("127.0.0.1"));
        assert_eq!(host(""), None);
        assert_eq!(host("https://"), None);
    }
}
