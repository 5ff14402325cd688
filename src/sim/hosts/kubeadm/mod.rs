//! kubeadm, in its own words, which differ a little from minor to minor. Source: cmd/kubeadm/app of Kubernetes 1.31.14
//! and 1.32.13; what 1.28 to 1.30 say is taken to be what 1.31 says.

mod apply;
mod cluster_config;
mod control_plane;
mod node;
mod policy;
mod pull;

use serde_json::{Value, json};

use self::cluster_config::Configuration;
use super::run::Run;
use crate::sim::control::{kind, text};
use crate::sim::store::Key;
use crate::sim::{clock, names};
use crate::version::{Minor, Version};

/// The first minor whose `upgrade` consists of phases, and says so.
const PHASES: Minor = Minor::new(1, 32);

/// What follows every failure.
const TRACE: &str = "To see the stack trace of this error execute with --v=5 or higher";

/// A failure: what is said of it, and the exit code.
#[derive(Debug)]
struct Failure(String, i32);

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into(), 1)
    }
}

/// What the command line says.
#[derive(Debug)]
struct Flags {
    words: Vec<String>,
    version: Option<String>,
    yes: bool,
    force: bool,
    ignore: Vec<String>,
    upgrades_etcd: bool,
    renews: bool,
}

impl Flags {
    fn parse(arguments: &[&str]) -> Result<Self, Failure> {
        let mut flags = Self {
            words: Vec::new(),
            version: None,
            yes: false,
            force: false,
            ignore: Vec::new(),
            upgrades_etcd: true,
            renews: true,
        };
        let mut words = arguments.iter().copied();
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                flags.words.push(word.to_owned());
                continue;
            }
            let (name, value) =
                word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            let off = value == Some("false");
            match name {
                "-y" | "--yes" => flags.yes = !off,
                "-f" | "--force" => flags.force = !off,
                "--etcd-upgrade" => flags.upgrades_etcd = !off,
                "--certificate-renewal" => flags.renews = !off,
                "-v" | "--v" => {}
                "--ignore-preflight-errors" | "--kubernetes-version" | "--patches" | "-o" => {
                    let value = value.or_else(|| words.next()).unwrap_or_default();
                    match name {
                        "--ignore-preflight-errors" => {
                            flags.ignore.extend(value.split(',').map(str::to_lowercase));
                        }
                        "--kubernetes-version" => flags.version = Some(value.to_owned()),
                        _ => {}
                    }
                }
                other => return Err(Failure::new(format!("unknown flag: {other}"))),
            }
        }
        Ok(flags)
    }

    /// Whether a failed preflight check is only warned of.
    fn ignores(&self, check: &str) -> bool {
        self.ignore.iter().any(|ignored| ignored == "all" || *ignored == check.to_lowercase())
    }
}

/// A kubeadm that runs.
struct Kubeadm<'r> {
    run: &'r Run,
    /// Its own version.
    own: Version,
    flags: Flags,
}

/// `kubeadm`
pub(super) async fn kubeadm(run: &Run, arguments: &[&str]) -> i32 {
    let own =
        run.on(|machine| machine.text("/kubeadm/version").trim_start_matches('v').parse::<Version>().ok());
    let Some(own) = own else {
        run.say("bash: line 1: kubeadm: command not found");
        return 127;
    };
    let done = match Flags::parse(arguments) {
        Ok(flags) => Kubeadm { run, own, flags }.command().await,
        Err(failure) => Err(failure),
    };
    match done {
        Ok(()) => 0,
        Err(Failure(message, exit)) => {
            run.say_all(&message);
            run.say(TRACE);
            exit
        }
    }
}

impl Kubeadm<'_> {
    async fn command(&self) -> Result<(), Failure> {
        let words: Vec<&str> = self.flags.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["version", ..] => {
                self.run.say(format!("v{}", self.own));
                Ok(())
            }
            ["config", "images", "pull"] => self.pull_images().await,
            ["upgrade", "apply", version] => self.apply(version).await,
            ["upgrade", "apply"] => {
                Err(Failure::new("missing one or more required arguments. Required arguments: [version]"))
            }
            ["upgrade", "node"] => self.node().await,
            other => Err(Failure::new(format!("unknown command \"{}\" for \"kubeadm\"", other.join(" ")))),
        }
    }

    fn say(&self, line: impl Into<String>) {
        self.run.say(line);
    }

    /// Whether it speaks of phases.
    fn has_phases(&self) -> bool {
        self.own.minor() >= PHASES
    }

    /// A failure as it is told by a kubeadm whose `upgrade` consists of phases, and by an older one.
    fn in_phase(&self, phase: &str, message: String) -> Failure {
        if self.has_phases() {
            Failure::new(format!("error execution phase {phase}: {message}"))
        } else {
            Failure::new(message)
        }
    }

    /// The cluster's configuration, from any API server that answers.
    async fn read_config(&self) -> Result<Configuration, Failure> {
        let cluster = &self.run.cluster;
        let get = "Get \"https://api.prod-eu-1.example.com:6443/api/v1/namespaces/kube-system/configmaps/kubeadm-config?timeout=10s\"";
        self.run.takes(1.0).await;
        // A balancer leads to a server that answers, and kubeadm asks again for a while.
        for _ in 0..10 {
            let now = cluster.now();
            let answers = cluster.servers.iter().any(|(node, server)| {
                server.is_up() && server.process().forbids_until <= now && cluster.members().serves(node)
            });
            if answers {
                return Configuration::read(cluster)
                    .map_err(|why| Failure::new(format!("[upgrade/config] FATAL: {why}")));
            }
            self.run.takes(5.0).await;
        }
        Err(Failure::new(format!(
            "[upgrade/config] FATAL: failed to get config map: {get}: dial tcp: connect: connection refused"
        )))
    }

    /// The number in the name of a temporary folder.
    fn number(&self, what: &str) -> u64 {
        let seed = format!("{what} {} {}", self.run.node, self.run.now());
        self.run.cluster.chance(&seed, 1_000_000_000, 4_000_000_000)
    }

    /// Control planes that are not Ready.
    fn not_ready(&self) -> Vec<String> {
        let Some(nodes) = kind("v1", "Node") else { return Vec::new() };
        let store = self.run.cluster.store();
        let is_ready = |node: &Value| {
            let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
            conditions
                .into_iter()
                .flatten()
                .any(|c| text(c, "/type") == "Ready" && text(c, "/status") == "True")
        };
        store
            .all(nodes)
            .filter(|(key, node)| self.run.cluster.servers.contains_key(&key.name) && !is_ready(node))
            .map(|(key, _)| key.name.clone())
            .collect()
    }

    /// Writes the kubelet's configuration anew, from the ConfigMap.
    async fn write_kubelet_config(&self) {
        let folder = format!("/etc/kubernetes/tmp/kubeadm-kubelet-config{}", self.number("kubelet-config"));
        self.say(format!("[upgrade] Backing up kubelet config file to {folder}/config.yaml"));
        self.run.takes(0.5).await;
        self.say("[kubelet-start] Writing kubelet configuration to file \"/var/lib/kubelet/config.yaml\"");
        let map = kind("v1", "ConfigMap")
            .and_then(|maps| self.run.cluster.store().get(maps, &Key::new("kube-system", "kubelet-config")));
        let sum = map.map(|map| names::sha256(text(&map, "/data/kubelet")));
        let now = clock::seconds(self.run.now());
        self.run.on(|machine| {
            machine.merge(&json!({ "kubelet": { "config": { "modified": now, "sha256": sum } } }));
        });
        self.run.takes(0.5).await;
    }
}
