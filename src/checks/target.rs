//! Where an upgrade is to go, and by which hops.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::evidence::ApiServers;
use crate::version::{Minor, ParseVersionError, Version};

/// A target as a user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// `1.31`: the newest patch of it that the catalog knows.
    Minor(Minor),
    /// `1.31.4`
    Exact(Version),
}

impl FromStr for Asked {
    type Err = ParseVersionError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::Minor).or_else(|_| text.parse().map(Self::Exact))
    }
}

/// Why a cluster cannot be judged for a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The cluster is older than what kubelift knows.
    #[error(
        "the cluster's oldest API server is {from}; kubelift knows Kubernetes from {first} on. Upgrade to {first} first, minor by minor"
    )]
    ClusterTooOld {
        /// The oldest API server.
        from: Version,
        /// The first minor of the catalog.
        first: Minor,
    },
    /// The cluster is newer than what kubelift knows.
    #[error(
        "the cluster's oldest API server is {from}; this kubelift knows Kubernetes up to {last}. A newer kubelift is needed"
    )]
    ClusterTooNew {
        /// The oldest API server.
        from: Version,
        /// The last minor of the catalog.
        last: Minor,
    },
    /// It would be a downgrade.
    #[error("the target {to} is below the cluster's oldest API server, {from}: Kubernetes has no way down")]
    Below {
        /// The oldest API server.
        from: Version,
        /// The target.
        to: Version,
    },
    /// The catalog does not reach as far.
    #[error(
        "the target {to} is beyond what this kubelift knows, which ends at {last}: it could not say what is removed there"
    )]
    Beyond {
        /// The target.
        to: String,
        /// The last minor of the catalog.
        last: Minor,
    },
}

/// A version to upgrade to, seen from where the cluster is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The oldest API server's version: where the upgrade starts from.
    pub from: Version,
    /// The version asked for.
    pub to: Version,
    /// Whether nobody asked for it: the newest known patch of the next minor.
    pub chosen: bool,
}

impl TargetError {
    /// Whether something else should have been asked for; otherwise no target can be had for this cluster.
    pub const fn is_of_target(&self) -> bool {
        matches!(self, Self::Below { .. } | Self::Beyond { .. })
    }
}

impl Target {
    /// Why there is no way to the target `asked` for, where that is certain of API servers that have been read.
    pub fn refusal(servers: &ApiServers, asked: Option<&Asked>, catalog: &Catalog) -> Option<TargetError> {
        let error = Self::choose(servers.oldest()?, asked, catalog).err()?;
        // "Below" is only certain where no older server can hide.
        let certain = !matches!(error, TargetError::Below { .. }) || servers.all_versions_read();
        certain.then_some(error)
    }

    /// The target `asked` for, from the oldest API server's version. Without one it is the newest known patch of
    /// the next minor; of the cluster's own minor where the catalog ends there.
    ///
    /// # Errors
    /// When the cluster or the target lies outside of the catalog, or the target below the cluster.
    pub fn choose(from: &Version, asked: Option<&Asked>, catalog: &Catalog) -> Result<Self, TargetError> {
        let (Some(first), Some(last)) = (catalog.minors().next(), catalog.minors().next_back()) else {
            return Err(TargetError::Beyond { to: from.to_string(), last: from.minor() });
        };
        if from.minor() < first {
            return Err(TargetError::ClusterTooOld { from: from.clone(), first });
        }
        if from.minor() > last {
            return Err(TargetError::ClusterTooNew { from: from.clone(), last });
        }
        let newest = |minor: Minor| catalog.newest_patch(minor);
        let to = match asked {
            Some(Asked::Exact(version)) => Some(version.clone()).filter(|version| version.minor() <= last),
            Some(Asked::Minor(minor)) => newest(*minor),
            None => {
                newest(from.minor().next()).or_else(|| newest(from.minor()).map(|own| own.max(from.clone())))
            }
        };
        let Some(to) = to else {
            return match asked {
                Some(Asked::Minor(minor)) if *minor < first => Err(TargetError::Below {
                    from: from.clone(),
                    to: Version::new(minor.major, minor.minor, 0),
                }),
                Some(Asked::Minor(minor)) => Err(TargetError::Beyond { to: minor.to_string(), last }),
                Some(Asked::Exact(version)) => Err(TargetError::Beyond { to: version.to_string(), last }),
                None => Err(TargetError::Beyond { to: from.minor().next().to_string(), last }),
            };
        };
        // A minor whose newest known patch is older than what the cluster already runs is no way down: stay.
        let to = if matches!(asked, Some(Asked::Minor(minor)) if *minor == from.minor()) {
            to.max(from.clone())
        } else {
            to
        };
        if to < *from {
            return Err(TargetError::Below { from: from.clone(), to });
        }
        Ok(Self { from: from.clone(), to, chosen: asked.is_none() })
    }

