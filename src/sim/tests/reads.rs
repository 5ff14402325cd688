//! Lists, objects and refusals.

use super::*;

#[tokio::test]
async fn any_limit_gives_what_one_list_gives() {
    let simulation = start("default", Options { scale_pods: 250, ..Options::default() }).await.unwrap();
    for (path, selector) in [
        ("/api/v1/pods", ""),
        ("/api/v1/namespaces/shop/pods", ""),
        ("/api/v1/namespaces/load-3/pods", ""),
        ("/api/v1/pods", "labelSelector=app.kubernetes.io/name%20in%20(web,cart)"),
        ("/api/v1/pods", "fieldSelector=spec.nodeName%3Dw3"),
        ("/apis/apps/v1/replicasets", ""),
    ] {
        let whole: Vec<String> = list(&simulation, &format!("{path}?{selector}")).await.into_keys().collect();
        assert!(whole.len() > 5, "{path} {selector}");
        for limit in [1, 7, 100, whole.len(), whole.len() + 1] {
            if limit == 1 && whole.len() > 50 {
                continue;
            }
            let mut paged = Vec::new();
            let mut token = String::new();
            loop {
                let (status, page) =
                    get(&simulation, &format!("{path}?limit={limit}&continue={token}&{selector}")).await;
                assert_eq!(status, 200, "{page}");
                let items = page["items"].as_array().unwrap();
                let name = |item: &Value| {
                    let text = |field: &str| item["metadata"][field].as_str().unwrap().to_owned();
                    assert!(item.get("kind").is_none() && item.get("apiVersion").is_none());
                    format!("{}/{}", text("namespace"), text("name"))
                };
                paged.extend(items.iter().map(name));
                let remaining = page["metadata"].get("remainingItemCount").and_then(Value::as_u64);
                let left = whole.len() - paged.len();
                let told = selector.is_empty() && left > 0;
                assert_eq!(remaining, told.then_some(left as u64));
                match page["metadata"]["continue"].as_str() {
                    Some(next) => token = next.to_owned(),
                    None => break,
                }
            }
            assert_eq!(paged, whole, "{path} {selector} {limit}");
        }
    }
}

