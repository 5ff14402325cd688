//! One machine: what is on its disk, and what runs there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{HostError, UnitState};
use crate::sim::SimError;
use crate::sim::api::merge;
use crate::sim::build::{self, Addresses};
use crate::sim::clock;
use crate::sim::scenario::{Script, TroubleSpec};
use crate::sim::state::Members;
use crate::version::{Minor, Version};

/// What etcd's inside is to the probe, in the order of its document.
const INSIDE: [&str; 5] = ["members", "status", "alarms", "health", "metrics"];

/// A file that a line of shell may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum File {
    /// A text, such as a list of repositories.
    Text(String),
    /// A snapshot of etcd: its size in bytes.
    Snapshot(u64),
    /// Anything else.
    Other,
}

/// A static pod: what its file says, and whether the kubelet has looked at it.
#[derive(Debug, Clone)]
pub(crate) struct StaticPod {
    /// The manifest on the disk.
    pub(crate) manifest: Value,
    /// The file's time.
    pub(crate) modified: Timestamp,
    /// Whether what runs is still the manifest before.
    pub(crate) stale: bool,
}

/// A machine.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Whether it runs a control plane.
    pub(crate) control_plane: bool,
    /// The probe's document, but for what is said of etcd's inside at the moment.
    pub(crate) document: Value,
    /// Files that are not in the document.
    pub(crate) files: BTreeMap<String, (File, Timestamp)>,
    /// Folders that were made.
    pub(crate) folders: BTreeSet<String>,
    /// Static pods by component.
    pub(crate) static_pods: BTreeMap<String, StaticPod>,
    /// The minor whose packages the package manager knows of.
    pub(crate) indexed: Option<Minor>,
    /// Who holds dpkg's lock: process id and program.
    pub(crate) dpkg: Option<(u32, String)>,
    /// The version of the kubelet that runs.
    pub(crate) kubelet: Version,
    /// Units by name.
    pub(crate) units: BTreeMap<String, UnitState>,
    /// What goes wrong here.
    pub(crate) trouble: TroubleSpec,
    silent: Option<(String, Option<Timestamp>)>,
}

impl Machine {
    /// The machine of a node.
    ///
    /// # Errors
    /// [`SimError::Data`], when the scenario names what there is not.
    pub(crate) fn new(script: &Script, addresses: &Addresses, name: &str) -> Result<Self, SimError> {
        let node =
            script.nodes.get(name).ok_or_else(|| SimError::data(&format!("there is no node {name}")))?;
        let pod =
            |(component, (manifest, modified))| (component, StaticPod { manifest, modified, stale: false });
        let mut machine = Self {
            control_plane: node.control_plane,
            document: build::facts(script, addresses, name)?,
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
            static_pods: build::manifests(script, addresses, name)?.into_iter().map(pod).collect(),
            indexed: None,
            dpkg: None,
            kubelet: node.kubelet.clone().unwrap_or_else(|| script.cluster.version.clone()),
            units: BTreeMap::new(),
            trouble: script.troubles.get(name).cloned().unwrap_or_default(),
            silent: node.silent.clone().map(|reason| (reason, node.silent_until)),
        };
        machine.write_lists(node.booted);
        machine.indexed = machine.listed();
        Ok(machine)
    }

    /// Whether somebody from outside gets an answer.
    ///
    /// # Errors
    /// [`HostError::Silent`]
    pub(crate) fn answers(&self, now: Timestamp) -> Result<(), HostError> {
        match &self.silent {
            Some((reason, until)) if until.is_none_or(|until| now < until) => {
                Err(HostError::Silent { node: self.text("/hostname").to_owned(), reason: reason.clone() })
            }
            _ => Ok(()),
        }
    }

    /// What the probe prints, but for the time.
    pub(crate) fn probe(&self, members: &Members) -> Value {
        let mut document = self.document.clone();
        if let Some((pid, program)) = &self.dpkg {
            let by = format!("{program} ({pid}), /var/lib/dpkg/lock-frontend");
            merge(&mut document, &json!({ "packages": { "locked": true, "lockedBy": by } }));
        }
        if self.control_plane {
            etcd_inside(&mut document, self.text("/hostname"), members);
        }
        document
    }

    /// The text at a place of the document; empty where there is none.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.document.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Merges into the document.
    pub(crate) fn merge(&mut self, patch: &Value) {
        merge(&mut self.document, patch);
    }

