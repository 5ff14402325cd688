//! kube-proxy and CoreDNS, which nobody runs a command for: kubeadm orders them anew, and every node fetches its own.
//!
//! A node without the new image, and without a way to a registry, has no kube-proxy from then on, while its Node says
//! Ready and its kubelet the new version. So it is asked about before a node is emptied and before pods come back, and
//! of all nodes at the end.

use super::{Site, step};
use crate::actions::observed::{Condition, Holds, core_dns_is_ready, kube_proxies_are, kube_proxy_serves};
use crate::actions::plan::{Consent, Hold, Step, StepKind};
use crate::evidence::objects::Node;

/// The code that a consent to go on without kube-proxy is kept under.
const CODE: &str = "KubeProxyNotReady";

/// The last step: done as soon as all of it is seen, by itself in most clusters. Nothing where there is neither.
pub(in crate::actions) fn make(site: &Site, nodes: &[&Node]) -> Option<Step> {
    let conditions: Vec<Condition> =
        [kube_proxies_are(site.evidence, nodes, &site.to), core_dns_is_ready(site.evidence)]
            .into_iter()
            .flatten()
            .collect();
    if conditions.is_empty() {
        return None;
    }
    let title = format!("kube-proxy of every node at {}, and CoreDNS ready", site.to);
    let mut step = step(StepKind::Manual, None, title);
    "manual/addons".clone_into(&mut step.id);
    step.commands = vec![
        "kubectl -n kube-system rollout status daemonset/kube-proxy".to_owned(),
        "kubectl -n kube-system get pods -o wide -l 'k8s-app in (kube-proxy, kube-dns)'".to_owned(),
    ];
    step.effects =
        vec!["nothing changes: each node fetches its image by itself, one after the other".to_owned()];
    step.way_back = "none is needed".to_owned();
    step.expected_seconds = 60;
    step.postcondition = conditions;
    Some(step)
}

/// Holds a step of a node whose kube-proxy does not run.
pub(super) fn hold(site: &Site, node: &Node, step: &mut Step) {
    let name = &node.metadata.name;
    if !site.has_kube_proxy {
        return;
    }
    let serves = kube_proxy_serves(site.evidence, name, site.pods_of(name));
    match serves.holds {
        Holds::Yes => {}
        Holds::Unknown => step.precondition.push(serves),
        Holds::No => step.held_by.push(Hold {
            // A consent to empty the node is none to let pods come back.
            consent: Consent { code: CODE.to_owned(), subject: step.id.clone() },
            answer: CODE.to_owned(),
            why: format!(
                "{CODE}: kube-proxy of {name} is {}. Services are not routed there. Without a registry, bring its \
                 image to the node",
                serves.why
            ),
        }),
    }
}
