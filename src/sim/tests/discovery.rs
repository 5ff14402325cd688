//! Discovery, health and metrics, against what a real server said.

use super::*;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A line for each resource that a discovery document names.
fn lines(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let joined = |value: &Value| {
        value.as_array().map_or_else(String::new, |all| all.iter().map(text).collect::<Vec<_>>().join(","))
    };
    let mut lines = Vec::new();
    for group in document["items"].as_array().unwrap() {
        for version in group["versions"].as_array().unwrap() {
            let name = text(&group["metadata"]["name"]);
            let version_name = format!("{name}/{}", text(&version["version"]));
            for resource in version["resources"].as_array().unwrap() {
                let mut line = format!(
                    "{} {} {} {} {} {}",
                    version_name.trim_start_matches('/'),
                    text(&resource["resource"]),
                    text(&resource["responseKind"]["kind"]),
                    text(&resource["scope"]),
                    Some(joined(&resource["shortNames"]))
                        .filter(|short| !short.is_empty())
                        .unwrap_or("-".to_owned()),
                    joined(&resource["verbs"]),
                );
                for sub in resource["subresources"].as_array().into_iter().flatten() {
                    line += &format!(" {}={}", text(&sub["subresource"]), joined(&sub["verbs"]));
                }
                lines.push(line);
            }
        }
    }
    lines
}

#[tokio::test]
async fn discovery_is_that_of_a_real_server() {
    let simulation = begin("clean").await;
    let mut found = Vec::new();
    for path in ["/api", "/apis"] {
        let head = format!("GET {path}\nAccept: {AGGREGATED},application/json");
        let (status, head, body) = ask(simulation.servers()[0], &head, "").await;
        assert_eq!(status, 200);
        assert!(head.contains(&format!("content-type: {AGGREGATED}\r\n")), "{head}");
        found.extend(lines(&serde_json::from_str(&body).unwrap()));
    }
    let real = include_str!("../api/testdata/resources-1.30.14.txt");
    let real: Vec<&str> = real.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(found, real);
}

#[tokio::test]
async fn discovery_has_its_old_forms_too() {
    let simulation = begin("clean").await;
    let (_, versions) = get(&simulation, "/api").await;
    assert_eq!((&versions["kind"], &versions["versions"]), (&json!("APIVersions"), &json!(["v1"])));
    let (_, groups) = get(&simulation, "/apis").await;
    let flow = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|g| g["name"] == "flowcontrol.apiserver.k8s.io")
        .unwrap();
    assert_eq!(flow["preferredVersion"]["groupVersion"], "flowcontrol.apiserver.k8s.io/v1");
    assert_eq!(flow["versions"][1]["version"], "v1beta3");
    let (_, resources) = get(&simulation, "/apis/apps/v1").await;
    assert_eq!(
        (&resources["kind"], &resources["groupVersion"]),
        (&json!("APIResourceList"), &json!("apps/v1"))
    );
    let names: Vec<&str> =
        resources["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"deployments") && names.contains(&"deployments/scale"), "{names:?}");
}

#[tokio::test]
async fn health_is_told_as_a_real_server_tells_it() {
    let simulation = begin("gone").await;
    let [cp1, cp2, cp3] = simulation.servers()[..] else { panic!() };
    let (status, _, body) = ask(cp1, "GET /readyz?verbose", "").await;
    assert_eq!(status, 200);
    assert!(
        body.starts_with("[+]ping ok\n[+]log ok\n[+]etcd ok\n[+]etcd-readiness ok\n[+]informer-sync ok\n"),
        "{body}"
    );
    assert!(body.ends_with("[+]shutdown ok\nreadyz check passed\n"), "{body}");
    assert_eq!(ask(cp1, "GET /livez", "").await.2, "ok");
    assert_eq!(ask(cp1, "GET /readyz/etcd", "").await.2, "ok");
    assert_eq!(ask(cp1, "GET /readyz/none", "").await.0, 404);
    let (status, _, body) = ask(cp2, "GET /readyz", "").await;
    assert_eq!(status, 500);
    assert!(body.contains("\n[+]etcd-readiness ok\n[-]informer-sync failed: reason withheld\n"), "{body}");
    assert!(body.ends_with("readyz check failed\n"), "{body}");
    assert!(TcpStream::connect(cp3).await.is_err());
}

