//! Backups of etcd: where they were looked for, how old the newest sound one is, and how far it can be trusted.
//!
//! "Saved", "verified" and "drilled" are three things, and none is said for another: see
//! [`SnapshotState`].

use jiff::SignedDuration;

use super::inside::Inside;
use super::{Context, Finding, Severity, Subject, link, list, remedy, words};
use crate::evidence::node_facts::{Looked, Snapshot, SnapshotState};
use crate::evidence::{Reading, Reason, Stamp, Unread};

/// Older than this, a backup does not hold what an upgrade would lose.
const OLD: SignedDuration = SignedDuration::from_hours(24);
/// A time that lies further ahead than this is no time of writing.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(10);
/// No more files are named one by one.
const NAMED: usize = 10;

/// A file in a folder that was looked at.
struct Found<'a> {
    /// `cp1`, or `this machine`.
    place: &'a str,
    snapshot: &'a Snapshot,
    stamp: &'a Stamp,
}

impl Found<'_> {
    fn is_sound(&self) -> bool {
        self.snapshot.state >= Some(SnapshotState::Saved)
    }

    /// How long ago it was written; none where its time is not known, or is ahead.
    fn age(&self, context: &Context<'_>) -> Option<SignedDuration> {
        let age = context.evidence.at.duration_since(self.snapshot.modified?);
        (age >= -CLOCKS_APART).then(|| age.max(SignedDuration::ZERO))
    }

    /// `/var/backups/etcd/a.db on cp1`
    fn name(&self) -> String {
        format!("{} on {}", self.snapshot.path, self.place)
    }

    /// What is known of it, in exactly these words.
    fn trust(&self) -> &'static str {
        match self.snapshot.state {
            None => "not read",
            Some(SnapshotState::Unrecognised) => "not recognised as a snapshot",
            Some(SnapshotState::Unsound) => "unsound",
            Some(SnapshotState::Saved) => "saved",
            Some(SnapshotState::Verified) => "verified",
            Some(SnapshotState::Drilled) => "drilled",
        }
    }

    /// The same with all that the file shows.
    fn in_full(&self, context: &Context<'_>) -> String {
        let size =
            self.snapshot.size_bytes.map_or_else(String::new, |size| format!(", {}", words::bytes(size)));
        let age = self
            .age(context)
            .map_or_else(|| ", of unknown age".to_owned(), |age| format!(", {} old", words::age(age)));
        let drilled =
            self.snapshot.drilled_at.filter(|_| self.snapshot.state == Some(SnapshotState::Drilled));
        let drilled = drilled.map_or_else(String::new, |at| format!(" at {at}"));
        let why = self
            .snapshot
            .why
            .as_deref()
            .filter(|why| !why.is_empty())
            .map_or_else(String::new, |why| format!(" ({why})"));
        format!("{}{size}{age}: {}{drilled}{why}", self.name(), self.trust())
    }
}

/// All that was looked at.
#[derive(Default)]
struct Search<'a> {
    found: Vec<Found<'a>>,
    /// Folders that were looked at, there or not: `/var/backups/etcd on cp1`.
    looked: Vec<String>,
    /// What of them could not be looked at.
    gaps: Vec<Unread>,
    stamp: Option<&'a Stamp>,
}

