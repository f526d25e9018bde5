//! What every handler of the group coordinator works with besides its group.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::ShardLog;
use super::classic_group::{ClassicGroup, Member};
use super::consumer_group::{self, ClassicJoin, Undo};
use super::groups::Groups;
use super::settings::GroupSettings;
use crate::config::GroupConfig;
use crate::coordinator::{Effect, Effects, Waiter};
use crate::io::{Context, Token};
use crate::protocol::consumer_group::ConsumerGroupHeartbeatResponse;
use crate::protocol::group::{
    Assignment, HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, LeavingMember,
    OffsetFetchRequest, SyncGroupResponse,
};
use crate::protocol::txn::ProducerIdAndEpoch;
use crate::protocol::{ErrorCode, Response};
use crate::records::{BATCH_OVERHEAD_BYTES, GroupRecord, NewBatch};
use crate::timers::Timers;
use crate::types::{
    BatchId, Duration, GenerationId, GroupId, MILLISECOND, MemberId, NodeId, PartitionId,
};

/// Bytes of an offset record beside the group's name. An estimate: framing, key and value of
/// Kafka's schema with a topic name of 12 characters and no metadata.
const OFFSET_RECORD_BYTES: usize = 53;
/// Bytes of a group's metadata record beside its members. An estimate, as above.
const METADATA_RECORD_BYTES: usize = 60;
/// Bytes of a member in a group's metadata record. An estimate, as above.
const MEMBER_BYTES: usize = 180;

/// What a timer is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Timer {
    /// Session of a member, or of an id that was given out.
    Member(PartitionId, GroupId, MemberId),
    /// A member of a group of the new protocol gives up partitions no longer.
    Revocation(PartitionId, GroupId, MemberId),
    /// A classic member of such a group does not join again.
    Rejoin(PartitionId, GroupId, MemberId),
    /// A classic member of such a group joined and does not sync.
    Resync(PartitionId, GroupId, MemberId),
    /// End of the join phase.
    Join(PartitionId, GroupId),
    /// End of the sync phase of a generation.
    Sync(PartitionId, GroupId),
    /// An append waits no longer.
    Append(Waiter),
    /// An answer waits no longer for the writes before it.
    Answer(PartitionId, Waiter),
    /// The regular expressions of a group are looked up.
    Patterns(PartitionId, GroupId),
    /// Look for expired offsets of a shard.
    Expire(PartitionId),
}

impl Timer {
    /// The shard that it belongs to; none for an append, which has its own.
    pub(super) const fn partition(&self) -> Option<PartitionId> {
        match *self {
            Self::Member(partition, ..)
            | Self::Revocation(partition, ..)
            | Self::Rejoin(partition, ..)
            | Self::Resync(partition, ..)
            | Self::Join(partition, _)
            | Self::Sync(partition, _)
            | Self::Answer(partition, _)
            | Self::Patterns(partition, _)
            | Self::Expire(partition) => Some(partition),
            Self::Append(_) => None,
        }
    }
}

/// What follows when an append is replicated or has failed.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Then {
    /// Nothing: nobody waits.
    Nothing,
    /// The leader's assignment: the round ends.
    Assignment {
        group: GroupId,
        generation: GenerationId,
        assignment: BTreeMap<MemberId, Assignment>,
    },
    /// A static member came back to a stable group.
    StaticMember(StaticReturn),
    /// Offsets, with each partition's answer if they are written.
    Offsets { group: GroupId, token: Token, partitions: Vec<(PartitionId, ErrorCode)>, txn: bool },
    /// A heartbeat of a classic member, with what it is told.
    Heartbeat { token: Token, error: ErrorCode },
    /// Members left, or nobody did.
    Left { token: Token, members: Vec<(LeavingMember, ErrorCode)> },
    /// Offsets are deleted, or a whole group.
    Deleted { token: Token, response: Response },
    /// What a heartbeat of the new protocol decided.
    ConsumerHeartbeat { token: Token, response: ConsumerGroupHeartbeatResponse },
    /// A classic member joined a group of the new protocol.
    ClassicJoin { token: Token, join: ClassicJoin },
    /// A classic member of such a group is told what it owns.
    ClassicSync { group: GroupId, member: MemberId, token: Token, response: SyncGroupResponse },
}

/// What waits for an append that it has nothing of itself in.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Parked {
    /// A stable fetch.
    Fetch(Token, OffsetFetchRequest),
    /// What would follow a write, if there was anything to write, with its number among them.
    Answer(Waiter, Then),
}

