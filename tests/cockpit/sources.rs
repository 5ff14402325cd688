//! Copies, recordings, lines instead of screens, and who is asked before anything is shown.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::screens::open;
use crate::terminal::{FREE, Screen, Terminal};
use crate::{KUBELIFT, demo, ended, enter, judged};

#[test]
#[ignore = "tmux"]
fn what_is_copied_is_in_the_clipboard_and_in_a_private_file_that_is_named() -> Result<()> {
    let terminal = demo(80, 24, "kubelift demo")?;
    open(&terminal, "deprecated-apis")?;
    terminal.see("somebody calls")?;
    terminal.press(["y"])?;
    let said = terminal.see("copied")?;
    let path = said.line_with("copied")?.split_whitespace().find(|word| word.ends_with(".txt;"));
    let path = path.with_context(|| format!("the whole path of the file:\n{said}"))?;
    let path = terminal.home().join(path.trim_start_matches("~/").trim_end_matches(';'));
    let written = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    assert!(written.starts_with("jq -r 'select("), "{written}");
    assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    assert_eq!(terminal.clipboard()?, written);

    // A finding as a whole, and a line of the log.
    terminal.press(["Y"])?;
    crate::terminal::wait(|| Ok(terminal.clipboard()?.contains("DeprecatedApiCalled")))?;
    terminal.press(["L"])?;
    terminal.see("Everything that was done and asked")?;
    terminal.write("/readyz")?;
    terminal.see("/readyz shows ")?;
    terminal.press(["Enter"])?;
    terminal.see(" ? help")?;
    terminal.press(["y"])?;
    crate::terminal::wait(|| Ok(terminal.clipboard()?.contains(" GET /")))
}

#[test]
#[ignore = "tmux"]
fn a_recording_shows_the_same_findings_offline_and_says_if_it_was_changed() -> Result<()> {
    let terminal = Terminal::open(80, 24)?;
    let file = terminal.home().join("prod.rec");
    let recorded = Command::new(KUBELIFT).args(["record", "--demo", "--once"]).arg(&file).output()?;
    assert!(recorded.status.success(), "{recorded:?}");

    // Nothing can be dialled where no network is.
    enter(&terminal, "unshare --user --net kubelift --recording prod.rec || kubelift --recording prod.rec")?;
    let whole = terminal.see("RECORDING · prod.rec")?;
    assert!(whole.lines[1].contains("as of 2"), "{whole}");
    let live = demo(80, 24, "kubelift demo")?;
    assert_eq!(panes(&whole), panes(&judged(&live)?));
    terminal.press(["R"])?;
    terminal.see("refresh: a recording cannot be read again")?;
    open(&terminal, "versions")?;
    terminal.press(["t"])?;
    terminal.see("target: ")?;
    terminal.write("1.32")?;
    terminal.press(["Enter"])?;
    terminal.see("in 2 hops")?;
    terminal.press(["q"])?;
    ended(&terminal, 0)?;

    let text = std::fs::read_to_string(&file)?;
    let lines: Vec<&str> = text.lines().collect();
    let [header, evidence, close] = lines[..] else { anyhow::bail!("{} frames", lines.len()) };
    for (content, says) in [
        (format!("{header}\n{evidence}\n"), "CUT RECORDING"),
        (format!("{header}\n{evidence}\n{}\n", close.replace("null", "1234")), "CHANGED RECORDING"),
    ] {
        std::fs::write(&file, content)?;
        terminal.clear()?;
        enter(&terminal, "kubelift --recording prod.rec")?;
        let screen = terminal.see("Ready for")?;
        assert!(screen.lines[0].contains(says), "{screen}");
        terminal.resize(40, 12)?;
        let small =
            terminal.wait_for("the small size", |screen| screen.lines.len() == 12 && screen.shows("NO"))?;
        assert!(small.lines[0].contains(says), "{small}");
        terminal.resize(80, 24)?;
        terminal.see("Cluster")?;
        terminal.press(["q"])?;
        ended(&terminal, 0)?;
    }
    // Where the evidence itself does not hold there is nothing to show.
    std::fs::write(&file, text.replacen("\"packed\":\"H", "\"packed\":\"h", 1))?;
    terminal.clear()?;
    enter(&terminal, "kubelift --recording prod.rec")?;
    let refused = ended(&terminal, 2)?;
    assert!(refused.shows("kubelift: prod.rec: "), "{refused}");
    Ok(())
}

