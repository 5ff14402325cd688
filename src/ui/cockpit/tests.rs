//! Tests of the screens as one sees them: keys are pressed, and what is drawn is looked at.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::{App, Effect, Event};
use super::colour::Depth;
use super::glyphs::{ASCII, UNICODE};
use super::keymap::Keymap;
use super::theme::Theme;
use super::widgets::Look;
use super::{draw, snapshots, update};
use crate::session::Snapshot;
use crate::ui::sample;

pub(super) const WIDE: (u16, u16) = (120, 40);
pub(super) const MIDDLE: (u16, u16) = (80, 24);
pub(super) const COMPACT: (u16, u16) = (40, 12);

/// The look of a terminal with all colours, or of a serial console with none.
pub(super) fn look(theme: &str) -> Look {
    let depth = if theme == "mono" { Depth::Off } else { Depth::True };
    let glyphs = if theme == "mono" { ASCII } else { UNICODE };
    Look { theme: Theme::load(theme, depth).unwrap(), glyphs, depth }
}

pub(super) fn app(snapshot: Snapshot, size: (u16, u16)) -> App {
    App::new(Arc::new(snapshot), sample::CHECKS, look("dark"), Keymap::default(), size, sample::now())
}

/// Presses keys, written with spaces between them; what is to be done about the last.
pub(super) fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys.split_whitespace() {
        effects = update(app, Event::Key(key.parse().unwrap()));
    }
    effects
}

/// Types a text, key by key.
pub(super) fn type_text(app: &mut App, text: &str) {
    for c in text.chars() {
        update(app, Event::Key(super::chord::Chord::plain(super::chord::Key::Char(c))));
    }
}

pub(super) fn drawn(app: &App) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.size.0, app.size.1));
    draw(app, &mut buffer);
    buffer
}

/// What is written on the screen, a line a row.
pub(super) fn written(app: &App) -> String {
    let text = snapshots::text(&drawn(app));
    text.split("\n\n").next().unwrap().to_owned()
}

/// A screen by the keys that lead to it, at the three sizes, in colour and on a serial console.
fn looks(name: &str, snapshot: fn() -> Snapshot, keys: &str) {
    for (size, form) in [(WIDE, "120x40"), (MIDDLE, "80x24"), (COMPACT, "40x12")] {
        for theme in ["dark", "mono"] {
            let mut app = app(snapshot(), size);
            app.look = look(theme);
            press(&mut app, keys);
            snapshots::check(&format!("{name}-{form}-{theme}"), &drawn(&app));
        }
    }
}

#[test]
fn readiness() {
    looks("readiness", sample::mixed, "j");
}

#[test]
fn readiness_of_a_ready_cluster() {
    looks("ready", sample::clean, "");
}

#[test]
fn readiness_while_reading() {
    looks("reading", sample::reading, "j");
}

#[test]
fn readiness_before_anything_was_read() {
    looks("nothing", sample::nothing, "");
}

#[test]
fn pane() {
    looks("pane", sample::mixed, "j enter j");
}

#[test]
fn detail() {
    looks("detail", sample::mixed, "j enter enter");
}

#[test]
fn help() {
    looks("help", sample::mixed, "?");
}

#[test]
fn palette() {
    looks("palette", sample::mixed, ": r e");
}

#[test]
fn log() {
    looks("log", sample::mixed, "L");
}

#[test]
fn unread() {
    looks("unread", sample::mixed, "u");
}

#[test]
fn filter() {
    looks("filter", sample::mixed, "j l / s h o p");
}

fn recording() -> Snapshot {
    let kind = crate::session::Kind::Recording {
        file: "prod-eu-1.kubelift".to_owned(),
        at: sample::at(27),
        chain: crate::session::recording::Chain::Whole,
    };
    Snapshot { kind, ..sample::mixed() }
}

