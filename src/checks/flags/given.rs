//! What the components are given: flags and feature gates, by whom, and whether the upgrade keeps them.
//!
//! Source: k8s.io/kubernetes cmd/kubeadm/app/phases/upgrade/{staticpods,postupgrade}.go and phases/addons/proxy, 1.31.14
//! and 1.37.2: manifests are written anew from kubeadm-config, config.yaml of each node from kubelet-config, kube-proxy's
//! from its own ConfigMap; kubeadm-flags.env, unit and drop-ins stay.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::checks::common::config_map::{self, Document};
use crate::checks::common::kubeadm::{ClusterConfiguration, Component, ExtraArgs};
use crate::checks::common::kubelet_config::KubeletConfiguration;
use crate::checks::common::static_pods;
use crate::checks::{Remedy, Subject};
use crate::evidence::node_facts::{FlagSource, NodeFacts};
use crate::evidence::objects::Pod;
use crate::evidence::{Evidence, Reason, Stamp, Unread};

/// The flag that sets feature gates.
const GATES: &str = "feature-gates";

/// The file into which kubeadm writes the kubelet's flags, and which it may mend.
const FLAGS_ENV: &str = "/kubeadm-flags.env";

/// A flag or a feature gate that is set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Setting {
    /// A flag, without dashes, and its value where it has one.
    Flag(String, Option<String>),
    /// A feature gate and its value; `None` for one that was masked, or is no truth value.
    Gate(String, Option<bool>),
}

/// Whether the component of the next minor is given something too, unless somebody mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stays {
    /// The upgrade keeps it, or writes it anew.
    Yes,
    /// Only a patch brings it back.
    No,
    /// What decides was not read.
    Unknown,
}

/// Where a component is given something.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// `kube-apiserver`
    pub(super) component: &'static str,
    /// The object, or the node.
    pub(super) subject: Subject,
    /// In words: `apiServer.extraArgs of kubeadm-config`.
    pub(super) name: String,
    /// What it gives, sorted.
    pub(super) settings: Vec<Setting>,
    /// Whether the upgrade keeps it.
    pub(super) stays: Stays,
    /// Whether kubeadm takes out what it knows to be gone.
    pub(super) of_kubeadm: bool,
    /// How it is mended.
    pub(super) remedy: Remedy,
    /// When it was seen.
    pub(super) stamp: Option<&'a Stamp>,
}

/// What kubeadm's configuration gives the control plane.
pub(super) fn configured<'a>(config: &ClusterConfiguration, stamp: &'a Stamp) -> Vec<Place<'a>> {
    let parts = [
        ("kube-apiserver", "apiServer", &config.api_server),
        ("kube-controller-manager", "controllerManager", &config.controller_manager),
        ("kube-scheduler", "scheduler", &config.scheduler),
    ];
    let place = |(component, part, of): (&'static str, &str, &Option<Component>)| Place {
        component,
        subject: config_map::subject("kubeadm-config"),
        name: format!("{part}.extraArgs of the ConfigMap kubeadm-config"),
        settings: settings(of.iter().flat_map(|of| extra_args(&of.extra_args))),
        stays: Stays::Yes,
        of_kubeadm: false,
        remedy: edit("kubeadm-config", &format!("Take it out of {part}.extraArgs")),
        stamp: Some(stamp),
    };
    parts.into_iter().map(place).collect()
}

/// What the control plane runs with beside what is `configured`: by hand or by a patch, where that was read.
pub(super) fn running<'a>(evidence: &'a Evidence, configured: Option<&[Place<'_>]>) -> Vec<Place<'a>> {
    let pods = &evidence.objects.pods;
    let place = |component: &'static str, pod: &'a Pod| {
        let known = |setting: &Setting| {
            configured
                .iter()
                .copied()
                .flatten()
                .any(|place| place.component == component && place.settings.contains(setting))
        };
        let flags = pod.spec.containers.iter().flat_map(|container| container.flags());
        let flags = flags.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        let mut settings = settings(flags);
        settings.retain(|setting| !known(setting));
        Place {
            component,
            subject: static_pods::subject(pod),
            name: if configured.is_some() { "its manifest alone" } else { "its manifest" }.to_owned(),
            settings,
            stays: if configured.is_some() { Stays::No } else { Stays::Unknown },
            of_kubeadm: false,
            remedy: Remedy {
                summary: format!(
                    "Look into the patches that are given to kubeadm, and into \
                     /etc/kubernetes/manifests/{component}.yaml."
                ),
                commands: Vec::new(),
            },
            stamp: pods.stamp.as_ref(),
        }
    };
    static_pods::VERSIONED
        .into_iter()
        .flat_map(|component| static_pods::of(pods, component).map(move |pod| place(component, pod)))
        .collect()
}

/// What the kubelets' configuration turns on and off.
pub(super) fn of_kubelets<'a>(config: &KubeletConfiguration, stamp: &'a Stamp) -> Place<'a> {
    Place {
        component: "kubelet",
        subject: config_map::subject("kubelet-config"),
        name: "featureGates of the ConfigMap kubelet-config".to_owned(),
        settings: gates(&config.feature_gates),
        stays: Stays::Yes,
        of_kubeadm: false,
        remedy: edit("kubelet-config", "Take it out of featureGates"),
        stamp: Some(stamp),
    }
}

