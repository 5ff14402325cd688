//! cgroups: which version each node has, what the target does about v1, and whether the kubelet and the runtime of a
//! node use the same cgroup driver, now and with the configuration that the upgrade writes.

mod driver;

use super::common::facts::{UnreadFacts, flag, unseen};
use super::common::kubelet_config::{self, KubeletConfiguration};
use super::common::{config_map, known, link, scope};
use super::finding::unknowns;
use super::{Finding, Severity, Subject, Target};
use crate::catalog::{Catalog, CgroupRule, CgroupV1};
use crate::evidence::node_facts::{Cgroup, CgroupVersion, NodeFacts};
use crate::evidence::objects::Node;
use crate::evidence::{Evidence, Reason, Stamp, Unread};
use crate::version::Minor;

/// Judges.
pub(super) fn run(evidence: &Evidence, target: &Target) -> Vec<Finding> {
    match known::catalog() {
        Ok(catalog) => judge(catalog, evidence, target),
        Err(broken) => vec![*broken],
    }
}

/// What holds for all nodes.
struct Context<'a> {
    catalog: &'a Catalog,
    target: &'a Target,
    /// kubelet-config, which the upgrade writes to every node; `None` where there is none.
    config: Result<Option<(KubeletConfiguration, &'a Stamp)>, Unread>,
}