#[tokio::test]
async fn a_deprecated_call_is_counted_where_it_was_made() {
    let simulation = begin("clean").await;
    let called = |metrics: &str| {
        metrics.lines().filter(|line| line.starts_with("apiserver_requested_deprecated_apis{")).count()
    };
    let metrics = async |index: usize| ask(simulation.servers()[index], "GET /metrics", "").await.2;
    assert_eq!(called(&metrics(0).await), 0);
    get(&simulation, "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas").await;
    assert_eq!(called(&metrics(0).await), 0);
    let (_, list) = get(&simulation, "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas").await;
    assert_eq!(list["apiVersion"], "flowcontrol.apiserver.k8s.io/v1beta3");
    get(&simulation, "/api/v1/componentstatuses").await;
    assert_eq!((called(&metrics(0).await), called(&metrics(1).await)), (2, 0));
    // A restart forgets it.
    assert!(simulation.stop_server("cp1").await);
    simulation.start_server("cp1").await.unwrap();
    assert_eq!(called(&metrics(0).await), 0);
}

#[tokio::test]
async fn api_servers_answer_each_for_itself() {
    let simulation = begin("default").await;
    let slices = list(&simulation, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices").await;
    let mut named = Vec::new();
    for slice in slices.values() {
        let port = &slice["ports"][0]["port"];
        for endpoint in slice["endpoints"].as_array().unwrap() {
            named.push(format!("{}:{port}", endpoint["addresses"][0].as_str().unwrap()));
        }
    }
    let listening: Vec<String> = simulation.servers().iter().map(ToString::to_string).collect();
    assert_eq!(named, listening);
    assert_eq!(named.len(), 3);
    let call = "apiserver_requested_deprecated_apis{group=\"flowcontrol.apiserver.k8s.io\",removed_release=\"1.32\",\
                resource=\"flowschemas\",subresource=\"\",version=\"v1beta3\"} 1";
    for (server, called) in simulation.servers().into_iter().zip([false, true, false]) {
        let (_, _, version) = ask(server, "GET /version", "").await;
        assert_eq!(serde_json::from_str::<Value>(&version).unwrap()["gitVersion"], "v1.30.6");
        let (_, _, metrics) = ask(server, "GET /metrics", "").await;
        assert_eq!(metrics.contains(call), called, "{metrics}");
        assert!(metrics.contains("\nprocess_start_time_seconds 1."), "{metrics}");
    }
    let leases = list(&simulation, "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases?labelSelector=apiserver.kubernetes.io/identity=kube-apiserver").await;
    let hosts: Vec<&Value> =
        leases.values().map(|lease| &lease["metadata"]["labels"]["kubernetes.io/hostname"]).collect();
    assert_eq!(hosts.len(), 3);
    assert!(hosts.contains(&&json!("cp2")));
}

#[tokio::test]
async fn the_balancer_leads_to_a_server_that_is_there() {
    let simulation = begin("clean").await;
    let balancer: SocketAddr = simulation.url().strip_prefix("http://").unwrap().parse().unwrap();
    assert!(!simulation.servers().contains(&balancer));
    let asked = async || {
        ask(balancer, "GET /version", "").await;
        simulation.requests().last().unwrap().server.clone()
    };
    assert_eq!(asked().await, "cp1");
    simulation.stop_server("cp1").await;
    assert_eq!(asked().await, "cp2");
    simulation.stop_server("cp2").await;
    simulation.start_server("cp1").await.unwrap();
    assert_eq!(asked().await, "cp1");
}
