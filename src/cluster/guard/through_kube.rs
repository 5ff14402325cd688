//! Each forbidden kind of request, made by kube's own methods through the client that inspections get, against a
//! server that notes what arrives.

use std::sync::Arc;

use http::Request;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Pod, Secret, ServiceAccount};
use kube::api::{
    Api, AttachParams, DeleteParams, EvictParams, ListParams, LogParams, ObjectMeta, Patch, PatchParams,
    PostParams, WatchParams,
};
use kube::client::{Body, Client};
use serde_json::json;

use super::{Refused, Why};
use crate::cluster::client::Connection;
use crate::cluster::credentials::Unattended;
use crate::cluster::environment::Environment;
use crate::cluster::kubeconfig::Choice;
use crate::cluster::witness::Witness;

async fn inspect(witness: &Witness) -> Client {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let config = json!({
        "clusters": [{"name": "c", "cluster": {"server": witness.url}}],
        "contexts": [{"name": "x", "context": {"cluster": "c"}}],
        "current-context": "x",
    });
    std::fs::write(&file, config.to_string()).unwrap();
    let environment = Environment::of(folder.path(), [("KUBECONFIG", &file)]);
    let connection =
        Connection::prepare(Choice::default(), environment, Arc::new(Unattended::default())).await.unwrap();
    connection.client().clone()
}

/// The refusal in a result that must be one.
fn refusal<T>(result: Result<T, kube::Error>) -> Why {
    let error = result.err().expect("it was sent");
    Refused::within(&error).unwrap_or_else(|| panic!("not a refusal: {error:?}")).why
}

#[tokio::test]
async fn no_write_leaves() {
    let witness = Witness::start(|_| 200).await;
    let client = inspect(&witness).await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let nodes: Api<Node> = Api::all(client.clone());
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "shop");
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "shop");
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let map = ConfigMap {
        metadata: ObjectMeta { name: Some("m".into()), ..ObjectMeta::default() },
        ..ConfigMap::default()
    };
    let (post, patch, delete) = (PostParams::default(), PatchParams::apply("x"), DeleteParams::default());
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let change = Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));

    let whys = [
        refusal(maps.create(&post, &map).await),
        refusal(maps.create(&dry, &map).await),
        refusal(maps.replace("m", &post, &map).await),
        refusal(maps.patch("m", &patch, &change).await),
        refusal(maps.delete("m", &delete).await),
        refusal(maps.delete_collection(&delete, &ListParams::default()).await),
        refusal(nodes.cordon("cp-1").await),
        refusal(nodes.patch_status("cp-1", &patch, &change).await),
        refusal(pods.evict("web-0", &EvictParams::default()).await),
        refusal(pods.patch_scale("web-0", &patch, &change).await),
        refusal(
            accounts.create_subresource::<_, serde_json::Value>("default", "token", &post, &json!({})).await,
        ),
        refusal(namespaces.delete("shop", &delete).await),
    ];
    assert_eq!(whys, [Why::Method; 12]);
    assert!(witness.arrived().is_empty(), "{:?}", witness.arrived());
}

#[tokio::test]
async fn no_stream_and_no_proxy_leaves() {
    let witness = Witness::start(|_| 101).await;
    let client = inspect(&witness).await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let attach = AttachParams::default().stdin(true).stderr(false);
    let upgrade = Why::Header("upgrade");
    assert_eq!(refusal(pods.exec("web-0", ["sh", "-c", "reboot"], &attach).await), upgrade);
    assert_eq!(refusal(pods.attach("web-0", &attach).await), upgrade);
    assert_eq!(refusal(pods.portforward("web-0", &[80]).await), upgrade);
    assert_eq!(refusal(pods.logs("web-0", &LogParams::default()).await), Why::Subresource);
    assert_eq!(refusal(pods.log_stream("web-0", &LogParams::default()).await.map(drop)), Why::Subresource);
    for path in [
        "/api/v1/namespaces/shop/pods/web-0/exec?command=reboot",
        "/api/v1/namespaces/shop/pods/web-0:80/proxy/",
        "/api/v1/namespaces/shop/services/web/proxy",
        "/api/v1/nodes/cp-1/proxy/configz",
        "/api/v1/nodes/cp-1/proxy",
        "/api/v1/nodes/cp-1%2fproxy",
        "/api/v1/proxy/nodes/cp-1",
        "/logs/",
    ] {
        refusal(client.send(Request::get(path).body(Body::empty()).unwrap()).await);
    }
    assert!(witness.arrived().is_empty(), "{:?}", witness.arrived());
}

#[tokio::test]
async fn no_secret_is_read() {
    let witness = Witness::start(|_| 200).await;
    let client = inspect(&witness).await;
    let secrets: Api<Secret> = Api::all(client.clone());
    assert_eq!(refusal(secrets.list(&ListParams::default()).await), Why::Secrets);
    assert_eq!(refusal(secrets.list_metadata(&ListParams::default()).await), Why::Secrets);
    let secrets: Api<Secret> = Api::namespaced(client, "shop");
    assert_eq!(refusal(secrets.get("db").await), Why::Secrets);
    assert_eq!(refusal(secrets.watch(&WatchParams::default(), "0").await.map(drop)), Why::Secrets);
    assert!(witness.arrived().is_empty());
}

/// The other way round: what is refused above is refused by the guard, and not because nothing arrives at all.
#[tokio::test]
async fn reads_arrive_as_they_are() {
    let witness = Witness::start(|_| 404).await;
    let client = inspect(&witness).await;
    let pods: Api<Pod> = Api::all(client.clone());
    let limited = ListParams::default().limit(500);
    let answered = |error: kube::Error| matches!(error, kube::Error::Api(_));
    assert!(answered(pods.list(&limited).await.unwrap_err()));
    assert!(answered(pods.watch(&WatchParams::default(), "7").await.map(drop).unwrap_err()));
    assert!(answered(client.apiserver_version().await.unwrap_err()));
    assert!(answered(Api::<Node>::all(client).get_status("cp-1").await.unwrap_err()));
    let arrived = witness.arrived();
    let paths: Vec<_> = arrived.iter().map(|request| request.path.split('?').next().unwrap()).collect();
    assert_eq!(paths, ["/api/v1/pods", "/api/v1/pods", "/version", "/api/v1/nodes/cp-1/status"]);
    assert!(arrived.iter().all(|request| request.method == "GET"));
    assert!(arrived[1].path.contains("watch=true"), "{}", arrived[1].path);
    assert_eq!(arrived[0].header("accept-encoding"), "identity");
    assert!(arrived[0].header("user-agent").starts_with("kubelift/"));
}
