//! A consuming instance: one poll loop that processes, produces and commits.
//!
//! The loop does one thing at a time, as a Java consumer's thread does: while it waits for a
//! flush, a commit or an abort it does not poll. Heartbeats and fetches go on meanwhile.

mod commit;
mod events;
mod hold;
mod stop;
mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

use broker_model::io::Disconnected;
use broker_model::protocol::Response;
use broker_model::types::{Duration, Instant, MILLISECOND, NodeId, Offset, PartitionId, RecordId};

use super::kind::Service;
use super::poison::Trial;
use super::publisher::{Publisher, Signal};
use super::spec::ServiceSpec;
use crate::client::Correlation;
use crate::client::consumer::{CommitId, Consumer, ConsumerError, Polled};
use crate::client::producer::NextBatch;
use crate::prng::Stream;
use crate::world::{Actor, ActorContext, Port};

/// Records are processed in slices of about this much service time, so that outputs reach the
/// producer soon after they are finished.
const SLICE: Duration = 2 * MILLISECOND;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// `initTransactions` has not returned.
    Initializing,
    /// Ready to poll or to work on what was polled.
    Ready,
    /// Working on a slice until then.
    Working(Instant),
    /// `commitSync` of what will be processed (at most once).
    CommittingFirst(CommitId),
    /// Waiting until every output is acknowledged.
    Flushing,
    /// `commitSync` of what was processed.
    Committing(CommitId),
    /// `sendOffsetsToTransaction`.
    SendingOffsets,
    /// `commitTransaction` or a wanted `abortTransaction`.
    EndingTransaction,
    /// `abortTransaction` after an error; then everything is read again.
    Aborting,
    /// `close` of the consumer, at the end of a process that was asked to stop.
    Closing,
    /// Broken; starts again then.
    Down(Instant),
}

/// What a consuming instance is made of.
#[derive(Debug)]
pub struct WorkerPlan {
    /// The service.
    pub spec: Rc<ServiceSpec>,
    /// What it does with records.
    pub service: Box<dyn Service>,
    /// The instance's number in its service.
    pub number: u32,
    /// The instance's id in the recorder.
    pub instance: u32,
}

#[derive(Clone, Copy, Debug)]
struct Position {
    /// First offset not committed as far as this instance knows.
    committed: Offset,
    /// Behind the last record processed.
    processed: Offset,
}

/// Records of one run in a slice, by their places in the batch.
#[derive(Clone, Copy, Debug)]
struct Part {
    run: usize,
    input: usize,
    from: u32,
    to: u32,
    /// The last attempt with it failed; it is one record, and alone in its slice.
    failed: Option<Trial>,
}

/// A consuming instance.
#[derive(Debug)]
pub struct Worker {
    plan: WorkerPlan,
    draws: Stream,
    step: Step,
    starts: u32,
    consumer: Option<Consumer>,
    consumer_draws: Stream,
    consumer_id: u32,
    /// What `poll` failed with last, until partitions are assigned again.
    trouble: Option<ConsumerError>,
    publisher: Option<Publisher>,
    polled: Polled,
    /// The run to go on with, and how many of its records are done or in the slice.
    run: usize,
    within: u32,
    /// The slice: where its records are, and when each is finished.
    parts: Vec<Part>,
    finished: Vec<Instant>,
    records: Vec<RecordId>,
    outputs: Vec<RecordId>,
    positions: BTreeMap<PartitionId, Position>,
    commit_due: Instant,
    commit_now: bool,
    committing: Vec<(PartitionId, Offset)>,
    leaving: Vec<PartitionId>,
    /// Partitions that are paused, and until when.
    held: BTreeMap<PartitionId, Instant>,
    aborts_on_purpose: bool,
    /// It was asked to stop.
    stopping: bool,
    /// A record that cannot be processed has ended the process.
    broken: bool,
    wake_at: Instant,
    busy: Duration,
    signals: Vec<Signal>,
}

