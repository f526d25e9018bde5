//! A relay: publishes the rows of an outbox, and marks those that are acknowledged.
//!
//! It takes some rows, sends a record for each, waits until it knows what became of all of them,
//! and marks what was acknowledged. Between the acknowledgment and the mark it may die: whoever
//! comes next publishes those rows again.
//!
//! Source: C. Richardson, "Microservices Patterns", 3.3.6 ("Polling publisher").

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use broker_model::io::Disconnected;
use broker_model::protocol::Response;
use broker_model::types::{Duration, Instant, NodeId, RecordId};

use super::account::Told;
use super::publisher::{Publisher, Signal};
use super::spec::ServiceSpec;
use crate::client::Correlation;
use crate::client::producer::Outcome;
use crate::prng::Stream;
use crate::records::Lane;
use crate::stores::Claimant;
use crate::world::{Actor, ActorContext, Port};

/// What an instance of a relay is made of.
#[derive(Debug)]
pub struct RelayPlan {
    /// The service.
    pub spec: Rc<ServiceSpec>,
    /// The instance's id in the recorder.
    pub instance: u32,
    /// From one look at an outbox with little in it to the next.
    pub poll_interval: Duration,
    /// How many rows it takes at once.
    pub batch: u32,
    /// How it finds them among other instances.
    pub claimant: Claimant,
}

/// What it is about to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Look at the outbox then.
    Look(Instant),
    /// Send what it has taken then.
    Send(Instant),
    /// Wait for what becomes of it.
    Published,
    /// Mark what was acknowledged then.
    Mark(Instant),
    /// The process is gone, and starts again then.
    Down(Instant),
}

/// An instance of a relay.
#[derive(Debug)]
pub struct Relay {
    plan: RelayPlan,
    /// Service times, in order of rows.
    draws: Stream,
    publisher: Option<Publisher>,
    starts: u32,
    step: Step,
    /// It was asked to stop.
    stopping: bool,
    /// The rows that it has taken, by number.
    taken: Vec<(u64, RecordId)>,
    /// The rows of copies whose outcome is open.
    open: BTreeMap<RecordId, u64>,
    /// Rows whose copies were acknowledged.
    acknowledged: BTreeSet<u64>,
    busy: Duration,
    signals: Vec<Signal>,
}

impl Relay {
    /// An instance that has not been started.
    #[must_use]
    pub fn new(plan: RelayPlan) -> Self {
        let (spec, number) = (&plan.spec, plan.claimant.number);
        let draws = Stream::new(spec.seed, &format!("{}/{number}/times", spec.name));
        Self {
            plan,
            draws,
            publisher: None,
            starts: 0,
            step: Step::Down(Instant::FAR),
            stopping: false,
            taken: Vec::new(),
            open: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            busy: 0,
            signals: Vec::new(),
        }
    }

    fn outbox(&self) -> usize {
        let rows = self.plan.spec.rows.expect("a relay has a table");
        rows.outbox.expect("the table of a relay has an outbox")
    }

    fn commit_time(&self) -> Duration {
        self.plan.spec.rows.map_or(0, |rows| rows.time)
    }

    /// Does what is due, and what follows from it at this instant.
    fn advance(&mut self, cx: &mut ActorContext<'_>) {
        let now = cx.now.instant;
        loop {
            let before = self.step;
            match before {
                Step::Look(at) if at <= now => self.look(cx),
                Step::Send(at) if at <= now => self.send(cx),
                Step::Mark(at) if at <= now => self.mark(cx),
                _ => {}
            }
            self.drive(cx);
            if self.step == before {
                return;
            }
        }
    }

    fn look(&mut self, cx: &mut ActorContext<'_>) {
        if self.stopping {
            return self.stop(cx);
        }
        let now = cx.now.instant;
        let outbox = &mut cx.shared.stores.outboxes[self.outbox()];
        self.taken = outbox.take(self.plan.claimant, self.plan.batch);
        if self.taken.is_empty() {
            self.step = Step::Look(now + self.plan.poll_interval);
            return;
        }
        let (spec, draws) = (&self.plan.spec, &mut self.draws);
        let cost = |id: RecordId| {
            let record = cx.shared.records.get(id);
            spec.times[0].at(draws.bits())
                + spec.compress_time(record.payload, u64::from(record.size))
        };
        let cost: Duration = self.taken.iter().map(|&(_, id)| id).map(cost).sum();
        self.busy += cost;
        self.step = Step::Send(now + cost);
    }

    /// Sends a copy for each row: one that was sent before is another record about the same.
    fn send(&mut self, cx: &mut ActorContext<'_>) {
        let Some(publisher) = &mut self.publisher else { return };
        let records = &mut cx.shared.records;
        let mut copies = Vec::with_capacity(self.taken.len());
        for &(number, id) in &self.taken {
            let record = records.get(id);
            let copy = if record.tombstone {
                records.push_tombstone(Lane::ANY, record.entity)
            } else {
                records.push(Lane::ANY, record.entity, record.size)
            };
            records.set_payload(copy, record.payload);
            self.open.insert(copy, number);
            copies.push(copy);
        }
        self.step = Step::Published;
        publisher.send(cx, &copies);
    }

