//! Connections against a server on loopback: whom it sees, whom it is believed to be, and by which way it is reached.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Request;
use kube::client::Body;
use serde_json::{Value, json};

use super::{ConnectError, Connection};
use crate::catalog::Catalog;
use crate::cluster::ask::Asker;
use crate::cluster::credentials::{CredentialError, Unattended};
use crate::cluster::environment::Environment;
use crate::cluster::failure::Failure;
use crate::cluster::kubeconfig::Choice;
use crate::cluster::pulse::Pulse;
use crate::cluster::reader::Reader;
use crate::cluster::witness::{CA, JANE, JOE, OTHER_CA, Proxy, Witness};
use crate::evidence::{Credentials, Reason, Scope};

/// A folder with a kubeconfig of one cluster and one user.
struct Home(tempfile::TempDir);

impl Home {
    fn new(cluster: &Value, user: &Value) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.set(cluster, user);
        home
    }

    fn set(&self, cluster: &Value, user: &Value) {
        let config = json!({
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
            "current-context": "x",
        });
        std::fs::write(self.0.path().join("config"), config.to_string()).unwrap();
    }

    async fn prepare_with(&self, variables: &[(&str, &str)]) -> Result<Connection, ConnectError> {
        let own = [("KUBECONFIG", self.0.path().join("config").into_os_string())];
        let path = std::env::var_os("PATH").map(|path| ("PATH", path));
        let all = variables.iter().map(|(name, value)| (*name, (*value).into())).chain(own).chain(path);
        let environment = Environment::of(self.0.path(), all);
        Connection::prepare(Choice::default(), environment, Arc::new(Unattended { allow: true })).await
    }

    async fn prepare(&self) -> Connection {
        self.prepare_with(&[]).await.unwrap()
    }
}

fn base64(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

fn cluster(server: &str, ca: &str) -> Value {
    json!({"server": server, "certificate-authority-data": base64(ca)})
}

async fn ask(client: &kube::Client) -> Result<u16, kube::Error> {
    let request = Request::get("/version").body(Body::empty()).unwrap();
    client.send(request).await.map(|answer| answer.status().as_u16())
}

/// The failure of a request that got no answer.
async fn failure(client: &kube::Client) -> Failure {
    Failure::of_client(&ask(client).await.unwrap_err())
}

#[tokio::test]
async fn a_token_arrives_and_the_server_is_who_it_should_be() {
    let witness = Witness::start_tls(|_| 200).await;
    let home = Home::new(
        &cluster(&witness.url, CA),
        &json!({"token": "t0ken", "as": "jane", "as-groups": ["g1", "g2"]}),
    );
    let connection = home.prepare().await;
    assert_eq!(ask(connection.client()).await.unwrap(), 200);
    let arrived = witness.arrived();
    assert_eq!((arrived[0].header("authorization"), arrived[0].client), ("Bearer t0ken", ""));
    assert_eq!(arrived[0].header("impersonate-user"), "jane");
    assert_eq!(arrived[0].headers.get_all("impersonate-group").iter().count(), 2);
    assert_eq!(connection.client().default_namespace(), "shop");
    assert!(!format!("{connection:?}").contains("t0ken"), "{connection:?}");
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_is_not() {
    let witness = Witness::start_tls(|_| 200).await;
    let user = json!({"token": "t"});
    let other_name = json!({
        "server": witness.url,
        "certificate-authority-data": base64(CA),
        "tls-server-name": "elsewhere.example",
    });
    for cluster in [cluster(&witness.url, OTHER_CA), other_name, json!({"server": witness.url})] {
        let failure = failure(Home::new(&cluster, &user).prepare().await.client()).await;
        assert_eq!(failure.reason, Reason::Unreachable);
        assert!(failure.message.contains("certificate"), "{failure}");
    }
    assert!(witness.arrived().is_empty());
    // What it should be, by the name that the kubeconfig gives; and not asked for at all.
    let by_name = json!({
        "server": witness.url,
        "certificate-authority-data": base64(CA),
        "tls-server-name": "api.example",
    });
    for cluster in [by_name, json!({"server": witness.url, "insecure-skip-tls-verify": true})] {
        assert_eq!(ask(Home::new(&cluster, &user).prepare().await.client()).await.unwrap(), 200);
    }
}

#[tokio::test]
async fn a_client_certificate() {
    let witness = Witness::start_tls(|_| 200).await;
    let user = json!({"client-certificate-data": base64(JANE[0]), "client-key-data": base64(JANE[1])});
    let home = Home::new(&cluster(&witness.url, CA), &user);
    let connection = home.prepare().await;
    ask(connection.client()).await.unwrap();
    // Renewed in the kubeconfig: the same client makes a connection of its own for it.
    home.set(
        &cluster(&witness.url, CA),
        &json!({"client-certificate-data": base64(JOE[0]), "client-key-data": base64(JOE[1])}),
    );
    connection.authorizer().renew().await.unwrap();
    ask(connection.client()).await.unwrap();
    let clients: Vec<_> = witness.arrived().iter().map(|request| request.client).collect();
    assert_eq!(clients, ["jane", "joe"]);
    assert_eq!(witness.arrived()[0].header("authorization"), "");
}

#[tokio::test]
async fn a_key_of_another_certificate_is_said_at_once() {
    let user = json!({"client-certificate-data": base64(JANE[0]), "client-key-data": base64(JOE[1])});
    let home = Home::new(&cluster("https://127.0.0.1:1", CA), &user);
    let error = home.prepare_with(&[]).await.unwrap_err();
    assert!(matches!(error, ConnectError::Client { .. }), "{error:?}");
    assert!(error.to_string().contains("as user u"), "{error}");
}

/// A plugin that gives token and certificate by the number of its run.
fn plugin(folder: &std::path::Path) -> Value {
    for (number, [certificate, key]) in [(1, JANE), (2, JOE)] {
        let credential = json!({
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "kind": "ExecCredential",
            "status": {"token": format!("run-{number}"), "clientCertificateData": certificate, "clientKeyData": key},
        });
        std::fs::write(folder.join(format!("run-{number}")), credential.to_string()).unwrap();
    }
    let script = "cd \"$0\"; echo run >> runs; cat run-$(($(wc -l < runs)))";
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "sh",
        "args": ["-c", script, folder],
    }})
}