fn judge(catalog: &Catalog, evidence: &Evidence, target: &Target) -> Vec<Finding> {
    let cluster = Subject::thing("Cluster", &evidence.cluster.name);
    let mut findings =
        unknowns("CgroupNodesUnread", Severity::Blocker, &cluster, &evidence.objects.nodes.gaps());
    let config = match kubelet_config::configuration(evidence) {
        Ok(read) => Ok(Some(read)),
        Err(unread) if unread.reason == Reason::Absent => Ok(None),
        Err(unread) => Err(unread),
    };
    let context = Context { catalog, target, config };
    let mut unread = UnreadFacts::default();
    let nodes: Vec<&Node> = evidence.objects.nodes.iter().filter(|node| node.is_linux()).collect();
    for node in &nodes {
        let name = node.metadata.name.as_str();
        match evidence.facts_of(name) {
            // Behind a machine that is not known, the two drivers may disagree, and from some minor on v1 is refused.
            Err(why) => unread.add(name, &why, Severity::Blocker, None),
            Ok((facts, stamp)) => findings.extend(context.node(name, facts, stamp, &mut unread)),
        }
    }
    if let (Err(why), false) = (&context.config, nodes.is_empty()) {
        let subject = config_map::subject("kubelet-config");
        findings.push(
            Finding::unknown("KubeletConfigUnread", Severity::Blocker, subject, why)
                .why("The upgrade writes it to every node."),
        );
    }
    findings.extend(unread.findings("CgroupFactsUnread", |_| {
        "Only the machine knows its cgroups and drivers; no object of the API shows them.".to_owned()
    }));
    if unread.left_out {
        findings.push(scope::left_out(
            evidence,
            "the nodes' cgroup versions, and the cgroup drivers of kubelets and runtimes",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::new("CgroupNoNodes", Severity::Pass, cluster, "there are no Linux nodes"));
    }
    findings
}

impl Context<'_> {
    fn node(&self, node: &str, facts: &NodeFacts, stamp: &Stamp, unread: &mut UnreadFacts) -> Vec<Finding> {
        let mut findings = Vec::new();
        let drivers = self.drivers(node, facts, stamp, unread);
        let agree = drivers.as_ref().is_ok_and(Option::is_none);
        findings.extend(drivers.ok().flatten());
        let cgroup = facts.cgroup.as_ref();
        match cgroup.and_then(|cgroup| cgroup.version) {
            Some(CgroupVersion::V2) if agree => {
                let driver = driver::now(facts).unwrap_or_default();
                let message = format!("cgroup v2; kubelet and runtime agree on the driver {driver}");
                findings.push(saw(
                    Finding::new("CgroupV2", Severity::Pass, Subject::node(node), message),
                    cgroup,
                    stamp,
                ));
            }
            Some(CgroupVersion::V2) => {
                findings.push(saw(
                    Finding::new("CgroupV2", Severity::Pass, Subject::node(node), "cgroup v2"),
                    cgroup,
                    stamp,
                ));
            }
            Some(CgroupVersion::V1) => findings.extend(self.v1(node, "cgroup v1", facts, stamp)),
            Some(CgroupVersion::Hybrid) => {
                findings.extend(self.v1(
                    node,
                    "cgroup v1 with v2 beside it, which is v1 to the kubelet",
                    facts,
                    stamp,
                ));
            }
            None => {
                let why = facts.why_unread("cgroup.version").unwrap_or("the probe does not say");
                unread.add(node, &unseen(facts, node, "cgroup", why), self.unknown_version(), None);
            }
        }
        findings
    }

    /// What a version that is not known could hide.
    fn unknown_version(&self) -> Severity {
        let refused =
            self.rule(self.target.first_hop()).is_some_and(|rule| rule.v1 == CgroupV1::RefusedByDefault);
        if refused { Severity::Blocker } else { Severity::Warning }
    }

    fn rule(&self, minor: Minor) -> Option<&CgroupRule> {
        self.catalog.cgroup_rule(minor)
    }

    /// What the hop does about a node on v1.
    fn v1(&self, node: &str, what: &str, facts: &NodeFacts, stamp: &Stamp) -> Option<Finding> {
        let hop = self.target.first_hop();
        let rule = self.rule(hop)?;
        let subject = || Subject::node(node);
        let refused_from = self
            .catalog
            .minors()
            .find(|minor| self.rule(*minor).is_some_and(|rule| rule.v1 == CgroupV1::RefusedByDefault));
        let finding = match rule.v1 {
            CgroupV1::RefusedByDefault => {
                let (severity, code, message) = match self.allowed(facts) {
                    Err(unread) => {
                        return Some(Finding::unknown(
                            "CgroupV1Unread",
                            Severity::Blocker,
                            subject(),
                            &unread,
                        ));
                    }
                    Ok(true) => {
                        let message = format!(
                            "{what}: failCgroupV1 is false, so a kubelet of {hop} runs on it, and kubeadm wants \
                             to be told"
                        );
                        (Severity::Warning, "CgroupV1", message)
                    }
                    Ok(false) => (
                        Severity::Blocker,
                        "CgroupV1Refused",
                        format!("{what}: a kubelet of {hop} ends at its start"),
                    ),
                };
                Finding::new(code, severity, subject(), message).why(format!(
                    "{} {}",
                    rule.kubelet.trim(),
                    rule.kubeadm.trim()
                ))
            }
            CgroupV1::Maintenance | CgroupV1::Supported => {
                let end = refused_from
                    .map(|minor| format!(": a blocker at {minor}, which refuses it by default"))
                    .unwrap_or_default();
                let state = if rule.v1 == CgroupV1::Maintenance { ", in maintenance mode" } else { "" };
                let message = format!("{what}{state}{end}");
                Finding::new("CgroupV1", Severity::Warning, subject(), message).why(rule.kubelet.trim())
            }
        };
        let refusing = refused_from.and_then(|minor| self.rule(minor));
        let remedy = rule.remedy.as_ref().or(refusing.and_then(|rule| rule.remedy.as_ref()));
        let finding = saw(finding, facts.cgroup.as_ref(), stamp).link(link::CGROUPS);
        Some(match remedy {
            Some(remedy) => finding.remedy(remedy.trim(), ["stat -fc %T /sys/fs/cgroup".to_owned()]),
            None => finding,
        })
    }

    /// Whether the kubelet is told to run on v1: by kubelet-config, which the upgrade writes to the node, or by a flag
    /// that stays. What the node's own file says now is written over.
    fn allowed(&self, facts: &NodeFacts) -> Result<bool, Unread> {
        if let Some(flag) = flag(facts, "fail-cgroupv1") {
            return Ok(flag == "false");
        }
        match &self.config {
            Ok(Some((config, _))) => Ok(config.fail_cgroup_v1 == Some(false)),
            Ok(None) => {
                Ok(facts.kubelet.as_ref().and_then(|kubelet| kubelet.config.as_ref()?.fail_cgroup_v1)
                    == Some(false))
            }
            Err(unread) => Err(unread.clone()),
        }
    }
}

fn saw(finding: Finding, cgroup: Option<&Cgroup>, stamp: &Stamp) -> Finding {
    let kind = cgroup.and_then(|cgroup| cgroup.fs_type.as_deref()).unwrap_or("nothing");
    finding.saw(format!("/sys/fs/cgroup is {kind}"), Some(stamp))
}

#[cfg(test)]
pub(super) mod tests;
