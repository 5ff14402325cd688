//! The built program, killed with SIGKILL again and again in one upgrade: what it had started on machines goes on without
//! it, and whoever comes after it goes on where the cluster is. The cluster is simulated, by a process of its own, whose
//! list of requests is the judge.
//!
//! All of it waits for lines and for entries of the journal, never for time.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kubelift::sim::SeenRequest;
use kubelift::sim::remote::RemoteHosts;
use ring::digest::{SHA256, digest};
use serde_json::Value;

const KUBELIFT: &str = env!("CARGO_BIN_EXE_kubelift");

/// For how long nothing may be said before it is clear that nothing will be.
const NEVER: Duration = Duration::from_secs(300);

/// How fast the simulated cluster lives. What kubelift waits for has a limit in the cluster's time: in one that lives
/// much faster than this, a step fails before its end can be seen.
const SPEED: &str = "20";

/// A moment at which kubelift is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    /// The journal has so many entries.
    Entries(usize),
    /// An entry of this kind came that holds this text.
    Wrote(&'static str, &'static str),
    /// A line was said that begins so; nobody has answered it.
    Said(&'static str),
}

/// The moments of one upgrade, each the end of a life.
const MOMENTS: [Moment; 16] = [
    Moment::Entries(1),
    Moment::Entries(2),
    Moment::Entries(4),
    Moment::Entries(8),
    Moment::Entries(16),
    Moment::Entries(32),
    Moment::Entries(64),
    Moment::Entries(100),
    Moment::Entries(150),
    Moment::Entries(200),
    Moment::Entries(240),
    Moment::Said("shall it run?"),
    APPLY,
    CORDON,
    Moment::Wrote("requested", "/eviction"),
    Moment::Wrote("started", "systemctl restart kubelet"),
];

/// In the middle of `kubeadm upgrade apply`, which is the first that says so, and the longest command that there is.
const APPLY: Moment = Moment::Said("  | [upgrade/");

/// A drain begins, for the first time: every API server is the target's.
const CORDON: Moment = Moment::Wrote("requested", "cordoned-by");

/// A process that ends with the test.
struct Process {
    child: Child,
    lines: Receiver<String>,
    /// What it said last.
    told: Vec<String>,
}

