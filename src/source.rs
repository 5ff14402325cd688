//! Where a session's evidence comes from: a cluster, the simulation, or a recording.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::actions::plan::Settings;
use crate::actions::ports::{Clock, Machines};
use crate::catalog::{Catalog, CatalogError};
use crate::checks::Target;
use crate::checks::target::{Asked, TargetError};
use crate::cli;
use crate::cluster::client::{ConnectError, Connection};
use crate::cluster::credentials::{Desk, TerminalDesk};
use crate::cluster::environment::Environment;
use crate::cluster::kubeconfig::Choice;
use crate::evidence::Scope;
use crate::hosts::Probes;
use crate::session::live;
use crate::session::options::{FactsFrom, Options};
use crate::session::recording::{self, Recording, RecordingError, SystemStopwatch};
use crate::session::simulated::{self, Elsewhere, Simulated};
use crate::session::upgrade::{self, Guiding, Means, SystemChance, SystemClock, owner};
use crate::session::{Handle, Kind, Snapshot, desk, still};
use crate::sim::{self, HostError, SimError, Simulation};

/// Why a source could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No connection to a cluster.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No such recording, or it cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The simulation could not be started.
    #[error(transparent)]
    Simulation(#[from] SimError),
    /// The simulation that is another process does not answer.
    #[error(transparent)]
    Elsewhere(#[from] HostError),
    /// There is no way to the target that was asked for.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A recording cannot be upgraded.
    #[error("a recording cannot be upgraded: there is nothing to change")]
    NothingToChange,
    /// kubelift's own data is broken, which is a bug.
    #[error("kubelift's catalog of versions cannot be read, which is a bug: {0}")]
    Catalog(#[from] &'static CatalogError),
}

impl SourceError {
    /// The exit code that it ends with.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Connect(ConnectError::Kubeconfig(_))
            | Self::Recording(_)
            | Self::Target(_)
            | Self::NothingToChange
            | Self::Simulation(SimError::UnknownScenario { .. }) => cli::USAGE,
            Self::Connect(_) | Self::Simulation(_) | Self::Elsewhere(_) | Self::Catalog(_) => cli::FAILED,
        }
    }
}

/// What makes a session one that can change things.
pub struct Guided {
    /// How the upgrade is done.
    pub settings: Settings,
    /// Where journals are kept; this machine's usual place otherwise.
    pub state: Option<PathBuf>,
    /// How many seconds of a simulated cluster go by in one.
    pub speed: f64,
}

/// A session for the screens.
pub struct Opened {
    /// Its end for whoever shows it.
    pub handle: Handle,
    /// The simulation, if it is one: it ends when it is dropped.
    pub simulation: Option<Simulation>,
    /// The runner, where things can be changed.
    pub guiding: Option<Guiding>,
}

/// An open source.
pub enum Source {
    /// A cluster that answers, or is to.
    Live {
        /// How to ask it.
        connection: Box<Connection>,
        /// What is asked of it.
        options: Options,
        /// What each session needs to know of versions.
        catalog: &'static Catalog,
        /// The simulation, if it is one: it ends when it is dropped.
        simulation: Option<Simulation>,
        /// The machines of a simulation that is another process.
        elsewhere: Option<Arc<Elsewhere>>,
        /// Where credential plugins ask for the terminal, once the screens have it.
        desk: Option<desk::Lender>,
    },
    /// A recording.
    Still {
        /// What was read of it.
        recording: Box<Recording>,
        /// What is asked of it.
        options: Options,
        /// What each session needs to know of versions.
        catalog: &'static Catalog,
    },
}

impl Source {
    /// Opens what the flags say. `screens` says whether the terminal will be held by screens. A target that cannot be
    /// is refused here where the versions are known before anything is read: of a recording and of the simulation.
    ///
    /// # Errors
    /// Why there is no source.
    pub async fn open(flags: &cli::Source, screens: bool) -> Result<Self, SourceError> {
        Self::open_for(flags, screens, None).await
    }

    /// Opens what the flags say, for a session that can change things where `guided` says how.
    ///
    /// # Errors
    /// Why there is no source.
    pub async fn open_for(
        flags: &cli::Source,
        screens: bool,
        guided: Option<&Guided>,
    ) -> Result<Self, SourceError> {
        let catalog = Catalog::get()?;
        let options = Options {
            kind: Kind::Inspect,
            target: flags.target.clone(),
            scope: flags.scope.into(),
            node_facts: flags.node_facts.clone().map_or(FactsFrom::Nowhere, FactsFrom::Folder),
            nonces: BTreeMap::new(),
            backups: flags.backups.clone(),
        };
        if let Some(path) = &flags.recording {
            return Self::recording(path, options, catalog);
        }
        if let Some(scenario) = &flags.demo {
            let speed = guided.map_or(1.0, |guided| guided.speed);
            return Self::demo(scenario, speed, options, catalog).await;
        }
        if let Some(address) = flags.simulation {
            return Self::simulation_elsewhere(address, options, catalog).await;
        }
        Self::cluster(flags, screens, options, catalog).await
    }

