//! A kubeconfig whose credentials come from a command: it runs when that is allowed, and then once.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]

#[path = "support/lab.rs"]
mod lab;
#[path = "support/program.rs"]
mod program;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use lab::{Lab, Options};
use serde_json::{Value, json};

/// A kubeconfig with a command that notes each of its runs in a file, and prints the inspector's token.
fn with_plugin(lab: &Lab, folder: &Path) -> Result<(String, std::path::PathBuf)> {
    let mut config: Value =
        serde_yaml::from_str(&std::fs::read_to_string(lab.kubeconfig("inspector-token"))?)?;
    let user = &mut config["users"][0]["user"];
    let token = user["token"].as_str().context("a token")?.to_owned();
    let (plugin, runs) = (folder.join("login"), folder.join("runs"));
    let credential = json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": { "token": token } });
    std::fs::write(
        &plugin,
        format!("#!/bin/sh\necho \"$@\" >>'{}'\ncat <<'END'\n{credential}\nEND\n", runs.display()),
    )?;
    std::fs::set_permissions(&plugin, PermissionsExt::from_mode(0o700))?;
    *user = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": plugin,
        "args": ["--for", "the lab"], "interactiveMode": "IfAvailable" } });
    let path = folder.join("config");
    std::fs::write(&path, config.to_string())?;
    Ok((path.to_str().context("a path in UTF-8")?.to_owned(), runs))
}

#[test]
#[ignore = "lab"]
fn a_credential_plugin_runs_once_and_only_when_it_may() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    let folder = tempfile::tempdir()?;
    let (kubeconfig, runs) = with_plugin(&lab, folder.path())?;

    let said = lab.kubelift(&["check", "--kubeconfig", &kubeconfig])?;
    assert_eq!((said.code, said.stdout.as_str()), (1, ""), "{}", said.stderr);
    for part in ["login", "--for 'the lab'", "--allow-exec"] {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
    assert!(!runs.exists(), "it ran");

    let said = lab.kubelift(&[
        "check",
        "-o",
        "json",
        "--scope",
        "api",
        "--allow-exec",
        "--kubeconfig",
        &kubeconfig,
    ])?;
    let report = said.report()?;
    assert!(matches!(report.code, 0 | 4), "{:#?}", report.lines());
    assert!(report.unread.iter().all(|unread| unread.reason != "forbidden"), "{:#?}", report.unread);
    assert_eq!(std::fs::read_to_string(&runs)?, "--for the lab\n");
    // What is run is shown, and what it printed is not.
    assert!(said.stderr.contains("login --for 'the lab'"), "{}", said.stderr);
    let reads = lab.requests_of("inspector")?;
    assert!(reads.len() > 10 && reads.iter().all(lab::AuditEvent::is_plain_read), "{reads:#?}");
    Ok(())
}
