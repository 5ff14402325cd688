//! Where an upgrade is to go, and by which hops.

use serde::{Deserialize, Serialize};

use crate::version::{Minor, Version};

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

impl Target {
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

    /// Which hop reaches `minor`: 1 for the first, `None` where the route does not pass it.
    pub fn hop_to(&self, minor: Minor) -> Option<usize> {
        self.hops().iter().position(|hop| *hop == minor).map(|index| index + 1)
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
        assert_eq!(target("1.30.4", "1.33.0").hop_to(Minor::new(1, 32)), Some(2));
    }
}
