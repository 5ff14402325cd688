//! Refusals as real servers word them: a `metav1.Status`, seen at kube-apiserver 1.30.14.

use http::StatusCode;
use serde_json::{Value, json};

use super::resource::Resource;

/// Why a request is refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) code: StatusCode,
    reason: &'static str,
    message: String,
    details: Value,
    metadata: Value,
}

impl Refusal {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>, details: Value) -> Self {
        Self { code, reason, message: message.into(), details, metadata: json!({}) }
    }

    /// 400
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message, Value::Null)
    }

    /// 403 for a resource, in the words of RBAC.
    pub(crate) fn forbidden(
        user: &str,
        verb: &str,
        resource: &Resource,
        subresource: Option<&str>,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Self {
        let whole = subresource
            .map_or_else(|| resource.plural.to_owned(), |sub| format!("{}/{sub}", resource.plural));
        let place = match namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{} is forbidden: User \"{user}\" cannot {verb} resource \"{whole}\" in API group \"{}\" {place}",
            named(resource, name),
            resource.group,
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message, details(resource, name))
    }

    /// 403 for a path that is no resource.
    pub(crate) fn forbidden_path(user: &str, path: &str) -> Self {
        let message = format!("forbidden: User \"{user}\" cannot get path \"{path}\"");
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message, json!({}))
    }

    /// 404 for an object.
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} not found", named(resource, Some(name)));
        Self::new(StatusCode::NOT_FOUND, "NotFound", message, details(resource, Some(name)))
    }

    /// 404 for a resource that is not served.
    pub(crate) fn no_such_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message, json!({}))
    }

    /// 405
    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message, json!({}))
    }

    /// 406
    pub(crate) fn not_acceptable() -> Self {
        let message = "406: Not Acceptable\n\nAvailable representations: application/json";
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message, json!({}))
    }

    /// 409 for an object that is there already.
    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} already exists", named(resource, Some(name)));
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message, details(resource, Some(name)))
    }

    /// 409 for a change to what is no longer the newest.
    pub(crate) fn conflict(resource: &Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {}: the object has been modified; please apply your changes to the \
             latest version and try again",
            named(resource, Some(name))
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message, details(resource, Some(name)))
    }

    /// 409 for an object that is not the one that was meant.
    pub(crate) fn precondition(resource: &Resource, name: &str, wanted: &str, is: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {}: Precondition failed: UID in precondition: {wanted}, UID in object meta: {is}",
            named(resource, Some(name))
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message, details(resource, Some(name)))
    }

    /// 410 for a later page of a list whose revision is gone; `token` goes on without it.
    pub(crate) fn continue_expired(token: &str) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a \
                       new list without the continue parameter, or use the continue token in this response to retrieve \
                       the remainder of the results. Continuing with the provided token results in an inconsistent \
                       list - objects that were created, modified, or deleted between the time the first chunk was \
                       returned and now may show up in the list.";
        let refusal = Self::new(StatusCode::GONE, "Expired", message, Value::Null);
        Self { metadata: json!({ "continue": token }), ..refusal }
    }

    /// 410 for a list of an exact revision that is gone.
    pub(crate) fn list_expired() -> Self {
        let message = "The resourceVersion for the provided list is too old.";
        Self::new(StatusCode::GONE, "Expired", message, Value::Null)
    }

    /// 410 for a watch from a revision that is gone; `oldest` is the first that is not.
    pub(crate) fn watch_expired(asked: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {asked} ({oldest})");
        Self::new(StatusCode::GONE, "Expired", message, Value::Null)
    }

    /// 415
    pub(crate) fn unsupported_media_type(got: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, \
             application/merge-patch+json, application/apply-patch+yaml (got {got})"
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message, json!({}))
    }

    /// 422
    pub(crate) fn invalid(resource: &Resource, name: &str, field: &str, message: &str) -> Self {
        let details = json!({
            "name": name, "group": resource.group, "kind": resource.kind,
            "causes": [{ "reason": "FieldValueInvalid", "message": message, "field": field }],
        });
        let message = format!("{} \"{name}\" is invalid: {field}: {message}", resource.kind);
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, details)
    }

    /// 429 for an eviction that a budget does not allow.
    pub(crate) fn budget(cause: &str, retry_after_seconds: Option<u32>) -> Self {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        let mut details = json!({ "causes": [{ "reason": "DisruptionBudget", "message": cause }] });
        if let (Some(seconds), Some(details)) = (retry_after_seconds, details.as_object_mut()) {
            details.insert("retryAfterSeconds".to_owned(), json!(seconds));
        }
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message, details)
    }

    /// 500
    pub(crate) fn internal(message: &str) -> Self {
        let message = format!("Internal error occurred: {message}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message, json!({}))
    }

    /// 500 while the server's etcd does not answer.
    pub(crate) fn no_etcd() -> Self {
        let message = "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: \
                       dial tcp 127.0.0.1:2379: connect: connection refused\"";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message, Value::Null)
    }

    /// 504 for a revision that is not there yet.
    pub(crate) fn too_large_revision(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let details = json!({
            "causes": [{ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" }],
            "retryAfterSeconds": 1,
        });
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message, details)
    }

    /// The seconds after which the client is to ask again.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.details.get("retryAfterSeconds").and_then(Value::as_u64)
    }

    /// The Status.
    pub(crate) fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": self.metadata,
            "status": "Failure", "message": self.message, "reason": self.reason, "code": self.code.as_u16(),
        });
        if let (false, Some(status)) = (self.details.is_null(), status.as_object_mut()) {
            status.insert("details".to_owned(), self.details.clone());
        }
        status
    }
}

