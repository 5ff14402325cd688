//! dnf with its plugin versionlock, in the words of dnf 4.

use serde_json::json;

use super::{PACKAGES, holds, newest};
use crate::sim::hosts::machine::Machine;
use crate::sim::hosts::run::Run;
use crate::version::Version;

/// The part of a package's version that is the packager's own.
const REVISION: &str = "-150500.1.1";

/// `dnf`
pub(in crate::sim::hosts) async fn dnf(run: &Run, arguments: &[&str]) -> i32 {
    let options: Vec<&str> = arguments.iter().copied().filter(|word| word.starts_with('-')).collect();
    let words: Vec<&str> = arguments.iter().copied().filter(|word| !word.starts_with('-')).collect();
    match words.as_slice() {
        ["install" | "upgrade" | "downgrade", packages @ ..] => install(run, &options, packages).await,
        ["versionlock", "add", packages @ ..] => lock(run, packages, true).await,
        ["versionlock", "delete", packages @ ..] => lock(run, packages, false).await,
        ["makecache"] => {
            run.takes(3.0).await;
            run.on(|machine| machine.indexed = machine.listed());
            run.say("Metadata cache created.");
            0
        }
        other => {
            run.say(format!(
                "No such command: {}. Please use /usr/bin/dnf --help",
                other.first().unwrap_or(&"")
            ));
            1
        }
    }
}

async fn install(run: &Run, options: &[&str], packages: &[&str]) -> i32 {
    // The address is new, and what dnf knew of the old one says nothing.
    run.takes(3.0).await;
    run.on(|machine| machine.indexed = machine.listed());
    let excludes_off =
        options.iter().any(|o| matches!(*o, "--disableexcludes=kubernetes" | "--disableexcludes=all"));
    let yes = options.iter().any(|option| matches!(*option, "-y" | "--assumeyes"));
    run.say("Last metadata expiration check: 0:00:01 ago.");
    let mut changes = Vec::new();
    for package in packages {
        match run.attempt(|machine| change(machine, package, excludes_off)) {
            Ok(change) => changes.push(change),
            Err(message) => {
                run.say(message);
                run.say(format!("Error: Unable to find a match: {package}"));
                return 1;
            }
        }
    }
    for (name, from, _) in changes.iter().filter(|(_, from, to)| from == to) {
        run.say(format!("Package {name}-{from}.x86_64 is already installed."));
    }
    changes.retain(|(_, from, to)| from != to);
    run.say("Dependencies resolved.");
    if changes.is_empty() {
        run.say("Nothing to do.");
        run.say("Complete!");
        return 0;
    }
    let number = |text: &str| text.split('-').next().and_then(|text| text.parse::<Version>().ok());
    let back = changes.iter().any(|(_, from, to)| number(to) < number(from));
    run.say(if back { "Downgrading:" } else { "Upgrading:" });
    for (name, _, to) in &changes {
        run.say(format!(" {name}   x86_64   {to}   kubernetes   12 M"));
    }
    if !yes {
        run.say("Is this ok [y/N]: Operation aborted.");
        return 1;
    }
    run.say("Downloading Packages:");
    run.takes(3.0).await;
    run.say("Running transaction");
    for (name, _, to) in &changes {
        run.takes(1.5).await;
        let doing = if back { "Downgrading" } else { "Upgrading" };
        run.say(format!("  {doing:<17}: {name}-{to}.x86_64"));
        run.on(|machine| machine.unpacked(name, to));
    }
    run.say(if back { "Downgraded:" } else { "Upgraded:" });
    for (name, _, to) in &changes {
        run.say(format!("  {name}-{to}.x86_64"));
    }
    run.say("Complete!");
    0
}

/// What a package would change from and to, or why dnf finds none.
fn change(machine: &Machine, package: &str, excludes_off: bool) -> Result<(String, String, String), String> {
    let (name, wanted) =
        package.split_once('-').map_or((package, None), |(name, version)| (name, Some(version)));
    let none = || format!("No match for argument: {package}");
    let (from, locked) = machine.package(name).filter(|_| PACKAGES.contains(&name)).ok_or_else(none)?;
    let version = match wanted {
        Some(wanted) => {
            wanted.strip_suffix(REVISION).unwrap_or(wanted).parse::<Version>().map_err(|_| none())?
        }
        None => newest(machine.indexed).ok_or_else(none)?,
    };
    let to = format!("{version}{REVISION}");
    if to == from {
        return Ok((name.to_owned(), from, to));
    }
    if !holds(machine.indexed, &version) {
        return Err(none());
    }
    if locked || !excludes_off {
        return Err(format!("All matches were filtered out by exclude filtering for argument: {package}"));
    }
    Ok((name.to_owned(), from, to))
}

async fn lock(run: &Run, packages: &[&str], lock: bool) -> i32 {
    run.takes(1.0).await;
    run.say("Last metadata expiration check: 0:00:01 ago.");
    for name in packages {
        let Some((version, locked)) = run.on(|machine| machine.package(name)) else {
            run.say(format!("No package found for: {name}"));
            return 1;
        };
        if locked == lock {
            continue;
        }
        run.on(|machine| machine.set_package(name, "held", json!(lock)));
        let what = if lock { "Adding versionlock on" } else { "Deleting versionlock for" };
        run.say(format!("{what}: {name}-0:{version}.*"));
    }
    0
}
