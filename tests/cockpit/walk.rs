//! The demo's whole upgrade, walked by keys to its end, and its recording walked through.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::terminal::{Screen, Terminal};
use crate::{demo, ended, enter};

/// How long the whole upgrade may take. Never a measure: a machine may be busy with much else.
const DEADLINE: Duration = Duration::from_secs(600);

/// How often a step may fail: what it is for may come later than a busy machine has patience for.
const FAILURES: usize = 3;

/// The words of the step that is shown: `step 4 of 51`, `ready`.
fn step(screen: &Screen) -> Option<(&str, &str)> {
    let line = screen.lines.iter().find_map(|line| line.strip_prefix("│ step "))?;
    line.split_once(" · ").map(|(place, rest)| (place, rest.split(' ').next().unwrap_or_default()))
}

/// Types what a question asks for, and goes to its other button; where it is asked anew meanwhile, nothing comes of that.
fn arm(terminal: &Terminal) -> Result<()> {
    // Keys do nothing in its first 300 ms. More is as good.
    std::thread::sleep(Duration::from_millis(350));
    let screen = terminal.screen()?;
    let asked = screen.lines.iter().find_map(|line| line.strip_prefix("│ Type ")?.split_once(':'));
    if let Some((words, _)) = asked {
        let wanted = words.rsplit(' ').next().context("what is to be typed")?;
        terminal.press(["C-u"])?;
        terminal.write(wanted)?;
    }
    terminal.press(["Tab"])?;
    let until = Instant::now() + Duration::from_secs(5);
    while terminal.screen()?.shows("[▸Cancel ]") && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Walks the plan to its end, by what the screen says: how often a step failed, and how many were confirmed.
fn walk(terminal: &Terminal) -> Result<(usize, usize)> {
    let (mut failed, mut confirmed) = (0, 0);
    let until = Instant::now() + DEADLINE;
    loop {
        let screen = terminal.screen()?;
        ensure!(Instant::now() < until, "the upgrade does not end:\n{screen}");
        if screen.shows("[▸Cancel ]") {
            arm(terminal)?;
            continue;
        }
        if screen.shows("[ Cancel ]") {
            confirmed += usize::from(screen.shows("[▸Run ]"));
            terminal.press(["Enter"])?;
            terminal.see_no_more("[ Cancel ]")?;
            continue;
        }
        match step(&screen).map(|(_, state)| state) {
            None if screen.shows("The upgrade is finished") => return Ok((failed, confirmed)),
            Some("ready") => terminal.press(["Enter"])?,
            Some("held") => terminal.press(["c"])?,
            Some("waiting") if screen.shows("says that it is done") => terminal.press(["d"])?,
            Some("failed") => {
                failed += 1;
                ensure!(failed <= FAILURES, "{screen}");
                terminal.press(["r"])?;
            }
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The one recording below a folder.
fn recording(folder: &Path) -> Result<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "klrec") {
                return Ok(path);
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    anyhow::bail!("there is no recording in {}", folder.display())
}

#[test]
#[ignore = "tmux"]
fn the_demos_upgrade_is_walked_to_its_end_by_keys_and_its_recording_is_walked_through() -> Result<()> {
    let terminal = demo(80, 24, "TMPDIR=$HOME kubelift demo --speed 60")?;
    terminal.press(["P"])?;
    let first = terminal.see("│ step 1 of ")?;
    let (place, _) = step(&first).context("a step")?;
    let steps: usize = place.rsplit(' ').next().context("how many")?.parse()?;
    let (_, confirmed) = walk(&terminal)?;
    let end = terminal.see("The upgrade is finished")?;
    assert!(end.shows("finished after ") && end.shows("1.30.6 → 1.31.14"), "{end}");
    assert!(
        confirmed + 5 >= steps,
        "each is confirmed but those by hand, and what is done by itself: {confirmed} of {steps}"
    );

    // Nothing is under way: it is left at once.
    terminal.press(["q"])?;
    ended(&terminal, 0)?;
    terminal.clear()?;
    let recording = recording(&terminal.home())?;
    enter(&terminal, &format!("kubelift replay {}", recording.display()))?;
    let begin = terminal.see("paused ×1 0:00 of ")?;
    assert!(begin.shows("took the journal"), "{begin}");
    terminal.press(["P"])?;
    terminal.see("there is no plan at this moment")?;
    terminal.press(["c"])?;
    terminal.see("backup/cp1: confirmed, ")?;
    terminal.press(["P"])?;
    terminal.see("│ step 1 of ")?;
    terminal.press(["c"])?;
    terminal.see("package/cp1: confirmed, ")?;
    terminal.press(["."])?;
    terminal.see_no_more("package/cp1: confirmed, ")?;
    terminal.press(["+", "Space"])?;
    terminal.see("playing ×")?;
    terminal.press(["Space", "s"])?;
    terminal.write("100%")?;
    terminal.press(["Enter"])?;
    let end = terminal.see("The upgrade is finished")?;
    assert!(end.shows("finished after "), "{end}");
    terminal.press([","])?;
    terminal.see("paused ×")?;
    terminal.press(["f"])?;
    for (columns, rows) in [(40, 12), (120, 40)] {
        terminal.resize(columns, rows)?;
        terminal.wait_for("the bar at another size", |screen| {
            screen.shows("paused ×") && screen.shows("API ") && screen.lines.len() <= usize::from(rows)
        })?;
    }
    terminal.press(["q"])?;
    ended(&terminal, 0)?;
    Ok(())
}
