//! The API servers, each asked by its own address.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::addresses;
use super::ask::Asker;
use super::client::Connection;
use super::pulse::Pulse;
use super::wire::metrics;
use crate::evidence::objects::{EndpointSlice, Lease, Node};
use crate::evidence::{
    ApiServer, ApiServers, DeprecatedCalls, Health, Listing, Progress, Reading, Reason, Stamp, Unread,
};
use crate::text::Text;
use crate::version::Version;

/// How often version and readiness are asked again.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// How often metrics are read again: they are large, and change slowly.
const METRICS_EVERY: Duration = Duration::from_secs(60);

/// The most of /version and /readyz that is read, in bytes.
const MAX_SMALL: usize = 256 << 10;

/// The most of /metrics that is read, in bytes: a large cluster's are some tens of megabytes.
const MAX_METRICS: usize = 256 << 20;

/// Finds and asks the API servers.
pub struct Servers {
    connection: Connection,
    entry: Asker,
    pulse: Pulse,
    slices: watch::Receiver<Listing<EndpointSlice>>,
    leases: watch::Receiver<Listing<Lease>>,
    nodes: watch::Receiver<Listing<Node>>,
    out: watch::Sender<ApiServers>,
    /// The askers of servers that were dialled before.
    direct: BTreeMap<Text, Asker>,
    /// Metrics are read less often than the rest: the last ones, and when.
    metrics: BTreeMap<Text, (Instant, Reading<DeprecatedCalls>)>,
}

impl Servers {
    /// Nothing asked yet; the servers are those that `slices` and `leases` name. `nodes` give them host names, and
    /// addresses to those that only have a Lease.
    pub fn new(
        connection: Connection,
        entry: Asker,
        pulse: Pulse,
        slices: watch::Receiver<Listing<EndpointSlice>>,
        leases: watch::Receiver<Listing<Lease>>,
        nodes: watch::Receiver<Listing<Node>>,
    ) -> (Self, watch::Receiver<ApiServers>) {
        let pending = Unread::new("get", "API servers", Reason::Pending, "");
        let (out, servers) = watch::channel(ApiServers { unread: vec![pending], ..ApiServers::default() });
        (
            Self {
                connection,
                entry,
                pulse,
                slices,
                leases,
                nodes,
                out,
                direct: BTreeMap::new(),
                metrics: BTreeMap::new(),
            },
            servers,
        )
    }

    /// Asks all servers once.
    pub async fn once(mut self) {
        if self.slices_are_read().await {
            self.round().await;
        }
    }

    /// Asks all servers, again and again, for as long as somebody looks; at once when everything is read again, or when
    /// something is waited for.
    pub async fn follow(mut self, mut refresh: watch::Receiver<u64>, mut waited_for: watch::Receiver<u64>) {
        if !self.slices_are_read().await {
            return;
        }
        while !self.out.is_closed() {
            refresh.mark_unchanged();
            waited_for.mark_unchanged();
            self.round().await;
            tokio::select! {
                () = tokio::time::sleep(ASK_EVERY) => {}
                changed = waited_for.changed() => if changed.is_err() { return },
                changed = refresh.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.metrics.clear();
                }
            }
        }
    }

    /// Waits for the list of servers; `false` when it will never come.
    async fn slices_are_read(&mut self) -> bool {
        is_read(&mut self.nodes).await && is_read(&mut self.leases).await && is_read(&mut self.slices).await
    }

    async fn round(&mut self) {
        let (addresses, unread) = {
            let slices = self.slices.borrow();
            let leases = self.leases.borrow();
            let found = addresses::find(&slices, &leases, &self.nodes.borrow());
            // Without either, a server may be there that nobody told of.
            let gaps = slices.unread.iter().chain(&leases.unread).cloned();
            (found.addresses, gaps.chain(found.unread).collect())
        };
        let mut tasks = JoinSet::new();
        for (index, address) in addresses.iter().enumerate() {
            let known = self.known_metrics(address);
            match self.direct(address).await {
                Ok(asker) => {
                    tasks.spawn(async move { (index, ask_server(&asker, true, known).await) });
                }
                Err(message) => {
                    let (address, now) = (address.clone(), self.pulse.now());
                    tasks.spawn(async move { (index, unreached(&address, &message, now)) });
                }
            }
        }
        let mut servers: Vec<(usize, ApiServer)> = tasks.join_all().await;
        servers.sort_by_key(|(index, _)| *index);
        let mut servers: Vec<ApiServer> = servers.into_iter().map(|(_, server)| server).collect();
        if servers.iter().all(|server| server.version.value().is_none()) {
            let known = self.known_metrics(self.entry.server());
            servers.push(ask_server(&self.entry, false, known).await);
        }
        let nodes = self.nodes.borrow().clone();
        for server in &mut servers {
            server.hostname = server.direct.then(|| hostname(&server.address, &nodes)).flatten();
            let due = self.metrics.get(&server.address).is_none_or(|(at, _)| at.elapsed() >= METRICS_EVERY);
            if due && server.deprecated_calls.value().is_some() {
                self.metrics
                    .insert(server.address.clone(), (Instant::now(), server.deprecated_calls.clone()));
            }
        }
        self.out.send_replace(ApiServers { servers, unread, listed: true });
        self.pulse.touch();
    }

    /// The asker of one server; its connections last over rounds.
    async fn direct(&mut self, address: &Text) -> Result<Asker, String> {
        if let Some(asker) = self.direct.get(address) {
            return Ok(asker.clone());
        }
        let socket: SocketAddr =
            address.parse().map_err(|error: std::net::AddrParseError| error.to_string())?;
        let client = self.connection.for_server(socket.ip(), socket.port(), None).await;
        let (client, _) = client.map_err(|error| error.to_string())?;
        let asker = Asker::direct(client, address.clone(), self.pulse.clone());
        self.direct.insert(address.clone(), asker.clone());
        Ok(asker)
    }

    fn known_metrics(&self, address: &Text) -> Option<Reading<DeprecatedCalls>> {
        let (at, reading) = self.metrics.get(address)?;
        (at.elapsed() < METRICS_EVERY).then(|| reading.clone())
    }
}

