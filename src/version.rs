//! Kubernetes versions: full ones (`1.30.14`) and minors (`1.30`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A minor version, such as `1.30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Minor {
    /// `1` in `1.30`.
    pub major: u32,
    /// `30` in `1.30`.
    pub minor: u32,
}

impl Minor {
    /// The minor `major.minor`.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// The minor after this one, within the same major.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { major: self.major, minor: self.minor + 1 }
    }

    /// How many minors lie from `older` up to `self`; negative when `self` is the older one, and
    /// `None` between two majors, where Kubernetes defines no distance.
    pub fn distance_from(self, older: Self) -> Option<i64> {
        (self.major == older.major).then(|| i64::from(self.minor) - i64::from(older.minor))
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A full version, such as `1.31.4` or `1.32.0-rc.1`. Build metadata (`+k3s1`) is kept for
/// display and does not take part in comparison, as semantic versioning has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    /// `1` in `1.31.4`.
    pub major: u32,
    /// `31` in `1.31.4`.
    pub minor: u32,
    /// `4` in `1.31.4`.
    pub patch: u32,
    /// `rc.1` in `1.32.0-rc.1`, empty for a release.
    pub pre: String,
    /// `k3s1` in `1.31.4+k3s1`, empty where there is none.
    pub build: String,
}

impl Version {
    /// The release `major.minor.patch`.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch, pre: String::new(), build: String::new() }
    }

    /// The minor that this version belongs to.
    pub const fn minor(&self) -> Minor {
        Minor::new(self.major, self.minor)
    }

    fn key(&self) -> (u32, u32, u32, bool, Vec<PreId<'_>>) {
        // A release is newer than its pre-releases: `is_empty` sorts false before true.
        (
            self.major,
            self.minor,
            self.patch,
            self.pre.is_empty(),
            self.pre.split('.').map(PreId::of).collect(),
        )
    }
}

/// One dot-separated identifier of a pre-release: numbers sort below words, and as numbers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum PreId<'a> {
    Number(u64),
    Word(&'a str),
}

impl<'a> PreId<'a> {
    fn of(text: &'a str) -> Self {
        text.parse().map_or(Self::Word(text), Self::Number)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Version {}
impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a version: expected {expected}")]
pub struct ParseVersionError {
    text: String,
    expected: &'static str,
}

impl FromStr for Minor {
    type Err = ParseVersionError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error =
            || ParseVersionError { text: text.chars().take(40).collect(), expected: "a form like 1.31" };
        let (major, minor) = text.strip_prefix('v').unwrap_or(text).split_once('.').ok_or_else(error)?;
        Ok(Self { major: number(major).ok_or_else(error)?, minor: number(minor).ok_or_else(error)? })
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error =
            || ParseVersionError { text: text.chars().take(40).collect(), expected: "a form like 1.31.4" };
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
        let (rest, pre) = rest.split_once('-').map_or((rest, None), |(rest, pre)| (rest, Some(pre)));
        let mut parts = rest.split('.').map(number);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None)
                if pre.is_none_or(identifiers) && build.is_none_or(identifiers) =>
            {
                Ok(Self {
                    major,
                    minor,
                    patch,
                    pre: pre.unwrap_or_default().to_owned(),
                    build: build.unwrap_or_default().to_owned(),
                })
            }
            _ => Err(error()),
        }
    }
}

/// A plain decimal number: no sign, no space, as `u32::from_str` alone would allow a `+`.
fn number(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn identifiers(text: &str) -> bool {
    text.split('.').all(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

macro_rules! string_form {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = ParseVersionError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(version: $type) -> Self {
                version.to_string()
            }
        }
    };
}
string_form!(Minor);
string_form!(Version);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_parse_in_the_forms_that_components_print() {
        assert_eq!(v("v1.30.14"), Version::new(1, 30, 14));
        assert_eq!(v("1.31.0-rc.1").pre, "rc.1");
        assert_eq!(v("v1.30.4+k3s1").build, "k3s1");
        assert_eq!(v("v1.31.4").minor(), Minor::new(1, 31));
    }

    #[test]
    fn what_is_not_a_version_is_refused() {
        for text in [
            "",
            "1",
            "1.31",
            "1.31.",
            "1.31.x",
            "1.31.4.5",
            "+1.31.4",
            "1.+31.4",
            "1.31.4-",
            "v",
            "1.31.4-a..b",
            "99999999999.1.1",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        for text in ["1", "1.31.4", "1.x", ".31", "1."] {
            assert!(text.parse::<Minor>().is_err(), "{text}");
        }
    }

    #[test]
    fn order_is_that_of_semantic_versioning() {
        let sorted = ["1.9.0", "1.10.0-alpha.1", "1.10.0-alpha.10", "1.10.0-rc.0", "1.10.0", "1.10.1"];
        for pair in sorted.windows(2) {
            assert!(v(pair[0]) < v(pair[1]), "{pair:?}");
        }
        assert_eq!(v("1.30.4+a"), v("1.30.4+b"));
    }

    proptest! {
        #[test]
        fn display_and_parse_agree(major in 0u32..3, minor in 0u32..100, patch in 0u32..50, pre in "(|rc\\.[0-9]|alpha\\.[0-9])") {
            let version = Version { major, minor, patch, pre, build: String::new() };
            prop_assert_eq!(v(&version.to_string()), version);
        }
    }
}
