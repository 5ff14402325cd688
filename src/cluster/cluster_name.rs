//! What a cluster is called.

use serde::Deserialize;

use crate::evidence::Reading;
use crate::evidence::objects::ConfigMap;
use crate::text::Text;

/// The name that kubeadm gives to a cluster that was not given one: it tells no cluster from another.
const DEFAULT: &str = "kubernetes";

/// `clusterName` of kubeadm's ClusterConfiguration, unless it is the default.
pub fn of_kubeadm(config: &Reading<ConfigMap>) -> Option<Text> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ClusterConfiguration {
        cluster_name: Text,
    }
    let document = config.value()?.data.get("ClusterConfiguration")?;
    let configuration: ClusterConfiguration = serde_yaml::from_str(document).ok()?;
    Some(configuration.cluster_name).filter(|name| !name.is_empty() && *name != DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Stamp;

    fn config(document: &str) -> Reading<ConfigMap> {
        let data = [("ClusterConfiguration".into(), document.into())].into_iter().collect();
        let stamp = Stamp { at: jiff::Timestamp::UNIX_EPOCH, how: "".into() };
        Reading::Read { stamp, value: ConfigMap { data, ..ConfigMap::default() } }
    }

    #[test]
    fn a_name_counts_unless_it_is_the_default() {
        assert_eq!(
            of_kubeadm(&config("clusterName: prod-eu-1\nkubernetesVersion: v1.30.4\n")).as_deref(),
            Some("prod-eu-1")
        );
        for document in ["clusterName: kubernetes", "kubernetesVersion: v1.30.4", "{", ""] {
            assert_eq!(of_kubeadm(&config(document)), None, "{document}");
        }
    }
}
