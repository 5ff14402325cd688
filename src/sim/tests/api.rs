//! What the API answers.

use super::*;

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
