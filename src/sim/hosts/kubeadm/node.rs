//! `kubeadm upgrade node`.
//!
//! It brings its machine to the version that kubeadm-config names, and asks nobody which version it has itself: an old
//! one ends with the same words, and leaves what an old one leaves.

use super::{Failure, Kubeadm};

impl Kubeadm<'_> {
    /// `kubeadm upgrade node`
    pub(super) async fn node(&self) -> Result<(), Failure> {
        let phases = self.has_phases();
        if phases {
            self.say("[upgrade] Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"...");
            self.say(
                "[upgrade] Use 'kubeadm init phase upload-config --config your-config-file' to re-upload it.",
            );
        } else {
            self.say("[upgrade] Reading configuration from the cluster...");
            self.say("[upgrade] FYI: You can look at this config file with 'kubectl -n kube-system get cm kubeadm-config -o yaml'");
        }
        let config = self.read_config().await?;
        let pre = if phases { "upgrade/preflight" } else { "preflight" };
        self.say(format!("[{pre}] Running pre-flight checks"));
        self.run.takes(2.0).await;
        if self.run.on(|machine| machine.control_plane) {
            let version =
                config.version().ok_or_else(|| Failure::new("the cluster's configuration has no version"))?;
            self.say(format!("[{pre}] Pulling images required for setting up a Kubernetes cluster"));
            self.say(format!(
                "[{pre}] This might take a minute or two, depending on the speed of your internet connection"
            ));
            self.say(format!(
                "[{pre}] You can also perform this action beforehand using 'kubeadm config images pull'"
            ));
            self.run.takes(10.0).await;
            if phases {
                self.say(format!("[upgrade/control-plane] Upgrading your Static Pod-hosted control plane instance to version \"v{version}\"..."));
            } else {
                self.say(format!("[upgrade] Upgrading your Static Pod-hosted control plane instance to version \"v{version}\"..."));
            }
            self.static_pods(&version, &config).await?;
            if phases {
                self.say("[upgrade/control-plane] The control plane instance for this node was successfully upgraded!");
            } else {
                self.addons(&version).await;
                self.say("[upgrade] The control plane instance for this node was successfully updated!");
            }
            self.write_kubelet_config().await;
            if phases {
                self.addons(&version).await;
            }
        } else {
            self.say(format!("[{pre}] Skipping prepull. Not a control plane node."));
            let skip = if phases {
                "[upgrade/control-plane] Skipping phase. Not a control plane node."
            } else {
                "[upgrade] Skipping phase. Not a control plane node."
            };
            self.say(skip);
            self.write_kubelet_config().await;
        }
        if phases {
            self.say(
                "[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!",
            );
        }
        self.say("[upgrade] The configuration for this node was successfully updated!");
        self.say(
            "[upgrade] Now you should go ahead and upgrade the kubelet package using your package manager.",
        );
        Ok(())
    }
}
