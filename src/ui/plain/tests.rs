//! Tests of the plain mode: what is told of sessions, and what commands are answered.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::run;
use crate::actions::plan::{Decisions, Settings, plan};
use crate::actions::runner::{Active, Hands, Upgrade};
use crate::actions::steps::testing::ready_to_upgrade;
use crate::checks::testing::now;
use crate::checks::{Finding, Severity, Subject};
use crate::session::{Handle, Kind, Request, Snapshot};
use crate::ui::sample;

/// The lines of a session that shows `snapshots`, one after the other, and is then asked `commands`.
async fn told(snapshots: Vec<Snapshot>, commands: &[&str]) -> (String, Vec<Request>) {
    let mut snapshots = snapshots.into_iter().map(Arc::new);
    let (publish, watched) = watch::channel(snapshots.next().unwrap());
    let (requests, mut asked) = mpsc::channel(8);
    let (lent, terminal) = mpsc::channel(1);
    let (typed, lines) = mpsc::channel(32);
    let mut out: Vec<u8> = Vec::new();
    let handle = Handle { snapshots: watched, requests, terminal };
    let play = async move {
        for snapshot in snapshots {
            publish.send(snapshot).unwrap();
            // Time enough to be told before the next one takes its place.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
        for command in commands {
            typed.send((*command).to_owned()).await.unwrap();
        }
        drop((typed, lent));
        // The session lives on until the plain mode has ended.
        publish
    };
    let (ended, publish) = tokio::join!(run(handle, lines, &mut out), play);
    ended.unwrap();
    drop(publish);
    let mut requests = Vec::new();
    while let Ok(request) = asked.try_recv() {
        requests.push(request);
    }
    (String::from_utf8(out).unwrap(), requests)
}

fn changed(change: impl FnOnce(&mut Vec<Finding>)) -> Snapshot {
    let mut snapshot = sample::mixed();
    let mut findings = snapshot.findings.to_vec();
    change(&mut findings);
    snapshot.findings = findings.into();
    snapshot
}

#[tokio::test]
async fn a_session_is_told_from_header_to_verdict() {
    let (text, _) = told(vec![sample::mixed()], &["quit"]).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        format!(
            "kubelift {}, INSPECT: nothing can be changed. Cluster prod-eu-1 at https://10.20.0.10:6443. \
             Type help for the commands, quit to leave.",
            env!("CARGO_PKG_VERSION")
        )
    );
    assert_eq!(lines[1], "route: 1.30.6 to 1.31.14 (hop 1 of 1), target chosen by kubelift");
    assert_eq!(
        *lines.last().unwrap(),
        "verdict: ready for 1.31.14? NO. 2 blockers, 2 unknown, 6 warnings, 1 notice, 5 ok"
    );
    let blocker = "[3] blocker, AppArmor, shop/Deployment/web: profile k8s-web is not loaded on w3 and w5, where the pod may run";
    let at = lines.iter().position(|line| *line == blocker).unwrap();
    assert!(lines[at + 1].starts_with("  why: The runtime cannot"), "{}", lines[at + 1]);
    assert!(lines[at + 2].starts_with("  remedy: Load the profile"), "{}", lines[at + 2]);
    assert!(lines[at + 3].starts_with("    $ scp w2:"), "{}", lines[at + 3]);
    assert!(
        text.contains("[4] blocker, AppArmor, shop/StatefulSet/db on w5: AppArmor is off on w5"),
        "{text}"
    );
    assert!(
        text.contains("not read: get /metrics of 10.20.0.13:6443: forbidden (nonResourceURL not allowed)\n")
    );
    assert!(!text.contains('\x1b'));
}

#[tokio::test]
async fn only_what_changes_is_told_again() {
    let mended = changed(|findings| findings.retain(|finding| finding.code != "AppArmorProfileMissing"));
    let worse = changed(|findings| {
        findings.retain(|finding| finding.code != "AppArmorProfileMissing");
        findings[2].message = "AppArmor is off on w5 and w6".to_owned();
    });
    let (first, _) = told(vec![sample::mixed()], &[]).await;
    let (text, _) = told(vec![sample::mixed(), mended, worse], &["quit"]).await;
    let new = text.strip_prefix(&first).unwrap();
    let lines: Vec<&str> = new.lines().filter(|line| !line.starts_with("  ")).collect();
    assert_eq!(
        lines,
        [
            "gone: [3] blocker, AppArmor, shop/Deployment/web: profile k8s-web is not loaded on w3 and w5, where the pod may run",
            "verdict: ready for 1.31.14? NO. 1 blocker, 2 unknown, 6 warnings, 1 notice, 5 ok",
            "changed: [4] blocker, AppArmor, shop/StatefulSet/db on w5: AppArmor is off on w5 and w6",
        ]
    );
}

#[tokio::test]
async fn while_reading_no_verdict_is_told_and_nothing_that_only_waits() {
    let (text, _) = told(vec![sample::nothing(), sample::reading(), sample::mixed()], &["quit"]).await;
    assert_eq!(text.matches("verdict:").count(), 1, "{text}");
    assert!(!text.contains("still being read"), "{text}");
    assert!(text.contains("no target: no API server's version was read yet\n"), "{text}");
    let (nodes, pods) = (text.find("read: nodes, 9\n").unwrap(), text.find("read: pods, 0\n").unwrap());
    assert!(nodes < pods);
}