impl Process {
    fn start(arguments: &[&str]) -> Result<Self> {
        let mut child =
            Command::new(KUBELIFT).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().context("its output")?);
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(Self { child, lines, told: Vec::new() })
    }

    /// A line, if one comes within a moment.
    fn line(&mut self, within: Duration) -> Result<Option<String>> {
        match self.lines.recv_timeout(within) {
            Ok(line) => {
                self.told.push(line.clone());
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("it ended by itself: {:?}", self.child.wait()),
        }
    }

    fn say(&mut self, line: &str) -> Result<()> {
        self.told.push(format!("> {line}"));
        Ok(writeln!(self.child.stdin.as_mut().context("its input")?, "{line}")?)
    }

    fn end_of_told(&self) -> String {
        self.told[self.told.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // kill -9; it may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What an operator types who is told this, and agrees to all.
fn answer(line: &str) -> Option<String> {
    if let Some(next) = line.strip_prefix("next: step ") {
        let id = next.split_once(", ")?.1.split(' ').next()?;
        if next.ends_with(", ready") {
            return Some("run".to_owned());
        }
        return next.contains(", failed: ").then(|| format!("retry {id}"));
    }
    if line.starts_with("shall it run?") {
        let typed = line.split_once(": yes")?.1.split_once(" lets it")?.0;
        return Some(format!("yes{typed}"));
    }
    if line.contains("has changed since it was shown") {
        return Some("run".to_owned());
    }
    if let Some(done) = line.strip_prefix("  then type: ") {
        return Some(done.to_owned());
    }
    let words = line.strip_prefix("  held: ")?.rsplit_once(". consent ")?.1;
    Some(format!("consent {}", words.strip_suffix(" lets it through")?))
}

/// A journal on the disk, as far as it was read.
struct Written {
    folder: PathBuf,
    bytes: u64,
    lines: Vec<String>,
}

impl Written {
    fn file(&self) -> Option<PathBuf> {
        let folder = std::fs::read_dir(&self.folder).ok()?.next()?.ok()?;
        Some(folder.path().join("journal"))
    }

    /// Reads what came since; the entries of it. What is there in part is left for the next time.
    fn read(&mut self) -> Result<usize> {
        let before = self.lines.len();
        let Some(file) = self.file() else { return Ok(before) };
        let length = std::fs::metadata(&file).map_or(0, |data| data.len());
        if length > self.bytes {
            let all = std::fs::read(&file)?;
            let new = &all[usize::try_from(self.bytes)?..];
            let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            self.lines.extend(String::from_utf8(new[..whole].to_vec())?.lines().map(str::to_owned));
            self.bytes += u64::try_from(whole)?;
        }
        Ok(before)
    }

    /// The moment that has come with what was just written, of those that are still to come.
    fn comes(&mut self, moments: &[Moment]) -> Result<Option<Moment>> {
        let before = self.read()?;
        let new = &self.lines[before..];
        let is = |moment: &&Moment| match moment {
            Moment::Entries(count) => self.lines.len() >= *count,
            Moment::Wrote(what, text) => {
                let what = format!("\"what\":\"{what}\"");
                new.iter().any(|line| line.contains(&what) && line.contains(text))
            }
            Moment::Said(_) => false,
        };
        Ok(moments.iter().find(is).copied())
    }

    /// Its entries; that the chain holds, from the first to the last.
    fn entries(&mut self) -> Result<Vec<Value>> {
        self.read()?;
        let mut sum = vec![0; 32];
        let mut entries = Vec::new();
        for line in &self.lines {
            let (claimed, entry) = line.split_once(' ').context("a sum and an entry")?;
            sum.extend_from_slice(entry.as_bytes());
            sum = digest(&SHA256, &sum).as_ref().to_vec();
            let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
            ensure!(claimed == hex, "entry {} is not what was written: {entry}", entries.len() + 1);
            entries.push(serde_json::from_str(entry)?);
        }
        Ok(entries)
    }
}

/// One life: goes on with the upgrade until one of the moments comes, and is killed then; none when it is finished before.
fn live(simulation: &str, journal: &mut Written, moments: &[Moment]) -> Result<Option<Moment>> {
    let folder = journal.folder.to_str().context("a path in UTF-8")?.to_owned();
    // Without a target: behind the control planes the next minor looks due, and the journal knows better.
    let upgrade = ["upgrade", "--plain", "--simulation", simulation, "--journal", &folder];
    let mut kubelift = Process::start(&upgrade)?;
    let mut heard = Instant::now();
    loop {
        if let Some(moment) = journal.comes(moments)? {
            return Ok(Some(moment));
        }
        let Some(line) = kubelift.line(Duration::from_millis(2))? else {
            ensure!(heard.elapsed() < NEVER, "nothing more is said after\n{}", kubelift.end_of_told());
            continue;
        };
        heard = Instant::now();
        let said = |moment: &&Moment| matches!(moment, Moment::Said(start) if line.starts_with(start));
        if let Some(moment) = moments.iter().find(said) {
            return Ok(Some(*moment));
        }
        if line.starts_with("finished: ") {
            return Ok(None);
        }
        ensure!(!line.starts_with("HALTED") && !line.starts_with("nothing can be changed"), "{line}");
        if let Some(answer) = answer(&line) {
            kubelift.say(&answer)?;
        }
    }
}

fn text<'v>(entry: &'v Value, name: &str) -> &'v str {
    entry[name].as_str().unwrap_or_default()
}

/// One step at a time, and one that failed is begun again only when the operator said so.
fn no_step_begins_twice(entries: &[Value]) -> Result<()> {
    let (mut open, mut over) = (None, BTreeMap::new());
    for entry in entries {
        let step = text(entry, "step");
        match text(entry, "what") {
            "began" => {
                ensure!(open.is_none(), "{step} begins while {open:?} is under way");
                ensure!(over.get(step).is_none_or(|how| *how == "retried"), "{step} begins twice: {over:?}");
                open = Some(step);
            }
            how @ ("ended" | "failed") => {
                ensure!(open.take() == Some(step), "{step} {how}, and was not under way");
                over.insert(step, how);
            }
            "retried" => {
                ensure!(
                    over.insert(step, "retried") == Some("failed"),
                    "{step} is retried, and had not failed"
                );
            }
            _ => {}
        }
    }
    ensure!(open.is_none(), "{open:?} is under way at the end");
    Ok(())
}

/// A request that the journal meant: where it stands there, and, if it was sent, where it came among all requests.
struct Meant<'j> {
    entry: usize,
    request: &'j str,
    came: Option<usize>,
}

