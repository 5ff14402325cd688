//! Credentials with real files and real commands: small shell scripts.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{Authorizer, CommandLine, Consent, CredentialError, CredentialState, Desk, Terminal, Unattended};
use crate::cluster::environment::Environment;
use crate::cluster::kubeconfig::{Choice, resolve};
use crate::text::Text;

/// Answers as told, and counts.
struct Person {
    says: Consent,
    asked: AtomicUsize,
}

impl Person {
    fn who_says(says: Consent) -> Arc<Self> {
        Arc::new(Self { says, asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Desk for Person {
    fn consent<'a>(&'a self, _: &'a Text, _: &'a CommandLine) -> BoxFuture<'a, Consent> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(self.says))
    }

    fn lend(&self) -> BoxFuture<'_, Terminal> {
        Box::pin(std::future::ready(Terminal::none()))
    }
}

/// A folder with a kubeconfig of one user.
struct Home(tempfile::TempDir);

impl Home {
    fn new(user: &Value) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.set_user(user);
        home
    }

    fn set_user(&self, user: &Value) {
        let config = json!({
            "clusters": [{"name": "c", "cluster": {
                "server": "https://192.0.2.1:6443",
                "tls-server-name": "api.example",
                "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "me"}}],
            }}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        });
        std::fs::write(self.path("config"), config.to_string()).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    async fn obtain(&self, desk: Arc<dyn Desk>) -> Result<Authorizer, CredentialError> {
        let path = std::env::var_os("PATH").unwrap();
        let environment =
            Environment::of(self.0.path(), [("PATH", path), ("KUBECONFIG", self.path("config").into())]);
        let resolved = resolve(&Choice::default(), &environment).unwrap();
        Authorizer::obtain(Choice::default(), environment, resolved, desk).await
    }

    async fn allowed(&self) -> Result<Authorizer, CredentialError> {
        self.obtain(Arc::new(Unattended { allow: true })).await
    }

    /// How often a script of [`script`] ran.
    fn runs(&self) -> usize {
        std::fs::read_to_string(self.path("runs")).map_or(0, |runs| runs.lines().count())
    }
}

/// A plugin that runs `script` in the folder of `home`.
fn exec(home: &Path, script: &str) -> Value {
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", format!("cd '{}'; {script}", home.display())],
        "env": [{"name": "COLOUR", "value": "green"}],
        "interactiveMode": "IfAvailable",
        "installHint": "apt install sh\u{1b}[31m",
    }})
}

/// A script that notes that it ran, and gives the token `N` with its number.
fn counting(status: &str) -> String {
    let says =
        "{\\\"apiVersion\\\":\\\"client.authentication.k8s.io/v1\\\",\\\"kind\\\":\\\"ExecCredential\\\",";
    format!(
        "echo run >> runs; n=$(wc -l < runs); echo \"{says}\\\"status\\\":{{\\\"token\\\":\\\"N$((n))\\\"{status}}}}}\""
    )
}

