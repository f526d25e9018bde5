//! What the group coordinator wants to write waits a little for more
//! (`group.coordinator.append.linger.ms`). Source: Kafka, `CoordinatorRuntime`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Broker;
use super::coordinators::Kind;
use crate::coordinator::Waiter;
use crate::io::Context;
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

impl Broker {
    /// An append of a group waits for others of its shard. What is part of a transaction does
    /// not, and takes along what waits.
    pub(super) fn group_append(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        (batch, waiter): (BatchId, Waiter),
    ) {
        let linger = self.config.group_append_linger();
        if linger > 0 && !cx.batches.get(batch).transactional {
            let now = cx.now.instant;
            self.coordinators.lingering.add(partition, (batch, waiter), now, linger);
            return;
        }
        self.append_lingering(cx, partition);
        self.coordinator_append(cx, partition, batch, waiter, Kind::Group);
    }

    pub(super) fn append_lingering(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        for (batch, waiter) in self.coordinators.lingering.take(partition) {
            self.coordinator_append(cx, partition, batch, waiter, Kind::Group);
        }
    }
}
