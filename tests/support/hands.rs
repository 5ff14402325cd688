//! The operator at `kubelift upgrade --plain`: reads its lines, types, and runs on the machines what it shows.
//!
//! All of it waits for lines, never for time; what was said stands in the test's output when it fails.
#![allow(dead_code, reason = "each test program uses its own part of this")]
#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::cluster::{Cluster, KUBELIFT};

/// Who upgrades: with the roles that ship, and no other right.
pub(crate) const USER: &str = "upgrader";

/// Nothing of an upgrade takes as long as this: a line that does not come by then never comes.
const NEVER: Duration = Duration::from_secs(600);

/// What kubeadm is told to ignore, since a machine in a machine cannot have it (`lab/lib/cluster/kubeadm.sh`).
const IGNORED: &str = "SystemVerification,FileContent--proc-sys-net-bridge-bridge-nf-call-iptables,Mem,NumCPU,Swap,\
    HTTPProxyCIDR";

/// Where the operator sits: the cluster, and the folders that kubelift is given.
pub(crate) struct Desk<'a> {
    pub(crate) cluster: &'a Cluster,
    folder: tempfile::TempDir,
    target: &'static str,
    began: Instant,
}

impl<'a> Desk<'a> {
    /// A desk with an empty journal, and facts of every machine.
    pub(crate) fn new(cluster: &'a Cluster, target: &'static str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin)?;
        std::os::unix::fs::symlink(KUBELIFT, bin.join("kubelift"))?;
        // So that the line that kubelift shows runs as it stands: the way to the machines is the lab's.
        let path = std::env::var("PATH")?;
        let lab = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/lab");
        let script = format!(
            "#!/bin/sh\nPATH='{path}' KUBELIFT_LAB={}\nexport PATH KUBELIFT_LAB\nnode=${{1#root@}}\nshift\n\
             exec {lab} cluster ssh \"$node\" \"$@\"\n",
            cluster.name()
        );
        std::fs::write(bin.join("ssh"), script)?;
        std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755))?;
        let desk = Self { cluster, folder, target, began: Instant::now() };
        desk.probe()?;
        Ok(desk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Probes every machine.
    pub(crate) fn probe(&self) -> Result<()> {
        self.cluster.probe(&self.path("facts"))
    }

    /// kubelift's words for a command about this upgrade.
    fn arguments(&self, command: &[&str], ignored: bool) -> Vec<String> {
        let mut all: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        all.extend(["--target".to_owned(), self.target.to_owned()]);
        all.extend(["--node-facts".to_owned(), self.path("facts").display().to_string()]);
        if ignored {
            all.extend(["--ignore-preflight-errors".to_owned(), IGNORED.to_owned()]);
        }
        all
    }

    fn json(&self, command: &[&str], ignored: bool) -> Result<Value> {
        let output = self.cluster.kubelift(USER, self.arguments(command, ignored))?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// `kubelift check -o json`
    pub(crate) fn check(&self) -> Result<Value> {
        self.json(&["check", "-o", "json"], false)
    }

    /// `kubelift plan -o json`
    pub(crate) fn plan(&self) -> Result<Value> {
        self.json(&["plan", "-o", "json"], true)
    }

    /// `kubelift upgrade --plain`, until it has the journal.
    pub(crate) fn upgrade(&self) -> Result<Session> {
        let mut command = self.cluster.at_desk(USER);
        command
            .args(self.arguments(&["upgrade", "--plain"], true))
            .arg("--journal")
            .arg(self.path("journal"));
        let mut session = Session::start(command, self.began)?;
        session.until("took the journal")?;
        Ok(session)
    }

    /// Runs a line on the operator's own machine, as it is shown.
    pub(crate) fn here(&self, line: &str) -> Result<()> {
        eprintln!("here$ {line}");
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH")?);
        let status = Command::new("sh").args(["-c", line]).env("PATH", path).status()?;
        ensure!(status.success(), "{line}: {status}");
        Ok(())
    }

    /// Runs lines on a machine, one after the other.
    pub(crate) fn run(&self, work: &Work) -> Result<()> {
        for line in &work.commands {
            eprintln!("{}# {line}", work.node);
            eprintln!("{}", self.cluster.ssh(&work.node, line)?);
        }
        Ok(())
    }

    /// The entries of the journal's file.
    pub(crate) fn journal(&self) -> Result<Vec<Value>> {
        let mut folders = std::fs::read_dir(self.path("journal"))?;
        let folder = folders.next().context("a folder of the cluster")??.path();
        ensure!(folders.next().is_none(), "one cluster, one folder");
        let text = std::fs::read_to_string(folder.join("journal"))?;
        let entry = |line: &str| Ok(serde_json::from_str(line.get(65..).context("a short line")?)?);
        text.lines().map(entry).collect()
    }
}

/// A step that was confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) id: String,
    /// The machine, or nothing.
    pub(crate) node: String,
    /// As shown, without the prompt.
    pub(crate) commands: Vec<String>,
    /// The line that makes a fresh probe; empty where kubelift works by itself.
    pub(crate) here: String,
}

