//! Replication throttles: how fast replicas that are not in sync may be copied, so that a
//! reassignment leaves room for what clients do. Source: KIP-73; Kafka, `ReplicationQuotaManager`.
//!
//! A broker has two, one for what it gives and one for what it takes. What is copied of throttled
//! replicas counts towards them, in sync or not; only those that are not in sync are held back.

use alloc::collections::BTreeSet;

use super::Broker;
use super::rate::{Rate, Windows};
use crate::config::BrokerConfig;
use crate::io::Context;
use crate::protocol::PARTITION_BYTES;
use crate::protocol::fetch::FetchResponse;
use crate::records::LogEntry;
use crate::rules::{ReplicationThrottle, Rules};
use crate::types::{Instant, MILLISECOND, NodeId, PartitionId};

/// One of the two.
#[derive(Clone, Debug)]
pub(super) struct ReplicaThrottle {
    /// Partitions whose replica here is throttled.
    partitions: BTreeSet<PartitionId>,
    rate: Rate,
    /// Bytes a second.
    bound: u64,
    windows: Windows,
}

/// Both.
#[derive(Clone, Debug)]
pub(super) struct ReplicationThrottles {
    /// Of what it gives.
    pub(super) leader: ReplicaThrottle,
    /// Of what it takes.
    pub(super) follower: ReplicaThrottle,
}

impl ReplicaThrottle {
    /// The throttled partitions, if the rate is exceeded now.
    pub(super) fn withheld(
        &mut self,
        now: Instant,
        rules: &Rules,
    ) -> Option<&BTreeSet<PartitionId>> {
        if self.partitions.is_empty()
            || rules.replication_throttle == ReplicationThrottle::Forgotten
        {
            return None;
        }
        self.rate.is_above(now, self.bound, self.windows).then_some(&self.partitions)
    }

    fn mark(&mut self, partition: PartitionId, throttled: bool) {
        if throttled {
            self.partitions.insert(partition);
        } else {
            self.partitions.remove(&partition);
        }
    }
}

impl ReplicationThrottles {
    pub(super) fn new(config: &BrokerConfig) -> Self {
        let windows = Windows {
            count: config.replication_quota_window_num,
            size: config.replication_quota_window_size,
        };
        let of = |bound| ReplicaThrottle {
            partitions: BTreeSet::new(),
            rate: Rate::default(),
            bound,
            windows,
        };
        Self {
            leader: of(config.leader_replication_throttled_rate),
            follower: of(config.follower_replication_throttled_rate),
        }
    }

    /// The rates are others now.
    pub(super) fn set_rates(&mut self, config: &BrokerConfig) {
        self.leader.bound = config.leader_replication_throttled_rate;
        self.follower.bound = config.follower_replication_throttled_rate;
    }

    /// The process ends: nothing was measured. What is throttled is metadata and stays.
    pub(super) fn stop(&mut self) {
        self.leader.rate.clear();
        self.follower.rate.clear();
    }

    /// The replica of a partition is gone.
    pub(super) fn forget(&mut self, partition: PartitionId) {
        self.leader.partitions.remove(&partition);
        self.follower.partitions.remove(&partition);
    }
}

impl Broker {
    /// Whether it has replicas whose reading is throttled, and such whose copying is.
    #[must_use]
    pub fn replication_throttles(&self) -> (bool, bool) {
        let any = |throttle: &ReplicaThrottle| !throttle.partitions.is_empty();
        (any(&self.replication_throttles.leader), any(&self.replication_throttles.follower))
    }

    /// Whether it copies a partition and lacked something that its leader knew to be replicated
    /// when it last took anything in; such a one its throttle may hold back.
    #[must_use]
    pub fn is_behind(&self, partition: PartitionId) -> bool {
        self.fetchers.is_in_sync(partition) == Some(false)
    }

    /// A replica is new here, or its topic has another configuration.
    pub(super) fn mark_throttled(&mut self, partition: PartitionId) {
        let Some(replica) = self.replicas.get(partition) else { return };
        let Some(index) = self.image.partition(partition).map(|p| p.index) else { return };
        let config = replica.log().config();
        let leader = config.leader_throttled_replicas.contains(index, self.node);
        let follower = config.follower_throttled_replicas.contains(index, self.node);
        self.replication_throttles.leader.mark(partition, leader);
        self.replication_throttles.follower.mark(partition, follower);
    }

    /// Counts the answer to a follower.
    pub(super) fn count_given(&mut self, cx: &Context<'_>, response: &FetchResponse) {
        let throttle = &mut self.replication_throttles.leader;
        if throttle.partitions.is_empty() {
            return;
        }
        let mut bytes = 0;
        for answer in &response.partitions {
            if throttle.partitions.contains(&answer.partition) {
                let range = answer.entries.start as usize..answer.entries.end as usize;
                bytes += PARTITION_BYTES + bytes_of(cx, &response.entries[range]);
            }
        }
        throttle.rate.record(cx.now.instant, bytes, throttle.windows);
    }

    /// Counts what a leader gave of one partition.
    pub(super) fn count_taken(
        &mut self,
        cx: &Context<'_>,
        partition: PartitionId,
        entries: &[LogEntry],
    ) {
        let throttle = &mut self.replication_throttles.follower;
        if throttle.partitions.is_empty() || !throttle.partitions.contains(&partition) {
            return;
        }
        throttle.rate.record(cx.now.instant, bytes_of(cx, entries), throttle.windows);
    }

    /// Leaves out of the next fetch what is held back now, and takes in again what is not. With
    /// nothing left to fetch it looks again after `replica.fetch.backoff.ms`. Source: Kafka,
    /// `RemoteLeaderEndPoint.shouldFollowerThrottle`, `AbstractFetcherThread.maybeFetch`.
    pub(super) fn throttle_fetcher(&mut self, cx: &Context<'_>, leader: NodeId) {
        let throttle = &mut self.replication_throttles.follower;
        let withheld = throttle.withheld(cx.now.instant, cx.rules);
        if withheld.is_some() || self.fetchers.withholds(leader) {
            // Kafka's thread spins without a backoff; here time passes only between events.
            let until = cx.now.instant + self.config.replica_fetch_backoff.max(MILLISECOND);
            self.fetchers.withhold(leader, withheld, until);
        }
    }
}

fn bytes_of(cx: &Context<'_>, entries: &[LogEntry]) -> u64 {
    entries.iter().map(|entry| u64::from(cx.batches.get(entry.batch).bytes)).sum()
}
