//! How long a pod takes from bytes to a slim object, in both encodings: `cargo bench --bench wire`.
//!
//! The pod is one that a real API server answered (tests/fixtures/wire), 20,000 times over in pages of 500,
//! handed to the decoder in chunks as a connection hands them.

use std::fs;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use kubelift::cluster::wire::protobuf::Fields;
use kubelift::cluster::wire::{ListDecoder, Wire, json, schema};
use kubelift::evidence::objects::Pod;

const PODS: usize = 20_000;
const PAGE: usize = 500;
const CHUNK: usize = 16 << 10;
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/wire");
    let json = json_pod(&fs::read(format!("{folder}/pods.json"))?)?;
    let protobuf = protobuf_pod(&fs::read(format!("{folder}/pods.pb"))?)?;
    report("JSON", Wire::Json, json.len(), &json_page(&json))?;
    report("protobuf", Wire::Protobuf, protobuf.len(), &protobuf_page(&protobuf))?;
    let mut scratch = Vec::new();
    let page = json_page(&json);
    let begun = Instant::now();
    for _ in 0..PODS / PAGE {
        let mut elements = json::Elements::default();
        for chunk in page.chunks(CHUNK) {
            elements.push(chunk, &mut |item, _| {
                scratch.push(black_box(item.len()));
                Ok(())
            })?;
        }
    }
    println!(
        "{:>9}: {:>6} ns a pod to find its end, unparsed",
        "JSON",
        begun.elapsed().as_nanos() / PODS as u128
    );
    Ok(())
}

/// Decodes the pages; the fastest of some rounds counts, for the machine does other things too.
fn report(name: &str, wire: Wire, bytes: usize, page: &[u8]) -> Result<()> {
    let mut best = u128::MAX;
    for _ in 0..ROUNDS {
        let mut pods = 0;
        let begun = Instant::now();
        for _ in 0..PODS / PAGE {
            let mut decoder = ListDecoder::<Pod>::new(wire, &schema::POD);
            for chunk in page.chunks(CHUNK) {
                decoder.push(chunk, &mut |pod| {
                    black_box(pod);
                    pods += 1;
                })?;
            }
            decoder.finish()?;
        }
        best = best.min(begun.elapsed().as_nanos() / PODS as u128);
        ensure!(pods == PODS, "{pods} pods came of {PODS}");
    }
    let speed = bytes as u128 * 1000 / best;
    println!("{name:>9}: {best:>6} ns a pod of {bytes} bytes, {speed} MB/s");
    Ok(())
}

/// The last pod of the list, which has something in every field.
fn json_pod(list: &[u8]) -> Result<Vec<u8>> {
    let mut last = Vec::new();
    json::Elements::default().push(list, &mut |item, _| {
        last = item.to_vec();
        Ok(())
    })?;
    Ok(last)
}

fn json_page(pod: &[u8]) -> Vec<u8> {
    let items = vec![pod; PAGE].join(&b","[..]);
    [
        br#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":["#,
        &items[..],
        b"]}",
    ]
    .concat()
}

/// The same pod: `k8s\0`, an envelope with the list in field 2, the items in field 2 of that.
fn protobuf_pod(list: &[u8]) -> Result<Vec<u8>> {
    let last = |message, context| -> Result<&[u8]> {
        let mut fields = Fields::new(message);
        let mut found = None;
        while let Some(field) = fields.next_field()? {
            found = if field.number == 2 { Some(field.payload) } else { found };
        }
        found.context(context)
    };
    let envelope = list.strip_prefix(b"k8s\0").context("no envelope")?;
    Ok(last(last(envelope, "no list")?, "no item")?.to_vec())
}

fn protobuf_page(pod: &[u8]) -> Vec<u8> {
    let item = [&[0x12][..], &length(pod.len()), pod].concat();
    let list = [&[0x0A, 0x03, 0x12, 0x01, b'1'][..], &item.repeat(PAGE)].concat();
    let kind = b"\x0A\x0D\x0A\x02v1\x12\x07PodList";
    [b"k8s\0", &kind[..], &[0x12], &length(list.len()), &list, b"\x1A\x00\x22\x00"].concat()
}

fn length(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}