    fn recording(path: &Path, mut options: Options, catalog: &'static Catalog) -> Result<Self, SourceError> {
        let mut recording = Box::new(recording::read(path)?);
        if options.scope == Scope::Api {
            recording.evidence.scope = Scope::Api;
            recording.evidence.keep_scope();
        }
        options.kind = still::kind(path, &recording);
        let refusal = Target::refusal(&recording.evidence.servers, options.target.as_ref(), catalog);
        if let Some(error) = refusal.filter(TargetError::is_of_target) {
            return Err(error.into());
        }
        options.target = still::target(&recording, options.target);
        Ok(Self::Still { recording, options, catalog })
    }

    /// A simulation of this process; `speed` of its seconds go by in one.
    async fn demo(
        scenario: &str,
        speed: f64,
        mut options: Options,
        catalog: &'static Catalog,
    ) -> Result<Self, SourceError> {
        let simulation = sim::start(scenario, sim::Options { speed, ..Default::default() }).await?;
        if let (Some(from), Some(asked)) = (simulation.oldest_version(), &options.target) {
            Target::choose(&from, Some(asked), catalog)?;
        }
        options.kind = Kind::Demo { scenario: scenario.to_owned() };
        if matches!(options.node_facts, FactsFrom::Nowhere) {
            options.node_facts = probed(&simulation);
        }
        let connection = Connection::simulated(&simulation.url(), simulation.cluster_name()).await?;
        let machines = Arc::new(Simulated(simulation.hosts().clone()));
        let connection = Box::new(connection.in_time_of(machines));
        let simulation = Some(simulation);
        Ok(Self::Live { connection, options, catalog, simulation, elsewhere: None, desk: None })
    }

    /// A simulation of another process.
    async fn simulation_elsewhere(
        address: SocketAddr,
        mut options: Options,
        catalog: &'static Catalog,
    ) -> Result<Self, SourceError> {
        let machines = Arc::new(Elsewhere::at(address).await?);
        options.kind = Kind::simulated_at(address);
        if matches!(options.node_facts, FactsFrom::Nowhere) {
            options.node_facts = FactsFrom::Machines(Arc::clone(&machines) as Arc<dyn Probes>);
        }
        let served = machines.served();
        let connection = Connection::simulated(&served.url, &served.cluster).await?;
        let connection = Box::new(connection.in_time_of(Arc::clone(&machines) as Arc<dyn Clock>));
        let elsewhere = Some(machines);
        Ok(Self::Live { connection, options, catalog, simulation: None, elsewhere, desk: None })
    }

    /// The cluster of a kubeconfig.
    async fn cluster(
        flags: &cli::Source,
        screens: bool,
        options: Options,
        catalog: &'static Catalog,
    ) -> Result<Self, SourceError> {
        let choice = Choice { kubeconfig: flags.kubeconfig.clone(), context: flags.context.clone() };
        let plain = TerminalDesk { allow: flags.allow_exec };
        let (desk, lender): (Arc<dyn Desk>, _) = if screens {
            let (desk, lender) = desk::cockpit(plain);
            (Arc::new(desk), Some(lender))
        } else {
            (Arc::new(plain), None)
        };
        let connection = Box::new(Connection::prepare(choice, Environment::of_process(), desk).await?);
        Ok(Self::Live { connection, options, catalog, simulation: None, elsewhere: None, desk: lender })
    }

