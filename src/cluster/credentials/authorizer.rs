//! The credentials of one session: obtained once, renewed when they expire or a server refuses them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use http::HeaderValue;
use jiff::Timestamp;
use tokio::sync::watch;

use super::command::CommandLine;
use super::desk::Desk;
use super::obtain::{Fresh, Obtaining};
use super::{Credential, CredentialError};
use crate::cluster::environment::Environment;
use crate::cluster::kubeconfig::{Choice, Identity, Origin, Resolved, resolve};
use crate::evidence::Credentials;

/// How long after a renewal that did not help, or failed, the next one waits. One failing plugin must not run for
/// each of a hundred requests.
const PAUSE: Duration = Duration::from_secs(30);

/// How long a request waits for a renewal. Less than what a question may take in all, so that a login in a browser
/// is not taken for a server that does not answer; the renewal goes on.
pub(in crate::cluster) const PATIENCE: Duration = Duration::from_secs(15);

/// After a failure that only a person can mend: until [`Authorizer::renew`]. A year is as good as for ever, and
/// within what every clock can add.
const UNTIL_ASKED: Duration = Duration::from_secs(365 * 24 * 3600);

/// Credentials as they are sent.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    /// Counts up with each renewal.
    pub serial: u64,
    /// The `Authorization` header; marked sensitive.
    pub header: Option<HeaderValue>,
    /// The client certificate.
    pub identity: Option<Arc<Identity>>,
    /// Counts up with each other client certificate: a connection made with an earlier one is not used again.
    pub generation: u64,
    /// When it is to be renewed, if that is known.
    pub expires: Option<Timestamp>,
}

impl Grant {
    fn is_expired(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= Timestamp::now())
    }

    fn differs_from(&self, other: &Self) -> bool {
        self.header != other.header || self.identity != other.identity
    }
}

/// How the session's credentials are, for whoever shows it.
#[derive(Debug, Clone, Default)]
pub enum CredentialState {
    /// As far as is known they are good.
    #[default]
    Good,
    /// They are being renewed; a plugin may be running.
    Renewing,
    /// They could not be renewed. Requests fail until [`Authorizer::renew`] succeeds.
    Failed(CredentialError),
}

/// Keeps the credentials of one session. Clones share them.
#[derive(Clone)]
pub struct Authorizer(Arc<Inner>);

struct Inner {
    choice: Choice,
    environment: Environment,
    desk: Arc<dyn Desk>,
    state: watch::Sender<CredentialState>,
    /// Command lines that somebody agreed to.
    agreed: Mutex<HashSet<CommandLine>>,
    held: Mutex<Held>,
}

struct Held {
    /// The kubeconfig as it was last read.
    resolved: Arc<Resolved>,
    grant: Arc<Grant>,
    /// The renewal under way. It is a task of its own: a request that gives up waiting does not stop a login.
    renewal: Option<Renewal>,
    /// No renewal by itself before this, and why the last one failed.
    rest_until: Option<Instant>,
    failure: Option<CredentialError>,
    /// Since when there are none that a server takes, and why.
    lost: Option<(Timestamp, CredentialError)>,
}

/// Why credentials are obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// There are none yet.
    First,
    /// They have expired.
    Expired,
    /// A server answered 401.
    Refused,
    /// Somebody wants it.
    Person,
}

type Renewal = Shared<BoxFuture<'static, Result<Arc<Grant>, CredentialError>>>;

impl Authorizer {
    /// Obtains the credentials of `resolved`, which `choice` and `environment` led to. Must be called within a
    /// Tokio runtime.
    ///
    /// # Errors
    /// When there are none to be had.
    pub async fn obtain(
        choice: Choice,
        environment: Environment,
        resolved: Resolved,
        desk: Arc<dyn Desk>,
    ) -> Result<Self, CredentialError> {
        let identity = resolved.identity.clone().map(Arc::new);
        let held = Held {
            grant: Arc::new(Grant { identity, ..Grant::default() }),
            resolved: Arc::new(resolved),
            renewal: None,
            rest_until: None,
            failure: None,
            lost: None,
        };
        let state = watch::Sender::new(CredentialState::Good);
        let agreed = Mutex::default();
        let authorizer =
            Self(Arc::new(Inner { choice, environment, desk, state, agreed, held: Mutex::new(held) }));
        authorizer.renewal(Cause::First, 0).await?;
        Ok(authorizer)
    }

