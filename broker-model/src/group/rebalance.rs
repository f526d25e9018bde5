//! The join phase of a round: its beginning, its delays and its end.

use alloc::vec::Vec;

use super::classic_group::{ClassicGroup, GroupState};
use super::desk::{Desk, Then, Timer};
use super::groups::{Groups, classic_group};
use super::join::{NO_MEMBER, join_response};
use crate::note::Note;
use crate::protocol::group::Assignment;
use crate::protocol::{ErrorCode, Response};
use crate::types::{GroupId, MemberId};

impl Desk<'_, '_> {
    /// Begins a round where the state allows it; otherwise the running one may be complete.
    pub(super) fn prepare_or_complete(&mut self, group: &mut ClassicGroup) {
        match group.state {
            GroupState::Stable | GroupState::CompletingRebalance | GroupState::Empty => {
                self.prepare_rebalance(group);
            }
            GroupState::PreparingRebalance | GroupState::Dead => self.maybe_complete_join(group),
        }
    }

    /// Ends the join phase if everyone has joined; the initial delay is waited for.
    pub(super) fn maybe_complete_join(&mut self, group: &mut ClassicGroup) {
        if group.state == GroupState::PreparingRebalance
            && group.previous != GroupState::Empty
            && group.has_all_members_joined()
        {
            self.complete_join(group);
        }
    }

    pub(super) fn prepare_rebalance(&mut self, group: &mut ClassicGroup) {
        if group.state == GroupState::CompletingRebalance {
            self.fail_waiting_syncs(group, ErrorCode::RebalanceInProgress);
        }
        self.timers.cancel(Timer::Sync(self.partition, group.id));
        group.pending_sync.clear();
        let initial = group.state == GroupState::Empty;
        group.transition(GroupState::PreparingRebalance, self.cx.now.wall);
        self.cx.note(Note::RebalanceStarted { node: self.node, group: group.id });
        if initial {
            let delay = self.settings.initial_rebalance_delay;
            let remaining = group.rebalance_timeout().saturating_sub(delay);
            group.initial_delay = Some((delay, remaining));
            self.set_timer(Timer::Join(self.partition, group.id), delay);
        } else if group.has_all_members_joined() {
            self.complete_join(group);
        } else {
            let timeout = group.rebalance_timeout();
            self.set_timer(Timer::Join(self.partition, group.id), timeout);
        }
    }

    /// The initial delay or the rebalance timeout is over.
    pub(super) fn join_time_over(&mut self, groups: &mut Groups, group: GroupId) {
        let Some(group) = classic_group(groups, group) else { return };
        if group.state != GroupState::PreparingRebalance {
            return;
        }
        if let Some((delay, remaining)) = group.initial_delay
            && group.new_member_added
            && remaining > 0
        {
            group.new_member_added = false;
            let next = self.settings.initial_rebalance_delay.min(remaining);
            group.initial_delay = Some((next, remaining.saturating_sub(delay)));
            return self.set_timer(Timer::Join(self.partition, group.id), next);
        }
        self.complete_join(group);
    }

    fn complete_join(&mut self, group: &mut ClassicGroup) {
        self.timers.cancel(Timer::Join(self.partition, group.id));
        group.initial_delay = None;
        group.new_member_added = false;
        self.drop_silent_members(group);
        if !group.members.is_empty() && !group.elect_joined_leader() {
            // Only static members are left and none came: their sessions decide.
            let timeout = group.rebalance_timeout();
            return self.set_timer(Timer::Join(self.partition, group.id), timeout);
        }
        group.init_next_generation(self.cx.now.wall, self.cx.names);
        if group.state == GroupState::Empty {
            self.append(Vec::from([group.current_record()]), None, Then::Nothing);
            return;
        }
        let ids: Vec<MemberId> = group.members.keys().copied().collect();
        for id in ids {
            self.tell_generation(group, id);
        }
        let timeout = group.rebalance_timeout();
        self.set_timer(Timer::Sync(self.partition, group.id), timeout);
    }

    /// Dynamic members that did not join again are no members any more.
    fn drop_silent_members(&mut self, group: &mut ClassicGroup) {
        let silent: Vec<MemberId> = group
            .members
            .iter()
            .filter(|(_, m)| m.join.is_none() && m.instance.is_none())
            .map(|(&id, _)| id)
            .collect();
        for id in silent {
            self.drop_member(group, id, ErrorCode::UnknownMemberId);
            self.note_fenced(group.id, id);
        }
    }

    fn tell_generation(&mut self, group: &mut ClassicGroup, id: MemberId) {
        let response = join_response(group, id, group.is_leader(id));
        let member = group.members.get_mut(&id).expect("listed from the members");
        member.is_new = false;
        let token = member.join.take();
        group.pending_sync.insert(id);
        if let Some(token) = token {
            self.reply(token, Response::JoinGroup(response));
        }
        self.keep_alive(group, id);
    }

    /// A session is over, or an id that was given out did not come back in time.
    pub(super) fn session_expired(&mut self, groups: &mut Groups, group: GroupId, id: MemberId) {
        let Some(group) = classic_group(groups, group) else { return };
        if group.pending_join.remove(&id) {
            return self.maybe_complete_join(group);
        }
        let Some(member) = group.members.get(&id) else { return };
        if member.is_excused_from_heartbeats() {
            return;
        }
        self.note_fenced(group.id, id);
        self.drop_member(group, id, ErrorCode::UnknownMemberId);
        self.after_removal(group);
    }

    /// Members have gone: a round begins, or the running one may be complete now.
    pub(super) fn after_removal(&mut self, group: &mut ClassicGroup) {
        match group.state {
            GroupState::Stable | GroupState::CompletingRebalance => self.prepare_rebalance(group),
            GroupState::PreparingRebalance => self.maybe_complete_join(group),
            GroupState::Empty | GroupState::Dead => {}
        }
    }

    pub(super) fn note_fenced(&mut self, group: GroupId, member: MemberId) {
        self.cx.note(Note::MemberFenced { node: self.node, group, member });
    }

    /// Syncs that wait hear an error, and assignments are void.
    pub(super) fn fail_waiting_syncs(&mut self, group: &mut ClassicGroup, error: ErrorCode) {
        let mut waiting = Vec::new();
        for (&id, member) in &mut group.members {
            member.assignment = Assignment::default();
            if let Some(token) = member.sync.take() {
                waiting.push((id, token));
            }
        }
        for (id, token) in waiting {
            self.refuse_sync(token, error);
            self.keep_alive(group, id);
        }
    }

    /// A join that waits is refused; the member stays.
    pub(super) fn refuse_waiting_join(
        &mut self,
        group: &mut ClassicGroup,
        id: MemberId,
        error: ErrorCode,
    ) {
        let token = group.members.get_mut(&id).and_then(|m| m.join.take());
        if let Some(token) = token {
            self.refuse_join(token, error, NO_MEMBER);
        }
    }
}
