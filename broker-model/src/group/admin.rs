//! What administrators ask: groups described and listed, groups and offsets deleted.
//! Source: Kafka 4.1, `GroupMetadataManager` and `OffsetMetadataManager.deleteOffsets`.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::classic_group::{ClassicGroup, GroupState};
use super::consumer_group;
use super::desk::{Desk, Then};
use super::groups::{Group, Groups};
use super::offsets::GroupOffsets;
use crate::io::Token;
use crate::metadata::Image;
use crate::protocol::group::ProtocolType;
use crate::protocol::group_admin::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    DescribedMember, GroupType, ListGroupsRequest, ListedGroup, OffsetDeleteRequest,
    OffsetDeleteResponse,
};
use crate::protocol::{ErrorCode, Header, Response};
use crate::records::GroupRecord;
use crate::types::{GroupId, PartitionId};

/// From this version on a missing group has an error, not only the state `Dead`.
const TELLS_OF_MISSING_GROUPS: i16 = 6;

impl Desk<'_, '_> {
    pub(super) fn describe(
        &mut self,
        groups: &Groups,
        token: Token,
        header: Header,
        request: DescribeGroupsRequest,
    ) {
        let response = match groups.get(&request.group).and_then(Group::classic) {
            Some(group) => described(group),
            None if header.api_version >= TELLS_OF_MISSING_GROUPS => {
                no_group(ErrorCode::GroupIdNotFound, GroupState::Dead.name())
            }
            None => no_group(ErrorCode::None, GroupState::Dead.name()),
        };
        self.reply(token, Response::DescribeGroups(Box::new(response)));
    }

    /// Deletes a group without members, with its offsets and those that a transaction has
    /// pending.
    pub(super) fn delete(
        &mut self,
        groups: &mut Groups,
        token: Token,
        request: DeleteGroupsRequest,
    ) {
        let error = match groups.get(&request.group).map(state) {
            None | Some(GroupState::Dead) => ErrorCode::GroupIdNotFound,
            Some(GroupState::Empty) => ErrorCode::None,
            Some(_) => ErrorCode::NonEmptyGroup,
        };
        let response = Response::DeleteGroups(DeleteGroupsResponse { error });
        if error != ErrorCode::None {
            return self.follow_writes(groups, Then::Deleted { token, response });
        }
        let group = request.group;
        let partitions = self.written_offsets(group, groups[&group].offsets());
        let tombstone = |partition| GroupRecord::Offset { group, partition, value: None };
        let mut records: Vec<GroupRecord> = partitions.into_iter().map(tombstone).collect();
        if groups[&group].consumer().is_some() {
            records.extend(consumer_group::tombstones(group));
            return self.append_applied(groups, records, Then::Deleted { token, response });
        }
        records.push(GroupRecord::Tombstone { group });
        self.append(records, None, Then::Deleted { token, response });
    }

    pub(super) fn delete_offsets(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        token: Token,
        request: &OffsetDeleteRequest,
    ) {
        let refused = match groups.get(&request.group) {
            None => Err(ErrorCode::GroupIdNotFound),
            Some(group) => match state(group) {
                GroupState::Dead => Err(ErrorCode::GroupIdNotFound),
                GroupState::Empty => Ok(group),
                _ if group.classic().is_none_or(ClassicGroup::is_of_consumers) => Ok(group),
                _ => Err(ErrorCode::NonEmptyGroup),
            },
        };
        let group = match refused {
            Ok(group) => group,
            Err(error) => {
                let response = OffsetDeleteResponse { error, partitions: Vec::new() };
                return self.reply(token, Response::OffsetDelete(response));
            }
        };
        let written = self.written_offsets(request.group, group.offsets());
        let mut partitions = Vec::with_capacity(request.partitions.len());
        let mut records = Vec::new();
        for &(topic, partition) in &request.partitions {
            let error = if partition == PartitionId::UNKNOWN {
                ErrorCode::UnknownTopicOrPartition
            } else if group.is_subscribed_to(topic, image, self.cx.names) {
                ErrorCode::GroupSubscribedToTopic
            } else {
                ErrorCode::None
            };
            partitions.push((partition, error));
            if error == ErrorCode::None && written.contains(&partition) {
                let group = request.group;
                records.push(GroupRecord::Offset { group, partition, value: None });
            }
        }
        let response = OffsetDeleteResponse { error: ErrorCode::None, partitions };
        let response = Response::OffsetDelete(response);
        let then = Then::Deleted { token, response };
        if records.is_empty() {
            return self.follow_writes(groups, then);
        }
        self.append(records, None, then);
    }
}

