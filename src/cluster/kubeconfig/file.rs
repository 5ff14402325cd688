//! One kubeconfig file: its shape, and how its bytes are read.
//!
//! Source for the shape: k8s.io/client-go tools/clientcmd/api/v1/types.go. What is unknown is ignored, as there.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::KubeconfigError;
use crate::cluster::secret::Secret;

/// The largest kubeconfig file, certificate, key or token file that is read, in bytes.
pub const MAX_FILE: u64 = 4 << 20;

/// A file as it is written.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(super) struct File {
    kind: Option<String>,
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    #[serde(rename = "current-context")]
    pub(super) current_context: Option<String>,
    pub(super) clusters: Option<Vec<NamedCluster>>,
    pub(super) users: Option<Vec<NamedUser>>,
    pub(super) contexts: Option<Vec<NamedContext>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NamedCluster {
    pub(super) name: String,
    pub(super) cluster: Option<Cluster>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NamedUser {
    pub(super) name: String,
    pub(super) user: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NamedContext {
    pub(super) name: String,
    pub(super) context: Option<Context>,
}

/// How to reach a cluster. Empty strings mean "not set", as in client-go.
#[derive(Debug, Clone, Deserialize, Default, PartialEq, Eq)]
#[serde(default, rename_all = "kebab-case")]
pub struct Cluster {
    /// The API server's URL.
    #[serde(deserialize_with = "nullable")]
    pub server: String,
    /// The name to check the server's certificate against, instead of the host.
    #[serde(deserialize_with = "nullable")]
    pub tls_server_name: String,
    /// Whether the server's certificate is not checked.
    #[serde(deserialize_with = "nullable")]
    pub insecure_skip_tls_verify: bool,
    /// File of the certificate authority; absolute once loaded.
    #[serde(deserialize_with = "nullable")]
    pub certificate_authority: String,
    /// The certificate authority, PEM in base64.
    #[serde(deserialize_with = "nullable")]
    pub certificate_authority_data: String,
    /// The proxy's URL.
    #[serde(deserialize_with = "nullable")]
    pub proxy_url: String,
    /// Whether answers are never to be compressed.
    #[serde(deserialize_with = "nullable")]
    pub disable_compression: bool,
    /// Extensions; credential plugins are given one of them.
    #[serde(deserialize_with = "nullable")]
    pub extensions: Vec<Extension>,
}

/// A named extension of a cluster.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// What it holds.
    #[serde(default)]
    pub extension: serde_json::Value,
}

/// Who one is. Empty strings mean "not set", as in client-go.
#[derive(Debug, Clone, Deserialize, Default, PartialEq, Eq)]
#[serde(default, rename_all = "kebab-case")]
pub struct User {
    /// File of the client certificate.
    #[serde(deserialize_with = "nullable")]
    pub client_certificate: String,
    /// The client certificate, PEM in base64.
    #[serde(deserialize_with = "nullable")]
    pub client_certificate_data: String,
    /// File of its key.
    #[serde(deserialize_with = "nullable")]
    pub client_key: String,
    /// Its key, PEM in base64.
    #[serde(deserialize_with = "nullable")]
    pub client_key_data: Secret,
    /// A bearer token.
    #[serde(deserialize_with = "nullable")]
    pub token: Secret,
    /// File of a bearer token.
    #[serde(rename = "tokenFile", deserialize_with = "nullable")]
    pub token_file: String,
    /// Basic authentication.
    #[serde(deserialize_with = "nullable")]
    pub username: String,
    /// Basic authentication.
    #[serde(deserialize_with = "nullable")]
    pub password: Secret,
    /// The user to act as.
    #[serde(rename = "as", deserialize_with = "nullable")]
    pub impersonate: String,
    /// The uid to act as.
    #[serde(rename = "as-uid", deserialize_with = "nullable")]
    pub impersonate_uid: String,
    /// The groups to act as.
    #[serde(rename = "as-groups", deserialize_with = "nullable")]
    pub impersonate_groups: Vec<String>,
    /// Further attributes to act as.
    #[serde(rename = "as-user-extra", deserialize_with = "nullable")]
    pub impersonate_extra: BTreeMap<String, Vec<String>>,
    /// A credential plugin.
    pub exec: Option<Exec>,
    /// A credential provider of old.
    pub auth_provider: Option<AuthProvider>,
}

/// A credential plugin, as the kubeconfig names it.
#[derive(Debug, Clone, Deserialize, Default, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct Exec {
    /// The version of the protocol.
    #[serde(deserialize_with = "nullable")]
    pub api_version: String,
    /// The program: a path where it has a slash, else looked up in PATH.
    #[serde(deserialize_with = "nullable")]
    pub command: String,
    /// Its arguments.
    #[serde(deserialize_with = "nullable")]
    pub args: Vec<String>,
    /// Environment variables beyond those of kubelift.
    #[serde(deserialize_with = "nullable")]
    pub env: Vec<EnvVar>,
    /// What to say when the program is not there.
    #[serde(deserialize_with = "nullable")]
    pub install_hint: String,
    /// Whether it is told about the cluster.
    #[serde(deserialize_with = "nullable")]
    pub provide_cluster_info: bool,
    /// `Never`, `IfAvailable` or `Always`.
    #[serde(deserialize_with = "nullable")]
    pub interactive_mode: String,
}

