//! What only a person can do and see.

use super::{Site, step};
use crate::actions::plan::{EXTERNAL_BACKUP, Step, StepKind};

/// The id of the step that is about the network plugin.
pub(in crate::actions) const NETWORK_PLUGIN: &str = "manual/network-plugin";

/// The network plugin, which kubeadm does not touch: its own upgrade comes after the first control plane's.
/// Source: <https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/>.
pub(in crate::actions) fn network_plugin(site: &Site) -> Step {
    let mut step = step(
        StepKind::Manual,
        None,
        format!(
            "the network plugin: see if its version is made for {}, and upgrade it as its makers say",
            site.to.minor()
        ),
    );
    NETWORK_PLUGIN.clone_into(&mut step.id);
    step.way_back = "as its makers say".to_owned();
    step.expected_seconds = 120;
    step
}

/// A backup of an etcd that kubeadm did not make.
pub(in crate::actions) fn external_backup() -> Step {
    let mut step = step(
        StepKind::Manual,
        None,
        "a backup of the external etcd: save and verify it where its members are".to_owned(),
    );
    EXTERNAL_BACKUP.clone_into(&mut step.id);
    step.way_back = "none is needed".to_owned();
    step.expected_seconds = 300;
    step
}
