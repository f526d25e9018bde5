//! `JoinGroup`. Source: Kafka 4.1, `GroupMetadataManager.classicGroupJoinToClassicGroup`.

use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;

use super::classic_group::{ClassicGroup, GroupState, Member};
use super::consumer_group;
use super::desk::{Desk, Then, Timer, as_instance};
use super::groups::{Group, Groups};
use super::settings::NEW_MEMBER_JOIN_TIMEOUT;
use crate::io::Token;
use crate::metadata::Image;
use crate::protocol::group::{Assignment, JoinGroupRequest, JoinGroupResponse};
use crate::protocol::{ErrorCode, Header, Response};
use crate::types::MemberId;

/// From this version on a client must come back with the id it was given (KIP-394).
const REQUIRES_MEMBER_ID: i16 = 4;
/// From this version on a client knows `skip_assignment` (KIP-814).
const KNOWS_SKIP_ASSIGNMENT: i16 = 9;

/// No member yet.
pub(super) const NO_MEMBER: MemberId = MemberId(0);

impl Desk<'_, '_> {
    pub(super) fn join(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        token: Token,
        header: Header,
        request: &JoinGroupRequest,
    ) {
        if let Some(Group::Consumer(group)) = groups.get(&request.group) {
            if !group.members.is_empty() {
                return self.classic_join(groups, image, token, header, request);
            }
            // An empty group takes the protocol of the next that joins.
            let records = consumer_group::tombstones(request.group);
            self.append_applied(groups, records, Then::Nothing);
        }
        let group = match groups.entry(request.group) {
            Entry::Occupied(group) => {
                group.into_mut().classic_mut().expect("a group of consumers is gone by now")
            }
            Entry::Vacant(_) if request.member != NO_MEMBER => {
                return self.refuse_join(token, ErrorCode::UnknownMemberId, request.member);
            }
            Entry::Vacant(place) => {
                let group = ClassicGroup::new(request.group, self.cx.now.wall);
                self.append(Vec::from([group.current_record()]), None, Then::Nothing);
                place.insert(Group::Classic(group)).classic_mut().expect("just made")
            }
        };
        if !group.accepts(request.member, self.settings.max_size) {
            self.drop_member(group, request.member, ErrorCode::GroupMaxSizeReached);
            return self.refuse_join(token, ErrorCode::GroupMaxSizeReached, NO_MEMBER);
        }
        let kind = request.protocol_type;
        let kind = Some(kind).filter(|&k| !self.cx.names.protocol_type_name(k).is_empty());
        if !group.supports(kind, &request.protocols) {
            let error = ErrorCode::InconsistentGroupProtocol;
            return self.refuse_join(token, error, request.member);
        }
        if request.member == NO_MEMBER {
            self.join_new_member(group, token, header, request);
        } else {
            self.join_known_member(group, token, header, request);
        }
    }

    fn join_new_member(
        &mut self,
        group: &mut ClassicGroup,
        token: Token,
        header: Header,
        request: &JoinGroupRequest,
    ) {
        let id = self.new_member_id();
        if let Some(instance) = &request.instance {
            match group.instances.get(instance) {
                Some(&old) => {
                    let skips = header.api_version >= KNOWS_SKIP_ASSIGNMENT;
                    self.static_member_returns(group, old, id, skips, token, request);
                }
                None => self.add_member(group, id, token, header, request),
            }
        } else if header.api_version >= REQUIRES_MEMBER_ID {
            group.pending_join.insert(id);
            let timer = Timer::Member(self.partition, group.id, id);
            self.set_timer(timer, request.session_timeout);
            self.refuse_join(token, ErrorCode::MemberIdRequired, id);
        } else {
            self.add_member(group, id, token, header, request);
        }
    }

