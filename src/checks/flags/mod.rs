//! Flags and feature gates that the target does not know, or does not let anybody choose: a component that is given one
//! does not start.

mod given;

use given::{Place, Setting};

use super::common::facts::{UnreadFacts, unseen};
use super::common::{known, kubeadm, kubelet_config, link, list, scope};
use super::finding::unknowns;
use super::{Finding, Severity, Subject, Target};
use crate::catalog::Catalog;
use crate::evidence::node_facts::{Known, NodeFacts};
use crate::evidence::{Evidence, Reason, Unread};
use crate::version::Minor;

/// Judges.
pub(super) fn run(evidence: &Evidence, target: &Target) -> Vec<Finding> {
    match known::catalog() {
        Ok(catalog) => judge(catalog, evidence, target),
        Err(broken) => vec![*broken],
    }
}

const UNREAD: &str = "FlagsUnread";

fn judge(catalog: &'static Catalog, evidence: &Evidence, target: &Target) -> Vec<Finding> {
    let cluster = Subject::thing("Cluster", &evidence.cluster.name);
    // Within a minor nothing goes, but a kubelet may be behind.
    let hides = if target.first_hop() > target.from.minor() { Severity::Blocker } else { Severity::Warning };
    let mut findings = unknowns(UNREAD, hides, &cluster, &evidence.objects.nodes.gaps());
    findings.extend(unknowns(UNREAD, Severity::Warning, &cluster, &evidence.objects.pods.gaps()));
    let (mut places, unread) = of_the_cluster(evidence);
    findings.extend(unread.iter().map(|why| {
        let subject =
            Subject::object("v1", "ConfigMap", "kube-system", why.of.as_deref().unwrap_or_default());
        Finding::unknown(UNREAD, hides, subject, why)
            .why("The upgrade gives the components what stands in it.")
    }));
    let mut facts = UnreadFacts::default();
    places.extend(of_machines(evidence, hides, &mut facts));
    findings.extend(facts.findings(UNREAD, |_| {
        "Only the machine knows the flags of its kubelet; no object of the API shows them.".to_owned()
    }));
    if facts.left_out {
        findings.push(scope::left_out(evidence, "the flags of the kubelets"));
    }
    let sound = findings.iter().all(|finding| finding.severity >= Severity::Notice);
    let before = findings.len();
    for place in &places {
        findings.extend(place.settings.iter().filter_map(|setting| finding(catalog, target, place, setting)));
    }
    if sound && findings.len() == before {
        findings.push(pass(evidence, target, cluster, facts.left_out));
    }
    findings
}

/// What the objects of the API give the components, and what of them was not read.
fn of_the_cluster(evidence: &Evidence) -> (Vec<Place<'_>>, Vec<Unread>) {
    let (mut places, mut unread) = (Vec::new(), Vec::new());
    let mut missed = |why: Unread| {
        // What is not there gives nothing, and the pane of versions says what it means.
        if why.reason != Reason::Absent {
            unread.push(why);
        }
    };
    match kubeadm::configuration(evidence) {
        Ok((config, stamp)) => places.extend(given::configured(&config, stamp)),
        Err(why) => missed(why),
    }
    places.extend(given::running(evidence, &places));
    match kubelet_config::configuration(evidence) {
        Ok((config, stamp)) => places.push(given::of_kubelets(&config, stamp)),
        Err(why) => missed(why),
    }
    match given::of_kube_proxy(evidence) {
        Ok(place) => places.extend(place),
        Err(why) => missed(why),
    }
    (places, unread)
}

/// What the machines give their kubelets; those of which that was not seen are added to `unread`.
fn of_machines<'a>(evidence: &'a Evidence, hides: Severity, unread: &mut UnreadFacts) -> Vec<Place<'a>> {
    let mut places = Vec::new();
    for node in evidence.objects.nodes.iter().filter(|node| node.is_linux()) {
        let name = node.metadata.name.as_str();
        match evidence.facts_of(name) {
            Err(why) => unread.add(name, &why, hides, None),
            Ok((facts, stamp)) => {
                if let Some(why) = unread_flags(facts) {
                    unread.add(name, &unseen(facts, name, "kubelet flags", why), hides, None);
                }
                places.extend(given::on_machine(name, facts, stamp));
            }
        }
    }
    places
}

