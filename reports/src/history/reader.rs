//! What consumers were given and what they were assigned.

use super::record_state::{RecordState, Walk};
use super::recorder::Recorder;
use super::send::Ids;
use super::transaction::Read;

/// `isolation.level`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isolation {
    /// Everything below the high watermark.
    ReadUncommitted,
    /// Below the last stable offset, without aborted records.
    ReadCommitted,
}

/// Records of one partition given to one consumer, at contiguous offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Poll {
    /// Who ([`Recorder::consumer`]).
    pub consumer: u32,
    /// From where.
    pub partition: u32,
    /// Offset of the first record.
    pub base_offset: i64,
    /// When, simulated ns.
    pub at_ns: u64,
}

impl Recorder {
    /// A consumer was assigned a partition and will read from `start`, the first offset it
    /// wants. Begins a new assignment even when it had the partition before.
    pub fn assigned(&mut self, consumer: u32, partition: u32, start: i64, at_ns: u64) {
        self.note(16, u64::from(consumer) << 32 | u64::from(partition), at_ns);
        self.digest.word(start.cast_unsigned());
        self.polls.start(consumer, partition, start);
        if self.topology.consumer_of(consumer).isolation == Isolation::ReadCommitted {
            self.removals.reads(partition);
        }
    }

    /// A consumer gave a partition up, or lost it.
    pub fn revoked(&mut self, consumer: u32, partition: u32, at_ns: u64) {
        self.note(17, u64::from(consumer) << 32 | u64::from(partition), at_ns);
        self.polls.stop(consumer, partition);
    }

    /// A consumer moved its position on purpose: a seek, or `auto.offset.reset`.
    pub fn position_reset(&mut self, consumer: u32, partition: u32, offset: i64, at_ns: u64) {
        self.note(18, u64::from(consumer) << 32 | u64::from(partition), at_ns);
        self.digest.word(offset.cast_unsigned());
        self.polls.start(consumer, partition, offset);
    }

    /// A group's committed offset moved.
    pub fn committed_offset(&mut self, group: u32, partition: u32, offset: i64, at_ns: u64) {
        self.note(19, u64::from(group) << 32 | u64::from(partition), at_ns);
        self.digest.word(offset.cast_unsigned());
        self.totals.offset_commits += 1;
    }

    /// Records were given to an application, at contiguous offsets from `poll.base_offset`;
    /// split where offsets jump (markers, aborted records).
    pub fn polled(&mut self, ids: impl Ids, poll: Poll) {
        self.note(20, u64::from(poll.consumer) << 32 | u64::from(poll.partition), poll.at_ns);
        self.digest.word(poll.base_offset.cast_unsigned());
        self.digest.ids(ids.clone());
        let count = ids.len();
        self.totals.polled += count as u64;
        self.polls.polled(&poll, count);
        let consumer = self.topology.consumer_of(poll.consumer);
        if let Some(partition) = self.topology.partition(poll.partition) {
            let phase = self.phases.current();
            self.flow.read(consumer.group, partition.topic, phase, count as u64);
        }
        let committed = consumer.isolation == Isolation::ReadCommitted;
        // Only what a read_committed reader was given is known to be committed.
        let seen = if committed { RecordState::POLLED } else { 0 };
        let mut walk = Walk::default();
        for (offset, id) in (poll.base_offset..).zip(ids) {
            if self.records.set(id, seen).is_none() {
                self.invented.polled(id, &poll, offset);
                continue;
            }
            let Some(index) = self.records.next_batch(id, &mut walk) else { continue };
            let batch = self.records.batch_at(index);
            if batch.partition != poll.partition {
                self.invented.misplaced(id, &poll, offset, batch.partition);
            }
            let judged = committed || self.every_reader;
            let (Some(number), true) = (batch.transaction(), judged) else { continue };
            let transaction = self.transactions.get_mut(number);
            transaction.seen_committed |= committed;
            if transaction.first_read.is_none() {
                transaction.first_read = Some(Read {
                    record: id,
                    partition: poll.partition,
                    offset,
                    consumer: poll.consumer,
                    at_ns: poll.at_ns,
                });
            }
        }
    }
}
