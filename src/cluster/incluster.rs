//! The cluster that a pod runs in, known by its service account.
//!
//! Source: k8s.io/client-go rest/config.go (InClusterConfig) and tools/clientcmd/client_config.go.

use http::Uri;

use super::credentials::Credential;
use super::environment::Environment;
use super::kubeconfig::{Impersonation, KubeconfigError, Origin, Resolved, Trust, read_bounded, shown};
use super::proxy::Proxies;
use crate::text::Text;

/// The pod's own cluster; nothing where this is no pod with a service account.
///
/// # Errors
/// When there is a service account that cannot be used.
pub(super) fn resolve(environment: &Environment) -> Result<Option<Resolved>, KubeconfigError> {
    let token = environment.service_account().join("token");
    let (Some(host), Some(port)) =
        (environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT"))
    else {
        return Ok(None);
    };
    if !token.is_file() {
        return Ok(None);
    }
    let wrong = |why: String| KubeconfigError::ServiceAccount { why: Text::new(&why) };
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let server: Uri = format!("https://{bracketed}:{port}").parse().map_err(|error| {
        wrong(format!("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT make no URL: {error}"))
    })?;
    let authority = environment.service_account().join("ca.crt");
    let pem = read_bounded(&authority)
        .map_err(|error| wrong(format!("{} cannot be read: {error}", shown(&authority))))?;
    let roots = super::kubeconfig::certificates(&pem)
        .map_err(|why| wrong(format!("{}: {why}", shown(&authority))))?;
    Ok(Some(Resolved {
        origin: Origin::ServiceAccount,
        context: "in-cluster".into(),
        cluster: "in-cluster".into(),
        user: "service account".into(),
        namespace: namespace(environment),
        server,
        trust: Trust { roots: Some(roots), roots_file: Some(authority), ..Trust::default() },
        proxies: Proxies::of_environment(environment),
        disable_compression: false,
        exec_config: serde_json::Value::Null,
        identity: None,
        credential: Credential::TokenFile { path: token, fallback: None },
        impersonation: Impersonation::default(),
    }))
}

fn namespace(environment: &Environment) -> Option<String> {
    if let Some(namespace) = environment.get("POD_NAMESPACE") {
        return Some(namespace.to_owned());
    }
    let bytes = read_bounded(&environment.service_account().join("namespace")).ok()?;
    let namespace = String::from_utf8(bytes).ok()?;
    Some(namespace.trim().to_owned()).filter(|namespace| !namespace.is_empty())
}
