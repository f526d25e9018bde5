//! Positions: committed offsets, resets by `ListOffsets`, validation after a change of leader.
//!
//! Source: `OffsetFetcher` and `ConsumerCoordinator.initWithCommittedOffsetsIfNeeded`.

use broker_model::protocol::fetch::{
    EpochEnd, ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse,
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetSpec,
};
use broker_model::protocol::group::{OffsetFetchRequest, OffsetFetchResponse};
use broker_model::protocol::{ErrorCode, Request};
use broker_model::rules::ConsumerEpochValidation;
use broker_model::types::{Instant, MILLISECOND, NodeId, Offset, PartitionId, Timestamp};

use super::Consumer;
use super::config::OffsetReset;
use super::event::ConsumerError;
use super::requests::{Channel, Purpose};
use super::subscription::{Phase, Position};
use crate::client::ClientContext;

impl Consumer {
    /// Sends what is needed to give every assigned partition a position.
    pub(super) fn settle_positions(&mut self, cx: &mut ClientContext<'_>) {
        if self.leaders_seen != self.metadata.version() {
            self.leaders_seen = self.metadata.version();
            for partition in self.subscriptions.partitions() {
                self.validate_position(partition);
            }
        }
        if self.subscriptions.unsettled() == 0 {
            return;
        }
        self.ask_epoch_ends(cx);
        self.ask_committed(cx);
        self.ask_reset_offsets(cx);
    }

    /// Takes the leader that metadata knows into the position; a new one is validated first if
    /// the position knows its epoch (`maybeValidatePositionForCurrentLeader`).
    pub(super) fn validate_position(&mut self, partition: PartitionId) {
        let Some(leader) = self.metadata.leader(partition) else { return };
        let Some(assigned) = self.subscriptions.get(partition) else { return };
        let Some(position) = assigned.position else { return };
        if position.leader == Some(leader) || matches!(assigned.phase, Phase::AwaitReset(_)) {
            return;
        }
        self.set_position(partition, Position { leader: Some(leader), ..position });
    }

    /// A position that was not read from records: it is validated if it names an epoch.
    pub(super) fn set_position(&mut self, partition: PartitionId, position: Position) {
        let validate = position.offset_epoch.is_some() && position.leader.is_some();
        self.subscriptions.change(partition, |a| {
            a.position = Some(position);
            a.phase = if validate { Phase::AwaitValidation } else { Phase::Fetching };
            a.retry_at = Instant(0);
        });
    }

    pub(super) fn reset_spec(&self) -> OffsetSpec {
        match self.config.auto_offset_reset {
            OffsetReset::Earliest => OffsetSpec::Earliest,
            OffsetReset::Latest | OffsetReset::None => OffsetSpec::Latest,
            // The time is filled in when it is asked for.
            OffsetReset::ByDuration(_) => OffsetSpec::Timestamp(Timestamp::NONE),
        }
    }

    fn ask_committed(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        let wanting = |a: &&super::subscription::Assigned| {
            a.phase == Phase::Initializing && a.retry_at <= now
        };
        let partitions: Vec<_> =
            self.subscriptions.iter().filter(wanting).map(|a| a.partition).collect();
        if partitions.is_empty() {
            return;
        }
        let Some(group) = self.group else {
            self.reset_uncommitted(partitions);
            return;
        };
        let Some(node) = self.ready_coordinator(cx) else { return };
        if self.requests.is_waiting_for(Purpose::OffsetFetch) {
            return;
        }
        let request = OffsetFetchRequest {
            who: self.reader(),
            group,
            partitions: Some(partitions),
            // The Java client asks for stable offsets at either isolation level.
            require_stable: true,
        };
        let to = (Channel::Coordinator, node);
        let timeout = self.config.request_timeout;
        let request = Request::OffsetFetch(request);
        self.requests.send(cx, to, Purpose::OffsetFetch, timeout, request);
    }

    pub(super) fn handle_offset_fetch(
        &mut self,
        cx: &mut ClientContext<'_>,
        response: &OffsetFetchResponse,
    ) {
        if response.error != ErrorCode::None {
            self.offset_fetch_failed(cx, response.error);
            return;
        }
        let first = response.partitions.iter().map(|&(error, _)| error);
        if let Some(error) = first.into_iter().find(|&e| e != ErrorCode::None) {
            self.offset_fetch_failed(cx, error);
            return;
        }
        self.offset_fetch_attempts = 0;
        let mut uncommitted = Vec::new();
        for &(_, committed) in &response.partitions {
            let partition = committed.partition;
            let Some(assigned) = self.subscriptions.get(partition) else { continue };
            if assigned.phase != Phase::Initializing {
                continue;
            }
            if committed.offset < Offset::ZERO {
                uncommitted.push(partition);
                continue;
            }
            self.subscriptions.change(partition, |a| a.committed = Some(committed));
            let position = Position {
                offset: committed.offset,
                offset_epoch: committed.leader_epoch,
                leader: self.leader_or_refresh(partition),
            };
            self.set_position(partition, position);
        }
        self.reset_uncommitted(uncommitted);
    }

