//! A producer's inner state for dialogues and tests.

use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::types::{Instant, NodeId, PartitionId, ProducerEpoch, TopicId};

use super::super::metadata::ClientMetadata;
use super::Producer;
use super::batch::BatchRef;
use super::event::{ProducerError, ProducerEvent};
use super::ratio::RatioEstimate;
use super::transaction::ProducerState;

/// An entry in the account of a scripted producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Journal {
    /// The application was told something.
    Event(ProducerEvent),
    /// The state changed.
    State(ProducerState, Option<ProducerError>),
    /// The producer id or epoch changed.
    Producer(ProducerIdAndEpoch),
}

/// A batch as [`Producer::inspect`] shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchView {
    /// First sequence, -1 without one.
    pub base_sequence: i32,
    /// The epoch it carries.
    pub epoch: ProducerEpoch,
    /// Its records.
    pub records: u32,
}

/// What the next batch of a producer to a partition will be, while none is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NextBatch {
    /// The partition.
    pub partition: PartitionId,
    /// Who sends it.
    pub producer: ProducerIdAndEpoch,
    /// Its first sequence.
    pub sequence: i32,
}

/// A partition as [`Producer::inspect`] shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionView {
    /// The partition.
    pub partition: PartitionId,
    /// Next sequence, last acknowledged one and epoch, if sequences are kept.
    pub sequences: Option<(i32, i32, ProducerEpoch)>,
    /// The outcome of some batch is unknown.
    pub unresolved: bool,
    /// Its batches in flight.
    pub in_flight: Vec<BatchView>,
    /// Its batches in the queue.
    pub queued: Vec<BatchView>,
    /// It waits for the one in flight.
    pub muted: bool,
}

impl Producer {
    /// What happened inside a scripted producer, with the number of outputs before it.
    pub fn take_journal(&mut self) -> Vec<(u64, Journal)> {
        self.journal.as_mut().map(core::mem::take).unwrap_or_default()
    }

    pub(super) fn note_state(&mut self) {
        let (state, error) = (self.txn.state, self.txn.last_error);
        if let Some(journal) = &mut self.journal {
            journal.push((self.outputs, Journal::State(state, error)));
        }
    }

    pub(super) fn note_producer(&mut self) {
        let producer = self.txn.producer;
        if let Some(journal) = &mut self.journal {
            journal.push((self.outputs, Journal::Producer(producer)));
        }
    }

    /// The state of the producer id and the transaction, with the error behind an error state.
    #[must_use]
    pub fn state(&self) -> (ProducerState, Option<ProducerError>) {
        let error = if self.txn.has_error() { self.txn.last_error } else { None };
        (self.txn.state, error)
    }

    /// Producer id and epoch.
    #[must_use]
    pub const fn producer(&self) -> ProducerIdAndEpoch {
        self.txn.producer
    }

    /// Whether the open transaction is of version 2 (KIP-890).
    #[must_use]
    pub const fn is_transaction_v2(&self) -> bool {
        self.txn.v2
    }

    /// What is left of `buffer.memory` in bytes.
    #[must_use]
    pub const fn available_memory(&self) -> u64 {
        self.memory
    }

    /// The partitions it had to do with.
    #[must_use]
    pub fn inspect(&self) -> Vec<PartitionView> {
        let view = |at: &BatchRef| {
            let batch = self.pool.get(*at);
            BatchView {
                base_sequence: batch.base_sequence(),
                epoch: batch.epoch(),
                records: batch.count,
            }
        };
        let seen =
            |p: &&super::partition::Partition| p.started_at != u64::MAX || p.sequences.tracked;
        let partitions = self.partitions.iter().filter(seen);
        partitions
            .map(|p| PartitionView {
                partition: p.id,
                sequences: p.sequences.tracked.then_some((
                    p.sequences.next,
                    p.sequences.last_acked,
                    p.sequences.producer.epoch,
                )),
                unresolved: p.sequences.unresolved.is_some(),
                in_flight: p.in_flight.iter().map(view).collect(),
                queued: p.queue.iter().map(view).collect(),
                muted: p.muted,
            })
            .collect()
    }

    /// What comes next on the partitions of which nothing is under way; nothing of a partition
    /// whose next batch begins a new epoch, nor of a transactional producer, whose application ends
    /// what failed.
    pub fn next_batches(&self) -> impl Iterator<Item = NextBatch> {
        let producer = self.txn.producer;
        let alone = self.config.transactional_id.is_none();
        let bumps = self.txn.bump_required;
        let continues = move |p: &&super::partition::Partition| {
            let sequences = &p.sequences;
            let continues = sequences.tracked && sequences.producer == producer;
            // What expired is looked into when the producer next has something to do, or not at all.
            let examined = sequences.unresolved.is_none() && !sequences.unexamined;
            alone && continues && examined && !bumps && sequences.outstanding.is_empty()
        };
        let next = move |p: &super::partition::Partition| NextBatch {
            partition: p.id,
            producer,
            sequence: p.sequences.next,
        };
        self.partitions.iter().filter(continues).map(next)
    }

    /// For scripts: the metadata, to be loaded from outside.
    pub const fn metadata_mut(&mut self) -> &mut ClientMetadata {
        &mut self.metadata
    }

    /// For scripts: what compression is expected to leave of a byte of a topic, in millionths.
    pub fn assume_compression_ratio(&mut self, topic: TopicId, millionths: u32) {
        self.topic_mut(topic).ratio = RatioEstimate::of(millionths);
    }

    /// For scripts: a producer that has its id, and its coordinator if it is transactional.
    pub fn assume_initialized(&mut self, producer: ProducerIdAndEpoch, coordinator: NodeId) {
        self.txn.producer = producer;
        self.txn.state = ProducerState::Ready;
        self.txn.coordinator = self.config.transactional_id.map(|_| coordinator);
    }

    /// For scripts: whether it has something to do at this time.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.next_deadline() <= now
    }
}
