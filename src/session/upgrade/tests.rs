//! What the session asks of the one below it.

use tokio::sync::oneshot;

use super::*;
use crate::actions::runner::{Order, Upgrade, seen};
use crate::catalog::Catalog;
use crate::evidence::Scope;
use crate::session::options::Options;
use crate::session::{Kind, desk, live};
use crate::sim;
use crate::source::probed;

/// Gives an order, and waits until it is carried out.
async fn order(handle: &Handle, order: Order) {
    let (reply, answer) = oneshot::channel();
    handle.requests.send(Request::Order(order, reply)).await.unwrap();
    answer.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_commands_of_a_step_are_over_its_end_is_looked_for_again_and_again() {
    let simulation = sim::start("clean", sim::Options::default()).await.unwrap();
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
    let (requests, mut asked) = mpsc::channel(8);
    let Handle { snapshots, requests: _kept, terminal } = below;
    let state = tempfile::tempdir().unwrap();
    let means = Means {
        connection,
        machines: None,
        settings: Settings::default(),
        state: Some(state.path().to_owned()),
        owner: "me".to_owned(),
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
        look_every: LOOK_EVERY,
    };
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
