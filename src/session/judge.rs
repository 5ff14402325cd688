//! Evidence to snapshot: the target is chosen, the checks are run, generations are counted.

use std::sync::Arc;
use std::time::Instant;

use super::{Kind, Log, Snapshot};
use crate::catalog::Catalog;
use crate::checks::target::Asked;
use crate::checks::{self, CHECKS, Finding, Severity, Subject, Target};
use crate::evidence::Evidence;
use crate::version::Version;

/// Judges the evidence of one session.
#[derive(Debug)]
pub struct Judge {
    kind: Kind,
    asked: Option<Asked>,
    catalog: &'static Catalog,
    generation: u64,
    /// The oldest API server's version when it was last read: an API that goes away takes no answer back.
    from: Option<Version>,
}

impl Judge {
    /// Judges for the target `asked` for.
    pub const fn new(kind: Kind, asked: Option<Asked>, catalog: &'static Catalog) -> Self {
        Self { kind, asked, catalog, generation: 0, from: None }
    }

    /// Judges by another target from now on.
    pub fn aim(&mut self, asked: Option<Asked>) {
        self.asked = asked;
    }

    /// The target, or why there is none.
    fn target(&self, evidence: &Evidence) -> Result<Target, String> {
        let why = if evidence.servers.listed {
            "no API server's version could be read"
        } else {
            "the API servers are being asked"
        };
        let from = self.from.as_ref().or(evidence.servers.oldest()).ok_or(why)?;
        Target::choose(from, self.asked.as_ref(), self.catalog).map_err(|error| error.to_string())
    }

    /// The snapshot of `evidence` before any check has run.
    pub fn not_judged_yet(&self, evidence: Arc<Evidence>) -> Snapshot {
        let (target, no_target) = split(self.target(&evidence));
        let findings = no_target.iter().flat_map(|why| unjudged(why)).collect();
        Snapshot {
            generation: self.generation,
            kind: self.kind.clone(),
            evidence,
            target,
            no_target,
            findings,
            judged_in_micros: 0,
            happened: Log::default(),
            playback: None,
            upgrade: None,
            no_upgrade: None,
            journal: Arc::from([]),
        }
    }

    /// Runs all checks, away from the tasks that read and draw.
    pub async fn judge(&mut self, evidence: Arc<Evidence>) -> Snapshot {
        self.generation += 1;
        // A server that does not answer may be the oldest: what is known of it is not raised by the others.
        let all_read = evidence.servers.all_versions_read();
        if let Some(from) = evidence.servers.oldest()
            && (all_read || self.from.as_ref().is_none_or(|known| from < known))
        {
            self.from = Some(from.clone());
        }
        let mut snapshot = self.not_judged_yet(Arc::clone(&evidence));
        let Some(target) = snapshot.target.clone() else { return snapshot };
        let began = Instant::now();
        let findings = tokio::task::spawn_blocking(move || checks::judge(&evidence, &target)).await;
        snapshot.judged_in_micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        match findings {
            Ok(findings) => snapshot.findings = findings.into(),
            // A check that panics is a bug; what must not happen is that it looks like "nothing found".
            Err(error) => {
                let why = format!("kubelift's checks failed, which is a bug in them: {error}");
                snapshot.findings = unjudged(&why).collect();
                snapshot.target = None;
                snapshot.no_target = Some(why);
            }
        }
        snapshot
    }
}

/// That no check could judge: every pane says so, for a pane without findings would look clean.
fn unjudged(why: &str) -> impl Iterator<Item = Finding> {
    CHECKS.iter().map(move |check| Finding {
        check: check.id.to_owned(),
        could_hide: Some(Severity::Blocker),
        ..Finding::new(
            "NotJudged",
            Severity::Unknown,
            Subject::thing("Cluster", ""),
            format!("not judged: {why}"),
        )
    })
}

fn split(target: Result<Target, String>) -> (Option<Target>, Option<String>) {
    match target {
        Ok(target) => (Some(target), None),
        Err(why) => (None, Some(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{ApiServer, ApiServers, Cluster, Reading, Reason, Scope, Stamp, Unread};
    use jiff::Timestamp;

    /// Two API servers; one without a version did not answer.
    fn with(versions: [Option<&str>; 2]) -> Arc<Evidence> {
        let unread = |what: &str| Unread::new("get", what, Reason::Unreachable, "");
        let server = |(index, version): (usize, Option<&str>)| ApiServer {
            address: format!("10.0.0.{index}:6443").as_str().into(),
            direct: true,
            hostname: None,
            version: version.map_or_else(
                || Reading::Unread(unread("/version")),
                |version| Reading::Read {
                    stamp: Stamp { at: Timestamp::UNIX_EPOCH, how: "x".into() },
                    value: version.parse().unwrap(),
                },
            ),
            ready: Reading::Unread(unread("/readyz")),
            deprecated_calls: Reading::Unread(unread("/metrics")),
        };
        let servers = versions.into_iter().enumerate().map(server).collect();
        let mut evidence = Evidence::nothing(Cluster::default(), Scope::All, Timestamp::UNIX_EPOCH);
        evidence.servers = ApiServers { servers, unread: Vec::new(), listed: true };
        Arc::new(evidence)
    }

    #[tokio::test]
    async fn the_target_does_not_move_because_a_server_is_silent() {
        let mut judge = Judge::new(Kind::Inspect, None, Catalog::get().unwrap());
        for (versions, from) in [
            // The first that answers need not be the oldest.
            ([None, Some("v1.31.4")], Some("1.31.4")),
            ([Some("v1.30.6"), Some("v1.31.4")], Some("1.30.6")),
            ([None, Some("v1.31.4")], Some("1.30.6")),
            ([None, None], Some("1.30.6")),
            ([Some("v1.31.4"), Some("v1.31.4")], Some("1.31.4")),
        ] {
            let target = judge.judge(with(versions)).await.target;
            assert_eq!(target.map(|target| target.from.to_string()).as_deref(), from, "{versions:?}");
        }
    }
}
