//! The log cleaner: threads that take the filthiest compacted log, read it, and write it anew.
//!
//! Source: `LogCleaner` and `LogCleanerManager`. Kafka's threads look every
//! `log.cleaner.backoff.ms`; here they look at those instants too, but only while there is a
//! compacted log with more than its active segment.

use alloc::vec::Vec;

use super::Broker;
use super::replicas::Replicas;
use crate::config::BrokerConfig;
use crate::io::{Context, Output};
use crate::log::{Cleanable, Log};
use crate::note::Note;
use crate::types::{Duration, Instant, PartitionId, SECOND};

/// One of `log.cleaner.threads`.
#[derive(Clone, Copy, Debug)]
struct Thread {
    /// When it looks for work; never while it works or there cannot be any.
    at: Instant,
    /// What it is reading.
    job: Option<(PartitionId, Cleanable)>,
}

/// The cleaner of one broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Cleaner {
    threads: Vec<Thread>,
    started: Instant,
    backoff: Duration,
    /// How many keys the map of a thread takes.
    room: usize,
    /// The threads share `log.cleaner.io.max.bytes.per.second`: nothing more before this.
    throttled_until: Instant,
}

impl Cleaner {
    /// The process starts.
    pub(super) fn start(&mut self, now: Instant, config: &BrokerConfig) {
        let threads =
            if config.log_cleaner_enable { config.log_cleaner_threads as usize } else { 0 };
        self.threads = alloc::vec![Thread { at: Instant::FAR, job: None }; threads];
        self.started = now;
        self.backoff = config.log_cleaner_backoff;
        self.room = room(config);
        self.throttled_until = now;
    }

    /// The process ends: a cleaning under way is lost, the log is as it was.
    pub(super) fn stop(&mut self) {
        self.threads.clear();
    }

    /// Whether compacted logs are this cleaner's business, retention included.
    pub(super) const fn is_enabled(&self) -> bool {
        !self.threads.is_empty()
    }

    /// There may be work from now on: idle threads look at their next instant.
    pub(super) fn wake(&mut self, now: Instant) {
        let passed = now.since(self.started) / self.backoff;
        let next = self.started + (passed + 1) * self.backoff;
        for thread in self.threads.iter_mut().filter(|t| t.job.is_none()) {
            thread.at = thread.at.min(next);
        }
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.threads.iter().map(|t| t.at).min().unwrap_or(Instant::FAR)
    }

    fn is_cleaning(&self, partition: PartitionId) -> bool {
        self.threads.iter().any(|t| t.job.is_some_and(|job| job.0 == partition))
    }

    /// Books bytes of reading or writing; gives how long the limit makes them take.
    fn io_throttle(&mut self, now: Instant, bytes: u64, rate: u64) -> Duration {
        if rate == u64::MAX {
            return 0;
        }
        let time = u128::from(bytes) * u128::from(SECOND) / u128::from(rate);
        let from = self.throttled_until.max(now);
        self.throttled_until = from + u64::try_from(time).unwrap_or(u64::MAX >> 1);
        self.throttled_until.since(now)
    }
}

