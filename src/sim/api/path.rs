//! What a path and a query ask for.

use super::resource::{self, Group, GroupVersion, Resource};
use crate::version::Minor;

/// What a path names.
#[derive(Debug)]
pub(crate) enum Target {
    /// `/livez`, `/readyz`, `/healthz`
    Health(&'static str),
    /// `/version`
    Version,
    /// `/metrics`
    Metrics,
    /// `/api`, which lists the versions of the core group, or `/apis`, which lists all other groups.
    Groups {
        /// Whether it is `/api`.
        core: bool,
    },
    /// `/apis/GROUP`
    Group(&'static Group),
    /// `/api/v1`, `/apis/GROUP/VERSION`
    Resources(&'static Group, &'static GroupVersion),
    /// Objects.
    Objects(Objects),
    /// A group or version that is served, but a resource that is not there.
    NoSuchResource,
    /// Nothing that the server knows.
    Unknown,
}

/// Objects of a resource, or one of them.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(crate) resource: &'static Resource,
    pub(crate) version: &'static GroupVersion,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

/// What `path` names at a server of `minor`.
pub(crate) fn parse(path: &str, minor: Minor) -> Target {
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["livez", ..] => Target::Health("livez"),
        ["readyz", ..] => Target::Health("readyz"),
        ["healthz", ..] => Target::Health("healthz"),
        ["version"] => Target::Version,
        ["metrics"] => Target::Metrics,
        ["api"] => Target::Groups { core: true },
        ["apis"] => Target::Groups { core: false },
        ["apis", group] => resource::group(group).map_or(Target::Unknown, Target::Group),
        ["api", version, rest @ ..] => of_version("", version, rest, minor),
        ["apis", group, version, rest @ ..] => of_version(group, version, rest, minor),
        _ => Target::Unknown,
    }
}

fn of_version(group: &str, version: &str, rest: &[&str], minor: Minor) -> Target {
    let Some(group) = resource::group(group) else { return Target::Unknown };
    let Some(version) = group.served_by(minor).find(|served| served.name == version) else {
        return Target::Unknown;
    };
    let (namespace, rest) = match rest {
        [] => return Target::Resources(group, version),
        // The Namespace itself, and its subresources, are objects of the cluster.
        ["namespaces", _] | ["namespaces", _, "finalize" | "status"] => (None, rest),
        ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
        rest => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some((*name).to_owned()), None),
        [plural, name, subresource, ..] => {
            (plural, Some((*name).to_owned()), Some((*subresource).to_owned()))
        }
        [] => return Target::NoSuchResource,
    };
    let Some(resource) = group.resource(plural) else { return Target::NoSuchResource };
    // A cluster's object has no namespace, and one of a namespace is not found without it.
    if namespace.is_some() && !resource.namespaced
        || namespace.is_none() && name.is_some() && resource.namespaced
    {
        return Target::NoSuchResource;
    }
    Target::Objects(Objects { resource, version, namespace, name, subresource })
}

/// The parameters of a query.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `a=b&c=d`.
    pub(crate) fn new(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(key, value)| (decode(key), decode(&value.replace('+', " "))))
                .collect(),
        )
    }

    /// The value of a parameter; empty if it is absent.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }

    /// Whether a parameter is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }

    /// Whether a parameter is true, as Go reads it.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        matches!(self.get(key), "1" | "t" | "T" | "true" | "TRUE" | "True")
    }

    /// The number of a parameter; absent or zero is none.
    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>, String> {
        match self.get(key) {
            "" | "0" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| format!("strconv.ParseInt: parsing \"{text}\": invalid syntax")),
        }
    }
}

/// `text` with `%41` as `A`.
pub(crate) fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            out.push(high << 4 | low);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_what_they_name() {
        let show = |path: &str| match parse(path, Minor::new(1, 30)) {
            Target::Objects(o) => format!(
                "{} {} {:?} {:?} {:?}",
                o.resource.qualified(),
                o.version.name,
                o.namespace.as_deref().unwrap_or("-"),
                o.name.as_deref().unwrap_or("-"),
                o.subresource.as_deref().unwrap_or("-")
            )
            .replace('"', ""),
            Target::Resources(group, version) => format!("resources of {}/{}", group.name, version.name),
            Target::Group(group) => format!("group {}", group.name),
            other => format!("{other:?}"),
        };
        for (path, wanted) in [
            ("/api/v1/pods", "pods v1 - - -"),
            ("/api/v1/namespaces", "namespaces v1 - - -"),
            ("/api/v1/namespaces/shop", "namespaces v1 - shop -"),
            ("/api/v1/namespaces/shop/finalize", "namespaces v1 - shop finalize"),
            ("/api/v1/namespaces/shop/pods", "pods v1 shop - -"),
            ("/api/v1/namespaces/shop/pods/web/eviction", "pods v1 shop web eviction"),
            ("/api/v1/nodes/w%31", "nodes v1 - w1 -"),
            ("/apis/apps/v1/namespaces/a/deployments/b/scale", "deployments.apps v1 a b scale"),
            ("/apis/apps/v1", "resources of apps/v1"),
            ("/api/v1", "resources of /v1"),
            ("/apis/apps", "group apps"),
            ("/apis", "Groups { core: false }"),
            ("/readyz/etcd", "Health(\"readyz\")"),
            ("/api/v1/pods/web", "NoSuchResource"),
            ("/api/v1/namespaces/shop/nodes", "NoSuchResource"),
            ("/api/v1/namespaces/shop/things", "NoSuchResource"),
            ("/apis/apps/v1beta1/deployments", "Unknown"),
            ("/openapi/v2", "Unknown"),
            ("/", "Unknown"),
        ] {
            assert_eq!(show(path), wanted, "{path}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let params = Params::new("labelSelector=a%3Db%2Cc&limit=500&watch=1&x=a+b&empty=&bad=%zz");
        assert_eq!(params.get("labelSelector"), "a=b,c");
        assert_eq!((params.number("limit"), params.number("none")), (Ok(Some(500)), Ok(None)));
        assert!(params.number("x").is_err());
        assert!(params.is_true("watch") && !params.is_true("limit") && params.has("empty"));
        assert_eq!((params.get("x"), params.get("bad")), ("a b", "%zz"));
    }
}