    /// How the credentials are; the receiver wakes at each change.
    pub fn subscribe(&self) -> watch::Receiver<CredentialState> {
        self.0.state.subscribe()
    }

    /// How the credentials are, as evidence.
    pub fn report(&self) -> Credentials {
        let held = self.held();
        // A token file is read again long before what is in it ends, which nobody knows.
        let ends = !matches!(held.resolved.credential, Credential::TokenFile { .. });
        let failure = held.lost.as_ref().map(|(_, why)| why).or(held.failure.as_ref());
        Credentials {
            user: held.resolved.user.clone(),
            expires: held.grant.expires.filter(|_| ends),
            lost_since: held.lost.as_ref().map(|(since, _)| *since),
            message: failure.map(|failure| format!("{failure}; a refresh tries again").into()),
        }
    }

    /// A server has taken `grant`, whatever was thought of it.
    pub(in crate::cluster) fn accepted(&self, grant: &Grant) {
        let mut held = self.held();
        if held.grant.serial == grant.serial && held.lost.take().is_some() {
            drop(held);
            self.0.state.send_replace(CredentialState::Good);
        }
    }

    /// The credentials for a request now, renewed first if they have expired.
    ///
    /// # Errors
    /// When they have expired and cannot be renewed.
    pub async fn grant(&self) -> Result<Arc<Grant>, CredentialError> {
        let serial = {
            let held = self.held();
            if !held.grant.is_expired() {
                return Ok(Arc::clone(&held.grant));
            }
            if held.is_resting() {
                // Renewed a moment ago, and expired again: the clocks may differ, so the server is asked.
                return held.failure.clone().map_or_else(|| Ok(Arc::clone(&held.grant)), Err);
            }
            held.grant.serial
        };
        self.renewal(Cause::Expired, serial).await
    }