pub(super) fn findings(context: &Context<'_>, inside: &Inside<'_>) -> Vec<Finding> {
    let search = search(context);
    if search.looked.is_empty() {
        return nowhere(context, &search);
    }
    let mut sound: Vec<(&Found<'_>, SignedDuration)> = search
        .found
        .iter()
        .filter(|found| found.is_sound())
        .filter_map(|found| Some((found, found.age(context)?)))
        .collect();
    sound.sort_by_key(|(found, age)| (*age, std::cmp::Reverse(found.snapshot.state)));
    let mut findings = Vec::new();
    let newest = sound.first().copied();
    let fresh = newest.filter(|(_, age)| *age <= OLD);
    match (newest, fresh) {
        (_, Some((found, age))) => findings.push(recent(context, found, age, &sound)),
        (Some((found, age)), None) => findings.push(old(context, found, age, &search)),
        (None, _) => findings.push(none(context, inside, &search)),
    }
    findings.extend(broken(context, &search, newest.map(|(_, age)| age)));
    findings.extend(unrecognised(context, &search));
    // What was not read could only be a better backup than the one that is there.
    if fresh.is_none() {
        findings.extend(unread(context, &search.gaps));
    }
    findings
}

/// Every folder of every machine, and the one that `--backups` names.
fn search<'a>(context: &Context<'a>) -> Search<'a> {
    let mut search = Search::default();
    for (node, reading) in &context.evidence.node_facts {
        let Reading::Read { value: facts, stamp } = reading else { continue };
        let backups = facts.read("backups", &facts.backups);
        for entry in facts.unread.iter().filter(|entry| entry.what.starts_with("backups")) {
            let what = entry.what.trim_start_matches("backups").trim();
            // Sizes of other folders are not backups.
            if !what.starts_with('.') {
                search.gaps.push(
                    Unread::new("stat", "backups", Reason::NotPermittedOnNode, &entry.reason)
                        .of(format!("{what} on {node}").trim()),
                );
            }
        }
        let Some(backups) = backups.value() else { continue };
        let looked = |looked: &&Looked| matches!(looked.state.as_str(), "read" | "absent");
        search
            .looked
            .extend(backups.looked.iter().filter(looked).map(|looked| format!("{} on {node}", looked.path)));
        search.found.extend(backups.snapshots.iter().map(|snapshot| Found {
            place: node.as_str(),
            snapshot,
            stamp,
        }));
        search.stamp = search.stamp.or(Some(stamp));
    }
    match context.evidence.backups.get() {
        Ok((found, stamp)) => {
            search.looked.push(format!("{} on this machine", found.folder));
            search.gaps.extend(found.unread.iter().cloned());
            search.found.extend(found.snapshots.iter().map(|snapshot| Found {
                place: "this machine",
                snapshot,
                stamp,
            }));
            search.stamp = Some(stamp);
        }
        // Nobody has to name a folder.
        Err(unread) if unread.reason != Reason::NotProvided => search.gaps.push(unread.clone()),
        Err(_) => {}
    }
    search
}

fn subject(context: &Context<'_>) -> Subject {
    Subject::thing("EtcdBackup", &context.evidence.cluster.name)
}

fn nowhere(context: &Context<'_>, search: &Search<'_>) -> Vec<Finding> {
    let own = [Unread::new("stat", "backups", Reason::NotProvided, "no node and no folder was looked at")];
    let gaps = if search.gaps.is_empty() { own.as_slice() } else { search.gaps.as_slice() };
    let mut findings = unread(context, gaps);
    for finding in &mut findings {
        finding.why = "Whether there is a backup, and how old it is, is not known: that is not to say that there is none.".to_owned();
    }
    findings
}

/// What could not be looked at, each once.
fn unread(context: &Context<'_>, gaps: &[Unread]) -> Vec<Finding> {
    let (first, more) = gaps.split_at(gaps.len().min(NAMED));
    let finding = |gap: &Unread| {
        Finding::unknown("BackupsUnread", Severity::Warning, subject(context), gap)
            .remedy("Give the folder that holds the backups by --backups, or run the probe as root where they are.", [])
            .link(link::ETCD)
    };
    let mut findings: Vec<Finding> = first.iter().map(finding).collect();
    if let (Some(last), false) = (findings.last_mut(), more.is_empty()) {
        for gap in more.iter().take(NAMED) {
            last.evidence.push(crate::checks::Proof { saw: gap.to_string(), how: String::new(), at: gap.at });
        }
    }
    findings
}

