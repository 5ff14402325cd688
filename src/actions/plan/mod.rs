//! The plan: what is left to do, in the official order, from evidence.

mod make;
mod settings;
mod state;
#[cfg(test)]
mod tests;
pub mod words;

use serde::{Deserialize, Serialize};

pub use make::{hop, plan};
pub use settings::{Attempt, Consent, DEFAULT_BACKUP_FOLDER, Decisions, Hold, Settings};

use super::observed::Condition;
use crate::evidence::Unread;
use crate::text::Text;
use crate::version::{Minor, Version};

/// The version of the plan's JSON form. It counts up when a field is taken away or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// What an upgrade consists of, and how far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// [`SCHEMA_VERSION`]
    pub schema_version: u32,
    /// The cluster's name.
    pub cluster: Text,
    /// Its identity: the UID of the namespace kube-system, where that was read.
    pub uid: Option<Text>,
    /// The version that the upgrade starts from: the oldest API server's.
    pub from: Version,
    /// The version that these steps go to: that of the first hop.
    pub target: Version,
    /// All hops of the way; the steps are those of the first. Empty for a patch.
    pub route: Vec<Minor>,
    /// The steps in their order.
    pub phases: Vec<Phase>,
    /// Nodes that kubelift leaves to hand, and why.
    pub left_to_hand: Vec<LeftToHand>,
    /// What was not read and keeps the plan from being whole.
    pub unread: Vec<Unread>,
}

/// Steps that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// `Control plane cp1`
    pub name: String,
    /// In their order.
    pub steps: Vec<Step>,
}

/// A node that kubelift leaves to hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftToHand {
    /// Its name.
    pub node: Text,
    /// Why.
    pub why: String,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// A snapshot of etcd is saved and verified.
    Backup,
    /// kubeadm's package is brought to the target.
    Package,
    /// The control plane's images are pulled.
    Pull,
    /// `kubeadm upgrade apply`, once in a cluster.
    UpgradeApply,
    /// `kubeadm upgrade node`.
    UpgradeNode,
    /// The node is cordoned and its pods are evicted.
    Drain,
    /// The packages of kubelet and kubectl are brought to the target, and the kubelet is restarted.
    Kubelet,
    /// The node takes pods again.
    Uncordon,
    /// Something that only a person can do, and see.
    Manual,
}

impl StepKind {
    /// Its word: `upgrade-apply`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Package => "package",
            Self::Pull => "pull",
            Self::UpgradeApply => "upgrade-apply",
            Self::UpgradeNode => "upgrade-node",
            Self::Drain => "drain",
            Self::Kubelet => "kubelet",
            Self::Uncordon => "uncordon",
            Self::Manual => "manual",
        }
    }

    /// Whether kubelift itself carries it out, by the Kubernetes API; others run on a machine.
    pub const fn is_by_api(self) -> bool {
        matches!(self, Self::Drain | Self::Uncordon)
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// `kubelet/w1`: the same in every plan of the same target, so that a journal can name it.
    pub id: String,
    /// What it does.
    pub kind: StepKind,
    /// The node that it is done on or to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub node: Option<Text>,
    /// `kubeadm upgrade apply on cp1`
    pub title: String,
    /// What runs, byte for byte, each line by a shell of root on the node; for steps by the API the requests. Empty
    /// while what they depend on was not read: a precondition says so.
    pub commands: Vec<String>,
    /// What happens beside it: what restarts, what is evicted.
    pub effects: Vec<String>,
    /// What must hold before it.
    pub precondition: Vec<Condition>,
    /// What is observed when it is done.
    pub postcondition: Vec<Condition>,
    /// How it can be undone, or that it cannot.
    pub way_back: String,
    /// How long it usually takes.
    pub expected_seconds: u32,
    /// For how long what is observed must stay so before it is over: what was just started may go away once more.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub settle_seconds: u32,
    /// What the operator must do to let it run.
    pub confirmation: Confirmation,
    /// How far it is.
    pub state: StepState,
    /// Why it is in this state, in a sentence; empty where there is nothing to say.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub why: String,
    /// What holds it up until it is mended or consented to: findings, and pods that leave for good.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub held_by: Vec<Hold>,
}

/// The id of the step for a backup of an etcd that kubeadm does not run.
pub(in crate::actions) const EXTERNAL_BACKUP: &str = "manual/external-etcd-backup";

impl Step {
    /// Whether it makes what one comes back to: a snapshot of the time before, worth nothing when that is over.
    pub fn is_backup(&self) -> bool {
        self.kind == StepKind::Backup || self.id == EXTERNAL_BACKUP
    }
}

const fn is_zero(seconds: &u32) -> bool {
    *seconds == 0
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Something must happen before: another step, a finding mended, a precondition.
    Blocked,
    /// It can be confirmed.
    Ready,
    /// It was begun, and goes on when something else has happened: the operator's commands, a budget, what is observed.
    Waiting,
    /// It was begun and is not seen done.
    Running,
    /// Its postcondition is observed.
    Done,
    /// The operator said that it is done; nothing shows it.
    Said,
    /// It was begun and went wrong.
    Failed,
    /// The operator left it out, with a reason.
    Skipped,
    /// What would show its state was not read.
    Unknown,
}

impl StepState {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Said => "said, not seen",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it was begun, and has not come to an end.
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Running | Self::Waiting)
    }

    /// Whether the plan goes on behind it.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Said | Self::Skipped)
    }
}

/// What the operator must do to let a step run. The stronger of two is the greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "level", content = "answer")]
pub enum Confirmation {
    /// Say yes.
    Acknowledge,
    /// Type this word.
    Word(String),
    /// Type this name, of the node or the cluster.
    Name(Text),
}

impl Confirmation {
    /// What is to be typed, if anything.
    pub fn answer(&self) -> Option<&str> {
        match self {
            Self::Acknowledge => None,
            Self::Word(word) => Some(word),
            Self::Name(name) => Some(name),
        }
    }
}

impl Plan {
    /// All steps in their order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|phase| &phase.steps)
    }

    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps().find(|step| step.id == id)
    }

    /// The first step that is not over: what comes next.
    pub fn next(&self) -> Option<&Step> {
        self.steps().find(|step| !step.state.is_over())
    }

    /// Whether every step is over and the plan is whole.
    pub fn is_finished(&self) -> bool {
        self.unread.is_empty() && self.next().is_none()
    }

    /// How long what is left usually takes, in seconds.
    pub fn seconds_left(&self) -> u32 {
        self.steps().filter(|step| !step.state.is_over()).map(|step| step.expected_seconds).sum()
    }
}
