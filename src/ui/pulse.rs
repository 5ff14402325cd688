//! The cluster's pulse: whether it lives on while a step runs, in a few numbers.

use crate::checks::common::static_pods;
use crate::evidence::objects::Pod;
use crate::evidence::{Evidence, Listing, Progress};

use super::words::number;

/// What the cluster was like at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Baseline {
    /// How many pods did not run.
    pub not_running: usize,
}

impl Baseline {
    /// What it is like now; `None` where that was not read whole.
    pub fn of(evidence: &Evidence) -> Option<Self> {
        let pods = &evidence.objects.pods;
        (pods.progress == Progress::Done && pods.is_complete())
            .then(|| Self { not_running: not_running(pods) })
    }
}

/// How well one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// As it should be.
    Well,
    /// Worse than at the beginning.
    Worse,
    /// Not as it should be.
    Bad,
    /// It was not read.
    Unknown,
}

/// One thing that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// In words: `API servers 2 of 3 answer`.
    pub long: String,
    /// In fewer: `API servers 2/3`.
    pub middle: String,
    /// In few: `API 2/3`.
    pub short: String,
    /// How well it is.
    pub beat: Beat,
}

/// Every count, in the order in which they are told.
pub fn of(evidence: &Evidence, baseline: Option<Baseline>) -> Vec<Count> {
    vec![servers(evidence), etcd(evidence), nodes(evidence), pods(evidence, baseline)]
}

fn share((long, state): (&str, &str), middle: &str, short: &str, good: usize, all: usize) -> Count {
    let (good_of, all_of) = (number(good), number(all));
    Count {
        long: format!("{long} {good_of} of {all_of} {state}"),
        middle: format!("{middle} {good_of}/{all_of}"),
        short: format!("{short} {good_of}/{all_of}"),
        beat: if good == all { Beat::Well } else { Beat::Bad },
    }
}

fn unread(long: &str, short: &str) -> Count {
    let said = format!("{long} not read");
    Count { middle: said.clone(), long: said, short: format!("{short} ?"), beat: Beat::Unknown }
}

fn servers(evidence: &Evidence) -> Count {
    let servers = &evidence.servers.servers;
    if servers.is_empty() {
        return unread("API servers", "API");
    }
    let answers = |server: &&crate::evidence::ApiServer| {
        evidence.api_gone_since.is_none() && server.ready.value().is_some_and(|health| health.ok)
    };
    share(
        ("API servers", "ready"),
        "API servers",
        "API",
        servers.iter().filter(answers).count(),
        servers.len(),
    )
}

/// The members that run as static pods; others are not known to the API.
fn etcd(evidence: &Evidence) -> Count {
    let members: Vec<&Pod> = static_pods::of(&evidence.objects.pods, "etcd").collect();
    if members.is_empty() {
        return unread("etcd members", "etcd");
    }
    let ready = members.iter().filter(|pod| pod.is_ready()).count();
    share(("etcd members", "ready"), "etcd", "etcd", ready, members.len())
}

fn nodes(evidence: &Evidence) -> Count {
    let nodes = &evidence.objects.nodes;
    if nodes.items.is_empty() {
        return unread("nodes", "nodes");
    }
    let ready =
        nodes.iter().filter(|node| node.condition("Ready").is_some_and(|ready| ready.status == "True"));
    share(("nodes", "Ready"), "nodes", "nodes", ready.count(), nodes.items.len())
}

fn pods(evidence: &Evidence, baseline: Option<Baseline>) -> Count {
    let pods = &evidence.objects.pods;
    if pods.items.is_empty() {
        return unread("pods", "pods");
    }
    let now = not_running(pods);
    let off = format!("pods not running {}", number(now));
    let short = format!("pods off {}", number(now));
    let Some(Baseline { not_running: begin }) = baseline else {
        return Count { middle: off.clone(), long: off, short, beat: Beat::Unknown };
    };
    Count {
        long: format!("{off}, {} at the beginning", number(begin)),
        middle: format!("{off} (at first {})", number(begin)),
        short: format!("pod off {}({})", number(now), number(begin)),
        beat: if now > begin { Beat::Worse } else { Beat::Well },
    }
}

/// Pods that should run and are not ready.
fn not_running(pods: &Listing<Pod>) -> usize {
    pods.iter().filter(|pod| !pod.is_finished() && !pod.is_ready()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::steps::testing::ready_to_upgrade;

    fn texts(evidence: &Evidence, baseline: Option<Baseline>) -> Vec<(String, Beat)> {
        of(evidence, baseline).into_iter().map(|count| (count.long, count.beat)).collect()
    }

    #[test]
    fn what_is_away_is_counted_and_what_was_not_read_is_not_well() {
        let mut world = ready_to_upgrade();
        let baseline = Baseline::of(&world.evidence);
        let well = texts(&world.evidence, baseline);
        assert!(well.iter().all(|(_, beat)| *beat == Beat::Well), "{well:?}");
        assert_eq!(well.first().unwrap().0, "API servers 3 of 3 ready");

        world.edit_pod("etcd-cp2", |pod| pod.status.conditions = Default::default());
        world.evidence.api_gone_since = Some(crate::checks::testing::now());
        let ill = texts(&world.evidence, baseline);
        assert!(ill.contains(&("API servers 0 of 3 ready".to_owned(), Beat::Bad)), "{ill:?}");
        assert!(ill.contains(&("etcd members 2 of 3 ready".to_owned(), Beat::Bad)), "{ill:?}");
        assert!(ill.contains(&("pods not running 1, 0 at the beginning".to_owned(), Beat::Worse)), "{ill:?}");

        let nothing = crate::ui::sample::nothing().evidence;
        assert!(of(&nothing, None).iter().all(|count| count.beat == Beat::Unknown));
        assert_eq!(Baseline::of(&nothing), None);
    }
}
