//! Clients: every one has a guard in it. Those that read let nothing else pass; the one that changes something needs a
//! permit, and lets only the requests of steps pass.
//!
//! From the caller to the wire: kube's client, the guard, the credentials, kube's stack (base URL, impersonation,
//! TLS, proxy). kube's own retry is off: [`super::ask`] has one that is bounded and seen.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Request, Uri, header};
use kube::client::{Body, Client};
use tower::{Layer, util::MapRequestLayer};

use super::changes::is_a_steps;
use super::credentials::{Authorizer, Credential, CredentialError, Desk, Unattended};
use super::environment::Environment;
use super::guard::ReadOnly;
use super::kubeconfig::{
    Choice, Identity, Impersonation, KubeconfigError, Origin, Resolved, Trust, address, resolve,
};
use super::proxy::{Proxies, ProxyError};
use super::pulse::{Pulse, Time};
use super::transport::Transport;
use crate::actions::ports::Clock;
use crate::text::Text;

/// How long a connection may take to be made, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take to leave.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may be silent before it is given up: beyond the longest watch. Who reads has shorter limits
/// of its own.
const READ_TIMEOUT: Duration = Duration::from_secs(330);

/// What kubelift calls itself; the API server's audit log has it.
const USER_AGENT: &str = concat!("kubelift/", env!("CARGO_PKG_VERSION"));

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig gives no cluster.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// There are no credentials.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The proxy cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A certificate, a key or a name that TLS cannot use.
    #[error("no connection can be prepared to {server} as user {user}: {source}")]
    Client {
        /// The server's address.
        server: Text,
        /// The user's entry.
        user: Text,
        /// Why.
        source: kube::Error,
    },
    /// A server that nothing vouches for.
    #[error("{server} is not dialled directly: {why}")]
    Unverified {
        /// The server's address.
        server: Text,
        /// What is missing.
        why: &'static str,
    },
}

/// A cluster, and who one is there, with a client that only reads.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    resolved: Arc<Resolved>,
    authorizer: Authorizer,
    /// The scheme by which single servers are dialled: `https`, but in the simulation.
    scheme: &'static str,
    time: Time,
}

impl Connection {
    /// Finds the cluster that `choice` and `environment` mean and obtains credentials, asking at `desk` before a
    /// command runs. No request is sent. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the kubeconfig or the credentials.
    pub async fn prepare(
        choice: Choice,
        environment: Environment,
        desk: Arc<dyn Desk>,
    ) -> Result<Self, ConnectError> {
        let resolved = resolve(&choice, &environment)?;
        let authorizer = Authorizer::obtain(choice, environment, resolved.clone(), desk).await?;
        let client = inspection(&resolved, resolved.server.clone(), &resolved.trust, &authorizer).await?;
        Ok(Self { client, resolved: Arc::new(resolved), authorizer, scheme: "https", time: Time::default() })
    }

    /// A connection to the simulated cluster of that name, which listens at `url` without TLS and for anybody.
    ///
    /// # Errors
    /// When `url` is none.
    pub async fn simulated(url: &str, cluster: &str) -> Result<Self, ConnectError> {
        let unverified = |why| ConnectError::Unverified { server: url.into(), why };
        let environment = Environment::of::<&str, &str>(Path::new("/"), []);
        let resolved = Resolved {
            origin: Origin::Files(Vec::new()),
            context: "demo".into(),
            cluster: cluster.into(),
            user: Text::default(),
            namespace: None,
            server: url.parse().map_err(|_| unverified("its address makes no URL"))?,
            // Nothing there speaks TLS: this machine's authorities need not be read for each client.
            trust: Trust { roots: Some(Vec::new()), ..Trust::default() },
            proxies: Proxies::of_environment(&environment),
            disable_compression: true,
            exec_config: serde_json::Value::Null,
            identity: None,
            credential: Credential::None,
            impersonation: Impersonation::default(),
        };
        let desk = Arc::new(Unattended::default());
        let authorizer = Authorizer::obtain(Choice::default(), environment, resolved.clone(), desk).await?;
        let client = inspection(&resolved, resolved.server.clone(), &resolved.trust, &authorizer).await?;
        Ok(Self { client, resolved: Arc::new(resolved), authorizer, scheme: "http", time: Time::default() })
    }

    /// The same, where it is another time than here: a simulation's runs ahead.
    #[must_use]
    pub fn in_time_of(mut self, clock: Arc<dyn Clock>) -> Self {
        self.time = Time(Some(clock));
        self
    }

    /// A pulse for those who read through it together: each call makes one of its own.
    pub(super) fn new_pulse(&self) -> Pulse {
        Pulse::by(self.time.clone())
    }

    /// The client for the cluster's entry. It reads and does nothing else.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The entry's address, `host:port`.
    pub fn address(&self) -> Text {
        self.resolved.address()
    }

