//! For tests: a server on loopback that notes what arrives, and answers as it is told.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The certificate authority of [`Witness::start_tls`].
pub(crate) const CA: &str = include_str!("testdata/ca.pem");
/// An authority that signed nothing.
pub(crate) const OTHER_CA: &str = include_str!("testdata/other-ca.pem");
/// A client certificate, and its key.
pub(crate) const JANE: [&str; 2] = [include_str!("testdata/jane.pem"), include_str!("testdata/jane-key.pem")];
/// Another.
pub(crate) const JOE: [&str; 2] = [include_str!("testdata/joe.pem"), include_str!("testdata/joe-key.pem")];

/// A request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// Whose client certificate the connection has: `jane`, `joe` or nobody's.
    pub(crate) client: &'static str,
}

impl Arrived {
    /// A header's value; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

type Answer = Arc<dyn Fn(&Arrived) -> u16 + Send + Sync>;
type Notes = Arc<Mutex<Vec<Arrived>>>;

/// The server. It ends with the test's runtime.
pub(crate) struct Witness {
    pub(crate) url: String,
    pub(crate) port: u16,
    arrived: Notes,
}

impl Witness {
    /// Starts one that answers each request with `answer`'s status and an empty JSON object.
    pub(crate) async fn start(answer: impl Fn(&Arrived) -> u16 + Send + Sync + 'static) -> Self {
        Self::serve(None, Arc::new(answer)).await
    }

    /// The same with TLS, for 127.0.0.1 and api.example. Client certificates are welcome.
    pub(crate) async fn start_tls(answer: impl Fn(&Arrived) -> u16 + Send + Sync + 'static) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(CA.as_bytes()).unwrap()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build().unwrap();
        let certificate = CertificateDer::from_pem_slice(include_bytes!("testdata/server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/server-key.pem")).unwrap();
        let config = rustls::ServerConfig::builder().with_client_cert_verifier(verifier);
        let config = config.with_single_cert(vec![certificate], key).unwrap();
        Self::serve(Some(TlsAcceptor::from(Arc::new(config))), Arc::new(answer)).await
    }

    async fn serve(tls: Option<TlsAcceptor>, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
        let arrived = Notes::default();
        let notes = Arc::clone(&arrived);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (notes, answer, tls) = (Arc::clone(&notes), Arc::clone(&answer), tls.clone());
                tokio::spawn(async move {
                    let Some(tls) = tls else { return connection(stream, "", notes, answer).await };
                    // A client that does not like the certificate ends here.
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let client = client_of(stream.get_ref().1.peer_certificates());
                    connection(stream, client, notes, answer).await;
                });
            }
        });
        Self { url, port: address.port(), arrived }
    }

    /// What has arrived so far.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

fn client_of(certificates: Option<&[CertificateDer<'_>]>) -> &'static str {
    let Some([certificate, ..]) = certificates else { return "" };
    let is = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap() == *certificate;
    if is(JANE[0]) {
        "jane"
    } else if is(JOE[0]) {
        "joe"
    } else {
        "somebody"
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    client: &'static str,
    notes: Notes,
    answer: Answer,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let noted = Arrived {
            method: request.method().to_string(),
            path: request.uri().to_string(),
            headers: request.headers().clone(),
            client,
        };
        let status = StatusCode::from_u16(answer(&noted)).unwrap();
        notes.lock().unwrap().push(noted);
        let answer = Response::builder().status(status).body(Full::new(Bytes::from_static(b"{}"))).unwrap();
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    // Its client may be gone by now, which is no concern of the test.
    drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

/// A proxy on loopback that makes tunnels, and notes the head of each request for one.
pub(crate) struct Proxy {
    pub(crate) address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts one. Wherever a tunnel is to go, it goes to `port` on loopback.
    pub(crate) async fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let notes = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let notes = Arc::clone(&notes);
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).await.unwrap() > 0 {}
                    notes.lock().unwrap().push(head);
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut stream, &mut server).await);
                });
            }
        });
        Self { address, heads }
    }

    /// The heads so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}
