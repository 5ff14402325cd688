//! Which nodes can take the pods of an asker, and what it weighs when some cannot.

use std::collections::HashMap;

use super::asker::{Asker, Fate};
use super::node::{Ability, ability};
use super::profile::Need;
use crate::checks::Severity;
use crate::checks::common::placement::may_run_on;
use crate::evidence::objects::Node;
use crate::evidence::{Evidence, Unread};

/// What every machine can do about every need that somebody has.
pub(super) struct Machines<'a> {
    /// The Linux nodes.
    pub(super) nodes: Vec<&'a Node>,
    abilities: HashMap<Need<'a>, Vec<Ability>>,
}

impl<'a> Machines<'a> {
    /// Asks every machine for every need once.
    pub(super) fn of(evidence: &'a Evidence, askers: &[Asker<'a>]) -> Self {
        let nodes: Vec<&Node> = evidence.objects.nodes.iter().filter(|node| node.is_linux()).collect();
        let mut abilities = HashMap::new();
        for need in askers.iter().flat_map(|asker| &asker.needs) {
            abilities.entry(*need).or_insert_with(|| {
                let of_node = |node: &&Node| {
                    let name = &node.metadata.name;
                    evidence
                        .facts_of(name)
                        .map_or_else(Ability::Unknown, |(facts, _)| ability(facts, name, *need))
                };
                nodes.iter().map(of_node).collect()
            });
        }
        Self { nodes, abilities }
    }

    /// The nodes where the pods of an asker may run, by index.
    pub(super) fn allowed(&self, asker: &Asker<'a>) -> Vec<usize> {
        let may = |node: &Node| match asker.fate {
            Fate::Restarted => node.metadata.name == asker.subject.node.as_str(),
            _ => may_run_on(asker.spec, node),
        };
        self.nodes.iter().enumerate().filter(|(_, node)| may(node)).map(|(index, _)| index).collect()
    }

    /// Where a need of an asker can be met.
    pub(super) fn place(&self, asker: &Asker<'a>, allowed: &[usize], need: Need<'a>) -> Placement<'_> {
        let mut placement = Placement {
            nodes: Vec::new(),
            cannot: Severity::Warning,
            unknown: Severity::Warning,
            stuck: None,
        };
        let abilities = self.abilities.get(&need).map(Vec::as_slice).unwrap_or_default();
        placement.nodes = allowed
            .iter()
            .filter_map(|index| {
                Some((self.nodes.get(*index)?.metadata.name.as_str(), abilities.get(*index)?))
            })
            .collect();
        match asker.fate {
            Fate::Restarted => (placement.cannot, placement.unknown) = (Severity::Blocker, Severity::Blocker),
            Fate::Stays | Fate::Lost => {}
            Fate::Replaced => {
                let all = Count::of(placement.nodes.iter().map(|(_, ability)| *ability));
                asker.runs_on.iter().for_each(|node| placement.drain(node, all));
            }
        }
        placement
    }
}

/// Where a need can be met, and what it weighs.
pub(super) struct Placement<'m> {
    /// The nodes where the pods may run, and what each can.
    pub(super) nodes: Vec<(&'m str, &'m Ability)>,
    /// What it weighs that some cannot: a blocker if the upgrade leaves a pod nowhere to run.
    pub(super) cannot: Severity,
    /// What could hide behind those of which it is not known.
    pub(super) unknown: Severity,
    /// A node whose drain leaves its pod nowhere to run.
    pub(super) stuck: Option<String>,
}

/// How many nodes can, and of how many it is not known.
#[derive(Clone, Copy)]
struct Count {
    all: usize,
    can: usize,
    unknown: usize,
}

impl Count {
    fn of<'a>(abilities: impl Iterator<Item = &'a Ability>) -> Self {
        abilities.fold(Self { all: 0, can: 0, unknown: 0 }, |count, ability| Self {
            all: count.all + 1,
            can: count.can + usize::from(*ability == Ability::Can),
            unknown: count.unknown + usize::from(matches!(ability, Ability::Unknown(_))),
        })
    }

    fn without(self, other: Self) -> Self {
        Self { all: self.all - other.all, can: self.can - other.can, unknown: self.unknown - other.unknown }
    }
}

impl<'m> Placement<'m> {
    /// Looks at the drain of one node that a pod runs on, one of `all` or not: its successor goes to another node
    /// that is allowed, or waits for this one if there is no other.
    fn drain(&mut self, node: &str, all: Count) {
        // The nodes are sorted, as the listing is that they come from.
        let own =
            self.nodes.binary_search_by(|(name, _)| (*name).cmp(node)).ok().and_then(|at| self.nodes.get(at));
        let others = all.without(Count::of(own.map(|(_, ability)| *ability).into_iter()));
        let pool = if others.all == 0 { all } else { others };
        if pool.all == 0 || pool.can > 0 {
            return;
        }
        if pool.unknown > 0 {
            self.unknown = Severity::Blocker;
        } else {
            self.cannot = Severity::Blocker;
            self.stuck = Some(node.to_owned());
        }
    }

    /// The nodes that cannot because the profile is missing.
    pub(super) fn missing(&self) -> Vec<&'m str> {
        self.nodes
            .iter()
            .filter(|(_, ability)| matches!(ability, Ability::Missing(_)))
            .map(|(name, _)| *name)
            .collect()
    }

    /// The nodes that cannot because AppArmor is off, with the words for it.
    pub(super) fn off(&self) -> Vec<(&'m str, &'static str)> {
        let off = self.nodes.iter().filter_map(|(name, ability)| match ability {
            Ability::Off(why) => Some((*name, *why)),
            _ => None,
        });
        off.collect()
    }

    /// The nodes of which it is not known.
    pub(super) fn unread(&self) -> impl Iterator<Item = (&'m str, &'m Unread)> {
        self.nodes.iter().filter_map(|(name, ability)| match ability {
            Ability::Unknown(unread) => Some((*name, unread)),
            _ => None,
        })
    }
}
