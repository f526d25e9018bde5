//! The producing side of a service: one producer, and what becomes of every batch it sends.

use std::collections::{BTreeMap, VecDeque};

use broker_model::io::Disconnected;
use broker_model::protocol::group::CommittedOffset;
use broker_model::protocol::{Request, Response};
use broker_model::types::{BatchId, Instant, NodeId, PartitionId, RecordId, TopicId};
use reports::history::CallKind;
use reports::history::{Acknowledged, Sent, Session};
use reports::metric::StageId;

use crate::client::producer::{
    Operation, Outcome, Producer, ProducerConfig, ProducerError, ProducerEvent, Refusal,
    SendOutcome,
};
use crate::client::{ClientOutput, Correlation, GroupMetadata};
use crate::prng::Stream;
use crate::world::{ActorContext, Port, Shared};

/// Something the service must react to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// `initTransactions` returned.
    Initialized,
    /// Offsets are part of the transaction.
    OffsetsSent,
    /// The transaction is committed.
    Committed,
    /// The transaction is aborted.
    Aborted,
    /// The transaction must be aborted.
    MustAbort,
    /// A commit or abort did not return in time: the same call must be made again.
    Repeat(Operation),
    /// The producer is of no more use. True if another producer fenced it.
    Fatal(bool),
    /// `flush` returned.
    Flushed,
}

/// What became of records that somebody waits for one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// All records of a batch.
    Batch(PartitionId, BatchId, Outcome),
    /// The producer never took this record.
    Refused(RecordId, ProducerError),
}

/// A producer with the account of its batches.
#[derive(Debug)]
pub struct Publisher {
    producer: Producer,
    draws: Stream,
    session: u32,
    topic: TopicId,
    produce_stage: Option<StageId>,
    backlog: VecDeque<RecordId>,
    /// When the `send` of its first record has waited for `max.block.ms`.
    blocked_until: Instant,
    outstanding: BTreeMap<BatchId, PartitionId>,
    newest: Option<BatchId>,
    transaction: Option<u32>,
    failed: u64,
    completed: u64,
    ending: bool,
    told: Option<Vec<Told>>,
}

impl Publisher {
    /// A new producer of an instance.
    pub fn new(
        cx: &mut ActorContext<'_>,
        config: ProducerConfig,
        mut draws: Stream,
        instance: u32,
        (topic_name, topic): (&str, TopicId),
        produce_stage: Option<StageId>,
    ) -> Self {
        let idempotent = config.idempotent();
        let ordered = idempotent || config.max_in_flight == 1;
        let mut producer = Producer::new(config, draws.bits())
            .expect("the plan refuses settings that contradict each other");
        producer.want_topic(topic_name);
        let session = cx.shared.recorder.session(Session { instance, idempotent, ordered });
        Self {
            producer,
            draws,
            session,
            topic,
            produce_stage,
            backlog: VecDeque::new(),
            blocked_until: Instant::FAR,
            outstanding: BTreeMap::new(),
            newest: None,
            transaction: None,
            failed: 0,
            completed: 0,
            ending: false,
            told: None,
        }
    }

    /// From now on what becomes of every batch is kept for [`Self::take_told`].
    #[cfg(madsim)]
    pub fn tell_everything(&mut self) {
        self.told = Some(Vec::new());
    }

