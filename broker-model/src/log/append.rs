//! Appends: as leader with all checks, as follower with none but contiguity.

use super::Log;
use super::segment::Segment;
use super::sequence::Checked;
use super::verification::Verification;
use crate::config::TimestampType;
use crate::protocol::ErrorCode;
use crate::records::{Batch, Batches, Content, LogEntry, NewBatch, RecordSource};
use crate::rules::Rules;
use crate::types::{
    BatchId, Duration, LeaderEpoch, MILLISECOND, Now, Offset, ProducerEpoch, ProducerId, Timestamp,
};

/// Who wants a batch appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A client's Produce: sequences are checked.
    Client(Verification),
    /// A coordinator of this broker: no sequences; transactional for pending offsets.
    Coordinator(Verification),
}

/// What became of an append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendOutcome {
    /// It is in the log.
    Appended {
        /// The placement.
        entry: LogEntry,
        /// The log end offset after it.
        end: Offset,
        /// The append time on topics with `LogAppendTime`, else -1.
        append_time: Timestamp,
        /// It opened a new segment, so the one before should be flushed.
        rolled: bool,
        /// It is a client's, of a producer of whom nothing was known, and not its first.
        skips: bool,
    },
    /// The producer's batch is in the log already.
    Duplicate {
        /// Where.
        base_offset: Offset,
        /// First offset after it: an `acks=all` repeat waits for the high watermark there.
        end: Offset,
        /// Its timestamp, which Kafka reports as append time.
        append_time: Timestamp,
    },
    /// It was refused, and nothing changed.
    Refused {
        /// Why.
        error: ErrorCode,
        /// The log start offset where Kafka fills it in, else -1.
        log_start_offset: Offset,
    },
}

impl AppendOutcome {
    fn refused(error: ErrorCode) -> Self {
        Self::Refused { error, log_start_offset: Offset::NONE }
    }
}

impl Log {
    /// Appends a batch of records as leader, after Kafka's checks in Kafka's order: size,
    /// records (which the broker has [looked at](Log::check_records) if they are a client's),
    /// segment size, then those of the producer.
    pub fn append_as_leader(
        &mut self,
        now: Now,
        batch: BatchId,
        batches: &Batches,
        leader_epoch: LeaderEpoch,
        origin: Origin,
        rules: &Rules,
    ) -> AppendOutcome {
        let body = batches.get(batch);
        let log_start_offset = self.log_start;
        if let Err(error) = self.check_size(body) {
            return AppendOutcome::refused(error);
        }
        if body.control {
            // Markers come by `append_marker`; a client may not write them.
            return AppendOutcome::Refused { error: ErrorCode::InvalidRecord, log_start_offset };
        }
        let mut skips = false;
        if body.producer_id.is_some() {
            match self.check_producer(body, origin, rules) {
                Checked::Fine { skips: found } => skips = found,
                Checked::Duplicate { base_offset, timestamp } => {
                    let end = base_offset + i64::from(body.count);
                    return AppendOutcome::Duplicate { base_offset, end, append_time: timestamp };
                }
                Checked::Refused(error) => {
                    return AppendOutcome::Refused { error, log_start_offset };
                }
            }
        }
        let append_time = match self.config.timestamp_type {
            TimestampType::CreateTime => Timestamp::NONE,
            TimestampType::LogAppendTime => now.wall,
        };
        let entry = LogEntry { base_offset: self.log_end, batch, leader_epoch };
        let rolled = self.place(entry, body, false);
        AppendOutcome::Appended { entry, end: self.log_end, append_time, rolled, skips }
    }

