//! A terminal for tests: a shell in tmux, as whoever upgrades clusters has it, typed into and read from by commands.
//!
//! A test that needs it is marked `#[ignore = "tmux"]`; `tests/run` runs those where tmux is installed. Each terminal
//! has a server, a home and an environment of its own, and shares nothing with the tmux of whoever runs the tests.
//! Nothing sleeps for a time that should do: the screen is asked again and again until it shows what is waited for.
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// How long a screen may take to show something. Never a measure: a machine may be busy with much else.
const DEADLINE: Duration = Duration::from_secs(30);

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(40);

/// What the shell of every terminal writes when it waits for a command.
pub(crate) const PROMPT: &str = "shell$";

/// tmux's own settings: its lines are all the program's, and it takes what is copied, as many have it.
const SETTINGS: &str = "
set -g status off
set -g default-terminal tmux-256color
set -g history-limit 200
set -s set-clipboard on
";

/// A terminal with a shell in it that finds `kubelift`; ended, with all that runs in it, on drop or when the test program ends.
#[derive(Debug)]
pub(crate) struct Terminal {
    folder: TempDir,
}

/// What a terminal shows at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Its lines from the top, without blanks at their ends.
    pub(crate) lines: Vec<String>,
}

/// What a terminal was told beside text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Modes {
    /// Whether the alternate screen is shown, which leaves what was before as it was.
    pub(crate) alternate: bool,
    /// Whether the cursor is seen.
    pub(crate) cursor: bool,
    /// Whether the mouse goes to the program.
    pub(crate) mouse: bool,
}

/// The modes of a terminal that no program has taken.
pub(crate) const FREE: Modes = Modes { alternate: false, cursor: true, mouse: false };

impl Terminal {
    /// A terminal of so many columns and rows.
    pub(crate) fn open(columns: u16, rows: u16) -> Result<Self> {
        Self::open_by(columns, rows, Command::new("tmux"))
    }

    /// The same, where `tmux` is the command that starts tmux: in another network, say.
    pub(crate) fn open_by(columns: u16, rows: u16, mut tmux: Command) -> Result<Self> {
        let terminal = Self { folder: tempfile::Builder::new().prefix("kubelift-terminal-").tempdir()? };
        let folder = terminal.folder.path();
        std::fs::create_dir(terminal.home())?;
        std::fs::write(folder.join("tmux.conf"), SETTINGS)?;
        let kubelift = Path::new(env!("CARGO_BIN_EXE_kubelift")).parent().context("a program in a folder")?;
        let settings = format!("unset HISTFILE\nPS1='{PROMPT} '\nPATH='{}':$PATH\n", kubelift.display());
        std::fs::write(folder.join("bashrc"), settings)?;
        // --noediting: a shell that edits lines changes the terminal's modes by itself.
        tmux.env_clear().env("LANG", "C.UTF-8").env("HOME", terminal.home());
        if let Some(path) = std::env::var_os("PATH") {
            tmux.env("PATH", path);
        }
        tmux.arg("-S").arg(terminal.socket()).arg("-f").arg(folder.join("tmux.conf"));
        tmux.args(["new-session", "-d", "-x", &columns.to_string(), "-y", &rows.to_string()]);
        tmux.arg("-c").arg(terminal.home());
        tmux.args(["bash", "--noprofile", "--noediting", "--rcfile"]).arg(folder.join("bashrc"));
        run(&mut tmux)?;
        // A test program that is killed drops nothing.
        let watch = format!(
            "while kill -0 {} 2>/dev/null; do sleep 1; done; tmux -S {} kill-server",
            std::process::id(),
            terminal.socket().display()
        );
        terminal.tmux(["run-shell", "-b", &watch])?;
        terminal.wait_for("the shell's prompt", |screen| screen.ends_with(PROMPT))?;
        Ok(terminal)
    }

    /// The home of whatever runs in it.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Where tmux itself listens.
    fn socket(&self) -> PathBuf {
        self.folder.path().join("tmux")
    }

    /// Asks tmux; its answer.
    pub(crate) fn tmux<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<String> {
        run(Command::new("tmux").arg("-S").arg(self.socket()).args(arguments).env_remove("TMUX"))
    }

