//! Who asks for AppArmor: workloads by their templates, and pods, gathered at the owner that has to be mended.

use std::collections::HashMap;

use super::profile::{Need, Problem, Wishes};
use crate::checks::Subject;
use crate::checks::common::owner::{self, Owners, Top};
use crate::evidence::objects::pod::{Container, PodSpec};
use crate::evidence::objects::{Kind, Pod, Workload};
use crate::evidence::{Evidence, Stamp};

/// What the upgrade does with the pods of an asker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// A drain evicts them, and their owner makes new ones, wherever they may run.
    Replaced,
    /// A DaemonSet's: a drain leaves them where they are.
    Stays,
    /// Static pods: the kubelet starts them again on their node.
    Restarted,
    /// Pods without an owner: a drain deletes them, and nothing makes them again.
    Lost,
}

/// Somebody who asks for AppArmor.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    /// The owner to mend, or a pod without one.
    pub(super) subject: Subject,
    /// The kind of the workload, where it was read.
    pub(super) kind: Option<Kind>,
    /// What becomes of its pods.
    pub(super) fate: Fate,
    /// Containers whose annotation alone says it, with its value.
    pub(super) annotated: Vec<(&'a Container, &'a str)>,
    /// Whether [`Asker::annotated`] was seen on pods, and not in the template that they are made from.
    pub(super) annotated_by_others: bool,
    /// What is asked of nodes.
    pub(super) needs: Vec<Need<'a>>,
    /// What is wrong with the asking.
    pub(super) problems: Vec<Problem>,
    /// What says where its next pod may run.
    pub(super) spec: &'a PodSpec,
    /// The nodes where its pods run now, sorted.
    pub(super) runs_on: Vec<&'a str>,
    /// The read that shows it.
    pub(super) stamp: Option<&'a Stamp>,
}

/// Kind, namespace and name.
type Name<'a> = (&'a str, &'a str, &'a str);

/// Everybody who asks for AppArmor, by subject.
pub(super) fn askers<'a>(evidence: &'a Evidence) -> Vec<Asker<'a>> {
    let owners = Owners::of(&evidence.objects);
    let mut askers: HashMap<Name<'a>, Asker<'a>> = HashMap::new();
    for (kind, listing) in &evidence.objects.workloads {
        for workload in listing.iter() {
            let (name, asker) = match of_workload(*kind, workload, &owners, listing.stamp.as_ref()) {
                Some(found) => found,
                None => continue,
            };
            askers.entry(name).or_insert(asker);
        }
    }
    let pods = &evidence.objects.pods;
    let live = || pods.iter().filter(|pod| !pod.is_finished() && pod.metadata.deletion_timestamp.is_none());
    for pod in live() {
        let wishes = Wishes::of(&pod.metadata, &pod.spec);
        if !wishes.is_nothing() {
            add_pod(&mut askers, pod, wishes, &owners, pods.stamp.as_ref());
        }
    }
    // Whatever a pod itself asks, its successor asks what the owner's template says.
    if !askers.is_empty() {
        for pod in live().filter(|pod| pod.status.phase == "Running") {
            if let Some(asker) = askers.get_mut(&name_of(pod, owners.top(&pod.metadata))) {
                asker.runs_on.push(&pod.spec.node_name);
            }
        }
    }
    let mut askers: Vec<Asker<'a>> = askers.into_values().collect();
    for asker in &mut askers {
        asker.runs_on.sort_unstable();
        asker.runs_on.dedup();
    }
    askers.sort_by(|a, b| a.subject.cmp(&b.subject));
    askers
}