/// Finds each write of the simulation's list in the journal; one that was meant and not sent is one before whose sending
/// kubelift was killed, or that got no answer.
fn every_write_is_meant<'j>(entries: &'j [Value], seen: &[SeenRequest]) -> Result<Vec<Meant<'j>>> {
    let mut writes: Vec<usize> = (0..seen.len()).filter(|index| seen[*index].method != "GET").collect();
    let mut meant = Vec::new();
    for (entry, value) in entries.iter().enumerate().rev().filter(|(_, entry)| entry["what"] == "requested") {
        let request = text(value, "request");
        let sent = |index: &usize| {
            let SeenRequest { method, path, .. } = &seen[*index];
            request.strip_prefix(method).is_some_and(|rest| {
                rest.strip_prefix(' ').is_some_and(|rest| rest.split(' ').next() == Some(path))
            })
        };
        let came = writes.pop_if(|index| sent(index));
        let after = entries.get(entry + 1);
        let unanswered = after.is_some_and(|after| after["what"] == "answered" && after["status"].is_null());
        let killed = after.is_some_and(|after| after["what"] == "opened");
        ensure!(came.is_some() || killed || unanswered, "{request} was answered and never came: {after:?}");
        meant.push(Meant { entry, request, came });
    }
    let strange: Vec<_> = writes.iter().map(|index| &seen[*index]).collect();
    ensure!(strange.is_empty(), "the journal does not mean {strange:?}");
    meant.reverse();
    Ok(meant)
}

/// What was done is done again only by another kubelift, which had looked; what was refused may be asked again.
fn no_write_is_sent_twice_unseen(entries: &[Value], seen: &[SeenRequest]) -> Result<usize> {
    let meant = every_write_is_meant(entries, seen)?;
    let mut last: BTreeMap<&str, &Meant> = BTreeMap::new();
    for again in meant.iter().filter(|meant| meant.came.is_some()) {
        let Some(first) = last.insert(again.request, again) else { continue };
        let answer = &entries[first.entry + 1];
        let answered = answer["what"] == "answered";
        if answered && answer["status"].as_u64().is_some_and(|status| status >= 300) {
            continue;
        }
        let another = entries[first.entry..again.entry].iter().any(|entry| entry["what"] == "opened");
        ensure!(another, "one kubelift sent {} again, which may have been carried out", again.request);
        let (Some(from), Some(to)) = (first.came, again.came) else { bail!("both came") };
        for listed in ["/api/v1/nodes?", "/api/v1/pods?"] {
            let looked = seen[from..to].iter().any(|seen| seen.path.starts_with(listed));
            ensure!(looked, "{} was sent twice, and {listed} not listed between", again.request);
        }
    }
    Ok(meant.iter().filter(|meant| meant.came.is_some()).count())
}

/// A line is started as one unit, by whichever kubelift, and again as another only where its step was tried again; a
/// unit that exists already is left as it is.
fn no_line_is_started_twice(entries: &[Value]) -> Result<()> {
    let mut attempt: BTreeMap<&str, usize> = BTreeMap::new();
    let mut units: BTreeMap<(&str, usize, &str), &str> = BTreeMap::new();
    let mut exits: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut started: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let (step, unit) = (text(entry, "step"), text(entry, "unit"));
        match text(entry, "what") {
            "began" => *attempt.entry(step).or_default() += 1,
            "started" => {
                ensure!(!exits.contains_key(unit), "{unit} had ended and is started again");
                let key = (step, attempt[step], text(entry, "command"));
                let before = units.insert(key, unit);
                ensure!(before.is_none_or(|before| before == unit), "{key:?} is {unit} and {before:?}");
                if let Some(before) = started.insert(unit, index) {
                    let between = &entries[before..index];
                    let new = between.iter().any(|entry| entry["what"] == "opened");
                    ensure!(new, "{unit} is started twice by one kubelift");
                }
            }
            "exited" => {
                ensure!(exits.insert(unit, &entry["code"]).is_none(), "{unit} ended twice");
            }
            _ => {}
        }
    }
    Ok(())
}

/// The plan, as a kubelift says it that has no journal; its steps.
fn steps(simulation: &str) -> Result<Vec<Value>> {
    let arguments = ["plan", "-o", "json", "--target", "1.31", "--simulation", simulation];
    let said = Command::new(KUBELIFT).args(arguments).output()?;
    let plan: Value = serde_json::from_slice(&said.stdout).with_context(|| format!("{said:?}"))?;
    let phases = plan["phases"].as_array().context("phases")?;
    Ok(phases.iter().flat_map(|phase| phase["steps"].as_array().into_iter().flatten()).cloned().collect())
}

