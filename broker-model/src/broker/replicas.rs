//! The replicas a broker holds, and the housekeeping of their logs: flushes, checkpoints,
//! retention.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Broker;
use super::cleaner::Cleaner;
use super::directories::Directories;
use crate::config::BrokerConfig;
use crate::fetch::News;
use crate::io::{Context, Output};
use crate::note::Note;
use crate::partition::Replica;
use crate::protocol::ErrorCode;
use crate::records::{Batches, PartitionRecord};
use crate::rules::RetentionBound;
use crate::types::{Instant, NodeId, Offset, PartitionId};

/// A replica with what its broker keeps beside it.
#[derive(Clone, Debug)]
pub(super) struct Hosted {
    pub(super) replica: Replica,
    /// The log directory it is in, by its place in `log.dirs`.
    pub(super) directory: u32,
    /// The metadata its role comes from, `None` until the process has heard any.
    pub(super) record: Option<PartitionRecord>,
    /// A flush was asked for up to here.
    flush_asked: Offset,
    /// Bytes appended since.
    unflushed: u64,
}

/// All replicas, by partition.
#[derive(Clone, Debug)]
pub(super) struct Replicas {
    /// A broker of a large cluster has few of its partitions: a place without a replica is small.
    hosted: Vec<Option<Box<Hosted>>>,
    flush_timers: BTreeSet<(Instant, PartitionId)>,
    watermark_checkpoint_at: Instant,
    start_checkpoint_at: Instant,
    retention_at: Instant,
    producer_check_at: Instant,
    pub(super) cleaner: Cleaner,
    pub(super) directories: Directories,
}

impl Replicas {
    /// No replicas, in so many directories.
    pub(super) fn new(node: NodeId, directories: u32) -> Self {
        Self {
            hosted: Vec::new(),
            directories: Directories::new(node, directories),
            flush_timers: BTreeSet::new(),
            watermark_checkpoint_at: Instant::FAR,
            start_checkpoint_at: Instant::FAR,
            retention_at: Instant::FAR,
            producer_check_at: Instant::FAR,
            cleaner: Cleaner::default(),
        }
    }

    pub(super) fn get(&self, partition: PartitionId) -> Option<&Replica> {
        self.hosted.get(partition.index())?.as_ref().map(|h| &h.replica)
    }

    pub(super) fn get_mut(&mut self, partition: PartitionId) -> Option<&mut Replica> {
        self.hosted.get_mut(partition.index())?.as_mut().map(|h| &mut h.replica)
    }

    pub(super) fn hosted_mut(&mut self, partition: PartitionId) -> Option<&mut Hosted> {
        self.hosted.get_mut(partition.index())?.as_deref_mut()
    }

    /// Adds a replica, in the directory at this place.
    pub(super) fn insert(&mut self, partition: PartitionId, replica: Replica, directory: u32) {
        if self.hosted.len() <= partition.index() {
            self.hosted.resize_with(partition.index() + 1, || None);
        }
        let (flush_asked, unflushed) = (Offset::ZERO, 0);
        let hosted = Hosted { replica, directory, record: None, flush_asked, unflushed };
        self.hosted[partition.index()] = Some(Box::new(hosted));
        self.directories.count(directory, 1);
    }

    pub(super) fn remove(&mut self, partition: PartitionId) -> Option<Hosted> {
        self.directories.lost.remove(&partition);
        let hosted = self.hosted.get_mut(partition.index())?.take()?;
        self.directories.count(hosted.directory, -1);
        Some(*hosted)
    }

    /// In which directory a replica is.
    pub(super) fn place_of(&self, partition: PartitionId) -> Option<u32> {
        self.hosted.get(partition.index())?.as_ref().map(|hosted| hosted.directory)
    }

    /// Why there is no replica of a partition here.
    pub(super) fn missing(&self, partition: PartitionId) -> ErrorCode {
        if self.directories.lost.contains_key(&partition) {
            ErrorCode::KafkaStorageError
        } else {
            ErrorCode::NotLeaderOrFollower
        }
    }

