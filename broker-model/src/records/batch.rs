//! Batch bodies in an arena, apart from their placement on a log.
//!
//! A body is immutable and written once; append stamps a placement ([`LogEntry`]) because
//! a retry may place one body twice. Nothing clones or counts references.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::compression::Compressed;
use super::{Cleaned, GroupRecord, Payload, SentHeader, TransactionRecord};
use crate::types::{
    BatchId, CoordinatorEpoch, LeaderEpoch, Offset, ProducerEpoch, ProducerId, RecordId, Timestamp,
};

/// Size of a batch without records. Source: Kafka documentation, "Record Batch".
pub const BATCH_OVERHEAD_BYTES: u32 = 61;
/// Size of a batch with one end-transaction marker, as real Kafka writes it.
pub const MARKER_BATCH_BYTES: u32 = 78;

/// What is in a batch. Ranges are positions in the arena's side columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Client records: `count` ids from this position of the id column.
    Records {
        /// First position.
        first: u32,
    },
    /// An end-transaction marker.
    Marker {
        /// Commit, else abort.
        commit: bool,
        /// The coordinator that wrote it.
        coordinator_epoch: CoordinatorEpoch,
    },
    /// Records of a group coordinator, from this position of their column.
    Group {
        /// First position.
        first: u32,
    },
    /// Records of a transaction coordinator, from this position of their column.
    Transaction {
        /// First position.
        first: u32,
    },
}

/// An immutable batch body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Batch {
    /// The producer, or `NONE`.
    pub producer_id: ProducerId,
    /// Largest timestamp of its records.
    pub max_timestamp: Timestamp,
    /// First sequence, -1 without a producer id.
    pub base_sequence: i32,
    /// Offsets it takes. Records in it, unless compaction removed some
    /// ([`Batches::cleaned`]).
    pub count: u32,
    /// Bytes on the wire and on disk, header included, compressed.
    pub bytes: u32,
    /// What is in it.
    pub content: Content,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// Part of a transaction.
    pub transactional: bool,
    /// A control batch: never given to applications.
    pub control: bool,
}

impl Batch {
    /// Sequence of the last record; wraps to 0 after `i32::MAX`. -1 without a producer id.
    #[must_use]
    pub const fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return self.base_sequence;
        }
        let last = self.base_sequence as i64 + self.count as i64 - 1;
        (last % (i32::MAX as i64 + 1)) as i32
    }
}

/// What a client says of a batch when it closes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewBatch {
    /// The producer, or `NONE`.
    pub producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// First sequence, -1 without a producer id.
    pub base_sequence: i32,
    /// Part of a transaction.
    pub transactional: bool,
    /// Largest timestamp of its records.
    pub max_timestamp: Timestamp,
    /// Bytes on the wire, header included.
    pub bytes: u32,
}

/// A placement: one batch on one log. 16 bytes, copied from leader to follower.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogEntry {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// The body.
    pub batch: BatchId,
    /// The epoch of the leader that appended it (`partition_leader_epoch`).
    pub leader_epoch: LeaderEpoch,
}

/// What a rule may ask about single records: compaction wants keys, offset-for-time wants times,
/// codecs want to know what they are like.
pub trait RecordSource {
    /// The record's timestamp.
    fn timestamp(&self, record: RecordId) -> Timestamp;
    /// A number for the record's key, `None` for a null key.
    fn key(&self, record: RecordId) -> Option<u64>;
    /// Whether the record's value is null (a tombstone).
    fn is_tombstone(&self, record: RecordId) -> bool;
    /// What the record's content is like.
    fn payload(&self, _: RecordId) -> Payload {
        Payload::Unknown
    }
}

/// Knows of no record: for machines that never ask about one.
#[derive(Clone, Copy, Debug)]
pub struct NoRecords;

impl RecordSource for NoRecords {
    fn timestamp(&self, _: RecordId) -> Timestamp {
        Timestamp::NONE
    }
    fn key(&self, _: RecordId) -> Option<u64> {
        None
    }
    fn is_tombstone(&self, _: RecordId) -> bool {
        false
    }
}

/// The arena of all batches of a run.
#[derive(Clone, Debug, Default)]
pub struct Batches {
    bodies: Vec<Batch>,
    ids: Vec<RecordId>,
    group: Vec<GroupRecord>,
    transaction: Vec<TransactionRecord>,
    /// Headers of the few batches that came with odd ones.
    headers: BTreeMap<BatchId, SentHeader>,
    /// What cleanings left of bodies, in order of id.
    pub(super) cleaned: Vec<Cleaned>,
    /// How those are compressed that are.
    pub(super) compressed: Compressed,
    /// Bodies that bit rot spoiled, in order of id, with what they were.
    pub(super) spoiled: Vec<(BatchId, BatchId)>,
}

impl Batches {
    /// An empty arena.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The body of a batch. Panics on an id of another arena: a bug in us.
    #[must_use]
    pub fn get(&self, id: BatchId) -> &Batch {
        &self.bodies[id.index()]
    }