/// The lines of the first screen's panes.
fn panes(screen: &Screen) -> Vec<&str> {
    let lines = screen.lines.iter().skip(3).take_while(|line| !line.starts_with('├'));
    lines.map(String::as_str).collect()
}

#[test]
#[ignore = "tmux"]
fn a_credential_plugin_is_asked_about_before_the_screens_are_up() -> Result<()> {
    let terminal = Terminal::open(80, 24)?;
    let home = terminal.home();
    // Nobody listens there: what is tried is what comes before.
    std::fs::write(
        home.join("kubeconfig"),
        "apiVersion: v1
kind: Config
current-context: prod
contexts: [{name: prod, context: {cluster: prod, user: sre}}]
clusters: [{name: prod, cluster: {server: 'https://127.0.0.1:9'}}]
users:
- name: sre
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./login
      args: [get-token, --cluster, prod]
      interactiveMode: IfAvailable
",
    )?;
    let credential =
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}"#;
    std::fs::write(home.join("login"), format!("#!/bin/sh\necho ran >>ran\necho '{credential}'\n"))?;
    std::fs::set_permissions(home.join("login"), std::fs::Permissions::from_mode(0o700))?;
    enter(&terminal, "kubelift --kubeconfig kubeconfig")?;
    let asked = terminal.see("Run it? [y/N]")?;
    assert!(asked.shows("User sre") && asked.shows("login get-token --cluster prod"), "{asked}");
    assert_eq!(terminal.modes()?, FREE);
    terminal.press(["n", "Enter"])?;
    let refused = ended(&terminal, 1)?;
    assert!(refused.shows("kubelift: not run, as you chose"), "{refused}");
    assert!(!home.join("ran").exists(), "what was refused has run");

    terminal.clear()?;
    enter(&terminal, "kubelift --kubeconfig kubeconfig")?;
    terminal.see("Run it? [y/N]")?;
    terminal.press(["y", "Enter"])?;
    let screen = terminal.see("API gone since")?;
    assert!(screen.shows("NOT KNOWN") && screen.shows("INSPECT"), "{screen}");
    assert_eq!(std::fs::read_to_string(home.join("ran"))?, "ran\n");
    terminal.press(["q"])?;
    ended(&terminal, 0)?;
    Ok(())
}

#[test]
fn plain_is_lines_without_any_sequence_from_a_pipe() -> Result<()> {
    let plain = |arguments: &[&str], input: &str| -> Result<String> {
        use std::io::Write as _;
        let mut command = Command::new(KUBELIFT);
        command.args(["--plain", "--demo"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        child.stdin.take().context("its input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout)?;
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
        Ok(text)
    };
    // It ends where its input does, after the verdict.
    let told = plain(&[], "")?;
    assert!(told.contains("? NO"), "{told}");
    let helped = plain(&[], "help\nopen apparmor\nquit\n")?;
    assert!(helped.contains("quit: ") && helped.contains("AppArmor: "), "{helped}");
    Ok(())
}

#[test]
#[ignore = "tmux"]
fn plain_is_lines_on_a_terminal_too_and_ends_when_asked() -> Result<()> {
    let terminal = Terminal::open(80, 50)?;
    let settings = terminal.line_settings()?;
    enter(&terminal, "kubelift --plain demo --theme dark")?;
    terminal.see("? NO")?;
    assert_eq!(terminal.modes()?, FREE);
    assert_eq!(terminal.line_settings()?, settings, "whoever types sees it");
    terminal.enter("unread")?;
    terminal.see("probe node facts of w2")?;
    assert!(!terminal.screen_with_colours()?.contains('\x1b'));
    terminal.enter("quit")?;
    ended(&terminal, 0)?;
    terminal.clear()?;
    enter(&terminal, "kubelift --plain demo")?;
    terminal.see("? NO")?;
    terminal.press(["C-d"])?;
    ended(&terminal, 0)?;
    Ok(())
}
