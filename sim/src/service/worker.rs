//! A consuming instance: one poll loop that processes, produces and commits.
//!
//! The loop does one thing at a time, as a Java consumer's thread does: while it waits for a
//! flush, a commit or an abort it does not poll. Heartbeats and fetches go on meanwhile.

use std::collections::BTreeMap;
use std::rc::Rc;

use broker_model::io::Disconnected;
use broker_model::protocol::Response;
use broker_model::protocol::group::CommittedOffset;
use broker_model::rules::{FailedOutput, SinkMemory};
use broker_model::types::{Duration, Instant, MILLISECOND, NodeId, Offset, PartitionId, RecordId};
use reports::checker::CallKind;
use reports::history::Poll;

use super::kind::{Service, Slice};
use super::publisher::{Publisher, Signal};
use super::spec::ServiceSpec;
use crate::client::consumer::{CommitId, Consumer, ConsumerEvent, Polled};
use crate::client::{ClientOutput, Correlation};
use crate::prng::Stream;
use crate::world::{Actor, ActorContext, Port};
use scenarios::model::Commit;

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
    publisher: Option<Publisher>,
    polled: Polled,
    run: usize,
    within: u32,
    finished: Vec<Instant>,
    records: Vec<RecordId>,
    outputs: Vec<RecordId>,
    positions: BTreeMap<PartitionId, Position>,
    commit_due: Instant,
    commit_now: bool,
    committing: Vec<(PartitionId, Offset)>,
    leaving: Vec<PartitionId>,
    aborts_on_purpose: bool,
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
            publisher: None,
            polled: Polled::default(),
            run: 0,
            within: 0,
            finished: Vec::new(),
            records: Vec::new(),
            outputs: Vec::new(),
            positions: BTreeMap::new(),
            commit_due: Instant::FAR,
            commit_now: false,
            committing: Vec::new(),
            leaving: Vec::new(),
            aborts_on_purpose: false,
            wake_at: Instant::FAR,
            busy: 0,
            signals: Vec::new(),
        }
    }

    fn advance(&mut self, cx: &mut ActorContext<'_>) {
        loop {
            self.drive_clients(cx);
            let before = self.step;
            self.work(cx);
            if self.step == before {
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

    fn consumer_events(&mut self, cx: &mut ActorContext<'_>) {
        while let Some(event) = self.consumer.as_mut().and_then(Consumer::poll_event) {
            match event {
                ConsumerEvent::Assigned(partitions) => self.assigned(cx, &partitions),
                ConsumerEvent::Revoked(partitions) => {
                    self.leaving.extend(partitions);
                    self.commit_now = true;
                }
                ConsumerEvent::Lost(partitions) => self.lost(cx, &partitions),
                ConsumerEvent::Committed { id, result } => {
                    self.offsets_committed(cx, id, result.is_ok());
                }
                ConsumerEvent::Error(_) => self.fail(cx),
                _ => {}
            }
        }
    }

    fn assigned(&mut self, cx: &mut ActorContext<'_>, partitions: &[PartitionId]) {
        if cx.shared.rules.sink_memory == SinkMemory::Lost
            && let Some(store) = self.plan.spec.effects
        {
            cx.shared.stores.effects[store].forget();
        }
        for partition in partitions {
            self.positions.remove(partition);
        }
    }

    fn lost(&mut self, cx: &mut ActorContext<'_>, partitions: &[PartitionId]) {
        for partition in partitions {
            self.positions.remove(partition);
            cx.shared.recorder.revoked(self.consumer_id, partition.0, cx.now.instant.0);
        }
        self.leaving.retain(|p| !partitions.contains(p));
        if self.plan.spec.transactional {
            // Java raises this only inside poll, with nothing left to process: outputs of what
            // was polled would go into a transaction that cannot carry their offsets.
            self.polled.clear();
            self.run = 0;
            self.within = 0;
            if matches!(self.step, Step::Working(_)) {
                self.step = Step::Ready;
            }
        }
        if self.publisher.as_ref().is_some_and(Publisher::in_transaction) {
            self.abort(cx);
        }
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

    /// Does the next thing the loop has to do. Returns without a change of step when it waits.
    fn work(&mut self, cx: &mut ActorContext<'_>) {
        match self.step {
            Step::Working(until) if until <= cx.now.instant => self.end_slice(cx),
            Step::Ready => self.next_task(cx),
            Step::Down(at) if at <= cx.now.instant => self.start(cx),
            _ => {}
        }
    }

    fn next_task(&mut self, cx: &mut ActorContext<'_>) {
        if self.publisher.as_ref().is_some_and(Publisher::is_blocked) {
            return;
        }
        if self.run < self.polled.runs.len() {
            self.begin_slice(cx);
            return;
        }
        let due = self.commit_now || cx.now.instant >= self.commit_due;
        if due && self.begin_commit(cx) {
            return;
        }
        self.let_go(cx);
        self.poll(cx);
    }

    /// Partitions that were revoked are gone once everything of them is committed.
    fn let_go(&mut self, cx: &mut ActorContext<'_>) {
        for partition in std::mem::take(&mut self.leaving) {
            self.positions.remove(&partition);
            cx.shared.recorder.revoked(self.consumer_id, partition.0, cx.now.instant.0);
        }
        self.commit_now = false;
    }

    fn poll(&mut self, cx: &mut ActorContext<'_>) {
        let Some(consumer) = &mut self.consumer else { return };
        let polled = &mut self.polled;
        polled.clear();
        self.run = 0;
        self.within = 0;
        cx.client(Port::CONSUMER, &mut self.consumer_draws, |cx| consumer.poll(cx, polled));
        self.consumer_events(cx);
        if self.polled.runs.is_empty() || matches!(self.step, Step::Down(_)) {
            return;
        }
        for index in 0..self.polled.runs.len() {
            self.account_poll(cx, index);
        }
        if self.plan.spec.commit == Commit::BeforeProcessing {
            let ends: BTreeMap<PartitionId, Offset> =
                self.polled.runs.iter().map(|r| (r.partition, r.end_offset())).collect();
            self.committing = ends.into_iter().collect();
            if let Some(id) = self.commit_sync(cx) {
                self.step = Step::CommittingFirst(id);
                return;
            }
        }
        self.begin_slice(cx);
    }

    fn account_poll(&mut self, cx: &mut ActorContext<'_>, index: usize) {
        let run = self.polled.runs[index];
        let first = run.first_offset();
        let at_ns = cx.now.instant.0;
        self.positions.entry(run.partition).or_insert_with(|| {
            cx.shared.recorder.assigned(self.consumer_id, run.partition.0, first.0, at_ns);
            self.plan.service.rewind(cx.shared, run.partition, first);
            Position { committed: first, processed: first }
        });
        let records = cx.shared.batches.records(run.batch);
        let ids = records[run.from as usize..run.to as usize].iter().map(|id| id.0);
        let poll = Poll {
            consumer: self.consumer_id,
            partition: run.partition.0,
            base_offset: first.0,
            at_ns,
        };
        cx.shared.recorder.polled(ids, poll);
    }

    /// Takes up to a slice of service time from the present run.
    fn begin_slice(&mut self, cx: &mut ActorContext<'_>) {
        let Some(run) = self.polled.runs.get(self.run).copied() else { return };
        let input = self.plan.spec.input_of(cx, run.partition);
        let times = &self.plan.spec.times[input.min(self.plan.spec.times.len() - 1)];
        let start = cx.now.instant;
        let mut at = start;
        self.finished.clear();
        let mut position = run.from + self.within;
        while position < run.to && at.since(start) < SLICE {
            at = at + times.at(self.draws.bits());
            self.finished.push(at);
            position += 1;
        }
        self.busy += at.since(start);
        self.step = Step::Working(at);
    }

    fn end_slice(&mut self, cx: &mut ActorContext<'_>) {
        let count = self.finished.len();
        self.process(cx, count, true);
        let run = self.polled.runs[self.run];
        self.within += count as u32;
        if run.from + self.within >= run.to {
            self.run += 1;
            self.within = 0;
        }
        self.step = Step::Ready;
    }

    /// The first `count` records of the slice are finished.
    fn process(&mut self, cx: &mut ActorContext<'_>, count: usize, alive: bool) {
        let run = self.polled.runs[self.run];
        let from = (run.from + self.within) as usize;
        let base_offset = run.base_offset + from as i64;
        let input = self.plan.spec.input_of(cx, run.partition);
        // The records are copied out because the service may add records to the same arena.
        let mut records = std::mem::take(&mut self.records);
        records.clear();
        records.extend_from_slice(&cx.shared.batches.records(run.batch)[from..from + count]);
        let slice = Slice {
            input,
            partition: run.partition,
            base_offset,
            records: &records,
            finished: &self.finished[..count],
        };
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.clear();
        self.plan.service.process(cx.shared, slice, &mut outputs);
        self.plan.spec.account(cx, input, &records, &self.finished[..count]);
        if alive {
            if self.commit_due == Instant::FAR && self.plan.spec.commits_itself() {
                self.commit_due = cx.now.instant + self.plan.spec.commit_interval;
            }
            if let Some(publisher) = &mut self.publisher {
                if self.plan.spec.transactional {
                    publisher.begin(cx);
                }
                if !outputs.is_empty() {
                    publisher.send(cx, &outputs);
                }
            }
            let end = base_offset + count as i64;
            if let Some(position) = self.positions.get_mut(&run.partition) {
                position.processed = end;
            }
        }
        self.outputs = outputs;
        self.records = records;
    }

    /// Starts a commit of what was processed. False if there is nothing to commit.
    fn begin_commit(&mut self, cx: &mut ActorContext<'_>) -> bool {
        self.commit_due = Instant::FAR;
        self.committing = self
            .positions
            .iter()
            .filter(|(_, p)| p.processed > p.committed)
            .map(|(&partition, p)| (partition, p.processed))
            .collect();
        if self.plan.spec.transactional {
            return self.send_offsets(cx);
        }
        if self.committing.is_empty() || self.plan.spec.commit != Commit::AfterProcessing {
            return false;
        }
        match &mut self.publisher {
            Some(publisher) => {
                publisher.flush();
                self.step = Step::Flushing;
            }
            None => self.commit_offsets(cx),
        }
        true
    }

    fn send_offsets(&mut self, cx: &mut ActorContext<'_>) -> bool {
        let Some(publisher) = &mut self.publisher else { return false };
        let Some(member) = self.consumer.as_ref().and_then(Consumer::group_metadata) else {
            return false;
        };
        if !publisher.in_transaction() {
            return false;
        }
        let abort = self.plan.spec.abort;
        self.aborts_on_purpose = self.draws.chance(abort.numerator, abort.denominator);
        if self.aborts_on_purpose {
            self.step = Step::Aborting;
            if !publisher.end(cx, false) {
                self.fail(cx);
            }
            return true;
        }
        let offsets = self.committing.iter().map(|&(partition, offset)| CommittedOffset {
            partition,
            offset,
            leader_epoch: None,
        });
        self.step = Step::SendingOffsets;
        if !publisher.send_offsets(cx, member, offsets.collect()) {
            self.abort(cx);
        }
        true
    }

    fn end_transaction(&mut self, cx: &mut ActorContext<'_>) {
        let Some(publisher) = &mut self.publisher else { return };
        self.step = Step::EndingTransaction;
        if !publisher.end(cx, true) {
            self.abort(cx);
        }
    }

    fn abort(&mut self, cx: &mut ActorContext<'_>) {
        if matches!(self.step, Step::Aborting | Step::Down(_) | Step::Initializing) {
            return;
        }
        let Some(publisher) = &mut self.publisher else { return };
        self.step = Step::Aborting;
        self.polled.clear();
        self.run = 0;
        self.within = 0;
        if !publisher.end(cx, false) {
            self.fail(cx);
        }
    }

    /// After an abort: everything since the last commit is read again.
    fn rewind(&mut self, cx: &mut ActorContext<'_>) {
        self.polled.clear();
        self.run = 0;
        self.within = 0;
        if cx.shared.rules.failed_output == FailedOutput::Ignore && !self.aborts_on_purpose {
            return;
        }
        let Some(consumer) = &mut self.consumer else { return };
        let owned = consumer.assignment();
        for (&partition, position) in &mut self.positions {
            position.processed = position.committed;
            let to = position.committed;
            if owned.contains(&partition) {
                consumer.seek(partition, to);
                let at = cx.now.instant.0;
                cx.shared.recorder.position_reset(self.consumer_id, partition.0, to.0, at);
            }
            self.plan.service.rewind(cx.shared, partition, to);
        }
    }

    fn commit_offsets(&mut self, cx: &mut ActorContext<'_>) {
        if self.publisher.as_mut().is_some_and(|p| p.take_failed() > 0)
            && cx.shared.rules.failed_output == FailedOutput::Rewind
        {
            // An output failed for certain: its input must be processed again.
            self.rewind(cx);
            self.step = Step::Ready;
            return;
        }
        self.step = match self.commit_sync(cx) {
            Some(id) => Step::Committing(id),
            None => Step::Ready,
        };
    }

    fn commit_sync(&mut self, cx: &mut ActorContext<'_>) -> Option<CommitId> {
        let offsets: Vec<CommittedOffset> = self
            .committing
            .iter()
            .map(|&(partition, offset)| CommittedOffset { partition, offset, leader_epoch: None })
            .collect();
        let consumer = self.consumer.as_mut()?;
        cx.shared.recorder.calls_started(CallKind::CommitOffsets, 1);
        let id = cx.client(Port::CONSUMER, &mut self.consumer_draws, |cx| {
            consumer.commit_sync(cx, offsets)
        });
        Some(id)
    }

    fn offsets_committed(&mut self, cx: &mut ActorContext<'_>, id: CommitId, worked: bool) {
        match self.step {
            Step::CommittingFirst(waiting) if waiting == id => {
                cx.shared.recorder.calls_ended(CallKind::CommitOffsets, 1);
                if worked {
                    self.committed(cx);
                }
                self.step = Step::Ready;
            }
            Step::Committing(waiting) if waiting == id => {
                cx.shared.recorder.calls_ended(CallKind::CommitOffsets, 1);
                if worked {
                    self.committed(cx);
                }
                self.step = Step::Ready;
            }
            _ => {}
        }
    }

    /// What was being committed stands.
    fn committed(&mut self, cx: &mut ActorContext<'_>) {
        let member = self.consumer.as_ref().and_then(Consumer::group_metadata);
        let Some((group, ..)) = member else { return };
        let at = cx.now.instant.0;
        for (partition, offset) in std::mem::take(&mut self.committing) {
            if let Some(position) = self.positions.get_mut(&partition) {
                position.committed = position.committed.max(offset);
            }
            cx.shared.recorder.committed_offset(group.0, partition.0, offset.0, at);
            self.plan.service.committed(cx.shared, partition, offset);
        }
    }

    /// The process cannot go on: it ends, and is started again after a while.
    fn fail(&mut self, cx: &mut ActorContext<'_>) {
        self.stop(cx);
        self.step = Step::Down(cx.now.instant + self.plan.spec.restart);
    }

    fn stop(&mut self, cx: &mut ActorContext<'_>) {
        if matches!(self.step, Step::Committing(_) | Step::CommittingFirst(_)) {
            cx.shared.recorder.calls_ended(CallKind::CommitOffsets, 1);
        }
        if let Some(mut publisher) = self.publisher.take() {
            publisher.lost(cx);
        }
        for partition in self.positions.keys() {
            cx.shared.recorder.revoked(self.consumer_id, partition.0, cx.now.instant.0);
        }
        self.consumer = None;
        self.positions.clear();
        self.polled.clear();
        self.run = 0;
        self.within = 0;
        self.leaving.clear();
        self.commit_now = false;
        self.commit_due = Instant::FAR;
        for node in &self.plan.spec.brokers {
            cx.outputs.push((Port::PRODUCER, ClientOutput::Close { to: *node }));
            cx.outputs.push((Port::CONSUMER, ClientOutput::Close { to: *node }));
            cx.outputs.push((Port::CONSUMER, ClientOutput::CloseCoordinator { to: *node }));
        }
    }

    fn next_wake(&self) -> Instant {
        match self.step {
            Step::Working(until) => until,
            Step::Down(at) => at,
            Step::Ready => self.commit_due,
            _ => Instant::FAR,
        }
    }

    fn uncommitted(&self) -> bool {
        let commits = self.plan.spec.transactional || self.plan.spec.commits_itself();
        commits && self.positions.values().any(|p| p.processed > p.committed)
    }
}

impl Actor for Worker {
    fn start(&mut self, cx: &mut ActorContext<'_>) {
        self.starts += 1;
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
        if let (Some(topic), Some(name_of)) = (spec.output_topic(cx), &spec.output) {
            let topic = (name_of.as_str(), topic);
            let config = spec.producer_config(cx, self.plan.number);
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

    fn is_idle(&self) -> bool {
        self.step == Step::Ready
            && self.run >= self.polled.runs.len()
            && !self.uncommitted()
            && self.publisher.as_ref().is_none_or(Publisher::is_idle)
    }

    fn busy(&self) -> u64 {
        self.busy
    }
}
