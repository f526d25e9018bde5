//! The group coordinator: the classic protocol, the new one (KIP-848) and committed offsets.
//!
//! Use, for the broker that owns the logs:
//! - `take_over` a shard when the broker becomes leader of a partition of
//!   `__consumer_offsets`; `unload` when it resigns;
//! - `handle` requests of groups of that shard, carry out the effects in order;
//! - report each append by `committed` in the order of the log as the high watermark passes
//!   it, or by `failed` if nothing was written. An append that was written and only takes long
//!   is neither: the coordinator answers its client by itself and goes on waiting;
//! - tell of each marker on the partition by `marker` once it is replicated, in the same
//!   order as appends;
//! - `tick` when `next_deadline` has come.
//!
//! Offsets are replayed state: they change when their records are replicated. Members and
//! rounds of the classic protocol are what Kafka, too, keeps outside its log until a round ends;
//! see `consumer_group` for the new one.
//!
//! Before [`GroupCoordinator::handle`] sees a `TxnOffsetCommit`, the broker has asked the
//! transaction coordinator (to verify, or from version 5 on to add the partition).

mod admin;
mod answers;
pub mod assignor;
mod classic_group;
mod commit;
mod consumer_group;
mod desk;
mod expire;
mod groups;
mod join;
mod load;
mod offsets;
mod rebalance;
mod replicated;
mod settings;
mod static_member;
mod sync;
mod vote;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

pub use classic_group::GroupState;
pub use desk::append_error;
pub use settings::GroupSettings;

use crate::config::GroupConfig;
use crate::coordinator::{Effect, Effects, Waiter};
use crate::io::{Context, Token};
use crate::metadata::Image;
use crate::names::Names;
use crate::protocol::consumer_group::ConsumerGroupHeartbeatResponse;
use crate::protocol::group::{
    HeartbeatResponse, LeaveGroupResponse, OffsetCommitResponse, OffsetFetchResponse,
};
use crate::protocol::group_admin::{
    DeleteGroupsResponse, ListGroupsRequest, ListGroupsResponse, OffsetDeleteResponse,
};
use crate::protocol::txn::TxnOffsetCommitResponse;
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::timers::Timers;
use crate::types::{
    CoordinatorEpoch, GenerationId, GroupId, Instant, MemberId, NodeId, Offset, PartitionId,
    ProducerId,
};
use classic_group::ClassicGroup;
use desk::{Appends, Desk, MemberIds, Parked, Timer};
use groups::{Group, Groups};

/// One partition of `__consumer_offsets`.
#[derive(Clone, Debug)]
struct Shard {
    groups: Groups,
    log: ShardLog,
}

/// What a shard keeps beside its groups.
#[derive(Clone, Debug)]
struct ShardLog {
    epoch: CoordinatorEpoch,
    /// Place of the next append in the order of the log.
    position: u64,
    /// Groups in which a producer has pending offsets.
    open: BTreeMap<ProducerId, BTreeSet<GroupId>>,
    /// Appends on their way, in order.
    in_flight: BTreeSet<Waiter>,
    /// What the shard was loaded with and is not replicated yet, in order.
    tail: BTreeSet<Waiter>,
    /// Requests that wait for an append before them.
    parked: BTreeMap<Waiter, Vec<Parked>>,
}

/// The group coordinator of one broker.
#[derive(Clone, Debug)]
pub struct GroupCoordinator {
    node: NodeId,
    settings: GroupSettings,
    /// What groups have of their own, beside the settings.
    configs: BTreeMap<GroupId, GroupConfig>,
    shards: BTreeMap<PartitionId, Shard>,
    timers: Timers<Timer>,
    appends: Appends,
    ids: MemberIds,
}

/// A group as invariants and descriptions see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupView {
    /// The group.
    pub group: GroupId,
    /// Its state; of a group of the new protocol the one that comes next to it.
    pub state: GroupState,
    /// Its generation, or its epoch.
    pub generation: GenerationId,
    /// Its members with what they own, in order of id.
    pub members: Vec<(MemberId, Vec<PartitionId>)>,
    /// Its committed offsets, in order of partition.
    pub offsets: Vec<(PartitionId, Offset)>,
    /// Whether a transaction has offsets pending.
    pub pending: bool,
}

impl GroupCoordinator {
    /// A coordinator without shards.
    #[must_use]
    pub fn new(node: NodeId, settings: &GroupSettings) -> Self {
        Self {
            node,
            settings: *settings,
            configs: BTreeMap::new(),
            shards: BTreeMap::new(),
            timers: Timers::default(),
            appends: Appends::default(),
            ids: MemberIds::default(),
        }
    }

    /// A group has this of its own from now on; what runs is not changed.
    pub fn configure(&mut self, group: GroupId, config: GroupConfig) {
        if config == GroupConfig::default() {
            self.configs.remove(&group);
        } else {
            self.configs.insert(group, config);
        }
    }

