//! Whole upgrades of the simulated cluster, with kubelift killed on the way: at any call of a port it can be, and whoever
//! comes after it goes on where the cluster is.
//!
//! Cluster, machines and disk outlive kubelift; time only goes by while something waits. So one number says all of a
//! course: the same number gives the same journal, byte for byte.

mod checks;
mod operator;
mod places;
mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use self::operator::{Operator, Wish};
use self::places::Places;
use self::ports::{Blow, Event, Life, Nonces, Outside, Sending};
use crate::actions::journal::Journal;
use crate::actions::plan::Settings;
use crate::actions::ports::{Chance, Clock, Store};
use crate::actions::runner::{Effect, Runner, perform};
use crate::catalog::Catalog;
use crate::cluster::changes::Changer;
use crate::cluster::client::Connection;
use crate::evidence::Scope;
use crate::session::options::{FactsFrom, Options};
use crate::session::{Kind, Snapshot, live};
use crate::sim;

/// The operator's mark.
const OWNER: &str = "kubelift me@desk";

/// When kubelift is killed, by the numbers of its calls over all its lives.
#[derive(Debug, Clone, Copy)]
struct Kills {
    /// The first.
    first: usize,
    /// How many calls each later life has.
    every: usize,
    /// Which blow is the first; they take turns.
    blow: usize,
}

/// Nobody is killed.
const NEVER: Kills = Kills { first: usize::MAX, every: usize::MAX, blow: 0 };

impl Kills {
    fn of(self, life: usize) -> (usize, Blow) {
        let blows = [Blow::Before, Blow::Behind, Blow::Within];
        let at = self.first.saturating_add(life.saturating_mul(self.every));
        (at, blows[(self.blow + life) % blows.len()])
    }
}

/// What kubelift sees of the cluster now.
async fn look(outside: &Outside, connection: &Connection, nonces: &Nonces) -> Snapshot {
    let options = Options {
        kind: Kind::Demo { scenario: "test".to_owned() },
        target: Some("1.31.14".parse().unwrap()),
        scope: Scope::All,
        node_facts: FactsFrom::Machines(Arc::new(outside.machines.clone())),
        nonces: nonces.clone(),
        backups: None,
    };
    let snapshot = live::once(connection.clone(), Catalog::get().unwrap(), options).await;
    let pods = snapshot.evidence.objects.pods.items.iter();
    outside.note(Event::Looked(pods.map(|pod| pod.metadata.uid.clone()).collect()));
    snapshot
}

/// How a life came to its end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Killed,
    Finished,
}

/// One life of kubelift, with its operator.
#[expect(clippy::too_many_lines, reason = "a life is one loop, which being killed may leave anywhere")]
async fn live(life: &Arc<Life>, connection: &Connection, operator: &mut Operator) -> End {
    let (outside, mut nonces) = (Arc::clone(&life.outside), Nonces::new());
    let mut snapshot = look(&outside, connection, &nonces).await;
    let has_identity = |snapshot: &Snapshot| snapshot.evidence.cluster.uid.is_some();
    while !super::is_known(&snapshot.evidence) || snapshot.target.is_none() || !has_identity(&snapshot) {
        outside.simulation.pass(Duration::from_secs(5)).await;
        snapshot = look(&outside, connection, &nonces).await;
    }
    let clock: Arc<dyn Clock> = Arc::clone(life) as Arc<dyn Clock>;
    let Ok(journal) = Journal::open(Arc::clone(life) as Arc<dyn Store>, Arc::clone(&clock), OWNER) else {
        assert!(life.is_over(), "the journal of a kubelift that was killed can be read");
        return End::Killed;
    };
    let changer = Arc::new(Changer::new(connection, &journal.permit()).await.unwrap());
    let changes = Sending { life: Arc::clone(life), changer };
    let target = snapshot.target.clone().unwrap();
    let ports = (clock, Arc::clone(life) as Arc<dyn Chance>);
    let Ok(mut runner) = Runner::open(journal, "memory", &target, Settings::default(), true, ports) else {
        return End::Killed;
    };
    loop {
        runner.observe(Arc::clone(&snapshot.evidence), &target, Arc::clone(&snapshot.findings));
        // What it was given to do, until it has to see what came of it.
        while let Some(effect) = runner.next_effect() {
            let is_pause = matches!(effect, Effect::Wait(_));
            let outcome = perform(effect, &**life, &changes, Some(&**life)).await;
            if life.is_over() {
                return End::Killed;
            }
            runner.outcome(outcome);
            if is_pause {
                break;
            }
        }
        if life.is_over() {
            return End::Killed;
        }
        let upgrade = runner.view().unwrap();
        assert_eq!(upgrade.halted, None);
        match operator.wish(&upgrade) {
            Wish::Leave => return End::Finished,
            Wish::Order(order) => {
                let ordered = runner.order(order.clone());
                if life.is_over() {
                    return End::Killed;
                }
                ordered.unwrap_or_else(|refusal| panic!("{order:?}: {refusal}"));
                // What was just seen still holds: nothing has happened since.
                if runner.wants_probe().is_none() {
                    continue;
                }
            }
            Wish::Mend(node, line) => {
                operator.mend(&outside, &node, line).await;
                outside.simulation.pass(Duration::from_secs(90)).await;
            }
            Wish::Rest => outside.simulation.pass(Duration::from_secs(60)).await,
            Wish::Wait if upgrade.active.as_ref().is_some_and(|active| !active.said) => {}
            Wish::Wait => outside.simulation.pass(Duration::from_secs(10)).await,
        }
        if let Some((node, nonce)) = runner.wants_probe() {
            nonces = BTreeMap::from([(node.clone(), nonce.clone())]);
        }
        snapshot = look(&outside, connection, &nonces).await;
        runner.look_again();
    }
}

