//! Sockets on this machine's loopback.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
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

/// Answers at a socket until the set is dropped, which ends every connection too. While the process is not there, the
/// address is kept, but nothing listens at it: a client is refused.
pub(super) fn serve(first: Option<TcpListener>, server: Arc<ApiServer>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut wanted = server.state.wanted();
        let mut first = first;
        loop {
            let run = *wanted.borrow_and_update();
            match run {
                Some(_) => {
                    let listener = match first.take() {
                        Some(listener) => listener,
                        None => listen_again(server.address).await,
                    };
                    server.state.tell(run);
                    let mut connections = JoinSet::new();
                    tokio::select! {
                        () = answer(&listener, &server, &mut connections) => {}
                        changed = wanted.wait_for(|wanted| *wanted != run) => if changed.is_err() { return },
                    }
                    connections.shutdown().await;
                }
                None => {
                    drop(first.take());
                    let kept = keep(server.address);
                    server.state.tell(None);
                    if wanted.wait_for(Option::is_some).await.is_err() {
                        return;
                    }
                    drop(kept);
                }
            }
        }
    });
    tasks
}

async fn answer(listener: &TcpListener, server: &Arc<ApiServer>, connections: &mut JoinSet<()>) {
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
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Holds an address without listening at it, so that nobody else is given its port meanwhile.
fn keep(address: SocketAddr) -> Option<TcpSocket> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.set_reuseaddr(true).ok()?;
    socket.bind(address).ok()?;
    Some(socket)
}

async fn listen_again(address: SocketAddr) -> TcpListener {
    loop {
        match keep(address).map(|socket| socket.listen(1024)) {
            Some(Ok(listener)) => return listener,
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Binds the address of the cluster's balancer: one of its own with the port of the API servers, or any.
pub(super) async fn bind_balancer(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv4Addr::new(127, 0, 1, 250), port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
    }
}

/// Leads every connection to the first API server whose process is there, as a balancer does that only asks whether
/// somebody listens: also to one that has just started, and forbids everything.
pub(super) fn balance(listener: TcpListener, servers: Vec<Arc<ApiServer>>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let up = servers.iter().find(|server| server.state.is_up());
                        if let Some(address) = up.map(|server| server.address) {
                            connections.spawn(lead(stream, address));
                        }
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    });
    tasks
}

async fn lead(mut from: TcpStream, to: SocketAddr) {
    let Ok(mut server) = TcpStream::connect(to).await else { return };
    let _ = (from.set_nodelay(true), server.set_nodelay(true));
    if let Err(error) = tokio::io::copy_bidirectional(&mut from, &mut server).await {
        tracing::debug!("a connection through the simulated balancer ended: {error}");
    }
}