    /// Answers a request of a group that belongs to `partition` of `__consumer_offsets`.
    ///
    /// Panics on requests of another kind: a bug in the broker.
    pub fn handle(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        image: &Image,
        partition: PartitionId,
        (token, header, request): (Token, Header, Request),
    ) {
        let malformed = self.malformed(cx.names, &request);
        let desk = self.desk(cx, effects, partition).filter(|_| malformed.is_none());
        let Some((mut desk, groups)) = desk else {
            let response = refusal(&request, malformed.unwrap_or(ErrorCode::NotCoordinator));
            effects.push(Effect::Reply { token, response });
            return;
        };
        match request {
            Request::JoinGroup(r) => desk.join(groups, image, token, header, &r),
            Request::SyncGroup(r) => desk.sync(groups, token, r),
            Request::Heartbeat(r) => desk.heartbeat(groups, token, &r),
            Request::LeaveGroup(r) => desk.leave(groups, image, token, r),
            Request::OffsetCommit(r) => desk.offset_commit(groups, token, header, &r),
            Request::TxnOffsetCommit(r) => desk.txn_offset_commit(groups, token, &r),
            Request::OffsetFetch(r) => desk.offset_fetch(groups, token, r),
            Request::DescribeGroups(r) => desk.describe(groups, token, header, r),
            Request::DeleteGroups(r) => desk.delete(groups, token, r),
            Request::OffsetDelete(r) => desk.delete_offsets(groups, image, token, &r),
            Request::ConsumerGroupHeartbeat(r) => {
                desk.consumer_heartbeat(groups, image, token, header, &r);
            }
            Request::ConsumerGroupDescribe(r) => desk.consumer_describe(groups, image, token, r),
            other => panic!("not a request to a group coordinator: {:?}", other.api_key()),
        }
    }

    /// Why a request is refused whatever the groups are: it names none, or the session timeout
    /// is out of bounds.
    #[must_use]
    pub fn malformed(&self, names: &Names, request: &Request) -> Option<ErrorCode> {
        let (group, session) = match request {
            Request::JoinGroup(r) => (r.group, Some(r.session_timeout)),
            Request::SyncGroup(r) => (r.group, None),
            Request::Heartbeat(r) => (r.group, None),
            Request::LeaveGroup(r) => (r.group, None),
            Request::OffsetDelete(r) => (r.group, None),
            Request::TxnOffsetCommit(r) => (r.group, None),
            // Outside of transactions offsets can be kept without a name, and such a group can be
            // described and deleted.
            _ => return None,
        };
        let bounds = self.settings.min_session_timeout..=self.settings.max_session_timeout;
        if names.group_name(group).is_empty() {
            Some(ErrorCode::InvalidGroupId)
        } else if session.is_some_and(|session| !bounds.contains(&session)) {
            Some(ErrorCode::InvalidSessionTimeout)
        } else {
            None
        }
    }

    /// The groups of all shards that a list asks for, in order of shard and id.
    #[must_use]
    pub fn list(&self, request: &ListGroupsRequest) -> ListGroupsResponse {
        let shards = self.shards.values();
        let groups = shards.flat_map(|shard| admin::listed(&shard.groups, request)).collect();
        ListGroupsResponse { error: ErrorCode::None, groups }
    }