/// A static member that came back, with what is to be restored if its record fails.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct StaticReturn {
    pub(super) group: GroupId,
    pub(super) old: MemberId,
    pub(super) new: MemberId,
    pub(super) before: Box<Member>,
    /// Who led before, for clients that cannot skip an assignment.
    pub(super) old_leader: MemberId,
    /// The client understands `skip_assignment` (`JoinGroup` v9, KIP-814).
    pub(super) skips: bool,
}

/// An append on its way.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Append {
    pub(super) partition: PartitionId,
    pub(super) batch: BatchId,
    /// Place in the order of the shard's log.
    pub(super) position: u64,
    pub(super) then: Then,
    /// What takes the records back that changed a group at once.
    pub(super) undo: Vec<Undo>,
}

/// Appends on their way, numbered over the life of the coordinator.
#[derive(Clone, Debug, Default)]
pub(super) struct Appends {
    pub(super) open: BTreeMap<Waiter, Append>,
    next: u64,
}

impl Appends {
    /// Even numbers; the transaction coordinator takes the odd ones.
    pub(super) const fn waiter(&mut self) -> Waiter {
        self.next += 1;
        Waiter(self.next * 2)
    }
}

/// Generated member ids: the node, the millisecond and a counter, so that a restarted
/// coordinator cannot give out an id again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MemberIds {
    last: u64,
}

/// The surroundings of one call, for one shard.
pub(super) struct Desk<'a, 'c> {
    pub(super) cx: &'a mut Context<'c>,
    pub(super) effects: &'a mut Effects,
    pub(super) timers: &'a mut Timers<Timer>,
    pub(super) appends: &'a mut Appends,
    pub(super) ids: &'a mut MemberIds,
    pub(super) settings: &'a GroupSettings,
    pub(super) configs: &'a BTreeMap<GroupId, GroupConfig>,
    pub(super) node: NodeId,
    pub(super) partition: PartitionId,
    pub(super) log: &'a mut ShardLog,
}

impl Desk<'_, '_> {
    pub(super) fn reply(&mut self, token: Token, response: Response) {
        self.effects.push(Effect::Reply { token, response });
    }

    pub(super) fn refuse_join(&mut self, token: Token, error: ErrorCode, member: MemberId) {
        self.reply(token, Response::JoinGroup(refused_join(error, member)));
    }

    pub(super) fn reply_sync(
        &mut self,
        token: Token,
        group: &ClassicGroup,
        assignment: Assignment,
    ) {
        let (protocol_type, protocol) = (group.protocol_type, group.protocol);
        let error = ErrorCode::None;
        let response = SyncGroupResponse { error, protocol_type, protocol, assignment };
        self.reply(token, Response::SyncGroup(response));
    }

    pub(super) fn refuse_sync(&mut self, token: Token, error: ErrorCode) {
        self.reply(token, Response::SyncGroup(refused_sync(error)));
    }

    pub(super) fn reply_heartbeat(&mut self, token: Token, error: ErrorCode) {
        self.reply(token, Response::Heartbeat(HeartbeatResponse { error }));
    }

    pub(super) fn reply_leave(
        &mut self,
        token: Token,
        error: ErrorCode,
        members: Vec<(LeavingMember, ErrorCode)>,
    ) {
        self.reply(token, Response::LeaveGroup(LeaveGroupResponse { error, members }));
    }

    pub(super) fn set_timer(&mut self, timer: Timer, after: Duration) {
        self.timers.set(timer, self.cx.now.instant + after);
    }

    /// The member is alive: its session begins anew.
    pub(super) fn keep_alive(&mut self, group: &ClassicGroup, member: MemberId) {
        if let Some(m) = group.members.get(&member) {
            self.set_timer(Timer::Member(self.partition, group.id, member), m.session_timeout);
        }
    }

    pub(super) fn cancel_session(&mut self, group: GroupId, member: MemberId) {
        self.timers.cancel(Timer::Member(self.partition, group, member));
    }

    pub(super) fn new_member_id(&mut self) -> MemberId {
        let millisecond = self.cx.now.instant.0 / MILLISECOND;
        self.ids.last = (self.ids.last + 1).max((millisecond << 12) | 1);
        MemberId((u64::from(self.node.0) << 40) | self.ids.last)
    }

