//! From a credential to what is sent: files are read, plugins run.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};

use super::command::{self, CommandFailure, CommandLine, Terminal};
use super::desk::{Consent, Desk};
use super::exec::{self, ExecPlugin, Interactive};
use super::provider::{self, GcpCommand};
use super::{Credential, CredentialError, Grant, OidcToken};
use crate::cluster::environment::Environment;
use crate::cluster::kubeconfig::{Identity, Resolved, read_bounded, shown};
use crate::cluster::secret::Secret;
use crate::text::{Document, Text};

/// How long a token file's content counts before it is read again: client-go's minute, less its ten seconds.
const REREAD: SignedDuration = SignedDuration::from_secs(50);

/// How long before its end a plugin's token is renewed, so that it does not expire on the way.
const LEEWAY: SignedDuration = SignedDuration::from_secs(10);

/// Credentials that were just obtained.
pub(super) struct Fresh {
    pub(super) header: Option<HeaderValue>,
    /// A certificate that a plugin gave.
    pub(super) identity: Option<Identity>,
    pub(super) expires: Option<Timestamp>,
}

impl Fresh {
    const fn of(header: Option<HeaderValue>) -> Self {
        Self { header, identity: None, expires: None }
    }
}

/// What it takes to obtain credentials.
pub(super) struct Obtaining<'a> {
    pub(super) resolved: &'a Resolved,
    pub(super) environment: &'a Environment,
    pub(super) desk: &'a dyn Desk,
    /// Command lines that somebody agreed to.
    pub(super) agreed: &'a Mutex<HashSet<CommandLine>>,
}

