//! The screens of an upgrade as one sees them: keys are pressed, and what is drawn and ordered is looked at.

use std::sync::Arc;

use super::super::app::{App, Effect, Event, Layer};
use super::super::tests::{COMPACT, MIDDLE, WIDE, app, drawn, look, press, type_text, written};
use super::super::{snapshots, update};
use super::sample;
use crate::actions::plan::{Confirmation, StepState};
use crate::actions::runner::{Hands, Order, seen};
use crate::session::Snapshot;

/// Time goes on by so many milliseconds.
fn pass(app: &mut App, millis: i64) {
    let now = app.now + jiff::SignedDuration::from_millis(millis);
    update(app, Event::Tick(now));
}

/// Presses keys, each a second after the one before.
fn slowly(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys.split_whitespace() {
        pass(app, 1000);
        effects = press(app, key);
        pass(app, 0);
    }
    effects
}

fn typed(app: &mut App, text: &str) {
    pass(app, 1000);
    type_text(app, text);
}

fn order(effects: Vec<Effect>) -> Option<Order> {
    effects.into_iter().find_map(|effect| match effect {
        Effect::Order(order) => Some(order),
        _ => None,
    })
}

/// A screen by the keys that lead to it, at the three sizes, in colour and on a serial console.
fn looks(name: &str, snapshot: fn() -> Snapshot, keys: &str) {
    for (size, form) in [(WIDE, "120x40"), (MIDDLE, "80x24"), (COMPACT, "40x12")] {
        for theme in ["dark", "mono"] {
            let mut app = app(snapshot(), size);
            app.look = look(theme);
            slowly(&mut app, keys);
            snapshots::check(&format!("{name}-{form}-{theme}"), &drawn(&app));
        }
    }
}

#[test]
fn plan() {
    looks("plan", sample::beginning, "P");
}

/// What steers an upgrade comes first in its help, and behind the keys where nothing can be changed.
#[test]
fn help_of_an_upgrade() {
    looks("help-upgrade", sample::beginning, "?");
    let mut inspection = app(crate::ui::sample::mixed(), (80, 400));
    press(&mut inspection, "?");
    let text = written(&inspection);
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}: {text}"));
    assert!(at("Keys, and the same") < at("In an upgrade") && at("In an upgrade") < at("skip STEP WORDS"));
}

#[test]
fn plan_with_something_that_holds_it() {
    looks("plan-held", sample::held, "P");
}

#[test]
fn a_question() {
    looks("ask", sample::apply, "P enter c p");
}

#[test]
fn a_question_about_what_holds_a_step() {
    looks("ask-consent", sample::held, "P c");
}

#[test]
fn a_question_that_is_asked_again() {
    let again = |size| {
        let mut app = app(sample::apply(), size);
        slowly(&mut app, "P enter c p");
        let mut changed = sample::apply();
        sample::change(&mut changed, |upgrade| {
            sample::step(upgrade, "upgrade-apply/cp1", |step| step.effects.push("w1 goes away".to_owned()));
        });
        update(&mut app, Event::Snapshot(Arc::new(changed)));
        app
    };
    snapshots::check("ask-again-80x24-dark", &drawn(&again(MIDDLE)));
    let mut app = again(MIDDLE);
    let text = written(&app);
    assert!(text.contains("has changed since it was shown") && text.contains("w1 goes away"), "{text}");
    // What was typed is gone, and keys are dead again.
    assert!(text.contains("cp1: ") && !text.contains(": cp "), "{text}");
    pass(&mut app, 0);
    press(&mut app, "1");
    assert!(!written(&app).contains("cp1: 1"), "{}", written(&app));
}

#[test]
fn a_step_under_way() {
    looks("running", || sample::running(Hands::Machine), "P");
}

#[test]
fn a_step_by_hand() {
    looks("by-hand", || sample::running(Hands::Operator), "P");
}

