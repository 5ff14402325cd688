//! Sockets on this machine's loopback.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::api;
use super::state::ApiServer;

/// How often a port is sought that is free at all addresses.
const TRIES: usize = 20;

/// Binds a socket for each name: at 127.0.1.1, 127.0.1.2 and so on, all with one port, as API servers have it; where
/// the system has no such addresses, at 127.0.0.1 with a port each.
pub(super) async fn bind(names: &[String]) -> io::Result<BTreeMap<String, TcpListener>> {
    for _ in 0..TRIES {
        match bind_one_port(names).await {
            Ok(listeners) => return Ok(listeners),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(_) => break,
        }
    }
    let mut listeners = BTreeMap::new();
    for name in names {
        listeners.insert(name.clone(), TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?);
    }
    Ok(listeners)
}

async fn bind_one_port(names: &[String]) -> io::Result<BTreeMap<String, TcpListener>> {
    let mut listeners = BTreeMap::new();
    let mut port = 0;
    for (name, number) in names.iter().zip(1..=u8::MAX) {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, number)), port);
        let listener = TcpListener::bind(address).await?;
        port = listener.local_addr()?.port();
        listeners.insert(name.clone(), listener);
    }
    Ok(listeners)
}

/// Answers at a socket until the set is dropped, which ends every connection too.
pub(super) fn serve(listener: TcpListener, server: Arc<ApiServer>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        // Small answers would wait for the client's acknowledgement otherwise.
                        let _ = stream.set_nodelay(true);
                        let server = server.clone();
                        connections.spawn(async move {
                            let answer = service_fn(move |request| {
                                let server = server.clone();
                                async move { Ok::<_, Infallible>(api::answer(server, request).await) }
                            });
                            let mut http = http1::Builder::new();
                            http.timer(TokioTimer::new());
                            if let Err(error) = http.serve_connection(TokioIo::new(stream), answer).await {
                                tracing::debug!("a connection to the simulated API server ended: {error}");
                            }
                        });
                    }
                    // Out of file descriptors, mostly: others are closed soon.
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    });
    tasks
}
