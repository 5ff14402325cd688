//! A recording as lines: what happened and what changed, with the time at which it did.

use std::io::{self, Write};

use crate::session::Snapshot;
use crate::session::recording::{Chain, RecordingError, Transport};
use crate::session::replay::Replay;
use crate::ui::words;

use super::tell::{self, Teller};

/// A recording could not be told.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// This kubelift does not understand it.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The lines could not be written.
    #[error("the lines could not be written: {0}")]
    Out(#[from] io::Error),
}

/// Tells a recording from its beginning to its end; whether its chain holds.
///
/// # Errors
/// When this kubelift does not understand the evidence, or `out` refuses.
pub async fn recorded(mut replay: Replay, out: &mut (dyn Write + Send)) -> Result<Chain, TellError> {
    let mut player = replay.player();
    let mut teller = Teller::of_a_recording();
    let mut happened = 0;
    let mut snapshot = replay.show(&mut player).await?;
    heading(&snapshot, out)?;
    loop {
        let at = snapshot.playback.as_ref().map(|playback| playback.wall).unwrap_or_default();
        let mut lines: Vec<String> = snapshot.happened.iter().skip(happened).map(words::happened).collect();
        happened = snapshot.happened.len();
        lines.extend(teller.tell(&snapshot));
        for line in lines {
            writeln!(out, "{} {}", words::clock(at), crate::text::clean(&line))?;
        }
        if player.take(Transport::StepForward, player.position()).is_err() {
            break;
        }
        snapshot = replay.show(&mut player).await?;
    }
    let chain = replay.chain();
    writeln!(out, "{}", tell::verdict(&snapshot))?;
    writeln!(out, "{}", chain.warning().unwrap_or_else(|| "the recording is whole".to_owned()))?;
    Ok(chain)
}

fn heading(snapshot: &Snapshot, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let (word, rest) = words::session(&snapshot.kind);
    let cluster = &snapshot.evidence.cluster;
    let Some(playback) = &snapshot.playback else { return Ok(()) };
    let line = format!(
        "{word}: {rest}. Cluster {} at {}, from {}, {} long. Times are in UTC.",
        cluster.name,
        cluster.server,
        words::moment(playback.wall),
        words::elapsed(playback.length)
    );
    writeln!(out, "{}", crate::text::clean(&line))
}
