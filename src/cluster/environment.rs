//! What a process is surrounded by, as far as reaching a cluster depends on it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Where a pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Environment variables, the working directory and the service account's folder: taken once, handed in, so that
/// tests need not change the process's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
    service_account: PathBuf,
}

impl Environment {
    /// The process's own, as it is now.
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            // Without a working directory only absolute paths mean anything; the root makes others fail to be found.
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            service_account: PathBuf::from(SERVICE_ACCOUNT),
        }
    }

    /// An environment of these variables, in `directory`, whose service account would be in
    /// `directory/serviceaccount`.
    pub fn of<K: Into<OsString>, V: Into<OsString>>(
        directory: &Path,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self {
            variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            directory: directory.to_owned(),
            service_account: directory.join("serviceaccount"),
        }
    }

    /// The variable `name`; none where it is unset or empty.
    pub fn os(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The variable `name`; none where it is unset, empty, or no UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.os(name).and_then(OsStr::to_str)
    }

    /// The first of `names` that is set.
    pub fn any(&self, names: [&str; 2]) -> Option<&str> {
        names.into_iter().find_map(|name| self.get(name))
    }

    /// All variables.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// `path`, absolute.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// The service account's folder.
    pub fn service_account(&self) -> &Path {
        &self.service_account
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: values can be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
