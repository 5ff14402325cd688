//! Each verdict, with its nearest neighbours that must not fire.

use serde_json::json;

use crate::checks::testing::{World, only};
use crate::checks::{Finding, Severity};
use crate::evidence::node_facts::{Flag, FlagSource, UnreadFact};
use crate::evidence::objects::pod::Container;

const CHECK: &str = "flags";

/// A cluster whose kubeadm-config has this beside the usual.
fn configured(from: &str, more: &str) -> World {
    let mut world = World::new(from);
    let document = format!("kind: ClusterConfiguration\nkubernetesVersion: v{from}\n{more}\n");
    world.config_map("kubeadm-config", json!({ "ClusterConfiguration": document }));
    world
}

/// A cluster whose kubelet-config sets these gates.
fn gated(from: &str, gates: &str) -> World {
    let mut world = World::new(from);
    world.config_map(
        "kubelet-config",
        json!({ "kubelet": format!("cgroupDriver: systemd\nfeatureGates: {gates}\n") }),
    );
    world
}

/// A cluster whose node `w1` gives its kubelet a flag.
fn flagged(from: &str, sources: &[(&str, &str)], name: &str, value: Option<&str>) -> World {
    let mut world = World::new(from);
    world.facts("w1", |facts| {
        facts.kubelet.as_mut().unwrap().flag_sources = sources
            .iter()
            .map(|(kind, path)| FlagSource {
                kind: (*kind).into(),
                path: (*path).into(),
                flags: vec![Flag { name: name.into(), value: value.map(Into::into), line: None }],
            })
            .collect();
    });
    world
}

const ENV: (&str, &str) = ("environment", "/var/lib/kubelet/kubeadm-flags.env");
const DEFAULTS: (&str, &str) = ("environment", "/etc/default/kubelet");
const PROCESS: (&str, &str) = ("process", "/proc/700/cmdline");

/// A cluster whose kube-apiserver on cp2 runs with these arguments.
fn runs_with(from: &str, arguments: &[&str]) -> World {
    let mut world = World::new(from);
    world.edit_pod("kube-apiserver-cp2", |pod| {
        let command: Vec<&str> = std::iter::once("kube-apiserver").chain(arguments.iter().copied()).collect();
        pod.spec.containers =
            serde_json::from_value(json!([{ "name": "kube-apiserver", "command": command }])).unwrap();
    });
    world
}

/// For the tests that hold for all checks.
pub(in crate::checks) fn cases() -> Vec<(&'static str, World, &'static str)> {
    vec![
        ("a gate that goes", gated("1.30.4", "{ReadWriteOncePod: true}"), "1.31.4"),
        ("a gate that is locked", gated("1.30.4", "{LogarithmicScaleDown: false}"), "1.31.4"),
        (
            "a flag of the kubelet that goes",
            flagged("1.30.4", &[DEFAULTS], "iptables-drop-bit", None),
            "1.31.4",
        ),
        ("a flag that only a manifest has", runs_with("1.32.4", &["--cloud-provider=external"]), "1.33.2"),
    ]
}

/// Severity and code of each finding that is none of what passes.
fn said(world: &World, to: &str) -> Vec<(Severity, String, String)> {
    let findings = world.check(CHECK, to).into_iter();
    let findings = findings.filter(|finding| finding.severity != Severity::Pass);
    findings.map(|finding| (finding.severity, finding.code, finding.subject.to_string())).collect()
}

fn one(severity: Severity, code: &str, subject: &str) -> Vec<(Severity, String, String)> {
    vec![(severity, code.to_owned(), subject.to_owned())]
}

#[test]
fn a_cluster_as_kubeadm_makes_it_passes() {
    let findings = World::new("1.30.4").check(CHECK, "1.31.4");
    let pass: &Finding = only(&findings, "FlagsKnown");
    assert_eq!(
        pass.message,
        "nothing that is set is gone or refused in 1.31: kubeadm-config, static pods, kubelet-config, kube-proxy, 5 kubelets"
    );
    assert_eq!(findings.len(), 1);
}