#[tokio::test]
async fn what_a_server_refuses_is_renewed_and_asked_once_more() {
    let witness =
        Witness::start_tls(
            |request| if request.header("authorization") == "Bearer run-1" { 401 } else { 200 },
        )
        .await;
    let home = Home::new(&json!({}), &json!({}));
    home.set(&cluster(&witness.url, CA), &plugin(home.0.path()));
    let connection = home.prepare().await;
    let client = connection.client();
    assert_eq!(ask(client).await.unwrap(), 200);
    assert_eq!(ask(client).await.unwrap(), 200);
    let seen: Vec<_> =
        witness.arrived().iter().map(|it| (it.header("authorization").to_owned(), it.client)).collect();
    assert_eq!(
        seen,
        [("Bearer run-1".into(), "jane"), ("Bearer run-2".into(), "joe"), ("Bearer run-2".into(), "joe")]
    );
    // The third run has nothing to give. A 401 stays a 401, and the next request does not run it again.
    let refusing = Witness::start_tls(|_| 401).await;
    home.set(&cluster(&refusing.url, CA), &plugin(home.0.path()));
    std::fs::remove_file(home.0.path().join("runs")).unwrap();
    let connection = home.prepare().await;
    for _ in 0..3 {
        assert_eq!(ask(connection.client()).await.unwrap(), 401);
    }
    assert_eq!(std::fs::read_to_string(home.0.path().join("runs")).unwrap().lines().count(), 3);
}

#[tokio::test]
async fn every_request_that_leaves_is_in_the_log() {
    // Refused, renewed, answered; refused again with nothing else to send.
    let witness = Witness::start_tls(|it| match it.header("authorization") {
        "Bearer run-2" if it.path == "/version" => 200,
        _ => 401,
    });
    let witness = witness.await;
    let home = Home::new(&json!({}), &json!({}));
    home.set(&cluster(&witness.url, CA), &plugin(home.0.path()));
    let connection = home.prepare().await;
    let pulse = Pulse::default();
    let asker = Asker::entry(connection.client().clone(), connection.address(), pulse.clone());
    asker.ask("/version", "application/json").await.unwrap();
    assert!(asker.ask("/metrics", "text/plain").await.is_err());
    let logged: Vec<_> = pulse.records().iter().map(|it| (it.path.to_string(), it.status)).collect();
    let of = |path: &str, status| (path.to_owned(), Some(status));
    assert_eq!(logged, [of("/version", 401), of("/version", 200), of("/metrics", 401)]);
    let arrived: Vec<_> = witness.arrived().into_iter().map(|it| it.path).collect();
    assert_eq!(arrived, logged.into_iter().map(|(path, _)| path).collect::<Vec<_>>());
}

