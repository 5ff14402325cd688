//! Where Kubernetes and etcd document what findings speak of.

/// How kubeadm clusters are upgraded.
pub const KUBEADM_UPGRADE: &str =
    "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/";
/// Which versions of components work together.
pub const SKEW: &str = "https://kubernetes.io/releases/version-skew-policy/";
/// Which APIs are gone, by release.
pub const DEPRECATIONS: &str = "https://kubernetes.io/docs/reference/using-api/deprecation-guide/";
/// How to find who calls a deprecated API.
pub const DEPRECATED_CALLS: &str = "https://kubernetes.io/blog/2020/09/03/warnings/#metrics";
/// AppArmor profiles of containers.
pub const APPARMOR: &str = "https://kubernetes.io/docs/tutorials/security/apparmor/";
/// Volumes, in-tree and CSI.
pub const VOLUMES: &str = "https://kubernetes.io/docs/concepts/storage/volumes/";
/// cgroup v1 and v2.
pub const CGROUPS: &str = "https://kubernetes.io/docs/concepts/architecture/cgroups/";
/// Cgroup drivers of kubelet and runtime.
pub const CGROUP_DRIVER: &str =
    "https://kubernetes.io/docs/setup/production-environment/container-runtimes/#cgroup-drivers";
/// Running etcd under Kubernetes, and backing it up.
pub const ETCD: &str = "https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/";
/// Conditions of nodes.
pub const NODES: &str = "https://kubernetes.io/docs/reference/node/node-status/";
/// Taking nodes out of service.
pub const DRAIN: &str = "https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/";
/// Health of API servers.
pub const HEALTH: &str = "https://kubernetes.io/docs/reference/using-api/health-checks/";
/// Leases, and what they stand for.
pub const LEASES: &str = "https://kubernetes.io/docs/concepts/architecture/leases/";
/// Feature gates.
pub const FEATURE_GATES: &str =
    "https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/";
/// Feature gates that are gone.
pub const FEATURE_GATES_REMOVED: &str =
    "https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates-removed/";
