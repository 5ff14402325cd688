//! Draws the pictures of the documentation: the real screens, of the simulated cluster or of what the flags of
//! `kubelift` name, into `docs/pictures/`.
//!
//! ```text
//! cargo run --example pictures
//! cargo run --example pictures -- --recording prod.kubelift
//! ```

mod svg;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use clap::Parser as _;
use jiff::SignedDuration;
use kubelift::actions::journal::{Entry, What};
use kubelift::actions::plan::{Decisions, Settings, StepState};
use kubelift::actions::runner::Upgrade;
use kubelift::catalog::Catalog;
use kubelift::cli::Cli;
use kubelift::evidence::Scope;
use kubelift::report;
use kubelift::session::recording::{Reader, Transport};
use kubelift::session::replay::Replay;
use kubelift::session::{Kind, Snapshot};
use kubelift::source::Source;
use kubelift::ui::cockpit::colour::Depth;
use kubelift::ui::cockpit::glyphs::{ASCII, UNICODE};
use kubelift::ui::cockpit::theme::{Role, Theme};
use kubelift::ui::cockpit::{Look, render};
use kubelift::version::Version;

/// A picture: its name, columns and rows, theme, and the keys that lead to the screen.
const PICTURES: &[(&str, (u16, u16), &str, &str)] = &[
    ("readiness", (120, 40), "dark", "j j j"),
    ("readiness-light", (120, 40), "light", "j j j l"),
    ("pane", (80, 24), "dark", ": o p e n space a p p enter"),
    ("detail", (100, 30), "dark", ": o p e n space a p p enter enter"),
    ("filter", (100, 30), "colour-blind", ": o p e n space a p p enter / p a y m e n t s"),
    ("palette", (80, 24), "dark", ": r e"),
    ("log", (100, 30), "dark", "L"),
    ("small", (40, 12), "dark", ""),
    ("mono", (80, 24), "mono", ""),
];

/// Pictures of an upgrade that is about to begin.
const OF_AN_UPGRADE: &[(&str, (u16, u16), &str, &str)] =
    &[("plan", (120, 40), "dark", "P"), ("confirmation", (80, 24), "dark", "P enter")];

/// Pictures of what ships in `snapshots/`: a step that runs, one that failed, and the replay of that.
const OF_TROUBLE: [(&str, (u16, u16), &str, &str); 3] = [
    ("running", (80, 24), "dark", "P"),
    ("failure", (80, 24), "dark", "P tab"),
    ("replay", (120, 40), "dark", "P"),
];

/// The recording that is drawn.
const TROUBLE: &str = "snapshots/trouble.klrec";

/// The moments of [`OF_TROUBLE`].
async fn moments() -> Result<[Arc<Snapshot>; 3]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TROUBLE);
    let mut replay = Replay::new(Reader::open(&path)?, &path, None, Scope::All, Catalog::get()?);
    let mut player = replay.player();
    let runs = |snapshot: &Snapshot| {
        let active = snapshot.upgrade.as_ref().and_then(|upgrade| upgrade.active.as_ref());
        active.is_some_and(|active| active.step.starts_with("upgrade-apply/") && active.output.len() > 20)
    };
    let failed = |snapshot: &Snapshot| {
        let next = snapshot.upgrade.as_ref().and_then(|upgrade| upgrade.plan.next());
        next.is_some_and(|step| step.state == StepState::Failed)
    };
    let mut moment = async |is: &dyn Fn(&Snapshot) -> bool| -> Result<Snapshot> {
        loop {
            let snapshot = replay.show(&mut player).await?;
            if is(&snapshot) {
                return Ok(snapshot);
            }
            let position = player.position();
            player.take(Transport::StepForward, position).map_err(|why| anyhow!("{TROUBLE}: {why}"))?;
        }
    };
    let live = |snapshot: Snapshot| Snapshot { kind: Kind::Upgrade, playback: None, ..snapshot };
    let running = live(moment(&runs).await?);
    let failed = moment(&failed).await?;
    Ok([Arc::new(running), Arc::new(live(failed.clone())), Arc::new(failed)])
}

/// The same session as an upgrade in which nothing was begun.
fn upgrading(snapshot: &Snapshot) -> Snapshot {
    let decisions = Decisions { owner: "kubelift jane@desk".into(), ..Decisions::default() };
    let plan = report::plan::of(snapshot, &Settings::default(), &decisions);
    let upgrade = plan.map(|plan| Upgrade {
        plan,
        active: None,
        stopping: false,
        halted: None,
        torn: false,
        journal: "/var/lib/kubelift/journal".into(),
        recording: "/var/lib/kubelift/recording.klrec".into(),
        began: snapshot.evidence.at,
        ended: None,
        at: snapshot.evidence.at,
        last: None,
    });
    let opened = Entry {
        at: snapshot.evidence.at - SignedDuration::from_mins(4),
        what: What::Opened {
            kubelift: env!("CARGO_PKG_VERSION").into(),
            owner: decisions.owner.clone(),
            from: None,
            target: upgrade
                .as_ref()
                .map_or_else(|| Version::new(1, 31, 0), |upgrade| upgrade.plan.target.clone()),
            settings: Settings::default(),
        },
    };
    let journal = Arc::from([opened]);
    Snapshot { kind: Kind::Upgrade, upgrade: upgrade.map(Arc::new), journal, ..snapshot.clone() }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut cli = Cli::parse();
    if cli.source.recording.is_none() && cli.source.context.is_none() && cli.source.kubeconfig.is_none() {
        cli.source.demo.get_or_insert_with(|| "default".to_owned());
    }
    let snapshot = Arc::new(Source::open(&cli.source, false).await?.once().await);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    std::fs::create_dir_all(&folder).context("docs/pictures cannot be made")?;
    let upgrade = Arc::new(upgrading(&snapshot));
    let moments = moments().await?;
    let plain = PICTURES.iter().map(|picture| (&snapshot, picture));
    let pictures = plain
        .chain(OF_AN_UPGRADE.iter().map(|picture| (&upgrade, picture)))
        .chain(moments.iter().zip(&OF_TROUBLE));
    for (snapshot, (name, size, theme, keys)) in pictures {
        let now = snapshot.evidence.at + SignedDuration::from_secs(4);
        let (depth, glyphs) = if *theme == "mono" { (Depth::Off, ASCII) } else { (Depth::True, UNICODE) };
        let look = Look { theme: Theme::load(theme, depth)?, glyphs, depth };
        let ground = look.theme.style(Role::Text);
        let buffer = render(Arc::clone(snapshot), *size, look, keys, now).map_err(|error| anyhow!(error))?;
        let path = folder.join(format!("{name}.svg"));
        std::fs::write(&path, svg::of(&buffer, ground)).with_context(|| path.display().to_string())?;
        println!("{}", path.display());
    }
    Ok(())
}
