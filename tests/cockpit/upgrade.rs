//! The demo's upgrade for some steps, as its user walks them.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::terminal::{Screen, Terminal};
use crate::{demo, ended};

/// Waits for a question, and until keys count: they do nothing in its first 300 ms. More is as good.
fn asked(terminal: &Terminal, asks: &str) -> Result<Screen> {
    let screen = terminal.wait_for(asks, |screen| screen.shows("[▸Cancel ]") && screen.shows(asks))?;
    std::thread::sleep(Duration::from_millis(400));
    Ok(screen)
}

/// Whether a step is shown, by its number, in a state.
fn is_step(screen: &Screen, number: usize, state: &str) -> bool {
    let (begin, state) = (format!("│ step {number} of "), format!(" · {state} · "));
    screen.lines.iter().any(|line| line.starts_with(&begin) && line.contains(&state))
}

/// Waits for it.
fn step(terminal: &Terminal, number: usize, state: &str) -> Result<Screen> {
    terminal.wait_for(&format!("step {number} {state}"), |screen| is_step(screen, number, state))
}

#[test]
#[ignore = "tmux"]
fn nothing_runs_before_it_is_confirmed_and_a_step_stops_fails_and_is_tried_again() -> Result<()> {
    let terminal = demo(80, 24, "kubelift demo")?;
    let first = terminal.see("UPGRADE · changes the cluster")?;
    assert!(first.lines[0].contains(" DEMO "), "{first}");
    terminal.press(["P"])?;
    // The header of every screen says the step too.
    let plan = terminal.see("│ step 1 of ")?;
    assert!(plan.line_with("▸○ snapshot of etcd on cp1")?.contains("ready"), "{plan}");

    // Cancel has the focus.
    terminal.press(["Enter"])?;
    asked(&terminal, "Say yes")?;
    terminal.press(["Enter"])?;
    let left = terminal.see("nothing was done")?;
    assert!(is_step(&left, 1, "ready"), "{left}");

    terminal.press(["Enter"])?;
    asked(&terminal, "Say yes")?;
    terminal.press(["Tab"])?;
    terminal.see("[▸Run ]")?;
    terminal.press(["Enter"])?;
    step(&terminal, 1, "running")?;
    let done = terminal.see("▸○ kubeadm 1.31.14 on cp1")?;
    assert!(done.line_with("✓ snapshot of etcd on cp1")?.contains("done"), "{done}");

    // The next one is stopped on the way.
    terminal.press(["Enter"])?;
    asked(&terminal, "Say yes")?;
    terminal.press(["Tab"])?;
    terminal.see("[▸Run ]")?;
    terminal.press(["Enter"])?;
    step(&terminal, 2, "running")?;
    terminal.press(["S"])?;
    let failed = step(&terminal, 2, "failed")?;
    assert!(failed.shows("Nothing went wrong. You stopped the step"), "{failed}");
    terminal.press(["r"])?;
    step(&terminal, 2, "ready")?;

    terminal.press(["q"])?;
    let end = ended(&terminal, 0)?;
    assert!(end.line_with("journal ")?.contains('/') && end.line_with("recording ")?.contains('/'), "{end}");
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn what_holds_a_step_is_let_through_by_its_word_only() -> Result<()> {
    let terminal = demo(40, 12, "kubelift demo")?;
    terminal.press(["P"])?;
    terminal.see("▸○ snapshot of etcd on cp1")?;
    terminal.press(["j", "j", "j", "c"])?;
    let question = asked(&terminal, "Type ")?;
    let line = question.line_with("Type ")?;
    let code = line.split_once("Type ").and_then(|(_, rest)| rest.split_once(':')).context("a code")?.0;

    terminal.write("wrong")?;
    terminal.see(": wrong")?;
    terminal.press(["Tab"])?;
    let refused = terminal.see("`wrong` is not it")?;
    assert!(refused.shows("[▸Cancel ]"), "{refused}");
    terminal.press(["C-u"])?;
    terminal.write(code)?;
    terminal.press(["Tab"])?;
    terminal.see("[▸Let through ]")?;
    terminal.press(["Enter"])?;
    terminal.see_no_more("[▸Let through ]")?;

    // The log says so.
    terminal.press(["L"])?;
    terminal.wait_for("what was let through", |screen| {
        screen.lines.iter().any(|line| line.contains("let through") || line.contains("consented"))
    })?;
    Ok(())
}
