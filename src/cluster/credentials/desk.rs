//! Who is asked before a command of the kubeconfig runs, and who has the terminal meanwhile.

use std::io::{BufRead, IsTerminal, Write};

use futures::future::BoxFuture;

use super::command::{CommandLine, Terminal};
use crate::text::Text;

/// Whether a command may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It may, now and later in this session.
    Yes,
    /// It may not.
    No,
    /// Nobody is there to ask.
    Nobody,
}

/// The place where a person sits: asked before a command runs for the first time, and puts the screen aside while
/// it runs. The cockpit, a plain terminal and `check` in a script are three of them.
pub trait Desk: Send + Sync + 'static {
    /// Whether `command`, which has the credentials of `user`, may run. Asked once for each command line.
    fn consent<'a>(&'a self, user: &'a Text, command: &'a CommandLine) -> BoxFuture<'a, Consent>;

    /// Gives the terminal away while a command runs, if there is one to give.
    fn lend(&self) -> BoxFuture<'_, Terminal>;
}

/// Nobody is there: `check` in a script, with or without `--allow-exec`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unattended {
    /// `--allow-exec`.
    pub allow: bool,
}

impl Desk for Unattended {
    fn consent<'a>(&'a self, _: &'a Text, _: &'a CommandLine) -> BoxFuture<'a, Consent> {
        let consent = if self.allow { Consent::Yes } else { Consent::Nobody };
        Box::pin(std::future::ready(consent))
    }

    fn lend(&self) -> BoxFuture<'_, Terminal> {
        Box::pin(std::future::ready(Terminal::none()))
    }
}

/// A terminal without screens: shows the command on standard error, and asks unless `--allow-exec` is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct TerminalDesk {
    /// `--allow-exec`: the command is shown and not asked about.
    pub allow: bool,
}

impl Desk for TerminalDesk {
    fn consent<'a>(&'a self, user: &'a Text, command: &'a CommandLine) -> BoxFuture<'a, Consent> {
        let (allow, user, command) = (self.allow, user.clone(), command.shown());
        Box::pin(async move {
            if !allow && !is_terminal() {
                return Consent::Nobody;
            }
            let asked = tokio::task::spawn_blocking(move || ask(allow, &user, &command));
            asked.await.unwrap_or(Consent::Nobody)
        })
    }

    fn lend(&self) -> BoxFuture<'_, Terminal> {
        let terminal = if is_terminal() { Terminal::lent(()) } else { Terminal::none() };
        Box::pin(std::future::ready(terminal))
    }
}

fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn ask(allow: bool, user: &Text, command: &Text) -> Consent {
    let mut error = std::io::stderr().lock();
    // Whoever cannot be shown the command cannot agree to it.
    if writeln!(error, "User {user} gets its credentials by running:\n  {command}").is_err() {
        return Consent::Nobody;
    }
    if allow {
        return Consent::Yes;
    }
    if write!(error, "Run it? [y/N] ").and_then(|()| error.flush()).is_err() {
        return Consent::Nobody;
    }
    let mut answer = String::new();
    match std::io::stdin().lock().read_line(&mut answer) {
        Ok(0) | Err(_) => Consent::Nobody,
        Ok(_) if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") => Consent::Yes,
        Ok(_) => Consent::No,
    }
}
