//! Sessions for the tests of the screens: findings as real clusters have them, and evidence to match.

// Without the feature `tui` only some of it is used.
#![cfg_attr(not(feature = "tui"), allow(dead_code))]

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use crate::checks::{Check, Finding, Severity, Subject, Target};
use crate::evidence::objects::Node;
use crate::evidence::{
    ApiServer, Cluster, DeprecatedCalls, Evidence, Health, Listing, Progress, ReadRecord, Reading, Reason,
    Scope, Stamp, Unread,
};
use crate::session::{Kind, Snapshot};

macro_rules! checks {
    ($($id:literal $title:literal $about:literal;)*) => {
        /// Panes as the real ones are called.
        pub(super) static CHECKS: &[Check] =
            &[$(Check { id: $id, title: $title, about: $about, run: |_, _| Vec::new() },)*];
    };
}

checks! {
    "deprecated-apis" "Deprecated APIs" "Which objects and clients use an API that the target, or a later minor, does not serve.";
    "apparmor" "AppArmor" "Whether the AppArmor profiles that pods ask for can be had where they may run.";
    "csi" "CSI versions" "Which versions the CSI drivers have, on which nodes, and which in-tree volumes the target no longer has.";
    "cgroups" "cgroup versions" "Which cgroup version each node has, and what the target does about version 1.";
    "etcd" "etcd and its backup" "Whether every member of etcd is well, and how old and how sound the newest backup is.";
    "versions" "Versions and skew" "Whether every component is within the skew that the target allows.";
    "nodes" "Nodes, control plane" "Whether every node is ready and every part of the control plane runs.";
}

/// The place of a pane.
pub(super) fn pane(id: &str) -> usize {
    CHECKS.iter().position(|check| check.id == id).unwrap()
}

/// A moment: 12:04 and some seconds on the day of the sample.
pub(super) fn at(seconds: i64) -> Timestamp {
    "2026-11-24T12:04:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(seconds)
}

/// Four seconds after the newest evidence.
pub(super) fn now() -> Timestamp {
    at(31)
}

fn stamp(seconds: i64, how: &str) -> Stamp {
    Stamp { at: at(seconds), how: how.into() }
}

fn cluster() -> Cluster {
    Cluster {
        name: "prod-eu-1".into(),
        context: "admin@prod-eu-1".into(),
        server: "https://10.20.0.10:6443".into(),
        uid: Some("6f1e9f6e-3c0b-4d0e-9d0c-0c1b6a3f5b11".into()),
    }
}

fn server(number: u8) -> ApiServer {
    let address = format!("10.20.0.1{number}:6443");
    let read = |path: &str| stamp(26, &format!("GET https://{address}{path}"));
    ApiServer {
        address: address.clone().into(),
        direct: true,
        hostname: Some(format!("cp{number}").into()),
        version: Reading::Read { stamp: read("/version"), value: "1.30.6".parse().unwrap() },
        ready: Reading::Read {
            stamp: read("/readyz?verbose"),
            value: Health { ok: true, checks: 41, etcd: Some(true), ..Health::default() },
        },
        deprecated_calls: if number == 3 {
            let unread =
                Unread::new("get", "/metrics", Reason::Forbidden, "nonResourceURL not allowed").of(&address);
            Reading::Unread(unread.at(at(25)))
        } else {
            Reading::Read { stamp: read("/metrics"), value: DeprecatedCalls::default() }
        },
    }
}

fn node(name: &str) -> Node {
    serde_json::from_value(json!({
        "metadata": { "name": name },
        "status": {
            "nodeInfo": { "kubeletVersion": if name == "w6" { "v1.29.9" } else { "v1.30.6" }, "operatingSystem": "linux" },
            "conditions": [{ "type": "Ready", "status": "True" }],
        },
    }))
    .unwrap()
}

