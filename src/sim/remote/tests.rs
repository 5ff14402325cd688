//! Machines in this process and in another are the same.

use super::*;
use crate::sim::{Hosts, Options, UnitState};

/// The machines of a simulation, in this process or in another.
enum AnyHosts {
    Here(Hosts),
    There(RemoteHosts),
}

impl AnyHosts {
    async fn names(&self) -> Result<Vec<String>, HostError> {
        match self {
            Self::Here(hosts) => Ok(hosts.names().map(str::to_owned).collect()),
            Self::There(hosts) => Ok(hosts.served().await?.hosts),
        }
    }

    async fn now(&self) -> Result<Timestamp, HostError> {
        match self {
            Self::Here(hosts) => Ok(hosts.now()),
            Self::There(hosts) => Ok(hosts.served().await?.now),
        }
    }

    async fn probe(&self, node: &str, nonce: Option<&str>) -> Result<String, HostError> {
        match self {
            Self::Here(hosts) => hosts.probe(node, nonce),
            Self::There(hosts) => hosts.probe(node, nonce).await,
        }
    }

    async fn start(&self, node: &str, unit: &str, line: &str) -> Result<(), HostError> {
        match self {
            Self::Here(hosts) => hosts.start(node, unit, line),
            Self::There(hosts) => hosts.start(node, unit, line).await,
        }
    }

    async fn unit(&self, node: &str, unit: &str, from_line: usize) -> Result<Option<UnitState>, HostError> {
        match self {
            Self::Here(hosts) => hosts.unit(node, unit, from_line),
            Self::There(hosts) => hosts.unit(node, unit, from_line).await,
        }
    }
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_answer_alike_from_here_and_from_there() {
    let options = Options { speed: 1_000.0, ..Options::default() };
    let server = serve("default", options, loopback()).await.unwrap();
    let there = RemoteHosts::new(server.address());
    let served = there.served().await.unwrap();
    assert_eq!((served.cluster.as_str(), served.servers.len(), served.hosts.len()), ("prod-eu-1", 3, 9));
    assert_eq!(served.url, server.simulation().url());
    assert_eq!(there.requests().await.unwrap(), []);
    let service = server.simulation().service::<String>("cp2").unwrap();
    let request = http::Request::get("/version?timeout=5s").body(String::new()).unwrap();
    tower::ServiceExt::oneshot(service, request).await.unwrap();
    let requests = there.requests().await.unwrap();
    assert_eq!(requests, server.simulation().requests());
    assert_eq!((requests.len(), requests[0].path.as_str()), (1, "/version?timeout=5s"));
    for hosts in [AnyHosts::Here(server.simulation().hosts().clone()), AnyHosts::There(there)] {
        assert_eq!(hosts.names().await.unwrap(), served.hosts);
        assert!(hosts.now().await.unwrap() >= served.now);
        let document = hosts.probe("cp1", Some("a b/ü&?")).await.unwrap();
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!((&document["hostname"], &document["nonce"]), (&"cp1".into(), &"a b/ü&?".into()));
        assert_eq!(hosts.probe("none", None).await, Err(HostError::Unknown("none".to_owned())));
        let silent = hosts.start("w2", "u", "true").await.unwrap_err();
        assert!(matches!(silent, HostError::Silent { ref node, .. } if node == "w2"), "{silent}");
        assert_eq!(hosts.unit("w1", "not/yet", 0).await, Ok(None));
        // Whoever comes second starts nothing.
        hosts.start("w1", "kubelift 1/2", "apt-mark unhold kubeadm").await.unwrap();
        let state = loop {
            let state = hosts.unit("w1", "kubelift 1/2", 0).await.unwrap().unwrap();
            if !state.running {
                break state;
            }
        };
        assert_eq!((state.exit, state.lines), (Some(0), vec!["Canceled hold on kubeadm.".to_owned()]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_that_is_gone_is_unreachable() {
    let server = serve("clean", Options::default(), loopback()).await.unwrap();
    let there = RemoteHosts::new(server.address());
    assert!(there.served().await.is_ok());
    drop(server);
    for _ in 0..200 {
        if matches!(there.probe("cp1", None).await, Err(HostError::Unreachable(_))) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it still answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_is_upgraded_from_there() {
    let options = Options { speed: 2_000.0, ..Options::default() };
    let server = serve("clean", options, loopback()).await.unwrap();
    let there = RemoteHosts::new(server.address());
    for (index, line) in [
        "sed -i 's#v1.30#v1.31#' /etc/apt/sources.list.d/kubernetes.list",
        "apt-get update",
        "apt-get install -y --allow-change-held-packages kubeadm=1.31.14-1.1",
        "kubeadm upgrade apply v1.31.14 --yes",
    ]
    .iter()
    .enumerate()
    {
        let unit = format!("step-{index}");
        there.start("cp1", &unit, line).await.unwrap();
        let state = loop {
            let state = there.unit("cp1", &unit, 0).await.unwrap().unwrap();
            if !state.running {
                break state;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        };
        assert_eq!(state.exit, Some(0), "{:?}", state.lines);
    }
    // Its own API server, by its own address.
    let service = server.simulation().service::<String>("cp1").unwrap();
    let request = http::Request::get("/version").body(String::new()).unwrap();
    let answer = tower::ServiceExt::oneshot(service, request).await.unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("v1.31.14"), "{body:?}");
}
