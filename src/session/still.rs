//! A session on a recording: the evidence stays as it is, and can be judged for other targets.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::judge::Judge;
use super::recording::{Header, Recording};
use super::{Handle, Kind, Request, Snapshot};
use crate::actions::runner::Refusal;
use crate::catalog::Catalog;
use crate::checks::target::Asked;

/// What kind of session a recording from `path` makes.
pub fn kind(path: &Path, recording: &Recording) -> Kind {
    let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Kind::Recording { file: crate::text::clean(&file), at: recording.at, chain: recording.chain.clone() }
}

/// The target to judge a recording for: the one asked for now, or that of the recorded session.
pub fn target(recording: &Recording, asked: Option<Asked>) -> Option<Asked> {
    target_of(&recording.header, asked)
}

/// The same, of a recording's header.
pub fn target_of(header: &Header, asked: Option<Asked>) -> Option<Asked> {
    let recorded = header.target.as_ref().filter(|target| !target.chosen);
    asked.or_else(|| recorded.map(|target| Asked::Exact(target.to.clone())))
}

/// Judges a recording once.
pub async fn once(
    recording: Recording,
    kind: Kind,
    asked: Option<Asked>,
    catalog: &'static Catalog,
) -> Snapshot {
    Judge::new(kind, asked, catalog).judge(Arc::new(recording.evidence)).await
}

/// Opens a recording for the screens, until the handle is dropped.
pub async fn open(
    recording: Recording,
    kind: Kind,
    asked: Option<Asked>,
    catalog: &'static Catalog,
) -> Handle {
    let evidence = Arc::new(recording.evidence);
    let mut judge = Judge::new(kind, asked, catalog);
    let (publish, snapshots) = watch::channel(Arc::new(judge.judge(Arc::clone(&evidence)).await));
    let (requests, mut asked) = mpsc::channel(8);
    // A recording needs no credentials, so nobody will ask for the terminal.
    let (_, terminal) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(request) = asked.recv().await {
            let target = match request {
                Request::Target(target) => target,
                Request::Order(_, reply) => {
                    drop(reply.send(Err(Refusal::read_only())));
                    continue;
                }
                // There is nothing to read again.
                Request::Refresh | Request::Probe { .. } | Request::Replay(_) => continue,
            };
            judge.aim(target.map(Asked::Exact));
            if publish.send(Arc::new(judge.judge(Arc::clone(&evidence)).await)).is_err() {
                return;
            }
        }
    });
    Handle { snapshots, requests, terminal }
}
