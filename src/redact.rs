//! Taking secrets out of text, before it is hashed or written.
//!
//! Objects are read into types that keep only what checks use, so most secrets never come this far.
//! What may still hold one is prose and configuration: a server's error message, a kubeadm flag. This
//! is the net under them, and it prefers to take out too much.

use std::borrow::Cow;

use serde_json::Value;

/// What a secret is replaced with.
pub const MASK: &str = "[masked]";

/// The policy's name in a recording's header: readers know by it what may be missing.
pub const POLICY: &str =
    "pem, jwt, bearer, bootstrap-token, certificate-key, password-like keys and flags; version 1";

/// Words after which a value is a secret: as a key of a document, or as a flag.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "token",
    "certificate-key",
    "certificatekey",
    "secret-key",
    "secretkey",
    "credentials",
    "client-key-data",
    "secret",
    "apikey",
    "api-key",
    "access-key",
    "authorization",
    "private-key",
    "privatekey",
];

/// Words that end like a secret's name and hold none: a path or a name of one is no secret.
const HARMLESS_ENDINGS: &[&str] =
    &["file", "path", "dir", "name", "ref", "ttl", "issuer", "url", "namespace"];

/// Parts of the name of a variable or flag whose value may be a secret, whatever else the name says.
const MAYBE_SECRET: &[&str] =
    &["token", "secret", "passw", "passphrase", "credential", "bearer", "jwt", "cookie", "authorization"];

/// The same, as whole words of a name only: a `monkey` is no key.
const MAYBE_SECRET_WORDS: &[&str] = &["key", "keys", "apikey", "pass", "pwd", "auth", "pat"];

/// Whether the value of a variable or flag of this name may be a secret, and is not to be shown: `VAULT_TOKEN`,
/// `--client-secret`, `AWS_ACCESS_KEY_ID`. Where a file of secrets is (`TOKEN_FILE`) may be shown.
pub fn may_name_secret(name: &str) -> bool {
    let name = name.trim_start_matches('-').to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    (MAYBE_SECRET.iter().any(|part| name.contains(part))
        || words.any(|word| MAYBE_SECRET_WORDS.contains(&word)))
        && !HARMLESS_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// `text` with its secrets masked.
pub fn redact(text: &str) -> Cow<'_, str> {
    // Nearly all text is a name or a number: look before copying.
    if !may_hold_secret(text) {
        return Cow::Borrowed(text);
    }
    let without_pem = mask_pem(text);
    Cow::Owned(mask_blocks(&without_pem))
}

/// Masks line by line, and all lines of a block that a secret's name opens (`password: |`).
fn mask_blocks(text: &str) -> String {
    let mut lines = Vec::new();
    let mut block: Option<usize> = None;
    let mut named = false;
    for line in text.split('\n') {
        let indent = line.len() - line.trim_start().len();
        if block.is_some_and(|outer| indent > outer && !line.trim().is_empty()) {
            lines.push(format!("{}{MASK}", " ".repeat(indent)));
            continue;
        }
        let line = mask_named_value(line, &mut named);
        let opens =
            line.split_once(':').filter(|(_, value)| matches!(value.trim().chars().next(), Some('|' | '>')));
        let secret = |key: &str| is_secret_name(key) || (named && key == "value");
        block = opens.filter(|(key, _)| secret(key.trim().trim_matches(['"', '\'']))).map(|_| indent);
        lines.push(if block.is_some() { line } else { mask_line(&line) });
    }
    lines.join("\n")
}