    /// Whether its packages are Debian's.
    pub(crate) fn is_apt(&self) -> bool {
        self.text("/packages/manager") == "apt"
    }

    /// An installed package: its version as its manager writes it, and whether it is held.
    pub(crate) fn package(&self, name: &str) -> Option<(String, bool)> {
        let installed = self.document.pointer("/packages/installed")?.as_array()?;
        let package =
            installed.iter().find(|package| package.get("name").and_then(Value::as_str) == Some(name))?;
        let version = package.get("version")?.as_str()?.to_owned();
        Some((version, package.get("held").and_then(Value::as_bool).unwrap_or_default()))
    }

    /// The version that a package of Kubernetes has, without the packager's own count.
    pub(crate) fn version_of(&self, package: &str) -> Option<Version> {
        self.package(package)?.0.split('-').next()?.parse().ok()
    }

    /// Writes a field of an installed package.
    pub(crate) fn set_package(&mut self, name: &str, field: &str, value: Value) {
        let installed = self.document.pointer_mut("/packages/installed").and_then(Value::as_array_mut);
        for package in installed.into_iter().flatten() {
            if package.get("name").and_then(Value::as_str) == Some(name) {
                merge(package, &json!({ field: value }));
            }
        }
    }

    /// What is on the disk once a package has been unpacked.
    pub(crate) fn unpacked(&mut self, name: &str, version: &str) {
        self.set_package(name, "version", json!(version));
        let program = format!("v{}", version.split('-').next().unwrap_or(version));
        match name {
            "kubeadm" => self.merge(&json!({ "kubeadm": { "version": program } })),
            // Nothing restarts it: the old one runs on, from a file that is no longer there.
            "kubelet" => self.merge(&json!({ "kubelet": {
                "version": program, "process": { "replaced": true }, "unit": { "needsReload": true } } })),
            _ => {}
        }
    }

    /// The minor that the lists name now.
    pub(crate) fn listed(&self) -> Option<Minor> {
        self.text("/packages/repositories/0/minor").parse().ok()
    }

    /// Makes the files that list repositories, from the document.
    fn write_lists(&mut self, at: Timestamp) {
        let lists = self.document.pointer("/packages/repositories").and_then(Value::as_array).cloned();
        for list in lists.into_iter().flatten() {
            let of = |field: &str| list.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            let uri = of("uri");
            let text = if self.is_apt() {
                format!("deb [signed-by=/etc/apt/keyrings/kubernetes-apt-keyring.gpg] {uri} /\n")
            } else {
                format!(
                    "[kubernetes]\nname=Kubernetes\nbaseurl={uri}\nenabled=1\ngpgcheck=1\n\
                     gpgkey={uri}repodata/repomd.xml.key\n\
                     exclude=kubelet kubeadm kubectl cri-tools kubernetes-cni\n"
                )
            };
            self.files.insert(of("path"), (File::Text(text), at));
        }
    }

    /// What a changed list says is what the probe reads.
    pub(crate) fn read_list(&mut self, path: &str) {
        let Some((File::Text(text), _)) = self.files.get(path) else { return };
        let uri = text.split(|c: char| c.is_whitespace() || c == '=').find(|word| word.contains(":/"));
        let Some(uri) = uri.map(str::to_owned) else { return };
        let minor = uri
            .split('/')
            .filter_map(|part| part.strip_prefix('v'))
            .find_map(|part| part.parse::<Minor>().ok());
        let minor = minor.map_or(Value::Null, |minor| minor.to_string().into());
        let key = text.lines().find_map(|line| line.strip_prefix("gpgkey=")).map(|key| json!([key]));
        let lists = self.document.pointer_mut("/packages/repositories").and_then(Value::as_array_mut);
        for list in lists.into_iter().flatten() {
            if list.get("path").and_then(Value::as_str) == Some(path) {
                merge(list, &json!({ "uri": uri, "minor": minor }));
                if let Some(key) = &key {
                    merge(list, &json!({ "signedBy": key }));
                }
            }
        }
    }

    /// Writes a manifest, as it is on the disk from now on.
    pub(crate) fn write_manifest(&mut self, component: &str, manifest: Value, at: Timestamp) {
        self.static_pods.insert(component.to_owned(), StaticPod { manifest, modified: at, stale: true });
        let pods: Vec<Value> =
            self.static_pods.values().map(|pod| build::static_pod(&pod.manifest, pod.modified)).collect();
        self.merge(&json!({ "staticPods": pods }));
        if component == "etcd" {
            let image = self.image("etcd");
            self.merge(&json!({ "etcd": { "image": image } }));
        }
    }

