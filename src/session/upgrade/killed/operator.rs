//! An operator who wants the cluster upgraded, whatever it takes.

use std::collections::BTreeMap;

use super::ports::Outside;
use crate::actions::plan::{Step, StepState};
use crate::actions::ports::Machines as _;
use crate::actions::runner::{Hands, Order, Upgrade, seen};

/// How often a failed step is tried again.
const TRIES: usize = 3;

/// How often one waits for what may become known by itself.
const LOOKS: usize = 20;

/// What the operator does next.
pub(super) enum Wish {
    /// Gives an order.
    Order(Order),
    /// Looks again in a while.
    Wait,
    /// Looks again in a longer while: what failed may mend itself.
    Rest,
    /// Mends something by hand on a machine, and looks again.
    Mend(String, &'static str),
    /// Goes home: all is done.
    Leave,
}

/// An operator, who remembers.
#[derive(Default)]
pub(super) struct Operator {
    tried: BTreeMap<String, usize>,
    waited: BTreeMap<String, usize>,
    mended: usize,
}

impl Operator {
    /// What is to be done about what is seen.
    pub(super) fn wish(&mut self, upgrade: &Upgrade) -> Wish {
        if let Some(active) = &upgrade.active {
            let said = Order::Said { step: active.step.clone() };
            return if active.hands == Hands::Operator && !active.said {
                Wish::Order(said)
            } else {
                Wish::Wait
            };
        }
        let Some(step) = upgrade.plan.next() else { return Wish::Leave };
        let id = step.id.clone();
        match step.state {
            StepState::Ready => Wish::Order(Order::Run {
                seen: seen(&upgrade.plan, step),
                answer: step.confirmation.answer().unwrap_or_default().to_owned(),
                step: id,
            }),
            StepState::Failed => self.failed(step),
            StepState::Blocked if step.why.contains("somebody else") => {
                Wish::Order(Order::Skip { step: id, reason: "it is cordoned for its disk".to_owned() })
            }
            StepState::Blocked | StepState::Unknown => self.held(step),
            state => panic!("{id} is {}", state.as_str()),
        }
    }

    fn failed(&mut self, step: &Step) -> Wish {
        let tried = self.tried.entry(step.id.clone()).or_default();
        *tried += 1;
        assert!(*tried <= TRIES * 2, "{}: {}", step.id, step.why);
        match &step.node {
            // What the false success needs: the kubelet reads its folder anew.
            Some(node) if step.id.starts_with("upgrade-node") && *tried == 1 => {
                Wish::Mend(node.to_string(), "systemctl restart kubelet")
            }
            _ if *tried % 2 == 1 => Wish::Rest,
            _ => Wish::Order(Order::Retry { step: step.id.clone() }),
        }
    }

    fn held(&mut self, step: &Step) -> Wish {
        let hold = step.held_by.first().filter(|hold| hold.why == step.why);
        let waited = self.waited.entry(step.id.clone()).or_default();
        match hold {
            Some(hold) if hold.consent.code != "Unknown" || *waited >= LOOKS => Wish::Order(Order::Consent {
                step: step.id.clone(),
                consent: hold.consent.clone(),
                answer: hold.answer.clone(),
            }),
            _ => {
                *waited += 1;
                assert!(*waited <= LOOKS * 2, "{} is {}: {}", step.id, step.state.as_str(), step.why);
                Wish::Wait
            }
        }
    }

    /// Runs a line on a machine, outside of kubelift.
    pub(super) async fn mend(&mut self, outside: &Outside, node: &str, line: &str) {
        self.mended += 1;
        outside.machines.start(node, &format!("by-hand-{}", self.mended), line).await.unwrap();
    }
}
