//! The kubeconfig's rules, with files.

use std::path::{Path, PathBuf};

use super::{Choice, Kubeconfig, KubeconfigError, Origin, resolve};
use crate::cluster::credentials::Credential;
use crate::cluster::environment::Environment;

/// A folder with files, and an environment in it.
struct Home(tempfile::TempDir);

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            home.write(name, text.as_bytes());
        }
        home
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// KUBECONFIG with these files; HOME is always there.
    fn environment(&self, kubeconfig: &[&str]) -> Environment {
        let list = std::env::join_paths(kubeconfig.iter().map(|name| match *name {
            "" => PathBuf::new(),
            name => self.path(name),
        }));
        let home = self.0.path().as_os_str().to_owned();
        Environment::of(self.0.path(), [("HOME", home), ("KUBECONFIG", list.unwrap())])
    }
}

/// A kubeconfig with one context, cluster and user, named and addressed as told.
fn config(name: &str, server: &str, current: bool, user: &str) -> String {
    let current = if current { format!("current-context: {name}\n") } else { String::new() };
    format!(
        "apiVersion: v1\nkind: Config\n{current}clusters:\n- name: {name}\n  cluster: {{server: '{server}'}}\n\
         contexts:\n- name: {name}\n  context: {{cluster: {name}, user: {name}, namespace: ns-{name}}}\n\
         users:\n- name: {name}\n  user: {user}\n"
    )
}

fn token(resolved: &super::Resolved) -> &str {
    match &resolved.credential {
        Credential::Token(token) => token.expose(),
        other => panic!("{other:?}"),
    }
}

fn context(name: &str) -> Choice {
    Choice { context: Some(name.into()), ..Choice::default() }
}

#[test]
fn the_home_file_is_read_without_kubeconfig() {
    let home = Home::new(&[(".kube/config", &config("a", "https://a:6443", true, "{token: t}"))]);
    let resolved = resolve(&Choice::default(), &home.environment(&[])).unwrap();
    assert_eq!(resolved.address(), "a:6443");
    assert_eq!((&*resolved.context, &*resolved.cluster, &*resolved.user), ("a", "a", "a"));
    assert_eq!(resolved.namespace.as_deref(), Some("ns-a"));
    assert_eq!(resolved.origin, Origin::Files(vec![home.path(".kube/config")]));
}

#[test]
fn a_list_is_merged_and_missing_files_are_left_out() {
    let a = config("a", "https://a", false, "{token: from-a}");
    let b = config("a", "https://other", true, "{token: from-b, username: x}")
        + "- name: only-b\n  user: {token: b}\n";
    let c = config("c", "https://c", true, "{token: from-c}");
    let home = Home::new(&[("a", &a), ("b", &b), ("c", &c), ("empty", ""), ("comment", "# nothing\n")]);
    let environment = home.environment(&["missing", "a", "", "b", "empty", "comment", "c", "a"]);
    let merged = Kubeconfig::load(&Choice::default(), &environment).unwrap();
    assert_eq!(merged.files, ["a", "b", "empty", "comment", "c"].map(|name| home.path(name)));
    assert_eq!(merged.missing, [home.path("missing")]);
    // The first entry of a name counts, whole; the first current-context that is set counts.
    assert_eq!(merged.clusters["a"].value.server, "https://a");
    assert_eq!(merged.users["a"].value.username, "");
    assert_eq!(merged.current_context.as_deref(), Some("a"));
    assert!(merged.users.contains_key("only-b"));
    assert_eq!(token(&resolve(&Choice::default(), &environment).unwrap()), "from-a");
    assert_eq!(token(&resolve(&context("c"), &environment).unwrap()), "from-c");
}

#[test]
fn an_explicit_file_must_exist_and_is_the_only_one() {
    let home = Home::new(&[
        ("env", &config("env", "https://env", true, "{token: t}")),
        ("mine", &config("mine", "https://mine", true, "{token: t}")),
    ]);
    let environment = home.environment(&["env"]);
    let choice = |file: &str| Choice { kubeconfig: Some(PathBuf::from(file)), context: None };
    // Relative to where kubelift runs.
    assert_eq!(resolve(&choice("mine"), &environment).unwrap().context, "mine");
    let error = resolve(&choice("nowhere"), &environment).unwrap_err();
    assert!(matches!(error, KubeconfigError::NotFound { .. }));
    assert!(error.to_string().contains("nowhere does not exist"), "{error}");
    let both = Choice { context: Some("env".into()), ..choice("mine") };
    let error = resolve(&both, &environment).unwrap_err().to_string();
    assert!(error.contains("no context env") && error.contains("mine"), "{error}");
}

