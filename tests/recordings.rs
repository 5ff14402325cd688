//! Recordings as their users make and read them: the built program, its files, signals and exit codes.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

const KUBELIFT: &str = env!("CARGO_BIN_EXE_kubelift");

fn kubelift(arguments: &[&str], file: &Path) -> Result<Output> {
    Ok(Command::new(KUBELIFT).args(arguments).arg(file).stdin(Stdio::null()).output()?)
}

/// A recording of the simulated cluster that goes on; comes back when it holds a state and what changed.
fn recording(file: &Path) -> Result<Child> {
    let child = Command::new(KUBELIFT)
        .args(["record", "--demo"])
        .arg(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let until = Instant::now() + Duration::from_secs(120);
    while std::fs::read(file).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() < 3 {
        ensure!(Instant::now() < until, "nothing is recorded");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(child)
}

fn signal(child: &Child, name: &str) -> Result<()> {
    ensure!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status()?.success());
    Ok(())
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_recording_ends_whole_by_a_signal_cut_by_a_kill_and_says_if_it_was_changed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("a.klrec");
    for name in ["INT", "TERM", "HUP"] {
        drop(std::fs::remove_file(&file));
        let child = recording(&file)?;
        signal(&child, name)?;
        let ended = child.wait_with_output()?;
        assert_eq!(ended.status.code(), Some(0), "{name}: {ended:?}");
        assert!(last_line(&ended).starts_with("recorded "), "{ended:?}");
        let replayed = kubelift(&["replay", "--plain"], &file)?;
        assert_eq!(replayed.status.code(), Some(0), "{replayed:?}");
        assert_eq!(last_line(&replayed), "the recording is whole");
    }
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    // What is there is not replaced by one that goes on.
    let whole = std::fs::read(&file)?;
    assert_eq!(kubelift(&["record", "--demo"], &file)?.status.code(), Some(2));
    assert_eq!(std::fs::read(&file)?, whole);

    let mut changed = whole.clone();
    let close = whole.len() - 40;
    changed[close] ^= 1;
    for (content, says) in
        [(&whole[..whole.len() - 9], "the recording is cut"), (&changed[..], "the recording was CHANGED")]
    {
        std::fs::write(&file, content)?;
        let replayed = kubelift(&["replay", "--plain"], &file)?;
        assert_eq!(replayed.status.code(), Some(1), "{replayed:?}");
        assert!(last_line(&replayed).starts_with(says), "{replayed:?}");
        assert!(
            String::from_utf8_lossy(&replayed.stdout).contains("verdict: ready for"),
            "what holds is told"
        );
    }
    std::fs::write(&file, "no recording")?;
    assert_eq!(kubelift(&["replay", "--plain"], &file)?.status.code(), Some(1));
    std::fs::remove_file(&file)?;
    assert_eq!(kubelift(&["replay", "--plain"], &file)?.status.code(), Some(2));

    let child = recording(&file)?;
    signal(&child, "KILL")?;
    child.wait_with_output()?;
    let replayed = kubelift(&["replay", "--plain"], &file)?;
    assert_eq!(replayed.status.code(), Some(1));
    assert!(last_line(&replayed).starts_with("the recording is cut"), "{replayed:?}");
    Ok(())
}

/// The lines of a session until one holds `part`.
fn until(lines: &mut impl Iterator<Item = std::io::Result<String>>, part: &str) -> Result<String> {
    for line in lines {
        let line = line?;
        if line.contains(part) {
            return Ok(line);
        }
    }
    anyhow::bail!("no line has {part}")
}

#[test]
fn an_upgrade_in_plain_lines_that_a_signal_ends_leaves_a_whole_recording() -> Result<()> {
    for (name, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(KUBELIFT)
            .args(["demo", "--plain"])
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its lines")?).lines();
        let mut stdin = child.stdin.take().context("its input")?;
        until(&mut lines, "backup/cp1 snapshot of etcd on cp1, ready")?;
        stdin.write_all(b"run\n")?;
        until(&mut lines, "shall it run?")?;
        stdin.write_all(b"yes\n")?;
        until(&mut lines, "running: backup/cp1")?;
        signal(&child, name)?;
        // Whoever reads its lines is there to the end.
        lines.for_each(drop);
        let ended = child.wait_with_output()?;
        assert_eq!(ended.status.code(), Some(code), "{name}: {ended:?}");
        let said = String::from_utf8(ended.stderr)?;
        let file = said.lines().find_map(|line| line.strip_prefix("recording ")).context("where it is")?;
        let replayed = kubelift(&["replay", "--plain"], Path::new(file.trim()))?;
        assert_eq!(last_line(&replayed), "the recording is whole", "{name}: {said}");
    }
    Ok(())
}

fn snapshots() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let files = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let files: Vec<PathBuf> = files.collect::<Result<_>>()?;
    Ok(files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "klrec"))
        .collect())
}

