//! Which pods a drain evicts: kubectl's rules, each said.
//!
//! Source: `k8s.io/kubectl/pkg/drain/filters.go` of 0.31: DaemonSet pods and mirrors stay, emptyDir data and pods
//! without a controller are only taken with consent.

use crate::checks::common::owner::Owners;
use crate::evidence::Evidence;
use crate::evidence::objects::Pod;
use crate::text::Text;

/// A pod, so that one of the same name elsewhere is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodRef {
    /// Its namespace.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
    /// Its UID.
    pub uid: Text,
}

impl std::fmt::Display for PodRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl From<&Pod> for PodRef {
    fn from(pod: &Pod) -> Self {
        Self {
            namespace: pod.metadata.namespace.clone(),
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
        }
    }
}

/// A pod that is to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaves {
    /// Which.
    pub pod: PodRef,
    /// Whom it belongs to, `shop/Deployment/web`; itself where it has no controller.
    pub owner: String,
    /// What is lost with it, if something is: it leaves only when its name was typed.
    pub lost: Option<&'static str>,
}

/// What a drain of a node does with its pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those that are evicted.
    pub leave: Vec<Leaves>,
    /// Those that are on their way out already.
    pub leaving: Vec<PodRef>,
    /// How many belong to the node: DaemonSets' and mirrors of static pods.
    pub stay: usize,
}

/// Sorts the pods of one node.
pub fn select(evidence: &Evidence, node: &str) -> Selection {
    let pods = evidence.objects.pods.iter().filter(|pod| pod.spec.node_name == *node);
    sort(&Owners::of(&evidence.objects), pods)
}

/// Sorts the pods of a node.
pub fn sort<'a>(owners: &Owners<'a>, pods: impl IntoIterator<Item = &'a Pod>) -> Selection {
    let mut selection = Selection::default();
    for pod in pods {
        let controller = pod.metadata.controller();
        if pod.is_mirror() || controller.is_some_and(|owner| owner.kind == "DaemonSet") && !pod.is_finished()
        {
            selection.stay += 1;
        } else if pod.metadata.deletion_timestamp.is_some() {
            selection.leaving.push(PodRef::from(pod));
        } else {
            let owner = owners.subject_of(pod).to_string();
            selection.leave.push(Leaves { pod: PodRef::from(pod), owner, lost: lost(pod) });
        }
    }
    selection
}

/// What is lost with a pod.
fn lost(pod: &Pod) -> Option<&'static str> {
    if pod.is_finished() {
        return None;
    }
    let empty_dir = pod.spec.volumes.iter().any(|volume| volume.empty_dir.is_some());
    match (pod.metadata.controller().is_none(), empty_dir) {
        (true, true) => Some("it has no controller that makes it again, and data in an emptyDir"),
        (true, false) => Some("it has no controller that makes it again"),
        (false, true) => Some("it has data in an emptyDir"),
        (false, false) => None,
    }
}