#[test]
fn nothing_to_read_says_where_it_was_looked() {
    let home = Home::new(&[]);
    let error = resolve(&Choice::default(), &home.environment(&["x", "y"])).unwrap_err();
    let KubeconfigError::Nothing { looked_at } = &error else { panic!("{error:?}") };
    assert_eq!(looked_at.len(), 2);
    assert!(error.to_string().contains("/x") && error.to_string().contains("--kubeconfig"), "{error}");
    let error = resolve(&Choice::default(), &home.environment(&[])).unwrap_err().to_string();
    assert!(error.contains(".kube/config does not exist"), "{error}");
    // A context that was asked for is not replaced by the pod's own cluster.
    assert!(matches!(
        resolve(&context("prod"), &home.environment(&[])),
        Err(KubeconfigError::NoSuchContext { .. })
    ));
}

#[test]
fn contexts_are_listed_where_none_is_chosen() {
    let home = Home::new(&[("k", &(config("b", "https://b", false, "{}")))]);
    let error = resolve(&Choice::default(), &home.environment(&["k"])).unwrap_err();
    assert!(matches!(error, KubeconfigError::NoContext { .. }));
    assert!(error.to_string().contains("there are: b"), "{error}");
}

#[test]
fn paths_are_of_the_files_folder() {
    let user = "{tokenFile: tok, exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/login, \
                interactiveMode: Never}}";
    let home = Home::new(&[
        ("deep/er/config", &config("a", "https://a", true, user)),
        ("b", &config("b", "https://b", true, "{tokenFile: /abs/tok, exec: {command: aws}}")),
    ]);
    let merged = Kubeconfig::load(&Choice::default(), &home.environment(&["deep/er/config", "b"])).unwrap();
    let user = &merged.users["a"].value;
    assert_eq!(Path::new(&user.token_file), home.path("deep/er/tok"));
    assert_eq!(Path::new(&user.exec.as_ref().unwrap().command), home.path("deep/er/bin/login"));
    let user = &merged.users["b"].value;
    assert_eq!((user.token_file.as_str(), user.exec.as_ref().unwrap().command.as_str()), ("/abs/tok", "aws"));
}

#[test]
fn other_encodings() {
    let text = config("ü", "https://a", true, "{token: t}");
    let utf16 = |unit: fn(u16) -> [u8; 2]| {
        "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect()
    };
    let encoded: [Vec<u8>; 3] =
        [[b"\xEF\xBB\xBF", text.as_bytes()].concat(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)];
    for bytes in encoded {
        let home = Home::new(&[]);
        home.write("k", &bytes);
        assert_eq!(resolve(&Choice::default(), &home.environment(&["k"])).unwrap().context, "ü");
    }
}

