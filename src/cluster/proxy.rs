//! Which proxy a request to a server goes through.
//!
//! The rules are those of Go's golang.org/x/net/http/httpproxy, which kubectl uses: a kubeconfig's `proxy-url`
//! counts for every server of its cluster; without one HTTPS_PROXY or HTTP_PROXY by the target's scheme, unless
//! NO_PROXY names the target or the target is this machine. One difference: names in NO_PROXY that are not ASCII
//! match nothing here.

use std::net::IpAddr;

use http::Uri;

use super::environment::Environment;
use crate::text::Text;

/// Why a proxy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The URL cannot be understood. It is not quoted: it may hold a password.
    #[error(
        "{from}: its URL is not understood; it has the form http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT"
    )]
    Malformed {
        /// Where the URL comes from.
        from: Text,
    },
    /// The scheme is none that kubelift speaks.
    #[error("{from}: proxies of scheme {scheme} are not supported, only http, https and socks5")]
    Scheme {
        /// Where the URL comes from.
        from: Text,
        /// The scheme.
        scheme: Text,
    },
    /// SOCKS with a user name.
    #[error("{from}: SOCKS proxies with user name and password are not supported")]
    SocksLogin {
        /// Where the URL comes from.
        from: Text,
    },
    /// A web server's CGI turns a request's `Proxy` header into HTTP_PROXY.
    #[error(
        "HTTP_PROXY is not used where REQUEST_METHOD is set, for whoever sends a request could have set it"
    )]
    Cgi,
}

/// Decides on proxies for one cluster.
#[derive(Clone, PartialEq, Eq)]
pub enum Proxies {
    /// All servers through this one: the kubeconfig's `proxy-url`.
    Fixed(Uri),
    /// As the environment says.
    Environment(Rules),
}

impl Proxies {
    /// Through `url`, the `proxy-url` of the kubeconfig's entry `of`.
    ///
    /// # Errors
    /// When kubelift cannot use it.
    pub fn fixed(url: &str, of: &str) -> Result<Self, ProxyError> {
        let from = format!("proxy-url of cluster {of}");
        // As in client-go, a proxy-url has a scheme; only the environment's may go without.
        let uri = Some(url)
            .filter(|url| url.contains("://"))
            .and_then(parse)
            .ok_or_else(|| ProxyError::Malformed { from: from.as_str().into() })?;
        usable(&uri, &from).map(Self::Fixed)
    }

    /// As `environment` says.
    pub fn of_environment(environment: &Environment) -> Self {
        Self::Environment(Rules::new(
            environment.any(["HTTP_PROXY", "http_proxy"]),
            environment.any(["HTTPS_PROXY", "https_proxy"]),
            environment.any(["NO_PROXY", "no_proxy"]),
            environment.get("REQUEST_METHOD").is_some(),
        ))
    }

    /// The proxy for requests to `server`, if any.
    ///
    /// # Errors
    /// When there is one that kubelift cannot use: going around it would not be what was asked for.
    pub fn for_server(&self, server: &Uri) -> Result<Option<Uri>, ProxyError> {
        match self {
            Self::Fixed(uri) => Ok(Some(uri.clone())),
            Self::Environment(rules) => rules.proxy_for(server),
        }
    }

    /// The URL that the kubeconfig fixes, for credential plugins.
    pub const fn explicit(&self) -> Option<&Uri> {
        match self {
            Self::Fixed(uri) => Some(uri),
            Self::Environment(_) => None,
        }
    }
}

impl std::fmt::Debug for Proxies {
    /// Without the URLs: they can hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed(…)",
            Self::Environment(_) => "Environment(…)",
        })
    }
}

/// What HTTP_PROXY, HTTPS_PROXY and NO_PROXY say.
#[derive(Clone, PartialEq, Eq)]
pub struct Rules {
    http: Option<Uri>,
    https: Option<Uri>,
    exceptions: Vec<Exception>,
    is_cgi: bool,
}

/// One entry of NO_PROXY. A port counts where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exception {
    All,
    Net(IpAddr, u8),
    Ip(IpAddr, String),
    /// `.suffix`, and whether the bare name matches, too.
    Domain {
        suffix: String,
        port: String,
        bare: bool,
    },
}