    /// Appends an end-transaction marker as leader. Where the producer has no transaction
    /// open here the marker still takes an offset, and makes the producer known.
    pub fn append_marker(
        &mut self,
        batch: BatchId,
        batches: &Batches,
        leader_epoch: LeaderEpoch,
    ) -> AppendOutcome {
        let body = batches.get(batch);
        let Content::Marker { coordinator_epoch, .. } = body.content else {
            panic!("a marker has a marker's content");
        };
        let log_start_offset = self.log_start;
        if let Err(error) = self.check_size(body) {
            return AppendOutcome::refused(error);
        }
        if let Err(error) = self.check_marker(body, coordinator_epoch) {
            return AppendOutcome::Refused { error, log_start_offset };
        }
        let entry = LogEntry { base_offset: self.log_end, batch, leader_epoch };
        let rolled = self.place(entry, body, false);
        let append_time = Timestamp::NONE;
        AppendOutcome::Appended { entry, end: self.log_end, append_time, rolled, skips: false }
    }

    /// Appends what the leader placed. Says whether it opened a new segment. Where compaction
    /// has been before the follower, there is a gap.
    pub fn append_as_follower(&mut self, entry: LogEntry, batches: &Batches) -> bool {
        assert!(entry.base_offset >= self.log_end, "a follower appends behind what it has");
        assert!(
            self.latest_epoch().is_none_or(|latest| latest <= entry.leader_epoch),
            "leader epochs never fall along a log"
        );
        self.holes.push(self.log_end, entry.base_offset);
        self.place(entry, batches.get(entry.batch), batches.is_emptied(entry.batch))
    }

    /// What Kafka looks at record by record before a client's append: keys on compacted topics,
    /// `message.timestamp.before.max.ms` and `.after.max.ms` with `CreateTime`. A record without
    /// a key is bad for that, whatever its timestamp. A batch above `max.message.bytes` and a
    /// control batch are left to the append, whose checks of these come first.
    ///
    /// # Errors
    /// `INVALID_TIMESTAMP` if that is wrong with any record, else `INVALID_RECORD`; Kafka answers
    /// them with the log start offset. Source: Kafka, `LogValidator.processRecordErrors`.
    pub fn check_records(
        &self,
        wall: Timestamp,
        batch: BatchId,
        batches: &Batches,
        records: &dyn RecordSource,
    ) -> Result<(), ErrorCode> {
        let body = batches.get(batch);
        let compacted = self.config.cleanup_policy.compact;
        let looks_at_times = self.may_be_untimely(body, wall);
        if !(compacted || looks_at_times) || body.control || self.check_message_size(body).is_err()
        {
            return Ok(());
        }
        let mut keyless = false;
        for &record in batches.records(batch) {
            if compacted && records.key(record).is_none() {
                keyless = true;
            } else if looks_at_times && !self.is_timely(records.timestamp(record), wall) {
                return Err(ErrorCode::InvalidTimestamp);
            }
        }
        if keyless { Err(ErrorCode::InvalidRecord) } else { Ok(()) }
    }

    /// The body to append for a client's batch: on topics with `LogAppendTime` a new one that
    /// carries the leader's time, else the same.
    pub fn stamped(&self, now: Now, batch: BatchId, batches: &mut Batches) -> BatchId {
        if self.config.timestamp_type == TimestampType::CreateTime {
            return batch;
        }
        let body = *batches.get(batch);
        let new = NewBatch {
            producer_id: body.producer_id,
            producer_epoch: body.producer_epoch,
            base_sequence: body.base_sequence,
            transactional: body.transactional,
            max_timestamp: now.wall,
            bytes: body.bytes,
        };
        batches.restamp(batch, new)
    }

    /// `max.message.bytes` and `segment.bytes`.
    ///
    /// # Errors
    /// Kafka's error for a batch that is too large.
    pub fn check_size(&self, body: &Batch) -> Result<(), ErrorCode> {
        self.check_message_size(body)?;
        if body.bytes > self.config.segment_bytes {
            Err(ErrorCode::RecordListTooLarge)
        } else {
            Ok(())
        }
    }

