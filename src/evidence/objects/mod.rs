//! Slim forms of Kubernetes' objects: its own names and nesting, only the fields that checks use.
//!
//! The same types are decoded from JSON and from protobuf, written into recordings and read back,
//! so a recording shows an object as `kubectl get -o json` does, with fields left out. What may
//! hold a secret (annotations, arguments, environment) is kept only by allow-list: see
//! [`meta::Annotations`] and [`pod::Flags`].

pub mod budget;
pub mod control;
pub mod meta;
pub mod node;
pub mod pod;
pub mod storage;
pub mod volume;
pub mod workload;

pub use budget::PodDisruptionBudget;
pub use control::{ConfigMap, EndpointSlice, Lease, ManagedObject};
pub use meta::{Key, ManagedFieldsEntry, Metadata, Object, OwnerReference, Seq};
pub use node::Node;
pub use pod::{Pod, PodSpec};
pub use storage::{CsiDriver, CsiNode, PersistentVolume, StorageClass};
pub use workload::{Kind, Workload};

/// Declares that these types carry their name in a field `metadata`.
macro_rules! objects {
    ($($type:ty),* $(,)?) => {
        $(impl Object for $type {
            fn key(&self) -> Key<'_> {
                Key { namespace: &self.metadata.namespace, name: &self.metadata.name }
            }

            fn resource_version(&self) -> &str {
                &self.metadata.resource_version
            }
        })*
    };
}
objects!(
    Node,
    Pod,
    Workload,
    CsiNode,
    CsiDriver,
    PersistentVolume,
    StorageClass,
    PodDisruptionBudget,
    Lease,
    EndpointSlice,
    ConfigMap,
    ManagedObject
);