fn read(seconds: i64, server: u8, path: &str, status: u16, millis: u64) -> ReadRecord {
    ReadRecord {
        at: at(seconds),
        server: format!("10.20.0.1{server}:6443").into(),
        method: "GET".into(),
        path: path.into(),
        status: Some(status),
        audit_id: Some(format!("{seconds:08}-0000-4000-8000-00000000000{server}").into()),
        millis,
        error: None,
    }
}

fn reads() -> Vec<ReadRecord> {
    let mut reads = vec![
        read(21, 0, "/apis?timeout=10s", 200, 12),
        read(21, 0, "/api/v1/namespaces/default/endpoints/kubernetes", 200, 4),
        read(21, 0, "/api/v1/nodes?limit=500", 200, 9),
        read(22, 0, "/api/v1/pods?limit=500", 200, 48),
        read(
            22,
            0,
            "/api/v1/pods?limit=500&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NzM1Mjk4fQ",
            200,
            51,
        ),
        read(23, 0, "/apis/apps/v1/deployments?limit=500", 200, 17),
        read(23, 0, "/apis/storage.k8s.io/v1/csinodes?limit=500", 200, 6),
        read(24, 1, "/version", 200, 3),
        read(24, 1, "/readyz?verbose", 200, 5),
        read(25, 1, "/metrics", 200, 83),
        read(25, 3, "/metrics", 403, 2),
        read(26, 0, "/api/v1/namespaces/kube-system/configmaps/kubeadm-config", 403, 2),
    ];
    reads.push(ReadRecord {
        status: None,
        audit_id: None,
        millis: 10_000,
        error: Some("no answer within 10 s".into()),
        ..read(27, 2, "/metrics", 200, 0)
    });
    reads
}

fn evidence() -> Evidence {
    let mut evidence = Evidence::nothing(cluster(), Scope::All, at(27));
    evidence.servers.listed = true;
    evidence.servers.unread.clear();
    evidence.servers.servers = (1..=3).map(server).collect();
    let names = ["cp1", "cp2", "cp3", "w1", "w2", "w3", "w4", "w5", "w6"];
    evidence.objects.nodes =
        Listing::complete("nodes", names.map(node).into(), stamp(21, "GET /api/v1/nodes"));
    done(&mut evidence);
    let served = crate::evidence::ServedApis::default();
    evidence.served = Reading::Read { stamp: stamp(21, "GET /apis"), value: served };
    for reading in evidence.config_maps.values_mut() {
        *reading =
            Reading::Read { stamp: stamp(22, "GET"), value: crate::evidence::objects::ConfigMap::default() };
    }
    let forbidden =
        Unread::new("get", "configmaps", Reason::Forbidden, "configmaps \"kubeadm-config\" is forbidden")
            .in_namespace("kube-system")
            .of("kubeadm-config")
            .at(at(26));
    evidence.config_maps.insert("kubeadm-config".into(), Reading::Unread(forbidden));
    evidence.reads = Arc::new(reads());
    evidence
}

/// Reads every listing to its end.
fn done(evidence: &mut Evidence) {
    let objects = &mut evidence.objects;
    let how = |path: &str| stamp(24, path);
    objects.pods = Listing::complete("pods", Vec::new(), how("GET /api/v1/pods"));
    objects.workloads.values_mut().for_each(|listing| {
        *listing = Listing::complete(&listing.resource.clone(), Vec::new(), how("GET"));
    });
    objects.csi_nodes = Listing::complete("csinodes.storage.k8s.io", Vec::new(), how("GET"));
    objects.csi_drivers = Listing::complete("csidrivers.storage.k8s.io", Vec::new(), how("GET"));
    objects.persistent_volumes = Listing::complete("persistentvolumes", Vec::new(), how("GET"));
    objects.storage_classes = Listing::complete("storageclasses.storage.k8s.io", Vec::new(), how("GET"));
    objects.pod_disruption_budgets = Listing::complete("poddisruptionbudgets.policy", Vec::new(), how("GET"));
    objects.leases = Listing::complete("leases.coordination.k8s.io", Vec::new(), how("GET"));
    objects.endpoint_slices = Listing::complete("endpointslices.discovery.k8s.io", Vec::new(), how("GET"));
}

