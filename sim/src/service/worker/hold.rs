//! Records that have to wait: a retry topic is paused until its next record may be tried.
//!
//! The loop reads on elsewhere meanwhile. The position goes back to the record that has to wait,
//! so that it is given again: nothing of the partition is kept outside the consumer.
//!
//! Source: Spring for Apache Kafka, "Non-Blocking Retries" (a partition is paused until the time
//! that the record's header says).

use broker_model::types::{Instant, PartitionId};

use super::Worker;
use crate::world::ActorContext;

impl Worker {
    /// From `place` in its batch on nothing is taken of the run to go on with, and of its
    /// partition, before `until`.
    pub(super) fn hold(&mut self, cx: &mut ActorContext<'_>, place: u32, until: Instant) {
        let run = &mut self.polled.runs[self.run];
        run.to = place;
        let (partition, offset) = (run.partition, run.base_offset + i64::from(place));
        let later = self.polled.runs.split_off(self.run + 1);
        self.polled.runs.extend(later.into_iter().filter(|run| run.partition != partition));
        let Some(consumer) = &mut self.consumer else { return };
        consumer.pause(partition);
        consumer.seek(partition, offset);
        let at = cx.now.instant.0;
        cx.shared.recorder.position_reset(self.consumer_id, partition.0, offset.0, at);
        self.held.insert(partition, until);
    }

    /// Reads on where the time has come.
    pub(super) fn release_due(&mut self, now: Instant) {
        let due = self.held.iter().filter(|(_, until)| **until <= now);
        let due: Vec<PartitionId> = due.map(|(&partition, _)| partition).collect();
        self.release(&due);
    }

    /// Reads on, whether the time has come or not.
    pub(super) fn release(&mut self, partitions: &[PartitionId]) {
        for partition in partitions {
            if self.held.remove(partition).is_some()
                && let Some(consumer) = &mut self.consumer
            {
                consumer.resume(*partition);
            }
        }
    }

    /// When the next partition is to be read on.
    pub(super) fn next_release(&self) -> Instant {
        self.held.values().min().copied().unwrap_or(Instant::FAR)
    }
}
