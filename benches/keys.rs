//! How long a key takes to be on the screen, with a large cluster loaded: `cargo bench --bench keys`.
//!
//! What the loop of the cockpit does for a key is done here without a terminal: the state takes the key, and all of the
//! screen is drawn and compared with what was there. A hand goes through everything there is, again and again;
//! meanwhile snapshots come as a busy cluster makes them, and the key that is pressed after one waits for it.

mod scale;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use kubelift::checks::{CHECKS, judge};
use kubelift::session::Snapshot;
use kubelift::ui::cockpit::app::{App, Event};
use kubelift::ui::cockpit::{Environment, Flags, Options, draw, update};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use scale::Scale;

/// What a hand does: every screen, lists to their ends, filters that show much and nothing.
const KEYS: &str = "j j k l j j j G g pgdn pgdn pgup enter j j pgdn e r n n p esc \
    / l o a d - 7 space b l o c k e r backspace backspace enter j G g esc / z z z esc \
    h j l G k k enter n esc h j l enter esc L G g pgdn / p o d s enter j esc esc u j G esc ? pgdn esc : r e esc tab ] [";

/// How often the hand goes through them.
const TURNS: usize = 40;

/// After so many keys comes a snapshot.
const SNAPSHOT_EVERY: usize = 50;

/// What 99 of 100 keys may take.
const TARGET: Duration = Duration::from_millis(16);

fn main() -> Result<()> {
    let read = scale::read()?;
    let (evidence, target) = scale::spread(&read, &Scale { nodes: 5_000, facts: true })?;
    let findings = judge(&evidence, &target).into();
    let snapshot = Snapshot { evidence: Arc::new(evidence), target: Some(target), findings, ..read };
    let pods = snapshot.evidence.objects.pods.items.len();
    println!(
        "{pods} pods, 5000 nodes, {} findings; keys pressed {TURNS} times over",
        snapshot.findings.len()
    );
    println!("{:>10} {:>7} {:>9} {:>9} {:>9} {:>9}", "", "keys", "median", "99 %", "99.9 %", "max");
    for size in [(120, 40), (250, 70)] {
        report(size, press(Arc::new(snapshot.clone()), size)?);
    }
    Ok(())
}

/// Presses the keys, and gives how long each took.
fn press(snapshot: Arc<Snapshot>, size: (u16, u16)) -> Result<Vec<Duration>> {
    let options = Options::load(&Flags::default(), &Environment::default())?;
    let now = Timestamp::now();
    let mut app = App::new(Arc::clone(&snapshot), CHECKS, options.look, options.keymap, size, now);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1))?;
    let keys = KEYS.split_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(|error| anyhow!("{error}"))?;
    let mut durations = Vec::with_capacity(keys.len() * TURNS);
    for key in keys.iter().cycle().take(keys.len() * TURNS) {
        let began = Instant::now();
        if durations.len() % SNAPSHOT_EVERY == 0 {
            update(&mut app, Event::Snapshot(Arc::clone(&snapshot)));
        }
        update(&mut app, Event::Key(*key));
        terminal.draw(|frame| {
            draw(&app, frame.buffer_mut());
        })?;
        durations.push(began.elapsed());
    }
    Ok(durations)
}

fn report((columns, rows): (u16, u16), mut durations: Vec<Duration>) {
    durations.sort_unstable();
    let at = |of_thousand: usize| durations.get((durations.len() - 1) * of_thousand / 1000).copied();
    let millis = |of_thousand| at(of_thousand).unwrap_or_default().as_secs_f64() * 1e3;
    print!("{:>10} {:>7}", format!("{columns}x{rows}"), durations.len());
    for of_thousand in [500, 990, 999, 1000] {
        print!(" {:>6.2} ms", millis(of_thousand));
    }
    let missed = at(990).is_none_or(|duration| duration >= TARGET);
    println!("  {} {} ms", if missed { "MISSED:" } else { "under" }, TARGET.as_millis());
}