/// One environment variable.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct EnvVar {
    /// Its name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// Its value.
    #[serde(default, deserialize_with = "nullable")]
    pub value: String,
}

/// A credential provider of old: `gcp`, `oidc`, `azure`.
#[derive(Debug, Clone, Deserialize, Default, PartialEq, Eq)]
#[serde(default)]
pub struct AuthProvider {
    /// Which.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// Its settings, some of them secret.
    #[serde(deserialize_with = "nullable")]
    pub config: BTreeMap<String, Secret>,
}

/// Which cluster, as whom.
#[derive(Debug, Clone, Deserialize, Default, PartialEq, Eq)]
#[serde(default)]
pub struct Context {
    /// The cluster's entry.
    #[serde(deserialize_with = "nullable")]
    pub cluster: String,
    /// The user's entry.
    #[serde(deserialize_with = "nullable")]
    pub user: String,
    /// The namespace where none is named.
    #[serde(deserialize_with = "nullable")]
    pub namespace: String,
}

fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads `path`, at most [`MAX_FILE`] bytes of it. A pipe is read as a file is.
///
/// # Errors
/// When it cannot be opened or read, or is larger.
pub(crate) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            format!("larger than {} MiB", MAX_FILE >> 20),
        ));
    }
    Ok(bytes)
}

/// Parses the bytes of the file at `path`.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<File, KubeconfigError> {
    let malformed = |why: &str| KubeconfigError::malformed(path, why);
    let text = decode(bytes).ok_or_else(|| malformed("it is neither UTF-8 nor UTF-16"))?;
    // As in client-go, only the first document counts.
    let Some(document) = serde_yaml::Deserializer::from_str(&text).next() else { return Ok(File::default()) };
    let file = Option::<File>::deserialize(document).map_err(|error| malformed(&error.to_string()))?;
    let file = file.unwrap_or_default();
    for (field, found, expected) in [("apiVersion", &file.api_version, "v1"), ("kind", &file.kind, "Config")]
    {
        if let Some(found) = found.as_deref().filter(|found| !found.is_empty() && *found != expected) {
            return Err(malformed(&format!("its {field} is {found}, not {expected}")));
        }
    }
    Ok(file)
}

/// UTF-8, or UTF-16 with a byte order mark as Windows' tools write it.
fn decode(bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, []) = bytes.as_chunks::<2>() else { return None };
        char::decode_utf16(units.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>().ok()
    };
    match bytes {
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}