fn target() -> Target {
    Target { from: "1.30.6".parse().unwrap(), to: "1.31.14".parse().unwrap(), chosen: true }
}

fn of(check: &str, finding: Finding) -> Finding {
    Finding { check: check.to_owned(), ..finding }
}

fn on(node: &str, subject: Subject) -> Subject {
    Subject { node: node.to_owned(), ..subject }
}

fn apparmor() -> Vec<Finding> {
    let pods = stamp(22, "GET /api/v1/pods");
    let probe = stamp(-240, "probe w3.json");
    let web = Subject::object("apps/v1", "Deployment", "shop", "web");
    let db = on("w5", Subject::object("apps/v1", "StatefulSet", "shop", "db"));
    let logger = Subject::object("apps/v1", "DaemonSet", "infra", "logger");
    vec![
        Finding::new("AppArmorProfileMissing", Severity::Blocker, web, "profile k8s-web is not loaded on w3 and w5, where the pod may run")
            .why("The runtime cannot create a container whose profile is not loaded. The pod runs on w2 now; drained from there it can only go to w3 or w5.")
            .saw("pod shop/web-7c9f6d5b8-x2x4q asks for localhost/k8s-web by annotation", Some(&pods))
            .saw("14 profiles are loaded on w3, k8s-web is not among them", Some(&probe))
            .saw("14 profiles are loaded on w5, k8s-web is not among them", Some(&stamp(-233, "probe w5.json")))
            .remedy(
                "Load the profile on w3 and w5 as it is loaded on w2, or give the Deployment's template one that every node has.",
                [
                    "scp w2:/etc/apparmor.d/k8s-web . && for node in w3 w5; do scp k8s-web $node:/etc/apparmor.d/; done".to_owned(),
                    "for node in w3 w5; do ssh $node sudo apparmor_parser --replace /etc/apparmor.d/k8s-web; done".to_owned(),
                ],
            )
            .link("https://kubernetes.io/docs/tutorials/security/apparmor/"),
        Finding::new("AppArmorOff", Severity::Blocker, db, "AppArmor is off on w5, and the pod asks for runtime/default")
            .why("Since 1.31 the kubelet rejects such a pod as Failed; what runs already goes on until it is drained.")
            .saw("/sys/module/apparmor/parameters/enabled is N", Some(&stamp(-233, "probe w5.json")))
            .remedy("Turn AppArmor on on w5, or take the profile from the StatefulSet's template.", [
                "kubectl --namespace shop edit statefulset db".to_owned(),
            ]),
        Finding::new("AppArmorAnnotation", Severity::Warning, logger, "the template uses the annotation, which the field securityContext.appArmorProfile replaces")
            .why("Since 1.30 the API server copies the annotation into the field; a later minor will stop doing so.")
            .saw("template annotation container.apparmor.security.beta.kubernetes.io/logger = runtime/default", Some(&stamp(23, "GET /apis/apps/v1/daemonsets")))
            .remedy("Set securityContext.appArmorProfile in the template.", [
                "kubectl --namespace infra patch daemonset logger --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/template/spec/securityContext/appArmorProfile\",\"value\":{\"type\":\"RuntimeDefault\"}}]'".to_owned(),
            ]),
    ]
}

fn deprecated() -> Vec<Finding> {
    let subject = Subject::object("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", "", "batch-jobs");
    let metrics =
        Unread::new("get", "/metrics", Reason::Forbidden, "nonResourceURL not allowed").of("10.20.0.13:6443");
    vec![
        Finding::unknown(
            "DeprecatedCallsUnread",
            Severity::Warning,
            Subject::thing("APIServer", "cp3"),
            &metrics.at(at(25)),
        )
        .why("What clients asked this server for with a deprecated API cannot be said.")
        .remedy(
            "Let the user read /metrics of the API servers.",
            ["kubectl apply -f deploy/inspect.yaml".to_owned()],
        ),
        Finding::new(
            "DeprecatedApiWritten",
            Severity::Warning,
            subject,
            "argocd wrote it at v1beta3 on 2026-11-20; 1.32 no longer serves that version",
        )
        .why("1.31 still serves it, so this hop is not stopped; the next one is.")
        .saw(
            "managedFields: argocd-controller, Apply, flowcontrol.apiserver.k8s.io/v1beta3",
            Some(&stamp(23, "GET /apis/flowcontrol.apiserver.k8s.io/v1/flowschemas")),
        )
        .remedy("Change apiVersion to flowcontrol.apiserver.k8s.io/v1 where Argo CD takes it from.", []),
    ]
}

