//! A session that can change things: an inspection of the cluster with a runner beside it.
//!
//! What is read comes from the session below, as it is. This one adds the upgrade to each snapshot, hands orders to
//! the runner, and does what it gives out. Until the cluster is known the journal cannot be, and nothing is changed.

mod aim;
#[cfg(test)]
mod killed;
mod record;
#[cfg(test)]
mod tests;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};

use record::{Recording, happened};
pub use world::{SystemChance, SystemClock, owner};

use super::recording::Stopwatch;
use super::{Handle, Log, Request, Snapshot};
use crate::actions::journal::{Entry, Folder, Journal, Permit, What, state_folder};
use crate::actions::plan::Settings;
use crate::actions::ports::{Chance, Changes, Clock, Machines, Store};
use crate::actions::runner::{Outcome, Refusal, Runner, perform};
use crate::checks::Target;
use crate::cluster::changes::Changer;
use crate::cluster::client::Connection;
use crate::evidence::{Evidence, Progress, Reason};
use crate::text::Text;
use crate::version::Version;

/// How often the end of a step is usually looked for, where nothing else wakes the session.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What an upgrade is carried out by.
pub struct Means {
    /// The cluster.
    pub connection: Connection,
    /// Machines that run commands, where there are such.
    pub machines: Option<Arc<dyn Machines>>,
    /// How it is done.
    pub settings: Settings,
    /// Where journals are kept; on this machine's usual place otherwise.
    pub state: Option<PathBuf>,
    /// The mark of this upgrade's cordons.
    pub owner: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The time of the recording.
    pub stopwatch: Arc<dyn Stopwatch>,
    /// Randomness.
    pub chance: Arc<dyn Chance>,
    /// How often the end of a step is looked for: [`LOOK_EVERY`], or sooner where simulated time runs.
    pub look_every: Duration,
}

/// Puts a runner beside the session `below`.
pub fn guide(below: Handle, means: Means) -> (Handle, Guiding) {
    let (guide, handle, asked) = Guide::beside(below, means);
    (handle, Guiding(tokio::spawn(guide.run(asked))))
}

/// A runner at work, until nobody holds its session any more.
#[derive(Debug)]
pub struct Guiding(JoinHandle<Option<Places>>);

/// Where an upgrade was written down.
#[derive(Debug, Clone)]
pub struct Places {
    /// The folder of the journal.
    pub journal: PathBuf,
    /// The recording.
    pub recording: PathBuf,
    /// Whether any step was begun.
    pub begun: bool,
}

impl Guiding {
    /// Waits until journal and recording are closed, and says where they are; nothing where nothing could be changed.
    pub async fn ended(self) -> Option<Places> {
        self.0.await.ok().flatten()
    }
}

/// Whether there is a runner.
enum Guided {
    /// Not yet, or not at all: why.
    No(String),
    /// There is one, the client that it changes things by, and the recording.
    Yes(Box<Runner>, Arc<dyn Changes>, Recording),
}

struct Guide {
    means: Means,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    below: mpsc::Sender<Request>,
    publish: watch::Sender<Arc<Snapshot>>,
    guided: Guided,
    /// The entries of the journal that are in the recording, copied when there are new ones only.
    journal: Arc<[Entry]>,
    /// The end of the hop: what was judged for another target is not planned by.
    aim: Option<Version>,
    /// The same as the log has them.
    happened: Log,
}

impl Guide {
    /// One that is not at work yet, the session that it makes, and what is asked of it.
    fn beside(below: Handle, means: Means) -> (Self, Handle, mpsc::Receiver<Request>) {
        let Handle { snapshots, requests, terminal } = below;
        let (publish, published) = watch::channel(Arc::clone(&snapshots.borrow()));
        let (orders, asked) = mpsc::channel(8);
        let guide = Self {
            means,
            snapshots,
            below: requests,
            publish,
            guided: Guided::No(String::new()),
            journal: Arc::from([]),
            aim: None,
            happened: Log::default(),
        };
        (guide, Handle { snapshots: published, requests: orders, terminal }, asked)
    }