    /// As [`Authorizer::grant`], but does not wait for longer than `patience` while somebody logs in.
    pub(in crate::cluster) async fn grant_within(
        &self,
        patience: Duration,
    ) -> Result<Arc<Grant>, CredentialError> {
        match tokio::time::timeout(patience, self.grant()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CredentialError::BeingRenewed { user: self.held().resolved.user.clone() }),
        }
    }

    /// Other credentials than `refused`, which a server has answered with 401; nothing where there are no others,
    /// or none after 15 seconds.
    pub async fn instead_of(&self, refused: &Grant) -> Option<Arc<Grant>> {
        {
            let held = self.held();
            if held.grant.serial == refused.serial && held.is_resting() {
                return None;
            }
        }
        let renewed = tokio::time::timeout(PATIENCE, self.renewal(Cause::Refused, refused.serial)).await;
        renewed.ok()?.ok().filter(|grant| grant.differs_from(refused))
    }

    /// Renews the credentials because a person wants it: also after a refusal or a failure.
    ///
    /// # Errors
    /// When that fails.
    pub async fn renew(&self) -> Result<(), CredentialError> {
        let serial = self.held().grant.serial;
        self.renewal(Cause::Person, serial).await.map(drop)
    }

    /// Makes the credentials expire now.
    #[cfg(test)]
    pub(crate) fn expire(&self) {
        let mut held = self.held();
        let expired = Grant { expires: Some(Timestamp::MIN), ..held.grant.as_ref().clone() };
        held.grant = Arc::new(expired);
        held.rest_until = None;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // A panic elsewhere leaves whole values behind.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The renewal under way, or a new one; neither where the credentials are others than number `serial` already.
    fn renewal(&self, cause: Cause, serial: u64) -> Renewal {
        let mut held = self.held();
        if held.grant.serial > serial {
            return std::future::ready(Ok(Arc::clone(&held.grant))).boxed().shared();
        }
        if let Some(renewal) = held.renewal.as_ref().filter(|renewal| renewal.peek().is_none()) {
            return renewal.clone();
        }
        let user = held.resolved.user.clone();
        let this = self.clone();
        let task = tokio::spawn(async move { this.run(cause).await });
        let renewal = async move {
            task.await.unwrap_or_else(|_| {
                let why = "the renewal was broken off".into();
                Err(CredentialError::Command { user, program: "kubelift".into(), why })
            })
        };
        let renewal = renewal.boxed().shared();
        held.renewal = Some(renewal.clone());
        renewal
    }

    async fn run(&self, cause: Cause) -> Result<Arc<Grant>, CredentialError> {
        self.0.state.send_replace(CredentialState::Renewing);
        let outcome = self.fresh(cause).await;
        let mut held = self.held();
        let outcome = match outcome {
            Ok((resolved, fresh)) => {
                let identity = fresh.identity.or_else(|| resolved.identity.clone()).map(Arc::new);
                let other_identity = held.grant.identity != identity;
                let next = Grant {
                    serial: held.grant.serial + 1,
                    header: fresh.header,
                    generation: held.grant.generation + u64::from(other_identity),
                    identity,
                    expires: fresh.expires,
                };
                let is_in_vain =
                    next.is_expired() || (cause == Cause::Refused && !next.differs_from(&held.grant));
                held.rest_until = is_in_vain.then(|| Instant::now() + PAUSE);
                held.failure = None;
                held.resolved = resolved;
                if cause == Cause::Refused && is_in_vain {
                    let user = held.resolved.user.clone();
                    held.lose(Timestamp::now(), CredentialError::Refused { user });
                } else {
                    held.lost = None;
                }
                held.grant = Arc::new(next);
                Ok(Arc::clone(&held.grant))
            }
            Err(failure) => {
                let pause = if failure.needs_person() { UNTIL_ASKED } else { PAUSE };
                held.rest_until = Instant::now().checked_add(pause);
                held.failure = Some(failure.clone());
                // What is at hand still counts where only a person wanted others.
                let expired = held.grant.expires.filter(|_| held.grant.is_expired());
                if cause != Cause::Person || expired.is_some() || held.lost.is_some() {
                    held.lose(expired.unwrap_or_else(Timestamp::now), failure.clone());
                }
                Err(failure)
            }
        };
        // Here, not when somebody has seen its end: who gave up waiting for it would leave a stale one behind.
        held.renewal = None;
        drop(held);
        self.0.state.send_replace(match &outcome {
            Ok(_) => CredentialState::Good,
            Err(failure) => CredentialState::Failed(failure.clone()),
        });
        outcome
    }

    async fn fresh(&self, cause: Cause) -> Result<(Arc<Resolved>, Fresh), CredentialError> {
        let (mut resolved, before) = {
            let held = self.held();
            (Arc::clone(&held.resolved), Arc::clone(&held.grant))
        };
        // What a plugin or a token file gives is renewed by asking it; all else stands in the kubeconfig, and
        // whoever renews it writes it there.
        let is_routine = cause == Cause::Expired && !matches!(resolved.credential, Credential::Oidc(_));
        if cause != Cause::First && !is_routine {
            resolved = self.reloaded(&resolved);
        }
        let obtaining = Obtaining {
            resolved: &resolved,
            environment: &self.0.environment,
            desk: self.0.desk.as_ref(),
            agreed: &self.0.agreed,
        };
        let fresh = obtaining.fresh(&before, cause != Cause::First).await?;
        Ok((resolved, fresh))
    }

    /// The kubeconfig as it is now. Only who one is may have changed; where the cluster is stays for the session.
    fn reloaded(&self, before: &Arc<Resolved>) -> Arc<Resolved> {
        // The context by name, for another may have become the current one since.
        let mut choice = self.0.choice.clone();
        if before.origin != Origin::ServiceAccount {
            choice.context = Some(before.context.to_string());
        }
        let now = match resolve(&choice, &self.0.environment) {
            Ok(now) => now,
            // Half written, or gone for a moment: what was read before still counts.
            Err(error) => {
                tracing::warn!(%error, "the kubeconfig could not be read again");
                return Arc::clone(before);
            }
        };
        if now.server != before.server || now.user != before.user {
            return Arc::clone(before);
        }
        let mut merged = before.as_ref().clone();
        merged.identity = now.identity;
        merged.credential = now.credential;
        Arc::new(merged)
    }
}

impl Held {
    /// Notes that there are no credentials; they are gone since it was noted first.
    fn lose(&mut self, since: Timestamp, why: CredentialError) {
        let since = self.lost.as_ref().map_or(since, |(since, _)| *since);
        self.lost = Some((since, why));
    }

    fn is_resting(&self) -> bool {
        self.rest_until.is_some_and(|until| Instant::now() < until)
    }
}

impl std::fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorizer").field("serial", &self.held().grant.serial).finish_non_exhaustive()
    }
}
