//! The report for people: one line a finding, then what was not read, then the verdict.

use std::io::{self, Write};

use super::Recorded;
use crate::checks::{CHECKS, Check, Severity, Verdict};
use crate::session::Snapshot;

pub(super) fn write(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    source(snapshot, out)?;
    route(snapshot, out)?;
    for check in CHECKS {
        findings(snapshot, check, out)?;
    }
    unread(snapshot, out)?;
    verdict(snapshot, out)
}

/// Which cluster, and by which recording of it.
fn source(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let cluster = &snapshot.evidence.cluster;
    writeln!(out, "cluster  {} at {}", cluster.name, cluster.server)?;
    if let Some(recorded) = Recorded::of(snapshot) {
        writeln!(out, "source   the recording {} of {}", recorded.file, recorded.written_at)?;
        if let Some(warning) = recorded.warning {
            writeln!(out, "WARNING  {warning}")?;
        }
    }
    Ok(())
}

fn route(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let Some(target) = &snapshot.target else {
        let why = snapshot.no_target.as_deref().unwrap_or("no API server's version was read");
        return writeln!(out, "route    unknown: {why}");
    };
    let hops = target.hops().len().max(1);
    let chosen =
        if target.chosen { ", chosen by kubelift: the newest patch it knows of the next minor" } else { "" };
    let noun = if hops == 1 { "hop" } else { "hops" };
    writeln!(out, "route    {} → {} ({hops} {noun}{chosen})", target.from, target.to)
}

/// The findings of one check; nothing where it has none.
fn findings(snapshot: &Snapshot, check: &Check, out: &mut dyn Write) -> io::Result<()> {
    let findings: Vec<_> = snapshot.findings_of(check.id).collect();
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", check.title.to_uppercase())?;
    let subjects: Vec<String> = findings.iter().map(|finding| finding.subject.to_string()).collect();
    let width = subjects.iter().map(|subject| subject.chars().count()).max().unwrap_or(0).min(48);
    for (finding, subject) in findings.iter().zip(&subjects) {
        writeln!(out, "  {:<8} {subject:<width$}  {}", finding.severity, finding.message)?;
        if let Some(remedy) = finding.remedy.as_ref().filter(|_| finding.severity != Severity::Pass) {
            writeln!(out, "  {:<8} {:<width$}  do: {}", "", "", remedy.summary)?;
        }
    }
    Ok(())
}

fn unread(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let unread = snapshot.evidence.unread();
    if !unread.is_empty() {
        writeln!(out, "\nNOT READ")?;
        for unread in &unread {
            writeln!(out, "  {unread}")?;
        }
    }
    Ok(())
}

fn verdict(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let count = |severity| snapshot.count(severity);
    let several = snapshot.target.as_ref().filter(|target| target.hops().len() > 1);
    let hop =
        several.map(|target| format!(" for the first hop, to {}", target.first_hop())).unwrap_or_default();
    writeln!(
        out,
        "\n{}{hop} · {} blocker(s), {} unknown, {} warning(s), {} notice(s)",
        match snapshot.verdict() {
            Verdict::Ready => "READY",
            Verdict::Blocked => "BLOCKED",
            Verdict::Unknown => "UNKNOWN: something that could hide a blocker was not read",
        },
        count(Severity::Blocker),
        count(Severity::Unknown),
        count(Severity::Warning),
        count(Severity::Notice),
    )
}