#[tokio::test]
async fn where_input_ends_it_ends_with_the_verdict() {
    let (text, _) = told(vec![sample::nothing(), sample::mixed()], &[]).await;
    assert!(text.lines().last().unwrap().starts_with("verdict: "), "{text}");
}

#[tokio::test]
async fn commands_are_answered() {
    let commands =
        ["open apparmor", "open 3", "open 99", "open nowhere", "readiness", "filter !shop blocker", "log"];
    let (text, _) = told(vec![sample::mixed()], &commands).await;
    let (_, text) = text.split_once("verdict: ").unwrap();
    assert!(text.contains("AppArmorProfileMissing blocker: shop/Deployment/web\nprofile k8s-web"), "{text}");
    assert!(text.contains("  12:04:22 UTC · GET /api/v1/pods\n"), "{text}");
    assert!(text.contains("open: there is no finding 99, or it is gone\n"), "{text}");
    assert!(text.contains("open: there is no pane `nowhere`; help tells which there are\n"), "{text}");
    assert!(text.contains("AppArmor (apparmor): 2 blockers, 1 warning\n"), "{text}");
    assert!(text.contains("\n0 of 16\n"), "{text}");
    assert!(text.contains("GET /metrics no answer within 10 s 10000 ms\n13 requests\n"), "{text}");
}

#[tokio::test]
async fn an_inspection_does_not_tell_of_commands_that_can_never_run_in_it() {
    let (text, _) = told(vec![sample::mixed()], &["help"]).await;
    assert!(text.contains("\nopen [PANE]: ") && !text.contains("\nrun [STEP]: "), "{text}");
    let mut upgrade = sample::mixed();
    upgrade.kind = crate::session::Kind::Upgrade;
    let (text, _) = told(vec![upgrade], &["help"]).await;
    assert!(text.contains("\nopen [PANE]: ") && text.contains("\nrun [STEP]: "), "{text}");
}

#[tokio::test]
async fn the_session_is_asked_by_the_same_names_as_on_the_screens() {
    let commands = ["target 1.32.4", "target soon", ":refresh", "palette", "up", "quit now", "", "quit"];
    let (text, requests) = told(vec![sample::mixed()], &commands).await;
    assert!(
        matches!(&requests[..], [Request::Target(Some(v)), Request::Refresh] if v.to_string() == "1.32.4")
    );
    assert!(text.contains("judging by 1.32.4\ntarget: "), "{text}");
    assert!(text.contains("there is no command `palette` here"), "{text}");
    assert!(text.contains("there is no command `up` here"), "{text}");
    assert!(text.contains("quit: it takes no words after it\n"), "{text}");
    let mut recording = sample::mixed();
    recording.kind = Kind::Recording {
        file: "prod.jsonl".to_owned(),
        at: sample::at(27),
        chain: crate::session::recording::Chain::Whole,
    };
    let (text, requests) = told(vec![recording], &["refresh"]).await;
    assert!(requests.is_empty() && text.contains("refresh: a recording cannot be read again\n"), "{text}");
}

#[tokio::test]
async fn no_line_holds_an_escape_or_is_two_lines() {
    let evil = changed(|findings| {
        let subject = Subject::object("v1", "Pod", "a\x1b[31m", "x\ny");
        findings.push(Finding {
            check: "apparmor".into(),
            ..Finding::new("Evil", Severity::Blocker, subject, "a\r\nb\u{202e}")
        });
    });
    let (text, _) = told(vec![evil], &[]).await;
    assert!(!text.chars().any(|c| c != '\n' && crate::text::is_unsafe(c)));
    assert!(
        text.contains("blocker, AppArmor, a\u{FFFD}[31m/Pod/x\u{FFFD}y: a\u{FFFD}\u{FFFD}b\u{FFFD}\n"),
        "{text}"
    );
}

/// `package/cp1` runs on its machine: `printed` lines so far, of which the last ones are kept.
fn running(over: usize, printed: usize, kept: usize) -> Snapshot {
    let world = ready_to_upgrade();
    let settings = Settings::default();
    let plan = plan(&world.evidence, &world.target("1.31.14"), &[], &settings, &Decisions::default());
    let step = plan.step("package/cp1").unwrap().clone();
    let lines = printed - kept..printed;
    let active = Active {
        step: step.id,
        hands: Hands::Machine,
        since: now(),
        expected_seconds: step.expected_seconds,
        commands: step.commands,
        over,
        nonce: "n".into(),
        probe: String::new(),
        said: false,
        output: lines.map(|line| format!("line {line};").as_str().into()).collect(),
        printed,
        waits: Vec::new(),
    };
    let upgrade = Upgrade {
        plan,
        active: Some(active),
        last: None,
        stopping: false,
        halted: None,
        torn: false,
        journal: "".into(),
        recording: "".into(),
        began: now(),
        ended: None,
        at: now(),
    };
    Snapshot { upgrade: Some(Arc::new(upgrade)), ..sample::mixed() }
}

#[tokio::test]
async fn each_line_of_a_step_is_told_once_also_when_older_ones_are_no_longer_kept() {
    let states = vec![running(0, 2, 2), running(1, 3, 3), running(1, 5, 2), running(1, 9, 3)];
    let (text, _) = told(states, &[]).await;
    let count = |line: usize| text.matches(&format!("  | line {line};\n")).count();
    assert_eq!((0..9).map(count).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 0, 1, 1, 1], "{text}");
}