async fn bearer(authorizer: &Authorizer) -> String {
    let grant = authorizer.grant().await.unwrap();
    let header = grant.header.clone().unwrap();
    assert!(header.is_sensitive());
    header.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_plugin_runs_once() {
    let home = Home::new(&json!({}));
    home.set_user(&exec(home.0.path(), &counting("")));
    let person = Person::who_says(Consent::Yes);
    let authorizer = home.obtain(person.clone()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(bearer(&authorizer).await, "Bearer N1");
    }
    assert_eq!((home.runs(), person.asked()), (1, 1));
}

#[tokio::test]
async fn it_runs_again_on_expiry_and_on_refusal_without_asking_again() {
    let home = Home::new(&json!({}));
    home.set_user(&exec(
        home.0.path(),
        &counting(",\\\"expirationTimestamp\\\":\\\"2999-01-01T00:00:00Z\\\""),
    ));
    let person = Person::who_says(Consent::Yes);
    let authorizer = home.obtain(person.clone()).await.unwrap();
    let first = authorizer.grant().await.unwrap();
    authorizer.expire();
    assert_eq!(bearer(&authorizer).await, "Bearer N2");
    // A request that was sent with the first takes the second; nothing runs for it.
    let instead = authorizer.instead_of(&first).await.unwrap();
    assert_eq!((instead.serial, home.runs()), (2, 2));
    // Many are refused at once: one run serves all.
    let all = futures::future::join_all((0..8).map(|_| authorizer.instead_of(&instead))).await;
    assert!(all.iter().all(|grant| grant.as_ref().unwrap().serial == 3), "{all:?}");
    assert_eq!((home.runs(), person.asked()), (3, 1));
    // Another command is another question.
    home.set_user(&exec(home.0.path(), &format!("true; {}", counting(""))));
    assert!(authorizer.instead_of(&all[0].clone().unwrap()).await.is_some());
    assert_eq!((home.runs(), person.asked()), (4, 2));
}

#[tokio::test]
async fn a_token_that_is_born_expired_does_not_run_the_plugin_for_each_request() {
    let home = Home::new(&json!({}));
    home.set_user(&exec(
        home.0.path(),
        &counting(",\\\"expirationTimestamp\\\":\\\"2001-01-01T00:00:00Z\\\""),
    ));
    let authorizer = home.allowed().await.unwrap();
    for _ in 0..3 {
        assert_eq!(bearer(&authorizer).await, "Bearer N1");
    }
    assert_eq!(home.runs(), 1);
}

#[tokio::test]
async fn a_request_that_does_not_wait_does_not_stop_a_login() {
    let home = Home::new(&json!({}));
    // The second run ends when it is told to.
    let script = format!("if [ -e runs ]; then until [ -e go ]; do sleep 0.01; done; fi; {}", counting(""));
    home.set_user(&exec(home.0.path(), &script));
    let authorizer = home.allowed().await.unwrap();
    authorizer.expire();
    for _ in 0..2 {
        let waited = authorizer.grant_within(std::time::Duration::from_millis(5)).await;
        assert!(matches!(waited, Err(CredentialError::BeingRenewed { .. })), "{waited:?}");
        assert!(matches!(*authorizer.subscribe().borrow(), CredentialState::Renewing));
    }
    home.write("go", "");
    assert_eq!(bearer(&authorizer).await, "Bearer N2");
    assert_eq!(home.runs(), 2);
}

#[tokio::test]
async fn nothing_runs_without_consent() {
    for (says, expected) in [
        (Consent::No, "not run, as you chose: COLOUR=green sh -c "),
        (Consent::Nobody, "with --allow-exec kubelift runs it"),
    ] {
        let home = Home::new(&json!({}));
        home.set_user(&exec(home.0.path(), &counting("")));
        let error = home.obtain(Person::who_says(says)).await.unwrap_err();
        assert!(error.to_string().contains(expected) && error.to_string().contains("user u"), "{error}");
        assert!(error.needs_person());
        assert_eq!(home.runs(), 0);
    }
}

#[tokio::test]
async fn after_a_no_nobody_is_asked_until_a_person_wants_it() {
    let home = Home::new(&json!({"token": "t"}));
    let person = Person::who_says(Consent::No);
    let authorizer = home.obtain(person.clone()).await.unwrap();
    let refused = authorizer.grant().await.unwrap();
    home.set_user(&exec(home.0.path(), &counting("")));
    for _ in 0..3 {
        assert!(authorizer.instead_of(&refused).await.is_none());
    }
    assert_eq!((person.asked(), home.runs()), (1, 0));
    assert!(matches!(
        *authorizer.subscribe().borrow(),
        CredentialState::Failed(CredentialError::Declined { .. })
    ));
    assert!(authorizer.renew().await.is_err());
    assert_eq!((person.asked(), home.runs()), (2, 0));
}

#[tokio::test]
async fn what_a_plugin_is_told() {
    for provide in [false, true] {
        let home = Home::new(&json!({}));
        let script =
            format!("echo \"$KUBERNETES_EXEC_INFO\" > info; echo \"$COLOUR\" > colour; {}", counting(""));
        let mut user = exec(home.0.path(), &script);
        user["exec"]["provideClusterInfo"] = json!(provide);
        home.set_user(&user);
        home.allowed().await.unwrap();
        let info: Value = serde_json::from_str(&std::fs::read_to_string(home.path("info")).unwrap()).unwrap();
        let mut expected = json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "spec": {"interactive": false},
        });
        if provide {
            expected["spec"]["cluster"] = json!({
                "server": "https://192.0.2.1:6443",
                "tls-server-name": "api.example",
                "config": {"audience": "me"},
            });
        }
        assert_eq!(info, expected);
        assert_eq!(std::fs::read_to_string(home.path("colour")).unwrap(), "green\n");
    }
}