    /// The committed offsets could not be had: ask again, after a backoff if the application
    /// still waits in its poll, else in its next one.
    pub(super) fn offset_fetch_failed(&mut self, cx: &mut ClientContext<'_>, error: ErrorCode) {
        match error {
            ErrorCode::NotCoordinator => self.coordinator_lost(cx),
            ErrorCode::CoordinatorNotAvailable if self.member.is_some() => {
                self.coordinator_lost(cx);
            }
            // The member has another epoch by now, with which it may ask again.
            ErrorCode::StaleMemberEpoch if self.reader().is_some() => {}
            _ if error.is_retriable() => {}
            _ => self.throw(ConsumerError::Group(error)),
        }
        let wait = if self.polling { self.backoff(cx, self.offset_fetch_attempts) } else { 0 };
        self.offset_fetch_attempts = self.offset_fetch_attempts.saturating_add(1);
        let until = cx.now.instant + wait;
        for partition in self.subscriptions.partitions() {
            self.subscriptions.change(partition, |a| {
                if a.phase == Phase::Initializing {
                    a.retry_at = until;
                }
            });
        }
    }

    fn reset_uncommitted(&mut self, partitions: Vec<PartitionId>) {
        if partitions.is_empty() {
            return;
        }
        if self.config.auto_offset_reset == OffsetReset::None {
            self.throw(ConsumerError::NoOffset(partitions));
            return;
        }
        for partition in partitions {
            self.request_reset(partition);
        }
    }

    /// The leader of a partition; a refresh is requested when none is known.
    fn leader_or_refresh(
        &mut self,
        partition: PartitionId,
    ) -> Option<(NodeId, broker_model::types::LeaderEpoch)> {
        let leader = self.metadata.leader(partition);
        if leader.is_none() {
            self.metadata.request_update();
        }
        leader
    }

    /// Due partitions of a phase by leader, each marked as asked for.
    fn due_by_leader(
        &mut self,
        cx: &ClientContext<'_>,
        wanted: impl Fn(Phase) -> bool,
    ) -> Vec<(NodeId, Vec<PartitionId>)> {
        let now = cx.now.instant;
        let due = self.subscriptions.iter().filter(|a| wanted(a.phase) && a.retry_at <= now);
        let due: Vec<_> = due.map(|a| a.partition).collect();
        let mut by_leader: Vec<(NodeId, Vec<PartitionId>)> = Vec::new();
        for partition in due {
            let Some((leader, _)) = self.leader_or_refresh(partition) else { continue };
            if self.requests.usable_at(Channel::Main, leader) > now {
                continue;
            }
            let until = now + self.config.request_timeout;
            self.subscriptions.change(partition, |a| a.retry_at = until);
            match by_leader.iter_mut().find(|(node, _)| *node == leader) {
                Some((_, list)) => list.push(partition),
                None => by_leader.push((leader, vec![partition])),
            }
        }
        by_leader
    }

    fn ask_reset_offsets(&mut self, cx: &mut ClientContext<'_>) {
        let by_leader = self.due_by_leader(cx, |phase| matches!(phase, Phase::AwaitReset(_)));
        for (node, partitions) in by_leader {
            let asked = |&partition: &PartitionId| {
                let phase = self.subscriptions.get(partition)?.phase;
                let Phase::AwaitReset(spec) = phase else { return None };
                let current_leader_epoch = self.metadata.leader(partition).map(|(_, e)| e);
                let spec = self.with_time(cx, spec);
                Some(ListOffsetsPartition { partition, current_leader_epoch, spec })
            };
            let request = ListOffsetsRequest {
                isolation: self.config.isolation_level,
                replica: None,
                partitions: partitions.iter().filter_map(asked).collect(),
            };
            let to = (Channel::Main, node);
            let timeout = self.config.request_timeout;
            let request = Request::ListOffsets(request);
            self.requests.send(cx, to, Purpose::ListOffsets, timeout, request);
        }
    }

    /// `by_duration` means the wall clock minus the duration when asked.
    fn with_time(&self, cx: &ClientContext<'_>, spec: OffsetSpec) -> OffsetSpec {
        match (spec, self.config.auto_offset_reset) {
            (OffsetSpec::Timestamp(_), OffsetReset::ByDuration(duration)) => {
                let ms = i64::try_from(duration / MILLISECOND).unwrap_or(i64::MAX);
                OffsetSpec::Timestamp(Timestamp(cx.now.wall.0.saturating_sub(ms).max(0)))
            }
            _ => spec,
        }
    }

