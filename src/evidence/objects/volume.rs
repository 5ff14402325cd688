//! Where volumes come from, in pods and in PersistentVolumes.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// Declares a struct with, beside its own fields, one [`Mark`] for each in-tree volume plugin.
///
/// Kubernetes puts a volume's source beside its other fields, in pods and PersistentVolumes alike.
macro_rules! volume_sources {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$own:meta])* pub $field:ident: $type:ty,)* }) => {
        $crate::evidence::objects::volume::volume_sources! { @with
            $(#[$doc])* pub struct $name { $($(#[$own])* pub $field: $type,)* }
            cephfs = "cephfs", rbd = "rbd", portworx_volume = "portworxVolume", git_repo = "gitRepo",
            glusterfs = "glusterfs", flocker = "flocker", quobyte = "quobyte", storageos = "storageos",
            scale_io = "scaleIO", aws_elastic_block_store = "awsElasticBlockStore",
            gce_persistent_disk = "gcePersistentDisk", azure_disk = "azureDisk", azure_file = "azureFile",
            vsphere_volume = "vsphereVolume", cinder = "cinder", flex_volume = "flexVolume",
        }
    };
    (@with $(#[$doc:meta])* pub struct $name:ident { $($(#[$own:meta])* pub $field:ident: $type:ty,)* }
        $($source:ident = $key:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$own])* pub $field: $type,)*
            $(
                #[doc = concat!("Whether the field `", $key, "` is there.")]
                #[serde(rename = $key, skip_serializing_if = "Option::is_none")]
                pub $source: Option<$crate::evidence::objects::volume::Mark>,
            )*
        }

        impl $name {
            /// The in-tree sources that are set, as Kubernetes spells their fields: `cephfs`, `rbd`, …
            pub fn in_tree(&self) -> impl Iterator<Item = &'static str> {
                [$(self.$source.map(|_| $key)),*].into_iter().flatten()
            }
        }
    };
}
pub(crate) use volume_sources;

/// `hostPath`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HostPath {
    /// The path on the node.
    pub path: Text,
}

/// `csi`, without attributes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CsiSource {
    /// The driver's name.
    pub driver: Text,
}

/// `persistentVolumeClaim`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClaimSource {
    /// The claim's name.
    pub claim_name: Text,
}

/// That a field is there; nothing of its content is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {}
