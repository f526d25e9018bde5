//! ISR changes: the lag check, joins on fetch, and `AlterPartition` with one request in flight
//! that names every partition whose change waited. Source: KIP-497; Kafka,
//! `AlterPartitionManager`.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Broker;
use super::calls::{Call, RETRY};
use crate::config::BrokerConfig;
use crate::io::{Context, Disconnected};
use crate::partition::AlterOutcome;
use crate::protocol::Request;
use crate::protocol::controller::{
    AlterPartitionRequest, AlterPartitionResponse, AlteredPartition,
};
use crate::types::{
    Duration, Instant, LeaderEpoch, MILLISECOND, NodeId, PartitionEpoch, PartitionId,
};

/// Requests for ISR changes.
#[derive(Clone, Debug)]
pub(super) struct IsrChanges {
    check_at: Instant,
    /// Partitions whose change waits for the next request.
    unsent: BTreeSet<PartitionId>,
    /// What the request in flight asks; empty if there is none.
    in_flight: Vec<Asked>,
    /// When what is unsent is sent after a failure.
    retry_at: Instant,
}

/// A partition of the request in flight, as it was when asked.
#[derive(Clone, Copy, Debug)]
struct Asked {
    partition: PartitionId,
    leader_epoch: LeaderEpoch,
    partition_epoch: PartitionEpoch,
}

/// Twice within `replica.lag.time.max.ms`, at most once a millisecond: with 0 time would stand
/// still.
fn check_interval(config: &BrokerConfig) -> Duration {
    (config.replica_lag_time_max / 2).max(MILLISECOND)
}

impl Default for IsrChanges {
    fn default() -> Self {
        Self {
            check_at: Instant::FAR,
            unsent: BTreeSet::new(),
            in_flight: Vec::new(),
            retry_at: Instant::FAR,
        }
    }
}

impl IsrChanges {
    pub(super) fn begin_timers(&mut self, now: Instant, config: &BrokerConfig) {
        self.check_at = now + check_interval(config);
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.retry_at.min(self.check_at)
    }

    /// The leadership that asked is over.
    pub(super) fn forget(&mut self, partition: PartitionId) {
        self.unsent.remove(&partition);
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
            self.isr.check_at = now + check_interval(&self.config);
            self.shrink_isrs(cx);
        }
        if self.isr.retry_at <= now {
            self.send_isr_changes(cx);
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

    /// A follower that fetched may have caught up. Nothing but a fetch brings it into an ISR,
    /// so whatever ends what kept it out asks for one ([`crate::fetch::Sessions::ask_followers`]).
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

    /// Sends the pending change of a partition, with the next request.
    pub(super) fn alter_partition(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        self.isr.unsent.insert(partition);
        self.send_isr_changes(cx);
    }

    /// Sends what is unsent in one request, unless one is on its way.
    fn send_isr_changes(&mut self, cx: &mut Context<'_>) {
        if !self.isr.in_flight.is_empty() {
            return;
        }
        let Some(controller) = self.life.controller() else { return };
        self.isr.retry_at = Instant::FAR;
        let broker_epoch = self.life.broker_epoch;
        let mut partitions = Vec::new();
        for partition in core::mem::take(&mut self.isr.unsent) {
            let Some(replica) = self.replicas.get(partition) else { continue };
            let Some(wish) = replica.wanted_isr(broker_epoch) else { continue };
            let (leader_epoch, partition_epoch) = (wish.leader_epoch, wish.partition_epoch);
            self.isr.in_flight.push(Asked { partition, leader_epoch, partition_epoch });
            partitions.push(wish);
        }
        if !partitions.is_empty() {
            let request = AlterPartitionRequest { broker: self.node, broker_epoch, partitions };
            let request = Request::AlterPartition(request);
            self.calls.send(cx, controller, Call::AlterPartition, request);
        }
    }

    pub(super) fn partitions_altered(
        &mut self,
        cx: &mut Context<'_>,
        result: Result<AlterPartitionResponse, Disconnected>,
    ) {
        // The request counts as on its way until all its answers are taken in, so that what
        // they set off shares the next one.
        for i in 0..self.isr.in_flight.len() {
            let answer = result.as_ref().ok().and_then(|all| all.partitions.get(i));
            self.partition_altered(cx, self.isr.in_flight[i], answer);
        }
        self.isr.in_flight.clear();
        if self.isr.retry_at == Instant::FAR {
            self.send_isr_changes(cx);
        }
    }

    fn partition_altered(
        &mut self,
        cx: &mut Context<'_>,
        asked: Asked,
        answer: Option<&AlteredPartition>,
    ) {
        let partition = asked.partition;
        let Some(replica) = self.replicas.get_mut(partition) else { return };
        if replica.leader().is_none_or(|l| l.leader_epoch != asked.leader_epoch) {
            return;
        }
        let pending = replica.leader().and_then(|l| l.pending.as_ref());
        let current = pending.is_some_and(|p| p.partition_epoch == asked.partition_epoch);
        let outcome = match answer {
            // Metadata ended that change while the answer was under way.
            _ if !current => AlterOutcome::Stale,
            Some(answer) => replica.alter_partition_answer(answer),
            // The whole request failed.
            None => AlterOutcome::Retry,
        };
        match outcome {
            AlterOutcome::Committed => {
                self.advance_high_watermark(cx, partition);
                self.sessions.ask_followers(partition);
            }
            AlterOutcome::Retry => {
                self.isr.unsent.insert(partition);
                self.isr.retry_at = cx.now.instant + RETRY;
            }
            // Another change may have waited for this answer.
            AlterOutcome::Stale => self.alter_partition(cx, partition),
            AlterOutcome::Refused => self.sessions.ask_followers(partition),
            AlterOutcome::AwaitMetadata => {}
        }
    }
}