#[test]
fn files_that_are_none() {
    let twice = "clusters: [{name: a, cluster: {server: x}}, {name: a, cluster: {server: y}}]";
    for (text, says) in [
        (&b"clusters: {"[..], "line"),
        (b"just text", "invalid type"),
        (b"apiVersion: v2\n", "its apiVersion is v2, not v1"),
        (b"kind: Pod\n", "its kind is Pod, not Config"),
        (twice.as_bytes(), "a is twice in its clusters"),
        (b"\xFF\xFE\x00", "neither UTF-8 nor UTF-16"),
        (b"\xC3\x28", "neither UTF-8 nor UTF-16"),
        (b"users: [{name: a, user: {token: [hunter2]}}]", "expected a string"),
    ] {
        let home = Home::new(&[]);
        home.write("bad", text);
        let error = resolve(&Choice::default(), &home.environment(&["bad"])).unwrap_err().to_string();
        assert!(error.contains("bad is not a kubeconfig") && error.contains(says), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let home = Home::new(&[]);
    home.write("large", &vec![b'#'; usize::try_from(super::MAX_FILE).unwrap() + 1]);
    let error = resolve(&Choice::default(), &home.environment(&["large"])).unwrap_err().to_string();
    assert!(error.contains("large cannot be read: larger than 4 MiB"), "{error}");
    let error = resolve(&Choice::default(), &home.environment(&["."])).unwrap_err();
    assert!(matches!(error, KubeconfigError::Read { .. }), "{error}");
}

#[test]
fn entries_that_cannot_be_used() {
    for (server, user, says) in [
        ("", "{}", "cluster a in"),
        ("", "{}", "it has no server"),
        ("ftp://a", "{}", "neither http:// nor https://"),
        ("https://me:pw@a", "{}", "holds a user name"),
        ("https://a b", "{}", "is no URL"),
        ("https://a", "{token: t, username: u}", "a token and a user name"),
        (
            "https://a",
            "{client-certificate: /nowhere/crt, client-key: /nowhere/key}",
            "/nowhere/crt cannot be read",
        ),
        (
            "https://a",
            "{client-certificate-data: '!', client-key-data: e30=}",
            "client-certificate-data is not base64",
        ),
        ("https://a", "{client-certificate-data: e30=}", "no client-key"),
        ("https://a", "{client-certificate: x, client-certificate-data: e30=}", "remove one of them"),
        ("https://a", "{as-groups: [g]}", "need `as`"),
        ("https://a", "{exec: {command: x}}", "apiVersion"),
        ("https://a", "{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}", "v1alpha1"),
        (
            "https://a",
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x}}",
            "no interactiveMode",
        ),
        (
            "https://a",
            "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}}",
            "no command",
        ),
        ("https://a", "{exec: {}, auth-provider: {name: oidc}}", "exec and auth-provider"),
        ("https://a", "{auth-provider: {name: azure}}", "kubelogin convert-kubeconfig"),
        ("https://a", "{auth-provider: {name: gcp}}", "gke-gcloud-auth-plugin"),
        ("https://a", "{auth-provider: {name: oidc}}", "no id-token"),
        ("https://a", "{auth-provider: {name: openstack}}", "openstack is not known"),
    ] {
        let home = Home::new(&[("k", &config("a", server, true, user))]);
        let error = resolve(&Choice::default(), &home.environment(&["k"])).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("/k: "), "{server} {user}: {error}");
    }
    let text = "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n";
    let home = Home::new(&[("k", text), ("c", "clusters: [{name: c, cluster: {server: 'https://a'}}]")]);
    let error = resolve(&Choice::default(), &home.environment(&["k"])).unwrap_err().to_string();
    assert!(error.contains("its cluster c is in none of the files"), "{error}");
    let error = resolve(&Choice::default(), &home.environment(&["k", "c"])).unwrap_err().to_string();
    assert!(error.contains("its user u is in none of the files"), "{error}");
}

#[test]
fn nothing_secret_goes_over_http() {
    let user = "{token: t, exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Never}, \
                as: jane}";
    for (server, address) in
        [("http://a:8080", "a:8080"), ("a:8080", "a:8080"), ("localhost", "localhost:80")]
    {
        let home = Home::new(&[("k", &config("a", server, true, user))]);
        let resolved = resolve(&Choice::default(), &home.environment(&["k"])).unwrap();
        assert_eq!(resolved.address(), address);
        assert_eq!((resolved.credential, resolved.impersonation.user.as_str()), (Credential::None, "jane"));
    }
}

#[test]
fn a_server_may_have_a_path() {
    for (server, uri) in [
        ("https://rancher.example/k8s/clusters/c-1/", "https://rancher.example/k8s/clusters/c-1"),
        ("https://a:6443/?x=1#y", "https://a:6443/"),
        ("https://[2001:db8::1]:6443", "https://[2001:db8::1]:6443/"),
    ] {
        let home = Home::new(&[("k", &config("a", server, true, "{token: t}"))]);
        assert_eq!(resolve(&Choice::default(), &home.environment(&["k"])).unwrap().server.to_string(), uri);
    }
}

