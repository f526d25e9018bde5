//! An ingress instance: takes calls of a load, serves them one after the other, and produces
//! one record each.
//!
//! Calls are handled in runs, once a tick, with each call's own times computed arithmetically;
//! a record is handed to the producer at the tick after it is finished.

mod rows;

use std::collections::VecDeque;
use std::rc::Rc;

use broker_model::io::Disconnected;
use broker_model::protocol::Response;
use broker_model::records::Payload;
use broker_model::types::{Duration, Instant, MILLISECOND, NodeId, RecordId, TopicId};
use reports::metric::StageId;
use scenarios::model::{Arrivals, Ratio};

use super::arrivals::ArrivalStream;
use super::publisher::{Publisher, Signal};
use super::spec::ServiceSpec;
use crate::client::Correlation;
use crate::client::producer::NextBatch;
use crate::plan::{KeyLaw, Mask, Quantiles, Tables};
use crate::prng::Stream;
use crate::records::{Key, Lane};
use crate::world::{Actor, ActorContext, LoadWindow, Port};

/// How often calls are looked at. Bounds what a record waits between its end of service and
/// the producer.
const TICK: Duration = MILLISECOND / 2;

/// What an ingress instance is made of.
#[derive(Debug)]
pub struct IngressPlan {
    /// The service.
    pub spec: Rc<ServiceSpec>,
    /// The instance's number in its service.
    pub number: u32,
    /// The instance's id in the recorder.
    pub instance: u32,
    /// When calls arrive, if any do.
    pub load: Option<Arrivals>,
    /// Tables for them.
    pub tables: Tables,
    /// Their keys; unique keys are numbered `first_key`, `first_key + key_step`, ...
    pub keys: KeyLaw,
    /// First unique key.
    pub first_key: u32,
    /// Step of unique keys: the number of instances.
    pub key_step: u32,
    /// Sizes of the records.
    pub sizes: Quantiles,
    /// How many of the records have no value.
    pub tombstones: Ratio,
    /// At most so many calls, those that are taken out included.
    pub limit: u64,
    /// Calls that are taken out, by number.
    pub mask: Mask,
}

impl IngressPlan {
    /// What its records are like.
    fn payload(&self) -> Payload {
        self.spec.makes_like.payload.unwrap_or_default()
    }

    /// CPU time of compressing a record. Sizes are not drawn yet when a call is served: each pays
    /// for the mean.
    fn compress_time(&self) -> Duration {
        self.spec.compress_time(self.payload(), self.sizes.mean())
    }
}

/// Stands in line for a call that is taken out, so that the others keep their draws.
const NOBODY: u32 = u32::MAX;

/// An ingress instance.
#[derive(Debug)]
pub struct Ingress {
    plan: IngressPlan,
    arrivals: ArrivalStream,
    /// Keys and service times, in order of arrival.
    draws: Stream,
    /// Sizes, in order of arrival too: a stream of its own, because they are drawn later.
    size_draws: Stream,
    /// Which records have no value.
    tombstone_draws: Stream,
    /// Which transactions are aborted on purpose.
    end_draws: Stream,
    publisher: Option<Publisher>,
    starts: u32,
    ready: bool,
    accepted: u64,
    topic: Option<TopicId>,
    /// Accepted calls and when each is finished.
    served: VecDeque<(u32, Lane, Instant)>,
    busy_until: Instant,
    busy: Duration,
    begun_at: Option<Instant>,
    ending: bool,
    abort_next: bool,
    restart_at: Instant,
    tick_at: Instant,
    finished: Vec<RecordId>,
    /// Entities whose records are acknowledged, and when the row of each is committed.
    acknowledged: VecDeque<(u32, Instant)>,
    /// When what was handed over last was intended and when it was served, for the recorder.
    spans: Vec<(u64, u64)>,
    signals: Vec<Signal>,
}

impl Ingress {
    /// An instance that has not been started.
    #[must_use]
    pub fn new(plan: IngressPlan, draws: Stream) -> Self {
        let stream = |what: &str| {
            Stream::new(plan.spec.seed, &format!("{}/{}/{what}", plan.spec.name, plan.number))
        };
        Self {
            size_draws: stream("record-sizes"),
            tombstone_draws: stream("tombstones"),
            end_draws: stream("ends"),
            plan,
            arrivals: ArrivalStream::none(),
            draws,
            publisher: None,
            starts: 0,
            ready: false,
            accepted: 0,
            topic: None,
            served: VecDeque::new(),
            busy_until: Instant(0),
            busy: 0,
            begun_at: None,
            ending: false,
            abort_next: false,
            restart_at: Instant::FAR,
            tick_at: Instant::FAR,
            finished: Vec::new(),
            acknowledged: VecDeque::new(),
            spans: Vec::new(),
            signals: Vec::new(),
        }
    }

    fn transactional(&self) -> bool {
        self.plan.spec.transactional
    }

