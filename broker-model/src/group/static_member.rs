//! Static members (KIP-345): a new process takes the place of an old one without a round.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::classic_group::{ClassicGroup, GroupState};
use super::desk::{Desk, StaticReturn, Then};
use super::join::{NO_MEMBER, join_response};
use crate::io::Token;
use crate::protocol::group::JoinGroupRequest;
use crate::protocol::{ErrorCode, Response};
use crate::types::MemberId;

impl Desk<'_, '_> {
    /// The instance `old` stood for joins as `new`.
    pub(super) fn static_member_returns(
        &mut self,
        group: &mut ClassicGroup,
        old: MemberId,
        new: MemberId,
        skips: bool,
        token: Token,
        request: &JoinGroupRequest,
    ) {
        let old_leader = group.leader.unwrap_or(NO_MEMBER);
        let (join, sync) = group.replace_static(old, new);
        let before = Box::new(group.members[&new].clone());
        if let Some(token) = join {
            self.refuse_join(token, ErrorCode::FencedInstanceId, old);
        }
        if let Some(token) = sync {
            self.refuse_sync(token, ErrorCode::FencedInstanceId);
        }
        self.note_fenced(group.id, old);
        self.cancel_session(group.id, old);
        self.store_member(group, new, token, request);
        self.keep_alive(group, new);
        match group.state {
            GroupState::Stable if group.select_protocol(self.cx.names) == group.protocol => {
                let record = group.current_record();
                let then = Then::StaticMember(StaticReturn {
                    group: group.id,
                    old,
                    new,
                    before,
                    old_leader,
                    skips,
                });
                self.append(Vec::from([record]), None, then);
            }
            // The old id may be on its way to the leader, so this generation cannot be used.
            GroupState::Stable | GroupState::CompletingRebalance => self.prepare_rebalance(group),
            GroupState::PreparingRebalance => self.maybe_complete_join(group),
            GroupState::Empty | GroupState::Dead => {
                self.refuse_waiting_join(group, new, ErrorCode::UnknownMemberId);
            }
        }
    }

    /// The new id is in the log: the member learns its place.
    pub(super) fn static_member_stored(&mut self, group: &mut ClassicGroup, r: &StaticReturn) {
        let Some(member) = group.members.get_mut(&r.new) else { return };
        let Some(token) = member.join.take() else { return };
        let leads = r.skips && group.is_leader(r.new);
        let mut response = join_response(group, r.new, leads);
        response.skip_assignment = leads;
        if !r.skips {
            response.leader = r.old_leader;
        }
        self.reply(token, Response::JoinGroup(response));
    }

    /// The record failed: the old id has its place again.
    pub(super) fn static_member_not_stored(
        &mut self,
        group: &mut ClassicGroup,
        r: StaticReturn,
        error: ErrorCode,
    ) {
        if !group.members.contains_key(&r.new) {
            return;
        }
        let (join, sync) = group.replace_static(r.new, r.old);
        *group.members.get_mut(&r.old).expect("just put back") = *r.before;
        self.cancel_session(group.id, r.new);
        self.keep_alive(group, r.old);
        if let Some(token) = join {
            self.refuse_join(token, error, NO_MEMBER);
        }
        if let Some(token) = sync {
            self.refuse_sync(token, error);
        }
    }
}
