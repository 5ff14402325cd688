//! Frames as lines: `{"hash":"<64 hexadecimal digits>","frame":{…}}`, each hash over the one before.

use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use crate::chain::{Hash, chain, hex};

/// The longest line that is read, and the longest payload, in bytes: the evidence of 100,000 pods takes about a
/// quarter of it.
pub(super) const MAX_FRAME: u64 = 512 << 20;

/// Payloads of more bytes than this are packed.
const PACK_FROM: usize = 4096;

/// Payloads of more bytes than this are packed quickly rather than well.
const PACK_FAST_FROM: usize = 4 << 20;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameKind {
    /// [`Header`](super::Header)
    Header,
    /// A whole state: `{"evidence": …, "upgrade": …}`.
    KeyFrame,
    /// What changed since the state before: a [`Difference`](super::Difference).
    Difference,
    /// Something that happened.
    Entry,
    /// The end: nothing follows.
    Close,
}

/// What a replay can jump to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// Something failed.
    pub failure: bool,
    /// The operator was asked, or answered.
    pub confirmation: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(mark: &bool) -> bool {
    !*mark
}

/// A frame without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Counts from 0.
    pub seq: u64,
    /// Microseconds since the recording began, by a clock that does not jump.
    pub mono: u64,
    /// The time of day.
    pub wall: Timestamp,
    pub kind: FrameKind,
    /// [`Marks::failure`]
    #[serde(default, skip_serializing_if = "is_false")]
    pub failure: bool,
    /// [`Marks::confirmation`]
    #[serde(default, skip_serializing_if = "is_false")]
    pub confirmation: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    payload: Payload<'a>,
}

/// The payload as it is written: as it is, or as gzip in base64.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Payload<'a> {
    Payload(&'a Value),
    Packed(String),
}

/// The line of a frame, and its hash, which the next one needs.
pub(super) fn line(head: Head, payload: &Value, before: &Hash) -> serde_json::Result<(Vec<u8>, Hash, usize)> {
    let plain = serde_json::to_vec(payload)?;
    let size = plain.len();
    let payload = if size < PACK_FROM {
        Payload::Payload(payload)
    } else {
        Payload::Packed(packed(&plain).map_err(serde_json::Error::io)?)
    };
    let frame = serde_json::to_vec(&Written { head, payload })?;
    let hash = chain(before, &frame);
    let line = [b"{\"hash\":\"", hex(&hash).as_bytes(), b"\",\"frame\":", &frame, b"}\n"].concat();
    Ok((line, hash, size))
}

fn packed(plain: &[u8]) -> io::Result<String> {
    let level = if plain.len() < PACK_FAST_FROM { Compression::best() } else { Compression::fast() };
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(plain)?;
    Ok(STANDARD.encode(encoder.finish()?))
}

/// The payload of a frame's bytes.
///
/// # Errors
/// A sentence.
pub(super) fn payload<T: serde::de::DeserializeOwned>(frame: &[u8]) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Either {
        payload: Option<Value>,
        packed: Option<String>,
    }
    let not_understood = |error: serde_json::Error| format!("it is not understood: {error}");
    let either: Either = serde_json::from_slice(frame).map_err(not_understood)?;
    let Some(packed) = either.packed else {
        return serde_json::from_value(either.payload.unwrap_or_default()).map_err(not_understood);
    };
    let packed = STANDARD.decode(packed).map_err(|error| format!("it cannot be unpacked: {error}"))?;
    let mut plain = Vec::new();
    let size = GzDecoder::new(packed.as_slice()).take(MAX_FRAME + 1).read_to_end(&mut plain);
    match size {
        Ok(size) if size as u64 <= MAX_FRAME => serde_json::from_slice(&plain).map_err(not_understood),
        Ok(_) => Err("it is too large".to_owned()),
        Err(error) => Err(format!("it cannot be unpacked: {error}")),
    }
}

/// The hash and the frame's bytes of a line.
pub(super) fn split(line: &[u8]) -> Option<(&str, &[u8])> {
    let rest = line.strip_prefix(b"{\"hash\":\"")?;
    let (hash, rest) = rest.split_at_checked(64)?;
    let frame = rest.strip_prefix(b"\",\"frame\":")?.strip_suffix(b"}\n")?;
    Some((std::str::from_utf8(hash).ok()?, frame))
}
