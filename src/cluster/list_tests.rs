//! Lists against a server that answers as it is told.

use std::sync::Mutex;

use http::{Request, Response, StatusCode};
use kube::client::{Body, Client};

use super::super::pulse::Pulse;
use super::super::what;
use super::*;
use crate::evidence::objects::Pod;

/// A lister of pods whose requests get the next answer that their path has: a status, names, and whether more follow.
fn lister(answers: &[(&str, u16, &[&str], bool)]) -> (Lister<Pod>, watch::Receiver<Listing<Pod>>) {
    type Answer = (String, u16, String);
    let answer = |(path, status, names, more): &(&str, u16, &[&str], bool)| -> Answer {
        let namespace = path.split('/').nth(4).unwrap_or("shop");
        let items: Vec<_> = names
            .iter()
            .map(|name| serde_json::json!({ "metadata": { "name": name, "namespace": namespace } }))
            .collect();
        let metadata =
            serde_json::json!({ "resourceVersion": "7", "continue": if *more { "next" } else { "" } });
        let list = serde_json::json!({ "kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items });
        ((*path).to_owned(), *status, list.to_string())
    };
    let left = Arc::new(Mutex::new(answers.iter().map(answer).collect::<Vec<_>>()));
    let service = tower::service_fn(move |request: Request<Body>| {
        let mut left = left.lock().unwrap();
        let at = left.iter().position(|(path, ..)| path == request.uri().path());
        let (_, status, body) = left.remove(at.unwrap_or_else(|| panic!("{} again", request.uri())));
        let answer = Response::builder()
            .status(StatusCode::from_u16(status).unwrap())
            .header("content-type", "application/json")
            .body(http_body_util::Full::new(bytes::Bytes::from(body)));
        std::future::ready(Ok::<_, std::convert::Infallible>(answer.unwrap()))
    });
    let pulse = Pulse::default();
    // A first "forbidden" is not waited for.
    pulse.forbidden_confirmed();
    let asker = Asker::direct(Client::new(service, "default"), "x".into(), pulse);
    let gate = Arc::new(Semaphore::new(1));
    Lister::new(what::pods(), asker, gate, Arc::new(Namespaces::new("default")))
}

fn names(listing: &watch::Receiver<Listing<Pod>>) -> Vec<String> {
    listing.borrow().iter().map(|pod| pod.metadata.name.to_string()).collect()
}

#[tokio::test]
async fn a_list_that_fails_twice_stays_incomplete() {
    let pods = "/api/v1/pods";
    let (mut lister, listing) = lister(&[
        (pods, 200, &["a", "b"], true),
        (pods, 401, &[], false),
        (pods, 401, &[], false),
        (pods, 200, &["a", "b", "c"], false),
        (pods, 401, &[], false),
    ]);
    for _ in 0..2 {
        assert_eq!(lister.list().await, None);
        assert_eq!(names(&listing), ["a", "b"]);
        let listing = listing.borrow();
        assert!(!listing.is_complete() && listing.stale_since.is_none());
        assert!(listing.unread[0].message.contains("read up to then: 2"), "{:?}", listing.unread);
    }
    assert_eq!(lister.list().await.as_deref(), Some("7"));
    assert!(listing.borrow().is_complete());
    // What was whole once stands for a read that fails, but is not said to be known now.
    assert_eq!(lister.list().await, None);
    assert_eq!(names(&listing), ["a", "b", "c"]);
    let listing = listing.borrow();
    assert!(!listing.is_complete() && listing.unread.is_empty() && listing.stale_since.is_some());
    assert!(listing.gaps()[0].to_string().starts_with("watch pods: unreachable (not kept up to date since "));
}

#[tokio::test]
async fn pages_that_expire_in_one_namespace_begin_that_one_again_and_no_other() {
    let of = |namespace: &str| format!("/api/v1/namespaces/{namespace}/pods");
    let (a, b) = (of("a"), of("b"));
    let (mut lister, listing) = lister(&[
        ("/api/v1/pods", 403, &[], false),
        ("/api/v1/namespaces", 200, &["a", "b"], false),
        (&a, 200, &["a1", "a2"], false),
        (&b, 200, &["b0"], true),
        (&b, 410, &[], false),
        (&b, 200, &["b1"], true),
        (&b, 200, &["b2"], false),
    ]);
    assert_eq!(lister.list().await, None);
    // b0 was of the list that expired.
    assert_eq!(names(&listing), ["a1", "a2", "b1", "b2"]);
    assert!(listing.borrow().is_complete(), "{:?}", listing.borrow().unread);
}

#[test]
fn a_watch_that_ends_at_once_is_asked_for_ever_more_seldom() {
    let mut failures = 0;
    let pauses: Vec<_> = (0..6).map(|_| resume_after(Duration::ZERO, &mut failures).as_secs()).collect();
    assert_eq!(pauses, [1, 3, 10, 30, 30, 30]);
    // The usual end, after minutes.
    assert!(resume_after(Duration::from_secs(WATCH_SECONDS), &mut failures) < BACKOFF[0]);
    assert_eq!(resume_after(Duration::ZERO, &mut failures), BACKOFF[0]);
}
