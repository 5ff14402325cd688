//! What a user can open, and that it says what `check` says.

use anyhow::{Context, Result};
use kubelift::checks::CHECKS;

use crate::terminal::{Screen, Terminal};
use crate::{Finding, Report, demo, ended, judged};

#[test]
#[ignore = "tmux"]
fn every_pane_and_every_finding_opens_and_is_what_check_says() -> Result<()> {
    let report = Report::of(&["--demo"])?;
    let terminal = demo(80, 24, "kubelift demo")?;
    for (at, check) in CHECKS.iter().enumerate() {
        let findings = report.of_check(check.id);
        assert!(!findings.is_empty(), "the demo has something to say in every pane: {}", check.id);
        let list = judged(&terminal)?;
        assert!(list.line_with(check.title)?.contains(&standing(&findings)), "{list}");

        terminal.press(["Enter"])?;
        let title = format!("┌ {} ─", check.title);
        let pane = terminal.see(&title)?;
        assert!(pane.line_with(&title)?.contains(&tally(&findings)), "{pane}");
        assert!(pane.shows("Why, and what to do"), "{pane}");

        terminal.press(["Enter"])?;
        for (number, finding) in (1..).zip(&findings) {
            let place = format!("─ {number} of {} ─┐", findings.len());
            let detail = terminal.see(&place)?;
            assert!(detail.line_with(&place)?.starts_with(&title), "{detail}");
            let head = format!("│ {} · {}", finding.code, word(&finding.severity));
            assert!(detail.shows(&head), "{head}: {detail}");
            terminal.press(["n"])?;
        }
        terminal.press(["Escape"])?;
        terminal.see("Why, and what to do")?;
        terminal.press(["Escape"])?;
        if at + 1 < CHECKS.len() {
            judged(&terminal)?;
            terminal.press(["Down"])?;
        }
    }
    judged(&terminal)?;
    terminal.press(["q"])?;
    ended(&terminal, 0)?;
    Ok(())
}

/// How the list of panes shows the worst of some findings: `1 blocker`, and `ok` where nothing is wrong.
fn standing(findings: &[&Finding]) -> String {
    if worst(findings) == "pass" { "ok".to_owned() } else { tally(findings) }
}

/// How many of the worst there are.
fn tally(findings: &[&Finding]) -> String {
    let worst = worst(findings);
    let count = findings.iter().filter(|finding| finding.severity == worst).count();
    let plural = if count == 1 || matches!(worst, "unknown" | "pass") { "" } else { "s" };
    format!("{count} {}{plural}", word(worst))
}

/// A severity as screens say it.
fn word(severity: &str) -> &str {
    if severity == "pass" { "ok" } else { severity }
}

fn worst<'a>(findings: &[&'a Finding]) -> &'a str {
    let order = ["blocker", "unknown", "warning", "notice"];
    let there = |severity: &&str| findings.iter().any(|finding| finding.severity == *severity);
    order.into_iter().find(there).unwrap_or("pass")
}

#[test]
#[ignore = "tmux"]
fn a_filter_shows_lines_with_a_word_and_its_inverse_the_others() -> Result<()> {
    let terminal = demo(80, 24, "kubelift demo")?;
    terminal.write(":open apparmor")?;
    terminal.press(["Enter"])?;
    terminal.see("┌ AppArmor ─")?;
    terminal.write("/web")?;
    let with = terminal.see("/web shows ")?;
    terminal.press(["Enter"])?;
    let accepted = terminal.see(" ? help")?;
    assert_eq!(shown(&accepted, "/web")?, shown(&with, "/web")?);
    assert!(rows(&accepted).iter().all(|row| row.contains("shop/Deployment/web")), "{accepted}");

    terminal.press(["Escape"])?;
    terminal.see_no_more("/web shows ")?;
    terminal.write("/!web")?;
    terminal.press(["Enter"])?;
    let without = terminal.see("/!web shows ")?;
    assert!(!rows(&without).iter().any(|row| row.contains("shop/Deployment/web")), "{without}");
    let ((some, all), (others, same)) = (shown(&accepted, "/web")?, shown(&without, "/!web")?);
    assert!(some > 0 && others > 0, "{some} and {others}");
    assert_eq!((all, some + others), (same, all));

    // It holds on the first screen too, which says so, for its verdicts must not be taken for those of all.
    terminal.press(["h"])?;
    let list = terminal.see("Ready for 1.31.")?;
    assert!(list.line_with("Ready for 1.31.")?.contains("/!web"), "{list}");
    assert!(list.line_with("AppArmor")?.contains(&format!("{others} of {all}")), "{list}");
    terminal.press(["Escape"])?;
    let list = terminal.see_no_more("/!web")?;
    assert!(list.line_with("AppArmor")?.contains("1 blocker"), "{list}");
    Ok(())
}

