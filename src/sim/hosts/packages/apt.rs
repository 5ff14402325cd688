//! apt-get and apt-mark, in the words of apt 2.6.

use std::time::Duration;

use serde_json::json;

use super::{PACKAGES, holds, newest};
use crate::sim::hosts::machine::Machine;
use crate::sim::hosts::run::Run;
use crate::version::Version;

/// The part of a package's version that is the packager's own.
const REVISION: &str = "-1.1";

/// What `apt-get install` is told.
#[derive(Debug, Default)]
struct Install {
    yes: bool,
    downgrades: bool,
    held: bool,
    /// Name, and the exact version if one is asked for.
    packages: Vec<(String, Option<String>)>,
}

/// One package that changes.
#[derive(Debug)]
struct Change {
    name: String,
    from: String,
    to: String,
    downgrade: bool,
    held: bool,
}

/// `apt-get`
pub(in crate::sim::hosts) async fn apt_get(run: &Run, arguments: &[&str]) -> i32 {
    let mut told = Install::default();
    let mut verb = None;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "-y" | "--yes" | "--assume-yes" | "-qy" | "-yq" => told.yes = true,
            "-q" | "-qq" | "--no-install-recommends" | "--quiet" => {}
            "-o" => drop(words.next()),
            "--allow-downgrades" => told.downgrades = true,
            "--allow-change-held-packages" => told.held = true,
            option if option.starts_with('-') => {
                run.say(format!(
                    "E: Command line option '{}' is not understood in combination with the other options",
                    option
                ));
                return 100;
            }
            word if verb.is_none() => verb = Some(word),
            package => {
                let (name, version) =
                    package.split_once('=').map_or((package, None), |(n, v)| (n, Some(v.to_owned())));
                told.packages.push((name.to_owned(), version));
            }
        }
    }
    match verb {
        Some("update") => update(run).await,
        Some("install") => install(run, &told).await,
        other => {
            run.say(format!("E: Invalid operation {}", other.unwrap_or_default()));
            100
        }
    }
}

async fn update(run: &Run) -> i32 {
    let (uri, minor) =
        run.on(|machine| (machine.text("/packages/repositories/0/uri").to_owned(), machine.listed()));
    run.say("Hit:1 http://deb.debian.org/debian bookworm InRelease");
    run.takes(1.5).await;
    if newest(minor).is_none() {
        run.say(format!("Err:2 {uri}  Release"));
        run.say("  404  Not Found");
        run.say("Reading package lists...");
        run.say(format!("E: The repository '{uri}  Release' does not have a Release file."));
        return 100;
    }
    run.say(format!("Get:2 {uri}  InRelease [1186 B]"));
    run.say(format!("Get:3 {uri}  Packages [14.9 kB]"));
    run.takes(2.0).await;
    run.say("Fetched 16.1 kB in 2s (8054 B/s)");
    run.say("Reading package lists...");
    run.on(|machine| machine.indexed = minor);
    0
}

async fn install(run: &Run, told: &Install) -> i32 {
    if let Some((pid, program)) = run.on(|machine| machine.dpkg.clone()).or_else(|| locked_by_other(run)) {
        run.say(format!(
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process {pid} ({program})"
        ));
        run.say("N: Be aware that removing the lock file is not a solution and may break your system.");
        run.say("E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?");
        return 100;
    }
    run.say("Reading package lists...");
    run.say("Building dependency tree...");
    run.say("Reading state information...");
    let changes = match run.attempt(|machine| plan(machine, told)) {
        Ok(changes) => changes,
        Err(message) => {
            run.say(message);
            return 100;
        }
    };
    if let Some(exit) = consent(run, told, &changes) {
        return exit;
    }
    run.on(|machine| machine.dpkg = Some((4711, "apt-get".to_owned())));
    run.takes(2.0).await;
    for (index, change) in changes.iter().enumerate() {
        run.say(format!(
            "Get:{} {}  {} {} [11.4 MB]",
            index + 1,
            run.on(|m| m.text("/packages/repositories/0/uri").to_owned()),
            change.name,
            change.to
        ));
    }
    run.takes(3.0).await;
    for Change { name, from, to, .. } in &changes {
        run.say(format!("Preparing to unpack .../{name}_{to}_amd64.deb ..."));
        run.say(format!("Unpacking {name} ({to}) over ({from}) ..."));
        run.takes(1.0).await;
        run.on(|machine| machine.unpacked(name, to));
    }
    for Change { name, to, .. } in &changes {
        run.say(format!("Setting up {name} ({to}) ..."));
    }
    run.takes(0.5).await;
    run.on(|machine| machine.dpkg = None);
    0
}

