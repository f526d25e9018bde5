//! What the group coordinator wants to write waits a little for more
//! (`group.coordinator.append.linger.ms`). Source: Kafka, `CoordinatorRuntime`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::coordinator::Waiter;
use crate::types::{BatchId, Duration, Instant, PartitionId};

/// Appends that wait, by shard, each in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Lingering {
    shards: BTreeMap<PartitionId, (Instant, Vec<(BatchId, Waiter)>)>,
}

impl Lingering {
    /// An append waits; the first of its shard decides until when.
    pub(super) fn add(
        &mut self,
        partition: PartitionId,
        append: (BatchId, Waiter),
        now: Instant,
        linger: Duration,
    ) {
        let (_, appends) =
            self.shards.entry(partition).or_insert_with(|| (now + linger, Vec::new()));
        appends.push(append);
    }

    /// What waits for a shard, which is written or given up now.
    pub(super) fn take(&mut self, partition: PartitionId) -> Vec<(BatchId, Waiter)> {
        self.shards.remove(&partition).map(|(_, appends)| appends).unwrap_or_default()
    }

    /// A shard whose time has come.
    pub(super) fn due(&self, now: Instant) -> Option<PartitionId> {
        self.shards.iter().find(|(_, (at, _))| *at <= now).map(|(&partition, _)| partition)
    }

    /// When the first shard is due.
    pub(super) fn next_deadline(&self) -> Instant {
        self.shards.values().map(|&(at, _)| at).min().unwrap_or(Instant::FAR)
    }
}