    /// The target that was asked for: now, or when a recording was made.
    pub const fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Live { options, .. } | Self::Still { options, .. } => options.target.as_ref(),
        }
    }

    /// What must be known of the source before its evidence is believed.
    pub fn warning(&self) -> Option<String> {
        let Self::Still { recording, .. } = self else { return None };
        recording.chain.warning()
    }

    /// Reads everything once and judges it.
    pub async fn once(self) -> Snapshot {
        match self {
            Self::Live { connection, options, catalog, simulation, .. } => {
                let snapshot = live::once(*connection, catalog, options).await;
                drop(simulation);
                snapshot
            }
            Self::Still { recording, options, catalog } => {
                still::once(*recording, options.kind, options.target, catalog).await
            }
        }
    }

    /// Opens a session for the screens: one that can change things where `guided` says how. The simulation, if there
    /// is one, lasts as long as what comes with it.
    ///
    /// # Errors
    /// When nothing can be changed there.
    pub async fn session(mut self, guided: Option<Guided>) -> Result<Opened, SourceError> {
        let Some(guided) = guided else {
            let (handle, simulation) = self.follow().await;
            return Ok(Opened { handle, simulation, guiding: None });
        };
        let Self::Live { connection, options, simulation, elsewhere, .. } = &mut self else {
            return Err(SourceError::NothingToChange);
        };
        let speed = match (&simulation, &elsewhere) {
            (Some(simulation), _) => simulation.speed(),
            (None, Some(machines)) => machines.served().speed,
            (None, None) => 1.0,
        };
        let look_every = simulated::sooner(upgrade::LOOK_EVERY, speed);
        // The time of simulated machines is not ours.
        let (clock, machines): (Arc<dyn Clock>, Option<Arc<dyn Machines>>) = match (&simulation, elsewhere) {
            (Some(simulation), _) => {
                let machines = Arc::new(Simulated(simulation.hosts().clone()));
                (Arc::clone(&machines) as Arc<dyn Clock>, Some(machines))
            }
            (None, Some(machines)) => {
                (Arc::clone(machines) as Arc<dyn Clock>, Some(Arc::clone(machines) as Arc<dyn Machines>))
            }
            (None, None) => {
                options.kind = Kind::Upgrade;
                (Arc::new(SystemClock), None)
            }
        };
        // The journal of a simulation that ends with this process is worth nothing then.
        let state = guided.state.or_else(|| simulation.is_some().then(demo_folder));
        let means = Means {
            connection: Connection::clone(connection),
            machines,
            settings: guided.settings,
            state,
            owner: owner(),
            clock,
            stopwatch: Arc::new(SystemStopwatch::start()),
            chance: Arc::new(SystemChance),
            look_every,
        };
        let (handle, simulation) = self.follow().await;
        let (handle, guiding) = upgrade::guide(handle, means);
        Ok(Opened { handle, simulation, guiding: Some(guiding) })
    }

    /// Opens a session for the screens. The simulation, if there is one, lasts as long as what comes with it.
    pub async fn follow(self) -> (Handle, Option<Simulation>) {
        match self {
            Self::Live { connection, options, catalog, simulation, desk, .. } => {
                let terminal = desk.map_or_else(desk::nobody, desk::Lender::start);
                (live::follow(*connection, catalog, options, terminal), simulation)
            }
            Self::Still { recording, options, catalog } => {
                (still::open(*recording, options.kind, options.target, catalog).await, None)
            }
        }
    }
}

/// Where the journal and the recording of this process' demo are.
pub fn demo_folder() -> PathBuf {
    std::env::temp_dir().join(format!("kubelift-demo-{}", std::process::id()))
}

/// The simulated machines, to be asked what they say of themselves.
pub fn probed(simulation: &Simulation) -> FactsFrom {
    FactsFrom::Machines(Arc::new(Simulated(simulation.hosts().clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::evidence::{Reading, Reason};

    async fn open(line: &[&str]) -> Result<Source, SourceError> {
        let cli = Cli::of(["kubelift", "check"].iter().chain(line).map(Into::into)).unwrap();
        Source::open(&cli.source, true).await
    }

    /// A recording of the simulated cluster.
    async fn recorded(folder: &std::path::Path) -> String {
        let snapshot = open(&["--demo"]).await.unwrap().once().await;
        let path = folder.join("a.rec");
        recording::write_once(&path, &snapshot.evidence, None, snapshot.evidence.at).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_target_that_cannot_be_is_refused_before_there_are_screens() {
        let folder = tempfile::tempdir().unwrap();
        let path = recorded(folder.path()).await;
        for source in [["--recording", &path], ["--demo=clean", "--ascii"]] {
            for (target, says) in
                [("1.29", "below the cluster's oldest"), ("1.99", "beyond what this kubelift knows")]
            {
                let error = open(&[source[0], source[1], "--target", target]).await.err().unwrap();
                assert!(error.to_string().contains(says), "{error}");
                assert_eq!(error.exit_code(), cli::USAGE);
            }
            let source = open(&[source[0], source[1], "--target", "1.31"]).await.unwrap();
            assert_eq!(source.asked().unwrap(), &"1.31".parse().unwrap());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_scope_of_a_recording_can_be_narrowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = recorded(folder.path()).await;
        let all = open(&["--recording", &path]).await.unwrap().once().await;
        assert!(all.evidence.node_facts.values().any(|facts| facts.value().is_some()));
        let api = open(&["--recording", &path, "--scope", "api"]).await.unwrap().once().await;
        assert_eq!(api.evidence.scope, Scope::Api);
        let out =
            |reading: &Reading<_>| reading.get().is_err_and(|unread| unread.reason == Reason::OutOfScope);
        assert!(!api.evidence.node_facts.is_empty() && api.evidence.node_facts.values().all(out));
        // As a live session with that scope says it.
        let live = open(&["--demo", "--scope", "api"]).await.unwrap().once().await;
        let said = |snapshot: &Snapshot| {
            let findings = snapshot.findings.iter();
            findings.map(|finding| (finding.check.clone(), finding.code.clone())).collect::<Vec<_>>()
        };
        assert_eq!(said(&api), said(&live));
    }
}
