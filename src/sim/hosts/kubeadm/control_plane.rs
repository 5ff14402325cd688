//! The static pods of a control plane, upgraded one after the other.

use serde_json::{Value, json};

use super::cluster_config::Configuration;
use super::{Failure, Kubeadm, pull};
use crate::sim::api::merge;
use crate::sim::clock;
use crate::sim::control::static_pods::{self, COMPONENTS};
use crate::sim::control::text;
use crate::version::{Minor, Version};

/// The first minor whose manifest of etcd asks for /livez and /readyz.
const ETCD_PROBES: Minor = Minor::new(1, 31);

/// How long a certificate is good for that kubeadm makes.
const YEAR: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);

/// What kubeadm renews with a component: its word for it, and the file.
const CERTIFICATES: &[(&str, &str, &str)] = &[
    ("etcd", "etcd-server", "/etc/kubernetes/pki/etcd/server.crt"),
    ("etcd", "etcd-peer", "/etc/kubernetes/pki/etcd/peer.crt"),
    ("etcd", "etcd-healthcheck-client", "/etc/kubernetes/pki/etcd/healthcheck-client.crt"),
    ("kube-apiserver", "apiserver", "/etc/kubernetes/pki/apiserver.crt"),
    ("kube-apiserver", "apiserver-kubelet-client", "/etc/kubernetes/pki/apiserver-kubelet-client.crt"),
    ("kube-apiserver", "front-proxy-client", "/etc/kubernetes/pki/front-proxy-client.crt"),
    ("kube-apiserver", "apiserver-etcd-client", "/etc/kubernetes/pki/apiserver-etcd-client.crt"),
    ("kube-controller-manager", "controller-manager.conf", "/etc/kubernetes/controller-manager.conf"),
    ("kube-scheduler", "scheduler.conf", "/etc/kubernetes/scheduler.conf"),
];

impl Kubeadm<'_> {
    /// Upgrades the static pods of this machine.
    pub(super) async fn static_pods(&self, version: &Version, config: &Configuration) -> Result<(), Failure> {
        let folder = format!("/etc/kubernetes/tmp/kubeadm-upgraded-manifests{}", self.number("manifests"));
        self.say(format!("[upgrade/staticpods] Writing new Static Pod manifests to \"{folder}\""));
        let backups = format!(
            "/etc/kubernetes/tmp/kubeadm-backup-manifests-{}",
            self.run.now().strftime("%Y-%m-%d-%H-%M-%S")
        );
        for component in COMPONENTS {
            if component != "etcd" {
                self.upgrade(component, version, config, &backups).await?;
            } else if self.flags.upgrades_etcd && !self.keeps_newer_etcd(version, config) {
                self.upgrade(component, version, config, &backups).await?;
                self.say("[upgrade/etcd] Waiting for etcd to become available");
                self.run.takes(2.0).await;
            }
        }
        self.renew(&["/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf"]);
        Ok(())
    }

    /// kubeadm leaves an etcd alone that is newer than its own.
    fn keeps_newer_etcd(&self, version: &Version, config: &Configuration) -> bool {
        let number = |image: &str| {
            let tag = image.rsplit_once(':').map_or(image, |(_, tag)| tag);
            tag.split('-').next().and_then(|text| text.parse::<Version>().ok())
        };
        let (now, then) = (self.run.on(|machine| machine.image("etcd")), self.image("etcd", version, config));
        let (Some(now), Some(then)) = (number(&now), number(&then)) else { return false };
        if then < now {
            self.say(format!("[upgrade/etcd] Non fatal issue encountered during upgrade: the desired etcd version \"{then}\" is older than the currently installed \"{now}\". Skipping etcd upgrade"));
        }
        then < now
    }

    async fn upgrade(
        &self,
        component: &str,
        version: &Version,
        config: &Configuration,
        backups: &str,
    ) -> Result<(), Failure> {
        self.say(format!("[upgrade/staticpods] Preparing for \"{component}\" upgrade"));
        self.run.takes(1.0).await;
        let Some(now) =
            self.run.on(|machine| machine.static_pods.get(component).map(|pod| pod.manifest.clone()))
        else {
            return Err(Failure::new(format!(
                "couldn't upgrade control plane: there is no manifest of {component}"
            )));
        };
        let then = self.manifest(&now, component, version, config);
        if then == now {
            self.say(format!(
                "[upgrade/staticpods] Current and new manifests of {component} are equal, skipping upgrade"
            ));
            return Ok(());
        }
        for (_, word, file) in CERTIFICATES.iter().filter(|(of, _, _)| *of == component && self.flags.renews)
        {
            self.say(format!("[upgrade/staticpods] Renewing {word} certificate"));
            self.renew(&[file]);
        }
        self.say(format!("[upgrade/staticpods] Moving new manifest to \"/etc/kubernetes/manifests/{component}.yaml\" and backing up old manifest to \"{backups}/{component}.yaml\""));
        self.say("[upgrade/staticpods] Waiting for the kubelet to restart the component");
        self.say("[upgrade/staticpods] This can take up to 5m0s");
        let at = self.run.now();
        self.run.on(|machine| {
            machine.write_manifest(component, then, at);
            let image = machine.image(component);
            machine.pulled(&image);
            if component == "etcd" {
                machine.copied_etcd();
            }
        });
        let cluster = &self.run.cluster;
        let stuck = component == "kube-apiserver"
            && self.run.on(|machine| std::mem::take(&mut machine.trouble.stuck_api_server));
        if stuck {
            self.run.takes(9.0).await;
            static_pods::mirror_only(cluster, &self.run.node, component);
        } else {
            static_pods::take_up(cluster.clone(), self.run.node.clone(), component.to_owned()).await;
        }
        self.run.takes(6.0).await;
        self.say(format!(
            "[apiclient] Found {} Pods for label selector component={component}",
            cluster.servers.len()
        ));
        self.run.takes(8.0).await;
        self.say(format!("[upgrade/staticpods] Component \"{component}\" upgraded successfully!"));
        Ok(())
    }

    /// The image of a component that this kubeadm wants for a version.
    fn image(&self, component: &str, version: &Version, config: &Configuration) -> String {
        let tag = match component {
            "etcd" => config.etcd_tag().map(str::to_owned).or_else(|| Some(pull::pins(&self.own)?.etcd)),
            _ => Some(format!("v{version}")),
        };
        format!("registry.k8s.io/{component}:{}", tag.unwrap_or_default())
    }

    /// The manifest that this kubeadm writes.
    fn manifest(&self, now: &Value, component: &str, version: &Version, config: &Configuration) -> Value {
        let mut then = now.clone();
        if let Some(container) = then.pointer_mut("/spec/containers/0") {
            merge(container, &json!({ "image": self.image(component, version, config) }));
            if component == "etcd" && self.own.minor() >= ETCD_PROBES {
                let probe = |path: &str| json!({ "httpGet": { "host": "127.0.0.1", "path": path, "port": 2381, "scheme": "HTTP" } });
                merge(
                    container,
                    &json!({ "livenessProbe": probe("/livez"), "readinessProbe": probe("/readyz"), "startupProbe": probe("/readyz") }),
                );
            }
        }
        then
    }

    /// Certificates are good for a year from now.
    fn renew(&self, files: &[&str]) {
        let until = clock::seconds(clock::later(self.run.now(), YEAR));
        self.run.on(|machine| {
            let all = machine.document.pointer_mut("/certificates").and_then(Value::as_array_mut);
            for certificate in all.into_iter().flatten().filter(|c| files.contains(&text(c, "/path"))) {
                merge(certificate, &json!({ "notAfter": until }));
            }
        });
    }
}
