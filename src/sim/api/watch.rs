//! Watches: what has changed after a revision, as it changes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use http::{HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};

use super::path::Objects;
use super::read::{asked_revision, selector};
use super::selector::Selector;
use super::status::Refusal;
use super::{Answer, Asked, shown};
use crate::sim::state::ApiServer;
use crate::sim::store::page::Query;
use crate::sim::store::{Change, Object, Revision, set_revision};

/// How long a watch lasts whose client does not say: a real server takes 30 to 60 minutes.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// How often a watch that may have bookmarks gets one.
const BOOKMARKS: Duration = Duration::from_secs(60);

/// One watch.
struct Watch {
    server: Arc<ApiServer>,
    objects: Objects,
    selector: Selector,
    bookmarks: bool,
    changes: Receiver<Revision>,
    /// Everything up to here was told.
    told: Revision,
    waiting: VecDeque<Value>,
    next_bookmark: Instant,
    end: Instant,
    over: bool,
}

/// `GET` with `watch=1`.
pub(super) fn watch(server: &Arc<ApiServer>, asked: &Asked, path: &Objects) -> Answer {
    let timeout = asked.params.number("timeoutSeconds").map_err(Refusal::bad_request)?;
    let store = server.cluster.store();
    let mut watch = Watch {
        server: server.clone(),
        selector: selector(asked, path)?,
        bookmarks: asked.params.is_true("allowWatchBookmarks"),
        changes: store.changes(),
        told: store.revision(),
        waiting: VecDeque::new(),
        next_bookmark: Instant::now() + BOOKMARKS,
        end: Instant::now() + timeout.map_or(TIMEOUT, Duration::from_secs),
        over: false,
        objects: Objects {
            resource: path.resource,
            version: path.version,
            namespace: path.namespace.clone(),
            name: None,
            subresource: None,
        },
    };
    match asked_revision(asked)? {
        Some(revision) if revision > watch.told => {
            return Err(Refusal::too_large_revision(revision, watch.told));
        }
        Some(revision) => watch.told = revision,
        // Without a revision a watch begins with all that is there.
        None => {
            let query = Query { selector: watch.selector.clone(), ..Query::of(path.namespace.as_deref()) };
            for item in store.page(path.resource, &query).map_err(|_| Refusal::list_expired())?.items {
                let event = watch.event("ADDED", &item.value());
                watch.waiting.push_back(event);
            }
        }
    }
    drop(store);
    let lines = stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(format!("{event}\n")))), watch))
    });
    let mut response = Response::new(StreamBody::new(lines).boxed_unsync());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

impl Watch {
    /// The next event, or none when the watch is at its end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            self.collect();
            if !self.waiting.is_empty() {
                continue;
            }
            let alarm = if self.bookmarks { self.next_bookmark.min(self.end) } else { self.end };
            tokio::select! {
                changed = self.changes.changed() => self.over = changed.is_err(),
                () = sleep_until(alarm) => self.over = alarm == self.end,
            }
            if self.bookmarks && (self.over || Instant::now() >= self.next_bookmark) {
                self.collect();
                self.next_bookmark = Instant::now() + BOOKMARKS;
                let bookmark = json!({ "metadata": { "resourceVersion": self.told.to_string(), "creationTimestamp": null } });
                let event = self.event("BOOKMARK", &bookmark);
                self.waiting.push_back(event);
            }
        }
    }

    /// Puts what has changed since into the queue.
    fn collect(&mut self) {
        self.changes.mark_unchanged();
        let server = self.server.clone();
        let store = server.cluster.store();
        match store.since(self.objects.resource, self.told) {
            Ok(changes) => {
                self.told = store.revision();
                for change in changes {
                    self.waiting.extend(self.tell(&change));
                }
            }
            Err(_) => {
                let refusal = Refusal::watch_expired(self.told, store.revision());
                self.waiting.push_back(json!({ "type": "ERROR", "object": refusal.to_value() }));
                self.over = true;
            }
        }
    }

    /// The event that a change is to this watch: one whose object no longer fulfils the selector is a deletion.
    fn tell(&self, change: &Change) -> Option<Value> {
        let wanted = |object: &Option<Object>| {
            let object = object.clone()?;
            let namespace = self.objects.namespace.as_ref();
            let here = namespace.is_none_or(|namespace| *namespace == change.key.namespace);
            (here && self.selector.takes(&object)).then_some(object)
        };
        match (wanted(&change.before), wanted(&change.after)) {
            (None, None) => None,
            (None, Some(after)) => Some(self.event("ADDED", &after)),
            (Some(_), Some(after)) => Some(self.event("MODIFIED", &after)),
            (Some(before), None) => {
                let mut last = Value::clone(change.after.as_ref().unwrap_or(&before));
                set_revision(&mut last, change.revision);
                Some(self.event("DELETED", &last))
            }
        }
    }

    fn event(&self, kind: &str, object: &Value) -> Value {
        json!({ "type": kind, "object": shown(object, &self.objects) })
    }
}
