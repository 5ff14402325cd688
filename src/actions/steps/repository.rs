//! Package repositories: one a minor, so that a hop begins with the list.
//!
//! Source: <https://kubernetes.io/blog/2023/08/15/pkgs-k8s-io-introduction/>, and
//! <https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/change-package-repository/>.

use super::Site;
use crate::actions::observed::{Condition, package_version};
use crate::checks::common::shell::quote;
use crate::evidence::node_facts::{NodeFacts, Packages, Repository};
use crate::version::{Minor, Version};

/// What a node's packages are managed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Apt,
    Dnf,
}

/// The package manager, its repository, and how versions are named there.
pub(super) struct Repositories<'a> {
    pub manager: Manager,
    packages: &'a Packages,
}

/// The manager of a machine's packages.
pub(super) fn of(facts: &NodeFacts) -> Result<Repositories<'_>, Condition> {
    let what = "its packages are managed by apt or dnf";
    let Some(packages) = &facts.packages else {
        return Err(Condition::unknown(
            what,
            facts.why_unread("packages").unwrap_or("the probe does not say"),
        ));
    };
    let manager = match packages.manager.as_deref() {
        Some("apt") => Manager::Apt,
        Some("dnf") => Manager::Dnf,
        other => {
            return Err(Condition::of(what, false, format!("the probe saw {}", other.unwrap_or("neither"))));
        }
    };
    Ok(Repositories { manager, packages })
}

/// An address from its host on, where the probe took name and password out of it: what is replaced must be in the file.
fn without_login(address: &str) -> &str {
    address.split_once("//[masked]@").map_or(address, |(_, rest)| rest)
}

impl<'a> Repositories<'a> {
    /// Enabled lines that hold Kubernetes' packages, by the minor in their address.
    fn lines(&self) -> impl Iterator<Item = (&'a Repository, Minor)> {
        self.packages
            .repositories
            .iter()
            .filter(|line| line.enabled != Some(false))
            .filter_map(|line| Some((line, line.minor.as_deref()?.parse().ok()?)))
    }

    /// That a repository of a minor can be named: one is configured whose address has a minor. A mirror may hold every minor
    /// at one address, so without such it is not known.
    pub(super) fn known(&self) -> Condition {
        let what = "a repository with a minor in its address is configured";
        match self.lines().next() {
            Some(_) => Condition::of(what, true, ""),
            None => Condition::unknown(
                what,
                "none of its sources has one; they may have the version all the same",
            ),
        }
    }

    /// The lines that bring the sources to the minor of the target; none where they are there already.
    pub(super) fn to_minor(&self, minor: Minor) -> Vec<String> {
        if self.lines().any(|(_, at)| at == minor) {
            return Vec::new();
        }
        let mut commands = Vec::new();
        for (line, at) in self.lines() {
            let new = line.uri.replace(&format!("v{at}"), &format!("v{minor}"));
            let path = quote(&line.path);
            let number = line.line.map(|number| number.to_string()).unwrap_or_default();
            commands.push(replace(&number, without_login(&line.uri), without_login(&new), &path));
            let keys = line.signed_by.as_deref().unwrap_or_default();
            match self.manager {
                Manager::Apt if new.starts_with("https://pkgs.k8s.io/") => {
                    commands.extend(
                        keys.iter().filter(|key| key.starts_with('/')).flat_map(|keyring| key(&new, keyring)),
                    );
                }
                Manager::Apt => {}
                Manager::Dnf => commands.extend(keys.iter().filter_map(|key| {
                    let new = key.replace(&format!("v{at}"), &format!("v{minor}"));
                    (new != key.as_str()).then(|| replace("", without_login(key), without_login(&new), &path))
                })),
            }
        }
        commands
    }

