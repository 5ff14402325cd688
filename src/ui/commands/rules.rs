//! Why a command cannot run just now: a rule each, of plain facts.

use super::{Context, Place};

pub(super) const fn always(_: &Context) -> Option<&'static str> {
    None
}

const fn unless(can: bool, reason: &'static str) -> Option<&'static str> {
    if can { None } else { Some(reason) }
}

pub(super) const fn finding(context: &Context) -> Option<&'static str> {
    if matches!(context.place, Place::Panes) {
        return unless(context.finding, "no finding is seen; open its pane first");
    }
    unless(context.finding, "no finding is chosen")
}

pub(super) const fn back(context: &Context) -> Option<&'static str> {
    unless(context.behind, "this is the first screen")
}

pub(super) const fn open(context: &Context) -> Option<&'static str> {
    unless(context.finding || !matches!(context.place, Place::Findings), "no finding is chosen")
}

pub(super) const fn remedy(context: &Context) -> Option<&'static str> {
    if !context.finding {
        return finding(context);
    }
    unless(context.remedy, "this finding has no remedy")
}

pub(super) const fn evidence(context: &Context) -> Option<&'static str> {
    if !context.finding {
        return finding(context);
    }
    unless(context.evidence, "this finding has no evidence of its own")
}

pub(super) const fn copy(context: &Context) -> Option<&'static str> {
    match context.place {
        Place::Panes | Place::Findings | Place::Detail if !context.finding => finding(context),
        Place::Panes | Place::Findings | Place::Detail => {
            unless(context.copyable, "this finding has no command to copy; copy-all copies its text")
        }
        _ => unless(context.copyable, "there is nothing to copy"),
    }
}

pub(super) const fn replay(context: &Context) -> Option<&'static str> {
    unless(context.replay, "this is no replay")
}

pub(super) const fn next_failure(context: &Context) -> Option<&'static str> {
    if !context.replay {
        return replay(context);
    }
    unless(context.failure_follows, "no failure follows")
}

pub(super) const fn next_confirmation(context: &Context) -> Option<&'static str> {
    if !context.replay {
        return replay(context);
    }
    unless(context.confirmation_follows, "no confirmation follows")
}

pub(super) const fn live(context: &Context) -> Option<&'static str> {
    unless(!context.recording, "a recording cannot be read again")
}

pub(super) const fn planned(context: &Context) -> Option<&'static str> {
    if context.replay {
        return unless(context.upgrade.there, "there is no plan at this moment of the recording");
    }
    unless(context.upgrade.there, "there is no plan in an inspection; `kubelift upgrade` makes one")
}

pub(super) const fn changes(context: &Context) -> Option<&'static str> {
    if !context.upgrade.there {
        return Some("this session can change nothing; `kubelift upgrade` can");
    }
    unless(context.upgrade.can_change, "nothing can be changed now; the plan says why")
}

/// Why not, or else why not for a reason of its own.
const fn and(first: Option<&'static str>, can: bool, reason: &'static str) -> Option<&'static str> {
    match first {
        None => unless(can, reason),
        first => first,
    }
}

pub(super) const fn ready(context: &Context) -> Option<&'static str> {
    and(
        changes(context),
        context.upgrade.ready,
        "the chosen step cannot be run now; its text in the plan says why",
    )
}

pub(super) const fn by_hand(context: &Context) -> Option<&'static str> {
    and(changes(context), context.upgrade.by_hand, "no step is under way by your hands")
}

pub(super) const fn by_own_hands(context: &Context) -> Option<&'static str> {
    and(changes(context), context.upgrade.by_own_hands, "no step is under way by your hands")
}

pub(super) const fn held(context: &Context) -> Option<&'static str> {
    and(changes(context), context.upgrade.held, "nothing that can be let through holds the chosen step")
}

pub(super) const fn failed(context: &Context) -> Option<&'static str> {
    and(changes(context), context.upgrade.failed, "the chosen step has neither failed nor been left out")
}

pub(super) const fn under_way(context: &Context) -> Option<&'static str> {
    and(changes(context), context.upgrade.under_way, "no step is under way")
}

pub(super) const fn leaves_out(context: &Context) -> Option<&'static str> {
    and(changes(context), context.upgrade.open, "the chosen step is over, or under way")
}

pub(super) const fn own_target(context: &Context) -> Option<&'static str> {
    unless(
        !context.upgrade.runner,
        "there is an upgrade, which keeps its target; an inspection can be judged by another",
    )
}