    /// What became of records since this was last asked, in order.
    #[cfg(madsim)]
    pub fn take_told(&mut self) -> Vec<Told> {
        self.told.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What is sent from now on goes to another topic; nothing may wait for the one before.
    pub fn turn_to(&mut self, name: &str, topic: TopicId) {
        if self.topic != topic {
            self.producer.want_topic(name);
            self.topic = topic;
        }
    }

    /// Queues records behind those that wait for buffer memory, and sends what fits.
    pub fn send(&mut self, cx: &mut ActorContext<'_>, records: &[RecordId]) {
        if self.backlog.is_empty() {
            let accepted = self.send_run(cx, records);
            self.backlog.extend(&records[accepted..]);
        } else {
            self.backlog.extend(records);
        }
    }

    /// What waited goes first. The backlog stays where it is: while brokers are away it may hold
    /// the arrivals of seconds, and is offered again at every turn.
    fn send_backlog(&mut self, cx: &mut ActorContext<'_>) {
        if self.backlog.is_empty() {
            return;
        }
        let mut backlog = std::mem::take(&mut self.backlog);
        let accepted = self.send_run(cx, backlog.make_contiguous());
        backlog.drain(..accepted);
        self.backlog = backlog;
    }

    /// Sends what fits; gives how many records are dealt with, one way or the other.
    fn send_run(&mut self, cx: &mut ActorContext<'_>, records: &[RecordId]) -> usize {
        let mut done = 0;
        loop {
            let (producer, topic, rest) = (&mut self.producer, self.topic, &records[done..]);
            let outcome =
                cx.client(Port::PRODUCER, &mut self.draws, |cx| producer.send_run(cx, topic, rest));
            if outcome.accepted > 0 {
                self.blocked_until = Instant::FAR;
            }
            done += outcome.accepted;
            let error = match outcome.stopped {
                SendOutcome::Accepted => return done,
                SendOutcome::BufferFull | SendOutcome::NoMetadata => {
                    if self.may_wait(cx.now.instant) {
                        return done;
                    }
                    let error = self.producer.send_timed_out(outcome.stopped);
                    self.skipped(cx, &records[done..=done], error);
                    done += 1;
                    continue;
                }
                SendOutcome::TooLarge => {
                    self.skipped(cx, &records[done..=done], ProducerError::RecordTooLarge);
                    done += 1;
                    continue;
                }
                SendOutcome::Refused(Refusal::Failed(error)) => error,
                SendOutcome::Refused(Refusal::IllegalState) => ProducerError::IllegalState,
            };
            self.blocked_until = Instant::FAR;
            // The first of them is queued all the same: its batch tells of it. At this exception
            // the application stops sending.
            let behind = records.get(done + 1..).unwrap_or_default();
            self.failed += 1;
            if let Some(told) = &mut self.told {
                told.push(Told::Refused(records[done], error));
            }
            self.refused(cx, behind, error);
            return records.len();
        }
    }

    /// Whether the `send` of the first record still waits.
    fn may_wait(&mut self, now: Instant) -> bool {
        if self.blocked_until == Instant::FAR {
            self.blocked_until = now + self.producer.config().max_block;
        }
        now < self.blocked_until
    }

    /// A record never goes anywhere; the next one is sent all the same, and may wait as long.
    fn skipped(&mut self, cx: &mut ActorContext<'_>, record: &[RecordId], error: ProducerError) {
        self.blocked_until = Instant::FAR;
        self.refused(cx, record, error);
    }

    /// Records that the producer did not take: the application hears of it at once, and they count
    /// as sends that failed.
    fn refused(&mut self, cx: &mut ActorContext<'_>, records: &[RecordId], error: ProducerError) {
        let Some(&first) = records.first() else { return };
        self.failed += records.len() as u64;
        self.completed += records.len() as u64;
        if let Some(told) = &mut self.told {
            told.extend(records.iter().map(|&id| Told::Refused(id, error)));
        }
        // They are in no log: where the first of them would have gone stands for all.
        let hash = cx.shared.records.get(first).key_hash;
        let partition = cx.shared.topics.partition_for(self.topic, hash);
        let partition = partition.expect("a topic that a producer knows has partitions").0;
        let at_ns = cx.now.instant.0;
        let ids = || records.iter().map(|id| id.0);
        let (session, transaction) = (self.session, self.transaction);
        let sent = Sent { partition, session, transaction, at_ns };
        cx.shared.recorder.sent_once(ids(), sent);
        cx.shared.recorder.failed(ids(), error.name(), at_ns);
    }

    /// Records that wait for buffer memory or metadata: `send` blocks the application.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Nothing queued, nothing in flight, no transaction.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.producer.is_idle() && self.transaction.is_none()
    }

    /// Whether a transaction is open.
    #[must_use]
    pub const fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// An answer for the producer.
    pub fn response(
        &mut self,
        cx: &mut ActorContext<'_>,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        let producer = &mut self.producer;
        cx.client(Port::PRODUCER, &mut self.draws, |cx| {
            producer.response(cx, from, correlation, result);
        });
    }