impl Desk<'_, '_> {
    /// Records that are in the log, or on their way to it, and not replicated yet.
    pub(super) fn unreplicated(&self) -> impl Iterator<Item = &GroupRecord> {
        let waiters = self.log.in_flight.iter().chain(&self.log.tail);
        let appends = waiters.filter_map(|waiter| self.appends.open.get(waiter));
        appends.flat_map(|append| self.cx.batches.group_records(append.batch))
    }

    /// Partitions with an offset, committed, pending or still to be replicated: a deletion
    /// comes after all of them in the log.
    fn written_offsets(&self, group: GroupId, offsets: &GroupOffsets) -> BTreeSet<PartitionId> {
        let pending = offsets.pending.values().flat_map(|pending| pending.keys());
        let on_their_way = self.unreplicated().filter_map(|record| match record {
            GroupRecord::Offset { group: id, partition, .. } if *id == group => Some(partition),
            _ => None,
        });
        offsets.committed.keys().chain(pending).chain(on_their_way).copied().collect()
    }
}

/// The state of a group, of one of the new protocol the one that comes next to it.
fn state(group: &Group) -> GroupState {
    match group {
        Group::Classic(group) => group.state,
        Group::Consumer(group) => group.view().state,
    }
}

/// The groups of a shard that a list asks for.
pub(super) fn listed<'a>(
    groups: &'a Groups,
    request: &'a ListGroupsRequest,
) -> impl Iterator<Item = ListedGroup> + 'a {
    let wanted = |filter: &[alloc::string::String], name: &str| {
        filter.is_empty() || filter.iter().any(|f| f.trim().eq_ignore_ascii_case(name))
    };
    let all = groups.iter().map(|(&id, group)| match group {
        Group::Classic(group) => ListedGroup {
            group: id,
            group_type: GroupType::Classic,
            state: group.state.name(),
            protocol_type: group.protocol_type,
        },
        Group::Consumer(group) => ListedGroup {
            group: id,
            group_type: GroupType::Consumer,
            state: group.state().name(),
            protocol_type: Some(ProtocolType::Consumer),
        },
    });
    all.filter(move |g| {
        wanted(&request.states, g.state) && wanted(&request.types, g.group_type.name())
    })
}

/// The description of a group that is not there, or that could not be looked for.
pub(super) const fn no_group(error: ErrorCode, state: &'static str) -> DescribeGroupsResponse {
    DescribeGroupsResponse {
        error,
        state,
        protocol_type: None,
        protocol: None,
        members: Vec::new(),
    }
}

/// What members tell of themselves is shown of a stable group only.
fn described(group: &ClassicGroup) -> DescribeGroupsResponse {
    let stable = group.state == GroupState::Stable;
    let members = group.members.iter().map(|(&id, m)| DescribedMember {
        member: id,
        instance: m.instance.clone(),
        client: m.client,
        metadata: stable.then(|| m.metadata(group.protocol)),
        assignment: m.assignment.clone(),
    });
    DescribeGroupsResponse {
        error: ErrorCode::None,
        state: group.state.name(),
        protocol_type: group.protocol_type,
        protocol: group.protocol.filter(|_| stable),
        members: members.collect(),
    }
}
