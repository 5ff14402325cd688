//! An API server that goes away while it is read, and one that is not there at all.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]

#[path = "support/inside.rs"]
mod inside;
#[path = "support/kubeadm.rs"]
mod kubeadm;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/program.rs"]
mod program;

use std::sync::Arc;

use anyhow::{Context, Result};
use inside::Cutter;
use lab::{Lab, Options};
use serde_json::{Value, json};

const SERVER: &str = "10.88.0.11:6443";

/// So many pods, of so many bytes each: far more than all else that is read.
const PODS: usize = 400;
const POD: usize = 30_000;

/// What may come from the server before it is killed: about half of the pods, long after its version was asked.
const BYTES: usize = PODS * POD / 2;

fn fat_pods() -> Value {
    let pod = |index| {
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "namespace": "shop", "name": format!("fat-{index}") },
            "spec": { "nodeName": "w1", "containers": [
                { "name": "web", "image": "registry.example/web:1", "env": [{ "name": "FILL", "value": "x".repeat(POD) }] }] } })
    };
    json!({ "apiVersion": "v1", "kind": "List", "items": (0..PODS).map(pod).collect::<Vec<_>>() })
}

#[test]
#[ignore = "lab"]
fn a_server_that_is_killed_while_it_is_read_leaves_what_was_read_and_says_so() -> Result<()> {
    let lab = Arc::new(Lab::up(&Options::default())?);
    kubeadm::make(&lab)?;
    let pods = tempfile::NamedTempFile::new()?;
    std::fs::write(pods.path(), fat_pods().to_string())?;
    lab.kubectl(["create", "-f", pods.path().to_str().context("a path in UTF-8")?])?;
    let whole = lab.check_api("inspector")?;
    assert_eq!((whole.code, whole.verdict.as_str()), (0, "ready"), "{:#?}", whole.lines());

    let killer = Arc::downgrade(&lab);
    let cutter = Cutter::start(&lab, SERVER.parse()?, BYTES, move || {
        if let Some(lab) = killer.upgrade()
            && let Err(error) = lab.kill_server(1)
        {
            eprintln!("{error:#}");
        }
    })?;
    let kubeconfig = tempfile::NamedTempFile::new()?;
    let through = std::fs::read_to_string(lab.kubeconfig("inspector"))?;
    std::fs::write(kubeconfig.path(), through.replace(SERVER, &cutter.address.to_string()))?;
    let kubeconfig = kubeconfig.path().to_str().context("a path in UTF-8")?;
    let said = lab.kubelift(&["check", "-o", "json", "--scope", "api", "--kubeconfig", kubeconfig])?;

    let report = said.report()?;
    assert_eq!((report.code, report.verdict.as_str()), (4, "unknown"), "{:#?}", report.lines());
    let unread: Vec<_> = report.unread.iter().filter(|unread| unread.reason == "unreachable").collect();
    assert!(
        unread.iter().any(|unread| (unread.verb.as_str(), unread.resource.as_str()) == ("list", "pods")),
        "{:#?}",
        report.unread
    );
    // What was read before says what it says.
    assert_eq!(report.from.as_deref(), Some("1.30.14"));
    assert_eq!(report.only("KubeletsWithinSkew")?.severity, "pass");
    // What was not, nothing: no pane that needs pods has passed.
    for check in ["apparmor", "control-plane", "csi"] {
        let of_pane: Vec<_> = report.findings.iter().filter(|finding| finding.check == check).collect();
        assert!(of_pane.iter().any(|finding| finding.severity == "unknown"), "{check}: {of_pane:#?}");
        assert!(of_pane.iter().all(|finding| finding.severity != "pass"), "{check}: {of_pane:#?}");
    }

    // And once it is gone, there is nothing at all.
    let said = lab.kubelift(&["check", "-o", "json", "--kubeconfig", kubeconfig])?;
    assert_eq!(said.code, 1, "{}", said.stdout);
    assert!(said.stderr.contains("nothing could be read"), "{}", said.stderr);
    Ok(())
}
