//! The guard's rules as a table, and against an independent reading of the server's own grammar.

use http::Request;
use http_body_util::{Empty, Full};
use proptest::prelude::*;

use super::path::Why;
use super::{Refused, judge};

fn get(path: &str) -> Result<(), Why> {
    let request = Request::get(path).body(Empty::<&[u8]>::new()).unwrap();
    judge(&request).map_err(|refused| refused.why)
}

#[test]
fn reads_pass() {
    for path in [
        "/version",
        "/livez",
        "/readyz?verbose&exclude=etcd",
        "/readyz/etcd",
        "/livez/poststarthook/rbac/bootstrap-roles",
        "/metrics",
        "/api",
        "/apis",
        "/api/v1",
        "/apis/apps",
        "/apis/apps/v1",
        "/apis/storage.k8s.io/v1/csinodes",
        "/api/v1/pods?limit=500&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ%3D%3D",
        "/api/v1/pods?&limit=500&resourceVersion=0&resourceVersionMatch=NotOlderThan",
        "/api/v1/pods?watch=1&resourceVersion=12&allowWatchBookmarks=true&timeoutSeconds=290",
        "/api/v1/nodes/cp-1",
        "/api/v1/nodes/cp-1/status",
        "/api/v1/namespaces",
        "/api/v1/namespaces/shop",
        "/api/v1/namespaces/shop/status",
        "/api/v1/namespaces/shop/pods",
        "/api/v1/namespaces/shop/pods/web-0",
        "/api/v1/namespaces/shop/pods/web-0/status",
        // A pod may bear any name.
        "/api/v1/namespaces/shop/pods/proxy",
        "/api/v1/namespaces/proxy/pods",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/apiserver-x",
        "/apis/example.com/v1alpha1/namespaces/shop/widgets/w/status",
        "/apis/lifecycle.k8s.io/v1alpha1/namespaces/shop/evictions",
    ] {
        assert_eq!(get(path), Ok(()), "{path}");
    }
}

