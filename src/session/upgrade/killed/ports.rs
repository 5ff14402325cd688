//! The ports with a counter before them: at one call, by its number or by what was done before it, kubelift is killed.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::places::{Places, label};
use crate::actions::drain::requests::Change;
use crate::actions::journal::{Entry, What};
use crate::actions::ports::{Answer, Chance, Changes, Clock, Machines, Output, Store};
use crate::actions::testing::{Counting, Memory};
use crate::session::simulated::Simulated;
use crate::sim::Simulation;
use crate::text::Text;

/// How many simulated seconds go by while kubelift waits one.
const SPEED: u32 = 5;

/// What happened outside of kubelift, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The cluster was looked at; the UIDs of its pods.
    Looked(Arc<[Text]>),
    /// An entry came into the journal.
    Wrote(String),
    /// A request was carried out: with this status.
    Sent(Change, Option<u16>),
    /// A unit was started on a machine.
    Started(String, String, String),
    /// kubelift was killed, at which call, before or behind what it does.
    Killed(&'static str, Blow),
}

/// When within a call kubelift is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blow {
    /// It had no effect.
    Before,
    /// It had its effect, and kubelift does not know.
    Behind,
    /// Half of what was to be written is written.
    Within,
}

/// What outlives kubelift: the cluster, the machines, the disk.
pub(super) struct Outside {
    pub(super) simulation: Simulation,
    pub(super) machines: Simulated,
    pub(super) disk: Memory,
    chance: Counting,
    pub(super) events: Mutex<Vec<Event>>,
    /// Calls so far, of all lives.
    pub(super) calls: AtomicUsize,
    /// Behind which changes kubelift is killed.
    pub(super) places: Mutex<Places>,
}

impl Outside {
    pub(super) fn of(simulation: Simulation, places: Places) -> Self {
        let machines = Simulated(simulation.hosts().clone());
        Self {
            simulation,
            machines,
            disk: Memory::default(),
            chance: Counting::default(),
            events: Mutex::default(),
            calls: AtomicUsize::default(),
            places: Mutex::new(places),
        }
    }

    pub(super) fn note(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    /// The journal, entry by entry, but for one that is there in part.
    pub(super) fn journal(&self) -> Vec<Entry> {
        let bytes = self.disk.bytes.lock().unwrap();
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        lines.map(|line| serde_json::from_slice(line.split_at(65).1).unwrap()).collect()
    }

    /// What was last written down.
    fn last(&self) -> Option<What> {
        let bytes = self.disk.bytes.lock().unwrap();
        let line = bytes.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty())?;
        Some(serde_json::from_slice::<Entry>(line.get(65..)?).ok()?.what)
    }
}

/// One life of kubelift, by the ports that it has.
pub(super) struct Life {
    pub(super) outside: Arc<Outside>,
    /// The number of the call at which it ends.
    ends_at: usize,
    blow: Blow,
    dead: AtomicBool,
}

/// Nobody hears this: whoever would is dead.
const DEAD: &str = "killed";

impl Life {
    pub(super) fn new(outside: &Arc<Outside>, ends_at: usize, blow: Blow) -> Arc<Self> {
        outside.places.lock().unwrap().begin();
        Arc::new(Self { outside: Arc::clone(outside), ends_at, blow, dead: AtomicBool::default() })
    }

