//! The cockpit as a whole: the built program on a real terminal, by the keys and eyes of its user.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]
#![cfg(feature = "tui")]

#[path = "../support/lab.rs"]
mod lab;
#[path = "../support/terminal.rs"]
mod terminal;

mod cluster;
mod giving_back;
mod looks;
mod screens;
mod sizes;
mod sources;
mod upgrade;
mod walk;

use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;
use terminal::{FREE, PROMPT, Screen, Terminal};

const KUBELIFT: &str = env!("CARGO_BIN_EXE_kubelift");

/// A terminal in which the shell runs this command line, and says afterwards how it ended.
fn start(columns: u16, rows: u16, line: &str) -> Result<Terminal> {
    let terminal = Terminal::open(columns, rows)?;
    enter(&terminal, line)?;
    Ok(terminal)
}

/// Runs a command line, and has the shell say how it ended.
fn enter(terminal: &Terminal, line: &str) -> Result<()> {
    terminal.wait_for("the shell", |screen| screen.ends_with(PROMPT))?;
    terminal.enter(&format!("{line}; echo \"ended: $?\""))
}

/// A terminal that shows the simulated cluster, read and judged.
fn demo(columns: u16, rows: u16, line: &str) -> Result<Terminal> {
    let terminal = start(columns, rows, line)?;
    judged(&terminal)?;
    Ok(terminal)
}

/// Waits for the first screen of the simulated cluster, read and judged.
fn judged(terminal: &Terminal) -> Result<Screen> {
    terminal.wait_for("the demo's verdict", |screen| {
        screen.shows("Ready for 1.31.") && screen.shows("? NO") && screen.shows(" s ago")
    })
}

/// Waits for the shell to say that the program ended so, with the terminal as it was before it.
fn ended(terminal: &Terminal, code: u8) -> Result<Screen> {
    let line = format!("ended: {code}");
    let end = terminal.wait_for(&line, |screen| screen.lines.contains(&line))?;
    assert_eq!(terminal.modes()?, FREE, "{end}");
    Ok(end)
}

/// What `check` says of the same source.
#[derive(Debug, Deserialize)]
struct Report {
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    check: String,
    code: String,
    severity: String,
}

impl Report {
    fn of(flags: &[&str]) -> Result<Self> {
        let mut check = Command::new(KUBELIFT);
        check.args(["check", "-o", "json"]).args(flags).stdin(Stdio::null());
        let output = check.output().context("kubelift check")?;
        serde_json::from_slice(&output.stdout).context("what kubelift check wrote")
    }

    /// The findings of one check, in their order.
    fn of_check<'a>(&'a self, check: &'a str) -> Vec<&'a Finding> {
        self.findings.iter().filter(|finding| finding.check == check).collect()
    }
}