/// Masks the value of `name: a-token`, `value: …`, as kubeadm (v1beta4) and containers list arguments: in one line or in
/// two. `named` says whether the last name was that of a secret whose value is still to come.
fn mask_named_value(line: &str, named: &mut bool) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while !rest.is_empty() {
        let start = rest.find(is_token_char).unwrap_or(rest.len());
        let (between, tail) = rest.split_at(start);
        let (key, tail) = tail.split_at(tail.find(|c: char| !is_token_char(c)).unwrap_or(tail.len()));
        out.push_str(between);
        out.push_str(key);
        rest = tail;
        let after = tail.trim_start_matches(['"', '\'']).trim_start();
        if !matches!(key, "name" | "value") || !after.starts_with(':') {
            continue;
        }
        let from = tail.find(|c: char| !matches!(c, '"' | '\'' | ' ' | ':')).unwrap_or(tail.len());
        let (separator, tail) = tail.split_at(from);
        out.push_str(separator);
        rest = tail;
        if key == "name" {
            let name = tail.split(|c: char| !is_token_char(c)).next().unwrap_or_default();
            *named = is_secret_name(name);
        } else if *named && !tail.is_empty() && !tail.starts_with(['|', '>']) {
            *named = false;
            out.push_str(MASK);
            let quote = separator.chars().last().filter(|c| matches!(c, '"' | '\''));
            let end = match quote {
                Some(quote) => tail.find(quote),
                // In braces, a plain value ends with its field.
                None if line.contains('{') => tail.find([',', '}']),
                None => None,
            };
            rest = tail.get(end.unwrap_or(tail.len())..).unwrap_or_default();
        }
    }
    out
}

/// Maps whose keys are names that somebody chose, not fields: a label called `token` is no token.
const MAPS_OF_NAMES: &[&str] =
    &["labels", "annotations", "nodeSelector", "managed", "nodeFacts", "configMaps"];

/// Masks the secrets in every string of a document, and whole values under secret keys.
pub fn redact_value(value: &mut Value) {
    redact_under(value, false);
}

