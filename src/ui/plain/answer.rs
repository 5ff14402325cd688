//! What a typed line is answered with: the commands of the palette that apply in plain mode.

use crate::actions::runner::{Order, Upgrade};
use crate::checks::{CHECKS, Finding, Severity};
use crate::session::{Kind, Request, Snapshot};
use crate::ui::commands::{Argument, Command, Context, Place, Steps};
use crate::ui::filter::Filter;
use crate::ui::words;

use super::tell::{self, Teller};
use super::upgrade::{self, Guide};

/// The most requests that `log` tells.
const LOG: usize = 500;

/// What a line asks for.
#[derive(Debug)]
pub(super) enum Answer {
    /// To leave.
    Quit,
    /// Something of the session, and what is said if it can be asked for it.
    Ask(Request, String),
    /// Something that the runner is to do.
    Order(Order),
    /// Only to be told something.
    Lines(Vec<String>),
}

/// What `line`, a command and what it takes, is answered with.
pub(super) fn answer(line: &str, snapshot: &Snapshot, teller: &Teller, guide: &mut Guide) -> Answer {
    let (name, argument) = line.split_once(' ').map_or((line, ""), |(name, rest)| (name, rest.trim()));
    let command = Command::of(name.trim_start_matches(':'));
    let Some(command) = command.filter(|command| command.spec().places.contain(Place::Plain)) else {
        return says(format!("there is no command `{name}` here; help tells which there are"));
    };
    let recording = matches!(snapshot.kind, Kind::Recording { .. } | Kind::Replay { .. });
    let context = Context {
        place: Place::Plain,
        recording,
        replay: false,
        failure_follows: false,
        confirmation_follows: false,
        behind: false,
        finding: true,
        remedy: false,
        copyable: false,
        evidence: false,
        upgrade: Steps::named(snapshot.upgrade.is_some()),
    };
    if let Some(reason) = command.why_not(&context) {
        return says(format!("{name}: {reason}"));
    }
    if command.spec().argument == Argument::None && !argument.is_empty() {
        return says(format!("{name}: it takes no words after it"));
    }
    match command {
        Command::Quit => Answer::Quit,
        Command::Refresh => Answer::Ask(Request::Refresh, "reading everything again".to_owned()),
        Command::Target => target(argument),
        Command::Help => Answer::Lines(help(snapshot.kind.changes())),
        Command::Readiness => Answer::Lines(readiness(snapshot)),
        Command::Open => Answer::Lines(open(argument, snapshot, teller)),
        Command::Filter => Answer::Lines(filter(argument, snapshot, teller)),
        Command::Log => Answer::Lines(log(snapshot)),
        Command::Unread => Answer::Lines(unread(snapshot)),
        _ => match &snapshot.upgrade {
            Some(upgrade) => order(command, argument, upgrade, guide),
            None => says(format!("{name}: it needs the screens")),
        },
    }
}

/// What a command of an upgrade is answered with.
fn order(command: Command, argument: &str, upgrade: &Upgrade, guide: &mut Guide) -> Answer {
    let step = upgrade::step_of(upgrade, argument);
    let order = match command {
        Command::Plan => return Answer::Lines(upgrade::plan(&upgrade.plan)),
        Command::Run => return Answer::Lines(guide.ask(upgrade, argument)),
        Command::No => return says(guide.no()),
        Command::Yes => guide.yes(argument),
        Command::Said => Ok(Order::Said { step }),
        Command::Retry => Ok(Order::Retry { step }),
        Command::Consent => upgrade::consent(&upgrade.plan, argument),
        Command::Skip => upgrade::skip(argument),
        Command::Failed => upgrade::failed(argument),
        Command::Stop => Ok(Order::Stop),
        _ => Err(format!("{}: it needs the screens", command.name())),
    };
    order.map_or_else(says, Answer::Order)
}

fn says(text: String) -> Answer {
    Answer::Lines(vec![text])
}

fn target(argument: &str) -> Answer {
    if argument.is_empty() {
        let says = "judging by the newest known patch of the next minor";
        return Answer::Ask(Request::Target(None), says.to_owned());
    }
    match words::version(argument) {
        Ok(version) => {
            let text = format!("judging by {version}");
            Answer::Ask(Request::Target(Some(version)), text)
        }
        Err(error) => says(format!("target: {error}")),
    }
}

