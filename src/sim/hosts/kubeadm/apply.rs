//! `kubeadm upgrade apply`.

use super::cluster_config::Configuration;
use super::{Failure, Kubeadm, policy, pull};
use crate::sim::control::{addons, kind};
use crate::version::Version;

/// What kubeadm says of the rights of bootstrap tokens.
const TOKENS: [&str; 4] = [
    "[bootstrap-token] Configured RBAC rules to allow Node Bootstrap tokens to get nodes",
    "[bootstrap-token] Configured RBAC rules to allow Node Bootstrap tokens to post CSRs in order for nodes to get long term certificate credentials",
    "[bootstrap-token] Configured RBAC rules to allow the csrapprover controller automatically approve CSRs from a Node Bootstrap Token",
    "[bootstrap-token] Configured RBAC rules to allow certificate rotation for all node client certificates in the cluster",
];

impl Kubeadm<'_> {
    /// `kubeadm upgrade apply VERSION`
    pub(super) async fn apply(&self, version: &str) -> Result<(), Failure> {
        let version: Version = version.trim_start_matches('v').parse().map_err(|_| {
            Failure::new(format!("[upgrade/version] FATAL: could not parse \"{version}\" as version"))
        })?;
        let config = self.preflight(&version).await?;
        if self.has_phases() {
            self.say(format!("[upgrade/control-plane] Upgrading your static Pod-hosted control plane to version \"v{version}\" (timeout: 5m0s)..."));
        } else {
            self.say(format!("[upgrade/apply] Upgrading your Static Pod-hosted control plane to version \"v{version}\" (timeout: 5m0s)..."));
        }
        self.static_pods(&version, &config).await?;
        if self.has_phases() {
            self.say(
                "[upgrade/control-plane] The control plane instance for this node was successfully upgraded!",
            );
        }
        self.say("[upload-config] Storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace");
        self.run.takes(1.0).await;
        config.store(&self.run.cluster, &version, &self.own);
        self.say("[kubelet] Creating a ConfigMap \"kubelet-config\" in namespace kube-system with the configuration for the kubelets in the cluster");
        if self.has_phases() {
            self.say("[upgrade/kubeconfig] The kubeconfig files for this node were successfully upgraded!");
        }
        self.write_kubelet_config().await;
        if self.has_phases() {
            self.say(
                "[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!",
            );
            self.say("[upgrade/bootstrap-token] Configuring bootstrap token and cluster-info RBAC rules");
        }
        TOKENS.iter().for_each(|line| self.say(*line));
        self.addons(&version).await;
        self.say("");
        if self.has_phases() {
            self.say(format!(
                "[upgrade] SUCCESS! A control plane node of your cluster was upgraded to \"v{version}\"."
            ));
            self.say("");
            self.say("[upgrade] Now please proceed with upgrading the rest of the nodes by following the right order.");
        } else {
            self.say(format!(
                "[upgrade/successful] SUCCESS! Your cluster was upgraded to \"v{version}\". Enjoy!"
            ));
            self.say("");
            self.say("[upgrade/kubelet] Now that your control plane is upgraded, please proceed with upgrading your kubelets if you haven't already done so.");
        }
        Ok(())
    }

    /// Everything before the first change.
    async fn preflight(&self, version: &Version) -> Result<Configuration, Failure> {
        if !self.run.on(|machine| machine.control_plane) {
            return Err(Failure::new(
                "couldn't create a Kubernetes client from file \"/etc/kubernetes/admin.conf\": failed to load admin kubeconfig: open /etc/kubernetes/admin.conf: no such file or directory",
            ));
        }
        if self.has_phases() {
            self.say("[upgrade] Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"...");
            self.say(
                "[upgrade] Use 'kubeadm init phase upload-config --config your-config-file' to re-upload it.",
            );
            self.say("[upgrade/preflight] Running preflight checks");
        } else {
            self.say("[preflight] Running pre-flight checks.");
            self.say("[upgrade/config] Reading configuration from the cluster...");
            self.say("[upgrade/config] FYI: You can look at this config file with 'kubectl -n kube-system get cm kubeadm-config -o yaml'");
        }
        let config = self.read_config().await?;
        self.health().await?;
        let from = config
            .version()
            .ok_or_else(|| Failure::new("[upgrade/versions] FATAL: the cluster has no version"))?;
        let (head, chosen) = if self.has_phases() {
            ("upgrade/preflight", "upgrade the cluster")
        } else {
            ("upgrade/version", "change the cluster")
        };
        self.say(format!("[{head}] You have chosen to {chosen} version to \"v{version}\""));
        self.say(format!("[upgrade/versions] Cluster version: v{from}"));
        self.say(format!("[upgrade/versions] kubeadm version: v{}", self.own));
        policy::enforce(&self.own, &from, version, &self.flags)
            .map_err(|Failure(message, _)| self.in_phase("preflight", message))?;
        if !self.flags.yes && !self.flags.force {
            self.say("[upgrade] Are you sure you want to proceed? [y/N]: ");
            return Err(self.in_phase(
                "preflight",
                "won't proceed; the user didn't answer (Y|y) in order to continue".to_owned(),
            ));
        }
        self.pull(if self.has_phases() { "upgrade/preflight" } else { "upgrade/prepull" }).await;
        Ok(config)
    }

    /// The health checks: a Job that must run to its end, and Ready control planes.
    async fn health(&self) -> Result<(), Failure> {
        self.say("[upgrade] Running cluster health checks");
        self.run.takes(4.0).await;
        let all_cordoned = kind("v1", "Node").is_none_or(|nodes| {
            let store = self.run.cluster.store();
            store.all(nodes).all(|(_, node)| node.pointer("/spec/unschedulable") == Some(&true.into()))
        });
        if all_cordoned {
            self.say("[upgrade/health] No schedulable nodes found, skipping the CreateJob health check");
        }
        let not_ready = self.not_ready();
        if not_ready.is_empty() {
            return Ok(());
        }
        let what = format!(
            "[ERROR ControlPlaneNodesReady]: there are NotReady control-planes in the cluster: [{}]",
            not_ready.join(" ")
        );
        if self.flags.ignores("ControlPlaneNodesReady") {
            self.say(format!("\t{}", what.replace("ERROR", "WARNING")));
            return Ok(());
        }
        Err(self.in_phase("preflight", format!(
            "[upgrade/health] FATAL: [preflight] Some fatal errors occurred:\n\t{what}\n\
             [preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`"
        )))
    }

    /// CoreDNS and kube-proxy, once every API server is of the version.
    pub(super) async fn addons(&self, version: &Version) {
        let old = addons::servers_that_are_not(&self.run.cluster, version);
        if !old.is_empty() {
            self.say(format!("[upgrade/addons] skip upgrade addons because control plane instances [{}] have not been upgraded", old.join(" ")));
            return;
        }
        if let Some(pins) = pull::pins(&self.own) {
            addons::core_dns(&self.run.cluster, &format!("registry.k8s.io/coredns/coredns:{}", pins.coredns));
        }
        self.run.takes(1.0).await;
        self.say("[addons] Applied essential addon: CoreDNS");
        addons::kube_proxy(&self.run.cluster, &format!("registry.k8s.io/kube-proxy:v{version}"));
        self.run.takes(1.0).await;
        self.say("[addons] Applied essential addon: kube-proxy");
    }
}
