//! A kube-apiserver that is told to serve a group version whose types are gone does not start.
//!
//! Source: k8s.io/apiserver pkg/server/resourceconfig `MergeAPIResourceConfigs`, 0.31.14 and 0.37.2: any
//! `group/version` of a known group must be registered, whether it is turned on or off; `api/all` and its like
//! name none.

use super::going::{self, Going};
use crate::catalog::Catalog;
use crate::checks::common::{link, static_pods};
use crate::checks::{Finding, Severity, Subject, Target};
use crate::evidence::Evidence;
use crate::evidence::objects::Pod;
use crate::version::Minor;

/// The flags that name a group version which leaves, and the unknowns where flags were not seen though one may.
pub(super) fn findings(
    catalog: &'static Catalog,
    evidence: &Evidence,
    target: &Target,
    going: &[Going],
) -> Vec<Finding> {
    let pods = &evidence.objects.pods;
    let servers = static_pods::of(pods, "kube-apiserver");
    let mut findings = Vec::new();
    let mut seen = false;
    for pod in servers {
        seen = true;
        findings.extend(
            named(catalog, target, pod)
                .into_iter()
                .map(|(name, gone)| finding(evidence, target, pod, &name, gone)),
        );
    }
    // What is served and off by default was turned on by the flag, by name or with all others.
    let served = going.iter().filter(|going| {
        !going.api.served_by_default
            && unregistered_at(catalog, &going.api.group, &going.api.version) == Some(going.gone)
    });
    let Some(could_hide) = served.map(|going| going.severity).min() else { return findings };
    let gaps = pods.gaps();
    let subject = Subject::thing("APIServer", "");
    findings.extend(super::unknowns(CODE, could_hide, &subject, &gaps));
    if gaps.is_empty() && !seen {
        let what = "no static pod in kube-system shows the flags of a kube-apiserver";
        findings.push(Finding::unshown(CODE, could_hide, subject, what, pods.stamp.as_ref()));
    }
    findings
}

const CODE: &str = "RuntimeConfigUnread";

/// The minor whose servers do not register a group version: the first without any of its types.
fn unregistered_at(catalog: &Catalog, group: &str, version: &str) -> Option<Minor> {
    let rows = catalog.apis().iter().filter(|api| api.group == group && api.version == version);
    rows.map(|api| api.types_left).collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// The group versions in the flag that leave, with the minor at which they do.
fn named(catalog: &Catalog, target: &Target, pod: &Pod) -> Vec<(String, Minor)> {
    let config =
        pod.spec.containers.iter().find_map(|container| container.flag("runtime-config")).unwrap_or_default();
    let names = config.split(',').filter_map(|entry| {
        let mut parts = entry.split('=').next()?.trim().split('/');
        let (group, version) = (parts.next()?, parts.next()?);
        let gone = unregistered_at(catalog, group, version).filter(|gone| *gone > target.from.minor())?;
        Some((format!("{group}/{version}"), gone))
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.dedup();
    names
}

fn finding(evidence: &Evidence, target: &Target, pod: &Pod, name: &str, gone: Minor) -> Finding {
    let severity = going::severity(gone, target);
    let later = if severity == Severity::Blocker { String::new() } else { format!(": a blocker at {gone}") };
    let message = format!(
        "--runtime-config names {name}, and a kube-apiserver of {gone} does not start with \
             that{later}"
    );
    Finding::new("RuntimeConfigNamesGoneApi", severity, static_pods::subject(pod), message)
        .why(format!(
            "kubeadm carries the flag over, and the new server ends with \"group version {name} \
                 that has not been registered\"."
        ))
        .saw(format!("its flag --runtime-config names {name}"), evidence.objects.pods.stamp.as_ref())
        .remedy(
            format!(
                "Take {name} out of runtime-config in apiServer.extraArgs of the ConfigMap kubeadm-config, and out of the manifest of each \
                 control plane."
            ),
            ["kubectl -n kube-system edit configmap kubeadm-config".to_owned()],
        )
        .link(link::KUBEADM_UPGRADE)
}