/// The scenario may have another process hold the lock, from the first time that somebody else wants it.
fn locked_by_other(run: &Run) -> Option<(u32, String)> {
    let lock = run.on(|machine| machine.trouble.dpkg_lock.take())?;
    let holder = (lock.pid, lock.program.clone());
    run.on(|machine| machine.dpkg = Some(holder.clone()));
    let ends = run.clone();
    run.cluster.timeline.begin(Duration::from_secs(lock.seconds), async move {
        ends.on(|machine| machine.dpkg = None);
    });
    Some(holder)
}

/// What would change, or why nothing can.
fn plan(machine: &Machine, told: &Install) -> Result<Vec<Change>, String> {
    let mut changes = Vec::new();
    for (name, version) in &told.packages {
        let Some((from, held)) = machine.package(name).filter(|_| PACKAGES.contains(&name.as_str())) else {
            return Err(format!("E: Unable to locate package {name}"));
        };
        let to = match version {
            // A pattern takes the newest that fits, and there is one a version.
            Some(pattern) if pattern.ends_with("-*") => {
                let parsed = pattern.strip_suffix("-*").and_then(|text| text.parse::<Version>().ok());
                match parsed {
                    Some(version) if holds(machine.indexed, &version) => format!("{version}{REVISION}"),
                    Some(version) if from == format!("{version}{REVISION}") => from.clone(),
                    _ => return Err(format!("E: Version '{pattern}' for '{name}' was not found")),
                }
            }
            Some(version) => {
                let parsed = version.strip_suffix(REVISION).and_then(|text| text.parse::<Version>().ok());
                if !parsed.is_some_and(|parsed| holds(machine.indexed, &parsed)) && *version != from {
                    return Err(format!("E: Version '{version}' for '{name}' was not found"));
                }
                version.clone()
            }
            None => {
                newest(machine.indexed).map_or_else(|| from.clone(), |newest| format!("{newest}{REVISION}"))
            }
        };
        let number = |text: &str| text.split('-').next().and_then(|text| text.parse::<Version>().ok());
        changes.push(Change { name: name.clone(), downgrade: number(&to) < number(&from), from, to, held });
    }
    Ok(changes)
}

/// What is said before anything changes. The exit code, if nothing is to change or may.
fn consent(run: &Run, told: &Install, changes: &[Change]) -> Option<i32> {
    for same in changes.iter().filter(|change| change.from == change.to) {
        run.say(format!("{} is already the newest version ({}).", same.name, same.to));
    }
    let names = |wanted: &dyn Fn(&Change) -> bool| {
        let names: Vec<&str> = changes
            .iter()
            .filter(|change| change.from != change.to && wanted(change))
            .map(|change| change.name.as_str())
            .collect();
        names.join(" ")
    };
    let (held, down, up) =
        (names(&|change| change.held), names(&|change| change.downgrade), names(&|change| !change.downgrade));
    for (head, names) in [
        ("The following held packages will be changed:", &held),
        ("The following packages will be upgraded:", &up),
        ("The following packages will be DOWNGRADED:", &down),
    ] {
        if !names.is_empty() {
            run.say(head);
            run.say(format!("  {names}"));
        }
    }
    let count = |names: &str| names.split_whitespace().count();
    let downgraded = if down.is_empty() { String::new() } else { format!("{} downgraded, ", count(&down)) };
    run.say(format!(
        "{} upgraded, 0 newly installed, {downgraded}0 to remove and 0 not upgraded.",
        count(&up)
    ));
    if up.is_empty() && down.is_empty() {
        return Some(0);
    }
    if !told.yes {
        run.say("Do you want to continue? [Y/n] Abort.");
        return Some(1);
    }
    if !held.is_empty() && !told.held {
        run.say("E: Held packages were changed and -y was used without --allow-change-held-packages.");
        return Some(100);
    }
    if !down.is_empty() && !told.downgrades {
        run.say("E: Packages were downgraded and -y was used without --allow-downgrades.");
        return Some(100);
    }
    None
}

/// `apt-mark`
pub(in crate::sim::hosts) async fn apt_mark(run: &Run, arguments: &[&str]) -> i32 {
    let (hold, packages) = match arguments.split_first() {
        Some((&"hold", packages)) => (true, packages),
        Some((&"unhold", packages)) => (false, packages),
        other => {
            let verb = other.map(|(verb, _)| *verb).unwrap_or_default();
            run.say(format!("E: Invalid operation {verb}"));
            return 100;
        }
    };
    run.takes(0.3).await;
    let mut exit = 0;
    for name in packages {
        match run.on(|machine| machine.package(name)) {
            None => {
                run.say(format!("E: Unable to locate package {name}"));
                exit = 100;
            }
            Some((_, held)) if held == hold => {
                let state = if hold { "was already set on hold" } else { "was already not on hold" };
                run.say(format!("{name} {state}."));
            }
            Some(_) => {
                run.on(|machine| machine.set_package(name, "held", json!(hold)));
                run.say(if hold {
                    format!("{name} set on hold.")
                } else {
                    format!("Canceled hold on {name}.")
                });
            }
        }
    }
    exit
}