    /// How many bodies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bodies.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bodies.is_empty()
    }

    /// Client records of a batch as it was sent, none for other contents. Those that
    /// compaction removed are among them: [`Batches::runs`] says which are left.
    #[must_use]
    pub fn records(&self, id: BatchId) -> &[RecordId] {
        let body = self.get(id);
        match body.content {
            Content::Records { first } => &self.ids[range(first, body.count)],
            Content::Marker { .. } | Content::Group { .. } | Content::Transaction { .. } => &[],
        }
    }

    /// Group coordinator records left in a batch, none for other contents.
    pub fn group_records(&self, id: BatchId) -> impl Iterator<Item = &GroupRecord> + Clone {
        self.positions(id).filter_map(move |at| self.group_record(id, at))
    }

    /// The group coordinator record at a position of a batch, as it was written.
    #[must_use]
    pub fn group_record(&self, id: BatchId, at: u32) -> Option<&GroupRecord> {
        match self.get(id).content {
            Content::Group { first } => self.group.get((first + at) as usize),
            Content::Marker { .. } | Content::Records { .. } | Content::Transaction { .. } => None,
        }
    }

    /// Transaction coordinator records left in a batch, none for other contents.
    pub fn transaction_records(
        &self,
        id: BatchId,
    ) -> impl Iterator<Item = &TransactionRecord> + Clone {
        self.positions(id).filter_map(move |at| self.transaction_record(id, at))
    }

    /// The transaction coordinator record at a position of a batch, as it was written.
    #[must_use]
    pub fn transaction_record(&self, id: BatchId, at: u32) -> Option<&TransactionRecord> {
        match self.get(id).content {
            Content::Transaction { first } => self.transaction.get((first + at) as usize),
            Content::Marker { .. } | Content::Records { .. } | Content::Group { .. } => None,
        }
    }

    /// A client's batch. `records` must not be empty.
    pub fn push_records(&mut self, new: NewBatch, records: &[RecordId]) -> BatchId {
        assert!(!records.is_empty(), "a client never sends an empty batch");
        let first = position(self.ids.len());
        self.ids.extend_from_slice(records);
        let content = Content::Records { first };
        self.push_body(new, position(records.len()), content, false)
    }

    /// A part of a client's batch, from a position on: it keeps its place among all records that
    /// were ever sent.
    pub fn push_part(&mut self, whole: BatchId, from: u32, new: NewBatch, count: u32) -> BatchId {
        let body = *self.get(whole);
        let Content::Records { first } = body.content else { panic!("only clients split batches") };
        assert!(count > 0 && from + count <= body.count, "a part lies within its batch");
        self.push_body(new, count, Content::Records { first: first + from }, false)
    }

    /// Says that a client's batch came with this header.
    pub fn set_header(&mut self, id: BatchId, header: SentHeader) {
        self.headers.insert(id, header);
    }

    /// The header that a client's batch came with, unless it is the one that its body implies.
    #[must_use]
    pub fn header(&self, id: BatchId) -> Option<&SentHeader> {
        if self.headers.is_empty() { None } else { self.headers.get(&id) }
    }

    /// The same records again under another producer identity (after an epoch bump).
    pub fn restamp(&mut self, id: BatchId, new: NewBatch) -> BatchId {
        let body = *self.get(id);
        let stamped = self.push_body(new, body.count, body.content, body.control);
        self.compressed_as(stamped, id);
        stamped
    }

    /// An end-transaction marker.
    pub fn push_marker(
        &mut self,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        commit: bool,
        coordinator_epoch: CoordinatorEpoch,
        timestamp: Timestamp,
    ) -> BatchId {
        let new = NewBatch {
            producer_id,
            producer_epoch,
            base_sequence: -1,
            transactional: true,
            max_timestamp: timestamp,
            bytes: MARKER_BATCH_BYTES,
        };
        self.push_body(new, 1, Content::Marker { commit, coordinator_epoch }, true)
    }

    /// Records of a group coordinator; `new` carries the producer for transactional offsets.
    pub fn push_group(&mut self, new: NewBatch, records: Vec<GroupRecord>) -> BatchId {
        assert!(!records.is_empty(), "a coordinator never writes an empty batch");
        let first = position(self.group.len());
        let count = position(records.len());
        self.group.extend(records);
        self.push_body(new, count, Content::Group { first }, false)
    }

    /// Records of a transaction coordinator.
    pub fn push_transaction(&mut self, new: NewBatch, records: Vec<TransactionRecord>) -> BatchId {
        assert!(!records.is_empty(), "a coordinator never writes an empty batch");
        let first = position(self.transaction.len());
        let count = position(records.len());
        self.transaction.extend(records);
        self.push_body(new, count, Content::Transaction { first }, false)
    }

    fn push_body(&mut self, new: NewBatch, count: u32, content: Content, control: bool) -> BatchId {
        self.push_existing(Batch {
            producer_id: new.producer_id,
            max_timestamp: new.max_timestamp,
            base_sequence: new.base_sequence,
            count,
            bytes: new.bytes,
            content,
            producer_epoch: new.producer_epoch,
            transactional: new.transactional,
            control,
        })
    }

    pub(super) fn push_existing(&mut self, body: Batch) -> BatchId {
        let id = BatchId(position(self.bodies.len()));
        self.bodies.push(body);
        id
    }
}

impl NewBatch {
    /// A batch without a producer id, as brokers write for themselves.
    #[must_use]
    pub const fn plain(bytes: u32, timestamp: Timestamp) -> Self {
        Self {
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: -1,
            transactional: false,
            max_timestamp: timestamp,
            bytes,
        }
    }
}

fn position(n: usize) -> u32 {
    u32::try_from(n).expect("an arena holds fewer than 2^32 entries")
}

fn range(first: u32, count: u32) -> core::ops::Range<usize> {
    first as usize..first as usize + count as usize
}
