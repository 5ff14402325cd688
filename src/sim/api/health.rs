//! What a server says of itself: health, version, metrics. Anyone may ask.

use std::fmt::Write as _;

use http::{Response, StatusCode};
use serde_json::json;

use super::{Body, text};
use crate::sim::state::ApiServer;

/// The checks of a server that kubeadm set up, in its own order. Source: /readyz?verbose of kube-apiserver 1.30.14,
/// with the hook that `--proxy-client-cert-file` adds.
const CHECKS: &[&str] = &[
    "ping",
    "log",
    "etcd",
    "etcd-readiness",
    "informer-sync",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/aggregator-reload-proxy-client-cert",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-status-available-controller",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
    "shutdown",
];

/// Checks that only /readyz makes.
const READINESS_ONLY: [&str; 3] = ["etcd-readiness", "informer-sync", "shutdown"];

/// Checks that fail while a server has only just started.
const STARTING: [&str; 2] = ["informer-sync", "poststarthook/rbac/bootstrap-roles"];

/// Checks that fail while its etcd does not answer.
const ETCD: [&str; 2] = ["etcd", "etcd-readiness"];

const PLAIN: &str = "text/plain; charset=utf-8";

/// `/livez`, `/readyz`, `/healthz`, or one check of them. A failure is always told in full.
pub(super) fn answer(server: &ApiServer, endpoint: &str, path: &str, verbose: bool) -> Response<Body> {
    let faults = server.cluster.faults();
    let starts = server.process().ready_from > server.cluster.now();
    let etcd = server.cluster.members().serves(&server.name);
    let fails = |check: &str| {
        faults.failing_at(&server.name).any(|failing| failing == check)
            || starts && STARTING.contains(&check)
            || !etcd && ETCD.contains(&check)
    };
    let one = path.trim_matches('/').split_once('/').map(|(_, check)| check);
    let mut listing = String::new();
    let mut failed = 0;
    for check in CHECKS {
        if endpoint != "readyz" && READINESS_ONLY.contains(check) || one.is_some_and(|one| one != *check) {
            continue;
        }
        if fails(check) {
            failed += 1;
            let _ = writeln!(listing, "[-]{check} failed: reason withheld");
        } else {
            let _ = writeln!(listing, "[+]{check} ok");
        }
    }
    if listing.is_empty() {
        return text(StatusCode::NOT_FOUND, PLAIN, "404 page not found\n");
    }
    if failed > 0 {
        return text(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("{listing}{endpoint} check failed\n"));
    }
    let body = if verbose { format!("{listing}{endpoint} check passed\n") } else { "ok".to_owned() };
    text(StatusCode::OK, PLAIN, body)
}

/// `/version`
pub(super) fn version(server: &ApiServer) -> Response<Body> {
    let version = server.process().version.clone();
    let value = json!({
        "major": version.major.to_string(), "minor": version.minor.to_string(), "gitVersion": format!("v{version}"),
        "gitCommit": "0000000000000000000000000000000000000000", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.22.8", "compiler": "gc", "platform": "linux/amd64",
    });
    super::json(StatusCode::OK, &value)
}

/// `/metrics`, of which a simulated server has the few that kubelift reads.
pub(super) fn metrics(server: &ApiServer) -> Response<Body> {
    let process = server.process();
    let mut body = String::from(
        "# HELP apiserver_audit_requests_rejected_total [ALPHA] Counter of apiserver requests rejected due to an error \
         in audit logging backend.\n\
         # TYPE apiserver_audit_requests_rejected_total counter\n\
         apiserver_audit_requests_rejected_total 0\n\
         # HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs that have been requested, broken \
         out by API group, version, resource, subresource, and removed_release.\n\
         # TYPE apiserver_requested_deprecated_apis gauge\n",
    );
    for call in &process.calls {
        let _ = writeln!(
            body,
            "apiserver_requested_deprecated_apis{{group=\"{}\",removed_release=\"{}\",resource=\"{}\",\
             subresource=\"{}\",version=\"{}\"}} 1",
            call.group, call.removed_release, call.resource, call.subresource, call.version
        );
    }
    let _ = write!(
        body,
        "# HELP kubernetes_build_info [ALPHA] A metric with a constant '1' value labeled by major, minor, git version, \
         git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform \
         on which it is running.\n\
         # TYPE kubernetes_build_info gauge\n\
         kubernetes_build_info{{build_date=\"1970-01-01T00:00:00Z\",compiler=\"gc\",\
         git_commit=\"0000000000000000000000000000000000000000\",git_tree_state=\"clean\",git_version=\"v{}\",\
         go_version=\"go1.22.8\",major=\"{}\",minor=\"{}\",platform=\"linux/amd64\"}} 1\n\
         # HELP process_start_time_seconds [STABLE] Start time of the process since unix epoch in seconds.\n\
         # TYPE process_start_time_seconds gauge\n\
         process_start_time_seconds {}\n",
        process.version,
        process.version.major,
        process.version.minor,
        go_float(process.started.as_second()),
    );
    text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", body)
}

/// A number as Go's client for Prometheus writes a large one: `1.79556633743e+09`.
fn go_float(number: i64) -> String {
    let digits = number.to_string();
    let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
    if rest.len() < 6 || number < 0 {
        return digits;
    }
    let fraction = rest.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{first}{point}{fraction}e+{:02}", rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_written_as_go_does() {
        for (number, text) in
            [(1_795_566_337, "1.795566337e+09"), (2_000_000_000, "2e+09"), (1_234, "1234"), (0, "0")]
        {
            assert_eq!(go_float(number), text);
            assert_eq!(text.parse::<f64>().unwrap() as i64, number);
        }
    }
}
