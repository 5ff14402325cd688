//! Answers of a real API server, 1.30.14, in both encodings at the same resourceVersion: `tests/fixtures/wire/capture.sh`
//! says how they were had.

use std::fmt::Debug;
use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::evidence::objects::*;

fn capture(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire").join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The items of a list, which are the same in both encodings and are what serde_json makes of the whole.
fn both<T: DeserializeOwned + PartialEq + Debug>(name: &str, schema: &'static Message) -> Vec<T> {
    let json = capture(&format!("{name}.json"));
    let protobuf = capture(&format!("{name}.pb"));
    let whole: Value = serde_json::from_slice(&json).unwrap();
    let expected: Vec<T> =
        whole["items"].as_array().unwrap().iter().map(|item| T::deserialize(item).unwrap()).collect();
    for chunk in [1, 100, usize::MAX] {
        let (items, json_end) = read_list::<T>(Wire::Json, schema, json.chunks(chunk));
        assert_eq!(items, expected, "{name}.json in chunks of {chunk}");
        let (items, protobuf_end) = read_list::<T>(Wire::Protobuf, schema, protobuf.chunks(chunk));
        assert_eq!(items, expected, "{name}.pb in chunks of {chunk}");
        assert_eq!(json_end, protobuf_end, "{name}");
        let version = whole["metadata"]["resourceVersion"].as_str().unwrap();
        assert_eq!(json_end.unwrap().resource_version, version, "{name}");
    }
    expected
}

#[test]
fn pods() {
    let pods = both::<Pod>("pods", &schema::POD);
    let [plain, rich] = &pods[..] else { panic!("{pods:?}") };
    assert_eq!((&*plain.metadata.name, &*rich.metadata.name), ("plain", "rich"));
    assert_eq!(plain.spec.ephemeral_containers[0].flag("name"), Some("x"));
    assert_eq!(rich.spec.node_name, "worker-1");
    assert_eq!(rich.metadata.controller().unwrap().name, "rich-abc");
    assert_eq!(rich.metadata.generation, None);
    let profile = |context: &Option<Box<pod::SecurityContext>>| {
        Some(context.as_ref()?.app_armor_profile.as_ref()?.kind.to_string())
    };
    assert_eq!(profile(&rich.spec.security_context).as_deref(), Some("RuntimeDefault"));
    assert_eq!(profile(&rich.spec.containers[1].security_context).as_deref(), Some("Unconfined"));
    let volumes: Vec<&str> = rich.spec.volumes.iter().map(|volume| volume.name.as_str()).collect();
    assert_eq!(volumes, ["data", "host", "tmp", "mem", "inline", "old", "older"]);
    assert_eq!(rich.spec.volumes[6].in_tree().collect::<Vec<_>>(), ["gitRepo"]);
    assert_eq!(rich.status.start_time, Some("2026-11-24T10:00:00Z".parse().unwrap()));
    assert_eq!(rich.status.container_statuses[0].restart_count, 2);
}

#[test]
fn nodes_and_a_page_of_them() {
    let nodes = both::<Node>("nodes", &schema::NODE);
    let [control_plane, worker] = &nodes[..] else { panic!("{nodes:?}") };
    assert!(control_plane.is_control_plane());
    assert_eq!((control_plane.spec.unschedulable, worker.spec.unschedulable), (None, Some(true)));
    assert_eq!(worker.status.node_info.boot_id, "b");
    let json = capture("page.json");
    let (items, end) = read_list::<Node>(Wire::Json, &schema::NODE, [&*json]);
    let protobuf = capture("page.pb");
    let (same, same_end) = read_list::<Node>(Wire::Protobuf, &schema::NODE, [&*protobuf]);
    assert_eq!((&items, &end), (&same, &same_end));
    let meta = end.unwrap();
    assert_eq!((items.len(), meta.remaining), (1, Some(1)));
    assert!(meta.continue_token.is_some());
}

#[test]
fn workloads() {
    for kind in Kind::ALL {
        let name = kind.resource().split('.').next().unwrap();
        let workloads = both::<Workload>(name, schema::of_workload(kind));
        let [workload] = &workloads[..] else { panic!("{name}: {workloads:?}") };
        assert_eq!(workload.template().unwrap().spec.containers[0].name, "a", "{name}");
        let replicas = match kind {
            Kind::Deployment => Some(0),
            Kind::StatefulSet => Some(3),
            Kind::ReplicaSet => Some(2),
            Kind::ReplicationController => Some(1),
            Kind::DaemonSet | Kind::Job | Kind::CronJob => None,
        };
        let suspended = match kind {
            Kind::Job => Some(true),
            Kind::CronJob => Some(false),
            _ => None,
        };
        assert_eq!((workload.spec.replicas, workload.spec.suspend), (replicas, suspended), "{name}");
    }
}

#[test]
fn storage() {
    let nodes = both::<CsiNode>("csinodes", &schema::CSI_NODE);
    assert_eq!(nodes[0].spec.drivers[1].name, "ebs.csi.aws.com");
    let drivers = both::<CsiDriver>("csidrivers", &schema::CSI_DRIVER);
    assert_eq!(drivers[0].spec.attach_required, Some(false));
    let classes = both::<StorageClass>("storageclasses", &schema::STORAGE_CLASS);
    assert_eq!(classes[0].provisioner, "kubernetes.io/aws-ebs");
    let volumes = both::<PersistentVolume>("persistentvolumes", &schema::PERSISTENT_VOLUME);
    assert_eq!(volumes[0].spec.csi.as_ref().unwrap().driver, "csi.example");
    assert_eq!(volumes[0].spec.claim_ref.as_ref().unwrap().name, "data-0");
    assert_eq!(volumes[1].spec.in_tree().collect::<Vec<_>>(), ["awsElasticBlockStore"]);
}

#[test]
fn control_plane() {
    let leases = both::<Lease>("leases", &schema::LEASE);
    let lease = leases.iter().find(|lease| lease.metadata.name == "kube-scheduler").unwrap();
    assert_eq!(lease.spec.renew_time, Some("2026-11-24T10:20:30.123456Z".parse().unwrap()));
    assert_eq!(lease.spec.lease_duration_seconds, Some(15));
    let slices = both::<EndpointSlice>("endpointslices", &schema::ENDPOINT_SLICE);
    assert_eq!(slices[0].endpoints[0].conditions.ready, Some(false));
    assert_eq!(slices[0].endpoints[1].conditions.ready, None);
    assert_eq!(slices[0].ports[1].port, Some(9100));
    let schemas = both::<ManagedObject>("flowschemas", &schema::OBJECT);
    let writers = &schemas[0].metadata.managed_fields;
    let writer = writers.iter().find(|writer| writer.manager == "kubectl").unwrap();
    assert_eq!(writer.api_version, "flowcontrol.apiserver.k8s.io/v1beta3");
    assert!(both::<Pod>("none", &schema::POD).is_empty());
}

#[test]
fn one_config_map_and_a_refusal() {
    for (wire, end) in [(Wire::Json, "json"), (Wire::Protobuf, "pb")] {
        let body = capture(&format!("coredns.{end}"));
        let map: ConfigMap = object::object(wire, &schema::CONFIG_MAP, &body).unwrap();
        assert_eq!(map.data["Corefile"], *".:53 {\n\terrors\n}\n");
        assert_eq!(map.data["empty"], *"");
        let body = capture(&format!("forbidden.{end}"));
        let status = object::status(wire, &body).unwrap();
        assert_eq!((status.code, &*status.reason), (403, "Forbidden"));
        assert!(matches!(read_list::<Pod>(wire, &schema::POD, [&*body]).1, Err(DecodeError::Status(_))));
    }
}

#[test]
fn watches() {
    let (events, end) = read_watch::<Node>(Wire::Json, &schema::NODE, capture("watch.json").chunks(999));
    assert_eq!(end, Ok(()));
    let protobuf = capture("watch.pb");
    let (same, same_end) = read_watch::<Node>(Wire::Protobuf, &schema::NODE, protobuf.chunks(9));
    assert_eq!(same_end, Ok(()));
    // What was there before comes in any order, and bookmarks when the server likes.
    assert!(events[..2].iter().all(|event| same[..2].contains(event)), "{events:?}");
    for events in [&events, &same] {
        let [
            WatchEvent::Modified(cp),
            WatchEvent::Added(new),
            WatchEvent::Deleted(gone),
            WatchEvent::Bookmark { resource_version },
            ..,
        ] = &events[2..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(&*cp.metadata.name, "cp-1");
        assert_eq!((&*new.metadata.name, &*gone.metadata.name), ("short-lived", "short-lived"));
        assert_eq!(gone.metadata.resource_version, *resource_version);
    }
    assert_eq!(events[2..6], same[2..6]);
    for (wire, file) in [(Wire::Json, "expired.json"), (Wire::Protobuf, "expired.pb")] {
        let (events, end) = read_watch::<Node>(wire, &schema::NODE, [&*capture(file)]);
        let [WatchEvent::Error(status)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((status.code, &*status.reason, end), (410, "Expired", Ok(())));
    }
}

#[test]
fn metrics_of_a_server_that_was_asked_for_a_deprecated_api() {
    let mut reader = metrics::DeprecatedCallsReader::default();
    reader.push(&capture("metrics.txt")).unwrap();
    let calls = reader.finish().unwrap();
    assert!(calls.since.is_some());
    let [call] = &calls.calls[..] else { panic!("{calls:?}") };
    assert_eq!((&*call.resource, &*call.version, &*call.removed_release), ("flowschemas", "v1beta3", "1.32"));
}

#[test]
fn served_apis() {
    let core = discovery::served_apis(&capture("discovery-api.json")).unwrap();
    assert!(core.serves("", "v1", "pods") && core.serves("", "v1", "replicationcontrollers"));
    let served = discovery::served_apis(&capture("discovery-apis.json")).unwrap();
    let versions: Vec<&str> = served.versions_of("flowcontrol.apiserver.k8s.io", "flowschemas").collect();
    assert_eq!(versions, ["v1", "v1beta3"]);
    assert!(!served.serves("flowcontrol.apiserver.k8s.io", "v1beta2", "flowschemas"));
}
