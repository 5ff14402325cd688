//! An inspection is plain reads and nothing else, by the API server's own audit log; and each of them is known.

#[path = "support/inside.rs"]
mod inside;
#[path = "support/kubeadm.rs"]
mod kubeadm;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http::Request;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret};
use kube::api::{
    Api, AttachParams, DeleteParams, EvictParams, ListParams, LogParams, Patch, PatchParams, PostParams,
};
use kube::client::Body;
use kubelift::cluster::client::Connection;
use kubelift::cluster::credentials::Unattended;
use kubelift::cluster::environment::Environment;
use kubelift::cluster::guard::Refused;
use kubelift::cluster::kubeconfig::Choice;
use lab::{AuditEvent, Lab, Options};
use program::{KUBELIFT, payloads, without_times};

/// The deprecated APIs that the server says somebody called.
fn deprecated_calls(lab: &Lab) -> Result<Vec<String>> {
    let metrics = lab.kubectl(["get", "--raw", "/metrics"])?;
    let calls = metrics.lines().filter(|line| line.starts_with("apiserver_requested_deprecated_apis{"));
    Ok(calls.map(str::to_owned).collect())
}

#[test]
#[ignore = "lab"]
fn an_inspection_is_plain_reads_each_in_the_evidence_and_in_the_audit_log() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    kubeadm::make(&lab)?;
    let before = deprecated_calls(&lab)?;
    let kubeconfig = lab.kubeconfig("inspector");
    let kubeconfig = kubeconfig.to_str().context("a path in UTF-8")?;

    // All that a whole read asked is in its evidence, and in the log, by the same ids.
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("a.recording");
    let said = lab.kubelift(&[
        "record",
        "--once",
        "--kubeconfig",
        kubeconfig,
        file.to_str().context("a path in UTF-8")?,
    ])?;
    ensure!(said.code == 0, "{}", said.stderr);
    let mut evidence = BTreeMap::new();
    for read in payloads(&file)?[1]["evidence"]["reads"].as_array().context("reads")? {
        assert_eq!(read["method"], "GET", "{read}");
        let id = read["auditId"].as_str().with_context(|| format!("no audit id: {read}"))?;
        let status = read["status"].as_u64().context("a status")?;
        evidence.insert(id.to_owned(), (read["path"].as_str().context("a path")?.to_owned(), status));
    }
    let log: BTreeMap<String, (String, u64)> = lab
        .requests_of("inspector")?
        .into_iter()
        .map(|event| {
            let status = event.response_status.map_or(0, |status| u64::from(status.code));
            (event.audit_id, (event.request_uri, status))
        })
        .collect();
    assert_eq!(evidence, log);
    assert!(log.len() > 20, "{log:#?}");

    // Asked again it says the same, for what it asks is itself no use of anything deprecated.
    let twice = [lab.check_raw("inspector", &[])?, lab.check_raw("inspector", &[])?];
    assert_eq!(without_times(&twice[0].stdout)?, without_times(&twice[1].stdout)?);
    watch_for_a_while(&lab, kubeconfig)?;
    assert_eq!(deprecated_calls(&lab)?, before);

    let requests = lab.requests_of("inspector")?;
    let odd: Vec<&AuditEvent> = requests.iter().filter(|event| !event.is_plain_read()).collect();
    assert!(odd.is_empty(), "{odd:#?}");
    assert!(requests.iter().all(|event| event.user_agent.starts_with("kubelift/")), "{requests:#?}");
    assert!(requests.iter().any(|event| event.verb == "watch"));
    Ok(())
}

