//! What the probe said of real machines: see `tests/fixtures/node-facts/README.md` for what they are.

use super::probe::parse;
use crate::evidence::node_facts::{CgroupVersion, Flag, Known, NodeFacts, SnapshotState};

fn fixture(name: &str) -> NodeFacts {
    let path = format!("{}/tests/fixtures/node-facts/{name}.json", env!("CARGO_MANIFEST_DIR"));
    parse(&std::fs::read(path).unwrap()).unwrap()
}

fn texts<'a>(all: impl IntoIterator<Item = &'a crate::text::Text>) -> Vec<&'a str> {
    all.into_iter().map(|text| text.as_str()).collect()
}

fn flag<'a>(flags: &'a [Flag], name: &str) -> Option<&'a str> {
    flags.iter().find(|flag| flag.name == name)?.value.as_deref()
}

#[test]
fn a_machine_that_is_no_node_says_so() {
    for name in ["plain-root", "plain-user"] {
        let facts = fixture(name);
        let kubelet = facts.kubelet.as_ref().unwrap();
        assert_eq!((kubelet.path.as_ref(), kubelet.version.as_ref()), (None, None));
        assert_eq!(facts.cgroup.as_ref().unwrap().version, Some(CgroupVersion::Hybrid));
        assert_eq!(facts.app_armor.as_ref().unwrap().is_on(), Some(false));
        assert_eq!(facts.etcd.as_ref().unwrap().local, Some(false));
        assert_eq!(facts.read("staticPods", &facts.static_pods), Known::Read(&vec![]));
    }
    let user = fixture("plain-user");
    assert_eq!(
        user.read("backups", &user.backups).reason(),
        Some("a folder above it is closed to uid 65534")
    );
    assert!(fixture("plain-root").uid == Some(0) && fixture("plain-user").uid == Some(65534));
}

#[test]
fn cgroups_and_app_armor_of_every_guest() {
    let profiles = ["k8s-try", "k8s-web", "lsb_release", "nvidia_modprobe", "nvidia_modprobe//kmod"];
    for (name, cgroup, fs_type, app_armor) in [
        ("guest-v2-root", CgroupVersion::V2, "cgroup2", true),
        ("guest-v1-root", CgroupVersion::V1, "tmpfs", true),
        ("guest-hybrid-root", CgroupVersion::Hybrid, "tmpfs", false),
    ] {
        let facts = fixture(name);
        assert!(facts.uid == Some(0) && facts.unread.is_empty(), "{name}");
        let found = facts.cgroup.as_ref().unwrap();
        assert_eq!((found.version, found.fs_type.as_deref()), (Some(cgroup), Some(fs_type)), "{name}");
        assert_eq!(found.controllers.iter().any(|c| c == "memory"), cgroup == CgroupVersion::V2);
        assert_eq!(found.v1_controllers.iter().any(|c| c == "memory"), cgroup != CgroupVersion::V2);
        let found = facts.app_armor.as_ref().unwrap();
        assert_eq!((found.is_on(), found.parser), (Some(app_armor), Some(true)), "{name}");
        let mut loaded = texts(found.profiles.as_ref().unwrap().iter().map(|p| &p.name));
        loaded.sort_unstable();
        assert_eq!(loaded, if app_armor { &profiles[..] } else { &[] }, "{name}");
    }
    let facts = fixture("guest-v2-root");
    let profiles = facts.app_armor.unwrap().profiles.unwrap();
    let mode = |name: &str| profiles.iter().find(|p| p.name == name).unwrap().mode.to_string();
    assert_eq!((mode("k8s-web"), mode("k8s-try")), ("enforce".to_owned(), "complain".to_owned()));
}

#[test]
fn app_armor_is_off_where_only_its_folder_says_so() {
    // systemd-nspawn hides /sys/module: so it is for the kubelet in there.
    let facts = fixture("machine-root");
    let app_armor = facts.app_armor.as_ref().unwrap();
    assert_eq!((app_armor.enabled, app_armor.is_on()), (None, Some(false)));
    assert_eq!(facts.why_unread("appArmor.enabled"), Some("there is no /sys/module"));
}

