//! Where a session's evidence comes from: a cluster, the simulation, or a recording.

use std::sync::Arc;

use crate::catalog::{Catalog, CatalogError};
use crate::cli;
use crate::cluster::client::{ConnectError, Connection};
use crate::cluster::credentials::{Desk, TerminalDesk};
use crate::cluster::environment::Environment;
use crate::cluster::kubeconfig::Choice;
use crate::session::live::{self, Options};
use crate::session::recording::{self, Recording, RecordingError};
use crate::session::{Handle, Kind, Snapshot, desk, still};

/// Why a source could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No connection to a cluster.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No such recording, or it cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// kubelift's own data is broken, which is a bug.
    #[error("kubelift's catalog of versions cannot be read, which is a bug: {0}")]
    Catalog(#[from] &'static CatalogError),
}

impl SourceError {
    /// The exit code that it ends with.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Connect(ConnectError::Kubeconfig(_)) | Self::Recording(_) => cli::USAGE,
            Self::Connect(_) | Self::Catalog(_) => cli::FAILED,
        }
    }
}

/// An open source.
pub enum Source {
    /// A cluster that answers, or is to.
    Live {
        /// How to ask it.
        connection: Connection,
        /// What is asked of it.
        options: Options,
        /// What each session needs to know of versions.
        catalog: &'static Catalog,
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
            node_facts: flags.node_facts.clone(),
            backups: flags.backups.clone(),
        };
        if let Some(path) = &flags.recording {
            let recording = Box::new(recording::read(path)?);
            options.kind = still::kind(path, &recording);
            options.target = still::target(&recording, options.target);
            return Ok(Self::Still { recording, options, catalog });
        }
        let choice = Choice { kubeconfig: flags.kubeconfig.clone(), context: flags.context.clone() };
        let plain = TerminalDesk { allow: flags.allow_exec };
        let (desk, lender): (Arc<dyn Desk>, _) = if screens {
            let (desk, lender) = desk::cockpit(plain);
            (Arc::new(desk), Some(lender))
        } else {
            (Arc::new(plain), None)
        };
        let connection = Connection::prepare(choice, Environment::of_process(), desk).await?;
        Ok(Self::Live { connection, options, catalog, desk: lender })
    }

    /// Reads everything once and judges it.
    pub async fn once(self) -> Snapshot {
        match self {
            Self::Live { connection, options, catalog, .. } => live::once(connection, catalog, options).await,
            Self::Still { recording, options, catalog } => {
                still::once(*recording, options.kind, options.target, catalog).await
            }
        }
    }

    /// Opens a session for the screens. The simulation, if there is one, lasts as long as what comes with it.
    pub async fn follow(self) -> Handle {
        match self {
            Self::Live { connection, options, catalog, desk } => {
                let terminal = desk.map_or_else(desk::nobody, desk::Lender::start);
                live::follow(connection, catalog, options, terminal)
            }
            Self::Still { recording, options, catalog } => {
                still::open(*recording, options.kind, options.target, catalog).await
            }
        }
    }
}
