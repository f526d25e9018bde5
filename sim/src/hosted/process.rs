//! What an async program is given: its name, its time, its clients.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use broker_model::types::{Duration, Instant};

use super::answer::{Pending, question};
use super::board::{Call, Life};
use super::consumer::AsyncConsumer;
use super::gauge::Counted;
use super::producer::AsyncProducer;
use crate::prng::Stream;
use crate::world::LoadWindow;

/// Facts of an instance that do not change while it runs.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) service: String,
    pub(super) number: u32,
    pub(super) instances: u32,
    pub(super) start: u32,
    pub(super) seed: u64,
    pub(super) produces: bool,
    pub(super) consumes: bool,
}

/// One run of a program, from the start of its process to its end.
///
/// A clone is another handle to the same process.
#[derive(Clone)]
pub struct Process {
    life: Arc<Life>,
    facts: Arc<Facts>,
}

impl Process {
    pub(super) fn new(life: Arc<Life>, facts: Facts) -> Self {
        Self { life, facts: Arc::new(facts) }
    }

    pub(super) const fn life(&self) -> &Arc<Life> {
        &self.life
    }

    /// The service's name in the scenario.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.facts.service
    }

    /// The instance's number in its service, from 0.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.facts.number
    }

    /// How many instances the service has.
    #[must_use]
    pub fn instances(&self) -> u32 {
        self.facts.instances
    }

    /// How often the process has been started, 1 in its first life.
    #[must_use]
    pub fn start(&self) -> u32 {
        self.facts.start
    }

    /// The world's time. It stands still while async code runs.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.life.board.now()
    }

    /// Waits until the world's time has come there; not at all if it has. Unlike madsim's, this
    /// clock has no floor: a nanosecond is a nanosecond.
    pub fn sleep_until(&self, at: Instant) -> Pending<()> {
        let (answer, pending) = question();
        self.life.call(Call::Sleep(at, answer));
        pending
    }

    /// Waits for so many nanoseconds.
    pub fn sleep(&self, duration: Duration) -> Pending<()> {
        self.sleep_until(Instant(self.now().0.saturating_add(duration)))
    }

    /// Waits until the cluster and all groups have formed, and says when the load flows.
    pub fn load(&self) -> Pending<LoadWindow> {
        let (answer, pending) = question();
        self.life.call(Call::Load(answer));
        pending
    }

    /// A stream of draws of this instance's own, the same under the same seed. Give each purpose
    /// a name; a restarted process goes on with other draws.
    #[must_use]
    pub fn draws(&self, purpose: &str) -> Stream {
        let Facts { service, number, start, seed, .. } = &*self.facts;
        Stream::new(*seed, &format!("{service}/{number}/program/{start}/{purpose}"))
    }

    /// The producer for the service's output, with the keys of its `producer` table.
    ///
    /// # Panics
    /// When the scenario gives the service no output: the program is not for this scenario.
    #[must_use]
    pub fn producer(&self) -> AsyncProducer {
        assert!(self.facts.produces, "the scenario gives `{}` no output", self.service());
        AsyncProducer::new(Arc::clone(&self.life))
    }

    /// The consumer of the service's inputs, with the keys of its `consumer` table. There is one
    /// for each process; several handles to it take turns.
    ///
    /// # Panics
    /// When the scenario gives the service no input: the program is not for this scenario.
    #[must_use]
    pub fn consumer(&self) -> AsyncConsumer {
        assert!(self.facts.consumes, "the scenario gives `{}` no input", self.service());
        AsyncConsumer::new(Arc::clone(&self.life))
    }

    /// Runs another task of the same process. It ends with the process.
    ///
    /// Use this rather than madsim's own `spawn`: the world waits at each instant until tasks
    /// spawned here wait again, and knows nothing of others.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let counted = Counted::new(&self.life.gauge, future);
        drop(madsim::task::spawn_local(counted));
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts { service, number, start, .. } = &*self.facts;
        f.debug_struct("Process")
            .field("service", service)
            .field("number", number)
            .field("start", start)
            .finish_non_exhaustive()
    }
}
