//! Why there are no credentials, and the way out.

use std::error::Error as StdError;

use crate::text::{Document, Text};

/// Why there are no credentials to send.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialError {
    /// Nobody could be asked.
    #[error(
        "user {user} gets its credentials by running a command, and nobody is here to agree to it: {command}; \
         with --allow-exec kubelift runs it"
    )]
    NotAllowed {
        /// The user's entry.
        user: Text,
        /// The command, as a shell would have it.
        command: Text,
    },
    /// Somebody was asked and said no.
    #[error("not run, as you chose: {command}; without it user {user} has no credentials")]
    Declined {
        /// The user's entry.
        user: Text,
        /// The command, as a shell would have it.
        command: Text,
    },
    /// The command is not there.
    #[error("{program} is not found; user {user} gets its credentials from it{}", with_hint(.hint))]
    NotFound {
        /// The user's entry.
        user: Text,
        /// The program.
        program: Text,
        /// What the kubeconfig says about installing it.
        hint: Document,
    },
    /// The command could not be run, or ended badly.
    #[error("{program}, which has the credentials of user {user}: {why}")]
    Command {
        /// The user's entry.
        user: Text,
        /// The program.
        program: Text,
        /// What happened, with what it wrote to standard error.
        why: Text,
    },
    /// The token file cannot be read and none was read before.
    #[error("token file {file} of user {user}: {why}")]
    TokenFile {
        /// The user's entry.
        user: Text,
        /// The file.
        file: Text,
        /// Why.
        why: Text,
    },
    /// The OIDC token has expired.
    #[error(
        "the OIDC token of user {user} expired at {at}; kubelift does not refresh it: renew it with `kubectl get \
         --raw /version`, or with your login tool (kubectl oidc-login), and try again"
    )]
    Expired {
        /// The user's entry.
        user: Text,
        /// When.
        at: jiff::Timestamp,
    },
    /// A server answered 401, and there is nothing else to send.
    #[error(
        "the server refuses the credentials of user {user} (401), and there are no others: renew them where the \
         kubeconfig has them from"
    )]
    Refused {
        /// The user's entry.
        user: Text,
    },
    /// A plugin is still running, perhaps with a person at it.
    #[error("the credentials of user {user} are being renewed; nothing was asked meanwhile")]
    BeingRenewed {
        /// The user's entry.
        user: Text,
    },
    /// A token or password that no HTTP header can carry.
    #[error("the {what} of user {user} holds characters that cannot be sent")]
    Unsendable {
        /// The user's entry.
        user: Text,
        /// `token` or `password`.
        what: &'static str,
    },
}

impl CredentialError {
    /// The error inside an error of kube's client, if that is what it is.
    pub fn within<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }

    /// Whether only a person can change it: it is not tried again by itself.
    pub const fn needs_person(&self) -> bool {
        matches!(self, Self::NotAllowed { .. } | Self::Declined { .. } | Self::NotFound { .. })
    }
}

fn with_hint(hint: &Document) -> String {
    if hint.is_empty() { String::new() } else { format!("\n{hint}") }
}
