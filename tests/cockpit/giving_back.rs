//! However the cockpit ends or pauses, the terminal is as it was.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use kubelift::cli::Cli;
use kubelift::source::Source;
use kubelift::ui::cockpit::{self, Environment, Flags, Options, UiError};

use crate::terminal::{FREE, Modes, PROMPT, Terminal, child, is_stopped, runs, send, wait};
use crate::{demo, ended, enter, judged, start};

/// What a terminal is told while the screens are on it: no mouse.
const TAKEN: Modes = Modes { alternate: true, cursor: false, mouse: false };

/// Asserts that nothing of kubelift is left on a terminal that had `settings` before.
fn given_back(terminal: &Terminal, settings: &str) -> Result<()> {
    assert_eq!(terminal.modes()?, FREE);
    assert_eq!(terminal.line_settings()?, settings);
    // The brackets around what is pasted are off again.
    terminal.paste("pasted")?;
    let screen = terminal.see("pasted")?;
    assert!(!screen.shows("200~"), "{screen}");
    terminal.press(["C-u"])
}

#[test]
#[ignore = "tmux"]
fn whoever_quits_finds_the_terminal_as_it_was() -> Result<()> {
    let terminal = Terminal::open(80, 24)?;
    let settings = terminal.line_settings()?;
    for keys in [&["q"][..], &["C-c"], &["Enter", "Enter", "q"], &[":", "q", "u", "i", "t", "Enter"]] {
        terminal.clear()?;
        enter(&terminal, "echo what was before; kubelift demo")?;
        judged(&terminal)?;
        assert_eq!(terminal.modes()?, TAKEN);
        assert!(terminal.line_settings()?.contains("-icanon"));
        terminal.press(keys)?;
        let end = ended(&terminal, 0)?;
        assert!(end.shows("what was before"), "{end}");
        assert!(!end.shows("AppArmor"), "{end}");
        given_back(&terminal, &settings)?;
    }
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn a_signal_ends_it_as_a_shell_says_it() -> Result<()> {
    let terminal = Terminal::open(80, 24)?;
    let settings = terminal.line_settings()?;
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        terminal.clear()?;
        enter(&terminal, "kubelift demo")?;
        judged(&terminal)?;
        send(signal, terminal.program()?)?;
        ended(&terminal, code)?;
        given_back(&terminal, &settings)?;
    }
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn it_ends_when_its_terminal_is_taken_away() -> Result<()> {
    let terminal = demo(80, 24, "kubelift demo")?;
    let process = terminal.program()?;
    drop(terminal);
    wait(|| Ok(!runs(process)))
}

#[test]
#[ignore = "tmux"]
fn put_aside_it_leaves_the_terminal_to_the_shell_and_comes_back() -> Result<()> {
    let terminal = Terminal::open(80, 24)?;
    let settings = terminal.line_settings()?;
    terminal.enter("kubelift demo")?;
    judged(&terminal)?;
    terminal.press(["Enter"])?;
    terminal.see("┌ Versions and skew ─")?;
    let process = terminal.program()?;
    // Both by its key and from outside.
    for by_key in [true, false] {
        if by_key {
            terminal.press(["C-z"])?
        } else {
            send("TSTP", process)?
        }
        terminal.wait_for("the shell", |screen| screen.shows("Stopped") && screen.ends_with(PROMPT))?;
        assert!(is_stopped(process));
        given_back(&terminal, &settings)?;
        terminal.enter("clear; echo in between")?;
        terminal.see("in between")?;
        // It comes back as large as the terminal is then.
        terminal.resize(90, 30)?;
        terminal.enter("fg")?;
        let back = terminal.see("┌ Versions and skew ─")?;
        assert!(!back.shows("in between"), "{back}");
        assert_eq!(back.lines.len(), 30, "{back}");
        terminal.see("q quit")?;
        assert_eq!(terminal.modes()?, TAKEN);
        terminal.resize(80, 24)?;
        terminal.wait_for("the smaller size", |screen| {
            screen.lines.get(23).is_some_and(|line| line.contains("q quit"))
        })?;
    }
    // And it still obeys.
    terminal.press(["?"])?;
    terminal.see("┌ Help ─")?;
    terminal.press(["q"])?;
    terminal.see_no_more("┌ Help ─")?;
    given_back(&terminal, &settings)
}

#[test]
#[ignore = "tmux"]
fn stopped_by_force_it_draws_everything_again_when_it_goes_on() -> Result<()> {
    // Without a shell that would take the terminal meanwhile.
    let terminal = Terminal::open(80, 24)?;
    enter(&terminal, "sh -c 'kubelift demo; exit $?'")?;
    judged(&terminal)?;
    let process = child(terminal.program()?)?;
    send("STOP", process)?;
    wait(|| Ok(is_stopped(process)))?;
    terminal.scribble("\x1b[2J\x1b[5;1Hsomebody else was here")?;
    terminal.see("somebody else was here")?;
    send("CONT", process)?;
    terminal.see_no_more("somebody else was here")?;
    judged(&terminal)?;
    terminal.press(["q"])?;
    ended(&terminal, 0)?;
    Ok(())
}

/// Tells this test's own program, run once more in a terminal, that it is the one that panics.
const INSIDE: &str = "KUBELIFT_TEST_PANICS";

#[test]
#[ignore = "tmux"]
fn a_panic_gives_the_terminal_back_before_it_says_anything() -> Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        return panic_beside_the_screens();
    }
    let own = std::env::current_exe()?;
    let line = format!(
        "{INSIDE}=1 '{}' --ignored --exact --nocapture --test-threads=1 giving_back::{}",
        own.display(),
        "a_panic_gives_the_terminal_back_before_it_says_anything"
    );
    let terminal = start(80, 24, &line)?;
    let settings = terminal.line_settings()?;
    judged(&terminal)?;
    assert_eq!(terminal.modes()?, TAKEN);
    std::fs::write(terminal.home().join("now"), "")?;
    let end = terminal.see("test result: ok")?;
    assert!(end.shows("panics on purpose"), "{end}");
    assert!(!end.shows("AppArmor"), "{end}");
    given_back(&terminal, &settings)
}

/// Shows the demo, and panics in a task beside it when the test says so.
#[allow(clippy::panic, reason = "it is what is tried")]
fn panic_beside_the_screens() -> Result<()> {
    use clap::Parser as _;
    let signal = PathBuf::from(std::env::var_os("HOME").context("a home")?).join("now");
    let flags = Cli::try_parse_from(["kubelift", "--demo"])?.source;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let (handle, _simulation) = Source::open(&flags, true).await?.follow().await;
        tokio::spawn(async move {
            while !signal.exists() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            panic!("panics on purpose");
        });
        let options = Options::load(&Flags::default(), &Environment::of_process())?;
        match cockpit::run(handle, options).await {
            Err(UiError::Broken) => Ok(()),
            other => bail!("the screens ended with {other:?}"),
        }
    })
}
