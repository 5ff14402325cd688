//! Where an upgrade goes: one hop at a time, and to the end of the one that was begun.
//!
//! When every API server is upgraded the cluster looks as if the next minor were due, and the kubelets are still to come. So
//! the journal's hop comes first, for as long as something of it is left.

use crate::actions::journal::{Entry, Journal, What};
use crate::actions::plan::{Decisions, hop};
use crate::checks::Target;
use crate::evidence::Evidence;
use crate::version::Version;

/// The end of the hop that is to be taken now, of an upgrade to `target`: whoever asked for a version of the same minor
/// as the journal's, or of none that lies behind it, is obeyed.
pub(super) fn aim(journal: &Journal, evidence: &Evidence, target: &Target) -> Version {
    let end = hop(target);
    let Some(begun) = begun(journal.upgrade()) else { return end };
    let asked = !target.chosen && target.to.minor() <= begun.minor();
    if asked || *begun < target.from || is_over(evidence, journal.decisions(), begun) {
        end
    } else {
        begun.clone()
    }
}

/// Where the upgrade goes that the journal tells of, if any step of it was begun.
fn begun(entries: &[Entry]) -> Option<&Version> {
    let began = entries.iter().any(|entry| matches!(entry.what, What::Began { .. }));
    entries.iter().rev().filter(|_| began).find_map(|entry| match &entry.what {
        What::Opened { target, .. } => Some(target),
        _ => None,
    })
}

/// Whether no kubelet is older than `version` any more, but those that were left out.
fn is_over(evidence: &Evidence, decisions: &Decisions, version: &Version) -> bool {
    evidence.objects.nodes.iter().all(|node| {
        let is: Option<Version> = node.status.node_info.kubelet_version.parse().ok();
        let left_out = decisions.skipped.contains_key(&format!("kubelet/{}", node.metadata.name));
        left_out || !node.is_linux() || is.is_some_and(|is| is >= *version)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::actions::plan::Settings;
    use crate::actions::testing::{Memory, SetClock};
    use crate::checks::testing::World;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    /// A journal of an upgrade to 1.31.14, of which a step was begun.
    fn journal(begun: bool) -> Journal {
        let mut journal =
            Journal::open(Arc::new(Memory::default()), Arc::new(SetClock::default()), "me").unwrap();
        let opened = What::Opened {
            kubelift: "0".into(),
            owner: "me".into(),
            from: Some(version("1.30.4")),
            target: version("1.31.14"),
            settings: Settings::default(),
        };
        journal.write(opened).unwrap();
        if begun {
            let (step, nonce) = ("package/cp1".to_owned(), "n".into());
            journal.write(What::Began { step, nonce, commands: Vec::new() }).unwrap();
        }
        journal
    }

    /// Every API server is at the journal's target, and `old` has a kubelet of before.
    fn world(old: &[&str]) -> World {
        let mut world = World::new("1.31.14");
        for node in old {
            world.edit_node(node, |node| node.status.node_info.kubelet_version = "v1.30.4".into());
        }
        world
    }

    fn target(from: &str, to: &str, chosen: bool) -> Target {
        Target { from: version(from), to: version(to), chosen }
    }

    #[test]
    fn a_hop_that_was_begun_is_gone_to_its_end_whoever_asks_for_the_next() {
        let next = target("1.31.14", "1.32.13", true);
        let (left, over) = (world(&["w1", "w2"]), world(&[]));
        assert_eq!(aim(&journal(true), &left.evidence, &next), version("1.31.14"));
        assert_eq!(aim(&journal(true), &over.evidence, &next), version("1.32.13"), "it is over");
        assert_eq!(aim(&journal(false), &left.evidence, &next), version("1.32.13"), "nothing was begun");
        let asked = target("1.31.14", "1.33.9", false);
        assert_eq!(aim(&journal(true), &left.evidence, &asked), version("1.31.14"), "it is on the way");
        let other = target("1.30.4", "1.31.12", false);
        assert_eq!(
            aim(&journal(true), &left.evidence, &other),
            version("1.31.12"),
            "another patch was asked for"
        );
    }

    #[test]
    fn a_kubelet_that_was_left_out_holds_no_upgrade_open() {
        let mut journal = journal(true);
        let (step, reason) = ("kubelet/w1".to_owned(), "it is dead".to_owned());
        journal.write(What::Skipped { step, reason }).unwrap();
        let next = target("1.31.14", "1.32.13", true);
        assert_eq!(aim(&journal, &world(&["w1"]).evidence, &next), version("1.32.13"));
        assert_eq!(aim(&journal, &world(&["w1", "w2"]).evidence, &next), version("1.31.14"));
    }

    #[test]
    fn of_several_hops_the_first_is_taken() {
        let far = target("1.30.4", "1.33.0", false);
        let end = aim(&journal(false), &World::new("1.30.4").evidence, &far);
        assert_eq!(end.minor(), "1.31".parse().unwrap());
    }
}