#[test]
fn a_token_file_beside_a_token_counts() {
    let home = Home::new(&[("k", &config("a", "https://a", true, "{token: t, tokenFile: f}"))]);
    let resolved = resolve(&Choice::default(), &home.environment(&["k"])).unwrap();
    let Credential::TokenFile { path, fallback } = resolved.credential else { panic!() };
    assert_eq!((path, fallback.unwrap().expose()), (home.path("f"), "t"));
}

#[test]
fn the_pods_own_cluster_stands_in() {
    let ca = include_str!("../testdata/ca.pem");
    let files = [
        ("serviceaccount/token", "tok"),
        ("serviceaccount/ca.crt", ca),
        ("serviceaccount/namespace", "shop\n"),
    ];
    let home = Home::new(&files);
    let variables = |host: &str| {
        let pairs = [("KUBERNETES_SERVICE_HOST", host), ("KUBERNETES_SERVICE_PORT", "443")];
        Environment::of(home.0.path(), pairs)
    };
    let resolved = resolve(&Choice::default(), &variables("10.96.0.1")).unwrap();
    assert_eq!(resolved.origin, Origin::ServiceAccount);
    assert_eq!((&*resolved.address(), resolved.namespace.as_deref()), ("10.96.0.1:443", Some("shop")));
    assert_eq!(resolved.trust.roots.unwrap().len(), 1);
    assert_eq!(resolve(&Choice::default(), &variables("fd00::1")).unwrap().address(), "[fd00::1]:443");
    // A context that is there counts first.
    let home_file = config("a", "https://a", true, "{token: t}");
    home.write("k", home_file.as_bytes());
    let pairs = [("KUBECONFIG", "k"), ("KUBERNETES_SERVICE_HOST", "h"), ("KUBERNETES_SERVICE_PORT", "443")];
    assert_eq!(resolve(&Choice::default(), &Environment::of(home.0.path(), pairs)).unwrap().context, "a");
    // Without a token this is no pod.
    std::fs::remove_file(home.path("serviceaccount/token")).unwrap();
    assert!(matches!(resolve(&Choice::default(), &variables("h")), Err(KubeconfigError::Nothing { .. })));
}

#[test]
fn certificates_of_an_authority() {
    let ca = include_str!("../testdata/ca.pem");
    let cluster = |fields: &str| {
        let text = config("a", "https://a", true, "{token: t}").replace("{server: 'https://a'}", fields);
        let home = Home::new(&[("k", &text), ("ca.pem", ca), ("no.pem", "nothing")]);
        resolve(&Choice::default(), &home.environment(&["k"]))
    };
    use base64::Engine;
    let data = base64::prelude::BASE64_STANDARD.encode(format!("a comment\n{ca}\n{ca}"));
    let trust = |fields: &str| cluster(fields).map(|resolved| resolved.trust);
    assert_eq!(
        trust("{server: 'https://a', certificate-authority: ca.pem}").unwrap().roots.unwrap().len(),
        1
    );
    let fields = format!("{{server: 'https://a', certificate-authority-data: {data}}}");
    assert_eq!(trust(&fields).unwrap().roots.unwrap().len(), 2);
    let named =
        trust("{server: 'https://a', tls-server-name: api.example, insecure-skip-tls-verify: true}").unwrap();
    assert_eq!(
        (named.server_name.as_deref(), named.insecure, named.roots),
        (Some("api.example"), true, None)
    );
    for (fields, says) in [
        ("{server: 'https://a', certificate-authority: no.pem}", "holds no certificate"),
        ("{server: 'https://a', certificate-authority: gone.pem}", "gone.pem cannot be read"),
        ("{server: 'https://a', certificate-authority-data: '%'}", "not base64"),
        (
            "{server: 'https://a', certificate-authority: ca.pem, certificate-authority-data: e30=}",
            "remove one",
        ),
        (
            "{server: 'https://a', certificate-authority: ca.pem, insecure-skip-tls-verify: true}",
            "exclude each other",
        ),
        ("{server: 'https://a', tls-server-name: 'a b'}", "tls-server-name"),
        ("{server: 'https://a', proxy-url: 'ftp://p'}", "ftp"),
    ] {
        let error = trust(fields).unwrap_err().to_string();
        assert!(error.contains(says), "{fields}: {error}");
    }
}