    /// Presses keys by tmux's names: `q`, `Enter`, `C-c`, `PageDown`. A key right after `Escape` would be taken with
    /// Alt: wait first for what `Escape` does.
    pub(crate) fn press<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) -> Result<()> {
        let keys: Vec<K> = keys.into_iter().collect();
        let arguments = ["send-keys"].into_iter().chain(keys.iter().map(AsRef::as_ref));
        self.tmux(arguments).map(drop)
    }

    /// Types a text as it is.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        self.tmux(["send-keys", "-l", text]).map(drop)
    }

    /// Types a command line for the shell.
    pub(crate) fn enter(&self, line: &str) -> Result<()> {
        self.write(line)?;
        self.press(["Enter"])
    }

    /// Has the shell empty the screen.
    pub(crate) fn clear(&self) -> Result<()> {
        self.enter("clear")?;
        let empty = |screen: &Screen| {
            let mut lines = screen.lines.iter().filter(|line| !line.is_empty());
            lines.next().is_some_and(|line| line == PROMPT) && lines.next().is_none()
        };
        self.wait_for("an empty screen", empty).map(drop)
    }

    /// Pastes a text, in brackets if the program has asked for them.
    pub(crate) fn paste(&self, text: &str) -> Result<()> {
        self.tmux(["set-buffer", "-b", "pasted", text])?;
        self.tmux(["paste-buffer", "-p", "-d", "-b", "pasted"]).map(drop)
    }

    /// Writes on it from outside, as another program in the background does.
    pub(crate) fn scribble(&self, text: &str) -> Result<()> {
        std::fs::write(self.tmux(["display-message", "-p", "#{pane_tty}"])?.trim(), text).map_err(Into::into)
    }

    /// What it shows now.
    pub(crate) fn screen(&self) -> Result<Screen> {
        let text = self.tmux(["capture-pane", "-p"])?;
        Ok(Screen { lines: text.lines().map(|line| line.trim_end().to_owned()).collect() })
    }

    /// The same with the sequences that colour it.
    pub(crate) fn screen_with_colours(&self) -> Result<String> {
        self.tmux(["capture-pane", "-p", "-e"])
    }

    /// Waits until the screen is as `is` has it.
    ///
    /// # Errors
    /// At the deadline, with the screen that was there instead.
    pub(crate) fn wait_for(&self, what: &str, is: impl Fn(&Screen) -> bool) -> Result<Screen> {
        let mut screen = self.screen()?;
        wait(|| {
            screen = self.screen()?;
            Ok(is(&screen))
        })
        .with_context(|| format!("waited for {what}; the screen is\n{screen}"))?;
        Ok(screen)
    }

    /// Waits until the screen shows a text in one line.
    pub(crate) fn see(&self, text: &str) -> Result<Screen> {
        self.wait_for(&format!("`{text}`"), |screen| screen.shows(text))
    }

    /// Waits until the screen shows a text no more.
    pub(crate) fn see_no_more(&self, text: &str) -> Result<Screen> {
        self.wait_for(&format!("`{text}` to go"), |screen| !screen.shows(text))
    }

    /// Makes it larger or smaller.
    pub(crate) fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        self.tmux(["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]).map(drop)
    }

    /// What it was told beside text.
    pub(crate) fn modes(&self) -> Result<Modes> {
        let format = "#{alternate_on} #{cursor_flag} #{mouse_any_flag}";
        let answer = self.tmux(["display-message", "-p", format])?;
        let flags: Vec<bool> = answer.split_whitespace().map(|flag| flag == "1").collect();
        match flags[..] {
            [alternate, cursor, mouse] => Ok(Modes { alternate, cursor, mouse }),
            _ => bail!("tmux's answer is {answer:?}"),
        }
    }

    /// The settings of its line discipline, without its size: `icanon`, `echo` and the like.
    pub(crate) fn line_settings(&self) -> Result<String> {
        let tty = self.tmux(["display-message", "-p", "#{pane_tty}"])?;
        let all = run(Command::new("stty").arg("-a").arg("-F").arg(tty.trim()))?;
        Ok(all.lines().skip(1).collect::<Vec<_>>().join("\n"))
    }

    /// The program that the shell waits for, by its process id.
    pub(crate) fn program(&self) -> Result<u32> {
        child(self.tmux(["display-message", "-p", "#{pane_pid}"])?.trim().parse()?)
    }

    /// What was copied last, by tmux itself or by a program that asked it to.
    pub(crate) fn clipboard(&self) -> Result<String> {
        self.tmux(["show-buffer"])
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Err(error) = self.tmux(["kill-server"]) {
            eprintln!("the terminal in {} is still open: {error:#}", self.folder.path().display());
        }
    }
}

impl Screen {
    /// Whether a text is in one of its lines.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.contains(text))
    }

    /// The first line with a text.
    pub(crate) fn line_with(&self, text: &str) -> Result<&str> {
        let line = self.lines.iter().find(|line| line.contains(text));
        line.map(String::as_str).with_context(|| format!("no line has `{text}`:\n{self}"))
    }

    /// Whether its last line with anything on it ends so.
    pub(crate) fn ends_with(&self, text: &str) -> bool {
        self.lines.iter().rev().find(|line| !line.is_empty()).is_some_and(|line| line.ends_with(text))
    }
}

impl std::fmt::Display for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// Waits until something is so.
///
/// # Errors
/// Its own error, or that the deadline has passed.
pub(crate) fn wait(mut is: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !is()? {
        if began.elapsed() > DEADLINE {
            bail!("it did not come within {} s", DEADLINE.as_secs());
        }
        std::thread::sleep(EVERY);
    }
    Ok(())
}

/// Sends a signal by name, as `TERM`, to one process.
pub(crate) fn send(signal: &str, process: u32) -> Result<()> {
    run(Command::new("kill").arg(format!("-{signal}")).arg(process.to_string())).map(drop)
}

/// The only child of a process.
pub(crate) fn child(parent: u32) -> Result<u32> {
    let mut found = None;
    for process in std::fs::read_dir("/proc")? {
        let Ok(id) = process?.file_name().to_string_lossy().parse::<u32>() else { continue };
        if stat(id).is_some_and(|(_, own)| own == parent) && found.replace(id).is_some() {
            bail!("process {parent} has more than one child");
        }
    }
    found.with_context(|| format!("process {parent} has no child"))
}

/// Whether a process is there and has not ended.
pub(crate) fn runs(process: u32) -> bool {
    stat(process).is_some_and(|(state, _)| state != 'Z')
}

/// Whether a process is stopped.
pub(crate) fn is_stopped(process: u32) -> bool {
    stat(process).is_some_and(|(state, _)| state == 'T')
}

/// A process's state and its parent, as proc(5) has them.
fn stat(process: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before may hold anything, also brackets.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}: {}", output.status, said.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
