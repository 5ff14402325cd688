//! Why a read failed, as data.

use jiff::Timestamp;

use super::credentials::CredentialError;
use super::guard::Refused;
use super::wire::{self, Wire};
use crate::evidence::{Reason, Unread};
use crate::redact::redact;
use crate::text::Text;

/// A read that failed, after the last attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Failure {
    /// The class.
    pub reason: Reason,
    /// In the words of who refused: cleaned, without secrets, of bounded length.
    pub message: Text,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// When.
    pub at: Timestamp,
}

/// The longest message that is kept, in characters.
const MAX_MESSAGE: usize = 400;

impl Failure {
    /// A failure of `reason`, now.
    pub fn new(reason: Reason, message: &str) -> Self {
        let short: String = redact(message).chars().take(MAX_MESSAGE).collect();
        Self { reason, message: Text::new(&short), status: None, at: Timestamp::now() }
    }

    /// The failure that an answer with a status other than 2xx is. `body` is the start of its body, of that
    /// content type: a metav1.Status, or prose of a balancer.
    pub fn of_answer(status: u16, content_type: &str, body: &[u8]) -> Self {
        let decoded = Wire::of_content_type(content_type).and_then(|wire| wire::object::status(wire, body));
        let message = decoded.map(|status| status.message.to_string()).filter(|message| !message.is_empty());
        let message = message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        let message = if message.trim().is_empty() { format!("HTTP status {status}") } else { message };
        Self::of_status(status, message.trim())
    }

    /// The failure that a metav1.Status is, which came in the place of what was asked for.
    pub fn of_kubernetes_status(status: &wire::Status) -> Self {
        Self::of_status(u16::try_from(status.code).unwrap_or(500), &status.message)
    }

    fn of_status(status: u16, message: &str) -> Self {
        let reason = match status {
            401 | 403 => Reason::Forbidden,
            404 | 410 => Reason::Absent,
            _ => Reason::ServerError,
        };
        Self { status: Some(status), ..Self::new(reason, message) }
    }

    /// The failure that an error of the client is: nobody answered, or the answer broke off; or nobody was asked, as
    /// there are no credentials, or the guard refused.
    pub fn of_client(error: &(dyn std::error::Error + 'static)) -> Self {
        if let Some(credentials) = CredentialError::within(error) {
            return Self::new(Reason::Forbidden, &credentials.to_string());
        }
        if let Some(refused) = Refused::within(error) {
            return Self::new(Reason::NeedsUpgradeSession, &refused.to_string());
        }
        let mut causes = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        Self::new(Reason::Unreachable, &plain(&causes))
    }

    /// Whether trying again may help: nobody answered, or the server says that it cannot just now.
    pub fn is_passing(&self) -> bool {
        match self.reason {
            Reason::Unreachable | Reason::TimedOut => true,
            Reason::ServerError => matches!(self.status, Some(429 | 500 | 502 | 503 | 504)),
            _ => false,
        }
    }

    /// Whether it says nothing about what was read before: nobody answered, or nobody could be asked for want of
    /// credentials, which may be renewed. A right that is missing (403) is another matter.
    pub fn takes_nothing_back(&self) -> bool {
        self.is_passing() || (self.reason == Reason::Forbidden && self.status != Some(403))
    }

    /// Whether a list or watch must begin again: 410, its resourceVersion is gone.
    pub fn is_expired(&self) -> bool {
        self.status == Some(410)
    }

    /// As what was not read: `verb` of `resource`.
    pub fn unread(&self, verb: &str, resource: &str) -> Unread {
        Unread::new(verb, resource, self.reason, &self.message).at(self.at)
    }
}

/// What a chain of errors says, outermost first: without the layers that only repeat what is below them, and without
/// the client's own names of its layers, which tell a user nothing.
fn plain(causes: &[String]) -> String {
    let mut said: Vec<&str> = Vec::new();
    for (index, cause) in causes.iter().enumerate() {
        let repeats = causes.get(index + 1).is_some_and(|below| cause.contains(below.as_str()));
        let is_layer =
            cause.starts_with("client error (") || cause == "ServiceError" || cause == "connection error";
        if !(repeats || is_layer && index + 1 < causes.len()) {
            said.push(cause);
        }
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_their_reasons_and_the_servers_words() {
        let body = br#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods is forbidden: User \"x\" cannot list resource \"pods\"","code":403}"#;
        let failure = Failure::of_answer(403, "application/json", body);
        assert_eq!(failure.reason, Reason::Forbidden);
        assert!(failure.message.starts_with("pods is forbidden"));
        assert_eq!(
            Failure::of_answer(502, "text/html", b"<html>bad gateway</html>").message,
            "<html>bad gateway</html>"
        );
        assert_eq!(Failure::of_answer(503, "text/html", b"").message, "HTTP status 503");
        assert!(
            Failure::of_answer(503, "text/html", b"").is_passing()
                && !Failure::of_answer(403, "application/json", body).is_passing()
        );
        assert!(Failure::of_answer(410, "text/html", b"").is_expired());
    }

    #[test]
    fn a_chain_of_errors_says_each_thing_once() {
        let chain = |causes: &[&str]| plain(&causes.iter().map(ToString::to_string).collect::<Vec<_>>());
        let refused = "Connection refused (os error 111)";
        assert_eq!(
            chain(&[
                "ServiceError: client error (Connect)",
                "client error (Connect)",
                "tcp connect error",
                refused
            ]),
            "tcp connect error: Connection refused (os error 111)"
        );
        assert_eq!(chain(&["x: y", "y"]), "y");
        assert_eq!(chain(&["client error (SendRequest)"]), "client error (SendRequest)");
    }

    #[test]
    fn messages_are_cleaned_redacted_and_short() {
        let failure = Failure::of_answer(
            500,
            "text/plain",
            format!("\x1b[2J token=abc {}", "x".repeat(1000)).as_bytes(),
        );
        assert!(!failure.message.contains('\x1b') && !failure.message.contains("abc"));
        assert_eq!(failure.message.chars().count(), MAX_MESSAGE);
    }
}