fn redact_under(value: &mut Value, keys_are_names: bool) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(masked) = redact(text) {
                *text = masked;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact_under(item, false)),
        Value::Object(map) => {
            let named = map.get("name").and_then(Value::as_str).is_some_and(is_secret_name);
            for (key, value) in map.iter_mut() {
                let secret = !keys_are_names && (is_secret_name(key) || (named && key == "value"));
                if secret && (value.is_string() || value.is_number()) {
                    *value = Value::String(MASK.to_owned());
                } else {
                    redact_under(value, MAPS_OF_NAMES.contains(&key.as_str()));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn may_hold_secret(text: &str) -> bool {
    let lower_has = |word: &&str| contains_ignoring_case(text, word);
    text.contains("://")
        || text.contains("-----BEGIN")
        || text.contains("eyJ")
        || SECRET_WORDS.iter().any(|word| lower_has(word) || lower_has(&word.replace('-', "_").as_str()))
        || {
            lower_has(&"bearer")
                || text
                    .split(|c: char| !is_token_char(c))
                    .any(|word| is_bootstrap_token(word) || is_long_hex(word))
        }
}

fn contains_ignoring_case(text: &str, word: &str) -> bool {
    text.len() >= word.len()
        && text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// Masks from `-----BEGIN` to the end of the matching `-----END …-----`, or of the text.
fn mask_pem(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, block)) = rest.split_once("-----BEGIN") {
        out.push_str(before);
        out.push_str(MASK);
        let after_end = block.split_once("-----END").and_then(|(_, end)| end.split_once("-----"));
        rest = after_end.map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

/// Masks what a line holds of secrets: by their form, after their names, and logins in URLs.
fn mask_line(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    let mut after_digest_name = false;
    while !rest.is_empty() {
        let (word, tail) = rest.split_at(rest.find(|c: char| !is_token_char(c)).unwrap_or(rest.len()));
        if word.is_empty() {
            let next = tail.chars().next().map_or(0, char::len_utf8);
            let (delimiter, tail) = tail.split_at(next);
            out.push_str(delimiter);
            rest = tail;
            continue;
        }
        let by_form = is_jwt(word) || is_bootstrap_token(word) || (is_long_hex(word) && !after_digest_name);
        out.push_str(if by_form { MASK } else { word });
        after_digest_name = word.ends_with("sha256") && tail.starts_with(':');
        rest = match value_after(word, tail, out.trim().len() == word.len()) {
            Some((between, tail)) => {
                out.push_str(between);
                out.push_str(MASK);
                tail
            }
            None => tail,
        };
    }
    mask_login(&out)
}

/// Where `word` names a secret: what stands between it and its value, and what follows the value.
fn value_after<'a>(word: &str, tail: &'a str, first: bool) -> Option<(&'a str, &'a str)> {
    let scheme = word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic");
    if !scheme && !is_secret_name(word) {
        return None;
    }
    let from = tail.find(|c: char| !matches!(c, '"' | '\'' | ' ' | '\t' | ':' | '='))?;
    // `from` lies behind what separates a name from its value; a quote there belongs to the value.
    let between = tail.get(..from)?;
    let quote = between.chars().last().filter(|c| matches!(c, '"' | '\''));
    let value = tail.get(from..)?;
    let to_blank = || value.find([' ', '\t', ',', '}', ']']).unwrap_or(value.len());
    let end = if let Some(quote) = quote.filter(|_| between.contains([':', '=']) || between.len() > 1) {
        value.find(quote).unwrap_or(value.len())
    } else if between.contains(':') {
        // A plain YAML value, which may hold anything, up to the end of its line.
        value.len()
    } else if between.contains('=') || scheme || word.starts_with('-') {
        to_blank()
    } else if first && (word.contains(['_', '-']) || word.eq_ignore_ascii_case("credentials")) {
        // A directive of a configuration: `aws_access_key ID KEY`.
        value.len()
    } else {
        // Prose: "the token has expired".
        return None;
    };
    // A feature gate: `CSINodeExpandSecret: true`.
    if is_truth_value(value) {
        return None;
    }
    Some((between, value.get(end..)?))
}

/// Whether a value is `true` or `false`, and not a word of a longer one.
fn is_truth_value(value: &str) -> bool {
    let rest = ["true", "false"].into_iter().find_map(|word| value.strip_prefix(word));
    rest.is_some_and(|rest| rest.trim_start().is_empty() || rest.starts_with([',', '}', ']', '"', '\'']))
}

/// Masks the login of `scheme://user:password@host`.
fn mask_login(line: &str) -> String {
    let Some((before, after)) = line.split_once("://") else { return line.to_owned() };
    let end = after.find(['/', ' ', '"', '\'']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    match authority.rsplit_once('@') {
        Some((login, host)) if login.contains(':') => format!("{before}://{MASK}@{host}{}", mask_login(rest)),
        _ => format!("{before}://{authority}{}", mask_login(rest)),
    }
}

fn is_secret_name(key: &str) -> bool {
    let key = key.trim_start_matches('-').to_ascii_lowercase().replace('_', "-");
    SECRET_WORDS.iter().any(|word| key.ends_with(word))
        && !HARMLESS_ENDINGS.iter().any(|ending| key.ends_with(ending))
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '/' | '~')
}

/// A JSON Web Token: three parts, of which the first is base64 of `{"`.
fn is_jwt(word: &str) -> bool {
    word.starts_with("eyJ") && word.len() > 20 && word.matches('.').count() >= 1
}

/// kubeadm's `[a-z0-9]{6}.[a-z0-9]{16}`, with a digit in the secret half, which names of hosts seldom have.
fn is_bootstrap_token(word: &str) -> bool {
    let Some((id, secret)) = word.split_once('.') else { return false };
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    id.len() == 6
        && secret.len() == 16
        && plain(id)
        && plain(secret)
        && secret.bytes().any(|b| b.is_ascii_digit())
}

/// 64 hexadecimal digits, as kubeadm's certificate key has; after `sha256:` they are an image's digest.
fn is_long_hex(word: &str) -> bool {
    word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
        for (text, expected) in [
            ("nothing here", "nothing here"),
            ("Authorization: Bearer abc.def", "Authorization: [masked]"),
            ("got Bearer abc.def here", "got Bearer [masked] here"),
            ("password: p@ss!word", "password: [masked]"),
            // A gate that is on or off; a password that begins so.
            ("  CSINodeExpandSecret: true", "  CSINodeExpandSecret: true"),
            ("{CSINodeExpandSecret: false, B: true}", "{CSINodeExpandSecret: false, B: true}"),
            (
                "feature-gates: CSINodeExpandSecret=true,B=false",
                "feature-gates: CSINodeExpandSecret=true,B=false",
            ),
            ("password: true love", "password: [masked]"),
            ("password: trueish", "password: [masked]"),
            ("--password=falsehood x", "--password=[masked] x"),
            ("--etcd-password=hunter2!secret#9 --x", "--etcd-password=[masked] --x"),
            (r#"{"password": "my long pass", "a": 1}"#, r#"{"password": "[masked]", "a": 1}"#),
            ("secret_key: abc", "secret_key: [masked]"),
            ("http://user:pw123@proxy:3128/x", "http://[masked]@proxy:3128/x"),
            ("    aws_access_key AKIAX KEY", "    aws_access_key [masked]"),
            ("credentials root hunter2", "credentials [masked]"),
            ("password: |\n  line one\n  two\nnext: 1", "password: |\n  [masked]\n  [masked]\nnext: 1"),
            (
                "kubeadm join 10.0.0.1:6443 --token abcdef.0123456789abcdef",
                "kubeadm join 10.0.0.1:6443 --token [masked]",
            ),
            ("token: abc", "token: [masked]"),
            ("--token=abc next", "--token=[masked] next"),
            ("- {name: web-token, value: a b, x: y}", "- {name: web-token, value: [masked], x: y}"),
            ("- name: web-token\n  value: a b: c\n  x: y", "- name: web-token\n  value: [masked]\n  x: y"),
            (
                r#"[{"name":"db-password","value":"a, b"},1]"#,
                r#"[{"name":"db-password","value":"[masked]"},1]"#,
            ),
            (
                "- name: web-token\n  value: |\n    a\n- name: b",
                "- name: web-token\n  value: |\n    [masked]\n- name: b",
            ),
            ("- name: token-ttl\n  value: 24h", "- name: token-ttl\n  value: 24h"),
            ("- name: a-token\n- name: v\n  value: 5", "- name: a-token\n- name: v\n  value: 5"),
            ("the token has expired", "the token has expired"),
            ("x\n-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\ny", "x\n[masked]\ny"),
            ("-----BEGIN CERTIFICATE-----\nabc", "[masked]"),
            ("token-auth-file=/etc/tokens.csv", "token-auth-file=/etc/tokens.csv"),
        ] {
            assert_eq!(redact(text), expected, "{text}");
        }
        assert!(!redact(&format!("got {jwt}.")).contains("eyJ"));
        let hex = "0123456789abcdef".repeat(4);
        assert_eq!(redact(&format!("certs {hex}")), "certs [masked]");
        let image = format!("registry.k8s.io/etcd@sha256:{hex}");
        assert_eq!(redact(&image), image);
    }

    #[test]
    fn names_of_what_may_be_a_secret() {
        for name in [
            "TOKEN",
            "VAULT_TOKEN",
            "--client-secret",
            "AWS_ACCESS_KEY_ID",
            "--key",
            "OS_PASSWORD",
            "PGPASS_PASS",
        ] {
            assert!(may_name_secret(name), "{name}");
        }
        for name in [
            "AWS_PROFILE",
            "--cluster-name",
            "TOKEN_FILE",
            "--token-cache-dir",
            "MONKEY",
            "PATH",
            "--secret-name",
        ] {
            assert!(!may_name_secret(name), "{name}");
        }
    }

    #[test]
    fn values_under_secret_keys_are_masked_whole() {
        let mut value = serde_json::json!({
            "password": "a b c", "clientSecret": "x", "secretName": "my-secret", "tokenFile": "/run/t", "image": "a@sha256:00",
            "nested": [{ "token": "t" }, { "name": "web-token", "value": "t" }, { "name": "web", "value": "t" }],
        });
        redact_value(&mut value);
        assert_eq!(
            value,
            serde_json::json!({
                "password": MASK, "clientSecret": MASK, "secretName": "my-secret", "tokenFile": "/run/t", "image": "a@sha256:00",
                "nested": [{ "token": MASK }, { "name": "web-token", "value": MASK }, { "name": "web", "value": "t" }],
            })
        );
    }

    proptest! {
        #[test]
        fn a_planted_secret_is_never_left(before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
            for secret in ["eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "abcdef.0123456789abcdef"] {
                let text = format!("{before} {secret} {after}");
                prop_assert!(!redact(&text).contains(secret), "{}", text);
            }
        }

        #[test]
        fn redacting_twice_changes_nothing(text in any::<String>()) {
            let once = redact(&text).into_owned();
            prop_assert_eq!(redact(&once).into_owned(), once);
        }
    }
}
