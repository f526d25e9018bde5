//! The leader's append and what follows it: notes, page cache, waiting followers, the high
//! watermark.

use super::Broker;
use super::coordinators::Kind;
use super::produce_purgatory::Waiting;
use crate::fetch::News;
use crate::io::Context;
use crate::log::{AppendOutcome, Origin};
use crate::note::Note;
use crate::protocol::ErrorCode;
use crate::types::{BatchId, Offset, PartitionId, Timestamp};

/// A batch that is in the log, now or since before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appended {
    pub(super) base_offset: Offset,
    /// First offset behind it.
    pub(super) end: Offset,
    /// Of a duplicate, or with `LogAppendTime`, else -1.
    pub(super) log_append_time: Timestamp,
    pub(super) log_start_offset: Offset,
}

/// A batch that was turned away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) error: ErrorCode,
    /// The log start offset where Kafka fills it in, else -1.
    pub(super) log_start_offset: Offset,
}

impl Refused {
    pub(super) const fn before_the_log(error: ErrorCode) -> Self {
        Self { error, log_start_offset: Offset::NONE }
    }
}

impl Broker {
    /// Why this broker does not lead a partition.
    pub(super) fn not_leading(&self, partition: PartitionId) -> ErrorCode {
        if self.image.partition(partition).is_some() {
            self.replicas.missing(partition)
        } else {
            ErrorCode::UnknownTopicOrPartition
        }
    }

    /// Appends a batch to a partition this broker leads. With `in_sync` not below
    /// `min.insync.replicas` (`acks=all`).
    pub(super) fn append_as_leader(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        batch: BatchId,
        origin: Origin,
        in_sync: bool,
    ) -> Result<Appended, Refused> {
        let leading = self.replicas.get(partition).filter(|r| r.leader().is_some());
        let Some(replica) = leading else {
            return Err(Refused::before_the_log(self.not_leading(partition)));
        };
        if in_sync && replica.under_min_isr() {
            let log_start_offset = replica.log().log_start_offset();
            return Err(Refused { error: ErrorCode::NotEnoughReplicas, log_start_offset });
        }
        if self.replicas.append_fails(partition) {
            return Err(Refused::before_the_log(ErrorCode::KafkaStorageError));
        }
        self.followers_fall_behind(partition);
        let replica = self.replicas.get_mut(partition).expect("found above");
        let mut batch = batch;
        if matches!(origin, Origin::Client(_)) {
            let log = replica.log();
            if let Some(header) = cx.batches.header(batch) {
                let found = cx.batches.get(batch);
                log.check_message_size(found).map_err(Refused::before_the_log)?;
                if !header.checksum_matches {
                    return Err(Refused::before_the_log(ErrorCode::CorruptMessage));
                }
                let log_start_offset = log.log_start_offset();
                let refused = |error| Refused { error, log_start_offset };
                header.check_batch(found.count).map_err(refused)?;
            }
            if let Err(error) = log.check_records(cx.now.wall, batch, cx.batches, cx.records) {
                let log_start_offset = log.log_start_offset();
                return Err(Refused { error, log_start_offset });
            }
            if let Some(codec) = log.config().compression_type {
                // The size counts as it came, and then as it is written.
                let found = log.check_message_size(cx.batches.get(batch));
                found.map_err(Refused::before_the_log)?;
                batch = cx.batches.recompressed(batch, codec, cx.records);
            }
            batch = log.stamped(cx.now, batch, cx.batches);
        }
        let outcome = replica.append(cx.now, batch, cx.batches, origin, cx.rules);
        let log_start_offset = replica.log().log_start_offset();
        match outcome {
            AppendOutcome::Appended { entry, end, append_time, rolled, skips } => {
                if skips {
                    cx.note(Note::FirstSequenceSkipped { node: self.node, partition, batch });
                }
                self.after_append(cx, partition, entry, end, rolled);
                let base_offset = entry.base_offset;
                Ok(Appended { base_offset, end, log_append_time: append_time, log_start_offset })
            }
            AppendOutcome::Duplicate { base_offset, end, append_time } => {
                cx.note(Note::Repeated { node: self.node, partition, batch, base_offset });
                Ok(Appended { base_offset, end, log_append_time: append_time, log_start_offset })
            }
            AppendOutcome::Refused { error, log_start_offset } => {
                if error == ErrorCode::InvalidProducerEpoch {
                    let producer_id = cx.batches.get(batch).producer_id;
                    cx.note(Note::ProducerFenced { node: self.node, producer_id });
                }
                Err(Refused { error, log_start_offset })
            }
        }
    }

