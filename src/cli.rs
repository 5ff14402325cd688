//! The command line: what can be said, and what it means.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::actions::plan::{DEFAULT_BACKUP_FOLDER, Settings};
use crate::checks::target::Asked;
use crate::evidence::Scope;
use crate::report::Format;

/// Exit code: no blocker, and everything that could hide one was read.
pub const READY: u8 = 0;
/// Exit code: kubelift itself failed, or had nothing to judge.
pub const FAILED: u8 = 1;
/// Exit code: what was asked for cannot be.
pub const USAGE: u8 = 2;
/// Exit code: there are blockers.
pub const BLOCKED: u8 = 3;
/// Exit code: no blocker was seen, but something that could hide one was not read.
pub const UNKNOWN: u8 = 4;

/// How many seconds of a simulated cluster go by in one, in an upgrade of it: an hour's work is over in minutes.
pub const UPGRADE_SPEED: f64 = 20.0;

const EXIT_CODES: &str = "Exit codes of check:
  0  ready: no blocker, and everything that could hide one was read
  1  kubelift itself failed, or nothing could be read at all
  2  what was asked for cannot be: flags, a file that is missing or wrong,
     a target below the cluster or beyond the catalog
  3  blockers
  4  no blocker seen, but something that could hide one was not read";

/// A terminal cockpit for upgrading kubeadm clusters.
///
/// Without a command it opens on the current context, as an inspection, which can change nothing.
#[derive(Debug, Parser)]
#[command(name = "kubelift", version, max_term_width = 100, args_conflicts_with_subcommands = false)]
pub struct Cli {
    /// What to do; without it the cockpit opens.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Where the evidence comes from.
    #[command(flatten)]
    pub source: Source,
    /// How the screens look.
    #[command(flatten)]
    pub screen: Screen,
    /// Write diagnostics of kubelift itself to a file (0600). RUST_LOG chooses which.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global")]
    pub debug_log: Option<PathBuf>,
}

impl Cli {
    /// What `arguments` say, the program's name first.
    ///
    /// # Errors
    /// When they say nothing, or two things that exclude each other. clap itself sees only those at one side of the
    /// command: `kubelift --recording FILE check --demo`.
    pub fn of(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let cli = Self::try_parse_from(arguments)?;
        match cli.conflict() {
            Some(sentence) => Err(Self::command().error(ErrorKind::ArgumentConflict, sentence)),
            None => Ok(cli),
        }
    }

