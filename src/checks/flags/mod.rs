//! Flags and feature gates that the target does not know, or does not let anybody choose: a component that is given one
//! does not start.

mod given;

use given::{Place, Setting, Stays};

use super::common::facts::{UnreadFacts, unseen};
use super::common::{config_map, known, kubeadm, kubelet_config, link, list, scope};
use super::finding::unknowns;
use super::{Finding, Severity, Subject, Target};
use crate::catalog::{Catalog, GoneFlag};
use crate::evidence::node_facts::{Known, NodeFacts};
use crate::evidence::{Evidence, Reason, Unread};
use crate::version::{Minor, Version};

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
    let mut findings = unknowns(UNREAD, Severity::Blocker, &cluster, &evidence.objects.nodes.gaps());
    // What only a manifest has, the upgrade does not keep.
    findings.extend(unknowns(UNREAD, Severity::Warning, &cluster, &evidence.objects.pods.gaps()));
    let (mut places, unread) = of_the_cluster(evidence);
    findings.extend(unread.iter().map(|why| {
        let subject = config_map::subject(why.of.as_deref().unwrap_or_default());
        Finding::unknown(UNREAD, Severity::Blocker, subject, why)
            .why("The upgrade gives the components what stands in it.")
    }));
    let mut facts = UnreadFacts::default();
    places.extend(of_machines(evidence, target, &mut facts));
    findings.extend(facts.findings(UNREAD, |_| {
        "Only the machine knows the flags of its kubelet; no object of the API shows them.".to_owned()
    }));
    if facts.left_out {
        findings.push(scope::left_out(evidence, "the flags of the kubelets"));
    }
    let sound = findings.iter().all(|finding| finding.severity >= Severity::Notice);
    let before = findings.len();
    for place in &places {
        findings
            .extend(place.settings.iter().flat_map(|setting| findings_of(catalog, target, place, setting)));
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
        Ok((config, stamp)) => {
            places.extend(given::configured(&config, stamp));
            places.extend(given::running(evidence, Some(&places)));
        }
        Err(why) => {
            places.extend(given::running(evidence, None));
            missed(why);
        }
    }
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
fn of_machines<'a>(evidence: &'a Evidence, target: &Target, unread: &mut UnreadFacts) -> Vec<Place<'a>> {
    let mut places = Vec::new();
    for node in evidence.objects.nodes.iter().filter(|node| node.is_linux()) {
        let name = node.metadata.name.as_str();
        // Within a minor nothing goes.
        let version: Option<Version> = node.status.node_info.kubelet_version.parse().ok();
        let there = version.is_some_and(|version| version.minor() >= target.first_hop());
        let hides = if there { Severity::Warning } else { Severity::Blocker };
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

/// What the minors on the way say to a setting.
fn findings_of(
    catalog: &'static Catalog,
    target: &Target,
    place: &Place<'_>,
    setting: &Setting,
) -> Vec<Finding> {
    let refused = match setting {
        Setting::Flag(name, value) => gone_flags(catalog, target, place, name, value.as_deref()),
        Setting::Gate(gate, value) => refused_gate(catalog, gate, *value).into_iter().collect(),
    };
    let on_the_way = refused.into_iter().filter(|refused| refused.minor <= target.to.minor());
    on_the_way.map(|refused| finding(target, place, setting, &refused)).collect()
}

/// What a minor does not take.
struct Refused {
    code: &'static str,
    /// The first that does not.
    minor: Minor,
    /// What it does not take, and why not, in words.
    what: String,
    link: Option<&'static str>,
}

fn finding(target: &Target, place: &Place<'_>, setting: &Setting, refused: &Refused) -> Finding {
    let (component, minor) = (place.component, refused.minor);
    let first = minor <= target.first_hop();
    let severity = if first && place.stays != Stays::No { Severity::Blocker } else { Severity::Warning };
    let later = if first { String::new() } else { format!(": a blocker at {minor}") };
    let message = format!("{component} is given {} by {}{later}", refused.what, place.name);
    let ends = format!("A {component} of {minor} that is given it ends at its start.");
    let why = match place.stays {
        Stays::Yes => ends,
        Stays::No => {
            format!("{ends} kubeadm writes the manifest anew, without it; only a patch brings it back.")
        }
        Stays::Unknown => {
            format!("{ends} kubeadm-config was not read, so it is not known whether the upgrade keeps it.")
        }
    };
    let mut finding = Finding::new(refused.code, severity, place.subject.clone(), message)
        .why(why)
        .saw(format!("{} sets {}", place.name, written(setting)), place.stamp);
    finding.link = refused.link.map(str::to_owned);
    finding.remedy = Some(place.remedy.clone());
    finding
}

/// What is gone of a flag: itself, or some of its values.
fn gone_flags(
    catalog: &'static Catalog,
    target: &Target,
    place: &Place<'_>,
    name: &str,
    value: Option<&str>,
) -> Vec<Refused> {
    // Only the kubeadm of that very minor mends it.
    let mended = |row: &GoneFlag| row.kubeadm_mends && place.of_kubeadm && target.first_hop() <= row.gone;
    let rows = catalog.gone_flags(place.component, name).iter().filter(|row| row.is(value) && !mended(row));
    let refused = rows.map(|row| {
        let what = match &row.value {
            Some(value) => format!("{value} in --{name}"),
            None => format!("--{name}"),
        };
        let what = format!("{what}, which {} does not know,", row.gone);
        Refused { code: "FlagGone", minor: row.gone, what, link: None }
    });
    refused.collect()
}

/// How a gate with this value is refused first; a value that could not be read may be any.
fn refused_gate(catalog: &Catalog, name: &str, value: Option<bool>) -> Option<Refused> {
    let gate = catalog.gate(name)?;
    let locked = gate.locked.zip(gate.to).filter(|(_, to)| value == Some(!to));
    Some(match (locked, gate.gone) {
        (Some((minor, to)), _) => Refused {
            code: "FeatureGateLocked",
            minor,
            what: format!("the feature gate {name}={}, which {minor} takes as {to} only,", !to),
            link: Some(link::FEATURE_GATES),
        },
        (None, Some(minor)) => Refused {
            code: "FeatureGateGone",
            minor,
            what: format!("the feature gate {name}, which {minor} does not know,"),
            link: Some(link::FEATURE_GATES_REMOVED),
        },
        (None, None) => return None,
    })
}

/// A setting as one would write it.
fn written(setting: &Setting) -> String {
    match setting {
        Setting::Flag(name, None) => format!("--{name}"),
        Setting::Flag(name, Some(value)) => format!("--{name}={value}"),
        Setting::Gate(gate, Some(value)) => format!("{gate}={value}"),
        Setting::Gate(gate, None) => format!("{gate}, with a value that was not read"),
    }
}

fn pass(evidence: &Evidence, target: &Target, cluster: Subject, api_only: bool) -> Finding {
    let nodes = evidence.objects.nodes.iter().filter(|node| node.is_linux()).count();
    let kubelets = match nodes {
        _ if api_only => String::new(),
        nodes => format!(", {}", list::count(nodes, "kubelet")),
    };
    let message = format!(
        "nothing that is set is gone or refused in {}: kubeadm-config, static pods, kubelet-config, kube-proxy{kubelets}",
        target.to.minor()
    );
    Finding::new("FlagsKnown", Severity::Pass, cluster, message)
        .saw("flags and feature gates of the components", evidence.objects.pods.stamp.as_ref())
}

#[cfg(test)]
pub(super) mod tests;
