//! The chain of hashes that journal and recording are held together by: each line's hash covers the one before.

use ring::digest::{Context, SHA256};

/// A SHA-256; zeros before the first line.
pub(crate) type Hash = [u8; 32];

/// The hash of `bytes` that follow what has the hash `before`.
pub(crate) fn chain(before: &Hash, bytes: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(before);
    context.update(bytes);
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

/// `bytes` as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