/// A session as lines, until it watches.
fn watch_for_a_while(lab: &Lab, kubeconfig: &str) -> Result<()> {
    let mut command = lab.command(KUBELIFT);
    command.args(["--plain", "--kubeconfig", kubeconfig]);
    let mut session = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let mut watches = 0;
    for _ in 0..100 {
        watches = lab.requests_of("inspector")?.iter().filter(|event| event.verb == "watch").count();
        if watches > 10 {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    session.stdin.take().context("its standard input")?.write_all(b"quit\n")?;
    let ended = session.wait()?;
    ensure!(ended.success(), "{ended}");
    if watches <= 10 {
        bail!("{watches} watches after 20 s");
    }
    Ok(())
}

/// That a request was refused before it left.
fn refused<T>(what: &str, result: Result<T, kube::Error>) -> Result<()> {
    let Err(error) = result else { bail!("{what} was sent") };
    ensure!(Refused::within(&error).is_some(), "{what}: {error:?}");
    Ok(())
}

/// Each forbidden kind of request, through the client that inspections have.
async fn try_everything(kubeconfig: std::path::PathBuf) -> Result<()> {
    let choice = Choice { kubeconfig: Some(kubeconfig), context: None };
    let environment = Environment::of::<&str, &str>(std::path::Path::new("/"), []);
    let connection = Connection::prepare(choice, environment, Arc::new(Unattended::default())).await?;
    let client = connection.client().clone();
    let pods: Api<Pod> = Api::namespaced(client.clone(), "kube-system");
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "team");
    let nodes: Api<Node> = Api::all(client.clone());
    let secrets: Api<Secret> = Api::all(client.clone());
    let (post, patch, delete) = (PostParams::default(), PatchParams::default(), DeleteParams::default());
    let change = Patch::Merge(serde_json::json!({ "metadata": { "labels": { "a": "b" } } }));
    let pod = "kube-apiserver-cp1";
    // That the client works at all: a plain read arrives.
    pods.get(pod).await.context("a plain read")?;
    refused("create", maps.create(&post, &ConfigMap::default()).await)?;
    refused(
        "dry run",
        maps.create(&PostParams { dry_run: true, ..post.clone() }, &ConfigMap::default()).await,
    )?;
    refused("replace", maps.replace("kube-root-ca.crt", &post, &ConfigMap::default()).await)?;
    refused("patch", maps.patch("kube-root-ca.crt", &patch, &change).await)?;
    refused("delete", maps.delete("kube-root-ca.crt", &delete).await)?;
    refused("delete collection", maps.delete_collection(&delete, &ListParams::default()).await)?;
    refused("cordon", nodes.cordon("w1").await)?;
    refused("status", nodes.patch_status("w1", &patch, &change).await)?;
    refused("evict", pods.evict(pod, &EvictParams::default()).await)?;
    refused("exec", pods.exec(pod, ["sh", "-c", "reboot"], &AttachParams::default()).await)?;
    refused("attach", pods.attach(pod, &AttachParams::default()).await)?;
    refused("portforward", pods.portforward(pod, &[6443]).await)?;
    refused("logs", pods.logs(pod, &LogParams::default()).await)?;
    refused("secrets", secrets.list(&ListParams::default()).await)?;
    for path in [
        "/api/v1/nodes/w1/proxy/configz",
        "/api/v1/namespaces/kube-system/pods/kube-apiserver-cp1/proxy/",
        "/api/v1/namespaces/default/services/kubernetes/proxy/",
        "/api/v1/namespaces/kube-system/pods/kube-apiserver-cp1/exec?command=reboot",
    ] {
        refused(path, client.send(Request::get(path).body(Body::empty())?).await)?;
    }
    Ok(())
}

#[test]
#[ignore = "lab"]
fn what_is_no_plain_read_does_not_leave() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    kubeadm::make(&lab)?;
    // As admin, whom the server would refuse nothing.
    let kubeconfig = lab.kubeconfig("admin");
    let before = lab.requests_of("admin")?.len();
    inside::inside(&lab, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(try_everything(kubeconfig))
    })?;
    let sent: Vec<String> = lab.requests_of("admin")?[before..]
        .iter()
        .map(|event| format!("{} {}", event.verb, event.request_uri))
        .collect();
    assert_eq!(sent, ["get /api/v1/namespaces/kube-system/pods/kube-apiserver-cp1"]);
    // And the same log sees a write, when there is one.
    lab.kubectl(["label", "node", "w1", "seen=yes"])?;
    assert!(lab.requests_of("admin")?.iter().any(|event| event.verb == "patch"));
    Ok(())
}
