//! Where a session's evidence comes from: a cluster, the simulation, or a recording.

use std::sync::Arc;

use crate::catalog::{Catalog, CatalogError};
use crate::cli;
use crate::cluster::client::{ConnectError, Connection};
use crate::cluster::credentials::{Desk, TerminalDesk};
use crate::cluster::environment::Environment;
use crate::cluster::kubeconfig::Choice;
use crate::session::live;
use crate::session::options::{FactsFrom, Options};
use crate::session::recording::{self, Chain, Recording, RecordingError};
use crate::session::{Handle, Kind, Snapshot, desk, still};
use crate::sim::{self, SimError, Simulation};

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
            | Self::Simulation(SimError::UnknownScenario { .. }) => cli::USAGE,
            Self::Connect(_) | Self::Simulation(_) | Self::Catalog(_) => cli::FAILED,
        }
    }
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
    /// Opens what the flags say. `screens` says whether the terminal will be held by screens.
    ///
    /// # Errors
    /// Why there is no source.
    pub async fn open(flags: &cli::Source, screens: bool) -> Result<Self, SourceError> {
        let catalog = Catalog::get()?;
        let mut options = Options {
            kind: Kind::Inspect,
            target: flags.target.clone(),
            scope: flags.scope.into(),
            node_facts: flags.node_facts.clone().map_or(FactsFrom::Nowhere, FactsFrom::Folder),
            backups: flags.backups.clone(),
        };
        if let Some(path) = &flags.recording {
            let recording = Box::new(recording::read(path)?);
            options.kind = still::kind(path, &recording);
            options.target = still::target(&recording, options.target);
            return Ok(Self::Still { recording, options, catalog });
        }
        if let Some(scenario) = &flags.demo {
            let simulation = sim::start(scenario, sim::Options::default()).await?;
            options.kind = Kind::Demo { scenario: scenario.clone() };
            if matches!(options.node_facts, FactsFrom::Nowhere) {
                let hosts = simulation.hosts();
                // A machine that does not answer has no document, and its node then no facts.
                let documents =
                    hosts.names().filter_map(|name| Some((name.to_owned(), hosts.probe(name, None).ok()?)));
                options.node_facts = FactsFrom::Documents(documents.collect());
            }
            let connection =
                Box::new(Connection::simulated(&simulation.url(), simulation.cluster_name()).await?);
            return Ok(Self::Live { connection, options, catalog, simulation: Some(simulation), desk: None });
        }
        let choice = Choice { kubeconfig: flags.kubeconfig.clone(), context: flags.context.clone() };
        let plain = TerminalDesk { allow: flags.allow_exec };
        let (desk, lender): (Arc<dyn Desk>, _) = if screens {
            let (desk, lender) = desk::cockpit(plain);
            (Arc::new(desk), Some(lender))
        } else {
            (Arc::new(plain), None)
        };
        let connection = Box::new(Connection::prepare(choice, Environment::of_process(), desk).await?);
        Ok(Self::Live { connection, options, catalog, simulation: None, desk: lender })
    }

    /// What must be known of the source before its evidence is believed.
    pub fn warning(&self) -> Option<String> {
        let Self::Still { recording, .. } = self else { return None };
        match &recording.chain {
            Chain::Whole => None,
            Chain::Cut { frames } => {
                Some(format!("the recording is cut: {frames} frames hold, its end is missing"))
            }
            Chain::Changed { frame, why } => {
                Some(format!("the recording was CHANGED at frame {frame}: {why}"))
            }
        }
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

    /// Opens a session for the screens. The simulation, if there is one, lasts as long as what comes with it.
    pub async fn follow(self) -> (Handle, Option<Simulation>) {
        match self {
            Self::Live { connection, options, catalog, simulation, desk } => {
                let terminal = desk.map_or_else(desk::nobody, desk::Lender::start);
                (live::follow(*connection, catalog, options, terminal), simulation)
            }
            Self::Still { recording, options, catalog } => {
                (still::open(*recording, options.kind, options.target, catalog).await, None)
            }
        }
    }
}
