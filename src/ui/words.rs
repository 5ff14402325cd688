//! What screens and plain lines say about a session, in the same words.

use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::checks::target::Asked;
use crate::checks::{Check, Finding, Proof, Severity, Target, Verdict};
use crate::evidence::{Evidence, Progress, ReadRecord};
use crate::session::recording::Chain;
use crate::session::{Happened, Kind, Snapshot};
use crate::version::Version;

/// `4120` as `4,120`.
pub fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `2 blockers`, `1 warning`, `3 unknown`, `4 ok`.
pub fn tally(severity: Severity, n: usize) -> String {
    let word = if severity == Severity::Pass { "ok" } else { severity.as_str() };
    let plural = if n == 1 || matches!(severity, Severity::Unknown | Severity::Pass) { "" } else { "s" };
    format!("{} {word}{plural}", number(n))
}

/// `12:04:27`, in UTC.
pub fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// `2026-11-24 12:04:27 UTC`
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `3:12`, `1:03:12`: hours only where there are some.
pub fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Something that happened in a line: `began drain/w1: …`, with FAILURE before it where it is one.
pub fn happened(happened: &Happened) -> String {
    let told = &happened.told;
    let failure = if happened.marks.failure { "FAILURE " } else { "" };
    let step = told.step.as_deref().map(|step| format!(" {step}")).unwrap_or_default();
    format!("{failure}{}{step}: {}", told.what, super::steps::request(&told.text))
}

/// The kind of session in words: a word in capitals, and what it means.
pub fn session(kind: &Kind) -> (&'static str, String) {
    match kind {
        Kind::Inspect => ("INSPECT", "nothing can be changed".to_owned()),
        Kind::Upgrade => ("UPGRADE", "changes the cluster, each step confirmed".to_owned()),
        Kind::Demo { scenario } if scenario.is_empty() || scenario == "default" => {
            ("DEMO", "simulated cluster".to_owned())
        }
        Kind::Demo { scenario } => ("DEMO", format!("simulated cluster, scenario {scenario}")),
        Kind::Recording { file, chain, .. } => match chain {
            Chain::Whole => ("RECORDING", file.clone()),
            Chain::Cut { .. } => ("CUT RECORDING", format!("{file}: its end is missing")),
            Chain::Changed { frame, why } => ("CHANGED RECORDING", format!("{file}: frame {frame}: {why}")),
        },
        Kind::Replay { file, chain } => match chain {
            Chain::Whole => ("REPLAY", file.clone()),
            Chain::Cut { .. } => ("CUT REPLAY", format!("{file}: its end is missing")),
            Chain::Changed { frame, why } => ("CHANGED REPLAY", format!("{file}: frame {frame}: {why}")),
        },
    }
}

/// `1.30.6 → 1.31.14 (hop 1 of 1)`
pub fn route(target: &Target, arrow: &str) -> String {
    let hops = target.hops().len();
    let hop = if hops == 0 { "patch upgrade".to_owned() } else { format!("hop 1 of {hops}") };
    format!("{} {arrow} {} ({hop})", target.from, target.to)
}

/// Where to, and where from: in an upgrade where that started, for by now every API server may be the target's.
pub fn way(snapshot: &Snapshot) -> Option<Target> {
    let target = snapshot.target.clone()?;
    let started = snapshot.upgrade.as_ref().map(|upgrade| &upgrade.plan.from);
    Some(match started.filter(|from| **from < target.from) {
        Some(from) => Target { from: from.clone(), ..target },
        None => target,
    })
}

/// What "ready" is said of: `1.31.14`, or `hop 1 of 3`. Each hop is judged before it is made, so what stands in the way of
/// the next ones is not counted yet.
pub fn goal(target: &Target) -> String {
    match target.hops().len() {
        0 | 1 => target.to.to_string(),
        hops => format!("hop 1 of {hops}"),
    }
}

/// The target that `text` names: a version, or a minor for its newest known patch.
///
/// # Errors
/// A sentence, where it is neither, or no patch of the minor is known.
pub fn version(text: &str) -> Result<Version, String> {
    match text.parse::<Asked>().map_err(|error| error.to_string())? {
        Asked::Exact(version) => Ok(version),
        Asked::Minor(minor) => {
            let catalog = Catalog::get().map_err(ToString::to_string)?;
            catalog.newest_patch(minor).ok_or_else(|| format!("no patch of {minor} is known"))
        }
    }
}

/// Why there is no route, in a sentence.
pub fn no_route(snapshot: &Snapshot) -> &str {
    snapshot.no_target.as_deref().unwrap_or("no API server's version was read yet")
}

