//! Credential providers of old, in kubeconfigs that nobody has migrated: the `auth-provider` of a user entry.
//!
//! client-go dropped `gcp` and `azure` in 1.26; `oidc` is still there, with a refresh that is a POST and rewrites
//! the kubeconfig, which an inspection does neither of.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::command::CommandLine;
use super::{Credential, jwt};
use crate::cluster::kubeconfig::AuthProvider;
use crate::cluster::secret::Secret;

/// A `gcp` provider with `cmd-path`: a command that prints JSON, as `gcloud config config-helper` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcpCommand {
    /// What runs.
    pub command: CommandLine,
    /// Where in its output the token is: `["credential", "access_token"]`.
    pub token_key: Vec<String>,
    /// Where in its output the token's expiry is.
    pub expiry_key: Vec<String>,
    /// The token that the kubeconfig has from an earlier run, and when it expires.
    pub cached: Option<(Secret, Timestamp)>,
}

/// The token of an `oidc` provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcToken {
    /// The id-token.
    pub token: Secret,
    /// When it expires, as it says itself.
    pub expires: Option<Timestamp>,
}

/// The credential of `provider`, or why there is none.
pub(super) fn credential(provider: &AuthProvider) -> Result<Credential, String> {
    let config = &provider.config;
    match provider.name.as_str() {
        "gcp" => gcp(config).map(|command| Credential::Gcp(Box::new(command))),
        "oidc" => oidc(config).map(Credential::Oidc),
        "azure" => Err(removed("azure", "kubelogin convert-kubeconfig")),
        name => Err(format!("its auth-provider {name} is not known")),
    }
}

fn removed(name: &str, way_out: &str) -> String {
    format!("its auth-provider {name} is gone from kubectl since 1.26; run {way_out} once and try again")
}

fn set<'a>(config: &'a BTreeMap<String, Secret>, name: &str) -> Option<&'a str> {
    config.get(name).map(Secret::expose).filter(|value| !value.is_empty())
}

fn gcp(config: &BTreeMap<String, Secret>) -> Result<GcpCommand, String> {
    let program = set(config, "cmd-path").ok_or_else(|| {
        removed("gcp", "gcloud container clusters get-credentials with gke-gcloud-auth-plugin installed")
    })?;
    let args = set(config, "cmd-args").unwrap_or_default();
    let expires = set(config, "expiry").and_then(|expiry| expiry.parse().ok());
    Ok(GcpCommand {
        command: CommandLine {
            program: program.to_owned(),
            args: args.split_whitespace().map(str::to_owned).collect(),
            env: Vec::new(),
        },
        token_key: key(set(config, "token-key").unwrap_or("{.access_token}"))?,
        expiry_key: key(set(config, "expiry-key").unwrap_or("{.token_expiry}"))?,
        cached: set(config, "access-token").map(Secret::new).zip(expires),
    })
}

/// The steps of a JSONPath that only descends: `{.credential.access_token}`.
fn key(path: &str) -> Result<Vec<String>, String> {
    let inner = path.trim().strip_prefix('{').and_then(|path| path.strip_suffix('}')).unwrap_or(path);
    let steps: Vec<String> =
        inner.trim().trim_start_matches('$').split('.').skip(1).map(str::to_owned).collect();
    let is_plain = |step: &String| {
        !step.is_empty() && step.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    if steps.is_empty() || !steps.iter().all(is_plain) {
        return Err(format!(
            "its auth-provider has the path {path}; only paths like {{.credential.access_token}} are known"
        ));
    }
    Ok(steps)
}

/// Token and expiry from what the command wrote. Errors quote nothing of it.
pub(super) fn parse(gcp: &GcpCommand, output: &[u8]) -> Result<(Secret, Option<Timestamp>), String> {
    let said: serde_json::Value = serde_json::from_slice(output)
        .map_err(|error| format!("it wrote no JSON: line {}, column {}", error.line(), error.column()))?;
    let at = |key: &[String]| key.iter().try_fold(&said, |value, step| value.get(step));
    let token = at(&gcp.token_key).and_then(serde_json::Value::as_str).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| format!("it wrote no token at .{}", gcp.token_key.join(".")))?;
    let expiry = at(&gcp.expiry_key).and_then(serde_json::Value::as_str);
    // An expiry of another form is as none: the server's 401 will say so.
    Ok((Secret::new(token), expiry.and_then(|expiry| expiry.parse().ok())))
}

fn oidc(config: &BTreeMap<String, Secret>) -> Result<OidcToken, String> {
    let token = set(config, "id-token")
        .ok_or("its auth-provider oidc has no id-token; log in with your login tool once")?;
    Ok(OidcToken { token: Secret::new(token), expires: jwt::expiry(token) })
}