#[tokio::test]
async fn what_goes_wrong_with_a_plugin() {
    let says = |status: &str| {
        format!(
            r#"echo '{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{status}}}'"#
        )
    };
    for (script, expected) in [
        (String::from("echo 'please log in' >&2; exit 3"), "it ended with exit status: 3: please log in"),
        (String::from("kill -9 $$"), "signal: 9"),
        (String::from("echo hunter2"), "it wrote no ExecCredential: not understood at line 1"),
        (says("null"), "without status"),
        (says("{}"), "neither a token nor a client certificate"),
        (says(r#"{"clientCertificateData":"hunter2"}"#), "without its key"),
        (says(r#"{"token":"hunter2","expirationTimestamp":"soon"}"#), "no time in RFC 3339"),
        (says(r#"{"token":["hunter2"]}"#), "not understood"),
        (says(r#"{"token":"hun\u0007ter2"}"#), "characters that cannot be sent"),
        (
            says("{}").replace("/v1", "/v1beta1"),
            "it wrote client.authentication.k8s.io/v1beta1 ExecCredential",
        ),
        (String::from("head -c 1100000 /dev/zero"), "more than 1 MiB"),
    ] {
        let home = Home::new(&json!({}));
        home.set_user(&exec(home.0.path(), &script));
        let error = home.allowed().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{script}: {error}");
        assert!(!error.contains("hunter2") && !error.contains("ter2"), "{error}");
    }
    let home = Home::new(&json!({}));
    let mut user = exec(home.0.path(), "true");
    user["exec"]["command"] = json!("kubelift-test-no-such-program");
    home.set_user(&user);
    let error = home.allowed().await.unwrap_err().to_string();
    assert!(
        error.contains("kubelift-test-no-such-program is not found") && error.contains("apt install sh"),
        "{error}"
    );
    assert!(!error.contains('\u{1b}'));
    let mut user = exec(home.0.path(), "true");
    user["exec"]["interactiveMode"] = json!("Always");
    home.set_user(&user);
    assert!(home.allowed().await.unwrap_err().to_string().contains("needs a terminal"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_with_a_slash_is_of_the_kubeconfigs_folder_and_others_are_of_the_path() {
    let home = Home::new(&json!({}));
    std::os::unix::fs::symlink("/bin/sh", home.path("login")).unwrap();
    let mut user = exec(home.0.path(), &counting(""));
    user["exec"]["command"] = json!("./login");
    home.set_user(&user);
    assert_eq!(bearer(&home.allowed().await.unwrap()).await, "Bearer N1");
    user["exec"]["command"] = json!("login-of-kubelift-tests");
    std::os::unix::fs::symlink("/bin/sh", home.path("login-of-kubelift-tests")).unwrap();
    home.set_user(&user);
    assert!(matches!(home.allowed().await, Err(CredentialError::NotFound { .. })));
}

#[tokio::test]
async fn a_token_file_is_read_again() {
    let home = Home::new(&json!({"tokenFile": "token"}));
    assert!(matches!(home.allowed().await, Err(CredentialError::TokenFile { .. })));
    home.write("token", " \n");
    assert!(home.allowed().await.unwrap_err().to_string().contains("it is empty"));
    home.write("token", "one\n");
    let authorizer = home.allowed().await.unwrap();
    home.write("token", "two\n");
    assert_eq!(bearer(&authorizer).await, "Bearer one");
    authorizer.expire();
    assert_eq!(bearer(&authorizer).await, "Bearer two");
    std::fs::remove_file(home.path("token")).unwrap();
    authorizer.expire();
    assert_eq!(bearer(&authorizer).await, "Bearer two");
    home.write("token", "three");
    let refused = authorizer.grant().await.unwrap();
    assert_eq!(authorizer.instead_of(&refused).await.unwrap().header.as_ref().unwrap(), "Bearer three");
}

#[tokio::test]
async fn what_stands_in_the_kubeconfig_is_taken_from_there_again() {
    let home = Home::new(&json!({"token": "one"}));
    let authorizer = home.allowed().await.unwrap();
    let refused = authorizer.grant().await.unwrap();
    // Nothing new, and then nothing is tried for a while.
    assert!(authorizer.instead_of(&refused).await.is_none());
    home.set_user(&json!({"token": "two"}));
    assert!(authorizer.instead_of(&authorizer.grant().await.unwrap()).await.is_none());
    authorizer.renew().await.unwrap();
    assert_eq!(bearer(&authorizer).await, "Bearer two");
    assert_eq!(authorizer.instead_of(&refused).await.unwrap().header.as_ref().unwrap(), "Bearer two");
    home.set_user(&json!({"username": "jane", "password": "pw"}));
    authorizer.renew().await.unwrap();
    assert_eq!(authorizer.grant().await.unwrap().header.as_ref().unwrap(), "Basic amFuZTpwdw==");
    // A file that is half written, or gone, changes nothing.
    home.write("config", "clusters: [");
    authorizer.renew().await.unwrap();
    assert_eq!(authorizer.grant().await.unwrap().header.as_ref().unwrap(), "Basic amFuZTpwdw==");
}

/// A JSON Web Token that expires at `exp`.
fn jwt(exp: &str) -> String {
    use base64::Engine;
    let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{exp}}}"#));
    format!("e30.{claims}.sig")
}

#[tokio::test]
async fn an_oidc_token_counts_until_it_expires() {
    let user = |exp: &str| {
        let config =
            json!({"id-token": jwt(exp), "refresh-token": "r", "idp-issuer-url": "https://idp.example"});
        json!({"auth-provider": {"name": "oidc", "config": config}})
    };
    let home = Home::new(&user("1700000000"));
    let error = home.allowed().await.unwrap_err();
    assert!(matches!(error, CredentialError::Expired { .. }));
    let text = error.to_string();
    assert!(text.contains("2023-11-14T22:13:20Z") && text.contains("oidc-login"), "{text}");
    home.set_user(&user("32500000000"));
    let authorizer = home.allowed().await.unwrap();
    assert_eq!(bearer(&authorizer).await, format!("Bearer {}", jwt("32500000000")));
    // It expires during the session, and somebody logs in again elsewhere.
    home.set_user(&user("1700000000"));
    authorizer.expire();
    assert!(matches!(authorizer.grant().await, Err(CredentialError::Expired { .. })));
    home.set_user(&user("32600000000"));
    authorizer.renew().await.unwrap();
    assert_eq!(bearer(&authorizer).await, format!("Bearer {}", jwt("32600000000")));
}

#[tokio::test]
async fn the_command_of_a_gcp_provider() {
    let home = Home::new(&json!({}));
    home.write(
        "helper.sh",
        "echo run >> \"$(dirname \"$0\")/runs\"\n\
         echo '{\"credential\":{\"access_token\":\"fresh\",\"token_expiry\":\"2999-01-01T00:00:00Z\"}}'\n",
    );
    let user = |expiry: &str| {
        json!({"auth-provider": {"name": "gcp", "config": {
            "access-token": "cached", "expiry": expiry,
            "cmd-path": "sh", "cmd-args": home.path("helper.sh"),
            "token-key": "{.credential.access_token}", "expiry-key": "{.credential.token_expiry}",
        }}})
    };
    home.set_user(&user("2998-01-01T00:00:00Z"));
    let person = Person::who_says(Consent::Yes);
    let authorizer = home.obtain(person.clone()).await.unwrap();
    assert_eq!(bearer(&authorizer).await, "Bearer cached");
    assert_eq!((home.runs(), person.asked()), (0, 0));
    authorizer.expire();
    assert_eq!(bearer(&authorizer).await, "Bearer fresh");
    assert_eq!((home.runs(), person.asked()), (1, 1));
    home.set_user(&user("2001-01-01T00:00:00Z"));
    assert!(matches!(
        home.obtain(Person::who_says(Consent::Nobody)).await,
        Err(CredentialError::NotAllowed { .. })
    ));
    assert_eq!(bearer(&home.allowed().await.unwrap()).await, "Bearer fresh");
    let mut odd = user("");
    odd["auth-provider"]["config"]["token-key"] = json!("{.elsewhere}");
    home.set_user(&odd);
    let error = home.allowed().await.unwrap_err().to_string();
    assert!(error.contains("no token at .elsewhere") && !error.contains("fresh"), "{error}");
}

#[test]
fn a_command_is_shown_as_a_shell_would_have_it() {
    let command = CommandLine {
        program: "aws".into(),
        args: vec!["eks".into(), "it's $HOME".into(), String::new(), "--a=b".into(), "x\u{1b}[2J".into()],
        env: vec![("AWS_PROFILE".into(), "prod".into()), ("LD_PRELOAD".into(), "/tmp/x y".into())],
    };
    assert_eq!(
        command.shown(),
        "AWS_PROFILE=prod LD_PRELOAD='/tmp/x y' aws eks 'it'\\''s $HOME' '' --a=b 'x\u{FFFD}[2J'"
    );
}

#[test]
fn what_may_be_a_secret_is_not_shown() {
    let words = |text: &[&str]| text.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let command = CommandLine {
        program: "login".into(),
        args: words(&[
            "get-token",
            "--token=hunter2",
            "--client-secret",
            "hunter2",
            "--key-file",
            "/etc/key",
            "--password",
            "--verbose",
            "--header=Authorization: Bearer hunter2",
            "https://me:hunter2@idp.example/",
            "curl -H 'X: 1' -d password=hunter2 x",
        ]),
        env: vec![variable("API_TOKEN", "hunter2"), variable("DB_KEY", "hunter2"), variable("REGION", "eu")],
    };
    let shown = command.shown();
    assert_eq!(
        shown,
        "API_TOKEN=[masked] DB_KEY=[masked] REGION=eu login get-token --token=[masked] --client-secret [masked] \
         --key-file /etc/key --password --verbose '--header=Authorization: [masked]' https://[masked]@idp.example/ \
         'curl -H '\\''X: 1'\\'' -d password=[masked] x'"
    );
    assert!(!format!("{command:?}").contains("hunter2"), "{command:?}");
}

#[tokio::test]
async fn neither_a_refusal_nor_what_a_plugin_complains_shows_a_secret() {
    let home = Home::new(&json!({}));
    let mut user = exec(home.0.path(), "echo \"no session for token=$API_TOKEN\" >&2; exit 1");
    user["exec"]["env"] = json!([{"name": "API_TOKEN", "value": "hunter2"}]);
    home.set_user(&user);
    for says in [Consent::No, Consent::Nobody, Consent::Yes] {
        let error = home.obtain(Person::who_says(says)).await.unwrap_err();
        assert!(error.to_string().contains("[masked]"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
