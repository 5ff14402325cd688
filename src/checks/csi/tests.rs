//! Each verdict, with its nearest neighbours that must not fire.

use serde_json::{Value, json};

use crate::checks::testing::{World, codes, of_code, only, running};
use crate::checks::{Severity, Verdict};
use crate::evidence::objects::Kind;
use crate::evidence::{Reading, Reason, Unread};

const CHECK: &str = "csi";
const RBD: &str = "rbd.csi.ceph.com";

/// A pod of a node plugin, as most drivers have it.
fn node_plugin(owner: &str, node: &str, folder: &str, image: &str) -> Value {
    json!({
        "metadata": { "namespace": "csi", "name": format!("{owner}-{node}"),
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "DaemonSet", "name": owner, "controller": true }] },
        "spec": { "nodeName": node,
            "containers": [
                { "name": "registrar", "image": "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.11.1",
                  "args": [format!("--kubelet-registration-path=/var/lib/kubelet/plugins/{folder}/csi.sock")] },
                { "name": "driver", "image": image },
            ],
            "volumes": [{ "name": "socket", "hostPath": { "path": format!("/var/lib/kubelet/plugins/{folder}") } },
                { "name": "registry", "hostPath": { "path": "/var/lib/kubelet/plugins_registry/" } }] },
        "status": running() })
}

fn controller(owner: &str, image: &str, args: &[&str]) -> Value {
    json!({
        "metadata": { "namespace": "csi", "name": format!("{owner}-x"),
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "controller": true }] },
        "spec": { "nodeName": "w1", "containers": [
            { "name": "provisioner", "image": "registry.k8s.io/sig-storage/csi-provisioner:v5.0.1" },
            { "name": "driver", "image": image, "args": args }] },
        "status": running() })
}

fn registered(world: &mut World, node: &str, drivers: &[&str]) {
    let drivers: Vec<Value> = drivers.iter().map(|name| json!({ "name": name, "nodeID": node })).collect();
    world.csi_node(json!({ "metadata": { "name": node }, "spec": { "drivers": drivers } }));
}

/// RBD with its node plugin on both workers and a controller, registered on `on`.
fn rbd(on: &[&str], images: [&str; 3]) -> World {
    let mut world = World::new("1.30.4");
    world.csi_driver(json!({ "metadata": { "name": RBD } }));
    let image = |tag: &str| format!("quay.io/cephcsi/cephcsi:{tag}");
    world.pod(node_plugin("csi-rbdplugin", "w1", RBD, &image(images[0])));
    world.pod(node_plugin("csi-rbdplugin", "w2", RBD, &image(images[1])));
    world.pod(controller("csi-rbdplugin-provisioner", &image(images[2]), &["--drivername=rbd.csi.ceph.com"]));
    on.iter().for_each(|node| registered(&mut world, node, &[RBD]));
    world
}

/// A bound volume of a driver, and a pod that runs with it.
fn in_use(world: &mut World, driver: &str, phase: &str) {
    world.volume(json!({ "metadata": { "name": "pv-1" },
        "spec": { "csi": { "driver": driver }, "claimRef": { "namespace": "data", "name": "db" } }, "status": { "phase": "Bound" } }));
    world.pod(json!({ "metadata": { "namespace": "data", "name": "db-0" },
        "spec": { "nodeName": "w1", "containers": [], "volumes": [{ "name": "d", "persistentVolumeClaim": { "claimName": "db" } }] },
        "status": { "phase": phase } }));
}

fn in_tree(field: &str, phase: &str) -> World {
    let mut world = World::new("1.30.4");
    world.volume(
        json!({ "metadata": { "name": "old" }, "spec": { field: {} }, "status": { "phase": phase } }),
    );
    world
}

/// For the tests that hold for all checks.
pub(in crate::checks) fn cases() -> Vec<(&'static str, World, &'static str)> {
    let mut nowhere = rbd(&[], ["v3", "v3", "v3"]);
    in_use(&mut nowhere, RBD, "Running");
    let mut class = World::new("1.30.4");
    class.storage_class(json!({ "metadata": { "name": "old" }, "provisioner": "kubernetes.io/rbd" }));
    let mut template = World::new("1.30.4");
    template.workload(Kind::StatefulSet, mounting("cephfs", 1));
    vec![
        ("a driver in use that is registered nowhere", nowhere, "1.31.4"),
        ("a volume of a plugin that goes", in_tree("rbd", "Bound"), "1.31.4"),
        ("a class of a plugin that goes", class, "1.31.4"),
        ("a template with a plugin that goes", template, "1.31.4"),
        ("a driver in order", rbd(&["w1", "w2"], ["v3", "v3", "v3"]), "1.31.4"),
    ]
}

