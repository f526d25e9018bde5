//! One batch of the accumulator, and the pool they live in.

use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::records::{BATCH_OVERHEAD_BYTES, Codec, Packing};
use broker_model::types::{
    BatchId, Duration, Instant, LeaderEpoch, MILLISECOND, ProducerEpoch, RecordId,
};

use super::super::backoff::Backoff;
use super::super::murmur2::key_bytes;
use super::super::record_size::{NO_HEADERS, batch_bound, record_bytes};
use super::config::ProducerConfig;
use super::ratio::{RatioEstimate, ratio};
use crate::records::{NO_KEY, Record};

/// A batch in the [`BatchPool`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BatchRef(u32);

/// What makes a batch unique at a broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pub(super) producer: ProducerIdAndEpoch,
    pub(super) base_sequence: i32,
}

/// What an appended record did to its batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Appended {
    /// Bytes it added, as far as can be expected.
    pub(super) bytes: u32,
    /// Whether the batch is full now.
    pub(super) full: bool,
}

/// A batch from its first record until its outcome is told (`ProducerBatch`).
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Slot of its partition.
    pub(super) partition: u32,
    /// Rises with every batch; a split passes it on. For `flush`.
    pub(super) serial: u64,
    /// The records, until a body is made of them.
    pub(super) records: Vec<RecordId>,
    pub(super) count: u32,
    pub(super) created: Instant,
    pub(super) last_attempt: Instant,
    pub(super) attempts: u32,
    leader_epoch: LeaderEpoch,
    attempts_when_leader_changed: u32,
    /// What its records take.
    packing: Packing,
    /// How well they are expected to compress.
    estimate: RatioEstimate,
    /// Where it counts as full.
    write_limit: u32,
    /// What it takes of `buffer.memory`.
    pub(super) held: u32,
    base_time: u64,
    latest: u64,
    /// The record with the largest timestamp.
    pub(super) latest_record: RecordId,
    /// Takes no more records.
    pub(super) closed: bool,
    /// The application has been told.
    pub(super) done: bool,
    /// In a request that has not been answered.
    pub(super) in_flight: bool,
    /// Has a sequence.
    pub(super) identity: Option<Identity>,
    /// The batch that it was cut from by a split, and from which position.
    pub(super) cut_from: Option<(BatchId, u32)>,
    /// The body in the run's arena, once drained.
    pub(super) body: Option<BatchId>,
    /// Its sequence was changed after it was first sent.
    pub(super) sequence_reset: bool,
    /// Was put back in the queue at least once.
    pub(super) in_retry: bool,
    /// Some attempt may have reached the log.
    pub(super) maybe_written: bool,
    /// Its producer id or epoch was changed while some attempt might have reached the log with the
    /// old one.
    pub(super) renumbered: bool,
}

/// Lengths of a record as its serializers give them: key (`None` for null) and value.
#[inline]
pub(super) fn lengths(record: &Record) -> (Option<u32>, Option<u32>) {
    if record.key == NO_KEY {
        return (None, Some(record.size));
    }
    let key = key_bytes(record.key);
    (Some(key), (!record.tombstone).then(|| record.size.saturating_sub(key)))
}

/// The most a batch of this one record can take.
pub(super) fn bound(record: &Record) -> u32 {
    let (key, value) = lengths(record);
    batch_bound(key, value, NO_HEADERS)
}

impl Batch {
    pub(super) fn new(
        partition: u32,
        serial: u64,
        (write_limit, estimate): (u32, RatioEstimate),
        now: Instant,
    ) -> Self {
        Self {
            partition,
            serial,
            records: Vec::new(),
            count: 0,
            created: now,
            last_attempt: now,
            attempts: 0,
            leader_epoch: LeaderEpoch(-1),
            attempts_when_leader_changed: 0,
            packing: Packing::default(),
            estimate,
            write_limit,
            held: 0,
            base_time: 0,
            latest: 0,
            latest_record: RecordId(0),
            closed: false,
            done: false,
            in_flight: false,
            identity: None,
            cut_from: None,
            body: None,
            sequence_reset: false,
            renumbered: false,
            in_retry: false,
            maybe_written: false,
        }
    }

    /// Adds a record if there is room (`MemoryRecordsBuilder.hasRoomFor`); the first always fits.
    #[inline]
    pub(super) fn try_append(
        &mut self,
        config: &ProducerConfig,
        id: RecordId,
        record: &Record,
    ) -> Option<Appended> {
        if self.closed {
            return None;
        }
        let time = record.intended.0 / MILLISECOND;
        if self.count == 0 {
            self.base_time = time;
            self.latest = time;
            self.latest_record = id;
        }
        let (key, value) = lengths(record);
        let delta = time.cast_signed() - self.base_time.cast_signed();
        let bytes = record_bytes(self.count, delta, key, value, NO_HEADERS);
        let before = self.expected_bytes(config);
        if self.count > 0 && (before >= self.write_limit || self.write_limit - before < bytes) {
            return None;
        }
        self.packing.add(bytes, record.payload, config.compression);
        self.count += 1;
        self.records.push(id);
        if time > self.latest {
            self.latest = time;
            self.latest_record = id;
        }
        let after = self.expected_bytes(config);
        Some(Appended { bytes: after - before, full: after >= self.write_limit })
    }

