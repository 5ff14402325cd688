//! The few metrics of an API server that matter, read line by line: its /metrics are tens of megabytes.
//!
//! The format is Prometheus' text: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::str;

use jiff::Timestamp;

use super::DecodeError;
use crate::evidence::{DeprecatedCall, DeprecatedCalls};
use crate::text::Text;

/// The gauge of deprecated APIs that were called.
const DEPRECATED: &[u8] = b"apiserver_requested_deprecated_apis";
/// When the process started.
const STARTED: &[u8] = b"process_start_time_seconds";
/// What the names of an API server's own metrics begin with.
const OWN: &[u8] = b"apiserver_";

/// How long a line may be, in bytes. Longer ones of other metrics are passed over.
const LINE_LIMIT: usize = 16 << 10;

/// How many deprecated APIs may have been called: several times as many as there are.
const CALLS_LIMIT: usize = 10_000;

/// Reads [`DeprecatedCalls`] from chunks of an answer of /metrics. In memory is one line.
#[derive(Debug, Default)]
pub struct DeprecatedCallsReader {
    calls: DeprecatedCalls,
    /// What came of a line in earlier chunks, no more than [`LINE_LIMIT`] of it.
    line: Vec<u8>,
    is_api_server: bool,
    at: u64,
}

impl DeprecatedCallsReader {
    /// Takes the next bytes.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        for part in chunk.split_inclusive(|&byte| byte == b'\n') {
            if self.line.is_empty() && part.ends_with(b"\n") {
                self.take(part)?;
            } else {
                let room = LINE_LIMIT.saturating_sub(self.line.len());
                self.line.extend_from_slice(part.get(..room).unwrap_or(part));
                if part.ends_with(b"\n") {
                    let line = std::mem::take(&mut self.line);
                    self.take(&line)?;
                    self.line = line;
                    self.line.clear();
                }
            }
            self.at += part.len() as u64;
        }
        Ok(())
    }

    /// What was read, after the last byte.
    pub fn finish(mut self) -> Result<DeprecatedCalls, DecodeError> {
        if !self.line.is_empty() {
            return Err(DecodeError::Ended { at: self.at, what: "a line" });
        }
        if !self.is_api_server {
            return Err(self.malformed("no metric of an API server"));
        }
        self.calls.calls.sort();
        self.calls.calls.dedup();
        Ok(self.calls)
    }

    fn take(&mut self, line: &[u8]) -> Result<(), DecodeError> {
        self.is_api_server |= line.starts_with(OWN);
        let wanted = |name| line.strip_prefix(name).filter(|rest| matches!(rest.first(), Some(b'{' | b' ')));
        let started = wanted(STARTED);
        let Some(rest) = started.or_else(|| wanted(DEPRECATED)) else { return Ok(()) };
        if line.len() >= LINE_LIMIT {
            return Err(DecodeError::TooLarge { what: "a line", at: self.at, limit: LINE_LIMIT });
        }
        let sample = str::from_utf8(rest).ok().and_then(sample);
        let Some(Sample { labels, value }) = sample else {
            return Err(self.malformed("no sample of a metric"));
        };
        if started.is_some() {
            self.calls.since = seconds(value);
        } else if value > 0.0 {
            if self.calls.calls.len() >= CALLS_LIMIT {
                return Err(self.malformed("more deprecated APIs than there can be"));
            }
            self.calls.calls.push(call(&labels));
        }
        Ok(())
    }

    fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { at: self.at, what }
    }
}

/// One sample, without its name.
struct Sample<'l> {
    labels: Vec<(&'l str, Text)>,
    value: f64,
}

/// `{label="value",…} value timestamp`, where labels and timestamp may be missing.
fn sample(text: &str) -> Option<Sample<'_>> {
    let mut labels = Vec::new();
    let mut rest = text.trim_start();
    if let Some(mut inner) = rest.strip_prefix('{') {
        loop {
            inner = inner.trim_start_matches([' ', ',']);
            if let Some(after) = inner.strip_prefix('}') {
                rest = after;
                break;
            }
            let (name, after) = inner.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return None;
            }
            labels.push((name, value));
            inner = after;
        }
    }
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Sample { labels, value })
}

/// The text up to the closing quotation mark, and what follows it.
fn quoted(text: &str) -> Option<(Text, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value.into(), chars.as_str())),
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
}

