//! The namespaces to try, when a list over all namespaces is refused.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ask::Asker;
use super::wire::{ListDecoder, Wire, schema};
use crate::evidence::objects::ManagedObject;
use crate::text::Text;

/// How many namespaces are tried at most: each costs a request a kind.
const MAX_TRIED: usize = 50;

/// For how long an answer counts: all who read namespace by namespace in one round share it.
const HOLDS: Duration = Duration::from_secs(45);

/// The namespaces of a cluster, asked for by the first who is refused.
#[derive(Debug)]
pub struct Namespaces {
    /// The context's namespace: tried where namespaces cannot be listed.
    default: Text,
    known: Mutex<Option<Known>>,
    holds: Duration,
}

#[derive(Debug)]
struct Known {
    at: Instant,
    names: Vec<Text>,
    all: bool,
}

impl Namespaces {
    /// Not asked for yet; `default` is the context's own.
    pub fn new(default: &str) -> Self {
        Self { default: default.into(), known: Mutex::default(), holds: HOLDS }
    }

    /// The namespaces to try, and whether they are all that there are.
    pub async fn get(&self, asker: &Asker) -> (Vec<Text>, bool) {
        // Held while it is asked, so that the others wait for the one answer.
        let mut known = self.known.lock().await;
        if known.as_ref().is_none_or(|known| known.at.elapsed() >= self.holds)
            && let Some((names, all)) = self.ask(asker).await
        {
            *known = Some(Known { at: Instant::now(), names, all });
        }
        // What could not be asked may be asked again by the next, and what was known before still counts.
        known
            .as_ref()
            .map_or_else(|| (vec![self.default.clone()], false), |known| (known.names.clone(), known.all))
    }

    async fn ask(&self, asker: &Asker) -> Option<(Vec<Text>, bool)> {
        let path = format!("/api/v1/namespaces?limit={MAX_TRIED}");
        let (body, _) = asker.ask_whole(&path, Wire::Json.accept(), 8 << 20).await.ok()?;
        let mut names = Vec::new();
        let mut decoder = ListDecoder::<ManagedObject>::new(Wire::Json, &schema::OBJECT);
        decoder.push(&body, &mut |namespace| names.push(namespace.metadata.name)).ok()?;
        let meta = decoder.finish().ok()?;
        Some((names, meta.continue_token.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::cluster::client::Connection;
    use crate::cluster::pulse::Pulse;
    use crate::cluster::reader::Reader;
    use crate::evidence::Scope;
    use crate::sim::{self, Simulation};

    fn asked(simulation: &Simulation, path: &str) -> usize {
        simulation.requests().iter().filter(|request| request.path.split("?").next() == Some(path)).count()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn namespaces_are_asked_for_again_after_a_while() {
        let simulation = sim::start("clean", sim::Options::default()).await.unwrap();
        let connection = Connection::simulated(&simulation.url(), "x").await.unwrap();
        let asker = Asker::entry(connection.client().clone(), connection.address(), Pulse::default());
        for (holds, expected) in [(HOLDS, 1), (Duration::ZERO, 4)] {
            let namespaces = Namespaces { holds, ..Namespaces::new("default") };
            for _ in 0..3 {
                let (names, all) = namespaces.get(&asker).await;
                assert!(all && names.iter().any(|name| name == "kube-system"), "{names:?}");
            }
            assert_eq!(asked(&simulation, "/api/v1/namespaces"), expected);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn discovery_is_read_again_on_a_refresh() {
        let simulation = sim::start("clean", sim::Options::default()).await.unwrap();
        let connection = Connection::simulated(&simulation.url(), "x").await.unwrap();
        let mut reader = Reader::start(connection, Catalog::get().unwrap(), Scope::All, true);
        for times in 1..=2 {
            let mut changes = reader.changes();
            let again = async {
                while asked(&simulation, "/apis") < times || reader.evidence().objects.managed.is_empty() {
                    changes.changed().await.unwrap();
                }
            };
            tokio::time::timeout(Duration::from_secs(60), again).await.unwrap();
            assert_eq!(asked(&simulation, "/apis"), times);
            reader.refresh();
        }
    }
}