#[test]
fn a_step_that_failed_by_hand_is_told_with_what_it_printed() {
    looks("by-hand-failed", || sample::running(Hands::Operator), "P f");
    let mut app = app(sample::running(Hands::Operator), MIDDLE);
    slowly(&mut app, "P f tab");
    assert!(written(&app).contains("type or paste what it printed last"), "{}", written(&app));
    typed(&mut app, "did not change after 5m0s");
    let order = order(slowly(&mut app, "tab enter"));
    let (step, printed) = ("upgrade-apply/cp1".to_owned(), "did not change after 5m0s".to_owned());
    assert_eq!(order, Some(Order::Failed { step, printed }));
    let mut by_machine = self::app(sample::running(Hands::Machine), MIDDLE);
    slowly(&mut by_machine, "P f");
    assert!(!written(&by_machine).contains("It failed"), "a machine says so itself");
}

#[test]
fn a_step_whose_commands_are_over() {
    looks("looks-for", sample::looked_for, "P");
}

#[test]
fn a_drain_under_way() {
    looks("draining", sample::draining, "P");
}

#[test]
fn a_step_that_only_the_operator_sees() {
    looks("by-word", sample::by_word, "P");
}

#[test]
fn the_end_of_an_upgrade() {
    looks("finished", sample::finished, "P");
    // Another step is looked at as any other.
    let mut app = app(sample::finished(), MIDDLE);
    slowly(&mut app, "P g");
    let text = written(&app);
    assert!(text.contains("│ step 1 of ") && text.contains(" · done · "), "{text}");
}

#[test]
fn leaving_while_a_step_is_under_way_is_asked() {
    looks("leave", || sample::running(Hands::Operator), "P q");
    let quits = |effects: Vec<Effect>| effects.iter().any(|effect| matches!(effect, Effect::Quit));
    for (hands, says) in
        [(Hands::Operator, "is not touched by that"), (Hands::Machine, "runs on without kubelift")]
    {
        let mut app = app(sample::running(hands), MIDDLE);
        assert!(!quits(slowly(&mut app, "q")));
        let text = written(&app);
        assert!(text.contains(says) && text.contains("goes on with this step"), "{text}");
        assert!(text.contains("/kubelift/uid/journal") && text.contains("[▸Cancel ]"), "{text}");
        assert!(!quits(slowly(&mut app, "enter")), "cancel has the focus");
        assert!(written(&app).contains("kubelift stays"), "{}", written(&app));
        slowly(&mut app, "ctrl-c");
        assert!(quits(slowly(&mut app, "tab enter")));
        // When its step is over, the question is.
        slowly(&mut app, "q");
        update(&mut app, Event::Snapshot(Arc::new(sample::failed())));
        assert!(!matches!(app.layers.last(), Some(Layer::Ask(_))));
        assert!(quits(slowly(&mut app, "q")), "nothing is under way");
    }
    let mut demo = sample::running(Hands::Machine);
    demo.kind = crate::session::Kind::Demo { scenario: "default".to_owned() };
    let mut app = app(demo, MIDDLE);
    slowly(&mut app, "q");
    assert!(written(&app).contains("The simulated cluster ends with kubelift"), "{}", written(&app));
}

#[test]
fn what_holds_a_step_says_what_it_is_about_and_asks_for_no_consent_once_it_runs() {
    let mut held = sample::held();
    sample::change(&mut held, |upgrade| {
        sample::step(upgrade, "upgrade-apply/cp1", |step| {
            let mut other = step.held_by[0].clone();
            other.consent.subject = "shop/Deployment/web".to_owned();
            step.held_by.push(other);
        });
    });
    let mut app = app(held.clone(), WIDE);
    slowly(&mut app, "P");
    let text = written(&app);
    assert!(
        text.contains("payments/StatefulSet/ledger-db: it asks") && text.contains("of shop/Deployment/web"),
        "{text}"
    );
    slowly(&mut app, "c");
    assert!(written(&app).contains("one more thing holds it"), "{}", written(&app));
    sample::change(&mut held, |upgrade| {
        sample::step(upgrade, "upgrade-apply/cp1", |step| step.state = StepState::Running);
    });
    update(&mut app, Event::Snapshot(Arc::new(held)));
    assert!(!written(&app).contains("c let through"), "{}", written(&app));
}

#[test]
fn a_failed_step() {
    looks("failed", sample::failed, "P");
}

#[test]
fn a_failed_step_in_full() {
    looks("failed-full", sample::failed, "P tab");
}

