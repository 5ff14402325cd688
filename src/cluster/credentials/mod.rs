//! Who one is to an API server.
//!
//! kubelift resolves credentials itself and hands kube's client only what they come to. Plugins run once, and
//! again on expiry or after a 401, each only after the person at the terminal has seen the command and agreed.

mod authorizer;
mod command;
mod desk;
mod error;
mod exec;
mod jwt;
mod obtain;
mod provider;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(super) use authorizer::PATIENCE;
pub use authorizer::{Authorizer, CredentialState, Grant};
pub use command::{CommandLine, Terminal};
pub use desk::{Consent, Desk, TerminalDesk, Unattended};
pub use error::CredentialError;
pub use exec::{ExecPlugin, Interactive};
pub use provider::{GcpCommand, OidcToken};

use super::kubeconfig::User;
use super::secret::Secret;

/// Who one is, apart from a client certificate of the kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nobody, or whom the certificate says.
    None,
    /// A bearer token.
    Token(Secret),
    /// A bearer token in a file, read again each minute; `fallback` counts while the file cannot be read.
    TokenFile {
        /// The file.
        path: PathBuf,
        /// The token beside it.
        fallback: Option<Secret>,
    },
    /// A user name and password.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// What a plugin says: a token, a client certificate, or both.
    Exec(Box<ExecPlugin>),
    /// What the command of a `gcp` provider says.
    Gcp(Box<GcpCommand>),
    /// An OIDC token as it stands; kubelift does not refresh it.
    Oidc(OidcToken),
}

/// The credential of a user entry. A token, a password or a certificate counts before a plugin, as in client-go
/// (transport/round_trippers.go, plugin/pkg/client/auth/exec).
pub(super) fn credential_of(user: &User, has_certificate: bool) -> Result<Credential, String> {
    let has_token = !user.token.is_empty() || !user.token_file.is_empty();
    let has_password = !user.username.is_empty() || !user.password.is_empty();
    if has_token && has_password {
        return Err(String::from("it has a token and a user name with password; remove one of them"));
    }
    if user.exec.is_some() && user.auth_provider.is_some() {
        return Err(String::from("it has exec and auth-provider; remove one of them"));
    }
    // A broken plugin is said even where it does not count, as by kubectl.
    let exec = user.exec.as_ref().map(exec::plugin).transpose()?;
    if !user.token_file.is_empty() {
        let fallback = Some(user.token.clone()).filter(|token| !token.is_empty());
        return Ok(Credential::TokenFile { path: PathBuf::from(&user.token_file), fallback });
    }
    if has_token {
        return Ok(Credential::Token(user.token.clone()));
    }
    if has_password {
        return Ok(Credential::Basic { username: user.username.clone(), password: user.password.clone() });
    }
    match (exec, &user.auth_provider) {
        (Some(plugin), _) if !has_certificate => Ok(Credential::Exec(Box::new(plugin))),
        (_, Some(provider)) => provider::credential(provider),
        _ => Ok(Credential::None),
    }
}
