//! What makes pods from a template.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::meta::Metadata;
use super::pod::PodSpec;

/// A kind of workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// apps/v1
    Deployment,
    /// apps/v1
    StatefulSet,
    /// apps/v1
    DaemonSet,
    /// apps/v1
    ReplicaSet,
    /// v1
    ReplicationController,
    /// batch/v1
    Job,
    /// batch/v1
    CronJob,
}

impl Kind {
    /// All of them, in the order in which they are read.
    pub const ALL: [Self; 7] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ReplicaSet,
        Self::ReplicationController,
        Self::Job,
        Self::CronJob,
    ];

    /// Kubernetes' name of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::ReplicationController => "ReplicationController",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }

    /// Group and version, `apps/v1`.
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::ReplicaSet => "apps/v1",
            Self::ReplicationController => "v1",
            Self::Job | Self::CronJob => "batch/v1",
        }
    }

    /// The resource as rights name it: `deployments.apps`.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Deployment => "deployments.apps",
            Self::StatefulSet => "statefulsets.apps",
            Self::DaemonSet => "daemonsets.apps",
            Self::ReplicaSet => "replicasets.apps",
            Self::ReplicationController => "replicationcontrollers",
            Self::Job => "jobs.batch",
            Self::CronJob => "cronjobs.batch",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An object of a workload kind, with its pod template wherever the kind keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Workload {
    /// Name, labels, owner.
    pub metadata: Metadata,
    /// What it makes.
    pub spec: WorkloadSpec,
}

impl Workload {
    /// The template that its pods are made from.
    pub fn template(&self) -> Option<&PodTemplate> {
        self.spec.template.as_deref().or_else(|| self.spec.job_template.as_ref()?.spec.template.as_deref())
    }
}

/// The wanted state of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadSpec {
    /// How many pods; absent where the kind has no such number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// The pod template, of every kind but CronJob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<PodTemplate>>,
    /// A CronJob's template of Jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_template: Option<Box<JobTemplate>>,
    /// Whether a CronJob or Job is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// A CronJob's template of Jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobTemplate {
    /// The Job's spec.
    pub spec: JobTemplateSpec,
}

/// The spec in a [`JobTemplate`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobTemplateSpec {
    /// The pod template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<PodTemplate>>,
}

/// A pod template.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PodTemplate {
    /// Labels and annotations of the pods.
    pub metadata: Metadata,
    /// What the pods ask for.
    pub spec: PodSpec,
}