    /// Lets the producer send and tells what happened.
    pub fn drive(&mut self, cx: &mut ActorContext<'_>, signals: &mut Vec<Signal>) {
        self.send_backlog(cx);
        let first_output = cx.outputs.len();
        let producer = &mut self.producer;
        cx.client(Port::PRODUCER, &mut self.draws, |cx| producer.turn(cx));
        self.account_sends(cx, first_output);
        while let Some(event) = self.producer.poll_event() {
            self.event(cx, event, signals);
        }
    }

    /// Batches that leave for the first time are on record from then on.
    fn account_sends(&mut self, cx: &mut ActorContext<'_>, first_output: usize) {
        let now = cx.now.instant;
        let sends = cx.outputs.get(first_output..).unwrap_or_default();
        for (_, output) in sends {
            let ClientOutput::Send { request: Request::Produce(produce), .. } = output else {
                continue;
            };
            let seen = self.newest;
            for data in &produce.partitions {
                if seen.is_none_or(|seen| data.batch > seen) {
                    self.account_sent(cx.shared, now, (data.partition, data.batch));
                    self.newest = self.newest.max(Some(data.batch));
                }
            }
        }
    }

    fn account_sent(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        (partition, batch): (PartitionId, BatchId),
    ) {
        self.outstanding.insert(batch, partition);
        let records = shared.batches.records(batch);
        shared.recorder.sent_once(
            records.iter().map(|id| id.0),
            Sent {
                partition: partition.0,
                session: self.session,
                transaction: self.transaction,
                at_ns: now.0,
            },
        );
    }

    fn event(
        &mut self,
        cx: &mut ActorContext<'_>,
        event: ProducerEvent,
        signals: &mut Vec<Signal>,
    ) {
        let at = cx.now.instant.0;
        match event {
            ProducerEvent::Completed { partition, batch, outcome, renumbered } => {
                if renumbered {
                    let ids = cx.shared.batches.records(batch).iter().map(|id| id.0);
                    cx.shared.recorder.renumbered(ids);
                }
                self.completed(cx, partition, batch, outcome);
            }
            ProducerEvent::Initialized => signals.push(Signal::Initialized),
            ProducerEvent::OffsetsSent(Ok(())) => signals.push(Signal::OffsetsSent),
            ProducerEvent::OffsetsSent(Err(_)) | ProducerEvent::Abortable(_) => {
                signals.push(Signal::MustAbort);
            }
            ProducerEvent::Committed => {
                self.end_returned(cx);
                if let Some(number) = self.transaction.take() {
                    cx.shared.recorder.transaction_committed(number, at);
                }
                signals.push(Signal::Committed);
            }
            ProducerEvent::Aborted => {
                self.end_returned(cx);
                if let Some(number) = self.transaction.take() {
                    cx.shared.recorder.transaction_aborted(number, at);
                }
                signals.push(Signal::Aborted);
            }
            ProducerEvent::OperationFailed(operation, ProducerError::BlockTimeout) => {
                signals.push(Signal::Repeat(operation));
            }
            ProducerEvent::OperationFailed(..) => signals.push(Signal::MustAbort),
            ProducerEvent::Fatal(error) => signals.push(Signal::Fatal(is_fencing(error))),
            ProducerEvent::Flushed => signals.push(Signal::Flushed),
            ProducerEvent::Closed => {}
        }
    }

    fn completed(
        &mut self,
        cx: &mut ActorContext<'_>,
        partition: PartitionId,
        batch: BatchId,
        outcome: Outcome,
    ) {
        if !self.outstanding.contains_key(&batch) {
            // It failed before it ever left.
            self.account_sent(cx.shared, cx.now.instant, (partition, batch));
        }
        self.outstanding.remove(&batch);
        if let Some(told) = &mut self.told {
            told.push(Told::Batch(partition, batch, outcome));
        }
        let records = cx.shared.batches.records(batch);
        self.completed += records.len() as u64;
        let ids = records.iter().map(|id| id.0);
        let at_ns = cx.now.instant.0;
        let recorder = &mut cx.shared.recorder;
        match outcome {
            Outcome::Acknowledged { base_offset } => {
                let bytes = u64::from(cx.shared.batches.get(batch).bytes);
                let answer = Acknowledged {
                    partition: partition.0,
                    base_offset: base_offset.0,
                    bytes,
                    at_ns,
                };
                recorder.acknowledged(ids, answer);
                if let Some(stage) = self.produce_stage {
                    let table = &cx.shared.records;
                    let spans = records.iter().map(|&id| (table.intended(id).0, at_ns));
                    recorder.completed_all(stage, spans);
                }
            }
            Outcome::Failed(error) => {
                self.failed += records.len() as u64;
                recorder.failed(ids, error.name(), at_ns);
            }
            Outcome::Unknown(error) => recorder.unknown(ids, error.name(), at_ns),
        }
    }