#[tokio::test]
async fn credentials_that_are_gone_are_no_silence_of_the_server() {
    let witness = Witness::start_tls(|_| 200).await;
    let home = Home::new(&json!({}), &json!({}));
    home.set(&cluster(&witness.url, CA), &plugin(home.0.path()));
    let connection = home.prepare().await;
    std::fs::remove_file(home.0.path().join("run-2")).unwrap();
    connection.authorizer().expire();
    let error = ask(connection.client()).await.unwrap_err();
    assert!(matches!(CredentialError::within(&error), Some(CredentialError::Command { .. })), "{error:?}");
    assert_eq!(Failure::of_client(&error).reason, Reason::Forbidden);
    let pulse = Pulse::default();
    let asker = Asker::entry(connection.client().clone(), connection.address(), pulse.clone());
    let failure = asker.ask("/version", "application/json").await.err().unwrap();
    assert!(failure.message.contains("user u"), "{failure}");
    assert_eq!((pulse.gone_since(), pulse.records().len()), (None, 1));
    assert!(witness.arrived().is_empty());
}

#[tokio::test]
async fn a_server_is_dialled_directly_and_must_have_its_address_in_its_certificate() {
    let witness = Witness::start_tls(|_| 200).await;
    // The entry is a balancer with a name of its own, and a plugin gives the credentials: once for all.
    let home = Home::new(&json!({}), &json!({}));
    let balancer = json!({
        "server": "https://balancer.invalid:6443",
        "certificate-authority-data": base64(CA),
        "tls-server-name": "balancer.invalid",
    });
    home.set(&balancer, &plugin(home.0.path()));
    let connection = home.prepare().await;
    let here = "127.0.0.1".parse().unwrap();
    let (client, address) = connection.for_server(here, witness.port, None).await.unwrap();
    assert_eq!(ask(&client).await.unwrap(), 200);
    assert_eq!(address, format!("127.0.0.1:{}", witness.port).as_str());
    let arrived = witness.arrived();
    assert_eq!((arrived[0].header("authorization"), arrived[0].client), ("Bearer run-1", "jane"));
    assert_eq!(std::fs::read_to_string(home.0.path().join("runs")).unwrap().lines().count(), 1);
    // And it reads only.
    let request = Request::delete("/api/v1/nodes/cp-1").body(Body::empty()).unwrap();
    let error = client.send(request).await.unwrap_err();
    assert_eq!(Failure::of_client(&error).reason, Reason::NeedsUpgradeSession);

    // 127.0.0.2 is the same server, and not in its certificate.
    let there = "127.0.0.2".parse().unwrap();
    let listener = std::net::TcpListener::bind(("127.0.0.2", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let target = witness.port;
    tokio::spawn(async move {
        let (mut from, _) = listener.accept().await.unwrap();
        let mut to = tokio::net::TcpStream::connect(("127.0.0.1", target)).await.unwrap();
        drop(tokio::io::copy_bidirectional(&mut from, &mut to).await);
    });
    let (client, _) = connection.for_server(there, port, None).await.unwrap();
    let failure = failure(&client).await;
    assert_eq!(failure.reason, Reason::Unreachable);
    assert!(failure.message.contains("certificate"), "{failure}");
    assert_eq!(witness.arrived().len(), 1);
}

#[tokio::test]
async fn without_an_authority_no_server_is_dialled_directly() {
    let witness = Witness::start_tls(|_| 200).await;
    let here = "127.0.0.1".parse().unwrap();
    for cluster in [
        json!({"server": witness.url, "insecure-skip-tls-verify": true}),
        json!({"server": "https://balancer.invalid"}),
    ] {
        let connection = Home::new(&cluster, &json!({"token": "t"})).prepare().await;
        let error = connection.for_server(here, witness.port, None).await.err().unwrap();
        assert!(matches!(error, ConnectError::Unverified { .. }), "{error}");
        // One that was read in the cluster will do.
        let roots = crate::cluster::kubeconfig::certificates(CA.as_bytes()).unwrap();
        let (client, _) = connection.for_server(here, witness.port, Some(roots)).await.unwrap();
        assert_eq!(ask(&client).await.unwrap(), 200);
    }
    let roots = crate::cluster::kubeconfig::certificates(OTHER_CA.as_bytes()).unwrap();
    let connection = Home::new(&cluster(&witness.url, CA), &json!({"token": "t"})).prepare().await;
    let (client, _) = connection.for_server(here, witness.port, Some(roots)).await.unwrap();
    assert_eq!(failure(&client).await.reason, Reason::Unreachable);
}

#[tokio::test]
async fn proxies() {
    let witness = Witness::start_tls(|_| 200).await;
    let proxy = Proxy::start(witness.port).await;
    let user = json!({"token": "t"});
    // The kubeconfig's proxy counts for loopback, too, and gets its password but never the token.
    let mut fixed = cluster(&witness.url, CA);
    fixed["proxy-url"] = json!(format!("http://me:p%40ss@{}", proxy.address));
    let connection = Home::new(&fixed, &user).prepare_with(&[("NO_PROXY", "*")]).await.unwrap();
    assert_eq!(ask(connection.client()).await.unwrap(), 200);
    let heads = proxy.heads();
    assert!(heads[0].starts_with(&format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", witness.port)), "{heads:?}");
    let head = heads[0].to_lowercase();
    assert!(
        head.contains(&format!("proxy-authorization: basic {}", base64("me:p@ss").to_lowercase())),
        "{head}"
    );
    assert!(!head.contains("bearer"), "{head}");

    // The environment's by the server's name; the proxy is where the tunnel ends, so the name need not resolve.
    let named = cluster(&format!("https://api.example:{}", witness.port), CA);
    let variable = format!("http://{}", proxy.address);
    let home = Home::new(&named, &user);
    let connection = home.prepare_with(&[("HTTPS_PROXY", &variable)]).await.unwrap();
    assert_eq!(ask(connection.client()).await.unwrap(), 200);
    assert!(proxy.heads()[1].starts_with("CONNECT api.example:"), "{:?}", proxy.heads());
    // Dialled directly, a server on loopback has none.
    let (client, _) = connection.for_server("127.0.0.1".parse().unwrap(), witness.port, None).await.unwrap();
    assert_eq!(ask(&client).await.unwrap(), 200);
    assert_eq!((proxy.heads().len(), witness.arrived().len()), (2, 3));
    // NO_PROXY with the proxy's own address changes nothing.
    let own = proxy.address.split(':').next().unwrap();
    let variables = [("HTTPS_PROXY", variable.as_str()), ("NO_PROXY", own)];
    assert_eq!(ask(home.prepare_with(&variables).await.unwrap().client()).await.unwrap(), 200);
    assert_eq!(proxy.heads().len(), 3);
    let error = home.prepare_with(&[("HTTPS_PROXY", "ftp://x:1")]).await.unwrap_err();
    assert!(matches!(error, ConnectError::Proxy(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_renews_the_credentials_and_how_they_are_is_evidence() {
    // Each token counts until the next one was given.
    let witness = Witness::start_tls(|_| 200).await;
    let home = Home::new(&json!({}), &json!({}));
    home.set(&cluster(&witness.url, CA), &plugin(home.0.path()));
    let connection = home.prepare().await;
    let authorizer = connection.authorizer().clone();
    let mut reader = Reader::start(connection, Catalog::get().unwrap(), Scope::All, true);
    let of = |reader: &Reader| reader.evidence().credentials.unwrap();
    assert_eq!(of(&reader), Credentials { user: "u".into(), ..Credentials::default() });
    reader.refresh();
    until(&reader, || witness.arrived().iter().any(|it| it.header("authorization") == "Bearer run-2")).await;

    // The third run has nothing to give. Nothing is lost as long as the second's counts.
    reader.refresh();
    until(&reader, || of(&reader).message.is_some()).await;
    assert_eq!(of(&reader).lost_since, None);
    authorizer.expire();
    reader.refresh();
    until(&reader, || of(&reader).lost_since.is_some()).await;
    let gaps = reader.evidence().unread();
    let said = gaps.first().unwrap().to_string();
    for part in ["renew credentials of u: forbidden", "sh, which has", "a refresh tries again"] {
        assert!(said.contains(part), "{said}");
    }
    // What stands there again is taken on a refresh.
    std::fs::write(home.0.path().join("runs"), "run\n").unwrap();
    reader.refresh();
    until(&reader, || of(&reader).lost_since.is_none()).await;
    assert!(reader.evidence().unread().iter().all(|gap| gap.resource != "credentials"));
}

#[tokio::test]
async fn credentials_that_a_server_refuses_are_lost_until_one_takes_them() {
    let refuses = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let answers = Arc::clone(&refuses);
    let status = move |_: &_| if answers.load(std::sync::atomic::Ordering::SeqCst) { 401 } else { 200 };
    let witness = Witness::start_tls(status).await;
    let connection = Home::new(&cluster(&witness.url, CA), &json!({"token": "t"})).prepare().await;
    assert_eq!(ask(connection.client()).await.unwrap(), 401);
    let lost = connection.authorizer().report();
    assert!(
        lost.lost_since.is_some()
            && lost.message.unwrap().contains("refuses the credentials of user u (401)")
    );
    refuses.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(ask(connection.client()).await.unwrap(), 200);
    assert_eq!(connection.authorizer().report().lost_since, None);
}

/// Waits for what `reader` does; a minute is long enough to call it never.
async fn until(reader: &Reader, is_so: impl Fn() -> bool) {
    let mut changes = reader.changes();
    let so = async {
        while !is_so() {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), so).await.unwrap();
}