fn mounting(field: &str, replicas: i32) -> Value {
    json!({ "metadata": { "namespace": "data", "name": "db" },
        "spec": { "replicas": replicas, "template": { "spec": { "containers": [], "volumes": [{ "name": "v", field: {} }] } } } })
}

#[test]
fn without_drivers_and_volumes_the_pane_says_so() {
    let findings = World::new("1.30.4").check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), [""; 0]);
    assert!(
        only(&findings, "InTreeVolumesMount")
            .message
            .starts_with("no in-tree volume that Kubernetes takes away: 0 PersistentVolumes")
    );
}

#[test]
fn a_driver_in_order_says_versions_and_nodes() {
    let findings = rbd(&["w1", "w2"], ["v3.12.2", "v3.12.2", "v3.12.2"]).check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), [""; 0]);
    let pass = only(&findings, "CsiDriverAgrees");
    assert_eq!(pass.subject.name, RBD);
    assert_eq!(pass.message, "v3.12.2 on 2 nodes and v3.12.2 on 1 controller; registered on 2 nodes");
}

#[test]
fn versions_that_disagree_name_their_nodes() {
    let message = |images| {
        let findings = rbd(&["w1", "w2"], images).check(CHECK, "1.31.4");
        findings
            .iter()
            .find(|finding| finding.code == "CsiVersionsDisagree")
            .map(|finding| finding.message.clone())
    };
    assert_eq!(message(["v3.12.2"; 3]), None);
    assert_eq!(
        message(["v3.11.0", "v3.12.2", "v3.12.2"]).unwrap(),
        "versions disagree: v3.11.0 on w1 and v3.12.2 on 1 controller and w2"
    );
    assert_eq!(
        message(["v3.12.2", "v3.12.2", "v3.11.0"]).unwrap(),
        "versions disagree: v3.11.0 on 1 controller and v3.12.2 on w1 and w2"
    );
}

#[test]
fn a_node_with_the_plugin_and_without_the_driver_is_named() {
    let findings = rbd(&["w1"], ["v3"; 3]).check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), ["CsiNotRegistered"]);
    let finding = only(&findings, "CsiNotRegistered");
    assert_eq!(
        (finding.severity, finding.message.as_str()),
        (Severity::Warning, "its node plugin is on w2, and the driver is not registered there")
    );
    assert!(finding.evidence.iter().any(|proof| proof.saw == "csi-rbdplugin-w2 on w2 is ready"));
}

#[test]
fn a_driver_that_is_registered_nowhere_weighs_by_who_uses_it() {
    let with = |phase: Option<&str>| {
        let mut world = rbd(&[], ["v3"; 3]);
        if let Some(phase) = phase {
            in_use(&mut world, RBD, phase);
        }
        let findings = world.check(CHECK, "1.31.4");
        findings
            .iter()
            .find(|finding| finding.code.starts_with("CsiDriver"))
            .map(|finding| (finding.severity, finding.code.clone()))
    };
    assert_eq!(with(Some("Running")), Some((Severity::Blocker, "CsiDriverNowhere".to_owned())));
    assert_eq!(with(Some("Pending")), Some((Severity::Warning, "CsiDriverNowhere".to_owned())));
    assert_eq!(with(None), None, "CsiNotRegistered says it");
    let mut left_over = World::new("1.30.4");
    left_over.csi_driver(json!({ "metadata": { "name": "smb.csi.k8s.io" } }));
    let findings = left_over.check(CHECK, "1.31.4");
    assert_eq!(codes(&findings), ["CsiDriverLeftOver"]);
    assert_eq!(
        only(&findings, "CsiDriverLeftOver").remedy.as_ref().unwrap().commands,
        ["kubectl delete csidriver smb.csi.k8s.io"]
    );
}

#[test]
fn a_registered_driver_has_its_object() {
    let mut world = rbd(&["w1", "w2"], ["v3"; 3]);
    world.evidence.objects.csi_drivers.items = std::sync::Arc::from([]);
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), ["CsiDriverObjectMissing"]);
    world.evidence.objects.csi_drivers.unread =
        vec![Unread::new("list", "csidrivers.storage.k8s.io", Reason::Forbidden, "")];
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), ["StorageUnread"]);
}