    /// Marks what was acknowledged, and leaves the rest for the next time.
    fn mark(&mut self, cx: &mut ActorContext<'_>) {
        let now = cx.now.instant;
        let shared = &mut *cx.shared;
        let outbox = &mut shared.stores.outboxes[self.outbox()];
        for &number in &self.acknowledged {
            outbox.mark(number);
        }
        outbox.release(self.plan.claimant.number);
        if let Some(stage) = self.plan.spec.stage {
            let marked = &self.acknowledged;
            let done = self.taken.iter().filter(|(number, _)| marked.contains(number));
            let spans = done.map(|&(_, id)| (shared.records.intended(id).0, now.0));
            shared.recorder.completed_all(stage, spans);
        }
        let goes_on = self.acknowledged.len() >= self.plan.batch as usize;
        let wait = if goes_on || self.stopping { 0 } else { self.plan.poll_interval };
        self.taken.clear();
        self.acknowledged.clear();
        self.step = Step::Look(now + wait);
    }

    fn drive(&mut self, cx: &mut ActorContext<'_>) {
        let Some(publisher) = &mut self.publisher else { return };
        publisher.drive(cx, &mut self.signals);
        for told in publisher.take_told() {
            let Told::Batch(_, batch, outcome) = told else {
                let Told::Refused(id, _) = told else { continue };
                self.open.remove(&id);
                continue;
            };
            for id in cx.shared.batches.records(batch) {
                let row = self.open.remove(id);
                if matches!(outcome, Outcome::Acknowledged { .. }) {
                    self.acknowledged.extend(row);
                }
            }
        }
        if self.step == Step::Published && self.open.is_empty() {
            self.step = Step::Mark(cx.now.instant + self.commit_time());
        }
        let broke = self.signals.drain(..).any(|signal| matches!(signal, Signal::Fatal(_)));
        if broke {
            self.stop(cx);
            let restart = cx.now.instant + self.plan.spec.restart;
            self.step = Step::Down(if self.stopping { Instant::FAR } else { restart });
        }
    }

    /// The process is gone, and with it its transaction in the database.
    fn stop(&mut self, cx: &mut ActorContext<'_>) {
        if let Some(mut publisher) = self.publisher.take() {
            publisher.lost(cx);
        }
        self.plan.spec.close_connections(cx, &[Port::PRODUCER]);
        cx.shared.stores.outboxes[self.outbox()].release(self.plan.claimant.number);
        self.taken.clear();
        self.open.clear();
        self.acknowledged.clear();
        self.step = Step::Down(Instant::FAR);
    }
}

impl Actor for Relay {
    fn start(&mut self, cx: &mut ActorContext<'_>) {
        let spec = Rc::clone(&self.plan.spec);
        let (Some(topic), Some(name)) = (spec.output_topic(cx), &spec.output) else { return };
        self.starts += 1;
        self.stopping = false;
        let number = self.plan.claimant.number;
        let draws = format!("{}/{number}/producer/{}", spec.name, self.starts);
        let draws = Stream::new(spec.seed, &draws);
        let config = spec.producer_config(cx, number, self.starts);
        let (topic, stage) = ((name.as_str(), topic), spec.produce_stage);
        let mut publisher = Publisher::new(cx, config, draws, self.plan.instance, topic, stage);
        publisher.tell_everything();
        self.publisher = Some(publisher);
        self.step = Step::Look(cx.now.instant);
        self.advance(cx);
    }

    fn response(
        &mut self,
        cx: &mut ActorContext<'_>,
        _port: Port,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        if let Some(publisher) = &mut self.publisher {
            publisher.response(cx, from, correlation, result);
            self.advance(cx);
        }
    }

    fn wake(&mut self, cx: &mut ActorContext<'_>) {
        if matches!(self.step, Step::Down(at) if at <= cx.now.instant) {
            self.start(cx);
        } else {
            self.advance(cx);
        }
    }

    fn next_deadline(&self) -> Instant {
        let producer = self.publisher.as_ref().map_or(Instant::FAR, Publisher::next_deadline);
        match self.step {
            Step::Look(at) | Step::Send(at) | Step::Mark(at) | Step::Down(at) => producer.min(at),
            Step::Published => producer,
        }
    }

    fn kill(&mut self, cx: &mut ActorContext<'_>) {
        self.stop(cx);
    }

    /// What it has taken it publishes and marks before it ends.
    fn ask_to_stop(&mut self, cx: &mut ActorContext<'_>) -> bool {
        self.stopping = true;
        match self.step {
            Step::Down(_) => self.step = Step::Down(Instant::FAR),
            Step::Look(_) => self.stop(cx),
            Step::Send(_) | Step::Published | Step::Mark(_) => self.advance(cx),
        }
        true
    }

    /// It looks at an empty outbox for ever: at rest it is when it has found nothing.
    fn is_idle(&self) -> bool {
        matches!(self.step, Step::Look(_))
            && self.publisher.as_ref().is_some_and(Publisher::is_idle)
    }

    fn busy(&self) -> u64 {
        self.busy
    }
}
