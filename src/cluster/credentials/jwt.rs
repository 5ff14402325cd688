//! When a JSON Web Token expires. Nothing is verified: that is the server's to do.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
}

/// The token's `exp`; nothing where it has none or is no such token.
pub(super) fn expiry(token: &str) -> Option<Timestamp> {
    let claims = token.split('.').nth(1)?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    // Whole seconds; what is beyond a timestamp's range never expires.
    #[allow(clippy::cast_possible_truncation)]
    claims.exp.and_then(|seconds| Timestamp::from_second(seconds as i64).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_read() {
        let token = |claims: &str| format!("e30.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(claims));
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        for (claims, expected) in [
            (r#"{"exp":1700000000,"sub":"jane"}"#, at(1_700_000_000)),
            (r#"{"exp":1700000000.7}"#, at(1_700_000_000)),
            (r#"{"sub":"ünïcode?>"}"#, None),
            (r#"{"exp":1e300}"#, None),
            (r#"{"exp":"soon"}"#, None),
            ("no json", None),
        ] {
            assert_eq!(expiry(&token(claims)), expected, "{claims}");
        }
        for token in ["", "opaque", "a.b", "a.!.c"] {
            assert_eq!(expiry(token), None, "{token}");
        }
    }
}