/// A step of a plan.
pub(crate) fn step<'a>(plan: &'a Value, id: &str) -> Result<&'a Value> {
    let phases = plan["phases"].as_array().into_iter().flatten();
    let mut steps = phases.flat_map(|phase| phase["steps"].as_array().into_iter().flatten());
    steps.find(|step| step["id"] == id).with_context(|| format!("no {id} in {plan:#}"))
}

/// A list of strings.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|text| text.as_str()).map(str::to_owned).collect()
}

/// A running `kubelift upgrade --plain`; killed on drop.
pub(crate) struct Session {
    child: Child,
    lines: Receiver<String>,
    began: Instant,
    /// All that was read of it.
    pub(crate) told: Vec<String>,
}

impl Session {
    fn start(mut command: Command, began: Instant) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = BufReader::new(child.stdout.take().context("its output")?);
        let (sender, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(Self { child, lines, began, told: Vec::new() })
    }

    /// The next line.
    fn next(&mut self) -> Result<String> {
        let line = self.lines.recv_timeout(NEVER).context("kubelift says nothing more")?;
        eprintln!("[{:5.1}] {line}", self.began.elapsed().as_secs_f32());
        self.told.push(line.clone());
        Ok(line)
    }

    /// Types a line.
    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        eprintln!("[{:5.1}] > {line}", self.began.elapsed().as_secs_f32());
        writeln!(self.child.stdin.as_mut().context("its input")?, "{line}").context("kubelift reads no more")
    }

    /// Reads up to a line that contains `what`; all of them.
    pub(crate) fn until(&mut self, what: &str) -> Result<Vec<String>> {
        self.until_line(what, |line| line.contains(what))
    }

    fn until_line(&mut self, what: &str, is: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let line = self.next().with_context(|| format!("waiting for: {what}"))?;
            lines.push(line.clone());
            if is(&line) {
                return Ok(lines);
            }
        }
    }

    /// Reads until a step is next and ready.
    fn until_ready(&mut self, id: &str) -> Result<()> {
        let next = format!(", {id} ");
        let is = |line: &str| line.starts_with("next: ") && line.contains(&next) && line.ends_with(", ready");
        self.until_line(&format!("{id} is ready"), is).map(drop)
    }

    /// Lets a step through by the word that it asks for.
    pub(crate) fn consent(&mut self, id: &str, word: &str) -> Result<String> {
        let held = self.until(&format!("consent {id} {word} lets it through"))?;
        self.say(&format!("consent {id} {word}"))?;
        held.last().cloned().context("a line")
    }

    /// Waits for a step, holds what is shown of it to the plan's JSON of now, and lets it run. Its effects come with it.
    pub(crate) fn confirm(&mut self, desk: &Desk, id: &str) -> Result<(Work, Vec<String>)> {
        self.until_ready(id)?;
        loop {
            let plan = desk.plan()?;
            self.say(&format!("run {id}"))?;
            let shown = self.until_line("what it runs", |line| {
                line.starts_with("shall it run? ") || line.starts_with("run: ")
            })?;
            let asked = shown.last().context("a line")?;
            if asked.starts_with("run: ") {
                self.until_ready(id)?;
                continue;
            }
            let planned = step(&plan, id)?;
            assert_eq!(commands(&shown), texts(&planned["commands"]), "{id}: as in the plan's JSON");
            let effects: Vec<String> =
                shown.iter().filter_map(|line| line.strip_prefix("  effect: ")).map(str::to_owned).collect();
            assert_eq!(effects, texts(&planned["effects"]), "{id}: as in the plan's JSON");
            let answer =
                asked.rsplit_once(": ").and_then(|(_, rest)| rest.strip_suffix(" lets it, no does not"));
            self.say(answer.context("what is to be said")?)?;
            let running = format!("running: {id} ");
            let answered = self.until_line("it runs", |line| {
                line.starts_with(&running)
                    || line.starts_with("refused: ")
                    || line.contains("has changed since")
            })?;
            if answered.last().is_some_and(|line| line.starts_with(&running)) {
                let work = self.work(id, planned["node"].as_str().unwrap_or_default(), planned)?;
                if !work.here.is_empty() {
                    assert_eq!(
                        work.commands,
                        texts(&planned["commands"]),
                        "{id}: what was confirmed is what is shown"
                    );
                }
                return Ok((work, effects));
            }
        }
    }

    /// What is told of a step that runs.
    fn work(&mut self, id: &str, node: &str, planned: &Value) -> Result<Work> {
        let by_api = planned["kind"] == "drain" || planned["kind"] == "uncordon";
        let told = if by_api { Vec::new() } else { self.until(&format!("  then type: done {id}"))? };
        let here = told.iter().find_map(|line| line.strip_prefix("  here$ ")).unwrap_or_default().to_owned();
        Ok(Work { id: id.to_owned(), node: node.to_owned(), commands: commands(&told), here })
    }

    /// What a kubelift that was started anew tells of the step that was under way.
    pub(crate) fn taken_up(&mut self, work: &Work) -> Result<()> {
        self.until(&format!("running: {} ", work.id))?;
        if !work.here.is_empty() {
            let told = self.until(&format!("  then type: done {}", work.id))?;
            assert_eq!(commands(&told), work.commands);
            let line = format!("  here$ {}", work.here);
            ensure!(told.contains(&line), "the probe is the same: {line}\n{told:#?}");
        }
        Ok(())
    }

    /// Reads until a step is over as `how` says it.
    pub(crate) fn until_over(&mut self, id: &str, how: &str) -> Result<()> {
        let (done, failed) = (format!("journal: {id}: done, {how}"), format!("journal: {id}: FAILED"));
        let lines = self.until_line(&done, |line| line == done || line.starts_with(&failed))?;
        let last = lines.last().context("a line")?;
        ensure!(!last.contains("FAILED"), "{last}");
        Ok(())
    }

    /// Carries a step out by hand, truly, to its end.
    pub(crate) fn by_hand(&mut self, desk: &Desk, id: &str) -> Result<()> {
        let (work, _) = self.confirm(desk, id)?;
        desk.run(&work)?;
        self.done(desk, &work)
    }

    /// Says that a step's lines were run, and gives a fresh probe; reads to its end.
    pub(crate) fn done(&mut self, desk: &Desk, work: &Work) -> Result<()> {
        self.say(&format!("done {}", work.id))?;
        desk.here(&work.here)?;
        self.until_over(&work.id, "as observed")
    }

    /// Lets kubelift carry out a step by itself.
    pub(crate) fn by_itself(&mut self, desk: &Desk, id: &str) -> Result<()> {
        self.confirm(desk, id)?;
        self.until_over(id, "as observed")
    }

    /// kill -9
    pub(crate) fn kill(mut self) -> Result<()> {
        eprintln!("[{:5.1}] kill -9", self.began.elapsed().as_secs_f32());
        self.child.kill()?;
        self.child.wait().map(drop).context("kubelift")
    }

    /// Leaves; it must have nothing to complain of.
    pub(crate) fn quit(mut self) -> Result<()> {
        self.say("quit")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "kubelift upgrade: {status}");
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
        self.lines.try_iter().for_each(|line| eprintln!("[unread] {line}"));
    }
}

