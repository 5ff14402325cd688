//! From the merged kubeconfig to one cluster and one user.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::error::{all_shown, shown};
use super::file::{Cluster, User, read_bounded};
use super::{Choice, Entry, Kubeconfig, KubeconfigError};
use crate::cluster::credentials::{Credential, credential_of};
use crate::cluster::environment::Environment;
use crate::cluster::proxy::Proxies;
use crate::cluster::secret::Secret;
use crate::text::Text;

/// Where a cluster is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// These kubeconfig files.
    Files(Vec<PathBuf>),
    /// The pod's service account.
    ServiceAccount,
}

/// One cluster, and who one is there: all that is needed to connect, files read, nothing run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Where it is known from.
    pub origin: Origin,
    /// The context's name.
    pub context: Text,
    /// The cluster entry's name.
    pub cluster: Text,
    /// The user entry's name; empty where the context has none.
    pub user: Text,
    /// The context's namespace.
    pub namespace: Option<String>,
    /// The API server's URL, `http` or `https`, perhaps with a path before every request's.
    pub server: Uri,
    /// How to know the server.
    pub trust: Trust,
    /// Which proxy to use.
    pub proxies: Proxies,
    /// Whether answers are never to be compressed.
    pub disable_compression: bool,
    /// What credential plugins may be told about the cluster.
    pub exec_config: serde_json::Value,
    /// The client certificate of the kubeconfig.
    pub identity: Option<Identity>,
    /// Who one is, apart from the certificate.
    pub credential: Credential,
    /// Whom to act as.
    pub impersonation: Impersonation,
}

impl Resolved {
    /// The server's address, `host:port`.
    pub fn address(&self) -> Text {
        address(&self.server)
    }
}

/// `host:port` of a URL, the port that its scheme implies included.
pub(crate) fn address(server: &Uri) -> Text {
    let implied = if server.scheme_str() == Some("http") { 80 } else { 443 };
    let port = server.port_u16().unwrap_or(implied);
    Text::new(&format!("{}:{port}", server.host().unwrap_or_default()))
}

/// How to know a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// The certificate authorities, DER; none means those of the operating system.
    pub roots: Option<Vec<Vec<u8>>>,
    /// Their file, where it may be replaced while kubelift runs.
    pub roots_file: Option<PathBuf>,
    /// Whether any certificate is taken.
    pub insecure: bool,
    /// The name to check, instead of the host.
    pub server_name: Option<String>,
}

/// A client certificate with its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate and what it is signed by.
    pub certificate: String,
    /// The key.
    pub key: Secret,
}

/// Whom to act as: Kubernetes' impersonation. Empty where one acts as oneself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Impersonation {
    /// The user.
    pub user: String,
    /// The uid.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Further attributes.
    pub extra: std::collections::BTreeMap<String, Vec<String>>,
}

/// Finds the cluster that `choice` and `environment` mean, as kubectl would. Certificates and keys are read;
/// credential plugins are not run.
///
/// # Errors
/// What is wrong, with file and entry.
pub fn resolve(choice: &Choice, environment: &Environment) -> Result<Resolved, KubeconfigError> {
    let config = Kubeconfig::load(choice, environment)?;
    let chosen = choice.context.as_ref().filter(|name| !name.is_empty()).or(config.current_context.as_ref());
    if let Some(name) = chosen {
        return resolve_context(&config, name, environment);
    }
    if let Some(resolved) = super::super::incluster::resolve(environment)? {
        return Ok(resolved);
    }
    if config.contexts.is_empty() {
        let looked_at = config.files.iter().chain(&config.missing).map(|path| shown(path)).collect();
        return Err(KubeconfigError::Nothing { looked_at });
    }
    Err(KubeconfigError::NoContext { contexts: config.context_names(), files: all_shown(&config.files) })
}