    pub(super) fn is_over(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Counts a call; whether it takes place, and whether anybody lives to see what comes of it.
    fn call(&self, name: &'static str) -> (bool, bool) {
        if self.is_over() {
            return (false, false);
        }
        if self.outside.calls.fetch_add(1, Ordering::SeqCst) != self.ends_at {
            return (true, true);
        }
        self.dead.store(true, Ordering::SeqCst);
        self.outside.note(Event::Killed(name, self.blow));
        (self.blow == Blow::Behind, false)
    }

    /// The same of a call that changes something outside of kubelift, which `what` says.
    fn change(&self, name: &'static str, what: impl FnOnce() -> String) -> (bool, bool) {
        let comes = self.call(name);
        if comes == (true, true) && self.outside.places.lock().unwrap().ends_before(what) {
            self.dead.store(true, Ordering::SeqCst);
            self.outside.note(Event::Killed(name, Blow::Within));
            return (false, false);
        }
        comes
    }
}

impl Store for Life {
    fn read(&self) -> io::Result<Vec<u8>> {
        let (_, lives) = self.call("read");
        if lives { self.outside.disk.read() } else { Err(io::Error::other(DEAD)) }
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let was_over = self.is_over();
        let entry = bytes.split_at(65).1.trim_ascii_end();
        let (happens, lives) = self.change("append", || label(&serde_json::from_slice(entry).unwrap()));
        if happens {
            self.outside.disk.append(bytes)?;
            self.outside.note(Event::Wrote(String::from_utf8(entry.to_vec()).unwrap()));
        } else if !was_over && (self.blow == Blow::Within || self.ends_at == usize::MAX) {
            self.outside.disk.append(bytes.split_at(bytes.len() / 2).0)?;
        }
        if lives { Ok(()) } else { Err(io::Error::other(DEAD)) }
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        let (happens, lives) = self.change("cut", || "cut".to_owned());
        if happens {
            self.outside.disk.cut(length)?;
        }
        if lives { Ok(()) } else { Err(io::Error::other(DEAD)) }
    }
}

impl Clock for Life {
    fn now(&self) -> Timestamp {
        self.call("now");
        self.outside.machines.now()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let (happens, _) = self.change("sleep", || "slept".to_owned());
        let outside = Arc::clone(&self.outside);
        Box::pin(async move {
            if happens {
                outside.simulation.pass(time * SPEED).await;
            }
        })
    }
}

impl Chance for Life {
    fn nonce(&self) -> Text {
        self.call("nonce");
        self.outside.chance.nonce()
    }
}

impl Machines for Life {
    fn start<'a>(&'a self, node: &'a str, unit: &'a str, line: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let (happens, lives) = self.change("start", || "it was started".to_owned());
            let mut answer = Err(DEAD.to_owned());
            if happens {
                let meant = self.outside.last();
                assert!(
                    matches!(&meant, Some(What::Started { unit: u, command, .. }) if u == unit && command == line),
                    "{unit} {line}: {meant:?}"
                );
                answer = self.outside.machines.start(node, unit, line).await;
                self.outside.note(Event::Started(node.to_owned(), unit.to_owned(), line.to_owned()));
            }
            if lives { answer } else { Err(DEAD.to_owned()) }
        })
    }

    fn output<'a>(
        &'a self,
        node: &'a str,
        unit: &'a str,
        from: usize,
    ) -> BoxFuture<'a, Result<Output, String>> {
        Box::pin(async move {
            let (_, lives) = self.call("output");
            if lives { self.outside.machines.output(node, unit, from).await } else { Err(DEAD.to_owned()) }
        })
    }
}

/// Requests that change the cluster, by kubelift's own client.
pub(super) struct Sending {
    pub(super) life: Arc<Life>,
    pub(super) changer: Arc<dyn Changes>,
}

impl Changes for Sending {
    fn send<'a>(&'a self, change: &'a Change) -> BoxFuture<'a, Result<Answer, String>> {
        Box::pin(async move {
            let (happens, lives) = self.life.change("send", || "it was sent".to_owned());
            let mut answer = Err(DEAD.to_owned());
            if happens {
                let meant = self.life.outside.last();
                assert!(
                    matches!(&meant, Some(What::Requested { request, .. }) if *request == change.to_string()),
                    "{change}: {meant:?}"
                );
                answer = self.changer.send(change).await;
                let status = answer.as_ref().ok().map(|answer| answer.status);
                self.life.outside.note(Event::Sent(change.clone(), status));
            }
            if lives { answer } else { Err(DEAD.to_owned()) }
        })
    }
}

/// What the probes of machines are to return.
pub(super) type Nonces = BTreeMap<Text, Text>;
