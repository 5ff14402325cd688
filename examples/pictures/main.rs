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
use kubelift::cli::Cli;
use kubelift::source::Source;
use kubelift::ui::cockpit::colour::Depth;
use kubelift::ui::cockpit::glyphs::{ASCII, UNICODE};
use kubelift::ui::cockpit::theme::{Role, Theme};
use kubelift::ui::cockpit::{Look, render};

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
    for (name, size, theme, keys) in PICTURES {
        let (depth, glyphs) = if *theme == "mono" { (Depth::Off, ASCII) } else { (Depth::True, UNICODE) };
        let look = Look { theme: Theme::load(theme, depth)?, glyphs, depth };
        let ground = look.theme.style(Role::Text);
        let buffer = render(Arc::clone(&snapshot), *size, look, keys, now).map_err(|error| anyhow!(error))?;
        let path = folder.join(format!("{name}.svg"));
        std::fs::write(&path, svg::of(&buffer, ground)).with_context(|| path.display().to_string())?;
        println!("{}", path.display());
    }
    Ok(())
}