fn resolve_context(
    config: &Kubeconfig,
    name: &str,
    environment: &Environment,
) -> Result<Resolved, KubeconfigError> {
    let context = config.contexts.get(name).ok_or_else(|| KubeconfigError::NoSuchContext {
        name: name.into(),
        contexts: config.context_names(),
        files: all_shown(&config.files),
    })?;
    let wrong = |why: String| entry_error("context", name, &context.file, &why);
    let Entry { value: cluster, file: cluster_file } =
        config.clusters.get(&context.value.cluster).ok_or_else(|| {
            wrong(match context.value.cluster.as_str() {
                "" => String::from("it names no cluster"),
                cluster => format!("its cluster {cluster} is in none of the files"),
            })
        })?;
    let user = match context.value.user.as_str() {
        "" => None,
        user => Some(
            config
                .users
                .get(user)
                .ok_or_else(|| wrong(format!("its user {user} is in none of the files")))?,
        ),
    };

    let cluster_name = &context.value.cluster;
    let wrong = |why: String| entry_error("cluster", cluster_name, cluster_file, &why);
    let server = server(&cluster.server).map_err(wrong)?;
    let proxies = match cluster.proxy_url.as_str() {
        "" => Proxies::of_environment(environment),
        url => Proxies::fixed(url, cluster_name)?,
    };
    let extension =
        cluster.extensions.iter().find(|extension| extension.name == "client.authentication.k8s.io/exec");
    let mut resolved = Resolved {
        origin: Origin::Files(config.files.clone()),
        context: name.into(),
        cluster: cluster_name.as_str().into(),
        user: context.value.user.as_str().into(),
        namespace: Some(context.value.namespace.clone()).filter(|namespace| !namespace.is_empty()),
        server,
        trust: Trust::default(),
        proxies,
        disable_compression: cluster.disable_compression,
        exec_config: extension.map(|extension| extension.extension.clone()).unwrap_or_default(),
        identity: None,
        credential: Credential::None,
        impersonation: Impersonation::default(),
    };
    let Some(Entry { value: user, file: user_file }) = user else {
        if resolved.server.scheme_str() == Some("https") {
            resolved.trust = trust(cluster).map_err(wrong)?;
        }
        return Ok(resolved);
    };
    let wrong_user = |why: String| entry_error("user", &context.value.user, user_file, &why);
    resolved.impersonation = impersonation(user).map_err(wrong_user)?;
    // As in client-go, nothing secret is sent, and no plugin run, over a connection that anybody can read.
    if resolved.server.scheme_str() == Some("https") {
        resolved.trust = trust(cluster).map_err(wrong)?;
        resolved.identity = identity(user).map_err(wrong_user)?;
        resolved.credential = credential_of(user, resolved.identity.is_some()).map_err(wrong_user)?;
    }
    Ok(resolved)
}

fn entry_error(kind: &'static str, name: &str, file: &Path, why: &str) -> KubeconfigError {
    KubeconfigError::Entry { kind, name: name.into(), file: shown(file), why: why.into() }
}

