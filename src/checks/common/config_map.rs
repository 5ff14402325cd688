//! ConfigMaps of kube-system that kubelift asks for by name, and the documents in them.

use serde::de::DeserializeOwned;

use super::static_pods::NAMESPACE;
use crate::checks::Subject;
use crate::evidence::{Evidence, Reason, Stamp, Unread};

/// A document of a ConfigMap in kube-system.
#[derive(Debug, Clone, Copy)]
pub struct Document {
    /// The ConfigMap: `kubeadm-config`.
    pub config_map: &'static str,
    /// Its key there: `ClusterConfiguration`.
    pub key: &'static str,
    /// What it is called where it is missing.
    pub called: &'static str,
}

impl Document {
    /// The document as it stands there.
    ///
    /// # Errors
    /// Why it was not read; [`Reason::Absent`] where there is no such ConfigMap.
    pub fn text(self, evidence: &Evidence) -> Result<(&str, &Stamp), Unread> {
        let reading =
            evidence.config_maps.get(self.config_map).ok_or_else(|| self.unread(Reason::Pending, ""))?;
        let (map, stamp) = reading.get().map_err(Clone::clone)?;
        let missing = || self.unread(Reason::Malformed, &format!("it has no {}", self.called));
        Ok((map.data.get(self.key).ok_or_else(missing)?, stamp))
    }

    /// The document as what it holds.
    ///
    /// # Errors
    /// As [`Document::text`], and where it is no such thing.
    pub fn parsed<T: DeserializeOwned>(self, evidence: &Evidence) -> Result<(T, &Stamp), Unread> {
        let (text, stamp) = self.text(evidence)?;
        let parsed = serde_yaml::from_str(text);
        Ok((parsed.map_err(|error| self.unread(Reason::Malformed, &error.to_string()))?, stamp))
    }

    fn unread(self, reason: Reason, why: &str) -> Unread {
        Unread::new("get", "configmaps", reason, why).in_namespace(NAMESPACE).of(self.config_map)
    }
}

/// A ConfigMap of kube-system as a finding's subject.
pub fn subject(name: &str) -> Subject {
    Subject::object("v1", "ConfigMap", NAMESPACE, name)
}