#[test]
fn cancel_has_the_focus_and_only_what_is_asked_for_arms_the_other_button() {
    let mut app = app(sample::apply(), MIDDLE);
    slowly(&mut app, "P");
    let id = "upgrade-apply/cp1";
    let shown = {
        let plan = &app.snapshot.upgrade.as_ref().unwrap().plan;
        assert!(matches!(plan.step(id).unwrap().confirmation, Confirmation::Name(_) | Confirmation::Word(_)));
        seen(plan, plan.step(id).unwrap())
    };
    let answer = {
        let plan = &app.snapshot.upgrade.as_ref().unwrap().plan;
        plan.step(id).unwrap().confirmation.answer().unwrap().to_owned()
    };
    // Enter at once changes nothing.
    slowly(&mut app, "enter");
    assert_eq!(order(slowly(&mut app, "enter")), None);
    assert!(written(&app).contains("nothing was done"), "{}", written(&app));

    // A wrong answer does not arm it, and says so.
    slowly(&mut app, "enter");
    typed(&mut app, "wrong");
    assert_eq!(order(slowly(&mut app, "tab")), None);
    assert!(written(&app).contains("`wrong` is not it"), "{}", written(&app));
    assert_eq!(order(slowly(&mut app, "enter")), None, "the focus stayed on cancel");

    // The right one only arms it.
    slowly(&mut app, "enter");
    typed(&mut app, &answer);
    slowly(&mut app, "tab");
    // What is typed after that takes the focus away again.
    typed(&mut app, "x");
    assert_eq!(order(slowly(&mut app, "enter")), None);
    slowly(&mut app, "enter");
    typed(&mut app, &answer);
    let ordered = order(slowly(&mut app, "tab enter"));
    assert_eq!(ordered, Some(Order::Run { step: id.to_owned(), seen: shown, answer }));
}

#[test]
fn keys_are_dead_for_a_moment_after_a_question_has_appeared() {
    let mut app = app(sample::beginning(), MIDDLE);
    slowly(&mut app, "P");
    // All at once, as a held key or a paste of keys would be.
    assert_eq!(order(press(&mut app, "enter tab enter")), None);
    pass(&mut app, 0);
    pass(&mut app, 299);
    assert_eq!(order(press(&mut app, "tab enter")), None);
    assert!(matches!(app.layers.last(), Some(Layer::Ask(_))));
    pass(&mut app, 1);
    assert!(matches!(order(press(&mut app, "tab enter")), Some(Order::Run { .. })));
}

#[test]
fn keys_are_dead_for_as_long_where_the_time_of_the_cluster_runs_ahead() {
    let mut snapshot = sample::beginning();
    // A simulation of some hours, in which a second of ours is twenty.
    let ahead = |snapshot: &mut Snapshot, seconds: i64| {
        let mut evidence = crate::evidence::Evidence::clone(&snapshot.evidence);
        evidence.at += jiff::SignedDuration::from_secs(seconds);
        snapshot.evidence = Arc::new(evidence);
    };
    ahead(&mut snapshot, 7200);
    let mut app = app(snapshot.clone(), MIDDLE);
    let begin = app.now;
    let tick = |app: &mut App, millis: i64| {
        update(app, Event::Tick(begin + jiff::SignedDuration::from_millis(millis)));
    };
    tick(&mut app, 0);
    press(&mut app, "P enter");
    tick(&mut app, 0);
    ahead(&mut snapshot, 6);
    update(&mut app, Event::Snapshot(Arc::new(snapshot)));
    tick(&mut app, 299);
    assert_eq!(order(press(&mut app, "tab enter")), None);
    assert!(matches!(app.layers.last(), Some(Layer::Ask(_))), "{}", written(&app));
    tick(&mut app, 300);
    assert!(matches!(order(press(&mut app, "tab enter")), Some(Order::Run { .. })));
}

#[test]
fn a_question_closes_when_its_step_is_no_longer_ready() {
    let mut app = app(sample::apply(), MIDDLE);
    slowly(&mut app, "P enter");
    update(&mut app, Event::Snapshot(Arc::new(sample::held())));
    assert!(!matches!(app.layers.last(), Some(Layer::Ask(_))));
    assert!(written(&app).contains("the question is closed"), "{}", written(&app));
    // The same snapshot again changes nothing of a question.
    slowly(&mut app, "c");
    typed(&mut app, "AppArm");
    update(&mut app, Event::Snapshot(Arc::new(sample::held())));
    assert!(written(&app).contains(": AppArm"), "{}", written(&app));
}

