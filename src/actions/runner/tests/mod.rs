//! The runner: what may be begun, what ends a step, what is on the disk before it happens.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

mod drains;
mod steps;

use super::*;
use crate::actions::plan::Consent;
use crate::actions::ports::{Answer, Output, Store};
use crate::actions::steps::testing::{at_target, ready_to_upgrade};
use crate::actions::testing::{Counting, Memory, SetClock};
use crate::checks::testing::World;
use crate::evidence::Reading;

/// A runner on a hand-built cluster.
struct Bench {
    world: World,
    store: Arc<Memory>,
    clock: Arc<SetClock>,
    machines: bool,
    runner: Runner,
}

impl Bench {
    fn new(machines: bool) -> Self {
        Self::on(ready_to_upgrade(), machines)
    }

    fn on(world: World, machines: bool) -> Self {
        let (store, clock) = (Arc::new(Memory::default()), Arc::new(SetClock::default()));
        let runner = runner(&store, &clock, machines, &world);
        let mut bench = Self { world, store, clock, machines, runner };
        bench.observe();
        bench
    }

    fn observe(&mut self) {
        let target = self.world.target("1.31.14");
        self.runner.observe(Arc::new(self.world.evidence.clone()), &target, Arc::from([]));
    }

    /// The process is killed, and another takes the journal.
    fn killed(&mut self) {
        let bytes = self.store.bytes.lock().unwrap().clone();
        self.store = Arc::new(Memory { bytes: bytes.into(), ..Memory::default() });
        self.runner = runner(&self.store, &self.clock, self.machines, &self.world);
        self.observe();
    }

    fn view(&self) -> Upgrade {
        self.runner.view().unwrap()
    }

    fn state(&self, id: &str) -> StepState {
        self.view().plan.step(id).unwrap().state
    }

    fn run(&mut self, id: &str, answer: &str) -> Result<(), Refusal> {
        let view = self.view();
        let seen = seen(&view.plan, view.plan.step(id).unwrap());
        self.runner.order(Order::Run { step: id.to_owned(), seen, answer: answer.to_owned() })
    }

    /// Leaves out everything before a step.
    fn skip_to(&mut self, id: &str) {
        while self.view().plan.next().unwrap().id != id {
            let step = self.view().plan.next().unwrap().id.clone();
            self.runner.order(Order::Skip { step, reason: "for the test".to_owned() }).unwrap();
        }
    }

    /// The words of the journal's entries, as it stands on the disk.
    fn on_disk(&self) -> Vec<String> {
        let text = String::from_utf8(self.store.read().unwrap()).unwrap();
        text.lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(&line[65..]).unwrap()["what"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    /// The API server of cp1 is asked again so many seconds later, and is ready.
    fn server_asked(&mut self, later: i64) {
        self.clock.pass(later);
        let Reading::Read { stamp, .. } = &mut self.world.evidence.servers.servers[0].ready else {
            panic!("it was read")
        };
        stamp.at += jiff::SignedDuration::from_secs(later);
    }

    /// A probe of a node that returns a nonce, and saw kubeadm at a version.
    fn probed(&mut self, node: &str, nonce: &str, kubeadm: &str) {
        self.world.facts(node, |facts| {
            facts.nonce = Some(nonce.into());
            facts.kubeadm.as_mut().unwrap().version = Some(format!("v{kubeadm}").into());
            for package in
                facts.packages.as_mut().unwrap().installed.iter_mut().filter(|p| p.name == *"kubeadm")
            {
                package.version = Some(format!("{kubeadm}-1.1").into());
            }
        });
        self.observe();
    }
}

fn runner(store: &Arc<Memory>, clock: &Arc<SetClock>, machines: bool, world: &World) -> Runner {
    let store: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    let journal = Journal::open(store, Arc::clone(&clock), "me@desk").unwrap();
    let ports: (Arc<dyn Clock>, Arc<dyn Chance>) = (clock, Arc::new(Counting::default()));
    Runner::open(journal, "memory", &world.target("1.31.14"), Settings::default(), machines, ports).unwrap()
}

fn good() -> Result<Answer, String> {
    Ok(Answer { status: 200, message: "".into(), retry_after: None })
}

fn refused(status: u16) -> Result<Answer, String> {
    Ok(Answer { status, message: "not now".into(), retry_after: None })
}

/// A cluster whose control planes are upgraded; w1 has one pod of a Deployment.
fn at_workers() -> World {
    let mut world = ready_to_upgrade();
    for node in ["cp1", "cp2", "cp3"] {
        at_target(&mut world, node, "1.31.14");
    }
    world.pod(json!({
        "metadata": { "namespace": "shop", "name": "web-1", "uid": "u-web-1",
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "controller": true }] },
        "spec": { "nodeName": "w1", "containers": [{ "name": "web", "image": "web:1" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } }));
    world
}
