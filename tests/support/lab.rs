//! The lab of `lab/README.md` for tests: a real API server in a network namespace, and its audit log as the judge.
//!
//! A test that needs it is marked `#[ignore = "lab"]`; `tests/run` runs those where a lab can be had. Run without one, it
//! fails: it never passes by not looking.
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// What a lab is made of.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How many API servers, 1 to 9.
    pub(crate) servers: u8,
    /// Kubernetes' version, as `1.31.14`; without it, the lab's own (or what KUBEBUILDER_ASSETS holds).
    pub(crate) version: Option<String>,
    /// Further flags for every kube-apiserver.
    pub(crate) flags: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { servers: 1, version: None, flags: Vec::new() }
    }
}

/// A lab that is up; taken down on drop, and by its own watch when the test program is killed.
#[derive(Debug)]
pub(crate) struct Lab {
    name: String,
    folder: PathBuf,
}

/// One stage of one request, as the API server wrote it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditEvent {
    /// The same for every stage of a request, and the answer's `Audit-ID` header.
    #[serde(rename = "auditID")]
    pub(crate) audit_id: String,
    /// `RequestReceived`, `ResponseStarted`, `ResponseComplete` or `Panic`.
    pub(crate) stage: String,
    /// `get`, `list`, `watch`, `create`, … also for paths that name no resource.
    pub(crate) verb: String,
    #[serde(rename = "requestURI")]
    pub(crate) request_uri: String,
    pub(crate) user: AuditUser,
    #[serde(default)]
    pub(crate) user_agent: String,
    /// None for paths that name no resource.
    pub(crate) object_ref: Option<ObjectRef>,
    /// None at `RequestReceived`.
    pub(crate) response_status: Option<ResponseStatus>,
    /// Which server wrote it, from 1.
    #[serde(skip)]
    pub(crate) server: u8,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AuditUser {
    pub(crate) username: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ObjectRef {
    pub(crate) api_group: String,
    pub(crate) api_version: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResponseStatus {
    pub(crate) code: u16,
}

impl AuditEvent {
    /// A get, list or watch, and none of the GETs that run code or open a tunnel.
    pub(crate) fn is_plain_read(&self) -> bool {
        let subresource = self.object_ref.as_ref().map_or("", |object| object.subresource.as_str());
        matches!(self.verb.as_str(), "get" | "list" | "watch")
            && !matches!(subresource, "exec" | "attach" | "portforward" | "proxy")
    }
}

impl Lab {
    /// Makes a lab of its own for the caller.
    ///
    /// # Errors
    /// Whatever `lab up` says: a missing program, no root, a server that does not start.
    pub(crate) fn up(options: &Options) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let owner = std::process::id().to_string();
        let name = format!("test-{owner}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut arguments = vec!["up".to_owned(), "--owner".to_owned(), owner];
        arguments.extend(["--servers".to_owned(), options.servers.to_string()]);
        if let Some(version) = &options.version {
            arguments.extend(["--version".to_owned(), version.clone()]);
        }
        arguments.extend([name.clone(), "--".to_owned()]);
        arguments.extend(options.flags.iter().cloned());
        lab(&name, &arguments, None)?;
        let mut up = Self { name, folder: PathBuf::new() };
        up.folder = PathBuf::from(up.call(["folder"])?.trim_end());
        Ok(up)
    }

    /// Where the lab keeps its logs, audit logs and kubeconfigs.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The lab's network, to be entered: see `support/inside.rs`.
    pub(crate) fn network(&self) -> PathBuf {
        PathBuf::from(format!("/run/netns/kubelift-{}", self.name))
    }

    /// A user's kubeconfig: `admin`, `inspector`, `inspector-token`, `partial`, `namespaced` or `nobody`, with `-N` for
    /// server N.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join("kubeconfig").join(user)
    }

    /// kubectl as admin; its output.
    pub(crate) fn kubectl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<String> {
        self.kubectl_with(arguments, None)
    }

    /// Creates or changes objects, as admin. A status is kept only where the server takes it on creation (Nodes); see
    /// [`Lab::kubectl_status`] for the others.
    pub(crate) fn kubectl_apply(&self, yaml: &str) -> Result<()> {
        self.kubectl_with(["apply", "-f", "-"], Some(yaml)).map(drop)
    }

    /// Merges a patch (JSON) into an object's status, as admin. `object` is as `pods/web`.
    pub(crate) fn kubectl_status(&self, namespace: &str, object: &str, patch: &str) -> Result<()> {
        let arguments =
            ["-n", namespace, "patch", object, "--subresource=status", "--type=merge", "--patch", patch];
        self.kubectl(arguments).map(drop)
    }

    /// Adds pods that run on nodes, as a busy cluster has them: 6.7 KB each, ten to a Deployment.
    pub(crate) fn seed(&self, pods: u32, nodes: u32) -> Result<()> {
        self.call(["seed", "-pods", &pods.to_string(), "-nodes", &nodes.to_string()]).map(drop)
    }

    /// A program in the lab's network, with no kubeconfig of this machine. The child's id is the program's own.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.network().display())).arg("--").arg(program);
        command.env_remove("KUBECONFIG").env("HOME", &self.folder);
        command
    }

    /// Runs a program in the lab's network to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Output> {
        self.command(program).args(arguments).stdin(Stdio::null()).output().context("nsenter")
    }

    /// Runs lines of a shell in the lab's network, with kubectl as admin, in tests/fixtures/lab.
    ///
    /// # Errors
    /// What the first line that failed has said.
    pub(crate) fn shell(&self, script: &str) -> Result<String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let desk = [self.folder.join("bin/desk")];
        let path = std::env::join_paths(desk.into_iter().chain(std::env::split_paths(&path)))?;
        let mut command = self.command("bash");
        command.args(["-euo", "pipefail", "-c", script]).stdin(Stdio::null());
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lab"));
        command.env("PATH", path).env("KUBECONFIG", self.kubeconfig("admin"));
        let output =
            command.env("KUBECACHEDIR", self.folder.join("kubectl-cache")).output().context("bash")?;
        if !output.status.success() {
            bail!(
                "{}: {}: {}",
                script.trim(),
                output.status,
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Gives every kube-apiserver other flags, from its next start on.
    pub(crate) fn set_server_flags(&self, flags: &[&str]) -> Result<()> {
        let lines: String = flags.iter().map(|flag| format!("{flag}\n")).collect();
        std::fs::write(self.folder.join("server-flags"), lines).context("server-flags")
    }

    /// Asks API server `n` to end, and waits until it has.
    pub(crate) fn stop_server(&self, n: u8) -> Result<()> {
        self.call(["stop-server", &n.to_string()]).map(drop)
    }

    /// Kills API server `n`, with its requests under way.
    pub(crate) fn kill_server(&self, n: u8) -> Result<()> {
        self.call(["stop-server", &n.to_string(), "--kill"]).map(drop)
    }

    /// Starts API server `n` again, and waits until it is ready.
    pub(crate) fn start_server(&self, n: u8) -> Result<()> {
        self.call(["start-server", &n.to_string()]).map(drop)
    }

    /// Starts API server `n` again as another version of Kubernetes.
    pub(crate) fn start_server_as(&self, n: u8, version: &str) -> Result<()> {
        self.call(["start-server", &n.to_string(), "--version", version]).map(drop)
    }

    /// Waits until the Service default/kubernetes leads to `count` servers: one that starts publishes itself a moment
    /// after it is ready.
    pub(crate) fn wait_for_servers(&self, count: usize) -> Result<()> {
        for _ in 0..100 {
            let addresses = "jsonpath={.endpoints[*].addresses[*]}";
            let found = self.kubectl(["get", "endpointslice", "kubernetes", "-o", addresses])?;
            if found.split_whitespace().count() == count {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        bail!("there are not {count} API servers in default/kubernetes after 30 s")
    }

    /// Every stage of every request to every server, in the order in which each server wrote them. A request is here
    /// by the time its answer arrives; its `ResponseComplete` may come a moment later.
    pub(crate) fn audit_events(&self) -> Result<Vec<AuditEvent>> {
        let mut events = Vec::new();
        for server in 1..=9 {
            let path = self.folder.join("audit").join(format!("server-{server}.log"));
            if !path.exists() {
                break;
            }
            let log = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            // What follows the last line's end is a line still being written.
            let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
            for line in whole.lines() {
                let mut event: AuditEvent = serde_json::from_str(line).with_context(|| line.to_owned())?;
                event.server = server;
                events.push(event);
            }
        }
        Ok(events)
    }

    /// The requests of one user, each once, at the latest stage that was written.
    pub(crate) fn requests_of(&self, user: &str) -> Result<Vec<AuditEvent>> {
        let mut requests: Vec<AuditEvent> = Vec::new();
        for event in self.audit_events()?.into_iter().filter(|event| event.user.username == user) {
            match requests.iter_mut().find(|earlier| earlier.audit_id == event.audit_id) {
                Some(earlier) => *earlier = event,
                None => requests.push(event),
            }
        }
        Ok(requests)
    }

    fn call<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<String> {
        lab(&self.name, arguments, None)
    }

    fn kubectl_with<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: Option<&str>,
    ) -> Result<String> {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
        lab(&self.name, std::iter::once("kubectl".into()).chain(arguments), input)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = self.call(["down", &self.name]) {
            eprintln!("lab {} is still up: {error:#}", self.name);
        }
    }
}

/// Runs `lab/lab` on the named lab; its standard output.
fn lab<A: AsRef<OsStr>>(
    name: &str,
    arguments: impl IntoIterator<Item = A>,
    input: Option<&str>,
) -> Result<String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/lab");
    let mut command = Command::new(&program);
    command.args(arguments).env("KUBELIFT_LAB", name).env_remove("KUBECONFIG");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| program.display().to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.unwrap_or_default().as_bytes()).context("lab's standard input")?;
    }
    let output = child.wait_with_output().context("lab")?;
    if !output.status.success() {
        bail!("{command:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
