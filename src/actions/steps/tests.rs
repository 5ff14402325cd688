//! What each step ends with: all of it is needed, and each thing alone keeps the step open.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::testing::{addons_at_target, at_target, ready_to_upgrade};
use crate::actions::observed::{Holds, all};
use crate::actions::plan::{Attempt, Decisions, Settings, Step, StepState, plan};
use crate::checks::testing::{World, now};
use crate::evidence::Reading;

const TARGET: &str = "1.31.14";
const NONCE: &str = "nonce-1";

/// A step that was begun a minute ago, as it is planned in `world`. The first control plane is cp1, but for cp1's own
/// `kubeadm upgrade node`.
fn step(world: &World, id: &str) -> Step {
    let attempt = || Attempt { started: began(), nonce: NONCE.into(), said: true, failed: None, ended: None };
    let first = if id == "upgrade-node/cp1" { "upgrade-apply/cp2" } else { "upgrade-apply/cp1" };
    let decisions = Decisions {
        owner: "me".into(),
        attempts: [id, first].map(|id| (id.to_owned(), attempt())).into(),
        ..Decisions::default()
    };
    let plan = plan(&world.evidence, &world.target(TARGET), &[], &Settings::default(), &decisions);
    plan.step(id).unwrap_or_else(|| panic!("no {id}")).clone()
}

fn began() -> Timestamp {
    now() - SignedDuration::from_secs(60)
}

/// The cluster after every step, with a probe of every node that returns the nonce.
fn over() -> World {
    let mut world = ready_to_upgrade();
    for node in ["cp1", "cp2", "cp3", "w1", "w2"] {
        at_target(&mut world, node, TARGET);
        world.facts(node, |facts| {
            facts.nonce = Some(NONCE.into());
            let config = facts.kubelet.as_mut().unwrap().config.as_mut().unwrap();
            config.modified = Some(now() - SignedDuration::from_secs(30));
        });
    }
    addons_at_target(&mut world, TARGET);
    world
}

/// The cluster when a step that is not on the API's servers is the next, with the probe's answer.
fn before() -> World {
    let mut world = ready_to_upgrade();
    world.facts("cp1", |facts| facts.nonce = Some(NONCE.into()));
    world
}

