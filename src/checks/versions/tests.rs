//! Each verdict, with its nearest neighbours that must not fire.

use serde_json::json;

use crate::checks::testing::{World, codes, of_code, only, static_pod};
use crate::checks::{Finding, Severity, Verdict};
use crate::evidence::objects::Kind;
use crate::evidence::{Reading, Reason, Unread};
use crate::version::Version;

const CHECK: &str = "versions";

fn servers(versions: [&str; 3]) -> World {
    let mut world = World::new("1.30.4");
    for (server, version) in world.evidence.servers.servers.iter_mut().zip(versions) {
        if let Reading::Read { value, .. } = &mut server.version {
            *value = version.parse().unwrap();
        }
    }
    world.version = world.evidence.servers.oldest().unwrap().clone();
    world
}

fn kubelet(world: &mut World, node: &str, version: &str) {
    world.edit_node(node, |node| node.status.node_info.kubelet_version = format!("v{version}").into());
}

fn coredns(tag: &str) -> World {
    let mut world = World::new("1.30.4");
    let listing = world.evidence.objects.workloads.get_mut(&Kind::Deployment).unwrap();
    listing.items = std::sync::Arc::from([]);
    world.workload(Kind::Deployment, json!({
        "metadata": { "namespace": "kube-system", "name": "coredns", "labels": { "k8s-app": "kube-dns" } },
        "spec": { "template": { "spec": { "containers": [{ "name": "coredns", "image": format!("registry.k8s.io/coredns/coredns{tag}") }] } } } }));
    world
}

/// For the tests that hold for all checks.
pub(in crate::checks) fn cases() -> Vec<(&'static str, World, &'static str)> {
    let mut old = World::new("1.30.4");
    kubelet(&mut old, "w2", "1.27.9");
    let mut config = World::new("1.30.4");
    config.evidence.config_maps.insert(
        "kubeadm-config".into(),
        Reading::Unread(Unread::new("get", "configmaps", Reason::Absent, "").of("kubeadm-config")),
    );
    vec![
        ("a kubelet that is too old", old, "1.31.4"),
        ("API servers too far apart", servers(["1.30.4", "1.32.1", "1.30.4"]), "1.31.4"),
        ("CoreDNS that is too new", coredns(":v1.12.0"), "1.31.4"),
        ("no kubeadm-config", config, "1.31.4"),
    ]
}

#[test]
fn a_healthy_cluster_says_every_version() {
    let findings = World::new("1.30.4").check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), [""; 0]);
    let passes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(
        passes,
        [
            "ApiServersAgree",
            "ComponentsWithinSkew",
            "CoreDnsVersion",
            "KubeProxyWithinSkew",
            "KubeadmConfigAgrees",
            "KubeadmVersions",
            "KubeletsWithinSkew",
            "Route"
        ]
    );
    assert_eq!(only(&findings, "Route").message, "1.30.4 to 1.31.4 in one hop");
    assert_eq!(only(&findings, "KubeletsWithinSkew").message, "kubelets: 5 at 1.30.4");
}

#[test]
fn the_route_goes_one_minor_at_a_time() {
    let route = |to: &str| {
        let findings = World::new("1.30.4").check(CHECK, to);
        let route = only(&findings, "Route");
        (route.severity, route.message.clone())
    };
    assert_eq!(route("1.30.9"), (Severity::Pass, "1.30.4 to 1.30.9, a patch upgrade".to_owned()));
    assert_eq!(
        route("1.33.1"),
        (Severity::Notice, "1.30.4 to 1.33.1 in 3 hops, through 1.31 and 1.32".to_owned())
    );
}