#[test]
fn kubelet_runtime_and_packages_of_a_control_plane() {
    let facts = fixture("guest-v2-root");
    let kubelet = facts.kubelet.as_ref().unwrap();
    assert_eq!(kubelet.version.as_deref(), Some("v1.30.14"));
    assert_eq!(facts.kubeadm.as_ref().unwrap().version.as_deref(), Some("v1.30.14"));
    assert_eq!(kubelet.server.as_deref(), Some("https://192.0.2.11:6443"));
    let unit = kubelet.unit.as_ref().unwrap();
    assert_eq!((unit.active_state.as_deref(), unit.needs_reload), (Some("active"), Some(false)));
    let process = kubelet.process.as_ref().unwrap();
    assert_eq!(process.replaced, Some(false));
    assert!(process.started_at < facts.collected_at);
    let config = kubelet.config.as_ref().unwrap();
    assert_eq!(config.cgroup_driver.as_deref(), Some("systemd"));
    assert_eq!((config.fail_cgroup_v1, config.rotate_certificates), (None, Some(true)));
    assert_eq!(config.eviction_hard["nodefs.available"], "5%");
    assert_eq!(config.feature_gates["ImageMaximumGCAge"], "true");
    let sources: Vec<_> =
        kubelet.flag_sources.iter().map(|s| (&*s.kind, s.path.rsplit('/').next())).collect();
    assert_eq!(
        sources,
        [
            ("unit", Some("kubelet.service")),
            ("unit", Some("10-kubeadm.conf")),
            ("environment", Some("kubeadm-flags.env")),
            ("environment", Some("kubelet")),
            ("process", Some("cmdline")),
        ]
    );
    // The running process has each flag of the files, and here no other.
    let running = &kubelet.flag_sources[4].flags;
    let files: Vec<_> = kubelet.flag_sources[..4].iter().flat_map(|source| &source.flags).collect();
    assert_eq!(files.len(), running.len());
    assert!(files.iter().all(|f| flag(running, &f.name) == f.value.as_deref()));
    let image = flag(&kubelet.flag_sources[2].flags, "pod-infra-container-image");

    let runtime = facts.runtime.as_ref().unwrap();
    assert_eq!(runtime.name.as_deref(), Some("containerd"));
    assert_eq!(texts(&runtime.sockets), ["unix:///run/containerd/containerd.sock"]);
    let config = runtime.config.as_ref().unwrap();
    assert_eq!(config.source.as_deref(), Some("containerd config dump"));
    assert_eq!((config.version, config.cgroup_driver.as_deref()), (Some(2), Some("systemd")));
    assert_eq!(config.sandbox_image.as_deref(), Some("registry.k8s.io/pause:3.9"));
    assert_eq!(image, config.sandbox_image.as_deref());

    let packages = facts.packages.as_ref().unwrap();
    let held: Vec<_> = packages.installed.iter().filter(|p| p.held == Some(true)).map(|p| &*p.name).collect();
    assert_eq!(held, ["kubeadm", "kubectl", "kubelet"]);
    assert_eq!((packages.broken.len(), packages.repositories.len()), (0, 1));
    assert_eq!(packages.repositories[0].minor.as_deref(), Some("1.30"));
}

#[test]
fn static_pods_and_certificates_of_a_control_plane() {
    let facts = fixture("guest-v2-root");
    let pods = facts.static_pods.as_ref().unwrap();
    let names = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
    assert_eq!(texts(pods.iter().filter_map(|p| p.name.as_ref())), names);
    assert_eq!(texts(&pods[1].images), ["registry.k8s.io/kube-apiserver:v1.30.14"]);
    assert_eq!(flag(&pods[1].flags, "enable-admission-plugins"), Some("NodeRestriction"));
    assert_eq!(flag(&pods[2].flags, "controllers"), Some("*,bootstrapsigner,tokencleaner"));
    assert!(pods[0].host_paths.iter().any(|path| path == "/var/lib/etcd"));
    let certificates = facts.certificates.as_ref().unwrap();
    assert_eq!(certificates.len(), 10 + 5 + 1);
    let of = |path: &str| certificates.iter().find(|c| c.path.ends_with(path)).unwrap();
    let (ca, server) = (of("pki/ca.crt"), of("etcd/server.crt"));
    // kubeadm's own terms: ten years and one.
    let hours = |not_after: Option<jiff::Timestamp>| {
        (not_after.unwrap() - facts.collected_at.unwrap()).total(jiff::Unit::Hour).unwrap() / 24.0
    };
    assert!((3645.0..3651.0).contains(&hours(ca.not_after)));
    assert!((360.0..366.0).contains(&hours(server.not_after)));
    assert_eq!(of("admin.conf").issuer.as_deref(), Some("CN=kubernetes"));
    assert_eq!(
        of("kubelet-client-current.pem").subject.as_deref(),
        Some("CN=system:node:cp1,O=system:nodes")
    );
}

