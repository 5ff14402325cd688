//! kube-controller-manager and kube-scheduler beside the API server of their node, by their static pods, and each
//! API server beside its own.

use super::Context;
use crate::catalog::Skew;
use crate::checks::common::image::Image;
use crate::checks::common::{link, list, servers, static_pods};
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::Stamp;
use crate::evidence::objects::Pod;
use crate::version::Version;

const CONTROLLERS: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];

pub(super) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let listing = &context.evidence.objects.pods;
    let subject = context.cluster();
    // kubeadm takes them along with the API server of their node, so nothing here blocks a hop.
    let gaps = listing.gaps();
    let mut findings = unknowns("ComponentVersionUnread", Severity::Warning, &subject, &gaps);
    let mut seen = Vec::new();
    for component in CONTROLLERS {
        let pods: Vec<&Pod> = static_pods::of(listing, component).collect();
        if pods.is_empty() && gaps.is_empty() {
            let why = format!("kube-system shows no static pod of {component}");
            findings.push(Finding::unshown(
                "ComponentVersionUnread",
                Severity::Warning,
                Subject::thing("Component", component),
                &why,
                listing.stamp.as_ref(),
            ));
        }
        for pod in pods {
            match version(pod) {
                Some(version) => {
                    findings.extend(judge(context, component, pod, &version));
                    seen.push(format!("{component} {version} on {}", pod.spec.node_name));
                }
                None => findings.push(no_version(component, pod, listing.stamp.as_ref())),
            }
        }
    }
    findings.extend(context.evidence.servers.servers.iter().filter_map(|server| {
        let node = server.hostname.as_ref()?;
        let pod = static_pods::of(listing, "kube-apiserver").find(|pod| pod.spec.node_name == **node)?;
        let (image, (running, stamp)) = (version(pod)?, server.version.get().ok()?);
        (image != *running).then(|| {
            let message = format!("its manifest has {image}, and {running} answers");
            Finding::new("StaticPodNotRestarted", Severity::Warning, static_pods::subject(pod), message)
                .why("The kubelet has not started it again from the manifest, whatever kubeadm said.")
                .saw(format!("{} says {running}", servers::name(server)), Some(stamp))
                .saw(format!("the image of {} is {image}", pod.metadata.name), listing.stamp.as_ref())
                .remedy(
                    format!("Restart the kubelet on {node}, and look at its log if that does not help."),
                    ["systemctl restart kubelet".to_owned()],
                )
        })
    }));
    if findings.is_empty() {
        let message = format!("{}: as the API server beside it", list::count(seen.len(), "controller"));
        let mut pass = Finding::new("ComponentsWithinSkew", Severity::Pass, subject, message);
        for saw in seen {
            pass = pass.saw(saw, listing.stamp.as_ref());
        }
        findings.push(pass);
    }
    findings
}

fn judge(context: &Context<'_>, component: &str, pod: &Pod, version: &Version) -> Option<Finding> {
    let listing = &context.evidence.objects.pods;
    let beside =
        static_pods::of(listing, "kube-apiserver").find(|server| server.spec.node_name == pod.spec.node_name);
    let (server, whose) = match beside.and_then(self::version) {
        Some(server) => (server, "the API server of its node"),
        None => (context.target.from.clone(), "the oldest API server"),
    };
    let (severity, code) = match context.skew(component, "kube-apiserver", version.minor(), server.minor()) {
        Skew::Within if version.minor() == server.minor() => return None,
        Skew::Within => (Severity::Notice, "ComponentDiffers"),
        _ => (Severity::Warning, "ComponentSkew"),
    };
    let message = format!("{component} is {version}, and {whose} is {server}");
    Some(
        Finding::new(code, severity, static_pods::subject(pod), message)
            .why(
                "It may not be newer than the API server, and one minor older at most. kubeadm takes \
                 both along in the hop.",
            )
            .saw(format!("its image is {}", image(pod)), listing.stamp.as_ref())
            .link(link::SKEW),
    )
}

fn no_version(component: &str, pod: &Pod, stamp: Option<&Stamp>) -> Finding {
    let why = format!("the image of {component} is {}, whose tag is no version", image(pod));
    Finding::unshown("ComponentVersionUnread", Severity::Warning, static_pods::subject(pod), &why, stamp)
}

fn image(pod: &Pod) -> &str {
    pod.spec.containers.first().map_or("", |container| &container.image)
}

fn version(pod: &Pod) -> Option<Version> {
    Image::of(image(pod)).version()
}