    fn join_known_member(
        &mut self,
        group: &mut ClassicGroup,
        token: Token,
        header: Header,
        request: &JoinGroupRequest,
    ) {
        let id = request.member;
        if group.pending_join.contains(&id) && request.instance.is_none() {
            return self.add_member(group, id, token, header, request);
        }
        let error = group.validate_member(id, as_instance(request.instance.as_ref()));
        if error != ErrorCode::None {
            return self.refuse_join(token, error, id);
        }
        let unchanged = group.members[&id].protocols == request.protocols;
        match group.state {
            GroupState::PreparingRebalance => self.update_member(group, token, request),
            // It missed the first answer: it hears the same again.
            GroupState::CompletingRebalance if unchanged => self.answer_join(group, id, token),
            GroupState::Stable if unchanged && !group.is_leader(id) => {
                self.answer_join(group, id, token);
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.update_member(group, token, request);
            }
            GroupState::Empty | GroupState::Dead => {
                self.refuse_join(token, ErrorCode::UnknownMemberId, id);
            }
        }
    }

    fn add_member(
        &mut self,
        group: &mut ClassicGroup,
        id: MemberId,
        token: Token,
        header: Header,
        request: &JoinGroupRequest,
    ) {
        // Whoever comes during the initial delay prolongs it.
        if group.state == GroupState::PreparingRebalance && group.previous == GroupState::Empty {
            group.new_member_added = true;
        }
        let member = Member {
            instance: request.instance.clone(),
            session_timeout: request.session_timeout,
            rebalance_timeout: request.rebalance_timeout,
            client: header.client,
            protocols: request.protocols.clone(),
            assignment: Assignment::default(),
            is_new: true,
            join: Some(token),
            sync: None,
        };
        if group.members.is_empty() {
            group.protocol_type = Some(request.protocol_type);
        }
        group.add(id, member);
        let timer = Timer::Member(self.partition, group.id, id);
        self.set_timer(timer, NEW_MEMBER_JOIN_TIMEOUT);
        self.prepare_or_complete(group);
    }

    fn update_member(
        &mut self,
        group: &mut ClassicGroup,
        token: Token,
        request: &JoinGroupRequest,
    ) {
        self.store_member(group, request.member, token, request);
        self.prepare_or_complete(group);
    }

    /// Takes over what a join says of a member; the join waits.
    pub(super) fn store_member(
        &mut self,
        group: &mut ClassicGroup,
        id: MemberId,
        token: Token,
        request: &JoinGroupRequest,
    ) {
        let member = group.members.get_mut(&id).expect("validated before");
        member.protocols.clone_from(&request.protocols);
        member.session_timeout = request.session_timeout;
        member.rebalance_timeout = request.rebalance_timeout;
        // Kafka forgets an earlier join of the same member; here nothing stays unanswered.
        if let Some(earlier) = member.join.replace(token) {
            self.refuse_join(earlier, ErrorCode::RebalanceInProgress, id);
        }
    }

    /// Tells a member the generation as it is.
    pub(super) fn answer_join(&mut self, group: &ClassicGroup, id: MemberId, token: Token) {
        let leads = group.is_leader(id) && group.state == GroupState::CompletingRebalance;
        let response = join_response(group, id, leads);
        self.reply(token, Response::JoinGroup(response));
    }

    /// Takes a member out, whatever it waits for, and answers that.
    pub(super) fn drop_member(&mut self, group: &mut ClassicGroup, id: MemberId, error: ErrorCode) {
        self.cancel_session(group.id, id);
        let Some(member) = group.remove(id) else { return };
        if let Some(token) = member.join {
            self.refuse_join(token, error, NO_MEMBER);
        }
        if let Some(token) = member.sync {
            self.refuse_sync(token, error);
        }
    }
}

/// The successful answer to a join; with `leads` it shows the members.
pub(super) fn join_response(group: &ClassicGroup, id: MemberId, leads: bool) -> JoinGroupResponse {
    JoinGroupResponse {
        error: ErrorCode::None,
        generation: group.generation,
        protocol_type: group.protocol_type,
        protocol: group.protocol,
        leader: group.leader.unwrap_or(NO_MEMBER),
        member: id,
        skip_assignment: false,
        members: if leads { group.members_for_leader() } else { Vec::new() },
    }
}
