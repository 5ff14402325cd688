//! What the session asks of the one below it.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;

use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::*;
use crate::actions::ports::Output;
use crate::actions::runner::{Order, Upgrade, seen};
use crate::catalog::Catalog;
use crate::evidence::Scope;
use crate::session::options::Options;
use crate::session::recording::{Reader, Recorder, Sink, SystemStopwatch, Time};
use crate::session::{Kind, desk, live};
use crate::sim::{self, Simulation};
use crate::source::probed;

/// Gives an order, and waits until it is carried out.
async fn order(handle: &Handle, order: Order) {
    let (reply, answer) = oneshot::channel();
    handle.requests.send(Request::Order(order, reply)).await.unwrap();
    answer.await.unwrap().unwrap();
}

/// A session on a cluster without findings, and what an upgrade of it is carried out by: the operator's hands.
async fn inspection(state: &Path) -> (Simulation, Handle, Means) {
    inspection_with(sim::Faults::default(), state).await
}

/// The same with faults.
async fn inspection_with(faults: sim::Faults, state: &Path) -> (Simulation, Handle, Means) {
    let simulation = sim::start("clean", sim::Options { faults, ..Default::default() }).await.unwrap();
    let connection = Connection::simulated(&simulation.url(), simulation.cluster_name()).await.unwrap();
    let options = Options {
        kind: Kind::Upgrade,
        target: None,
        scope: Scope::All,
        node_facts: probed(&simulation),
        nonces: Default::default(),
        backups: None,
    };
    let below = live::follow(connection.clone(), Catalog::get().unwrap(), options, desk::nobody());
    let means = Means {
        connection,
        machines: None,
        settings: Settings::default(),
        state: Some(state.to_owned()),
        owner: "me".to_owned(),
        clock: Arc::new(SystemClock),
        stopwatch: Arc::new(Stopped),
        chance: Arc::new(SystemChance),
        look_every: LOOK_EVERY,
    };
    (simulation, below, means)
}

/// A cluster whose namespaces may not be read.
fn without_namespaces() -> sim::Faults {
    let (verbs, resources) = (vec!["get".to_owned()], vec!["namespaces".to_owned()]);
    let denied = vec![sim::Denial { verbs, resources, ..Default::default() }];
    sim::Faults { denied, user: "jane".to_owned(), ..Default::default() }
}

/// The first snapshot that is so.
async fn until(handle: &mut Handle, is_so: impl FnMut(&Arc<Snapshot>) -> bool) -> Arc<Snapshot> {
    let found = handle.snapshots.wait_for(is_so);
    let found = tokio::time::timeout(Duration::from_secs(60), found).await;
    Arc::clone(&found.expect("it never was so").unwrap())
}

/// The order that begins the next step.
fn next(upgrade: &Upgrade) -> Order {
    let step = upgrade.plan.next().unwrap();
    Order::Run { step: step.id.clone(), seen: seen(&upgrade.plan, step), answer: String::new() }
}

/// A stopwatch at 12:00 of a day, and a minute after it was started.
struct Stopped;

