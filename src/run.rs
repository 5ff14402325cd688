//! The commands: what each does, and how it ends.

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::actions::plan::{Decisions, Settings, StepState};
use crate::checks::target::Asked;
use crate::checks::{Target, Verdict};
use crate::cli::{self, Cli, Command};
use crate::hosts::probe;
use crate::report::{self, Format, plan};
use crate::session::Snapshot;
use crate::session::upgrade::{Guiding, owner};
use crate::sim;
use crate::source::{Guided, Source, SourceError, demo_folder};
use crate::ui;

mod record;
mod replay;

/// How long journal and recording may take to be closed when the user has left.
const CLOSING: std::time::Duration = std::time::Duration::from_secs(10);

/// Does what the command line says, and gives the exit code.
///
/// # Errors
/// What went wrong, for the user to read; the exit code is then that of [`exit_code`].
pub async fn run(cli: Cli) -> Result<u8> {
    let Cli { command, mut source, screen, .. } = cli;
    match command {
        None => open(&source, &screen, None).await,
        Some(Command::Demo { scenario, speed }) => {
            source.demo = Some(scenario);
            let guided = Guided { settings: Settings::default(), state: None, speed };
            open(&source, &screen, Some(guided)).await
        }
        Some(Command::Upgrade { upgrade, journal }) => {
            let guided =
                Guided { settings: upgrade.settings(&source), state: journal, speed: cli::UPGRADE_SPEED };
            open(&source, &screen, Some(guided)).await
        }
        Some(Command::Plan { upgrade, output }) => plan(&source, &upgrade, output).await,
        Some(Command::Check { output }) => check(&source, output).await,
        Some(Command::Simulate { scenario, listen, speed }) => simulate(&scenario, listen, speed).await,
        Some(Command::Probe { script }) => run_probe(script).await,
        Some(Command::Record { once, file }) => record::record(&source, &file, once).await,
        Some(Command::Replay { file }) => replay::replay(&source, &screen, &file).await,
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "kubelift", &mut script);
            io::stdout().write_all(&script).context("the completions could not be written")?;
            Ok(cli::READY)
        }
        Some(Command::Man) => {
            clap_mangen::Man::new(Cli::command())
                .render(&mut io::stdout())
                .context("the manual page could not be written")?;
            Ok(cli::READY)
        }
    }
}

/// Whether an error is only that nobody reads the output any more: `kubelift check | head`.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    io.is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
}

/// The exit code of an error: 2 where something else should have been asked for, 1 otherwise.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    #[cfg(feature = "tui")]
    if error.is::<ui::cockpit::OptionsError>() {
        return cli::USAGE;
    }
    error.downcast_ref::<SourceError>().map_or(cli::FAILED, SourceError::exit_code)
}

/// Reads what the flags name once, and judges it; nothing where the target cannot be, which is then said.
async fn judged(flags: &cli::Source) -> Result<Option<Snapshot>> {
    let source = Source::open(flags, false).await?;
    if let Some(warning) = source.warning() {
        complain(&warning);
    }
    let asked = source.asked().cloned();
    let snapshot = source.once().await;
    if let Some(why) = refused(&snapshot, asked.as_ref()) {
        complain(&why);
        return Ok(None);
    }
    Ok(Some(snapshot))
}

async fn check(flags: &cli::Source, output: Format) -> Result<u8> {
    let Some(snapshot) = judged(flags).await? else { return Ok(cli::USAGE) };
    let mut out = io::BufWriter::new(io::stdout().lock());
    report::write(&snapshot, output, &mut out)
        .and_then(|()| out.flush())
        .context("the report could not be written")?;
    if snapshot.evidence.is_empty() {
        complain(&format!("nothing could be read of the cluster at {}", snapshot.evidence.cluster.server));
        return Ok(cli::FAILED);
    }
    Ok(match snapshot.verdict() {
        Verdict::Ready => cli::READY,
        Verdict::Blocked => cli::BLOCKED,
        Verdict::Unknown => cli::UNKNOWN,
    })
}

