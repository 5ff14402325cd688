//! Credential plugins: the protocol client.authentication.k8s.io.
//!
//! Sources: k8s.io/client-go pkg/apis/clientauthentication/v1/types.go, plugin/pkg/client/auth/exec/exec.go.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::command::CommandLine;
use crate::cluster::kubeconfig::{Exec, Identity, Resolved};
use crate::cluster::secret::Secret;
use crate::text::Document;

/// The versions of the protocol.
const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/// A credential plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecPlugin {
    /// The version of the protocol, one of those that kubelift speaks.
    pub version: &'static str,
    /// What runs.
    pub command: CommandLine,
    /// What the kubeconfig says about installing it.
    pub install_hint: Document,
    /// Whether it is told about the cluster.
    pub provide_cluster_info: bool,
    /// Whether it talks to a person.
    pub interactive: Interactive,
}

/// Whether a plugin is given the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interactive {
    /// It needs none.
    Never,
    /// It takes one where there is one.
    IfAvailable,
    /// It does not work without.
    Always,
}

/// The plugin that a user entry names.
pub(super) fn plugin(exec: &Exec) -> Result<ExecPlugin, String> {
    let version = VERSIONS.into_iter().find(|version| *version == exec.api_version).ok_or_else(|| {
        format!("its exec has apiVersion {:?}, not {} or {}", exec.api_version, VERSIONS[0], VERSIONS[1])
    })?;
    if exec.command.is_empty() {
        return Err(String::from("its exec has no command"));
    }
    if exec.env.iter().any(|variable| variable.name.is_empty()) {
        return Err(String::from("its exec has an env entry without a name"));
    }
    let interactive = match (exec.interactive_mode.as_str(), version) {
        ("Never", _) => Interactive::Never,
        ("IfAvailable", _) => Interactive::IfAvailable,
        ("Always", _) => Interactive::Always,
        // Optional up to v1beta1.
        ("", "client.authentication.k8s.io/v1beta1") => Interactive::IfAvailable,
        ("", _) => {
            return Err(String::from("its exec has no interactiveMode: set Never, IfAvailable or Always"));
        }
        (mode, _) => {
            return Err(format!("its exec has interactiveMode {mode:?}, not Never, IfAvailable or Always"));
        }
    };
    Ok(ExecPlugin {
        version,
        command: CommandLine {
            program: exec.command.clone(),
            args: exec.args.clone(),
            env: exec.env.iter().map(|variable| (variable.name.clone(), variable.value.clone())).collect(),
        },
        install_hint: exec.install_hint.as_str().into(),
        provide_cluster_info: exec.provide_cluster_info,
        interactive,
    })
}

/// What the plugin is told, in KUBERNETES_EXEC_INFO.
pub(super) fn exec_info(plugin: &ExecPlugin, resolved: &Resolved, interactive: bool) -> String {
    let mut spec = json!({ "interactive": interactive });
    if plugin.provide_cluster_info
        && let Some(spec) = spec.as_object_mut()
    {
        spec.insert(String::from("cluster"), cluster_info(resolved));
    }
    json!({ "kind": "ExecCredential", "apiVersion": plugin.version, "spec": spec }).to_string()
}

fn cluster_info(resolved: &Resolved) -> serde_json::Value {
    // Go's encoder leaves out what is empty, and plugins see no difference.
    let server = resolved.server.to_string();
    let mut cluster = json!({ "server": server.trim_end_matches('/'), "config": resolved.exec_config });
    let Some(fields) = cluster.as_object_mut() else { return cluster };
    let mut add = |name: &str, value: serde_json::Value| drop(fields.insert(name.to_owned(), value));
    if let Some(name) = &resolved.trust.server_name {
        add("tls-server-name", json!(name));
    }
    if resolved.trust.insecure {
        add("insecure-skip-tls-verify", json!(true));
    }
    if let Some(roots) = &resolved.trust.roots {
        add("certificate-authority-data", json!(BASE64_STANDARD.encode(pem(roots))));
    }
    if let Some(proxy) = resolved.proxies.explicit() {
        add("proxy-url", json!(proxy.to_string()));
    }
    if resolved.disable_compression {
        add("disable-compression", json!(true));
    }
    cluster
}

fn pem(certificates: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for (index, c) in BASE64_STANDARD.encode(certificate).chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                text.push('\n');
            }
            text.push(c);
        }
        text.push_str("\n-----END CERTIFICATE-----\n");
    }
    text
}

/// What a plugin gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) token: Option<Secret>,
    pub(super) identity: Option<Identity>,
    pub(super) expires: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    kind: Option<String>,
    api_version: Option<String>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<Secret>,
    client_certificate_data: Option<String>,
    client_key_data: Option<Secret>,
    expiration_timestamp: Option<String>,
}

/// Understands what a plugin wrote. Its errors quote nothing of it.
pub(super) fn parse(plugin: &ExecPlugin, output: &[u8]) -> Result<Given, String> {
    let said: ExecCredential = serde_json::from_slice(output).map_err(|error| {
        format!(
            "it wrote no ExecCredential: not understood at line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    if said.kind.as_deref() != Some("ExecCredential") || said.api_version.as_deref() != Some(plugin.version) {
        let (version, kind) = (said.api_version.unwrap_or_default(), said.kind.unwrap_or_default());
        return Err(format!(
            "it wrote {version} {kind}, and the kubeconfig asks for {} ExecCredential",
            plugin.version
        ));
    }
    let status = said.status.ok_or("it wrote an ExecCredential without status")?;
    let some = |secret: Option<Secret>| secret.filter(|secret| !secret.is_empty());
    let certificate = status.client_certificate_data.filter(|certificate| !certificate.is_empty());
    let token = some(status.token);
    let identity = match (certificate, some(status.client_key_data)) {
        (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
        (None, None) => None,
        _ => return Err(String::from("it wrote a client certificate without its key, or the reverse")),
    };
    if token.is_none() && identity.is_none() {
        return Err(String::from("it wrote neither a token nor a client certificate"));
    }
    let expires = match status.expiration_timestamp.filter(|at| !at.is_empty()) {
        None => None,
        Some(at) => {
            Some(at.parse().map_err(|_| String::from("its expirationTimestamp is no time in RFC 3339"))?)
        }
    };
    Ok(Given { token, identity, expires })
}