    /// Before an append: followers that have everything were caught up when they last asked,
    /// though their fetches did not name this partition.
    pub(super) fn followers_fall_behind(&mut self, partition: PartitionId) {
        let Some(replica) = self.replicas.get_mut(partition) else { return };
        let epoch = replica.leader_epoch();
        let end = replica.log().log_end_offset();
        self.sessions.appending(partition, end, |follower, asked, at| {
            // A fetch that was refused says nothing: the leader has not taken that position in.
            let known = replica.leader().and_then(|leader| leader.remote(follower.id));
            let stands_there = known.is_some_and(|remote| remote.log_end_offset == end);
            if asked.current_leader_epoch == epoch && stands_there {
                let start = asked.log_start_offset;
                replica.record_follower_fetch(at, follower.id, follower.epoch, end, start);
            }
        });
    }

    /// After an append as leader.
    pub(super) fn after_append(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        entry: crate::records::LogEntry,
        end: Offset,
        rolled: bool,
    ) {
        let bytes = cx.batches.get(entry.batch).bytes;
        self.replicas.appended(cx, partition, bytes, rolled);
        if rolled {
            cx.note(Note::Rolled { node: self.node, partition, leader: true });
        }
        cx.note(Note::Appended { node: self.node, partition, entry, end, leader: true });
        self.advance_high_watermark(cx, partition);
    }

    /// Moves a leader's high watermark if it can; what waits for it is looked at when the
    /// input has been handled.
    pub(super) fn advance_high_watermark(&mut self, cx: &Context<'_>, partition: PartitionId) {
        let lag_max = self.config.replica_lag_time_max;
        if let Some(replica) = self.replicas.get_mut(partition)
            && replica.maybe_advance_high_watermark(cx.now.instant, lag_max, cx.rules)
        {
            self.moved.push_back(partition);
        }
    }

    /// The high watermark of a replica moved.
    pub(super) fn watermark_moved(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        let Some(replica) = self.replicas.get(partition) else { return };
        let Some(leader_epoch) = replica.leader_epoch() else { return };
        let high_watermark = replica.high_watermark();
        let leader = replica.leader().is_some();
        cx.note(Note::HighWatermark {
            node: self.node,
            partition,
            leader_epoch,
            high_watermark,
            last_stable_offset: replica.last_stable_offset(cx.rules),
            leader,
        });
        self.sessions.news(partition, News::Readable);
        if leader {
            while let Some(who) = self.acks.pop_reached(partition, high_watermark) {
                self.settled(cx, partition, who, ErrorCode::None);
            }
        }
    }

    /// What waited for an offset of a partition has it, or never will.
    pub(super) fn settled(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        who: Waiting,
        error: ErrorCode,
    ) {
        match who {
            Waiting::Produce { key, slot } => self.produce_settled(cx, key, slot, error),
            Waiting::Marker { key, slot } => self.marker_settled(cx, partition, key, slot, error),
            Waiting::Group(waiter) => {
                self.coordinator_append_settled(cx, Kind::Group, waiter, error);
            }
            Waiting::Transaction(waiter) => {
                self.coordinator_append_settled(cx, Kind::Transaction, waiter, error);
            }
        }
    }

    /// This broker no longer leads a partition: whoever waits there hears so.
    pub(super) fn fail_waiting(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        error: ErrorCode,
    ) {
        self.fail_deletes(cx, partition);
        for who in self.acks.take_all(partition) {
            self.settled(cx, partition, who, error);
        }
    }
}
