//! One kind of objects: listed page by page, decoded as it streams, then watched by the same decoder.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::ask::{Answer, Asker};
use super::failure::Failure;
use super::namespaces::Namespaces;
use super::store::{Draft, Store};
use super::what::What;
use super::wire::{DecodeError, ListDecoder, ListMeta, WatchDecoder, WatchEvent, Wire};
use crate::evidence::objects::Object;
use crate::evidence::{Listing, Progress, Reason, Unread};
use crate::percent;
use crate::text::Text;

/// Objects a page. The server reads and encodes a page at once, so it bounds what one request costs it.
const PAGE: usize = 500;

/// How often a listing is published at most while it changes: each time it is judged and drawn.
const PUBLISH_EVERY: Duration = Duration::from_millis(150);

/// How long one watch lasts, in seconds, before it is asked for again.
const WATCH_SECONDS: u64 = 290;

/// How often a listing is read again that cannot be watched, for only some namespaces are allowed.
const REREAD_EVERY: Duration = Duration::from_secs(60);

/// The pauses after a failed list or watch; the last one repeats.
const BACKOFF: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10), Duration::from_secs(30)];

/// How often a page is asked for again whose answer broke off.
const MAX_BROKEN: usize = 2;

/// A watch that lasted so long was a good one, however it ended.
const STEADY: Duration = Duration::from_secs(5);

/// How often a list begins again within one read, because its pages expired (410).
const MAX_RESTARTS: usize = 3;

/// Lists and watches one kind.
pub struct Lister<T> {
    what: What,
    asker: Asker,
    gate: Arc<Semaphore>,
    namespaces: Arc<Namespaces>,
    out: watch::Sender<Listing<T>>,
    store: Store<T>,
    draft: Draft,
    published: Option<Instant>,
}

/// Why a watch ended.
enum WatchEnd {
    /// It can go on from where it was.
    Resume,
    /// The listing must be read again.
    Relist,
    /// It failed.
    Failed(Failure),
}

