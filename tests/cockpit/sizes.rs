//! Every size of a terminal, and its change at any moment.

use anyhow::Result;
use kubelift::checks::CHECKS;

use crate::terminal::{FREE, Terminal};
use crate::{demo, ended, judged};

#[test]
#[ignore = "tmux"]
fn on_a_large_terminal_list_and_pane_stand_side_by_side() -> Result<()> {
    let terminal = demo(120, 40, "kubelift demo")?;
    let screen = judged(&terminal)?;
    assert_eq!(screen.lines.len(), 40, "{screen}");
    for check in CHECKS {
        assert!(screen.shows(check.title), "{screen}");
    }
    assert!(screen.shows("SUBJECT") && screen.shows("Why, and what to do"), "{screen}");
    for line in &screen.lines[2..39] {
        assert_eq!(line.chars().count(), 120, "a frame that is whole: {line}");
    }
    terminal.press(["q"])?;
    ended(&terminal, 0)?;
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn on_the_smallest_terminal_every_screen_can_be_had() -> Result<()> {
    let terminal = demo(40, 12, "kubelift demo")?;
    for (at, check) in CHECKS.iter().enumerate() {
        judged(&terminal)?;
        terminal.wait_for("the pane to be chosen", |screen| {
            screen.lines.iter().any(|line| line.starts_with('▸') && line.contains(check.title))
        })?;
        terminal.press(["Enter"])?;
        let pane = terminal.wait_for("the pane alone", |screen| !screen.shows("Ready for"))?;
        assert!(pane.lines[2].starts_with(&format!(" {}", check.title)), "{pane}");
        terminal.press(["Enter"])?;
        let detail = terminal.wait_for("the finding", |screen| screen.lines[2].contains("  1 of "))?;
        assert!(detail.lines[2].starts_with(&format!(" {}", check.title)), "{detail}");
        terminal.press(["Escape"])?;
        terminal.wait_for("the pane again", |screen| !screen.lines[2].contains("  1 of "))?;
        terminal.press(["Escape"])?;
        if at + 1 < CHECKS.len() {
            judged(&terminal)?;
            terminal.press(["Down"])?;
        }
    }
    judged(&terminal)?;
    for (key, title) in [("?", " Help"), ("L", " Everything that"), ("u", " Not read")] {
        terminal.press([key])?;
        let screen = terminal.see(title)?;
        assert!(screen.ends_with("q quit"), "quit is always said: {screen}");
        terminal.press(["Escape"])?;
        judged(&terminal)?;
    }
    terminal.press(["u"])?;
    // A list of beginnings helps nobody.
    let unread = terminal.see(" Not read")?;
    assert!(unread.shows("w2 port 22: Connection timed out)"), "{unread}");
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn a_terminal_changes_its_size_at_any_moment() -> Result<()> {
    let terminal = demo(80, 24, "kubelift demo")?;
    let sizes = [(120, 40), (40, 12), (39, 24), (80, 11), (10, 3), (1, 1), (200, 60), (80, 24)];
    // On the first screen, in a finding, while a command is typed, in help.
    for keys in [&[][..], &["Enter", "Enter"], &[":"], &["?"]] {
        terminal.press(keys)?;
        for (columns, rows) in sizes {
            terminal.resize(columns, rows)?;
            fits(&terminal, columns, rows)?;
        }
        for _ in keys {
            terminal.press(["Escape"])?;
            // Escape and what comes with it would be one key.
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        judged(&terminal)?;
    }
    // Faster than it draws.
    for round in 0..20 {
        terminal.resize(30 + 5 * round, 6 + 2 * round)?;
    }
    terminal.resize(80, 24)?;
    terminal.wait_for("the whole screen in its place", |screen| {
        screen.lines.len() == 24
            && screen.lines[0].starts_with(" prod-eu-1")
            && screen.lines[2].starts_with("┌ Ready for")
            && screen.lines[23].ends_with("q quit")
    })?;
    terminal.press(["q"])?;
    ended(&terminal, 0)?;
    Ok(())
}

/// Waits for the screen to be drawn for a size: with its last line in its place, or saying what is needed.
fn fits(terminal: &Terminal, columns: u16, rows: u16) -> Result<()> {
    let (wide, high) = (usize::from(columns), usize::from(rows));
    let screen = terminal.wait_for(&format!("a screen for {columns}x{rows}"), |screen| {
        let small = screen
            .lines
            .first()
            .is_some_and(|line| !line.is_empty() && "Too small.".starts_with(line.trim_end_matches('…')));
        let last =
            screen.lines.last().is_some_and(|line| line.starts_with(" ? ") || line.starts_with(" enter "));
        screen.lines.len() == high && if columns < 40 || rows < 12 { small } else { last }
    })?;
    assert!(screen.lines.iter().all(|line| line.chars().count() <= wide), "{screen}");
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn a_terminal_that_is_too_small_still_obeys() -> Result<()> {
    let terminal = Terminal::open(30, 8)?;
    terminal.enter("kubelift demo")?;
    let screen = terminal.see("Too small.")?;
    assert!(screen.shows("30x8 here,") && screen.shows("40x12 needed."), "{screen}");
    terminal.press(["q"])?;
    terminal.see_no_more("Too small.")?;
    assert_eq!(terminal.modes()?, FREE);
    Ok(())
}