    /// Records that certainly failed since this was last asked: the application saw the error.
    pub fn take_failed(&mut self) -> u64 {
        std::mem::take(&mut self.failed)
    }

    /// Records whose outcome became known since this was last asked.
    pub fn take_completed(&mut self) -> u64 {
        std::mem::take(&mut self.completed)
    }

    /// Makes a call again that did not return within `max.block.ms`.
    pub fn repeat(&mut self, cx: &mut ActorContext<'_>, operation: Operation) {
        match operation {
            Operation::Initialize => self.initialize(cx),
            Operation::Commit => {
                self.end(cx, true);
            }
            Operation::Abort => {
                self.end(cx, false);
            }
            Operation::SendOffsets => {}
        }
    }

    /// Calls `initTransactions`.
    pub fn initialize(&mut self, cx: &mut ActorContext<'_>) {
        // A refusal shows itself as a fatal event.
        let _refused = self.producer.init_transactions(cx.now.instant);
    }

    /// Begins a transaction if none is open.
    pub fn begin(&mut self, cx: &mut ActorContext<'_>) {
        if self.transaction.is_some() {
            return;
        }
        if self.producer.begin().is_ok() {
            let at = cx.now.instant.0;
            self.transaction = Some(cx.shared.recorder.transaction_begun(self.session, at));
        }
    }

    /// Adds positions to the transaction. False if the producer refuses at once.
    pub fn send_offsets(
        &mut self,
        cx: &mut ActorContext<'_>,
        of: GroupMetadata,
        offsets: Vec<CommittedOffset>,
    ) -> bool {
        self.producer.send_offsets(cx.now.instant, of, offsets).is_ok()
    }

    /// Commits or aborts the transaction. False if the producer refuses at once.
    pub fn end(&mut self, cx: &mut ActorContext<'_>, commit: bool) -> bool {
        let now = cx.now.instant;
        let asked = if commit { self.producer.commit(now) } else { self.producer.abort(now) };
        if asked.is_ok() && !self.ending {
            self.ending = true;
            cx.shared.recorder.calls_started(CallKind::EndTransaction, 1);
        }
        asked.is_ok()
    }

    fn end_returned(&mut self, cx: &mut ActorContext<'_>) {
        if std::mem::take(&mut self.ending) {
            cx.shared.recorder.calls_ended(CallKind::EndTransaction, 1);
        }
    }

    /// Asks for everything queued to be sent now.
    pub fn flush(&mut self) {
        self.producer.flush();
    }

    /// When it wants to be driven.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        self.producer.next_deadline().min(self.blocked_until)
    }

    /// The process is gone: what was in flight is unknown for ever.
    pub fn lost(&mut self, cx: &mut ActorContext<'_>) {
        let at = cx.now.instant.0;
        for &batch in self.outstanding.keys() {
            let ids = cx.shared.batches.records(batch).iter().map(|id| id.0);
            cx.shared.recorder.unknown(ids, "the process ended", at);
        }
        self.outstanding.clear();
        self.backlog.clear();
        self.blocked_until = Instant::FAR;
        if let Some(number) = self.transaction.take() {
            cx.shared.recorder.transaction_unknown(number, at);
        }
        self.end_returned(cx);
    }
}

const fn is_fencing(error: ProducerError) -> bool {
    use broker_model::protocol::ErrorCode;
    matches!(
        error,
        ProducerError::Code(ErrorCode::ProducerFenced | ErrorCode::InvalidProducerEpoch)
    )
}