    /// `max.message.bytes`, which Kafka looks at before it looks into the batch.
    ///
    /// # Errors
    /// Kafka's error for a batch that is too large.
    pub fn check_message_size(&self, body: &Batch) -> Result<(), ErrorCode> {
        if body.bytes > self.config.max_message_bytes {
            Err(ErrorCode::MessageTooLarge)
        } else {
            Ok(())
        }
    }

    /// Whether single timestamps must be looked at: not with the limits as they come, where the
    /// batch's largest one says enough.
    fn may_be_untimely(&self, body: &Batch, wall: Timestamp) -> bool {
        self.config.timestamp_type == TimestampType::CreateTime
            && (!self.is_timely(body.max_timestamp, wall)
                || i128::from(wall.0) > i128::from(self.config.timestamp_before_max / MILLISECOND))
    }

    /// Whether a timestamp is within the limits. None at all is.
    fn is_timely(&self, timestamp: Timestamp, wall: Timestamp) -> bool {
        let ahead = i128::from(timestamp.0) - i128::from(wall.0);
        let limit = |d: Duration| i128::from(d / MILLISECOND);
        timestamp == Timestamp::NONE
            || ahead <= limit(self.config.timestamp_after_max)
                && -ahead <= limit(self.config.timestamp_before_max)
    }

    /// Puts a batch at the end. Says whether it opened a new segment.
    fn place(&mut self, entry: LogEntry, body: &Batch, emptied: bool) -> bool {
        let rolled = self.roll_if_full(body);
        let active = self.segments.last_mut().expect("a log has an active segment");
        active.push(entry.base_offset, body);
        self.size_bytes += u64::from(body.bytes);
        if self.latest_epoch() != Some(entry.leader_epoch) {
            self.epochs.assign(entry.leader_epoch, entry.base_offset);
        }
        self.apply(entry.base_offset, body, emptied);
        self.entries.push(entry);
        self.log_end = entry.base_offset + i64::from(body.count);
        rolled
    }

    fn roll_if_full(&mut self, body: &Batch) -> bool {
        let active = self.segments.last().expect("a log has an active segment");
        let max_age_ms = self.config.roll_age() / MILLISECOND;
        if !active.is_full(body, self.config.segment_bytes, max_age_ms) {
            return false;
        }
        self.roll();
        true
    }

    /// Opens a new segment and snapshots the producers.
    pub fn roll(&mut self) {
        self.segments.push(Segment::new(self.log_end, self.entries.len()));
        self.take_snapshot();
    }

    /// Takes a batch into producer states and transactions. The same for leader, follower
    /// and recovery, so that all replicas know the same. A marker that compaction `emptied`
    /// ends nothing: its transaction is gone. Nor does it tell its epoch to who did not know the
    /// producer. Source: Kafka 4.1, `ProducerAppendInfo.append`, `ProducerStateEntry.empty`.
    pub(super) fn apply(&mut self, base_offset: Offset, body: &Batch, emptied: bool) {
        if body.producer_id == ProducerId::NONE {
            return;
        }
        if emptied && body.control {
            self.producers.entry(body.producer_id, ProducerEpoch::NONE);
            return;
        }
        let state = self.producers.entry(body.producer_id, body.producer_epoch);
        if let Content::Marker { commit, coordinator_epoch } = body.content {
            let first = state.txn_start;
            state.mark(body, coordinator_epoch);
            if let Some(first) = first {
                let last_stable = self.transactions.end(first, base_offset);
                // When states are rebuilt the index is there already.
                let known = self.aborted.last_marker().is_some_and(|last| last >= base_offset);
                if !commit && !known {
                    self.aborted.push(body.producer_id, first, base_offset, last_stable);
                }
            }
        } else {
            state.push(body, base_offset);
            if body.transactional && state.txn_start.is_none() {
                state.txn_start = Some(base_offset);
                self.transactions.begin(body.producer_id, base_offset);
            }
        }
        if body.transactional {
            self.verifications.settle(body);
        }
    }
}
