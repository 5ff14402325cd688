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
use crate::actions::runner::Refusal;
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
                // What happens now can only be watched.
                Some(Request::Replay(_)) => {}
                Some(Request::Probe { node, nonce }) => {
                    folders.probe(node, nonce);
                    reader.look_again();
                }
                Some(Request::Order(_, reply)) => drop(reply.send(Err(Refusal::read_only()))),
                None => return,
            },
            () = publish.closed() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Verdict;
    use crate::evidence::{Progress, Reason, Scope};
    use crate::session::{Kind, desk};
    use crate::sim::{self, Simulation};
    use crate::source::probed;

    /// What a session on the clean cluster with these faults says, once all was listed and `is_so`.
    async fn said(faults: sim::Faults, is_so: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let simulation = sim::start("clean", sim::Options { faults, ..Default::default() }).await.unwrap();
        let options = options(&simulation);
        let connection = Connection::simulated(&simulation.url(), simulation.cluster_name()).await.unwrap();
        let folders = Folders::with(&options, Box::new(|| Box::pin(std::future::pending())));
        let mut handle = follow_with(connection, Catalog::get().unwrap(), options, folders, desk::nobody());
        let judged = handle.snapshots.wait_for(|snapshot| {
            let listings = snapshot.evidence.listings();
            listings.iter().all(|listing| listing.progress == Progress::Done) && is_so(snapshot)
        });
        let judged = tokio::time::timeout(Duration::from_secs(60), judged).await.unwrap();
        Snapshot::clone(&judged.unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_moment_in_what_is_read_of_a_simulation_is_of_its_time() {
        let now = Some("2030-01-01T12:00:00Z".parse().unwrap());
        let options_of_it = sim::Options { speed: 0.0, now, ..Default::default() };
        let simulation = sim::start("clean", options_of_it).await.unwrap();
        simulation.pass(Duration::from_secs(3600)).await;
        simulation.stop_server("cp2").await;
        let connection = Connection::simulated(&simulation.url(), simulation.cluster_name()).await.unwrap();
        let machines = crate::session::simulated::Simulated(simulation.hosts().clone());
        let connection = connection.in_time_of(Arc::new(machines));
        let read = once(connection, Catalog::get().unwrap(), options(&simulation)).await;
        let (evidence, now) = (&read.evidence, simulation.now());
        assert_eq!(evidence.at, now);
        assert_eq!(evidence.objects.pods.stamp.as_ref().unwrap().at, now);
        assert!(evidence.reads.iter().all(|read| read.at == now));
        let renewed = evidence.objects.leases.iter().filter_map(|lease| lease.spec.renew_time);
        let ages: Vec<i64> = renewed.map(|at| evidence.at.duration_since(at).as_secs()).collect();
        assert!(!ages.is_empty() && ages.iter().all(|age| (0..10_000).contains(age)), "{ages:?}");
        let unread: Vec<_> = evidence.unread().iter().filter_map(|unread| unread.at).collect();
        assert!(!unread.is_empty() && unread.iter().all(|at| *at == now), "{unread:?}");
    }

    fn options(simulation: &Simulation) -> Options {
        Options {
            kind: Kind::Inspect,
            target: None,
            scope: Scope::All,
            node_facts: probed(simulation),
            nonces: Default::default(),
            backups: None,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_goes_on_while_backups_are_hashed() {
        let facts =
            |snapshot: &Snapshot| snapshot.evidence.facts_of("w1").is_ok() && snapshot.target.is_some();
        let judged = said(sim::Faults::default(), facts).await;
        assert_eq!(judged.evidence.backups.get().unwrap_err().reason, Reason::Pending);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_may_not_be_watched_is_said_and_no_pane_is_less_sure_of_it() {
        let resources = vec!["pods".to_owned(), "leases.coordination.k8s.io".to_owned()];
        let denied = vec![sim::Denial { verbs: vec!["watch".to_owned()], resources, ..Default::default() }];
        let faults = sim::Faults { denied, user: "jane".to_owned(), ..Default::default() };
        let judged = said(faults, |snapshot| {
            let objects = &snapshot.evidence.objects;
            let polled = objects.pods.unwatched.is_some() && objects.leases.unwatched.is_some();
            polled && snapshot.evidence.facts_of("w1").is_ok() && snapshot.verdict() != Verdict::Unknown
        });
        let judged = judged.await;
        let evidence = &judged.evidence;
        assert!(evidence.objects.pods.is_complete() && !evidence.objects.pods.items.is_empty());
        let unread: Vec<_> = evidence.unread().iter().map(ToString::to_string).collect();
        for part in
            ["watch pods: forbidden (", "watch leases.coordination.k8s.io in kube-system: forbidden ("]
        {
            assert!(
                unread.iter().any(|said| said.starts_with(part) && said.contains("read every 60 s")),
                "{unread:#?}"
            );
        }
        assert_eq!(
            judged.evidence.known_as_of(),
            [&evidence.objects.pods.stamp, &evidence.objects.leases.stamp]
                .iter()
                .filter_map(|stamp| stamp.as_ref().map(|stamp| stamp.at))
                .min()
                .unwrap()
        );
    }
}
