//! The API of a simulated API server: from a request to its answer.

pub(crate) mod path;
pub(crate) mod resource;
pub(crate) mod selector;
pub(crate) mod status;

mod discovery;
mod eviction;
mod health;
mod patch;
pub(crate) use self::patch::merge;
mod read;
mod watch;
mod write;

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use serde_json::Value;

use self::path::{Objects, Params, Target};
use self::status::Refusal;
use super::state::{ApiServer, Call};

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An answer, or why there is none.
pub(crate) type Answer = Result<Response<Body>, Refusal>;

/// The largest body that a client may send: etcd's own limit of 1.5 MiB for an object, and some.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// What is known of a request before its path is looked at.
pub(crate) struct Asked {
    method: Method,
    path: String,
    params: Params,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The verb that rights name, for a request that is about objects.
    fn verb(&self, objects: &Objects) -> Result<&'static str, Refusal> {
        let one = objects.name.is_some();
        Ok(match self.method.as_str() {
            "GET" if !one && self.params.is_true("watch") => "watch",
            "GET" if one => "get",
            "GET" => "list",
            "POST" if !one || objects.subresource.is_some() => "create",
            "PUT" if one => "update",
            "PATCH" if one => "patch",
            "DELETE" if one => "delete",
            "DELETE" => "deletecollection",
            _ => return Err(Refusal::method_not_allowed()),
        })
    }
}