    /// Whether what is served can be passed on: to the producer, or to the outbox.
    fn can_pass_on(&self) -> bool {
        let blocked = self.publisher.as_ref().is_some_and(Publisher::is_blocked);
        self.ready && !self.ending && !blocked
    }

    /// Accepts calls that have arrived, in order; the server works on one at a time.
    fn accept(&mut self, cx: &mut ActorContext<'_>) {
        let now = cx.now.instant;
        let mut fresh = 0;
        while self.accepted < self.plan.limit {
            let Some(at) = self.arrivals.take(now) else { break };
            let number = self.plan.first_key + self.accepted as u32 * self.plan.key_step;
            let key = self.plan.keys.draw(number, &mut self.draws);
            let cost = self.plan.spec.times[0].at(self.draws.bits()) + self.plan.compress_time();
            let commit = self.plan.commit_time();
            if self.plan.mask.drops(u64::from(number)) {
                self.accepted += 1;
                self.served.push_back((NOBODY, Lane::ANY, self.busy_until.max(at)));
                self.arrivals.answered(1, at);
                continue;
            }
            let key = Key::new(key);
            let lane = self.lane(cx, key);
            let entity = cx.shared.records.push_entity(lane, at, key);
            self.busy_until = self.busy_until.max(at) + cost;
            self.busy += cost;
            // The database commits while the next call is served.
            self.served.push_back((entity, lane, self.busy_until + commit));
            self.accepted += 1;
            fresh += 1;
        }
        if fresh > 0 {
            cx.shared.recorder.record_intended(fresh);
        }
    }

    /// Records of one partition get neighboring ids.
    fn lane(&self, cx: &ActorContext<'_>, key: Key) -> Lane {
        let (Some(topic), Some(hash)) = (self.topic, key.hash()) else { return Lane::ANY };
        cx.shared.topics.partition_for(topic, hash).map_or(Lane::ANY, Lane::into)
    }

    /// Hands finished calls to the producer, or to the outbox.
    fn hand_over(&mut self, cx: &mut ActorContext<'_>) {
        let now = cx.now.instant;
        if !self.can_pass_on() {
            return;
        }
        self.finished.clear();
        while let Some(&(entity, lane, done)) = self.served.front() {
            if done > now {
                break;
            }
            self.served.pop_front();
            let size = self.plan.sizes.at(self.size_draws.bits()) as u32;
            let Ratio { numerator, denominator } = self.plan.tombstones;
            let deletes = numerator > 0 && self.tombstone_draws.chance(numerator, denominator);
            if entity == NOBODY {
                continue;
            }
            let records = &mut cx.shared.records;
            let payload = self.plan.payload();
            let id = if deletes {
                records.push_tombstone(lane, entity)
            } else {
                records.push(lane, entity, size)
            };
            if !deletes {
                records.set_payload(id, payload);
            }
            self.finished.push(id);
            if self.plan.spec.stage.is_some() {
                let intended = cx.shared.records.intended(id);
                self.spans.push((intended.0, done.0));
            }
        }
        if let Some(stage) = self.plan.spec.stage {
            cx.shared.recorder.completed_all(stage, self.spans.drain(..));
        }
        if self.finished.is_empty() {
            return;
        }
        self.commit_before_send(cx);
        let Some(publisher) = &mut self.publisher else { return };
        if self.plan.spec.transactional && !publisher.in_transaction() {
            publisher.begin(cx);
            self.begun_at = Some(now);
        }
        publisher.send(cx, &self.finished);
    }

    /// Ends the transaction when its interval is over.
    fn end_transaction(&mut self, cx: &mut ActorContext<'_>) {
        let Some(publisher) = &mut self.publisher else { return };
        let Some(begun_at) = self.begun_at else { return };
        let due = begun_at + self.plan.spec.commit_interval;
        if self.ending || publisher.is_blocked() || cx.now.instant < due {
            return;
        }
        let abort = self.plan.spec.abort;
        let aborts = self.abort_next || self.end_draws.chance(abort.numerator, abort.denominator);
        self.abort_next = false;
        self.ending = true;
        if !publisher.end(cx, !aborts) {
            publisher.end(cx, false);
        }
    }

    fn advance(&mut self, cx: &mut ActorContext<'_>) {
        self.accept(cx);
        self.hand_over(cx);
        self.end_transaction(cx);
        let mut signals = std::mem::take(&mut self.signals);
        if let Some(publisher) = &mut self.publisher {
            publisher.drive(cx, &mut signals);
            let answered = publisher.take_completed();
            self.arrivals.answered(answered, cx.now.instant);
            publisher.take_failed();
        }
        self.commit_after_send(cx);
        for signal in signals.drain(..) {
            self.react(cx, signal);
        }
        self.signals = signals;
        self.tick_at = self.next_tick(cx.now.instant);
    }