/// What kube-proxy's configuration turns on and off; `None` where there is none.
///
/// # Errors
/// Why it was not read.
pub(super) fn of_kube_proxy(evidence: &Evidence) -> Result<Option<Place<'_>>, Unread> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct KubeProxyConfiguration {
        feature_gates: Option<BTreeMap<String, bool>>,
    }
    const NAME: &str = "kube-proxy";
    const DOCUMENT: Document =
        Document { config_map: NAME, key: "config.conf", called: "document config.conf" };
    let (config, stamp) = match DOCUMENT.parsed::<Option<KubeProxyConfiguration>>(evidence) {
        Ok(read) => read,
        Err(absent) if absent.reason == Reason::Absent => return Ok(None),
        Err(why) => return Err(why),
    };
    Ok(Some(Place {
        component: NAME,
        subject: config_map::subject(NAME),
        name: "featureGates of the ConfigMap kube-proxy".to_owned(),
        settings: gates(&config.unwrap_or_default().feature_gates.unwrap_or_default()),
        stays: Stays::Yes,
        of_kubeadm: false,
        remedy: edit(NAME, "Take it out of featureGates"),
        stamp: Some(stamp),
    }))
}

/// What a machine gives its kubelet: each file that does, and the process where no file explains what it has.
pub(super) fn on_machine<'a>(node: &str, facts: &NodeFacts, stamp: &'a Stamp) -> Vec<Place<'a>> {
    let sources = facts.kubelet.iter().flat_map(|kubelet| &kubelet.flag_sources);
    let (process, files): (Vec<_>, Vec<_>) = sources.partition(|source| &*source.kind == "process");
    let of = |source: &FlagSource| {
        let flags = source.flags.iter();
        settings(flags.map(|flag| (flag.name.to_string(), flag.value.as_deref().map(str::to_owned))))
    };
    let in_files: BTreeSet<Setting> = files.iter().flat_map(|file| of(file)).collect();
    let place = |source: &FlagSource, only_unexplained: bool| {
        let mut settings = of(source);
        settings.retain(|setting| !(only_unexplained && in_files.contains(setting)));
        let name = if only_unexplained { "its command line".to_owned() } else { source.path.to_string() };
        Place {
            component: "kubelet",
            subject: Subject::node(node),
            settings,
            stays: Stays::Yes,
            of_kubeadm: source.path.ends_with(FLAGS_ENV),
            remedy: Remedy {
                summary: format!(
                    "Take it out of {name} on {node} before its kubelet is upgraded; it comes into effect when \
                     the kubelet is started again."
                ),
                commands: Vec::new(),
            },
            name,
            stamp: Some(stamp),
        }
    };
    let files = files.iter().map(|file| place(file, false));
    files.chain(process.iter().map(|process| place(process, true))).collect()
}

fn edit(name: &str, what: &str) -> Remedy {
    Remedy {
        summary: format!("{what} of the ConfigMap {name} before the upgrade."),
        commands: vec![format!("kubectl -n kube-system edit configmap {name}")],
    }
}

fn extra_args(args: &ExtraArgs) -> impl Iterator<Item = (String, Option<String>)> + '_ {
    args.0.iter().map(|arg| (arg.name.clone(), Some(arg.value.clone())))
}

fn gates(gates: &BTreeMap<String, bool>) -> Vec<Setting> {
    gates.iter().map(|(gate, value)| Setting::Gate(gate.clone(), Some(*value))).collect()
}

/// Flags as settings, sorted: those that set gates are taken apart.
fn settings(flags: impl Iterator<Item = (String, Option<String>)>) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    for (name, value) in flags {
        // The components take both (k8s.io/component-base cli/flag `WordSepNormalizeFunc`).
        let name = name.replace('_', "-");
        if name == GATES {
            let gates = value.as_deref().unwrap_or_default().split(',').filter_map(|entry| {
                let (gate, value) = entry.split_once('=')?;
                Some(Setting::Gate(gate.trim().to_owned(), boolean(value.trim())))
            });
            settings.extend(gates);
        } else {
            settings.push(Setting::Flag(name, value));
        }
    }
    settings.sort();
    settings.dedup();
    settings
}

/// A truth value as Go's strconv.ParseBool reads it.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
