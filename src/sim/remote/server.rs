//! The address by which machines are reached.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{ROOT, Refusal, Served};
use crate::sim::api::path::{Params, decode};
use crate::sim::hosts::HostError;
use crate::sim::{Options, SimError, Simulation, start};

/// The longest line of shell that is taken, in bytes.
const LINE_LIMIT: usize = 64 * 1024;

/// A simulation whose machines can be reached from other processes. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    simulation: Arc<Simulation>,
    address: SocketAddr,
    tasks: JoinSet<()>,
}

/// Starts the scenario of a name, and listens at `listen` for those who want to reach its machines. Anybody may who
/// reaches that address: nothing there is real.
///
/// # Errors
/// As [`start`] has them, and [`SimError::Listen`] when the address cannot be had.
pub async fn serve(scenario: &str, options: Options, listen: SocketAddr) -> Result<Server, SimError> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let simulation = Arc::new(start(scenario, options).await?);
    let mut tasks = JoinSet::new();
    tasks.spawn(accept(listener, simulation.clone()));
    Ok(Server { simulation, address, tasks })
}

impl Server {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The simulation.
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// Goes on until it is dropped.
    pub async fn run(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn accept(listener: TcpListener, simulation: Arc<Simulation>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let simulation = simulation.clone();
                    connections.spawn(async move {
                        let answer = service_fn(move |request| {
                            let simulation = simulation.clone();
                            async move { Ok::<_, Infallible>(answer(&simulation, request).await) }
                        });
                        let mut http = http1::Builder::new();
                        http.timer(TokioTimer::new());
                        if let Err(error) = http.serve_connection(TokioIo::new(stream), answer).await {
                            tracing::debug!("a connection to the simulated machines ended: {error}");
                        }
                    });
                }
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(simulation: &Simulation, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let params = Params::new(head.uri.query().unwrap_or_default());
    let path = head.uri.path().strip_prefix(ROOT).unwrap_or("/none");
    let parts: Vec<String> = path.split('/').skip(1).map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let hosts = simulation.hosts();
    match (&head.method, parts.as_slice()) {
        (&Method::GET, []) => json(
            StatusCode::OK,
            &Served {
                cluster: simulation.cluster_name().to_owned(),
                url: simulation.url(),
                servers: simulation.servers(),
                hosts: hosts.names().map(str::to_owned).collect(),
                now: simulation.now(),
                speed: simulation.speed(),
            },
        ),
        (&Method::GET, ["requests"]) => json(StatusCode::OK, &simulation.requests()),
        (&Method::GET, ["hosts", node, "probe"]) => {
            let nonce = Some(params.get("nonce")).filter(|nonce| !nonce.is_empty());
            match hosts.probe(node, nonce) {
                Ok(document) => plain(StatusCode::OK, document),
                Err(error) => refused(error),
            }
        }
        (&Method::GET, ["hosts", node, "units", unit]) => {
            let from = params.get("from").parse().unwrap_or_default();
            hosts.unit(node, unit, from).map_or_else(refused, |state| json(StatusCode::OK, &state))
        }
        (&Method::PUT, ["hosts", node, "units", unit]) => {
            let Ok(line) = Limited::new(body, LINE_LIMIT).collect().await else {
                return plain(StatusCode::PAYLOAD_TOO_LARGE, "{}".to_owned());
            };
            let line = String::from_utf8_lossy(&line.to_bytes()).into_owned();
            hosts.start(node, unit, &line).map_or_else(refused, |()| plain(StatusCode::OK, "{}".to_owned()))
        }
        _ => plain(StatusCode::NOT_FOUND, "null".to_owned()),
    }
}

fn refused(error: HostError) -> Response<Full<Bytes>> {
    let status = match error {
        HostError::Unknown(_) => StatusCode::NOT_FOUND,
        _ => StatusCode::GATEWAY_TIMEOUT,
    };
    json(status, &Refusal::from(error))
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    plain(status, serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
}

fn plain(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}
