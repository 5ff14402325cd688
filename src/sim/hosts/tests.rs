//! Each command by itself, and a whole upgrade by them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::sim::{Options, Simulation, start};

mod order;
mod packages;
mod plan;
mod property;
mod trouble;
mod upgrade;

/// The scenario of a name, in which time stands still but where a test lets it pass.
async fn begin(scenario: &str) -> Simulation {
    // Time stands still but where a test lets it pass, and begins at the same moment for all of them.
    let now = Some("2026-11-28T12:00:00Z".parse().unwrap());
    start(scenario, Options { speed: 0.0, now, ..Options::default() }).await.unwrap()
}

/// Runs a line to its end, an hour at most: its lines and its exit code.
async fn run(simulation: &Simulation, node: &str, line: &str) -> (String, i32) {
    let hosts = simulation.hosts();
    // A name is used once, also while time stands still.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let unit = format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    hosts.start(node, &unit, line).unwrap();
    for _ in 0..3_600 {
        let state = hosts.unit(node, &unit, 0).unwrap().unwrap();
        if let Some(exit) = state.exit {
            return (state.lines.join("\n"), exit);
        }
        assert!(state.running);
        simulation.pass(Duration::from_secs(1)).await;
    }
    panic!("{node}: {line} does not end");
}

/// Runs lines that all must go well.
async fn all(simulation: &Simulation, node: &str, lines: &[&str]) {
    for line in lines {
        let (said, exit) = run(simulation, node, line).await;
        assert_eq!(exit, 0, "{node}: {line}: {said}");
    }
}

fn document(simulation: &Simulation, node: &str) -> Value {
    serde_json::from_str(&simulation.hosts().probe(node, None).unwrap()).unwrap()
}

/// What the probe says of a package: version and whether it is held.
fn package(simulation: &Simulation, node: &str, name: &str) -> (String, bool) {
    let document = document(simulation, node);
    let installed = document["packages"]["installed"].as_array().unwrap();
    let package = installed.iter().find(|package| package["name"] == name).unwrap();
    (package["version"].as_str().unwrap().to_owned(), package["held"].as_bool().unwrap())
}

#[tokio::test]
async fn a_unit_runs_once_and_its_lines_can_be_had_from_any_on() {
    let simulation = begin("clean").await;
    let hosts = simulation.hosts();
    assert_eq!(hosts.unit("w1", "u", 0), Ok(None));
    hosts.start("w1", "u", "apt-get update").unwrap();
    hosts.start("w1", "u", "apt-mark unhold kubeadm").unwrap();
    let state = hosts.unit("w1", "u", 0).unwrap().unwrap();
    assert!(state.running && state.exit.is_none() && state.lines.len() == 1, "{state:?}");
    simulation.pass(Duration::from_secs(60)).await;
    let state = hosts.unit("w1", "u", 4).unwrap().unwrap();
    assert_eq!(
        (state.running, state.exit, state.lines),
        (false, Some(0), vec!["Reading package lists...".to_owned()])
    );
    assert!(package(&simulation, "w1", "kubeadm").1);
    assert_eq!(hosts.start("none", "u", "true"), Err(HostError::Unknown("none".to_owned())));
    assert_eq!(hosts.unit("none", "u", 0), Err(HostError::Unknown("none".to_owned())));
}

#[tokio::test]
async fn what_no_program_understands_ends_as_a_shell_ends_it() {
    let simulation = begin("clean").await;
    for (line, said, exit) in [
        ("rm -rf /", "bash: line 1: rm: command not found", 127),
        ("true && dnf update", "bash: line 1: dnf: command not found", 127),
        ("apt-get update | tee log", "bash: -c: line 1: syntax error near unexpected token `|'", 2),
        ("", "", 0),
        ("A=b", "", 0),
        ("sed -i 1s#a#b# /none", "sed: can't read /none: No such file or directory", 2),
        ("mv /a /b", "mv: cannot stat '/a': No such file or directory", 1),
        ("systemctl restart docker", "Failed to restart docker.service: Unit docker.service not found.", 5),
        (
            "kubeadm join",
            "unknown command \"join\" for \"kubeadm\"\nTo see the stack trace of this error execute with --v=5 or higher",
            1,
        ),
        ("curl -fsSL https://example.com/key -o /k", "curl: (6) Could not resolve host: example.com", 6),
        ("gpg --batch --yes --dearmor -o /k /none", "gpg: can't open '/none': No such file or directory", 2),
    ] {
        assert_eq!(run(&simulation, "w1", line).await, (said.to_owned(), exit), "{line}");
    }
}

#[tokio::test]
async fn a_silent_machine_answers_to_nothing() {
    let simulation = begin("default").await;
    for silent in [
        simulation.hosts().start("w2", "u", "true").unwrap_err(),
        simulation.hosts().unit("w2", "u", 0).unwrap_err(),
        simulation.hosts().probe("w2", None).unwrap_err(),
    ] {
        assert!(matches!(silent, HostError::Silent { ref node, .. } if node == "w2"), "{silent}");
    }
}

#[tokio::test]
async fn a_machine_that_was_silent_answers_in_the_end() {
    let simulation = begin("default").await;
    simulation.pass(Duration::from_secs(599)).await;
    assert!(simulation.hosts().probe("w2", None).is_err());
    simulation.pass(Duration::from_secs(1)).await;
    assert_eq!(document(&simulation, "w2")["hostname"], "w2");
}
