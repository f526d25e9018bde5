//! The periodic tasks of Kafka's `LogManager`: retention, flushes by time, and the checkpoints of
//! recovery points and of log start offsets.

use alloc::vec::Vec;

use super::Broker;
use super::replicas::Hosted;
use crate::config::BrokerConfig;
use crate::io::{Context, Output};
use crate::rules::RetentionBound;
use crate::types::{Duration, Instant, Offset, PartitionId};

/// A task at a fixed rate.
///
/// What a paused process has missed it does once: rounds at one instant would do nothing more. A
/// period of 0 is one round only, and Kafka's largest `long` is as good as that.
/// Source: Kafka, `KafkaScheduler.schedule`.
#[derive(Clone, Copy, Debug)]
struct Task {
    at: Instant,
    period: Duration,
}

impl Task {
    const OFF: Self = Self { at: Instant::FAR, period: 0 };

    /// Says whether a round is due, and sets the time of the next one.
    fn is_due(&mut self, now: Instant) -> bool {
        if self.at > now {
            return false;
        }
        self.at = match self.period {
            0 => Instant::FAR,
            period => self.at + period.saturating_mul(now.since(self.at) / period + 1),
        };
        true
    }
}

/// All of them. They begin when the logs are loaded, `log.initial.task.delay.ms` later.
/// Source: Kafka, `LogManager.startupWithConfigOverrides`.
#[derive(Clone, Debug)]
pub(super) struct LogTasks {
    /// `kafka-log-retention`.
    retention: Task,
    /// `kafka-log-flusher`.
    flusher: Task,
    /// `kafka-recovery-point-checkpoint`.
    recovery_points: Task,
    /// `kafka-log-start-offset-checkpoint`.
    log_starts: Task,
}

impl LogTasks {
    /// Those of a process that has not loaded its logs, or that has ended.
    pub(super) const OFF: Self = Self {
        retention: Task::OFF,
        flusher: Task::OFF,
        recovery_points: Task::OFF,
        log_starts: Task::OFF,
    };

    fn new(now: Instant, config: &BrokerConfig) -> Self {
        let task = |period| Task { at: now + config.log_initial_task_delay, period };
        Self {
            retention: task(config.log_retention_check_interval),
            flusher: task(config.log_flush_scheduler_interval),
            recovery_points: task(config.log_flush_offset_checkpoint_interval),
            log_starts: task(config.log_flush_start_offset_checkpoint_interval),
        }
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.retention.at.min(self.flusher.at).min(self.recovery_points.at).min(self.log_starts.at)
    }
}

impl Hosted {
    /// Whether the flusher finds the last flush older than `flush.ms`, and something to flush.
    fn wants_flush(&self, now: Instant) -> bool {
        let log = self.replica.log();
        now.since(self.last_flush) >= log.config().flush_interval
            && log.log_end_offset() > self.flush_asked
    }
}

impl Broker {
    /// The logs are loaded.
    pub(super) fn begin_log_tasks(&mut self, now: Instant) {
        self.replicas.tasks = LogTasks::new(now, &self.config);
        for (_, hosted) in self.replicas.iter_mut() {
            hosted.last_flush = now;
        }
    }

    /// A flush is done. Kafka takes the time of one that moves the recovery point.
    pub(super) fn flushed(&mut self, now: Instant, partition: Option<PartitionId>, end: Offset) {
        let Some(hosted) = partition.and_then(|p| self.replicas.hosted_mut(p)) else { return };
        let log = hosted.replica.log_mut();
        let before = log.recovery_point();
        log.flushed(end);
        if log.recovery_point() > before {
            hosted.last_flush = now;
        }
    }

    pub(super) fn log_tasks_tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        if self.replicas.tasks.flusher.is_due(now) {
            for (partition, hosted) in self.replicas.iter_mut() {
                if hosted.wants_flush(now) {
                    hosted.ask_flush(cx, partition, false);
                }
            }
        }
        if self.replicas.tasks.recovery_points.is_due(now) {
            for (_, hosted) in self.replicas.iter_mut() {
                hosted.replica.log_mut().checkpoint_recovery_point();
            }
        }
        if self.replicas.tasks.log_starts.is_due(now) {
            for (_, hosted) in self.replicas.iter_mut() {
                hosted.replica.log_mut().checkpoint_log_start();
            }
        }
        if self.replicas.tasks.retention.is_due(now) {
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
}
