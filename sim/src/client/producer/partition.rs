//! What a producer keeps for each partition: its queue, its batches in flight, its sequences.

use std::collections::VecDeque;

use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::types::{PartitionId, TopicId};

use super::batch::{BatchPool, BatchRef};

/// How far a partition is in the current transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Membership {
    /// Not part of it.
    #[default]
    Outside,
    /// To be added by the next `AddPartitionsToTxn` (protocol v1).
    New,
    /// In an `AddPartitionsToTxn` without answer.
    Pending,
    /// Part of it.
    Added,
}

/// Sequence bookkeeping of one partition (`TxnPartitionEntry`).
#[derive(Clone, Debug)]
pub(super) struct Sequences {
    /// Whether the client keeps sequences of this partition yet.
    pub(super) tracked: bool,
    /// The producer id and epoch of its batches.
    pub(super) producer: ProducerIdAndEpoch,
    /// What the next drained batch gets.
    pub(super) next: i32,
    /// -1 if none.
    pub(super) last_acked: i32,
    /// -1 if none.
    pub(super) last_acked_offset: i64,
    /// The sequence after the last batch whose outcome is unknown, if there is such a batch.
    pub(super) unresolved: Option<i32>,
    /// A batch expired in its first attempt: Java does not look whether that left a gap
    /// (`Sender.sendProducerData` asks `inRetry`) before a leader refuses the next one.
    pub(super) unexamined: bool,
    /// Batches with a sequence and no outcome, in flight or in retry, in order of sequence.
    pub(super) outstanding: Vec<BatchRef>,
}

impl Sequences {
    const fn new() -> Self {
        Self {
            tracked: false,
            producer: ProducerIdAndEpoch::NONE,
            next: 0,
            last_acked: -1,
            last_acked_offset: -1,
            unresolved: None,
            unexamined: false,
            outstanding: Vec::new(),
        }
    }

    /// Forgets everything (`TxnPartitionMap.reset`); what is outstanding stays known.
    pub(super) fn reset(&mut self) {
        let outstanding = core::mem::take(&mut self.outstanding);
        *self = Self { outstanding, ..Self::new() };
    }

    pub(super) const fn is_next(&self, sequence: i32) -> bool {
        sequence.wrapping_sub(self.last_acked) == 1
    }

    pub(super) fn track(&mut self, pool: &BatchPool, batch: BatchRef) {
        let sequence = pool.get(batch).base_sequence();
        let at = self.outstanding.partition_point(|&b| pool.get(b).base_sequence() <= sequence);
        self.outstanding.insert(at, batch);
    }

    pub(super) fn untrack(&mut self, batch: BatchRef) {
        self.outstanding.retain(|&b| b != batch);
    }

    /// Numbers everything outstanding from 0 under a new identity.
    pub(super) fn start_at_beginning(
        &mut self,
        pool: &mut BatchPool,
        producer: ProducerIdAndEpoch,
    ) {
        let mut sequence = 0;
        for &at in &self.outstanding {
            let batch = pool.get_mut(at);
            batch.rewrite(producer, sequence);
            sequence = super::batch::increment(sequence, batch.count);
        }
        self.tracked = true;
        self.unexamined = false;
        self.producer = producer;
        self.next = sequence;
        self.last_acked = -1;
    }

    /// A batch was refused for good: those behind it take over its sequences, in the same epoch
    /// (`adjustSequencesDueToFailedBatch`).
    pub(super) fn close_gap(&mut self, pool: &mut BatchPool, base_sequence: i32, count: u32) {
        if !self.tracked {
            return;
        }
        let count = count.cast_signed();
        self.next = (self.next - count).max(0);
        for &at in &self.outstanding {
            let batch = pool.get_mut(at);
            if let Some(identity) = batch.identity
                && identity.base_sequence >= base_sequence
            {
                batch.rewrite(identity.producer, (identity.base_sequence - count).max(0));
            }
        }
    }
}

/// One partition.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) id: PartitionId,
    pub(super) topic: TopicId,
    /// Batches not in flight, oldest first; only the last may take records.
    pub(super) queue: VecDeque<BatchRef>,
    /// Batches in flight, oldest first.
    pub(super) in_flight: Vec<BatchRef>,
    pub(super) sequences: Sequences,
    pub(super) membership: Membership,
    /// A batch is in flight and order is guaranteed by sending nothing else.
    pub(super) muted: bool,
    /// Number of ready checks before its first batch; `u64::MAX` before that.
    pub(super) started_at: u64,
    /// The ready check that last saw a queue here, and how long it was.
    pub(super) seen: (u64, u32),
    /// Whether it is in the list of partitions with a queue.
    pub(super) active: bool,
}

/// The partitions a producer has to do with, by slot and by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Partitions {
    list: Vec<Partition>,
    by_id: Vec<u32>,
}

const NO_SLOT: u32 = u32::MAX;

impl Partitions {
    /// The slot of a partition of a topic, a new one if need be.
    pub(super) fn slot(&mut self, topic: TopicId, id: PartitionId) -> u32 {
        if self.by_id.len() <= id.index() {
            self.by_id.resize(id.index() + 1, NO_SLOT);
        }
        if self.by_id[id.index()] == NO_SLOT {
            self.by_id[id.index()] =
                u32::try_from(self.list.len()).expect("fewer slots than partitions");
            self.list.push(Partition {
                id,
                topic,
                queue: VecDeque::new(),
                in_flight: Vec::new(),
                sequences: Sequences::new(),
                membership: Membership::Outside,
                muted: false,
                started_at: u64::MAX,
                seen: (0, 0),
                active: false,
            });
        }
        self.by_id[id.index()]
    }

    /// The slot of a partition this producer has had to do with.
    pub(super) fn find(&self, id: PartitionId) -> Option<u32> {
        self.by_id.get(id.index()).copied().filter(|&slot| slot != NO_SLOT)
    }

    pub(super) fn get(&self, slot: u32) -> &Partition {
        &self.list[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Partition {
        &mut self.list[slot as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Partition> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.list.iter_mut()
    }
}
