//! kubeconfig as kubectl reads it.
//!
//! The rules are client-go's (tools/clientcmd/loader.go, client_config.go, validation.go): where the files are, how
//! they are merged, which context counts, and when a pod's service account stands in. kube's own loader differs in
//! several of them (a missing file in KUBECONFIG is an error there), so kubelift decides and hands kube the result.

mod error;
mod file;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use error::KubeconfigError;
pub(crate) use error::shown;
pub(crate) use file::read_bounded;
pub use file::{AuthProvider, Cluster, Context, EnvVar, Exec, Extension, MAX_FILE, User};
pub use resolve::{Identity, Impersonation, Origin, Resolved, Trust, resolve};
pub(crate) use resolve::{address, certificates};

use super::environment::Environment;
use crate::text::Text;

/// What the command line says about the kubeconfig.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// `--kubeconfig`: this file and no other.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
}

/// An entry, and the file that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<T> {
    /// The file.
    pub file: PathBuf,
    /// The entry, its paths made absolute.
    pub value: T,
}

/// All kubeconfig files, merged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kubeconfig {
    /// The files that were read, in order of precedence.
    pub files: Vec<PathBuf>,
    /// The files that were looked for and do not exist.
    pub missing: Vec<PathBuf>,
    /// Clusters by name.
    pub clusters: BTreeMap<String, Entry<Cluster>>,
    /// Users by name.
    pub users: BTreeMap<String, Entry<User>>,
    /// Contexts by name.
    pub contexts: BTreeMap<String, Entry<Context>>,
    /// The context that counts without `--context`.
    pub current_context: Option<String>,
}

impl Kubeconfig {
    /// Reads the files that `choice` and `environment` name. Files of the list in KUBECONFIG that do not exist are
    /// left out; of an entry that is in several, the first is taken whole.
    ///
    /// # Errors
    /// When a file cannot be read or understood, or the one that `--kubeconfig` names does not exist.
    pub fn load(choice: &Choice, environment: &Environment) -> Result<Self, KubeconfigError> {
        let mut merged = Self::default();
        for path in paths(choice, environment) {
            let path = environment.absolute(&path);
            let bytes = match file::read_bounded(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if choice.kubeconfig.is_some() {
                        return Err(KubeconfigError::NotFound { file: shown(&path) });
                    }
                    merged.missing.push(path);
                    continue;
                }
                Err(source) => return Err(KubeconfigError::Read { file: shown(&path), source }),
            };
            merged.merge(&path, file::parse(&path, &bytes)?)?;
            merged.files.push(path);
        }
        Ok(merged)
    }

    /// The contexts' names, to be shown.
    pub fn context_names(&self) -> Vec<Text> {
        self.contexts.keys().map(|name| Text::new(name)).collect()
    }

    fn merge(&mut self, path: &Path, file: file::File) -> Result<(), KubeconfigError> {
        let folder = path.parent().unwrap_or(path);
        let clusters = file.clusters.unwrap_or_default().into_iter().map(|named| {
            let mut cluster = named.cluster.unwrap_or_default();
            make_absolute(folder, &mut cluster.certificate_authority);
            (named.name, cluster)
        });
        add(&mut self.clusters, path, "clusters", clusters)?;
        let users = file.users.unwrap_or_default().into_iter().map(|named| {
            let mut user = named.user.unwrap_or_default();
            for reference in [&mut user.client_certificate, &mut user.client_key, &mut user.token_file] {
                make_absolute(folder, reference);
            }
            // A command without a slash is looked up in PATH.
            if let Some(exec) = user.exec.as_mut().filter(|exec| exec.command.contains('/')) {
                make_absolute(folder, &mut exec.command);
            }
            (named.name, user)
        });
        add(&mut self.users, path, "users", users)?;
        let contexts = file.contexts.unwrap_or_default().into_iter();
        let contexts = contexts.map(|named| (named.name, named.context.unwrap_or_default()));
        add(&mut self.contexts, path, "contexts", contexts)?;
        let current = file.current_context.filter(|name| !name.is_empty());
        self.current_context = self.current_context.take().or(current);
        Ok(())
    }
}

/// The files to read, in order of precedence.
fn paths(choice: &Choice, environment: &Environment) -> Vec<PathBuf> {
    if let Some(path) = &choice.kubeconfig {
        return vec![path.clone()];
    }
    if let Some(list) = environment.os("KUBECONFIG") {
        let mut paths: Vec<PathBuf> = Vec::new();
        for path in std::env::split_paths(list) {
            if !path.as_os_str().is_empty() && !paths.contains(&path) {
                paths.push(path);
            }
        }
        return paths;
    }
    environment.os("HOME").map(|home| Path::new(home).join(".kube/config")).into_iter().collect()
}

fn make_absolute(folder: &Path, reference: &mut String) {
    if !reference.is_empty()
        && let Some(absolute) = folder.join(&*reference).to_str()
    {
        *reference = absolute.to_owned();
    }
}

/// Adds entries of one file: those of earlier files stay, and none may be twice in one file.
fn add<T>(
    all: &mut BTreeMap<String, Entry<T>>,
    path: &Path,
    list: &str,
    entries: impl Iterator<Item = (String, T)>,
) -> Result<(), KubeconfigError> {
    let mut seen = std::collections::BTreeSet::new();
    for (name, value) in entries {
        if !seen.insert(name.clone()) {
            let why = format!("{name} is twice in its {list}; remove one of them");
            return Err(KubeconfigError::malformed(path, &why));
        }
        all.entry(name).or_insert_with(|| Entry { file: path.to_owned(), value });
    }
    Ok(())
}
