//! How long the checks take on a large cluster: `cargo bench --bench checks`.
//!
//! 20,000 pods, read through the reader from the simulation, on 1,000 nodes without and on 5,000 nodes with what the
//! probe says of each; a quarter of the Deployments asks for an AppArmor profile.

mod scale;

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use kubelift::checks::{CHECKS, Target, judge, judge_one};
use kubelift::evidence::Evidence;
use scale::Scale;

const ROUNDS: usize = 30;

/// What all checks together may take.
const TARGET: Duration = Duration::from_millis(100);

fn main() -> Result<()> {
    let snapshot = scale::read()?;
    for scale in [Scale { nodes: 1_000, facts: false }, Scale { nodes: 5_000, facts: true }] {
        let (evidence, target) = scale::spread(&snapshot, &scale)?;
        let facts = if scale.facts { "facts of each" } else { "no facts of them" };
        println!("{} pods, {} nodes, {facts}", evidence.objects.pods.items.len(), scale.nodes);
        report(&evidence, &target);
    }
    Ok(())
}

fn report(evidence: &Evidence, target: &Target) {
    println!("{:>20} {:>9} {:>9} {:>9}", "", "findings", "median", "max");
    for check in CHECKS {
        line(check.id, || judge_one(check, evidence, target).len());
    }
    let largest = line("all", || judge(evidence, target).len());
    let verdict = if largest < TARGET { "under" } else { "MISSED:" };
    println!("{:>20} {verdict} {} ms\n", "", TARGET.as_millis());
}

/// Runs it often, prints a line, and gives the longest that it took.
fn line(name: &str, judge: impl Fn() -> usize) -> Duration {
    let mut findings = 0;
    let durations = (0..ROUNDS).map(|_| {
        let began = Instant::now();
        findings = black_box(judge());
        began.elapsed()
    });
    let (median, max) = middle_and_largest(durations.collect());
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!("{name:>20} {findings:>9} {:>6.1} ms {:>6.1} ms", millis(median), millis(max));
    max
}

/// The middle and the largest of some durations.
fn middle_and_largest(mut durations: Vec<Duration>) -> (Duration, Duration) {
    durations.sort_unstable();
    let middle = durations.get(durations.len() / 2).copied().unwrap_or_default();
    (middle, durations.last().copied().unwrap_or_default())
}