/// Waits for the good end of a unit; what it printed.
async fn end_of(hosts: &RemoteHosts, node: &str, unit: &str) -> Result<Vec<String>> {
    let began = Instant::now();
    loop {
        let state = hosts.unit(node, unit, 0).await?.with_context(|| format!("{unit} was not started"))?;
        if let Some(exit) = state.exit {
            ensure!(exit == 0, "{unit} ended with {exit}: {:#?}", state.lines);
            return Ok(state.lines);
        }
        ensure!(began.elapsed() < NEVER, "{unit} does not end: {state:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// While no kubelift lives: what the last one had started on a machine comes to its end.
async fn runs_on(hosts: &RemoteHosts, node: &str, entries: &[Value]) -> Result<()> {
    let started = entries.iter().rfind(|entry| entry["what"] == "started").context("it was started")?;
    ensure!(text(started, "command").starts_with("kubeadm upgrade apply"), "{started}");
    let lines = end_of(hosts, node, text(started, "unit")).await?;
    let good = lines.iter().filter(|line| line.contains("SUCCESS")).count();
    ensure!(good == 1, "it ran once, to its end: {lines:#?}");
    Ok(())
}

/// While no kubelift lives: other hands run the lines of the plan for these machines, all at once, without a drain.
async fn by_other_hands(hosts: &RemoteHosts, plan: &[Value], nodes: &[&str], kinds: &[&str]) -> Result<()> {
    let lines = nodes.iter().map(|node| {
        let steps = plan.iter().filter(move |step| {
            step["node"] == *node && step["state"] != "done" && kinds.contains(&text(step, "kind"))
        });
        let lines = steps.flat_map(|step| step["commands"].as_array().into_iter().flatten());
        async move {
            for (index, line) in lines.enumerate() {
                let unit = format!("by-hand-{}-{index}", kinds[0]);
                hosts.start(node, &unit, line.as_str().context("a line")?).await?;
                end_of(hosts, node, &unit).await?;
            }
            Ok::<_, anyhow::Error>(())
        }
    });
    futures::future::try_join_all(lines).await.map(drop)
}

/// What happens between a life that was ended at `moment` and the next.
async fn meanwhile(hosts: &RemoteHosts, simulation: &str, moment: Moment, entries: &[Value]) -> Result<()> {
    if moment == APPLY {
        runs_on(hosts, "cp1", entries).await?;
        by_other_hands(hosts, &steps(simulation)?, &["cp3"], &["package", "pull", "upgrade-node"]).await?;
    } else if moment == CORDON {
        let others = ["cp3", "w2", "w3", "w4", "w5", "w6"];
        let kinds = ["kubelet", "package", "pull", "upgrade-node"];
        by_other_hands(hosts, &steps(simulation)?, &others, &kinds).await?;
    }
    Ok(())
}

#[test]
#[ignore = "minutes"]
fn killed_again_and_again_an_upgrade_comes_to_its_end_and_nothing_is_done_twice() -> Result<()> {
    let mut simulate = Process::start(&["simulate", "--scenario", "clean", "--speed", SPEED])?;
    let said = simulate.line(NEVER)?.context("where it listens")?;
    let simulation = said.rsplit_once(' ').context("an address")?.1;
    let hosts = RemoteHosts::new(simulation.parse()?);
    let runtime = tokio::runtime::Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let mut journal = Written { folder: folder.path().to_owned(), bytes: 0, lines: Vec::new() };

    let mut moments = MOMENTS.to_vec();
    let mut lives = 1;
    while let Some(moment) = live(simulation, &mut journal, &moments)? {
        // More may have been written until it was dead.
        let entries = journal.entries()?;
        let last = entries.last().map(|entry| text(entry, "what").to_owned());
        eprintln!("killed at {moment:?}, {} entries, the last {last:?}", entries.len());
        runtime.block_on(meanwhile(&hosts, simulation, moment, &entries))?;
        moments.retain(|other| *other != moment);
        lives += 1;
    }
    ensure!(moments.is_empty(), "it was finished before {moments:?}");

    let entries = journal.entries()?;
    let seen = runtime.block_on(hosts.requests())?;
    ensure!(seen.len() < 20_000, "the oldest requests are forgotten");
    assert_eq!(entries.iter().filter(|entry| entry["what"] == "opened").count(), lives);
    no_step_begins_twice(&entries)?;
    no_line_is_started_twice(&entries)?;
    let writes = no_write_is_sent_twice_unseen(&entries, &seen)?;
    ensure!(writes > 20, "cordons, their ends, and evictions: {writes}");
    // What other hands had done was seen, and not done again.
    let began = |id: &str| entries.iter().any(|entry| entry["what"] == "began" && entry["step"] == id);
    for (id, expected) in [
        ("upgrade-apply/cp1", true),
        ("upgrade-node/cp2", true),
        ("kubelet/w1", true),
        ("upgrade-node/cp3", false),
        ("kubelet/cp3", false),
        ("drain/w2", false),
        ("kubelet/w6", false),
    ] {
        assert_eq!(began(id), expected, "{id}");
    }
    // What only the operator saw is in the journal and nowhere else.
    let is_left =
        |step: &Value| step["kind"] != "manual" && step["state"] != "done" && step["state"] != "skipped";
    let left: Vec<Value> = steps(simulation)?.into_iter().filter(is_left).collect();
    ensure!(left.is_empty(), "{left:#?}");
    eprintln!("{lives} lives, {} entries, {writes} writes, {} requests", entries.len(), seen.len());
    Ok(())
}