#[test]
fn gates_of_kubelet_config_weigh_by_the_hop_that_refuses_them() {
    use Severity::{Blocker, Warning};
    let map = "kube-system/ConfigMap/kubelet-config";
    let of = |gates: &str, from: &str, to: &str| said(&gated(from, gates), to);
    assert_eq!(of("{ReadWriteOncePod: true}", "1.30.4", "1.31.4"), one(Blocker, "FeatureGateGone", map));
    assert_eq!(of("{ReadWriteOncePod: true}", "1.29.4", "1.31.4"), one(Warning, "FeatureGateGone", map));
    assert_eq!(of("{ReadWriteOncePod: true}", "1.29.4", "1.30.4"), []);
    assert_eq!(
        of("{LogarithmicScaleDown: false}", "1.30.4", "1.31.4"),
        one(Blocker, "FeatureGateLocked", map)
    );
    // The value that it is locked to is taken, and a gate that anybody may choose.
    assert_eq!(
        of("{LogarithmicScaleDown: true, UserNamespacesSupport: true, AllAlpha: false}", "1.30.4", "1.31.4"),
        []
    );
    let findings = gated("1.29.4", "{ReadWriteOncePod: true}").check(CHECK, "1.31.4");
    let later = only(&findings, "FeatureGateGone");
    assert_eq!(
        later.message,
        "kubelet is given the feature gate ReadWriteOncePod, which 1.31 does not know, by featureGates of the \
         ConfigMap kubelet-config: a blocker at 1.31"
    );
}

#[test]
fn what_kubeadm_config_gives_is_found_in_both_of_its_forms() {
    let map = "kube-system/ConfigMap/kubeadm-config";
    for (more, code) in [
        ("apiServer: {extraArgs: {feature-gates: 'JobReadyPods=true,AllBeta=false'}}", "FeatureGateGone"),
        ("apiServer: {extraArgs: [{name: feature-gates, value: JobReadyPods=true}]}", "FeatureGateGone"),
        ("scheduler: {extraArgs: {feature-gates: LogarithmicScaleDown=0}}", "FeatureGateLocked"),
        (
            "apiServer: {extraArgs: {enable-admission-plugins: 'NodeRestriction,PersistentVolumeLabel'}}",
            "FlagGone",
        ),
        ("controllerManager: {extraArgs: {volume-host-cidr-denylist: 10.0.0.0/8}}", "FlagGone"),
    ] {
        assert_eq!(said(&configured("1.30.4", more), "1.31.4"), one(Severity::Blocker, code, map), "{more}");
    }
    // Each of several values is said, by the minor that does not know it.
    let two =
        "apiServer: {extraArgs: {enable-admission-plugins: 'PersistentVolumeLabel,SecurityContextDeny'}}";
    assert_eq!(said(&configured("1.29.4", two), "1.30.4"), one(Severity::Blocker, "FlagGone", map));
    let both = said(&configured("1.29.4", two), "1.31.4");
    assert_eq!(
        both.iter().map(|(severity, ..)| *severity).collect::<Vec<_>>(),
        [Severity::Blocker, Severity::Warning]
    );
    // A gate that is gone is gone with any value.
    let masked = "apiServer: {extraArgs: {feature-gates: 'CSINodeExpandSecret=[masked]'}}";
    assert_eq!(said(&configured("1.30.4", masked), "1.31.4"), one(Severity::Blocker, "FeatureGateGone", map));
    let locked = "apiServer: {extraArgs: {feature-gates: 'LogarithmicScaleDown=[masked]'}}";
    assert_eq!(said(&configured("1.30.4", locked), "1.31.4"), []);
    for fine in [
        "apiServer: {extraArgs: {feature-gates: 'UserNamespacesSupport=true'}}",
        "apiServer: {extraArgs: {enable-admission-plugins: NodeRestriction}}",
        // Nothing after the name of a part, as kubeadm reads it too.
        "apiServer:",
        // Another component's.
        "apiServer: {extraArgs: {volume-host-cidr-denylist: 10.0.0.0/8}}",
        "apiServer: {}",
        "scheduler: {extraArgs: {feature-gates: 'LogarithmicScaleDown=true,nonsense,X=perhaps'}}",
    ] {
        assert_eq!(said(&configured("1.30.4", fine), "1.31.4"), [], "{fine}");
    }
}