/// A recording in the middle of its life: something failed, and somebody was asked.
fn replay() -> Snapshot {
    use crate::session::recording::{Chain, Marks, Told};
    use crate::session::{Happened, Kind, Playback};
    let failure = Marks { failure: true, confirmation: false };
    let confirmation = Marks { failure: false, confirmation: true };
    let seconds = std::time::Duration::from_secs;
    let told = |what: &str, step: &str, text: &str| Told {
        what: what.into(),
        step: Some(step.into()),
        text: text.into(),
        at: None,
    };
    let happened = |frame, second, marks, told| Happened { frame, at: sample::at(second), marks, told };
    Snapshot {
        kind: Kind::Replay { file: "prod-eu-1.klrec".to_owned(), chain: Chain::Whole },
        happened: [
            happened(3, 11, confirmation, told("confirmed", "drain-w1", "the operator typed w1")),
            happened(4, 12, Marks::default(), told("begun", "drain-w1", "6 pods are evicted")),
            happened(7, 26, failure, told("failed", "drain-w1", "the budget shop/web allows no eviction")),
        ]
        .into_iter()
        .collect(),
        playback: Some(Playback {
            position: seconds(192),
            length: seconds(760),
            wall: sample::at(27),
            playing: true,
            speed: 8,
            marks: [(seconds(90), confirmation), (seconds(180), failure), (seconds(600), failure)].into(),
            failure_follows: true,
            confirmation_follows: false,
        }),
        ..sample::mixed()
    }
}

#[test]
fn a_replay_says_where_it_is() {
    looks("replay", replay, "");
    looks("replay-log", replay, "L");
}

#[test]
fn in_a_replay_its_own_keys_come_first_and_elsewhere_they_are_others() {
    use crate::session::Request;
    use crate::session::recording::{Seek, Transport};
    let asked = |app: &mut App, keys: &str| match press(app, keys).pop() {
        Some(Effect::Ask(Request::Replay(transport))) => Some(transport),
        _ => None,
    };
    let mut app = app(replay(), MIDDLE);
    for (key, transport) in [
        ("space", Transport::PlayPause),
        (".", Transport::StepForward),
        (",", Transport::StepBack),
        ("+", Transport::Faster),
        ("-", Transport::Slower),
        ("f", Transport::NextFailure),
        ("L space", Transport::PlayPause),
    ] {
        assert_eq!(asked(&mut app, key), Some(transport), "{key}");
    }
    assert_eq!(asked(&mut app, "c"), None);
    assert!(written(&app).contains("next-confirmation: no confirmation follows"));
    press(&mut app, "s");
    type_text(&mut app, "50%");
    assert_eq!(asked(&mut app, "enter"), Some(Transport::Seek(Seek::Part(500))));
    press(&mut app, ":");
    type_text(&mut app, "seek 1:30");
    assert_eq!(
        asked(&mut app, "enter"),
        Some(Transport::Seek(Seek::Since(std::time::Duration::from_secs(90))))
    );
    // What is typed is no key.
    press(&mut app, "/");
    type_text(&mut app, "a.b");
    assert!(written(&app).contains("/a.b"), "{}", written(&app));

    let mut live = self::app(sample::mixed(), MIDDLE);
    assert!(press(&mut live, "space f c").is_empty() && !written(&live).contains("replay"));
}

#[test]
fn a_replay_that_was_changed_says_so_at_every_size() {
    for size in [WIDE, MIDDLE, COMPACT] {
        let mut snapshot = replay();
        let chain = crate::session::recording::Chain::Changed { frame: 7, why: "its hash".to_owned() };
        snapshot.kind = crate::session::Kind::Replay { file: "a.klrec".to_owned(), chain };
        assert!(written(&app(snapshot, size)).contains("CHANGED REPLAY"));
    }
}

/// The API does not answer, and the cluster has a name as clouds give them.
fn gone() -> Snapshot {
    let mut snapshot = sample::mixed();
    let mut evidence = (*snapshot.evidence).clone();
    evidence.api_gone_since = Some(sample::at(27));
    evidence.cluster.name = "arn:aws:eks:eu-central-1:123456789012:cluster/production-europe-1".into();
    snapshot.evidence = Arc::new(evidence);
    snapshot
}

#[test]
fn header_of_a_recording() {
    looks("recording", recording, "");
}

#[test]
fn header_while_the_api_is_gone() {
    looks("gone", gone, "");
}

#[test]
fn a_long_pane() {
    looks("long", || sample::many(240), "j enter pgdn pgdn");
}

#[test]
fn too_small() {
    for size in [(39, 12), (20, 3), (12, 1)] {
        let app = app(sample::mixed(), size);
        snapshots::check(&format!("too-small-{}x{}", size.0, size.1), &drawn(&app));
    }
}