    /// Names of context, cluster and user, namespace, and what else the kubeconfig says.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// The session's credentials, to be watched and renewed.
    pub const fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    /// A client for one API server, dialled at its own address with the same credentials. Its certificate must be
    /// for that address. `roots` are the cluster's own authorities (DER), where they are known from elsewhere than
    /// the kubeconfig, whose may be a balancer's.
    ///
    /// # Errors
    /// When nothing vouches for the server: credentials would go to whatever answers there.
    pub async fn for_server(
        &self,
        ip: IpAddr,
        port: u16,
        roots: Option<Vec<Vec<u8>>>,
    ) -> Result<(Client, Text), ConnectError> {
        let authority = std::net::SocketAddr::new(ip, port).to_string();
        let server = Text::new(&authority);
        let unverified = |why| ConnectError::Unverified { server: server.clone(), why };
        let uri: Uri = format!("{}://{authority}", self.scheme)
            .parse()
            .map_err(|_| unverified("its address makes no URL"))?;
        let known = &self.resolved.trust;
        let trust = Trust {
            roots_file: known.roots_file.clone().filter(|_| roots.is_none()),
            roots: roots.or_else(|| known.roots.clone()),
            ..Trust::default()
        };
        if trust.roots.is_none() && self.scheme == "https" {
            return Err(unverified(
                "the kubeconfig has no certificate authority that its certificate could be checked by",
            ));
        }
        let client = inspection(&self.resolved, uri, &trust, &self.authorizer).await?;
        Ok((client, server))
    }
}

impl Connection {
    /// A client for the cluster's entry that passes the requests of steps and nothing else. Only
    /// [`super::changes::Changer`] asks for it, and that needs a permit.
    pub(super) async fn changing(&self) -> Result<Client, ConnectError> {
        let resolved = &self.resolved;
        let transport =
            transport(resolved, resolved.server.clone(), &resolved.trust, &self.authorizer).await?;
        let service = tower::filter::FilterLayer::new(only_steps)
            .layer(MapRequestLayer::new(with_defaults).layer(transport));
        Ok(Client::new(service, "default"))
    }
}

/// Refuses what is not a step's request.
fn only_steps(request: Request<Body>) -> Result<Request<Body>, tower::BoxError> {
    let uri = request.uri();
    if uri.authority().is_none() && is_a_steps(request.method(), uri.path(), uri.query()) {
        return Ok(request);
    }
    Err(format!("not sent: {} {}: it is no request of a step", request.method(), uri.path()).into())
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("resolved", &self.resolved).finish_non_exhaustive()
    }
}

/// The only maker of clients that read. The guard is the first that a request meets below kube's client.
async fn inspection(
    resolved: &Resolved,
    server: Uri,
    trust: &Trust,
    authorizer: &Authorizer,
) -> Result<Client, ConnectError> {
    let transport = transport(resolved, server, trust, authorizer).await?;
    let service = ReadOnly.layer(MapRequestLayer::new(with_defaults).layer(transport));
    Ok(Client::new(service, resolved.namespace.as_deref().unwrap_or("default")))
}

/// The way to one server, without a guard.
async fn transport(
    resolved: &Resolved,
    server: Uri,
    trust: &Trust,
    authorizer: &Authorizer,
) -> Result<Transport, ConnectError> {
    let failed =
        |source| ConnectError::Client { server: address(&server), user: resolved.user.clone(), source };
    let config = config(resolved, &server, trust)?;
    let transport = Transport::new(config, authorizer.clone());
    transport.prepare().await.map_err(failed)?;
    Ok(transport)
}

fn with_defaults(mut request: Request<Body>) -> Request<Body> {
    let headers = request.headers_mut();
    headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
    // On a fast line gzip costs both ends more time than it saves.
    headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
    request
}

/// What kube's stack needs. No credential is in it but the impersonation, so that nothing of kube's reads a token or
/// runs a plugin; the client certificate is added by [`with_identity`].
fn config(resolved: &Resolved, server: &Uri, trust: &Trust) -> Result<kube::Config, ProxyError> {
    let mut config = kube::Config::new(server.clone());
    config.root_cert.clone_from(&trust.roots);
    config.root_cert_file.clone_from(&trust.roots_file);
    config.accept_invalid_certs = trust.insecure;
    config.tls_server_name.clone_from(&trust.server_name);
    config.proxy_url = resolved.proxies.for_server(server)?;
    config.disable_compression = resolved.disable_compression;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    // Else the time that a connection lay in the pool would count.
    config.reset_reader_on_write = true;
    config.default_retry = false;
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let impersonation = &resolved.impersonation;
    config.auth_info.impersonate = some(&impersonation.user);
    config.auth_info.impersonate_uid = some(&impersonation.uid);
    config.auth_info.impersonate_groups = Some(impersonation.groups.clone());
    config.auth_info.impersonate_user_extra = Some(impersonation.extra.clone().into_iter().collect());
    Ok(config)
}

/// `config` with a client certificate, as kube takes it.
pub(super) fn with_identity(mut config: kube::Config, identity: Option<&Identity>) -> kube::Config {
    if let Some(identity) = identity {
        config.auth_info.client_certificate_data = Some(BASE64_STANDARD.encode(&identity.certificate));
        config.auth_info.client_key_data = Some(BASE64_STANDARD.encode(identity.key.expose()).into());
    }
    config
}
