//! The simulated machines as ports: they answer the probe, run commands, and have a time of their own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, ready};
use jiff::{SignedDuration, Timestamp};

use crate::actions::ports::{Clock, Machines, Output};
use crate::hosts::Probes;
use crate::sim::remote::{RemoteHosts, Served};
use crate::sim::{HostError, Hosts, UnitState};
use crate::text::Text;

/// The machines of a simulation.
#[derive(Debug, Clone)]
pub struct Simulated(pub Hosts);

impl Probes for Simulated {
    fn probe_all(&self, nonces: &BTreeMap<Text, Text>) -> Vec<(String, Result<String, String>)> {
        let probe = |name: &str| {
            let nonce = nonces.get(name).map(Text::as_str);
            self.0.probe(name, nonce).map_err(|error| error.to_string())
        };
        self.0.names().map(|name| (name.to_owned(), probe(name))).collect()
    }
}

impl Machines for Simulated {
    fn start<'a>(&'a self, node: &'a str, unit: &'a str, line: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(ready(self.0.start(node, unit, line).map_err(|error| error.to_string())))
    }

    fn output<'a>(
        &'a self,
        node: &'a str,
        unit: &'a str,
        from: usize,
    ) -> BoxFuture<'a, Result<Output, String>> {
        Box::pin(ready(output(node, unit, self.0.unit(node, unit, from))))
    }
}

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Waits by the time of whoever looks on: a simulated hour is over in minutes.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(sooner(time, self.0.speed())))
    }
}

/// As fast as a demo's time usually goes by: somebody looks on. In a faster one nobody does.
const LOOKED_ON: f64 = 20.0;

/// How long is really waited in place of `time`, where simulated time goes by so fast.
pub fn sooner(time: Duration, speed: f64) -> Duration {
    time.div_f64((speed / LOOKED_ON).max(1.0))
}

/// The machines of a simulation that is another process: what runs there runs on when this one has ended.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    hosts: RemoteHosts,
    /// What it said of itself, and when.
    served: Served,
    since: Instant,
}

impl Elsewhere {
    /// Those of the simulation that listens at `address`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn at(address: SocketAddr) -> Result<Self, HostError> {
        let hosts = RemoteHosts::new(address);
        let since = Instant::now();
        Ok(Self { served: hosts.served().await?, hosts, since })
    }

    /// What it says of itself.
    pub const fn served(&self) -> &Served {
        &self.served
    }

    async fn ask_all(&self, nonces: &BTreeMap<Text, Text>) -> Vec<(String, Result<String, String>)> {
        let probe = |name: &String| {
            let (name, nonce) = (name.clone(), nonces.get(name.as_str()).cloned());
            async move {
                let document = self.hosts.probe(&name, nonce.as_deref()).await;
                (name, document.map_err(|error| error.to_string()))
            }
        };
        futures::future::join_all(self.served.hosts.iter().map(probe)).await
    }
}

impl Probes for Elsewhere {
    fn probe_all(&self, nonces: &BTreeMap<Text, Text>) -> Vec<(String, Result<String, String>)> {
        // Whoever asks has a thread for it.
        tokio::runtime::Handle::current().block_on(self.ask_all(nonces))
    }
}

impl Machines for Elsewhere {
    fn start<'a>(&'a self, node: &'a str, unit: &'a str, line: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.hosts.start(node, unit, line).await.map_err(|error| error.to_string()) })
    }

    fn output<'a>(
        &'a self,
        node: &'a str,
        unit: &'a str,
        from: usize,
    ) -> BoxFuture<'a, Result<Output, String>> {
        Box::pin(async move { output(node, unit, self.hosts.unit(node, unit, from).await) })
    }
}

impl Clock for Elsewhere {
    /// As its clock goes on by itself from what it showed.
    fn now(&self) -> Timestamp {
        let gone = self.since.elapsed().mul_f64(self.served.speed);
        let gone = SignedDuration::try_from(gone).unwrap_or_default();
        self.served.now.saturating_add(gone).unwrap_or(self.served.now)
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(sooner(time, self.served.speed)))
    }
}

fn output(node: &str, unit: &str, state: Result<Option<UnitState>, HostError>) -> Result<Output, String> {
    match state {
        Ok(Some(state)) => Ok(Output { lines: state.lines, exit: state.exit }),
        Ok(None) => Err(format!("{node} has no unit {unit}")),
        Err(error) => Err(error.to_string()),
    }
}
