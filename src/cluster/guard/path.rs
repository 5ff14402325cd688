//! Which paths and queries a plain read can have.
//!
//! The grammar is that of k8s.io/apiserver pkg/endpoints/request/requestinfo.go, narrowed: a path is judged in the
//! only spelling that has one reading. No percent sign, no empty segment, no dot segment, no upper case in a
//! resource, so there is nothing that a proxy on the way could decode or normalise into another path.

use std::fmt;

/// Why a request is not a plain read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The method is not GET.
    Method,
    /// A header that changes the protocol or the method, or announces a body.
    Header(&'static str),
    /// It has a body.
    Body,
    /// It names a server of its own.
    Address,
    /// Characters or segments that can be read in more than one way.
    Spelling,
    /// A path that is neither a resource's nor one of the server's few others that are read.
    Path,
    /// A verb in the path (`proxy`, `watch`), or a resource that stands for an action.
    Verb,
    /// A subresource other than `status`.
    Subresource,
    /// Secrets are never read.
    Secrets,
    /// A query parameter that no plain read has.
    Query,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("the method is not GET"),
            Self::Header(name) => write!(f, "it has the header {name}"),
            Self::Body => f.write_str("it has a body"),
            Self::Address => f.write_str("it names a server of its own"),
            Self::Spelling => f.write_str("its path can be read in more than one way"),
            Self::Path => f.write_str("its path is not one that is read"),
            Self::Verb => f.write_str("its path stands for an action"),
            Self::Subresource => f.write_str("it is for a subresource other than status"),
            Self::Secrets => f.write_str("secrets are never read"),
            Self::Query => f.write_str("it has a query parameter that no plain read has"),
        }
    }
}

/// Longer paths than this are not Kubernetes': two names of 253 characters, a group, a resource.
const MAX_PATH: usize = 1024;

/// Names that stand where a resource would but are an action, a stream, or a credential. Most of them are served
/// as subresources only; an aggregated API could serve any of them. Evictions of lifecycle.k8s.io are not among them:
/// they are objects, and only `pods/eviction` is an action.
const ACTIONS: [&str; 16] = [
    "approval",
    "attach",
    "binding",
    "bindings",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "finalize",
    "log",
    "logs",
    "portforward",
    "proxy",
    "redirect",
    "token",
    "tokens",
    "watch",
];

/// Query parameters of get, list and watch, and of the health endpoints.
/// Source: metav1.ListOptions and GetOptions; k8s.io/apiserver pkg/server/healthz.
const PARAMETERS: [&str; 15] = [
    "allowWatchBookmarks",
    "continue",
    "exclude",
    "fieldSelector",
    "includeObject",
    "labelSelector",
    "limit",
    "pretty",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeout",
    "timeoutSeconds",
    "verbose",
    "watch",
];

/// Judges a path, as it would leave.
pub(super) fn judge(path: &str) -> Result<(), Why> {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~' | b':');
    let Some(path) = path.strip_prefix('/') else { return Err(Why::Spelling) };
    if path.len() > MAX_PATH || !path.bytes().all(is_plain) {
        return Err(Why::Spelling);
    }
    let segments: Vec<&str> = path.split('/').collect();
    if segments.iter().any(|segment| segment.is_empty() || segment.bytes().all(|byte| byte == b'.')) {
        return Err(Why::Spelling);
    }
    match *segments.as_slice() {
        ["version" | "metrics" | "api" | "apis"] => Ok(()),
        // A check's name can have slashes: /readyz/poststarthook/rbac/bootstrap-roles.
        ["livez" | "readyz" | "healthz", ref check @ ..] if check.len() <= 4 => Ok(()),
        ["api", "v1", ref rest @ ..] => resource(rest),
        ["apis", group] => is_group(group).then_some(()).ok_or(Why::Path),
        ["apis", group, version, ref rest @ ..] if is_group(group) && is_version(version) => resource(rest),
        _ => Err(Why::Path),
    }
}

/// What follows group and version: nothing (discovery), or `[namespaces/NS/]RESOURCE[/NAME[/status]]`.
fn resource(segments: &[&str]) -> Result<(), Why> {
    let segments = match *segments {
        // The namespace's own subresources, in the way in which the server tells them from resources.
        ["namespaces", _, "status" | "finalize", ..] => segments,
        ["namespaces", namespace, ref rest @ ..] if !rest.is_empty() => {
            is_label(namespace).then_some(rest).ok_or(Why::Spelling)?
        }
        _ => segments,
    };
    let Some((resource, rest)) = segments.split_first() else { return Ok(()) };
    if ACTIONS.contains(resource) {
        return Err(Why::Verb);
    }
    if *resource == "secrets" {
        return Err(Why::Secrets);
    }
    if !is_label(resource) {
        return Err(Why::Spelling);
    }
    match *rest {
        [] | [_] | [_, "status"] => Ok(()),
        [_, _] => Err(Why::Subresource),
        [_, subresource, ..] if subresource != "status" => Err(Why::Subresource),
        _ => Err(Why::Path),
    }
}

/// Judges a query. Its values are the server's to judge: none of them makes a read anything else.
pub(super) fn judge_query(query: &str) -> Result<(), Why> {
    // kube's own queries begin with an `&`.
    let names =
        query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or(pair));
    for name in names {
        if !PARAMETERS.contains(&name) {
            return Err(Why::Query);
        }
    }
    Ok(())
}

/// A label as DNS has it: namespaces and resources are such.
fn is_label(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 63 && text.bytes().all(is_part)
}

/// `apps`, `storage.k8s.io`.
fn is_group(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|label| !label.is_empty() && is_label(label))
}

/// `v1`, `v1beta3`; custom resources may have others, which look like labels.
fn is_version(text: &str) -> bool {
    is_label(text) && !ACTIONS.contains(&text) && text != "namespaces"
}
