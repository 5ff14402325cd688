//! Colours and signs, and files of one's own.

use anyhow::Result;
use kubelift::checks::CHECKS;

use crate::screens::open;
use crate::terminal::{FREE, Terminal};
use crate::{demo, ended, enter, judged};

/// How many colours are set on a screen.
#[derive(Debug, Default)]
struct Colours {
    /// Of the terminal's own sixteen: by 30 to 37, 40 to 47, 90 to 97, 100 to 107, or as the first of 256.
    named: usize,
    /// Of the others.
    numbered: usize,
}

/// Counts the colours that a terminal shows.
fn colours(terminal: &Terminal) -> Result<Colours> {
    let text = terminal.screen_with_colours()?;
    let mut colours = Colours::default();
    for sequence in text.split("\x1b[").skip(1) {
        let Some((parameters, _)) = sequence.split_once('m') else { continue };
        let mut parameters = parameters.split([';', ':']).map(|number| number.parse::<u8>().unwrap_or(0));
        while let Some(parameter) = parameters.next() {
            match parameter {
                30..=37 | 40..=47 | 90..=97 | 100..=107 => colours.named += 1,
                38 | 48 if parameters.next() == Some(5) => match parameters.next() {
                    Some(..16) => colours.named += 1,
                    _ => colours.numbered += 1,
                },
                38 | 48 => {
                    colours.numbered += 1;
                    parameters.by_ref().take(3).for_each(drop);
                }
                _ => {}
            }
        }
    }
    Ok(colours)
}

#[test]
#[ignore = "tmux"]
fn themes_use_the_colours_that_they_are_for() -> Result<()> {
    type Judge = fn(&Colours) -> bool;
    let none: Judge = |colours| colours.named == 0 && colours.numbered == 0;
    let named: Judge = |colours| colours.named > 0 && colours.numbered == 0;
    let numbered: Judge = |colours| colours.numbered > 0;
    let terminal = Terminal::open(80, 24)?;
    for (line, expected) in [
        ("kubelift demo", numbered),
        ("kubelift demo --theme light", numbered),
        ("KUBELIFT_THEME=ansi16 kubelift demo", named),
        ("kubelift demo --theme mono", none),
        ("NO_COLOR=1 kubelift demo", none),
        // What is asked for on the command line wins.
        ("NO_COLOR=1 kubelift demo --theme ansi16", named),
    ] {
        enter(&terminal, line)?;
        judged(&terminal)?;
        let (mut there, screen) = (colours(&terminal)?, terminal.screen()?);
        assert!(expected(&there), "{line}: {there:?}");
        open(&terminal, "apparmor")?;
        terminal.press(["Enter"])?;
        terminal.see("AppArmorOff · blocker")?;
        there = colours(&terminal)?;
        assert!(expected(&there), "{line}: {there:?}");
        // Whatever the colours, verdicts are signs and words.
        let line = screen.line_with("AppArmor")?;
        assert!(line.contains("✗ AppArmor ") && line.contains(" 1 blocker "), "{screen}");
        terminal.press(["q"])?;
        ended(&terminal, 0)?;
        terminal.clear()?;
    }
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn where_only_ascii_is_wanted_nothing_else_is_shown() -> Result<()> {
    // By flag, and where the locale has nothing else.
    for line in ["kubelift demo --ascii", "LC_ALL=C kubelift demo"] {
        let terminal = demo(80, 24, line)?;
        let ascii = |what: &str| -> Result<()> {
            let screen = terminal.see(what)?;
            assert!(screen.lines.iter().all(|line| line.is_ascii()), "{screen}");
            Ok(())
        };
        ascii("X AppArmor")?;
        for check in CHECKS {
            open(&terminal, check.id)?;
            ascii(check.title)?;
            terminal.press(["Enter"])?;
            terminal.see_no_more("FINDING")?;
            ascii("- 1 of ")?;
            terminal.press(["Escape"])?;
            ascii("FINDING")?;
        }
        for (key, title) in [("?", " Help "), ("L", "Everything that"), ("u", "Not read "), (":", "Commands")]
        {
            terminal.press([key])?;
            ascii(title)?;
        }
        terminal.resize(39, 10)?;
        ascii("Too small.")?;
    }
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn a_file_that_is_wrong_is_named_and_the_terminal_is_left_alone() -> Result<()> {
    let terminal = Terminal::open(80, 24)?;
    let home = terminal.home();
    std::fs::write(home.join("theme.yaml"), "inherits: dark\nroles: {blocker: {fg: nocolour}}\n")?;
    std::fs::write(home.join("keys.yaml"), "quit: [QQ]\n")?;
    for (arguments, name) in [
        ("--theme ./theme.yaml", "theme.yaml"),
        ("--theme ./missing.yaml", "missing.yaml"),
        ("--theme nosuch", "nosuch"),
        ("--keys ./keys.yaml", "keys.yaml"),
        ("--keys ./missing.yaml", "missing.yaml"),
    ] {
        terminal.clear()?;
        enter(&terminal, &format!("kubelift demo {arguments}"))?;
        let screen = ended(&terminal, 2)?;
        let message = screen.line_with("kubelift: ")?;
        assert!(message.contains(name), "{screen}");
        // What was there before is still there.
        assert!(screen.shows("kubelift demo"), "{screen}");
    }
    assert_eq!(terminal.modes()?, FREE);
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn keys_of_ones_own_work_and_are_the_ones_shown() -> Result<()> {
    let terminal = Terminal::open(120, 24)?;
    std::fs::write(terminal.home().join("keys.yaml"), "quit: [X, ctrl-c]\nlog: [ctrl-o]\n")?;
    enter(&terminal, "kubelift demo --keys ~/keys.yaml")?;
    let screen = judged(&terminal)?;
    assert!(screen.ends_with("X quit") && screen.shows("ctrl-o log"), "{screen}");
    terminal.press(["q", "C-o"])?;
    terminal.see("Everything that was done and asked")?;
    terminal.press(["X"])?;
    ended(&terminal, 0)?;
    Ok(())
}