/// What is wrong with a cluster in which all but one thing is as a step wants it.
type Fault = (&'static str, fn(&mut World));

/// Holds a step to its end in `world`, and to each of `faults` keeping it open, by the condition that begins so.
fn ends(id: &str, world: fn() -> World, faults: &[Fault]) {
    let whole = step(&world(), id);
    assert_eq!(all(&whole.postcondition), Holds::Yes, "{id}: {:#?}", whole.postcondition);
    for (begins, fault) in faults {
        let mut world = world();
        fault(&mut world);
        let step = step(&world, id);
        let open: Vec<&str> = step
            .postcondition
            .iter()
            .filter(|condition| condition.holds != Holds::Yes)
            .map(|condition| condition.what.as_str())
            .collect();
        assert!(open.iter().any(|what| what.starts_with(begins)), "{id}, '{begins}': open are {open:?}");
        assert!(!step.state.is_over(), "{id}, '{begins}'");
    }
}

fn server(world: &mut World, index: usize) -> &mut crate::evidence::ApiServer {
    &mut world.evidence.servers.servers[index]
}

fn set_image(world: &mut World, pod: &str, image: &str) {
    world.edit_pod(pod, |pod| {
        pod.spec.containers = serde_json::from_value(json!([{ "name": "x", "image": image }])).unwrap();
    });
}

fn not_ready(world: &mut World, pod: &str) {
    world.edit_pod(pod, |pod| {
        pod.status.conditions =
            serde_json::from_value(json!([{ "type": "Ready", "status": "False" }])).unwrap();
    });
}

fn package(world: &mut World, node: &str, name: &str, change: fn(&mut serde_json::Value)) {
    world.facts(node, |facts| {
        let mut packages = serde_json::to_value(facts.packages.as_ref().unwrap()).unwrap();
        let all = packages["installed"].as_array_mut().unwrap();
        change(all.iter_mut().find(|package| package["name"] == name).unwrap());
        facts.packages = Some(serde_json::from_value(packages).unwrap());
    });
}

fn stale(world: &mut World, node: &str) {
    world.facts(node, |facts| facts.nonce = Some("of before".into()));
}

/// A snapshot in the folder of backups on cp1.
fn snapshot(world: &mut World, state: &str, made: Timestamp) {
    world.facts("cp1", |facts| {
        let mut backups = serde_json::to_value(facts.backups.as_ref().unwrap()).unwrap();
        backups["snapshots"] =
            json!([{ "path": "/var/backups/etcd/a.snap", "state": state, "modified": made }]);
        facts.backups = Some(serde_json::from_value(backups).unwrap());
    });
}

fn with_snapshot() -> World {
    let mut world = before();
    snapshot(&mut world, "verified", now() - SignedDuration::from_secs(20));
    world
}

#[test]
fn a_backup_ends_with_a_new_snapshot_that_is_verified() {
    let what = "a verified snapshot of etcd lies on cp1";
    ends(
        "backup/cp1",
        with_snapshot,
        &[
            (what, |world| snapshot(world, "saved", now() - SignedDuration::from_secs(20))),
            (what, |world| snapshot(world, "verified", began() - SignedDuration::from_secs(2))),
            ("a probe of cp1 was made after", |world| stale(world, "cp1")),
        ],
    );
}

#[test]
fn a_snapshot_counts_for_an_hour_or_for_an_upgrade_window_where_the_step_made_it() {
    let hours = |hours| now() - SignedDuration::from_hours(hours);
    let state = |begun: Option<Timestamp>, made: Timestamp| {
        let mut world = before();
        snapshot(&mut world, "verified", made);
        let attempt = |started| Attempt {
            started,
            nonce: "n".into(),
            said: true,
            failed: None,
            ended: Some(started + SignedDuration::from_mins(1)),
        };
        let attempts = begun.map(|started| ("backup/cp1".to_owned(), attempt(started))).into_iter().collect();
        let decisions = Decisions { attempts, ..Decisions::default() };
        let plan = plan(&world.evidence, &world.target(TARGET), &[], &Settings::default(), &decisions);
        plan.step("backup/cp1").unwrap().state
    };
    let soon = SignedDuration::from_mins(1);
    assert_eq!(state(None, hours(1) + soon), StepState::Done);
    assert_eq!(state(None, hours(1) - soon), StepState::Ready, "it may be of anything");
    assert_eq!(state(Some(hours(8)), hours(8) + soon), StepState::Done);
    assert_eq!(state(Some(hours(30)), hours(29)), StepState::Ready, "the upgrade goes on another day");
}

#[test]
fn a_backup_needs_room_for_two_databases_and_asks_where_that_is_not_known() {
    let of = |change: fn(&mut crate::evidence::NodeFacts)| {
        let mut world = before();
        world.facts("cp1", change);
        let plan =
            plan(&world.evidence, &world.target(TARGET), &[], &Settings::default(), &Decisions::default());
        plan.step("backup/cp1").unwrap().clone()
    };
    let roomy = of(|_| {});
    assert_eq!((roomy.state, roomy.held_by.len()), (StepState::Ready, 0));
    let full = of(|facts| facts.etcd.as_mut().unwrap().db_file_bytes = Some(40_000_000_000));
    assert_eq!(full.state, StepState::Blocked, "twice 40 GB do not fit into 60");
    let unknown = of(|facts| facts.disk = None);
    assert_eq!((unknown.state, unknown.held_by[0].answer.as_str()), (StepState::Blocked, "unknown"));
}

fn with_images() -> World {
    let mut world = before();
    images(&mut world, &["kube-apiserver", "kube-controller-manager", "kube-scheduler"]);
    world
}

fn images(world: &mut World, names: &[&str]) {
    let images: Vec<String> = names.iter().map(|name| format!("registry.k8s.io/{name}:v{TARGET}")).collect();
    world.facts("cp1", |facts| {
        let mut runtime = serde_json::to_value(facts.runtime.as_ref().unwrap()).unwrap();
        runtime["images"] = json!(images);
        facts.runtime = Some(serde_json::from_value(runtime).unwrap());
    });
}

#[test]
fn a_pull_ends_when_the_runtime_lists_every_image() {
    ends(
        "pull/cp1",
        with_images,
        &[
            ("the image registry.k8s.io/kube-scheduler:v1.31.14", |world| {
                images(world, &["kube-apiserver", "kube-controller-manager"]);
            }),
            ("the image registry.k8s.io/kube-apiserver:v1.31.14", |world| {
                world.facts("cp1", |facts| facts.runtime.as_mut().unwrap().images = None);
            }),
            ("a probe of cp1 was made after", |world| stale(world, "cp1")),
        ],
    );
}

#[test]
fn a_package_ends_whole_held_and_with_kubeadms_own_word() {
    let what = "the package kubeadm is 1.31.14, whole and held";
    ends(
        "package/w1",
        over,
        &[
            (what, |world| {
                package(world, "w1", "kubeadm", |package| package["version"] = json!("1.30.4-1.1"))
            }),
            (what, |world| {
                package(world, "w1", "kubeadm", |package| package["status"] = json!("half-configured"))
            }),
            (what, |world| package(world, "w1", "kubeadm", |package| package["held"] = json!(false))),
            ("kubeadm says v1.31.14", |world| {
                world.facts("w1", |facts| facts.kubeadm.as_mut().unwrap().version = Some("v1.30.4".into()));
            }),
            ("a probe of w1 was made after", |world| stale(world, "w1")),
        ],
    );
}

#[test]
fn with_dnf_the_repository_holds_packages_and_no_package_shows_it() {
    let mut world = over();
    world.facts("w1", |facts| facts.packages.as_mut().unwrap().manager = Some("dnf".into()));
    package(&mut world, "w1", "kubeadm", |package| package["held"] = json!(false));
    assert_eq!(all(&step(&world, "package/w1").postcondition), Holds::Yes);
    package(&mut world, "w1", "kubeadm", |package| package["version"] = json!("1.30.4-150500.1.1"));
    assert_eq!(all(&step(&world, "package/w1").postcondition), Holds::No);
}

/// What every step of kubeadm on the control plane cp1 ends with.
const CONTROL_PLANE: &[Fault] = &[
    ("the API server of cp1 says v1.31.14", |world| {
        if let Reading::Read { value, .. } = &mut server(world, 0).version {
            *value = "1.30.4".parse().unwrap();
        }
    }),
    ("the API server of cp1 is ready", |world| {
        if let Reading::Read { value, .. } = &mut server(world, 0).ready {
            value.ok = false;
        }
    }),
    ("the API server of cp1 is ready", |world| {
        if let Reading::Read { value, .. } = &mut server(world, 0).ready {
            value.etcd = Some(false);
        }
    }),
    ("kube-scheduler of cp1 runs v1.31.14", |world| {
        set_image(world, "kube-scheduler-cp1", "registry.k8s.io/kube-scheduler:v1.30.4");
    }),
    ("kube-controller-manager of cp1 runs", |world| not_ready(world, "kube-controller-manager-cp1")),
    ("kube-apiserver of cp1 runs", |world| {
        world.edit_pod("kube-apiserver-cp1", |pod| pod.metadata.deletion_timestamp = Some(now()));
    }),
    ("kube-apiserver of cp1 runs", |world| world.remove_pod("kube-apiserver-cp1")),
    ("etcd of cp1 runs", |world| not_ready(world, "etcd-cp1")),
];

#[test]
fn apply_ends_with_every_component_of_its_node_and_with_kubeadms_configuration() {
    ends("upgrade-apply/cp1", over, CONTROL_PLANE);
    let of_old = "kubernetesVersion: v1.30.4\n";
    let mut world = over();
    world.config_map("kubeadm-config", json!({ "ClusterConfiguration": of_old }));
    let open = step(&world, "upgrade-apply/cp1");
    assert!(!open.state.is_over() && all(&open.postcondition) == Holds::No, "{open:#?}");
}

#[test]
fn upgrade_node_of_a_control_plane_ends_as_apply_does() {
    ends("upgrade-node/cp1", over, CONTROL_PLANE);
}

#[test]
fn upgrade_node_of_a_worker_ends_with_the_new_kubeadm_and_the_clusters_configuration() {
    ends(
        "upgrade-node/w1",
        over,
        &[
            // What a kubeadm of the old version calls a success.
            ("kubeadm says v1.31.14", |world| {
                world.facts("w1", |facts| facts.kubeadm.as_mut().unwrap().version = Some("v1.30.4".into()));
            }),
            ("config.yaml of the kubelet was written since", |world| {
                world.facts("w1", |facts| {
                    let config = facts.kubelet.as_mut().unwrap().config.as_mut().unwrap();
                    config.modified = Some(began() - SignedDuration::from_secs(2));
                });
            }),
            ("config.yaml of the kubelet is that of kubelet-config", |world| {
                world.config_map(
                    "kubelet-config",
                    json!({ "kubelet": "cgroupDriver: systemd\nmaxPods: 250\n" }),
                );
            }),
            ("config.yaml of the kubelet is that of kubelet-config", |world| {
                world.config_map("kubelet-config", json!({ "kubelet": "[" }));
            }),
            ("a probe of w1 was made after", |world| stale(world, "w1")),
        ],
    );
}

#[test]
fn a_kubelet_ends_with_its_node_its_packages_and_its_process() {
    ends(
        "kubelet/w1",
        over,
        &[
            ("the kubelet of w1 says v1.31.14", |world| {
                world.edit_node("w1", |node| node.status.node_info.kubelet_version = "v1.30.4".into());
            }),
            ("w1 is Ready", |world| {
                world.edit_node("w1", |node| {
                    node.status.conditions =
                        serde_json::from_value(json!([{ "type": "Ready", "status": "Unknown" }])).unwrap();
                });
            }),
            ("the package kubelet is 1.31.14", |world| {
                package(world, "w1", "kubelet", |package| package["held"] = json!(false));
            }),
            ("the package kubectl is 1.31.14", |world| {
                package(world, "w1", "kubectl", |package| package["version"] = json!("1.30.4-1.1"));
            }),
            ("the running kubelet is the installed one", |world| {
                world.facts("w1", |facts| {
                    facts.kubelet.as_mut().unwrap().process.as_mut().unwrap().replaced = Some(true);
                });
            }),
            ("a probe of w1 was made after", |world| stale(world, "w1")),
        ],
    );
    // It restarts every static pod of its node: the next node is not touched before they are well.
    ends("kubelet/cp1", over, CONTROL_PLANE);
}

fn drained() -> World {
    let mut world = over();
    world.edit_node("w1", |node| {
        node.status.node_info.kubelet_version = "v1.30.4".into();
        node.spec.unschedulable = Some(true);
        node.metadata.annotations =
            serde_json::from_value(json!({ crate::evidence::objects::meta::CORDONED_BY: "me" })).unwrap();
    });
    world
}

#[test]
fn a_drain_ends_cordoned_and_empty() {
    ends(
        "drain/w1",
        drained,
        &[
            ("w1 is cordoned", |world| world.edit_node("w1", |node| node.spec.unschedulable = None)),
            ("no pod is left on w1 but its own", |world| {
                world.pod(json!({ "metadata": { "namespace": "shop", "name": "web-1", "uid": "u" },
                    "spec": { "nodeName": "w1" } }));
            }),
            ("no pod is left on w1 but its own", |world| {
                world.pod(json!({ "metadata": { "namespace": "shop", "name": "web-1", "uid": "u",
                    "deletionTimestamp": now() }, "spec": { "nodeName": "w1" } }));
            }),
        ],
    );
}

/// w1 has the mark of this upgrade's cordon.
fn marked(world: &mut World) {
    let mark = crate::evidence::objects::meta::CORDONED_BY;
    world.edit_node("w1", |node| {
        node.metadata.annotations = serde_json::from_value(json!({ mark: "me" })).unwrap();
    });
}

#[test]
fn an_uncordon_ends_when_the_node_takes_pods() {
    ends(
        "uncordon/w1",
        over,
        &[
            ("w1 takes pods", |world| {
                marked(world);
                world.edit_node("w1", |node| node.spec.unschedulable = Some(true));
            }),
            ("w1 has no mark of this upgrade's cordon", marked),
        ],
    );
}
