//! What recording a large cluster costs: `cargo bench --bench recording`.
//!
//! 20,000 pods, read through the reader from the simulation, on 1,000 nodes: one whole state, then states in which some
//! pods came, went and changed, and the way back to a moment.

mod scale;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use kubelift::evidence::Evidence;
use kubelift::session::recording::{Reader, Recorder, Time};
use scale::Scale;
use serde_json::Value;

const ROUNDS: u64 = 10;

/// How many pods come, go and change from one state to the next, each.
const CHANGES: usize = 20;

fn main() -> Result<()> {
    let (mut evidence, target) = scale::spread(&scale::read()?, &Scale { nodes: 1_000, facts: false })?;
    println!("{} pods, {CHANGES} come, go and change each second", evidence.objects.pods.items.len());
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("large.klrec");
    let at = |second| Time { mono: Duration::from_secs(second), wall: Timestamp::UNIX_EPOCH };
    let mut recorder = Recorder::create(&file, &evidence.cluster, Some(&target), at(0))?;
    for round in 0..=ROUNDS {
        let before = recorder.size();
        let began = Instant::now();
        recorder.state(&evidence, &Value::Null, at(round))?;
        let (took, size) = (began.elapsed().as_millis(), (recorder.size() - before) / 1024);
        let what = if round == 0 { "whole state" } else { "what changed" };
        println!("{what:>20} {took:>6} ms {size:>6} KiB");
        change(&mut evidence, usize::try_from(round)?);
    }
    recorder.close(at(ROUNDS + 1))?;
    let began = Instant::now();
    let mut reader = Reader::open(&file)?;
    println!("{:>20} {:>6} ms", "opened", began.elapsed().as_millis());
    let began = Instant::now();
    let frames = reader.marks().len();
    let moment = reader.moment(frames)?.context("a state")?;
    println!("{:>20} {:>6} ms", "its last moment", began.elapsed().as_millis());
    anyhow::ensure!(!moment.evidence.objects.pods.items.is_empty());
    Ok(())
}

/// Some pods go, as many come in their places, and others fail.
fn change(evidence: &mut Evidence, round: usize) {
    let mut pods = evidence.objects.pods.items.to_vec();
    let step = pods.len() / CHANGES;
    for (n, chunk) in pods.chunks_mut(step.max(3)).enumerate() {
        let at = (round * 7) % chunk.len().saturating_sub(2).max(1);
        if let Some([other, changed]) = chunk.get_mut(at..at + 2) {
            Arc::make_mut(other).metadata.uid = format!("new-{round}-{n}").into();
            Arc::make_mut(changed).status.phase = format!("Failed {round}").into();
        }
    }
    evidence.objects.pods.items = pods.into();
}
