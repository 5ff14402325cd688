//! A session on a cluster that answers: evidence as it comes, judged and published.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::folders::Folders;
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
    let folders = Folders::new(&options);
    follow_with(connection, catalog, options, folders, terminal)
}

fn follow_with(
    connection: Connection,
    catalog: &'static Catalog,
    options: Options,
    folders: Folders,
    terminal: mpsc::Receiver<TerminalRequest>,
) -> Handle {
    let reader = Reader::start(connection, catalog, options.scope, true);
    let evidence = Arc::new(reader.evidence());
    let judge = Judge::new(options.kind, options.target, catalog);
    let first = judge.not_judged_yet(evidence);
    let (publish, snapshots) = watch::channel(Arc::new(first));
    let (requests, asked) = mpsc::channel(8);
    tokio::spawn(run(reader, judge, folders, publish, asked));
    Handle { snapshots, requests, terminal }
}

async fn run(
    mut reader: Reader,
    mut judge: Judge,
    mut folders: Folders,
    publish: watch::Sender<Arc<Snapshot>>,
    mut asked: mpsc::Receiver<Request>,
) {
    let mut changes = reader.changes();
    loop {
        changes.mark_unchanged();
        let mut evidence: Evidence = reader.evidence();
        folders.add_to(&mut evidence);
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
            () = folders.changed() => {}
            request = asked.recv() => match request {
                Some(Request::Refresh) => {
                    folders.refresh();
                    reader.refresh();
                }
                Some(Request::Target(target)) => judge.aim(target.map(Asked::Exact)),
                None => return,
            },
            () = publish.closed() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Progress, Reason};
    use crate::session::{Kind, desk};
    use crate::sim;
    use crate::source::probed;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_goes_on_while_backups_are_hashed_and_nodes_boot() {
        let simulation = sim::start("clean", sim::Options::default()).await.unwrap();
        let options = Options {
            kind: Kind::Inspect,
            target: None,
            scope: crate::evidence::Scope::All,
            node_facts: probed(&simulation),
            backups: None,
        };
        let connection = Connection::simulated(&simulation.url(), simulation.cluster_name()).await.unwrap();
        let folders = Folders::with(&options, Box::new(|| Box::pin(std::future::pending())));
        let mut handle = follow_with(connection, Catalog::get().unwrap(), options, folders, desk::nobody());
        let judged = handle.snapshots.wait_for(|snapshot| {
            let evidence = &snapshot.evidence;
            let has_facts = evidence.facts_of("w1").is_ok() && snapshot.target.is_some();
            has_facts && evidence.listings().iter().all(|listing| listing.progress == Progress::Done)
        });
        let judged = tokio::time::timeout(Duration::from_secs(60), judged).await.unwrap().unwrap().clone();
        assert_eq!(judged.evidence.backups.get().unwrap_err().reason, Reason::Pending);
    }
}