    /// What it is expected to take on the wire.
    #[inline]
    pub(super) fn expected_bytes(&self, config: &ProducerConfig) -> u32 {
        let bytes = self.packing.bytes;
        let compressed = config.compression != Codec::None;
        BATCH_OVERHEAD_BYTES + if compressed { self.estimate.expect(bytes) } else { bytes }
    }

    /// What it takes on the wire.
    pub(super) fn bytes(&self, config: &ProducerConfig) -> u32 {
        BATCH_OVERHEAD_BYTES + self.packing.compressed(config.compression)
    }

    /// What its records take.
    pub(super) const fn packing(&self) -> &Packing {
        &self.packing
    }

    /// What compression left of a byte of it, in millionths.
    pub(super) fn ratio(&self, config: &ProducerConfig) -> u32 {
        ratio(self.packing.bytes, self.packing.compressed(config.compression))
    }

    pub(super) fn is_full(&self, config: &ProducerConfig) -> bool {
        self.closed || (self.count > 0 && self.expected_bytes(config) >= self.write_limit)
    }

    /// Notes the partition's leader epoch, to know whether it changed since the last attempt.
    pub(super) fn update_leader_epoch(&mut self, epoch: LeaderEpoch) {
        if epoch > self.leader_epoch {
            self.attempts_when_leader_changed = self.attempts;
            self.leader_epoch = epoch;
        }
    }

    /// How long it must still wait after its last attempt, `None` if it need not (any more). A
    /// batch whose leader changed since does not wait (KIP-951). The jitter of a batch's wait is
    /// a function of the batch and the attempt, so that asking again gives the same.
    pub(super) fn backing_off(&self, backoff: &Backoff, seed: Option<u64>) -> Option<Duration> {
        if self.attempts == 0 || self.attempts_when_leader_changed == self.attempts {
            return None;
        }
        let bits =
            seed.map(|seed| crate::prng::mix(seed ^ (self.serial << 8) ^ u64::from(self.attempts)));
        Some(backoff.after(self.attempts - 1, bits))
    }

    /// First sequence, -1 without one.
    pub(super) fn base_sequence(&self) -> i32 {
        self.identity.map_or(-1, |identity| identity.base_sequence)
    }

    pub(super) fn last_sequence(&self) -> i32 {
        self.identity.map_or(-1, |identity| increment(identity.base_sequence, self.count) - 1)
    }

    /// Gives it another identity though it may have been sent with an older one.
    pub(super) fn rewrite(&mut self, producer: ProducerIdAndEpoch, base_sequence: i32) {
        let is_another = self.identity.is_none_or(|before| before.producer != producer);
        self.identity = Some(Identity { producer, base_sequence });
        self.sequence_reset = true;
        self.renumbered |= is_another && (self.maybe_written || self.in_flight);
    }

    /// The epoch it carries, `NONE` without one.
    pub(super) fn epoch(&self) -> ProducerEpoch {
        self.identity.map_or(ProducerEpoch::NONE, |identity| identity.producer.epoch)
    }
}

/// The sequence `by` records later; it goes from `i32::MAX` to 0.
pub(super) fn increment(sequence: i32, by: u32) -> i32 {
    let sum = i64::from(sequence) + i64::from(by);
    i32::try_from(sum % (i64::from(i32::MAX) + 1)).expect("a remainder of 2^31 fits")
}

/// All batches of a producer that are not forgotten, and spare vectors for their records.
#[derive(Clone, Debug, Default)]
pub(super) struct BatchPool {
    batches: Vec<Option<Batch>>,
    free: Vec<u32>,
    spare: Vec<Vec<RecordId>>,
}

impl BatchPool {
    pub(super) fn insert(&mut self, mut batch: Batch) -> BatchRef {
        if batch.records.capacity() == 0 {
            batch.records = self.spare.pop().unwrap_or_default();
        }
        if let Some(at) = self.free.pop() {
            self.batches[at as usize] = Some(batch);
            return BatchRef(at);
        }
        let at = u32::try_from(self.batches.len()).expect("buffer.memory bounds the batches");
        self.batches.push(Some(batch));
        BatchRef(at)
    }

    pub(super) fn get(&self, at: BatchRef) -> &Batch {
        self.batches[at.0 as usize].as_ref().expect("a batch is forgotten only when done with")
    }

    pub(super) fn get_mut(&mut self, at: BatchRef) -> &mut Batch {
        self.batches[at.0 as usize].as_mut().expect("a batch is forgotten only when done with")
    }

    pub(super) fn remove(&mut self, at: BatchRef) {
        if let Some(batch) = self.batches[at.0 as usize].take() {
            self.recycle(batch.records);
            self.free.push(at.0);
        }
    }

    pub(super) fn recycle(&mut self, mut records: Vec<RecordId>) {
        records.clear();
        if records.capacity() > 0 && self.spare.len() < 256 {
            self.spare.push(records);
        }
    }

    /// Every batch there is, in no meaningful order.
    pub(super) fn refs(&self) -> impl Iterator<Item = BatchRef> + '_ {
        (0_u32..).zip(&self.batches).filter(|(_, b)| b.is_some()).map(|(at, _)| BatchRef(at))
    }
}
