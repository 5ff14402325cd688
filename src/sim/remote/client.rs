//! Machines of a simulation, wherever that runs.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::{ROOT, Refusal, Served};
use crate::percent::encoded;
use crate::sim::SeenRequest;
use crate::sim::hosts::{HostError, UnitState};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The machines of a simulation that is another process.
#[derive(Debug, Clone, Copy)]
pub struct RemoteHosts {
    address: SocketAddr,
}

impl RemoteHosts {
    /// Those of the simulation that listens at `address`.
    pub const fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// What the simulation says of itself.
    ///
    /// # Errors
    /// [`HostError::Unreachable`]
    pub async fn served(&self) -> Result<Served, HostError> {
        self.ask(Method::GET, "", String::new()).await
    }

    /// As [`crate::sim::Simulation::requests`].
    ///
    /// # Errors
    /// [`HostError::Unreachable`]
    pub async fn requests(&self) -> Result<Vec<SeenRequest>, HostError> {
        self.ask(Method::GET, "/requests", String::new()).await
    }

    /// As [`Hosts::probe`](crate::sim::Hosts::probe).
    ///
    /// # Errors
    /// As there, and [`HostError::Unreachable`].
    pub async fn probe(&self, node: &str, nonce: Option<&str>) -> Result<String, HostError> {
        let path = format!("/hosts/{}/probe?nonce={}", encoded(node), encoded(nonce.unwrap_or_default()));
        let document: serde_json::Value = self.ask(Method::GET, &path, String::new()).await?;
        Ok(document.to_string())
    }

    /// As [`Hosts::start`](crate::sim::Hosts::start).
    ///
    /// # Errors
    /// As there, and [`HostError::Unreachable`]: it may have been started.
    pub async fn start(&self, node: &str, unit: &str, line: &str) -> Result<(), HostError> {
        let path = format!("/hosts/{}/units/{}", encoded(node), encoded(unit));
        let _started: serde_json::Value = self.ask(Method::PUT, &path, line.to_owned()).await?;
        Ok(())
    }

    /// As [`Hosts::unit`](crate::sim::Hosts::unit).
    ///
    /// # Errors
    /// As there, and [`HostError::Unreachable`].
    pub async fn unit(
        &self,
        node: &str,
        unit: &str,
        from_line: usize,
    ) -> Result<Option<UnitState>, HostError> {
        let path = format!("/hosts/{}/units/{}?from={from_line}", encoded(node), encoded(unit));
        self.ask(Method::GET, &path, String::new()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<T, HostError> {
        let asked = tokio::time::timeout(PATIENCE, self.send(method, path, body)).await;
        let (status, body) = asked
            .unwrap_or_else(|_| Err("no answer for ten seconds".to_owned()))
            .map_err(HostError::Unreachable)?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|error| HostError::Unreachable(error.to_string()));
        }
        Err(match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => refusal.into(),
            Err(_) => HostError::Unreachable(format!("it says {status}")),
        })
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Result<(StatusCode, Bytes), String> {
        let words = |error: &dyn std::error::Error| error.to_string();
        let stream = TcpStream::connect(self.address).await.map_err(|error| words(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| words(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{ROOT}{path}"))
            .header(header::HOST, self.address.to_string())
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| words(&error))?;
        let answered = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            Ok::<_, hyper::Error>((status, response.into_body().collect().await?.to_bytes()))
        };
        // The connection is of use for as long as the answer is waited for.
        tokio::select! {
            answer = answered => answer.map_err(|error| words(&error)),
            ended = connection => Err(ended.map_or_else(|error| words(&error), |()| "the connection ended".to_owned())),
        }
    }
}