/// The answer to "may we start?", as the screen gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing stands in the way, and everything that could was read.
    Yes,
    /// There is a blocker.
    No,
    /// Something that could hide a blocker was not read.
    NotKnown,
    /// The same, and it is still being read.
    NotKnownYet,
}

impl Answer {
    /// The answer that a snapshot gives, of these checks: "yes" only where each of them has said something.
    pub fn of(snapshot: &Snapshot, checks: &[Check]) -> Self {
        let all_spoke = || checks.iter().all(|check| snapshot.findings_of(check.id).next().is_some());
        match snapshot.verdict() {
            Verdict::Ready if all_spoke() => Self::Yes,
            Verdict::Ready => Self::NotKnown,
            Verdict::Blocked => Self::No,
            Verdict::Unknown if is_reading(snapshot) => Self::NotKnownYet,
            Verdict::Unknown => Self::NotKnown,
        }
    }

    /// In capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "YES",
            Self::No => "NO",
            Self::NotKnown => "NOT KNOWN",
            Self::NotKnownYet => "NOT KNOWN YET",
        }
    }
}

/// Whether something is still being read for the first time that a verdict waits for.
pub fn is_reading(snapshot: &Snapshot) -> bool {
    let recorded = matches!(snapshot.kind, Kind::Recording { .. });
    let waits = if snapshot.target.is_none() {
        !snapshot.evidence.servers.listed
    } else {
        snapshot.findings.iter().any(|finding| finding.waits_for.is_some())
    };
    waits && !recorded
}

/// How many objects were read so far, and of how many, over the listings that `counts` and that are
/// not at their end; `None` where none is being read.
pub fn progress(evidence: &Evidence, counts: impl Fn(&str) -> bool) -> Option<(usize, Option<usize>)> {
    let mut sum = (0, Some(0));
    let mut any = false;
    for state in evidence.listings().into_iter().filter(|state| counts(state.resource)) {
        if let Progress::Reading { seen, of } = state.progress {
            any = true;
            sum = (sum.0 + seen, sum.1.zip(of).map(|(sum, of)| sum + of.max(seen)));
        }
    }
    any.then_some(sum)
}

/// `reading 4,120 of ~11,000`
pub fn reading(progress: Option<(usize, Option<usize>)>) -> String {
    match progress {
        Some((seen, Some(of))) => format!("reading {} of ~{}", number(seen), number(of)),
        Some((seen, None)) if seen > 0 => format!("reading, {} so far", number(seen)),
        _ => "reading".to_owned(),
    }
}

/// How new what is shown is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// In words.
    pub text: String,
    /// Whether it should worry: the API does not answer, or there are no credentials to ask it with.
    pub gone: bool,
    /// When the words change by time alone; `None` if they do not.
    pub changes_in: Option<Duration>,
}

/// How new a snapshot is at `now`.
pub fn freshness(snapshot: &Snapshot, now: Timestamp) -> Freshness {
    let still = |text| Freshness { text, gone: false, changes_in: None };
    let evidence = &snapshot.evidence;
    if let Kind::Recording { at, .. } = &snapshot.kind {
        return still(format!("as of {}", moment(*at)));
    }
    if let Some(since) = evidence.api_gone_since {
        return Freshness { gone: true, ..still(format!("API gone since {} UTC", clock(since))) };
    }
    if let Some(since) = evidence.credentials.as_ref().and_then(|credentials| credentials.lost_since) {
        return Freshness { gone: true, ..still(format!("no credentials since {} UTC", clock(since))) };
    }
    if let Some(playback) = &snapshot.playback {
        return still(format!("as of {}", moment(playback.wall)));
    }
    let progress = progress(evidence, |_| true);
    if progress.is_some() || is_reading(snapshot) {
        return still(reading(progress));
    }
    let age = u64::try_from(now.duration_since(evidence.known_as_of()).as_secs()).unwrap_or(0);
    let (text, unit) = match age {
        0..60 => (format!("read {age} s ago"), 1),
        60..3600 => (format!("read {} min ago", age / 60), 60),
        _ => (format!("read {} h {} min ago", age / 3600, age % 3600 / 60), 60),
    };
    Freshness { changes_in: Some(Duration::from_secs(unit - age % unit)), ..still(text) }
}

/// The word for a finding's severity.
pub const fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        _ if finding.waits_for.is_some() => "still being read",
        Severity::Pass => "ok",
        severity => severity.as_str(),
    }
}

