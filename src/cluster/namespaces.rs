//! The namespaces to try, when a list over all namespaces is refused.

use tokio::sync::OnceCell;

use super::ask::Asker;
use super::wire::{ListDecoder, Wire, schema};
use crate::evidence::objects::ManagedObject;
use crate::text::Text;

/// How many namespaces are tried at most: each costs a request a kind.
const MAX_TRIED: usize = 50;

/// The namespaces of a cluster, asked for once, by the first who is refused.
#[derive(Debug)]
pub struct Namespaces {
    /// The context's namespace: tried where namespaces cannot be listed.
    default: Text,
    known: OnceCell<(Vec<Text>, bool)>,
}

impl Namespaces {
    /// Not asked for yet; `default` is the context's own.
    pub fn new(default: &str) -> Self {
        Self { default: default.into(), known: OnceCell::new() }
    }

    /// The namespaces to try, and whether they are all that there are.
    pub async fn get(&self, asker: &Asker) -> (Vec<Text>, bool) {
        // What could not be asked may be asked again by the next.
        let known = self.known.get_or_try_init(|| async { self.ask(asker).await.ok_or(()) }).await;
        known.map_or_else(|()| (vec![self.default.clone()], false), Clone::clone)
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
