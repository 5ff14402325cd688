//! `kubeadm upgrade node`.
//!
//! It brings its machine to the version that kubeadm-config names, and never compares that with its own: an old kubeadm
//! ends with the same words, and leaves what an old one leaves. Source: cmd/kubeadm/app/cmd/phases/upgrade/node.

use super::cluster_config::Configuration;
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
        let head = if phases { "upgrade/preflight" } else { "preflight" };
        self.say(format!("[{head}] Running pre-flight checks"));
        self.run.takes(2.0).await;
        if self.run.on(|machine| machine.control_plane) {
            self.pull(head).await;
            self.node_control_plane(&config).await?;
        } else {
            self.say(format!("[{head}] Skipping prepull. Not a control plane node."));
            let skips = if phases { "upgrade/control-plane" } else { "upgrade" };
            self.say(format!("[{skips}] Skipping phase. Not a control plane node."));
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

    async fn node_control_plane(&self, config: &Configuration) -> Result<(), Failure> {
        let no_version = || Failure::new("the cluster's configuration has no version");
        let version = config.version().ok_or_else(no_version)?;
        let head = if self.has_phases() { "upgrade/control-plane" } else { "upgrade" };
        self.say(format!(
            "[{head}] Upgrading your Static Pod-hosted control plane instance to version \"v{version}\"..."
        ));
        self.static_pods(&version, config).await?;
        if self.has_phases() {
            self.say(
                "[upgrade/control-plane] The control plane instance for this node was successfully upgraded!",
            );
            self.write_kubelet_config().await;
            self.addons(&version).await;
        } else {
            self.addons(&version).await;
            self.say("[upgrade] The control plane instance for this node was successfully updated!");
            self.write_kubelet_config().await;
        }
        Ok(())
    }

    /// What kubeadm says while it pulls images.
    pub(super) async fn pull(&self, head: &str) {
        self.say(format!("[{head}] Pulling images required for setting up a Kubernetes cluster"));
        self.say(format!(
            "[{head}] This might take a minute or two, depending on the speed of your internet connection"
        ));
        self.say(format!(
            "[{head}] You can also perform this action beforehand using 'kubeadm config images pull'"
        ));
        self.run.takes(10.0).await;
    }
}
