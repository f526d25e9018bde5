//! The replicas a broker holds, and what is done for their logs: flushes that appends ask for,
//! checkpoints of high watermarks, producers that expire.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Broker;
use super::cleaner::Cleaner;
use super::directories::Directories;
use super::log_tasks::LogTasks;
use crate::config::BrokerConfig;
use crate::fetch::News;
use crate::io::{Context, Output};
use crate::note::Note;
use crate::partition::Replica;
use crate::protocol::ErrorCode;
use crate::records::{Batches, PartitionRecord};
use crate::rules::UnknownPid;
use crate::types::{Duration, Instant, NodeId, Offset, PartitionId};

/// A replica with what its broker keeps beside it.
#[derive(Clone, Debug)]
pub(super) struct Hosted {
    pub(super) replica: Replica,
    /// The log directory it is in, by its place in `log.dirs`.
    pub(super) directory: u32,
    /// The metadata its role comes from, `None` until the process has heard any.
    pub(super) record: Option<PartitionRecord>,
    /// A flush was asked for up to here.
    pub(super) flush_asked: Offset,
    /// Bytes appended since.
    unflushed: u64,
    /// When a flush was last done, or the log loaded or made.
    pub(super) last_flush: Instant,
}

/// All replicas, by partition.
#[derive(Clone, Debug)]
pub(super) struct Replicas {
    /// A broker of a large cluster has few of its partitions: a place without a replica is small.
    hosted: Vec<Option<Box<Hosted>>>,
    watermark_checkpoint_at: Instant,
    producer_check_at: Instant,
    /// `producer.id.expiration.ms` as it is now.
    pub(super) producer_id_expiration: Duration,
    pub(super) tasks: LogTasks,
    pub(super) cleaner: Cleaner,
    pub(super) directories: Directories,
}

impl Replicas {
    /// No replicas, in the directories of this configuration.
    pub(super) fn new(node: NodeId, config: &BrokerConfig) -> Self {
        Self {
            hosted: Vec::new(),
            directories: Directories::new(node, config),
            watermark_checkpoint_at: Instant::FAR,
            producer_check_at: Instant::FAR,
            producer_id_expiration: Duration::MAX,
            tasks: LogTasks::OFF,
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
    pub(super) fn insert(
        &mut self,
        partition: PartitionId,
        replica: Replica,
        directory: u32,
        now: Instant,
    ) {
        if self.hosted.len() <= partition.index() {
            self.hosted.resize_with(partition.index() + 1, || None);
        }
        self.hosted[partition.index()] = Some(Box::new(Hosted {
            replica,
            directory,
            record: None,
            flush_asked: Offset::ZERO,
            unflushed: 0,
            last_flush: now,
        }));
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
        self.watermark_checkpoint_at
            .min(self.producer_check_at)
            .min(self.tasks.next_deadline())
            .min(self.directories.next_deadline())
            .min(self.cleaner.next_deadline())
    }

    /// The process starts.
    pub(super) fn begin_timers(&mut self, now: Instant, config: &BrokerConfig) {
        self.watermark_checkpoint_at = now + config.replica_high_watermark_checkpoint_interval;
        self.producer_check_at = now + config.producer_id_expiration_check_interval;
        self.producer_id_expiration = config.producer_id_expiration;
    }

    /// The process ends.
    pub(super) fn stop(&mut self) {
        self.watermark_checkpoint_at = Instant::FAR;
        self.producer_check_at = Instant::FAR;
        self.tasks = LogTasks::OFF;
        self.cleaner.stop();
        self.directories.stop();
        for (_, hosted) in self.iter_mut() {
            hosted.record = None;
            hosted.unflushed = 0;
            hosted.flush_asked = hosted.replica.log().recovery_point();
        }
    }

    /// Accounts for an append; asks for a flush where `flush.messages` or a full segment
    /// wants one. Flushes by time are the flusher's.
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
        let every = log.config().flush_messages;
        // What was cut since and is written anew was not asked for.
        let written = log.entries().last().map_or(end, |entry| entry.base_offset);
        let compact = log.config().cleanup_policy.compact;
        cx.outputs.push(Output::Append { partition, bytes, end });
        hosted.flush_asked = hosted.flush_asked.min(written);
        hosted.unflushed += u64::from(bytes);
        let waiting = u64::try_from(end - hosted.flush_asked).unwrap_or(0);
        if rolled || waiting >= every {
            hosted.ask_flush(cx, partition, waiting >= every);
        }
        if rolled && compact {
            self.cleaner.wake(cx.now.instant);
        }
    }
}

impl Hosted {
    pub(super) fn ask_flush(&mut self, cx: &mut Context<'_>, partition: PartitionId, waits: bool) {
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

    /// What is done from time to time for all replicas.
    pub(super) fn housekeeping_tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        if self.replicas.watermark_checkpoint_at <= now {
            self.replicas.watermark_checkpoint_at =
                now + self.config.replica_high_watermark_checkpoint_interval;
            self.replicas.directories.find_out_all();
            for (_, hosted) in self.replicas.iter_mut() {
                hosted.replica.checkpoint_high_watermark();
            }
        }
        if self.replicas.producer_check_at <= now {
            self.replicas.producer_check_at =
                now + self.config.producer_id_expiration_check_interval;
            let expiration = self.replicas.producer_id_expiration;
            for (_, hosted) in self.replicas.iter_mut() {
                let log = hosted.replica.log_mut();
                log.expire_producers(cx.now.wall, expiration);
            }
        }
        self.log_tasks_tick(cx);
    }

    /// Tells everybody who wants to know of a new log start offset.
    pub(super) fn log_start_moved(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        let Some(replica) = self.replicas.get_mut(partition) else { return };
        if cx.rules.unknown_pid == UnknownPid::ResetSameEpoch {
            replica.log_mut().forget_deleted_producers();
        }
        let log_start_offset = replica.log().log_start_offset();
        cx.note(Note::LogStart { node: self.node, partition, log_start_offset });
        self.sessions.news(partition, News::LogStart);
        self.fetchers.moved(partition);
    }
}