#[test]
fn api_servers_may_be_one_minor_apart_while_it_lasts() {
    let beside = |versions| {
        let findings = servers(versions).check(CHECK, "1.31.4");
        let mut of = of_code(&findings, "ApiServersDiffer");
        of.extend(of_code(&findings, "ApiServersTooFarApart"));
        of
    };
    assert_eq!(beside(["1.30.4", "1.30.4", "1.30.4"]), [""; 0]);
    assert_eq!(beside(["1.30.4", "1.30.9", "1.30.4"]), ["notice APIServer"]);
    assert_eq!(beside(["1.31.4", "1.30.4", "1.31.4"]), ["warning APIServer"]);
    assert_eq!(beside(["1.32.1", "1.30.4", "1.31.4"]), ["blocker APIServer"]);
    assert_eq!(beside(["2.0.0", "1.30.4", "1.30.4"]), ["blocker APIServer"]);
}

#[test]
fn a_server_beyond_the_target_would_go_back() {
    let beyond = |versions| of_code(&servers(versions).check(CHECK, "1.31.4"), "ApiServerNewerThanTarget");
    assert_eq!(beyond(["1.31.5", "1.30.4", "1.30.4"]), ["warning APIServer/10.0.0.11:6443"]);
    assert_eq!(beyond(["1.31.4", "1.30.4", "1.30.4"]), [""; 0]);
}

#[test]
fn kubelets_are_three_behind_at_most_and_never_ahead() {
    let found = |version: &str, to: &str| {
        let mut world = World::new("1.30.4");
        kubelet(&mut world, "w2", version);
        let findings = world.check(CHECK, to);
        let mut of = of_code(&findings, "KubeletTooOld");
        of.extend(of_code(&findings, "KubeletTooNew"));
        assert_eq!(
            of.is_empty(),
            findings.iter().any(|finding| finding.code == "KubeletsWithinSkew"),
            "{findings:?}"
        );
        of
    };
    assert_eq!(found("1.27.9", "1.31.4"), ["blocker Node/w2"]);
    assert_eq!(found("1.28.0", "1.31.4"), [""; 0]);
    assert_eq!(found("1.27.9", "1.30.9"), [""; 0]);
    assert_eq!(found("1.30.9", "1.31.4"), [""; 0], "patches do not count");
    assert_eq!(found("1.31.0", "1.31.4"), ["warning Node/w2"]);
    assert_eq!(found("1.32.0", "1.31.4"), ["blocker Node/w2"]);
    assert_eq!(found("2.30.0", "1.31.4"), ["blocker Node/w2"]);
    // What a later hop adds is a warning that names the minor.
    assert_eq!(found("1.28.0", "1.32.1"), ["warning Kubelet/1.28.0"]);
    let mut world = World::new("1.30.4");
    kubelet(&mut world, "w2", "1.28.0");
    let findings = world.check(CHECK, "1.33.1");
    assert!(
        only(&findings, "KubeletTooOld")
            .message
            .contains("kubelet 1.28.0 on w2 is too old for 1.32: a blocker at 1.32")
    );
    // No kubelet of a cluster at 1.30 is too old for its first hop; at 1.34 all of them would be.
    let findings = World::new("1.30.4").check(CHECK, "1.34.1");
    assert!(
        only(&findings, "KubeletTooOld").message.contains("cp1, cp2, cp3, w1 and w2 is too old for 1.34")
    );
}

/// A cluster whose API servers were upgraded by hand looks as if the next hop were due.
#[test]
fn kubelets_that_an_upgrade_left_behind_are_named_with_what_finishes_it() {
    let mut world = World::new("1.31.14");
    for node in ["w1", "w2"] {
        kubelet(&mut world, node, "1.30.4");
    }
    let findings = world.check(CHECK, "1.32.4");
    let behind = only(&findings, "KubeletsBehind");
    assert_eq!(behind.message, "kubelet 1.30.4 on w1 and w2 is behind the API servers, at 1.31.14");
    assert!(behind.why.contains("over 2 minors"), "{}", behind.why);
    assert_eq!(behind.remedy.as_ref().unwrap().commands, ["kubelift plan --target 1.31.14"]);
    let none: &[&str] = &[];
    assert_eq!(of_code(&world.check(CHECK, "1.31.14"), "KubeletsBehind"), none, "that finishes it");
    kubelet(&mut world, "w1", "1.31.2");
    kubelet(&mut world, "w2", "1.31.2");
    assert_eq!(of_code(&world.check(CHECK, "1.32.4"), "KubeletsBehind"), none, "patches do not count");
}

