//! API servers that go and come, as a client sees them.

use std::time::Duration;

use super::*;

/// The addresses in the Service default/kubernetes.
async fn addresses(simulation: &Simulation) -> usize {
    let slices = list(simulation, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices").await;
    slices.values().map(|slice| slice["endpoints"].as_array().unwrap().len()).sum()
}

/// What a client is told by the second server: for health, for the version, for a list.
async fn told(server: SocketAddr) -> Option<(u16, u16, u16)> {
    TcpStream::connect(server).await.ok()?;
    let of = async |path: &str| ask(server, &format!("GET {path}"), "").await.0;
    Some((of("/readyz").await, of("/version").await, of("/api/v1/nodes").await))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_leaves_the_service_forbids_at_first_and_comes_back_without_memory() {
    let simulation = begin("default").await;
    let server = simulation.servers()[1];
    let metrics = async || ask(server, "GET /metrics", "").await.2;
    assert!(metrics().await.contains("resource=\"flowschemas\""));
    // A kubelet that is new takes every static pod of its node along.
    for (index, line) in [
        "sed -i s#v1.30#v1.31# /etc/apt/sources.list.d/kubernetes.list",
        "apt-get update",
        "apt-get install -y --allow-change-held-packages kubelet=1.31.14-1.1",
        "systemctl restart kubelet",
    ]
    .iter()
    .enumerate()
    {
        simulation.hosts().start("cp2", &index.to_string(), line).unwrap();
        simulation.pass(Duration::from_secs(if index < 3 { 20 } else { 1 })).await;
    }
    let (mut seen, mut fewest, mut unready) = (Vec::new(), 3, 0);
    for _ in 0..120 {
        simulation.pass(Duration::from_millis(500)).await;
        let now = told(server).await;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        fewest = fewest.min(addresses(&simulation).await);
        let (_, pod) = get(&simulation, "/api/v1/namespaces/kube-system/pods/etcd-cp2").await;
        unready += usize::from(!budget::is_ready(&pod));
    }
    let (ready, forbids, starts) = (Some((200, 200, 200)), Some((500, 403, 403)), Some((500, 200, 200)));
    assert_eq!(seen, [ready, None, forbids, starts, ready]);
    assert_eq!((fewest, addresses(&simulation).await), (2, 3));
    assert!(unready > 10, "{unready}");
    assert!(!metrics().await.contains("resource=\"flowschemas\""));
    let (_, pod) = get(&simulation, "/api/v1/namespaces/kube-system/pods/etcd-cp2").await;
    assert!(budget::is_ready(&pod));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_etcd_says_so() {
    let simulation = begin("clean").await;
    simulation.cluster.members().down.insert("cp2".to_owned());
    let server = simulation.servers()[1];
    assert_eq!(told(server).await, Some((500, 200, 500)));
    let (_, _, body) = ask(server, "GET /readyz?verbose", "").await;
    assert!(body.contains("[-]etcd failed: reason withheld\n[-]etcd-readiness failed"), "{body}");
    let (_, _, body) = ask(server, "GET /api/v1/nodes", "").await;
    assert!(body.contains("dial tcp 127.0.0.1:2379: connect: connection refused"), "{body}");
    assert_eq!(told(simulation.servers()[0]).await, Some((200, 200, 200)));
    // With two of three away nobody has a quorum.
    simulation.cluster.members().down.insert("cp3".to_owned());
    assert_eq!(told(simulation.servers()[0]).await, Some((500, 200, 500)));
}