/// Waits until a listing was read once; `false` when it will never be.
async fn is_read<T>(listing: &mut watch::Receiver<Listing<T>>) -> bool {
    listing.wait_for(|listing| listing.progress == Progress::Done).await.is_ok()
}

/// The host name of the node with that address.
fn hostname(address: &str, nodes: &Listing<Node>) -> Option<Text> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let node = nodes
        .iter()
        .find(|node| node.status.addresses.iter().any(|a| a.kind == "InternalIP" && a.address == host))?;
    Some(
        node.metadata
            .labels
            .get("kubernetes.io/hostname")
            .map_or_else(|| node.metadata.name.clone(), Text::from),
    )
}

fn unreached(address: &Text, message: &str, now: Timestamp) -> ApiServer {
    let unread = |what: &str| Unread::new("get", what, Reason::Unreachable, message).of(address).at(now);
    ApiServer {
        address: address.clone(),
        direct: true,
        hostname: None,
        version: Reading::Unread(unread("/version")),
        ready: Reading::Unread(unread("/readyz")),
        deprecated_calls: Reading::Unread(unread("/metrics")),
    }
}

async fn ask_server(asker: &Asker, direct: bool, known: Option<Reading<DeprecatedCalls>>) -> ApiServer {
    let address = asker.server().clone();
    let version = version(asker).await;
    // One that does not answer at all is one unread entry, not three waits.
    if let Reading::Unread(unread) = &version
        && matches!(unread.reason, Reason::Unreachable | Reason::TimedOut)
    {
        let mut server = unreached(&address, &unread.message, asker.pulse().now());
        server.direct = direct;
        server.version = version;
        return server;
    }
    let ready = ready(asker).await;
    let deprecated_calls = match known {
        Some(known) => known,
        None => deprecated_calls(asker).await,
    };
    ApiServer { address, direct, hostname: None, version, ready, deprecated_calls }
}

async fn version(asker: &Asker) -> Reading<Version> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Info {
        git_version: Version,
    }
    match asker.ask_whole("/version", "application/json", MAX_SMALL).await {
        Ok((body, at)) => match serde_json::from_slice::<Info>(&body) {
            Ok(info) => read(asker, "/version", at, info.git_version),
            Err(error) => malformed(asker, "/version", &error.to_string()),
        },
        Err(failure) => Reading::Unread(failure.unread("get", "/version").of(asker.server())),
    }
}

async fn ready(asker: &Asker) -> Reading<Health> {
    match asker.ask_health("/readyz?verbose", MAX_SMALL).await {
        Ok((ok, body, at)) => read(asker, "/readyz?verbose", at, health(ok, &String::from_utf8_lossy(&body))),
        Err(failure) => Reading::Unread(failure.unread("get", "/readyz").of(asker.server())),
    }
}

/// The lines `[+]name ok` and `[-]name failed: reason withheld` of /readyz?verbose.
fn health(ok: bool, text: &str) -> Health {
    let mut health = Health { ok, ..Health::default() };
    for line in text.lines() {
        let (passed, rest) = match (line.strip_prefix("[+]"), line.strip_prefix("[-]")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => continue,
        };
        let name = rest.split_whitespace().next().unwrap_or_default();
        health.checks += 1;
        if name == "etcd" {
            health.etcd = Some(passed);
        }
        if !passed {
            health.failed.push(name.into());
        }
    }
    health
}

async fn deprecated_calls(asker: &Asker) -> Reading<DeprecatedCalls> {
    let failed = |failure: super::failure::Failure| {
        Reading::Unread(failure.unread("get", "/metrics").of(asker.server()))
    };
    let mut answer = match asker.ask("/metrics", "text/plain").await {
        Ok(answer) => answer,
        Err(failure) => return failed(failure),
    };
    let mut reader = metrics::DeprecatedCallsReader::default();
    let mut bytes = 0;
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => {
                bytes += chunk.len();
                if bytes > MAX_METRICS {
                    return malformed(asker, "/metrics", &format!("larger than {MAX_METRICS} bytes"));
                }
                if let Err(error) = reader.push(&chunk) {
                    return malformed(asker, "/metrics", &error.to_string());
                }
            }
            Ok(None) => break,
            Err(failure) => return failed(failure),
        }
    }
    match reader.finish() {
        Ok(calls) => read(asker, "/metrics", asker.pulse().now(), calls),
        Err(error) => malformed(asker, "/metrics", &error.to_string()),
    }
}

fn read<T>(asker: &Asker, path: &str, at: Timestamp, value: T) -> Reading<T> {
    Reading::Read { stamp: Stamp { at, how: format!("GET https://{}{path}", asker.server()).into() }, value }
}

fn malformed<T>(asker: &Asker, path: &str, message: &str) -> Reading<T> {
    Reading::Unread(
        Unread::new("get", path, Reason::Malformed, message).of(asker.server()).at(asker.pulse().now()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readyz_names_what_failed() {
        let text = "[+]ping ok\n[+]etcd ok\n[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\nreadyz check failed\n";
        let health = health(false, text);
        assert_eq!(health.failed, ["poststarthook/rbac/bootstrap-roles"]);
        assert_eq!((health.ok, health.checks, health.etcd), (false, 3, Some(true)));
    }
}
