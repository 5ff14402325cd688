//! A real cluster of three control planes behind a balancer and two workers, upgraded whole by an operator's hands, while
//! somebody looks at every API server and every member of etcd all the time: never may two be away at once.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]

#[path = "support/audit.rs"]
mod audit;
#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/hands.rs"]
mod hands;
#[path = "support/panes/mod.rs"]
mod panes;
#[path = "support/sentry.rs"]
mod sentry;

use anyhow::{Context, Result, ensure};
use cluster::Cluster;
use hands::{Desk, Session, texts};
use panes::Machines;
use sentry::Sentry;
use serde_json::Value;

const FROM: &str = "1.30.14";
const TARGET: &str = "1.31.14";
const MACHINES: Machines =
    Machines { control_planes: &["cp1", "cp2", "cp3"], workers: &["worker1", "worker2"] };

#[test]
#[ignore = "lab, cluster"]
fn three_control_planes_are_upgraded_and_never_are_two_away() -> Result<()> {
    let cluster = Cluster::up(3, 2)?;
    cluster.offer(TARGET)?;
    let desk = Desk::new(&cluster, TARGET)?;
    let report = desk.check()?;
    assert_eq!((&report["from"], &report["target"]), (&FROM.into(), &TARGET.into()));
    panes::agree(&cluster, &report, &MACHINES)?;

    let sentry = Sentry::post(&cluster, "worker1", MACHINES.control_planes)?;
    let mut session = desk.upgrade()?;
    let plan = desk.plan()?;
    let phases = plan["phases"].as_array().context("phases")?;
    for step in phases.iter().flat_map(|phase| phase["steps"].as_array().into_iter().flatten()) {
        carry_out(&desk, &mut session, step)?;
    }
    session.until(&format!("finished: every step to {TARGET} is over"))?;
    session.quit()?;
    let seen = sentry.relieve()?;
    eprintln!("{seen}");
    ensure!(seen.looks > 100 && seen.restarts() >= 12, "it looked, and each went away in its turn: {seen}");
    ensure!(seen.together.is_empty(), "two were away at once: {:#?}", seen.together);
    ensure!(seen.longest_without < 10.0, "the API was away as a whole: {seen}");

    desk.probe()?;
    let report = desk.check()?;
    assert_eq!((&report["from"], &report["target"]), (&TARGET.into(), &TARGET.into()));
    panes::agree(&cluster, &report, &MACHINES)?;
    the_journal_holds_every_write(&desk)
}

/// A step as its kind wants it.
fn carry_out(desk: &Desk, session: &mut Session, step: &Value) -> Result<()> {
    let id = step["id"].as_str().context("an id")?;
    match step["kind"].as_str().context("a kind")? {
        // Seen by itself.
        "manual" if !texts(&step["commands"]).is_empty() => Ok(()),
        "manual" => {
            session.confirm(desk, id)?;
            session.say(&format!("done {id}"))?;
            session.until_over(id, "said and not seen")
        }
        "pull" => {
            let (work, _) = session.confirm(desk, id)?;
            // Without a registry the images are brought, the workers' with the first.
            let import =
                format!("for image in /srv/images/{TARGET}/*; do ctr -n k8s.io images import $image; done");
            desk.cluster.ssh(&work.node, &import)?;
            if work.node == MACHINES.control_planes[0] {
                for worker in MACHINES.workers {
                    desk.cluster.ssh(worker, &import)?;
                }
            }
            session.done(desk, &work)
        }
        "drain" | "uncordon" => session.by_itself(desk, id),
        _ => session.by_hand(desk, id),
    }
}

/// The audit logs of all three API servers have no write by kubelift's user but those that the journal meant before.
fn the_journal_holds_every_write(desk: &Desk) -> Result<()> {
    let meant = audit::meant(&desk.journal()?)?;
    let mut written = Vec::new();
    for node in MACHINES.control_planes {
        written.extend(audit::writes(desk.cluster, node, hands::USER)?);
    }
    written.sort();
    ensure!(written.len() >= 10, "five cordons and their ends: {written:#?}");
    audit::compare(&written, &meant)?;
    eprintln!("{} writes, {} intents", written.len(), meant.len());
    Ok(())
}
