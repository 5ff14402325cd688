//! What can be wrong with a kubeconfig, and what to do about it.

use std::path::{Path, PathBuf};

use crate::cluster::proxy::ProxyError;
use crate::text::Text;

/// Why no cluster could be made out of the kubeconfig.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// The file that was asked for is not there.
    #[error("{file} does not exist; --kubeconfig names a file that must")]
    NotFound {
        /// The file.
        file: Text,
    },
    /// A file is there and cannot be read.
    #[error("{file} cannot be read: {source}")]
    Read {
        /// The file.
        file: Text,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not a kubeconfig.
    #[error("{file} is not a kubeconfig: {why}")]
    Malformed {
        /// The file.
        file: Text,
        /// Why, with line and column where there are some.
        why: Text,
    },
    /// The context that was asked for is nowhere.
    #[error("there is no context {name}{}", known(.contexts, .files))]
    NoSuchContext {
        /// The context.
        name: Text,
        /// Those that there are.
        contexts: Vec<Text>,
        /// The files that were read.
        files: Vec<Text>,
    },
    /// Nothing says which context to use.
    #[error("no context is chosen: give --context, or set one with kubectl config use-context{}", known(.contexts, .files))]
    NoContext {
        /// Those that there are.
        contexts: Vec<Text>,
        /// The files that were read.
        files: Vec<Text>,
    },
    /// There is no kubeconfig at all, and this is no pod.
    #[error(
        "no cluster is known: {}, and this is not a pod with a service account; give --kubeconfig, or set KUBECONFIG",
        looked(.looked_at)
    )]
    Nothing {
        /// The files that would have been read.
        looked_at: Vec<Text>,
    },
    /// An entry cannot be used.
    #[error("{kind} {name} in {file}: {why}")]
    Entry {
        /// `context`, `cluster` or `user`.
        kind: &'static str,
        /// Its name.
        name: Text,
        /// The file that it comes from.
        file: Text,
        /// What is wrong, and what to do.
        why: Text,
    },
    /// A proxy that cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The pod's service account cannot be used.
    #[error("the pod's service account: {why}")]
    ServiceAccount {
        /// What is wrong.
        why: Text,
    },
}

impl KubeconfigError {
    pub(super) fn malformed(file: &Path, why: &str) -> Self {
        Self::Malformed { file: shown(file), why: why.into() }
    }
}

/// A path, to be shown.
pub(crate) fn shown(path: &Path) -> Text {
    Text::new(&path.to_string_lossy())
}

pub(super) fn all_shown(paths: &[PathBuf]) -> Vec<Text> {
    paths.iter().map(|path| shown(path)).collect()
}

/// How many contexts are listed in a message.
const MAX_LISTED: usize = 20;

fn known(contexts: &[Text], files: &[Text]) -> String {
    let files = files.join(", ");
    let files = if files.is_empty() { String::from("any file") } else { files };
    if contexts.is_empty() {
        return format!("; there is none in {files}");
    }
    let listed: Vec<&str> = contexts.iter().take(MAX_LISTED).map(Text::as_str).collect();
    let more = contexts.len().saturating_sub(MAX_LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("; in {files} there are: {}{more}", listed.join(", "))
}

fn looked(files: &[Text]) -> String {
    match files {
        [] => String::from("no kubeconfig was looked for, as HOME is not set"),
        [file] => format!("{file} does not exist or names none"),
        files => format!("none of {} exists and names one", files.join(", ")),
    }
}