impl Rules {
    fn new(http: Option<&str>, https: Option<&str>, no_proxy: Option<&str>, is_cgi: bool) -> Self {
        // As in Go, a URL that cannot be understood is as none.
        Self {
            http: http.and_then(parse),
            https: https.and_then(parse),
            exceptions: exceptions(no_proxy.unwrap_or_default()),
            is_cgi,
        }
    }

    fn proxy_for(&self, server: &Uri) -> Result<Option<Uri>, ProxyError> {
        let (proxy, name) = match server.scheme_str() {
            Some("https") => (&self.https, "HTTPS_PROXY"),
            Some("http") => (&self.http, "HTTP_PROXY"),
            _ => return Ok(None),
        };
        let Some(proxy) = proxy else { return Ok(None) };
        if name == "HTTP_PROXY" && self.is_cgi {
            return Err(ProxyError::Cgi);
        }
        if self.is_exempt(server) { Ok(None) } else { usable(proxy, name).map(Some) }
    }

    fn is_exempt(&self, server: &Uri) -> bool {
        let host = server.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let default_port = if server.scheme_str() == Some("http") { 80 } else { 443 };
        let port = server.port_u16().unwrap_or(default_port).to_string();
        let ip = host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
        if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
            return true;
        }
        let host = host.to_ascii_lowercase();
        self.exceptions.iter().any(|exception| exception.matches(&host, &port, ip))
    }
}

impl Exception {
    fn matches(&self, host: &str, port: &str, ip: Option<IpAddr>) -> bool {
        let is_port = |wanted: &str| wanted.is_empty() || wanted == port;
        match (self, ip) {
            (Self::All, _) => true,
            (Self::Net(net, length), Some(ip)) => is_within(ip, *net, *length),
            (Self::Ip(wanted, port), Some(ip)) => *wanted == ip && is_port(port),
            (Self::Domain { suffix, port, bare }, None) => {
                (host.ends_with(suffix.as_str()) || (*bare && suffix.strip_prefix('.') == Some(host)))
                    && is_port(port)
            }
            _ => false,
        }
    }
}

fn exceptions(list: &str) -> Vec<Exception> {
    let entries = list.split(',').map(|entry| entry.trim().to_ascii_lowercase());
    let mut exceptions = Vec::new();
    for entry in entries.filter(|entry| !entry.is_empty()) {
        if entry == "*" {
            return vec![Exception::All];
        }
        if let Some((net, length)) = parse_net(&entry) {
            exceptions.push(Exception::Net(net, length));
            continue;
        }
        let (host, port) = split_host_port(&entry).unwrap_or((&entry, ""));
        if let Ok(ip) = host.parse::<IpAddr>() {
            exceptions.push(Exception::Ip(ip.to_canonical(), port.to_owned()));
            continue;
        }
        let host = if host.starts_with("*.") { host.get(1..).unwrap_or_default() } else { host };
        if host.is_empty() {
            continue;
        }
        let bare = !host.starts_with('.');
        let suffix = if bare { format!(".{host}") } else { host.to_owned() };
        exceptions.push(Exception::Domain { suffix, port: port.to_owned(), bare });
    }
    exceptions
}

/// `host:port` or `[host]:port`; nothing where there is no port, as Go's net.SplitHostPort.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    if let Some(inner) = host.strip_prefix('[') {
        return Some((inner.strip_suffix(']')?, port));
    }
    (!host.contains([':', '[', ']']) && !port.contains([']', '['])).then_some((host, port))
}

fn parse_net(text: &str) -> Option<(IpAddr, u8)> {
    let (net, length) = text.split_once('/')?;
    let (net, length) = (net.parse::<IpAddr>().ok()?, length.parse::<u8>().ok()?);
    let max = if net.is_ipv4() { 32 } else { 128 };
    if length > max {
        return None;
    }
    match (net, net.to_canonical()) {
        (IpAddr::V6(_), mapped @ IpAddr::V4(_)) => Some((mapped, length.checked_sub(96)?)),
        (_, net) => Some((net, length)),
    }
}