    /// Appends records to the shard; `then` follows when they are replicated.
    pub(super) fn append(
        &mut self,
        records: Vec<GroupRecord>,
        producer: Option<ProducerIdAndEpoch>,
        then: Then,
    ) -> Waiter {
        let bytes = batch_bytes(&records, self.cx);
        let mut new = NewBatch::plain(bytes, self.cx.now.wall);
        if let Some(producer) = producer {
            new.producer_id = producer.id;
            new.producer_epoch = producer.epoch;
            new.transactional = true;
        }
        let batch = self.cx.batches.push_group(new, records);
        let waiter = self.appends.waiter();
        let (partition, position) = (self.partition, self.log.position);
        self.log.position += 1;
        self.log.in_flight.insert(waiter);
        if !matches!(then, Then::Nothing) {
            self.set_timer(Timer::Append(waiter), self.settings.offsets_commit_timeout);
        }
        let undo = Vec::new();
        self.appends.open.insert(waiter, Append { partition, batch, position, then, undo });
        self.effects.push(Effect::Append { partition, batch, waiter });
        waiter
    }

    /// Appends records that change a group at once, until they fail.
    pub(super) fn append_applied(
        &mut self,
        groups: &mut Groups,
        records: Vec<GroupRecord>,
        then: Then,
    ) {
        let (now, rules) = (self.cx.now.wall, self.cx.rules);
        let apply = |record| consumer_group::apply(groups, record, now, rules);
        let undo = records.iter().filter_map(apply).collect();
        let waiter = self.append(records, None, then);
        self.appends.open.get_mut(&waiter).expect("just appended").undo = undo;
    }

    /// `then` follows when all is replicated that was written before, as if it were a write
    /// without records. Source: Kafka, `scheduleWriteOperation`.
    pub(super) fn follow_writes(&mut self, groups: &mut Groups, then: Then) {
        let Some(&last) = self.log.in_flight.last() else { return self.succeed(groups, then) };
        let number = self.appends.waiter();
        let timer = Timer::Answer(self.partition, number);
        self.set_timer(timer, self.settings.offsets_commit_timeout);
        self.log.parked.entry(last).or_default().push(Parked::Answer(number, then));
    }
}

/// The answer to a join that was refused.
pub(super) fn refused_join(error: ErrorCode, member: MemberId) -> JoinGroupResponse {
    JoinGroupResponse {
        error,
        generation: GenerationId(-1),
        protocol_type: None,
        protocol: None,
        leader: MemberId(0),
        member,
        skip_assignment: false,
        members: Vec::new(),
    }
}

/// The answer to a sync that was refused.
pub(super) fn refused_sync(error: ErrorCode) -> SyncGroupResponse {
    let assignment = Assignment::default();
    SyncGroupResponse { error, protocol_type: None, protocol: None, assignment }
}

fn batch_bytes(records: &[GroupRecord], cx: &Context<'_>) -> u32 {
    let bytes: usize = records
        .iter()
        .map(|record| match record {
            GroupRecord::Offset { group, .. } => {
                OFFSET_RECORD_BYTES + cx.names.group_name(*group).len()
            }
            GroupRecord::Metadata { group, members, .. } => {
                let owned: usize =
                    members.iter().map(|m| m.assignment.partitions().len() * 4).sum();
                METADATA_RECORD_BYTES
                    + cx.names.group_name(*group).len()
                    + members.len() * MEMBER_BYTES
                    + owned
            }
            GroupRecord::ConsumerMember { group, value: Some(_), .. } => {
                MEMBER_BYTES + cx.names.group_name(*group).len()
            }
            GroupRecord::ConsumerTarget { group, value: Some(target), .. } => {
                METADATA_RECORD_BYTES + cx.names.group_name(*group).len() + target.len() * 4
            }
            GroupRecord::ConsumerAssignment { group, value: Some(value), .. } => {
                let owned = value.assigned.len() + value.revoking.len();
                METADATA_RECORD_BYTES + cx.names.group_name(*group).len() + owned * 4
            }
            other => METADATA_RECORD_BYTES / 2 + cx.names.group_name(other.group()).len(),
        })
        .sum();
    BATCH_OVERHEAD_BYTES + u32::try_from(bytes).expect("a coordinator batch is below 4 GiB")
}

/// What a client hears when the coordinator's own append failed. Source: Kafka,
/// `CoordinatorOperationExceptionHelper`.
#[must_use]
pub const fn append_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::NetworkException => ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge
        | ErrorCode::RecordListTooLarge
        | ErrorCode::InvalidFetchSize => ErrorCode::UnknownServerError,
        other => other,
    }
}

/// An owned instance id as a borrowed one.
pub(super) fn as_instance(instance: Option<&String>) -> Option<&str> {
    instance.map(String::as_str)
}
