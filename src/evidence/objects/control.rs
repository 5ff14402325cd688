//! Objects of the control plane: leases, endpoints, configuration, and what is only asked who wrote it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::meta::{Annotations, ManagedFieldsEntry, Metadata, OwnerReference, Seq, str_is_empty};
use crate::text::{Document, Text};

/// A Lease (coordination.k8s.io/v1).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lease {
    /// Name and labels.
    pub metadata: Metadata,
    /// Who holds it.
    pub spec: LeaseSpec,
}

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeaseSpec {
    /// The holder's identity.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub holder_identity: Text,
    /// When it was last renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_time: Option<Timestamp>,
    /// For how long a renewal holds, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_duration_seconds: Option<i32>,
}

impl Lease {
    /// Whether the holder had renewed it in time at `now`.
    pub fn is_held_at(&self, now: Timestamp) -> bool {
        let (Some(renewed), Some(seconds)) = (self.spec.renew_time, self.spec.lease_duration_seconds) else {
            return false;
        };
        !self.spec.holder_identity.is_empty() && now.as_second() - renewed.as_second() <= i64::from(seconds)
    }
}

/// An EndpointSlice (discovery.k8s.io/v1).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointSlice {
    /// Name and labels.
    pub metadata: Metadata,
    /// The endpoints.
    pub endpoints: Seq<Endpoint>,
    /// Their ports.
    pub ports: Seq<EndpointPort>,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Its addresses; the first counts.
    pub addresses: Seq<Text>,
    /// Whether it takes traffic.
    pub conditions: EndpointConditions,
}

/// The conditions of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    /// Absent means ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
}

/// A port of a slice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointPort {
    /// Its name, often empty.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub name: Text,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
}

/// A ConfigMap (v1) that kubelift asks for by name: kubeadm-config, kubelet-config, kube-proxy, coredns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigMap {
    /// Name and labels.
    pub metadata: Metadata,
    /// Its documents by key.
    pub data: BTreeMap<Text, Document>,
}

/// An object of which only the writers matter: one of a kind that a later version does not serve.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ManagedObject {
    /// Its name, and who wrote it.
    pub metadata: ManagedMetadata,
}

/// ObjectMeta, slimmed to a name and the writers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedMetadata {
    /// Unique within namespace and kind.
    pub name: Text,
    /// Empty for objects of the cluster.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub namespace: Text,
    /// Unique over all time.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub uid: Text,
    /// Opaque; where a watch goes on.
    #[serde(skip_serializing_if = "str_is_empty")]
    pub resource_version: Text,
    /// When the server made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Timestamp>,
    /// The version of the last applied object, and no more of it.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// The objects that this one belongs to.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub owner_references: Seq<OwnerReference>,
    /// Who wrote it, in which version, and when. An empty list is possible: a client may clear it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub managed_fields: Seq<ManagedFieldsEntry>,
}