fn others() -> Vec<Finding> {
    [csi(), cgroups(), etcd(), versions_and_nodes()].concat()
}

fn csi() -> Vec<Finding> {
    let csi = Subject::thing("CSIDriver", "ebs.csi.aws.com");
    vec![
        of(
            "csi",
            Finding::new(
                "CsiVersionsDiffer",
                Severity::Warning,
                csi,
                "the driver is v1.35.0 on 5 nodes and v1.30.1 on w6",
            )
            .why("The older one is not tested with Kubernetes 1.31.")
            .saw(
                "pod kube-system/ebs-csi-node-8sk2p runs aws-ebs-csi-driver:v1.30.1",
                Some(&stamp(22, "GET /api/v1/pods")),
            )
            .remedy(
                "See why the DaemonSet's rollout has not reached w6.",
                ["kubectl --namespace kube-system rollout status daemonset ebs-csi-node".to_owned()],
            ),
        ),
        of(
            "csi",
            Finding::new(
                "InTreeVolumes",
                Severity::Pass,
                Subject::thing("Cluster", "prod-eu-1"),
                "no volume uses an in-tree driver that 1.31 no longer has",
            ),
        ),
    ]
}

fn cgroups() -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in ["w1", "w2"] {
        findings.push(of(
            "cgroups",
            Finding::new(
                "CgroupV1",
                Severity::Warning,
                Subject::node(name),
                "the node uses cgroup v1, which is in maintenance since 1.31",
            )
            .why("The kubelet of 1.31 still starts on it, and logs a warning.")
            .saw("/sys/fs/cgroup is of type tmpfs", Some(&stamp(-240, &format!("probe {name}.json"))))
            .remedy("Boot the node with systemd.unified_cgroup_hierarchy=1 before its next minor.", []),
        ));
    }
    findings.push(of(
        "cgroups",
        Finding::new(
            "CgroupV2",
            Severity::Pass,
            Subject::thing("Nodes", "7 of 9"),
            "the other nodes use cgroup v2",
        ),
    ));
    findings
}

fn etcd() -> Vec<Finding> {
    let etcd = Subject::thing("Backup", "/var/backups/etcd/etcd-2026-11-21.snap");
    let inside = Unread::new(
        "probe",
        "etcd members",
        Reason::NotProvided,
        "give --node-facts a probe of a control plane, run as root",
    );
    vec![
        of(
            "etcd",
            Finding::unknown("EtcdUnread", Severity::Blocker, Subject::thing("Etcd", "cp2"), &inside)
                .why("Members, versions and the size of the database are known only on the machine itself."),
        ),
        of(
            "etcd",
            Finding::new("BackupOld", Severity::Warning, etcd, "the newest backup is 3 days old")
                .why("What was written since could not be brought back.")
                .saw(
                    "etcd-2026-11-21.snap, 48 MB, its SHA-256 is right",
                    Some(&stamp(20, "stat /var/backups/etcd")),
                )
                .remedy(
                    "Take a backup before starting.",
                    ["etcdctl snapshot save /var/backups/etcd/etcd-$(date +%F).snap".to_owned()],
                ),
        ),
    ]
}

