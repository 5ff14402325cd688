//! Which releases there are.

use serde::Deserialize;

use super::Catalog;
use crate::version::{Minor, Version};

/// A minor of Kubernetes, with its newest patch when the catalog was last confirmed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The minor.
    pub minor: Minor,
    /// `14` for `1.31.14`.
    pub newest_patch: u32,
    /// Where that is from.
    pub source: String,
}

impl Catalog {
    /// The minors that kubelift judges, oldest first, without a gap.
    pub fn minors(&self) -> impl DoubleEndedIterator<Item = Minor> {
        self.releases.iter().map(|release| release.minor)
    }

    /// Whether kubelift judges clusters and targets of this minor.
    pub fn knows(&self, minor: Minor) -> bool {
        self.minors().any(|known| known == minor)
    }

    /// The newest known patch of a minor. There may be newer ones by now.
    pub fn newest_patch(&self, minor: Minor) -> Option<Version> {
        let release = self.releases.iter().find(|release| release.minor == minor)?;
        Some(Version::new(minor.major, minor.minor, release.newest_patch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::catalog;

    #[test]
    fn the_catalog_goes_from_1_28_to_1_37_without_a_gap() {
        let minors: Vec<Minor> = catalog().minors().collect();
        let expected: Vec<Minor> = (28..=37).map(|minor| Minor::new(1, minor)).collect();
        assert_eq!(minors, expected);
        assert!(!catalog().knows(Minor::new(1, 27)) && !catalog().knows(Minor::new(1, 38)));
    }

    #[test]
    fn the_newest_patch_of_a_minor_is_a_release() {
        assert_eq!(catalog().newest_patch(Minor::new(1, 31)), Some(Version::new(1, 31, 14)));
        assert_eq!(catalog().newest_patch(Minor::new(1, 38)), None);
    }
}