impl Obtaining<'_> {
    /// The credentials as they are now. `before` are those that they replace; `is_renewal` where those were no
    /// longer good.
    pub(super) async fn fresh(&self, before: &Grant, is_renewal: bool) -> Result<Fresh, CredentialError> {
        match &self.resolved.credential {
            Credential::None => Ok(Fresh::of(None)),
            Credential::Token(token) => Ok(Fresh::of(Some(self.bearer(token)?))),
            Credential::TokenFile { path, fallback } => self.token_file(path, fallback.as_ref(), before),
            Credential::Basic { username, password } => {
                let encoded = BASE64_STANDARD.encode(format!("{username}:{}", password.expose()));
                Ok(Fresh::of(Some(self.header(&format!("Basic {encoded}"), "password")?)))
            }
            Credential::Exec(plugin) => self.exec(plugin).await,
            Credential::Gcp(gcp) => self.gcp(gcp, is_renewal).await,
            Credential::Oidc(token) => self.oidc(token),
        }
    }

    fn user(&self) -> Text {
        self.resolved.user.clone()
    }

    fn bearer(&self, token: &Secret) -> Result<HeaderValue, CredentialError> {
        self.header(&format!("Bearer {}", token.expose().trim()), "token")
    }

    fn header(&self, value: &str, what: &'static str) -> Result<HeaderValue, CredentialError> {
        let mut header = HeaderValue::from_str(value)
            .map_err(|_| CredentialError::Unsendable { user: self.user(), what })?;
        header.set_sensitive(true);
        Ok(header)
    }

    fn token_file(
        &self,
        path: &Path,
        fallback: Option<&Secret>,
        before: &Grant,
    ) -> Result<Fresh, CredentialError> {
        let read = read_bounded(path).map_err(|error| error.to_string()).and_then(|bytes| {
            let token = String::from_utf8(bytes).map_err(|_| String::from("it is not text"))?;
            let token = token.trim();
            if token.is_empty() { Err(String::from("it is empty")) } else { Ok(Secret::new(token)) }
        });
        let header = match (read, fallback, &before.header) {
            (Ok(token), _, _) => self.bearer(&token)?,
            // The last token counts on: files are replaced, and sometimes removed once read.
            (Err(_), _, Some(header)) => header.clone(),
            (Err(_), Some(token), None) => self.bearer(token)?,
            (Err(why), None, None) => {
                let (user, file) = (self.user(), shown(path));
                return Err(CredentialError::TokenFile { user, file, why: Text::new(&why) });
            }
        };
        let expires = Some(Timestamp::now().saturating_add(REREAD).unwrap_or(Timestamp::MAX));
        Ok(Fresh { expires, ..Fresh::of(Some(header)) })
    }

    fn oidc(&self, token: &OidcToken) -> Result<Fresh, CredentialError> {
        match token.expires.filter(|expires| *expires <= Timestamp::now()) {
            Some(at) => Err(CredentialError::Expired { user: self.user(), at }),
            None => Ok(Fresh { expires: token.expires, ..Fresh::of(Some(self.bearer(&token.token)?)) }),
        }
    }

    async fn exec(&self, plugin: &ExecPlugin) -> Result<Fresh, CredentialError> {
        self.consent(&plugin.command).await?;
        let terminal = match plugin.interactive {
            Interactive::Never => Terminal::none(),
            Interactive::IfAvailable | Interactive::Always => self.desk.lend().await,
        };
        if plugin.interactive == Interactive::Always && !terminal.lent {
            return Err(self.failed(
                &plugin.command,
                "it needs a terminal (interactiveMode: Always), and there is none",
            ));
        }
        let info = exec::exec_info(plugin, self.resolved, terminal.lent);
        let output = self.run(&plugin.command, Some(&info), terminal.lent, &plugin.install_hint).await;
        drop(terminal);
        let given = exec::parse(plugin, &output?).map_err(|why| self.failed(&plugin.command, &why))?;
        let header = given.token.as_ref().map(|token| self.bearer(token)).transpose()?;
        let expires = given.expires.map(|at| at.saturating_sub(LEEWAY).unwrap_or(Timestamp::MIN));
        Ok(Fresh { header, identity: given.identity, expires })
    }

    async fn gcp(&self, gcp: &GcpCommand, is_renewal: bool) -> Result<Fresh, CredentialError> {
        let cached = gcp.cached.as_ref().filter(|(_, expires)| !is_renewal && *expires > Timestamp::now());
        let (token, expires) = match cached {
            Some((token, expires)) => (token.clone(), Some(*expires)),
            None => {
                self.consent(&gcp.command).await?;
                let output = self.run(&gcp.command, None, false, &Document::default()).await?;
                provider::parse(gcp, &output).map_err(|why| self.failed(&gcp.command, &why))?
            }
        };
        Ok(Fresh { expires, ..Fresh::of(Some(self.bearer(&token)?)) })
    }

    async fn consent(&self, command: &CommandLine) -> Result<(), CredentialError> {
        // A panic elsewhere leaves a whole set behind.
        let agreed = || self.agreed.lock().unwrap_or_else(PoisonError::into_inner);
        if agreed().contains(command) {
            return Ok(());
        }
        let user = self.user();
        match self.desk.consent(&user, command).await {
            Consent::Yes => {
                agreed().insert(command.clone());
                Ok(())
            }
            Consent::No => Err(CredentialError::Declined { user, command: command.shown() }),
            Consent::Nobody => Err(CredentialError::NotAllowed { user, command: command.shown() }),
        }
    }

    async fn run(
        &self,
        command: &CommandLine,
        info: Option<&str>,
        has_terminal: bool,
        hint: &Document,
    ) -> Result<Vec<u8>, CredentialError> {
        tracing::info!(program = %Text::new(&command.program), user = %self.resolved.user, "running a credential plugin");
        command::run(command, self.environment, info, has_terminal).await.map_err(|failure| match failure {
            CommandFailure::NotFound => CredentialError::NotFound {
                user: self.user(),
                program: command.program.as_str().into(),
                hint: hint.clone(),
            },
            CommandFailure::Other(why) => self.failed(command, &why),
        })
    }

    fn failed(&self, command: &CommandLine, why: &str) -> CredentialError {
        CredentialError::Command {
            user: self.user(),
            program: command.program.as_str().into(),
            why: why.into(),
        }
    }
}