    /// An image has been pulled.
    pub(crate) fn pulled(&mut self, image: &str) {
        let images = self.document.pointer_mut("/runtime/images").and_then(Value::as_array_mut);
        if let Some(images) = images.filter(|images| !images.iter().any(|there| there == image)) {
            images.push(image.into());
        }
    }

    /// kubeadm has copied etcd's folder, which it never clears away.
    pub(crate) fn copied_etcd(&mut self) {
        let number =
            |pointer: &str| self.document.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
        let taken = number("/backups/kubeadmTmpBytes") + number("/etcd/dataBytes");
        self.merge(&json!({ "backups": { "kubeadmTmpBytes": taken } }));
    }

    /// The image in a manifest.
    pub(crate) fn image(&self, component: &str) -> String {
        let pod = self.static_pods.get(component);
        let image = pod.and_then(|pod| pod.manifest.pointer("/spec/containers/0/image")?.as_str());
        image.unwrap_or_default().to_owned()
    }

    /// Whether there is a folder: made, or seen by the probe, or one that every machine has.
    pub(crate) fn has_folder(&self, path: &str) -> bool {
        let looked = self.document.pointer("/backups/looked").and_then(Value::as_array);
        let seen = looked.into_iter().flatten().any(|entry| {
            entry.get("path").and_then(Value::as_str) == Some(path)
                && entry.get("state").and_then(Value::as_str) == Some("read")
        });
        seen || self.folders.contains(path)
            || matches!(path, "/root" | "/tmp" | "/var/tmp" | "/var/backups")
            || path == "/var/lib/etcd" && self.control_plane
    }

    /// Lists the snapshots that are where the probe looks.
    pub(crate) fn look_for_snapshots(&mut self, folder: &str) {
        let looked = self.document.pointer_mut("/backups/looked").and_then(Value::as_array_mut);
        for entry in looked.into_iter().flatten() {
            if entry.get("path").and_then(Value::as_str) == Some(folder) {
                merge(entry, &json!({ "state": "read" }));
            }
        }
        let mut found = self
            .document
            .pointer("/backups/snapshots")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        for (path, (file, modified)) in &self.files {
            let File::Snapshot(size) = file else { continue };
            let known =
                found.iter().any(|one| one.get("path").and_then(Value::as_str) == Some(path.as_str()));
            if !known && path.rsplit_once('/').is_some_and(|(parent, _)| parent == folder) {
                found.insert(0, json!({
                    "path": path, "sizeBytes": size, "modified": clock::seconds(*modified), "state": "verified",
                    "sha256": crate::sim::names::sha256(&format!("{path} {modified}")),
                }));
            }
        }
        self.merge(&json!({ "backups": { "snapshots": found } }));
    }
}

/// What the member of a machine says of itself and of the others.
fn etcd_inside(document: &mut Value, node: &str, members: &Members) {
    if members.down.contains(node) {
        let gone: serde_json::Map<String, Value> =
            INSIDE.iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
        merge(document, &json!({ "etcd": gone }));
        let mut unread = document.get("unread").and_then(Value::as_array).cloned().unwrap_or_default();
        for (what, reason) in [
            ("etcd.members", "etcd at https://127.0.0.1:2379 gave no answer"),
            ("etcd.status", "etcd at https://127.0.0.1:2379 gave no answer"),
            ("etcd.alarms", "etcd at https://127.0.0.1:2379 gave no answer"),
            ("etcd.health", "etcd at https://127.0.0.1:2379 gave no answer"),
            ("etcd.metrics", "etcd's metrics at http://127.0.0.1:2381 gave no answer"),
        ] {
            unread.push(json!({ "what": what, "reason": reason }));
        }
        merge(document, &json!({ "unread": unread }));
        return;
    }
    let leads = members.have_quorum() && members.leader == node;
    let leader = if members.have_quorum() { build::member_id(&members.leader) } else { "0".to_owned() };
    merge(
        document,
        &json!({ "etcd": {
        "status": { "leader": leader },
        "metrics": { "isLeader": leads, "hasLeader": members.have_quorum() },
    } }),
    );
    if !members.have_quorum() {
        merge(document, &json!({ "etcd": { "health": { "health": "false", "reason": "RAFT NO LEADER" } } }));
    }
}