impl<T: Object + DeserializeOwned + Send + Sync + 'static> Lister<T> {
    /// A lister of `what`, which has `gate`'s permit for every page, and the end where it publishes.
    pub fn new(
        what: What,
        asker: Asker,
        gate: Arc<Semaphore>,
        namespaces: Arc<Namespaces>,
    ) -> (Self, watch::Receiver<Listing<T>>) {
        let draft = Draft::new(&what.resource, &what.how());
        let (out, listing) = watch::channel(Listing::waiting(&what.resource));
        (
            Self { what, asker, gate, namespaces, out, store: Store::default(), draft, published: None },
            listing,
        )
    }

    /// Lists once, to the end or to what stops it.
    pub async fn once(mut self) {
        self.list().await;
    }

    /// Lists, then watches for as long as somebody looks; `refresh` makes it list again.
    pub async fn follow(mut self, mut refresh: watch::Receiver<u64>) {
        let mut failures = 0;
        while !self.out.is_closed() {
            refresh.mark_unchanged();
            let pause = match self.list().await {
                Some(version) => {
                    let began = Instant::now();
                    self.watch(version, &mut refresh).await;
                    // A server whose watches end at once must not be listed again at once, for ever.
                    if began.elapsed() > STEADY || refresh.has_changed().unwrap_or(true) {
                        failures = 0;
                        continue;
                    }
                    if self.draft.unwatched.is_some() { REREAD_EVERY } else { backoff(&mut failures) }
                }
                None if self.draft.unread.is_empty() && self.draft.stale_since.is_none() => REREAD_EVERY,
                None => backoff(&mut failures),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                changed = refresh.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Lists all there is, and gives the resourceVersion to watch from. `None`: it cannot be watched, for it was
    /// not read, or only in some namespaces.
    async fn list(&mut self) -> Option<String> {
        // Only what was whole may stand for a read that fails: anything less must go on saying what it lacks.
        let whole_before =
            self.draft.progress == Progress::Done && self.draft.unread.is_empty() && self.draft.at.is_some();
        let mut fresh = Store::default();
        let outcome = self.list_in(self.what.namespace, &mut fresh, !whole_before).await;
        let version = match outcome {
            Ok(version) => {
                self.draft.unread.clear();
                Some(version)
            }
            Err(failure) if whole_before && failure.takes_nothing_back() => {
                self.draft.stale_since.get_or_insert(self.asker.pulse().now());
                self.publish();
                return None;
            }
            Err(failure)
                if failure.status == Some(403) && self.what.namespaced && self.what.namespace.is_none() =>
            {
                self.draft.unread = self.list_by_namespace(&mut fresh, &failure).await;
                None
            }
            Err(failure) => {
                let mut unread = failure.unread("list", &self.what.resource);
                unread.namespace = self.what.namespace.map(Text::from);
                if failure.takes_nothing_back() && fresh.len() < self.store.len() {
                    fresh = std::mem::take(&mut self.store);
                }
                if !fresh.is_empty() {
                    unread.message = format!("{}; read up to then: {}", unread.message, fresh.len()).into();
                }
                self.draft.unread = vec![unread];
                None
            }
        };
        self.store = fresh;
        self.draft.progress = Progress::Done;
        self.draft.stale_since = None;
        self.publish();
        version
    }

    /// Lists in `namespace` (or over all) into `fresh`, showing it as it grows if nothing older can be shown.
    async fn list_in(
        &mut self,
        namespace: Option<&str>,
        fresh: &mut Store<T>,
        show: bool,
    ) -> Result<String, Failure> {
        let mut restarts = 0;
        let mut token = String::new();
        loop {
            match self.page(namespace, &token, fresh, show).await {
                Ok(ListMeta { continue_token: None, resource_version, .. }) => {
                    return Ok(resource_version.to_string());
                }
                Ok(ListMeta { continue_token: Some(next), remaining, .. }) => {
                    let seen = fresh.len();
                    if show {
                        let of =
                            remaining.and_then(|rest| usize::try_from(rest).ok()).map(|rest| seen + rest);
                        self.draft.progress = Progress::Reading { seen, of };
                        self.show(fresh);
                    }
                    // A proxy that does not look at the query would be asked for ever.
                    if next == token.as_str() {
                        let message =
                            "the same page came again: something between caches without looking at the query";
                        return Err(Failure::new(Reason::Malformed, message));
                    }
                    token = next.to_string();
                }
                // The snapshot that the pages come from was compacted away: only a new one is consistent.
                Err(failure) if failure.is_expired() && restarts < MAX_RESTARTS => {
                    restarts += 1;
                    token.clear();
                    *fresh = Store::default();
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Reads one page.
    async fn page(
        &mut self,
        namespace: Option<&str>,
        token: &str,
        fresh: &mut Store<T>,
        show: bool,
    ) -> Result<ListMeta, Failure> {
        let mut path = format!("{}?limit={PAGE}", self.what.path(namespace));
        if !self.what.selector.is_empty() {
            path.push_str("&labelSelector=");
            path.push_str(self.what.selector);
        }
        if !token.is_empty() {
            path.push_str("&continue=");
            path.push_str(&percent::encoded(token));
        }
        let _permit = Arc::clone(&self.gate)
            .acquire_owned()
            .await
            .map_err(|error| Failure::new(Reason::Unreachable, &error.to_string()))?;
        let mut broken = 0;
        loop {
            let answer = self.asker.ask(&path, self.what.wire.accept()).await?;
            match self.take_page(answer, fresh, show).await {
                // An answer that breaks off is asked for again: what came of it is only put in once more.
                Err(failure) if failure.is_passing() && broken < MAX_BROKEN => {
                    broken += 1;
                    tokio::time::sleep(PUBLISH_EVERY).await;
                }
                done => return done,
            }
        }
    }

    /// Decodes a page as it comes.
    async fn take_page(
        &mut self,
        mut answer: Answer,
        fresh: &mut Store<T>,
        show: bool,
    ) -> Result<ListMeta, Failure> {
        let mut decoder = ListDecoder::<T>::new(wire_of(&answer)?, self.what.schema);
        while let Some(chunk) = answer.chunk().await? {
            decoder.push(&chunk, &mut |object| fresh.put(object)).map_err(|error| undecodable(&error))?;
            self.draft.at = Some(self.asker.pulse().now());
            if show {
                if let Progress::Waiting = self.draft.progress {
                    self.draft.progress = Progress::Reading { seen: 0, of: None };
                }
                self.show(fresh);
            }
        }
        self.draft.at = Some(self.asker.pulse().now());
        decoder.finish().map_err(|error| undecodable(&error))
    }

    /// Reads namespace by namespace, after a list over all was refused, and says what is still not read.
    async fn list_by_namespace(&mut self, fresh: &mut Store<T>, refused: &Failure) -> Vec<Unread> {
        let (namespaces, all) = self.namespaces.get(&self.asker).await;
        let (mut read, mut missing) = (Vec::new(), Vec::new());
        for namespace in &namespaces {
            // A store of its own: a page that expires begins this namespace again, and no other.
            let mut own = Store::default();
            match self.list_in(Some(namespace), &mut own, false).await {
                Ok(_) => read.push(namespace.to_string()),
                Err(failure) => {
                    missing.push(failure.unread("list", &self.what.resource).in_namespace(namespace));
                }
            }
            fresh.merge(own);
        }
        if all && missing.is_empty() {
            return Vec::new();
        }
        let mut unread = refused.unread("list", &self.what.resource);
        if read.is_empty() {
            return vec![unread];
        }
        unread.message = format!("{}; read only in {}", unread.message, read.join(", ")).into();
        missing.insert(0, unread);
        missing
    }

    /// Watches from `version` until the listing must be read again.
    async fn watch(&mut self, version: String, refresh: &mut watch::Receiver<u64>) {
        let mut version = version;
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let pause = match self.watch_once(&mut version, refresh).await {
                WatchEnd::Relist => return,
                WatchEnd::Resume => resume_after(began.elapsed(), &mut failures),
                // What may be listed and not watched is read from time to time.
                WatchEnd::Failed(failure) if failure.status == Some(403) => {
                    let every =
                        format!("{}; read every {} s instead", failure.message, REREAD_EVERY.as_secs());
                    let mut unread = failure.unread("watch", &self.what.resource);
                    unread.namespace = self.what.namespace.map(Text::from);
                    unread.message = every.into();
                    self.draft.unwatched = Some(unread);
                    self.publish();
                    return;
                }
                WatchEnd::Failed(failure) if failure.is_passing() => {
                    self.draft.stale_since.get_or_insert(self.asker.pulse().now());
                    self.publish();
                    backoff(&mut failures)
                }
                // Whatever it is, a list will say it, or mend it.
                WatchEnd::Failed(_) => {
                    tokio::time::sleep(backoff(&mut failures)).await;
                    return;
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = refresh.changed() => {
                    refresh.mark_changed();
                    return;
                }
                () = self.out.closed() => return,
            }
        }
    }

    async fn watch_once(&mut self, version: &mut String, refresh: &mut watch::Receiver<u64>) -> WatchEnd {
        let mut path = format!(
            "{}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}",
            self.what.path(self.what.namespace),
            percent::encoded(version)
        );
        if !self.what.selector.is_empty() {
            path.push_str("&labelSelector=");
            path.push_str(self.what.selector);
        }
        let answer = match self.asker.ask(&path, self.what.wire.accept_watch()).await {
            Ok(answer) => answer,
            Err(failure) if failure.is_expired() => return WatchEnd::Relist,
            Err(failure) => return WatchEnd::Failed(failure),
        };
        let wire = match wire_of(&answer) {
            Ok(wire) => wire,
            Err(failure) => return WatchEnd::Failed(failure),
        };
        if self.draft.stale_since.take().is_some() | self.draft.unwatched.take().is_some() {
            self.publish();
        }
        let mut answer = answer.as_watch(Duration::from_secs(WATCH_SECONDS + 20));
        let mut decoder = WatchDecoder::<T>::new(wire, self.what.schema);
        let mut publish_at: Option<Instant> = None;
        loop {
            let due = publish_at.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            let chunk = tokio::select! {
                chunk = answer.chunk() => chunk,
                () = tokio::time::sleep_until(due) => {
                    publish_at = None;
                    self.publish();
                    continue;
                }
                _ = refresh.changed() => {
                    refresh.mark_changed();
                    return WatchEnd::Relist;
                }
                () = self.out.closed() => return WatchEnd::Relist,
            };
            let end = match chunk {
                Ok(Some(chunk)) => {
                    let before = self.draft.at;
                    let end = self.take_in(&mut decoder, &chunk, version);
                    if self.draft.at != before {
                        publish_at.get_or_insert_with(|| Instant::now() + PUBLISH_EVERY);
                    }
                    end
                }
                Ok(None) => Some(WatchEnd::Resume),
                Err(failure) => Some(WatchEnd::Failed(failure)),
            };
            if let Some(end) = end {
                self.publish();
                return end;
            }
        }
    }

    /// Applies the events of a chunk, and says if they end the watch.
    fn take_in(
        &mut self,
        decoder: &mut WatchDecoder<T>,
        chunk: &[u8],
        version: &mut String,
    ) -> Option<WatchEnd> {
        let (store, draft, now) = (&mut self.store, &mut self.draft, self.asker.pulse().now());
        let mut end = None;
        let decoded = decoder.push(chunk, &mut |event| {
            if let WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object) =
                &event
            {
                object.resource_version().clone_into(version);
                draft.at = Some(now);
            }
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => store.put(object),
                WatchEvent::Deleted(object) => store.remove(&object),
                WatchEvent::Bookmark { resource_version } => {
                    *version = resource_version.to_string();
                    draft.at = Some(now);
                }
                // Mostly 410: the version to watch from is gone.
                WatchEvent::Error(_) => end = Some(WatchEnd::Relist),
            }
        });
        match decoded {
            Ok(()) => end,
            Err(error) => Some(WatchEnd::Failed(undecodable(&error))),
        }
    }

    /// Publishes a list in the making, not too often.
    fn show(&mut self, fresh: &Store<T>) {
        let due = self.published.is_none_or(|at| at.elapsed() >= PUBLISH_EVERY);
        if due && !fresh.is_empty() {
            self.published = Some(Instant::now());
            if let Progress::Reading { of, .. } = self.draft.progress {
                self.draft.progress = Progress::Reading { seen: fresh.len(), of };
            }
            self.out.send_replace(self.draft.listing(fresh));
            self.asker.pulse().touch();
        }
    }

    fn publish(&mut self) {
        self.published = Some(Instant::now());
        self.out.send_replace(self.draft.listing(&self.store));
        self.asker.pulse().touch();
    }
}

/// The pause after a watch that ended well and lasted so long. Something on the way that ends each watch at once must
/// not be asked ten times a second for ever.
fn resume_after(lasted: Duration, failures: &mut usize) -> Duration {
    if lasted <= STEADY {
        return backoff(failures);
    }
    *failures = 0;
    Duration::from_millis(100)
}

fn backoff(failures: &mut usize) -> Duration {
    let pause = BACKOFF.get(*failures).or(BACKOFF.last()).copied().unwrap_or(REREAD_EVERY);
    *failures += 1;
    pause
}

fn wire_of(answer: &Answer) -> Result<Wire, Failure> {
    Wire::of_content_type(&answer.content_type).ok_or_else(|| {
        let message = format!("the answer is of type '{}', which is not Kubernetes'", answer.content_type);
        Failure::new(Reason::Malformed, &message)
    })
}

fn undecodable(error: &DecodeError) -> Failure {
    match error {
        DecodeError::Status(status) => Failure::of_kubernetes_status(status),
        other => Failure::new(Reason::Malformed, &other.to_string()),
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
