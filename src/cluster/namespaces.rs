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
        self.known.get_or_init(|| self.ask(asker)).await.clone()
    }

    async fn ask(&self, asker: &Asker) -> (Vec<Text>, bool) {
        let only_default = || (vec![self.default.clone()], false);
        let path = format!("/api/v1/namespaces?limit={MAX_TRIED}");
        let Ok((body, _)) = asker.ask_whole(&path, Wire::Json.accept(), 8 << 20).await else {
            return only_default();
        };
        let mut names = Vec::new();
        let mut decoder = ListDecoder::<ManagedObject>::new(Wire::Json, &schema::OBJECT);
        if decoder.push(&body, &mut |namespace| names.push(namespace.metadata.name)).is_err() {
            return only_default();
        }
        decoder.finish().map_or_else(|_| only_default(), |meta| (names, meta.continue_token.is_none()))
    }
}
