//! A node takes pods again: only where this upgrade cordoned it.

use super::{Site, addons, step};
use crate::actions::observed::{Condition, kubelet_is, node_is_ready};
use crate::actions::plan::{Step, StepKind};
use crate::evidence::objects::Node;

pub(in crate::actions) fn make(site: &Site, node: &Node) -> Step {
    let name = &node.metadata.name;
    let mut step = step(StepKind::Uncordon, Some(name), format!("uncordon {name}"));
    step.way_back = format!("kubectl cordon {name}");
    step.expected_seconds = 5;
    if super::drain::is_anothers(site, node) {
        step.title = format!("leave {name} cordoned");
        let stays = Condition::of(format!("the cordon of {name} is somebody else's, and stays"), true, "");
        step.postcondition = vec![kubelet_is(node, &site.to), stays];
        return step;
    }
    step.commands = vec![crate::actions::drain::requests::uncordon(name).to_string()];
    step.effects =
        vec![format!("the scheduler places pods on {name} again; pods do not move back by themselves")];
    step.precondition = vec![kubelet_is(node, &site.to), node_is_ready(node)];
    addons::hold(site, node, &mut step);
    step.postcondition = vec![
        kubelet_is(node, &site.to),
        Condition::of(format!("{name} takes pods"), node.spec.unschedulable != Some(true), "it is cordoned"),
        // A mark that stays would make the next person's cordon look like kubelift's.
        Condition::of(
            format!("{name} has no mark of this upgrade's cordon"),
            !super::drain::is_marked(site, node),
            "it has",
        ),
    ];
    step
}
