//! How long a plan of a large cluster takes, which is made anew for each snapshot: `cargo bench --bench plan`.

mod scale;

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kubelift::actions::plan::{Decisions, Settings, plan};
use kubelift::checks::judge;
use scale::Scale;

const ROUNDS: usize = 10;

fn main() -> Result<()> {
    let snapshot = scale::read()?;
    for nodes in [200, 1_000, 5_000] {
        let (evidence, target) = scale::spread(&snapshot, &Scale { nodes, facts: true })?;
        let findings = judge(&evidence, &target);
        let (settings, decisions) = (Settings::default(), Decisions::default());
        let mut durations: Vec<Duration> = Vec::new();
        let mut steps = 0;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            steps = black_box(plan(&evidence, &target, &findings, &settings, &decisions)).steps().count();
            durations.push(began.elapsed());
        }
        durations.sort_unstable();
        let (middle, most) = (durations.get(ROUNDS / 2), durations.last());
        let millis = |duration: Option<&Duration>| -> Result<f64> {
            Ok(duration.context("no round")?.as_secs_f64() * 1e3)
        };
        println!(
            "{nodes:>6} nodes, {} pods, {} findings: {steps:>6} steps in {:.1} ms, at most {:.1} ms",
            evidence.objects.pods.items.len(),
            findings.len(),
            millis(middle)?,
            millis(most)?
        );
    }
    Ok(())
}
