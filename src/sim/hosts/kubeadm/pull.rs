//! Images.

use super::{Failure, Kubeadm};
use crate::catalog::Catalog;
use crate::version::Version;

/// The tags that a kubeadm itself knows: etcd's, CoreDNS' and pause's.
pub(super) struct Pins {
    pub(super) etcd: String,
    pub(super) coredns: String,
    pub(super) pause: String,
}

/// What a kubeadm of a version pins.
pub(super) fn pins(kubeadm: &Version) -> Option<Pins> {
    let images = Catalog::get().ok()?.kubeadm_images(kubeadm)?.images;
    Some(Pins { etcd: images.etcd.clone(), coredns: images.coredns.clone(), pause: images.pause.clone() })
}

impl Kubeadm<'_> {
    /// `kubeadm config images pull`
    pub(super) async fn pull_images(&self) -> Result<(), Failure> {
        let wanted = match &self.flags.version {
            Some(text) => text
                .trim_start_matches('v')
                .parse::<Version>()
                .map_err(|_| Failure::new(format!("could not parse \"{text}\" as version")))?,
            None => self.own.clone(),
        };
        let pins = pins(&self.own).ok_or_else(|| Failure::new("there are no images for this version"))?;
        if wanted.minor() > self.own.minor() {
            // kubeadm does not refuse; it only knows no etcd for that minor.
            let etcd = pins.etcd.clone();
            self.say(format!("W1128 00:00:00.000000 constants.go:543] could not find officially supported version of etcd for Kubernetes v{wanted}, falling back to the nearest etcd version ({etcd})"));
        }
        let of = |name: &str| format!("registry.k8s.io/{name}:v{wanted}");
        let images = [
            of("kube-apiserver"),
            of("kube-controller-manager"),
            of("kube-scheduler"),
            of("kube-proxy"),
            format!("registry.k8s.io/coredns/coredns:{}", pins.coredns),
            format!("registry.k8s.io/pause:{}", pins.pause),
            format!("registry.k8s.io/etcd:{}", pins.etcd),
        ];
        let newest = Catalog::get().ok().and_then(|catalog| catalog.newest_patch(wanted.minor()));
        for image in images {
            self.run.takes(2.5).await;
            if image.ends_with(&format!(":v{wanted}"))
                && newest.as_ref().is_none_or(|newest| wanted > *newest)
            {
                return Err(Failure::new(format!(
                    "failed to pull image \"{image}\": rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
                )));
            }
            self.run.on(|machine| machine.pulled(&image));
            self.say(format!("[config/images] Pulled {image}"));
        }
        Ok(())
    }
}