    /// The minors that are passed, in order, without the one that the cluster is at. Empty for a patch upgrade.
    pub fn hops(&self) -> Vec<Minor> {
        let mut hops = Vec::new();
        let mut at = self.from.minor();
        while at < self.to.minor() && at.major == self.to.major {
            at = at.next();
            hops.push(at);
        }
        hops
    }

    /// The minor at the end of the first hop, by which blockers are judged; the cluster's own minor
    /// for a patch upgrade.
    pub fn first_hop(&self) -> Minor {
        self.hops().first().copied().unwrap_or_else(|| self.from.minor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_are_the_minors_on_the_way() {
        let target = |from: &str, to: &str| Target {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            chosen: false,
        };
        let minors = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Minor>>();
        assert_eq!(target("1.30.4", "1.31.14").hops(), minors(&["1.31"]));
        assert_eq!(target("1.30.4", "1.33.0").hops(), minors(&["1.31", "1.32", "1.33"]));
        assert_eq!(target("1.30.4", "1.30.14").hops(), minors(&[]));
        assert_eq!(target("1.30.4", "1.30.14").first_hop(), Minor::new(1, 30));
    }

    #[test]
    fn targets_are_chosen_within_the_catalog() {
        let catalog = Catalog::get().unwrap();
        let choose = |from: &str, asked: Option<&str>| {
            let asked = asked.map(|text| text.parse().unwrap());
            Target::choose(&from.parse().unwrap(), asked.as_ref(), catalog)
        };
        let newest = |minor: &str| catalog.newest_patch(minor.parse().unwrap()).unwrap();
        let chosen = choose("1.30.4", None).unwrap();
        assert_eq!((chosen.to, chosen.chosen), (newest("1.31"), true));
        assert_eq!(choose("1.30.4", Some("1.31")).unwrap().to, newest("1.31"));
        assert_eq!(choose("1.30.4", Some("v1.31.4")).unwrap().to, Version::new(1, 31, 4));
        assert_eq!(choose("1.30.4", Some("1.30.4")).unwrap().hops(), []);
        assert_eq!(choose("1.30.99", Some("1.30")).unwrap().to, Version::new(1, 30, 99));
        assert_eq!(choose("1.37.0", None).unwrap().to, newest("1.37"));
        assert!(matches!(choose("1.30.4", Some("1.30.3")), Err(TargetError::Below { .. })));
        assert!(matches!(choose("1.30.4", Some("1.29")), Err(TargetError::Below { .. })));
        assert!(matches!(choose("1.30.4", Some("1.20")), Err(TargetError::Below { .. })));
        assert!(matches!(choose("1.30.4", Some("1.38")), Err(TargetError::Beyond { .. })));
        assert!(matches!(choose("1.30.4", Some("1.40.0")), Err(TargetError::Beyond { .. })));
        assert!(matches!(choose("1.27.9", None), Err(TargetError::ClusterTooOld { .. })));
        assert!(matches!(choose("1.38.0", None), Err(TargetError::ClusterTooNew { .. })));
    }
}