    /// The package of a version, as the manager takes it: `kubeadm=1.31.14-*`, `kubeadm-1.31.14`. What stands behind
    /// Kubernetes' version is the repository's own, and not the same for all: pkgs.k8s.io has 1.29.3-1.1 and 1.29.4-2.1.
    pub(super) fn package(&self, name: &str, site: &Site) -> String {
        self.package_of(name, &site.to.to_string())
    }

    fn package_of(&self, name: &str, version: &str) -> String {
        match self.manager {
            Manager::Apt => format!("{name}={version}-*"),
            Manager::Dnf => format!("{name}-{version}"),
        }
    }

    /// The lines that install packages at the target's version, and hold them again.
    pub(super) fn install(&self, names: &[&str], site: &Site) -> Vec<String> {
        let packages: Vec<String> = names.iter().map(|name| quote(&self.package(name, site))).collect();
        let (names, packages) = (names.join(" "), packages.join(" "));
        match self.manager {
            Manager::Apt => vec![
                "apt-get update".to_owned(),
                format!("apt-mark unhold {names}"),
                format!("{APT} {packages}"),
                format!("apt-mark hold {names}"),
            ],
            Manager::Dnf if self.version_locked(&names) => vec![
                format!("dnf versionlock delete {names}"),
                format!("dnf install -y {packages} --disableexcludes=kubernetes"),
                format!("dnf versionlock add {names}"),
            ],
            Manager::Dnf => vec![format!("dnf install -y {packages} --disableexcludes=kubernetes")],
        }
    }

    /// The version that packages have until the step: behind the first control plane's upgrade no API server tells it.
    fn before(&self, names: &[&str], site: &Site) -> Version {
        let installed = self.packages.installed.iter().filter(|package| names.contains(&&*package.name));
        let mut versions = installed.filter_map(|package| package_version(package.version.as_deref()?));
        versions.find(|version| *version != site.to).unwrap_or_else(|| site.from.clone())
    }

    /// How the packages come back to the version before.
    pub(super) fn way_back(&self, names: &[&str], site: &Site) -> String {
        let before = self.before(names, site);
        let packages: Vec<String> =
            names.iter().map(|name| quote(&self.package_of(name, &before.to_string()))).collect();
        let unlock = match self.version_locked(&names.join(" ")) {
            true if self.manager == Manager::Dnf => format!("dnf versionlock delete {}, ", names.join(" ")),
            _ => String::new(),
        };
        match self.manager {
            Manager::Apt => format!(
                "the v{} list, apt-get update, apt-get install --allow-downgrades --allow-change-held-packages {}",
                before.minor(),
                packages.join(" ")
            ),
            Manager::Dnf => {
                format!(
                    "the v{} repository, {unlock}dnf downgrade -y {} --disableexcludes=kubernetes",
                    before.minor(),
                    packages.join(" ")
                )
            }
        }
    }

    fn version_locked(&self, names: &str) -> bool {
        let mut names = names.split(' ');
        names.any(|name| self.packages.installed.iter().any(|p| p.name == *name && p.held == Some(true)))
    }
}

/// apt without a question: neither needrestart nor a changed conffile may ask one.
const APT: &str = "DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get install -y \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold";

/// The key of a repository: it is the same for every minor so far, but it expires and is made anew.
fn key(uri: &str, keyring: &str) -> Vec<String> {
    let file = "/run/kubelift-release.key";
    vec![
        format!("curl -fsSL {} -o {file}", quote(&format!("{}/Release.key", uri.trim_end_matches('/')))),
        format!("gpg --batch --yes --dearmor -o {} {file}", quote(keyring)),
    ]
}

/// The line that puts `new` in the place of `old`, on one line of a file or on every.
fn replace(number: &str, old: &str, new: &str, path: &str) -> String {
    // What stands for something else in sed's replacement is in no address of a repository.
    let new = new.replace(['\\', '&', '#'], "");
    format!("sed -i {} {path}", quote(&format!("{number}s#{}#{new}#", sed(old))))
}

/// Text as a basic regular expression between `#`.
fn sed(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if ".*[]^$\\#".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
