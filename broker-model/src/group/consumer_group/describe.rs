//! `ConsumerGroupDescribe`, and the group as invariants see it.

use alloc::vec::Vec;

use super::ConsumerGroup;
use crate::group::GroupView;
use crate::group::desk::Desk;
use crate::group::groups::{Group, Groups};
use crate::io::Token;
use crate::metadata::Image;
use crate::protocol::consumer_group::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedConsumer, ServerAssignor,
};
use crate::protocol::{ErrorCode, Response};
use crate::types::{GenerationId, GroupEpoch, PartitionId};

impl Desk<'_, '_> {
    pub(in crate::group) fn consumer_describe(
        &mut self,
        groups: &Groups,
        image: &Image,
        token: Token,
        request: ConsumerGroupDescribeRequest,
    ) {
        let default = self.settings.default_assignor();
        let group = groups.get(&request.group).and_then(Group::consumer);
        let response = if self.settings.serves_consumer_protocol {
            group.map_or_else(
                || not_described(ErrorCode::GroupIdNotFound),
                |group| group.describe(default, image),
            )
        } else {
            not_described(ErrorCode::UnsupportedVersion)
        };
        self.reply(token, Response::ConsumerGroupDescribe(response));
    }
}

impl ConsumerGroup {
    pub(in crate::group) fn describe(
        &self,
        default: ServerAssignor,
        image: &Image,
    ) -> ConsumerGroupDescribeResponse {
        // Kafka leaves out what it has no name for.
        let known = |partitions: &[PartitionId]| {
            let known = partitions.iter().filter(|&&p| image.partition(p).is_some());
            known.copied().collect()
        };
        let members = self.members.iter().map(|(&member, state)| DescribedConsumer {
            member,
            instance: state.said.instance.clone(),
            client: state.said.client,
            epoch: state.stands.epoch,
            topics: state.said.topics.clone(),
            pattern: state.said.pattern,
            assignment: known(&state.stands.assigned),
            target: known(&state.target),
            is_classic: state.said.classic.is_some(),
        });
        ConsumerGroupDescribeResponse {
            error: ErrorCode::None,
            state: self.state().name(),
            epoch: self.epoch,
            assignment_epoch: self.target_epoch,
            assignor: Self::preferred_assignor(self.members.values(), default),
            members: members.collect(),
        }
    }

    pub(in crate::group) fn view(&self) -> GroupView {
        GroupView {
            group: self.id,
            state: self.state().as_classic(),
            generation: GenerationId(self.epoch.0),
            members: self.members.iter().map(|(&id, m)| (id, m.stands.assigned.clone())).collect(),
            offsets: self.offsets.committed.iter().map(|(&p, c)| (p, c.record.offset)).collect(),
            pending: !self.offsets.pending.is_empty(),
        }
    }
}

/// The description of a group that is not there, or not of the new protocol.
pub(in crate::group) const fn not_described(error: ErrorCode) -> ConsumerGroupDescribeResponse {
    ConsumerGroupDescribeResponse {
        error,
        state: "Dead",
        epoch: GroupEpoch(0),
        assignment_epoch: GroupEpoch(0),
        assignor: ServerAssignor::Uniform,
        members: Vec::new(),
    }
}
