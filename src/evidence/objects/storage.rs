//! CSI drivers, and volumes.

use serde::{Deserialize, Serialize};

use super::meta::{Metadata, Seq, str_is_empty};
use super::volume::{CsiSource, volume_sources};
use crate::text::Text;

/// A CSIDriver (storage.k8s.io/v1). It has no version: those are in its pods' images.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CsiDriver {
    /// The driver's name is the object's.
    pub metadata: Metadata,
    /// What it can.
    pub spec: CsiDriverSpec,
}

/// What a CSI driver can.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CsiDriverSpec {
    /// Whether volumes are attached by a controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach_required: Option<bool>,
}

/// A CSINode (storage.k8s.io/v1): the drivers that are registered on the node of its name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CsiNode {
    /// The node's name is the object's.
    pub metadata: Metadata,
    /// The drivers.
    pub spec: CsiNodeSpec,
}

/// The drivers of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CsiNodeSpec {
    /// The drivers.
    pub drivers: Seq<CsiNodeDriver>,
}

/// A driver that is registered on a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CsiNodeDriver {
    /// The driver's name.
    pub name: Text,
    /// The node's name as the driver knows it.
    #[serde(rename = "nodeID", skip_serializing_if = "str_is_empty")]
    pub node_id: Text,
}

/// A PersistentVolume (v1).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PersistentVolume {
    /// Name and annotations.
    pub metadata: Metadata,
    /// Where it is.
    pub spec: PersistentVolumeSpec,
    /// What it does.
    pub status: PersistentVolumeStatus,
}

volume_sources! {
    /// Where a volume is.
    pub struct PersistentVolumeSpec {
        /// Its StorageClass.
        #[serde(skip_serializing_if = "str_is_empty")]
        pub storage_class_name: Text,
        /// A CSI volume.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub csi: Option<CsiSource>,
        /// The claim that holds it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub claim_ref: Option<ClaimRef>,
    }
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimRef {
    /// Its namespace.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
}

/// What a volume does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PersistentVolumeStatus {
    /// `Bound`, `Available`, …
    pub phase: Text,
}

/// A StorageClass (storage.k8s.io/v1), without parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageClass {
    /// Name and annotations.
    pub metadata: Metadata,
    /// A CSI driver's name, or an in-tree plugin's.
    pub provisioner: Text,
}
