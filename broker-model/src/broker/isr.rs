//! ISR changes: the lag check, joins on fetch, and `AlterPartition` with one request in flight
//! for each partition. Source: KIP-497.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::Broker;
use super::calls::Call;
use crate::config::BrokerConfig;
use crate::io::{Context, Disconnected};
use crate::partition::AlterOutcome;
use crate::protocol::Request;
use crate::protocol::controller::AlterPartitionResponse;
use crate::types::{
    Duration, Instant, LeaderEpoch, MILLISECOND, NodeId, PartitionEpoch, PartitionId,
};

/// Wait before a failed `AlterPartition` is sent again (`retry.backoff.ms` of Kafka's
/// channel to the controller).
const RETRY: Duration = 50 * MILLISECOND;

/// Requests for ISR changes.
#[derive(Clone, Debug)]
pub(super) struct IsrChanges {
    check_at: Instant,
    in_flight: BTreeSet<PartitionId>,
    retries: BTreeMap<PartitionId, Instant>,
}

impl Default for IsrChanges {
    fn default() -> Self {
        Self { check_at: Instant::FAR, in_flight: BTreeSet::new(), retries: BTreeMap::new() }
    }
}

impl IsrChanges {
    pub(super) fn begin_timers(&mut self, now: Instant, config: &BrokerConfig) {
        self.check_at = now + config.replica_lag_time_max / 2;
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.retries.values().copied().min().unwrap_or(Instant::FAR).min(self.check_at)
    }

    /// The leadership that asked is over.
    pub(super) fn forget(&mut self, partition: PartitionId) {
        self.in_flight.remove(&partition);
        self.retries.remove(&partition);
    }

    /// The process ends.
    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }
}

impl Broker {
    pub(super) fn isr_tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        if self.isr.check_at <= now {
            self.isr.check_at = now + self.config.replica_lag_time_max / 2;
            self.shrink_isrs(cx);
        }
        if self.isr.retries.values().any(|&at| at <= now) {
            let due: Vec<PartitionId> =
                self.isr.retries.iter().filter(|(_, at)| **at <= now).map(|(p, _)| *p).collect();
            for partition in due {
                self.isr.retries.remove(&partition);
                self.alter_partition(cx, partition);
            }
        }
    }

    /// Looks at every partition this broker leads, twice in `replica.lag.time.max.ms`.
    fn shrink_isrs(&mut self, cx: &mut Context<'_>) {
        let lag_max = self.config.replica_lag_time_max;
        let mut shrunk = Vec::new();
        for (partition, hosted) in self.replicas.iter_mut() {
            let leaving = hosted.replica.isr_shrink_candidates(cx.now.instant, lag_max);
            if !leaving.is_empty() {
                hosted.replica.propose_shrink(&leaving);
                shrunk.push(partition);
            }
        }
        for partition in shrunk {
            self.alter_partition(cx, partition);
        }
    }

    /// A follower that fetched may have caught up.
    pub(super) fn maybe_expand_isr(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        follower: NodeId,
    ) {
        let Some(replica) = self.replicas.get_mut(partition) else { return };
        if replica.isr_expand_candidate(follower, cx.rules) {
            replica.propose_expand(follower);
            self.alter_partition(cx, partition);
        }
    }

    /// A change of the ISR is over: whoever caught up meanwhile may join now. Its next fetch
    /// would not say so, because a fetch does not look at partitions without news.
    pub(super) fn expand_isr(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        let Some(leader) = self.replicas.get(partition).and_then(|r| r.leader()) else { return };
        let outside = leader.remotes.iter().find(|r| {
            let replica = self.replicas.get(partition).expect("found above");
            !r.in_isr() && replica.isr_expand_candidate(r.node, cx.rules)
        });
        if let Some(node) = outside.map(|r| r.node) {
            self.maybe_expand_isr(cx, partition, node);
        }
    }

    /// Sends the pending change of a partition, unless a request is on its way.
    pub(super) fn alter_partition(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        let Some(controller) = self.life.controller() else { return };
        let Some(replica) = self.replicas.get(partition) else { return };
        let Some(request) = replica.alter_partition_request(self.life.broker_epoch) else { return };
        if !self.isr.in_flight.insert(partition) {
            return;
        }
        let (leader_epoch, partition_epoch) = (request.leader_epoch, request.partition_epoch);
        let call = Call::AlterPartition { partition, leader_epoch, partition_epoch };
        self.calls.send(cx, controller, call, Request::AlterPartition(request));
    }

    pub(super) fn partition_altered(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        (leader_epoch, partition_epoch): (LeaderEpoch, PartitionEpoch),
        result: Result<AlterPartitionResponse, Disconnected>,
    ) {
        let Some(replica) = self.replicas.get_mut(partition) else { return };
        if replica.leader().is_none_or(|l| l.leader_epoch != leader_epoch) {
            return;
        }
        self.isr.in_flight.remove(&partition);
        let pending = replica.leader().and_then(|l| l.pending.as_ref());
        let current = pending.is_some_and(|p| p.partition_epoch == partition_epoch);
        let outcome = match result {
            // Metadata ended that change while the answer was under way.
            _ if !current => AlterOutcome::Stale,
            Ok(answer) => replica.alter_partition_answer(&answer),
            Err(Disconnected) => AlterOutcome::Retry,
        };
        match outcome {
            AlterOutcome::Committed => {
                self.advance_high_watermark(cx, partition);
                self.expand_isr(cx, partition);
            }
            AlterOutcome::Retry => {
                self.isr.retries.insert(partition, cx.now.instant + RETRY);
            }
            // Another change may have waited for this answer.
            AlterOutcome::Stale => self.alter_partition(cx, partition),
            AlterOutcome::Refused | AlterOutcome::AwaitMetadata => {}
        }
    }
}
