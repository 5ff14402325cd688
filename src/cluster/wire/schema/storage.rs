//! Of k8s.io/api v0.30.14, the generated.proto files of storage/v1 and core/v1.

use super::meta::OBJECT_META;
use super::{Message, boolean, inline, many, mark, one, string};

/// A CSIDriver.
pub static CSI_DRIVER: Message =
    Message::new("CSIDriver", &[one(1, "metadata", &OBJECT_META), one(2, "spec", &CSI_DRIVER_SPEC)]);

static CSI_DRIVER_SPEC: Message = Message::new("CSIDriverSpec", &[boolean(1, "attachRequired")]);

/// A CSINode.
pub static CSI_NODE: Message =
    Message::new("CSINode", &[one(1, "metadata", &OBJECT_META), one(2, "spec", &CSI_NODE_SPEC)]);

static CSI_NODE_SPEC: Message = Message::new("CSINodeSpec", &[many(1, "drivers", &CSI_NODE_DRIVER)]);

static CSI_NODE_DRIVER: Message = Message::new("CSINodeDriver", &[string(1, "name"), string(2, "nodeID")]);

/// A StorageClass.
pub static STORAGE_CLASS: Message =
    Message::new("StorageClass", &[one(1, "metadata", &OBJECT_META), string(2, "provisioner")]);

/// A PersistentVolume.
pub static PERSISTENT_VOLUME: Message = Message::new(
    "PersistentVolume",
    &[
        one(1, "metadata", &OBJECT_META),
        one(2, "spec", &PERSISTENT_VOLUME_SPEC),
        one(3, "status", &PERSISTENT_VOLUME_STATUS),
    ],
);

static PERSISTENT_VOLUME_SPEC: Message = Message::new(
    "PersistentVolumeSpec",
    &[
        inline(2, "persistentVolumeSource", &PERSISTENT_VOLUME_SOURCE),
        one(4, "claimRef", &OBJECT_REFERENCE),
        string(6, "storageClassName"),
    ],
);

/// It has no gitRepo, which only a pod's volume may be.
static PERSISTENT_VOLUME_SOURCE: Message = Message::new(
    "PersistentVolumeSource",
    &[
        mark(1, "gcePersistentDisk"),
        mark(2, "awsElasticBlockStore"),
        mark(4, "glusterfs"),
        mark(6, "rbd"),
        mark(8, "cinder"),
        mark(9, "cephfs"),
        mark(11, "flocker"),
        mark(12, "flexVolume"),
        mark(13, "azureFile"),
        mark(14, "vsphereVolume"),
        mark(15, "quobyte"),
        mark(16, "azureDisk"),
        mark(18, "portworxVolume"),
        mark(19, "scaleIO"),
        mark(21, "storageos"),
        one(22, "csi", &CSI),
    ],
);

static CSI: Message = Message::new("CSIPersistentVolumeSource", &[string(1, "driver")]);

static OBJECT_REFERENCE: Message =
    Message::new("ObjectReference", &[string(2, "namespace"), string(3, "name")]);

static PERSISTENT_VOLUME_STATUS: Message = Message::new("PersistentVolumeStatus", &[string(1, "phase")]);