impl Worker {
    /// An instance that has not been started.
    #[must_use]
    pub fn new(plan: WorkerPlan, draws: Stream) -> Self {
        let consumer_draws = draws.clone();
        Self {
            plan,
            draws,
            step: Step::Down(Instant::FAR),
            starts: 0,
            consumer: None,
            consumer_draws,
            consumer_id: 0,
            trouble: None,
            publisher: None,
            polled: Polled::default(),
            run: 0,
            within: 0,
            parts: Vec::new(),
            finished: Vec::new(),
            records: Vec::new(),
            outputs: Vec::new(),
            positions: BTreeMap::new(),
            commit_due: Instant::FAR,
            commit_now: false,
            committing: Vec::new(),
            leaving: Vec::new(),
            held: BTreeMap::new(),
            aborts_on_purpose: false,
            stopping: false,
            broken: false,
            wake_at: Instant::FAR,
            busy: 0,
            signals: Vec::new(),
        }
    }

    fn advance(&mut self, cx: &mut ActorContext<'_>) {
        loop {
            self.drive_clients(cx);
            if !self.work(cx) {
                break;
            }
        }
        self.wake_at = self.next_wake();
    }

    fn drive_clients(&mut self, cx: &mut ActorContext<'_>) {
        let mut signals = std::mem::take(&mut self.signals);
        if let Some(publisher) = &mut self.publisher {
            publisher.drive(cx, &mut signals);
        }
        for signal in signals.drain(..) {
            self.react(cx, signal);
        }
        self.signals = signals;
        let now = cx.now.instant;
        if let Some(consumer) = &mut self.consumer
            && consumer.next_deadline() <= now
        {
            cx.client(Port::CONSUMER, &mut self.consumer_draws, |cx| consumer.turn(cx));
        }
        self.consumer_events(cx);
    }

    fn react(&mut self, cx: &mut ActorContext<'_>, signal: Signal) {
        match (signal, self.step) {
            (Signal::Initialized, Step::Initializing) => self.step = Step::Ready,
            (Signal::Flushed, Step::Flushing) => self.commit_offsets(cx),
            (Signal::OffsetsSent, Step::SendingOffsets) => self.end_transaction(cx),
            (Signal::Committed, Step::EndingTransaction) => {
                self.committed(cx);
                self.step = Step::Ready;
            }
            (Signal::Aborted, Step::EndingTransaction | Step::Aborting) => {
                self.rewind(cx);
                self.step = Step::Ready;
            }
            (Signal::MustAbort, _) => self.abort(cx),
            (Signal::Repeat(operation), _) => {
                if let Some(publisher) = &mut self.publisher {
                    publisher.repeat(cx, operation);
                }
            }
            (Signal::Fatal(fenced), _) => {
                self.plan.spec.note_fenced(cx, fenced, self.plan.number);
                self.fail(cx);
            }
            _ => {}
        }
    }

    /// Does the next thing the loop has to do. Says whether there may be more; else it waits.
    fn work(&mut self, cx: &mut ActorContext<'_>) -> bool {
        let before = self.step;
        let mut told = false;
        match self.step {
            Step::Working(until) if until <= cx.now.instant => self.end_slice(cx),
            Step::Ready => told = self.next_task(cx),
            Step::Down(at) if at <= cx.now.instant => self.start(cx),
            _ => {}
        }
        told || self.step != before
    }

    /// Says whether the loop is to go on at once: a poll told something, or all that was polled has
    /// to wait.
    fn next_task(&mut self, cx: &mut ActorContext<'_>) -> bool {
        if self.is_blocked() {
            return false;
        }
        self.release_due(cx.now.instant);
        if self.run < self.polled.runs.len() {
            self.begin_slice(cx);
            return self.step == Step::Ready;
        }
        let due = self.commit_now || self.stopping || cx.now.instant >= self.commit_due;
        if due && self.begin_commit(cx) {
            return false;
        }
        if self.stopping {
            self.close(cx);
            return false;
        }
        self.let_go(cx);
        self.poll(cx)
    }

    /// Its producer takes no more records: the loop stands in `send`.
    fn is_blocked(&self) -> bool {
        self.publisher.as_ref().is_some_and(Publisher::is_blocked)
    }

    fn next_wake(&self) -> Instant {
        match self.step {
            // Whatever is due waits for the producer, which wakes the loop.
            Step::Ready if self.is_blocked() => Instant::FAR,
            Step::Working(until) => until,
            Step::Down(at) => at,
            Step::Ready => self.commit_due.min(self.next_release()),
            _ => Instant::FAR,
        }
    }

