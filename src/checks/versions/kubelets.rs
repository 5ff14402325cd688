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

/// What is said of the nodes whose kubelet is of one version.
fn judge(context: &Context<'_>, version: &Version, nodes: &[&Node]) -> Vec<Finding> {
    let kubelets = Kubelets { context, version, nodes };
    let mut findings = kubelets.not_after_the_hop();
    // Nodes that stop the hop have that finding alone.
    if findings.is_empty() {
        findings.extend(kubelets.ahead_of_the_servers());
        findings.extend(kubelets.behind());
        findings.extend(kubelets.too_old_later());
    }
    findings
}

/// The kubelets of one version.
struct Kubelets<'a> {
    context: &'a Context<'a>,
    version: &'a Version,
    nodes: &'a [&'a Node],
}

impl Kubelets<'_> {
    /// Those that could not go on with API servers of the first hop.
    fn not_after_the_hop(&self) -> Vec<Finding> {
        let (version, hop) = (self.version, self.context.target.first_hop());
        match self.beside_servers(hop) {
            Skew::TooOld(distance) => {
                let message = format!("its kubelet {version} is {} behind {hop}", minors(distance));
                let rule = self.context.catalog.skew_rule("kubelet", "kube-apiserver", hop);
                let why = format!(
                    "A kubelet may be {} older than the API servers, which would be {hop}; kubeadm refuses the hop \
                     (unless forced).",
                    minors(rule.map_or(0, |rule| rule.older))
                );
                self.each("KubeletTooOld", Severity::Blocker, &message, &why)
            }
            Skew::TooNew(distance) => self.each(
                "KubeletTooNew",
                Severity::Blocker,
                &format!("its kubelet {version} is {} ahead of {hop}", minors(distance)),
                "A kubelet may not be newer than an API server, and would still be so after the hop.",
            ),
            Skew::OtherMajor => self.each(
                "KubeletTooNew",
                Severity::Blocker,
                &format!("its kubelet {version} is of another major version than {hop}"),
                "There is no rule by which they would work together.",
            ),
            Skew::Within => Vec::new(),
        }
    }

    /// Those that are too new for the API servers as they are now.
    fn ahead_of_the_servers(&self) -> Vec<Finding> {
        let from = &self.context.target.from;
        let Skew::TooNew(distance) = self.beside_servers(from.minor()) else { return Vec::new() };
        self.each(
            "KubeletTooNew",
            Severity::Warning,
            &format!(
                "its kubelet {} is {} ahead of the oldest API server, {from}",
                self.version,
                minors(distance)
            ),
            "A kubelet may not be newer than an API server that it can reach. The hop mends it.",
        )
    }

    /// Kubelets that an upgrade of the API servers has left behind: it looks as if the next hop were due, and the last is
    /// not over.
    fn behind(&self) -> Option<Finding> {
        let (version, target) = (self.version, self.context.target);
        let from = &target.from;
        if version.minor() >= from.minor() || target.hops().is_empty() {
            return None;
        }
        let message = format!("kubelet {version} on {} is behind the API servers, at {from}", self.names());
        let why = format!(
            "An upgrade to {} is not over there, or it left them out. The hop to {} would take their kubelets over {}.",
            from.minor(),
            target.first_hop(),
            minors(target.first_hop().minor.saturating_sub(version.minor)),
        );
        Some(self.together("KubeletsBehind", Severity::Notice, message, &why).remedy(
            "Finish that upgrade first; the plan says what is left of it.",
            [format!("kubelift plan --target {from}")],
        ))
    }

    /// Later hops: the first that they could not go with.
    fn too_old_later(&self) -> Option<Finding> {
        let too_old = |minor: &Minor| matches!(self.beside_servers(*minor), Skew::TooOld(_));
        let minor = self.context.target.hops().into_iter().find(too_old)?;
        let message = format!(
            "kubelet {} on {} is too old for {minor}: a blocker at {minor} unless upgraded on the way",
            self.version,
            self.names()
        );
        Some(self.together(
            "KubeletTooOld",
            Severity::Warning,
            message,
            "The order of an upgrade has the kubelets go with each hop; this says what follows if they do not.",
        ))
    }

    fn beside_servers(&self, server: Minor) -> Skew {
        self.context.skew("kubelet", "kube-apiserver", self.version.minor(), server)
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.nodes.iter().map(|node| node.metadata.name.as_str()).collect();
        list::names(&names)
    }

    /// A finding a node.
    fn each(&self, code: &str, severity: Severity, message: &str, why: &str) -> Vec<Finding> {
        let of = |node: &&Node| {
            let finding = Finding::new(code, severity, Subject::node(&node.metadata.name), message).why(why);
            one(self.context, node, self.version, finding)
        };
        self.nodes.iter().map(of).collect()
    }

    /// One finding for all of the nodes.
    fn together(&self, code: &str, severity: Severity, message: String, why: &str) -> Finding {
        let version = self.version;
        Finding::new(code, severity, Subject::thing("Kubelet", &version.to_string()), message)
            .why(why)
            .saw(
                format!("nodeInfo.kubeletVersion is v{version}"),
                self.context.evidence.objects.nodes.stamp.as_ref(),
            )
            .link(link::SKEW)
    }
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