#[test]
fn a_kubelet_without_a_version_is_unknown() {
    let mut world = World::new("1.30.4");
    kubelet(&mut world, "w2", "one");
    let findings = world.check(CHECK, "1.31.4");
    let unknown = only(&findings, "KubeletVersionUnread");
    assert_eq!(
        (unknown.could_hide, unknown.subject.to_string().as_str()),
        (Some(Severity::Blocker), "Node/w2")
    );
    assert_eq!(Verdict::of(&findings), Verdict::Unknown);
}

fn proxies(version: &str) -> World {
    let mut world = World::new("1.30.4");
    world.edit_pod("kube-proxy-w2", |pod| {
        let mut containers: Vec<_> = pod.spec.containers.iter().cloned().collect();
        containers[0].image = format!("registry.k8s.io/kube-proxy:{version}").into();
        pod.spec.containers = containers.into_iter().collect();
    });
    world
}

#[test]
fn kube_proxy_is_judged_by_its_images() {
    let found = |version: &str| of_code(&proxies(version).check(CHECK, "1.31.4"), "KubeProxySkew").len();
    assert_eq!(found("v1.30.4"), 0);
    assert_eq!(found("v1.29.4"), 0);
    assert_eq!(found("v1.28.4"), 0);
    assert_eq!(found("v1.27.4"), 1, "four behind the hop");
    assert_eq!(found("v1.26.4"), 2, "and four behind its kubelet");
    assert_eq!(found("v1.31.0"), 1, "newer than the API server");
    let findings = proxies("latest").check(CHECK, "1.31.4");
    assert_eq!(only(&findings, "KubeProxyVersionUnread").could_hide, Some(Severity::Warning));
    let mut without = World::new("1.30.4");
    ["cp1", "cp2", "cp3", "w1", "w2"]
        .iter()
        .for_each(|node| without.remove_pod(&format!("kube-proxy-{node}")));
    assert_eq!(codes(&without.check(CHECK, "1.31.4")), ["KubeProxyAbsent"]);
}

fn component(component: &str, version: &str) -> Vec<Finding> {
    let mut world = World::new("1.30.4");
    world.remove_pod(&format!("{component}-cp2"));
    world.pod(static_pod("cp2", component, &format!("registry.k8s.io/{component}:{version}")));
    world.check(CHECK, "1.31.4")
}

#[test]
fn controllers_are_judged_beside_their_own_server() {
    let scheduler = |version: &str| {
        let findings = component("kube-scheduler", version);
        let mut of = of_code(&findings, "ComponentSkew");
        of.extend(of_code(&findings, "ComponentDiffers"));
        of
    };
    assert_eq!(scheduler("v1.30.9"), [""; 0]);
    assert_eq!(scheduler("v1.29.9"), ["notice kube-system/Pod/kube-scheduler-cp2"]);
    assert_eq!(scheduler("v1.28.9"), ["warning kube-system/Pod/kube-scheduler-cp2"]);
    assert_eq!(scheduler("v1.31.0"), ["warning kube-system/Pod/kube-scheduler-cp2"]);
    let unknown = component("kube-controller-manager", "edge");
    assert_eq!(only(&unknown, "ComponentVersionUnread").could_hide, Some(Severity::Warning));
    // Half-way through an upgrade a controller is beside the server of its node, not the oldest.
    let mut world = servers(["1.31.4", "1.30.4", "1.30.4"]);
    for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        world.remove_pod(&format!("{name}-cp1"));
        world.pod(static_pod("cp1", name, &format!("registry.k8s.io/{name}:v1.31.4")));
    }
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), ["ApiServersDiffer"]);
}

#[test]
fn a_manifest_that_was_changed_and_not_started_is_seen() {
    let findings = component("kube-apiserver", "v1.31.4");
    let finding = only(&findings, "StaticPodNotRestarted");
    assert_eq!(
        (finding.severity, finding.message.as_str()),
        (Severity::Warning, "its manifest has 1.31.4, and 1.30.4 answers")
    );
}

