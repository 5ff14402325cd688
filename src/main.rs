//! kubelift: a terminal cockpit for upgrading kubeadm clusters.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use kubelift::cli::Cli;
use kubelift::run;

fn main() -> ExitCode {
    let cli = Cli::of(std::env::args_os()).unwrap_or_else(|error| error.exit());
    match start(cli) {
        Ok(code) => ExitCode::from(code),
        // As a shell says it of a program that SIGPIPE ended.
        Err(error) if run::is_broken_pipe(&error) => ExitCode::from(141),
        Err(error) => {
            // A cause that only repeats what is above it helps nobody.
            let mut message = error.to_string();
            for cause in error.chain().skip(1).map(ToString::to_string) {
                if !message.contains(&cause) {
                    message = format!("{message}: {cause}");
                }
            }
            eprintln!("kubelift: {message}");
            ExitCode::from(run::exit_code(&error))
        }
    }
}

fn start(cli: Cli) -> Result<u8> {
    if let Some(path) = &cli.debug_log {
        log_to(path)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("the asynchronous runtime could not be started")?;
    let ended = runtime.block_on(run::run(cli));
    // What still reads when the user has left is not waited for.
    runtime.shutdown_background();
    ended
}

/// Writes diagnostics to a file that only its owner can read: they name objects of the cluster.
fn log_to(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(path)
        .with_context(|| format!("the debug log {} could not be opened", path.display()))?;
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "kubelift=debug".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(file).with_ansi(false).init();
    Ok(())
}
