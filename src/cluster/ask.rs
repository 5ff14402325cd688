//! One question to an API server: bounded in time and tries, and written down.

use std::time::{Duration, Instant};

use http::{Request, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;

use super::encoding::Decoder;
use super::failure::Failure;
use super::pulse::Pulse;
use super::transport::Refusals;
use crate::evidence::{ReadRecord, Reason};
use crate::text::Text;

/// How long the head of an answer may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a body may pause. A watch has its own, longer one.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a whole body may take, however steadily it comes: the metrics of a large cluster over a line of a megabit.
/// A watch, which has its end from the server, may take longer.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(600);

/// How often a question is asked at most, and the pauses between.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1200)];

/// How long after a "forbidden" it is asked once again: see [`Pulse::doubts_forbidden`].
const FORBIDDEN_PAUSE: Duration = Duration::from_secs(2);

/// The most of an error's body that is read, in bytes.
const MAX_ERROR: usize = 16 << 10;

/// Asks one server, through a client that lets only plain reads pass.
#[derive(Clone)]
pub struct Asker {
    client: Client,
    /// `host:port`, for the log.
    server: Text,
    pulse: Pulse,
    /// Whether this is the cluster's entry, whose silence means that the API is gone.
    is_entry: bool,
}

/// An answer with a good status, whose body has not been read.
pub struct Answer {
    /// The `Content-Type`.
    pub content_type: String,
    /// When its head arrived.
    pub at: Timestamp,
    body: Body,
    pause: Duration,
    /// By when the body must have come; `None` for a watch.
    until: Option<Instant>,
    decoder: Decoder,
    pulse: Pulse,
    /// Bytes that came, and how long they were waited for; `None` for a watch, whose silence says nothing.
    measured: Option<(u64, Duration)>,
}

impl Asker {
    /// Asks the cluster's entry.
    pub const fn entry(client: Client, server: Text, pulse: Pulse) -> Self {
        Self { client, server, pulse, is_entry: true }
    }

    /// Asks one API server directly.
    pub const fn direct(client: Client, server: Text, pulse: Pulse) -> Self {
        Self { client, server, pulse, is_entry: false }
    }

    /// The pulse that its questions are written to.
    pub const fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// The server's address.
    pub const fn server(&self) -> &Text {
        &self.server
    }

    /// Asks for `path` (with query), again where that may help, and gives the answer's head.
    ///
    /// # Errors
    /// After the last attempt: why there is no good answer.
    pub async fn ask(&self, path: &str, accept: &str) -> Result<Answer, Failure> {
        let mut pauses = PAUSES.iter();
        loop {
            let failure = match self.try_once(path, accept).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if self.is_doubtful(&failure) {
                return self.once_more(self.try_once(path, accept)).await;
            }
            match pauses.next().filter(|_| failure.is_passing()) {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(failure),
            }
        }
    }

    /// Asks for `path` and reads the whole body, at most `max` bytes of it.
    ///
    /// # Errors
    /// As [`Asker::ask`]; also when the body breaks off or is larger.
    pub async fn ask_whole(
        &self,
        path: &str,
        accept: &str,
        max: usize,
    ) -> Result<(Vec<u8>, Timestamp), Failure> {
        let mut answer = self.ask(path, accept).await?;
        let mut whole = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if whole.len() + chunk.len() > max {
                return Err(Failure::new(
                    Reason::Malformed,
                    &format!("the answer is larger than {max} bytes"),
                ));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok((whole, answer.at))
    }

    /// Asks for a health check, once: a status of 500 is an answer too. Gives whether it is good, and the body.
    ///
    /// # Errors
    /// When nobody answers, or with another status.
    pub async fn ask_health(&self, path: &str, max: usize) -> Result<(bool, Vec<u8>, Timestamp), Failure> {
        match self.health_once(path, max).await {
            Err(failure) if self.is_doubtful(&failure) => self.once_more(self.health_once(path, max)).await,
            answer => answer,
        }
    }

    /// Whether a failure is a "forbidden" that is not believed yet: see [`Pulse::doubts_forbidden`].
    fn is_doubtful(&self, failure: &Failure) -> bool {
        failure.status == Some(403) && self.pulse.doubts_forbidden()
    }

    /// Asks once more what was forbidden, after a while.
    async fn once_more<T>(&self, question: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::time::sleep(FORBIDDEN_PAUSE).await;
        let again = question.await;
        if again.as_ref().is_err_and(|failure| failure.status == Some(403)) {
            self.pulse.forbidden_confirmed();
        }
        again
    }

    async fn health_once(&self, path: &str, max: usize) -> Result<(bool, Vec<u8>, Timestamp), Failure> {
        let (status, mut answer) = self.send(path, "text/plain").await?;
        let at = answer.at;
        let body = answer.rest(max).await?;
        match status {
            200 => Ok((true, body, at)),
            500 => Ok((false, body, at)),
            other => Err(Failure { at, ..Failure::of_answer(other, &answer.content_type, &body) }),
        }
    }

    /// Asks once, and turns a bad status into the failure that it is.
    async fn try_once(&self, path: &str, accept: &str) -> Result<Answer, Failure> {
        let (status, mut answer) = self.send(path, accept).await?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        // The status is what counts; a body that breaks off says less, and changes nothing.
        let body = answer.rest(MAX_ERROR).await.unwrap_or_default();
        Err(Failure { at: answer.at, ..Failure::of_answer(status, &answer.content_type, &body) })
    }

    /// Sends the question once, writes it down, and gives the status and the answer.
    async fn send(&self, path: &str, accept: &str) -> Result<(u16, Answer), Failure> {
        let asked = Instant::now();
        let compressed = self.pulse.line().is_slow();
        let encoding = if compressed { "gzip" } else { "identity" };
        let request =
            Request::get(path).header(header::ACCEPT, accept).header(header::ACCEPT_ENCODING, encoding);
        let request = request.body(Body::empty());
        let mut request = request.map_err(|error| Failure::new(Reason::Malformed, &error.to_string()))?;
        let refusals = Refusals::default();
        request.extensions_mut().insert(refusals.clone());
        let sent = tokio::time::timeout(HEAD_TIMEOUT, self.client.send(request)).await;
        let at = self.pulse.now();
        let asked = self.record_refusals(path, asked, &refusals);
        let mut record = self.record_of(path, at, asked.elapsed());
        let failure = match sent {
            Err(_) => {
                Failure::new(Reason::TimedOut, &format!("no answer within {} s", HEAD_TIMEOUT.as_secs()))
            }
            Ok(Err(error)) => Failure::of_client(&error),
            Ok(Ok(answer)) => {
                let text = |name| {
                    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
                };
                let (status, content_type) = (answer.status().as_u16(), text("content-type").to_owned());
                let decoder = Decoder::of(text("content-encoding"), compressed);
                record.status = Some(status);
                record.audit_id = Some(text("audit-id")).filter(|id| !id.is_empty()).map(Text::from);
                self.pulse.record(record);
                if self.is_entry {
                    self.pulse.answered();
                }
                let answer = Answer {
                    content_type,
                    at,
                    body: answer.into_body(),
                    pause: BODY_TIMEOUT,
                    until: Instant::now().checked_add(WHOLE_TIMEOUT),
                    decoder: decoder?,
                    pulse: self.pulse.clone(),
                    measured: Some((0, Duration::ZERO)),
                };
                return Ok((status, answer));
            }
        };
        record.error = Some(failure.message.clone());
        self.pulse.record(record);
        // Without credentials nobody was asked, which says nothing about the server.
        if self.is_entry && failure.is_passing() {
            self.pulse.unanswered(at);
        }
        Err(Failure { at, ..failure })
    }
}

impl Asker {
    /// Writes down the requests that were refused with 401 before the last one left, and gives when that was.
    fn record_refusals(&self, path: &str, asked: Instant, refusals: &Refusals) -> Instant {
        let mut since = asked;
        for refusal in refusals.take() {
            let mut record = self.record_of(path, refusal.at, refusal.instant - since);
            record.status = Some(401);
            record.audit_id = refusal.audit_id;
            self.pulse.record(record);
            since = refusal.instant;
        }
        since
    }

    fn record_of(&self, path: &str, at: Timestamp, took: Duration) -> ReadRecord {
        ReadRecord {
            at,
            server: self.server.clone(),
            method: "GET".into(),
            path: path.into(),
            status: None,
            audit_id: None,
            millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            error: None,
        }
    }
}

impl Answer {
    /// As the answer of a watch, whose body may pause for up to `pause` between two chunks.
    #[must_use]
    pub fn as_watch(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self.until = None;
        self.measured = None;
        self
    }

    /// The rest of the body, at most `max` bytes of it.
    ///
    /// # Errors
    /// When the body breaks off, pauses for too long, or is larger.
    pub async fn rest(&mut self, max: usize) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len() + chunk.len() > max {
                return Err(Failure::new(
                    Reason::Malformed,
                    &format!("the answer is larger than {max} bytes"),
                ));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }

    /// The next part of the body; `None` at its end.
    ///
    /// # Errors
    /// When the body breaks off, or pauses for too long.
    pub async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, Failure> {
        loop {
            let asked = Instant::now();
            let left = self.until.map_or(self.pause, |until| until.saturating_duration_since(asked));
            if left.is_zero() {
                let message = format!("the answer took more than {} s in all", WHOLE_TIMEOUT.as_secs());
                return Err(Failure::new(Reason::TimedOut, &message));
            }
            let frame = match tokio::time::timeout(self.pause.min(left), self.body.frame()).await {
                Err(_) if left < self.pause => continue,
                Err(_) => {
                    let message = format!("the answer paused for {} s", self.pause.as_secs());
                    return Err(Failure::new(Reason::TimedOut, &message));
                }
                Ok(None) => {
                    if let Some((bytes, waited)) = self.measured {
                        self.pulse.line().note(bytes, waited);
                    }
                    return Ok(None);
                }
                Ok(Some(Err(error))) => return Err(Failure::of_client(&error)),
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            if let Some((bytes, waited)) = &mut self.measured {
                *bytes += data.len() as u64;
                *waited += asked.elapsed();
            }
            let data = self.decoder.decode(data)?;
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body::Frame;
    use http_body_util::StreamBody;

    #[tokio::test]
    async fn a_health_check_that_is_forbidden_is_doubted_once() {
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(0));
        let count = std::sync::Arc::clone(&asked);
        let answers = move |_: Request<Body>| {
            let nth = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut answer = http::Response::new(http_body_util::Full::new(Bytes::from_static(b"ok")));
            // As a server whose RBAC is not loaded yet, then well, then in earnest.
            *answer.status_mut() = if nth == 1 { http::StatusCode::OK } else { http::StatusCode::FORBIDDEN };
            std::future::ready(Ok::<_, std::convert::Infallible>(answer))
        };
        let client = Client::new(tower::service_fn(answers), "default");
        let asker = Asker::direct(client, "x".into(), Pulse::default());
        assert!(asker.ask_health("/readyz", 100).await.unwrap().0);
        assert_eq!(asker.ask_health("/readyz", 100).await.unwrap_err().status, Some(403));
        assert_eq!(asker.ask_health("/readyz", 100).await.unwrap_err().status, Some(403));
        // The last is believed at once, for a minute.
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 5);
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up_however_steadily_it_comes() {
        let drops = || {
            futures::stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Some((Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x"))), ()))
            })
        };
        let answers = move |_: Request<Body>| {
            let answer = http::Response::new(StreamBody::new(Box::pin(drops())));
            std::future::ready(Ok::<_, std::convert::Infallible>(answer))
        };
        let client = Client::new(tower::service_fn(answers), "default");
        let asker = Asker::direct(client, "x".into(), Pulse::default());
        let mut answer = asker.ask("/metrics", "text/plain").await.unwrap();
        assert!(answer.until.is_some());
        answer.until = Some(Instant::now() + Duration::from_millis(30));
        let failure = answer.rest(usize::MAX).await.unwrap_err();
        assert_eq!(
            (failure.reason, failure.message.as_str()),
            (Reason::TimedOut, "the answer took more than 600 s in all")
        );
        assert_eq!(answer.as_watch(BODY_TIMEOUT).until, None);
    }
}
