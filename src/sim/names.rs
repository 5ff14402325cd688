//! Names and identities that look as Kubernetes makes them, and are the same at every start.

use std::fmt::Write as _;

use ring::digest;

/// The characters of generated names: no vowels, nothing that looks like something else. Sorted.
/// Source: k8s.io/apimachinery pkg/util/rand.
pub(crate) const ALPHABET: &[u8; 27] = b"2456789bcdfghjklmnpqrstvwxz";

/// A number that depends on `seed` alone.
pub(crate) fn number(seed: &str) -> u64 {
    let digest = digest::digest(&digest::SHA256, seed.as_bytes());
    digest.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The random part of a name, such as `x2k4p`, `length` characters long.
pub(crate) fn suffix(seed: &str, length: usize) -> String {
    let mut number = number(seed);
    let mut text = String::new();
    for _ in 0..length {
        text.push(letter(number));
        number /= 27;
    }
    text
}

fn letter(number: u64) -> char {
    let index = usize::try_from(number % 27).unwrap_or_default();
    ALPHABET.get(index).copied().unwrap_or(b'x').into()
}

/// `number` in the alphabet of generated names: a larger number sorts behind a smaller one.
pub(crate) fn ordered_suffix(number: usize, length: usize) -> String {
    let mut rest = u64::try_from(number).unwrap_or_default();
    let mut letters = Vec::new();
    for _ in 0..length {
        letters.push(letter(rest));
        rest /= 27;
    }
    letters.iter().rev().collect()
}

/// A UID in the form of a random UUID.
pub(crate) fn uid(seed: &str) -> String {
    let (high, low) = (number(seed), number(&format!("{seed}/low")));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        0x8000 | low >> 48 & 0x3fff,
        low & 0xffff_ffff_ffff
    )
}

/// 32 hexadecimal digits, as of a machine-id or of a static pod's hash.
pub(crate) fn hex32(seed: &str) -> String {
    format!("{:016x}{:016x}", number(seed), number(&format!("{seed}/low")))
}

/// The name of an API server's identity Lease: `apiserver-` and half of a SHA-256 in base 32, of its host name and
/// its own name, each behind its length. Source: k8s.io/apiserver 0.30.14 pkg/server/config.go.
pub(crate) fn apiserver_identity(hostname: &str) -> String {
    let mut hashed = Vec::new();
    for part in [hostname, "kube-apiserver"] {
        hashed.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        hashed.extend(part.as_bytes());
    }
    let digest = digest::digest(&digest::SHA256, &hashed);
    let mut text = "apiserver-".to_owned();
    let mut bits = 0u32;
    let mut held = 0u32;
    for byte in digest.as_ref().iter().take(16) {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(base32(bits >> held));
        }
    }
    text.push(base32(bits << (5 - held)));
    text
}

fn base32(bits: u32) -> char {
    let index = usize::try_from(bits & 31).unwrap_or_default();
    b"abcdefghijklmnopqrstuvwxyz234567".get(index).copied().unwrap_or(b'a').into()
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    let mut hex = String::new();
    for byte in digest::digest(&digest::SHA256, text.as_bytes()).as_ref() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_of_an_api_server_is_upstreams() {
        // As kube-apiserver 1.30.14 named its Lease on a machine called "vm".
        assert_eq!(apiserver_identity("vm"), "apiserver-wlv32tlttr4jl3gtroqexyxapa");
    }

    #[test]
    fn names_have_their_form() {
        assert_eq!(suffix("a", 5).len(), 5);
        assert_eq!(suffix("a", 5), suffix("a", 5));
        assert_ne!(suffix("a", 5), suffix("b", 5));
        assert!(
            ordered_suffix(26, 3) < ordered_suffix(27, 3) && ordered_suffix(27, 3) < ordered_suffix(800, 3)
        );
        let uid = uid("x");
        assert_eq!(uid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(uid.chars().nth(14), Some('4'));
        assert!(matches!(uid.chars().nth(19), Some('8'..='b')), "{uid}");
        assert_eq!(hex32("x").len(), 32);
    }
}
