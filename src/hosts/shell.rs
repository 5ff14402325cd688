//! Where a POSIX shell script can run: this machine here, others by the same trait.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::text::Document;

/// How much of a script's complaints is kept, in bytes.
const STDERR_LIMIT: u64 = 16 * 1024;

/// A script, and the bounds within which it has to end.
#[derive(Debug, Clone)]
pub struct Script<'a> {
    /// Its text, given to `sh` on its standard input, so that nothing is written on the machine.
    pub text: &'a str,
    /// Environment variables, on top of those of the shell.
    pub environment: Vec<(&'a str, String)>,
    /// It is killed after this time.
    pub time_limit: Duration,
    /// It is killed when it prints more than this many bytes.
    pub output_limit: u64,
}

/// What a script printed, and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its standard output, whole.
    pub stdout: Vec<u8>,
    /// The beginning of its standard error.
    pub stderr: Document,
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
}

/// Why a script could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// There is no `sh`, or no process could be made.
    #[error("cannot start sh: {0}")]
    Start(#[source] io::Error),
    /// The pipes to the shell broke.
    #[error("lost the connection to sh: {0}")]
    Pipe(#[source] io::Error),
    /// It was killed.
    #[error("sh did not end within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It was killed.
    #[error("sh printed more than {0} bytes")]
    TooLong(u64),
}

/// A machine whose shell can be given a script.
pub trait Shell: Send + Sync {
    /// Runs `script` to its end. An exit code other than 0 is no error here.
    fn run<'a>(&'a self, script: Script<'a>) -> BoxFuture<'a, Result<Output, ShellError>>;
}

/// This machine's `sh`.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalShell;

impl Shell for LocalShell {
    fn run<'a>(&'a self, script: Script<'a>) -> BoxFuture<'a, Result<Output, ShellError>> {
        Box::pin(run_here(script))
    }
}

async fn run_here(script: Script<'_>) -> Result<Output, ShellError> {
    let mut child = Command::new("sh")
        .arg("-s")
        .envs(script.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(ShellError::Start)?;
    let stdin = child.stdin.take();
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let feed = async {
        match stdin {
            // A script may end before all of it was read: what it printed says how it went.
            Some(mut stdin) => match stdin.write_all(script.text.as_bytes()).await {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(ShellError::Pipe(error)),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    };
    let talk = async {
        let out = async {
            let bytes = read_up_to(stdout, script.output_limit + 1).await?;
            if bytes.len() as u64 > script.output_limit {
                return Err(ShellError::TooLong(script.output_limit));
            }
            Ok(bytes)
        };
        let complaints = async {
            let mut stderr = stderr;
            let bytes = read_up_to(stderr.as_mut(), STDERR_LIMIT).await?;
            if let Some(mut rest) = stderr {
                tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.map_err(ShellError::Pipe)?;
            }
            Ok(bytes)
        };
        let ((), stdout, stderr) = tokio::try_join!(feed, out, complaints)?;
        let status = child.wait().await.map_err(ShellError::Pipe)?;
        let stderr = Document::new(&String::from_utf8_lossy(&stderr));
        Ok(Output { stdout, stderr, code: status.code() })
    };
    // Dropping what is left of it on a return kills the shell.
    tokio::time::timeout(script.time_limit, talk)
        .await
        .map_err(|_| ShellError::TimedOut(script.time_limit))?
}

async fn read_up_to(from: Option<impl AsyncRead + Unpin>, limit: u64) -> Result<Vec<u8>, ShellError> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(limit).read_to_end(&mut bytes).await.map_err(ShellError::Pipe)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Script<'_> {
        Script { text, environment: vec![], time_limit: Duration::from_secs(20), output_limit: 1000 }
    }

    #[tokio::test]
    async fn a_script_is_run_with_its_environment() {
        let mut given = script("echo \"$WORD\"; echo oops >&2; exit 3");
        given.environment.push(("WORD", "a b".to_owned()));
        let output = LocalShell.run(given).await.unwrap();
        assert_eq!(output.stdout, b"a b\n");
        assert_eq!(&*output.stderr, "oops\n");
        assert_eq!(output.code, Some(3));
    }

    #[tokio::test]
    async fn a_script_that_prints_too_much_is_stopped() {
        let error = LocalShell.run(script("while :; do echo xxxxxxxxxxxxxxx; done")).await.unwrap_err();
        assert!(matches!(error, ShellError::TooLong(1000)), "{error}");
        assert_eq!(LocalShell.run(script("printf %01000d 1")).await.unwrap().stdout.len(), 1000);
    }

    #[tokio::test]
    async fn a_script_that_does_not_end_is_stopped() {
        let mut given = script("while :; do :; done");
        given.time_limit = Duration::from_millis(200);
        let error = LocalShell.run(given).await.unwrap_err();
        assert!(matches!(error, ShellError::TimedOut(_)), "{error}");
    }

    #[tokio::test]
    async fn what_is_complained_of_at_length_blocks_nothing() {
        let text = "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789 >&2; i=$((i+1)); done; echo done";
        let output = LocalShell.run(script(text)).await.unwrap();
        assert_eq!(output.stdout, b"done\n");
        assert_eq!(output.stderr.len() as u64, STDERR_LIMIT);
    }
}
