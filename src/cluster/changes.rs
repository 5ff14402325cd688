//! The one client that changes something: it needs the permit of an open journal, and lets nothing pass but the
//! requests that steps consist of.

use std::time::Duration;

use futures::future::BoxFuture;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Limited};
use kube::client::{Body, Client};

use super::client::{ConnectError, Connection};
use super::failure::Failure;
use crate::actions::drain::requests::Change;
use crate::actions::journal::Permit;
use crate::actions::ports::{Answer, Changes};

/// How long an answer may take, its body too.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The most of an answer that is read, in bytes: a Node is smaller.
const MAX_ANSWER: usize = 4 << 20;

/// Sends changes to the cluster's entry.
pub struct Changer(Client);

impl Changer {
    /// For whoever holds a permit.
    ///
    /// # Errors
    /// What is wrong with the connection.
    pub async fn new(connection: &Connection, _: &Permit) -> Result<Self, ConnectError> {
        connection.changing().await.map(Self)
    }

    async fn once(&self, change: &Change) -> Result<Answer, String> {
        let request = request(change)?;
        let answer =
            self.0.send(request).await.map_err(|error| Failure::of_client(&error).message.to_string())?;
        let status = answer.status().as_u16();
        let retry_after = answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let content_type = answer.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        // The head is the answer: a body that breaks off takes nothing back.
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let message = if status < 300 {
            crate::text::Text::default()
        } else {
            Failure::of_answer(status, &content_type, &body).message
        };
        Ok(Answer { status, message, retry_after })
    }
}

impl Changes for Changer {
    fn send<'a>(&'a self, change: &'a Change) -> BoxFuture<'a, Result<Answer, String>> {
        Box::pin(async move {
            match tokio::time::timeout(TIMEOUT, self.once(change)).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
            }
        })
    }
}

fn request(change: &Change) -> Result<Request<Body>, String> {
    let content = if change.method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    Request::builder()
        .method(change.method)
        .uri(&change.path)
        .header(header::CONTENT_TYPE, content)
        .header(header::ACCEPT, "application/json")
        .body(Body::from(change.body.clone().into_bytes()))
        .map_err(|error| error.to_string())
}

/// Whether a request is one that a step consists of: a merge patch of one Node, or the eviction of one pod.
pub(super) fn is_a_steps(method: &Method, path: &str, query: Option<&str>) -> bool {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let named = |name: &str| !name.is_empty() && name != "." && name != "..";
    match (method, parts.as_slice()) {
        _ if query.is_some() => false,
        (&Method::PATCH, ["api", "v1", "nodes", node]) => named(node),
        (&Method::POST, ["api", "v1", "namespaces", namespace, "pods", pod, "eviction"]) => {
            named(namespace) && named(pod)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::drain::{PodRef, requests};

    #[test]
    fn only_what_steps_consist_of_may_pass() {
        let passes = |method: Method, path: &str| is_a_steps(&method, path, None);
        let pod = PodRef { namespace: "shop".into(), name: "web-1".into(), uid: "u".into() };
        for change in [requests::cordon("w1", "me"), requests::uncordon("w1"), requests::evict(&pod)] {
            let request = request(&change).unwrap();
            assert!(is_a_steps(request.method(), request.uri().path(), request.uri().query()), "{change}");
        }
        assert!(!passes(Method::DELETE, "/api/v1/nodes/w1"));
        assert!(!passes(Method::PATCH, "/api/v1/nodes/w1/status"));
        assert!(!passes(Method::PATCH, "/api/v1/nodes/"));
        assert!(!passes(Method::POST, "/api/v1/namespaces/shop/pods"));
        assert!(!passes(Method::POST, "/api/v1/namespaces/shop/pods/web-1/exec"));
        assert!(!passes(Method::POST, "/api/v1/namespaces/shop/pods/../eviction"));
        assert!(!is_a_steps(&Method::PATCH, "/api/v1/nodes/w1", Some("force=true")));
    }

    #[test]
    fn names_stay_one_segment() {
        let pod = PodRef { namespace: "a/../b".into(), name: "x?y".into(), uid: "u".into() };
        assert_eq!(requests::evict(&pod).path, "/api/v1/namespaces/a%2F..%2Fb/pods/x%3Fy/eviction");
    }
}