/// The lines that a step runs, without their prompts.
fn commands(lines: &[String]) -> Vec<String> {
    let line = |line: &String| -> Option<String> {
        let line = line.strip_prefix("  ")?;
        let by_api = line.strip_prefix("API ");
        let by_hand =
            line.split_once("# ").filter(|(node, _)| !node.contains(' ')).map(|(_, command)| command);
        by_api.or(by_hand).map(str::to_owned)
    };
    lines.iter().filter_map(line).collect()
}

/// A command that runs on a machine: its output is read up to a word, and then to its end.
pub(crate) struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    said: String,
}

impl Running {
    pub(crate) fn start(cluster: &Cluster, node: &str, line: &str) -> Result<Self> {
        eprintln!("{node}# {line}");
        let mut command = cluster.ssh_command(node, line);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = BufReader::new(child.stdout.take().context("its output")?);
        Ok(Self { child, out, said: String::new() })
    }

    /// Reads up to a line with `word`.
    pub(crate) fn until(&mut self, word: &str) -> Result<()> {
        loop {
            let from = self.said.len();
            if self.out.read_line(&mut self.said)? == 0 {
                bail!("it ended without {word}: {}", self.said);
            }
            if self.said[from..].contains(word) {
                return Ok(());
            }
        }
    }

    /// Reads to the end, which must be good; all that it said.
    pub(crate) fn end(mut self) -> Result<String> {
        while self.out.read_line(&mut self.said)? > 0 {}
        let status = self.child.wait()?;
        ensure!(status.success(), "{status}: {}", self.said);
        Ok(self.said)
    }
}
