//! Members leave, or are removed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::ConsumerGroup;
use super::target::Topics;
use crate::group::desk::{Desk, Then};
use crate::group::groups::{Group, Groups};
use crate::io::Token;
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::consumer_group::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use crate::records::{ConsumerAssignmentRecord, GroupRecord, Reconciliation};
use crate::types::{GroupEpoch, GroupId, MemberId};

impl Desk<'_, '_> {
    pub(super) fn consumer_leaves(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        token: Token,
        r: &ConsumerGroupHeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        let Some(Group::Consumer(group)) = groups.get(&r.group) else {
            return Err(ErrorCode::GroupIdNotFound);
        };
        if let Some(instance) = &r.instance {
            let holder = group.instances.get(instance).ok_or(ErrorCode::UnknownMemberId)?;
            if *holder != r.member {
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        let member = group.members.get(&r.member).ok_or(ErrorCode::UnknownMemberId)?;
        let response = ConsumerGroupHeartbeatResponse {
            error: ErrorCode::None,
            member: r.member,
            epoch: r.epoch,
            heartbeat_interval: 0,
            assignment: None,
        };
        if r.epoch == GroupEpoch::LEAVING {
            let then = Then::ConsumerHeartbeat { token, response };
            self.fence_consumers(groups, image, r.group, &[r.member], then);
            return Ok(());
        }
        // It keeps its place and what it has, until it comes back or its session is over.
        let stands = ConsumerAssignmentRecord {
            epoch: GroupEpoch::LEAVING_FOR_NOW,
            revoking: Vec::new(),
            ..member.stands.clone()
        };
        let value = Some(Box::new(stands));
        let record = GroupRecord::ConsumerAssignment { group: r.group, member: r.member, value };
        self.write_consumer(groups, Vec::from([record]), token, response);
        Ok(())
    }

    /// A member's session is over.
    pub(in crate::group) fn consumer_session_over(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        group: GroupId,
        member: MemberId,
    ) {
        let Some(Group::Consumer(state)) = groups.get(&group) else { return };
        if state.members.contains_key(&member) {
            self.fence_consumer(groups, image, group, member);
        }
    }

    /// A member has not given up in time what is not its own any more.
    pub(in crate::group) fn revocation_over(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        group: GroupId,
        member: MemberId,
    ) {
        let Some(Group::Consumer(state)) = groups.get(&group) else { return };
        let owes = state.members.get(&member).is_some_and(|m| {
            m.stands.state == Reconciliation::Unrevoked
                && m.stands.epoch != GroupEpoch::LEAVING_FOR_NOW
        });
        if owes {
            self.fence_consumer(groups, image, group, member);
        }
    }

    fn fence_consumer(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        group: GroupId,
        member: MemberId,
    ) {
        self.note_fenced(group, member);
        self.fence_consumers(groups, image, group, &[member], Then::Nothing);
    }

    /// Members go. Where only classic ones are left, the group becomes theirs.
    pub(super) fn fence_consumers(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        group: GroupId,
        gone: &[MemberId],
        then: Then,
    ) {
        let Some(Group::Consumer(state)) = groups.get(&group) else { return };
        if self.downgrades_without(state, gone) {
            return self.downgrade(groups, group, gone, then);
        }
        let records = self.removal(state, image, gone);
        for &member in gone {
            self.cancel_consumer_timers(group, member);
        }
        self.append_applied(groups, records, then);
    }

    /// The records by which members go: the group's epoch is raised, and the next heartbeat
    /// makes targets without them.
    fn removal(&self, group: &ConsumerGroup, image: &Image, gone: &[MemberId]) -> Vec<GroupRecord> {
        let mut records = Vec::new();
        for &member in gone {
            remove(&mut records, group.id, member);
        }
        group.forgotten_patterns(gone, &mut records);
        let roster = group.roster(gone, None);
        let hash = Topics::of(&roster, &group.patterns, image, self.cx.names).hash(image);
        let value = Some((group.epoch.next(), hash));
        records.push(GroupRecord::ConsumerEpoch { group: group.id, value });
        records
    }
}

/// Tombstones of a group without members.
pub(in crate::group) fn tombstones(group: GroupId) -> Vec<GroupRecord> {
    Vec::from([
        GroupRecord::ConsumerTargetEpoch { group, value: None },
        GroupRecord::ConsumerEpoch { group, value: None },
    ])
}

/// Tombstones of a member, in the order in which they can be replayed.
pub(super) fn remove(records: &mut Vec<GroupRecord>, group: GroupId, member: MemberId) {
    records.extend([
        GroupRecord::ConsumerAssignment { group, member, value: None },
        GroupRecord::ConsumerTarget { group, member, value: None },
        GroupRecord::ConsumerMember { group, member, value: None },
    ]);
}