    fn next_tick(&self, now: Instant) -> Instant {
        let arrival = self.arrivals.next_at();
        let arrival = if self.accepted >= self.plan.limit { Instant::FAR } else { arrival };
        // Who stands in `send` does nothing else: the producer says when that is over.
        let blocked = self.publisher.as_ref().is_none_or(Publisher::is_blocked);
        let served = match self.served.front() {
            Some(&(_, _, done)) if self.can_pass_on() => done.max(now + TICK),
            _ => Instant::FAR,
        };
        let arrival = if arrival == Instant::FAR { arrival } else { arrival.max(now + TICK) };
        let commit = match self.begun_at {
            Some(at) if !self.ending && !blocked => {
                (at + self.plan.spec.commit_interval).max(now + 1)
            }
            _ => Instant::FAR,
        };
        arrival.min(served).min(commit).min(self.next_row())
    }

    fn react(&mut self, cx: &mut ActorContext<'_>, signal: Signal) {
        match signal {
            Signal::Initialized => self.ready = true,
            Signal::Committed | Signal::Aborted => {
                self.ending = false;
                self.begun_at = None;
            }
            Signal::MustAbort => {
                // Behind a fatal error there is nothing left to abort.
                if let Some(publisher) = &mut self.publisher {
                    self.ending = true;
                    publisher.end(cx, false);
                }
            }
            Signal::Repeat(operation) => {
                if let Some(publisher) = &mut self.publisher {
                    publisher.repeat(cx, operation);
                }
            }
            Signal::Fatal(fenced) => {
                self.plan.spec.note_fenced(cx, fenced, self.plan.number);
                self.stop(cx);
                self.restart_at = cx.now.instant + self.plan.spec.restart;
            }
            Signal::OffsetsSent | Signal::Flushed => {}
        }
    }

    fn stop(&mut self, cx: &mut ActorContext<'_>) {
        if let Some(mut publisher) = self.publisher.take() {
            publisher.lost(cx);
        }
        self.plan.spec.close_connections(cx, &[Port::PRODUCER]);
        self.ready = false;
        self.ending = false;
        self.begun_at = None;
        self.acknowledged.clear();
        self.tick_at = Instant::FAR;
    }
}

impl Actor for Ingress {
    fn start(&mut self, cx: &mut ActorContext<'_>) {
        self.restart_at = Instant::FAR;
        self.starts += 1;
        self.busy_until = self.busy_until.max(cx.now.instant);
        let spec = Rc::clone(&self.plan.spec);
        if self.fills_outbox() {
            self.ready = true;
            return self.advance(cx);
        }
        let name = format!("{}/{}/producer/{}", spec.name, self.plan.number, self.starts);
        let draws = Stream::new(spec.seed, &name);
        let config = spec.producer_config(cx, self.plan.number, self.starts);
        let stage: Option<StageId> = spec.produce_stage;
        let (Some(topic), Some(name)) = (spec.output_topic(cx), &spec.output) else { return };
        self.topic = Some(topic);
        let topic = (name.as_str(), topic);
        let mut publisher = Publisher::new(cx, config, draws, self.plan.instance, topic, stage);
        if self.commits_when_acknowledged() {
            publisher.tell_everything();
        }
        if self.transactional() {
            publisher.initialize(cx);
        } else {
            self.ready = true;
        }
        self.publisher = Some(publisher);
        self.advance(cx);
    }

    fn load_begins(&mut self, window: LoadWindow) -> bool {
        let spec = &self.plan.spec;
        if let Some(load) = &self.plan.load {
            let name = format!("{}/{}/arrivals", spec.name, self.plan.number);
            let draws = Stream::new(spec.seed, &name);
            let shares = (spec.instances, &self.plan.tables);
            self.arrivals = ArrivalStream::new(load, shares, draws, window.from, window.until);
            self.tick_at = self.tick_at.min(self.arrivals.next_at());
        }
        true
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
        if self.restart_at <= cx.now.instant {
            self.start(cx);
        } else {
            self.advance(cx);
        }
    }

    fn next_deadline(&self) -> Instant {
        let producer = self.publisher.as_ref().map_or(Instant::FAR, Publisher::next_deadline);
        producer.min(self.tick_at).min(self.restart_at)
    }

    fn kill(&mut self, cx: &mut ActorContext<'_>) {
        self.stop(cx);
        self.restart_at = Instant::FAR;
    }

    fn next_batches(&self) -> Vec<NextBatch> {
        self.publisher.as_ref().map(Publisher::next_batches).unwrap_or_default()
    }

    fn is_idle(&self) -> bool {
        let done = self.arrivals.next_at() == Instant::FAR || self.accepted >= self.plan.limit;
        done && self.served.is_empty()
            && self.begun_at.is_none()
            && self.acknowledged.is_empty()
            && match &self.publisher {
                Some(publisher) => publisher.is_idle(),
                None => self.fills_outbox() && self.ready,
            }
    }

    fn busy(&self) -> u64 {
        self.busy
    }
}