fn versions_and_nodes() -> Vec<Finding> {
    let w6 = Subject::node("w6");
    vec![
        of(
            "versions",
            Finding::new(
                "KubeletBehind",
                Severity::Notice,
                w6,
                "the kubelet is 1.29.9, one minor behind; 1.31 allows three",
            )
            .saw("nodeInfo.kubeletVersion v1.29.9", Some(&stamp(21, "GET /api/v1/nodes"))),
        ),
        of(
            "versions",
            Finding::new(
                "Skew",
                Severity::Pass,
                Subject::thing("Cluster", "prod-eu-1"),
                "every component is within the skew that 1.31 allows",
            ),
        ),
        of(
            "nodes",
            Finding::new(
                "NodesReady",
                Severity::Pass,
                Subject::thing("Nodes", "9 of 9"),
                "every node is ready and without pressure",
            )
            .saw("9 Nodes with condition Ready", Some(&stamp(21, "GET /api/v1/nodes"))),
        ),
        of(
            "nodes",
            Finding::new(
                "ControlPlaneRuns",
                Severity::Pass,
                Subject::thing("APIServer", "3 of 3"),
                "every API server says that it is ready",
            ),
        ),
    ]
}

fn snapshot(evidence: Evidence, findings: Vec<Finding>) -> Snapshot {
    Snapshot {
        generation: 1,
        kind: Kind::Inspect,
        evidence: Arc::new(evidence),
        target: Some(target()),
        no_target: None,
        findings: findings.into(),
        judged_in_micros: 900,
        happened: Default::default(),
        playback: None,
        upgrade: None,
        no_upgrade: None,
        journal: Arc::from([]),
    }
}

/// A cluster with something to say in every pane.
pub(super) fn mixed() -> Snapshot {
    let mut findings: Vec<Finding> =
        deprecated().into_iter().map(|finding| of("deprecated-apis", finding)).collect();
    findings.extend(apparmor().into_iter().map(|finding| of("apparmor", finding)));
    findings.extend(others());
    snapshot(evidence(), findings)
}

/// A cluster that is ready.
pub(super) fn clean() -> Snapshot {
    let pass = |check: &Check| {
        let subject = Subject::thing("Cluster", "prod-eu-1");
        of(check.id, Finding::new("Fine", Severity::Pass, subject, "everything was read, and is fine"))
    };
    let mut evidence = evidence();
    evidence.config_maps.clear();
    evidence.servers.servers.truncate(2);
    snapshot(evidence, CHECKS.iter().map(pass).collect())
}

/// A cluster whose nodes were read and whose pods are being read.
pub(super) fn reading() -> Snapshot {
    let mut evidence = evidence();
    evidence.objects.pods.progress = Progress::Reading { seen: 4120, of: Some(11_000) };
    let gap = evidence.objects.pods.gaps().remove(0);
    let waits = |check: &str| {
        of(
            check,
            Finding::unknown("PodsUnread", Severity::Blocker, Subject::thing("Cluster", "prod-eu-1"), &gap),
        )
    };
    let mut findings = vec![waits("deprecated-apis")];
    findings.extend(
        apparmor()
            .into_iter()
            .skip(2)
            .map(|finding| of("apparmor", Finding { severity: Severity::Notice, ..finding })),
    );
    findings.push(waits("apparmor"));
    findings.push(waits("csi"));
    findings.extend(others().into_iter().filter(|finding| finding.check != "csi"));
    snapshot(evidence, findings)
}

/// A session that has read nothing yet.
pub(super) fn nothing() -> Snapshot {
    let evidence = Evidence::nothing(cluster(), Scope::All, at(27));
    Snapshot { target: None, ..snapshot(evidence, Vec::new()) }
}

/// A pane with `n` findings.
pub(super) fn many(n: usize) -> Snapshot {
    let finding = |number: usize| {
        let subject = Subject::object(
            "apps/v1",
            "Deployment",
            &format!("team-{}", number % 97),
            &format!("service-{number:05}"),
        );
        of(
            "apparmor",
            Finding::new(
                "AppArmorAnnotation",
                Severity::Warning,
                subject,
                "the template uses the annotation, which the field replaces",
            ),
        )
    };
    snapshot(evidence(), (0..n).map(finding).collect())
}