/// Every command; those that steer an upgrade only where there can be one.
fn help(changes: bool) -> Vec<String> {
    let specs =
        Command::ALL.iter().filter(|command| changes || !command.steers()).map(|command| command.spec());
    let mut lines: Vec<String> = specs
        .filter(|spec| spec.places.contain(Place::Plain))
        .map(|spec| format!("{}{}: {}", spec.name, spec.argument.usage(), spec.doc))
        .collect();
    lines.push("In place of a pane, open takes the number of a finding.".to_owned());
    lines.push(format!("Panes: {}", CHECKS.iter().map(|check| check.id).collect::<Vec<_>>().join(", ")));
    lines
}

/// The verdict, and each pane in a line.
fn readiness(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = vec![tell::verdict(snapshot)];
    for check in CHECKS {
        let findings = snapshot.findings_of(check.id);
        let (waiting, told): (Vec<_>, Vec<_>) = findings.partition(|finding| finding.waits_for.is_some());
        let mut says: Vec<String> = Severity::ALL
            .into_iter()
            .map(|severity| (severity, told.iter().filter(|finding| finding.severity == severity).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(severity, count)| words::tally(severity, count))
            .collect();
        if !waiting.is_empty() {
            let waits = |resource: &str| waiting.iter().any(|f| f.waits_for.as_deref() == Some(resource));
            says.push(words::reading(words::progress(&snapshot.evidence, waits)));
        }
        if says.is_empty() {
            says.push("nothing said, which is not the same as ok".to_owned());
        }
        lines.push(format!("{} ({}): {}", check.title, check.id, says.join(", ")));
    }
    lines
}

/// All panes; one pane's findings; or one finding in full.
fn open(argument: &str, snapshot: &Snapshot, teller: &Teller) -> Vec<String> {
    if argument.is_empty() {
        return readiness(snapshot);
    }
    if let Ok(number) = argument.trim_matches(['[', ']']).parse::<usize>() {
        let found = teller.place(number).and_then(|place| snapshot.findings.get(place));
        return found.map_or_else(
            || vec![format!("open: there is no finding {number}, or it is gone")],
            |finding| words::in_full(finding).lines().map(str::to_owned).collect(),
        );
    }
    let Some(check) = CHECKS.iter().find(|check| check.id == argument) else {
        return vec![format!("open: there is no pane `{argument}`; help tells which there are")];
    };
    let mut lines = vec![format!("{}: {}", check.title, check.about)];
    for (place, finding) in
        snapshot.findings.iter().enumerate().filter(|(_, finding)| finding.check == check.id)
    {
        lines.push(numbered(place, finding, teller));
        lines.extend(tell::more(finding));
    }
    lines
}

/// A finding's line, after the number that it was told by.
fn numbered(place: usize, finding: &Finding, teller: &Teller) -> String {
    let number = teller.number(place).map(|number| format!("[{number}] ")).unwrap_or_default();
    format!("{number}{}", tell::line(finding))
}

fn filter(argument: &str, snapshot: &Snapshot, teller: &Teller) -> Vec<String> {
    let filter = Filter::new(argument);
    let mut lines: Vec<String> = snapshot
        .findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| filter.shows(&tell::line(finding).to_lowercase()))
        .map(|(place, finding)| numbered(place, finding, teller))
        .collect();
    lines.push(format!("{} of {}", words::number(lines.len()), words::number(snapshot.findings.len())));
    lines
}

fn log(snapshot: &Snapshot) -> Vec<String> {
    let reads = &snapshot.evidence.reads;
    let left_out = reads.len().saturating_sub(LOG);
    let mut lines: Vec<String> = reads.iter().skip(left_out).map(words::request).collect();
    if left_out > 0 {
        lines.insert(0, format!("left out, for they are older: {}", words::requests(left_out)));
    }
    lines.push(words::requests(reads.len()));
    lines
}

fn unread(snapshot: &Snapshot) -> Vec<String> {
    let mut lines: Vec<String> = snapshot.evidence.unread().iter().map(ToString::to_string).collect();
    if lines.is_empty() {
        lines.push("everything that was asked for was read".to_owned());
    }
    lines
}
