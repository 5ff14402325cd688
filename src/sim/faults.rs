//! What is wrong with the simulated API: data, which may change while it runs.

use std::time::Duration;

use serde::Deserialize;

/// All that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Faults {
    /// The name that refusals call the user by.
    pub user: String,
    /// What the user may not do. Everything else is allowed.
    pub denied: Vec<Denial>,
    /// API servers that do not answer, by node.
    pub gone: Vec<String>,
    /// How long every answer waits, in milliseconds.
    pub latency_millis: u64,
    /// Checks of /readyz that fail, as `cp2/etcd`: node and check.
    pub failing: Vec<String>,
}

/// Something that the user may not do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Denial {
    /// Kubernetes' verbs; empty for all.
    pub verbs: Vec<String>,
    /// Resources (`pods`, `deployments.apps`) and paths (`/metrics`); `*` for every resource.
    pub resources: Vec<String>,
    /// Namespaces in which it is allowed all the same.
    pub but_in: Vec<String>,
}

impl Faults {
    /// The name that refusals call the user by: that of kubeadm's admin.conf, if no other was given.
    pub(crate) fn user(&self) -> &str {
        if self.user.is_empty() { "kubernetes-admin" } else { &self.user }
    }

    /// How long every answer waits.
    pub const fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_millis)
    }

    /// Whether the user may not do `verb` to `resource`, which is a resource's qualified name or a path.
    pub(crate) fn denies(&self, verb: &str, resource: &str, namespace: Option<&str>) -> bool {
        self.denied.iter().any(|denial| denial.covers(verb, resource, namespace))
    }

    /// The checks of /readyz that fail at a server.
    pub(crate) fn failing_at<'a>(&'a self, server: &'a str) -> impl Iterator<Item = &'a str> {
        self.failing.iter().filter_map(move |check| check.strip_prefix(server)?.strip_prefix('/'))
    }

    /// What is wrong in either.
    #[must_use]
    pub(crate) fn and(mut self, mut other: Self) -> Self {
        if !other.user.is_empty() {
            self.user = other.user;
        }
        self.denied.append(&mut other.denied);
        self.gone.append(&mut other.gone);
        self.failing.append(&mut other.failing);
        self.latency_millis = self.latency_millis.max(other.latency_millis);
        self
    }
}

impl Denial {
    fn covers(&self, verb: &str, resource: &str, namespace: Option<&str>) -> bool {
        let path = resource.starts_with('/');
        (self.verbs.is_empty() || self.verbs.iter().any(|denied| denied == verb))
            && self.resources.iter().any(|denied| denied == resource || denied == "*" && !path)
            && !namespace.is_some_and(|namespace| self.but_in.iter().any(|allowed| allowed == namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_covers_verbs_resources_and_namespaces() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let faults = Faults {
            denied: vec![
                Denial { verbs: list(&["list"]), resources: list(&["pods"]), but_in: list(&["shop"]) },
                Denial { resources: list(&["/metrics"]), ..Denial::default() },
            ],
            failing: list(&["cp1/etcd", "cp10/ping"]),
            ..Faults::default()
        };
        assert!(faults.denies("list", "pods", None));
        assert!(faults.denies("list", "pods", Some("infra")));
        assert!(!faults.denies("list", "pods", Some("shop")));
        assert!(!faults.denies("watch", "pods", None));
        assert!(faults.denies("get", "/metrics", None));
        assert_eq!(faults.failing_at("cp1").collect::<Vec<_>>(), ["etcd"]);
        let all = Faults { denied: vec![Denial { resources: list(&["*"]), ..Denial::default() }], ..faults };
        assert!(all.denies("get", "nodes", None) && !all.denies("get", "/version", None));
    }
}