#[test]
fn what_holds_a_step_is_let_through_by_its_word_and_left_out_with_a_reason() {
    let mut app = app(sample::held(), MIDDLE);
    slowly(&mut app, "P c");
    typed(&mut app, "AppArmorProfileMissing");
    let ordered = order(slowly(&mut app, "tab enter"));
    assert!(
        matches!(ordered, Some(Order::Consent { consent, .. }) if consent.code == "AppArmorProfileMissing")
    );
    slowly(&mut app, "x");
    assert_eq!(order(slowly(&mut app, "tab enter")), None, "there is no reason");
    slowly(&mut app, "x");
    typed(&mut app, "done by hand");
    let ordered = order(slowly(&mut app, "tab enter"));
    assert!(matches!(ordered, Some(Order::Skip { reason, .. }) if reason == "done by hand"));
}

#[test]
fn the_operators_word_retries_and_stops_are_ordered_at_once() {
    let mut app = app(sample::running(Hands::Operator), MIDDLE);
    slowly(&mut app, "P");
    let id = "upgrade-apply/cp1".to_owned();
    assert_eq!(order(slowly(&mut app, "d")), Some(Order::Said { step: id.clone() }));
    assert_eq!(order(slowly(&mut app, "S")), Some(Order::Stop));
    assert_eq!(order(slowly(&mut app, "esc S")), Some(Order::Stop), "on every screen");
    let copied = slowly(&mut app, "P y");
    let Some(Effect::Copy(text)) = copied.into_iter().next() else { panic!("nothing was copied") };
    assert!(text.contains("kubeadm upgrade apply v1.31.14") && text.contains("KUBELIFT_NONCE="), "{text}");

    update(&mut app, Event::Snapshot(Arc::new(sample::failed())));
    assert_eq!(order(slowly(&mut app, "d")), None);
    assert_eq!(order(slowly(&mut app, "S")), None);
    assert!(written(&app).contains("stop: no step is under way"), "{}", written(&app));
    assert_eq!(order(slowly(&mut app, "r")), Some(Order::Retry { step: id }));
}

#[test]
fn the_chosen_step_goes_with_the_upgrade_until_another_is_chosen() {
    let mut app = app(sample::beginning(), MIDDLE);
    slowly(&mut app, "P");
    assert_eq!(app.guide.chosen, "backup/cp1");
    slowly(&mut app, "G");
    assert_eq!(app.guide.chosen, "manual/addons");
    update(&mut app, Event::Snapshot(Arc::new(sample::apply())));
    assert_eq!(app.guide.chosen, "manual/addons", "what the user looks at stays");
    assert_eq!(order(slowly(&mut app, "enter")), None);
    assert!(written(&app).contains("run: the chosen step cannot be run now"), "{}", written(&app));
    // A step that begins is looked at, and its end leads back to the list.
    update(&mut app, Event::Snapshot(Arc::new(sample::running(Hands::Machine))));
    assert_eq!((app.guide.chosen.as_str(), app.guide.focus), ("upgrade-apply/cp1", super::Half::Step));
    update(&mut app, Event::Snapshot(Arc::new(sample::apply())));
    assert_eq!(app.guide.focus, super::Half::Steps);
}

#[test]
fn a_session_that_can_change_things_says_so_first_and_why_it_cannot() {
    for size in [WIDE, MIDDLE, COMPACT] {
        let text = written(&app(sample::beginning(), size));
        assert!(text.lines().next().unwrap().contains("UPGRADE"), "{text}");
    }
    assert!(
        written(&app(sample::beginning(), WIDE)).contains("changes the cluster · local lock, held 4 min")
    );
    let mut none = sample::beginning();
    none.upgrade = None;
    none.no_upgrade = Some("another kubelift holds the journal".to_owned());
    let mut app = app(none, MIDDLE);
    assert!(written(&app).contains("nothing can be changed: another kubelift holds"), "{}", written(&app));
    slowly(&mut app, "P");
    assert!(written(&app).contains("another kubelift holds the journal"), "{}", written(&app));
    assert_eq!(order(slowly(&mut app, "S")), None);
}

