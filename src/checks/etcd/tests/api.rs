//! What the API alone shows, and where etcd is.

use super::*;
use crate::checks::testing::{of_code, only};
use crate::checks::{Severity, Verdict};
use crate::evidence::{Reading, Reason, Unread};

#[test]
fn a_healthy_etcd_passes_with_what_was_seen() {
    let world = World::new("1.30.4");
    let findings = check(&world);
    assert_eq!(said(&world), "");
    let pass = only(&findings, "EtcdHealthy");
    assert_eq!(pass.message, "3 members at 3.5.15, healthy, without alarms; the database has 47 MiB");
    assert_eq!(
        pass.evidence[0].saw,
        "cp1: 3.5.15, 47 MiB of 2.0 GiB, leader, by curl https://127.0.0.1:2379"
    );
    assert_eq!(pass.evidence[0].how, "probe cp1.json");
    assert_eq!(findings.iter().filter(|finding| finding.severity < Severity::Notice).count(), 0);
}

#[test]
fn the_api_alone_shows_pods_and_what_the_servers_reach() {
    let mut world = World::new("1.30.4");
    world.api_only();
    let findings = check(&world);
    assert_eq!(Verdict::of(&findings), Verdict::Ready);
    assert_eq!(
        only(&findings, "EtcdReachable").message,
        "3 etcd static pods ready, and reached by 3 API servers"
    );
    assert_eq!(
        only(&findings, "OutOfScope").message,
        "left out by --scope api: etcd's inside, and its backups"
    );
    assert!(!findings.iter().any(|finding| finding.severity == Severity::Unknown));
    // The tag is the API's, and so is what it says.
    let mut old = at("1.30.4", "3.5.2");
    old.api_only();
    assert_eq!(Verdict::of(&check(&old)), Verdict::Blocked);
}

#[test]
fn without_the_probe_the_inside_is_unknown_and_could_hide_a_blocker() {
    let mut world = World::new("1.30.4");
    world.evidence.node_facts.clear();
    let findings = check(&world);
    let unknown = only(&findings, "EtcdInsideUnread");
    assert_eq!(unknown.message, "not known: could not probe node facts of cp1, cp2 and cp3: not provided");
    assert_eq!(unknown.could_hide, Some(Severity::Blocker));
    assert_eq!(Verdict::of(&findings), Verdict::Unknown);
    assert!(!findings.iter().any(|finding| finding.code == "EtcdHealthy" || finding.code == "EtcdReachable"));
    // The versions are still known, by the tags.
    assert!(only(&findings, "BackupsUnread").could_hide == Some(Severity::Warning));
    assert!(findings.iter().any(|finding| {
        finding.evidence.iter().any(|proof| proof.saw == "etcd on cp1 by its image's tag: 3.5.15")
    }));
    // Facts of workers do not stand for those of control planes, and one that is missing is named.
    let mut one = World::new("1.30.4");
    one.evidence.node_facts.remove("cp2");
    assert_eq!(of_code(&check(&one), "EtcdInsideUnread"), ["unknown Node/cp2"]);
    let mut worker = World::new("1.30.4");
    worker.evidence.node_facts.remove("w1");
    assert_eq!(said(&worker), "");
}

#[test]
fn kubeadm_wants_a_ready_static_pod_on_every_control_plane() {
    let mut missing = World::new("1.30.4");
    missing.remove_pod("etcd-cp3");
    assert_eq!(of_code(&check(&missing), "StaticPodMissing"), ["blocker kube-system/Pod/etcd-cp3"]);
    let mut unready = World::new("1.30.4");
    unready.edit_pod("etcd-cp3", |pod| pod.status.conditions = std::iter::empty().collect());
    assert_eq!(of_code(&check(&unready), "StaticPodNotReady"), ["blocker kube-system/Pod/etcd-cp3"]);
    let mut renamed = World::new("1.30.4");
    renamed.edit_pod("etcd-cp3", |pod| pod.metadata.name = "etcd-three".into());
    assert_eq!(of_code(&check(&renamed), "StaticPodMissing"), ["blocker kube-system/Pod/etcd-three"]);
}

