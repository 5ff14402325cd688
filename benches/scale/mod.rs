//! A large cluster for benches: the simulation's, read through the reader that reads real clusters, and then spread
//! over as many nodes as are wanted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kubelift::catalog::Catalog;
use kubelift::checks::Target;
use kubelift::cluster::client::Connection;
use kubelift::evidence::node_facts::AppArmorProfile;
use kubelift::evidence::objects::meta::Annotations;
use kubelift::evidence::objects::pod::PodSpec;
use kubelift::evidence::objects::{Kind, Node, Pod, Workload};
use kubelift::evidence::{Evidence, NodeFacts, Reading, Scope};
use kubelift::session::options::Options;
use kubelift::session::{self, Snapshot, live};
use kubelift::sim;
use kubelift::source::probed;
use kubelift::text::Text;

/// How many pods there are, beside the scenario's own.
pub(crate) const PODS: usize = 20_000;

/// One of so many Deployments asks for an AppArmor profile.
const ASKS: usize = 4;

/// One of so many nodes has not loaded that profile, or has something else about it.
const ODD: usize = 50;

/// The profile that is asked for.
const PROFILE: &str = "k8s-load";

/// What is known of a large cluster.
pub(crate) struct Scale {
    /// How many nodes there are.
    pub(crate) nodes: usize,
    /// Whether the probe ran on all of them.
    pub(crate) facts: bool,
}

/// The simulated cluster with [`PODS`] pods more, as a session sees it.
pub(crate) fn read() -> Result<Snapshot> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let options = sim::Options { scale_pods: PODS, ..sim::Options::default() };
        let simulation = sim::start("default", options).await?;
        let options = Options {
            kind: session::Kind::Demo { scenario: "default".to_owned() },
            target: None,
            scope: Scope::All,
            node_facts: probed(&simulation),
            nonces: Default::default(),
            backups: None,
        };
        let connection = Connection::simulated(&simulation.url(), simulation.cluster_name()).await?;
        let reading = live::once(connection, Catalog::get().map_err(anyhow::Error::from)?, options);
        let snapshot = tokio::time::timeout(Duration::from_secs(120), reading).await?;
        let pods = snapshot.evidence.objects.pods.items.len();
        ensure!(pods > PODS, "{pods} pods were read");
        Ok(snapshot)
    })
}

/// The target of a snapshot, and its evidence spread over more nodes, with something wrong here and there.
pub(crate) fn spread(snapshot: &Snapshot, scale: &Scale) -> Result<(Evidence, Target)> {
    let target = snapshot.target.clone().context("no target was chosen")?;
    let mut evidence = Evidence::clone(&snapshot.evidence);
    let names = add_nodes(&mut evidence, scale)?;
    let mut asking = BTreeSet::new();
    if let Some(deployments) = evidence.objects.workloads.get_mut(&Kind::Deployment) {
        for (at, deployment) in deployments.items.iter().enumerate() {
            if at.is_multiple_of(ASKS) && deployment.metadata.namespace.starts_with("load-") {
                asking.insert(deployment.metadata.name.clone());
            }
        }
        deployments.items = deployments.items.iter().map(|it| with_profile(it, &asking)).collect();
    }
    let pods = evidence.objects.pods.items.iter().enumerate();
    evidence.objects.pods.items =
        pods.map(|(at, pod)| placed(pod, names.get(at % names.len()), &asking)).collect();
    Ok((evidence, target))
}

/// Adds nodes like the worker that comes last, until there are as many as wanted; the names of those added.
fn add_nodes(evidence: &mut Evidence, scale: &Scale) -> Result<Vec<Text>> {
    let mut nodes: Vec<Arc<Node>> = evidence.objects.nodes.items.to_vec();
    let worker = Arc::clone(nodes.last().context("no node was read")?);
    let facts = evidence.node_facts.get(&worker.metadata.name).cloned();
    if !scale.facts {
        evidence.node_facts.clear();
    }
    let count = scale.nodes.saturating_sub(nodes.len());
    let names: Vec<Text> = (0..count).map(|at| format!("x-{at:05}").into()).collect();
    for (at, name) in names.iter().enumerate() {
        let mut node = Node::clone(&worker);
        node.metadata.name = name.clone();
        node.metadata.uid = format!("uid-of-{name}").into();
        if at % ODD == 1 {
            node.spec.unschedulable = Some(true);
        }
        if at % ODD == 2 {
            node.status.node_info.kubelet_version = "v1.29.9".into();
        }
        nodes.push(Arc::new(node));
        if let (true, Some(facts)) = (scale.facts, &facts) {
            let loaded = at % ODD != 0;
            evidence.node_facts.insert(name.clone(), with_profile_loaded(facts, loaded));
        }
    }
    nodes.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    evidence.objects.nodes.items = nodes.into();
    Ok(names)
}

/// What the probe says of a machine, on which the profile is loaded or not.
fn with_profile_loaded(facts: &Reading<Arc<NodeFacts>>, loaded: bool) -> Reading<Arc<NodeFacts>> {
    let mut facts = facts.clone();
    if let (true, Reading::Read { value, .. }) = (loaded, &mut facts)
        && let Some(profiles) =
            Arc::make_mut(value).app_armor.as_mut().and_then(|host| host.profiles.as_mut())
    {
        profiles.push(AppArmorProfile { name: PROFILE.into(), mode: "enforce".into() });
    }
    facts
}

/// A Deployment whose template asks for the profile, if it is among those that do.
fn with_profile(deployment: &Arc<Workload>, asking: &BTreeSet<Text>) -> Arc<Workload> {
    let mut deployment = Workload::clone(deployment);
    if let (true, Some(template)) =
        (asking.contains(&deployment.metadata.name), &mut deployment.spec.template)
    {
        template.metadata.annotations = annotations(&template.spec);
    }
    Arc::new(deployment)
}

/// The pod on another node, asking for what its Deployment asks for.
fn placed(pod: &Arc<Pod>, node: Option<&Text>, asking: &BTreeSet<Text>) -> Arc<Pod> {
    let Some(node) = node.filter(|_| pod.metadata.namespace.starts_with("load-")) else {
        return Arc::clone(pod);
    };
    let mut pod = Pod::clone(pod);
    pod.spec.node_name = node.clone();
    if pod.metadata.labels.get("app").is_some_and(|app| asking.contains(app)) {
        pod.metadata.annotations = annotations(&pod.spec);
    }
    Arc::new(pod)
}

/// The annotation that asks for the profile, for every container.
fn annotations(spec: &PodSpec) -> Annotations {
    let of = |name: &Text| format!("container.apparmor.security.beta.kubernetes.io/{name}");
    spec.containers.iter().map(|container| (of(&container.name), format!("localhost/{PROFILE}"))).collect()
}