/// So many lives, at most, of an upgrade of a scenario with these kills: what is left of them, and whether it is upgraded.
async fn begun(scenario: &str, kills: Kills, places: Places, lives: usize) -> (Arc<Outside>, bool) {
    let now = Some("2026-11-28T12:00:00Z".parse().unwrap());
    let options = sim::Options { speed: 0.0, now, ..Default::default() };
    let simulation = sim::start(scenario, options).await.unwrap();
    // Every machine answers by then.
    simulation.pass(Duration::from_secs(600)).await;
    let connection = Connection::simulated(&simulation.url(), simulation.cluster_name()).await.unwrap();
    let outside = Arc::new(Outside::of(simulation, places));
    let connection = connection.in_time_of(Arc::new(outside.machines.clone()));
    let before = look(&outside, &connection, &Nonces::new()).await;
    let mut operator = Operator::default();
    for life in 0..lives {
        let (ends_at, blow) = kills.of(life);
        let ends_at = ends_at.max(outside.calls.load(Ordering::SeqCst));
        if live(&Life::new(&outside, ends_at, blow), &connection, &mut operator).await == End::Finished {
            let after = look(&outside, &connection, &Nonces::new()).await;
            checks::is_upgraded(&before, &after);
            checks::nothing_happened_twice(&outside);
            return (outside, true);
        }
        // Somebody has to notice.
        outside.simulation.pass(Duration::from_secs(7)).await;
    }
    (outside, false)
}

/// A whole upgrade of a scenario with these kills: what is left of it.
async fn upgraded(scenario: &str, kills: Kills, places: Places) -> Arc<Outside> {
    let (outside, finished) = begun(scenario, kills, places, 2_000).await;
    assert!(finished, "it does not come to its end");
    outside
}

/// The journal as it is on the disk, and the calls at which kubelift was killed.
fn left(outside: &Outside) -> (String, BTreeMap<&'static str, usize>) {
    let mut killed = BTreeMap::new();
    for event in &*outside.events.lock().unwrap() {
        if let Event::Killed(call, _) = event {
            *killed.entry(*call).or_default() += 1;
        }
    }
    (String::from_utf8(outside.disk.bytes.lock().unwrap().clone()).unwrap(), killed)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_goes_on_where_the_cluster_is() {
    let outside = upgraded("trouble", Kills { first: 3, every: 59, blow: 0 }, Places::default()).await;
    let (_, killed) = left(&outside);
    for call in ["append", "now", "output", "send", "sleep", "start"] {
        assert!(killed.contains_key(call), "{call}: {killed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_numbers_give_the_same_journal() {
    let kills = Kills { first: 3, every: 59, blow: 0 };
    let one = left(&begun("default", kills, Places::default(), 8).await.0);
    assert_eq!(one, left(&begun("default", kills, Places::default(), 8).await.0));
    assert!(one.0.lines().count() > 30, "{}", one.0);
}

/// Upgrades, one after the other, until kubelift was killed at each of `left`. The first of them is always come to, for
/// before it nothing differs from the upgrade that it is of.
async fn killed_at_each(scenario: &'static str, mut left: BTreeSet<String>) {
    while !left.is_empty() {
        let places = Places::to_be_killed_at(left.clone());
        let outside = upgraded(scenario, NEVER, places).await;
        let places = std::mem::take(&mut *outside.places.lock().unwrap());
        eprintln!("{scenario}: killed at {} places, {} are left", places.killed.len(), places.left.len());
        assert!(!places.killed.is_empty(), "nobody comes to {left:?}");
        left = places.left;
    }
}

/// How many courses go on at a time: the most of one is waiting.
const AT_A_TIME: usize = 4;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes"]
async fn killed_at_every_call_it_goes_on_where_the_cluster_is() {
    let outside = upgraded("default", NEVER, Places::default()).await;
    let mut all = std::mem::take(&mut outside.places.lock().unwrap().all);
    assert!(all.len() > 1_500, "{all:#?}");
    // Behind the last nothing is left to be killed.
    assert_eq!(all.pop().as_deref(), Some(" closed (1)"));
    let mut shares = vec![BTreeSet::new(); AT_A_TIME];
    for (index, place) in all.into_iter().enumerate() {
        shares[index % AT_A_TIME].insert(place);
    }
    let courses = shares.into_iter().map(|share| tokio::spawn(killed_at_each("default", share)));
    for course in futures::future::join_all(courses).await {
        course.unwrap();
    }
}