#[test]
fn a_plugin_whose_folder_is_called_otherwise_is_told_by_likeness_of_one_driver() {
    let nfs = |others: &[&str]| {
        let mut world = World::new("1.30.4");
        for driver in ["nfs.csi.k8s.io"].iter().chain(others) {
            world.csi_driver(json!({ "metadata": { "name": driver } }));
        }
        world.pod(node_plugin(
            "csi-nfs-node",
            "w1",
            "csi-nfsplugin",
            "registry.k8s.io/sig-storage/nfsplugin:v4.9.0",
        ));
        world.pod(node_plugin(
            "csi-nfs-node",
            "w2",
            "csi-nfsplugin",
            "registry.k8s.io/sig-storage/nfsplugin:v4.9.0",
        ));
        world.pod(controller("csi-nfs-controller", "registry.k8s.io/sig-storage/nfsplugin:v4.9.0", &[]));
        registered(&mut world, "w1", &["nfs.csi.k8s.io"]);
        registered(&mut world, "w2", &["nfs.csi.k8s.io"]);
        world.check(CHECK, "1.31.4")
    };
    let findings = nfs(&[]);
    let pass = only(&findings, "CsiDriverAgrees");
    assert_eq!(pass.message, "v4.9.0 on 2 nodes and v4.9.0 on 1 controller; registered on 2 nodes");
    assert_eq!(pass.certainty, crate::checks::Certainty::Inferred);
    // Two drivers that it could be: neither is guessed.
    let findings = nfs(&["nfs.example.com"]);
    assert_eq!(codes(&findings), ["CsiDriverLeftOver", "CsiPluginUnmatched"]);
}

#[test]
fn a_controller_is_told_by_its_image_unless_two_drivers_share_it() {
    let mut world = rbd(&["w1", "w2"], ["v3"; 3]);
    world.pod(controller("extra", "quay.io/cephcsi/cephcsi:v2", &[]));
    assert_eq!(codes(&world.check(CHECK, "1.31.4")), ["CsiVersionsDisagree"]);
    for node in ["w1", "w2"] {
        world.pod(node_plugin("csi-cephfsplugin", node, "cephfs.csi.ceph.com", "quay.io/cephcsi/cephcsi:v3"));
    }
    assert!(!world.check(CHECK, "1.31.4").iter().any(|finding| finding.code == "CsiVersionsDisagree"));
}

#[test]
fn volumes_of_plugins_that_go_are_blockers_at_their_hop() {
    let found = |world: World, from: &str, to: &str| {
        let mut world = world;
        world.version = from.parse().unwrap();
        of_code(&world.check(CHECK, to), "InTreeVolume")
    };
    for field in ["rbd", "cephfs"] {
        assert_eq!(
            found(in_tree(field, "Bound"), "1.30.4", "1.31.4"),
            ["blocker PersistentVolume/old"],
            "{field}"
        );
        assert_eq!(
            found(in_tree(field, "Bound"), "1.30.4", "1.30.9"),
            ["warning PersistentVolume/old"],
            "{field}"
        );
        assert_eq!(
            found(in_tree(field, "Bound"), "1.29.4", "1.30.9"),
            ["warning PersistentVolume/old"],
            "{field}"
        );
        assert_eq!(
            found(in_tree(field, "Bound"), "1.31.4", "1.32.1"),
            ["warning PersistentVolume/old"],
            "gone already"
        );
    }
    assert_eq!(found(in_tree("rbd", "Released"), "1.30.4", "1.31.4"), ["warning PersistentVolume/old"]);
    assert_eq!(
        found(in_tree("glusterfs", "Bound"), "1.30.4", "1.31.4"),
        ["warning PersistentVolume/old"],
        "gone before 1.28"
    );
    let mut world = World::new("1.29.4");
    world.volume(
        json!({ "metadata": { "name": "old" }, "spec": { "rbd": {} }, "status": { "phase": "Bound" } }),
    );
    let findings = world.check(CHECK, "1.30.9");
    assert_eq!(
        only(&findings, "InTreeVolume").message,
        "1.31 no longer mounts rbd volumes: a blocker at 1.31"
    );
}

#[test]
fn classes_and_templates_count_and_what_is_idle_does_not_block() {
    let mut class = World::new("1.30.4");
    class.storage_class(json!({ "metadata": { "name": "old" }, "provisioner": "kubernetes.io/rbd" }));
    class.storage_class(json!({ "metadata": { "name": "new" }, "provisioner": RBD }));
    assert_eq!(of_code(&class.check(CHECK, "1.31.4"), "InTreeVolume"), ["blocker StorageClass/old"]);
    let template = |replicas| {
        let mut world = World::new("1.30.4");
        world.workload(Kind::StatefulSet, mounting("cephfs", replicas));
        of_code(&world.check(CHECK, "1.31.4"), "InTreeVolume")
    };
    assert_eq!(template(1), ["blocker data/StatefulSet/db"]);
    assert_eq!(template(0), ["warning data/StatefulSet/db"]);
    // A pod of that template adds nothing; one without an owner does.
    let mut world = World::new("1.30.4");
    world.workload(Kind::StatefulSet, mounting("cephfs", 1));
    let pod = |name: &str, owners: Value| {
        json!({ "metadata": { "namespace": "data", "name": name, "ownerReferences": owners },
        "spec": { "nodeName": "w1", "containers": [], "volumes": [{ "name": "v", "cephfs": {} }] }, "status": running() })
    };
    world.pod(pod(
        "db-0",
        json!([{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "controller": true }]),
    ));
    world.pod(pod("alone", json!([])));
    assert_eq!(
        of_code(&world.check(CHECK, "1.31.4"), "InTreeVolume"),
        ["blocker data/StatefulSet/db", "blocker data/Pod/alone"]
    );
}