#[test]
#[ignore = "strace"]
fn a_replay_sends_nothing_anywhere() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let trace = folder.path().join("trace");
    let file = snapshots()?.into_iter().next().context("a recording")?;
    let traced = Command::new("strace")
        .args(["-f", "-e", "trace=network", "-o"])
        .args([trace.as_os_str(), KUBELIFT.as_ref(), "replay".as_ref(), "--plain".as_ref(), file.as_os_str()])
        .output()?;
    assert_eq!(traced.status.code(), Some(0), "{traced:?}");
    let calls = std::fs::read_to_string(&trace)?;
    assert!(calls.contains("exited with 0"), "{calls}");
    // The runtime wakes itself by a pair of sockets that lead nowhere else.
    let others: Vec<&str> = calls
        .lines()
        .filter(|line| {
            line.contains('(') && !line.contains("socketpair(AF_UNIX") && !line.contains("recvfrom(")
        })
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    Ok(())
}

#[test]
fn what_ships_is_whole_and_small_and_is_judged_as_documented() -> Result<()> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/README.md"))?;
    let files = snapshots()?;
    assert!(!files.is_empty());
    for file in files {
        let name = file.file_name().context("a name")?.to_string_lossy().into_owned();
        // An upgrade has hundreds of entries, each with its hash.
        let most = if name == "demo.klrec" { 300_000 } else { 1_000_000 };
        assert!(std::fs::metadata(&file)?.len() < most, "{name} is too large");
        let replayed = kubelift(&["replay", "--plain"], &file)?;
        assert_eq!(
            (replayed.status.code(), &*last_line(&replayed)),
            (Some(0), "the recording is whole"),
            "{name}"
        );
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.with_context(|| format!("{name} is not in snapshots/README.md"))?;
        let report: Value =
            serde_json::from_slice(&kubelift(&["check", "-o", "json", "--recording"], &file)?.stdout)?;
        let verdict = report["verdict"].as_str().context("a verdict")?;
        assert!(
            row.contains(&format!("| {verdict} |")),
            "{name} is judged {verdict}, and the table says {row}"
        );
    }
    Ok(())
}

/// The lines of a recording that ships.
fn lines_of(name: &str) -> Result<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name);
    let replayed = kubelift(&["replay", "--plain"], &file)?;
    ensure!(replayed.status.success(), "{replayed:?}");
    Ok(String::from_utf8(replayed.stdout)?.lines().map(str::to_owned).collect())
}

#[test]
fn the_upgrade_that_ships_goes_to_its_end_and_the_other_holds_each_trouble() -> Result<()> {
    let upgrade = lines_of("upgrade.klrec")?;
    let of = |what: &str| -> BTreeSet<String> {
        let word = format!(" {what} ");
        let step = |line: &String| Some(line.split_once(&word)?.1.split_once(':')?.0.to_owned());
        upgrade.iter().filter_map(step).filter(|step| step.contains('/')).collect()
    };
    let (began, ended) = (of("began"), of("ended"));
    assert!(began.contains("upgrade-apply/cp1") && began.contains("uncordon/w6"), "{began:?}");
    assert_eq!(began, ended, "what was begun came to its end");
    assert!(!upgrade.iter().any(|line| line.contains("FAILURE")), "nothing failed");
    let at_target = |line: &String| line.contains("verdict: ready for 1.31.14? YES");
    assert!(
        upgrade.iter().rev().take(3).any(at_target),
        "{:#?}",
        upgrade.iter().rev().take(3).collect::<Vec<_>>()
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/upgrade.klrec");
    let plan = kubelift(&["plan", "-o", "json", "--target", "1.31.14", "--recording"], &file)?;
    let plan: Value = serde_json::from_slice(&plan.stdout)?;
    let phases = plan["phases"].as_array().context("phases")?.iter();
    let steps: Vec<&Value> = phases.filter_map(|phase| phase["steps"].as_array()).flatten().collect();
    assert!(!steps.is_empty());
    for step in steps {
        // Nothing is left to do, as observed.
        assert!(step["state"] == "done" || step["state"] == "skipped", "{step}");
    }

    let trouble = lines_of("trouble.klrec")?;
    for (what, part) in [
        ("a step fails", "FAILURE failed package/w2: FAILED: "),
        (
            "another says success and is not",
            "FAILURE failed upgrade-node/cp3: FAILED: its commands ended well",
        ),
        ("a budget blocks a drain", ": 429 Cannot evict pod as it would violate"),
        ("an API server is away", "kube-apiserver-cp2 on cp2: it runs and is not ready"),
        ("what failed is tried again", "retried package/w2: "),
        ("and done", "ended package/w2: done, as observed"),
    ] {
        assert!(trouble.iter().any(|line| line.contains(part)), "{what}: no line has {part}");
    }
    Ok(())
}
