//! Kubelets beside the API servers, now and after each hop.

use std::collections::BTreeMap;

use super::{Context, minors, parse};
use crate::catalog::Skew;
use crate::checks::common::{link, list};
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::objects::Node;
use crate::evidence::{Reason, Unread};
use crate::version::{Minor, Version};

pub(super) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let nodes = &context.evidence.objects.nodes;
    let gaps = nodes.gaps();
    let mut findings = unknowns("KubeletVersionUnread", Severity::Blocker, &context.cluster(), &gaps);
    let mut versions: BTreeMap<Version, Vec<&Node>> = BTreeMap::new();
    for node in nodes.iter() {
        let text = &node.status.node_info.kubelet_version;
        match parse(text) {
            Some(version) => versions.entry(version).or_default().push(node),
            None => {
                let why = format!("its kubelet says {text:?}, which is no version");
                let unread = Unread::new("get", "nodes", Reason::Malformed, &why).of(&node.metadata.name);
                let subject = Subject::node(&node.metadata.name);
                findings.push(Finding::unknown("KubeletVersionUnread", Severity::Blocker, subject, &unread));
            }
        }
    }
    for (version, nodes) in &versions {
        findings.extend(judge(context, version, nodes));
    }
    let weighs = |finding: &Finding| finding.severity < Severity::Notice;
    if gaps.is_empty() && !findings.iter().any(weighs) {
        findings.push(pass(context, &versions));
    }
    findings
}

fn pass(context: &Context<'_>, versions: &BTreeMap<Version, Vec<&Node>>) -> Finding {
    let each: Vec<String> =
        versions.iter().map(|(version, nodes)| format!("{} at {version}", nodes.len())).collect();
    let message = if each.is_empty() {
        "there are no nodes".to_owned()
    } else {
        format!("kubelets: {}", list::names(&each))
    };
    Finding::new("KubeletsWithinSkew", Severity::Pass, context.cluster(), message).saw(
        format!("each may serve {}", context.target.first_hop()),
        context.evidence.objects.nodes.stamp.as_ref(),
    )
}

fn judge(context: &Context<'_>, version: &Version, nodes: &[&Node]) -> Vec<Finding> {
    let target = context.target;
    let hop = target.first_hop();
    let skew = |server: Minor| context.skew("kubelet", "kube-apiserver", version.minor(), server);
    let each = |code: &str, severity, message: String, why: &str| -> Vec<Finding> {
        let of = |node: &&Node| {
            one(
                context,
                node,
                version,
                Finding::new(code, severity, Subject::node(&node.metadata.name), message.clone()).why(why),
            )
        };
        nodes.iter().map(of).collect()
    };
    match skew(hop) {
        Skew::TooOld(distance) => {
            let message = format!("its kubelet {version} is {} behind {hop}", minors(distance));
            let older =
                context.catalog.skew_rule("kubelet", "kube-apiserver", hop).map_or(0, |rule| rule.older);
            let why = format!(
                "A kubelet may be {} older than the API servers, which would be {hop}; kubeadm \
                     refuses the hop (unless forced).",
                minors(older)
            );
            return each("KubeletTooOld", Severity::Blocker, message, &why);
        }
        Skew::TooNew(distance) => {
            let message = format!("its kubelet {version} is {} ahead of {hop}", minors(distance));
            return each(
                "KubeletTooNew",
                Severity::Blocker,
                message,
                "A kubelet may not be newer than an API server, and would still be so after the hop.",
            );
        }
        Skew::OtherMajor => {
            let message = format!("its kubelet {version} is of another major version than {hop}");
            return each(
                "KubeletTooNew",
                Severity::Blocker,
                message,
                "There is no rule by which they would work together.",
            );
        }
        Skew::Within => {}
    }
    let mut findings = Vec::new();
    if let Skew::TooNew(distance) = skew(target.from.minor()) {
        let message = format!(
            "its kubelet {version} is {} ahead of the oldest API server, {}",
            minors(distance),
            target.from
        );
        findings.extend(each(
            "KubeletTooNew",
            Severity::Warning,
            message,
            "A kubelet may not be newer than an API server that it can reach. The hop mends it.",
        ));
    }
    findings.extend(behind(context, version, nodes));
    // Later hops: the first that it could not go with, said once for all nodes of this version.
    let too_old = |minor: &&Minor| matches!(skew(**minor), Skew::TooOld(_));
    if let Some(minor) = target.hops().iter().find(too_old) {
        let names: Vec<&str> = nodes.iter().map(|node| node.metadata.name.as_str()).collect();
        let message = format!(
            "kubelet {version} on {} is too old for {minor}: a blocker at {minor} unless \
                 upgraded on the way",
            list::names(&names)
        );
        findings.push(
            Finding::new(
                "KubeletTooOld",
                Severity::Warning,
                Subject::thing("Kubelet", &version.to_string()),
                message,
            )
            .why(
                "The order of an upgrade has the kubelets go with each hop; this says what follows \
                     if they do not.",
            )
            .saw(
                format!("nodeInfo.kubeletVersion is v{version}"),
                context.evidence.objects.nodes.stamp.as_ref(),
            )
            .link(link::SKEW),
        );
    }
    findings
}

/// Kubelets that an upgrade of the API servers has left behind: it looks as if the next hop were due, and the last is not over.
fn behind(context: &Context<'_>, version: &Version, nodes: &[&Node]) -> Option<Finding> {
    let target = context.target;
    let from = &target.from;
    if version.minor() >= from.minor() || target.hops().is_empty() {
        return None;
    }
    let names: Vec<&str> = nodes.iter().map(|node| node.metadata.name.as_str()).collect();
    let message =
        format!("kubelet {version} on {} is behind the API servers, at {from}", list::names(&names));
    let why = format!(
        "An upgrade to {} is not over there, or it left them out. The hop to {} would take their kubelets over {}.",
        from.minor(),
        target.first_hop(),
        minors(target.first_hop().minor.saturating_sub(version.minor)),
    );
    Some(
        Finding::new(
            "KubeletsBehind",
            Severity::Notice,
            Subject::thing("Kubelet", &version.to_string()),
            message,
        )
        .why(why)
        .saw(format!("nodeInfo.kubeletVersion is v{version}"), context.evidence.objects.nodes.stamp.as_ref())
        .remedy(
            "Finish that upgrade first; the plan says what is left of it.",
            [format!("kubelift plan --target {from}")],
        )
        .link(link::SKEW),
    )
}

fn one(context: &Context<'_>, node: &Node, version: &Version, finding: Finding) -> Finding {
    let finding = finding
        .saw(
            format!("nodeInfo.kubeletVersion is {}", node.status.node_info.kubelet_version),
            context.evidence.objects.nodes.stamp.as_ref(),
        )
        .link(link::SKEW);
    if finding.code != "KubeletTooOld" {
        return finding;
    }
    let next = version.minor().next();
    finding.remedy(
        format!(
            "Bring the kubelet up one minor at a time, to {next} first: with the packages of \
             that minor, the node drained.",
        ),
        [
            "kubeadm upgrade node".to_owned(),
            "systemctl daemon-reload && systemctl restart kubelet".to_owned(),
        ],
    )
}
