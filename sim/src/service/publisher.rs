//! The producing side of a service: one producer, and the account of what it sends.

use std::collections::VecDeque;

use broker_model::io::Disconnected;
use broker_model::protocol::Response;
use broker_model::protocol::group::CommittedOffset;
use broker_model::types::{Instant, NodeId, RecordId, TopicId};
use reports::history::Session;
use reports::metric::StageId;

use super::account::{Account, Told};
use crate::client::producer::{
    NextBatch, Operation, Producer, ProducerConfig, ProducerError, ProducerEvent, Refusal,
    SendOutcome,
};
use crate::client::{Correlation, GroupMetadata};
use crate::prng::Stream;
use crate::world::{ActorContext, Port};

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

/// A producer with the account of its batches.
#[derive(Debug)]
pub struct Publisher {
    producer: Producer,
    draws: Stream,
    topic: TopicId,
    /// Records behind the one whose `send` waits, and that one.
    backlog: VecDeque<RecordId>,
    account: Account,
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
        let account = Account::new(session, produce_stage);
        Self { producer, draws, topic, backlog: VecDeque::new(), account }
    }

    /// From now on what becomes of every batch is kept for [`Self::take_told`].
    pub fn tell_everything(&mut self) {
        self.account.tell_everything();
    }

    /// What became of records since this was last asked, in order.
    pub fn take_told(&mut self) -> Vec<Told> {
        self.account.take_told()
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
        while done < records.len() {
            let (producer, topic, rest) = (&mut self.producer, self.topic, &records[done..]);
            let outcome =
                cx.client(Port::PRODUCER, &mut self.draws, |cx| producer.send_run(cx, topic, rest));
            done += outcome.accepted;
            let error = match outcome.stopped {
                SendOutcome::Accepted | SendOutcome::BufferFull | SendOutcome::NoMetadata => {
                    return done;
                }
                SendOutcome::NotTaken(error) => {
                    self.account.refused(cx, topic, &records[done..=done], error);
                    done += 1;
                    continue;
                }
                SendOutcome::Refused(Refusal::Failed(error)) => error,
                SendOutcome::Refused(Refusal::IllegalState) => ProducerError::IllegalState,
            };
            // The first of them is queued all the same: its batch tells of it. At this exception
            // the application stops sending.
            self.account.threw(records[done], error);
            self.account.refused(cx, topic, &records[done + 1..], error);
            return records.len();
        }
        done
    }

    /// Records that wait for buffer memory or metadata: `send` blocks the application.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Nothing queued, nothing in flight, no transaction.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.producer.is_idle() && !self.in_transaction()
    }

    /// What its producer will send next, where nothing is under way.
    #[must_use]
    pub fn next_batches(&self) -> Vec<NextBatch> {
        self.producer.next_batches().collect()
    }

    /// Whether a transaction is open.
    #[must_use]
    pub const fn in_transaction(&self) -> bool {
        self.account.in_transaction()
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
        self.account.sends(cx, first_output);
        while let Some(event) = self.producer.poll_event() {
            self.event(cx, event, signals);
        }
    }

    fn event(
        &mut self,
        cx: &mut ActorContext<'_>,
        event: ProducerEvent,
        signals: &mut Vec<Signal>,
    ) {
        match event {
            ProducerEvent::Completed { partition, batch, outcome, renumbered } => {
                self.account.completed(cx, (partition, batch), outcome, renumbered);
            }
            ProducerEvent::Initialized => signals.push(Signal::Initialized),
            ProducerEvent::OffsetsSent(Ok(())) => signals.push(Signal::OffsetsSent),
            ProducerEvent::OffsetsSent(Err(_)) | ProducerEvent::Abortable(_) => {
                signals.push(Signal::MustAbort);
            }
            ProducerEvent::Committed => {
                self.account.transaction_ended(cx, true);
                signals.push(Signal::Committed);
            }
            ProducerEvent::Aborted => {
                self.account.transaction_ended(cx, false);
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

    /// Records that certainly failed since this was last asked: the application saw the error.
    pub fn take_failed(&mut self) -> u64 {
        self.account.take_failed()
    }

    /// Records whose outcome became known since this was last asked.
    pub fn take_completed(&mut self) -> u64 {
        self.account.take_completed()
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
        if !self.in_transaction() && self.producer.begin().is_ok() {
            self.account.transaction_begun(cx);
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
        if asked.is_ok() {
            self.account.end_called(cx, commit);
        }
        asked.is_ok()
    }

    /// Asks for everything queued to be sent now.
    pub fn flush(&mut self) {
        self.producer.flush();
    }

    /// When it wants to be driven.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        self.producer.next_deadline()
    }

    /// The process is gone, and this producer with it: what was in flight is unknown for ever.
    pub fn lost(&mut self, cx: &mut ActorContext<'_>) {
        self.account.lost(cx);
        self.backlog.clear();
    }
}

const fn is_fencing(error: ProducerError) -> bool {
    use broker_model::protocol::ErrorCode;
    matches!(
        error,
        ProducerError::Code(ErrorCode::ProducerFenced | ErrorCode::InvalidProducerEpoch)
    )
}
