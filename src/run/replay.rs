//! `replay`: a recording in the screens, or as lines.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;

use super::complain;
use crate::catalog::Catalog;
use crate::cli;
use crate::session::recording::{Chain, Reader, RecordingError};
use crate::session::replay::Replay;
use crate::source::SourceError;
use crate::ui;

/// Plays the recording `file`.
pub(super) async fn replay(flags: &cli::Source, screen: &cli::Screen, file: &Path) -> Result<u8> {
    if flags.demo.is_some()
        || flags.recording.is_some()
        || flags.context.is_some()
        || flags.kubeconfig.is_some()
    {
        complain("replay has its own source of evidence: the recording");
        return Ok(cli::USAGE);
    }
    let path = file.to_owned();
    let opened = tokio::task::spawn_blocking(move || Reader::open(&path)).await?;
    let reader = match opened {
        Ok(reader) => reader,
        // Where the header itself does not hold, nor does the chain.
        Err(error @ RecordingError::Unreadable { .. }) => return Err(error.into()),
        Err(error) => return Err(SourceError::from(error).into()),
    };
    let catalog = Catalog::get().map_err(SourceError::from)?;
    let replay = Replay::new(reader, file, flags.target.clone(), flags.scope.into(), catalog);
    if screen.plain { plain(replay).await } else { cockpit(replay, screen).await }
}

async fn plain(replay: Replay) -> Result<u8> {
    let mut out = io::BufWriter::new(io::stdout());
    let chain = ui::plain::recorded(replay, &mut out).await?;
    out.flush()?;
    Ok(if chain == Chain::Whole { cli::READY } else { cli::FAILED })
}

#[cfg(feature = "tui")]
async fn cockpit(replay: Replay, screen: &cli::Screen) -> Result<u8> {
    let options = super::looks(screen)?;
    super::screens(crate::session::replay::open(replay).await?, options).await
}

#[cfg(not(feature = "tui"))]
async fn cockpit(_: Replay, _: &cli::Screen) -> Result<u8> {
    anyhow::bail!("this kubelift was built without its screens (cargo feature `tui`): use --plain")
}