/// Why not all flags of a machine's kubelet were seen, if so.
fn unread_flags(facts: &NodeFacts) -> Option<&str> {
    const FLAGS: &str = "kubelet.flagSources";
    match facts.read(FLAGS, &facts.kubelet) {
        Known::Read(_) => facts.why_unread(FLAGS),
        Known::Partly(_, why) | Known::Unread(why) => Some(why),
    }
}

/// What a minor on the way says to a setting, if anything.
fn finding(
    catalog: &'static Catalog,
    target: &Target,
    place: &Place<'_>,
    setting: &Setting,
) -> Option<Finding> {
    let (code, minor, what) = match setting {
        Setting::Flag(name, value) => gone_flag(catalog, place, name, value.as_deref())?,
        Setting::Gate(gate, value) => refused_gate(catalog, gate, *value)?,
    };
    if minor > target.to.minor() {
        return None;
    }
    let first = minor <= target.first_hop();
    let severity = if first && place.stays { Severity::Blocker } else { Severity::Warning };
    let later = if first { String::new() } else { format!(": a blocker at {minor}") };
    let message = format!("{} is given {what} by {}{later}", place.component, place.name);
    let why = if place.stays {
        format!("A {} of {minor} that is given it ends at its start.", place.component)
    } else {
        format!(
            "A {} of {minor} that is given it ends at its start. kubeadm writes the manifest anew, without it; only a \
             patch brings it back.",
            place.component
        )
    };
    let mut finding = Finding::new(code, severity, place.subject.clone(), message)
        .why(why)
        .saw(format!("{} sets {}", place.name, written(setting)), place.stamp)
        .link(link::FEATURE_GATES);
    finding.remedy = Some(place.remedy.clone());
    Some(finding)
}

/// The code, the minor that does not know a flag or its value, and what that is in words.
fn gone_flag(
    catalog: &'static Catalog,
    place: &Place<'_>,
    name: &str,
    value: Option<&str>,
) -> Option<(&'static str, Minor, String)> {
    let mut rows = catalog.gone_flags(place.component).filter(|row| row.is(name, value));
    let row = rows.find(|row| !(row.kubeadm_mends && place.of_kubeadm))?;
    let what = match &row.value {
        Some(value) => format!("{value} in --{name}"),
        None => format!("--{name}"),
    };
    Some(("FlagGone", row.gone, format!("{what}, which {} does not know,", row.gone)))
}

/// The code, the first minor that refuses a gate with this value, and why, in words.
fn refused_gate(catalog: &Catalog, name: &str, value: bool) -> Option<(&'static str, Minor, String)> {
    let gate = catalog.gate(name)?;
    match (gate.locked.filter(|_| gate.to == Some(!value)), gate.gone) {
        (Some(locked), _) => Some((
            "FeatureGateLocked",
            locked,
            format!("the feature gate {name}={value}, which {locked} takes as {} only,", !value),
        )),
        (None, Some(gone)) => {
            Some(("FeatureGateGone", gone, format!("the feature gate {name}, which {gone} does not know,")))
        }
        (None, None) => None,
    }
}

/// A setting as one would write it.
fn written(setting: &Setting) -> String {
    match setting {
        Setting::Flag(name, None) => format!("--{name}"),
        Setting::Flag(name, Some(value)) => format!("--{name}={value}"),
        Setting::Gate(gate, value) => format!("{gate}={value}"),
    }
}

fn pass(evidence: &Evidence, target: &Target, cluster: Subject, api_only: bool) -> Finding {
    let nodes = evidence.objects.nodes.iter().filter(|node| node.is_linux()).count();
    let kubelets = match nodes {
        _ if api_only => String::new(),
        nodes => format!(", {}", list::count(nodes, "kubelet")),
    };
    let message = format!(
        "{} takes every flag and gate that is set: kubeadm-config, static pods, kubelet-config, kube-proxy{kubelets}",
        target.to.minor()
    );
    Finding::new("FlagsKnown", Severity::Pass, cluster, message)
        .saw("flags and feature gates of the components", evidence.objects.pods.stamp.as_ref())
}

#[cfg(test)]
pub(super) mod tests;
