//! How something came to be known, or why it is not: reads, listings and what stayed unread.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::Text;

/// One request to an API server, as it left and as it was answered.
///
/// The list of these is the log of everything that kubelift asked; the server's `Audit-Id` makes
/// each findable in the cluster's own audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadRecord {
    /// When the answer's head arrived, or the attempt ended.
    pub at: Timestamp,
    /// The server's address, `host:port`.
    pub server: Text,
    /// The HTTP method: always `GET` in an inspection.
    pub method: Text,
    /// Path and query.
    pub path: Text,
    /// The HTTP status; absent where no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer's `Audit-Id`, absent where the server sent none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_id: Option<Text>,
    /// From sending to the answer's head, in milliseconds.
    pub millis: u64,
    /// Why no answer came, or why kubelift did not send the request at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Text>,
}

/// Why something was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// The server refused for want of rights (401 or 403).
    Forbidden,
    /// Nobody answered: connection refused, reset, no route, TLS.
    Unreachable,
    /// No answer within the time limit.
    TimedOut,
    /// The server answered with an error of its own (429, 5xx).
    ServerError,
    /// The answer could not be understood, or was too large.
    Malformed,
    /// The server does not have it (404): neither this resource nor this object.
    Absent,
    /// It would have needed root on the node, or a program that is not there.
    NotPermittedOnNode,
    /// Nobody told kubelift where to look (`--node-facts`, `--backups`), or a recording does not have it.
    NotProvided,
    /// Left out by `--scope`.
    OutOfScope,
    /// It needs a request that an inspection does not make.
    NeedsUpgradeSession,
    /// Still being read, for the first time.
    Pending,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "forbidden",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed out",
            Self::ServerError => "server error",
            Self::Malformed => "not understood",
            Self::Absent => "absent",
            Self::NotPermittedOnNode => "not permitted on the node",
            Self::NotProvided => "not provided",
            Self::OutOfScope => "left out by --scope",
            Self::NeedsUpgradeSession => "needs an upgrade session",
            Self::Pending => "still being read",
        })
    }
}

/// One thing that was not read: the verb and the resource that would have read it, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// Kubernetes' verb (`list`, `get`, `watch`), or `probe` for facts of a node and `stat` for files.
    pub verb: Text,
    /// What: `pods`, `deployments.apps`, `/metrics`, `node facts`, …
    pub resource: Text,
    /// The namespace, where the read was limited to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
    /// The server, node or file, where only that one was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Text>,
    /// The class of the reason.
    pub reason: Reason,
    /// The reason in the words of who refused.
    pub message: Text,
    /// When it was last tried; absent where it was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl Unread {
    /// An unread `verb` of `resource`.
    pub fn new(verb: &str, resource: &str, reason: Reason, message: &str) -> Self {
        Self {
            verb: verb.into(),
            resource: resource.into(),
            namespace: None,
            of: None,
            reason,
            message: message.into(),
            at: None,
        }
    }

    /// The same, of one server, node or file.
    #[must_use]
    pub fn of(mut self, of: &str) -> Self {
        self.of = Some(of.into());
        self
    }

    /// The same, in one namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The same, tried at `at`.
    #[must_use]
    pub const fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }
}

impl fmt::Display for Unread {
    /// `list pods in shop: forbidden (…)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if let Some(namespace) = &self.namespace {
            write!(f, " in {namespace}")?;
        }
        if let Some(of) = &self.of {
            write!(f, " of {of}")?;
        }
        write!(f, ": {}", self.reason)?;
        if !self.message.is_empty() {
            write!(f, " ({})", self.message)?;
        }
        Ok(())
    }
}

/// When and how something was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamp {
    /// When the last byte of it arrived, or the last event of its watch.
    pub at: Timestamp,
    /// The read, as one would repeat it: `GET /api/v1/pods`, `probe w1.json`.
    pub how: Text,
}

/// One thing: read, or unread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reading<T> {
    /// It was read.
    Read {
        /// When and how.
        stamp: Stamp,
        /// What was read.
        value: T,
    },
    /// It was not read.
    Unread(Unread),
}

impl<T> Reading<T> {
    /// What was read, if it was.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Read { value, .. } => Some(value),
            Self::Unread(_) => None,
        }
    }

    /// What was read with its stamp, or why it was not.
    pub const fn get(&self) -> Result<(&T, &Stamp), &Unread> {
        match self {
            Self::Read { stamp, value } => Ok((value, stamp)),
            Self::Unread(unread) => Err(unread),
        }
    }
}

/// How far the first read of a listing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Progress {
    /// Not begun.
    #[default]
    Waiting,
    /// Pages are coming; `of` is the server's own estimate of all of them, where it gives one.
    Reading {
        /// Objects so far.
        seen: usize,
        /// Objects in all, as far as the server knows.
        of: Option<usize>,
    },
    /// Read to its end at least once, as far as rights reach; then watched.
    Done,
}

/// The objects of one kind: those that were read, and what of them was not.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: Deserialize<'de>", serialize = "T: Serialize"))]
pub struct Listing<T> {
    /// Kubernetes' name of the resource: `pods`, `deployments.apps`.
    pub resource: Text,
    /// The objects, sorted by namespace and name.
    pub items: Arc<[Arc<T>]>,
    /// When and how they were read; absent until a first page has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// How far the read has come.
    pub progress: Progress,
    /// What was not read of it. More than one where only some namespaces are allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// Since when it is no longer kept up to date, though it was read once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_since: Option<Timestamp>,
    /// Why it is not watched but read again from time to time; it is then as new as its stamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwatched: Option<Unread>,
}

impl<T> Listing<T> {
    /// A listing of `resource` that has not been begun.
    pub fn waiting(resource: &str) -> Self {
        Self {
            resource: resource.into(),
            items: Arc::from([]),
            stamp: None,
            progress: Progress::Waiting,
            unread: Vec::new(),
            stale_since: None,
            unwatched: None,
        }
    }

    /// A listing that was read in full at `stamp`.
    pub fn complete(resource: &str, items: Vec<T>, stamp: Stamp) -> Self {
        Self {
            resource: resource.into(),
            items: items.into_iter().map(Arc::new).collect(),
            stamp: Some(stamp),
            progress: Progress::Done,
            unread: Vec::new(),
            stale_since: None,
            unwatched: None,
        }
    }

    /// Whether every object was read. Only then may a check say that there is none of something.
    pub fn is_complete(&self) -> bool {
        self.progress == Progress::Done && self.unread.is_empty() && self.stale_since.is_none()
    }

    /// What keeps the listing from being complete; a pending read counts as unread.
    pub fn gaps(&self) -> Vec<Unread> {
        if self.progress == Progress::Done || !self.unread.is_empty() {
            let stale = self.stale_since.map(|since| {
                let message = format!("not kept up to date since {}", since.strftime("%H:%M:%S UTC"));
                Unread::new("watch", &self.resource, Reason::Unreachable, &message).at(since)
            });
            return self.unread.iter().cloned().chain(stale).collect();
        }
        let message = match self.progress {
            Progress::Reading { seen, of: Some(of) } => format!("{seen} of about {of}"),
            Progress::Reading { seen, of: None } => format!("{seen} so far"),
            Progress::Waiting | Progress::Done => String::new(),
        };
        vec![Unread::new("list", &self.resource, Reason::Pending, &message)]
    }

    /// The objects.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(AsRef::as_ref)
    }
}