/// The Status of something that went well.
pub(crate) fn success(details: Value) -> Value {
    let mut status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" });
    if let (false, Some(status)) = (details.is_null(), status.as_object_mut()) {
        status.insert("details".to_owned(), details);
    }
    status
}

/// What a Status says of the object that it is about.
pub(crate) fn details(resource: &Resource, name: Option<&str>) -> Value {
    let mut details = json!({ "kind": resource.plural });
    if let Some(details) = details.as_object_mut() {
        if !resource.group.is_empty() {
            details.insert("group".to_owned(), json!(resource.group));
        }
        if let Some(name) = name {
            details.insert("name".to_owned(), json!(name));
        }
    }
    details
}

fn named(resource: &Resource, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{} \"{name}\"", resource.qualified()),
        None => resource.qualified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::api::resource::by_kind;

    #[test]
    fn refusals_are_worded_as_a_real_server_does() {
        let (pods, deployments) = (by_kind("v1", "Pod").unwrap(), by_kind("apps/v1", "Deployment").unwrap());
        // Answers of kube-apiserver 1.30.14.
        for (refusal, wanted) in [
            (
                Refusal::forbidden("plain", "list", deployments, None, None, None),
                json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "deployments.apps is forbidden: User \"plain\" cannot list resource \"deployments\" in API group \"apps\" at the cluster scope",
                    "reason": "Forbidden", "details": { "group": "apps", "kind": "deployments" }, "code": 403 }),
            ),
            (
                Refusal::forbidden("plain", "get", pods, None, Some("shop"), Some("x")),
                json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "pods \"x\" is forbidden: User \"plain\" cannot get resource \"pods\" in API group \"\" in the namespace \"shop\"",
                    "reason": "Forbidden", "details": { "name": "x", "kind": "pods" }, "code": 403 }),
            ),
            (
                Refusal::not_found(deployments, "x"),
                json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "deployments.apps \"x\" not found", "reason": "NotFound",
                    "details": { "name": "x", "group": "apps", "kind": "deployments" }, "code": 404 }),
            ),
            (
                Refusal::bad_request("field label not supported: spec.foo"),
                json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "field label not supported: spec.foo", "reason": "BadRequest", "code": 400 }),
            ),
            (
                Refusal::watch_expired(5, 224),
                json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "too old resource version: 5 (224)", "reason": "Expired", "code": 410 }),
            ),
        ] {
            assert_eq!(refusal.to_value(), wanted);
        }
    }
}