/// There is a sound one, not too old.
fn recent(
    context: &Context<'_>,
    found: &Found<'_>,
    age: SignedDuration,
    sound: &[(&Found<'_>, SignedDuration)],
) -> Finding {
    let message =
        format!("the newest sound backup is {} old, {}: {}", words::age(age), found.trust(), found.name());
    let finding = Finding::new("BackupRecent", Severity::Pass, subject(context), message)
        .why(meaning(found))
        .link(link::ETCD);
    sound
        .iter()
        .take(NAMED)
        .fold(finding, |finding, (found, _)| finding.saw(found.in_full(context), Some(found.stamp)))
}

/// What the word for it does not say.
fn meaning(found: &Found<'_>) -> &'static str {
    match found.snapshot.state {
        Some(SnapshotState::Drilled) => {
            "Its sum is right, and a restore of these bytes went well. Of which cluster it is, is not known."
        }
        Some(SnapshotState::Verified) => {
            "Its sum is right. That it can be restored was not tried; of which cluster it is, is not known."
        }
        _ => "It has the form of a snapshot. Its sum was not compared, and no restore was tried.",
    }
}

fn old(context: &Context<'_>, found: &Found<'_>, age: SignedDuration, search: &Search<'_>) -> Finding {
    let message =
        format!("the newest sound backup is {} old, {}: {}", words::age(age), found.trust(), found.name());
    let finding = Finding::new("BackupOld", Severity::Warning, subject(context), message)
        .why(format!(
            "What was written since is in no backup. etcd has no way back from an upgrade but a restore. {}",
            meaning(found)
        ))
        .saw(found.in_full(context), Some(found.stamp));
    looked(save(finding), search)
}

fn none(context: &Context<'_>, inside: &Inside<'_>, search: &Search<'_>) -> Finding {
    // A sound file whose time is ahead is one of unknown age.
    let message = match search.found.iter().filter(|found| found.is_sound()).count() {
        0 if search.found.is_empty() => {
            format!("no backup of etcd in {}", list::count(search.looked.len(), "folder"))
        }
        0 => format!("no sound backup of etcd among {}", list::count(search.found.len(), "file")),
        _ => "no backup of etcd whose age is known: their times are not there, or lie ahead".to_owned(),
    };
    let copies = inside.members.iter().any(|local| {
        local
            .facts
            .backups
            .as_ref()
            .and_then(|backups| backups.kubeadm_tmp_bytes)
            .is_some_and(|size| size > 0)
    });
    let kubeadm = if copies {
        " kubeadm's copies in /etc/kubernetes/tmp were made of a folder in use, and are none."
    } else {
        ""
    };
    let finding = Finding::new("BackupAbsent", Severity::Warning, subject(context), message)
        .why(format!("etcd has no way back from an upgrade but a restore, and every object of the cluster is in it.{kubeadm}"));
    let sound = search.found.iter().filter(|found| found.is_sound()).take(NAMED);
    let finding =
        sound.fold(finding, |finding, found| finding.saw(found.in_full(context), Some(found.stamp)));
    looked(save(finding), search)
}

/// With how to make one.
fn save(finding: Finding) -> Finding {
    finding
        .remedy(
            "Save a snapshot on a control plane, as root, and keep it with /etc/kubernetes/pki on another machine. It holds every Secret.",
            remedy::save(),
        )
        .link(link::ETCD)
}

/// With where one was looked for.
fn looked(finding: Finding, search: &Search<'_>) -> Finding {
    finding.saw(format!("looked in {}", list::names(&search.looked)), search.stamp)
}

/// Files that begin as snapshots and are none: cut off, damaged, or copies of the live file.
fn broken(context: &Context<'_>, search: &Search<'_>, newest: Option<SignedDuration>) -> Option<Finding> {
    let unsound: Vec<&Found<'_>> =
        search.found.iter().filter(|found| found.snapshot.state == Some(SnapshotState::Unsound)).collect();
    if unsound.is_empty() {
        return None;
    }
    // One that is newer than what is sound means that the last backup failed.
    let last = unsound.iter().any(|found| match (found.age(context), newest) {
        (Some(age), Some(newest)) => age < newest,
        _ => true,
    });
    let names: Vec<String> = unsound.iter().map(|found| found.name()).collect();
    let (verb, of) = if names.len() == 1 { ("is", "a backup") } else { ("are", "backups") };
    let mut message = format!("{} {verb} unsound, and no use as {of}", list::names(&names));
    if last && newest.is_some() {
        message.push_str("; newer than every sound one");
    }
    let severity = if last { Severity::Warning } else { Severity::Notice };
    let finding = Finding::new("BackupUnsound", severity, subject(context), message)
        .why("The SHA-256 with which etcd ends a snapshot is not there or not right, so a restore refuses it or brings back damaged data.")
        .remedy("See what writes them: a copy of the live file is no snapshot, and a full disk cuts one off.", []);
    Some(
        unsound
            .iter()
            .take(NAMED)
            .fold(finding, |finding, found| finding.saw(found.in_full(context), Some(found.stamp))),
    )
}

/// Files that are called as snapshots are.
fn unrecognised(context: &Context<'_>, search: &Search<'_>) -> Option<Finding> {
    let others: Vec<&Found<'_>> = search
        .found
        .iter()
        .filter(|found| matches!(found.snapshot.state, None | Some(SnapshotState::Unrecognised)))
        .collect();
    if others.is_empty() {
        return None;
    }
    let names: Vec<String> = others.iter().map(|found| found.name()).collect();
    let message = format!("not recognised as snapshots of etcd: {}", list::names(&names));
    let finding = Finding::new("BackupUnrecognised", Severity::Notice, subject(context), message)
        .why("They are packed, encrypted, or something else, or could not be read; nothing is said of them.");
    Some(
        others
            .iter()
            .take(NAMED)
            .fold(finding, |finding, found| finding.saw(found.in_full(context), Some(found.stamp))),
    )
}
