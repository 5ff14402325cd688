//! What a check says.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::evidence::{Reading, Reason, Stamp, Unread};

/// How much a finding weighs. The order is that of attention: the first is met first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The upgrade would fail, or something would stop working by it.
    Blocker,
    /// Something was not read, so nothing can be said.
    Unknown,
    /// It should be mended, and does not stop this hop.
    Warning,
    /// Worth knowing.
    Notice,
    /// It was read, and is fine.
    Pass,
}

impl Severity {
    /// All, in order of attention.
    pub const ALL: [Self; 5] = [Self::Blocker, Self::Unknown, Self::Warning, Self::Notice, Self::Pass];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocker => "blocker",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Pass => "pass",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The evidence shows it.
    Observed,
    /// It follows from the evidence by a rule of Kubernetes.
    Inferred,
}

/// What a finding is about. Fields that do not apply are empty, and left out when written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Subject {
    /// `apps/v1`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// `Deployment`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The node, where it is about an object on one, or about the node's own machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// A file of this machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The line in [`Subject::file`], from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl Subject {
    /// An object.
    pub fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// A Node, and its machine.
    pub fn node(name: &str) -> Self {
        Self { node: name.to_owned(), ..Self::object("v1", "Node", "", name) }
    }

    /// Something without an object: `Cluster`, `APIServer`, `EtcdMember`, …
    pub fn thing(kind: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), name: name.to_owned(), ..Self::default() }
    }

    /// A file of this machine.
    pub fn file(path: &str) -> Self {
        Self { file: path.to_owned(), ..Self::default() }
    }
}

impl fmt::Display for Subject {
    /// `shop/Deployment/web`, `Node/w5`, `flowschemas`, as short as it stays clear.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for part in [&self.namespace, &self.kind, &self.name, &self.file] {
            if part.is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(part);
        }
        f.pad(&text)
    }
}

/// One piece of evidence that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// What was seen, in a few words.
    pub saw: String,
    /// The read that showed it, as one would repeat it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub how: String,
    /// When it was seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Timestamp>,
}

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remedy {
    /// In words.
    pub summary: String,
    /// Commands that can be copied, each a line for a shell. kubelift runs none of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

/// What a check says of one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// A stable code: it never changes its meaning, for people waive it and machines match it.
    pub code: String,
    /// The id of the check, which is that of its pane.
    pub check: String,
    /// How much it weighs.
    pub severity: Severity,
    /// For an unknown: the worst that may hide behind it. Absent for all others.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub could_hide: Option<Severity>,
    /// For an unknown that is one only for now: the resource that is still being read for the first time.
    #[serde(skip)]
    pub waits_for: Option<String>,
    /// What it is about.
    pub subject: Subject,
    /// What is the case, in one sentence.
    pub message: String,
    /// Why it matters for this hop.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub why: String,
    /// What it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence: Vec<Proof>,
    /// How sure it is.
    pub certainty: Certainty,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<Remedy>,
    /// Where Kubernetes documents it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
}

impl Finding {
    /// An observed finding of `severity`.
    pub fn new(code: &str, severity: Severity, subject: Subject, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            check: String::new(),
            severity,
            could_hide: None,
            waits_for: None,
            subject,
            message: message.into(),
            why: String::new(),
            evidence: Vec::new(),
            certainty: Certainty::Observed,
            remedy: None,
            link: None,
        }
    }

    /// That `unread` keeps a check from saying more; behind it may hide a `could_hide` or less.
    pub fn unknown(code: &str, could_hide: Severity, subject: Subject, unread: &Unread) -> Self {
        let proof = Proof { saw: unread.to_string(), how: String::new(), at: unread.at };
        Self {
            could_hide: Some(could_hide),
            waits_for: (unread.reason == Reason::Pending).then(|| unread.resource.to_string()),
            evidence: vec![proof],
            ..Self::new(code, Severity::Unknown, subject, format!("not known: could not {unread}"))
        }
    }

    /// That what was read, by a read that worked, does not show what a check must know.
    pub fn unshown(
        code: &str,
        could_hide: Severity,
        subject: Subject,
        what: &str,
        stamp: Option<&Stamp>,
    ) -> Self {
        let finding = Self::new(code, Severity::Unknown, subject, format!("not known: {what}"));
        Self { could_hide: Some(could_hide), ..finding }.saw(what, stamp)
    }

    /// With the reason why it matters.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// With one more proof.
    #[must_use]
    pub fn saw(mut self, saw: impl Into<String>, stamp: Option<&Stamp>) -> Self {
        self.evidence.push(Proof {
            saw: saw.into(),
            how: stamp.map(|stamp| stamp.how.to_string()).unwrap_or_default(),
            at: stamp.map(|stamp| stamp.at),
        });
        self
    }

    /// As a conclusion, not an observation.
    #[must_use]
    pub const fn inferred(mut self) -> Self {
        self.certainty = Certainty::Inferred;
        self
    }

    /// With a remedy in words and commands.
    #[must_use]
    pub fn remedy(mut self, summary: impl Into<String>, commands: impl IntoIterator<Item = String>) -> Self {
        self.remedy = Some(Remedy { summary: summary.into(), commands: commands.into_iter().collect() });
        self
    }

    /// With a link to the documentation.
    #[must_use]
    pub fn link(mut self, link: &str) -> Self {
        self.link = Some(link.to_owned());
        self
    }
}

/// The unknowns that the gaps of a listing or reading make, for one check.
pub fn unknowns<'a>(
    code: &str,
    could_hide: Severity,
    subject: &Subject,
    gaps: impl IntoIterator<Item = &'a Unread>,
) -> Vec<Finding> {
    gaps.into_iter().map(|unread| Finding::unknown(code, could_hide, subject.clone(), unread)).collect()
}

impl<T> Reading<T> {
    /// What was read, or the finding that it was not.
    ///
    /// # Errors
    /// The finding, with `code`, that the reading is unread.
    pub fn or_unknown(
        &self,
        code: &str,
        could_hide: Severity,
        subject: Subject,
    ) -> Result<(&T, &Stamp), Box<Finding>> {
        self.get().map_err(|unread| Box::new(Finding::unknown(code, could_hide, subject, unread)))
    }
}