/// How many keys a thread's map takes: a digest and an offset each. Source: Kafka,
/// `SkimpyOffsetMap`, `Cleaner.buildOffsetMap`.
fn room(config: &BrokerConfig) -> usize {
    const ENTRY_BYTES: u64 = 16 + 8;
    let bytes =
        config.log_cleaner_dedupe_buffer_size / u64::from(config.log_cleaner_threads.max(1));
    let slots = bytes.min(i32::MAX as u64) / ENTRY_BYTES;
    let room = slots * u64::from(config.log_cleaner_io_buffer_load_factor) / 1_000_000;
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

/// Whether a log is ever the cleaner's business: it has more than the active segment, or is
/// compacted and old segments go.
fn concerns(log: &Log) -> bool {
    let policy = log.config().cleanup_policy;
    log.may_be_cleaned() || (policy.compact && policy.delete && log.size_bytes() > 0)
}

impl Replicas {
    /// A log has more segments or another configuration than before.
    pub(super) fn wake_cleaner(&mut self, now: Instant, partition: PartitionId) {
        if self.get(partition).is_some_and(|replica| concerns(replica.log())) {
            self.cleaner.wake(now);
        }
    }
}

impl Broker {
    /// The process starts: perhaps there is work from before.
    pub(super) fn start_cleaner(&mut self, now: Instant) {
        self.replicas.cleaner.start(now, &self.config);
        if self.replicas.iter().any(|(_, replica)| concerns(replica.log())) {
            self.replicas.cleaner.wake(now);
        }
    }

    pub(super) fn cleaner_tick(&mut self, cx: &mut Context<'_>) {
        if self.replicas.cleaner.next_deadline() > cx.now.instant {
            return;
        }
        for thread in 0..self.replicas.cleaner.threads.len() {
            if self.replicas.cleaner.threads[thread].at <= cx.now.instant {
                self.clean_filthiest(cx, thread);
            }
        }
    }

    /// A thread looks for work: the filthiest log first, then retention of compacted logs.
    fn clean_filthiest(&mut self, cx: &mut Context<'_>, thread: usize) {
        let now = cx.now.instant;
        let found = self.filthiest(cx);
        let cleaner = &mut self.replicas.cleaner;
        cleaner.threads[thread].job = found;
        cleaner.threads[thread].at = match found {
            Some(_) => Instant::FAR,
            None => now + cleaner.backoff,
        };
        if let Some((partition, what)) = found {
            // The dirty part is read twice: for the newest offset of each key, and to be copied.
            let bytes = what.clean_bytes + 2 * what.dirty_bytes;
            let rate = self.config.log_cleaner_io_max_bytes_per_second;
            let at_least = cleaner.io_throttle(now, bytes, rate);
            let log = self.replicas.get(partition).expect("just looked at").log();
            let from = log.segments()[0].base_offset;
            cx.outputs.push(Output::Clean { partition, from, bytes, at_least });
        }
        self.apply_retention(cx, true);
        if !self.replicas.iter().any(|(_, replica)| concerns(replica.log())) {
            self.replicas.cleaner.threads[thread].at = Instant::FAR;
        }
    }

    fn filthiest(&self, cx: &Context<'_>) -> Option<(PartitionId, Cleanable)> {
        let mut filthiest: Option<(PartitionId, Cleanable)> = None;
        for (partition, replica) in self.replicas.iter() {
            let log = replica.log();
            if !log.may_be_cleaned() || self.replicas.cleaner.is_cleaning(partition) {
                continue;
            }
            let stable = replica.last_stable_offset(cx.rules);
            let due = |c: &Cleanable| c.is_due(log.config().min_cleanable_dirty_ratio);
            let Some(what) = log.cleanable(cx.now.wall, stable).filter(due) else { continue };
            if filthiest.is_none_or(|(_, most)| what.is_filthier_than(&most)) {
                filthiest = Some((partition, what));
            }
        }
        filthiest
    }

    /// A thread has read what it wanted: the log is swapped for a cleaner one, unless it was
    /// cut or let go meanwhile.
    pub(super) fn cleaned(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        let now = cx.now.instant;
        let threads = &mut self.replicas.cleaner.threads;
        let Some(thread) = threads.iter_mut().find(|t| t.job.is_some_and(|j| j.0 == partition))
        else {
            return;
        };
        let (_, what) = thread.job.take().expect("found by it");
        thread.at = now;
        let room = self.replicas.cleaner.room;
        let Some(replica) = self.replicas.get_mut(partition) else { return };
        let stable = replica.last_stable_offset(cx.rules);
        let log = replica.log_mut();
        let still = log.cleanable(cx.now.wall, stable);
        let still = still.is_some_and(|c| c.end >= what.end && c.first_dirty == what.first_dirty);
        let border = log.segments().binary_search_by_key(&what.end, |s| s.base_offset);
        if !still || border.is_err() {
            return;
        }
        let done = log.clean((what, room), cx.now.wall, cx.batches, cx.records, cx.rules);
        cx.outputs.push(Output::Rewrite { bytes: done.written });
        cx.outputs.push(Output::Free { bytes: done.read });
        let (from, end) = (what.first_dirty, done.end);
        let (removed, before) = (done.removed, done.before);
        cx.note(Note::Compacted { node: self.node, partition, from, end, removed, before });
        let rate = self.config.log_cleaner_io_max_bytes_per_second;
        self.replicas.cleaner.io_throttle(now, done.written, rate);
    }
}
