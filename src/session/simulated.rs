//! The simulated machines as ports: they answer the probe, run commands, and have a time of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{BoxFuture, ready};
use jiff::Timestamp;

use crate::actions::ports::{Clock, Machines, Output};
use crate::hosts::Probes;
use crate::sim::Hosts;
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
        let state = match self.0.unit(node, unit, from) {
            Ok(Some(state)) => Ok(Output { lines: state.lines, exit: state.exit }),
            Ok(None) => Err(format!("{node} has no unit {unit}")),
            Err(error) => Err(error.to_string()),
        };
        Box::pin(ready(state))
    }
}

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Waits by the time of whoever looks on: a simulated hour is over in minutes.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}