impl Stopwatch for Stopped {
    fn now(&self) -> Time {
        Time { mono: Duration::from_secs(60), wall: "2026-11-24T12:00:00Z".parse().unwrap() }
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_named_and_timed_by_the_stopwatch_that_was_handed_in() {
    let state = tempfile::tempdir().unwrap();
    let (_simulation, below, means) = inspection(state.path()).await;
    let (mut handle, guiding) = guide(below, means);
    handle.snapshots.wait_for(|snapshot| snapshot.upgrade.is_some()).await.unwrap();
    drop(handle);
    let recording = guiding.ended().await.unwrap().recording;
    assert_eq!(recording.file_name().unwrap(), "20261124T120000.000Z.klrec");
    let reader = Reader::open(&recording).unwrap();
    let times: BTreeSet<(Duration, String)> =
        reader.marks().map(|mark| (mark.mono, mark.wall.to_string())).collect();
    assert_eq!(times, BTreeSet::from([(Duration::ZERO, "2026-11-24T12:00:00Z".to_owned())]));
    assert!(reader.marks().len() > 2, "a header, what was known and the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_commands_of_a_step_are_over_its_end_is_looked_for_again_and_again() {
    let state = tempfile::tempdir().unwrap();
    let (_simulation, below, means) = inspection(state.path()).await;
    let (requests, mut asked) = mpsc::channel(8);
    let Handle { snapshots, requests: _kept, terminal } = below;
    let (mut handle, _guiding) = guide(Handle { snapshots, requests, terminal }, means);
    let known = handle.snapshots.wait_for(|snapshot| snapshot.upgrade.is_some()).await.unwrap().clone();
    let Upgrade { plan, .. } = known.upgrade.as_deref().unwrap();
    let step = plan.next().unwrap();
    let run = Order::Run { step: step.id.clone(), seen: seen(plan, step), answer: String::new() };
    order(&handle, run).await;
    let now = Arc::clone(&handle.snapshots.borrow());
    assert!(now.upgrade.as_ref().unwrap().active.is_some(), "the answer comes when the order is to be seen");
    order(&handle, Order::Said { step: step.id.clone() }).await;

    let mut words = Vec::new();
    while words.len() < 3 {
        words.push(match asked.recv().await.unwrap() {
            Request::Target(_) => "target",
            Request::Probe { .. } => "probe",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(words, ["target", "probe", "probe"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_identity_of_the_cluster_it_is_said_why_nothing_can_be_changed() {
    let state = tempfile::tempdir().unwrap();
    let (_simulation, below, means) = inspection_with(without_namespaces(), state.path()).await;
    let (mut handle, _guiding) = guide(below, means);
    let known = until(&mut handle, |snapshot| snapshot.no_upgrade.is_some()).await;
    let why = known.no_upgrade.as_deref().unwrap();
    assert!(why.contains("kube-system could not be read") && why.contains("forbidden"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_there_is_no_runner_the_target_is_that_of_the_session_below() {
    let state = tempfile::tempdir().unwrap();
    let (_simulation, below, means) = inspection_with(without_namespaces(), state.path()).await;
    let (mut handle, _guiding) = guide(below, means);
    until(&mut handle, |snapshot| snapshot.target.is_some()).await;
    let asked: Version = "1.31.4".parse().unwrap();
    handle.requests.send(Request::Target(Some(asked.clone()))).await.unwrap();
    until(&mut handle, |snapshot| snapshot.target.as_ref().is_some_and(|target| target.to == asked)).await;
}

/// A disk with room for one line.
struct Small(bool);

impl Sink for Small {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        if std::mem::replace(&mut self.0, true) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_cannot_be_written_stops_changes() {
    let state = tempfile::tempdir().unwrap();
    let (_simulation, below, means) = inspection(state.path()).await;
    let (mut guide, mut handle, asked) = Guide::beside(below, means);
    while matches!(guide.guided, Guided::No(_)) {
        guide.snapshots.changed().await.unwrap();
        guide.take().await;
    }
    let Guided::Yes(_, _, recording) = &mut guide.guided else { panic!("there is no runner") };
    let (disk, cluster) = (Box::new(Small(false)), crate::evidence::Cluster::default());
    let recorder = Recorder::begin(recording.path(), disk, &cluster, None, Stopped.now()).unwrap();
    *recording = Recording::of(recorder, Arc::new(Stopped));
    let running = tokio::spawn(guide.run(asked));

    let halted = |snapshot: &Snapshot| snapshot.upgrade.as_ref().and_then(|upgrade| upgrade.halted.clone());
    let known = until(&mut handle, |snapshot| halted(snapshot).is_some()).await;
    let why = halted(&known).unwrap();
    assert!(why.contains("the recording cannot be written") && why.contains("no storage space"), "{why}");
    let (reply, answer) = oneshot::channel();
    let run = next(known.upgrade.as_deref().unwrap());
    handle.requests.send(Request::Order(run, reply)).await.unwrap();
    assert_eq!(answer.await.unwrap(), Err(Refusal::Halted(why)));
    drop(handle);
    assert!(!running.await.unwrap().unwrap().begun, "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_says_that_its_journal_was_torn() {
    let state = tempfile::tempdir().unwrap();
    for torn in [false, true] {
        let (_simulation, below, means) = inspection(state.path()).await;
        // Another second, as it is for another kubelift.
        let means = Means { stopwatch: Arc::new(SystemStopwatch::start()), ..means };
        let (mut handle, guiding) = guide(below, means);
        let known = until(&mut handle, |snapshot| snapshot.upgrade.is_some()).await;
        assert_eq!(known.upgrade.as_ref().unwrap().torn, torn);
        drop(handle);
        let journal = guiding.ended().await.unwrap().journal.join("journal");
        let mut journal = std::fs::File::options().append(true).open(journal).unwrap();
        journal.write_all(b"0f3a").unwrap();
    }
}

/// Machines that no line can be started on without a panic.
struct Panicking;

impl Machines for Panicking {
    fn start<'a>(&'a self, _: &'a str, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), String>> {
        panic!("it is not so")
    }

    fn output<'a>(&'a self, _: &'a str, _: &'a str, _: usize) -> BoxFuture<'a, Result<Output, String>> {
        panic!("it is not so")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_that_panics_halts_the_upgrade() {
    let state = tempfile::tempdir().unwrap();
    let (_simulation, below, means) = inspection(state.path()).await;
    let means = Means { machines: Some(Arc::new(Panicking)), ..means };
    let (mut handle, _guiding) = guide(below, means);
    let known = until(&mut handle, |snapshot| snapshot.upgrade.is_some()).await;
    order(&handle, next(known.upgrade.as_deref().unwrap())).await;
    let halted = |snapshot: &Snapshot| snapshot.upgrade.as_ref().and_then(|upgrade| upgrade.halted.clone());
    let known = until(&mut handle, |snapshot| halted(snapshot).is_some()).await;
    let why = halted(&known).unwrap();
    assert!(why.contains("failed, which is a bug") && why.contains("it is not so"), "{why}");
}
