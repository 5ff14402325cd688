//! The endpoints of the Service default/kubernetes beside the control planes, and beside the servers' own leases.

use std::fmt;

use jiff::SignedDuration;

use crate::checks::common::{link, list};
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::objects::{Lease, Node};
use crate::evidence::{Evidence, Listing, Reason, Stamp};

/// The label of the Leases by which API servers say that they live. They renew them every ten seconds.
const IDENTITY: &str = "apiserver.kubernetes.io/identity";
/// The label of a Lease, and of a Node, with the host.
const HOSTNAME: &str = "kubernetes.io/hostname";
/// After this long a server that does not renew is gone, though its Lease holds for an hour.
const ALIVE: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn findings(evidence: &Evidence, nodes: &[&Node], cluster: &Subject) -> Vec<Finding> {
    let gaps = evidence.objects.endpoint_slices.gaps();
    if !gaps.is_empty() {
        return unknowns("EndpointsUnread", Severity::Warning, cluster, &gaps);
    }
    let endpoints = Endpoints::of(evidence);
    let count = endpoints.count();
    let living = living(&evidence.objects.leases);
    let nodes = evidence.objects.nodes.is_complete().then_some(nodes).filter(|nodes| !nodes.is_empty());
    let missing = nodes.and_then(|nodes| endpoints.missing(nodes, living.as_deref()));
    let said = missing.is_some();
    let mut findings: Vec<Finding> = endpoints.not_ready().into_iter().chain(missing).collect();
    findings.extend(nodes.and_then(|nodes| endpoints.extra(nodes, living.as_deref())));
    if let Some(living) = living.filter(|living| living.len() < count || living.len() > count && !said) {
        findings.push(disagree(evidence, count, &living));
    }
    findings
}

fn subject() -> Subject {
    Subject::object("v1", "Service", "default", "kubernetes")
}

/// The addresses behind the Service, each once in its list.
struct Endpoints<'a> {
    evidence: &'a Evidence,
    serving: Vec<&'a str>,
    not_ready: Vec<&'a str>,
}

impl<'a> Endpoints<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let (mut serving, mut not_ready) = (Vec::new(), Vec::new());
        for endpoint in evidence.objects.endpoint_slices.iter().flat_map(|slice| &slice.endpoints) {
            let Some(address) = endpoint.addresses.first() else { continue };
            let list = if endpoint.conditions.ready == Some(false) { &mut not_ready } else { &mut serving };
            if !list.contains(&address.as_str()) {
                list.push(address.as_str());
            }
        }
        Self { evidence, serving, not_ready }
    }

    fn count(&self) -> usize {
        self.serving.len() + self.not_ready.len()
    }

    fn stamp(&self) -> Option<&'a Stamp> {
        self.evidence.objects.endpoint_slices.stamp.as_ref()
    }

    fn not_ready(&self) -> Option<Finding> {
        if self.not_ready.is_empty() {
            return None;
        }
        let message = format!("{} takes no traffic", list::names(&self.not_ready));
        Some(
            Finding::new("EndpointNotReady", Severity::Warning, subject(), message)
                .saw("endpoints that are not ready", self.stamp()),
        )
    }

    /// That there are fewer than control planes; `living` are the servers that say that they live, where that is known.
    fn missing(&self, nodes: &[&Node], living: Option<&[&Lease]>) -> Option<Finding> {
        let count = self.count();
        if count >= nodes.len() {
            return None;
        }
        let left_out = living.filter(|living| living.len() > count);
        let what = left_out.map_or_else(
            || "an API server is away".to_owned(),
            |living| {
                let endpoints = [self.serving.as_slice(), &self.not_ready].concat();
                Absence::of(self.evidence, living, nodes, &endpoints).to_string()
            },
        );
        let message =
            format!("{count} of {} control planes are endpoints of the Service: {what}", nodes.len());
        let finding = Finding::new("EndpointMissing", Severity::Warning, subject(), message)
            .why("With one away already, the upgrade of the next leaves fewer than there should be.")
            .saw(format!("endpoints {}", list::names(&self.serving)), self.stamp())
            .link(link::LEASES);
        Some(match left_out {
            Some(living) => saw(finding, self.evidence, living),
            None => finding,
        })
    }

    /// That there are more than control planes. Only said where not fewer servers say that they live: one of the endpoints
    /// is then dead.
    fn extra(&self, nodes: &[&Node], living: Option<&[&Lease]>) -> Option<Finding> {
        let count = self.count();
        if count <= nodes.len() || living.is_some_and(|living| living.len() < count) {
            return None;
        }
        let message = format!(
            "{} for {}: an API server runs where no control plane is shown",
            list::count(count, "endpoint"),
            list::count(nodes.len(), "control plane")
        );
        Some(
            Finding::new("EndpointExtra", Severity::Notice, subject(), message)
                .saw(format!("endpoints {}", list::names(&self.serving)), self.stamp())
                .link(link::LEASES),
        )
    }
}

