//! Image references, and the versions in their tags.

use crate::catalog::version_of_tag;
use crate::version::Version;

/// An image reference, in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image<'a> {
    /// `registry.k8s.io/etcd`
    pub repository: &'a str,
    /// `3.5.15-0`; absent where only a digest names the image.
    pub tag: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Takes `registry:5000/path/name:tag@sha256:…` apart.
    pub fn of(reference: &'a str) -> Self {
        let named = reference.split_once('@').map_or(reference, |(named, _)| named);
        // A colon after the last slash is the tag's; one before it is a registry's port.
        let name_at = named.rfind('/').map_or(0, |slash| slash + 1);
        match named.get(name_at..).and_then(|name| name.find(':')) {
            Some(colon) => Self {
                repository: named.get(..name_at + colon).unwrap_or(named),
                tag: named.get(name_at + colon + 1..).filter(|tag| !tag.is_empty()),
            },
            None => Self { repository: named, tag: None },
        }
    }

    /// The last part of the repository: `etcd`.
    pub fn name(&self) -> &'a str {
        self.repository.rsplit('/').next().unwrap_or(self.repository)
    }

    /// The version in the tag, if the tag is one; `-0` of etcd's images counts their builds, and is left out.
    pub fn version(&self) -> Option<Version> {
        version_of_tag(self.tag?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_apart_where_registries_have_ports() {
        let of = |text| {
            let image = Image::of(text);
            (image.repository, image.name(), image.tag)
        };
        assert_eq!(of("registry.k8s.io/etcd:3.5.15-0"), ("registry.k8s.io/etcd", "etcd", Some("3.5.15-0")));
        assert_eq!(of("local:5000/a/b"), ("local:5000/a/b", "b", None));
        assert_eq!(of("local:5000/a/b:v1@sha256:00"), ("local:5000/a/b", "b", Some("v1")));
        assert_eq!(of("nginx@sha256:00"), ("nginx", "nginx", None));
        assert_eq!(of("nginx:"), ("nginx", "nginx", None));
        assert_eq!(of(""), ("", "", None));
    }

    #[test]
    fn tags_are_versions_only_where_they_are() {
        assert_eq!(Image::of("kube-apiserver:v1.30.4").version(), Some(Version::new(1, 30, 4)));
        assert_eq!(Image::of("kube-apiserver:latest").version(), None);
        assert_eq!(Image::of("kube-apiserver").version(), None);
        // The build of an etcd image is not a pre-release.
        assert_eq!(Image::of("etcd:3.5.15-0").version(), Some(Version::new(3, 5, 15)));
    }
}
