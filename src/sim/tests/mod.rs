//! The simulation over real connections.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

mod discovery;
mod drain;
mod reader;
mod reads;
mod scenarios;
mod servers;
mod watches;
mod whole;
mod writes;

/// The scenario of a name, begun.
async fn begin(scenario: &str) -> Simulation {
    // Time stands still but where a test lets it pass, and begins at the same moment for all of them.
    let now = Some("2026-11-28T12:00:00Z".parse().unwrap());
    start(scenario, Options { speed: 0.0, now, ..Options::default() }).await.unwrap()
}

/// A request over a connection of its own: status, headers and body of the answer.
async fn ask(server: SocketAddr, head: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(server).await.unwrap();
    // A header that a test adds stands on a line of its own.
    let (line, header) = head.split_once('\n').unwrap_or((head, "Accept: */*"));
    let request = format!(
        "{line} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n{header}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        dechunk(body)
    } else {
        body.to_owned()
    };
    (status, head.to_owned(), body)
}

fn dechunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&rest[..size]);
        body = &rest[(size + 2).min(rest.len())..];
    }
    whole
}

/// A `GET` at the first server, whose answer is JSON.
async fn get(simulation: &Simulation, path: &str) -> (u16, Value) {
    let (status, _, body) = ask(simulation.servers()[0], &format!("GET {path}"), "").await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

/// All objects of a resource, by namespace and name.
async fn list(simulation: &Simulation, path: &str) -> BTreeMap<String, Value> {
    let (status, list) = get(simulation, path).await;
    assert_eq!(status, 200, "{path}: {list}");
    let text = |item: &Value, pointer: &str| {
        item.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| {
            (format!("{}/{}", text(item, "/metadata/namespace"), text(item, "/metadata/name")), item.clone())
        })
        .collect()
}