    pub(super) fn handle_list_offsets(
        &mut self,
        cx: &mut ClientContext<'_>,
        response: &ListOffsetsResponse,
    ) {
        for listed in &response.partitions {
            let partition = listed.partition;
            let Some(assigned) = self.subscriptions.get(partition) else { continue };
            let Phase::AwaitReset(spec) = assigned.phase else { continue };
            if listed.error != ErrorCode::None {
                self.position_failed(cx, partition, listed.error);
            } else if listed.offset < Offset::ZERO {
                // Nothing is that young: begin at the end.
                let spec = if spec == OffsetSpec::Latest { spec } else { OffsetSpec::Latest };
                self.subscriptions.change(partition, |a| {
                    a.phase = Phase::AwaitReset(spec);
                    a.retry_at = Instant(0);
                });
            } else {
                let leader = self.leader_or_refresh(partition);
                let position = Position { offset: listed.offset, offset_epoch: None, leader };
                self.set_position(partition, position);
            }
        }
    }

    fn ask_epoch_ends(&mut self, cx: &mut ClientContext<'_>) {
        if cx.rules.consumer_epoch_validation == ConsumerEpochValidation::Off {
            self.believe_positions();
            return;
        }
        for (node, partitions) in self.due_by_leader(cx, |p| p == Phase::AwaitValidation) {
            let asked = |&partition: &PartitionId| {
                let position = self.subscriptions.get(partition)?.position?;
                let current = position.leader.map(|(_, epoch)| epoch);
                Some((partition, current, position.offset_epoch?))
            };
            let partitions = partitions.iter().filter_map(asked).collect();
            let request = OffsetForLeaderEpochRequest { replica: None, partitions };
            let to = (Channel::Main, node);
            let timeout = self.config.request_timeout;
            let request = Request::OffsetForLeaderEpoch(request);
            self.requests.send(cx, to, Purpose::OffsetForLeaderEpoch, timeout, request);
        }
    }

    /// Before KIP-320: a position is an offset, whoever leads.
    fn believe_positions(&mut self) {
        for partition in self.subscriptions.partitions() {
            self.subscriptions.change(partition, |a| {
                if a.phase == Phase::AwaitValidation {
                    a.phase = Phase::Fetching;
                }
            });
        }
    }

    pub(super) fn handle_epoch_ends(
        &mut self,
        cx: &mut ClientContext<'_>,
        response: &OffsetForLeaderEpochResponse,
    ) {
        for &(partition, error, end) in &response.partitions {
            let Some(assigned) = self.subscriptions.get(partition) else { continue };
            let Some(position) = assigned.position else { continue };
            if assigned.phase != Phase::AwaitValidation {
                continue;
            }
            if error == ErrorCode::None {
                self.complete_validation(partition, position, end);
            } else {
                self.position_failed(cx, partition, error);
            }
        }
    }

    fn complete_validation(
        &mut self,
        partition: PartitionId,
        position: Position,
        end: Option<EpochEnd>,
    ) {
        let known = end.filter(|e| e.end_offset >= Offset::ZERO);
        let reset = self.config.auto_offset_reset != OffsetReset::None;
        match known {
            Some(end) if end.end_offset >= position.offset => {
                self.subscriptions.change(partition, |a| a.phase = Phase::Fetching);
            }
            Some(end) if reset => {
                let back = Position {
                    offset: end.end_offset,
                    offset_epoch: Some(end.epoch),
                    leader: position.leader,
                };
                self.subscriptions.change(partition, |a| {
                    a.position = Some(back);
                    a.phase = Phase::Fetching;
                });
            }
            None if reset => {
                self.request_reset(partition);
            }
            _ => {
                self.subscriptions.change(partition, |a| a.phase = Phase::Fetching);
                self.throw(ConsumerError::LogTruncation(partition, position.offset));
            }
        }
    }

    /// The leader could not say: ask again, after metadata and a backoff.
    fn position_failed(
        &mut self,
        cx: &mut ClientContext<'_>,
        partition: PartitionId,
        _error: ErrorCode,
    ) {
        self.metadata.request_update();
        let until = cx.now.instant + self.backoff(cx, 0);
        self.subscriptions.change(partition, |a| a.retry_at = until);
    }

    /// An offset or epoch request got no answer: all that wait for one ask again.
    pub(super) fn position_request_lost(&mut self, cx: &mut ClientContext<'_>) {
        self.metadata.request_update();
        let until = cx.now.instant + self.backoff(cx, 0);
        for partition in self.subscriptions.partitions() {
            self.subscriptions.change(partition, |a| {
                if matches!(a.phase, Phase::AwaitReset(_) | Phase::AwaitValidation) {
                    a.retry_at = a.retry_at.min(until);
                }
            });
        }
    }

    /// When a position may be asked for again.
    pub(super) fn positions_deadline(&self, now: Instant) -> Instant {
        if self.subscriptions.unsettled() == 0 {
            return Instant::FAR;
        }
        let waiting = self.subscriptions.iter().filter(|a| a.phase != Phase::Fetching);
        let mut first = waiting.map(|a| a.retry_at).filter(|&at| at > now).min();
        for broker in self.metadata.brokers() {
            let usable = self.requests.usable_at(Channel::Main, *broker);
            if usable > now {
                first = Some(first.map_or(usable, |at| at.min(usable)));
            }
        }
        first.unwrap_or(Instant::FAR)
    }
}
