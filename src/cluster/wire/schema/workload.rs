//! Of k8s.io/api v0.30.14, the generated.proto files of apps/v1, batch/v1 and core/v1: what makes pods.

use super::core::POD_TEMPLATE_SPEC;
use super::meta::OBJECT_META;
use super::{Message, boolean, int, one};

/// Declares a workload and its spec.
macro_rules! workload {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $spec:ident, $spec_name:literal, [$($field:expr),* $(,)?]) => {
        $(#[$doc])*
        pub static $name: Message =
            Message::new($kind, &[one(1, "metadata", &OBJECT_META), one(2, "spec", &$spec)]);
        static $spec: Message = Message::new($spec_name, &[$($field),*]);
    };
}

workload!(
    /// A Deployment.
    DEPLOYMENT,
    "Deployment",
    DEPLOYMENT_SPEC,
    "DeploymentSpec",
    [int(1, "replicas"), one(3, "template", &POD_TEMPLATE_SPEC)]
);

workload!(
    /// A StatefulSet.
    STATEFUL_SET,
    "StatefulSet",
    STATEFUL_SET_SPEC,
    "StatefulSetSpec",
    [int(1, "replicas"), one(3, "template", &POD_TEMPLATE_SPEC)]
);

workload!(
    /// A DaemonSet.
    DAEMON_SET,
    "DaemonSet",
    DAEMON_SET_SPEC,
    "DaemonSetSpec",
    [one(2, "template", &POD_TEMPLATE_SPEC)]
);

workload!(
    /// A ReplicaSet.
    REPLICA_SET,
    "ReplicaSet",
    REPLICA_SET_SPEC,
    "ReplicaSetSpec",
    [int(1, "replicas"), one(3, "template", &POD_TEMPLATE_SPEC)]
);

workload!(
    /// A ReplicationController.
    REPLICATION_CONTROLLER,
    "ReplicationController",
    REPLICATION_CONTROLLER_SPEC,
    "ReplicationControllerSpec",
    [int(1, "replicas"), one(3, "template", &POD_TEMPLATE_SPEC)]
);

workload!(
    /// A Job.
    JOB,
    "Job",
    JOB_SPEC,
    "JobSpec",
    [one(6, "template", &POD_TEMPLATE_SPEC), boolean(10, "suspend")]
);

workload!(
    /// A CronJob.
    CRON_JOB,
    "CronJob",
    CRON_JOB_SPEC,
    "CronJobSpec",
    [boolean(4, "suspend"), one(5, "jobTemplate", &JOB_TEMPLATE_SPEC)]
);

static JOB_TEMPLATE_SPEC: Message = Message::new("JobTemplateSpec", &[one(2, "spec", &JOB_SPEC)]);