#[test]
fn a_member_of_etcd_from_inside() {
    for name in ["guest-v2-root", "machine-root"] {
        let facts = fixture(name);
        let etcd = facts.etcd.as_ref().unwrap();
        assert_eq!(etcd.local, Some(true));
        assert_eq!(etcd.image.as_deref(), Some("registry.k8s.io/etcd:3.5.15-0"));
        let status = etcd.status.as_ref().unwrap();
        assert_eq!((status.version.as_deref(), status.is_learner), (Some("3.5.23"), false));
        let members = etcd.members.as_ref().unwrap();
        assert_eq!(members.len(), 1);
        assert_eq!((members[0].id, &*members[0].name), (status.leader, "cp1"));
        assert_eq!(status.header.member_id, status.leader);
        assert_eq!(texts(&members[0].peer_urls), ["https://192.0.2.11:2380"]);
        assert_eq!(etcd.alarms.as_deref(), Some(&[][..]));
        assert_eq!(etcd.health.as_ref().unwrap().health, "true");
        let metrics = etcd.metrics.as_ref().unwrap();
        assert_eq!(metrics.quota_bytes, Some(2 * 1024 * 1024 * 1024));
        assert_eq!((metrics.db_size_bytes, metrics.has_leader), (status.db_size, Some(true)));
        // etcd takes space for its log ahead.
        assert!(etcd.data_bytes > etcd.db_file_bytes && etcd.db_file_bytes > metrics.db_size_bytes);
    }
}

#[test]
fn backups_of_etcd_by_what_they_are() {
    let facts = fixture("guest-v2-root");
    let backups = facts.backups.as_ref().unwrap();
    let state = |name: &str| backups.snapshots.iter().find(|s| s.path.ends_with(name)).unwrap().state;
    assert_eq!(backups.snapshots.len(), 3);
    assert_eq!(state("daily.db"), Some(SnapshotState::Verified));
    assert_eq!(state("torn.db"), Some(SnapshotState::Unsound));
    assert_eq!(state("live-copy.db"), Some(SnapshotState::Unsound));
    assert!(backups.kubeadm_tmp_bytes > Some(16 * 1024 * 1024));
    let worker = fixture("guest-v1-root");
    assert_eq!(worker.etcd.unwrap().local, Some(false));
    assert!(worker.backups.unwrap().snapshots.is_empty());
}

#[test]
fn what_a_user_cannot_see_is_unread_and_the_rest_is_the_same() {
    let (root, user) = (fixture("guest-v2-root"), fixture("guest-v2-user"));
    for what in
        ["appArmor.profiles", "kubelet.config", "kubelet.server", "staticPods", "etcd", "etcd.members"]
    {
        assert_eq!(root.why_unread(what), None, "{what}");
        assert!(user.why_unread(what).is_some(), "{what}");
    }
    assert_eq!(user.app_armor.as_ref().unwrap().profiles, None);
    assert_eq!((user.etcd.as_ref(), user.static_pods.as_ref()), (None, None));
    assert!(
        matches!(user.read("certificates", &user.certificates), Known::Partly(seen, _) if seen.len() == 10)
    );
    assert_eq!(
        (&user.boot_id, &user.machine_id, &user.cgroup),
        (&root.boot_id, &root.machine_id, &root.cgroup)
    );
    assert_eq!((&user.runtime, &user.packages), (&root.runtime, &root.packages));
}

#[test]
fn what_these_documents_are_too_old_to_say_is_unread() {
    let facts = fixture("guest-v2-root");
    let kubelet = facts.kubelet.as_ref().unwrap().config.as_ref().unwrap();
    assert_eq!((&kubelet.sha256, kubelet.modified), (&None, None));
    let images = &facts.runtime.as_ref().unwrap().images;
    assert_eq!(facts.read("runtime.images", images), Known::Unread("the probe's document does not say"));
    let packages = facts.packages.as_ref().unwrap();
    assert_eq!((packages.locked, &facts.tools), (None, &None));
    let repository = &packages.repositories[0];
    assert_eq!((&repository.signed_by, repository.trusted), (&None, None));
}

#[test]
fn facts_are_the_same_after_being_written_and_read() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/node-facts")).unwrap()
    {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".json") {
            let facts = fixture(name);
            let again: NodeFacts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
            assert_eq!(again, facts, "{name}");
        }
    }
}
