//! Flags of Kubernetes' components that a minor does not know any more.

use serde::Deserialize;

use super::Catalog;
use crate::version::Minor;

/// A flag, or one value of a flag, with which a component does not start from some minor on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoneFlag {
    /// `kubelet`, `kube-apiserver`, `kube-controller-manager` or `kube-scheduler`
    pub component: String,
    /// Without its dashes: `keep-terminated-pod-volumes`.
    pub flag: String,
    /// The one of its comma-separated values that is gone, `PersistentVolumeLabel`; `None` where the flag is.
    pub value: Option<String>,
    /// The first minor that does not know it.
    pub gone: Minor,
    /// Whether kubeadm of that minor takes it out of the kubelet's /var/lib/kubelet/kubeadm-flags.env.
    #[serde(default)]
    pub kubeadm_mends: bool,
    /// Where the row is from.
    pub source: String,
}

impl GoneFlag {
    /// Whether it is what a command line has: the flag with any value, or this one among its values, turned on or off.
    pub fn is(&self, value: Option<&str>) -> bool {
        let has = |wanted: &str| {
            value.unwrap_or_default().split(',').any(|one| one.trim().trim_start_matches('-') == wanted)
        };
        self.value.as_deref().is_none_or(has)
    }
}

impl Catalog {
    /// What goes of a component's flag with this name: the flag, or values of it.
    pub fn gone_flags(&self, component: &str, name: &str) -> &[GoneFlag] {
        let key = |flag: &GoneFlag| (flag.component.as_str(), flag.flag.as_str()).cmp(&(component, name));
        let begin = self.flags.partition_point(|flag| key(flag).is_lt());
        let end = self.flags.partition_point(|flag| key(flag).is_le());
        self.flags.get(begin..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::catalog;

    #[test]
    fn rows_are_sorted_and_of_components_that_kubeadm_runs() {
        let key = |flag: &GoneFlag| (flag.component.clone(), flag.flag.clone(), flag.value.clone());
        for pair in catalog().flags.windows(2) {
            assert!(key(&pair[0]) < key(&pair[1]), "{:?}", key(&pair[1]));
        }
        for flag in &catalog().flags {
            assert!(
                ["kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
                    .contains(&flag.component.as_str()),
                "{}",
                flag.component
            );
            assert!(catalog().knows(flag.gone) && !flag.flag.starts_with('-'), "{}", flag.flag);
            assert!(!flag.kubeadm_mends || flag.component == "kubelet", "{}", flag.flag);
        }
    }

    #[test]
    fn a_value_is_gone_in_a_list_and_turned_off_too() {
        let gone = |component: &str, name: &str, value: Option<&str>| {
            catalog()
                .gone_flags(component, name)
                .iter()
                .find(|flag| flag.is(value))
                .map(|flag| flag.gone.minor)
        };
        assert_eq!(gone("kubelet", "keep-terminated-pod-volumes", None), Some(31));
        assert_eq!(gone("kubelet", "keep-terminated-pod-volumes", Some("false")), Some(31));
        assert_eq!(gone("kube-apiserver", "keep-terminated-pod-volumes", None), None);
        let plugins = "enable-admission-plugins";
        assert_eq!(gone("kube-apiserver", plugins, Some("NodeRestriction, PersistentVolumeLabel")), Some(31));
        assert_eq!(gone("kube-apiserver", plugins, Some("NodeRestriction")), None);
        assert_eq!(gone("kube-apiserver", plugins, None), None);
        assert_eq!(gone("kube-controller-manager", "controllers", Some("*,-service")), Some(37));
        assert_eq!(gone("kube-controller-manager", "controllers", Some("*,-serviceaccount-token")), None);
    }
}