#[test]
fn controllers_that_no_pod_shows_are_unknown() {
    let mut world = World::new("1.30.4");
    ["cp1", "cp2", "cp3"].iter().for_each(|node| world.remove_pod(&format!("kube-scheduler-{node}")));
    let findings = world.check(CHECK, "1.31.4");
    let unknown = only(&findings, "ComponentVersionUnread");
    assert_eq!(
        (unknown.could_hide, unknown.subject.to_string().as_str()),
        (Some(Severity::Warning), "Component/kube-scheduler")
    );
}

fn configured(version: &str) -> World {
    let mut world = World::new("1.30.4");
    world.config_map(
        "kubeadm-config",
        json!({ "ClusterConfiguration": format!("kubernetesVersion: {version}\n") }),
    );
    world
}

#[test]
fn kubeadm_config_agrees_or_tells_how_far_an_upgrade_came() {
    let config = |world: World| {
        let findings = world.check(CHECK, "1.31.4");
        of_code(&findings, "KubeadmConfigVersion")
    };
    let subject = "kube-system/ConfigMap/kubeadm-config";
    assert_eq!(config(configured("v1.30.4")), [""; 0]);
    assert_eq!(config(configured("v1.29.9")), [format!("warning {subject}")]);
    assert_eq!(config(configured("v1.31.4")), [format!("warning {subject}")], "no server is there");
    assert_eq!(config(configured("stable")), [format!("warning {subject}")]);
    let mut half = servers(["1.31.4", "1.30.4", "1.30.4"]);
    half.config_map("kubeadm-config", json!({ "ClusterConfiguration": "kubernetesVersion: v1.31.4\n" }));
    assert_eq!(config(half), [format!("notice {subject}")]);
}

/// A bare API server: no node, no static pod, no ConfigMap.
fn bare() -> World {
    let mut world = World::new("1.30.4");
    world.evidence.objects.nodes.items = std::sync::Arc::from([]);
    world.evidence.objects.pods.items = std::sync::Arc::from([]);
    world
        .evidence
        .objects
        .workloads
        .values_mut()
        .for_each(|listing| listing.items = std::sync::Arc::from([]));
    for name in crate::evidence::CONFIG_MAPS {
        world.evidence.config_maps.insert(
            name.into(),
            Reading::Unread(Unread::new("get", "configmaps", Reason::Absent, "").of(name)),
        );
    }
    world.evidence.servers.servers.truncate(1);
    world.api_only();
    world
}

#[test]
fn without_kubeadm_config_a_kubeadm_cluster_is_blocked_and_another_is_not() {
    let mut world = World::new("1.30.4");
    world.evidence.config_maps.insert(
        "kubeadm-config".into(),
        Reading::Unread(Unread::new("get", "configmaps", Reason::Absent, "")),
    );
    assert_eq!(
        of_code(&world.check(CHECK, "1.31.4"), "KubeadmConfigMissing"),
        ["blocker kube-system/ConfigMap/kubeadm-config"]
    );
    let findings = bare().check(CHECK, "1.31.4");
    assert_eq!(only(&findings, "NotKubeadm").severity, Severity::Warning);
    assert_eq!(Verdict::of(&findings), Verdict::Ready, "{findings:#?}");
    // Where it is refused, what it hides is what its absence would weigh.
    let mut refused = bare();
    let unread = Unread::new("get", "configmaps", Reason::Forbidden, "");
    refused.evidence.config_maps.insert("kubeadm-config".into(), Reading::Unread(unread.clone()));
    assert_eq!(
        only(&refused.check(CHECK, "1.31.4"), "KubeadmConfigUnread").could_hide,
        Some(Severity::Warning)
    );
    refused.evidence.objects.nodes.unread = vec![Unread::new("list", "nodes", Reason::Forbidden, "")];
    assert_eq!(
        only(&refused.check(CHECK, "1.31.4"), "KubeadmConfigUnread").could_hide,
        Some(Severity::Blocker)
    );
}