#[test]
fn a_migrated_volume_wants_its_driver_registered() {
    let portworx = |driver: bool, from: &str, to: &str| {
        let mut world = in_tree("portworxVolume", "Bound");
        world.version = from.parse().unwrap();
        if driver {
            world.csi_driver(json!({ "metadata": { "name": "pxd.portworx.com" } }));
            registered(&mut world, "w1", &["pxd.portworx.com"]);
        }
        of_code(&world.check(CHECK, to), "InTreeVolume")
    };
    assert_eq!(portworx(false, "1.30.4", "1.31.4"), ["blocker PersistentVolume/old"]);
    assert_eq!(portworx(true, "1.30.4", "1.31.4"), [""; 0]);
    assert_eq!(portworx(false, "1.29.4", "1.30.4"), ["warning PersistentVolume/old"]);
    assert_eq!(
        portworx(false, "1.31.4", "1.32.4"),
        ["warning PersistentVolume/old"],
        "it does not mount today"
    );
    let ebs = in_tree("awsElasticBlockStore", "Bound").check(CHECK, "1.31.4");
    assert_eq!(of_code(&ebs, "InTreeVolume"), ["warning PersistentVolume/old"]);
}

#[test]
fn a_gate_decides_about_git_repo_until_nothing_does() {
    let git = |gates: &str, from: &str, to: &str| {
        let mut world = World::new(from);
        world.config_map("kubelet-config", json!({ "kubelet": format!("featureGates:{gates}\n") }));
        world.workload(Kind::Deployment, mounting("gitRepo", 1));
        of_code(&world.check(CHECK, to), "InTreeVolume")
    };
    let (on, off) = ("\n  GitRepoVolumeDriver: true", " {}");
    assert_eq!(git(off, "1.31.4", "1.32.4"), ["warning data/Deployment/db"]);
    assert_eq!(git(off, "1.32.4", "1.33.4"), ["blocker data/Deployment/db"]);
    assert_eq!(git(on, "1.32.4", "1.33.4"), ["warning data/Deployment/db"], "1.36 takes the gate away");
    assert_eq!(git(on, "1.35.4", "1.36.4"), ["blocker data/Deployment/db"]);
    assert_eq!(git(off, "1.35.4", "1.36.4"), ["warning data/Deployment/db"], "it fails today");
    let mut world = World::new("1.32.4");
    world.workload(Kind::Deployment, mounting("gitRepo", 1));
    world.evidence.config_maps.insert(
        "kubelet-config".into(),
        Reading::Unread(Unread::new("get", "configmaps", Reason::Forbidden, "")),
    );
    let findings = world.check(CHECK, "1.33.4");
    assert_eq!(only(&findings, "InTreeVolumeUnread").could_hide, Some(Severity::Blocker));
}

#[test]
fn flex_volumes_are_warned_of_before_a_part_goes() {
    let flex = |from: &str, to: &str| {
        let mut world = World::new(from);
        world.volume(json!({ "metadata": { "name": "old" }, "spec": { "flexVolume": {} }, "status": { "phase": "Bound" } }));
        of_code(&world.check(CHECK, to), "InTreeVolume")
    };
    assert_eq!(flex("1.30.4", "1.31.4"), ["warning PersistentVolume/old"]);
    assert_eq!(flex("1.35.4", "1.36.4"), ["warning PersistentVolume/old"]);
    assert_eq!(flex("1.36.4", "1.37.1"), [""; 0], "it is restricted already");
}

#[test]
fn what_is_unread_hides_a_blocker_only_where_one_begins() {
    let hides = |to: &str, hide: &dyn Fn(&mut World)| {
        let mut world = World::new("1.30.4");
        hide(&mut world);
        let findings = world.check(CHECK, to);
        assert_ne!(Verdict::of(&findings), Verdict::Blocked);
        only(&findings, "StorageUnread").could_hide.unwrap()
    };
    let classes = |world: &mut World| {
        world.evidence.objects.storage_classes.unread =
            vec![Unread::new("list", "storageclasses", Reason::Forbidden, "")]
    };
    assert_eq!(hides("1.31.4", &classes), Severity::Blocker);
    assert_eq!(hides("1.30.9", &classes), Severity::Warning);
    let jobs = |world: &mut World| {
        world.evidence.objects.workloads.get_mut(&Kind::Job).unwrap().unread =
            vec![Unread::new("list", "jobs.batch", Reason::Forbidden, "")]
    };
    assert_eq!(hides("1.31.4", &jobs), Severity::Blocker);
    assert_eq!(hides("1.30.9", &jobs), Severity::Warning);
}