/// The numbers in `/word shows 2 of 7`.
fn shown(screen: &Screen, filter: &str) -> Result<(usize, usize)> {
    let start = format!("{filter} shows ");
    let line = screen.line_with(&start)?;
    let words: Vec<&str> = line.split(&start).nth(1).unwrap_or("").split(' ').take(3).collect();
    match words[..] {
        [some, "of", all] => Ok((some.parse()?, all.parse()?)),
        _ => anyhow::bail!("{line}"),
    }
}

/// The rows of a pane's findings, above the reasons.
fn rows(screen: &Screen) -> Vec<&str> {
    let rows = screen.lines.iter().skip_while(|line| !line.contains("SUBJECT")).skip(1);
    let rows = rows
        .take_while(|line| !line.starts_with('├'))
        .filter(|line| !line.trim_matches('│').trim().is_empty());
    rows.map(String::as_str).collect()
}

#[test]
#[ignore = "tmux"]
fn another_target_is_judged_at_once_and_a_wrong_one_changes_nothing() -> Result<()> {
    let terminal = demo(80, 24, "kubelift --demo")?;
    let aim = |target: &str| -> Result<()> {
        terminal.press(["t"])?;
        terminal.see("target: ")?;
        terminal.write(target)?;
        terminal.press(["Enter"])
    };
    terminal.press(["Enter"])?;
    let one_hop = terminal.see("┌ Versions and skew ─")?;
    assert!(!one_hop.shows("in 2 hops"), "{one_hop}");

    aim("1.32")?;
    let two_hops = terminal.see("in 2 hops, through 1.31")?;
    assert!(two_hops.lines[1].starts_with(" 1.30.6 → 1.32."), "{two_hops}");
    assert!(!two_hops.lines[1].contains("chosen"), "{two_hops}");

    for (wrong, answer) in [("1.99", "no patch of 1.99 is known"), ("soon", "target: ")] {
        aim(wrong)?;
        let refused = terminal.see(answer)?;
        assert!(refused.lines[1].starts_with(" 1.30.6 → 1.32."), "{refused}");
    }

    aim("")?;
    let chosen = terminal.see("target chosen by kubelift")?;
    assert!(chosen.lines[1].starts_with(" 1.30.6 → 1.31."), "{chosen}");
    terminal.see_no_more("in 2 hops")?;
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn help_commands_log_and_what_was_not_read_open_and_close() -> Result<()> {
    let terminal = demo(80, 24, "kubelift demo")?;
    let close = |title: &str| -> Result<()> {
        terminal.press(["Escape"])?;
        terminal.see_no_more(title)?;
        judged(&terminal).map(drop)
    };

    terminal.press(["?"])?;
    let help = terminal.see("┌ Help ─")?;
    assert!(help.shows("enter") && help.shows("open [PANE]"), "{help}");
    // Nothing of it is out of reach.
    terminal.press(["G"])?;
    let end = terminal.see("more above")?;
    assert!(!end.shows("more below") && end.shows("AppArmor"), "{end}");
    close("┌ Help ─")?;

    terminal.press([":"])?;
    terminal.see("┌ Commands ─")?;
    terminal.write("refr")?;
    let found =
        terminal.wait_for("one command", |screen| screen.shows(":refr") && !screen.shows("palette"))?;
    assert!(found.shows("Read everything again now"), "{found}");
    terminal.press(["Enter"])?;
    terminal.see("reading everything again")?;
    terminal.write(":nonsense")?;
    terminal.press(["Enter"])?;
    terminal.see("there is no command `nonsense` here")?;

    terminal.press(["L"])?;
    let log = terminal.see("┌ Everything that was done and asked ─")?;
    assert!(log.shows("200"), "{log}");
    terminal.write("/pods?limit")?;
    let listed = terminal.see("/pods?limit shows ")?;
    let (some, all) = shown(&listed, "/pods?limit")?;
    assert!(some > 0 && some < all, "{listed}");
    terminal.press(["Enter"])?;
    terminal.see(" ? help")?;
    terminal.press(["Escape"])?;
    terminal.see_no_more("/pods?limit shows")?;
    close("┌ Everything that was done and asked ─")?;

    terminal.press(["u"])?;
    let unread = terminal.see("┌ Not read ─")?;
    assert!(unread.shows("probe node facts of w2: unreachable (w2 does not answer"), "{unread}");
    close("WHY NOT")?;
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn what_is_pasted_is_never_taken_for_keys() -> Result<()> {
    let terminal = demo(80, 24, "kubelift demo")?;
    terminal.paste("q\nq\n")?;
    terminal.see("what was pasted was not taken as keys")?;
    terminal.press(["/"])?;
    terminal.paste("ledger")?;
    terminal.see("/ledger")?;
    Ok(())
}

/// Opens a pane by name, wherever the user is.
pub(crate) fn open(terminal: &Terminal, check: &str) -> Result<Screen> {
    let title = CHECKS.iter().find(|own| own.id == check).context("a check")?.title;
    terminal.write(&format!(":open {check}"))?;
    terminal.see(&format!(":open {check}"))?;
    terminal.press(["Enter"])?;
    terminal.wait_for(&format!("pane {title}"), |screen| {
        screen.shows("FINDING") && screen.shows(title) && !screen.shows(":open")
    })
}
