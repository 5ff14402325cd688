//! Running a command of the kubeconfig: what exactly, with which terminal, and within which bounds.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::cluster::environment::Environment;
use crate::redact::{MASK, may_name_secret, redact};
use crate::text::{Document, Text};

/// The most that a plugin may write to standard output, in bytes.
const MAX_OUTPUT: u64 = 1 << 20;

/// How much of what it writes to standard error is kept, in bytes.
const MAX_STDERR: u64 = 4 << 10;

/// How long a command may take that talks to nobody.
const ALONE: Duration = Duration::from_secs(60);

/// How long a command may take that talks to a person: a login in a browser.
const WITH_PERSON: Duration = Duration::from_secs(10 * 60);

/// A command exactly as it will run, beyond the environment of kubelift itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CommandLine {
    /// The program: a path, or a name to look up in PATH.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables that the kubeconfig sets.
    pub env: Vec<(String, String)>,
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CommandLine").field(&self.shown()).finish()
    }
}

impl CommandLine {
    /// The command to be shown, as a shell would have it, without what may be a secret:
    /// `AWS_PROFILE=prod VAULT_TOKEN=[masked] aws eks get-token --cluster-name 'my cluster'`.
    pub fn shown(&self) -> Text {
        let mut words: Vec<String> = Vec::new();
        for (name, value) in &self.env {
            let value = if may_name_secret(name) { Cow::Borrowed(MASK) } else { redact(value) };
            words.push(format!("{name}={}", quoted(&value)));
        }
        words.push(quoted(&redact(&self.program)));
        let mut before = "";
        for arg in &self.args {
            words.push(quoted(&shown_arg(arg, before)));
            before = arg;
        }
        Text::new(&words.join(" "))
    }
}

/// An argument without its secret, if it has one or is one: `before` is the argument before it.
fn shown_arg<'a>(arg: &'a str, before: &str) -> Cow<'a, str> {
    // A script is an argument with blanks: of that, all but its secrets must be seen.
    if let Some((name, value)) = arg.split_once('=').filter(|_| !arg.contains(char::is_whitespace))
        && may_name_secret(name)
        && !value.is_empty()
    {
        return Cow::Owned(format!("{name}={MASK}"));
    }
    let is_value = before.starts_with('-') && !before.contains('=') && !arg.starts_with('-');
    if is_value && may_name_secret(before) { Cow::Borrowed(MASK) } else { redact(arg) }
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.replace(MASK, "").chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Whose the terminal is while a command runs. Dropped when it has ended.
pub struct Terminal {
    /// Whether the command has it, to ask for a password or to show a code.
    pub lent: bool,
    /// What gives it back.
    back: Option<Box<dyn Any + Send>>,
}

impl Terminal {
    /// There is none for the command.
    pub const fn none() -> Self {
        Self { lent: false, back: None }
    }

    /// The command has it; `back` is dropped when it has ended.
    pub fn lent(back: impl Any + Send) -> Self {
        Self { lent: true, back: Some(Box::new(back)) }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("lent", &self.lent).field("back", &self.back.is_some()).finish()
    }
}

/// How a command failed.
#[derive(Debug)]
pub(super) enum CommandFailure {
    /// There is no such program.
    NotFound,
    /// Anything else.
    Other(Text),
}

/// Runs `command` and gives what it wrote to standard output. With the terminal it may ask a person, and has longer.
pub(super) async fn run(
    command: &CommandLine,
    environment: &Environment,
    exec_info: Option<&str>,
    has_terminal: bool,
) -> Result<Vec<u8>, CommandFailure> {
    let program = look_up(&command.program, environment).ok_or(CommandFailure::NotFound)?;
    let mut prepared = Command::new(program);
    prepared.args(&command.args).env_clear().envs(environment.variables());
    prepared.envs(command.env.iter().map(|(name, value)| (name, value)));
    if let Some(info) = exec_info {
        prepared.env("KUBERNETES_EXEC_INFO", info);
    }
    let (input, errors) =
        if has_terminal { (Stdio::inherit(), Stdio::inherit()) } else { (Stdio::null(), Stdio::piped()) };
    prepared.stdin(input).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
    let mut child = prepared.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => CommandFailure::NotFound,
        _ => other(format!("it cannot be started: {error}")),
    })?;
    let output = child.stdout.take();
    let errors = child.stderr.take();
    let limit = if has_terminal { WITH_PERSON } else { ALONE };
    let ended = tokio::time::timeout(limit, async {
        let (output, errors) = tokio::join!(bounded(output, MAX_OUTPUT), bounded(errors, MAX_STDERR));
        (output, errors, child.wait().await)
    });
    let Ok((output, errors, status)) = ended.await else {
        return Err(other(format!("it did not end within {} s and was stopped", limit.as_secs())));
    };
    let status = status.map_err(|error| other(format!("its end was not seen: {error}")))?;
    if !status.success() {
        let (errors, _) = errors.unwrap_or_default();
        let errors =
            Document::from(redact(String::from_utf8_lossy(&errors).trim()).as_ref()).replace('\n', " / ");
        let said = if errors.is_empty() { String::new() } else { format!(": {errors}") };
        return Err(other(format!("it ended with {status}{said}")));
    }
    match output {
        Err(error) => Err(other(format!("its output cannot be read: {error}"))),
        Ok((_, true)) => Err(other(format!("it wrote more than {} MiB", MAX_OUTPUT >> 20))),
        Ok((output, false)) => Ok(output),
    }
}

fn other(why: String) -> CommandFailure {
    CommandFailure::Other(Text::new(&why))
}

/// Reads to the end but keeps `max` bytes, and says whether there were more. A program that writes more is not
/// stopped by a full pipe.
async fn bounded(stream: Option<impl AsyncRead + Unpin>, max: u64) -> std::io::Result<(Vec<u8>, bool)> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return Ok((kept, false)) };
    (&mut stream).take(max).read_to_end(&mut kept).await?;
    let more = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok((kept, more > 0))
}

/// The program's path. A name without a slash is looked up in PATH, in its absolute folders only: what lies in the
/// working directory is never meant. As in client-go, the PATH is kubelift's own, whatever the kubeconfig sets.
fn look_up(program: &str, environment: &Environment) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(environment.absolute(Path::new(program)));
    }
    let folders = std::env::split_paths(environment.os("PATH")?);
    folders
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}