#[test]
fn what_only_a_manifest_has_is_lost_and_warned_of() {
    let pod = "kube-system/Pod/kube-apiserver-cp2";
    let arguments = ["--feature-gates=JobReadyPods=true", "--secure-port=6443"];
    let world = runs_with("1.30.4", &arguments);
    let findings = world.check(CHECK, "1.31.4");
    let finding = only(&findings, "FeatureGateGone");
    assert_eq!((finding.severity, finding.subject.to_string().as_str()), (Severity::Warning, pod));
    assert_eq!(finding.subject.node, "cp2");
    assert!(finding.message.ends_with("by its manifest alone"), "{}", finding.message);
    // Where kubeadm-config has it too, it is said once.
    let mut both = configured("1.30.4", "apiServer: {extraArgs: {feature-gates: JobReadyPods=true}}");
    both.evidence.objects.pods = world.evidence.objects.pods;
    assert_eq!(
        said(&both, "1.31.4"),
        one(Severity::Blocker, "FeatureGateGone", "kube-system/ConfigMap/kubeadm-config")
    );
    // Where that is not known, it is neither lost nor kept.
    let mut unread = runs_with("1.30.4", &arguments);
    unread.evidence.config_maps.remove("kubeadm-config");
    let findings = unread.check(CHECK, "1.31.4");
    let finding = only(&findings, "FeatureGateGone");
    assert_eq!(finding.severity, Severity::Blocker);
    assert!(
        finding.message.ends_with("by its manifest") && finding.why.contains("not known"),
        "{finding:#?}"
    );
    assert_eq!(said(&runs_with("1.30.4", &["--cloud-config", "/etc/cloud"]), "1.31.4"), []);
    assert_eq!(
        said(&runs_with("1.32.4", &["--cloud-config", "/etc/cloud"]), "1.33.2"),
        one(Severity::Warning, "FlagGone", pod)
    );
}

#[test]
fn flags_of_kubelets_are_found_where_they_stand() {
    use Severity::Blocker;
    let gone = "keep-terminated-pod-volumes";
    for sources in
        [&[DEFAULTS][..], &[ENV], &[PROCESS], &[ENV, PROCESS], &[("unit", "/etc/systemd/x.conf"), PROCESS]]
    {
        let world = flagged("1.30.4", sources, gone, Some("true"));
        assert_eq!(said(&world, "1.31.4"), one(Blocker, "FlagGone", "Node/w1"), "{sources:?}");
        assert_eq!(said(&world, "1.30.9"), [], "{sources:?}");
    }
    let world = flagged("1.30.4", &[DEFAULTS, PROCESS], gone, Some("true"));
    let findings = world.check(CHECK, "1.31.4");
    assert_eq!(
        only(&findings, "FlagGone").message,
        "kubelet is given --keep-terminated-pod-volumes, which 1.31 does not know, by /etc/default/kubelet"
    );
    // Written with underscores it is the same flag.
    let underscores = flagged("1.36.3", &[DEFAULTS], "boot_id_file", Some("/x"));
    assert_eq!(said(&underscores, "1.37.2"), one(Blocker, "FlagGone", "Node/w1"));
    // Another value on the command line than in the file is a setting of its own.
    let mut gates = flagged("1.30.4", &[PROCESS], "feature-gates", Some("JobReadyPods=true"));
    gates.facts("w1", |facts| {
        let flag = Flag { name: "feature-gates".into(), value: Some("AllBeta=false".into()), line: None };
        let (kind, path) = DEFAULTS;
        let file = FlagSource { kind: kind.into(), path: path.into(), flags: vec![flag] };
        facts.kubelet.as_mut().unwrap().flag_sources.push(file);
    });
    assert_eq!(said(&gates, "1.31.4"), one(Blocker, "FeatureGateGone", "Node/w1"));
    let gates = flagged("1.30.4", &[DEFAULTS], "feature-gates", Some("JobReadyPods=true"));
    assert_eq!(said(&gates, "1.31.4"), one(Blocker, "FeatureGateGone", "Node/w1"));
}