#[test]
fn a_journal_that_cannot_be_written_is_said_and_stops_orders() {
    let mut halted = sample::apply();
    sample::change(&mut halted, |upgrade| upgrade.halted = Some("no space left".to_owned()));
    let mut app = app(sample::apply(), MIDDLE);
    update(&mut app, Event::Snapshot(Arc::new(halted)));
    assert!(written(&app).contains("nothing is changed any more: no space left"), "{}", written(&app));
    assert_eq!(order(slowly(&mut app, "P enter tab enter")), None);
    assert!(written(&app).contains("run: nothing can be changed now"), "{}", written(&app));
}

#[test]
fn a_torn_journal_is_said_at_once_and_stays_among_the_notes_of_the_plan() {
    let torn = || {
        let mut snapshot = sample::apply();
        sample::change(&mut snapshot, |upgrade| upgrade.torn = true);
        snapshot
    };
    let mut app = app(sample::apply(), WIDE);
    update(&mut app, Event::Snapshot(Arc::new(torn())));
    assert!(written(&app).contains("the journal's last line was torn, and cut off"), "{}", written(&app));
    slowly(&mut app, "P G");
    let text = written(&app);
    assert!(
        text.contains("The journal's last line was torn") && text.contains("what it meant may have happened")
    );
    // It is said once.
    update(&mut app, Event::Snapshot(Arc::new(torn())));
    assert_eq!(app.notice, None);
    update(&mut app, Event::Snapshot(Arc::new(sample::apply())));
    assert!(!written(&app).contains("was torn"), "{}", written(&app));
}

#[test]
fn another_target_can_be_asked_for_until_there_is_an_upgrade() {
    let asked = |snapshot: Snapshot| {
        let mut app = app(snapshot, MIDDLE);
        slowly(&mut app, ":");
        typed(&mut app, "target 1.31.4");
        let asked = slowly(&mut app, "enter")
            .into_iter()
            .any(|effect| matches!(effect, Effect::Ask(crate::session::Request::Target(_))));
        (asked, app.notice.map(|notice| notice.text).unwrap_or_default())
    };
    let mut reading = sample::apply();
    reading.upgrade = None;
    assert_eq!(asked(reading), (true, "judging by 1.31.4".to_owned()));
    let mut halted = sample::apply();
    sample::change(&mut halted, |upgrade| upgrade.halted = Some("no space left".to_owned()));
    for snapshot in [sample::apply(), halted] {
        let (asked, says) = asked(snapshot);
        assert!(!asked && says.starts_with("target: there is an upgrade"), "{says}");
    }
}

#[test]
fn a_step_without_anything_to_see_is_asked_for_the_operators_word() {
    let mut snapshot = sample::running(Hands::Operator);
    sample::change(&mut snapshot, |upgrade| {
        sample::step(upgrade, "upgrade-apply/cp1", |step| step.postcondition.clear());
    });
    let mut app = app(snapshot, MIDDLE);
    assert_eq!(order(slowly(&mut app, "P d")), None);
    assert!(written(&app).contains("said, not seen"), "{}", written(&app));
    assert!(matches!(order(slowly(&mut app, "tab enter")), Some(Order::Said { .. })));
}

#[test]
fn an_inspection_has_no_plan_and_a_recording_orders_nothing() {
    let mut app = app(crate::ui::sample::mixed(), MIDDLE);
    slowly(&mut app, "P");
    assert!(app.layers.is_empty() && written(&app).contains("there is no plan in an inspection"));
    let mut recorded = sample::apply();
    recorded.kind = crate::session::Kind::Recording {
        file: "a.klrec".to_owned(),
        at: sample::at(0),
        chain: crate::session::recording::Chain::Whole,
    };
    let mut app = super::super::tests::app(recorded, MIDDLE);
    assert_eq!(order(slowly(&mut app, "P enter tab enter")), None);
    assert!(written(&app).contains("kubeadm upgrade apply"), "{}", written(&app));
    assert!(app.snapshot.upgrade.as_ref().unwrap().plan.next().unwrap().state == StepState::Ready);
}
