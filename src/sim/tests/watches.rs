//! Watches.

use std::time::Duration;

use super::*;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::{BufReader, Lines};
use tokio::net::tcp::OwnedReadHalf;

/// An open watch.
struct Watch(Lines<BufReader<OwnedReadHalf>>);

impl Watch {
    async fn open(simulation: &Simulation, path: &str) -> Self {
        let stream = TcpStream::connect(simulation.servers()[0]).await.unwrap();
        let (read, mut write) = stream.into_split();
        write.write_all(format!("GET {path} HTTP/1.1\r\nHost: sim\r\n\r\n").as_bytes()).await.unwrap();
        // The other half stays open: a client that closes it has gone.
        std::mem::forget(write);
        Self(BufReader::new(read).lines())
    }

    /// The next event: its type, and its object. One that does not come is a failure, not a wait for ever.
    async fn next(&mut self) -> Option<(String, Value)> {
        tokio::time::timeout(std::time::Duration::from_secs(30), self.line()).await.unwrap()
    }

    async fn line(&mut self) -> Option<(String, Value)> {
        loop {
            let line = self.0.next_line().await.ok()??;
            if line == "0" {
                return None;
            }
            if line.starts_with('{') {
                let mut event: Value = serde_json::from_str(&line).unwrap();
                return Some((event["type"].as_str().unwrap().to_owned(), event["object"].take()));
            }
        }
    }
}

async fn put(simulation: &Simulation, method: &str, path: &str, body: Value) -> Value {
    let head = format!("{method} {path}\nContent-Type: application/merge-patch+json");
    let (status, _, answer) = ask(simulation.servers()[1], &head, &body.to_string()).await;
    assert!(status < 300, "{method} {path}: {answer}");
    serde_json::from_str(&answer).unwrap()
}

#[tokio::test]
async fn a_watch_tells_what_changed_after_its_revision_and_nothing_else() {
    let simulation = begin("clean").await;
    let maps = "/api/v1/namespaces/shop/configmaps";
    let made = |name: &str| json!({ "metadata": { "name": name, "labels": { "app": "web" } }, "data": { "a": "1" } });
    put(&simulation, "POST", maps, made("before")).await;
    let (_, list) = get(&simulation, maps).await;
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    // Before the watch is open, and while it is; elsewhere, and of another kind.
    put(&simulation, "POST", maps, made("one")).await;
    put(&simulation, "POST", "/api/v1/namespaces/infra/configmaps", made("elsewhere")).await;
    put(&simulation, "POST", "/api/v1/namespaces/shop/secrets", made("other")).await;
    let mut watch = Watch::open(
        &simulation,
        &format!("{maps}?watch=1&resourceVersion={revision}&labelSelector=app%3Dweb"),
    )
    .await;
    let (kind, one) = watch.next().await.unwrap();
    assert_eq!(
        (&*kind, &one["metadata"]["name"], &one["kind"], &one["apiVersion"]),
        ("ADDED", &json!("one"), &json!("ConfigMap"), &json!("v1"))
    );
    put(&simulation, "PATCH", &format!("{maps}/one"), json!({ "data": { "a": "2" } })).await;
    let (kind, one) = watch.next().await.unwrap();
    assert_eq!((&*kind, &one["data"]["a"]), ("MODIFIED", &json!("2")));
    // An object that leaves the selector is gone to this watch; one that comes into it is new.
    let unlabelled =
        put(&simulation, "PATCH", &format!("{maps}/one"), json!({ "metadata": { "labels": null } })).await;
    let (kind, one) = watch.next().await.unwrap();
    assert_eq!(
        (&*kind, &one["metadata"]["resourceVersion"]),
        ("DELETED", &unlabelled["metadata"]["resourceVersion"])
    );
    put(&simulation, "PATCH", &format!("{maps}/one"), json!({ "metadata": { "labels": { "app": "web" } } }))
        .await;
    assert_eq!(watch.next().await.unwrap().0, "ADDED");
    put(&simulation, "DELETE", &format!("{maps}/before"), Value::Null).await;
    let (kind, before) = watch.next().await.unwrap();
    assert_eq!((&*kind, &before["metadata"]["name"]), ("DELETED", &json!("before")));
    assert!(before["metadata"]["resourceVersion"].as_str().unwrap() > revision);
}