/// Answers a request sent to `server`.
pub(crate) async fn answer<B>(server: Arc<ApiServer>, request: Request<B>) -> Response<Body>
where
    B: http_body::Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    let whole = head.uri.path_and_query().map_or("/", |path| path.as_str());
    server.cluster.timeline.advance();
    let audit_id = server.cluster.note(&server.name, head.method.as_str(), whole);
    let latency = server.cluster.faults().latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let answer = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => {
            let asked = Asked {
                path: head.uri.path().to_owned(),
                params: Params::new(head.uri.query().unwrap_or_default()),
                method: head.method,
                headers: head.headers,
                body: body.to_bytes(),
            };
            route(&server, &asked)
        }
        Err(_) => Err(Refusal::bad_request("the body of the request could not be read")),
    };
    let mut response = answer.unwrap_or_else(|refusal| refused(&refusal));
    if let Ok(audit_id) = HeaderValue::from_str(&audit_id) {
        response.headers_mut().insert("Audit-Id", audit_id);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

fn route(server: &Arc<ApiServer>, asked: &Asked) -> Answer {
    let target = path::parse(&asked.path, server.minor());
    let forbids = server.process().forbids_until > server.cluster.now();
    if let Target::Objects(objects) = &target {
        return of_objects(server, asked, objects);
    }
    {
        // Whoever it is may ask for health, before any role is known.
        let forbids = forbids && !matches!(target, Target::Health(_));
        let faults = server.cluster.faults();
        if forbids || faults.denies("get", &asked.path, None) {
            return Err(Refusal::forbidden_path(faults.user(), &asked.path));
        }
    }
    if asked.method != Method::GET {
        return Err(Refusal::method_not_allowed());
    }
    match target {
        Target::Health(check) => Ok(health::answer(server, check, &asked.path, asked.params.has("verbose"))),
        Target::Version => Ok(health::version(server)),
        Target::Metrics => Ok(health::metrics(server)),
        Target::Groups { core } => discovery::groups(server, asked, core),
        Target::Group(group) => discovery::group(server, group),
        Target::Resources(group, version) => Ok(discovery::resources(group, version)),
        Target::NoSuchResource => Err(Refusal::no_such_resource()),
        Target::Objects(_) | Target::Unknown => {
            Ok(text(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n".to_owned()))
        }
    }
}

fn of_objects(server: &Arc<ApiServer>, asked: &Asked, objects: &Objects) -> Answer {
    let verb = asked.verb(objects)?;
    check_rights(server, verb, objects)?;
    if objects.subresource.is_none() && !objects.resource.allows(verb) {
        return Err(Refusal::method_not_allowed());
    }
    note_deprecated(server, objects);
    if !server.cluster.members().serves(&server.name) {
        return Err(Refusal::no_etcd());
    }
    if !accepts_json(asked.header(header::ACCEPT)) {
        return Err(Refusal::not_acceptable());
    }
    match (objects.subresource.as_deref(), verb) {
        (None, "list") => read::list(server, asked, objects),
        (None, "watch") => watch::watch(server, asked, objects),
        (None | Some("status"), "get") => read::get(server, objects),
        (None, "create") => write::create(server, asked, objects),
        (None | Some("status"), "update") => write::update(server, asked, objects),
        (None | Some("status"), "patch") => write::patch(server, asked, objects),
        (None, "delete") => write::delete(server, objects),
        (Some("eviction"), "create") => eviction::evict(server, asked, objects),
        (None, _) => Err(Refusal::method_not_allowed()),
        (Some(_), _) => Err(Refusal::no_such_resource()),
    }
}

fn check_rights(server: &ApiServer, verb: &str, objects: &Objects) -> Result<(), Refusal> {
    let (resource, subresource) = (objects.resource, objects.subresource.as_deref());
    let whole = match subresource {
        // `pods/eviction`, and `deployments.apps/scale`: the resource in full, then the subresource.
        Some(subresource) => format!("{}/{subresource}", resource.qualified()),
        None => resource.qualified(),
    };
    let (namespace, name) = (objects.namespace.as_deref(), objects.name.as_deref());
    let faults = server.cluster.faults();
    let forbids = server.process().forbids_until > server.cluster.now();
    if forbids || faults.denies(verb, &whole, namespace) {
        return Err(Refusal::forbidden(faults.user(), verb, resource, subresource, namespace, name));
    }
    Ok(())
}

/// As a real server does, a call of a deprecated API raises its gauge, whatever comes of the call.
fn note_deprecated(server: &ApiServer, objects: &Objects) {
    if objects.version.until.is_none() && !objects.resource.deprecated {
        return;
    }
    server.process().calls.insert(Call {
        group: objects.resource.group.to_owned(),
        version: objects.version.name.to_owned(),
        resource: objects.resource.plural.to_owned(),
        subresource: objects.subresource.clone().unwrap_or_default(),
        removed_release: objects.version.until.map(|until| until.to_string()).unwrap_or_default(),
    });
}

/// Whether a client takes JSON: plainly, or by a wildcard, or by saying nothing.
fn accepts_json(accept: &str) -> bool {
    accept.is_empty()
        || accept.split(',').map(|range| range.split(';').map(str::trim)).any(|mut parts| {
            let media = parts.next().unwrap_or_default();
            let transformed = parts.any(|parameter| parameter.starts_with("as="));
            matches!(media, "application/json" | "application/*" | "*/*") && !transformed
        })
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let mut response = json(refusal.code, &refusal.to_value());
    if let Some(seconds) = refusal.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// An answer in JSON.
pub(crate) fn json(code: StatusCode, value: &Value) -> Response<Body> {
    text(code, "application/json", value.to_string())
}

/// An answer of a content type.
pub(crate) fn text(code: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed_unsync());
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// `object` as a client sees it: with `kind` and `apiVersion` in front.
pub(crate) fn shown(object: &Value, objects: &Objects) -> Value {
    let mut shown = object.clone();
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("kind".to_owned(), objects.resource.kind.into());
        shown.insert("apiVersion".to_owned(), objects.resource.api_version(objects.version.name).into());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_taken_where_a_client_takes_it() {
        for (accept, taken) in [
            ("", true),
            ("*/*", true),
            ("application/json", true),
            ("application/vnd.kubernetes.protobuf, application/json;q=0.5", true),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", true),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", false),
            ("application/vnd.kubernetes.protobuf", false),
            ("text/html", false),
        ] {
            assert_eq!(accepts_json(accept), taken, "{accept}");
        }
    }
}