/// The Leases of the servers that live. `None` where they are not known, and where no server has one: the feature is
/// then off.
fn living(leases: &Listing<Lease>) -> Option<Vec<&Lease>> {
    let now = super::leases::now(leases).filter(|_| leases.is_complete())?;
    let is_identity = |lease: &&Lease| lease.metadata.labels.get(IDENTITY) == Some("kube-apiserver");
    let alive =
        |lease: &&Lease| lease.spec.renew_time.is_some_and(|renewed| now.duration_since(renewed) < ALIVE);
    let living: Vec<&Lease> = leases.iter().filter(is_identity).filter(alive).collect();
    Some(living).filter(|living| !living.is_empty())
}

/// That other servers live than those that the Service knows.
fn disagree(evidence: &Evidence, endpoints: usize, living: &[&Lease]) -> Finding {
    let what = if living.len() > endpoints {
        "one that lives is not in the Service"
    } else {
        "one in the Service does not live"
    };
    let message = format!(
        "{} and {}: {what}",
        list::count(living.len(), "living API server"),
        list::count(endpoints, "endpoint")
    );
    let finding = Finding::new("EndpointsDisagree", Severity::Warning, subject(), message)
        .why("Whoever goes through the Service gets another set of servers than there is.");
    saw(finding, evidence, living).link(link::LEASES)
}

fn saw(finding: Finding, evidence: &Evidence, living: &[&Lease]) -> Finding {
    let hosts: Vec<&str> = living.iter().map(|lease| host(lease)).collect();
    finding.saw(format!("identity Leases of {}", list::names(&hosts)), evidence.objects.leases.stamp.as_ref())
}

fn host(lease: &Lease) -> &str {
    lease.metadata.labels.get(HOSTNAME).unwrap_or(&lease.metadata.name)
}

/// What became of the servers that renewed their Lease a moment ago and are no endpoints: a server that ends leaves the
/// Service at once, and its Lease tells nothing of that for a while.
enum Absence<'a> {
    /// Which they are is not known.
    Somebody,
    /// These, and none of them was reached by its own address.
    Away(Vec<&'a str>),
    /// These, and they answer.
    LeftOut(Vec<&'a str>),
    /// These, and what they answer is not known, or differs.
    Either(Vec<&'a str>),
}

impl<'a> Absence<'a> {
    fn of(evidence: &Evidence, living: &[&'a Lease], nodes: &[&Node], endpoints: &[&str]) -> Self {
        let is_endpoint = |lease: &&&Lease| {
            let named = |node: &&&Node| {
                node.metadata.labels.get(HOSTNAME).unwrap_or(&node.metadata.name) == host(lease)
            };
            let node = nodes.iter().find(named);
            node.is_some_and(|node| {
                node.status.addresses.iter().any(|own| endpoints.contains(&own.address.as_str()))
            })
        };
        let hosts: Vec<&str> =
            living.iter().filter(|lease| !is_endpoint(lease)).map(|lease| host(lease)).collect();
        // A Node's address need not be the one that its server advertises.
        if hosts.len() != living.len().saturating_sub(endpoints.len()) {
            return Self::Somebody;
        }
        let answers = |host: &&str| {
            let mut servers = evidence.servers.servers.iter();
            let server = servers.find(|server| server.direct && server.hostname.as_deref() == Some(host))?;
            match server.ready.get() {
                Ok(_) => Some(true),
                Err(unread) if unread.reason == Reason::Unreachable => Some(false),
                Err(_) => None,
            }
        };
        let all: Vec<Option<bool>> = hosts.iter().map(answers).collect();
        match all.as_slice() {
            all if all.iter().all(|answer| *answer == Some(true)) => Self::LeftOut(hosts),
            all if all.iter().all(|answer| *answer == Some(false)) => Self::Away(hosts),
            _ => Self::Either(hosts),
        }
    }
}

impl fmt::Display for Absence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Somebody => f.write_str(
                "an API server that renewed its Lease within the last minute has just ended, or is left out",
            ),
            Self::Away(hosts) => write!(
                f,
                "the API server of {} is away; its Lease was renewed within the last minute",
                list::names(hosts)
            ),
            Self::LeftOut(hosts) => {
                write!(f, "the API server of {} answers, and is left out", list::names(hosts))
            }
            Self::Either(hosts) => {
                write!(f, "the API server of {} has just ended, or is left out", list::names(hosts))
            }
        }
    }
}
