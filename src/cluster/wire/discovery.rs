//! Which APIs a server serves: aggregated discovery, one document for /api and one for /apis.
//!
//! Source: k8s.io/api v0.30.14, apidiscovery/v2/types.go; v2beta1 has the same shape.

use serde::Deserialize;

use super::object::json;
use super::{DecodeError, envelope::TypeMeta};
use crate::evidence::ServedApis;
use crate::evidence::objects::Seq;
use crate::text::Text;

/// The `Accept` of aggregated discovery: v2 since 1.30, v2beta1 before. Nothing else is taken, so a server
/// that knows neither refuses the request.
pub const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                          application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/// The kind of the document.
const KIND: &str = "APIGroupDiscoveryList";

#[derive(Deserialize)]
struct Document {
    items: Vec<Group>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Group {
    metadata: Metadata,
    versions: Seq<Version>,
}

/// The group's name; the core group has none.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    name: Text,
}

#[derive(Deserialize)]
struct Version {
    version: Text,
    #[serde(default)]
    resources: Seq<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    resource: Text,
}

/// The groups, versions and resources of a discovery document. Of a version whose own server does not answer,
/// it has what was last known.
pub fn served_apis(body: &[u8]) -> Result<ServedApis, DecodeError> {
    let unreadable = |why| DecodeError::Object { index: 0, at: 0, why };
    let TypeMeta { kind, .. } = json(body).map_err(unreadable)?;
    if kind != KIND {
        return Err(DecodeError::Kind { kind, expected: KIND });
    }
    let document: Document = json(body).map_err(unreadable)?;
    let mut served = ServedApis::default();
    for group in &document.items {
        let versions = served.0.entry(group.metadata.name.clone()).or_default();
        for version in &group.versions {
            let resources = version.resources.iter().map(|resource| resource.resource.clone()).collect();
            versions.insert(version.version.clone(), resources);
        }
    }
    Ok(served)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_versions_and_resources() {
        let body = json!({ "kind": KIND, "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": [
            { "metadata": { "creationTimestamp": null }, "versions": [{ "version": "v1", "freshness": "Current",
                "resources": [{ "resource": "pods", "scope": "Namespaced", "verbs": ["get"],
                                "subresources": [{ "subresource": "exec" }] }, { "resource": "nodes" }] }] },
            { "metadata": { "name": "apps" }, "versions": [{ "version": "v1", "resources": [] }, { "version": "v2" }] },
            { "metadata": { "name": "gone.example" }, "versions": null },
        ] });
        let served = served_apis(&serde_json::to_vec(&body).unwrap()).unwrap();
        assert!(served.serves("", "v1", "pods") && served.serves("", "v1", "nodes"));
        assert!(!served.serves("", "v1", "exec") && !served.serves("apps", "v1", "pods"));
        assert_eq!(served.0["apps"].keys().collect::<Vec<_>>(), ["v1", "v2"]);
        assert!(served.0["gone.example"].is_empty());
    }

    #[test]
    fn other_documents_are_refused() {
        let unaggregated = br#"{"kind":"APIGroupList","apiVersion":"v1","groups":[]}"#;
        assert!(matches!(served_apis(unaggregated), Err(DecodeError::Kind { .. })));
        assert!(served_apis(b"<html>").is_err());
        assert!(served_apis(br#"{"kind":"APIGroupDiscoveryList"}"#).is_err());
    }
}
