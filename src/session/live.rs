//! A session on a cluster that answers: evidence as it comes, judged and published.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::judge::Judge;
use super::local::Local;
use super::options::Options;
use super::{Handle, Request, Snapshot, TerminalRequest};
use crate::catalog::Catalog;
use crate::checks::target::Asked;
use crate::cluster::client::Connection;
use crate::cluster::reader::Reader;
use crate::evidence::Evidence;

/// How often a snapshot is published at most; more seldom where judging takes long.
const PUBLISH_EVERY: Duration = Duration::from_millis(150);

/// How many times the time of judging lies between two judgements: at most a fifth of a core.
const REST: u32 = 4;

/// Reads everything once, to the end or to what stops it, and judges it.
pub async fn once(connection: Connection, catalog: &'static Catalog, options: Options) -> Snapshot {
    let mut reader = Reader::start(connection, catalog, options.scope, false);
    reader.finished().await;
    let mut evidence = reader.evidence();
    Local::load(&options, &evidence).await.add_to(&mut evidence);
    Judge::new(options.kind, options.target, catalog).judge(Arc::new(evidence)).await
}

/// Reads on and on, until the handle is dropped. `terminal` is where credential plugins ask for the terminal.
pub fn follow(
    connection: Connection,
    catalog: &'static Catalog,
    options: Options,
    terminal: mpsc::Receiver<TerminalRequest>,
) -> Handle {
    let reader = Reader::start(connection, catalog, options.scope, true);
    let evidence = Arc::new(reader.evidence());
    let judge = Judge::new(options.kind.clone(), options.target.clone(), catalog);
    let first = judge.not_judged_yet(evidence);
    let (publish, snapshots) = watch::channel(Arc::new(first));
    let (requests, asked) = mpsc::channel(8);
    tokio::spawn(run(reader, judge, options, publish, asked));
    Handle { snapshots, requests, terminal }
}

async fn run(
    mut reader: Reader,
    mut judge: Judge,
    options: Options,
    publish: watch::Sender<Arc<Snapshot>>,
    mut asked: mpsc::Receiver<Request>,
) {
    let mut changes = reader.changes();
    let pending = Local::pending(&options);
    let mut local: Option<Local> = None;
    let mut loaded_for = Vec::new();
    loop {
        changes.mark_unchanged();
        let mut evidence: Evidence = reader.evidence();
        // Files belong to nodes by their boot ids, so they are read when the nodes are known, and again when nodes
        // come, go or boot.
        let boots: Vec<_> = evidence
            .objects
            .nodes
            .iter()
            .map(|n| (n.metadata.name.clone(), n.status.node_info.boot_id.clone()))
            .collect();
        let known = evidence.objects.nodes.progress == crate::evidence::Progress::Done;
        if known && (local.is_none() || boots != loaded_for) {
            local = Some(Local::load(&options, &evidence).await);
            loaded_for = boots;
        }
        local.as_ref().unwrap_or(&pending).add_to(&mut evidence);
        let began = Instant::now();
        let snapshot = judge.judge(Arc::new(evidence)).await;
        if publish.send(Arc::new(snapshot)).is_err() {
            return;
        }
        let rest = PUBLISH_EVERY.max(began.elapsed() * REST);
        tokio::select! {
            () = publish.closed() => return,
            () = tokio::time::sleep(rest) => {}
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            request = asked.recv() => match request {
                Some(Request::Refresh) => {
                    local = None;
                    reader.refresh();
                }
                Some(Request::Target(target)) => judge.aim(target.map(Asked::Exact)),
                None => return,
            },
            () = publish.closed() => return,
        }
    }
}