/// The server's URL. Without a scheme it is http, as in client-go.
fn server(text: &str) -> Result<Uri, String> {
    if text.is_empty() {
        return Err(String::from("it has no server"));
    }
    let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let uri: Uri = url.parse().map_err(|error| format!("its server {text} is no URL: {error}"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(format!("its server {text} is neither http:// nor https://"));
    }
    let authority = uri.authority().ok_or_else(|| format!("its server {text} names no host"))?;
    if authority.as_str().contains('@') {
        return Err(String::from("its server holds a user name; put it into the user's entry"));
    }
    // A query or fragment means nothing before a path.
    let path = uri.path().trim_end_matches('/');
    let rebuilt = format!("{}://{authority}{path}", uri.scheme_str().unwrap_or("https"));
    rebuilt.parse().map_err(|error| format!("its server {text} is no URL: {error}"))
}

fn trust(cluster: &Cluster) -> Result<Trust, String> {
    let roots = match (cluster.certificate_authority.as_str(), cluster.certificate_authority_data.as_str()) {
        ("", "") => None,
        (_, "") => {
            let path = Path::new(&cluster.certificate_authority);
            let pem = read(path, "certificate-authority")?;
            Some(certificates(&pem).map_err(|why| format!("certificate-authority {}: {why}", shown(path)))?)
        }
        ("", data) => {
            let pem = decode(data, "certificate-authority-data")?;
            Some(certificates(&pem).map_err(|why| format!("certificate-authority-data: {why}"))?)
        }
        _ => return Err(both("certificate-authority", "certificate-authority-data")),
    };
    if roots.is_some() && cluster.insecure_skip_tls_verify {
        return Err(String::from(
            "a certificate authority and insecure-skip-tls-verify exclude each other; remove one of them",
        ));
    }
    let server_name = Some(cluster.tls_server_name.clone()).filter(|name| !name.is_empty());
    if let Some(name) = &server_name
        && rustls::pki_types::ServerName::try_from(name.as_str()).is_err()
    {
        return Err(format!("its tls-server-name {name} is neither a DNS name nor an address"));
    }
    Ok(Trust { roots, roots_file: None, insecure: cluster.insecure_skip_tls_verify, server_name })
}

/// The certificates in `pem`, DER, of those that can be an authority.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    // As in Go, what is no certificate or cannot be understood is passed over, but something must be left.
    let usable = |certificate: &CertificateDer<'_>| RootCertStore::empty().add(certificate.clone()).is_ok();
    let found: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .filter(usable)
        .map(|certificate| certificate.to_vec())
        .collect();
    if found.is_empty() { Err(String::from("it holds no certificate in PEM")) } else { Ok(found) }
}

fn identity(user: &User) -> Result<Option<Identity>, String> {
    let certificate = one_of(
        (&user.client_certificate, "client-certificate"),
        (&user.client_certificate_data, "client-certificate-data"),
    )?;
    let key = one_of((&user.client_key, "client-key"), (user.client_key_data.expose(), "client-key-data"))?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(Identity { certificate, key: Secret::new(key) })),
        (Some(_), None) => Err(String::from("it has a client certificate but no client-key")),
        // As in client-go, a key alone is nothing.
        (None, _) => Ok(None),
    }
}

/// A file's text, or the text in base64; not both.
fn one_of(file: (&str, &str), data: (&str, &str)) -> Result<Option<String>, String> {
    let bytes = match (file, data) {
        (("", _), ("", _)) => return Ok(None),
        ((path, name), ("", _)) => read(Path::new(path), name)?,
        (("", _), (data, name)) => decode(data, name)?,
        ((_, file), (_, data)) => return Err(both(file, data)),
    };
    let name = if file.0.is_empty() { data.1 } else { file.1 };
    String::from_utf8(bytes).map(Some).map_err(|_| format!("{name} is not PEM"))
}

fn impersonation(user: &User) -> Result<Impersonation, String> {
    let has_more = !user.impersonate_uid.is_empty()
        || !user.impersonate_groups.is_empty()
        || !user.impersonate_extra.is_empty();
    if user.impersonate.is_empty() && has_more {
        return Err(String::from("as-uid, as-groups and as-user-extra need `as`, too"));
    }
    Ok(Impersonation {
        user: user.impersonate.clone(),
        uid: user.impersonate_uid.clone(),
        groups: user.impersonate_groups.clone(),
        extra: user.impersonate_extra.clone(),
    })
}

fn both(one: &str, other: &str) -> String {
    format!("it has {one} and {other}; remove one of them")
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, String> {
    read_bounded(path).map_err(|error| format!("{what} {} cannot be read: {error}", shown(path)))
}

fn decode(text: &str, what: &str) -> Result<Vec<u8>, String> {
    // Folded over several lines in YAML, it has spaces.
    let text: String = text.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(text).map_err(|_| format!("{what} is not base64"))
}