#[tokio::test]
async fn a_watch_from_a_revision_that_is_gone_ends_with_an_error() {
    let simulation = begin("clean").await;
    let nodes = "/api/v1/nodes";
    let (_, list) = get(&simulation, nodes).await;
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    put(&simulation, "PATCH", &format!("{nodes}/w1"), json!({ "spec": { "unschedulable": true } })).await;
    let path = format!("{nodes}?watch=1&resourceVersion={revision}");
    let mut watch = Watch::open(&simulation, &path).await;
    assert_eq!(watch.next().await.unwrap().1["spec"]["unschedulable"], true);
    simulation.compact();
    let mut watch = Watch::open(&simulation, &path).await;
    let (kind, status) = watch.next().await.unwrap();
    assert_eq!((&*kind, &status["code"], &status["reason"]), ("ERROR", &json!(410), &json!("Expired")));
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn a_watch_ends_in_time_with_a_bookmark() {
    let simulation = begin("clean").await;
    let mut watch =
        Watch::open(&simulation, "/api/v1/nodes?watch=true&timeoutSeconds=1&allowWatchBookmarks=true").await;
    let mut kinds = Vec::new();
    let mut last = Value::Null;
    while let Some((kind, object)) = watch.next().await {
        kinds.push(kind);
        last = object;
    }
    // Without a revision all that is there comes first.
    assert_eq!(kinds.iter().filter(|kind| *kind == "ADDED").count(), 9);
    assert_eq!((kinds.last().map(String::as_str), &last["kind"]), (Some("BOOKMARK"), &json!("Node")));
    assert!(last["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn a_server_that_stops_takes_its_watches_with_it() {
    let simulation = begin("clean").await;
    let mut watch =
        Watch::open(&simulation, "/api/v1/namespaces/none/pods?watch=1&resourceVersion=0&labelSelector=a")
            .await;
    let server = simulation.servers()[0];
    assert_eq!(ask(server, "GET /version", "").await.0, 200);
    simulation.stop_server("cp1").await;
    assert_eq!(watch.next().await, None);
    assert!(TcpStream::connect(server).await.is_err());
    simulation.start_server("cp1").await.unwrap();
    assert_eq!(ask(server, "GET /version", "").await.0, 200);
    drop(simulation);
    for _ in 0..100 {
        if TcpStream::connect(server).await.is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the server of a simulation that was dropped still answers");
}

#[tokio::test]
async fn leases_are_renewed_and_watches_hear_of_it() {
    let simulation = begin("clean").await;
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    let (_, list) = get(&simulation, leases).await;
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    let mut watch = Watch::open(&simulation, &format!("{leases}?watch=1&resourceVersion={revision}")).await;
    simulation.pass(Duration::from_secs(2)).await;
    let (kind, lease) = watch.next().await.unwrap();
    assert_eq!(kind, "MODIFIED");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 15);
}

#[tokio::test]
async fn a_server_that_is_gone_renews_nothing() {
    let simulation = begin("clean").await;
    simulation.stop_server("cp2").await;
    let renewals = async || {
        let path = "/apis/coordination.k8s.io/v1/leases?labelSelector=apiserver.kubernetes.io/identity";
        let leases = list(&simulation, path).await;
        let host = |lease: &Value| {
            lease["metadata"]["labels"]["kubernetes.io/hostname"].as_str().unwrap().to_owned()
        };
        leases
            .values()
            .map(|lease| (host(lease), lease["spec"]["renewTime"].clone()))
            .collect::<BTreeMap<_, _>>()
    };
    let before = renewals().await;
    simulation.pass(Duration::from_secs(11)).await;
    let after = renewals().await;
    let renewed: Vec<&String> = before.keys().filter(|host| before[*host] != after[*host]).collect();
    assert_eq!(renewed, ["cp1", "cp3"]);
}