fn call(labels: &[(&str, Text)]) -> DeprecatedCall {
    let label = |name| labels.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()).unwrap_or_default();
    DeprecatedCall {
        group: label("group"),
        version: label("version"),
        resource: label("resource"),
        subresource: label("subresource"),
        removed_release: label("removed_release"),
    }
}

/// A time in seconds since 1970, to the millisecond. A time that is no number is unknown.
fn seconds(value: f64) -> Option<Timestamp> {
    #[allow(clippy::cast_possible_truncation, reason = "out of range saturates, and is refused after")]
    let millis = value.is_finite().then(|| (value * 1000.0).round() as i64)?;
    Timestamp::from_millisecond(millis).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "\
# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group=\"flowcontrol.apiserver.k8s.io\",removed_release=\"1.32\",resource=\"flowschemas\",subresource=\"\",version=\"v1beta3\"} 1
apiserver_requested_deprecated_apis{group=\"\",removed_release=\"\",resource=\"componentstatuses\",subresource=\"\",version=\"v1\"} 1
apiserver_requested_deprecated_apis{group=\"never.example\",version=\"v1\"} 0
apiserver_requested_deprecated_apis_more{group=\"other\"} 1
process_start_time_seconds 1.79555184472e+09
process_start_time_seconds_not 1
";

    fn read(text: &[u8], chunk: usize) -> Result<DeprecatedCalls, DecodeError> {
        let mut reader = DeprecatedCallsReader::default();
        for part in text.chunks(chunk) {
            reader.push(part)?;
        }
        reader.finish()
    }

    #[test]
    fn calls_and_since_when_however_the_text_is_cut() {
        let expected = DeprecatedCalls {
            since: Some("2026-11-24T20:24:04.720Z".parse().unwrap()),
            calls: vec![
                DeprecatedCall {
                    group: "".into(),
                    version: "v1".into(),
                    resource: "componentstatuses".into(),
                    subresource: "".into(),
                    removed_release: "".into(),
                },
                DeprecatedCall {
                    group: "flowcontrol.apiserver.k8s.io".into(),
                    version: "v1beta3".into(),
                    resource: "flowschemas".into(),
                    subresource: "".into(),
                    removed_release: "1.32".into(),
                },
            ],
        };
        for chunk in [1, 2, 7, 64, METRICS.len()] {
            assert_eq!(read(METRICS.as_bytes(), chunk).as_ref(), Ok(&expected), "chunks of {chunk}");
        }
    }

    #[test]
    fn what_is_not_whole_or_no_metrics_is_not_nothing_called() {
        let cut = &METRICS.as_bytes()[..METRICS.len() - 1];
        assert!(matches!(read(cut, 99), Err(DecodeError::Ended { .. })));
        assert!(read(b"", 1).is_err());
        assert!(read(b"<html>\n<p>apiserver_ is down</p>\n", 5).is_err());
        for broken in ["{group=\"a", "{group} 1", "{group=\"a\"} one", " ", "{group=\"\\"] {
            let line = format!("apiserver_requested_deprecated_apis{broken}\n");
            assert!(matches!(read(line.as_bytes(), 9), Err(DecodeError::Malformed { .. })), "{broken}");
        }
    }

    #[test]
    fn hostile_labels_are_cleaned_and_long_lines_refused() {
        let line = "apiserver_requested_deprecated_apis { group = \"x\" , resource=\"a\\\"}\\n\\\\\u{1b}[2J\" , } 1 99\n";
        // Blanks may stand between labels, not within one.
        assert!(read(line.as_bytes(), 9).is_err());
        let line = line.replace("group = \"x\" ,", "group=\"x\" ,");
        let calls = read(line.as_bytes(), 9).unwrap().calls;
        assert_eq!((&*calls[0].group, &*calls[0].resource), ("x", "a\"}\u{FFFD}\\\u{FFFD}[2J"));
        let long = "x".repeat(LINE_LIMIT);
        let ours = format!("apiserver_requested_deprecated_apis{{group=\"{long}\"}} 1\n");
        let other = format!("apiserver_other{{group=\"{long}\"}} 1\n");
        for chunk in [100, 1 << 20] {
            assert!(matches!(read(ours.as_bytes(), chunk), Err(DecodeError::TooLarge { .. })));
            assert_eq!(read(other.as_bytes(), chunk), Ok(DeprecatedCalls::default()));
        }
    }
}
