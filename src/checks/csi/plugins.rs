//! The pods of CSI drivers, node plugins and controllers, and which driver each is of.
//!
//! A CSIDriver does not say which pods are its own. A node plugin shows it by the folder of its socket
//! (`/var/lib/kubelet/plugins/DRIVER`) or the flag for its name; where the folder is called otherwise, as some
//! drivers do, by a name that fits one driver only. A controller has one of Kubernetes' sidecars beside it.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::Subject;
use crate::checks::common::image::Image;
use crate::checks::common::owner::Owners;
use crate::evidence::Evidence;
use crate::evidence::objects::Pod;
use crate::evidence::objects::pod::{Container, PodSpec};

/// The sidecars that the CSI community keeps for controllers.
const CONTROLLER_SIDECARS: &[&str] = &["csi-provisioner", "csi-attacher", "csi-resizer", "csi-snapshotter"];
/// All other sidecars: none of them is the driver.
const OTHER_SIDECARS: &[&str] = &[
    "csi-node-driver-registrar",
    "csi-external-health-monitor-controller",
    "csi-external-health-monitor-agent",
    "livenessprobe",
    "node-driver-registrar",
    "snapshot-controller",
    "snapshot-conversion-webhook",
    "volume-data-source-validator",
];
/// Where the kubelet looks for sockets of plugins.
const PLUGINS: &str = "/var/lib/kubelet/plugins/";

/// Whether a driver's pods serve nodes or the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Node,
    Controller,
}

/// The pods of one owner that belong to a driver.
#[derive(Debug)]
pub(super) struct Plugin<'a> {
    pub(super) role: Role,
    /// The DaemonSet or Deployment.
    pub(super) owner: Subject,
    /// Its pods that are not finished.
    pub(super) pods: Vec<&'a Pod>,
    /// Folders below [`PLUGINS`] and names in flags that may name the driver.
    names: BTreeSet<&'a str>,
    /// The driver, if it could be told.
    pub(super) driver: Option<String>,
    /// Whether it was told by likeness of names only.
    pub(super) guessed: bool,
}

impl<'a> Plugin<'a> {
    /// The images of the driver itself, with the pods that run each.
    pub(super) fn images(&self) -> BTreeMap<&'a str, Vec<&'a Pod>> {
        let mut images: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
        for pod in &self.pods {
            for image in own_images(&pod.spec) {
                images.entry(image).or_default().push(pod);
            }
        }
        images
    }

    fn repositories(&self) -> BTreeSet<&'a str> {
        self.images().keys().map(|image| Image::of(image).repository).collect()
    }

    /// Whether anything about it is called like a driver.
    fn is_like(&self, driver: &str) -> bool {
        let token = driver.split('.').next().unwrap_or_default();
        let like = |text: &str| text.contains(token);
        token.len() > 1
            && (like(&self.owner.name)
                || self.names.iter().any(|name| like(name))
                || self.repositories().iter().any(|image| like(Image::of(image).name())))
    }
}

/// The images of a pod's containers that are no sidecars, each once.
fn own_images(spec: &PodSpec) -> BTreeSet<&str> {
    let own = |container: &&Container| {
        let name = Image::of(&container.image).name();
        !CONTROLLER_SIDECARS.contains(&name) && !OTHER_SIDECARS.contains(&name)
    };
    spec.containers.iter().filter(own).map(|container| container.image.as_str()).collect()
}

/// All plugins, told apart by owner, with their drivers among `known` wherever that can be told.
pub(super) fn plugins<'a>(evidence: &'a Evidence, known: &BTreeSet<&str>) -> Vec<Plugin<'a>> {
    let owners = Owners::of(&evidence.objects);
    let mut plugins: BTreeMap<(Role, Subject), Plugin<'a>> = BTreeMap::new();
    for pod in evidence.objects.pods.iter().filter(|pod| !pod.is_finished()) {
        let Some(role) = role(&pod.spec) else { continue };
        let mut owner = owners.subject_of(pod);
        owner.node.clear();
        let plugin = plugins.entry((role, owner.clone())).or_insert_with(|| Plugin {
            role,
            owner,
            pods: Vec::new(),
            names: BTreeSet::new(),
            driver: None,
            guessed: false,
        });
        plugin.names.extend(names(&pod.spec));
        plugin.pods.push(pod);
    }
    let mut plugins: Vec<Plugin<'a>> = plugins.into_values().collect();
    by_name(&mut plugins, known);
    by_likeness(&mut plugins, known);
    plugins
}

