//! The read-only guard: below the client, and above everything that can reach a server.
//!
//! Under an inspection no request leaves that is not a plain read. What is allowed is listed, so whatever
//! Kubernetes invents next is refused until somebody adds it here. The judgement is about the request as it
//! would leave, not about who made it: kube's own `create`, `exec` or `portforward` end here, too.

mod path;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod through_kube;

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, Method, Request, header};
use http_body::Body;
use tower::{BoxError, Layer, Service};

pub use path::Why;

use crate::text::Text;

/// A request that was not sent, because it is not a plain read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not sent: {method} {path}: {why}; an inspection only reads")]
pub struct Refused {
    /// The HTTP method.
    pub method: Text,
    /// The path, without its query.
    pub path: Text,
    /// The first rule that it broke.
    pub why: Why,
}

impl Refused {
    /// The refusal inside an error of kube's client, if that is what it is.
    pub fn within<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(refused) = error.downcast_ref() {
                return Some(refused);
            }
            cause = error.source();
        }
        None
    }
}

/// Headers that turn a GET into something else: another protocol, another method, or a body that the method hides.
const FORBIDDEN_HEADERS: [&str; 13] = [
    "upgrade",
    "http2-settings",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "x-stream-protocol-version",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "transfer-encoding",
    "content-encoding",
    "expect",
];

/// Judges `request`.
///
/// # Errors
/// The first rule that it breaks.
pub fn judge<B: Body>(request: &Request<B>) -> Result<(), Refused> {
    let verdict = || {
        if request.method() != Method::GET {
            return Err(Why::Method);
        }
        headers(request.headers())?;
        if request.body().size_hint().exact() != Some(0) {
            return Err(Why::Body);
        }
        // The server is the connection's, never the request's.
        if request.uri().authority().is_some() || request.uri().scheme().is_some() {
            return Err(Why::Address);
        }
        path::judge(request.uri().path())?;
        path::judge_query(request.uri().query().unwrap_or_default())
    };
    verdict().map_err(|why| Refused {
        method: request.method().as_str().into(),
        path: request.uri().path().into(),
        why,
    })
}

fn headers(headers: &HeaderMap) -> Result<(), Why> {
    if let Some(name) = FORBIDDEN_HEADERS.into_iter().find(|name| headers.contains_key(*name)) {
        return Err(Why::Header(name));
    }
    let is_upgrade =
        |value: &http::HeaderValue| value.as_bytes().to_ascii_lowercase().windows(7).any(|w| w == b"upgrade");
    if headers.get_all(header::CONNECTION).iter().any(is_upgrade) {
        return Err(Why::Header("connection"));
    }
    if headers.get_all(header::CONTENT_LENGTH).iter().any(|value| value.as_bytes() != b"0") {
        return Err(Why::Header("content-length"));
    }
    Ok(())
}

/// Puts the [`Guard`] around a service.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOnly;

impl<S> Layer<S> for ReadOnly {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner }
    }
}

/// A service that passes plain reads on, and answers everything else with [`Refused`].
#[derive(Debug, Clone)]
pub struct Guard<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for Guard<S>
where
    B: Body,
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Err(refused) = judge(&request) {
            tracing::warn!(%refused, "the guard refused a request");
            return Box::pin(std::future::ready(Err(refused.into())));
        }
        let answer = self.inner.call(request);
        Box::pin(async move { answer.await.map_err(Into::into) })
    }
}