/// What a workload asks by its template; nothing for one that a higher owner makes.
fn of_workload<'a>(
    kind: Kind,
    workload: &'a Workload,
    owners: &Owners<'a>,
    stamp: Option<&'a Stamp>,
) -> Option<(Name<'a>, Asker<'a>)> {
    let metadata = &workload.metadata;
    let template = workload.template()?;
    let (subject, name) = match owners.top(metadata) {
        Top::Workload(..) => return None,
        // An old revision that makes no pods any more.
        Top::Reference(_) if workload.spec.replicas == Some(0) => return None,
        Top::Reference(owner) => (
            Subject::object(&owner.api_version, &owner.kind, &metadata.namespace, &owner.name),
            (owner.kind.as_str(), metadata.namespace.as_str(), owner.name.as_str()),
        ),
        Top::Nobody => (
            owner::subject(kind, workload),
            (kind.as_str(), metadata.namespace.as_str(), metadata.name.as_str()),
        ),
    };
    let wishes = Wishes::of(&template.metadata, &template.spec);
    if wishes.is_nothing() {
        return None;
    }
    let fate = if kind == Kind::DaemonSet { Fate::Stays } else { Fate::Replaced };
    let kind = Some(kind).filter(|_| metadata.controller().is_none());
    Some((name, Asker::new(subject, kind, fate, wishes, &template.spec, stamp)))
}

fn add_pod<'a>(
    askers: &mut HashMap<Name<'a>, Asker<'a>>,
    pod: &'a Pod,
    wishes: Wishes<'a>,
    owners: &Owners<'a>,
    stamp: Option<&'a Stamp>,
) {
    let top = owners.top(&pod.metadata);
    if let Some(asker) = askers.get_mut(&name_of(pod, top)) {
        asker.add(wishes);
        return;
    }
    let (subject, kind, fate) = if pod.is_mirror() {
        (pod_subject(pod), None, Fate::Restarted)
    } else {
        let (kind, fate) = match top {
            Top::Workload(Kind::DaemonSet, _) => (Some(Kind::DaemonSet), Fate::Stays),
            Top::Workload(kind, _) => (Some(kind), Fate::Replaced),
            Top::Reference(owner) if owner.kind == "DaemonSet" => (None, Fate::Stays),
            Top::Reference(_) => (None, Fate::Replaced),
            Top::Nobody => (None, Fate::Lost),
        };
        (owners.subject_of(pod), kind, fate)
    };
    let template = match top {
        Top::Workload(_, workload) => workload.template(),
        _ => None,
    };
    let spec = template.map_or(&pod.spec, |template| &template.spec);
    let mut asker = Asker::new(subject, kind, fate, wishes, spec, stamp);
    asker.annotated_by_others = template.is_some() && !asker.annotated.is_empty();
    askers.insert(name_of(pod, top), asker);
}

impl<'a> Asker<'a> {
    fn new(
        subject: Subject,
        kind: Option<Kind>,
        fate: Fate,
        wishes: Wishes<'a>,
        spec: &'a PodSpec,
        stamp: Option<&'a Stamp>,
    ) -> Self {
        let Wishes { annotated, needs, problems } = wishes;
        let runs_on = Vec::new();
        Self {
            subject,
            kind,
            fate,
            annotated,
            annotated_by_others: false,
            needs,
            problems,
            spec,
            runs_on,
            stamp,
        }
    }

    /// Adds what a further pod asks, once.
    fn add(&mut self, wishes: Wishes<'a>) {
        for need in wishes.needs {
            if !self.needs.contains(&need) {
                self.needs.push(need);
            }
        }
        for problem in wishes.problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        if self.annotated.is_empty() && !wishes.annotated.is_empty() {
            self.annotated = wishes.annotated;
            self.annotated_by_others = true;
        }
    }
}

fn pod_subject(pod: &Pod) -> Subject {
    let metadata = &pod.metadata;
    Subject {
        node: pod.spec.node_name.to_string(),
        ..Subject::object("v1", "Pod", &metadata.namespace, &metadata.name)
    }
}

/// The name under which a pod's asker is found: its top owner's, or its own.
fn name_of<'a>(pod: &'a Pod, top: Top<'a>) -> Name<'a> {
    let namespace = pod.metadata.namespace.as_str();
    match top {
        Top::Workload(kind, workload) => (kind.as_str(), namespace, workload.metadata.name.as_str()),
        // A static pod belongs to its Node, and is mended by itself.
        Top::Reference(owner) if !pod.is_mirror() => (owner.kind.as_str(), namespace, owner.name.as_str()),
        _ => ("Pod", namespace, pod.metadata.name.as_str()),
    }
}
