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
use kubelift::actions::plan::{Decisions, Settings};
use kubelift::actions::runner::Upgrade;
use kubelift::cli::Cli;
use kubelift::report;
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

/// The same session as an upgrade in which nothing was begun.
fn upgrading(snapshot: &Snapshot) -> Snapshot {
    let decisions = Decisions { owner: "kubelift jane@desk".into(), ..Decisions::default() };
    let plan = report::plan::of(snapshot, &Settings::default(), &decisions);
    let upgrade = plan.map(|plan| Upgrade {
        plan,
        active: None,
        stopping: false,
        halted: None,
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
    let now = snapshot.evidence.at + SignedDuration::from_secs(4);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    std::fs::create_dir_all(&folder).context("docs/pictures cannot be made")?;
    let upgrade = Arc::new(upgrading(&snapshot));
    let plain = PICTURES.iter().map(|picture| (&snapshot, picture));
    for (snapshot, (name, size, theme, keys)) in
        plain.chain(OF_AN_UPGRADE.iter().map(|picture| (&upgrade, picture)))
    {
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
