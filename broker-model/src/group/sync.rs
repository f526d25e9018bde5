//! `SyncGroup`, `Heartbeat` and `LeaveGroup`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::classic_group::{ClassicGroup, GroupState};
use super::desk::{Desk, Then, Timer, as_instance};
use super::groups::{Group, Groups, classic_group};
use super::join::NO_MEMBER;
use crate::io::Token;
use crate::metadata::Image;
use crate::note::Note;
use crate::protocol::ErrorCode;
use crate::protocol::group::{
    Assignment, HeartbeatRequest, LeaveGroupRequest, LeavingMember, SyncGroupRequest,
};
use crate::rules::{RebalanceCompletion, StoredAssignment};
use crate::types::{GenerationId, GroupId, MemberId};

/// A planted bug: the last member gets the first partition, whoever has it.
fn share(assignments: &mut BTreeMap<MemberId, Assignment>) {
    let first = assignments.values().find_map(|a| a.partitions().first().copied());
    if let (Some(first), Some(mut last)) = (first, assignments.last_entry()) {
        let mut owned = last.get().partitions().to_vec();
        owned.retain(|partition| *partition != first);
        owned.push(first);
        last.insert(Assignment::Partitions(owned));
    }
}

impl Desk<'_, '_> {
    pub(super) fn sync(&mut self, groups: &mut Groups, token: Token, request: SyncGroupRequest) {
        if is_of_new_protocol(groups, request.group) {
            return self.classic_sync(groups, token, &request);
        }
        let group = classic_group(groups, request.group);
        let instance = as_instance(request.instance.as_ref());
        let (group, error) = validate(group, request.member, instance, request.generation);
        let Some(group) = group else { return self.refuse_sync(token, error) };
        let id = request.member;
        if differs(request.protocol_type, group.protocol_type)
            || differs(request.protocol, group.protocol)
        {
            return self.refuse_sync(token, ErrorCode::InconsistentGroupProtocol);
        }
        match group.state {
            GroupState::Empty | GroupState::Dead => {
                self.refuse_sync(token, ErrorCode::UnknownMemberId);
            }
            GroupState::PreparingRebalance => {
                self.refuse_sync(token, ErrorCode::RebalanceInProgress);
            }
            GroupState::CompletingRebalance => self.sync_while_completing(group, token, request),
            GroupState::Stable => {
                group.pending_sync.remove(&id);
                let assignment = group.members[&id].assignment.clone();
                self.reply_sync(token, group, assignment);
            }
        }
    }

    fn sync_while_completing(
        &mut self,
        group: &mut ClassicGroup,
        token: Token,
        request: SyncGroupRequest,
    ) {
        let id = request.member;
        group.pending_sync.remove(&id);
        let member = group.members.get_mut(&id).expect("validated before");
        if let Some(earlier) = member.sync.replace(token) {
            self.refuse_sync(earlier, ErrorCode::RebalanceInProgress);
        }
        if !group.is_leader(id) {
            return;
        }
        let mut assignment: BTreeMap<MemberId, Assignment> =
            request.assignments.into_iter().collect();
        if self.cx.rules.stored_assignment == StoredAssignment::Shared {
            share(&mut assignment);
        }
        let record = group.record(&assignment);
        let (group, generation) = (group.id, group.generation);
        self.append(Vec::from([record]), None, Then::Assignment { group, generation, assignment });
    }

    /// The leader's assignment is in the log: the round ends.
    pub(super) fn assignment_stored(
        &mut self,
        group: &mut ClassicGroup,
        generation: GenerationId,
        mut assignment: BTreeMap<MemberId, Assignment>,
    ) {
        if group.state != GroupState::CompletingRebalance || group.generation != generation {
            return;
        }
        if self.cx.rules.rebalance_completion == RebalanceCompletion::Lose {
            return;
        }
        group.transition(GroupState::Stable, self.cx.now.wall);
        let mut waiting = Vec::new();
        for (&id, member) in &mut group.members {
            member.assignment = assignment.remove(&id).unwrap_or_default();
            if let Some(token) = member.sync.take() {
                waiting.push((id, token, member.assignment.clone()));
            }
        }
        for (id, token, assignment) in waiting {
            self.reply_sync(token, group, assignment);
            self.keep_alive(group, id);
        }
        self.cx.note(Note::GroupStable {
            node: self.node,
            group: group.id,
            generation,
            members: u32::try_from(group.members.len()).expect("fewer members than 2^32"),
        });
    }