#[test]
fn what_is_not_a_read_does_not_pass() {
    use Why::{Path, Query, Secrets, Spelling, Subresource, Verb};
    for (path, why) in [
        ("/", Spelling),
        ("/api/v1/namespaces/shop/pods/web-0/exec?command=sh", Subresource),
        ("/api/v1/namespaces/shop/pods/web-0/attach", Subresource),
        ("/api/v1/namespaces/shop/pods/web-0/portforward?ports=80", Subresource),
        ("/api/v1/namespaces/shop/pods/web-0/log", Subresource),
        ("/api/v1/namespaces/shop/pods/web-0/proxy", Subresource),
        ("/api/v1/namespaces/shop/pods/web-0/proxy/delete/all", Subresource),
        ("/api/v1/namespaces/shop/pods/web-0/eviction", Subresource),
        ("/api/v1/namespaces/shop/services/https:web:443/proxy/", Spelling),
        ("/api/v1/namespaces/shop/services/https:web:443/proxy", Subresource),
        ("/api/v1/namespaces/shop/serviceaccounts/default/token", Subresource),
        ("/api/v1/namespaces/shop/finalize", Subresource),
        ("/api/v1/nodes/cp-1/proxy", Subresource),
        ("/api/v1/nodes/cp-1/proxy/run/shop/web-0/c", Subresource),
        ("/api/v1/nodes/cp-1/status/proxy", Path),
        ("/apis/apps/v1/namespaces/shop/deployments/web/scale", Subresource),
        ("/api/v1/proxy/namespaces/shop/pods/web-0", Verb),
        ("/api/v1/proxy/nodes/cp-1", Verb),
        ("/api/v1/watch/pods", Verb),
        ("/api/v1/namespaces/shop/proxy", Verb),
        ("/api/v1/namespaces/shop/bindings", Verb),
        ("/api/v1/secrets", Secrets),
        ("/api/v1/secrets?limit=500", Secrets),
        ("/api/v1/namespaces/shop/secrets", Secrets),
        ("/api/v1/namespaces/shop/secrets/db", Secrets),
        ("/api/v1/namespaces/shop/secrets/db/status", Secrets),
        // Another reading for whoever decodes, joins or folds before looking.
        ("/api/v1/namespaces/shop/pods/web-0%2fexec", Spelling),
        ("/api/v1/namespaces/shop/pods/web-0%2Fexec", Spelling),
        ("/api/v1/namespaces/shop/%73ecrets", Spelling),
        ("/api/v1/namespaces/shop/pods/x/../../secrets", Spelling),
        ("/api/v1/namespaces/shop/pods/..%2f..%2fsecrets", Spelling),
        ("/api/v1/namespaces/shop/pods/./web-0", Spelling),
        ("/api/v1/namespaces//secrets", Spelling),
        ("/api//v1/pods", Spelling),
        ("//api/v1/pods", Spelling),
        ("/api/v1/pods/", Spelling),
        ("/api/v1/namespaces/shop/Secrets", Spelling),
        ("/api/v1/namespaces/shop/pods;x/web-0", Spelling),
        ("/api/v1/namespaces/shop/pods/web-0\\exec", Spelling),
        ("/api/v1/namespaces/SHOP/pods", Spelling),
        // Nothing that is not listed.
        ("/api/v2/pods", Path),
        ("/metrics/slis", Path),
        ("/logs", Path),
        ("/logs/kube-apiserver.log", Path),
        ("/debug/pprof/profile", Path),
        ("/openapi/v2", Path),
        ("/version/x", Path),
        ("/swaggerapi", Path),
        ("/apis/watch/watch/pods", Path),
        ("/apis/Apps/v1/deployments", Path),
        ("/apis/apps./v1/deployments", Path),
        ("/api/v1/pods?command=sh", Query),
        ("/api/v1/pods?limit=1&follow=true", Query),
        ("/api/v1/pods?_method=DELETE", Query),
        ("/version?%77atch=1", Query),
    ] {
        assert_eq!(get(path), Err(why), "{path}");
    }
}

#[test]
fn methods_bodies_and_headers() {
    for method in ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "WATCH", "get"] {
        let request =
            Request::builder().method(method).uri("/api/v1/pods").body(Empty::<&[u8]>::new()).unwrap();
        assert_eq!(judge(&request).map_err(|refused| refused.why), Err(Why::Method), "{method}");
    }
    let request = Request::get("/api/v1/pods").body(Full::new(&b"{}"[..])).unwrap();
    assert_eq!(judge(&request).map_err(|refused| refused.why), Err(Why::Body));
    // A body of unknown length is a body.
    let stream = http_body_util::StreamBody::new(futures::stream::empty::<
        Result<http_body::Frame<&[u8]>, std::io::Error>,
    >());
    let request = Request::get("/api/v1/pods").body(stream).unwrap();
    assert_eq!(judge(&request).map_err(|refused| refused.why), Err(Why::Body));
    for (name, value) in [
        ("upgrade", "websocket"),
        ("upgrade", "SPDY/3.1"),
        ("Connection", "Upgrade"),
        ("connection", "keep-alive, UPGRADE"),
        ("sec-websocket-key", "x"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("content-length", "2"),
        ("transfer-encoding", "chunked"),
    ] {
        let request = Request::get("/api/v1/pods").header(name, value).body(Empty::<&[u8]>::new()).unwrap();
        assert!(matches!(judge(&request), Err(Refused { why: Why::Header(_), .. })), "{name}: {value}");
    }
    for (name, value) in [
        ("accept", "application/json"),
        ("impersonate-user", "jane"),
        ("connection", "close"),
        ("content-length", "0"),
    ] {
        let request = Request::get("/api/v1/pods").header(name, value).body(Empty::<&[u8]>::new()).unwrap();
        assert_eq!(judge(&request), Ok(()), "{name}: {value}");
    }
    assert_eq!(get("https://elsewhere.example/api/v1/pods"), Err(Why::Address));
}

