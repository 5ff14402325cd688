//! The few objects that are read by name: ConfigMaps of kube-system, and the namespace itself for its UID.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::ask::Asker;
use crate::evidence::objects::{ConfigMap, ManagedObject};
use crate::evidence::{CONFIG_MAPS, Reading, Reason, Stamp, Unread};
use crate::redact::redact;
use crate::text::{Document, Text};

/// The most of one object that is read, in bytes: etcd takes 1.5 MiB.
const MAX: usize = 8 << 20;

/// How soon what nobody answered is asked again: long before a reader's usual time.
const AGAIN: Duration = Duration::from_secs(5);

/// What was read by name.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// The UID of the namespace kube-system.
    pub uid: Option<Text>,
    /// Why there is none.
    pub uid_unread: Option<Unread>,
    /// See [`CONFIG_MAPS`].
    pub config_maps: BTreeMap<Text, Reading<ConfigMap>>,
}

/// The ends through which [`run`] publishes; until then everything is pending.
pub fn channel() -> (watch::Sender<Named>, watch::Receiver<Named>) {
    let pending = |name| {
        let unread =
            Unread::new("get", "configmaps", Reason::Pending, "").in_namespace("kube-system").of(name);
        (Text::new(name), Reading::Unread(unread))
    };
    watch::channel(Named {
        uid: None,
        uid_unread: None,
        config_maps: CONFIG_MAPS.into_iter().map(pending).collect(),
    })
}

/// Reads everything once, and again `every` so often, if that is given.
pub async fn run(
    out: watch::Sender<Named>,
    asker: Asker,
    mut refresh: watch::Receiver<u64>,
    every: Option<Duration>,
) {
    loop {
        let namespace: Reading<ManagedObject> =
            get(&asker, "/api/v1/namespaces/kube-system", "namespaces", "kube-system").await;
        out.send_modify(|named| match namespace {
            Reading::Read { value, .. } => {
                named.uid = Some(value.metadata.uid).filter(|uid| !uid.is_empty());
                named.uid_unread = None;
            }
            // A namespace keeps its UID: what is known stays so.
            Reading::Unread(_) if named.uid.is_some() => {}
            Reading::Unread(unread) => named.uid_unread = Some(Unread { namespace: None, ..unread }),
        });
        let mut unanswered = false;
        for name in CONFIG_MAPS {
            let path = format!("/api/v1/namespaces/kube-system/configmaps/{name}");
            let reading = without_secrets(get(&asker, &path, "configmaps", name).await);
            unanswered |= is_passing(&reading);
            out.send_modify(|named| keep_newest(named.config_maps.entry(name.into()), reading));
            asker.pulse().touch();
        }
        let Some(every) = every else { return };
        tokio::select! {
            () = tokio::time::sleep(if unanswered { every.min(AGAIN) } else { every }) => {}
            changed = refresh.changed() => if changed.is_err() { return },
            () = out.closed() => return,
        }
    }
}

/// A reading that fails because nobody answers does not replace an older one that succeeded: its stamp says how old it is.
fn keep_newest(
    entry: std::collections::btree_map::Entry<'_, Text, Reading<ConfigMap>>,
    reading: Reading<ConfigMap>,
) {
    match entry {
        std::collections::btree_map::Entry::Occupied(old)
            if is_passing(&reading) && old.get().value().is_some() => {}
        std::collections::btree_map::Entry::Occupied(mut old) => {
            old.insert(reading);
        }
        std::collections::btree_map::Entry::Vacant(place) => {
            place.insert(reading);
        }
    }
}

/// Whether nobody answered, which says nothing about what was asked for.
fn is_passing(reading: &Reading<ConfigMap>) -> bool {
    matches!(reading, Reading::Unread(u) if matches!(u.reason, Reason::Unreachable | Reason::TimedOut))
}

async fn get<T: DeserializeOwned>(asker: &Asker, path: &str, resource: &str, name: &str) -> Reading<T> {
    let unread = |unread: Unread| Reading::Unread(unread.in_namespace("kube-system").of(name));
    match asker.ask_whole(path, "application/json", MAX).await {
        Ok((body, at)) => match serde_json::from_slice(&body) {
            Ok(value) => Reading::Read { stamp: Stamp { at, how: format!("GET {path}").into() }, value },
            Err(_) => unread(
                Unread::new("get", resource, Reason::Malformed, "the answer is not of that kind").at(at),
            ),
        },
        Err(failure) => unread(failure.unread("get", resource)),
    }
}

/// Masks secrets where they come in, so that what is judged live and what is judged from a recording is the same.
fn without_secrets(reading: Reading<ConfigMap>) -> Reading<ConfigMap> {
    match reading {
        Reading::Read { stamp, mut value } => {
            for document in value.data.values_mut() {
                if let std::borrow::Cow::Owned(masked) = redact(document) {
                    *document = Document::new(&masked);
                }
            }
            Reading::Read { stamp, value }
        }
        unread @ Reading::Unread(_) => unread,
    }
}
