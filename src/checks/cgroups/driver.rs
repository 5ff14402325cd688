//! The cgroup driver of kubelet and runtime on one node. With two drivers two programs manage one hierarchy.

use super::Context;
use crate::checks::common::facts::{UnreadFacts, flag, unseen};
use crate::checks::common::link;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::Stamp;
use crate::evidence::node_facts::NodeFacts;
use crate::version::Version;

/// What the kubelet takes where nothing is set. Source: k8s.io/kubernetes pkg/kubelet/apis/config/v1beta1/defaults.go.
const DEFAULT: &str = "cgroupfs";

/// The kubelet's driver as its file and flags have it now.
pub(super) fn now(facts: &NodeFacts) -> Option<&str> {
    let config = facts.kubelet.as_ref()?.config.as_ref()?;
    Some(flag(facts, "cgroup-driver").or(config.cgroup_driver.as_deref()).unwrap_or(DEFAULT))
}

impl Context<'_> {
    /// That the drivers differ, now or after the hop; nothing where they agree, and an error where that is not known.
    pub(super) fn drivers(
        &self,
        node: &str,
        facts: &NodeFacts,
        stamp: &Stamp,
        unread: &mut UnreadFacts,
    ) -> Result<Option<Finding>, ()> {
        let mut missing = |field: &str| {
            let why = facts.why_unread(field).unwrap_or("the probe does not say");
            unread.add(node, &unseen(facts, node, field, why), Severity::Blocker, None);
        };
        let kubelet = now(facts).ok_or_else(|| missing("kubelet.config"))?;
        let config = facts.runtime.as_ref().and_then(|runtime| runtime.config.as_ref());
        let runtime = config
            .and_then(|config| config.cgroup_driver.as_deref())
            .ok_or_else(|| missing("runtime.config.cgroupDriver"))?;
        let source = config.and_then(|config| config.source.as_deref()).unwrap_or_default();
        let drivers = Drivers { kubelet, after: self.after(facts, kubelet), runtime };
        if self.asks_the_runtime(facts) || drivers.after == runtime {
            return Ok(None);
        }
        Ok(Some(drivers.mismatch(node, source, stamp)))
    }

    /// The kubelet's driver once the upgrade has written kubelet-config to its file; flags stay as they are.
    fn after<'a>(&'a self, facts: &'a NodeFacts, now: &'a str) -> &'a str {
        match (flag(facts, "cgroup-driver"), &self.config) {
            (Some(flag), _) => flag,
            (None, Ok(Some((config, _)))) if config.cgroup_driver.is_empty() => DEFAULT,
            (None, Ok(Some((config, _)))) => &config.cgroup_driver,
            (None, _) => now,
        }
    }

    /// Whether a kubelet of the hop takes the driver from this runtime, whatever its configuration says.
    fn asks_the_runtime(&self, facts: &NodeFacts) -> bool {
        let hop = self.target.first_hop();
        let asks = self.catalog.cgroup_rule(hop).is_some_and(|rule| rule.driver_from_runtime);
        let (Some(runtime), Some(last)) = (&facts.runtime, self.catalog.minors().next_back()) else {
            return false;
        };
        let (Some(name), Some(version)) = (runtime.name.as_deref(), runtime.version.as_deref()) else {
            return false;
        };
        let Ok(version) = version.parse::<Version>() else { return false };
        // The newest minor warns of runtimes that cannot answer; of others nothing is known.
        let known = matches!(name, "containerd" | "cri-o");
        asks && known && self.catalog.runtime_floors(name, &version, last).next().is_none()
    }
}

/// The drivers on one node.
struct Drivers<'a> {
    /// The kubelet's, as it is.
    kubelet: &'a str,
    /// The kubelet's after the hop.
    after: &'a str,
    /// The runtime's.
    runtime: &'a str,
}

impl Drivers<'_> {
    /// That they differ after the hop; `source` is where the runtime's was read.
    fn mismatch(&self, node: &str, source: &str, stamp: &Stamp) -> Finding {
        let Self { kubelet, after, runtime } = *self;
        let severity = if self.begins() || self.is_refused() { Severity::Blocker } else { Severity::Warning };
        let message = if self.begins() {
            format!(
                "the runtime's cgroup driver is {runtime}, as the kubelet's is now; kubelet-config, which the upgrade \
                 writes to it, says {after}"
            )
        } else {
            format!("the kubelet's cgroup driver is {after}, the runtime's {runtime}")
        };
        Finding::new("CgroupDriverMismatch", severity, Subject::node(node), message)
            .why(self.follows())
            .saw(format!("the kubelet's file and flags say {kubelet}"), Some(stamp))
            .saw(format!("the runtime says {runtime} ({source})"), Some(stamp))
            .remedy(
                "Bring runtime and kubelet-config to one driver, systemd where systemd is init; change a node's with \
                 the node drained.",
                ["kubectl -n kube-system edit configmap kubelet-config".to_owned()],
            )
            .link(link::CGROUP_DRIVER)
    }

    /// Whether it is the hop that parts them.
    fn begins(&self) -> bool {
        self.kubelet == self.runtime
    }

    /// Whether the runtime refuses such a kubelet: runc under systemd refuses the paths that one with cgroupfs asks for;
    /// the reverse works, badly.
    fn is_refused(&self) -> bool {
        self.after == DEFAULT
    }

    /// What comes of it.
    fn follows(&self) -> &'static str {
        match (self.begins(), self.is_refused()) {
            (_, true) => {
                "The runtime refuses to make containers for such a kubelet: what is started after the kubelet's \
                 restart fails."
            }
            (true, false) => {
                "A kubelet whose driver changes under running pods loses them: they are killed, or left without limits."
            }
            (false, false) => {
                "Two programs manage one hierarchy: the node becomes unstable when memory runs short."
            }
        }
    }
}
