//! What happens by itself in the simulated cluster, in the order of simulated time.
//!
//! Everything that takes time there is a task whose only waits are for the simulation's clock. Tasks run one at a time,
//! each at the very moment that it waited for, however late it is looked at: so the same seed gives the same course, at
//! any speed, and no test has to wait.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::clock::{self, Clock};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tasks by the moment that they wait for; those of one moment in the order in which they came.
#[derive(Default)]
struct Waiting {
    tasks: BTreeMap<(Timestamp, u64), Task>,
    count: u64,
    over: bool,
}

impl Waiting {
    fn add(&mut self, at: Timestamp, task: Task) {
        if !self.over {
            self.count += 1;
            self.tasks.insert((at, self.count), task);
        }
    }
}

/// The order of events.
pub(crate) struct Timeline {
    clock: Clock,
    /// How far everything has come.
    now: Mutex<Timestamp>,
    /// Held while a task runs: one at a time.
    running: Mutex<()>,
    waiting: Mutex<Waiting>,
    /// What the running task waits for next.
    next: Mutex<Option<Timestamp>>,
    changed: Notify,
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline").field("clock", &self.clock).finish_non_exhaustive()
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Timeline {
    /// A timeline on which nothing happens yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            now: Mutex::new(clock.now()),
            clock,
            running: Mutex::default(),
            waiting: Mutex::default(),
            next: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// What time it is to what happens now.
    pub(crate) fn now(&self) -> Timestamp {
        *held(&self.now)
    }

    /// The clock behind it.
    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Begins a task, so long from now.
    pub(crate) fn begin(&self, after: Duration, task: impl Future<Output = ()> + Send + 'static) {
        held(&self.waiting).add(clock::later(self.now(), after), Box::pin(task));
        self.changed.notify_one();
    }

    /// Waits, within a task.
    pub(crate) fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Sleep { timeline: self, until: clock::later(self.now(), duration) }
    }

    /// Lets everything happen that is due by now.
    pub(crate) fn advance(&self) {
        let _one_at_a_time = held(&self.running);
        let until = self.clock.now();
        while let Some((due, mut task)) = self.due(until) {
            self.set_now(due);
            *held(&self.next) = None;
            if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
                && let Some(next) = held(&self.next).take()
            {
                held(&self.waiting).add(next, task);
            }
        }
        self.set_now(until);
    }

    fn due(&self, until: Timestamp) -> Option<(Timestamp, Task)> {
        let mut waiting = held(&self.waiting);
        let first = waiting.tasks.first_entry().filter(|entry| entry.key().0 <= until)?;
        let ((due, _), task) = first.remove_entry();
        Some((due, task))
    }

    fn set_now(&self, time: Timestamp) {
        let mut now = held(&self.now);
        *now = time.max(*now);
    }

    /// Ends everything: tasks hold what they work on.
    pub(crate) fn end(&self) {
        let tasks = {
            let mut waiting = held(&self.waiting);
            waiting.over = true;
            std::mem::take(&mut waiting.tasks)
        };
        drop(tasks);
    }

    /// Advances with the clock until the set is dropped.
    pub(crate) fn drive(timeline: Arc<Self>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                timeline.advance();
                let next = held(&timeline.waiting).tasks.first_key_value().map(|(key, _)| key.0);
                match next.and_then(|next| timeline.clock.until(next)) {
                    Some(wait) => {
                        tokio::select! {
                            () = tokio::time::sleep(wait) => {}
                            () = timeline.changed.notified() => {}
                        }
                    }
                    None => timeline.changed.notified().await,
                }
            }
        });
        tasks
    }
}

/// See [`Timeline::sleep`].
pub(crate) struct Sleep<'t> {
    timeline: &'t Timeline,
    until: Timestamp,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.timeline.now() >= self.until {
            return Poll::Ready(());
        }
        *held(&self.timeline.next) = Some(self.until);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_happens_in_the_order_of_its_time_however_late_one_looks() {
        for steps in [vec![10_000], vec![1_000; 10], vec![1; 10_000]] {
            let begin: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
            let timeline = Arc::new(Timeline::new(Clock::new(begin, 0.0)));
            let told: Arc<Mutex<Vec<String>>> = Arc::default();
            for (name, pause) in [("a", 2_000), ("b", 3_000)] {
                let (line, told) = (timeline.clone(), told.clone());
                timeline.begin(Duration::from_millis(500), async move {
                    for _ in 0..3 {
                        line.sleep(Duration::from_millis(pause)).await;
                        let passed = line.now().duration_since(begin).as_millis();
                        held(&told).push(format!("{name}{passed}"));
                    }
                });
            }
            for step in steps {
                timeline.clock().push(Duration::from_millis(step));
                timeline.advance();
            }
            assert_eq!(*held(&told), ["a2500", "b3500", "a4500", "b6500", "a6500", "b9500"]);
        }
    }

    #[test]
    fn what_has_ended_holds_nothing() {
        let timeline = Arc::new(Timeline::new(Clock::new(Timestamp::UNIX_EPOCH, 0.0)));
        let inside = timeline.clone();
        timeline.begin(Duration::ZERO, async move { inside.sleep(Duration::from_secs(1)).await });
        timeline.advance();
        assert_eq!(Arc::strong_count(&timeline), 2);
        timeline.end();
        timeline.begin(Duration::ZERO, async {});
        assert_eq!((Arc::strong_count(&timeline), held(&timeline.waiting).tasks.len()), (1, 0));
    }
}