#[test]
fn an_api_server_that_does_not_reach_etcd_blocks() {
    let changed = |failed: &[&str], etcd: Option<bool>, ok: bool| {
        let mut world = World::new("1.30.4");
        if let Reading::Read { value, .. } = &mut world.evidence.servers.servers[1].ready {
            (value.ok, value.etcd) = (ok, etcd);
            value.failed = failed.iter().map(|name| (*name).into()).collect();
        }
        said(&world)
    };
    assert_eq!(changed(&["etcd"], Some(false), false), "EtcdNotReached");
    assert_eq!(changed(&["etcd-readiness"], Some(true), false), "EtcdNotReached");
    assert_eq!(changed(&["informer-sync"], Some(true), false), "", "etcd has no part in that");
    assert_eq!(changed(&["ping"], None, false), "EtcdReachUnread");
    let mut unread = World::new("1.30.4");
    unread.evidence.servers.servers[1].ready =
        Reading::Unread(Unread::new("get", "/readyz", Reason::TimedOut, "").of("10.0.0.12:6443"));
    assert_eq!(only(&check(&unread), "EtcdReachUnread").could_hide, Some(Severity::Blocker));
}

#[test]
fn an_external_etcd_is_said_to_be_one() {
    let external = |world: &World| {
        let findings = check(world);
        let found = only(&findings, "EtcdExternal");
        assert_eq!((found.severity, found.could_hide), (Severity::Unknown, Some(Severity::Warning)));
        assert!(
            !findings
                .iter()
                .any(|finding| finding.code.starts_with("Etcd") && finding.severity == Severity::Blocker),
            "{findings:#?}"
        );
        found.evidence.last().unwrap().saw.clone()
    };
    let by_config = with_config(json!({ "external": { "endpoints": ["https://10.9.0.1:2379"] } }));
    assert_eq!(external(&by_config), "etcd.external in the ClusterConfiguration of kubeadm-config");
    let servers = |urls: &str| {
        let mut world = World::new("1.30.4");
        for node in ["cp1", "cp2", "cp3"] {
            command(
                &mut world,
                &format!("kube-apiserver-{node}"),
                &["kube-apiserver", &format!("--etcd-servers={urls}")],
            );
        }
        world
    };
    let mut by_flag = servers("https://10.9.0.2:2379,https://10.9.0.1:2379");
    for node in ["cp1", "cp2", "cp3"] {
        by_flag.remove_pod(&format!("etcd-{node}"));
    }
    assert_eq!(external(&by_flag), "--etcd-servers of the API servers names 10.9.0.1 and 10.9.0.2");
    // The own machine, and members that advertise the address, are no other place.
    assert_eq!(said(&servers("https://127.0.0.1:2379")), "");
    assert_eq!(said(&servers("https://[::1]:2379")), "");
    let mut members = servers("https://10.0.0.11:2379,https://10.0.0.12:2379");
    command(&mut members, "etcd-cp1", &["etcd", "--advertise-client-urls=https://10.0.0.11:2379"]);
    assert_eq!(said(&members), "");
}

#[test]
fn where_nothing_shows_etcd_nothing_is_said_of_it() {
    let mut world = World::new("1.30.4");
    let nodes = &mut world.evidence.objects.nodes;
    nodes.items = nodes.items.iter().filter(|node| !node.is_control_plane()).cloned().collect();
    for node in ["cp1", "cp2", "cp3"] {
        world.remove_pod(&format!("etcd-{node}"));
        world.evidence.node_facts.remove(node);
    }
    let findings = check(&world);
    assert_eq!(only(&findings, "EtcdUnseen").could_hide, Some(Severity::Warning));
    assert_eq!(Verdict::of(&findings), Verdict::Ready);
    // As long as not all was read it may be there.
    world.evidence.objects.pods.unread = vec![Unread::new("list", "pods", Reason::Forbidden, "")];
    assert_eq!(Verdict::of(&check(&world)), Verdict::Unknown);
}

#[test]
fn kubeadms_configuration_must_fit_what_runs() {
    assert_eq!(
        said(&with_config(json!({ "local": { "imageTag": "3.5.15-0", "dataDir": "/var/lib/etcd/" } }))),
        ""
    );
    assert_eq!(said(&with_config(json!({ "local": { "imageTag": "latest" } }))), "EtcdTagNotAVersion");
    let moved = check(&with_config(json!({ "local": { "dataDir": "/data/etcd" } })));
    assert_eq!(
        of_code(&moved, "EtcdDataDirDiffers"),
        ["blocker Node/cp1", "blocker Node/cp2", "blocker Node/cp3"]
    );
    let mut digest = World::new("1.30.4");
    digest.edit_pod("etcd-cp2", |pod| {
        let mut containers = pod.spec.containers.to_vec();
        containers[0].image = "registry.k8s.io/etcd@sha256:00".into();
        pod.spec.containers = containers.into_iter().collect();
    });
    assert_eq!(of_code(&check(&digest), "EtcdTagNotAVersion"), ["blocker kube-system/Pod/etcd-cp2"]);
    let mut unread = World::new("1.30.4");
    unread.evidence.config_maps.clear();
    assert_eq!(only(&check(&unread), "EtcdConfigUnread").could_hide, Some(Severity::Blocker));
}
