//! What kubeadm keeps of a cluster, in the ConfigMap kubeadm-config.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_yaml::Value;

use super::config_map::Document;
use crate::evidence::{Evidence, Stamp, Unread};

/// The fields of kubeadm's ClusterConfiguration that checks and plans look at. Where one is not set, kubeadm's own default
/// counts, which is not filled in here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterConfiguration {
    /// `v1.30.4`: the version of the last upgrade that went to its end.
    pub kubernetes_version: String,
    /// What the cluster is called; `kubernetes` where nobody called it anything.
    pub cluster_name: String,
    /// Where images are pulled from: `registry.k8s.io`.
    pub image_repository: String,
    /// What kubelets and users dial, `host` or `host:port`; empty where there is only the one API server.
    pub control_plane_endpoint: String,
    /// CoreDNS.
    pub dns: Dns,
    /// Where etcd is.
    pub etcd: EtcdConfiguration,
    /// kube-apiserver.
    pub api_server: Option<Component>,
    /// kube-controller-manager.
    pub controller_manager: Option<Component>,
    /// kube-scheduler.
    pub scheduler: Option<Component>,
}

/// A component of the control plane in a static pod.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Component {
    /// Flags beside kubeadm's own.
    pub extra_args: ExtraArgs,
}

/// CoreDNS, which an upgrade deploys anew.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dns {
    /// A tag that is used in place of kubeadm's own; empty for that.
    pub image_tag: String,
}

/// Where etcd is: one of two is set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EtcdConfiguration {
    /// In static pods that kubeadm makes.
    pub local: Option<LocalEtcd>,
    /// Elsewhere.
    pub external: Option<ExternalEtcd>,
}

/// etcd that kubeadm does not run: an upgrade leaves it as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ExternalEtcd {
    /// Where it is asked: `https://10.0.0.21:2379`.
    pub endpoints: Vec<String>,
}

impl ExternalEtcd {
    /// The hosts of its endpoints, each once, in their order: a name or an address, without brackets.
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = Vec::new();
        for endpoint in &self.endpoints {
            let rest = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, rest)| rest);
            let authority = rest.split('/').next().unwrap_or_default();
            let host = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
                Some((address, _)) => address,
                None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
            };
            if !host.is_empty() && !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }
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

/// Flags: a map up to v1beta3, a list of names and values since v1beta4.
#[derive(Debug, Default)]
pub struct ExtraArgs(pub Vec<ExtraArg>);

/// A flag.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct ExtraArg {
    /// Without dashes.
    pub name: String,
    /// Empty where it is no plain value, which kubeadm would refuse.
    #[serde(default, deserialize_with = "scalar")]
    pub value: String,
}

/// A value as text, whether or not it was written with quotes.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Value::deserialize(deserializer).map(text)
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Bool(is) => is.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

impl<'de> Deserialize<'de> for ExtraArgs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Map(BTreeMap<String, Value>),
            List(Vec<ExtraArg>),
        }
        Ok(Self(match Option::<Either>::deserialize(deserializer)? {
            Some(Either::Map(map)) => {
                map.into_iter().map(|(name, value)| ExtraArg { name, value: text(value) }).collect()
            }
            Some(Either::List(list)) => list,
            None => Vec::new(),
        }))
    }
}

/// The ClusterConfiguration.
///
/// # Errors
/// Why it was not read; [`Reason::Absent`](crate::evidence::Reason::Absent) where there is none.
pub fn configuration(evidence: &Evidence) -> Result<(ClusterConfiguration, &Stamp), Unread> {
    const DOCUMENT: Document = Document {
        config_map: "kubeadm-config",
        key: "ClusterConfiguration",
        called: "ClusterConfiguration",
    };
    DOCUMENT.parsed(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::evidence::Reason;
    use serde_json::json;

    #[test]
    fn what_a_plan_needs_is_there_or_empty() {
        let mut world = World::new("1.30.4");
        let of = |world: &World| configuration(&world.evidence).unwrap().0;
        let config = of(&world);
        assert_eq!((config.cluster_name.as_str(), config.image_repository.as_str()), ("kubernetes", ""));
        assert_eq!((config.control_plane_endpoint.as_str(), config.dns.image_tag.as_str()), ("", ""));
        world.config_map(
            "kubeadm-config",
            json!({ "ClusterConfiguration": "apiVersion: kubeadm.k8s.io/v1beta3\nclusterName: prod\n\
                controlPlaneEndpoint: api.example.com:6443\ndns:\n  imageRepository: mirror/coredns\n  \
                imageTag: v1.11.3\netcd:\n  external:\n    caFile: /ca\n    endpoints:\n    - \
                https://10.0.0.21:2379\n    - https://etcd-2.example.com:2379\nimageRepository: mirror\n" }),
        );
        let config = of(&world);
        assert_eq!((config.cluster_name.as_str(), config.image_repository.as_str()), ("prod", "mirror"));
        assert_eq!(config.control_plane_endpoint, "api.example.com:6443");
        assert_eq!(config.dns.image_tag, "v1.11.3");
        assert_eq!(config.etcd.external.unwrap().hosts(), ["10.0.0.21", "etcd-2.example.com"]);
        world.config_map(
            "kubeadm-config",
            json!({ "ClusterConfiguration": "dns: {}\netcd:\n  external: {}\n" }),
        );
        assert!(of(&world).etcd.external.unwrap().hosts().is_empty());
    }

    #[test]
    fn hosts_of_endpoints() {
        for (endpoints, hosts) in [
            (&["https://10.0.0.1:2379", "https://10.0.0.1:2381"][..], &["10.0.0.1"][..]),
            (&["https://[fd00::1]:2379", "http://etcd"], &["fd00::1", "etcd"]),
            (&["etcd-1:2379/", "https://etcd-2:2379/x:1"], &["etcd-1", "etcd-2"]),
            (&["", "https://"], &[]),
        ] {
            let etcd = ExternalEtcd { endpoints: endpoints.iter().map(|text| (*text).to_owned()).collect() };
            assert_eq!(etcd.hosts(), hosts);
        }
    }

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
        assert_eq!(configuration(&world.evidence).unwrap().0.etcd.external.unwrap().hosts(), ["x"]);
        for (args, value) in [
            ("{proxy: off, listen: x}", "off"),
            ("{proxy: true, listen: x}", "true"),
            ("[{name: proxy, value: '1'}, {name: listen, value: x}]", "1"),
            ("[{name: proxy}, {name: listen, value: x}]", ""),
        ] {
            let document = format!("etcd:\n  local:\n    extraArgs: {args}\n");
            world.config_map("kubeadm-config", json!({ "ClusterConfiguration": document }));
            let flags = configuration(&world.evidence).unwrap().0.etcd.local.unwrap().extra_args.0;
            let mut flags: Vec<_> = flags.iter().map(|arg| (&*arg.name, &*arg.value)).collect();
            flags.sort_unstable();
            assert_eq!(flags, [("listen", "x"), ("proxy", value)], "{args}");
        }
        for data in
            [json!({}), json!({ "ClusterConfiguration": "[" }), json!({ "ClusterConfiguration": "etcd: 1" })]
        {
            world.config_map("kubeadm-config", data);
            assert_eq!(configuration(&world.evidence).unwrap_err().reason, Reason::Malformed);
        }
    }
}