fn role(spec: &PodSpec) -> Option<Role> {
    let registers =
        spec.containers.iter().any(|container| container.flag("kubelet-registration-path").is_some());
    if registers {
        return Some(Role::Node);
    }
    let sidecar = |container: &Container| CONTROLLER_SIDECARS.contains(&Image::of(&container.image).name());
    spec.containers.iter().any(sidecar).then_some(Role::Controller)
}

/// What may name the driver: folders of sockets, and the flags for its name.
fn names(spec: &PodSpec) -> impl Iterator<Item = &str> {
    let folder = |path: &'_ str| -> Option<usize> {
        path.strip_prefix(PLUGINS).map(|rest| rest.split('/').next().unwrap_or_default().len())
    };
    let folders = spec.volumes.iter().filter_map(move |volume| {
        let path = volume.host_path.as_ref()?.path.as_str();
        path.get(PLUGINS.len()..PLUGINS.len() + folder(path)?)
    });
    let flags = spec.containers.iter().flat_map(move |container| {
        let socket = container
            .flag("kubelet-registration-path")
            .and_then(|path| path.get(PLUGINS.len()..PLUGINS.len() + folder(path)?));
        [socket, container.flag("drivername"), container.flag("driver-name")].into_iter().flatten()
    });
    folders.chain(flags).filter(|name| !name.is_empty() && !name.contains('$'))
}

/// Drivers that a plugin names, known ones before others.
fn by_name(plugins: &mut [Plugin<'_>], known: &BTreeSet<&str>) {
    for plugin in plugins.iter_mut() {
        let named = plugin.names.iter().find(|name| known.contains(**name));
        // A folder with dots is called as drivers are, whether anybody knows this one or not.
        let named =
            named.or_else(|| plugin.names.iter().find(|name| name.contains('.') && !name.starts_with('.')));
        plugin.driver = named.map(|name| (*name).to_owned());
    }
    // A controller with the image of one driver's node plugins, and of no other's.
    let by_image: Vec<(BTreeSet<String>, String)> = plugins
        .iter()
        .filter(|plugin| plugin.role == Role::Node)
        .filter_map(|plugin| {
            Some((plugin.repositories().into_iter().map(str::to_owned).collect(), plugin.driver.clone()?))
        })
        .collect();
    for plugin in plugins.iter_mut().filter(|plugin| plugin.driver.is_none()) {
        let repositories = plugin.repositories();
        let shares =
            |images: &BTreeSet<String>| images.iter().any(|image| repositories.contains(image.as_str()));
        let drivers: BTreeSet<&String> =
            by_image.iter().filter(|(images, _)| shares(images)).map(|(_, driver)| driver).collect();
        if let (Some(driver), 1) = (drivers.first(), drivers.len()) {
            plugin.driver = Some((*driver).clone());
        }
    }
}

/// What is left, where exactly one driver that no node plugin names is called like it.
fn by_likeness(plugins: &mut [Plugin<'_>], known: &BTreeSet<&str>) {
    let named: BTreeSet<String> = plugins
        .iter()
        .filter(|plugin| plugin.role == Role::Node)
        .filter_map(|plugin| plugin.driver.clone())
        .collect();
    for plugin in plugins.iter_mut().filter(|plugin| plugin.driver.is_none()) {
        let mut like = known.iter().filter(|driver| !named.contains(**driver) && plugin.is_like(driver));
        if let (Some(driver), None) = (like.next(), like.next()) {
            (plugin.driver, plugin.guessed) = (Some((*driver).to_owned()), true);
        }
    }
}
