//! Commands about etcd that can be copied, with the certificates as kubeadm lays them out.

use crate::checks::common::{shell, static_pods};

/// etcd on the own machine, and kubeadm's client certificate for it. In the static pod the paths are the same.
const ACCESS: [&str; 4] = [
    "--endpoints=https://127.0.0.1:2379",
    "--cacert=/etc/kubernetes/pki/etcd/ca.crt",
    "--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt",
    "--key=/etc/kubernetes/pki/etcd/healthcheck-client.key",
];

/// etcdctl in the static pod of a node, by kubectl.
pub(super) fn in_pod(node: &str, words: &[&str]) -> String {
    // The flags of ACCESS are plain; quotes around them would only be in the way.
    let pod = shell::kubectl(static_pods::NAMESPACE, &["exec", &format!("etcd-{node}")]);
    format!("{pod} -- etcdctl {} {}", ACCESS.join(" "), shell::line(words))
}

/// The health of all members, asked through one.
pub(super) fn health(node: &str) -> String {
    in_pod(node, &["endpoint", "health", "--cluster"])
}

/// The members, asked through one.
pub(super) fn member_list(node: &str) -> String {
    in_pod(node, &["member", "list", "-w", "table"])
}

/// A new snapshot, saved as root on a control plane that has etcdctl.
pub(super) fn save() -> Vec<String> {
    vec![
        "mkdir -p -m 0700 /var/backups/etcd".to_owned(),
        format!(
            "(umask 077; ETCDCTL_API=3 etcdctl {} snapshot save /var/backups/etcd/etcd-$(date -u +%Y%m%dT%H%M%SZ).db)",
            ACCESS.join(" ")
        ),
    ]
}

/// kubeadm's configuration, to be edited.
pub(super) fn edit_config() -> String {
    shell::kubectl(static_pods::NAMESPACE, &["edit", "configmap", "kubeadm-config"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_kubeadms_paths_and_names_stay_words() {
        assert_eq!(
            health("cp1"),
            "kubectl -n kube-system exec etcd-cp1 -- etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt \
             --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key endpoint health \
             --cluster"
        );
        assert!(member_list("a b").contains(" 'etcd-a b' -- "));
        assert!(save()[1].contains(" snapshot save /var/backups/etcd/etcd-$(date "));
    }
}
