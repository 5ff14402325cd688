//! What kubeadm believes of the cluster, and which kubeadm is on the nodes.

use std::collections::BTreeMap;

use super::{Context, Maker, parse};
use crate::checks::common::facts::{UnreadFacts, unseen};
use crate::checks::common::{config_map, kubeadm, link, list, scope};
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::{Reason, Stamp, Unread};
use crate::version::{Minor, Version};

pub(super) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = vec![configuration(context)];
    findings.extend(programs(context));
    findings
}

/// kubeadm-config beside the API servers.
fn configuration(context: &Context<'_>) -> Finding {
    match kubeadm::configuration(context.evidence) {
        Ok((config, stamp)) => {
            let text = config.kubernetes_version.as_str();
            beside_servers(context, text)
                .saw(format!("kubernetesVersion: {text}"), Some(stamp))
                .link(link::KUBEADM_UPGRADE)
        }
        Err(unread) => match context.maker() {
            Maker::Kubeadm if unread.reason == Reason::Absent => missing(&unread),
            maker if unread.reason == Reason::Absent => not_kubeadm(context, maker, &unread),
            maker => Finding::unknown("KubeadmConfigUnread", maker.could_hide(), its_config(), &unread),
        },
    }
}

fn its_config() -> Subject {
    config_map::subject("kubeadm-config")
}

fn missing(unread: &Unread) -> Finding {
    Finding::new(
        "KubeadmConfigMissing",
        Severity::Blocker,
        its_config(),
        "there is no kubeadm-config, which every kubeadm upgrade begins by reading",
    )
    .saw(unread.to_string(), None)
    .remedy(
        "Upload the configuration that the cluster was made with.",
        ["kubeadm init phase upload-config kubeadm --config CONFIG.yaml".to_owned()],
    )
    .link(link::KUBEADM_UPGRADE)
}

fn not_kubeadm(context: &Context<'_>, maker: Maker, unread: &Unread) -> Finding {
    let could_be = if maker == Maker::Hidden { ", as far as can be seen" } else { "" };
    Finding::new(
        "NotKubeadm",
        Severity::Warning,
        its_config(),
        format!(
            "nothing shows that kubeadm made this cluster{could_be}: what is said of the upgrade is said of the API"
        ),
    )
    .saw(unread.to_string(), None)
    .saw(
        "no node has the label of a control plane, and no static pod of kube-apiserver is shown",
        context.evidence.objects.nodes.stamp.as_ref(),
    )
}

/// What `kubernetesVersion` says of the last upgrade.
fn beside_servers(context: &Context<'_>, text: &str) -> Finding {
    let from = &context.target.from;
    match parse(text) {
        None => Finding::new(
            "KubeadmConfigVersion",
            Severity::Warning,
            its_config(),
            format!("kubernetesVersion is {text:?}, which is no version"),
        )
        .why(
            "kubeadm writes the version of the last upgrade there, and `kubeadm upgrade node` takes it from there.",
        ),
        Some(version) if version == *from => Finding::new(
            "KubeadmConfigAgrees",
            Severity::Pass,
            its_config(),
            format!("kubeadm-config says {version}, as the API servers do"),
        ),
        Some(version) if version > *from => ahead_of_servers(context, &version),
        Some(version) => Finding::new(
            "KubeadmConfigVersion",
            Severity::Warning,
            its_config(),
            format!("kubeadm-config says {version}, and the API servers are at {from}"),
        )
        .why(
            "An upgrade did not get to its end, or was done by hand: what else kubeadm writes at the end, its other \
             ConfigMaps and rights, may be old too.",
        ),
    }
}

fn ahead_of_servers(context: &Context<'_>, version: &Version) -> Finding {
    let newest = context.evidence.servers.versions().map(|(_, version)| version).max();
    let under_way = newest.is_some_and(|newest| newest >= version);
    let (severity, what) = if under_way {
        (Severity::Notice, "an upgrade is under way")
    } else {
        (Severity::Warning, "no API server is at that version")
    };
    let from = &context.target.from;
    Finding::new(
        "KubeadmConfigVersion",
        severity,
        its_config(),
        format!("kubeadm-config says {version}, and the oldest API server is {from}: {what}"),
    )
    .why(
        "`kubeadm upgrade apply` writes it at its end, so the first control plane has been upgraded, or was meant \
         to be.",
    )
}

/// kubeadm on the nodes. That it is still the old one is where every upgrade begins.
fn programs(context: &Context<'_>) -> Vec<Finding> {
    let hop = context.target.first_hop();
    let mut unread = UnreadFacts::default();
    let mut versions: BTreeMap<Version, usize> = BTreeMap::new();
    let mut findings = Vec::new();
    for node in context.evidence.objects.nodes.iter().filter(|node| node.is_linux()) {
        let name = node.metadata.name.as_str();
        let (facts, stamp) = match context.evidence.facts_of(name) {
            Ok(facts) => facts,
            Err(why) => {
                unread.add(name, &why, Severity::Warning, None);
                continue;
            }
        };
        let program = facts.kubeadm.as_ref();
        let version = program.and_then(|program| program.version.as_ref());
        match (version.and_then(|text| parse(text)), program) {
            (Some(version), _) => {
                findings.extend(too_new(name, &version, hop, stamp));
                *versions.entry(version).or_default() += 1;
            }
            (None, Some(program)) if program.path.is_none() => findings.push(absent(name, stamp)),
            _ => {
                let why = facts.why_unread("kubeadm").unwrap_or("kubeadm does not say its version");
                unread.add(name, &unseen(facts, name, "kubeadm", why), Severity::Warning, None);
            }
        }
    }
    findings.extend(unread.findings("KubeadmVersionUnread", |_| {
        "kubeadm on a node must be of the hop before it is used there.".to_owned()
    }));
    if unread.left_out {
        findings.push(scope::left_out(context.evidence, "the version of kubeadm on the nodes"));
    } else if findings.is_empty() && context.evidence.objects.nodes.is_complete() {
        findings.push(pass(context, &versions));
    }
    findings
}

/// Ahead of the hop: it must be taken back before the step that uses it.
fn too_new(node: &str, version: &Version, hop: Minor, stamp: &Stamp) -> Option<Finding> {
    if version.minor() <= hop {
        return None;
    }
    let message = format!("its kubeadm {version} is newer than {hop}: it upgrades to its own minor only");
    Some(
        Finding::new("KubeadmTooNew", Severity::Warning, Subject::node(node), message)
            .why("The package step of the upgrade installs the kubeadm of the hop, which here takes it back.")
            .saw(format!("kubeadm version says {version}"), Some(stamp))
            .link(link::KUBEADM_UPGRADE),
    )
}

fn absent(node: &str, stamp: &Stamp) -> Finding {
    let message = "there is no kubeadm on it: the upgrade has to install it";
    Finding::new("KubeadmAbsent", Severity::Notice, Subject::node(node), message)
        .saw("no program kubeadm in the usual folders", Some(stamp))
}

/// `nodes` says how many have each version.
fn pass(context: &Context<'_>, nodes: &BTreeMap<Version, usize>) -> Finding {
    let each: Vec<String> = nodes.iter().map(|(version, nodes)| format!("{nodes} at {version}")).collect();
    let message = format!("kubeadm on the nodes: {}", list::names(&each));
    Finding::new("KubeadmVersions", Severity::Pass, context.cluster(), message)
}