#[tokio::test]
async fn pages_are_of_one_revision_until_history_is_gone() {
    let simulation = begin("clean").await;
    let path = "/apis/apps/v1/namespaces/shop/replicasets?limit=5";
    let (_, first) = get(&simulation, path).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let last = first["items"][4]["metadata"]["name"].as_str().unwrap();
    let all: Vec<String> =
        list(&simulation, "/apis/apps/v1/namespaces/shop/replicasets").await.into_keys().collect();
    let doomed = all.last().unwrap().strip_prefix("shop/").unwrap();
    let (status, _, _) = ask(
        simulation.servers()[1],
        &format!("DELETE /apis/apps/v1/namespaces/shop/replicasets/{doomed}"),
        "",
    )
    .await;
    assert_eq!(status, 200);
    // The deleted one still is in the list that was begun before, at its revision.
    let rest = format!("/apis/apps/v1/namespaces/shop/replicasets?continue={token}");
    let (_, page) = get(&simulation, &rest).await;
    assert_eq!(page["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert_eq!(page["items"].as_array().unwrap().len() + 5, all.len());
    simulation.compact();
    let (status, expired) = get(&simulation, &rest).await;
    assert_eq!((status, &expired["reason"]), (410, &json!("Expired")));
    // The token in the refusal goes on behind the same object, in what there is now.
    let now = expired["metadata"]["continue"].as_str().unwrap();
    let (_, page) =
        get(&simulation, &format!("/apis/apps/v1/namespaces/shop/replicasets?continue={now}")).await;
    let names: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|i| i["metadata"]["name"].as_str().unwrap()).collect();
    assert!(names.first().unwrap() > &last && !names.contains(&doomed));
    assert_eq!(names.len() + 6, all.len());
}

#[tokio::test]
async fn one_object_is_shown_in_the_version_asked_for() {
    let simulation = begin("default").await;
    for version in ["v1", "v1beta3"] {
        let (_, object) = get(
            &simulation,
            &format!("/apis/flowcontrol.apiserver.k8s.io/{version}/flowschemas/tenant-batch"),
        )
        .await;
        assert_eq!(object["apiVersion"], format!("flowcontrol.apiserver.k8s.io/{version}"));
        assert_eq!(object["kind"], "FlowSchema");
        assert_eq!(
            object["metadata"]["managedFields"][0]["apiVersion"],
            "flowcontrol.apiserver.k8s.io/v1beta3"
        );
    }
    let (status, bulk) = get(&simulation, "/api/v1/namespaces/load-0/pods/none").await;
    assert_eq!((status, &bulk["message"]), (404, &json!("pods \"none\" not found")));
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_as_a_real_server_does() {
    let simulation = begin("denied").await;
    for (path, status, words) in [
        (
            "/api/v1/pods",
            403,
            "pods is forbidden: User \"sre-on-duty\" cannot list resource \"pods\" in API group \"\" at the cluster scope",
        ),
        ("/api/v1/pods?watch=1", 200, ""),
        ("/api/v1/namespaces/infra/pods", 403, "in the namespace \"infra\""),
        ("/api/v1/namespaces/shop/pods", 200, ""),
        ("/metrics", 403, "forbidden: User \"sre-on-duty\" cannot get path \"/metrics\""),
        (
            "/api/v1/namespaces/kube-system/configmaps/kubeadm-config",
            403,
            "configmaps \"kubeadm-config\" is forbidden",
        ),
        ("/version", 200, ""),
        ("/api/v1/nodes?limit=x", 400, "strconv.ParseInt"),
        ("/api/v1/nodes?labelSelector=a%3D%3D%3Db", 400, "unable to parse requirement"),
        ("/api/v1/nodes?fieldSelector=spec.foo%3D1", 400, "field label not supported: spec.foo"),
        ("/api/v1/nodes?continue=abc", 400, "continue key is not valid"),
        ("/api/v1/nodes?resourceVersion=99999999999", 504, "Too large resource version"),
        ("/api/v1/things", 404, "the server could not find the requested resource"),
        ("/apis/nothing/v1", 404, "404 page not found"),
    ] {
        if path.contains("watch=1") {
            let faults = simulation.cluster.faults();
            assert!(faults.denies("watch", "pods", None));
            continue;
        }
        let (got, answer) = get(&simulation, path).await;
        assert_eq!(got, status, "{path}: {answer}");
        let message = answer.get("message").and_then(Value::as_str).or(answer.as_str()).unwrap_or_default();
        assert!(message.contains(words), "{path}: {message}");
    }
    let (status, _, body) =
        ask(simulation.servers()[0], "GET /api/v1/nodes\nAccept: application/vnd.kubernetes.protobuf", "")
            .await;
    assert_eq!((status, body.contains("NotAcceptable")), (406, true));
    let (status, _, _) = ask(simulation.servers()[0], "PUT /api/v1/nodes", "{}").await;
    assert_eq!(status, 405);
}

#[tokio::test]
async fn every_request_is_noted_with_the_id_of_its_answer() {
    let simulation = begin("clean").await;
    let path = "/api/v1/nodes?limit=2&labelSelector=a%3Db";
    let (_, head, _) = ask(simulation.servers()[2], &format!("GET {path}"), "").await;
    let seen = simulation.requests().pop().unwrap();
    assert_eq!((&*seen.server, &*seen.method, &*seen.path), ("cp3", "GET", path));
    assert!(head.to_ascii_lowercase().contains(&format!("audit-id: {}", seen.audit_id)), "{head}");
}

#[tokio::test]
async fn the_service_answers_without_a_connection() {
    use tower::ServiceExt as _;
    let simulation = begin("clean").await;
    let service = simulation.service::<http_body_util::Empty<&[u8]>>("cp2").unwrap();
    let request = http::Request::get("/api/v1/nodes/w1").body(http_body_util::Empty::new()).unwrap();
    let answer = service.oneshot(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["metadata"]["name"], "w1");
    assert!(simulation.service::<http_body_util::Empty<&[u8]>>("w1").is_none());
}