    /// The first two things that exclude each other, in a sentence.
    fn conflict(&self) -> Option<String> {
        let source = &self.source;
        let demo = matches!(self.command, Some(Command::Demo { .. }));
        let sources = [
            (demo, "the command demo"),
            (source.demo.is_some(), "--demo"),
            (source.simulation.is_some(), "--simulation"),
            (source.recording.is_some(), "--recording"),
            (source.context.is_some(), "--context"),
            (source.kubeconfig.is_some(), "--kubeconfig"),
        ];
        let mut said = sources.into_iter().filter(|(is_said, _)| *is_said).map(|(_, name)| name);
        if let (Some(one), Some(other)) = (said.next(), said.next())
            && one != "--context"
        {
            return Some(format!(
                "{other} cannot be used with {one}: each names a source of evidence of its own"
            ));
        }
        let folders = [(&source.node_facts, "--node-facts"), (&source.backups, "--backups")];
        let folder =
            folders.into_iter().find(|(path, _)| path.is_some()).filter(|_| source.recording.is_some());
        folder.map(|(_, name)| {
            format!(
                "{name} cannot be used with --recording: a recording holds what was read when it was made"
            )
        })
    }
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the cockpit on a simulated cluster: no cluster, no file, no network needed
    Demo {
        /// Which one
        #[arg(long, default_value = "default", value_name = "NAME")]
        scenario: String,
        /// How many of its seconds go by in one
        #[arg(long, default_value_t = UPGRADE_SPEED, value_name = "N", value_parser = speed)]
        speed: f64,
    },
    /// Print the findings, without screens
    #[command(after_help = EXIT_CODES)]
    Check {
        /// The form
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Open the cockpit as an upgrade session: it can change things, step by step, each confirmed. On a real cluster it
    /// needs --node-facts, with a first probe of every node
    Upgrade {
        /// How the upgrade is done
        #[command(flatten)]
        upgrade: UpgradeOptions,
        /// Where journals are kept; otherwise $XDG_STATE_HOME/kubelift, or ~/.local/state/kubelift
        #[arg(long, value_name = "DIR")]
        journal: Option<PathBuf>,
    },
    /// Print the plan of an upgrade, without screens; it ends with the exit codes of check
    Plan {
        /// How the upgrade is done
        #[command(flatten)]
        upgrade: UpgradeOptions,
        /// The form
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Print the facts of this machine as JSON, by one read-only shell script
    Probe {
        /// Print the script instead, to be run on a node by any means, as root
        #[arg(long)]
        script: bool,
    },
    /// Record an inspection in a file, until Ctrl-C ends it
    Record {
        /// Read everything once, write, and end
        #[arg(long)]
        once: bool,
        /// The file; only --once replaces one that is there, when the recording is whole
        file: PathBuf,
    },
    /// Play a recording in the same screens; with --plain, print it as lines
    #[command(
        after_help = "Exit code of replay --plain: 0 if the recording is whole, 1 if it is cut or was changed."
    )]
    Replay {
        /// The recording
        file: PathBuf,
    },
    /// Run a simulated cluster until a signal comes, for --simulation of other processes
    #[command(hide = true)]
    Simulate {
        /// Which one
        #[arg(long, default_value = "default", value_name = "NAME")]
        scenario: String,
        /// Where its machines are reached
        #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
        listen: SocketAddr,
        /// How many of its seconds go by in one
        #[arg(long, default_value_t = UPGRADE_SPEED, value_name = "N", value_parser = speed)]
        speed: f64,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
}

/// Where the evidence comes from: one set of flags for all commands.
#[derive(Debug, Args, Clone)]
#[command(next_help_heading = "Source of evidence")]
pub struct Source {
    /// The context of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The kubeconfig; otherwise $KUBECONFIG, ~/.kube/config, or the cluster that kubelift runs in
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// A simulated cluster instead
    #[arg(long, global = true, value_name = "SCENARIO", num_args = 0..=1, require_equals = true, default_missing_value = "default")]
    pub demo: Option<String>,
    /// A simulated cluster that is a process of its own instead: see `kubelift simulate`
    #[arg(long, global = true, value_name = "ADDRESS", hide = true)]
    pub simulation: Option<SocketAddr>,
    /// A recording instead
    #[arg(long, global = true, value_name = "FILE")]
    pub recording: Option<PathBuf>,
    /// A folder with outputs of `kubelift probe`, a file a node
    #[arg(long, global = true, value_name = "DIR")]
    pub node_facts: Option<PathBuf>,
    /// A folder of this machine with snapshots of etcd
    #[arg(long, global = true, value_name = "DIR")]
    pub backups: Option<PathBuf>,
    /// The version to upgrade to: 1.31.4, or 1.31 for its newest known patch. Without it, that of the next minor
    #[arg(long, global = true, value_name = "VERSION")]
    pub target: Option<Asked>,
    /// What to cover: all, or only what the API tells (no node facts, etcd's inside, backups)
    #[arg(long, global = true, value_enum, default_value_t)]
    pub scope: ScopeFlag,
    /// Run the kubeconfig's credential plugin without asking first
    #[arg(long, global = true)]
    pub allow_exec: bool,
}

/// How an upgrade is done.
#[derive(Debug, Args, Clone)]
#[command(next_help_heading = "Upgrade")]
pub struct UpgradeOptions {
    /// Preflight checks that kubeadm shall only warn of, by name
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = preflight_name)]
    pub ignore_preflight_errors: Vec<String>,
    /// A folder on every node with kubeadm's patches
    #[arg(long, value_name = "DIR")]
    pub patches: Option<String>,
    /// The folder on the first control plane that the backup of etcd goes to
    #[arg(long, value_name = "DIR", default_value = DEFAULT_BACKUP_FOLDER)]
    pub backup_folder: String,
}