#[test]
fn a_refusal_says_what_and_why() {
    let request = Request::delete("/api/v1/nodes/cp-1").body(Empty::<&[u8]>::new()).unwrap();
    assert_eq!(
        judge(&request).unwrap_err().to_string(),
        "not sent: DELETE /api/v1/nodes/cp-1: the method is not GET; an inspection only reads"
    );
}

/// What an API server makes of a path, written from the rules of requestinfo.go and of Go's path cleaning:
/// decoded, split, cleaned; then (verb, resource, subresource), or nothing where it is no resource request.
fn as_the_server_reads(path: &str) -> Option<(String, String, String)> {
    let mut decoded = path.to_owned();
    for _ in 0..3 {
        for (escape, plain) in [("%2f", "/"), ("%2F", "/"), ("%2e", "."), ("%73", "s"), ("%25", "%")] {
            decoded = decoded.replace(escape, plain);
        }
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in decoded.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut parts = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] if !rest.is_empty() => rest,
        _ => return None,
    };
    let mut verb = "get";
    if ["proxy", "watch"].contains(&parts[0]) {
        verb = parts[0];
        parts = &parts[1..];
    }
    if parts.len() > 2 && parts[0] == "namespaces" && !["status", "finalize"].contains(&parts[2]) {
        parts = &parts[2..];
    }
    let part = |index: usize| parts.get(index).map(|part| (*part).to_owned()).unwrap_or_default();
    Some((verb.to_owned(), part(0), part(2)))
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec![
            "api", "apis", "v1", "apps", "namespaces", "pods", "nodes", "services", "secrets", "status", "web-0",
            "shop", "deployments", "clusterroles",
        ]).prop_map(str::to_owned),
        4 => prop::sample::select(vec![
            "proxy", "watch", "exec", "attach", "portforward", "log", "eviction", "finalize", "binding", "token",
            "scale", "..", ".", "", "%2f", "..%2fsecrets", "%73ecrets", "pods%2fweb-0%2fexec", "%2e%2e", "%252f",
        ]).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9.~:_-]{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn nothing_that_a_server_could_take_for_an_action_passes(
        prefix in prop::sample::select(vec!["/api/v1", "/apis/apps/v1", "/apis/apps", "/api", "", "/apis"]),
        segments in prop::collection::vec(segment(), 0..7),
    ) {
        let path = segments.iter().fold(prefix.to_owned(), |path, segment| format!("{path}/{segment}"));
        let Ok(uri) = path.parse::<http::Uri>() else { return Ok(()) };
        let passes = Request::get(uri).body(Empty::<&[u8]>::new()).is_ok_and(|request| judge(&request).is_ok());
        if passes && let Some((verb, resource, subresource)) = as_the_server_reads(&path) {
            prop_assert_eq!(verb, "get", "{}", path);
            prop_assert_ne!(resource, "secrets", "{}", path);
            prop_assert!(subresource.is_empty() || subresource == "status", "{}", path);
        }
    }

    #[test]
    fn no_other_method_passes(method in "[A-Za-z]{1,9}", path in prop::sample::select(vec!["/version", "/api/v1/pods", "/readyz"])) {
        prop_assume!(method != "GET");
        let request = Request::builder().method(method.as_str()).uri(path).body(Empty::<&[u8]>::new());
        prop_assert!(judge(&request.unwrap()).is_err());
    }

    #[test]
    fn a_percent_sign_in_the_path_never_passes(before in "[a-z/]{0,20}", after in "[0-9a-f]{2}[a-z/]{0,20}") {
        let path = format!("/api/v1/{before}%{after}");
        let Ok(request) = Request::get(path).body(Empty::<&[u8]>::new()) else { return Ok(()) };
        prop_assert!(judge(&request).is_err());
    }
}
