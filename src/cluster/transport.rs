//! The way from the guard to the wire: adds the credentials that count now, and follows their renewal.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use jiff::Timestamp;
use kube::client::{Body, Client};
use tokio::sync::Mutex;
use tower::{BoxError, Service};

use super::client::with_identity;
use super::credentials::{Authorizer, Grant, PATIENCE};
use crate::text::Text;

/// The answers 401 to one question, after each of which it left again with other credentials. Whoever asks puts one into
/// the request's extensions, and so learns of requests that left without its doing.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Arc<std::sync::Mutex<Vec<Refusal>>>);

/// An answer 401.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// When its head arrived.
    pub(super) at: Timestamp,
    /// The same, to count from.
    pub(super) instant: Instant,
    /// The answer's `Audit-Id`.
    pub(super) audit_id: Option<Text>,
}

impl Refusals {
    /// Those so far.
    pub(super) fn take(&self) -> Vec<Refusal> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, answer: &Response<Body>) {
        let audit_id = answer.headers().get("audit-id").and_then(|value| value.to_str().ok()).map(Text::from);
        let refusal = Refusal { at: Timestamp::now(), instant: Instant::now(), audit_id };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(refusal);
    }
}

/// kube's stack for one server, with the session's credentials. When the client certificate changes it is built anew,
/// so that no connection made with the old one is used again.
#[derive(Clone)]
pub(super) struct Transport(Arc<Inner>);

struct Inner {
    config: kube::Config,
    authorizer: Authorizer,
    stack: Mutex<Option<Stack>>,
}

struct Stack {
    /// That of the [`Grant`] whose certificate it has.
    generation: u64,
    /// Without a guard, and so never given away.
    client: Client,
}

impl Transport {
    /// A transport for the server of `config`, which has no credentials in it.
    pub(super) fn new(config: kube::Config, authorizer: Authorizer) -> Self {
        Self(Arc::new(Inner { config, authorizer, stack: Mutex::new(None) }))
    }

    /// Builds the stack, so that a bad certificate or key is said now and not at the first request.
    pub(super) async fn prepare(&self) -> Result<(), kube::Error> {
        match self.0.authorizer.grant().await {
            Ok(grant) => self.0.client(&grant).await.map(drop),
            // Said at the first request, too, and perhaps better by then.
            Err(_) => Ok(()),
        }
    }
}

impl Inner {
    async fn client(&self, grant: &Grant) -> Result<Client, kube::Error> {
        let mut stack = self.stack.lock().await;
        if let Some(stack) = stack.as_ref().filter(|stack| stack.generation == grant.generation) {
            return Ok(stack.client.clone());
        }
        let client = Client::try_from(with_identity(self.config.clone(), grant.identity.as_deref()))?;
        *stack = Some(Stack { generation: grant.generation, client: client.clone() });
        Ok(client)
    }

    async fn send(&self, mut request: Request<Body>, grant: &Grant) -> Result<Response<Body>, kube::Error> {
        if let Some(value) = &grant.header {
            request.headers_mut().insert(header::AUTHORIZATION, value.clone());
        }
        self.client(grant).await?.send(request).await
    }

    async fn ask(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let again = repeatable(&request);
        let refusals = request.extensions().get::<Refusals>().cloned().unwrap_or_default();
        let grant = self.authorizer.grant_within(PATIENCE).await?;
        let answer = self.send(request, &grant).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            self.authorizer.accepted(&grant);
        } else if let Some(again) = again {
            // Noted before the renewal, which whoever asks may not wait for.
            refusals.note(&answer);
            if let Some(grant) = self.authorizer.instead_of(&grant).await {
                let answer = self.send(again, &grant).await?;
                if answer.status() != StatusCode::UNAUTHORIZED {
                    self.authorizer.accepted(&grant);
                }
                return Ok(answer);
            }
            // It is the answer, and not one before it.
            refusals.take();
        }
        Ok(answer)
    }
}

/// `request` once more, if asking twice is as asking once.
fn repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    if request.method() != Method::GET || request.body().size_hint().exact() != Some(0) {
        return None;
    }
    let mut again = Request::new(Body::empty());
    *again.uri_mut() = request.uri().clone();
    *again.version_mut() = request.version();
    *again.headers_mut() = request.headers().clone();
    *again.extensions_mut() = request.extensions().clone();
    Some(again)
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // The stack below is a pool of connections, which is always ready to make another.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.ask(request).await })
    }
}
