//! Lists and single objects.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::path::Objects;
use super::selector::Selector;
use super::status::Refusal;
use super::{Answer, Asked, Body, shown, text};
use crate::sim::state::ApiServer;
use crate::sim::store::page::{Page, Query};
use crate::sim::store::{Key, Revision};

/// `GET` of one object.
pub(super) fn get(server: &ApiServer, objects: &Objects) -> Answer {
    let key = key_of(objects);
    let object = server.cluster.store().get(objects.resource, &key);
    let object = object.ok_or_else(|| Refusal::not_found(objects.resource, &key.name))?;
    Ok(super::json(StatusCode::OK, &shown(&object, objects)))
}

/// `GET` of a list, or of a page of it.
pub(super) fn list(server: &Arc<ApiServer>, asked: &Asked, objects: &Objects) -> Answer {
    let query = query(server, asked, objects)?;
    let page = server.cluster.store().page(objects.resource, &query).map_err(|_| match &query.after {
        Some(after) => Refusal::continue_expired(&token(None, after)),
        None => Refusal::list_expired(),
    })?;
    Ok(written(&page, objects))
}

/// The key of the object that a path names.
pub(super) fn key_of(objects: &Objects) -> Key {
    Key::new(objects.namespace.as_deref().unwrap_or_default(), objects.name.as_deref().unwrap_or_default())
}

/// The selectors of a request.
pub(super) fn selector(asked: &Asked, objects: &Objects) -> Result<Selector, Refusal> {
    let (labels, fields) = (asked.params.get("labelSelector"), asked.params.get("fieldSelector"));
    Selector::new(labels, fields, objects.resource).map_err(Refusal::bad_request)
}

/// The revision that a request names; none for an absent or zero one.
pub(super) fn asked_revision(asked: &Asked) -> Result<Option<Revision>, Refusal> {
    asked.params.number("resourceVersion").map_err(Refusal::bad_request)
}

fn query(server: &ApiServer, asked: &Asked, objects: &Objects) -> Result<Query, Refusal> {
    let mut query = Query { namespace: objects.namespace.clone(), ..Query::default() };
    query.selector = selector(asked, objects)?;
    let limit = asked.params.number("limit").map_err(Refusal::bad_request)?;
    query.limit = limit.and_then(|limit| usize::try_from(limit).ok());
    let revision = asked_revision(asked)?;
    let current = server.cluster.store().revision();
    match asked.params.get("continue") {
        "" => {}
        _ if revision.is_some() => {
            return Err(Refusal::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        given => {
            let (at, after) = parse_token(given)
                .ok_or_else(|| Refusal::bad_request("invalid continue token: continue key is not valid"))?;
            query.at = at;
            query.after = Some(after);
            return Ok(query);
        }
    }
    if let Some(revision) = revision {
        if revision > current {
            return Err(Refusal::too_large_revision(revision, current));
        }
        if asked.params.get("resourceVersionMatch") == "Exact" {
            query.at = Some(revision);
        }
    }
    Ok(query)
}

/// What a client hands back for the next page: it is to be opaque to it. Without a revision it goes on in what is now.
fn token(at: Option<Revision>, after: &Key) -> String {
    let at = at.map_or_else(|| "now".to_owned(), |at| at.to_string());
    let text = format!("{at}/{}/{}", after.namespace, after.name);
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_token(token: &str) -> Option<(Option<Revision>, Key)> {
    let bytes = token
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
    let text = String::from_utf8(bytes.collect::<Option<_>>()?).ok()?;
    let (at, key) = text.split_once('/')?;
    let (namespace, name) = key.split_once('/')?;
    let at = if at == "now" { None } else { Some(at.parse().ok()?) };
    Some((at, Key::new(namespace, name)))
}

/// A list as JSON. Its items have neither kind nor apiVersion, as in a real server's lists.
fn written(page: &Page, objects: &Objects) -> Response<Body> {
    let mut metadata = json!({ "resourceVersion": page.revision.to_string() });
    if let (Some(next), Some(metadata)) = (&page.next, metadata.as_object_mut()) {
        metadata.insert("continue".to_owned(), token(Some(page.revision), next).into());
        if let Some(remaining) = page.remaining {
            metadata.insert("remainingItemCount".to_owned(), remaining.into());
        }
    }
    let kind = Value::from(format!("{}List", objects.resource.kind));
    let version = Value::from(objects.resource.api_version(objects.version.name));
    let head = format!("{{\"kind\":{kind},\"apiVersion\":{version},\"metadata\":{metadata},\"items\":[");
    let mut body = head.into_bytes();
    for (index, item) in page.items.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        item.write(&mut body);
    }
    body.extend_from_slice(b"]}\n");
    text(StatusCode::OK, "application/json", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back() {
        for (at, key) in [(Some(7), Key::new("shop", "web-1")), (None, Key::new("", "w1"))] {
            assert_eq!(parse_token(&token(at, &key)), Some((at, key)));
        }
        for bad in ["", "zz", "7", "é", &token(None, &Key::new("a", "b"))[1..]] {
            assert_eq!(parse_token(bad), None, "{bad}");
        }
    }
}
