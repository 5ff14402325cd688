//! Discovery: which groups, versions and resources a server has.

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::resource::{GROUPS, Group, GroupVersion, Resource};
use super::status::Refusal;
use super::{Answer, Asked, Body};
use crate::sim::state::ApiServer;
use crate::version::Minor;

/// The content types of aggregated discovery, with the version of each.
const AGGREGATED: [(&str, &str); 2] = [
    ("v2", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
    ("v2beta1", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"),
];

/// `/api` or `/apis`, aggregated where the client asks for that.
pub(super) fn groups(server: &ApiServer, asked: &Asked, core: bool) -> Answer {
    let minor = server.minor();
    let wanted = asked.header(header::ACCEPT).split(',').find_map(|range| {
        let parts: Vec<&str> = range.split(';').map(str::trim).collect();
        let has = |part: &str| parts.contains(&part);
        AGGREGATED.iter().find(|(version, _)| {
            has("as=APIGroupDiscoveryList") && has("g=apidiscovery.k8s.io") && has(&format!("v={version}"))
        })
    });
    if let Some((version, content_type)) = wanted {
        let items: Vec<Value> = groups_of(core).map(|group| aggregated_group(group, minor)).collect();
        let list = json!({
            "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
            "metadata": {}, "items": items,
        });
        let mut response = super::json(StatusCode::OK, &list);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
        return Ok(response);
    }
    if !super::accepts_json(asked.header(header::ACCEPT)) {
        return Err(Refusal::not_acceptable());
    }
    let list = if core {
        json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": server.address.to_string() }],
        })
    } else {
        let groups: Vec<Value> = groups_of(core).map(|group| plain_group(group, minor)).collect();
        json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
    };
    Ok(super::json(StatusCode::OK, &list))
}

/// `/apis/GROUP`
pub(super) fn group(server: &ApiServer, group: &Group) -> Answer {
    let mut value = plain_group(group, server.minor());
    if let Some(value) = value.as_object_mut() {
        value.insert("kind".to_owned(), "APIGroup".into());
        value.insert("apiVersion".to_owned(), "v1".into());
    }
    Ok(super::json(StatusCode::OK, &value))
}

/// `/api/v1`, `/apis/GROUP/VERSION`
pub(super) fn resources(group: &Group, version: &GroupVersion) -> Response<Body> {
    let mut rows = Vec::new();
    for resource in group.resources {
        let mut row = json!({
            "name": resource.plural, "singularName": resource.kind.to_lowercase(), "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": resource.verbs,
        });
        if let (false, Some(row)) = (resource.short.is_empty(), row.as_object_mut()) {
            row.insert("shortNames".to_owned(), json!(resource.short));
        }
        rows.push(row);
        for (name, kind, verbs) in subresources(resource) {
            rows.push(json!({
                "name": format!("{}/{name}", resource.plural), "singularName": "",
                "namespaced": resource.namespaced, "kind": kind, "verbs": verbs,
            }));
        }
    }
    let version = if group.name.is_empty() {
        version.name.to_owned()
    } else {
        format!("{}/{}", group.name, version.name)
    };
    let list =
        json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows });
    super::json(StatusCode::OK, &list)
}

fn groups_of(core: bool) -> impl Iterator<Item = &'static Group> {
    GROUPS.iter().filter(move |group| group.name.is_empty() == core)
}

fn plain_group(group: &Group, minor: Minor) -> Value {
    let version = |version: &GroupVersion| json!({ "groupVersion": format!("{}/{}", group.name, version.name), "version": version.name });
    json!({
        "name": group.name,
        "versions": group.served_by(minor).map(version).collect::<Vec<_>>(),
        "preferredVersion": group.served_by(minor).next().map(version),
    })
}

fn aggregated_group(group: &Group, minor: Minor) -> Value {
    let mut metadata = json!({ "creationTimestamp": null });
    if let (false, Some(metadata)) = (group.name.is_empty(), metadata.as_object_mut()) {
        metadata.insert("name".to_owned(), group.name.into());
    }
    let versions = group.served_by(minor).map(|version| {
        let resources: Vec<Value> = group.resources.iter().map(aggregated_resource).collect();
        json!({ "version": version.name, "resources": resources, "freshness": "Current" })
    });
    json!({ "metadata": metadata, "versions": versions.collect::<Vec<_>>() })
}

/// A real server leaves group and version of a kind empty where they are those of the list.
fn aggregated_resource(resource: &Resource) -> Value {
    let mut value = json!({
        "resource": resource.plural,
        "responseKind": { "group": "", "version": "", "kind": resource.kind },
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.kind.to_lowercase(),
        "verbs": resource.verbs,
    });
    if let Some(value) = value.as_object_mut() {
        if !resource.short.is_empty() {
            value.insert("shortNames".to_owned(), json!(resource.short));
        }
        if !resource.subresources.is_empty() {
            let of = subresources(resource).map(|(name, kind, verbs)| {
                json!({ "subresource": name, "responseKind": { "group": "", "version": "", "kind": kind }, "verbs": verbs })
            });
            value.insert("subresources".to_owned(), of.collect());
        }
    }
    value
}

/// Name, kind and verbs of each subresource.
fn subresources(
    resource: &Resource,
) -> impl Iterator<Item = (&'static str, &'static str, Vec<&'static str>)> {
    let own = resource.kind;
    resource.subresources.iter().map(move |row| {
        let mut words = row.split(' ');
        let head = words.next().unwrap_or_default();
        let (name, kind) =
            head.split_once(':').unwrap_or((head, if head == "scale" { "Scale" } else { own }));
        (name, kind, words.collect())
    })
}