    async fn run(mut self, mut asked: mpsc::Receiver<Request>) -> Option<Places> {
        self.guide(&mut asked).await;
        let Guided::Yes(runner, _, recording) = self.guided else { return None };
        let begun = runner.journal().entries().iter().any(|entry| matches!(entry.what, What::Began { .. }));
        let places =
            Places { journal: PathBuf::from(runner.place()), recording: recording.path().to_owned(), begun };
        recording.close().await;
        Some(places)
    }

    async fn guide(&mut self, asked: &mut mpsc::Receiver<Request>) {
        let mut tasks: JoinSet<Outcome> = JoinSet::new();
        let mut look = tokio::time::interval(self.means.look_every);
        self.take().await;
        loop {
            self.go_on(&mut tasks);
            if !self.show() {
                return;
            }
            tokio::select! {
                changed = self.snapshots.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.take().await;
                }
                request = asked.recv() => match request {
                    None => return,
                    Some(request) => self.ask(request).await,
                },
                Some(done) = tasks.join_next() => self.done(done),
                _ = look.tick() => self.look().await,
                () = self.publish.closed() => return,
            }
        }
    }

    /// Takes the newest snapshot from below; opens the journal with the first that knows enough.
    async fn take(&mut self) {
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        let Some(target) = snapshot.target.clone() else { return };
        if let Guided::No(_) = self.guided
            && is_known(&snapshot.evidence)
        {
            self.guided = match self.open(&snapshot, &target).await {
                Ok(guided) => guided,
                Err(why) => Guided::No(why),
            };
        }
        if let Guided::Yes(runner, ..) = &mut self.guided
            && self.aim.as_ref() == Some(&target.to)
        {
            runner.observe(Arc::clone(&snapshot.evidence), &target, Arc::clone(&snapshot.findings));
        }
    }

    async fn open(&mut self, snapshot: &Snapshot, target: &Target) -> Result<Guided, String> {
        let uid = identity(&snapshot.evidence)?;
        let state =
            self.means.state.clone().map_or_else(state_folder, Ok).map_err(|error| error.to_string())?;
        let folder = Folder::open(&state, uid).map_err(|error| error.to_string())?;
        let folder_path = folder.path().to_owned();
        let place = folder_path.display().to_string();
        let store: Arc<dyn Store> = Arc::new(folder);
        let journal = Journal::open(store, Arc::clone(&self.means.clock), &self.means.owner)
            .map_err(|error| error.to_string())?;
        let changer = self.changer(&journal.permit()).await?;
        let to = aim::aim(&journal, &snapshot.evidence, target);
        let target = &Target { to: to.clone(), ..target.clone() };
        let recording = Recording::begin(&folder_path, snapshot, Arc::clone(&self.means.stopwatch))
            .map_err(|error| error.to_string())?;
        let means = &self.means;
        let ports = (Arc::clone(&means.clock), Arc::clone(&means.chance));
        let machines = means.machines.is_some();
        let mut runner = Runner::open(journal, &place, target, means.settings.clone(), machines, ports)
            .map_err(|error| error.to_string())?;
        runner.recorded_in(&recording.path().display().to_string());
        // From here on it does not move when the cluster does.
        drop(self.below.send(Request::Target(Some(to.clone()))).await);
        self.aim = Some(to);
        Ok(Guided::Yes(Box::new(runner), changer, recording))
    }

    async fn changer(&self, permit: &Permit) -> Result<Arc<dyn Changes>, String> {
        let changer = Changer::new(&self.means.connection, permit).await;
        Ok(Arc::new(changer.map_err(|error| error.to_string())?))
    }

    /// Nothing is changed unrecorded.
    fn heed_recording(&mut self) {
        if let Guided::Yes(runner, _, recording) = &mut self.guided
            && let Some(why) = recording.broken()
        {
            runner.halt(&format!("the recording cannot be written: {why}. Nothing is changed unrecorded"));
        }
    }

    async fn ask(&mut self, request: Request) {
        self.heed_recording();
        match request {
            Request::Order(order, reply) => {
                let answer = match &mut self.guided {
                    Guided::Yes(runner, ..) => runner.order(order),
                    Guided::No(why) if why.is_empty() => {
                        Err(Refusal::NotNow("the cluster is still being read".to_owned()))
                    }
                    Guided::No(why) => Err(Refusal::Halted(why.clone())),
                };
                // Whoever asks next does so of what came of it.
                self.show();
                // Whoever asked may have left.
                drop(reply.send(answer));
            }
            // The target of an upgrade is that of its journal; until there is one, it is that of what is read.
            Request::Target(_) if matches!(self.guided, Guided::Yes(..)) => {}
            other => drop(self.below.send(other).await),
        }
    }

    /// Gives out what is to be done next.
    fn go_on(&mut self, tasks: &mut JoinSet<Outcome>) {
        self.heed_recording();
        let Guided::Yes(runner, changes, _) = &mut self.guided else { return };
        if tasks.is_empty()
            && let Some(effect) = runner.next_effect()
        {
            let (clock, changes) = (Arc::clone(&self.means.clock), Arc::clone(changes));
            let machines = self.means.machines.clone();
            tasks.spawn(async move { perform(effect, &*clock, &*changes, machines.as_deref()).await });
        }
    }

    /// Takes what came of an effect. One that ended without an outcome may have changed something: nothing follows it.
    fn done(&mut self, done: Result<Outcome, JoinError>) {
        let Guided::Yes(runner, ..) = &mut self.guided else { return };
        match done {
            Ok(outcome) => runner.outcome(outcome),
            Err(error) => runner.halt(&format!("what was under way failed, which is a bug: {error}")),
        }
    }

    /// Looks for the end of a step: a fresh probe is asked for while one is needed, and with it what nobody watches.
    async fn look(&mut self) {
        let Guided::Yes(runner, ..) = &mut self.guided else { return };
        runner.look_again();
        if let Some((node, nonce)) = runner.wants_probe() {
            let request = Request::Probe { node: node.clone(), nonce: nonce.clone() };
            // A session below that is busy is asked again when it is looked for next.
            drop(self.below.try_send(request));
        }
    }

    /// Publishes the newest snapshot with the upgrade in it, and records it; whether somebody looks.
    fn show(&mut self) -> bool {
        let mut snapshot = Snapshot::clone(&self.snapshots.borrow());
        match &self.guided {
            Guided::Yes(runner, _, recording) => {
                snapshot.upgrade = runner.view().map(Arc::new);
                let entries = runner.journal().entries();
                if let Some(new) = entries.get(self.journal.len()..).filter(|new| !new.is_empty()) {
                    new.iter().for_each(|entry| recording.entry(entry));
                    self.journal = entries.into();
                    let old = self.happened.iter().cloned();
                    self.happened = old.chain(happened(self.happened.len(), new)).collect();
                }
                snapshot.journal = Arc::clone(&self.journal);
                snapshot.happened = self.happened.clone();
            }
            Guided::No(why) => snapshot.no_upgrade = Some(why.clone()).filter(|why| !why.is_empty()),
        }
        let snapshot = Arc::new(snapshot);
        if let Guided::Yes(_, _, recording) = &self.guided {
            recording.state(&snapshot);
        }
        self.publish.send(snapshot).is_ok()
    }
}

/// What the cluster is told from others by, or why that is not known.
fn identity(evidence: &Evidence) -> Result<&Text, String> {
    evidence.cluster.uid.as_ref().ok_or_else(|| {
        let why = evidence.uid_unread.as_ref().map(|unread| format!(": {unread}")).unwrap_or_default();
        format!("the namespace kube-system could not be read, whose UID is the cluster's identity{why}")
    })
}

/// Whether enough is known for a plan: a list that is still coming would look like a smaller cluster.
fn is_known(evidence: &Evidence) -> bool {
    let objects = &evidence.objects;
    let read = |progress| progress == Progress::Done;
    let over = |unread: &[crate::evidence::Unread]| !unread.is_empty();
    (read(objects.nodes.progress) || over(&objects.nodes.unread))
        && (read(objects.pods.progress) || over(&objects.pods.unread))
        && (read(objects.pod_disruption_budgets.progress) || over(&objects.pod_disruption_budgets.unread))
        && evidence.servers.listed
        // Without it there is no journal, and that is said.
        && (evidence.cluster.uid.is_some() || evidence.uid_unread.is_some())
        && !evidence.unread().iter().any(|unread| unread.reason == Reason::Pending && unread.verb == "probe")
}