#[test]
fn what_kubeadm_itself_takes_out_of_its_own_file_is_no_finding() {
    let pause = |sources: &[(&str, &str)]| {
        said(
            &flagged("1.34.4", sources, "pod-infra-container-image", Some("registry.k8s.io/pause:3.10")),
            "1.35.2",
        )
    };
    assert_eq!(pause(&[ENV]), []);
    assert_eq!(pause(&[ENV, PROCESS]), []);
    assert_eq!(pause(&[DEFAULTS, PROCESS]), one(Severity::Blocker, "FlagGone", "Node/w1"));
    // kubeadm of a later minor leaves it: a kubelet that was left behind does not start then.
    let behind = flagged("1.35.2", &[ENV], "pod-infra-container-image", None);
    assert_eq!(said(&behind, "1.36.3"), one(Severity::Blocker, "FlagGone", "Node/w1"));
}

#[test]
fn kube_proxy_is_judged_where_it_is_configured() {
    let mut world = World::new("1.30.4");
    let map = "kube-system/ConfigMap/kube-proxy";
    world.config_map("kube-proxy", json!({ "config.conf": "mode: nftables\nfeatureGates: {KubeProxyDrainingTerminatingNodes: false}\n" }));
    assert_eq!(said(&world, "1.31.4"), one(Severity::Blocker, "FeatureGateLocked", map));
    for none in ["featureGates: null\n", "", "featureGates: {}"] {
        world.config_map("kube-proxy", json!({ "config.conf": none }));
        assert_eq!(said(&world, "1.31.4"), [], "{none:?}");
    }
    world.config_map("kube-proxy", json!({ "config.conf": "featureGates: 1" }));
    assert_eq!(said(&world, "1.31.4"), one(Severity::Unknown, "FlagsUnread", map));
}

#[test]
fn a_kubelet_whose_flags_were_not_seen_is_unknown() {
    let mut world = World::new("1.30.4");
    world.facts("w1", |facts| {
        facts.unread.push(UnreadFact {
            what: "kubelet.flagSources /etc/default/kubelet".into(),
            reason: "uid 7 may not read it".into(),
        });
    });
    world.facts("w2", |facts| facts.kubelet = None);
    let findings = world.check(CHECK, "1.31.4");
    let unread: Vec<_> = findings.iter().filter(|finding| finding.code == "FlagsUnread").collect();
    let about: Vec<String> = unread.iter().map(|finding| finding.subject.to_string()).collect();
    assert_eq!(about, ["Node/w1", "Node/w2"]);
    assert!(unread.iter().all(|finding| finding.could_hide == Some(Severity::Blocker)));
    assert!(!findings.iter().any(|finding| finding.code == "FlagsKnown"));
    // Within a minor nothing goes.
    let could_block = |world: &World| {
        let findings = world.check(CHECK, "1.30.9").into_iter();
        findings.filter(|finding| finding.could_hide == Some(Severity::Blocker)).count()
    };
    assert_eq!(could_block(&world), 0);
    // But a kubelet that is behind goes over minors.
    world.edit_node("w1", |node| node.status.node_info.kubelet_version = "v1.29.4".into());
    assert_eq!(could_block(&world), 1);
}

/// Whatever a manifest may have that goes is kept when it is read.
#[test]
fn flags_that_go_are_on_the_allow_list() {
    for component in crate::checks::common::static_pods::VERSIONED {
        let rows = crate::catalog::Catalog::get().unwrap().flags.iter();
        for row in rows.filter(|row| row.component == component) {
            let argument = format!("--{}={}", row.flag, row.value.as_deref().unwrap_or("x"));
            let container: Container =
                serde_json::from_value(json!({ "name": "x", "command": [component, argument] })).unwrap();
            assert!(container.flag(&row.flag).is_some(), "{} of {component}", row.flag);
        }
    }
}
