//! Compressed answers, for slow lines only: on a fast one gzip costs the server more time than it saves.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flate2::write::GzDecoder;

use super::failure::Failure;
use crate::evidence::Reason;

/// Below so many bytes a second a line is slow. A kube-apiserver encodes some 60 MB a second, so a slower answer is
/// the line's fault; gzip makes Kubernetes' lists about a tenth as large.
const SLOW: f64 = 6e6;

/// An answer says something about the line only if it has so many bytes.
const TELLING: u64 = 128 << 10;

/// What is known of a line's speed.
#[derive(Debug, Default)]
pub struct Line(AtomicBool);

impl Line {
    /// Notes that so many bytes took so long to come.
    pub fn note(&self, bytes: u64, waited: Duration) {
        #[allow(clippy::cast_precision_loss, reason = "a rough speed")]
        if bytes >= TELLING && (bytes as f64) < SLOW * waited.as_secs_f64() {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Whether answers should come compressed. Once a line was slow it is taken to be so for the session.
    pub fn is_slow(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Decodes a body chunk by chunk.
pub enum Decoder {
    /// It comes as it is.
    Identity,
    /// It comes compressed.
    Gzip(Box<GzDecoder<Vec<u8>>>),
}

impl Decoder {
    /// For an answer with this `Content-Encoding`, to a question that took gzip or not.
    ///
    /// # Errors
    /// When it is one that was not asked for.
    pub fn of(content_encoding: &str, asked_compressed: bool) -> Result<Self, Failure> {
        match content_encoding.trim() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" if asked_compressed => Ok(Self::Gzip(Box::new(GzDecoder::new(Vec::new())))),
            other => {
                let message = format!("the answer is encoded as '{other}', which was not asked for");
                Err(Failure::new(Reason::Malformed, &message))
            }
        }
    }

    /// What a chunk holds; nothing, where more must come first.
    ///
    /// # Errors
    /// When it is not what its encoding says.
    pub fn decode(&mut self, chunk: Bytes) -> Result<Bytes, Failure> {
        let Self::Gzip(decoder) = self else { return Ok(chunk) };
        let malformed = |error: std::io::Error| {
            Failure::new(Reason::Malformed, &format!("the compressed answer is broken: {error}"))
        };
        decoder.write_all(&chunk).and_then(|()| decoder.flush()).map_err(malformed)?;
        Ok(std::mem::take(decoder.get_mut()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_slow_once_a_large_answer_took_long() {
        let line = Line::default();
        line.note(1 << 20, Duration::from_millis(20));
        line.note(1000, Duration::from_secs(5));
        assert!(!line.is_slow());
        line.note(1 << 20, Duration::from_secs(1));
        line.note(1 << 20, Duration::from_millis(1));
        assert!(line.is_slow());
    }

    #[test]
    fn other_encodings_are_refused() {
        assert!(Decoder::of("br", true).is_err() && Decoder::of("gzip", false).is_err());
        assert!(matches!(Decoder::of("identity", true), Ok(Decoder::Identity)));
        let mut gzip = Decoder::of("gzip", true).unwrap_or(Decoder::Identity);
        assert!(gzip.decode(Bytes::from_static(b"not gzip at all")).is_err());
    }

    proptest! {
        #[test]
        fn chunks_of_a_compressed_body_give_the_body(body in prop::collection::vec(any::<u8>(), 0..4000), size in 1usize..300) {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).unwrap();
            let packed = encoder.finish().unwrap();
            let mut decoder = Decoder::of("gzip", true).unwrap_or(Decoder::Identity);
            let mut got = Vec::new();
            for chunk in packed.chunks(size) {
                got.extend(decoder.decode(Bytes::copy_from_slice(chunk)).unwrap());
            }
            prop_assert_eq!(got, body);
        }
    }
}