    fn uncommitted(&self) -> bool {
        let commits = self.plan.spec.transactional || self.plan.spec.commits_itself();
        commits && self.positions.values().any(|p| p.processed != p.committed)
    }
}

impl Actor for Worker {
    fn start(&mut self, cx: &mut ActorContext<'_>) {
        self.starts += 1;
        (self.stopping, self.broken) = (false, false);
        let spec = Rc::clone(&self.plan.spec);
        let name = format!("{}/{}", spec.name, self.plan.number);
        self.consumer_draws = Stream::new(spec.seed, &format!("{name}/consumer/{}", self.starts));
        let (group, config, isolation) = spec.consumer_config(cx, self.plan.number);
        self.consumer_id = cx.shared.recorder.consumer(self.plan.instance, group.0, isolation);
        let seed = self.consumer_draws.bits();
        let mut consumer = Consumer::new(config, Some(group), &spec.brokers, seed);
        let topics: Vec<&str> = spec.inputs.iter().map(String::as_str).collect();
        consumer.subscribe(&topics);
        self.consumer = Some(consumer);
        self.step = Step::Ready;
        if let Some(first) = spec.targets.first()
            && let Some(topic) = cx.shared.topics.id(first)
        {
            let topic = (first.as_str(), topic);
            let config = spec.producer_config(cx, self.plan.number, self.starts);
            let draws = Stream::new(spec.seed, &format!("{name}/producer/{}", self.starts));
            let mut publisher =
                Publisher::new(cx, config, draws, self.plan.instance, topic, spec.produce_stage);
            if spec.transactional {
                publisher.initialize(cx);
                self.step = Step::Initializing;
            }
            self.publisher = Some(publisher);
        }
        self.advance(cx);
    }

    fn response(
        &mut self,
        cx: &mut ActorContext<'_>,
        port: Port,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        if port == Port::PRODUCER {
            if let Some(publisher) = &mut self.publisher {
                publisher.response(cx, from, correlation, result);
            }
        } else if let Some(consumer) = &mut self.consumer {
            cx.client(Port::CONSUMER, &mut self.consumer_draws, |cx| {
                let result = result.map_err(|_| crate::client::Disconnected);
                consumer.response(cx, from, correlation, result);
            });
        }
        self.advance(cx);
    }

    fn wake(&mut self, cx: &mut ActorContext<'_>) {
        self.advance(cx);
    }

    fn next_deadline(&self) -> Instant {
        let producer = self.publisher.as_ref().map_or(Instant::FAR, Publisher::next_deadline);
        let consumer = self.consumer.as_ref().map_or(Instant::FAR, Consumer::next_deadline);
        producer.min(consumer).min(self.wake_at)
    }

    fn kill(&mut self, cx: &mut ActorContext<'_>) {
        if matches!(self.step, Step::Working(_)) {
            let now = cx.now.instant;
            let done = self.finished.partition_point(|&at| at <= now);
            self.process(cx, done, false);
        }
        self.stop(cx);
        self.step = Step::Down(Instant::FAR);
    }

    fn finishing(&self) -> &[Instant] {
        if matches!(self.step, Step::Working(_)) { &self.finished } else { &[] }
    }

    fn ask_to_stop(&mut self, cx: &mut ActorContext<'_>) -> bool {
        self.stopping = true;
        if matches!(self.step, Step::Down(_)) {
            self.step = Step::Down(Instant::FAR);
        }
        self.advance(cx);
        true
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.as_ref().map(ToString::to_string)
    }

    fn next_batches(&self) -> Vec<NextBatch> {
        self.publisher.as_ref().map(Publisher::next_batches).unwrap_or_default()
    }

    fn is_idle(&self) -> bool {
        self.step == Step::Ready
            && self.run >= self.polled.runs.len()
            && self.held.is_empty()
            && !self.uncommitted()
            && self.publisher.as_ref().is_none_or(Publisher::is_idle)
    }

    fn busy(&self) -> u64 {
        self.busy
    }
}