#[test]
fn every_command_is_in_the_help_by_its_name() {
    for size in [WIDE, MIDDLE, COMPACT] {
        let mut app = app(sample::mixed(), (size.0, 400));
        press(&mut app, "?");
        let help = written(&app);
        for command in crate::ui::commands::Command::ALL.iter().filter(|c| c.spec().places.are_on_screens()) {
            assert!(help.contains(command.name()), "{}", command.name());
        }
    }
}

#[test]
fn of_several_hops_the_first_is_what_is_judged() {
    for size in [WIDE, MIDDLE, COMPACT] {
        let mut snapshot = sample::mixed();
        let target = snapshot.target.as_mut().unwrap();
        (target.to, target.chosen) = ("1.33.13".parse().unwrap(), false);
        let text = written(&app(snapshot, size));
        assert!(text.contains("Ready for hop 1 of 3? NO") && text.contains("1.33.13"), "{text}");
        assert!(written(&app(sample::mixed(), size)).contains("Ready for 1.31.14? NO"));
    }
}

#[test]
fn one_more_line_is_one() {
    let left = |height| {
        let mut app = app(sample::mixed(), (120, height));
        press(&mut app, "j l");
        let text = written(&app);
        let at = text.find(" more line")?;
        let number =
            text.get(..at)?.rsplit(' ').next()?.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned();
        Some((number, text.get(at..)?.starts_with(" more lines")))
    };
    let seen: Vec<(String, bool)> = (20..60).filter_map(left).collect();
    assert!(seen.iter().any(|(number, _)| number == "1"), "{seen:?}");
    assert!(seen.iter().all(|(number, plural)| (number == "1") != *plural), "{seen:?}");
}

#[test]
fn the_log_names_the_server_that_was_asked() {
    for size in [WIDE, MIDDLE] {
        let mut app = app(sample::mixed(), size);
        press(&mut app, "L");
        let text = written(&app);
        // The line in full, below the list, begins with the day.
        let requests = || text.lines().filter(|line| line.contains("GET /") && !line.contains("2026-"));
        let named = |line: &str| {
            line.split_once(":6443 ").is_some_and(|(_, request)| request.trim_start().starts_with("GET /"))
        };
        assert_eq!(requests().count(), 13, "{text}");
        assert!(requests().all(named), "{text}");
    }
}

#[test]
fn the_footer_has_the_keys_of_the_keymap_and_nothing_that_cannot_run() {
    let mut app = app(sample::mixed(), (160, 40));
    let footer = |app: &App| written(app).lines().last().unwrap().to_owned();
    assert!(footer(&app).contains("R refresh") && !footer(&app).contains("back"), "{}", footer(&app));
    press(&mut app, "l");
    assert!(footer(&app).contains("esc back"), "{}", footer(&app));
    let at = sample::now();
    let mut recording = sample::mixed();
    recording.kind = crate::session::Kind::Recording {
        file: "prod.jsonl".to_owned(),
        at,
        chain: crate::session::recording::Chain::Whole,
    };
    update(&mut app, Event::Snapshot(Arc::new(recording)));
    assert!(!footer(&app).contains("refresh"), "{}", footer(&app));
    press(&mut app, "R");
    assert!(footer(&app).contains("refresh: a recording cannot be read again"), "{}", footer(&app));
}

#[test]
fn what_was_done_is_said_in_full() {
    let mut app = app(sample::mixed(), (40, 12));
    press(&mut app, "l");
    let path = "~/.local/state/kubelift/copied/copied-2026-11-24T120427.txt";
    update(
        &mut app,
        Event::Done(super::app::Notice::says(format!("copied to {path}; and to the clipboard"))),
    );
    let text = written(&app);
    let lines: Vec<&str> = text.lines().collect();
    let end: String = lines[8..12].iter().map(|line| line.trim_end_matches('|').trim()).collect();
    assert!(end.contains(path) && end.ends_with("clipboard"), "{text}");
    press(&mut app, ":");
    press(&mut app, "esc");
    // From wherever one is, `readiness` leads to the panes.
    update::run(&mut app, crate::ui::commands::Command::Readiness, "", &mut Vec::new());
    assert_eq!(app.place(), crate::ui::commands::Place::Panes);
}
