//! Ranges of versions, as data files write them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::version::{Minor, ParseVersionError, Version};

/// Minors from one to another, both included: `1.29-1.31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MinorRange {
    /// The first minor.
    pub first: Minor,
    /// The last minor.
    pub last: Minor,
}

impl MinorRange {
    /// Whether `minor` is in the range.
    pub fn contains(&self, minor: Minor) -> bool {
        self.first <= minor && minor <= self.last
    }
}

/// Why a text is not a range of minors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseRangeError {
    /// There is no dash, or the ends are the wrong way round.
    #[error("'{0}' is not a range of minors: expected a form like 1.29-1.31")]
    Form(String),
    /// An end is not a minor.
    #[error(transparent)]
    End(#[from] ParseVersionError),
}

impl FromStr for MinorRange {
    type Err = ParseRangeError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseRangeError::Form(text.chars().take(40).collect());
        let (first, last) = text.split_once('-').ok_or_else(error)?;
        let range = Self { first: first.parse()?, last: last.parse()? };
        if range.first > range.last { Err(error()) } else { Ok(range) }
    }
}

impl TryFrom<String> for MinorRange {
    type Error = ParseRangeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for MinorRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Versions from one up to, and without, another. An end that is left out is open.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionRange {
    /// The first version.
    pub from: Option<Version>,
    /// The first version after the range.
    pub before: Option<Version>,
}

impl VersionRange {
    /// Whether `version` is in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.from.as_ref().is_none_or(|from| from <= version)
            && self.before.as_ref().is_none_or(|before| version < before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_minors_includes_both_ends() {
        let range: MinorRange = "1.29-1.31".parse().unwrap();
        let inside: Vec<bool> = (28..=32).map(|minor| range.contains(Minor::new(1, minor))).collect();
        assert_eq!(inside, [false, true, true, true, false]);
        for text in ["1.29", "1.31-1.29", "1.29-", "1.29-1.x"] {
            assert!(text.parse::<MinorRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_of_versions_is_half_open_and_may_have_open_ends() {
        let v = |text: &str| Some(text.parse::<Version>().unwrap());
        let range = VersionRange { from: v("3.5.1"), before: v("3.5.20") };
        let inside =
            ["3.5.0", "3.5.1", "3.5.19", "3.5.20"].map(|text| range.contains(&text.parse().unwrap()));
        assert_eq!(inside, [false, true, true, false]);
        assert!(VersionRange { from: None, before: v("3.5.20") }.contains(&Version::new(0, 0, 1)));
        assert!(VersionRange { from: v("3.5.0"), before: None }.contains(&Version::new(9, 0, 0)));
    }
}