    /// An append to a log whose directory fails finds that out. Says whether it does.
    pub(super) fn append_fails(&mut self, partition: PartitionId) -> bool {
        if !self.directories.any_fails() {
            return false;
        }
        let hosted = self.hosted.get(partition.index()).and_then(Option::as_deref);
        hosted.is_some_and(|hosted| self.directories.find_out(hosted.directory))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PartitionId, &Replica)> {
        (0..)
            .zip(&self.hosted)
            .filter_map(|(i, h)| h.as_ref().map(|h| (PartitionId(i), &h.replica)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (PartitionId, &mut Hosted)> {
        let all = (0..).zip(&mut self.hosted);
        all.filter_map(|(i, h)| h.as_deref_mut().map(|h| (PartitionId(i), h)))
    }

    pub(super) fn next_deadline(&self) -> Instant {
        let flush = self.flush_timers.first().map_or(Instant::FAR, |&(at, _)| at);
        flush
            .min(self.watermark_checkpoint_at)
            .min(self.start_checkpoint_at)
            .min(self.retention_at)
            .min(self.producer_check_at)
            .min(self.directories.next_deadline())
            .min(self.cleaner.next_deadline())
    }

    /// The process starts.
    pub(super) fn begin_timers(&mut self, now: Instant, config: &BrokerConfig) {
        self.watermark_checkpoint_at = now + config.replica_high_watermark_checkpoint_interval;
        self.start_checkpoint_at = now + config.log_flush_start_offset_checkpoint_interval;
        self.retention_at = now + config.log_retention_check_interval;
        self.producer_check_at = now + config.producer_id_expiration_check_interval;
    }

    /// The process ends.
    pub(super) fn stop(&mut self) {
        self.flush_timers.clear();
        self.watermark_checkpoint_at = Instant::FAR;
        self.start_checkpoint_at = Instant::FAR;
        self.retention_at = Instant::FAR;
        self.producer_check_at = Instant::FAR;
        self.cleaner.stop();
        self.directories.stop();
        for (_, hosted) in self.iter_mut() {
            hosted.record = None;
            hosted.unflushed = 0;
            hosted.flush_asked = hosted.replica.log().log_end_offset();
        }
    }

    /// Accounts for an append; asks for a flush where `flush.messages` or a full segment
    /// wants one, and starts the clock of `flush.ms`.
    pub(super) fn appended(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        bytes: u32,
        rolled: bool,
    ) {
        let Some(hosted) = self.hosted.get_mut(partition.index()).and_then(Option::as_deref_mut)
        else {
            return;
        };
        let log = hosted.replica.log();
        let end = log.log_end_offset();
        let (every, interval) = (log.config().flush_messages, log.config().flush_interval);
        let compact = log.config().cleanup_policy.compact;
        cx.outputs.push(Output::Append { partition, bytes, end });
        if hosted.unflushed == 0 && interval != u64::MAX {
            self.flush_timers.insert((cx.now.instant + interval, partition));
        }
        hosted.unflushed += u64::from(bytes);
        let waiting = u64::try_from(end - hosted.flush_asked).unwrap_or(0);
        if rolled || waiting >= every {
            hosted.ask_flush(cx, partition, waiting >= every);
        }
        if rolled && compact {
            self.cleaner.wake(cx.now.instant);
        }
    }

    fn due_flushes(&mut self, now: Instant) -> Vec<PartitionId> {
        let mut due = Vec::new();
        while let Some(&(at, partition)) = self.flush_timers.first() {
            if at > now {
                break;
            }
            self.flush_timers.pop_first();
            due.push(partition);
        }
        due
    }
}

impl Hosted {
    fn ask_flush(&mut self, cx: &mut Context<'_>, partition: PartitionId, waits: bool) {
        let (end, bytes) = (self.replica.log().log_end_offset(), self.unflushed);
        cx.outputs.push(Output::Flush { partition: Some(partition), end, bytes, waits });
        self.flush_asked = end;
        self.unflushed = 0;
    }
}

impl Broker {
    pub(super) fn begin_timers(&mut self, now: Instant) {
        self.replicas.begin_timers(now, &self.config);
        self.isr.begin_timers(now, &self.config);
        self.start_cleaner(now);
    }

    /// Bit rot spoils a batch of a replica, on the disk and in memory: the one that holds an
    /// offset, or the next one. Returns where it begins; `None` if there is no such batch.
    pub fn spoil(
        &mut self,
        partition: PartitionId,
        offset: Offset,
        batches: &mut Batches,
    ) -> Option<Offset> {
        self.replicas.get_mut(partition)?.log_mut().spoil(offset, batches)
    }

    pub(super) fn flushed(&mut self, partition: Option<PartitionId>, end: Offset) {
        if let Some(replica) = partition.and_then(|p| self.replicas.get_mut(p)) {
            replica.log_mut().flushed(end);
        }
    }

    /// Flushes by time, checkpoints and retention.
    pub(super) fn housekeeping_tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        for partition in self.replicas.due_flushes(now) {
            if let Some(hosted) = self.replicas.hosted_mut(partition).filter(|h| h.unflushed > 0) {
                hosted.ask_flush(cx, partition, false);
            }
        }
        if self.replicas.watermark_checkpoint_at <= now {
            self.replicas.watermark_checkpoint_at =
                now + self.config.replica_high_watermark_checkpoint_interval;
            self.replicas.directories.find_out_all();
            for (_, hosted) in self.replicas.iter_mut() {
                hosted.replica.checkpoint_high_watermark();
            }
        }
        if self.replicas.start_checkpoint_at <= now {
            self.replicas.start_checkpoint_at =
                now + self.config.log_flush_start_offset_checkpoint_interval;
            for (_, hosted) in self.replicas.iter_mut() {
                hosted.replica.log_mut().checkpoint_log_start();
            }
        }
        if self.replicas.producer_check_at <= now {
            self.replicas.producer_check_at =
                now + self.config.producer_id_expiration_check_interval;
            for (_, hosted) in self.replicas.iter_mut() {
                let log = hosted.replica.log_mut();
                log.expire_producers(cx.now.wall, self.config.producer_id_expiration);
            }
        }
        if self.replicas.retention_at <= now {
            self.replicas.retention_at = now + self.config.log_retention_check_interval;
            // Compacted logs are left to the cleaner, if there is one.
            if !self.replicas.cleaner.is_enabled() {
                self.apply_retention(cx, true);
            }
            self.apply_retention(cx, false);
        }
    }

    /// Deletes old segments of logs that are compacted, or of those that are not.
    pub(super) fn apply_retention(&mut self, cx: &mut Context<'_>, compacted: bool) {
        let mut moved = Vec::new();
        let mut freed = 0;
        for (partition, hosted) in self.replicas.iter_mut() {
            let bound = match cx.rules.retention_bound {
                RetentionBound::HighWatermark => hosted.replica.high_watermark(),
                RetentionBound::LogEnd => hosted.replica.log().log_end_offset(),
            };
            let log = hosted.replica.log_mut();
            if log.config().cleanup_policy.compact != compacted {
                continue;
            }
            let before = log.size_bytes();
            if log.delete_old_segments(cx.now.wall, bound) {
                moved.push(partition);
            }
            freed += before - log.size_bytes();
        }
        if freed > 0 {
            cx.outputs.push(Output::Free { bytes: freed });
        }
        for partition in moved {
            self.log_start_moved(cx, partition);
        }
    }

    /// Tells everybody who wants to know of a new log start offset.
    pub(super) fn log_start_moved(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        let Some(replica) = self.replicas.get(partition) else { return };
        let log_start_offset = replica.log().log_start_offset();
        cx.note(Note::LogStart { node: self.node, partition, log_start_offset });
        self.sessions.news(partition, News::LogStart);
        self.fetchers.moved(partition);
    }
}