fn is_within(ip: IpAddr, net: IpAddr, length: u8) -> bool {
    let (ip, net, width) = match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => (u128::from(ip.to_bits()), u128::from(net.to_bits()), 32u32),
        (IpAddr::V6(ip), IpAddr::V6(net)) => (ip.to_bits(), net.to_bits(), 128),
        _ => return false,
    };
    // A shift by all bits (0.0.0.0/0, ::/0) leaves nothing to compare.
    let shift = width.saturating_sub(u32::from(length));
    ip.checked_shr(shift).unwrap_or(0) == net.checked_shr(shift).unwrap_or(0)
}

/// A proxy's URL; `host:port` alone means http.
fn parse(url: &str) -> Option<Uri> {
    let url = url.trim();
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let uri: Uri = url.parse().ok()?;
    uri.host().is_some_and(|host| !host.is_empty()).then_some(uri)
}

/// `uri` as kube's client understands it.
fn usable(uri: &Uri, from: &str) -> Result<Uri, ProxyError> {
    let has_login = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri.clone()),
        Some("socks5" | "socks5h") if has_login => Err(ProxyError::SocksLogin { from: from.into() }),
        // Names are resolved by the proxy in both, as in Go.
        Some("socks5" | "socks5h") => {
            let port = uri.port_u16().unwrap_or(1080);
            let rebuilt = format!("socks5://{}:{port}", uri.host().unwrap_or_default()).parse();
            rebuilt.map_err(|_| ProxyError::Malformed { from: from.into() })
        }
        scheme => Err(ProxyError::Scheme { from: from.into(), scheme: scheme.unwrap_or_default().into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)], server: &str) -> Result<Option<String>, ProxyError> {
        let environment = Environment::of(std::path::Path::new("/"), variables.iter().copied());
        let proxy = Proxies::of_environment(&environment).for_server(&server.parse().unwrap())?;
        Ok(proxy.map(|uri| uri.to_string()))
    }

    #[test]
    fn the_targets_scheme_chooses() {
        let both = [("HTTP_PROXY", "http://plain:1"), ("HTTPS_PROXY", "http://secure:2")];
        for (variables, server, expected) in [
            (&both[..], "https://10.0.0.1:6443", Some("http://secure:2/")),
            (&both[..], "http://10.0.0.1:8080", Some("http://plain:1/")),
            (&both[..1], "https://10.0.0.1:6443", None),
            (&[("https_proxy", "lower:3")][..], "https://10.0.0.1:6443", Some("http://lower:3/")),
            (
                &[("HTTPS_PROXY", "upper:1"), ("https_proxy", "lower:3")][..],
                "https://a",
                Some("http://upper:1/"),
            ),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "lower:3")][..], "https://a", Some("http://lower:3/")),
            (&[("HTTPS_PROXY", "https://tls:3")][..], "https://a", Some("https://tls:3/")),
            (&[("HTTPS_PROXY", "socks5h://s")][..], "https://a", Some("socks5://s:1080/")),
            (&[("ALL_PROXY", "http://all:1")][..], "https://a", None),
            (&[("HTTPS_PROXY", "http://")][..], "https://a", None),
            (&[][..], "https://a", None),
        ] {
            assert_eq!(proxy(variables, server).unwrap().as_deref(), expected, "{variables:?} {server}");
        }
        assert!(matches!(
            proxy(&[("HTTPS_PROXY", "ftp://x:1")], "https://a"),
            Err(ProxyError::Scheme { .. })
        ));
        assert!(
            proxy(&[("HTTP_PROXY", "x:1"), ("REQUEST_METHOD", "GET")], "http://a") == Err(ProxyError::Cgi)
        );
        assert!(matches!(
            proxy(&[("HTTPS_PROXY", "socks5://me:pw@x:1")], "https://a"),
            Err(ProxyError::SocksLogin { .. })
        ));
    }

    /// From the documentation of httpproxy.Config.NoProxy.
    #[test]
    fn no_proxy_is_about_the_api_server() {
        for (no_proxy, server, is_exempt) in [
            // "An IP address prefix and domain name can also include a literal port number."
            ("1.2.3.4", "https://1.2.3.4:6443", true),
            ("1.2.3.4", "https://1.2.3.40:6443", false),
            ("1.2.3.4:80", "https://1.2.3.4:6443", false),
            ("1.2.3.4:6443", "https://1.2.3.4:6443", true),
            ("1.2.3.4:443", "https://1.2.3.4", true),
            ("1.2.3.0/24", "https://1.2.3.4:6443", true),
            ("1.2.3.0/24", "https://1.2.4.4:6443", false),
            ("10.0.0.0/8, 192.168.0.0/16", "https://192.168.7.1", true),
            ("0.0.0.0/0", "https://192.168.7.1", true),
            ("0.0.0.0/0", "https://[2001:db8::1]", false),
            ("2001:db8::/32", "https://[2001:db8:7::1]:6443", true),
            ("2001:db8::/32", "https://[2001:db9::1]:6443", false),
            ("::/0", "https://[2001:db9::1]:6443", true),
            ("2001:db8::1", "https://[2001:db8::1]:6443", true),
            ("[2001:db8::1]:6443", "https://[2001:db8::1]:6443", true),
            ("[2001:db8::1]:80", "https://[2001:db8::1]:6443", false),
            ("::ffff:10.0.0.0/104", "https://10.1.2.3", true),
            // "A domain name matches that name and all subdomains."
            ("example.com", "https://example.com:6443", true),
            ("example.com", "https://api.example.com:6443", true),
            ("example.com", "https://notexample.com", false),
            ("EXAMPLE.com", "https://API.example.COM", true),
            // "A domain name with a leading "." matches subdomains only."
            (".example.com", "https://api.example.com", true),
            (".example.com", "https://example.com", false),
            ("*.example.com", "https://api.example.com", true),
            ("*.example.com", "https://example.com", false),
            ("example.com:6443", "https://api.example.com:6443", true),
            ("example.com:80", "https://api.example.com:6443", false),
            // "A single asterisk (*) indicates that no proxying should be done."
            ("*", "https://api.example.com", true),
            ("foo, *", "https://api.example.com", true),
            // "localhost" and loopback addresses, whatever NO_PROXY says.
            ("", "https://localhost:6443", true),
            ("", "https://127.0.0.1:6443", true),
            ("", "https://127.8.9.1:6443", true),
            ("", "https://[::1]:6443", true),
            ("", "https://10.0.0.1:6443", false),
            // Suffixes of addresses are not domains, and malformed entries match nothing.
            (".0.0.1", "https://10.0.0.1:6443", false),
            (",, :80 ,", "https://10.0.0.1:80", false),
            ("10.0.0.0/33", "https://10.0.0.1", false),
            // Never the proxy's own address.
            ("proxy.example.net", "https://api.example.com", false),
        ] {
            let variables = [("HTTPS_PROXY", "http://proxy.example.net:3128"), ("NO_PROXY", no_proxy)];
            let found = proxy(&variables, server).unwrap();
            assert_eq!(found.is_none(), is_exempt, "NO_PROXY={no_proxy} {server}");
        }
    }

    #[test]
    fn a_proxy_url_counts_for_every_server() {
        let proxies = Proxies::fixed("http://me:pw@proxy:3128", "prod").unwrap();
        for server in ["https://10.0.0.1:6443", "https://127.0.0.1:6443", "http://localhost"] {
            let proxy = proxies.for_server(&server.parse().unwrap()).unwrap();
            assert_eq!(proxy.unwrap().to_string(), "http://me:pw@proxy:3128/");
        }
        assert!(!format!("{proxies:?}").contains("pw"));
        let error = Proxies::fixed("ftp://me:pw@proxy", "prod").unwrap_err().to_string();
        assert!(error.contains("prod") && error.contains("ftp") && !error.contains("pw"), "{error}");
        assert!(Proxies::fixed("proxy:3128", "prod").is_err());
        assert!(!Proxies::fixed("http://me:p w@proxy", "prod").unwrap_err().to_string().contains("p w"));
    }
}
