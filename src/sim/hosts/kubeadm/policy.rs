//! Which versions may follow which. Source: cmd/kubeadm/app/phases/upgrade/policy.go of 1.31.14.

use super::{Failure, Flags};
use crate::version::Version;

/// Whether a kubeadm may bring a cluster from one version to another.
pub(super) fn enforce(own: &Version, from: &Version, to: &Version, flags: &Flags) -> Result<(), Failure> {
    let mut fatal = Vec::new();
    let mut skippable = Vec::new();
    if to.minor > from.minor + 1 || to.major != from.major {
        fatal.push(format!(
            "Specified version to upgrade to \"v{to}\" is too high; kubeadm can upgrade only 1 minor version at a time"
        ));
    } else if to.minor + 1 < from.minor {
        fatal.push(format!(
            "Specified version to downgrade to \"v{to}\" is too low; kubeadm can downgrade only 1 minor version at a time"
        ));
    }
    if to.minor > own.minor {
        fatal.push(format!(
            "Specified version to upgrade to \"v{to}\" is at least one minor release higher than the kubeadm minor \
             release ({} > {}). Such an upgrade is not supported",
            to.minor, own.minor
        ));
    } else if to > own {
        skippable.push(format!(
            "Specified version to upgrade to \"v{to}\" is higher than the kubeadm version \"v{own}\". Upgrade kubeadm \
             first using the tool you used to install kubeadm"
        ));
    } else if own.minor > to.minor {
        skippable.push(format!(
            "Kubeadm version v{own} can only be used to upgrade to Kubernetes versions {}.{}",
            own.major, own.minor
        ));
    }
    let list = |errors: &[String]| errors.iter().map(|error| format!("\t- {error}\n")).collect::<String>();
    if !fatal.is_empty() {
        return Err(Failure::new(format!(
            "[upgrade/version] FATAL: the --version argument is invalid due to these fatal errors:\n\n{}\n\
             Please fix the misalignments highlighted above and try upgrading again",
            list(&fatal)
        )));
    }
    if !skippable.is_empty() && !flags.force {
        return Err(Failure::new(format!(
            "[upgrade/version] FATAL: the --version argument is invalid due to these errors:\n\n{}\n\
             Can be bypassed if you pass the --force flag",
            list(&skippable)
        )));
    }
    Ok(())
}