impl UpgradeOptions {
    /// As a plan takes them.
    pub fn settings(&self, source: &Source) -> Settings {
        Settings {
            ignore_preflight_errors: self.ignore_preflight_errors.clone(),
            patches: self.patches.clone(),
            backup_folder: self.backup_folder.clone(),
            node_facts: source.node_facts.as_ref().map(|folder| folder.display().to_string()),
        }
    }
}

/// Names of preflight checks are words, with dashes: they become part of a command.
fn preflight_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("it is not a name of kubeadm's, such as Swap or FileContent--proc-sys-net-ipv4-ip_forward"
            .to_owned())
    }
}

/// A speed is what somebody can look at: time that stands still, or runs off, shows nothing.
fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (1.0..=1000.0).contains(speed));
    speed.ok_or_else(|| "it is not a number from 1 to 1000".to_owned())
}

/// `--scope`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ScopeFlag {
    /// Everything
    #[default]
    All,
    /// Only what the API tells
    Api,
}

impl From<ScopeFlag> for Scope {
    fn from(flag: ScopeFlag) -> Self {
        match flag {
            ScopeFlag::All => Self::All,
            ScopeFlag::Api => Self::Api,
        }
    }
}

/// How the screens look.
#[derive(Debug, Args, Clone)]
#[command(next_help_heading = "Screens")]
pub struct Screen {
    /// The same session as lines, for screen readers and logs
    #[arg(long, global = true)]
    pub plain: bool,
    /// A theme by name, or a file
    #[arg(long, global = true, value_name = "NAME|FILE", env = "KUBELIFT_THEME")]
    pub theme: Option<String>,
    /// Only ASCII characters
    #[arg(long, global = true)]
    pub ascii: bool,
    /// A file that maps keys to commands
    #[arg(long, global = true, value_name = "FILE")]
    pub keys: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_the_source_go_with_every_command() {
        let cli =
            Cli::try_parse_from(["kubelift", "check", "--demo", "--target", "1.31", "-o", "json"]).unwrap();
        assert_eq!(cli.source.demo.as_deref(), Some("default"));
        assert!(matches!(cli.command, Some(Command::Check { output: Format::Json })));
        let cli = Cli::try_parse_from(["kubelift", "--demo=clean"]).unwrap();
        assert_eq!(cli.source.demo.as_deref(), Some("clean"));
        for wrong in [&["kubelift", "--target", "soon"][..], &["kubelift", "frobnicate"]] {
            assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }

    fn of(line: &str) -> Result<Cli, clap::Error> {
        Cli::of(line.split(' ').map(OsString::from))
    }

    #[test]
    fn there_is_one_source_wherever_it_stands() {
        for (line, names) in [
            ("kubelift --recording a --demo", ["--recording", "--demo"]),
            ("kubelift --recording a check --demo", ["--recording", "--demo"]),
            ("kubelift --demo check --recording a", ["--recording", "--demo"]),
            ("kubelift demo --recording a", ["demo", "--recording"]),
            ("kubelift demo --context x", ["demo", "--context"]),
            ("kubelift --kubeconfig f demo", ["demo", "--kubeconfig"]),
            ("kubelift demo --demo=clean", ["the command demo", "--demo"]),
            ("kubelift --demo --context x", ["--demo", "--context"]),
            ("kubelift --demo --simulation 127.0.0.1:1", ["--demo", "--simulation"]),
            ("kubelift --context x --recording a check", ["--recording", "--context"]),
            ("kubelift --recording a --backups d", ["--backups", "--recording"]),
            ("kubelift --node-facts d check --recording a", ["--node-facts", "--recording"]),
        ] {
            let error = of(line).map(|_| line).unwrap_err();
            assert_eq!(
                (error.kind(), error.exit_code()),
                (ErrorKind::ArgumentConflict, i32::from(USAGE)),
                "{line}"
            );
            let text = error.to_string();
            assert!(names.iter().all(|name| text.contains(name)), "{line}: {text}");
        }
        for line in [
            "kubelift --context x --kubeconfig f check",
            "kubelift demo --node-facts d --backups d --scope api",
            "kubelift --recording a check --scope api --target 1.31",
        ] {
            assert!(of(line).is_ok(), "{line}");
        }
    }
}