#[test]
fn kubeadm_on_the_nodes_is_seen_by_the_probe() {
    let with = |change: &dyn Fn(&mut crate::evidence::NodeFacts)| {
        let mut world = World::new("1.30.4");
        world.facts("w1", change);
        let findings = world.check(CHECK, "1.31.4");
        codes(&findings).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let version = |text: &str| Some(crate::text::Text::new(text));
    assert_eq!(with(&|facts| facts.kubeadm.as_mut().unwrap().version = version("v1.31.4")), [""; 0]);
    assert_eq!(
        with(&|facts| facts.kubeadm.as_mut().unwrap().version = version("v1.32.0")),
        ["KubeadmTooNew"]
    );
    assert_eq!(with(&|facts| facts.kubeadm = Some(Default::default())), ["KubeadmAbsent"]);
    assert_eq!(with(&|facts| facts.kubeadm = None), ["KubeadmVersionUnread"]);
    let mut world = World::new("1.30.4");
    world.api_only();
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), ["OutOfScope"]);
}

#[test]
fn coredns_goes_up_only_and_from_known_versions_only() {
    let found = |tag: &str, to: &str| {
        let findings = coredns(tag).check(CHECK, to);
        let found = findings.iter().find(|finding| finding.code.starts_with("CoreDns")).unwrap();
        (found.severity, found.code.clone())
    };
    let is = |severity, code: &str| (severity, code.to_owned());
    assert_eq!(found(":v1.11.1", "1.31.4"), is(Severity::Pass, "CoreDnsVersion"));
    assert_eq!(found(":v1.11.3", "1.31.4"), is(Severity::Pass, "CoreDnsVersion"));
    assert_eq!(found(":1.11.3", "1.31.4"), is(Severity::Pass, "CoreDnsVersion"));
    assert_eq!(found(":v1.12.0", "1.31.4"), is(Severity::Blocker, "CoreDnsStopsKubeadm"));
    assert_eq!(found("@sha256:00", "1.31.4"), is(Severity::Blocker, "CoreDnsStopsKubeadm"));
    assert_eq!(found(":v1.11.3-mine", "1.31.4"), is(Severity::Warning, "CoreDnsUnusual"));
    assert_eq!(found(":v1.10.9", "1.31.4"), is(Severity::Warning, "CoreDnsUnusual"));
    // 1.31.0 brings an older CoreDNS than 1.30.5 did.
    assert_eq!(found(":v1.11.3", "1.31.0"), is(Severity::Blocker, "CoreDnsStopsKubeadm"));
    let findings = coredns(":v1.11.3").check(CHECK, "1.31.0");
    assert!(
        only(&findings, "CoreDnsStopsKubeadm")
            .remedy
            .as_ref()
            .unwrap()
            .summary
            .contains("take 1.31.14 as the target")
    );
    let mut none = coredns(":v1.11.3");
    none.evidence.objects.workloads.get_mut(&Kind::Deployment).unwrap().items = std::sync::Arc::from([]);
    assert_eq!(only(&none.check(CHECK, "1.31.4"), "CoreDnsStopsKubeadm").severity, Severity::Blocker);
}

#[test]
fn unread_servers_are_unknown_one_by_one() {
    let mut world = World::new("1.30.4");
    world.evidence.servers.servers[1].version =
        Reading::Unread(Unread::new("get", "/version", Reason::Unreachable, "").of("10.0.0.12:6443"));
    let findings = world.check(CHECK, "1.31.4");
    let unknown = only(&findings, "ApiServerVersionUnread");
    assert_eq!(
        (unknown.could_hide, unknown.subject.to_string().as_str()),
        (Some(Severity::Blocker), "APIServer/10.0.0.12:6443")
    );
    assert!(!findings.iter().any(|finding| finding.code == "ApiServersAgree"));
    assert_eq!(world.evidence.servers.oldest(), Some(&Version::new(1, 30, 4)));
}
