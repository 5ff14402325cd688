//! Each CSI driver: where it is registered, which versions of it run, and whether anything that is in use lacks it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::plugins::{Plugin, Role, plugins};
use crate::checks::common::image::Image;
use crate::checks::common::{link, list, shell};
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::{Evidence, Stamp};

/// Everything that is known of drivers, by name.
pub(super) struct Drivers<'a> {
    evidence: &'a Evidence,
    /// The nodes where each is registered.
    pub(super) registered: BTreeMap<&'a str, BTreeSet<&'a str>>,
    objects: BTreeSet<&'a str>,
    plugins: Vec<Plugin<'a>>,
}

impl<'a> Drivers<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let objects = &evidence.objects;
        let mut registered: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for csi_node in objects.csi_nodes.iter() {
            for driver in &csi_node.spec.drivers {
                registered.entry(&driver.name).or_default().insert(&csi_node.metadata.name);
            }
        }
        let driver_objects: BTreeSet<&str> =
            objects.csi_drivers.iter().map(|driver| driver.metadata.name.as_str()).collect();
        let known: BTreeSet<&str> = registered
            .keys()
            .copied()
            .chain(driver_objects.iter().copied())
            .chain(in_volumes(evidence))
            .collect();
        let plugins = plugins(evidence, &known);
        Self { evidence, registered, objects: driver_objects, plugins }
    }

    /// Every driver that anything names.
    fn all(&self) -> BTreeSet<&str> {
        let plugins = self.plugins.iter().filter_map(|plugin| plugin.driver.as_deref());
        self.registered
            .keys()
            .copied()
            .chain(self.objects.iter().copied())
            .chain(in_volumes(self.evidence))
            .chain(plugins)
            .collect()
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for driver in self.all() {
            findings.extend(self.judge(driver));
        }
        for plugin in
            self.plugins.iter().filter(|plugin| plugin.driver.is_none() && plugin.role == Role::Node)
        {
            findings.push(
                Finding::new(
                    "CsiPluginUnmatched",
                    Severity::Notice,
                    plugin.owner.clone(),
                    "it is a node plugin; which driver it is of is not shown",
                )
                .saw(
                    "a flag --kubelet-registration-path, and no folder or flag that names a driver",
                    self.stamp(),
                ),
            );
        }
        findings
    }

    fn stamp(&self) -> Option<&'a Stamp> {
        self.evidence.objects.csi_nodes.stamp.as_ref()
    }

    fn judge(&self, driver: &str) -> Vec<Finding> {
        let objects = &self.evidence.objects;
        let nodes = self.registered.get(driver).cloned().unwrap_or_default();
        let plugins: Vec<&Plugin<'_>> =
            self.plugins.iter().filter(|plugin| plugin.driver.as_deref() == Some(driver)).collect();
        let mut findings = Vec::new();
        if objects.csi_nodes.is_complete() {
            findings.extend(self.absent(driver, &nodes, &plugins));
            findings.extend(self.not_registered(driver, &nodes, &plugins));
        }
        if objects.csi_drivers.is_complete() && !nodes.is_empty() && !self.objects.contains(driver) {
            let message = format!(
                "it is registered on {}, and there is no CSIDriver of that name",
                list::count(nodes.len(), "node")
            );
            findings.push(
                Finding::new("CsiDriverObjectMissing", Severity::Warning, subject(driver), message)
                    .why(
                        "Without it Kubernetes assumes that volumes have to be attached and that the driver \
                         wants nothing to know of pods.",
                    )
                    .saw("the CSIDrivers", objects.csi_drivers.stamp.as_ref())
                    .remedy("Apply the driver's manifests again.", [])
                    .link(link::VOLUMES),
            );
        }
        findings.extend(versions(self.evidence, driver, &plugins));
        if findings.is_empty() && objects.csi_nodes.is_complete() && objects.pods.is_complete() {
            findings.push(self.pass(driver, &nodes, &plugins));
        }
        findings
    }

    /// A driver that is registered nowhere: left over, or in use all the same.
    fn absent(&self, driver: &str, nodes: &BTreeSet<&str>, plugins: &[&Plugin<'_>]) -> Option<Finding> {
        if !nodes.is_empty() {
            return None;
        }
        let users = Users::of(self.evidence, driver);
        let finding = match users.is_nobody() {
            false => nowhere(driver, users.pods.len()),
            true if plugins.is_empty() => left_over(driver),
            true => return None,
        };
        Some(users.prove(finding.saw("no CSINode names it", self.stamp()).link(link::VOLUMES), self.evidence))
    }

    /// Nodes where its plugin's pod is, and the kubelet knows no such driver.
    fn not_registered(
        &self,
        driver: &str,
        registered: &BTreeSet<&str>,
        plugins: &[&Plugin<'_>],
    ) -> Option<Finding> {
        let on_nodes =
            plugins.iter().filter(|plugin| plugin.role == Role::Node).flat_map(|plugin| &plugin.pods);
        let without: BTreeSet<&str> = on_nodes
            .filter(|pod| !pod.spec.node_name.is_empty() && !registered.contains(pod.spec.node_name.as_str()))
            .map(|pod| pod.spec.node_name.as_str())
            .collect();
        let names: Vec<&str> = without.iter().copied().collect();
        (!names.is_empty()).then(|| {
            let message = format!(
                "its node plugin is on {}, and the driver is not registered there",
                list::names(&names)
            );
            let mut finding = Finding::new("CsiNotRegistered", Severity::Warning, subject(driver), message)
                .why(
                    "Pods with its volumes that a drain moves there wait for a volume that cannot be \
                     mounted.",
                )
                .saw(
                    format!("CSINodes: registered on {}", list::count(registered.len(), "node")),
                    self.stamp(),
                )
                .link(link::VOLUMES);
            let pods = plugins
                .iter()
                .flat_map(|plugin| &plugin.pods)
                .filter(|pod| without.contains(pod.spec.node_name.as_str()));
            for pod in pods.take(5) {
                let ready = if pod.is_ready() { "ready" } else { "not ready" };
                finding = finding.saw(
                    format!("{} on {} is {ready}", pod.metadata.name, pod.spec.node_name),
                    self.evidence.objects.pods.stamp.as_ref(),
                );
            }
            let command = plugins
                .iter()
                .flat_map(|plugin| &plugin.pods)
                .find(|pod| without.contains(pod.spec.node_name.as_str()));
            let command = command.map(|pod| {
                shell::kubectl(
                    &pod.metadata.namespace,
                    &["logs", &pod.metadata.name, "--all-containers", "--tail=50"],
                )
            });
            finding.remedy("See why its pod there does not register it.", command)
        })
    }

    fn pass(&self, driver: &str, nodes: &BTreeSet<&str>, plugins: &[&Plugin<'_>]) -> Finding {
        let of = |role| {
            let of_role = plugins.iter().filter(|plugin| plugin.role == role);
            let images: BTreeSet<&str> =
                of_role.clone().flat_map(|plugin| plugin.images().into_keys()).map(tag).collect();
            let count: usize = of_role.map(|plugin| plugin.pods.len()).sum();
            (list::names(&images.into_iter().collect::<Vec<_>>()), count)
        };
        let ((node, on_nodes), (controller, controllers)) = (of(Role::Node), of(Role::Controller));
        let pods = match (on_nodes, controllers) {
            (0, 0) => "none of its pods is shown".to_owned(),
            (_, 0) => format!("{node} on {}", list::count(on_nodes, "node")),
            (0, _) => format!("{controller} on {}", list::count(controllers, "controller")),
            _ => format!(
                "{node} on {} and {controller} on {}",
                list::count(on_nodes, "node"),
                list::count(controllers, "controller")
            ),
        };
        let message = format!("{pods}; registered on {}", list::count(nodes.len(), "node"));
        let pass = Finding::new("CsiDriverAgrees", Severity::Pass, subject(driver), message)
            .saw("CSINodes", self.stamp());
        if plugins.iter().any(|plugin| plugin.guessed) { pass.inferred() } else { pass }
    }
}

fn runs(pods: usize) -> String {
    if pods == 1 { "1 pod runs".to_owned() } else { format!("{pods} pods run") }
}

/// A driver that is in use, by `pods` that run or else by volumes and classes only.
fn nowhere(driver: &str, pods: usize) -> Finding {
    let finding = if pods > 0 {
        let message = format!("{} with its volumes, and it is registered on no node", runs(pods));
        Finding::new("CsiDriverNowhere", Severity::Blocker, subject(driver), message).why(
            "What is mounted stays so. A pod that is drained away is made again, and waits for a volume that no node \
             can mount.",
        )
    } else {
        let message = "volumes or classes name it, and it is registered on no node";
        Finding::new("CsiDriverNowhere", Severity::Warning, subject(driver), message)
    };
    finding.remedy("Bring the driver's node plugins back, or move the data, before nodes are drained.", [])
}

/// A driver of which only the CSIDriver is there.
fn left_over(driver: &str) -> Finding {
    let message = "it is registered on no node, and nothing uses it";
    Finding::new("CsiDriverLeftOver", Severity::Notice, subject(driver), message).remedy(
        "Delete it, if the driver is not to come back.",
        [shell::kubectl("", &["delete", "csidriver", driver])],
    )
}

/// What needs a driver, by name.
struct Users {
    pods: Vec<String>,
    volumes: Vec<String>,
    classes: Vec<String>,
}

impl Users {
    fn of(evidence: &Evidence, driver: &str) -> Self {
        let volumes = evidence.objects.persistent_volumes.iter();
        let classes = evidence.objects.storage_classes.iter();
        Self {
            pods: pods_with(evidence, driver),
            volumes: volumes
                .filter(|volume| volume.spec.csi.as_ref().is_some_and(|source| source.driver == driver))
                .map(|volume| volume.metadata.name.to_string())
                .collect(),
            classes: classes
                .filter(|class| class.provisioner == driver)
                .map(|class| class.metadata.name.to_string())
                .collect(),
        }
    }

    fn is_nobody(&self) -> bool {
        self.pods.is_empty() && self.volumes.is_empty() && self.classes.is_empty()
    }

    fn prove(&self, finding: Finding, evidence: &Evidence) -> Finding {
        let objects = &evidence.objects;
        [
            ("running pods", &self.pods, objects.pods.stamp.as_ref()),
            ("PersistentVolumes", &self.volumes, objects.persistent_volumes.stamp.as_ref()),
            ("StorageClasses", &self.classes, objects.storage_classes.stamp.as_ref()),
        ]
        .into_iter()
        .filter(|(_, names, _)| !names.is_empty())
        .fold(finding, |finding, (what, names, stamp)| {
            finding.saw(format!("{what}: {}", list::names(names)), stamp)
        })
    }
}

/// Drivers that volumes name.
fn in_volumes(evidence: &Evidence) -> impl Iterator<Item = &str> {
    evidence
        .objects
        .persistent_volumes
        .iter()
        .filter_map(|volume| Some(volume.spec.csi.as_ref()?.driver.as_str()))
}

/// The running pods that have a volume of a driver, inline or by a claim.
fn pods_with(evidence: &Evidence, driver: &str) -> Vec<String> {
    let claims: HashSet<(&str, &str)> = evidence
        .objects
        .persistent_volumes
        .iter()
        .filter(|volume| volume.spec.csi.as_ref().is_some_and(|source| source.driver == driver))
        .filter_map(|volume| {
            Some((
                volume.spec.claim_ref.as_ref()?.namespace.as_str(),
                volume.spec.claim_ref.as_ref()?.name.as_str(),
            ))
        })
        .collect();
    let running = evidence.objects.pods.iter().filter(|pod| pod.status.phase == "Running");
    let has = running.filter(|pod| {
        pod.spec.volumes.iter().any(|volume| {
            let inline = volume.csi.as_ref().is_some_and(|source| source.driver == driver);
            let claim = volume
                .persistent_volume_claim
                .as_ref()
                .map(|claim| (pod.metadata.namespace.as_str(), claim.claim_name.as_str()));
            inline || claim.is_some_and(|claim| claims.contains(&claim))
        })
    });
    has.map(|pod| format!("{}/{}", pod.metadata.namespace, pod.metadata.name)).collect()
}

/// The versions of a driver's own images beside each other.
fn versions(evidence: &Evidence, driver: &str, plugins: &[&Plugin<'_>]) -> Option<Finding> {
    // By repository: a pod may hold several images of a driver, which are not versions of each other.
    let mut repositories: BTreeMap<&str, BTreeMap<&str, (BTreeSet<&str>, usize)>> = BTreeMap::new();
    for plugin in plugins {
        for (image, pods) in plugin.images() {
            let tags = repositories.entry(Image::of(image).repository).or_default();
            let (nodes, controllers) = tags.entry(tag(image)).or_default();
            match plugin.role {
                Role::Node => nodes.extend(pods.iter().map(|pod| pod.spec.node_name.as_str())),
                Role::Controller => *controllers += pods.len(),
            }
        }
    }
    let (repository, tags) = repositories.into_iter().find(|(_, tags)| tags.len() > 1)?;
    let each = |(tag, (nodes, controllers)): (&&str, &(BTreeSet<&str>, usize))| {
        let nodes: Vec<&str> = nodes.iter().copied().collect();
        let mut of = Vec::new();
        if *controllers > 0 {
            of.push(list::count(*controllers, "controller"));
        }
        if !nodes.is_empty() {
            of.push(list::names(&nodes));
        }
        format!("{tag} on {}", of.join(" and "))
    };
    let each: Vec<String> = tags.iter().map(each).collect();
    let mut finding = Finding::new(
        "CsiVersionsDisagree",
        Severity::Warning,
        subject(driver),
        format!("versions disagree: {}", list::names(&each)),
    )
    .why(
        "A CSIDriver has no version: its pods' images have. A rollout that stopped half-way \
             shows up as mounts that fail on some nodes only.",
    )
    .remedy(
        "Finish the rollout. Where the update strategy is OnDelete, delete the pods that \
             were left.",
        [],
    );
    for saw in each {
        finding = finding.saw(format!("{repository}: {saw}"), evidence.objects.pods.stamp.as_ref());
    }
    Some(if plugins.iter().any(|plugin| plugin.guessed) { finding.inferred() } else { finding })
}

/// What tells two images of a repository apart: the tag, or all of the reference where there is none.
fn tag(image: &str) -> &str {
    Image::of(image).tag.unwrap_or(image)
}

fn subject(driver: &str) -> Subject {
    Subject::object("storage.k8s.io/v1", "CSIDriver", "", driver)
}
