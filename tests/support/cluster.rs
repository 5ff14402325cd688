//! The lab's second stage for tests: a kubeadm cluster of real machines (`lab/README.md`), and what they say over ssh as
//! the judge.
//!
//! A test that needs it is marked `#[ignore = "lab, cluster"]`. Run where none can be had, it fails.
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};

/// The kubelift that this build made.
pub(crate) const KUBELIFT: &str = env!("CARGO_BIN_EXE_kubelift");

/// A cluster that is up; taken down on drop, and by its own watch when the test program is killed.
#[derive(Debug)]
pub(crate) struct Cluster {
    name: String,
    folder: PathBuf,
}

impl Cluster {
    /// Makes a cluster of its own for the caller: machines `cp1`… and `worker1`….
    ///
    /// # Errors
    /// Whatever `lab cluster up` says.
    pub(crate) fn up(control_planes: u8, workers: u8) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let owner = std::process::id().to_string();
        let name = format!("test-{owner}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let (control_planes, workers) = (control_planes.to_string(), workers.to_string());
        lab(
            None,
            ["up", "--owner", &owner, "--control-planes", &control_planes, "--workers", &workers, &name],
        )?;
        let folder = PathBuf::from(lab(Some(&name), ["folder"])?.trim());
        Ok(Self { name, folder })
    }

    /// What `lab cluster up` called it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A user's kubeconfig: `admin`, `inspector` or `upgrader`.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join("kubeconfig").join(user)
    }

    /// The output of a shell command on a machine, as root, without the last line's end.
    pub(crate) fn ssh(&self, node: &str, command: &str) -> Result<String> {
        Ok(lab(Some(&self.name), ["ssh", node, command])?.trim_end().to_owned())
    }

    /// A shell command on a machine, as root, to be run.
    pub(crate) fn ssh_command(&self, node: &str, command: &str) -> Command {
        command_of(Some(&self.name), ["ssh", node, command])
    }

    /// kubectl as the administrator; its output.
    pub(crate) fn kubectl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<String> {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
        lab(Some(&self.name), std::iter::once("kubectl".into()).chain(arguments))
    }

    /// Fills a folder with what the probe says of every machine, a file a node.
    pub(crate) fn probe(&self, folder: &Path) -> Result<()> {
        lab(Some(&self.name), [OsStr::new("probe"), folder.as_os_str()]).map(drop)
    }

    /// kubelift at the operator's desk, as a user; whatever it exits with.
    pub(crate) fn kubelift<A: AsRef<OsStr>>(
        &self,
        user: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Output> {
        self.at_desk(user).args(arguments).stdin(Stdio::null()).output().context("nsenter")
    }

    /// The same, to be run. Its process is kubelift's own.
    pub(crate) fn at_desk(&self, user: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/kubelift-cluster.{}", self.name)).arg("--").arg(KUBELIFT);
        command.env("KUBECONFIG", self.kubeconfig(user)).env("HOME", &self.folder);
        command
    }

    /// Puts packages and images of another version beside those that the machines have.
    pub(crate) fn offer(&self, version: &str) -> Result<()> {
        lab(None, ["build", version])?;
        lab(Some(&self.name), ["offer", version]).map(drop)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = lab(Some(&self.name), ["down", &self.name]) {
            eprintln!("cluster {} is still up: {error:#}", self.name);
        }
    }
}

/// Runs `lab/lab cluster …`; its standard output. What it says on standard error is shown as it comes: a cluster takes
/// a minute, and a silent test is a hanging one.
fn lab<A: AsRef<OsStr>>(name: Option<&str>, arguments: impl IntoIterator<Item = A>) -> Result<String> {
    let mut command = command_of(name, arguments);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("lab/lab")?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn command_of<A: AsRef<OsStr>>(name: Option<&str>, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/lab"));
    command.arg("cluster").args(arguments).env("KUBELIFT", KUBELIFT).env_remove("KUBECONFIG");
    if let Some(name) = name {
        command.env("KUBELIFT_LAB", name);
    }
    command
}