async fn plan(flags: &cli::Source, upgrade: &cli::UpgradeOptions, output: Format) -> Result<u8> {
    let Some(snapshot) = judged(flags).await? else { return Ok(cli::USAGE) };
    let decisions = Decisions { owner: owner().into(), ..Decisions::default() };
    let Some(plan) = plan::of(&snapshot, &upgrade.settings(flags), &decisions) else {
        complain(&format!("there is no plan: {}", snapshot.no_target.unwrap_or_default()));
        return Ok(if snapshot.evidence.is_empty() { cli::FAILED } else { cli::UNKNOWN });
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    plan::write(&plan, output, &mut out)
        .and_then(|()| out.flush())
        .context("the plan could not be written")?;
    let unknown = !plan.unread.is_empty() || plan.next().is_some_and(|step| step.state == StepState::Unknown);
    Ok(match snapshot.verdict() {
        Verdict::Blocked => cli::BLOCKED,
        Verdict::Ready if !unknown => cli::READY,
        Verdict::Ready | Verdict::Unknown => cli::UNKNOWN,
    })
}

/// Why the target that was asked for cannot be, where the cluster's version is known.
fn refused(snapshot: &Snapshot, asked: Option<&Asked>) -> Option<String> {
    let catalog = crate::catalog::Catalog::get().ok()?;
    Target::refusal(&snapshot.evidence.servers, asked, catalog).map(|error| error.to_string())
}

/// Runs a simulation until a signal comes.
async fn simulate(scenario: &str, listen: std::net::SocketAddr, speed: f64) -> Result<u8> {
    let mut stop = record::Stop::new().context("signals cannot be waited for")?;
    let options = sim::Options { speed, ..Default::default() };
    let server = sim::remote::serve(scenario, options, listen).await.map_err(SourceError::from)?;
    println!("simulation of {scenario} at {}", server.address());
    tokio::select! {
        _ = stop.comes() => {}
        () = server.run() => {}
    }
    Ok(cli::READY)
}

async fn run_probe(script: bool) -> Result<u8> {
    let mut out = io::stdout().lock();
    if script {
        out.write_all(probe::SCRIPT.as_bytes()).context("the script could not be written")?;
        return Ok(cli::READY);
    }
    let answer = probe::run_local().await.context("this machine could not be probed")?;
    out.write_all(answer.json.as_bytes()).context("the facts could not be written")?;
    Ok(cli::READY)
}

fn complain(message: &str) {
    eprintln!("kubelift: {message}");
}

async fn open(flags: &cli::Source, screen: &cli::Screen, guided: Option<Guided>) -> Result<u8> {
    if screen.plain { plain(flags, guided).await } else { cockpit(flags, screen, guided).await }
}

/// Waits until an upgrade is written down to its end, and says where.
async fn say_where(guiding: Option<Guiding>) {
    let Some(guiding) = guiding else { return };
    match tokio::time::timeout(CLOSING, guiding.ended()).await {
        // A demo that was only looked at leaves nothing behind.
        Ok(Some(places)) if !places.begun && places.journal.starts_with(demo_folder()) => {
            drop(std::fs::remove_dir_all(demo_folder()));
        }
        Ok(Some(places)) => {
            eprintln!("journal    {}", places.journal.display());
            eprintln!("recording  {0}\n           kubelift replay {0}", places.recording.display());
        }
        Ok(None) => {}
        Err(_) => complain("the recording was not closed in time: it will be called cut"),
    }
}

async fn plain(flags: &cli::Source, guided: Option<Guided>) -> Result<u8> {
    let mut stop = record::Stop::new().context("signals cannot be waited for")?;
    let opened = Source::open_for(flags, false, guided.as_ref()).await?.session(guided).await?;
    let mut out = io::stdout();
    // What ends is dropped, and with it the session: journal and recording are closed then.
    let ended = tokio::select! {
        told = ui::plain::run(opened.handle, ui::plain::stdin(), &mut out) => {
            told.map(|()| cli::READY).context("the lines could not be written")
        }
        signal = stop.comes() => Ok(by_signal(signal)),
    };
    say_where(opened.guiding).await;
    drop(opened.simulation);
    ended
}

/// The exit code of a program that a signal ended, as a shell says it.
fn by_signal(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(cli::FAILED)
}

#[cfg(feature = "tui")]
async fn cockpit(flags: &cli::Source, screen: &cli::Screen, guided: Option<Guided>) -> Result<u8> {
    let options = looks(screen)?;
    let opened = Source::open_for(flags, true, guided.as_ref()).await?.session(guided).await?;
    let ended = screens(opened.handle, options).await;
    say_where(opened.guiding).await;
    drop(opened.simulation);
    ended
}

/// How the screens look; wrong flags are said before anything is read.
#[cfg(feature = "tui")]
fn looks(screen: &cli::Screen) -> Result<ui::cockpit::Options> {
    use crate::ui::cockpit::{Environment, Flags, Options};

    let looks = Flags { theme: screen.theme.clone(), keys: screen.keys.clone(), ascii: screen.ascii };
    Ok(Options::load(&looks, &Environment::of_process())?)
}

/// Shows a session on the screens until it ends, and gives the exit code.
#[cfg(feature = "tui")]
async fn screens(handle: crate::session::Handle, options: ui::cockpit::Options) -> Result<u8> {
    use crate::ui::cockpit::{self, Exit};

    Ok(match cockpit::run(handle, options).await? {
        Exit::Quit => cli::READY,
        Exit::Signal(signal) => by_signal(signal),
    })
}

#[cfg(not(feature = "tui"))]
async fn cockpit(_: &cli::Source, _: &cli::Screen, _: Option<Guided>) -> Result<u8> {
    anyhow::bail!("this kubelift was built without its screens (cargo feature `tui`): use `kubelift check`")
}