/// `12:04:27 UTC · GET /api/v1/pods`
pub fn source(proof: &Proof) -> String {
    let at = proof.at.map(|at| format!("{} UTC", clock(at)));
    let how = (!proof.how.is_empty()).then(|| proof.how.clone());
    at.into_iter().chain(how).collect::<Vec<_>>().join(" · ")
}

/// A finding as text, with everything that it says.
pub fn in_full(finding: &Finding) -> String {
    let mut text = format!("{} {}: {}\n", finding.code, severity(finding), finding.subject);
    let mut line = |label: &str, words: &str| {
        if !words.is_empty() {
            text.push_str(&format!("{label}{words}\n"));
        }
    };
    line("", &finding.message);
    line("why: ", &finding.why);
    if let Some(remedy) = &finding.remedy {
        line("remedy: ", &remedy.summary);
        remedy.commands.iter().for_each(|command| line("  $ ", command));
    }
    for proof in &finding.evidence {
        line("evidence: ", &proof.saw);
        line("  ", &source(proof));
    }
    line("see: ", finding.link.as_deref().unwrap_or_default());
    text
}

/// A request in a line, with all that is known of it.
pub fn request(read: &ReadRecord) -> String {
    let audit = read.audit_id.as_ref().map(|id| format!(" audit-id={id}")).unwrap_or_default();
    format!(
        "{} {} {} {} {} {} ms{audit}",
        read.at,
        read.server,
        read.method,
        read.path,
        outcome(read),
        read.millis
    )
}

/// `1 request`, `4,120 requests`
pub fn requests(n: usize) -> String {
    format!("{} {}", number(n), if n == 1 { "request" } else { "requests" })
}

/// What a request was answered with: a status, or why there was none.
pub fn outcome(read: &ReadRecord) -> String {
    match (read.status, &read.error) {
        (Some(status), None) => status.to_string(),
        (Some(status), Some(error)) => format!("{status} {error}"),
        (None, Some(error)) => error.to_string(),
        (None, None) => "no answer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (n, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (11_000, "11,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(number(n), text);
        }
    }

    #[test]
    fn without_credentials_nothing_is_as_new_as_it_was() {
        let mut snapshot = crate::ui::sample::clean();
        let now = snapshot.evidence.at;
        let mut evidence = Evidence::clone(&snapshot.evidence);
        evidence.credentials = Some(crate::evidence::Credentials::default());
        snapshot.evidence = std::sync::Arc::new(evidence.clone());
        assert!(!freshness(&snapshot, now).gone);
        evidence.credentials = Some(crate::evidence::Credentials {
            lost_since: Some(Timestamp::UNIX_EPOCH),
            ..Default::default()
        });
        snapshot.evidence = std::sync::Arc::new(evidence);
        let said = freshness(&snapshot, now);
        assert_eq!((said.text.as_str(), said.gone), ("no credentials since 00:00:00 UTC", true));
    }

    #[test]
    fn a_recording_that_was_changed_says_so_before_its_name() {
        let session = |chain| {
            session(&Kind::Recording { file: "prod.rec".to_owned(), at: Timestamp::UNIX_EPOCH, chain })
        };
        assert_eq!(session(Chain::Whole), ("RECORDING", "prod.rec".to_owned()));
        assert_eq!(session(Chain::Cut { frames: 2 }).0, "CUT RECORDING");
        let why = "its hash is not that of its line".to_owned();
        let (word, rest) = session(Chain::Changed { frame: 2, why });
        assert_eq!(word, "CHANGED RECORDING");
        assert_eq!(rest, "prod.rec: frame 2: its hash is not that of its line");
    }

    #[test]
    fn tallies_agree_in_number() {
        for (severity, n, text) in [
            (Severity::Blocker, 1, "1 blocker"),
            (Severity::Blocker, 2, "2 blockers"),
            (Severity::Unknown, 2, "2 unknown"),
            (Severity::Pass, 2, "2 ok"),
            (Severity::Notice, 1200, "1,200 notices"),
        ] {
            assert_eq!(tally(severity, n), text);
        }
    }

    #[test]
    fn a_target_is_a_version_or_a_minor_that_is_known() {
        assert_eq!(version("1.31.4").unwrap().to_string(), "1.31.4");
        assert_eq!(version("v1.31").unwrap().minor().to_string(), "1.31");
        assert_eq!(version("1.99").unwrap_err(), "no patch of 1.99 is known");
        assert!(version("soon").is_err());
    }

    #[test]
    fn progress_is_said_as_far_as_it_is_known() {
        assert_eq!(reading(Some((4120, Some(11_000)))), "reading 4,120 of ~11,000");
        assert_eq!(reading(Some((500, None))), "reading, 500 so far");
        assert_eq!(reading(None), "reading");
    }
}
