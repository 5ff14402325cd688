//! What kubeadm keeps of a cluster, in the ConfigMap kubeadm-config.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::evidence::{Evidence, Reason, Stamp, Unread};

/// The fields of kubeadm's ClusterConfiguration that checks look at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterConfiguration {
    /// `v1.30.4`: the version of the last upgrade that went to its end.
    pub kubernetes_version: String,
    /// Where etcd is.
    pub etcd: EtcdConfiguration,
}

/// Where etcd is: one of two is set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EtcdConfiguration {
    /// In static pods that kubeadm makes.
    pub local: Option<LocalEtcd>,
    /// Elsewhere.
    pub external: Option<IgnoredAny>,
}

/// etcd in static pods.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalEtcd {
    /// A tag that is used in place of kubeadm's own.
    pub image_tag: String,
    /// Where the data is; empty for `/var/lib/etcd`.
    pub data_dir: String,
    /// Flags beside kubeadm's own.
    pub extra_args: ExtraArgs,
}

/// Names of flags, without dashes: keys of a map up to v1beta3, a list of names and values since v1beta4. Values are not kept.
#[derive(Debug, Default)]
pub struct ExtraArgs(pub Vec<String>);

impl<'de> Deserialize<'de> for ExtraArgs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Arg {
            name: String,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Map(BTreeMap<String, IgnoredAny>),
            List(Vec<Arg>),
        }
        Ok(Self(match Option::<Either>::deserialize(deserializer)? {
            Some(Either::Map(map)) => map.into_keys().collect(),
            Some(Either::List(list)) => list.into_iter().map(|arg| arg.name).collect(),
            None => Vec::new(),
        }))
    }
}

/// The ClusterConfiguration.
///
/// # Errors
/// Why it was not read; [`Reason::Absent`] where there is none.
pub fn configuration(evidence: &Evidence) -> Result<(ClusterConfiguration, &Stamp), Unread> {
    let name = "kubeadm-config";
    let unread = |reason, why: &str| {
        Unread::new("get", "configmaps", reason, why).in_namespace("kube-system").of(name)
    };
    let reading = evidence.config_maps.get(name).ok_or_else(|| unread(Reason::Pending, ""))?;
    let (map, stamp) = reading.get().map_err(Clone::clone)?;
    let document = map
        .data
        .get("ClusterConfiguration")
        .ok_or_else(|| unread(Reason::Malformed, "it has no ClusterConfiguration"))?;
    let configuration =
        serde_yaml::from_str(document).map_err(|error| unread(Reason::Malformed, &error.to_string()))?;
    Ok((configuration, stamp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use serde_json::json;

    #[test]
    fn a_configuration_is_read_as_far_as_it_goes() {
        let mut world = World::new("1.30.4");
        let (read, _) = configuration(&world.evidence).unwrap();
        assert_eq!(read.kubernetes_version, "v1.30.4");
        assert!(read.etcd.local.is_none() && read.etcd.external.is_none());
        world.config_map(
            "kubeadm-config",
            json!({ "ClusterConfiguration":
            "kind: ClusterConfiguration\netcd:\n  local:\n    dataDir: /var/lib/etcd\n    \
                 imageTag: 3.5.32-0\n" }),
        );
        assert_eq!(configuration(&world.evidence).unwrap().0.etcd.local.unwrap().image_tag, "3.5.32-0");
        world.config_map(
            "kubeadm-config",
            json!({ "ClusterConfiguration": "etcd:\n  external:\n    endpoints: [x]\n" }),
        );
        assert!(configuration(&world.evidence).unwrap().0.etcd.external.is_some());
        for args in ["{proxy: off, listen: x}", "[{name: proxy, value: off}, {name: listen, value: x}]"] {
            let document = format!("etcd:\n  local:\n    extraArgs: {args}\n");
            world.config_map("kubeadm-config", json!({ "ClusterConfiguration": document }));
            let mut flags = configuration(&world.evidence).unwrap().0.etcd.local.unwrap().extra_args.0;
            flags.sort();
            assert_eq!(flags, ["listen", "proxy"], "{args}");
        }
        for data in
            [json!({}), json!({ "ClusterConfiguration": "[" }), json!({ "ClusterConfiguration": "etcd: 1" })]
        {
            world.config_map("kubeadm-config", data);
            assert_eq!(configuration(&world.evidence).unwrap_err().reason, Reason::Malformed);
        }
    }
}
