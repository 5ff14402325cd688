//! A line that runs on a machine: which programs there are, and what all of them need.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::machine::Machine;
use super::shell::{self, Part, Word};
use super::{files, kubeadm, packages, snapshot, systemctl};
use crate::sim::state::Cluster;

/// Where lines are printed.
#[derive(Debug, Clone)]
pub(super) enum Output {
    /// To the journal of a unit.
    Unit(String),
    /// Into a word of another line.
    Word(Arc<Mutex<Vec<String>>>),
}

/// A line that runs.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) cluster: Arc<Cluster>,
    /// The machine.
    pub(super) node: String,
    output: Output,
}

impl Run {
    pub(super) fn new(cluster: Arc<Cluster>, node: &str, output: Output) -> Self {
        Self { cluster, node: node.to_owned(), output }
    }

    /// Prints a line.
    pub(super) fn say(&self, line: impl Into<String>) {
        match &self.output {
            Output::Unit(unit) => self.on(|machine| {
                if let Some(state) = machine.units.get_mut(unit) {
                    state.lines.push(line.into());
                }
            }),
            Output::Word(lines) => lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.into()),
        }
    }

    /// Prints several lines.
    pub(super) fn say_all(&self, lines: &str) {
        lines.lines().for_each(|line| self.say(line));
    }

    /// The unit has ended.
    pub(super) fn end(&self, exit: i32) {
        if let Output::Unit(unit) = &self.output {
            self.on(|machine| {
                if let Some(state) = machine.units.get_mut(unit) {
                    state.running = false;
                    state.exit = Some(exit);
                }
            });
        }
    }

    /// What time it is.
    pub(super) fn now(&self) -> Timestamp {
        self.cluster.now()
    }

    /// Lets so many seconds go by.
    pub(super) async fn takes(&self, seconds: f64) {
        self.cluster.timeline.sleep(Duration::from_secs_f64(seconds.max(0.0))).await;
    }

    /// Looks at the machine, or changes it.
    pub(super) fn on<T: Default>(&self, by: impl FnOnce(&mut Machine) -> T) -> T {
        let machine: Option<MutexGuard<'_, Machine>> = self.cluster.machine(&self.node);
        machine.map(|mut machine| by(&mut machine)).unwrap_or_default()
    }

    /// The same, for what may fail.
    pub(super) fn attempt<T>(&self, by: impl FnOnce(&mut Machine) -> Result<T, String>) -> Result<T, String> {
        let machine = self.cluster.machine(&self.node);
        machine.map_or_else(|| Err("no such machine".to_owned()), |mut machine| by(&mut machine))
    }

    /// Runs a line; its exit code. In a word of it there may be another, so that its size has to end somewhere.
    pub(super) fn line<'r>(&'r self, line: &'r str) -> Pin<Box<dyn Future<Output = i32> + Send + 'r>> {
        Box::pin(self.commands(line))
    }

    async fn commands(&self, line: &str) -> i32 {
        let commands = match shell::parse(line) {
            Ok(commands) => commands,
            Err(shell::Unreadable(message)) => {
                self.say(format!("bash: -c: line 1: {message}"));
                return 2;
            }
        };
        for command in commands {
            let mut words = Vec::new();
            for word in &command.words {
                words.push(self.word(word).await);
            }
            let exit = match words.split_first() {
                Some((program, arguments)) => self.program(program, arguments).await,
                None => 0,
            };
            if exit != 0 {
                return exit;
            }
        }
        0
    }

    /// A word with everything in it that other lines print.
    async fn word(&self, word: &Word) -> String {
        let mut whole = String::new();
        for part in word {
            match part {
                Part::Text(text) => whole.push_str(text),
                Part::Printed(line) => {
                    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
                    let inner = Self { output: Output::Word(lines.clone()), ..self.clone() };
                    inner.line(line).await;
                    whole.push_str(&lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n"));
                }
            }
        }
        whole
    }

    async fn program(&self, program: &str, arguments: &[String]) -> i32 {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let apt = self.on(|machine| machine.is_apt());
        match program {
            "apt-get" if apt => packages::apt_get(self, &arguments).await,
            "apt-mark" if apt => packages::apt_mark(self, &arguments).await,
            "dnf" if !apt => packages::dnf(self, &arguments).await,
            "sed" => files::sed(self, &arguments),
            "curl" => files::curl(self, &arguments).await,
            "gpg" => files::gpg(self, &arguments),
            "install" => files::install(self, &arguments),
            "mv" => files::mv(self, &arguments),
            "tar" => files::tar(self, &arguments).await,
            "umask" | "true" => 0,
            "crictl" => snapshot::crictl(self, &arguments).await,
            "systemctl" => systemctl::systemctl(self, &arguments).await,
            "kubeadm" => kubeadm::kubeadm(self, &arguments).await,
            other => {
                self.say(format!("bash: line 1: {other}: command not found"));
                127
            }
        }
    }
}
