//! Which protobuf field is which JSON field: tables of what slim types use, and of nothing else.
//!
//! The tables stand beside the `generated.proto` files that they are taken from: see the source at
//! the head of each file. A test proves them against two releases of those files.

mod control;
mod core;
mod meta;
mod policy;
mod storage;
mod workload;

pub use self::control::{CONFIG_MAP, ENDPOINT_SLICE, LEASE};
pub use self::core::{NODE, POD};
pub use self::meta::{LIST_META, OBJECT, STATUS};
pub use self::policy::POD_DISRUPTION_BUDGET;
pub use self::storage::{CSI_DRIVER, CSI_NODE, PERSISTENT_VOLUME, STORAGE_CLASS};
pub use self::workload::{
    CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET,
};

use crate::evidence::objects::Kind;

/// How many fields a message has at most, those of its [`Type::Inline`] among them.
pub const MAX_FIELDS: usize = 32;

/// A message: those of its fields that slim types use.
#[derive(Debug)]
pub struct Message {
    /// Its name within its package, `PodSpec`. Empty for one of which only the presence counts.
    pub name: &'static str,
    /// The fields.
    pub fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// Its number in protobuf.
    pub number: u32,
    /// Its name in JSON, and in the `.proto` file.
    pub name: &'static str,
    /// What it holds.
    pub of: Type,
    /// Whether JSON leaves it out when it is zero: `omitempty` on a Go field that is no pointer,
    /// which protobuf always has.
    pub omit_zero: bool,
}

/// What a field holds.
#[derive(Debug)]
pub enum Type {
    /// A string.
    String,
    /// A boolean.
    Bool,
    /// An int32 or int64.
    Int,
    /// A `metav1.Time`: whole seconds, as a string of RFC 3339. Empty is `null`.
    Time,
    /// A `metav1.MicroTime`: the same with microseconds.
    MicroTime,
    /// A message.
    Message(&'static Message),
    /// A message whose fields stand among those of the outer one in JSON.
    Inline(&'static Message),
    /// Any number of strings.
    Strings,
    /// Any number of messages.
    Messages(&'static Message),
    /// A map of strings to strings.
    StringMap,
    /// A map of strings to times, as of `Time`.
    TimeMap,
    /// An `intstr.IntOrString`: a number or a string.
    IntOrString,
}

impl Message {
    const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        Self { name, fields }
    }
}

impl Field {
    const fn new(number: u32, name: &'static str, of: Type) -> Self {
        Self { number, name, of, omit_zero: false }
    }

    const fn omit_zero(self) -> Self {
        Self { omit_zero: true, ..self }
    }
}

const fn string(number: u32, name: &'static str) -> Field {
    Field::new(number, name, Type::String)
}

const fn boolean(number: u32, name: &'static str) -> Field {
    Field::new(number, name, Type::Bool)
}

const fn int(number: u32, name: &'static str) -> Field {
    Field::new(number, name, Type::Int)
}

const fn time(number: u32, name: &'static str) -> Field {
    Field::new(number, name, Type::Time)
}

const fn micro_time(number: u32, name: &'static str) -> Field {
    Field::new(number, name, Type::MicroTime)
}

const fn one(number: u32, name: &'static str, message: &'static Message) -> Field {
    Field::new(number, name, Type::Message(message))
}

const fn inline(number: u32, name: &'static str, message: &'static Message) -> Field {
    Field::new(number, name, Type::Inline(message))
}

const fn strings(number: u32, name: &'static str) -> Field {
    Field::new(number, name, Type::Strings)
}

const fn many(number: u32, name: &'static str, message: &'static Message) -> Field {
    Field::new(number, name, Type::Messages(message))
}

const fn map(number: u32, name: &'static str) -> Field {
    Field::new(number, name, Type::StringMap)
}

const fn time_map(number: u32, name: &'static str) -> Field {
    Field::new(number, name, Type::TimeMap)
}

const fn int_or_string(number: u32, name: &'static str) -> Field {
    Field::new(number, name, Type::IntOrString)
}

/// A field of which only matters that it is there.
const fn mark(number: u32, name: &'static str) -> Field {
    Field::new(number, name, Type::Message(&MARK))
}

static MARK: Message = Message::new("", &[]);

/// The schema of a resource by its name in rights, `deployments.apps`. Of a resource that no slim
/// type is for, the metadata: every object of Kubernetes has it as its field 1.
pub fn of_resource(resource: &str) -> &'static Message {
    match resource {
        "nodes" => &NODE,
        "pods" => &POD,
        "configmaps" => &CONFIG_MAP,
        "persistentvolumes" => &PERSISTENT_VOLUME,
        "csinodes.storage.k8s.io" => &CSI_NODE,
        "csidrivers.storage.k8s.io" => &CSI_DRIVER,
        "storageclasses.storage.k8s.io" => &STORAGE_CLASS,
        "leases.coordination.k8s.io" => &LEASE,
        "endpointslices.discovery.k8s.io" => &ENDPOINT_SLICE,
        "poddisruptionbudgets.policy" => &POD_DISRUPTION_BUDGET,
        _ => Kind::ALL.into_iter().find(|kind| kind.resource() == resource).map_or(&OBJECT, of_workload),
    }
}

/// The schema of a kind of workload.
pub fn of_workload(kind: Kind) -> &'static Message {
    match kind {
        Kind::Deployment => &DEPLOYMENT,
        Kind::StatefulSet => &STATEFUL_SET,
        Kind::DaemonSet => &DAEMON_SET,
        Kind::ReplicaSet => &REPLICA_SET,
        Kind::ReplicationController => &REPLICATION_CONTROLLER,
        Kind::Job => &JOB,
        Kind::CronJob => &CRON_JOB,
    }
}