    /// The next instant at which [`Self::tick`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        self.timers.next_deadline()
    }

    /// Does what is due. `image` tells to which topics partitions belong.
    pub fn tick(&mut self, cx: &mut Context<'_>, effects: &mut Effects, image: &Image) {
        while let Some(timer) = self.timers.pop(cx.now.instant) {
            if let Timer::Append(waiter) = timer {
                self.give_up_waiting(cx, effects, waiter);
            }
            let Some(partition) = timer.partition() else { continue };
            let Some((mut desk, groups)) = self.desk(cx, effects, partition) else { continue };
            match timer {
                Timer::Member(_, group, member) => {
                    desk.session_expired(groups, group, member);
                    desk.consumer_session_over(groups, image, group, member);
                }
                Timer::Revocation(_, group, member) => {
                    desk.revocation_over(groups, image, group, member);
                }
                Timer::Rejoin(_, group, member) | Timer::Resync(_, group, member) => {
                    desk.consumer_session_over(groups, image, group, member);
                }
                Timer::Join(_, group) => desk.join_time_over(groups, group),
                Timer::Sync(_, group) => desk.sync_time_over(groups, group),
                Timer::Answer(_, number) => desk.give_up_answer(groups, number),
                Timer::Patterns(_, group) => desk.look_up_patterns(groups, image, group),
                Timer::Expire(_) => desk.expire_offsets(groups, image),
                Timer::Append(_) => {}
            }
        }
    }

    /// The shards this coordinator has, with their epochs, in order.
    pub fn shards(&self) -> impl Iterator<Item = (PartitionId, CoordinatorEpoch)> + '_ {
        self.shards.iter().map(|(&partition, shard)| (partition, shard.log.epoch))
    }

    /// All groups, in order of shard and id. Costs a copy of each: for invariants and tests.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupView> {
        self.shards.values().flat_map(|shard| shard.groups.values().map(view)).collect()
    }

    /// The groups of one shard, in order of id. Costs a copy of each: for invariants.
    pub fn groups_of(&self, partition: PartitionId) -> impl Iterator<Item = GroupView> + '_ {
        self.shards.get(&partition).into_iter().flat_map(|shard| shard.groups.values().map(view))
    }

    /// What each group goes on from, in every partition of which it has committed an offset.
    pub fn offsets(&self) -> impl Iterator<Item = (GroupId, PartitionId, Offset)> + '_ {
        let groups = self.shards.values().flat_map(|shard| &shard.groups);
        groups.flat_map(|(&id, group)| {
            let committed = group.offsets().committed.iter();
            committed.map(move |(&partition, kept)| (id, partition, kept.record.offset))
        })
    }

    /// What each group that has committed an offset of a partition goes on from.
    pub fn offsets_of(
        &self,
        partition: PartitionId,
    ) -> impl Iterator<Item = (GroupId, Offset)> + '_ {
        let groups = self.shards.values().flat_map(|shard| &shard.groups);
        groups.filter_map(move |(&id, group)| {
            Some((id, group.offsets().committed.get(&partition)?.record.offset))
        })
    }

    /// One group of a shard.
    #[must_use]
    pub fn group(&self, partition: PartitionId, group: GroupId) -> Option<GroupView> {
        self.shards.get(&partition)?.groups.get(&group).map(view)
    }

    fn desk<'a, 'c>(
        &'a mut self,
        cx: &'a mut Context<'c>,
        effects: &'a mut Effects,
        partition: PartitionId,
    ) -> Option<(Desk<'a, 'c>, &'a mut Groups)> {
        let shard = self.shards.get_mut(&partition)?;
        let desk = Desk {
            cx,
            effects,
            timers: &mut self.timers,
            appends: &mut self.appends,
            ids: &mut self.ids,
            settings: &self.settings,
            configs: &self.configs,
            node: self.node,
            partition,
            log: &mut shard.log,
        };
        Some((desk, &mut shard.groups))
    }
}

fn view(group: &Group) -> GroupView {
    match group {
        Group::Classic(group) => classic_view(group),
        Group::Consumer(group) => group.view(),
    }
}

fn classic_view(group: &ClassicGroup) -> GroupView {
    GroupView {
        group: group.id,
        state: group.state,
        generation: group.generation,
        members: group
            .members
            .iter()
            .map(|(&id, m)| (id, m.assignment.partitions().to_vec()))
            .collect(),
        offsets: group.offsets.committed.iter().map(|(&p, c)| (p, c.record.offset)).collect(),
        pending: !group.offsets.pending.is_empty(),
    }
}

/// The answer to `request` when nothing of it was done.
#[must_use]
pub fn refusal(request: &Request, error: ErrorCode) -> Response {
    match request {
        Request::JoinGroup(r) => Response::JoinGroup(desk::refused_join(error, r.member)),
        Request::SyncGroup(_) => Response::SyncGroup(desk::refused_sync(error)),
        Request::Heartbeat(_) => Response::Heartbeat(HeartbeatResponse { error }),
        Request::LeaveGroup(_) => {
            Response::LeaveGroup(LeaveGroupResponse { error, members: Vec::new() })
        }
        Request::OffsetCommit(r) => {
            let partitions = r.offsets.iter().map(|o| (o.partition, error)).collect();
            Response::OffsetCommit(OffsetCommitResponse { partitions })
        }
        Request::TxnOffsetCommit(r) => {
            let partitions = r.offsets.iter().map(|o| (o.partition, error)).collect();
            Response::TxnOffsetCommit(TxnOffsetCommitResponse { partitions })
        }
        Request::ConsumerGroupHeartbeat(_) => {
            Response::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse::refused(error))
        }
        Request::ConsumerGroupDescribe(_) => {
            Response::ConsumerGroupDescribe(consumer_group::not_described(error))
        }
        Request::OffsetFetch(_) => {
            Response::OffsetFetch(OffsetFetchResponse { error, partitions: Vec::new() })
        }
        Request::DescribeGroups(_) => {
            Response::DescribeGroups(Box::new(admin::no_group(error, "")))
        }
        Request::DeleteGroups(_) => Response::DeleteGroups(DeleteGroupsResponse { error }),
        Request::OffsetDelete(_) => {
            Response::OffsetDelete(OffsetDeleteResponse { error, partitions: Vec::new() })
        }
        other => panic!("not a request to a group coordinator: {:?}", other.api_key()),
    }
}

#[cfg(test)]
mod tests;