    /// The leader's assignment could not be written: everyone joins again.
    pub(super) fn assignment_not_stored(
        &mut self,
        group: &mut ClassicGroup,
        generation: GenerationId,
        error: ErrorCode,
    ) {
        if group.state != GroupState::CompletingRebalance || group.generation != generation {
            return;
        }
        self.fail_waiting_syncs(group, error);
        self.prepare_rebalance(group);
    }

    /// Members that joined the round but did not sync in time are removed.
    pub(super) fn sync_time_over(&mut self, groups: &mut Groups, group: GroupId) {
        let Some(group) = classic_group(groups, group) else { return };
        let late = core::mem::take(&mut group.pending_sync);
        let completing =
            matches!(group.state, GroupState::CompletingRebalance | GroupState::Stable);
        if !completing || late.is_empty() {
            return;
        }
        for id in late {
            self.note_fenced(group.id, id);
            self.drop_member(group, id, ErrorCode::UnknownMemberId);
        }
        self.prepare_rebalance(group);
    }

    pub(super) fn heartbeat(
        &mut self,
        groups: &mut Groups,
        token: Token,
        request: &HeartbeatRequest,
    ) {
        if is_of_new_protocol(groups, request.group) {
            return self.classic_heartbeat(groups, token, request);
        }
        let group = classic_group(groups, request.group);
        let instance = as_instance(request.instance.as_ref());
        let (group, error) = validate(group, request.member, instance, request.generation);
        let Some(group) = group else { return self.reply_heartbeat(token, error) };
        let error = match group.state {
            GroupState::Empty | GroupState::Dead => {
                return self.reply_heartbeat(token, ErrorCode::UnknownMemberId);
            }
            GroupState::PreparingRebalance => ErrorCode::RebalanceInProgress,
            GroupState::CompletingRebalance | GroupState::Stable => ErrorCode::None,
        };
        self.keep_alive(group, request.member);
        self.follow_writes(groups, Then::Heartbeat { token, error });
    }

    pub(super) fn leave(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        token: Token,
        request: LeaveGroupRequest,
    ) {
        if is_of_new_protocol(groups, request.group) {
            return self.classic_leave(groups, image, token, request);
        }
        let Some(group) = classic_group(groups, request.group) else {
            let unknown = |member| (member, ErrorCode::UnknownMemberId);
            let members = request.members.into_iter().map(unknown).collect();
            return self.reply_leave(token, ErrorCode::None, members);
        };
        let answer = |member: LeavingMember| {
            let error = self.leave_one(group, &member);
            (member, error)
        };
        let members: Vec<_> = request.members.into_iter().map(answer).collect();
        let appended = self.log.position;
        if members.iter().any(|(_, error)| *error == ErrorCode::None) {
            self.after_removal(group);
        }
        let then = Then::Left { token, members };
        if self.log.position == appended {
            return self.follow_writes(groups, then);
        }
        // The last one left: the answer waits until the empty group is in the log.
        let last = *self.log.in_flight.last().expect("just appended");
        self.appends.open.get_mut(&last).expect("just appended").then = then;
        self.set_timer(Timer::Append(last), self.settings.offsets_commit_timeout);
    }

    fn leave_one(&mut self, group: &mut ClassicGroup, leaving: &LeavingMember) -> ErrorCode {
        let instance = as_instance(leaving.instance.as_ref());
        // An administrator names the instance only.
        let named = instance.filter(|_| leaving.member == NO_MEMBER);
        let id = named.and_then(|i| group.instances.get(i).copied()).unwrap_or(leaving.member);
        if !group.pending_join.contains(&id) {
            let error = group.validate_member(id, instance);
            if error != ErrorCode::None {
                return error;
            }
        }
        self.drop_member(group, id, ErrorCode::UnknownMemberId);
        ErrorCode::None
    }
}

fn is_of_new_protocol(groups: &Groups, group: GroupId) -> bool {
    groups.get(&group).and_then(Group::consumer).is_some()
}

/// Whether both sides name a protocol, or its type, and not the same.
fn differs<T: PartialEq>(named: Option<T>, own: Option<T>) -> bool {
    named.zip(own).is_some_and(|(named, own)| named != own)
}

/// The group if the member belongs to it in this generation, else the error.
fn validate<'a>(
    group: Option<&'a mut ClassicGroup>,
    member: MemberId,
    instance: Option<&str>,
    generation: GenerationId,
) -> (Option<&'a mut ClassicGroup>, ErrorCode) {
    let Some(group) = group else { return (None, ErrorCode::UnknownMemberId) };
    let error = group.validate_member(member, instance);
    if error != ErrorCode::None {
        return (None, error);
    }
    if group.generation != generation {
        return (None, ErrorCode::IllegalGeneration);
    }
    (Some(group), ErrorCode::None)
}
